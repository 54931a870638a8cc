//! Stake: tokens that vouch for a validator, and the way of a validator through office.
//!
//! ```text
//! Withdrawn ── bond ──▶ Idle ── enough at a border ──▶ Queued ── at enough borders, with a seat ──▶ Active ⇄ Jailed
//!                         ◀── less at a border ──────────┘  ◀── displaced, or less than it takes to stay ──┘
//! Active, Jailed, Queued, Idle ── all unbonded ──▶ Unbonding ── all free ──▶ Withdrawn
//! any ── contradicted itself ──▶ Tombstoned, for ever
//! ```
//!
//! *Thresholds are double.* Who enters must hold the threshold at several epoch borders running, and leaves when it falls
//! below a lower one at a single border; so nobody who is near the threshold goes in and out with every price.
//! *Tokens* go `free → bonded → unbonding → free`. Bonded stake gives weight two epochs later. Unbonding stake gives none and
//! stays until the epoch in which its height comes has ended, and slashing reaches it as it reaches bonded stake. Who
//! unbonds votes for up to two epochs more, and unbonding lasts as long as evidence is heard and two epochs besides: nobody
//! leaves before evidence against him has had its time. What is *frozen* for a misdeed ([`crate::Misdeed`]) neither
//! gives weight nor leaves. Stake moves in quanta of 10⁶ units; there is no delegation.
//!
//! In one epoch voters unbond at most one part in [`StakeParams::churn`] of all voters' stake, or as much as one of them holds.

use crate::account::Pocket;
use crate::event::Event;
use crate::params::Bound;
use crate::{Refused, State, draft::Draft};
use bitneuron_consensus::{Linear, SquareRoot, StakeReputation, Weigh};
use bitneuron_core::{Amount, Epoch, Height, NodeId, Reputation};
use serde::{Deserialize, Serialize};

/// Who votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakeParams {
    /// The least stake to enter.
    pub threshold: Amount,
    /// The least stake to stay.
    pub stay: Amount,
    /// The least reputation to enter.
    pub reputation: Reputation,
    /// The least reputation to stay.
    pub stay_reputation: Reputation,
    /// At how many epoch borders running one must hold what it takes to enter.
    pub borders: u8,
    /// The most voters.
    pub seats: u32,
    /// In an epoch one key, or one part in this many of the weight, may enter, and so much may leave.
    pub churn: u64,
    /// How stake and reputation make weight.
    pub weigh: WeighRule,
    /// How long stake stays, and can be slashed, after it was unbonded; in heights.
    pub unbonding: u64,
    /// How old evidence may be, in heights.
    pub evidence_age: u64,
    /// How long a light client may trust an electorate, in heights.
    pub trust: u64,
    /// Presence is judged at the first epoch border after a voter was drawn to build this often.
    pub draws: u32,
}

/// A rule for weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WeighRule {
    /// Stake alone.
    Linear,
    /// Stake times a reputation factor between 1 and 1.25.
    StakeReputation,
    /// The square root of stake; not Sybil-neutral, so no genesis with it is valid.
    SquareRoot,
}

impl WeighRule {
    /// The rule itself.
    pub fn rule(self) -> &'static dyn Weigh {
        match self {
            Self::Linear => &Linear,
            Self::StakeReputation => &StakeReputation,
            Self::SquareRoot => &SquareRoot,
        }
    }
}

impl StakeParams {
    pub(crate) fn mainnet() -> Self {
        Self {
            threshold: Amount::tokens(1_000_000),
            stay: Amount::tokens(800_000),
            reputation: Reputation(0),
            stay_reputation: Reputation(0),
            borders: 2,
            seats: 64,
            churn: 64,
            weigh: WeighRule::StakeReputation,
            unbonding: 910_800,
            evidence_age: 907_200,
            trust: 604_800,
            draws: 8,
        }
    }

    /// The same with thresholds a thousandth and shorter times.
    pub(crate) fn devnet() -> Self {
        Self {
            threshold: Amount::tokens(1_000),
            stay: Amount::tokens(800),
            unbonding: 160,
            evidence_age: 120,
            trust: 80,
            ..Self::mainnet()
        }
    }

