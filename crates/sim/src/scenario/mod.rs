//! A rehearsal: a whole network on real data, in virtual time, from one seed.
//!
//! [`Scenario`] says what to rehearse; [`Scenario::run`] plays it and tells an observer what it [sees](Sight).

mod adversaries;
mod assault;
mod codec;
mod defence;
mod rules;

pub use crate::model::Model;
pub use crate::rows::Rows;
pub use crate::unread::Unread;
pub use adversaries::Adversaries;
pub use assault::Assault;
pub use codec::Codec;
pub use defence::Defence;
pub use rules::{Choice, Rule};

use crate::report::Round;
use bitneuron_core::Height;
use bitneuron_learning::named::NameError;
use bitneuron_ledger::{Genesis, store::Decided};
use bitneuron_role::ProofSystem;
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
    /// How validators merge.
    pub merge: Rule,
    /// Who misbehaves.
    pub adversaries: Adversaries,
    /// Which users attack what is learned, and how.
    pub attack: Option<Assault>,
    /// Which of their rows users learn from; all, without a choice.
    pub select: Option<Choice>,
    /// Whether what was learned is served behind healing blocks at the end, to see what they are worth.
    pub heal: bool,
    /// How turns are proved.
    pub prover: ProofSystem,
    /// What proves a whole turn when it is audited, in place of openings; turns are then optimistic.
    pub escalate: Option<ProofSystem>,
    /// A defence to leave out, to see what it is for.
    pub without: Option<Defence>,
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
    /// A name that nothing has.
    #[error(transparent)]
    Named(#[from] NameError),
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
            merge: Rule::default(),
            adversaries: Adversaries::default(),
            attack: None,
            select: None,
            heal: false,
            prover: ProofSystem::Replay,
            escalate: None,
            without: None,
        }
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
        let colluding = self.attack.as_ref().map_or(0, |attack| attack.among(self.users));
        if Adversaries::sum(users).saturating_add(colluding) > self.users {
            return refuse(format!("more misbehaving users than the {} there are", self.users));
        }
        if self.attack.is_some() && colluding == 0 {
            return refuse(format!("so small a share of {} users is nobody", self.users));
        }
        if Adversaries::sum(validators) > self.validators {
            return refuse(format!("more misbehaving validators than the {} there are", self.validators));
        }
        Ok(())
    }
}
