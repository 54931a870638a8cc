//! Reputation: what the ledger has seen somebody do, counted in fees that the network kept.
//!
//! Five channels hold what somebody's good work brought the network, in units of tokens that nobody got back; two accounts
//! beside them hold how past interactions ended. With S the stake (at least a quarter of what voting takes), ω_c the weights
//! of the channels and everything rounded against the one who is judged:
//!
//! ```text
//! K   = ⌈S·κ⌉       K_c = ⌈K·ω_c⌉        what counts half: dearer for more stake, and when weight earns more
//! q   = (K + G) / (K + G + 8·B)           past interactions: G kept fees of deals that ended well, B blame
//! R   = Σ_c ω_c · V_c / (V_c + K_c) · q    in units of 2⁻¹⁶
//! κ   = 2β/δ · (paid by weight in the epoch) / (voters' stake), within [10⁻⁵, 10⁻¹]; falls by at most 1/256 in an epoch
//! at an epoch's end    V_c −= ⌈V_c·δ⌉    G −= ⌈G·δ⌉    B −= ⌈B·δ⌉, at most 2K            δ = 1/256
//! ```
//!
//! | channel | ω_c | what is counted |
//! |---|---|---|
//! | training | 1/4 | what the treasury took of the fee of a turn's claim, when the turn settles |
//! | metric | 3/16 | a quarter of what candidates of contests were paid |
//! | answers | 1/4 | half of what the treasury took of the price of what it sold, when that was kept in a merge that improved |
//! | storage | 1/8 | fees of storage deals; no market sells storage yet, so nothing feeds it, though holding can be proved |
//! | purchases | 3/16 | the other half, to the buyer; at most K_c/16 in an epoch |
//!
//! *Splitting gains nothing*: V/(V + κS) is the perspective of a concave function, so parts of a stake with parts of the
//! credit never weigh more than the whole. *Farming loses*: holding V costs δ·V in fees each epoch and earns at most half
//! of that, for κ follows what weight earns, with a factor of two; it falls slowly, so that nobody buys reputation in
//! an idle epoch for a busy one. *A new name gains nothing*: it begins at 0. And whatever reputation anybody has, it is worth
//! at most a quarter of weight (β): what deters is the bond and the stake.

use crate::params::Bound;
use crate::presence::Presence;
use crate::slash::{Charge, Offence};
use crate::{Params, Refused, State};
use bitneuron_core::{Amount, NodeId, Reputation};
use serde::{Deserialize, Serialize};

/// How reputation is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReputationParams {
    /// How much each channel counts, in units of 2⁻¹⁶; together 1.
    pub weights: [u16; 5],
    /// At the end of an epoch one part in this many fades.
    pub decay: u32,
    /// How many times what it can earn a reputation costs; at least 2.
    pub safety: u32,
    /// How many times blame weighs what went well.
    pub blame: u32,
    /// Purchases count in an epoch for at most one part in this many of what counts half.
    pub cap: u32,
}

/// What good work is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Proofs of training.
    Training,
    /// What proven improvements were paid.
    Metric,
    /// What was sold: models, and answers when there is a market for them.
    Answers,
    /// Data kept.
    Storage,
    /// Data and models bought and used well.
    Purchases,
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 5] = [Self::Training, Self::Metric, Self::Answers, Self::Storage, Self::Purchases];
}

impl Params {
    /// The cheapest that reputation can be: 10⁻⁵ of stake, with 40 fractional bits.
    pub const CHEAPEST: u64 = (1 << 40) / 100_000;
    /// The dearest: a tenth of stake.
    pub const DEAREST: u64 = (1 << 40) / 10;

    /// What reputation is measured against for a stake of this size: K.
    pub fn scale(&self, stake: Amount, kappa: u64) -> Amount {
        let least = Amount(self.stake.threshold.0.div_ceil(4));
        let product = stake.max(least).min(Amount::SUPPLY).0.saturating_mul(u128::from(kappa));
        Amount(product.div_ceil(1 << 40).max(1))
    }
}

impl ReputationParams {
    pub(crate) fn mainnet() -> Self {
        Self { weights: [16_384, 12_288, 16_384, 8_192, 12_288], decay: 256, safety: 2, blame: 8, cap: 16 }
    }

    pub(crate) fn validate(&self, bound: Bound) -> Result<(), Refused> {
        let sum: u32 = self.weights.iter().map(|weight| u32::from(*weight)).sum();
        bound(sum == 1 << 16, "the channels of reputation weigh 1 together")?;
        bound((64..=1_024).contains(&self.decay), "reputation fades by 1/64 to 1/1,024")?;
        bound((2..=16).contains(&self.safety), "reputation costs at least twice what it earns")?;
        bound((1..=64).contains(&self.blame), "blame weighs 1 to 64 times what went well")?;
        bound((4..=256).contains(&self.cap), "purchases of an epoch are capped at 1/4 to 1/256")
    }

