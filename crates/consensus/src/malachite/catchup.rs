//! Catching up: what was decided here lately, and when to ask whom for it.
//!
//! A node that hears of a later height than its own asks somebody who spoke of one for the decided block of its own height
//! ([`Message::Want`]) and is answered with block and certificate ([`Message::Have`]), and with some of the heights that
//! follow; they wait here until their height begins. A node one height behind waits a moment first, since that is usually
//! just the length of the wire. Answers are the bytes that were encoded once when the height was decided; what is older is
//! looked up by the driver ([`Effect::Recall`]). Either way each account draws what its meter grants.
//!
//! Nobody is believed: a decision is checked like any other before anything follows from it. Whoever answered with something
//! else is asked no more, and whoever does not answer is not asked twice in a row.

use super::shell::Shell;
use crate::{Block, Certificate, Effect, Message};
use bitneuron_core::{Bytes, Height, NodeId, Time, encode};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

/// The most heights kept.
const HEIGHTS: usize = 256;
/// The most bytes kept; the last two heights are kept whatever their size.
const BYTES: usize = 64 << 20;
/// How many heights one question is answered with at most.
const BATCH: usize = 16;
/// The most bytes of answers that wait for their height.
const WAITING: usize = 64 << 20;
/// How long one height behind is nothing to worry about.
const GRACE: Duration = Duration::from_millis(250);
/// How long to wait for an answer before asking again.
const RETRY: Duration = Duration::from_millis(300);
/// How many liars are remembered before all are forgiven.
const LIARS: usize = 1 << 10;

fn have(block: &Block, certificate: &Certificate) -> Arc<[u8]> {
    Message::Have { block: Bytes(encode(block)), certificate: certificate.clone() }.to_bytes()
}

impl Shell {
    /// Answers with the decisions of a height and of some that follow, as far as they are at hand and may be drawn.
    pub(super) fn supply(&mut self, now: Time, to: NodeId, first: Height) {
        if first > Height(0) && first < self.height && self.archive.answer(first).is_none() {
            let account = self.account(to);
            if self.meter.grants(now, account, 0) && self.recalling.insert(account) {
                self.effects.push(Effect::Recall { to, first, most: BATCH });
            }
            return;
        }
        let mut height = first;
        for _ in 0..BATCH {
            let answer = self.archive.answer(height);
            if !self.answer_to(now, to, answer) {
                break;
            }
            height = height.next();
        }
    }

    /// Sends what the driver looked up.
    pub(super) fn recalled(&mut self, now: Time, to: NodeId, decisions: &[(Arc<Block>, Certificate)]) {
        // Who voted when it asked may not vote any more.
        if !self.recalling.remove(&Some(to)) {
            self.recalling.remove(&None);
        }
        for (block, certificate) in decisions.iter().take(BATCH) {
            if !self.answer_to(now, to, Some(have(block, certificate))) {
                break;
            }
        }
    }
}

/// The last decided heights, ready to be sent.
#[derive(Debug, Default)]
pub(super) struct Archive {
    answers: VecDeque<(Height, Arc<[u8]>)>,
    bytes: usize,
}

impl Archive {
    /// Keeps a decision.
    pub(super) fn keep(&mut self, block: &Block, certificate: &Certificate) {
        let bytes = have(block, certificate);
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.answers.push_back((certificate.height, bytes));
        while self.answers.len() > HEIGHTS || (self.bytes > BYTES && self.answers.len() > 2) {
            if let Some((_, oldest)) = self.answers.pop_front() {
                self.bytes = self.bytes.saturating_sub(oldest.len());
            }
        }
    }

    /// The answer for a height, if it is kept.
    pub(super) fn answer(&self, height: Height) -> Option<Arc<[u8]>> {
        let at = self.answers.binary_search_by_key(&height, |answer| answer.0).ok()?;
        self.answers.get(at).map(|answer| Arc::clone(&answer.1))
    }
}

/// What is known of others being ahead, and what they have answered.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// The highest height that each voter has spoken of.
    voters: BTreeMap<NodeId, Height>,
    /// The last of all others to speak of a later height. Names cost nothing, so they share one place.
    stranger: Option<(NodeId, Height)>,
    /// Who answered with what is no decision.
    liars: BTreeSet<NodeId>,
    /// Whose last answer was one.
    good: Option<NodeId>,
    since: Option<Time>,
    /// Who was asked last, for which height, and when.
    asked: Option<(NodeId, Height, Time)>,
    /// Answers for heights that have not begun.
    kept: BTreeMap<Height, (NodeId, Arc<[u8]>)>,
}

