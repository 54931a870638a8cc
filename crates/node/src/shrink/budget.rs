//! What a compressed model may cost, on the command line.

use bitneuron_compress::auto::Budget;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A budget that may depend on the number of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The fewest bytes at this relative error of each tensor.
    Error(f64),
    /// The least error in so many bytes.
    Bytes(usize),
    /// The least error in so many bits for each value.
    Bits(f64),
}

/// Why a budget cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a budget is `error:0.05`, `bytes:1000000` or `bits:4`: {0}")]
pub struct GoalError(&'static str);

impl Goal {
    /// The budget of a model of so many values.
    pub fn of(self, values: usize) -> Budget {
        match self {
            Self::Error(error) => Budget::Error(error),
            Self::Bytes(bytes) => Budget::Bytes(bytes),
            // A packet is at most some gigabytes.
            Self::Bits(bits) => Budget::Bytes((bits * values as f64 / 8.0) as usize),
        }
    }
}

impl FromStr for Goal {
    type Err = GoalError;

    fn from_str(text: &str) -> Result<Self, GoalError> {
        let (kind, number) = text.split_once(':').ok_or(GoalError("there is no colon"))?;
        let real = |least: f64, most: f64, why| {
            let value = number.parse::<f64>().ok().filter(|value| *value > least && *value <= most);
            value.ok_or(GoalError(why))
        };
        match kind {
            "error" => real(0.0, 1.0, "an error is above 0 and at most 1").map(Self::Error),
            "bits" => real(0.0, 64.0, "bits for each value are above 0 and at most 64").map(Self::Bits),
            "bytes" => number.parse().map(Self::Bytes).map_err(|_| GoalError("bytes are a whole number")),
            _ => Err(GoalError("there is no other kind")),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "error:{error}"),
            Self::Bytes(bytes) => write!(f, "bytes:{bytes}"),
            Self::Bits(bits) => write!(f, "bits:{bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_and_written() {
        for text in ["error:0.05", "bytes:1000000", "bits:4", "bits:2.5", "error:1"] {
            assert_eq!(text.parse::<Goal>().expect(text).to_string(), text);
        }
        for text in [
            "",
            "4",
            "bits:",
            "bits:0",
            "bits:65",
            "error:0",
            "error:1.1",
            "error:nan",
            "bytes:-1",
            "weight:3",
        ] {
            assert!(text.parse::<Goal>().is_err(), "{text}");
        }
        assert_eq!(Goal::Bits(4.0).of(1_000), Budget::Bytes(500));
    }
}
