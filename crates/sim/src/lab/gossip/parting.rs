//! How models are cut for sending, by name.

use crate::unread::Unread;
use bitneuron_core::{Layout, params::ParamsError};
use bitneuron_learning::gossip::parts::Parts;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What a message carries of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// One of so many fixed parts, each with its age.
    Partitioned(u16),
    /// One in so many of the parameters, at random.
    Sampled(u16),
}

impl Parting {
    pub(super) fn parts(self, layout: Arc<Layout>) -> Result<Parts, ParamsError> {
        match self {
            Self::Partitioned(count) => Parts::partitioned(layout, count),
            Self::Sampled(one_in) => Parts::sampled(layout, one_in),
        }
    }
}

impl FromStr for Parting {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let count = |text: &str| text.parse().ok().filter(|count| (1..=1000).contains(count));
        let parsed = match text.split_once(':') {
            Some(("partitioned", parts)) => count(parts).map(Self::Partitioned),
            Some(("sampled", one_in)) => count(one_in).map(Self::Sampled),
            _ => None,
        };
        let expected =
            "`partitioned:4` for one of 4 parts, or `sampled:4` for one in 4 parameters; 1 to 1000";
        parsed.ok_or_else(|| Unread { text: text.into(), expected })
    }
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partitioned(parts) => write!(f, "partitioned:{parts}"),
            Self::Sampled(one_in) => write!(f, "sampled:{one_in}"),
        }
    }
}
