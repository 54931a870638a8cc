//! Messages for heights that have not begun here yet.
//!
//! Peers are a hop apart, so the first messages of the next height often arrive before this node has begun it. Who
//! may vote there is not known before, so they are kept as they came, unread and unrelayed, and taken up when the
//! height begins. Each voter of the open height may fill an equal share of the room, and everybody else together one more:
//! names cost nothing, so strangers can crowd out each other only. What does not fit is dropped, since votes are said again
//! and blocks can be asked for.

use crate::Electorate;
use bitneuron_core::{Digest, Height, NodeId};
use std::{collections::BTreeMap, sync::Arc};

/// How many heights ahead messages are kept.
const HEIGHTS: u64 = 2;
/// The most messages kept in one share.
const SHARE_MESSAGES: usize = 4096;
/// The most bytes kept in one share.
const SHARE_BYTES: usize = 34 << 20;
/// The most messages kept for all voters of one electorate.
const MESSAGES: usize = 1 << 18;
/// The most bytes kept for all voters of one electorate.
const BYTES: usize = 128 << 20;

/// What is filled of a share.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    messages: usize,
    bytes: usize,
}

/// Whose share is used; `None` is the one of all who do not vote.
type Payer = Option<NodeId>;

/// A message with the peer that delivered it.
pub(super) type Delivery = (NodeId, Arc<[u8]>);

/// The kept messages, each once, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Early {
    heights: BTreeMap<Height, Vec<(Payer, Delivery)>>,
    known: BTreeMap<Digest, Height>,
    shares: BTreeMap<Payer, Share>,
}

impl Early {
    /// Keeps a message for `height`, which is above the open height `now` with these voters.
    pub(super) fn keep(
        &mut self,
        now: Height,
        height: Height,
        voters: Option<&Electorate>,
        from: NodeId,
        bytes: &Arc<[u8]>,
    ) {
        let payer = voters.and_then(|voters| voters.position(from)).map(|_| from);
        let shares = voters.map_or(1, |voters| voters.members().len().saturating_add(1));
        let part = |whole: usize, most: usize| whole.checked_div(shares).unwrap_or(0).min(most);
        let share = self.shares.get(&payer).copied().unwrap_or_default();
        let filled = Share {
            messages: share.messages.saturating_add(1),
            bytes: share.bytes.saturating_add(bytes.len()),
        };
        let full =
            filled.messages > part(MESSAGES, SHARE_MESSAGES) || filled.bytes > part(BYTES, SHARE_BYTES);
        if full || height.0.saturating_sub(now.0) > HEIGHTS {
            return;
        }
        let name = Digest::of("bitneuron early message v1", bytes);
        if self.known.insert(name, height).is_some() {
            return;
        }
        self.shares.insert(payer, filled);
        self.heights.entry(height).or_default().push((payer, (from, Arc::clone(bytes))));
    }

    /// Takes the messages of the height that begins now; forgets those below.
    pub(super) fn take(&mut self, height: Height) -> Vec<Delivery> {
        let later = self.heights.split_off(&height.next());
        let mut now = std::mem::replace(&mut self.heights, later);
        for (payer, (_, bytes)) in now.values().flatten() {
            if let Some(share) = self.shares.get_mut(payer) {
                share.messages = share.messages.saturating_sub(1);
                share.bytes = share.bytes.saturating_sub(bytes.len());
            }
        }
        self.shares.retain(|_, share| share.messages > 0);
        self.known.retain(|_, known| *known > height);
        now.remove(&height).into_iter().flatten().map(|(_, delivery)| delivery).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::{Epoch, Weight};

    fn bytes(n: u32) -> Arc<[u8]> {
        n.to_le_bytes().to_vec().into()
    }

    fn voters() -> Electorate {
        let members = [1, 2, 3].map(|n| (NodeId([n; 32]), Weight(1)));
        Electorate::new(Epoch(0), members, Digest::ZERO).expect("allowed")
    }

    fn kept(early: &Early) -> usize {
        early.shares.values().map(|share| share.messages).sum()
    }

    #[test]
    fn kept_once_and_taken_in_order() {
        let (mut early, peer) = (Early::default(), NodeId([1; 32]));
        for (height, n) in [(5, 1), (6, 2), (5, 3), (5, 1), (7, 4)] {
            early.keep(Height(4), Height(height), None, peer, &bytes(n));
        }
        let taken = |early: &mut Early, height| -> Vec<_> {
            early.take(Height(height)).into_iter().map(|delivery| delivery.1).collect()
        };
        assert_eq!(taken(&mut early, 5), [bytes(1), bytes(3)]);
        assert_eq!(taken(&mut early, 6), [bytes(2)]);
        assert_eq!(taken(&mut early, 7), Vec::<Arc<[u8]>>::new(), "three heights ahead is too far");
        assert!(early.shares.is_empty() && early.known.is_empty());
    }

    #[test]
    fn a_voter_cannot_fill_more_than_its_share() {
        let (mut early, voters) = (Early::default(), voters());
        let mut keep = |n, from, bytes: &_| {
            early.keep(Height(1), Height(2), Some(&voters), NodeId([from; 32]), bytes);
            assert_eq!(kept(&early), n);
        };
        for n in 0..10_000 {
            keep((n as usize + 1).min(SHARE_MESSAGES), 1, &bytes(n));
        }
        keep(SHARE_MESSAGES + 1, 2, &bytes(20_000));
        let big: Arc<[u8]> = vec![0; BYTES / 4].into();
        keep(SHARE_MESSAGES + 1, 2, &big);
        keep(SHARE_MESSAGES + 2, 3, &big);
    }

    #[test]
    fn a_crowd_of_strangers_fills_one_share() {
        let (mut early, voters) = (Early::default(), voters());
        for n in 0..10_000 {
            let name = NodeId(Digest::of("stranger", &bytes(n)).0);
            early.keep(Height(1), Height(2), Some(&voters), name, &bytes(n));
        }
        for n in 0..4 {
            let big: Arc<[u8]> = vec![n; BYTES / 4].into();
            early.keep(Height(1), Height(2), Some(&voters), NodeId([100 + n; 32]), &big);
        }
        assert_eq!((kept(&early), early.shares.len()), (SHARE_MESSAGES, 1));
        let honest: Arc<[u8]> = vec![9; BYTES / 4].into();
        early.keep(Height(1), Height(2), Some(&voters), NodeId([3; 32]), &honest);
        assert_eq!(early.take(Height(2)).last(), Some(&(NodeId([3; 32]), honest)));
        assert!(early.shares.is_empty());
    }
}