impl Lag {
    /// Somebody, who votes or not, spoke of `height` while `open` is undecided here; whom to ask now, if anybody.
    pub(super) fn heard(
        &mut self,
        now: Time,
        (from, votes): (NodeId, bool),
        height: Height,
        open: Height,
    ) -> Option<NodeId> {
        self.note((from, votes), height);
        let since = *self.since.get_or_insert(now);
        let patient = height <= open.next() && now.since(since) < GRACE;
        if patient { None } else { self.ask(now, open) }
    }

    /// Somebody, who votes or not, spoke of a height.
    pub(super) fn note(&mut self, (from, votes): (NodeId, bool), height: Height) {
        if votes {
            let highest = self.voters.entry(from).or_insert(height);
            *highest = height.max(*highest);
        } else {
            self.stranger = Some((from, height));
        }
    }

    /// A height began; whom to ask at once because others are far ahead.
    pub(super) fn began(&mut self, now: Time, open: Height) -> Option<NodeId> {
        self.since = None;
        self.kept = self.kept.split_off(&open);
        self.voters.retain(|_, height| *height > open);
        let far = self.ahead(open.next()).next().is_some();
        if far && !self.kept.contains_key(&open) { self.ask(now, open) } else { None }
    }

    /// Keeps the answer for a later height of whoever was asked.
    pub(super) fn keep(&mut self, from: NodeId, height: Height, open: Height, bytes: &Arc<[u8]>) {
        let asked = self.asked.is_some_and(|(whom, ..)| whom == from);
        let near = height.0.saturating_sub(open.0) < BATCH as u64;
        let waiting: usize = self.kept.values().map(|(_, bytes)| bytes.len()).sum();
        if asked && near && waiting.saturating_add(bytes.len()) <= WAITING {
            self.kept.entry(height).or_insert_with(|| (from, Arc::clone(bytes)));
        }
    }

    /// The answer for the height that has begun.
    pub(super) fn take(&mut self, open: Height) -> Option<(NodeId, Arc<[u8]>)> {
        self.kept.remove(&open)
    }

    /// Somebody answered with a decision.
    pub(super) const fn trust(&mut self, from: NodeId) {
        self.good = Some(from);
    }

    /// Somebody answered with what is none; whom to ask instead.
    pub(super) fn distrust(&mut self, now: Time, from: NodeId, open: Height) -> Option<NodeId> {
        if self.liars.len() >= LIARS {
            self.liars.clear();
        }
        self.liars.insert(from);
        self.kept.retain(|_, (by, _)| *by != from);
        self.good = self.good.filter(|good| *good != from);
        // Who was not asked does not make this node ask either.
        self.asked.take_if(|(whom, ..)| *whom == from)?;
        self.ask(now, open)
    }

