//! What a proven misdeed costs: kinds, fractions, jail.
//!
//! | misdeed | of all stake | jail, epochs | correlated |
//! |---|---|---|---|
//! | two votes in one round | 5 % | for ever | yes |
//! | two proposals in one round | 2 % | 72, the second time for ever | yes |
//! | a block with a false claim, proposed | 2 % | 72 | no |
//! | a block with a false claim, precommitted | 1 % | 72 | no |
//! | a false claim or delivery | 0.1 %, and the bond of the deal | – | no |
//! | a pending turn that lost its audit or a dispute | 2 % | 24 | no |
//! | absence: most draws missed ([`crate::Presence`]) | 0.01 % from the third time in 720 epochs on | 6 | no |
//!
//! The fraction is of all stake, bonded and unbonding. For contradictions it grows with the part X of the voters' stake whose
//! owners did the same within some epochs before or after, each counted once and this one included: alone it costs
//! little, together a third costs everything. A false precommit is not correlated, since a faulty release would hit many.
//!
//! ```text
//! fraction = min(1, base + c·X)        amount = fraction of the stake, up to a whole quantum
//! ```
//!
//! Each misdeed has a name, its *subject*; it is punished once. All that a voter does of one kind in one epoch of heights is one
//! misdeed, and of what somebody owes for several of one kind and epoch only the largest is taken. What happens to the
//! tokens is told in `penalty`, and what it does to reputation in `reputation`. Lateness costs reputation only.

use crate::event::Event;
use crate::params::Bound;
use crate::penalty::{Fate, Misdeed};
use crate::stake::StakeParams;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Amount, Digest, Epoch, Height, NodeId, hash::Hasher};
use bitneuron_market::BasisPoints;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What misdeeds cost: fractions of all stake, bonded and unbonding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlashParams {
    /// Two votes in one round.
    pub double_vote: BasisPoints,
    /// Two proposals in one round.
    pub double_proposal: BasisPoints,
    /// A false claim, signed.
    pub false_claim: BasisPoints,
    /// A block with a false claim, proposed.
    pub false_proposal: BasisPoints,
    /// A block with a false claim, precommitted.
    pub false_precommit: BasisPoints,
    /// A pending turn that lost its audit or a dispute. Such a lie is found by chance or by somebody's work, so it costs
    /// more than one that everybody sees.
    pub refuted_turn: BasisPoints,
    /// Being away for the third time.
    pub absence: BasisPoints,
    /// A double vote or proposal costs this many times the share of stake that did the same, on top.
    pub correlation: u16,
    /// How many epochs before and after count as the same time.
    pub window: u64,
    /// How many epochs what is frozen waits before it is taken.
    pub freeze: u64,
    /// The informer's part of what is slashed.
    pub informer: BasisPoints,
    /// The most an informer gets.
    pub informer_cap: Amount,
    /// Epochs in jail for a block with a false claim, or a double proposal.
    pub jail: u64,
    /// Epochs in jail for a refuted turn.
    pub jail_turn: u64,
    /// Epochs in jail for absence.
    pub jail_absence: u64,
    /// The epochs within which absences are counted.
    pub absence_span: u64,
}

impl SlashParams {
    pub(crate) fn mainnet() -> Self {
        Self {
            double_vote: BasisPoints(500),
            double_proposal: BasisPoints(200),
            false_claim: BasisPoints(10),
            false_proposal: BasisPoints(200),
            false_precommit: BasisPoints(100),
            refuted_turn: BasisPoints(200),
            absence: BasisPoints(1),
            correlation: 3,
            window: 252,
            freeze: 72,
            informer: BasisPoints(500),
            informer_cap: Amount::tokens(1_000),
            jail: 72,
            jail_turn: 24,
            jail_absence: 6,
            absence_span: 720,
        }
    }

    /// The same with shorter times.
    pub(crate) fn devnet() -> Self {
        Self {
            window: 3,
            freeze: 3,
            jail: 6,
            jail_turn: 2,
            jail_absence: 1,
            absence_span: 10,
            ..Self::mainnet()
        }
    }

    pub(crate) fn validate(&self, epoch: u64, stake: &StakeParams, bound: Bound) -> Result<(), Refused> {
        let fractions = [
            self.double_vote,
            self.double_proposal,
            self.false_claim,
            self.false_proposal,
            self.false_precommit,
            self.refuted_turn,
            self.absence,
        ];
        bound(fractions.iter().all(|part| part.0 <= 10_000), "nobody loses more than all")?;
        let least = self.double_vote.min(self.double_proposal);
        bound(least.0 >= 100, "who contradicts itself loses at least 1 %")?;
        bound(
            self.false_precommit.0 <= 100,
            "a false precommit costs at most 1 %: a release fault hits many",
        )?;
        bound(self.absence.0 <= 100, "absence costs at most 1 %: it may be the network's fault")?;
        bound(self.correlation <= 10, "correlation counts at most tenfold")?;
        bound(self.informer.0 <= 500, "an informer gets at most 5 %")?;
        let age = stake.evidence_age.checked_div(epoch).unwrap_or(0);
        bound((1..=age).contains(&self.freeze), "what is frozen is taken within the age of evidence")?;
        bound(self.window <= age, "correlation reaches no further than evidence")?;
        let jails = [self.jail, self.jail_turn, self.jail_absence];
        bound(jails.iter().all(|jail| (1..=100_000).contains(jail)), "jail begins and ends")?;
        bound((1..=100_000).contains(&self.absence_span), "absences are counted, and forgotten")
    }
}

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
    /// An audit of a pending turn left unanswered.
    LostAudit,
    /// A dispute about a pending turn lost.
    LostDispute,
    /// Most draws to build missed, again and again.
    Absence,
}

