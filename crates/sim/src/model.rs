//! What a rehearsed network learns: the net of its goal.

use crate::unread::Unread;
use bitneuron_core::exact::ProgramError;
use bitneuron_core::exact::programs::{Linear, Mlp, Net, Train};
use std::fmt;
use std::str::FromStr;

/// The net that a rehearsed network learns the digits with: 64 pixels, a hidden layer, 10 classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Model {
    /// Whole matrices, 32 hidden units.
    #[default]
    Mlp,
    /// Matrices that are trains of two cores with this rank between them, [`Model::TTM_HIDDEN`] hidden units. They are trained,
    /// sent, merged, stepped, proved and scored as cores; nobody ever multiplies them out.
    TtmMlp(u8),
}

impl Model {
    /// The rank of `ttm-mlp` without a number.
    pub const RANK: u8 = 8;
    /// The largest rank.
    pub const MAX_RANK: u8 = 20;
    /// Hidden units of a factorised net.
    pub const TTM_HIDDEN: u32 = 64;

    /// The net.
    ///
    /// # Errors
    /// A rank of 0.
    pub fn net(self) -> Result<Net, ProgramError> {
        let train = |inputs: [u32; 2], outputs: [u32; 2], rank: u8| {
            Train::new(&inputs, &outputs, &[rank.into()]).map(Linear::Train)
        };
        match self {
            Self::Mlp => Ok(Mlp::new(&[64, 32, 10])?.into()),
            Self::TtmMlp(rank) => Net::new(vec![train([8, 8], [8, 8], rank)?, train([8, 8], [2, 5], rank)?]),
        }
    }
}

impl FromStr for Model {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let parsed = match text.split_once(':') {
            None if text == "mlp" => Some(Self::Mlp),
            None if text == "ttm-mlp" => Some(Self::TtmMlp(Self::RANK)),
            Some(("ttm-mlp", rank)) => {
                rank.parse().ok().filter(|rank| (1..=Self::MAX_RANK).contains(rank)).map(Self::TtmMlp)
            }
            _ => None,
        };
        parsed.ok_or(Unread {
            text: text.into(),
            expected: "`mlp`, `ttm-mlp` or `ttm-mlp:RANK` with a rank of 1 to 20",
        })
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mlp => f.write_str("mlp"),
            Self::TtmMlp(rank) => write!(f, "ttm-mlp:{rank}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_a_net_of_digits_and_reads_as_it_is_written() {
        for model in [Model::Mlp, Model::TtmMlp(1), Model::TtmMlp(8), Model::TtmMlp(Model::MAX_RANK)] {
            let net = model.net().expect("sizes");
            assert_eq!((net.features(), net.outputs()), (64, 10));
            assert_eq!(model.to_string().parse(), Ok(model));
        }
        assert_eq!("ttm-mlp".parse(), Ok(Model::TtmMlp(Model::RANK)));
        for wrong in ["", "mlp:1", "ttm", "ttm-mlp:0", "ttm-mlp:21", "ttm-mlp:a", "ttm-mlp:"] {
            assert!(wrong.parse::<Model>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn factors_are_fewer_than_what_they_stand_for() {
        let net = Model::TtmMlp(4).net().expect("sizes");
        assert_eq!((net.parameters(), net.dense_parameters()), (2 * 64 * 4 + 64 + 4 * (16 + 40) + 10, 4_810));
        assert_eq!(net.to_string(), "64~64~10");
    }
}
