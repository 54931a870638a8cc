//! `bitneuron ledger replay`: executes a ledger again from its genesis, looks at the votes for each block and compares every root.

use super::home::{HomeError, Wanted};
use super::tell::{Facts, people, programs};
use crate::devnet::Stopwatch;
use bitneuron_consensus::QuorumCheck;
use bitneuron_ledger::store::{Archive, Redb};
use serde_json::json;
use std::io::{self, Write};

/// A ledger to execute again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    /// Which one.
    pub wanted: Wanted,
    /// Answer in JSON.
    pub json: bool,
}

impl Recount {
    /// Executes and tells; whether that could be told, and whether the root is the one that is kept.
    ///
    /// # Errors
    /// There is no such ledger, it is damaged, a block was not decided by its voters or does not execute to the root that it states.
    pub fn run(&self, out: &mut dyn Write) -> Result<(io::Result<()>, bool), HomeError> {
        let path = self.wanted.file()?;
        let failed = |source| HomeError::Store { path: path.clone(), source };
        let scenario = self.wanted.scenario()?;
        let judge = scenario.judge().map_err(|_| HomeError::Network(path.clone()))?;
        let (archive, kept) = Redb::open(&path).and_then(Archive::load).map_err(failed)?;
        let begun = Stopwatch::start();
        let votes = QuorumCheck { chain: archive.genesis().chain() };
        let found = archive.replay_voted(&judge, &votes).map_err(failed)?;
        let seconds = begun.seconds();
        let same = found.root() == kept.root() && found.tip() == kept.tip();
        let facts: Facts = vec![
            ("chain", json!(found.chain().0.to_string())),
            ("blocks", json!(found.height().0)),
            ("kept root", json!(kept.root().to_string())),
            ("found root", json!(found.root().to_string())),
            ("same", json!(same)),
            ("seconds", json!((seconds * 1e3).round() / 1e3)),
        ];
        let told = if self.json { programs(facts, out) } else { people(&facts, out) };
        Ok((told, same))
    }
}