    pub(crate) fn validate(&self, epoch: u64, bound: Bound) -> Result<(), Refused> {
        let voting = epoch.saturating_mul(2);
        let least = voting.saturating_add(self.trust);
        bound(self.threshold >= Amount::QUANTUM, "the threshold is at least a quantum")?;
        bound(self.threshold <= Amount::tokens(100_000_000), "the threshold is at most 10^8 tokens")?;
        let half = Amount(self.threshold.0.div_ceil(2));
        bound((half..=self.threshold).contains(&self.stay), "staying takes 1/2 to 1 of what entering takes")?;
        bound(self.reputation.0 <= 1 << 14, "voting takes a reputation of at most 1/4")?;
        bound(self.stay_reputation <= self.reputation, "staying takes no more reputation than entering")?;
        bound((2..=8).contains(&self.borders), "one enters after 2 to 8 borders")?;
        bound((4..=128).contains(&self.seats), "4 to 128 seats")?;
        bound((8..=1_024).contains(&self.churn), "1/8 to 1/1,024 of the weight may change in an epoch")?;
        bound(self.weigh.rule().sybil_neutral(), "weights by this rule grow when a stake is split")?;
        bound(
            self.unbonding >= self.evidence_age.saturating_add(voting),
            "stake outlasts evidence about the two epochs of voting after it was unbonded",
        )?;
        bound(self.unbonding <= 1 << 40, "unbonding ends")?;
        bound(self.evidence_age >= least, "evidence outlasts two epochs and the light client's trust")?;
        bound(
            self.trust.saturating_mul(3) <= self.unbonding.saturating_mul(2),
            "light clients trust for at most 2/3 of unbonding",
        )?;
        bound((4..=1_000).contains(&self.draws), "presence is judged by 4 to 1,000 draws")
    }
}

/// The stake of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stake {
    /// What gives weight.
    pub bonded: Amount,
    /// What is free from a height on, ascending.
    pub unbonding: Vec<(Height, Amount)>,
    /// What is frozen for misdeeds.
    pub frozen: Amount,
    /// At how many borders running it held what it takes to enter, counted up to what is needed.
    pub ready: u8,
    /// Whether it has entered and has not fallen below what it takes to stay.
    pub seated: bool,
    /// The first epoch out of jail.
    pub jailed: Epoch,
    /// Whether the node can never vote again.
    pub tombstoned: bool,
}

/// Where a validator is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Has no stake.
    Withdrawn,
    /// Has stake, but not what it takes to enter.
    Idle,
    /// Has what it takes, and waits for its borders or a seat.
    Queued,
    /// Has a seat in the electorate that was fixed last.
    Active,
    /// Has no seat for some time.
    Jailed,
    /// Has no bonded stake left, but some that is not free.
    Unbonding,
    /// Has no seat for ever.
    Tombstoned,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Withdrawn,
        Self::Idle,
        Self::Queued,
        Self::Active,
        Self::Jailed,
        Self::Unbonding,
        Self::Tombstoned,
    ];

    /// Whether one block can lead from here to there. Nobody gets a seat but out of the queue or out of jail, and nobody
    /// comes back from the grave but by a pardon, which is not meant here.
    pub const fn leads_to(self, next: Self) -> bool {
        use Phase::{Active, Idle, Queued, Tombstoned, Unbonding, Withdrawn};
        match (self, next) {
            (Tombstoned, _) => matches!(next, Tombstoned),
            // Stake does not become free within the block that unbonds it.
            (Withdrawn | Idle | Unbonding, Active) | (Idle | Queued | Active, Withdrawn) => false,
            _ => true,
        }
    }
}

impl Stake {
    /// The most amounts that unbond at once.
    pub const MAX_UNBONDING: usize = 32;

    /// All that can still be slashed.
    pub fn slashable(&self) -> Amount {
        let unbonding = self.unbonding.iter().map(|(_, amount)| *amount);
        Amount::sum(unbonding.chain([self.bonded])).unwrap_or(Amount::SUPPLY)
    }

    /// All tokens in it, the frozen ones too.
    pub fn held(&self) -> Amount {
        self.slashable().checked_add(self.frozen).unwrap_or(Amount::SUPPLY)
    }

    /// Whether the node may vote and propose in this epoch.
    pub fn is_free(&self, epoch: Epoch) -> bool {
        !self.tombstoned && self.jailed <= epoch
    }

    /// Where the validator is on its way.
    pub fn phase(&self, epoch: Epoch) -> Phase {
        match () {
            () if self.tombstoned => Phase::Tombstoned,
            () if self.jailed > epoch => Phase::Jailed,
            () if self.seated => Phase::Active,
            () if self.bonded == Amount::ZERO && self.held() == Amount::ZERO => Phase::Withdrawn,
            () if self.bonded == Amount::ZERO => Phase::Unbonding,
            () if self.ready > 0 => Phase::Queued,
            () => Phase::Idle,
        }
    }

    pub(crate) fn change_unbonding(
        &mut self,
        free: Height,
        by: impl Fn(Amount) -> Result<Amount, Refused>,
    ) -> Result<(), Refused> {
        match self.unbonding.binary_search_by_key(&free, |entry| entry.0) {
            Ok(at) => {
                let held = self.unbonding.get(at).map(|entry| entry.1).unwrap_or_default();
                let rest = by(held)?;
                self.unbonding.remove(at);
                if rest > Amount::ZERO {
                    self.unbonding.insert(at, (free, rest));
                }
            }
            Err(at) => {
                let amount = by(Amount::ZERO)?;
                if self.unbonding.len() >= Self::MAX_UNBONDING {
                    return Err(Refused::Full("unbonding amounts"));
                }
                self.unbonding.insert(at, (free, amount));
            }
        }
        Ok(())
    }
}

