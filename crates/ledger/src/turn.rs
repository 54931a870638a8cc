//! Turns: how a validator moves its head.
//!
//! A round of L ≥ 4 heights has four phases; its r-th begins at height L·r + 1. At the first height of phase 2 the round
//! *opens* for turns: what may be merged is fixed, and everything that an author must agree on with the ledger follows
//! from the state after the height before, so [`State::turn_plan`] tells it in time.
//!
//! ```text
//! phase          0 orders, deals      1 delivery, proofs, pay      2 turns committed      3… turns claimed
//! inputs         deals settled to the author since the last opening, and the heads of a few others, drawn by
//!                H(beacon, author, goal); the beacon is that of phase 1
//! batch seed     H(beacon, author, goal)
//! score seed     H(beacon of the commitment's height, commitment, author, goal)
//! part           max(1, ⌊score·(65,536 + ⌊R/4⌋) / 65,536⌋) with the score in units of 2⁻¹⁶
//! shares         Share::divide([own part, parts of the inputs in their order])
//! ```
//!
//! The beacon of the commitment's height is unknown when the author commits, but for the builder of that very block, who
//! knows what it draws. So the commitment is in the seed: a builder can try commitments and keep a lucky one, but cannot
//! train for rows that it knows.
//!
//! The author commits to everything but the scores, then claims the whole with a proof. The claim is accepted after the
//! commitment's height and within the window; then the head moves, or the turn is `pending` when its proof convinces later.

use crate::draft::Draft;
use crate::event::Event;
use crate::goal::Head;
use crate::opened::borrowed;
use crate::plan::{TurnPlan, drawn};
use crate::reputation::Channel;
use crate::{Refused, State, TurnFault};
use bitneuron_core::claim::{Claim, Settles, Source, Turn};
use bitneuron_core::hash::Hasher;
use bitneuron_core::{Amount, Digest, GoalId, Height, NodeId, decode};
use serde::{Deserialize, Serialize};

/// A turn between commitment and claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTurn {
    /// What the author committed to.
    pub commitment: Digest,
    /// When.
    pub height: Height,
    /// What the author may do.
    pub plan: TurnPlan,
}

impl OpenTurn {
    /// What its metric rows are drawn from, by the beacon of its height.
    fn score_seed(&self, beacon: Digest, author: NodeId, goal: GoalId) -> Digest {
        let bound =
            Hasher::new("bitneuron bound beacon v1").update(&beacon.0).update(&self.commitment.0).finish();
        drawn("bitneuron score seed v1", bound, author, goal)
    }
}

impl State {
    /// The turn of an author that waits for its claim.
    pub fn open_turn(&self, author: NodeId, goal: GoalId) -> Option<&OpenTurn> {
        self.turns.get(&(author, goal))
    }

    /// What the metric rows of an open turn are drawn from, once the commitment is in a block.
    pub fn score_seed(&self, author: NodeId, goal: GoalId) -> Option<Digest> {
        let open = self.open_turn(author, goal)?;
        Some(open.score_seed(self.beacon(open.height)?, author, goal))
    }
}

