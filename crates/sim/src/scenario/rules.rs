//! Rules of learning by name: how validators merge, and which rows users learn from.

use bitneuron_core::exact::programs::{filter::Filter, merge::MergeRule};
use bitneuron_learning::exact;
use bitneuron_learning::named::NameError;
use bitneuron_learning::select::{self, Select};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How validators merge: a rule with a program, as only such can be voted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule(pub MergeRule);

impl Default for Rule {
    /// The filter, wider than its own default of two: see the record of decisions, number 2.
    fn default() -> Self {
        Self(MergeRule::Filtered(Filter { ratio: 5, ..Filter::default() }))
    }
}

impl FromStr for Rule {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        exact::named(text).map(Self)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&exact::display(self.0))
    }
}

/// Which of their rows users learn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice(String);

impl Choice {
    /// The rules.
    ///
    /// # Errors
    /// None that reading the text has not found.
    pub fn select(&self) -> Result<Arc<dyn Select>, NameError> {
        select::named(&self.0)
    }
}

impl FromStr for Choice {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        select::named(text).map(|_| Self(text.into()))
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_as_they_are_written() {
        for text in ["median", "trimmed:f=0.2", "clipgossip:f=0.25", "filtered:radius=5,clamp=0.1001"] {
            assert_eq!(text.parse::<Rule>().map(|rule| rule.to_string()), Ok(text.to_owned()));
        }
        let default = Rule::default();
        assert_eq!(default.to_string().parse(), Ok(default));
        for wrong in [
            "",
            "krum",
            "median:f=0.1",
            "trimmed:f=0.5",
            "filtered:radius=0",
            "nnm+median",
            "filtered:clamp=16",
        ] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong:?}");
        }
        assert!("low-loss:keep=0.6".parse::<Choice>().is_ok());
        assert!("best".parse::<Choice>().is_err());
    }
}
