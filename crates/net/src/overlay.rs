//! The overlay: what a node asks of the network around it.
//!
//! Gossip carries small messages only. Large data is announced by its [`BlobId`] and pulled, so that it crosses each
//! link once and is checked on arrival. The trait is asynchronous because it is input and output; protocols are
//! machines and never see it. It is object-safe: a node holds an `Arc<dyn Overlay>`.

use crate::Channel;
use async_trait::async_trait;
use bitneuron_core::{Digest, NodeId};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::{error::Error, sync::Arc};
use thiserror::Error;

/// What messages are published under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Topic(pub Digest);

impl Topic {
    /// The topic with this name.
    pub fn named(name: &str) -> Self {
        Self(Digest::of("bitneuron topic v1", name.as_bytes()))
    }
}

/// The name of a blob: the plain BLAKE3 hash of its bytes.
///
/// Plain, without a domain, because the tree inside BLAKE3 then verifies every piece as it arrives. BLAKE3 keeps
/// plain hashes apart from the keyed and derived ones that the rest of the network uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobId(pub Digest);

impl BlobId {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Digest(*blake3::hash(bytes).as_bytes()))
    }
}

/// A published message as a subscriber sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The peer that published it, as far as the overlay knows. Authors sign inside the body.
    pub from: NodeId,
    /// What it was published under.
    pub topic: Topic,
    /// The message.
    pub body: Arc<[u8]>,
    /// How many messages this subscription lost, since it was full, between the last delivery and this one.
    pub missed: u64,
}

/// The messages of one topic. Dropping it ends the subscription.
pub type Subscription = BoxStream<'static, Delivery>;

/// Why the overlay could not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OverlayError {
    /// No way to this peer.
    #[error("no way to {0}")]
    Unreachable(NodeId),
    /// The peer has no answer to this request.
    #[error("{0} does not answer that")]
    Unanswered(NodeId),
    /// No peer that was asked has the blob.
    #[error("nobody has blob {0:?}")]
    NotFound(BlobId),
    /// The bytes that came are not the blob.
    #[error("{0} sent other bytes than the blob asked for")]
    Forged(NodeId),
    /// The body is over the limit of its channel, or the blob over the limit given.
    #[error("{length} bytes, at most {limit} allowed")]
    TooLong {
        /// Bytes of the body or blob.
        length: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The channel has no quota.
    #[error("{0} has no quota")]
    UnknownChannel(Channel),
    /// A failure of a transport.
    #[error("transport: {0}")]
    Transport(Box<dyn Error + Send + Sync>),
}

impl From<crate::Refused> for OverlayError {
    fn from(refused: crate::Refused) -> Self {
        match refused {
            crate::Refused::TooLong { length, limit, .. } => {
                Self::TooLong { length: length as u64, limit: u64::from(limit) }
            }
            crate::Refused::UnknownChannel(channel) => Self::UnknownChannel(channel),
            other => Self::Transport(Box::new(other)),
        }
    }
}

/// A node's place in the network.
///
/// Laws:
/// 1. *Place*: `peers` is ascending, never names the node itself and names nobody twice.
/// 2. *Delivery*: with loss aside, what a node publishes reaches each live subscription of its peers to that topic
///    once, names the publisher, and reaches none of another topic. The publisher hears no echo.
/// 3. *Bound*: a subscription of capacity `n` holds at most `max(n, 1)` messages. When it is full the newest is
///    lost, and the next delivery says how many were.
/// 4. *Answer*: `request` brings the bytes that the named peer gave, or an error; an unknown peer is `Unreachable`.
/// 5. *Content*: `fetch_blob` returns bytes with that name, no longer than the limit, or an error; when all who answer
///    give other bytes, it is `Forged`.
/// 6. *Size*: a body over the limit of its channel is refused before it is sent.
#[async_trait]
pub trait Overlay: Send + Sync {
    /// This node's name.
    fn local_id(&self) -> NodeId;

    /// The peers at hand, ascending.
    async fn peers(&self) -> Vec<NodeId>;

    /// Sends `body` to all who subscribe to `topic`, under the limits of `channel`.
    ///
    /// # Errors
    /// The channel is unknown, the body too long, or the transport failed.
    async fn publish(&self, channel: Channel, topic: Topic, body: Arc<[u8]>) -> Result<(), OverlayError>;

    /// Opens a stream that holds at most `capacity` undelivered messages (at least 1).
    ///
    /// # Errors
    /// The transport failed.
    async fn subscribe(&self, topic: Topic, capacity: usize) -> Result<Subscription, OverlayError>;

    /// Asks one peer and waits for its answer.
    ///
    /// # Errors
    /// The request is refused by the limits, the peer is unreachable or has no answer.
    async fn request(&self, to: NodeId, channel: Channel, body: Vec<u8>) -> Result<Vec<u8>, OverlayError>;

    /// Pulls a blob of at most `limit` bytes from whoever has it.
    ///
    /// # Errors
    /// Nobody has it, it is too long, or what came is something else.
    async fn fetch_blob(&self, id: BlobId, limit: u64) -> Result<Arc<[u8]>, OverlayError>;
}

/// How a node answers others; given to an overlay when it is built.
pub trait Answer: Send + Sync {
    /// The answer to a request, if there is one.
    fn answer(&self, from: NodeId, channel: Channel, body: &[u8]) -> Option<Vec<u8>>;

    /// The bytes of a blob, if they are here.
    fn blob(&self, id: BlobId) -> Option<Arc<[u8]>>;
}

// Both must stay usable behind a pointer.
const _: fn(&dyn Overlay, &dyn Answer) = |_, _| ();
