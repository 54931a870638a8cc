//! Penalties: what is owed for a misdeed is frozen at once, and taken later.
//!
//! ```text
//! proven ── frozen: gives no weight, does not leave ──┬── taken, at the end of the epoch in which it is due
//!                                                     └── pardoned: given back
//! due = epoch proven + freeze          correlated: not before the epoch in which evidence of the deed's age is no longer heard
//! ```
//!
//! So an honest node that was wronged can be pardoned by a vote, and what a contradiction costs is weighed when all who
//! took part are known: later offenders count for earlier ones too. Until then the stake of whoever contradicted itself stays,
//! so that what is weighed is there.
//!
//! The informer gets a small part, capped, unless it informs against itself; the treasury gets the rest, never the other
//! voters, so nobody gains by framing. The informer's part is not free: it is bonded tokens that became unbonding ones of
//! another owner, and no earlier free than if their owner had unbonded them now. So nobody frees stake by betraying himself; nor
//! does he unlock it, for a lock follows its tokens (`vesting`).

use crate::account::Pocket;
use crate::event::Event;
use crate::slash::{Charge, Offence};
use crate::{Refused, Stake, State, draft::Draft};
use bitneuron_core::{Amount, Digest, Epoch, Height, NodeId};
use serde::{Deserialize, Serialize};

/// What became of a penalty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It is frozen, and taken at the end of this epoch.
    Frozen(Epoch),
    /// It was taken.
    Taken,
    /// It was given back.
    Pardoned,
}

/// A punished misdeed, remembered as long as evidence for it, or for what others did at its time, is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misdeed {
    /// Whose.
    pub who: NodeId,
    /// Of which kind.
    pub offence: Offence,
    /// When it was done.
    pub committed: Height,
    /// Who showed it.
    pub informer: NodeId,
    /// The stake that stood behind it when it was shown.
    pub stake: Amount,
    /// What all voters had at stake then.
    pub active: Amount,
    /// What is frozen or was taken for it.
    pub amount: Amount,
    /// What became of it.
    pub fate: Fate,
}

impl State {
    /// A punished misdeed, by its name.
    pub fn punished(&self, subject: Digest) -> Option<&Misdeed> {
        self.misdeeds.get(&subject)
    }

    /// All punished misdeeds that are remembered, by name.
    pub fn misdeeds(&self) -> impl Iterator<Item = (Digest, &Misdeed)> {
        self.misdeeds.iter().map(|(subject, misdeed)| (*subject, misdeed))
    }

    /// Forgets misdeeds for which no evidence is heard any more, and none for others at their time.
    pub(crate) fn forget_misdeeds(&mut self) {
        let window = self.params.slash.window.saturating_add(1).saturating_mul(self.params.epoch);
        let (age, now) = (self.params.stake.evidence_age.saturating_add(window), self.clock.height.0);
        self.misdeeds.prune(|_, misdeed| {
            matches!(misdeed.fate, Fate::Frozen(_)) || misdeed.committed.0.saturating_add(age) >= now
        });
    }

    /// Whether the stake of a node stays until its contradictions are weighed.
    pub(crate) fn is_held(&self, who: NodeId) -> bool {
        self.misdeeds.values().any(|misdeed| {
            misdeed.who == who && misdeed.offence.is_correlated() && matches!(misdeed.fate, Fate::Frozen(_))
        })
    }

    /// When a penalty is taken.
    fn due(&self, charge: &Charge) -> Epoch {
        let params = &self.params;
        let soon = Epoch(self.epoch().0.saturating_add(params.slash.freeze));
        let heard = Height(charge.committed.0.saturating_add(params.stake.evidence_age));
        if charge.offence.is_correlated() { soon.max(heard.epoch(params.epoch)) } else { soon }
    }

    /// What a node owes already for misdeeds of this kind in the epoch of this one.
    fn owed(&self, charge: &Charge) -> Amount {
        let epoch = |height: Height| height.epoch(self.params.epoch);
        let same = |misdeed: &&Misdeed| {
            (misdeed.who, misdeed.offence) == (charge.who, charge.offence)
                && epoch(misdeed.committed) == epoch(charge.committed)
                && misdeed.fate != Fate::Pardoned
        };
        let amounts = self.misdeeds.values().filter(same).map(|misdeed| misdeed.amount);
        Amount::sum(amounts).unwrap_or(Amount::SUPPLY)
    }

    /// What can be taken from a stake: first what is bonded, then what unbonds, the earliest first.
    fn purse(&self, who: NodeId) -> Vec<(Pocket, Amount)> {
        let stake = self.stakes.get(&who).cloned().unwrap_or_default();
        let unbonding = stake.unbonding.iter().map(|(free, held)| (Pocket::Unbonding(who, *free), *held));
        std::iter::once((Pocket::Bonded(who), stake.bonded)).chain(unbonding).collect()
    }

