//! Who is paid what.
//!
//! ```text
//! pay_i = P · S_i·s_i·u_i / Σ_j S_j·s_j·u_j · s_i / (s_i + η)          u = 1 for the first of its kind, 1/32 for copies
//! ```
//!
//! with S the stake, s the score and η what is taken off as chance. Splitting a stake over names gains nothing, since pay is linear in
//! it and all but one are copies. While fewer than three kinds are paid, they share so many thirds of P, and nobody gets more than
//! one. The last factor is for contests in which hardly anybody is better than the parent: a share alone would pay a score of a
//! tenth of η as much as a large one, and by chance a copy of the last winner has one now and then. What is not paid stays for later
//! contests. A part of P goes to the examiners whose shards agree with the others (`rank`), in equal parts.

use super::cluster::firsts;
use super::entry::{Candidate, Contest, Outcome, Parent, Placing, Sold};
use super::event::ContestEvent;
use super::params::ContestParams;
use super::purse::Purse;
use super::rank::{Verdict, verdicts};
use super::royalty::{most_royalties, royalties, within};
use super::score::{gains, middle_mean, score};
use super::successor::{Ranked, successor};
use crate::account::Pocket;
use crate::event::Merit;
use crate::{Refused, draft::Draft};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Amount, GoalId, NodeId};

/// A candidate when it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Entrant<'a> {
    /// What its author has at stake.
    pub stake: Amount,
    /// Its integers.
    pub model: &'a ExactParams,
    /// Its losses on the tests in micro-nats.
    pub losses: &'a [i64],
}

/// What follows from the losses of all candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What each improved on each shard, in micro-nats.
    pub gains: Vec<Vec<i64>>,
    /// The score of each.
    pub scores: Vec<i64>,
    /// Whether each is the first of its kind.
    pub firsts: Vec<bool>,
    /// S·s·u of each, in quanta, micro-nats and parts of 32.
    pub weights: Vec<u128>,
    /// What the shards deserve.
    pub verdicts: Vec<Verdict>,
    /// η, in micro-nats: beside it a score is large or small.
    pub margin: u32,
}

