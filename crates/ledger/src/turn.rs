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

use crate::event::{Event, Merit};
use crate::opened::borrowed;
use crate::reputation::Channel;
use crate::{Refused, State, TurnFault, execute::Draft, goal::Head};
use bitneuron_core::claim::{Claim, Settles, Source, Turn, TurnInput};
use bitneuron_core::exact::data::draw;
use bitneuron_core::hash::Hasher;
use bitneuron_core::{Amount, Commitment, Digest, GoalId, Height, NodeId, Reputation, Share, decode};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

/// A head at the opening of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// The settled model, which others may merge.
    pub model: Commitment,
    /// How heavy it is in a merge; 0 before anything is settled.
    pub part: u64,
    /// How heavy the front of the lineage is, which only its author merges.
    pub own: u64,
}

/// The heads at the opening of a round, by goal and author.
pub(crate) type Opening = OrdMap<(GoalId, NodeId), Frozen>;

/// A model that an author may merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedInput {
    /// Where it comes from.
    pub source: Source,
    /// Whose it is: the seller's, or the other validator's.
    pub from: NodeId,
    /// The model.
    pub model: Commitment,
    /// How heavy it is.
    pub part: u64,
    /// Its share among the inputs that the plan holds now.
    pub share: Share,
}

/// What the ledger lets an author do in a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnPlan {
    /// The author's head.
    pub before: Commitment,
    /// How heavy it is.
    pub own_part: u64,
    /// The share of the author's own model.
    pub own: Share,
    /// What may be merged, in canonical order.
    pub inputs: Vec<PlannedInput>,
    /// What the batches are drawn from.
    pub batch_seed: Digest,
}

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

/// How heavy a model of this score and its maker's reputation is in a merge.
pub fn part(score: u32, reputation: Reputation) -> u64 {
    let factor = (1u64 << 16).saturating_add(u64::from(reputation.0 / 4));
    (u64::from(score).saturating_mul(factor) >> 16).max(1)
}

/// The shares of the own model and of the inputs, in their order; together [`Share::ONE`].
pub fn turn_shares(own: u64, inputs: &[u64]) -> (Share, Vec<Share>) {
    let parts: Vec<u64> = std::iter::once(own).chain(inputs.iter().copied()).collect();
    let mut shares = Share::divide(&parts).into_iter();
    (shares.next().unwrap_or(Share::ONE), shares.collect())
}

impl TurnPlan {
    /// Drops the inputs that `keep` does not want and divides the shares anew.
    pub fn keep(&mut self, mut keep: impl FnMut(&PlannedInput) -> bool) {
        self.inputs.retain(|input| keep(input));
        self.divide();
    }

    /// Keeps at most this many inputs, the first in canonical order.
    pub fn truncate(&mut self, most: usize) {
        self.inputs.truncate(most);
        self.divide();
    }

    /// The inputs as a turn states them.
    pub fn turn_inputs(&self) -> Vec<TurnInput> {
        let state =
            |input: &PlannedInput| TurnInput { source: input.source, model: input.model, share: input.share };
        self.inputs.iter().map(state).collect()
    }

    fn divide(&mut self) {
        let parts: Vec<u64> = self.inputs.iter().map(|input| input.part).collect();
        let (own, shares) = turn_shares(self.own_part, &parts);
        self.own = own;
        self.inputs.iter_mut().zip(shares).for_each(|(input, share)| input.share = share);
    }

    /// Checks that these inputs are a part of the plan, in order, with the shares that follow.
    fn check(&self, stated: &[TurnInput]) -> Result<(), TurnFault> {
        if !stated.array_windows().all(|[a, b]| a.source < b.source) {
            return Err(TurnFault::Order);
        }
        let mut parts = Vec::with_capacity(stated.len());
        for input in stated {
            let planned = self.inputs.iter().find(|planned| planned.source == input.source);
            let planned = planned.filter(|planned| planned.model == input.model);
            parts.push(planned.ok_or(TurnFault::Input(input.source))?.part);
        }
        let (_, shares) = turn_shares(self.own_part, &parts);
        match stated.iter().zip(shares).find(|(input, share)| input.share != *share) {
            Some((input, _)) => Err(TurnFault::Share(input.source)),
            None => Ok(()),
        }
    }
}

fn drawn(domain: &str, beacon: Digest, author: NodeId, goal: GoalId) -> Digest {
    Hasher::new(domain).update(&beacon.0).update(&author.0).update(&goal.0.0).finish()
}

impl State {
    /// What an author may do in the turn that it can commit to at the next height; `None` when no turns are committed to
    /// then, or without such a goal. Heads that nobody but their authors may open any more are left out.
    pub fn turn_plan(&self, author: NodeId, goal: GoalId) -> Option<TurnPlan> {
        let next = self.clock.height.next();
        let round = self.params.round_of(next);
        let mut plan = match self.params.phase(next) {
            2 => self.plan(author, goal, round, self.beacon(self.clock.height)?, &self.freeze()),
            3 => self.plan(author, goal, round, self.clock.opened, &self.frozen),
            _ => None,
        }?;
        plan.keep(|input| matches!(input.source, Source::Deal(_)) || self.lends(input.model));
        Some(plan)
    }