    fn weight(&self, channel: Channel) -> u16 {
        let [training, metric, answers, storage, purchases] = self.weights;
        match channel {
            Channel::Training => training,
            Channel::Metric => metric,
            Channel::Answers => answers,
            Channel::Storage => storage,
            Channel::Purchases => purchases,
        }
    }

    /// κ of the next epoch, with 40 fractional bits, from that of the last one and what was paid by weight in it.
    pub fn kappa(&self, before: u64, yielded: Amount, active: Amount) -> u64 {
        let yielded = yielded.min(Amount::SUPPLY).0 << 40;
        let rate = yielded.checked_div(active.0).unwrap_or(u128::MAX);
        // 2β/δ with β = 1/4.
        let factor = u128::from(self.safety).saturating_mul(u128::from(self.decay)) / 4;
        let due = u64::try_from(rate.saturating_mul(factor)).unwrap_or(u64::MAX);
        let fallen = before.saturating_sub(before.div_ceil(u64::from(self.decay.max(1))));
        due.max(fallen).clamp(Params::CHEAPEST, Params::DEAREST)
    }

    /// What counts half in a channel, of what counts half in all: K_c.
    fn half(&self, channel: Channel, scale: Amount) -> Amount {
        let part = scale.0.saturating_mul(u128::from(self.weight(channel)));
        Amount(part.div_ceil(1 << 16).max(1))
    }
}

/// What is known of one node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What counts for it in each channel, in the order of [`Channel::ALL`].
    pub credit: [Amount; 5],
    /// Kept fees of its deals that ended well: G.
    pub good: Amount,
    /// What it is blamed for: B.
    pub blame: Amount,
    /// What purchases counted in this epoch.
    pub bought: Amount,
    /// What its blocks of this epoch merit, each at most [`crate::RewardParams::block`].
    pub merit: Amount,
    /// Transactions sent in this epoch, counted before the cliff.
    pub sent: u32,
    /// How often it was there when it was drawn to build.
    pub presence: Presence,
}

fn add(a: Amount, b: Amount) -> Amount {
    a.checked_add(b).unwrap_or(Amount::SUPPLY).min(Amount::SUPPLY)
}

fn fade(amount: &mut Amount, decay: u32) {
    *amount = Amount(amount.0.saturating_sub(amount.0.div_ceil(u128::from(decay.max(1)))));
}

impl Standing {
    /// The reputation, measured against K ([`Params::scale`]).
    pub fn reputation(&self, scale: Amount, params: &ReputationParams) -> Reputation {
        let part = |channel: Channel| {
            let (held, half) = (self.credit_of(channel), params.half(channel, scale));
            let all = add(held, half);
            held.mul_div(u128::from(params.weight(channel)), all.0).unwrap_or_default().0
        };
        let sum = Channel::ALL.into_iter().map(part).fold(0, u128::saturating_add);
        let well = add(scale, self.good);
        let blame = self.blame.0.saturating_mul(u128::from(params.blame));
        let past = well.mul_div(1 << 16, well.0.saturating_add(blame)).unwrap_or_default().0;
        Reputation(u16::try_from(sum.saturating_mul(past) >> 16).unwrap_or(u16::MAX))
    }

    /// What counts in a channel.
    pub fn credit_of(&self, channel: Channel) -> Amount {
        self.credit[channel as usize]
    }

    /// Counts good work: kept fees, or a quarter of merited pay.
    pub fn gain(&mut self, channel: Channel, amount: Amount, scale: Amount, params: &ReputationParams) {
        let mut amount = amount;
        if channel == Channel::Purchases {
            let most = Amount(params.half(channel, scale).0.div_ceil(u128::from(params.cap.max(1))));
            amount = amount.min(most.saturating_sub(self.bought));
            self.bought = add(self.bought, amount);
        }
        self.credit[channel as usize] = add(self.credit_of(channel), amount);
    }

    /// Counts the kept fee of a deal that ended well.
    pub fn end_well(&mut self, kept: Amount) {
        self.good = add(self.good, kept);
    }

    /// Counts a misdeed, up to 2K in all: beyond that nothing would be left to gain by staying.
    pub fn blame(&mut self, amount: Amount, scale: Amount) {
        let most = Amount(scale.0.saturating_mul(2));
        self.blame = self.blame.max(add(self.blame, amount).min(most));
    }