/// Judges candidates, in the order in which they were entered, against the parent and its losses.
pub fn judge(parent: &ExactParams, base: &[i64], entrants: &[Entrant<'_>], params: &ContestParams) -> Judged {
    let gains: Vec<Vec<i64>> = entrants.iter().map(|entrant| gains(base, entrant.losses)).collect();
    let scores: Vec<i64> = gains.iter().map(|gains| score(gains, params.margin)).collect();
    let models: Vec<&[i32]> = entrants.iter().map(|entrant| entrant.model.values()).collect();
    let firsts = firsts(parent.values(), &models);
    let weigh = |((entrant, score), first): ((&Entrant<'_>, &i64), &bool)| {
        let quanta = entrant.stake.0.checked_div(Amount::QUANTUM.0).unwrap_or(0);
        let unique = if *first { ContestParams::COPY } else { 1 };
        quanta.saturating_mul(u128::from(score.unsigned_abs())).saturating_mul(unique)
    };
    let weights = entrants.iter().zip(&scores).zip(&firsts).map(weigh).collect();
    let kinds: Vec<&[i64]> =
        gains.iter().zip(&firsts).filter(|(_, first)| **first).map(|(gains, _)| gains.as_slice()).collect();
    let verdicts = verdicts(&kinds, base.len(), params.margin);
    Judged { gains, scores, firsts, weights, verdicts, margin: params.margin }
}

impl Judged {
    /// What the candidates are paid of so much.
    pub fn divide(&self, pot: Amount) -> Vec<Amount> {
        let proved = |(part, score): (Amount, &i64)| {
            let (score, margin) = (u128::from(score.unsigned_abs()), u128::from(self.margin));
            part.mul_div(score, score.saturating_add(margin)).unwrap_or_default()
        };
        self.shares(pot).into_iter().zip(&self.scores).map(proved).collect()
    }

    /// The candidates' shares of so much, however small their scores.
    fn shares(&self, pot: Amount) -> Vec<Amount> {
        let kinds = self.weights.iter().zip(&self.firsts).filter(|(weight, first)| **first && **weight > 0);
        let kinds = kinds.count();
        if kinds >= ContestParams::FEW {
            return divide(pot, &self.weights);
        }
        let third = pot.0 / 3;
        let thirds = third.saturating_mul(u128::try_from(kinds).unwrap_or(0));
        divide(Amount(thirds), &self.weights).into_iter().map(|piece| piece.min(Amount(third))).collect()
    }

    /// What the examiners of the shards are paid of so much.
    pub fn examiners(&self, pot: Amount) -> Vec<Amount> {
        let agrees = |verdict: &Verdict| u128::from(*verdict == Verdict::Agrees);
        divide(pot, &self.verdicts.iter().map(agrees).collect::<Vec<_>>())
    }
}

/// Divides an amount by weights, the units left over to the largest remainders; nothing when all weigh nothing. Weights whose sum
/// is beyond 2⁶³ are halved until it is not, all alike.
pub fn divide(pot: Amount, weights: &[u128]) -> Vec<Amount> {
    let sum = weights.iter().fold(0u128, |sum, weight| sum.saturating_add(*weight));
    let bits = 128u32.saturating_sub(sum.leading_zeros()).saturating_sub(63);
    let weights: Vec<u128> = weights.iter().map(|weight| weight.checked_shr(bits).unwrap_or(0)).collect();
    pot.min(Amount::SUPPLY).split(&weights).unwrap_or_else(|| vec![Amount::ZERO; weights.len()])
}

/// A candidate of the state with its integers, in the order of the commitments.
pub(super) struct Shown {
    pub(super) author: NodeId,
    pub(super) entered: Candidate,
    pub(super) model: ExactParams,
}

impl Draft<'_> {
    /// Ends a contest whose candidates are scored: pays it and moves the parent.
    pub(super) fn pay_contest(
        &mut self,
        goal: GoalId,
        contest: &Contest,
        purse: Purse,
    ) -> Result<(), Refused> {
        let shown = self.state.shown(goal)?;
        let parent = self.state.parent_model(goal)?;
        let stakes: Vec<Amount> =
            shown.iter().map(|one| self.state.stake_behind(one.author, one.entered.stake)).collect();
        let entrants: Vec<Entrant<'_>> = shown
            .iter()
            .zip(&stakes)
            .map(|(one, stake)| Entrant { stake: *stake, model: &one.model, losses: &one.entered.losses })
            .collect();
        let judged = judge(&parent, &contest.base, &entrants, &self.state.params.contest);
        let fee = self.state.params.contest.examiners.floor_of(purse.gradient);
        let pays = judged.divide(purse.gradient.saturating_sub(fee));
        let authors = shown.iter().map(|one| one.author).zip(pays.clone()).collect();
        let examiners = contest.tests.iter().map(|shard| shard.examiner).zip(judged.examiners(fee)).collect();
        // Fees first: what the slice of emission does not pay is carried.
        let sold = self.sold_to(goal, &shown);
        let mut left = most_royalties(&sold, &self.state.params.market.deals.split);
        let users = royalties(&within(judged.divide(purse.users), &mut left), &sold);
        let data = royalties(&within(judged.divide(purse.data), &mut left), &sold);
        let mut paid = 0u128;
        for (from, merit, whom) in [
            (Pocket::Gradient, Merit::Gradient, authors),
            (Pocket::Gradient, Merit::Examination, examiners),
            (Pocket::Data, Merit::Royalty, data),
            (Pocket::Users, Merit::Royalty, users),
        ] {
            paid = paid.saturating_add(self.pay_all(from, merit, whom)?);
        }
        let moved = self.move_parent(goal, contest, &parent, &shown, &judged)?;
        for (shard, verdict) in contest.tests.iter().zip(&judged.verdicts) {
            self.end_shard(goal, *shard, *verdict != Verdict::Contradicts)?;
        }
        let placing = |(at, one): (usize, &Shown)| Placing {
            author: one.author,
            score: judged.scores.get(at).copied().unwrap_or(0),
            first: judged.firsts.get(at).copied().unwrap_or(false),
            pay: pays.get(at).copied().unwrap_or_default(),
        };
        let candidates = shown.iter().enumerate().map(placing).collect();
        let (number, tests) = (contest.number, u32::try_from(contest.tests.len()).unwrap_or(u32::MAX));
        let amount = Amount(paid);
        let outcome = Outcome { contest: number, candidates, tests, paid: amount, moved };
        self.state.contests.outcomes.set(goal, outcome);
        self.events.push(ContestEvent::Paid { contest: number, amount, moved }.of(goal));
        Ok(())
    }

    /// Pays many; says how much together.
    fn pay_all(&mut self, from: Pocket, merit: Merit, whom: Vec<(NodeId, Amount)>) -> Result<u128, Refused> {
        let mut paid = 0u128;
        for (who, amount) in whom {
            self.pay(from, who, merit, amount)?;
            paid = paid.saturating_add(amount.0);
        }
        Ok(paid)
    }

    /// What each candidate is made of.
    fn sold_to(&self, goal: GoalId, shown: &[Shown]) -> Vec<Vec<Sold>> {
        let lineage = |one: &Shown| self.state.contests.lineages.get(&(goal, one.author));
        shown
            .iter()
            .map(|one| lineage(one).map_or_else(Vec::new, |lineage| lineage.entered.clone()))
            .collect()
    }

    fn move_parent(
        &mut self,
        goal: GoalId,
        contest: &Contest,
        parent: &ExactParams,
        shown: &[Shown],
        judged: &Judged,
    ) -> Result<bool, Refused> {
        let firsts = shown.iter().zip(&judged.scores).zip(&judged.gains).zip(&judged.firsts);
        let ranked: Vec<Ranked<'_>> = firsts
            .filter(|(_, first)| **first)
            .map(|(((one, score), gains), _)| Ranked {
                model: &one.model,
                score: *score,
                gain: middle_mean(gains),
            })
            .collect();
        let tests = self.state.tests(goal, contest)?;
        let most = self.state.params.contest.merged as usize;
        let known = &self.state.registered(goal)?.goal;
        let Some(next) = successor(known, &tests, (parent, &contest.base), &ranked, most)? else {
            return Ok(false);
        };
        let found = Some(contest.number);
        self.state.contests.parents.set(goal, Parent { model: next.to_bytes(), found });
        Ok(true)
    }
}
