//! The trail: light blocks for clients that follow the chain.
//!
//! A client needs the voters of a header when they have changed. So the first block of each epoch is told with its voters,
//! and kept as long as clients may trust what came before it; who missed one asks for what lies between.

use super::{MAX_SUBSCRIBERS, Validator};
use crate::message::{Message, Tip};
use crate::role::Effect;
use bitneuron_consensus::LightBlock;
use bitneuron_core::{Height, NodeId, Outbox};
use bitneuron_ledger::key;
use std::collections::BTreeMap;

/// How many questions of one peer are answered between two blocks.
const ANSWERS: u8 = 8;

/// The first light block of each epoch, and who has asked since the last block.
#[derive(Debug, Default)]
pub(super) struct Trail {
    firsts: BTreeMap<Height, LightBlock>,
    asked: BTreeMap<NodeId, u8>,
}

impl Validator {
    /// How a decided header is told: with its voters when they are new.
    pub(super) fn news(&mut self, tip: Tip) -> Message {
        self.trail.asked.clear();
        let (height, params) = (tip.header.height, self.state.params());
        let before = Height(height.0.saturating_sub(1)).epoch(params.epoch);
        if height.epoch(params.epoch) == before {
            return Message::Tip(tip);
        }
        let oldest = Height(height.0.saturating_sub(params.stake.trust));
        self.trail.firsts = self.trail.firsts.split_off(&oldest);
        match self.light_block(&tip) {
            Some(block) => {
                self.trail.firsts.insert(height, block.clone());
                Message::Light(block)
            }
            None => Message::Tip(tip),
        }
    }

    /// Shows clients by which parameters the chain goes on.
    pub(super) fn show_params(&self, to: impl Iterator<Item = NodeId>, out: &mut Outbox<Effect>) {
        if let Some(message) = self.notice(&key::params()).map(Message::Params) {
            to.for_each(|to| Self::send(to, &message, out));
        }
    }

    fn light_block(&self, tip: &Tip) -> Option<LightBlock> {
        let epoch = tip.header.height.epoch(self.state.params().epoch);
        let voters = (*self.state.electorate(epoch)?).clone();
        Some(LightBlock { header: tip.header.clone(), certificate: tip.certificate.clone(), voters })
    }

    /// Shows a client the highest light block of a range that is at hand.
    pub(super) fn guide(&mut self, from: NodeId, above: Height, upto: Height, out: &mut Outbox<Effect>) {
        let room = self.trail.asked.len() < MAX_SUBSCRIBERS || self.trail.asked.contains_key(&from);
        if above >= upto || !room {
            return;
        }
        let asked = self.trail.asked.entry(from).or_default();
        *asked = asked.saturating_add(1);
        if *asked > ANSWERS {
            return;
        }
        let newest = self.tip.as_ref().filter(|tip| tip.header.height > above && tip.header.height <= upto);
        let kept =
            || self.trail.firsts.range(above.next()..=upto).next_back().map(|(_, block)| block.clone());
        if let Some(block) = newest.and_then(|tip| self.light_block(tip)).or_else(kept) {
            Self::send(from, &Message::Light(block), out);
        }
    }
}
