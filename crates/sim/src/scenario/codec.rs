//! How users compress what they sell.

use crate::unread::Unread;
use std::fmt;
use std::str::FromStr;

/// How users compress what they sell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codec {
    /// 32 bits for each parameter.
    Dense,
    /// Uniform steps with so many bits, 1 to 8.
    Uniform(u8),
    /// Tensor trains with factors of 8 bits, to a relative error in thousandths.
    TensorTrain(u16),
    /// Trains of matrices with factors of 8 bits, to a relative error in thousandths.
    MatrixTrain(u16),
    /// One step and an entropy coder, to a relative error in thousandths.
    EntropyCoded(u16),
    /// For each tensor whatever is smallest at a relative error in thousandths.
    Auto(u16),
    /// The signs of one value in so many, and their mean magnitude: sparse ternary compression, of differences only.
    Ternary(u16),
    /// What training changed in the head that was lent, in such a codec; what that leaves out comes later.
    Difference(Box<Self>),
}

impl FromStr for Codec {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let change = match (text.strip_prefix("delta+"), text.strip_prefix("stc:")) {
            (Some(codec), _) => Some(Self::of_models(codec)),
            (_, Some(one_in)) => {
                let one_in = one_in.parse().ok().filter(|count| (2..=1000).contains(count));
                Some(one_in.map(Self::Ternary))
            }
            (None, None) => None,
        };
        let parsed = match change {
            Some(change) => change.map(|codec| Self::Difference(Box::new(codec))),
            None => Self::of_models(text),
        };
        parsed.ok_or(Unread {
            text: text.into(),
            expected: "`dense`, `uniform:BITS` with 1 to 8 bits, `tt:ERROR`, `ttm:ERROR`, `ecsq:ERROR` or `auto:ERROR` with an \
                       error of 1 to 500 thousandths, any of these as `delta+CODEC`, or `stc:COUNT` with 2 to 1000",
        })
    }
}

impl Codec {
    /// A codec that whole models bear.
    fn of_models(text: &str) -> Option<Self> {
        let Some((kind, setting)) = text.split_once(':') else {
            return (text == "dense").then_some(Self::Dense);
        };
        let setting: u16 = setting.parse().ok()?;
        let made: fn(u16) -> Self = match kind {
            "uniform" => {
                let bits = u8::try_from(setting).ok().filter(|bits| (1..=8).contains(bits))?;
                return Some(Self::Uniform(bits));
            }
            "tt" => Self::TensorTrain,
            "ttm" => Self::MatrixTrain,
            "ecsq" => Self::EntropyCoded,
            "auto" => Self::Auto,
            _ => return None,
        };
        (1..=500).contains(&setting).then(|| made(setting))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dense => f.write_str("dense"),
            Self::Uniform(bits) => write!(f, "uniform:{bits}"),
            Self::TensorTrain(error) => write!(f, "tt:{error}"),
            Self::MatrixTrain(error) => write!(f, "ttm:{error}"),
            Self::EntropyCoded(error) => write!(f, "ecsq:{error}"),
            Self::Auto(error) => write!(f, "auto:{error}"),
            Self::Ternary(one_in) => write!(f, "ternary:{one_in}"),
            Self::Difference(codec) => match codec.as_ref() {
                Self::Ternary(one_in) => write!(f, "stc:{one_in}"),
                codec => write!(f, "delta+{codec}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_read_as_they_are_written() {
        let written = [
            "dense",
            "uniform:3",
            "tt:20",
            "ttm:500",
            "ecsq:1",
            "auto:50",
            "delta+dense",
            "delta+ecsq:300",
            "delta+tt:200",
            "stc:100",
        ];
        for text in written {
            assert_eq!(text.parse::<Codec>().map(|codec| codec.to_string()), Ok(text.to_owned()));
        }
        for wrong in [
            "",
            "delta",
            "delta+",
            "delta+stc:5",
            "delta+delta+dense",
            "stc",
            "stc:1",
            "stc:1001",
            "stc:x",
            "dense:1",
            "uniform:9",
            "tt:0",
            "ttm:501",
            "ternary:20",
            "ecsq",
            "auto:",
        ] {
            assert!(wrong.parse::<Codec>().is_err(), "{wrong:?}");
        }
    }
}
