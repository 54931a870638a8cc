//! One grammar of names, for experiment files and command lines: merge rules, updates, models, selections and attacks.
//!
//! ```text
//! TEXT    = PART ["+" PART]…
//! PART    = NAME [":" SETTING ["," SETTING]…]
//! SETTING = KEY "=" VALUE                      each key once; what is not said has its default
//! ```
//!
//! Blanks around any of these are forgiven. A comma joins parts as well where no setting follows it, so `low-loss,cap` is
//! `low-loss+cap`. How parts go together is up to what is named.

use crate::model::ModelError;
use std::fmt::{Display, Write as _};
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;
use thiserror::Error;

/// Why a text names nothing.
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
    /// A key that was set before.
    #[error("{name:?} has {key:?} twice")]
    Twice {
        /// The thing.
        name: String,
        /// The key.
        key: String,
    },
    /// A value that cannot be read, or is out of range.
    #[error("{name:?} cannot have {key}={value}: {expected} would do")]
    Value {
        /// The thing.
        name: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What would do.
        expected: String,
    },
    /// Two parts that exclude each other.
    #[error("{0:?} and {1:?} do not go together")]
    Together(String, String),
    /// A part that acts before another stands last.
    #[error("{name:?} acts before another, as in \"{name}+{example}\"")]
    Unfinished {
        /// The part.
        name: String,
        /// What could follow.
        example: &'static str,
    },
    /// A whole thing has something behind it.
    #[error("{name:?} is whole, and nothing follows it; before it may stand {known}")]
    Misplaced {
        /// The part.
        name: String,
        /// What may have something behind it.
        known: String,
    },
    /// It trains more than the model that was given, so it cannot be had without another model.
    #[error("{name:?} trains more than the model; {instead} gives both")]
    Larger {
        /// The name.
        name: String,
        /// Where it is to be had.
        instead: &'static str,
    },
    /// More text than names anything.
    #[error("a text of {0} bytes; at most {LONGEST} are read")]
    Long(usize),
    /// Sizes that make no model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// The longest text that is read, in bytes.
const LONGEST: usize = 1024;

/// Something that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// How it is written with its settings at their defaults; in capitals what has to be said.
    pub form: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
}

impl Named {
    /// A form and a line about it.
    pub const fn new(form: &'static str, about: &'static str) -> Self {
        Self { form, about }
    }

    /// The name alone.
    pub fn name(&self) -> &'static str {
        self.form.split([':', '+']).next().unwrap_or(self.form)
    }

    /// The keys of its settings.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let own = self.form.split('+').next().unwrap_or_default();
        let settings = own.split_once(':').map_or("", |(_, settings)| settings);
        settings.split(',').filter_map(|setting| setting.split_once('=')).map(|(key, _)| key)
    }
}

/// The names of all, as an error tells them.
pub fn list(all: impl IntoIterator<Item = Named>) -> String {
    let names: Vec<&str> = all.into_iter().map(|one| one.name()).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// One part of a text: a name with its settings.
///
/// ```
/// use bitneuron_learning::named::Call;
/// let parts = Call::parts("nnm:f=2 + krum")?;
/// assert_eq!(parts.len(), 2);
/// assert_eq!((parts[0].name(), parts[0].get("f", 0, 0..=9)?), ("nnm", 2));
/// assert_eq!(parts[1].get("f", 7, 0..=9)?, 7);
/// # Ok::<(), bitneuron_learning::named::NameError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call<'a> {
    name: &'a str,
    settings: Vec<(&'a str, &'a str)>,
}

impl<'a> Call<'a> {
    /// The parts of a text; at least one, and any may have an empty name, which nothing has.
    ///
    /// # Errors
    /// More than a kibibyte, or a key twice in one part.
    pub fn parts(text: &'a str) -> Result<Vec<Self>, NameError> {
        if text.len() > LONGEST {
            return Err(NameError::Long(text.len()));
        }
        let mut parts: Vec<Self> = Vec::new();
        for joined in text.split('+') {
            for (place, word) in joined.split(',').enumerate() {
                // `key=value` goes on; `name` and `name:key=value` begin anew.
                let head = word.split('=').next().unwrap_or_default();
                let begins = place == 0 || !word.contains('=') || head.contains(':');
                match parts.last_mut().filter(|_| !begins) {
                    Some(part) => part.set(word)?,
                    None => parts.push(Self::begin(word)?),
                }
            }
        }
        Ok(parts)
    }

    fn begin(word: &'a str) -> Result<Self, NameError> {
        let (name, setting) = word.split_once(':').unwrap_or((word, ""));
        let mut part = Self { name: name.trim(), settings: Vec::new() };
        if !setting.trim().is_empty() {
            part.set(setting)?;
        }
        Ok(part)
    }

    fn set(&mut self, setting: &'a str) -> Result<(), NameError> {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        let (key, value) = (key.trim(), value.trim());
        if self.text(key).is_some() {
            return Err(NameError::Twice { name: self.name.into(), key: key.into() });
        }
        self.settings.push((key, value));
        Ok(())
    }

