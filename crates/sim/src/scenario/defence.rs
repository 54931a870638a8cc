//! What keeps a network safe, to be left out on purpose.

use crate::unread::Unread;
use std::fmt;
use std::str::FromStr;

/// What keeps a network safe from its adversaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defence {
    /// Validators check the proofs of claims.
    Proofs,
    /// Merging drops what is far and clamps what is left.
    Filter,
    /// Validators accuse who votes twice.
    Evidence,
    /// Buyers look at what is delivered before they confirm it.
    Delivery,
    /// Beacons audit turns whose proofs convince later.
    Audits,
}

impl FromStr for Defence {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        match text {
            "proofs" => Ok(Self::Proofs),
            "filter" => Ok(Self::Filter),
            "evidence" => Ok(Self::Evidence),
            "delivery" => Ok(Self::Delivery),
            "audits" => Ok(Self::Audits),
            _ => {
                let expected = "`proofs`, `filter`, `evidence`, `delivery` or `audits`";
                Err(Unread { text: text.into(), expected })
            }
        }
    }
}

impl fmt::Display for Defence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proofs => "proofs",
            Self::Filter => "filter",
            Self::Evidence => "evidence",
            Self::Delivery => "delivery",
            Self::Audits => "audits",
        })
    }
}