    /// Moves stake from where it is to what is frozen; says how much there was.
    fn freeze_stake(&mut self, who: NodeId, amount: Amount) -> Result<Amount, Refused> {
        let mut rest = amount;
        for (pocket, held) in self.purse(who) {
            let part = rest.min(held);
            self.shift(pocket, Pocket::Frozen(who), part)?;
            rest = rest.saturating_sub(part);
        }
        Ok(amount.saturating_sub(rest))
    }

    /// Gives back what was frozen: to the bonded stake, or to somebody who has left at the next border.
    fn thaw(&mut self, who: NodeId, amount: Amount) -> Result<(), Refused> {
        let (now, stake) = (self.clock.height, self.stakes.get(&who));
        let stays = stake.is_some_and(|stake| stake.bonded > Amount::ZERO)
            || stake.is_some_and(|stake| stake.unbonding.len() >= Stake::MAX_UNBONDING);
        let to = if stays { Pocket::Bonded(who) } else { Pocket::Unbonding(who, now) };
        self.shift(Pocket::Frozen(who), to, amount)
    }
}

impl Draft<'_> {
    /// Freezes what a misdeed costs, beyond what is owed for others of its kind and epoch.
    pub(crate) fn freeze(&mut self, charge: &Charge) -> Result<(), Refused> {
        let Charge { who, offence, committed, subject, informer, .. } = *charge;
        let stake = self.state.stakes.get(&who).map(Stake::slashable).unwrap_or_default();
        let (active, due) = (self.state.active_stake(), self.state.due(charge));
        let (amount, fate) = (Amount::ZERO, Fate::Frozen(due));
        let mut misdeed = Misdeed { who, offence, committed, informer, stake, active, amount, fate };
        let owed = self.state.owed(charge);
        let more = self.state.penalty(&misdeed).saturating_sub(owed);
        misdeed.amount = self.state.freeze_stake(who, more)?;
        if misdeed.amount == Amount::ZERO && !offence.is_correlated() {
            misdeed.fate = Fate::Taken;
        }
        self.state.misdeeds.set(subject, misdeed);
        if misdeed.amount > Amount::ZERO {
            self.events.push(Event::Frozen { who, offence, amount: misdeed.amount, until: due });
        }
        Ok(())
    }

    /// The end of an epoch: takes what is due.
    pub(crate) fn take_penalties(&mut self) -> Result<(), Refused> {
        let now = self.state.epoch();
        let ripe = |misdeed: &Misdeed| matches!(misdeed.fate, Fate::Frozen(due) if due <= now);
        let due: Vec<(Digest, Misdeed)> = self
            .state
            .misdeeds()
            .filter(|(_, misdeed)| ripe(misdeed))
            .map(|(id, deed)| (id, *deed))
            .collect();
        for (subject, misdeed) in due {
            self.take(subject, misdeed)?;
        }
        Ok(())
    }

    /// Weighs a misdeed once more and takes what it costs.
    fn take(&mut self, subject: Digest, misdeed: Misdeed) -> Result<(), Refused> {
        let Misdeed { who, offence, amount: frozen, .. } = misdeed;
        let mut amount = frozen;
        if offence.is_correlated() {
            let owed = self.state.penalty(&misdeed);
            amount = frozen.min(owed);
            self.state.thaw(who, frozen.saturating_sub(amount))?;
            let more = self.state.freeze_stake(who, owed.saturating_sub(amount))?;
            amount = amount.checked_add(more).ok_or(Refused::Overflow)?;
        }
        let told = self.inform(&misdeed, amount)?;
        self.state.seize(Pocket::Frozen(who), Pocket::Treasury, amount.saturating_sub(told))?;
        self.state.misdeeds.set(subject, Misdeed { amount, fate: Fate::Taken, ..misdeed });
        if amount > Amount::ZERO {
            self.events.push(Event::Slashed { who, offence, amount, frozen });
        }
        Ok(())
    }

    /// The informer's part, in the state that the tokens had: not free, and no earlier free than by unbonding them now.
    fn inform(&mut self, misdeed: &Misdeed, amount: Amount) -> Result<Amount, Refused> {
        let (informer, params) = (misdeed.informer, &self.state.params.slash);
        let free = self.state.free_at();
        let full = self.state.stakes.get(&informer).is_some_and(|stake| {
            stake.unbonding.len() >= Stake::MAX_UNBONDING
                && !stake.unbonding.iter().any(|(height, _)| *height == free)
        });
        if informer == misdeed.who || full {
            return Ok(Amount::ZERO);
        }
        let told = params.informer.floor_of(amount).min(params.informer_cap);
        self.state.seize(Pocket::Frozen(misdeed.who), Pocket::Unbonding(informer, free), told)?;
        Ok(told)
    }

    /// Ends a penalty before it is taken, as a vote may: what is frozen is given back, and who sits in jail for nothing else is
    /// free. The misdeed stays known, so it is not punished again, and counts for nobody.
    ///
    /// # Errors
    /// No such misdeed, or it is too late.
    pub(crate) fn pardon(&mut self, subject: Digest) -> Result<(), Refused> {
        let misdeed = self.state.misdeeds.get(&subject).copied();
        let frozen = |misdeed: &Misdeed| matches!(misdeed.fate, Fate::Frozen(_));
        let misdeed = misdeed.filter(frozen).ok_or(Refused::Punished(subject))?;
        let (who, amount) = (misdeed.who, misdeed.amount);
        self.state.thaw(who, amount)?;
        self.state.misdeeds.set(subject, Misdeed { fate: Fate::Pardoned, amount: Amount::ZERO, ..misdeed });
        let others = |misdeed: &Misdeed| misdeed.who == who && misdeed.fate != Fate::Pardoned;
        if !self.state.misdeeds.values().any(others) {
            let stake = self.state.stakes.get(&who).cloned().unwrap_or_default();
            let jailed = stake.jailed.min(self.state.epoch());
            self.state.put_stake(who, Stake { jailed, tombstoned: false, ..stake });
        }
        self.events.push(Event::Pardoned { who, subject, amount });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Genesis, Params};
    use bitneuron_core::Keypair;
    use bitneuron_core::Seed;
    use bitneuron_core::claim::{CheckClaim, Claim, Refused as Verdict};

    struct Nobody;

    impl CheckClaim for Nobody {
        fn check(&self, claim: &Claim) -> Result<(), Verdict> {
            Err(Verdict::Unknown(claim.statement()))
        }
        fn gas(&self, _: &Claim) -> u64 {
            0
        }
    }

    fn chain() -> (State, Keypair) {
        let keys: Vec<Keypair> = (0..4).map(|n| Keypair::from_seed(Seed::from_number(n))).collect();
        let mut validators: Vec<_> = keys.iter().map(|key| (key.id(), Amount::tokens(2_000))).collect();
        validators.sort_unstable();
        let genesis = Genesis {
            name: "pardon".into(),
            time: 0,
            params: Params::devnet(),
            accounts: Vec::new(),
            validators,
            grants: Vec::new(),
            goals: Vec::new(),
            data: Vec::new(),
        };
        let state = State::genesis(&genesis).expect("valid");
        let proposer = state.next_voters().expect("known").proposer(Height(1), 0);
        let key = keys.into_iter().find(|key| key.id() == proposer).expect("one of them");
        (state, key)
    }

    #[test]
    fn a_pardon_gives_back_what_is_frozen_and_no_more() {
        let (state, key) = chain();
        let draft = bitneuron_consensus::Header::draft(
            state.chain(),
            Height(1),
            state.tip(),
            key.id(),
            bitneuron_core::Time(1),
        );
        let slot = state.next_slot().expect("known");
        let voters = state.next_voters().expect("known").digest();
        let header = bitneuron_consensus::Header { draw: slot.draw(&key), voters, ..draft };
        let mut draft = Draft::begin(&state, &header, None, &Nobody).expect("follows");
        let (who, before) = (key.id(), state.stake(key.id()).cloned().expect("staked"));
        let charge = |offence, height| {
            let committed = Height(height);
            let subject = state.misdeed(who, offence, committed);
            Charge { who, offence, committed, subject, informer: NodeId([9; 32]), price: None }
        };
        let vote = charge(Offence::DoubleVote, 1);
        draft.slash(&vote).expect("proven");
        let frozen = draft.state.stake(who).expect("staked").clone();
        assert!(frozen.tombstoned && frozen.frozen > Amount::ZERO && draft.state.reputation(who).0 == 0);
        assert_eq!(frozen.held(), before.held());
        draft.pardon(vote.subject).expect("in time");
        let after = draft.state.stake(who).expect("staked");
        assert_eq!((after.bonded, after.frozen, after.tombstoned), (before.bonded, Amount::ZERO, false));
        assert!(draft.pardon(vote.subject).is_err(), "once");
        assert!(draft.slash(&vote).is_err(), "and it is not punished again");
        // Who sits for two misdeeds is not free by a pardon for one, and a pardoned one is nobody's accomplice.
        let (proposal, block) = (charge(Offence::DoubleProposal, 1), charge(Offence::FalseProposal, 1));
        draft.slash(&proposal).expect("proven");
        draft.slash(&block).expect("proven");
        draft.pardon(proposal.subject).expect("in time");
        assert!(!draft.state.is_free(who, Epoch(1)));
        draft.pardon(block.subject).expect("in time");
        assert!(draft.state.is_free(who, draft.state.epoch()));
        assert_eq!(draft.state.total(), Amount::SUPPLY);
        // Who has left gets it back as it leaves.
        draft.unbond(who, before.bonded).expect("the first in this epoch");
        let claim = charge(Offence::FalseClaim, 1);
        draft.slash(&claim).expect("proven");
        draft.pardon(claim.subject).expect("in time");
        assert_eq!(draft.state.stake(who).expect("staked").slashable(), before.held());
        assert_eq!(draft.state.stake(who).expect("staked").bonded, Amount::ZERO);
    }
}
