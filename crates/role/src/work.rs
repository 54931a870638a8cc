//! Long work as data: a step never computes for long, it asks for a job and hears of its end.
//!
//! The node runs jobs on a pool; in the simulator virtual time passes for their gas, so training, proving and judging cost
//! time there too and never block votes. A job whose price is known beforehand may run there beside others.

use crate::model::Algorithm2;
use bitneuron_consensus::{Block, Certificate};
use bitneuron_core::claim::{self, Claim, Turn};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Bytes, Digest, NodeId};
use bitneuron_learning::Progress;
use bitneuron_ledger::{Action, Built, Content, Event, Refused, State};
use std::{fmt, sync::Arc, time::Duration};

/// Something to compute.
pub struct Job {
    label: &'static str,
    price: Option<u64>,
    run: Box<dyn FnOnce() -> Done + Send>,
}

/// The end of a job.
#[derive(Debug)]
pub struct Done {
    /// What it cost (1 gas = 10 ns).
    pub gas: u64,
    /// What came out.
    pub outcome: Outcome,
}

/// What came out of a job.
#[derive(Debug)]
pub enum Outcome {
    /// A block was judged.
    Judged {
        /// The block.
        block: Digest,
        /// The state after it, or why it does not execute.
        after: Result<Arc<Executed>, Box<Invalid>>,
        /// Whether its time had come when it was asked about.
        timely: bool,
    },
    /// A block was put together.
    Built {
        /// The round it is for.
        round: u32,
        /// The block with the state after it, and what was left out; `None` when no block can be built.
        built: Option<Box<Built>>,
    },
    /// A user has trained.
    Trained {
        /// Its machine, back from the job.
        algorithm: Box<Algorithm2>,
        /// The model, as it is sold; `None` when training failed.
        trained: Option<Box<Trained>>,
    },
    /// A turn was played: its public part with the scores still open, and the model after; `None` when it failed.
    Turned(Option<Box<(Turn, ExactParams)>>),
    /// A claim was proved; `None` when the prover refused.
    Proved {
        /// The claim.
        claim: Option<Box<Claim>>,
    },
    /// An answer to an audit or a move in a dispute is ready; `None` when the proof system has none.
    Defended(Option<Box<Action>>),
    /// Decisions were looked up for a peer that is behind.
    Recalled {
        /// Who asked.
        to: NodeId,
        /// What was found, from the first height asked for on.
        decisions: Vec<(Arc<Block>, Certificate)>,
    },
}

/// A block's effect on the ledger.
#[derive(Debug, Clone)]
pub struct Executed {
    /// The state after the block.
    pub state: Arc<State>,
    /// What happened in it.
    pub events: Vec<Event>,
}

/// A block that does not execute.
#[derive(Debug)]
pub struct Invalid {
    /// Why.
    pub why: Refused,
    /// The false claim in it, shown to be there, if that is why.
    pub content: Option<Content>,
}

impl Invalid {
    /// What is wrong with a block that was refused.
    pub(crate) fn new(block: &Block, why: Refused) -> Self {
        let place = match &why {
            Refused::Transaction { at, why } if is_fault(why) => Some(*at),
            _ => None,
        };
        let content = place.and_then(|at| Content::of(block, at));
        Self { why, content }
    }
}

/// Whether a claim was refused because it is false, not because its time or place was wrong.
pub(crate) const fn is_fault(why: &Refused) -> bool {
    use claim::Refused::{False, Malformed, Unrelated};
    matches!(why, Refused::Claim(False(_) | Malformed(_) | Unrelated(_)))
}

/// What a user has to sell.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The packet's bytes.
    pub packet: Bytes,
    /// The model that it is a difference from, if it is one.
    pub base: Option<ExactParams>,
    /// The packet's digest.
    pub digest: Digest,
    /// The integers that the packet decodes to.
    pub model: ExactParams,
    /// How many rows of the metric set they classify rightly.
    pub right: u32,
    /// What training did.
    pub progress: Progress,
    /// Who may buy it, as line 5 of Algorithm 2 chose.
    pub buyers: Vec<NodeId>,
}

impl Job {
    /// A job with a name for logs.
    pub fn new(label: &'static str, run: impl FnOnce() -> Done + Send + 'static) -> Self {
        Self { label, price: None, run: Box::new(run) }
    }

    /// A job that costs `gas`, whatever comes out.
    pub fn priced(label: &'static str, gas: u64, run: impl FnOnce() -> Outcome + Send + 'static) -> Self {
        Self { label, price: Some(gas), run: Box::new(move || Done { gas, outcome: run() }) }
    }

    /// What it costs, where that is known before it is run.
    pub const fn price(&self) -> Option<u64> {
        self.price
    }

    /// Its name.
    pub const fn label(&self) -> &'static str {
        self.label
    }

    /// Computes.
    pub fn run(self) -> Done {
        (self.run)()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({})", self.label)
    }
}

impl Done {
    /// The virtual time that the work takes.
    pub const fn span(&self) -> Duration {
        span(self.gas)
    }
}

/// The virtual time that so much gas takes.
pub const fn span(gas: u64) -> Duration {
    Duration::from_nanos(gas.saturating_mul(10))
}
