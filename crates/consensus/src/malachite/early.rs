//! Messages for heights that have not begun here yet.
//!
//! Peers are a hop apart, so the first messages of the next height often arrive before this node has begun it. Who
//! may vote there is not known before, so they are kept as they came, unread and unrelayed, and taken up when the
//! height begins. Each peer may fill a share and all together a whole; what does not fit is dropped, since votes
//! are said again and blocks can be asked for.

use bitneuron_core::{Digest, Height, NodeId};
use std::{collections::BTreeMap, sync::Arc};

/// How many heights ahead messages are kept.
const HEIGHTS: u64 = 2;
/// The most messages kept for one peer.
const PEER_MESSAGES: usize = 4096;
/// The most bytes kept for one peer.
const PEER_BYTES: usize = 34 << 20;
/// The most messages kept at all.
const MESSAGES: usize = 1 << 16;
/// The most bytes kept at all.
const BYTES: usize = 128 << 20;

/// What one peer has filled.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    messages: usize,
    bytes: usize,
}

/// A message with the peer that delivered it.
pub(super) type Delivery = (NodeId, Arc<[u8]>);

/// The kept messages, each once, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Early {
    heights: BTreeMap<Height, Vec<Delivery>>,
    known: BTreeMap<Digest, Height>,
    shares: BTreeMap<NodeId, Share>,
    whole: Share,
}

impl Early {
    /// Keeps a message for `height`, which is above the open height `now`.
    pub(super) fn keep(&mut self, now: Height, height: Height, from: NodeId, bytes: &Arc<[u8]>) {
        let share = self.shares.get(&from).copied().unwrap_or_default();
        let full = share.messages >= PEER_MESSAGES
            || share.bytes.saturating_add(bytes.len()) > PEER_BYTES
            || self.whole.messages >= MESSAGES
            || self.whole.bytes.saturating_add(bytes.len()) > BYTES;
        if full || height.0.saturating_sub(now.0) > HEIGHTS {
            return;
        }
        let name = Digest::of("bitneuron early message v1", bytes);
        if self.known.insert(name, height).is_some() {
            return;
        }
        for share in [self.shares.entry(from).or_default(), &mut self.whole] {
            share.messages += 1;
            share.bytes += bytes.len();
        }
        self.heights.entry(height).or_default().push((from, Arc::clone(bytes)));
    }

    /// Takes the messages of the height that begins now; forgets those below.
    pub(super) fn take(&mut self, height: Height) -> Vec<Delivery> {
        let later = self.heights.split_off(&height.next());
        let mut now = std::mem::replace(&mut self.heights, later);
        for (from, bytes) in now.values().flatten() {
            if let Some(share) = self.shares.get_mut(from) {
                share.messages = share.messages.saturating_sub(1);
                share.bytes = share.bytes.saturating_sub(bytes.len());
            }
            self.whole.messages = self.whole.messages.saturating_sub(1);
            self.whole.bytes = self.whole.bytes.saturating_sub(bytes.len());
        }
        self.shares.retain(|_, share| share.messages > 0);
        self.known.retain(|_, known| *known > height);
        now.remove(&height).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(n: u32) -> Arc<[u8]> {
        n.to_le_bytes().to_vec().into()
    }

    #[test]
    fn kept_once_and_taken_in_order() {
        let (mut early, peer) = (Early::default(), NodeId([1; 32]));
        for (height, n) in [(5, 1), (6, 2), (5, 3), (5, 1), (7, 4)] {
            early.keep(Height(4), Height(height), peer, &bytes(n));
        }
        let taken = |early: &mut Early, height| -> Vec<_> {
            early.take(Height(height)).into_iter().map(|delivery| delivery.1).collect()
        };
        assert_eq!(taken(&mut early, 5), [bytes(1), bytes(3)]);
        assert_eq!(taken(&mut early, 6), [bytes(2)]);
        assert_eq!(taken(&mut early, 7), Vec::<Arc<[u8]>>::new(), "three heights ahead is too far");
        assert!(early.shares.is_empty() && early.known.is_empty());
        assert_eq!(early.whole.bytes, 0);
    }

    #[test]
    fn a_peer_cannot_fill_more_than_its_share() {
        let mut early = Early::default();
        for n in 0..10_000 {
            early.keep(Height(1), Height(2), NodeId([1; 32]), &bytes(n));
        }
        assert_eq!(early.whole.messages, PEER_MESSAGES);
        early.keep(Height(1), Height(2), NodeId([2; 32]), &bytes(20_000));
        assert_eq!(early.whole.messages, PEER_MESSAGES + 1);
        let big: Arc<[u8]> = vec![0; PEER_BYTES].into();
        early.keep(Height(1), Height(2), NodeId([2; 32]), &big);
        assert_eq!(early.whole.messages, PEER_MESSAGES + 1);
    }
}