    /// Work of a channel was shown to be false: three quarters of what counted there are gone, and of what went well.
    pub fn fall(&mut self, channel: Channel) {
        let credit = &mut self.credit[channel as usize];
        *credit = Amount(credit.0 >> 2);
        self.good = Amount(self.good.0 >> 2);
    }

    /// The end of an epoch.
    pub fn fade(&mut self, scale: Amount, params: &ReputationParams) {
        self.credit.iter_mut().for_each(|credit| fade(credit, params.decay));
        fade(&mut self.good, params.decay);
        fade(&mut self.blame, params.decay);
        self.blame = self.blame.min(Amount(scale.0.saturating_mul(2)));
        (self.bought, self.merit, self.sent) = (Amount::ZERO, Amount::ZERO, 0);
    }
}

impl State {
    /// The reputation of a node; newcomers and whoever is tombstoned have none.
    pub fn reputation(&self, id: NodeId) -> Reputation {
        if self.stakes.get(&id).is_some_and(|stake| stake.tombstoned) {
            return Reputation(0);
        }
        let standing = self.standings.get(&id);
        standing.map_or(Reputation(0), |known| known.reputation(self.scale(id), &self.params.reputation))
    }

    /// What is known of a node.
    pub fn standing(&self, id: NodeId) -> Standing {
        self.standings.get(&id).copied().unwrap_or_default()
    }

    /// K of a node.
    pub(crate) fn scale(&self, id: NodeId) -> Amount {
        let stake = self.stakes.get(&id).map(|stake| stake.bonded).unwrap_or_default();
        self.params.scale(stake, self.tally.kappa)
    }

    pub(crate) fn with_standing(&mut self, id: NodeId, change: impl FnOnce(&mut Standing)) {
        let before = self.standing(id);
        let mut standing = before;
        change(&mut standing);
        if standing == Standing::default() {
            self.standings.unset(&id);
        } else if standing != before {
            self.standings.set(id, standing);
        }
    }

    /// Counts good work.
    pub(crate) fn gain(&mut self, id: NodeId, channel: Channel, amount: Amount) {
        let (scale, params) = (self.scale(id), self.params.reputation.clone());
        self.with_standing(id, |standing| standing.gain(channel, amount, scale, &params));
    }

    /// Counts the kept fee of a deal that ended well, half for each side.
    pub(crate) fn end_well(&mut self, seller: NodeId, buyer: NodeId, kept: Amount) {
        let half = Amount(kept.0 / 2);
        self.with_standing(buyer, |standing| standing.end_well(half));
        self.with_standing(seller, |standing| standing.end_well(kept.saturating_sub(half)));
    }

    /// Counts blame.
    pub(crate) fn blame(&mut self, id: NodeId, amount: Amount) {
        let scale = self.scale(id);
        self.with_standing(id, |standing| standing.blame(amount, scale));
    }

    /// Blames somebody for being late with a deal, by what the network would have kept of it.
    pub(crate) fn blame_late_deal(&mut self, seller: NodeId, price: Amount) {
        let kept = self.params.market.deals.split.divide(price).treasury;
        self.blame(seller, Amount(kept.0.saturating_mul(16)));
    }

    /// Blames an author for committing to a turn and not claiming it: 1/16 of K.
    pub(crate) fn blame_late_turn(&mut self, author: NodeId) {
        let scale = self.scale(author);
        self.blame(author, Amount(scale.0.div_ceil(16)));
    }

    /// What a proven misdeed does to reputation. A double vote ends it, as the node is tombstoned.
    pub(crate) fn blame_for(&mut self, charge: &Charge) {
        let worst = Amount(self.scale(charge.who).0.saturating_mul(2));
        match charge.offence {
            Offence::Absence => {}
            Offence::LostAudit | Offence::LostDispute => {
                self.with_standing(charge.who, |standing| standing.fall(Channel::Training));
                self.blame(charge.who, worst);
            }
            Offence::FalseClaim => self.blame(charge.who, charge.price.unwrap_or(worst)),
            Offence::DoubleVote
            | Offence::DoubleProposal
            | Offence::FalseProposal
            | Offence::FalsePrecommit => self.blame(charge.who, worst),
        }
    }

    /// The end of an epoch for everybody.
    pub(crate) fn fade(&mut self) {
        let params = self.params.reputation.clone();
        let known: Vec<NodeId> = self.standings.keys().copied().collect();
        for id in known {
            let scale = self.scale(id);
            self.with_standing(id, |standing| standing.fade(scale, &params));
        }
    }
}