    /// The turn of an author that waits for its claim.
    pub fn open_turn(&self, author: NodeId, goal: GoalId) -> Option<&OpenTurn> {
        self.turns.get(&(author, goal))
    }

    /// What the metric rows of an open turn are drawn from, once the commitment is in a block.
    pub fn score_seed(&self, author: NodeId, goal: GoalId) -> Option<Digest> {
        let open = self.open_turn(author, goal)?;
        Some(open.score_seed(self.beacon(open.height)?, author, goal))
    }

    /// The proven heads of all who may take turns now.
    pub(crate) fn freeze(&self) -> Opening {
        let able = self.heads.iter().filter(|((_, author), _)| self.is_able(*author));
        let freeze = |((goal, author), head): (&(GoalId, NodeId), &Head)| {
            let front = self.front(*goal, *author).filter(|front| front.turns > 0)?;
            let weigh = |head: &Head| part(head.score(), self.reputation(*author));
            let part = if head.turns > 0 { weigh(head) } else { 0 };
            Some(((*goal, *author), Frozen { model: head.model, part, own: weigh(&front) }))
        };
        able.filter_map(freeze).collect()
    }

    fn plan(
        &self,
        author: NodeId,
        goal: GoalId,
        round: u64,
        beacon: Digest,
        opening: &Opening,
    ) -> Option<TurnPlan> {
        let before = self.front(goal, author)?;
        let frozen = opening.get(&(goal, author));
        // One turn a round: none may have been claimed since the round opened.
        if frozen.is_some() && before.at >= self.params.opening(round) {
            return None;
        }
        let own_part = frozen.map_or(1, |frozen| frozen.own);
        let settled = self.deals.iter().filter_map(|(id, sale)| {
            let (deal, good) = (&sale.deal, sale.good?);
            let mine = deal.buyer == author && deal.terms.goal() == goal && good.round == round && !good.used;
            let (_, model, _) = deal.promise().filter(|_| mine)?;
            let (source, from, share) = (Source::Deal(*id), deal.seller, Share::ZERO);
            Some(PlannedInput { source, from, model, part: good.part, share })
        });
        let (first, last) = ((goal, NodeId([0; 32])), (goal, NodeId([255; 32])));
        let others: Vec<_> = opening
            .range(first..=last)
            .filter(|((_, id), frozen)| *id != author && frozen.part > 0)
            .collect();
        let count = others.len().min(self.params.turns.heads as usize);
        let seed = drawn("bitneuron drawn heads v1", beacon, author, goal);
        let picks = draw(seed, u32::try_from(others.len()).unwrap_or(u32::MAX), count);
        let heads = picks.into_iter().filter_map(|at| {
            let ((_, id), frozen) = others.get(usize::try_from(at).ok()?)?;
            let (source, share) = (Source::Head(*id), Share::ZERO);
            Some(PlannedInput { source, from: *id, model: frozen.model, part: frozen.part, share })
        });
        let mut inputs: Vec<PlannedInput> = settled.chain(heads).collect();
        inputs.sort_unstable_by_key(|input| input.source);
        let batch_seed = drawn("bitneuron batch seed v1", beacon, author, goal);
        let mut plan = TurnPlan { before: before.model, own_part, own: Share::ONE, inputs, batch_seed };
        plan.divide();
        Some(plan)
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
            Settles::AtOnce => self.settle_turn(&turn, head, author, goal, self.kept),
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

    /// A turn is final: its author's head moves, and what it earned is paid; of the fee of its claim so much was kept.
    pub(crate) fn settle_turn(
        &mut self,
        turn: &Turn,
        head: Head,
        author: NodeId,
        goal: GoalId,
        fee: Amount,
    ) -> Result<(), Refused> {
        let drawn = turn.goal.drawn;
        self.state.heads.set((goal, author), head);
        self.use_goods(turn, false);
        let mut kept = 0u32;
        for (input, stays) in turn.inputs.iter().zip(&turn.kept) {
            kept = kept.saturating_add(u32::from(*stays));
            if let Source::Deal(id) = input.source {
                self.credit(id, *stays, turn.right_after > turn.right_before);
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
        if !self.state.is_listed(goal) {
            return Ok(());
        }
        self.merit = Amount::SUPPLY;
        self.state.gain(author, Channel::Training, fee);
        self.reward_turn(author)?;
        let step = self.state.params.rewards.step;
        // What cannot be paid now is left to whoever gets there later.
        let affordable = self.state.reward_budget().0.checked_div(step.0).unwrap_or(u128::MAX);
        let steps = self.state.raise(goal, head.score(), u32::try_from(affordable).unwrap_or(u32::MAX));
        let amount = step.mul_div(u128::from(steps), 1).ok_or(Refused::Overflow)?;
        self.reward(author, Merit::Improvement, amount)
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
