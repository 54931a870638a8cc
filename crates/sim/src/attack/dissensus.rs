//! Dissensus: each receiver is pushed away from its neighbours, which keeps the network from agreeing (He, Karimireddy and Jaggi,
//! *Byzantine-Robust Decentralized Learning via `ClippedGossip`*, 2022, §4.1). It exists only on graphs.

use super::{Attack, Reach, View, view};

/// To node i: x_i − ε·(h/b)·(x̄ − x_i), with h honest and b lying neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dissensus {
    /// ε; at 1 the pull of the honest neighbours is just undone.
    pub strength: f32,
}

impl Attack for Dissensus {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let mean = view.mean();
        let victim = view.victim.unwrap_or(view.own);
        let pull = view::gap(victim, &mean);
        let (honest, liars) = view.meeting;
        view::along(victim, -self.strength * honest as f32 / liars.max(1) as f32, &pull)
    }

    fn reach(&self) -> Reach {
        Reach::Aimed
    }
}
