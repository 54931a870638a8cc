//! Nodes that crash in the middle of a step and come back with what their logs kept.

use super::network::{Event, Network};
use crate::wal::{self, Log as _};
use bitneuron_core::{Height, NodeId, Seed};
use std::time::Duration;

/// A crash in the middle of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// How many effects of the step are still performed.
    pub after: usize,
    /// How many records that were not synced are lost at most.
    pub lost: usize,
    /// How long the node is down.
    pub down: Duration,
    /// Whether its log is lost too, as never happens to an honest node.
    pub forgets: bool,
}

/// Strikes nodes down: given the node, the number of the step in the whole network and how many effects it has.
pub type Strike<'a> = dyn FnMut(usize, u64, usize) -> Option<Crash> + 'a;

/// One of `every` steps is the last of the node that makes it, cut off anywhere; the node is back within 300 ms.
pub fn seldom(seed: u64, every: u64) -> impl FnMut(usize, u64, usize) -> Option<Crash> {
    let seed = Seed::from_number(seed);
    move |_, step, effects| {
        let [a, b, after, lost, down, ..] = seed.derive_number("crash", step).0;
        let struck = u64::from(u16::from_le_bytes([a, b])).is_multiple_of(every);
        struck.then(|| Crash {
            after: usize::from(after) % (effects + 1),
            lost: usize::from(lost) % 4,
            down: Duration::from_millis(u64::from(down)),
            forgets: false,
        })
    }
}

impl<'a> Network<'a> {
    /// Lets nodes crash.
    #[must_use]
    pub fn struck(mut self, strike: impl FnMut(usize, u64, usize) -> Option<Crash> + 'a) -> Self {
        self.strike = Some(Box::new(strike));
        self
    }

    /// How many steps were made by all nodes.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Takes a node down, to come back.
    pub fn crash(&mut self, place: usize, crash: Crash) {
        let Some(node) = self.nodes.get_mut(place) else { return };
        node.engine = None;
        node.life += 1;
        node.down = true;
        node.crashes += 1;
        node.log.crash(crash.lost);
        if crash.forgets {
            node.log = wal::Memory::default();
        }
        self.push(crash.down, place, Event::Return);
    }

    /// Brings a node back with its decided blocks and its log.
    pub(super) fn recover(&mut self, place: usize) {
        let engine = (self.make)(self.plan.key(place), self.plan.chain());
        let Some(node) = self.nodes.get_mut(place) else { return };
        node.engine = Some(engine);
        node.life += 1;
        node.down = false;
        node.cancelled.clear();
        self.push(Duration::ZERO, place, Event::Recover);
        self.push(Duration::ZERO, place, Event::Begin);
    }

    pub(super) fn append(&mut self, place: usize, record: &[u8]) {
        self.note(place, |node| {
            node.records += 1;
            // Memory refuses empty records only, which would be missed by whoever comes back.
            let _ = node.log.append(record);
        });
    }

    pub(super) fn sync(&mut self, place: usize) {
        self.note(place, |node| {
            let _ = node.log.sync();
        });
    }

    /// Looks decisions up among those that a node has kept.
    pub(super) fn recall(&mut self, place: usize, to: NodeId, first: Height, most: usize) {
        let Some(node) = self.nodes.get(place) else { return };
        let skipped = first.0.saturating_sub(1) as usize;
        let decisions = node.commits.iter().skip(skipped).take(most).cloned().collect();
        self.push(self.plan.work, place, Event::Recalled { to, decisions });
    }
}
