//! A rehearsal: a whole network on real data, in virtual time, from one seed.
//!
//! [`Scenario`] says what to rehearse; [`Scenario::run`] plays it and tells an observer what it [sees](Sight).

pub use crate::model::Model;
pub use crate::rows::Rows;
pub use crate::unread::Unread;

use crate::report::Round;
use bitneuron_core::Height;
use bitneuron_ledger::{Genesis, store::Decided};
use bitneuron_role::ProofSystem;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What to rehearse. The default is the network's main job.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Validators, at least one.
    pub validators: u32,
    /// Users, at least one.
    pub users: u32,
    /// Rounds of four heights.
    pub rounds: u64,
    /// The seed of everything random.
    pub seed: u64,
    /// How the users' rows are spread.
    pub rows: Rows,
    /// What is learned.
    pub model: Model,
    /// How users compress what they sell.
    pub compressor: Codec,
    /// Who misbehaves.
    pub adversaries: Adversaries,
    /// How turns are proved.
    pub prover: ProofSystem,
    /// What proves a whole turn when it is audited, in place of openings; turns are then optimistic.
    pub escalate: Option<ProofSystem>,
    /// A defence to leave out, to see what it is for.
    pub without: Option<Defence>,
}

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

/// What an observer of a rehearsal sees, in order.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// A block was decided.
    Block(Height),
    /// A round ended.
    Round(&'a Round),
    /// A validator learned that a block was decided, and executed it.
    Kept {
        /// Which one.
        validator: usize,
        /// What the chain began with.
        genesis: &'a Genesis,
        /// The block, its votes and the state after it.
        decided: Decided<'a>,
    },
}

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

/// How many of each kind misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adversaries {
    /// Users that claim a better score than their model has.
    pub liars: u32,
    /// Users that deliver other bytes than they sold.
    pub swappers: u32,
    /// Users that sell a truthfully scored, sign-flipped model.
    pub flippers: u32,
    /// Validators that vote twice.
    pub equivocators: u32,
    /// Validators that never confirm what was delivered to them.
    pub silent: u32,
    /// Validators whose turns lead to another model than they should.
    pub forgers: u32,
    /// Validators that claim better scores than their turns have.
    pub boasters: u32,
    /// Validators that show proofs which others made.
    pub copycats: u32,
    /// Validators that answer no audit.
    pub truants: u32,
    /// Validators that show nobody the blocks they build.
    pub withholders: u32,
    /// Validators that are honest for half of the rounds and then vote twice.
    pub farmers: u32,
}

/// Why a rehearsal was refused or came to no end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// A setting that makes no network; the text says which and what would do.
    #[error("{0}")]
    Setting(String),
    /// A setting on the command line that cannot be read.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// A node stopped at a decided block that does not execute there.
    #[error("a node stopped at height {height}, whose decided block does not execute there: {why}")]
    Halted {
        /// The height.
        height: u64,
        /// Why it does not execute.
        why: String,
    },
    /// The network did not play all rounds in the virtual time it was given.
    #[error("height {reached} of {wanted} was reached; more than a third of the weight may be missing")]
    Stalled {
        /// The height reached.
        reached: u64,
        /// The height wanted.
        wanted: u64,
    },
}

impl Default for Adversaries {
    /// One of each kind.
    fn default() -> Self {
        Self { liars: 1, swappers: 1, flippers: 1, equivocators: 1, ..Self::NONE }
    }
}

impl Adversaries {
    /// Nobody misbehaves.
    pub const NONE: Self = Self {
        liars: 0,
        swappers: 0,
        flippers: 0,
        equivocators: 0,
        silent: 0,
        forgers: 0,
        boasters: 0,
        copycats: 0,
        truants: 0,
        withholders: 0,
        farmers: 0,
    };

