//! An overlay inside one process: every node that joined the same [`Hub`] is a peer of every other.
//!
//! It loses nothing but what a full subscription cannot hold, and delivers in the order of publishing. It serves
//! tests of code above the overlay; the simulator does not use it, since it has no notion of time.

use crate::{Answer, BlobId, Channel, Delivery, Limits, Overlay, OverlayError, Subscription, Topic};
use async_trait::async_trait;
use bitneuron_core::NodeId;
use futures::{
    StreamExt,
    channel::mpsc::{Sender, channel},
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The place where nodes meet. Clones are the same place.
#[derive(Clone)]
pub struct Hub {
    limits: Arc<Limits>,
    seats: Arc<Mutex<BTreeMap<NodeId, Seat>>>,
}

struct Seat {
    answer: Arc<dyn Answer>,
    listeners: Vec<Listener>,
}

struct Listener {
    topic: Topic,
    queue: Sender<Delivery>,
    missed: u64,
}

impl Hub {
    /// An empty hub with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits: Arc::new(limits), seats: Arc::default() }
    }

    /// Takes a seat as `id`; a second seat of the same name takes the place of the first.
    #[must_use]
    pub fn join(&self, id: NodeId, answer: Arc<dyn Answer>) -> Memory {
        self.seats().insert(id, Seat { answer, listeners: Vec::new() });
        Memory { id, hub: self.clone() }
    }

    /// Gives up the seat of `id`; its subscriptions end.
    pub fn leave(&self, id: &NodeId) {
        self.seats().remove(id);
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<NodeId, Seat>> {
        // The map is whole between statements, so a panic elsewhere does not spoil it.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("nodes", &self.seats().len()).finish()
    }
}

/// One node's seat at a [`Hub`].
#[derive(Debug, Clone)]
pub struct Memory {
    id: NodeId,
    hub: Hub,
}

#[async_trait]
impl Overlay for Memory {
    fn local_id(&self) -> NodeId {
        self.id
    }

    async fn peers(&self) -> Vec<NodeId> {
        self.hub.seats().keys().copied().filter(|&id| id != self.id).collect()
    }

    async fn publish(&self, channel: Channel, topic: Topic, body: Arc<[u8]>) -> Result<(), OverlayError> {
        self.hub.limits.check(channel, body.len())?;
        for (_, seat) in self.hub.seats().iter_mut().filter(|(id, _)| **id != self.id) {
            seat.listeners.retain(|listener| !listener.queue.is_closed());
            for listener in seat.listeners.iter_mut().filter(|listener| listener.topic == topic) {
                let missed = listener.missed;
                let delivery = Delivery { from: self.id, topic, body: Arc::clone(&body), missed };
                listener.missed = match listener.queue.try_send(delivery) {
                    Ok(()) => 0,
                    Err(_) => missed.saturating_add(1),
                };
            }
        }
        Ok(())
    }

    async fn subscribe(&self, topic: Topic, capacity: usize) -> Result<Subscription, OverlayError> {
        // A channel holds its buffer and one message more for each sender.
        let (queue, stream) = channel(capacity.saturating_sub(1));
        let mut seats = self.hub.seats();
        let seat = seats.get_mut(&self.id).ok_or(OverlayError::Unreachable(self.id))?;
        seat.listeners.push(Listener { topic, queue, missed: 0 });
        Ok(stream.boxed())
    }

    async fn request(&self, to: NodeId, channel: Channel, body: Vec<u8>) -> Result<Vec<u8>, OverlayError> {
        self.hub.limits.check(channel, body.len())?;
        let answer = self.hub.seats().get(&to).map(|seat| Arc::clone(&seat.answer));
        let answer = answer.ok_or(OverlayError::Unreachable(to))?;
        // The lock is free again: an answer may use the overlay.
        let bytes = answer.answer(self.id, channel, &body).ok_or(OverlayError::Unanswered(to))?;
        self.hub.limits.check(channel, bytes.len())?;
        Ok(bytes)
    }

    async fn fetch_blob(&self, id: BlobId, limit: u64) -> Result<Arc<[u8]>, OverlayError> {
        let seats: Vec<_> =
            self.hub.seats().iter().map(|(&id, seat)| (id, Arc::clone(&seat.answer))).collect();
        let mut failure = OverlayError::NotFound(id);
        for (peer, bytes) in seats.into_iter().filter_map(|(peer, answer)| Some((peer, answer.blob(id)?))) {
            let length = bytes.len() as u64;
            if length > limit {
                failure = OverlayError::TooLong { length, limit };
            } else if BlobId::of(&bytes) == id {
                return Ok(bytes);
            } else {
                failure = OverlayError::Forged(peer);
            }
        }
        Err(failure)
    }
}
