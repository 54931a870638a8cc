//! Catching up: what was decided here lately, and when to ask others for it.
//!
//! A node that hears of a later height than its own asks the speaker for the decided block of its own height
//! ([`Message::Want`]) and is answered with block and certificate ([`Message::Have`]), height by height. A node one
//! height behind waits a moment first, since that is usually just the length of the wire. Answers are the bytes
//! that were encoded once when the height was decided, so a question costs nothing but the sending, which
//! is metered.

use crate::{Block, Certificate, Message};
use bitneuron_core::{Bytes, Height, NodeId, Time, encode};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// The most heights kept.
const HEIGHTS: usize = 256;
/// The most bytes kept; the last two heights are kept whatever their size.
const BYTES: usize = 64 << 20;
/// How long one height behind is nothing to worry about.
const GRACE: Duration = Duration::from_millis(250);
/// How long to wait for an answer before asking again.
const RETRY: Duration = Duration::from_millis(300);

/// The last decided heights, ready to be sent.
#[derive(Debug, Default)]
pub(super) struct Archive {
    answers: VecDeque<(Height, Arc<[u8]>)>,
    bytes: usize,
}

impl Archive {
    /// Keeps a decision.
    pub(super) fn keep(&mut self, block: &Block, certificate: &Certificate) {
        let message = Message::Have { block: Bytes(encode(block)), certificate: certificate.clone() };
        let bytes = message.to_bytes();
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

/// What is known of others being ahead.
#[derive(Debug, Default)]
pub(super) struct Lag {
    ahead: Option<(NodeId, Height)>,
    since: Option<Time>,
    asked: Option<(Height, Time)>,
}

impl Lag {
    /// Somebody spoke of `height` while `open` is undecided here; whom to ask now, if anybody.
    pub(super) fn heard(&mut self, now: Time, from: NodeId, height: Height, open: Height) -> Option<NodeId> {
        self.ahead = Some((from, height));
        let since = *self.since.get_or_insert(now);
        let patient = height <= open.next() && now.since(since) < GRACE;
        if patient { None } else { self.ask(now, from, open) }
    }

    /// A height began; whom to ask at once because others are far ahead.
    pub(super) fn began(&mut self, now: Time, open: Height) -> Option<NodeId> {
        self.since = None;
        let (from, height) = self.ahead?;
        if height > open.next() { self.ask(now, from, open) } else { None }
    }

    fn ask(&mut self, now: Time, whom: NodeId, open: Height) -> Option<NodeId> {
        let waiting = self.asked.is_some_and(|(height, at)| height == open && now.since(at) < RETRY);
        if waiting {
            return None;
        }
        self.asked = Some((open, now));
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

    #[test]
    fn a_node_asks_when_it_must_and_not_too_often() {
        let (mut lag, peer) = (Lag::default(), NodeId([1; 32]));
        let at = |millis: u64| Time(millis * 1000);
        assert_eq!(lag.heard(at(0), peer, Height(6), Height(5)), None, "just the wire");
        assert_eq!(lag.heard(at(300), peer, Height(6), Height(5)), Some(peer));
        assert_eq!(lag.heard(at(400), peer, Height(6), Height(5)), None, "asked");
        assert_eq!(lag.heard(at(601), peer, Height(6), Height(5)), Some(peer), "no answer came");
        assert_eq!(lag.heard(at(602), peer, Height(90), Height(5)), None, "asked");
        assert_eq!(lag.began(at(700), Height(6)), Some(peer), "far behind");
        assert_eq!(lag.began(at(800), Height(89)), None, "nearly there");
    }
}
