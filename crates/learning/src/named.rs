//! Things by their names, as experiments and command lines write them.
//!
//! ```text
//! name:key=value,key=value            what is not said has its default
//! name:…+name:…                       a rule with parts
//! ```

use crate::model::ModelError;
use std::str::FromStr;
use thiserror::Error;

/// Why a name was not understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is no such thing.
    #[error("there is no {what} {name:?}; there are {known}")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// What exists.
        known: String,
    },
    /// A key that means nothing here.
    #[error("{name:?} has no setting {key:?}; it has {known}")]
    Key {
        /// The thing.
        name: String,
        /// The key.
        key: String,
        /// The settings it has.
        known: String,
    },
    /// A value that is no number, or is out of range.
    #[error("{name:?} cannot have {key} = {value:?}")]
    Value {
        /// The thing.
        name: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Two parts that exclude each other.
    #[error("{0:?} and {1:?} do not go together")]
    Together(String, String),
    /// Sizes that make no model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// The longest text that is read.
const LONGEST: usize = 1024;

/// A name with its settings.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    settings: Vec<(&'a str, &'a str)>,
}

impl<'a> Call<'a> {
    /// The parts of a text, which are joined by `+`; at least one, which may have no name.
    pub(crate) fn parts(text: &'a str) -> impl Iterator<Item = Self> {
        // A text that is cut names nothing that exists.
        let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
        text.get(..end).unwrap_or_default().split('+').map(Self::part)
    }

    fn part(text: &'a str) -> Self {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let settings = settings.split(',').filter(|setting| !setting.trim().is_empty());
        let pair = |setting: &'a str| setting.split_once('=').unwrap_or((setting, ""));
        Self {
            name: name.trim(),
            settings: settings.map(pair).map(|(key, value)| (key.trim(), value.trim())).collect(),
        }
    }

    /// Refuses settings that are not among these.
    pub(crate) fn check(&self, known: &[&str]) -> Result<(), NameError> {
        match self.settings.iter().find(|(key, _)| !known.contains(key)) {
            Some((key, _)) => Err(NameError::Key {
                name: self.name.into(),
                key: (*key).into(),
                known: if known.is_empty() { "none".into() } else { known.join(", ") },
            }),
            None => Ok(()),
        }
    }

    /// A setting within a range, or its default.
    pub(crate) fn get<T>(
        &self,
        key: &str,
        default: T,
        within: impl std::ops::RangeBounds<T>,
    ) -> Result<T, NameError>
    where
        T: FromStr + PartialOrd,
    {
        let Some((_, value)) = self.settings.iter().rev().find(|(found, _)| *found == key) else {
            return Ok(default);
        };
        value.parse().ok().filter(|value| within.contains(value)).ok_or_else(|| NameError::Value {
            name: self.name.into(),
            key: key.into(),
            value: (*value).into(),
        })
    }

    /// That nothing has this name.
    pub(crate) fn unknown(&self, what: &'static str, known: &[(&str, &str)]) -> NameError {
        let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        NameError::Unknown { what, name: self.name.into(), known: known.join(", ") }
    }
}
