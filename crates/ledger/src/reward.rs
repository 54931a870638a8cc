//! What learning earns, out of the gradient slice.
//!
//! A turn earns a flat base, so often in an epoch, and each step of a goal's score above its high-water mark earns once, whoever
//! takes it; so nothing is gained by spoiling a model and mending it. Steps that the slice cannot pay yet are not taken.

use crate::account::Pocket;
use crate::event::{Event, Merit};
use crate::reputation::Channel;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Amount, GoalId, NodeId};

impl State {
    /// What may be paid now for what is learned: what the gradient slice holds.
    pub fn reward_budget(&self) -> Amount {
        self.pools.gradient
    }

    /// Raises the high-water mark of a goal towards a score, by whole steps and at most so many; says how many.
    pub(crate) fn raise(&mut self, goal: GoalId, score: u32, most: u32) -> u32 {
        let size = self.params.rewards.step_size;
        let Some(mut entry) = self.goals.get(&goal).cloned() else { return 0 };
        let steps = score.saturating_sub(entry.high_water).checked_div(size).unwrap_or(0).min(most);
        if steps > 0 {
            entry.high_water = entry.high_water.saturating_add(steps.saturating_mul(size));
            self.goals.set(goal, entry);
        }
        steps
    }
}

impl Draft<'_> {
    /// Pays somebody for something out of a pool, and notes what follows from it.
    pub(crate) fn pay(
        &mut self,
        from: Pocket,
        who: NodeId,
        merit: Merit,
        amount: Amount,
    ) -> Result<(), Refused> {
        if amount == Amount::ZERO {
            return Ok(());
        }
        self.state.shift(from, Pocket::Account(who), amount)?;
        match merit {
            // Who builds is drawn by weight.
            Merit::Block | Merit::Vote | Merit::Fees => self.state.yielded(amount),
            Merit::Turn | Merit::Improvement => self.state.gain(who, Channel::Metric, Amount(amount.0 / 4)),
        }
        self.events.push(Event::Rewarded { who, merit, amount });
        Ok(())
    }

    /// Pays out of the gradient slice what it can give.
    pub(crate) fn reward(&mut self, who: NodeId, merit: Merit, amount: Amount) -> Result<(), Refused> {
        self.pay(Pocket::Gradient, who, merit, amount.min(self.state.reward_budget()))
    }

    /// The flat base of a turn, so often in an epoch.
    pub(crate) fn reward_turn(&mut self, author: NodeId) -> Result<(), Refused> {
        let (base, most) = (self.state.params.rewards.turn, self.state.params.rewards.turns);
        if self.state.standings.get(&author).is_some_and(|standing| standing.turns >= most) {
            return Ok(());
        }
        self.state.with_standing(author, |standing| standing.turns = standing.turns.saturating_add(1));
        self.reward(author, Merit::Turn, base)
    }
}