    /// Its name, as it was written.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// What stands behind the colon where that is no setting but one word, as the sizes of a model; empty of nothing.
    pub fn word(&self) -> &'a str {
        match self.settings[..] {
            [(word, "")] => word,
            _ => "",
        }
    }

    /// Which of these it is; its settings are among those of its form.
    ///
    /// # Errors
    /// None of them, or a setting that it does not have; `what` says what was looked for.
    pub fn find(&self, what: &'static str, all: &[Named]) -> Result<Named, NameError> {
        let found = all.iter().find(|one| one.name() == self.name).ok_or_else(|| NameError::Unknown {
            what,
            name: self.name.into(),
            known: list(all.iter().copied()),
        })?;
        self.only(&found.keys().collect::<Vec<_>>())?;
        Ok(*found)
    }

    /// Refuses settings that are not among these.
    ///
    /// # Errors
    /// The first that is not.
    pub fn only(&self, known: &[&str]) -> Result<(), NameError> {
        match self.settings.iter().find(|(key, _)| !known.contains(key)) {
            Some((key, _)) => Err(NameError::Key {
                name: self.name.into(),
                key: (*key).into(),
                known: if known.is_empty() { "none".into() } else { known.join(", ") },
            }),
            None => Ok(()),
        }
    }

    /// The text of a setting.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.settings.iter().find(|(found, _)| *found == key).map(|(_, value)| *value)
    }

    /// A number within a range, or its default.
    ///
    /// # Errors
    /// No number, or none within the range.
    pub fn get<T>(&self, key: &str, default: T, within: impl RangeBounds<T>) -> Result<T, NameError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.text(key) else { return Ok(default) };
        let number = value.parse().ok().filter(|number| within.contains(number));
        number.ok_or_else(|| self.wrong(key, range(&within)))
    }

    /// A positive number that is finite, or its default.
    ///
    /// # Errors
    /// None such.
    pub fn positive(&self, key: &str, default: f64) -> Result<f64, NameError> {
        let read = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
        Ok(self.read(key, "a positive number", read)?.unwrap_or(default))
    }

    /// A setting as `read` reads it; nothing where it was not said.
    ///
    /// # Errors
    /// It was said and cannot be read; `expected` says what would do.
    pub fn read<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, NameError> {
        let Some(value) = self.text(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.wrong(key, expected))
    }

    /// That a setting cannot have the value that it was given.
    pub fn wrong(&self, key: &str, expected: impl Into<String>) -> NameError {
        NameError::Value {
            name: self.name.into(),
            key: key.into(),
            value: self.text(key).unwrap_or_default().into(),
            expected: expected.into(),
        }
    }
}

/// A range in words.
fn range<T: Display>(within: &impl RangeBounds<T>) -> String {
    let mut words = String::from("a number");
    let _ = match within.start_bound() {
        Bound::Included(least) => write!(words, " from {least}"),
        Bound::Excluded(least) => write!(words, " above {least}"),
        Bound::Unbounded => Ok(()),
    };
    let _ = match within.end_bound() {
        Bound::Included(most) => write!(words, " to {most}"),
        Bound::Excluded(most) => write!(words, " below {most}"),
        Bound::Unbounded => Ok(()),
    };
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(String, Vec<(String, String)>)> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let part = |part: Call<'_>| (part.name.to_owned(), part.settings.iter().map(own).collect());
        Call::parts(text).expect(text).into_iter().map(part).collect()
    }

    #[test]
    fn commas_join_settings_and_parts() {
        assert_eq!(shown("low-loss:keep=0.6,warm-up=2,cap"), shown(" low-loss : keep = 0.6,warm-up=2 + cap"));
        assert_eq!(shown("low-loss,cap:count=5,share=2"), shown("low-loss+cap:count=5,share=2"));
        assert_eq!(shown("a,b:c=1,d").len(), 3);
        // A word behind a colon is a setting without a value, wherever a comma may stand.
        assert_eq!(shown("mlp:64-10"), [("mlp".into(), vec![("64-10".into(), String::new())])]);
        assert_eq!(shown("").len(), 1);
        assert_eq!(shown("a+").len(), 2);
        assert_eq!(shown("a,").len(), 2);
    }

    #[test]
    fn what_is_said_twice_or_at_length_is_refused() {
        let twice = NameError::Twice { name: "a".into(), key: "b".into() };
        assert_eq!(Call::parts("a:b=1,b=2"), Err(twice));
        assert!(Call::parts("a:b=1+a:b=2").is_ok());
        assert_eq!(Call::parts(&"a".repeat(1025)), Err(NameError::Long(1025)));
    }

    #[test]
    fn errors_say_what_would_do() {
        let all = [Named::new("one:size=1,share=0.5", "first"), Named::new("two+ONE", "second")];
        assert_eq!(all[0].keys().collect::<Vec<_>>(), ["size", "share"]);
        let told = |text: &str| {
            let part = Call::parts(text)?.remove(0);
            part.find("thing", &all)?;
            Ok((part.get("size", 1, 1..=9)?, part.get("share", 0.5, 0.0..1.0)?, part.positive("way", 2.0)?))
        };
        assert_eq!(told("one:size=9,share=0"), Ok((9, 0.0, 2.0)));
        let told = |text: &str| told(text).map_err(|error: NameError| error.to_string()).expect_err(text);
        assert_eq!(told("three"), "there is no thing \"three\"; there are one, two");
        assert_eq!(told("one:shape=3"), "\"one\" has no setting \"shape\"; it has size, share");
        assert_eq!(told("two:size=3"), "\"two\" has no setting \"size\"; it has none");
        assert_eq!(told("one:size=10"), "\"one\" cannot have size=10: a number from 1 to 9 would do");
        assert_eq!(told("one:share=1"), "\"one\" cannot have share=1: a number from 0 below 1 would do");
        assert_eq!(told("one:share"), "\"one\" cannot have share=: a number from 0 below 1 would do");
    }
}