    /// Who is ahead of a height and has not lied.
    fn ahead(&self, open: Height) -> impl Iterator<Item = NodeId> + '_ {
        let known = self.voters.iter().map(|(id, height)| (*id, *height)).chain(self.stranger);
        known.filter(move |(id, height)| *height > open && !self.liars.contains(id)).map(|(id, _)| id)
    }

    fn ask(&mut self, now: Time, open: Height) -> Option<NodeId> {
        let last = self.asked.map(|(whom, ..)| whom);
        if let Some((whom, _, at)) = self.asked.filter(|(_, height, _)| *height == open) {
            if now.since(at) < RETRY {
                return None;
            }
            self.good = self.good.filter(|good| *good != whom);
        }
        let ahead: Vec<NodeId> = self.ahead(open).collect();
        // Whoever answered well, else the next in turn.
        let good = self.good.filter(|good| ahead.contains(good));
        let next = ahead.iter().skip_while(|id| Some(**id) != last).nth(1).or_else(|| ahead.first());
        let whom = good.or(next.copied())?;
        self.asked = Some((whom, open, now));
        Some(whom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Header;
    use bitneuron_core::{ChainId, Digest};

    fn decision(height: u64, size: usize) -> (Block, Certificate) {
        let (chain, proposer) = (ChainId::default(), NodeId::default());
        let header = Header::draft(chain, Height(height), Digest::ZERO, proposer, Time(0));
        let block = Block::new(header, vec![Bytes(vec![0; size])]);
        let certificate =
            Certificate { height: Height(height), round: 0, block: block.id(), votes: Vec::new() };
        (block, certificate)
    }

    #[test]
    fn the_archive_is_bounded_in_heights_and_bytes() {
        let mut archive = Archive::default();
        for height in 1..=300 {
            let (block, certificate) = decision(height, 10);
            archive.keep(&block, &certificate);
        }
        assert!(archive.answer(Height(44)).is_none());
        assert!(archive.answer(Height(45)).is_some() && archive.answer(Height(300)).is_some());
        assert!(archive.answer(Height(301)).is_none());
        for height in 301..=310 {
            let (block, certificate) = decision(height, 15 << 20);
            archive.keep(&block, &certificate);
        }
        assert!(archive.bytes <= BYTES);
        assert_eq!(archive.answers.len(), 4);
    }

    const OPEN: Height = Height(5);

    fn at(millis: u64) -> Time {
        Time(millis * 1000)
    }

    fn voter(n: u8) -> (NodeId, bool) {
        (NodeId([n; 32]), true)
    }

    #[test]
    fn a_node_asks_when_it_must_and_not_too_often() {
        let (mut lag, peer) = (Lag::default(), voter(1));
        assert_eq!(lag.heard(at(0), peer, Height(6), OPEN), None, "just the wire");
        assert_eq!(lag.heard(at(300), peer, Height(6), OPEN), Some(peer.0));
        assert_eq!(lag.heard(at(400), peer, Height(6), OPEN), None, "asked");
        assert_eq!(lag.heard(at(601), peer, Height(6), OPEN), Some(peer.0), "no answer came");
        assert_eq!(lag.heard(at(602), peer, Height(90), OPEN), None, "asked");
        assert_eq!(lag.began(at(700), Height(6)), Some(peer.0), "far behind");
        assert_eq!(lag.began(at(800), Height(89)), None, "nearly there");
    }

    #[test]
    fn whoever_is_silent_is_followed_by_another_and_who_lies_is_asked_no_more() {
        let mut lag = Lag::default();
        let [a, b, c] = [1, 2, 3].map(|n| voter(n).0);
        let stranger = NodeId([9; 32]);
        assert_eq!(lag.heard(at(0), voter(1), Height(50), OPEN), Some(a));
        for (n, height) in [(2, 50), (3, 50), (1, 90)] {
            assert_eq!(lag.heard(at(1), voter(n), Height(height), OPEN), None);
        }
        assert_eq!(lag.heard(at(2), (stranger, false), Height(70), OPEN), None);
        let turn = |lag: &mut Lag, n: u64| lag.heard(at(n * 400), voter(1), Height(90), OPEN);
        assert_eq!([1, 2, 3, 4].map(|n| turn(&mut lag, n)), [b, c, stranger, a].map(Some), "silent");
        lag.trust(b);
        assert_eq!(turn(&mut lag, 5), Some(b));
        assert_eq!(turn(&mut lag, 6), Some(c), "b has become silent");
        assert_eq!(lag.distrust(at(2_401), a, OPEN), None, "a was not asked");
        assert_eq!(lag.distrust(at(2_402), c, OPEN), Some(b), "at once");
        assert_eq!([7, 8, 9].map(|n| turn(&mut lag, n)), [stranger, b, stranger].map(Some));
    }

    #[test]
    fn answers_wait_for_their_height_within_bounds() {
        let (mut lag, peer, other) = (Lag::default(), voter(1), voter(2));
        let bytes: Arc<[u8]> = vec![1].into();
        lag.keep(peer.0, Height(6), OPEN, &bytes);
        assert!(lag.kept.is_empty(), "nobody was asked");
        assert_eq!(lag.heard(at(0), peer, Height(90), OPEN), Some(peer.0));
        for height in 6..60 {
            lag.keep(other.0, Height(height), OPEN, &bytes);
            lag.keep(peer.0, Height(height), OPEN, &bytes);
        }
        assert_eq!(lag.kept.len(), BATCH - 1, "with the open height a whole batch");
        assert_eq!(lag.began(at(1), Height(6)), None, "the answer is here");
        assert_eq!(lag.take(Height(6)), Some((peer.0, Arc::clone(&bytes))));
        assert_eq!(lag.began(at(2), Height(30)), Some(peer.0), "what is below is forgotten");
        assert!(lag.kept.is_empty());
        for height in 31..45 {
            lag.keep(peer.0, Height(height), Height(30), &vec![0; 16 << 20].into());
        }
        assert_eq!(lag.kept.len(), 4);
        assert_eq!(lag.distrust(at(3), peer.0, Height(30)), None);
        assert!(lag.kept.is_empty(), "nor is a liar believed in what waits");
    }
}
