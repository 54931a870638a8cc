//! Slashing: what a proven misdeed costs.
//!
//! Each misdeed has a name, its *subject*; it is punished once. All that a voter does of one kind in one epoch is one
//! misdeed. The fraction is of all stake, bonded and unbonding. For contradictions it grows with the part X of all stake
//! whose owners did the same within the age of evidence, each counted once and this one included: alone it costs little,
//! together a third costs everything.
//!
//! ```text
//! fraction = min(1, base + c·X)        amount = fraction of the stake, up to a whole quantum
//! ```
//!
//! The informer gets a small part, capped, unless it informs against itself; the treasury the rest, never the other
//! voters. Later offenders pay for earlier ones, not the reverse. Lateness and absence cost reputation only.

use crate::account::Pocket;
use crate::event::Event;
use crate::reputation::Fall;
use crate::{Refused, Stake, State, draft::Draft};
use bitneuron_core::{Amount, Digest, Epoch, Height, NodeId, hash::Hasher};
use bitneuron_market::BasisPoints;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kinds of misdeeds that cost stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Offence {
    /// Two votes in one round.
    DoubleVote,
    /// Two proposals in one round.
    DoubleProposal,
    /// A false claim or delivery, signed.
    FalseClaim,
    /// A block with a false claim, proposed.
    FalseProposal,
    /// A block with a false claim, precommitted.
    FalsePrecommit,
    /// An audit left unanswered.
    LostAudit,
}

/// A punished misdeed, remembered as long as evidence for it is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misdeed {
    /// Whose.
    pub who: NodeId,
    /// Of which kind.
    pub offence: Offence,
    /// When it was punished.
    pub punished: Height,
    /// The stake that stood behind it.
    pub stake: Amount,
}

impl State {
    /// Whether the misdeed with this name was punished.
    pub fn is_punished(&self, subject: Digest) -> bool {
        self.misdeeds.contains_key(&subject)
    }

    pub(crate) fn unpunished(&self, subject: Digest) -> Result<(), Refused> {
        if self.is_punished(subject) { Err(Refused::Punished(subject)) } else { Ok(()) }
    }

    /// The name of all that a voter did of one kind in the epoch of this height.
    pub(crate) fn misdeed(&self, who: NodeId, offence: Offence, height: Height) -> Digest {
        let epoch = height.epoch(self.params.epoch);
        let mut hasher = Hasher::new("bitneuron voter's misdeed v1");
        hasher.update(&who.0).number(offence as u64).number(epoch.0).finish()
    }

    pub(crate) fn forget_misdeeds(&mut self) {
        // Evidence is heard for one age after the deed, and no deed is later than its punishment.
        let (age, now) = (self.params.stake.evidence_age, self.clock.height.0);
        self.misdeeds.prune(|_, misdeed| misdeed.punished.0.saturating_add(age) >= now);
    }

    /// Whether something of this height may still be punished.
    pub(crate) fn punishable(&self, height: Height) -> Result<(), Refused> {
        let now = self.clock.height.0;
        let old = height.0.saturating_add(self.params.stake.evidence_age) < now;
        if old || height.0 > now { Err(Refused::Age(height)) } else { Ok(()) }
    }

    /// Whether a node had a vote at a height.
    pub(crate) fn voted(&self, who: NodeId, height: Height) -> Result<(), Refused> {
        let epoch = height.epoch(self.params.epoch);
        let member = self.electorate(epoch).is_some_and(|electorate| electorate.weight_of(who).is_some());
        if member { Ok(()) } else { Err(Refused::Stranger { who, epoch }) }
    }

    /// Who contradicts himself never votes again; who stood for a false block sits for a while.
    fn jail(&mut self, who: NodeId, offence: Offence) {
        let mut stake = self.stakes.get(&who).cloned().unwrap_or_default();
        let epoch = self.epoch();
        let until = Epoch(epoch.0.saturating_add(self.params.slash.jail).saturating_add(1));
        match offence {
            Offence::FalseClaim | Offence::LostAudit => {}
            Offence::DoubleVote => stake.tombstoned = true,
            // A second time in jail is the last.
            Offence::DoubleProposal if !stake.is_free(epoch) => stake.tombstoned = true,
            Offence::DoubleProposal | Offence::FalseProposal | Offence::FalsePrecommit => {
                stake.jailed = until;
            }
        }
        self.put_stake(who, stake);
    }

