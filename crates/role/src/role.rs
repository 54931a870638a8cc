//! The alphabet of all roles: what a driver tells them and what they ask of it.
//!
//! A driver delivers messages by name, keeps timers, runs jobs and performs effects in their order. It must not ignore an
//! effect, so the enum is exhaustive.

use crate::work::{Job, Outcome};
use bitneuron_consensus::{Block, Certificate};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Bytes, Height, NodeId, Time};
use bitneuron_learning::Progress;
use bitneuron_ledger::{Event, Refused, State};
use bitneuron_net::Channel;
use std::{sync::Arc, time::Duration};

/// What happens to a role.
#[derive(Debug)]
pub enum Input {
    /// The world begins.
    Start,
    /// A message came.
    Received {
        /// From whom; the driver vouches for the name.
        from: NodeId,
        /// On which channel.
        channel: Channel,
        /// What it says.
        bytes: Arc<[u8]>,
    },
    /// A timer fired.
    Timer(u64),
    /// A job is done.
    Done(Box<Outcome>),
}

/// What a role asks for.
#[derive(Debug)]
pub enum Effect {
    /// Send to one node.
    Send {
        /// To whom.
        to: NodeId,
        /// On which channel.
        channel: Channel,
        /// What.
        bytes: Arc<[u8]>,
    },
    /// Call back after this span.
    Timer {
        /// The timer's name; setting it again replaces it.
        id: u64,
        /// The span.
        after: Duration,
    },
    /// Forget a timer.
    CancelTimer(u64),
    /// Compute; answered by [`Input::Done`].
    Work(Job),
    /// Make these bytes durable before any later effect leaves.
    Persist(Bytes),
    /// Something that an observer may want to know.
    Report(Report),
}

/// What observers hear; nothing of it changes the role.
#[derive(Debug, Clone)]
pub enum Report {
    /// A block was decided.
    Committed {
        /// The block.
        block: Arc<Block>,
        /// The votes that decided it.
        certificate: Certificate,
        /// What happened in it.
        events: Arc<[Event]>,
        /// The state after it.
        state: Arc<State>,
        /// When the height began here.
        began: Time,
    },
    /// A user trained on its own data.
    Trained {
        /// What training did.
        progress: Progress,
        /// How many metric rows the model it sells classifies rightly.
        right: u32,
        /// That model.
        model: ExactParams,
    },
    /// Bytes of model parameters were sent.
    ModelSent {
        /// Bytes on the wire.
        bytes: u64,
        /// Bytes of the same parameters as `f32`.
        dense: u64,
    },
    /// A claim was made and proved.
    Proved {
        /// The bytes of the proof.
        bytes: u64,
    },
    /// More than two thirds of the weight certified a block that does not execute here: this node stops, since nothing
    /// that it could do is right.
    Halted {
        /// The height of the block.
        height: Height,
        /// Why it does not execute.
        why: Arc<Refused>,
    },
    /// The role refused an input of its driver, which changed nothing.
    Refused {
        /// Why.
        why: String,
    },
    /// A node misbehaved.
    Offence {
        /// Who.
        by: NodeId,
        /// How.
        why: String,
    },
}
