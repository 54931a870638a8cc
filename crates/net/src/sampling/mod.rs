//! Peer sampling: a small, changing, random view of a network that nobody knows as a whole.
//!
//! A sampler is a [`Machine`]: it is told when a period has passed and what peers sent, and asks for messages to be
//! sent. Gossip partners are drawn from its view.
//!
//! | sampler | views | who may be there |
//! |---|---|---|
//! | [`cyclon`] | shuffled between neighbours | friends: one liar in a hundred takes nearly all views |
//! | [`peerswap`] | neighbours trade places in a graph that keeps its shape | friends |
//! | [`brahms`] | samples that no repetition can bias | strangers: a fifth of the names that lies gets about a fifth of the samples |

pub mod brahms;
pub mod cyclon;
pub mod peerswap;

use bitneuron_core::{Machine, NodeId, Wire};
use thiserror::Error;

/// What a sampler is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<M> {
    /// A period has passed.
    Tick,
    /// A peer sent a message; the transport vouches for its name.
    Message {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        message: M,
    },
    /// Peers learnt from elsewhere: a bootstrap list, an invitation.
    Introduce(Vec<NodeId>),
}

/// What a sampler asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<M> {
    /// Send a message to a peer. It may get lost.
    Send {
        /// To whom.
        to: NodeId,
        /// What it says.
        message: M,
    },
}

/// Why a sampler refused an input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// The message claims to come from the node itself.
    #[error("a message from this node itself")]
    FromSelf,
    /// More entries than a message may carry.
    #[error("{found} entries, at most {limit} allowed")]
    TooMany {
        /// Entries in the message.
        found: usize,
        /// Entries allowed.
        limit: usize,
    },
    /// One name twice in a message.
    #[error("{0} is named twice")]
    Repeated(NodeId),
    /// An answer that was not asked for, or that came too late.
    #[error("no shuffle with {0} is open")]
    Unsolicited(NodeId),
    /// Sizes that make no sampler.
    #[error("view {view} and shuffle {shuffle} do not fit")]
    Sizes {
        /// The size of the view.
        view: usize,
        /// The length of a shuffle.
        shuffle: usize,
    },
}

/// A peer sampler.
///
/// Laws, besides those of [`Machine`]:
/// 1. *No self*: the view never holds the node itself.
/// 2. *No twice*: the view holds nobody twice.
/// 3. *Bound*: the view holds at most `capacity` peers.
/// 4. *Connected*: in a benign network where each node starts with a few contacts, the graph of all views becomes
///    and stays connected.
/// 5. *Even*: there, in-degrees are spread no wider than twice those of a random graph, and everybody is known to
///    somebody.
pub trait Sampler:
    Machine<Input = Input<Self::Message>, Effect = Effect<Self::Message>, Error = SamplingError>
{
    /// What samplers of this kind say to each other.
    type Message: Wire + Clone;

    /// The peers in view.
    fn view(&self) -> Vec<NodeId>;

    /// The most peers that the view holds.
    fn capacity(&self) -> usize;
}