    /// Their kinds as on the command line, with how many there are of each: users first.
    pub const fn counts(&self) -> [(&'static str, u32); 11] {
        [
            ("liar", self.liars),
            ("swapper", self.swappers),
            ("flipper", self.flippers),
            ("equivocator", self.equivocators),
            ("silent", self.silent),
            ("forger", self.forgers),
            ("boaster", self.boasters),
            ("copycat", self.copycats),
            ("truant", self.truants),
            ("withholder", self.withholders),
            ("farmer", self.farmers),
        ]
    }

    fn sum(counts: &[(&str, u32)]) -> u32 {
        counts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            validators: 7,
            users: 50,
            rounds: 60,
            seed: 1,
            rows: Rows::Iid,
            model: Model::Mlp,
            compressor: Codec::Uniform(8),
            adversaries: Adversaries::default(),
            prover: ProofSystem::Replay,
            escalate: None,
            without: None,
        }
    }
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

impl FromStr for Adversaries {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let expected = "`none`, `default`, or a list as `liar:1,swapper:1,flipper:3,equivocator,silent`";
        let refuse = || Unread { text: text.into(), expected };
        match text {
            "none" => return Ok(Self::NONE),
            "default" => return Ok(Self::default()),
            _ => {}
        }
        let mut adversaries = Self::NONE;
        for part in text.split(',') {
            // A kind without a count is one of it.
            let (kind, count) = part.split_once(':').unwrap_or((part, "1"));
            let place = match kind {
                "liar" => &mut adversaries.liars,
                "swapper" => &mut adversaries.swappers,
                "flipper" => &mut adversaries.flippers,
                "equivocator" => &mut adversaries.equivocators,
                "silent" => &mut adversaries.silent,
                "forger" => &mut adversaries.forgers,
                "boaster" => &mut adversaries.boasters,
                "copycat" => &mut adversaries.copycats,
                "truant" => &mut adversaries.truants,
                "withholder" => &mut adversaries.withholders,
                "farmer" => &mut adversaries.farmers,
                _ => return Err(refuse()),
            };
            *place = count.parse().map_err(|_| refuse())?;
        }
        Ok(adversaries)
    }
}

impl fmt::Display for Adversaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        // The first four always, so that a list is easily compared with the default; the others when there are some.
        for (at, (kind, count)) in self.counts().into_iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            if at < 4 || count > 0 {
                write!(f, "{comma}{kind}:{count}")?;
            }
        }
        Ok(())
    }
}

impl Scenario {
    /// Checks that the setting makes a network.
    ///
    /// # Errors
    /// What is wrong and what would do.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        let counts = self.adversaries.counts();
        let (users, validators) = counts.split_at(3);
        let refuse = |text: String| Err(ScenarioError::Setting(text));
        if !(1..=64).contains(&self.validators) {
            return refuse(format!("{} validators: 1 to 64 can play", self.validators));
        }
        if !(1..=200).contains(&self.users) {
            return refuse(format!("{} users: 1 to 200 can share the rows", self.users));
        }
        if !(1..=10_000).contains(&self.rounds) {
            return refuse(format!("{} rounds: 1 to 10,000 can be played", self.rounds));
        }
        for system in [Some(self.prover), self.escalate].into_iter().flatten() {
            if let Err(error) = system.built() {
                return refuse(error.to_string());
            }
        }
        if self.escalate.is_some() && self.prover != ProofSystem::Optimistic {
            return refuse("audits are of optimistic turns: escalate with prover `optimistic`".into());
        }
        if self.escalate == Some(ProofSystem::Optimistic) {
            return refuse(
                "what answers an audit convinces at once: escalate to `replay` or `sumcheck`".into(),
            );
        }
        if Adversaries::sum(users) > self.users {
            return refuse(format!("more misbehaving users than the {} there are", self.users));
        }
        if Adversaries::sum(validators) > self.validators {
            return refuse(format!("more misbehaving validators than the {} there are", self.validators));
        }
        Ok(())
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
