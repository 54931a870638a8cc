//! What the ledger lets an author do in a turn: which models it may merge, how heavy they are, and which rows it trains on.
//!
//! Everything follows from the state after the height before, so an author knows its plan in time; `turn` says when.

use crate::goal::Head;
use crate::{State, TurnFault};
use bitneuron_core::claim::{Source, TurnInput};
use bitneuron_core::exact::data::draw;
use bitneuron_core::hash::Hasher;
use bitneuron_core::{Commitment, Digest, GoalId, NodeId, Reputation, Share};
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
pub(crate) type FrozenHeads = OrdMap<(GoalId, NodeId), Frozen>;

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
    pub(crate) fn check(&self, stated: &[TurnInput]) -> Result<(), TurnFault> {
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

/// A seed that belongs to an author and a goal.
pub(crate) fn drawn(domain: &str, beacon: Digest, author: NodeId, goal: GoalId) -> Digest {
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

    /// The proven heads of all who may take turns now.
    pub(crate) fn freeze(&self) -> FrozenHeads {
        let able = self.heads.iter().filter(|((_, author), _)| self.is_able(*author));
        let freeze = |((goal, author), head): (&(GoalId, NodeId), &Head)| {
            let front = self.front(*goal, *author).filter(|front| front.turns > 0)?;
            let weigh = |head: &Head| part(head.score(), self.reputation(*author));
            let part = if head.turns > 0 { weigh(head) } else { 0 };
            Some(((*goal, *author), Frozen { model: head.model, part, own: weigh(&front) }))
        };
        able.filter_map(freeze).collect()
    }

    /// The plan under the heads of an opening and the beacon that goes with it.
    pub(crate) fn plan(
        &self,
        author: NodeId,
        goal: GoalId,
        round: u64,
        beacon: Digest,
        heads: &FrozenHeads,
    ) -> Option<TurnPlan> {
        let before = self.front(goal, author)?;
        let frozen = heads.get(&(goal, author));
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
        let others: Vec<_> =
            heads.range(first..=last).filter(|((_, id), frozen)| *id != author && frozen.part > 0).collect();
        let count = others.len().min(self.params.turns.heads as usize);
        let seed = drawn("bitneuron drawn heads v1", beacon, author, goal);
        let picks = draw(seed, u32::try_from(others.len()).unwrap_or(u32::MAX), count);
        let drawn_heads = picks.into_iter().filter_map(|at| {
            let ((_, id), frozen) = others.get(usize::try_from(at).ok()?)?;
            let (source, share) = (Source::Head(*id), Share::ZERO);
            Some(PlannedInput { source, from: *id, model: frozen.model, part: frozen.part, share })
        });
        let mut inputs: Vec<PlannedInput> = settled.chain(drawn_heads).collect();
        inputs.sort_unstable_by_key(|input| input.source);
        let batch_seed = drawn("bitneuron batch seed v1", beacon, author, goal);
        let mut plan = TurnPlan { before: before.model, own_part, own: Share::ONE, inputs, batch_seed };
        plan.divide();
        Some(plan)
    }
}
