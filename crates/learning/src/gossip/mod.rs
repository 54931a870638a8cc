//! Gossip learning as machines: Algorithm 1 ([`Peer`]), Algorithm 2 ([`User`]) and Algorithm 3 ([`Validator`]).
//!
//! A machine never waits: `wait(Δ_g)` is an effect answered by [`Wake`](peer::Input::Wake), and `select()`, the data
//! market and the sealing of data are effects whose answers come back as inputs. All three are generic over the model
//! `T` and the data `D`: what they need is a rule to merge, a rule to update and a [`ModelCodec`].
//!
//! [`Manner`] says how peers talk: push or pull, in which order they merge and learn, from each model or once a period
//! from a set, and with which [token account](Flow). [`parts`] sends models piece by piece, and [`Choco`], a machine of its own,
//! sends compressed differences to neighbours that all keep copies.
//!
//! What comes from others is never an error. A packet that cannot be decoded or merged is an [`Offence`], an effect
//! for the driver to act upon; the machine's state is then what it was. A woken machine always asks to be woken again.

pub mod choco;
pub mod codec;
mod inbox;
pub mod manner;
pub mod parts;
pub mod peer;
pub mod token;
pub mod user;
pub mod validator;

pub use choco::Choco;
pub use codec::{ModelCodec, ModelMessage, PacketCodec};
pub use manner::{Exchange, Gather, Manner, Order};
pub use peer::Peer;
pub use token::Flow;
pub use user::User;
pub use validator::Validator;

use crate::merge::MergeError;
use crate::update::UpdateError;
use bitneuron_compress::CompressError;
use thiserror::Error;

/// What somebody sent that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Offence {
    /// The packet does not decode to a model of this goal.
    #[error("packet: {0}")]
    Packet(#[source] CompressError),
    /// The value decodes but no rule may merge it.
    #[error("merge: {0}")]
    Merge(#[source] MergeError),
    /// With this model training fails, without it training works.
    #[error("update: {0}")]
    Update(#[source] UpdateError),
    /// Whoever sent it is no neighbour.
    #[error("from a stranger")]
    Stranger,
}

/// Why a machine refused an input (its state and outbox are then unchanged) or could not do its part of a round.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GossipError {
    /// The own model cannot be packed.
    #[error(transparent)]
    Codec(#[from] CompressError),
    /// The own rule failed, through no fault of a contributor.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The own model cannot be trained on the own data.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// An answer to a question that was not asked.
    #[error("nobody asked for this")]
    Unasked,
    /// The machine was given itself as somebody else.
    #[error("a node is not its own peer")]
    Oneself,
    /// No more contributions fit before the next turn.
    #[error("already {limit} contributions wait")]
    Full {
        /// The limit.
        limit: usize,
    },
}

/// The age that is believed: at most `lead` more than one's own, so that a boast buys a bounded share.
const fn believed(claimed: u64, own: u64, lead: u64) -> u64 {
    let most = own.saturating_add(lead);
    if claimed < most { claimed } else { most }
}
