//! `bitneuron ledger events`: what happened, by account, height and kind.

use super::home::{HomeError, Wanted};
use super::tell::{Facts, logged, people, programs};
use bitneuron_ledger::store::{Archive, Filter, Redb};
use serde_json::{Value, json};
use std::io::{self, Write};

/// A look into what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// In which ledger.
    pub wanted: Wanted,
    /// Which events.
    pub filter: Filter,
    /// How many of them, the last ones.
    pub most: usize,
    /// Answer in JSON.
    pub json: bool,
}

impl History {
    /// Looks, and tells; whether that could be told.
    ///
    /// # Errors
    /// There is no such ledger, or it is damaged.
    pub fn run(&self, out: &mut dyn Write) -> Result<io::Result<()>, HomeError> {
        let path = self.wanted.file()?;
        let failed = |source| HomeError::Store { path: path.clone(), source };
        let (archive, state) = Redb::open(&path).and_then(Archive::load).map_err(failed)?;
        let events = archive.events(&self.filter, self.most).map_err(failed)?;
        let facts: Facts = vec![
            ("chain", json!(state.chain().0.to_string())),
            ("height", json!(state.height().0)),
            ("events", Value::Array(events.iter().map(logged).collect())),
        ];
        Ok(if self.json { programs(facts, out) } else { people(&facts, out) })
    }
}
