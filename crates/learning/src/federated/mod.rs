//! Federated averaging (McMahan, Moore, Ramage, Hampson, Agüera y Arcas, *Communication-efficient learning of deep networks from
//! decentralized data*, 2017, algorithm 1): what gossip is measured against where there may be a server.
//!
//! ```text
//! server, once in a period   w ← Σ n_k·w_k / Σ n_k over what came back,   then send w to some of the clients
//! client, when w arrives     w_k ← update(w, D_k),   send w_k and n_k = |D_k| back
//! ```
//!
//! Both are machines, so that they meet the same links, losses and codecs as gossip does. The mean may be any [`Merge`](crate::Merge); the own
//! value of the server is what it sent out, with no weight. An answer to an older round is not used.
//!
//! Clients may send the change `w_k − w` instead of `w_k`, through an encoder that remembers what a coarse codec left out
//! ([`bitneuron_compress::ErrorFeedback`]), as sparse ternary compression does (Sattler et al. 2019).

mod client;
mod server;
mod uplink;

pub use client::{Client, ClientStart};
pub use server::{Server, ServerStart};
pub use uplink::{Changes, Models, Uplink};

use crate::gossip::{GossipError, Offence};
use crate::update::Progress;
use bitneuron_compress::Packet;
use bitneuron_core::NodeId;
use std::time::Duration;

/// What travels, either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The round that it belongs to, from 1.
    pub round: u64,
    /// How many rows were learned from; 0 from the server.
    pub rows: u64,
    /// The model, or what changed in it.
    pub packet: Packet,
}

/// What happens to a server or a client.
#[derive(Debug, Clone)]
pub enum Input {
    /// The wait of a server is over.
    Wake,
    /// The clients of this round, in answer to [`Effect::Select`].
    Selected(Vec<NodeId>),
    /// A message arrives.
    Received {
        /// Whose it is.
        from: NodeId,
        /// The message.
        message: Message,
    },
}

/// What a server or a client wants done.
#[derive(Debug)]
pub enum Effect {
    /// Choose clients; answered by [`Input::Selected`].
    Select,
    /// Deliver a message.
    Send {
        /// To whom.
        to: NodeId,
        /// The message.
        message: Message,
    },
    /// Send [`Input::Wake`] after this span.
    Wait(Duration),
    /// A client has trained.
    Learned(Progress),
    /// So many answers became the model of a new round.
    Averaged(usize),
    /// Somebody sent what cannot be used.
    Offence {
        /// Who.
        by: NodeId,
        /// What.
        why: Offence,
    },
    /// The answers of a round were thrown away.
    Discarded(GossipError),
}