/// Whether an amount of stake is positive and in quanta.
pub(crate) fn in_quanta(amount: Amount) -> bool {
    amount > Amount::ZERO && amount.0.checked_rem(Amount::QUANTUM.0) == Some(0)
}

impl State {
    /// Keeps a stake, or forgets one that says nothing.
    pub(crate) fn put_stake(&mut self, id: NodeId, stake: Stake) {
        if stake == Stake::default() { self.stakes.unset(&id) } else { self.stakes.set(id, stake) }
    }

    /// All stakes, by name.
    pub fn stakes(&self) -> impl Iterator<Item = (NodeId, &Stake)> {
        self.stakes.iter().map(|(id, stake)| (*id, stake))
    }

    /// Where a node is on the way of a validator.
    pub fn phase_of(&self, id: NodeId) -> Phase {
        self.stakes.get(&id).map_or(Phase::Withdrawn, |stake| stake.phase(self.epoch()))
    }

    /// Whether a node is out of jail in this epoch.
    pub(crate) fn is_free(&self, id: NodeId, epoch: Epoch) -> bool {
        self.stakes.get(&id).is_none_or(|stake| stake.is_free(epoch))
    }

    /// Whether a node has the stake and the freedom to take turns.
    pub(crate) fn is_able(&self, id: NodeId) -> bool {
        let params = &self.params.stake;
        self.stakes.get(&id).is_some_and(|stake| {
            let least = if stake.seated { params.stay } else { params.threshold };
            stake.bonded >= least && stake.is_free(self.epoch())
        })
    }

    /// All that the voters of this epoch hold in stake, frozen or not.
    pub(crate) fn active_stake(&self) -> Amount {
        let voters = self.elected(self.epoch());
        let members = voters.as_ref().map_or(&[][..], |voters| voters.members());
        let held = members.iter().filter_map(|member| self.stakes.get(&member.id)).map(Stake::held);
        Amount::sum(held).unwrap_or(Amount::SUPPLY)
    }

    /// When stake that is unbonded now becomes free.
    pub(crate) fn free_at(&self) -> Height {
        Height(self.clock.height.0.saturating_add(self.params.stake.unbonding))
    }
}

impl Draft<'_> {
    /// Frees what has unbonded by now, but for those whose misdeeds are not weighed yet.
    pub(crate) fn release(&mut self) -> Result<(), Refused> {
        let (now, stakes) = (self.state.clock.height, self.state.stakes.iter());
        let due: Vec<_> = stakes
            .flat_map(|(id, stake)| stake.unbonding.iter().map(|(free, amount)| (*id, *free, *amount)))
            .filter(|(id, free, _)| *free <= now && !self.state.is_held(*id))
            .collect();
        for (who, free, amount) in due {
            self.state.shift(Pocket::Unbonding(who, free), Pocket::Account(who), amount)?;
            self.events.push(Event::Unbonded { who, amount });
        }
        Ok(())
    }

    pub(crate) fn bond(&mut self, who: NodeId, amount: Amount) -> Result<(), Refused> {
        if !in_quanta(amount) {
            return Err(Refused::Quantum(amount));
        }
        self.state.shift(Pocket::Account(who), Pocket::Bonded(who), amount)?;
        self.events.push(Event::Bonded { who, amount });
        Ok(())
    }

    pub(crate) fn unbond(&mut self, who: NodeId, amount: Amount) -> Result<(), Refused> {
        if !in_quanta(amount) {
            return Err(Refused::Quantum(amount));
        }
        self.leave(who, amount)?;
        let free = self.state.free_at();
        self.state.shift(Pocket::Bonded(who), Pocket::Unbonding(who, free), amount)?;
        self.events.push(Event::Unbonding { who, amount, free });
        Ok(())
    }

    /// Counts what voters unbond in this epoch.
    fn leave(&mut self, who: NodeId, amount: Amount) -> Result<(), Refused> {
        let Some(stake) = self.state.stakes.get(&who).filter(|stake| stake.seated) else { return Ok(()) };
        let (left, churn) = (self.state.tally.left, u128::from(self.state.params.stake.churn));
        let most = self.state.active_stake().mul_div(1, churn).unwrap_or_default().max(stake.bonded);
        let after = left.checked_add(amount).filter(|after| *after <= most);
        self.state.tally.left = after.ok_or(Refused::Churn { left, most })?;
        Ok(())
    }
}