    fn fraction(&self, who: NodeId, offence: Offence, stake: Amount) -> BasisPoints {
        let params = &self.params.slash;
        let base = match offence {
            Offence::DoubleVote => params.double_vote,
            Offence::DoubleProposal => params.double_proposal,
            Offence::FalseClaim => params.false_claim,
            Offence::FalseProposal => params.false_proposal,
            Offence::FalsePrecommit => params.false_precommit,
            Offence::LostAudit => params.lost_audit,
        };
        if !matches!(offence, Offence::DoubleVote | Offence::DoubleProposal) {
            return base;
        }
        let mut guilty = BTreeMap::from([(who, stake)]);
        let same = self.misdeeds.values().filter(|misdeed| misdeed.offence == offence);
        for misdeed in same.filter(|misdeed| misdeed.who != who) {
            let most = guilty.entry(misdeed.who).or_default();
            *most = misdeed.stake.max(*most);
        }
        let guilty = Amount::sum(guilty.into_values()).unwrap_or(Amount::SUPPLY);
        let all = Amount::sum(self.stakes.values().map(Stake::slashable)).unwrap_or(Amount::SUPPLY);
        let share = guilty.mul_div(10_000, all.0).unwrap_or_default().0.min(10_000);
        let more = share.saturating_mul(u128::from(params.correlation));
        let sum = more.saturating_add(u128::from(base.0)).min(10_000);
        BasisPoints(u16::try_from(sum).unwrap_or(10_000))
    }
}

impl Draft<'_> {
    /// Punishes a proven misdeed, once.
    pub(crate) fn slash(
        &mut self,
        who: NodeId,
        offence: Offence,
        subject: Digest,
        informer: NodeId,
    ) -> Result<(), Refused> {
        self.state.unpunished(subject)?;
        let stake = self.state.stakes.get(&who).cloned().unwrap_or_default();
        let all = stake.slashable();
        let part = self.state.fraction(who, offence, all).ceil_of(all);
        let quanta = part.0.div_ceil(Amount::QUANTUM.0);
        let amount = Amount(quanta.saturating_mul(Amount::QUANTUM.0)).min(all);
        let misdeed = Misdeed { who, offence, punished: self.state.clock.height, stake: all };
        self.state.misdeeds.set(subject, misdeed);
        self.events.push(Event::Refuted { who, informer, subject });
        self.take(who, &stake, amount, informer)?;
        self.state.jail(who, offence);
        let fall = if offence == Offence::DoubleVote { Fall::Double } else { Fall::False };
        self.state.fall(who, fall);
        if amount > Amount::ZERO {
            self.events.push(Event::Slashed { who, offence, amount });
        }
        Ok(())
    }

    /// Takes stake: first what is bonded, then what unbonds, the earliest first.
    fn take(&mut self, who: NodeId, stake: &Stake, amount: Amount, informer: NodeId) -> Result<(), Refused> {
        let params = &self.state.params.slash;
        let mut reward = params.informer.floor_of(amount).min(params.informer_cap);
        if informer == who {
            reward = Amount::ZERO;
        }
        let mut rest = amount;
        let bonded = std::iter::once((Pocket::Bonded(who), stake.bonded));
        let unbonding = stake.unbonding.iter().map(|(free, held)| (Pocket::Unbonding(who, *free), *held));
        for (pocket, held) in bonded.chain(unbonding) {
            let taken = rest.min(held);
            let told = reward.min(taken);
            self.state.shift(pocket, Pocket::Account(informer), told)?;
            self.state.shift(pocket, Pocket::Treasury, taken.saturating_sub(told))?;
            rest = rest.saturating_sub(taken);
            reward = reward.saturating_sub(told);
        }
        Ok(())
    }
}
