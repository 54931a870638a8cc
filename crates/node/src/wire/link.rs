//! How letters leave a node, and the hub that carries them inside one process.

use bitneuron_core::NodeId;
use bitneuron_net::Channel;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc;

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// From whom; the link vouches for the name.
    pub from: NodeId,
    /// On which channel.
    pub channel: Channel,
    /// What it says; shared by all receivers.
    pub bytes: Arc<[u8]>,
}

/// Carries letters away from one node.
///
/// Laws: `send` returns at once, whatever the receiver does; the receiver learns the true name of the sender; letters
/// from one node to another arrive in order or not at all.
pub trait Link: Send + 'static {
    /// Sends without waiting. A letter may get lost; roles reckon with that.
    fn send(&self, to: NodeId, channel: Channel, bytes: Arc<[u8]>);
}

/// Joins nodes of one process: every node has a bounded inbox. A clone is the same hub.
///
/// It measures and delays nothing; the simulator does.
#[derive(Debug, Clone)]
pub struct Hub {
    inboxes: Arc<RwLock<BTreeMap<NodeId, mpsc::Sender<Letter>>>>,
    lost: Arc<AtomicU64>,
    capacity: usize,
}

impl Hub {
    /// A hub without nodes, whose inboxes hold so many letters, at least one.
    pub fn new(capacity: usize) -> Self {
        Self {
            inboxes: Arc::default(),
            lost: Arc::default(),
            capacity: capacity.clamp(1, Self::MAX_CAPACITY),
        }
    }

    /// The most letters that an inbox can be made to hold.
    pub const MAX_CAPACITY: usize = 1 << 20;

    /// Gives a node its way out and its inbox. A name that joins again replaces the node that had it.
    pub fn join(&self, id: NodeId) -> (HubLink, mpsc::Receiver<Letter>) {
        let (sender, inbox) = mpsc::channel(self.capacity);
        self.inboxes.write().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        (HubLink { hub: self.clone(), me: id }, inbox)
    }

    /// Lets a node go: its inbox closes once it is read to the end.
    pub fn leave(&self, id: NodeId) {
        self.inboxes.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// How many letters were lost: for names that are not here, and for inboxes that were full.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn carry(&self, to: NodeId, letter: Letter) {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        let carried = inboxes.get(&to).is_some_and(|inbox| inbox.try_send(letter).is_ok());
        if !carried {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A node's way into a [`Hub`]; it signs every letter with the name that joined.
#[derive(Debug, Clone)]
pub struct HubLink {
    hub: Hub,
    me: NodeId,
}

impl Link for HubLink {
    fn send(&self, to: NodeId, channel: Channel, bytes: Arc<[u8]>) {
        self.hub.carry(to, Letter { from: self.me, channel, bytes });
    }
}