impl Draft<'_> {
    /// Opens a round for turns.
    pub(crate) fn open_round(&mut self) {
        let now = self.state.clock.height;
        if self.state.params.phase(now) != 2 {
            return;
        }
        let opening = self.state.freeze();
        self.state.frozen.prune(|name, _| opening.contains_key(name));
        self.state.frozen.extend(opening);
        let before = Height(now.0.saturating_sub(1));
        self.state.clock.opened = self.state.beacons.get(&before).copied().unwrap_or_default();
        self.state.forget_deals();
        self.state.forget_opened();
    }

    /// Drops the turns that were not claimed in time.
    pub(crate) fn lapse(&mut self) {
        let (now, window) = (self.state.clock.height, self.state.params.turns.window);
        let late = |turn: &OpenTurn| turn.height.0.saturating_add(window) < now.0;
        let lapsed: Vec<_> =
            self.state.turns.iter().filter(|(_, turn)| late(turn)).map(|(key, _)| *key).collect();
        for (author, goal) in lapsed {
            self.state.turns.unset(&(author, goal));
            self.state.blame_late_turn(author);
            self.events.push(Event::TurnLapsed { author, goal });
        }
    }

    pub(crate) fn commit_turn(
        &mut self,
        author: NodeId,
        goal: GoalId,
        commitment: Digest,
    ) -> Result<(), Refused> {
        self.state.registered(goal)?;
        let height = self.state.clock.height;
        if self.state.params.phase(height) < 2 {
            return Err(TurnFault::Phase.into());
        }
        if !self.state.is_able(author) {
            return Err(TurnFault::Author(author).into());
        }
        if self.state.turns.contains_key(&(author, goal)) {
            return Err(TurnFault::Open.into());
        }
        let (round, beacon) = (self.state.params.round_of(height), self.state.clock.opened);
        let plan = self.state.plan(author, goal, round, beacon, &self.state.frozen);
        let plan = plan.ok_or(TurnFault::Before)?;
        self.state.turns.set((author, goal), OpenTurn { commitment, height, plan });
        self.events.push(Event::TurnCommitted { author, goal });
        Ok(())
    }

    /// An author's claim of a turn.
    pub(crate) fn turn_claim(&mut self, claim: &Claim) -> Result<(), Refused> {
        let (author, goal) = (claim.by(), GoalId(claim.context().subject));
        let turn: Turn = decode(claim.public())?;
        self.judge_turn(claim, &turn, author, goal)?;
        self.spend(self.openings(claim), &borrowed(&turn))?;
        self.judge(|judge| judge.check(claim))?;
        let head = self.close_turn(&turn, author, goal)?;
        match self.settles(claim) {
            Settles::AtOnce => {
                self.settle_turn(&turn, head, author, goal, self.kept);
                Ok(())
            }
            Settles::After(window) => {
                self.use_goods(&turn, true);
                self.pend(claim, &turn, head, window)
            }
        }
    }

    fn judge_turn(&self, claim: &Claim, turn: &Turn, author: NodeId, goal: GoalId) -> Result<(), Refused> {
        let (state, now) = (&self.state, self.state.clock.height);
        let entry = state.registered(goal)?;
        let open = state.open_turn(author, goal).ok_or(TurnFault::NotOpen)?;
        let rule = |holds: bool, fault: TurnFault| if holds { Ok(()) } else { Err(fault) };
        let last = open.height.0.saturating_add(state.params.turns.window);
        rule(open.height < now && now.0 <= last, TurnFault::Window)?;
        rule(claim.context().height == open.height && turn.goal.id() == goal, TurnFault::Context)?;
        rule(turn.commitment() == open.commitment, TurnFault::Commitment)?;
        let head = state.front(goal, author).map(|head| head.model);
        rule(turn.before == open.plan.before && head == Some(turn.before), TurnFault::Before)?;
        let beacon = state.beacons.get(&open.height).copied().ok_or(TurnFault::Window)?;
        let score_seed = open.score_seed(beacon, author, goal);
        rule((turn.batch_seed, turn.score_seed) == (open.plan.batch_seed, score_seed), TurnFault::Seed)?;
        let count = turn.inputs.len();
        rule(count <= entry.goal.max_inputs as usize && count == turn.kept.len(), TurnFault::Order)?;
        open.plan.check(&turn.inputs)?;
        rule(state.is_usable(goal, author, turn.data, open.height), TurnFault::Data)?;
        let drawn = entry.goal.drawn;
        rule(turn.right_before <= drawn && turn.right_after <= drawn, TurnFault::Score)?;
        Ok(())
    }

    /// An open turn is claimed: the head that it leads to.
    fn close_turn(&mut self, turn: &Turn, author: NodeId, goal: GoalId) -> Result<Head, Refused> {
        let before = self.state.front(goal, author).ok_or(Refused::NoGoal(goal))?;
        self.state.turns.unset(&(author, goal));
        Ok(Head {
            model: turn.after,
            right: turn.right_after,
            rows: turn.goal.drawn,
            turns: before.turns.saturating_add(1),
            at: self.state.clock.height,
        })
    }

    /// A turn is final: its author's head moves; of the fee of its claim so much was kept.
    pub(crate) fn settle_turn(&mut self, turn: &Turn, head: Head, author: NodeId, goal: GoalId, fee: Amount) {
        let drawn = turn.goal.drawn;
        self.state.heads.set((goal, author), head);
        self.use_goods(turn, false);
        let mut kept = 0u32;
        for (input, stays) in turn.inputs.iter().zip(&turn.kept) {
            kept = kept.saturating_add(u32::from(*stays));
            if let Source::Deal(id) = input.source {
                self.credit(id, *stays, turn.right_after > turn.right_before);
                if *stays && self.state.is_listed(goal) {
                    self.state.remember_sold(goal, author, id);
                }
            }
        }
        self.events.push(Event::TurnAccepted {
            author,
            goal,
            head: turn.after,
            right_before: turn.right_before,
            right_after: turn.right_after,
            drawn,
            inputs: u32::try_from(turn.inputs.len()).unwrap_or(u32::MAX),
            kept,
        });
        if self.state.is_listed(goal) {
            self.merit = Amount::SUPPLY;
            self.state.gain(author, Channel::Training, fee);
        }
    }

    /// Bought models were merged, in a turn that is pending or final.
    pub(crate) fn use_goods(&mut self, turn: &Turn, pending: bool) {
        for input in &turn.inputs {
            let Source::Deal(id) = input.source else { continue };
            let Some(mut sale) = self.state.deals.get(&id).cloned() else { continue };
            if let Some(good) = &mut sale.good {
                (good.used, good.pending) = (true, pending);
            }
            self.state.deals.set(id, sale);
        }
    }

    /// A turn that merged a bought model is final. Seller and buyer gain when the filter kept it and the turn improved, each by
    /// half of what the treasury took of the price, which nobody got back.
    fn credit(&mut self, id: Digest, kept: bool, improved: bool) {
        let Some(sale) = self.state.deals.get(&id) else { return };
        let (seller, buyer, goal) = (sale.deal.seller, sale.deal.buyer, sale.deal.terms.goal());
        let fee = self.state.params.market.deals.split.divide(sale.deal.total).treasury;
        if kept && improved && self.state.is_listed(goal) {
            let half = Amount(fee.0 / 2);
            self.state.gain(buyer, Channel::Purchases, half);
            self.state.gain(seller, Channel::Answers, fee.saturating_sub(half));
        }
    }
}
