//! What colluders share: everything that any of them saw of the honest nodes, and one plan a round.

use super::{Attack, Reach, View};
use crate::Address;
use bitneuron_core::{Params, Seed};
use bitneuron_learning::Merge;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Colluders with one attack.
#[derive(Clone)]
pub struct Coven {
    attack: Arc<dyn Attack>,
    rule: Arc<dyn Merge>,
    meeting: (usize, usize),
    seed: Seed,
    /// The latest of each honest node.
    seen: BTreeMap<Address, Params>,
    /// The honest mean when the last round was lied in, and that of the round before; nothing where values begin at zero.
    means: Option<(Vec<f32>, Vec<f32>)>,
    round: Option<u64>,
    shared: Option<Vec<f32>>,
}

impl fmt::Debug for Coven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coven")
            .field("seen", &self.seen.len())
            .field("round", &self.round)
            .finish_non_exhaustive()
    }
}

impl Coven {
    /// Colluders against a rule, who know that so many honest values and lies meet at a receiver. Values are models, and all began at
    /// `first`; without it they are gradients.
    pub fn new(
        attack: Arc<dyn Attack>,
        rule: Arc<dyn Merge>,
        meeting: (usize, usize),
        first: Option<&Params>,
        seed: Seed,
    ) -> Self {
        let means = first.map(|first| (first.values().to_vec(), first.values().to_vec()));
        Self { attack, rule, meeting, seed, seen: BTreeMap::new(), means, round: None, shared: None }
    }

    /// The attack.
    pub fn attack(&self) -> &dyn Attack {
        self.attack.as_ref()
    }

    /// One of them was sent a value by an honest node.
    pub fn hear(&mut self, from: Address, value: Params) {
        self.seen.insert(from, value);
    }

    /// A round begins for one of them, and for all when it is the first: it starts where the honest are on average.
    pub fn begin(&mut self, round: u64) {
        if self.round == Some(round) {
            return;
        }
        if let (Some((last, before)), false) = (&mut self.means, self.seen.is_empty()) {
            let honest: Vec<&[f32]> = self.seen.values().map(Params::values).collect();
            let mean = View::of(last, &honest).mean();
            *before = std::mem::replace(last, mean);
        }
        (self.round, self.shared) = (Some(round), None);
    }

    /// What one of them sends in a round instead of its own value; `to` counts only where each receiver gets its own.
    pub fn lie(&mut self, by: Address, to: Address, round: u64, own: &[f32]) -> Vec<f32> {
        self.begin(round);
        let honest: Vec<&[f32]> = self.seen.values().map(Params::values).collect();
        let reach = self.attack.reach();
        let liar = match reach {
            Reach::Shared => u64::MAX,
            Reach::Each | Reach::Aimed => u64::from(by),
        };
        if let (Reach::Shared, Some(lie)) = (reach, &self.shared) {
            return lie.clone();
        }
        let view = View {
            own,
            origin: self.means.as_ref().map_or(&[], |(_, before)| before),
            honest: &honest,
            victim: self.seen.get(&to).map(Params::values),
            meeting: self.meeting,
            rule: self.rule.as_ref(),
            round,
            seed: self.seed.derive_number("round", round).derive_number("liar", liar),
        };
        let lie = self.attack.forge(&view);
        if reach == Reach::Shared {
            self.shared = Some(lie.clone());
        }
        lie
    }
}