impl Offence {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::DoubleVote,
        Self::DoubleProposal,
        Self::FalseClaim,
        Self::FalseProposal,
        Self::FalsePrecommit,
        Self::LostAudit,
        Self::LostDispute,
        Self::Absence,
    ];

    /// Whether it costs more when others did the same.
    pub const fn is_correlated(self) -> bool {
        matches!(self, Self::DoubleVote | Self::DoubleProposal)
    }

    /// What it costs alone.
    pub const fn base(self, params: &SlashParams) -> BasisPoints {
        match self {
            Self::DoubleVote => params.double_vote,
            Self::DoubleProposal => params.double_proposal,
            Self::FalseClaim => params.false_claim,
            Self::FalseProposal => params.false_proposal,
            Self::FalsePrecommit => params.false_precommit,
            Self::LostAudit | Self::LostDispute => params.refuted_turn,
            Self::Absence => params.absence,
        }
    }
}

/// A misdeed that was just proven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Charge {
    pub(crate) who: NodeId,
    pub(crate) offence: Offence,
    /// When it was done.
    pub(crate) committed: Height,
    /// Its name.
    pub(crate) subject: Digest,
    /// Who showed it; the offender itself where nobody did.
    pub(crate) informer: NodeId,
    /// The price of the deal that it was about.
    pub(crate) price: Option<Amount>,
}

/// This fraction of a stake, up to a whole quantum.
fn part(fraction: BasisPoints, stake: Amount) -> Amount {
    let quanta = fraction.ceil_of(stake).0.div_ceil(Amount::QUANTUM.0);
    Amount(quanta.saturating_mul(Amount::QUANTUM.0)).min(stake)
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

    /// What a misdeed costs by all that is known now.
    pub(crate) fn penalty(&self, misdeed: &Misdeed) -> Amount {
        let (params, offence) = (&self.params.slash, misdeed.offence);
        let base = offence.base(params);
        if !offence.is_correlated() {
            return part(base, misdeed.stake);
        }
        let epoch = |misdeed: &Misdeed| misdeed.committed.epoch(self.params.epoch).0;
        let near = |other: &&Misdeed| epoch(other).abs_diff(epoch(misdeed)) <= params.window;
        let mut guilty = BTreeMap::from([(misdeed.who, misdeed.stake)]);
        let same = self.misdeeds.values().filter(|other| other.offence == offence);
        for other in
            same.filter(|other| other.who != misdeed.who && other.fate != Fate::Pardoned).filter(near)
        {
            let most = guilty.entry(other.who).or_default();
            *most = other.stake.max(*most);
        }
        let guilty = Amount::sum(guilty.into_values()).unwrap_or(Amount::SUPPLY);
        let share = guilty.mul_div(10_000, misdeed.active.0).map_or(10_000, |share| share.0.min(10_000));
        let more = share.saturating_mul(u128::from(params.correlation));
        let sum = more.saturating_add(u128::from(base.0)).min(10_000);
        part(BasisPoints(u16::try_from(sum).unwrap_or(10_000)), misdeed.stake)
    }

    /// Whether another misdeed of the same kind is remembered of this node.
    fn did_before(&self, charge: &Charge) -> bool {
        self.misdeeds.iter().any(|(subject, misdeed)| {
            (misdeed.who, misdeed.offence) == (charge.who, charge.offence)
                && *subject != charge.subject
                && misdeed.fate != Fate::Pardoned
        })
    }
}

impl Draft<'_> {
    /// Punishes a proven misdeed, once.
    pub(crate) fn slash(&mut self, charge: &Charge) -> Result<(), Refused> {
        let Charge { who, offence, subject, informer, .. } = *charge;
        self.state.unpunished(subject)?;
        self.events.push(Event::Refuted { who, informer, subject });
        self.freeze(charge)?;
        self.state.blame_for(charge);
        let params = &self.state.params.slash;
        let (long, turn, absence) = (params.jail, params.jail_turn, params.jail_absence);
        match offence {
            Offence::FalseClaim => {}
            Offence::DoubleVote => self.bury(who),
            Offence::DoubleProposal if self.state.did_before(charge) => self.bury(who),
            Offence::DoubleProposal | Offence::FalseProposal | Offence::FalsePrecommit => {
                self.jail(who, long);
            }
            Offence::LostAudit | Offence::LostDispute => self.jail(who, turn),
            Offence::Absence => self.jail(who, absence),
        }
        Ok(())
    }

    /// Who contradicts itself never votes again.
    fn bury(&mut self, who: NodeId) {
        let stake = self.state.stakes.get(&who).cloned().unwrap_or_default();
        self.state.put_stake(who, crate::Stake { tombstoned: true, seated: false, ready: 0, ..stake });
        self.events.push(Event::Jailed { who, until: None });
    }

    /// Sends a node to jail for the rest of this epoch and so many more.
    pub(crate) fn jail(&mut self, who: NodeId, epochs: u64) {
        let mut stake = self.state.stakes.get(&who).cloned().unwrap_or_default();
        let until = Epoch(self.state.epoch().0.saturating_add(epochs).saturating_add(1));
        if until > stake.jailed {
            stake.jailed = until;
            self.state.put_stake(who, stake);
            self.events.push(Event::Jailed { who, until: Some(until) });
        }
    }
}
