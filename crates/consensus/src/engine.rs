//! The shape of a consensus engine: a machine that decides one height after the other.
//!
//! For each height the driver sends [`Input::Begin`]. The engine asks for blocks to be built ([`Effect::Build`])
//! and judged ([`Effect::Judge`]); both take time and are answered by later inputs, while votes flow on. It ends
//! with [`Effect::Commit`]; the driver executes the block, takes as long as it likes (pacing), and begins the next
//! height with the electorate and parent that follow. Messages are opaque bytes, so engines can be swapped.

use crate::{Block, Certificate, Electorate, Evidence, Refused, SignedVote};
use bitneuron_core::{Bytes, Digest, Height, Machine, NodeId};
use std::{sync::Arc, time::Duration};

/// Names one running timer; never used twice by one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u64);

/// What the world tells the engine.
#[derive(Debug, Clone)]
pub enum Input {
    /// The node comes back after a crash. Told once, before the first [`Input::Begin`].
    Recover {
        /// What it persisted and was not told to forget, oldest first: [`Effect::Persist`].
        records: Vec<Bytes>,
    },
    /// Start deciding a height. Must be higher than the one before.
    Begin {
        /// The height.
        height: Height,
        /// Who votes on it.
        electorate: Arc<Electorate>,
        /// The id of the block below.
        parent: Digest,
    },
    /// A message arrived. `from` is authenticated by the link; who *signed* the contents is the engine's business.
    Message {
        /// The peer that delivered it.
        from: NodeId,
        /// The bytes, from anybody.
        bytes: Arc<[u8]>,
    },
    /// A timer ran out.
    Timer(TimerId),
    /// Answers [`Effect::Build`]. Late answers are ignored.
    Built {
        /// The height asked for.
        height: Height,
        /// The round asked for.
        round: u32,
        /// The block; its proposer is this node.
        block: Arc<Block>,
    },
    /// Answers [`Effect::Judge`]. Late answers are ignored.
    Judged {
        /// The block's id.
        block: Digest,
        /// Whether it may be decided.
        valid: bool,
    },
    /// A decided block from elsewhere (a store, a bulk download).
    Synced {
        /// The block of the open height.
        block: Arc<Block>,
        /// The certificate that decided it.
        certificate: Certificate,
    },
    /// Answers [`Effect::Recall`].
    Recalled {
        /// Who asked.
        to: NodeId,
        /// The decisions, from the first asked for on without a gap; none if it is not kept.
        decisions: Vec<(Arc<Block>, Certificate)>,
    },
}

/// What the engine asks of the world. Exhaustive: a driver must not ignore a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "accusations are rare, and effects live for one step")]
pub enum Effect {
    /// Send to every peer; one copy of the bytes serves all.
    Broadcast(Arc<[u8]>),
    /// Send to one peer.
    Send {
        /// The receiver.
        to: NodeId,
        /// The bytes.
        bytes: Arc<[u8]>,
    },
    /// Answer with [`Input::Timer`] after a span.
    Timer {
        /// The timer.
        id: TimerId,
        /// The span.
        after: Duration,
    },
    /// The timer is not needed any more; a late answer is ignored.
    CancelTimer(TimerId),
    /// Build a block on `parent`; answer with [`Input::Built`].
    Build {
        /// The height.
        height: Height,
        /// The round.
        round: u32,
        /// The id of the block below.
        parent: Digest,
    },
    /// Judge a block; answer with [`Input::Judged`]. Its form and place have been checked.
    Judge(Arc<Block>),
    /// The block is decided, for ever.
    Commit {
        /// The block.
        block: Arc<Block>,
        /// The precommits of more than two thirds of the weight.
        certificate: Certificate,
    },
    /// A peer that is behind asks for decisions that the engine holds no more: answer with [`Input::Recalled`].
    Recall {
        /// Who asks.
        to: NodeId,
        /// The first height.
        first: Height,
        /// How many at most. Fewer will do.
        most: usize,
    },
    /// A misdeed is proven: bring it before the ledger.
    Accuse(Evidence),
    /// An encoded [`crate::Record`]; durable before any later effect leaves ([`crate::wal`]).
    Persist(Bytes),
    /// A peer misbehaved in a way that its signature does not prove to others, or proposed an invalid block.
    Offence {
        /// The peer.
        by: NodeId,
        /// What it did.
        why: Refused,
    },
}

/// Decides one block per height among voters of whom less than a third of the weight is faulty.
///
/// Laws (tested by `suite::engine`): *agreement* (no two honest nodes commit different blocks at a height),
/// *certified* (every commit has more than two thirds of the weight), *validity* (a block judged invalid by honest
/// nodes is never committed), *liveness* (with honest nodes and bounded delays every height is decided), *no
/// slander* (evidence is never made against an honest node), *accountability* (an equivocator is accused),
/// *determinism* (equal inputs give equal effects), *totality* (no bytes make it panic), *memory* (an engine that is told what
/// it persisted before a crash, wherever the crash was, contradicts nothing that it said before).
pub trait ConsensusEngine: Machine<Input = Input, Effect = Effect, Error = Refused> + Send {
    /// The open height; 0 before the first [`Input::Begin`].
    fn height(&self) -> Height;

    /// The precommits for a decided block that it has heard, those that came after the decision among them, by author; none of
    /// heights that it has forgotten.
    fn precommits(&self, _height: Height, _block: Digest) -> Vec<SignedVote> {
        Vec::new()
    }
}

const _: Option<&dyn ConsensusEngine> = None;
