//! The parameters that a vote may set, and by how much at once.
//!
//! What is not named here is not for votes. The epoch, the round and the rule of weights give heights, rounds and weights their
//! meaning; the trust of light clients is what they begin with; judges and commitments are made from the demands, units and
//! windows of audits and from the number of openings; the windows of contests say which heights belong to which, and sealed shards
//! have the rows of their day; the pool of rewards and its schedule were promised.

use super::fault::GovernFault;
use super::params::Kind;
use crate::{Params, Refused};
use bitneuron_core::class::Class;
use bitneuron_core::{Amount, Reputation};
use bitneuron_market::BasisPoints;
use serde::{Deserialize, Serialize};

/// A number among the parameters.
trait Number {
    fn get(&self) -> u64;
    /// `None` when it is too large for its place.
    fn set(&mut self, value: u64) -> Option<()>;
}

macro_rules! number {
    ($($kind:ty: $field:tt as $inner:ty),*) => {$(
        impl Number for $kind {
            fn get(&self) -> u64 {
                u64::try_from(self.$field).unwrap_or(u64::MAX)
            }
            fn set(&mut self, value: u64) -> Option<()> {
                self.$field = <$inner>::try_from(value).ok()?;
                Some(())
            }
        }
    )*};
}

macro_rules! plain {
    ($($kind:ty),*) => {$(
        impl Number for $kind {
            fn get(&self) -> u64 {
                u64::from(*self)
            }
            fn set(&mut self, value: u64) -> Option<()> {
                *self = Self::try_from(value).ok()?;
                Some(())
            }
        }
    )*};
}

plain!(u8, u16, u32, u64);
number!(Amount: 0 as u128, BasisPoints: 0 as u16, Reputation: 0 as u16);

/// Names parameters, once each: for the enum, for the list of all and for their places.
macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident: $($field:ident).+;)*) => {
        /// A parameter that a vote may set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Parameter {
            $($(#[$doc])* $name,)*
            /// [`ClassRule::quarters`](crate::ClassRule::quarters) of a class.
            ClassStake(Class),
            /// [`ClassRule::reputation`](crate::ClassRule::reputation) of a class.
            ClassReputation(Class),
            /// [`ClassRule::bits`](crate::ClassRule::bits) of a class.
            ClassBits(Class),
            /// [`Rule::deposit`](super::Rule::deposit) of a kind of proposals.
            Deposit(Kind),
            /// [`Rule::voting`](super::Rule::voting) of a kind; may only rise.
            Voting(Kind),
            /// [`Rule::quorum`](super::Rule::quorum) of a kind; may only rise.
            Quorum(Kind),
            /// [`Rule::yes`](super::Rule::yes) of a kind; may only rise.
            Majority(Kind),
            /// [`Rule::delay`](super::Rule::delay) of a kind; may only rise.
            Delay(Kind),
        }

        impl Parameter {
            /// The parameters of which there is one each.
            const SINGLE: &[Self] = &[$(Self::$name),*];

            /// Where it stands.
            fn slot(self, params: &mut Params) -> &mut dyn Number {
                match self {
                    $(Self::$name => &mut params.$($field).+,)*
                    Self::ClassStake(class) => &mut params.classes.rule_mut(class).quarters,
                    Self::ClassReputation(class) => &mut params.classes.rule_mut(class).reputation,
                    Self::ClassBits(class) => &mut params.classes.rule_mut(class).bits,
                    Self::Deposit(kind) => &mut params.govern.rule_mut(kind).deposit,
                    Self::Voting(kind) => &mut params.govern.rule_mut(kind).voting,
                    Self::Quorum(kind) => &mut params.govern.rule_mut(kind).quorum,
                    Self::Majority(kind) => &mut params.govern.rule_mut(kind).yes,
                    Self::Delay(kind) => &mut params.govern.rule_mut(kind).delay,
                }
            }
        }
    };
}

parameters! {
    /// [`Params::tx_lifetime`].
    TxLifetime: tx_lifetime;
    /// [`FeeParams::limit`](crate::FeeParams::limit).
    GasLimit: fees.limit;
    /// [`FeeParams::target`](crate::FeeParams::target).
    GasTarget: fees.target;
    /// [`FeeParams::floor`](crate::FeeParams::floor).
    FeeFloor: fees.floor;
    /// [`FeeParams::divisor`](crate::FeeParams::divisor).
    FeeDivisor: fees.divisor;
    /// [`FeeParams::voters`](crate::FeeParams::voters).
    FeeVoters: fees.voters;
    /// [`StakeParams::threshold`](crate::StakeParams::threshold).
    StakeToEnter: stake.threshold;
    /// [`StakeParams::stay`](crate::StakeParams::stay).
    StakeToStay: stake.stay;
    /// [`StakeParams::reputation`](crate::StakeParams::reputation).
    ReputationToEnter: stake.reputation;
    /// [`StakeParams::stay_reputation`](crate::StakeParams::stay_reputation).
    ReputationToStay: stake.stay_reputation;
    /// [`StakeParams::borders`](crate::StakeParams::borders).
    Borders: stake.borders;
    /// [`StakeParams::seats`](crate::StakeParams::seats).
    Seats: stake.seats;
    /// [`StakeParams::churn`](crate::StakeParams::churn).
    Churn: stake.churn;
    /// [`StakeParams::draws`](crate::StakeParams::draws).
    Draws: stake.draws;
    /// [`StakeParams::unbonding`](crate::StakeParams::unbonding).
    Unbonding: stake.unbonding;
    /// [`StakeParams::evidence_age`](crate::StakeParams::evidence_age).
    EvidenceAge: stake.evidence_age;
    /// [`SlashParams::double_vote`](crate::SlashParams::double_vote).
    DoubleVote: slash.double_vote;
    /// [`SlashParams::double_proposal`](crate::SlashParams::double_proposal).
    DoubleProposal: slash.double_proposal;
    /// [`SlashParams::false_claim`](crate::SlashParams::false_claim).
    FalseClaim: slash.false_claim;
    /// [`SlashParams::false_proposal`](crate::SlashParams::false_proposal).
    FalseProposal: slash.false_proposal;
    /// [`SlashParams::false_precommit`](crate::SlashParams::false_precommit).
    FalsePrecommit: slash.false_precommit;
    /// [`SlashParams::refuted_turn`](crate::SlashParams::refuted_turn).
    RefutedTurn: slash.refuted_turn;
    /// [`SlashParams::absence`](crate::SlashParams::absence).
    Absence: slash.absence;
    /// [`SlashParams::correlation`](crate::SlashParams::correlation).
    Correlation: slash.correlation;
    /// [`SlashParams::window`](crate::SlashParams::window).
    CorrelationWindow: slash.window;
    /// [`SlashParams::freeze`](crate::SlashParams::freeze).
    Freeze: slash.freeze;
    /// [`SlashParams::informer`](crate::SlashParams::informer).
    Informer: slash.informer;
    /// [`SlashParams::informer_cap`](crate::SlashParams::informer_cap).
    InformerCap: slash.informer_cap;
    /// [`SlashParams::jail`](crate::SlashParams::jail).
    Jail: slash.jail;
    /// [`SlashParams::jail_turn`](crate::SlashParams::jail_turn).
    JailTurn: slash.jail_turn;
    /// [`SlashParams::jail_absence`](crate::SlashParams::jail_absence).
    JailAbsence: slash.jail_absence;
    /// [`SlashParams::absence_span`](crate::SlashParams::absence_span).
    AbsenceSpan: slash.absence_span;
    /// [`OrderParams::lifetime`](bitneuron_market::OrderParams::lifetime).
    OrderLifetime: market.orders.lifetime;
    /// [`OrderParams::cancel_after`](bitneuron_market::OrderParams::cancel_after).
    CancelAfter: market.orders.cancel_after;
    /// [`BondRule::part`](bitneuron_market::BondRule::part).
    BondPart: market.orders.bond.part;
    /// [`BondRule::floor`](bitneuron_market::BondRule::floor).
    BondFloor: market.orders.bond.floor;
    /// [`OrderParams::bid_floor`](bitneuron_market::OrderParams::bid_floor).
    BidFloor: market.orders.bid_floor;
    /// [`OrderParams::max_quantity`](bitneuron_market::OrderParams::max_quantity).
    MaxQuantity: market.orders.max_quantity;
    /// [`OrderParams::capacity`](bitneuron_market::OrderParams::capacity).
    Capacity: market.orders.capacity;
    /// [`DealParams::deliver`](bitneuron_market::DealParams::deliver).
    Deliver: market.deals.deliver;
    /// [`DealParams::prove`](bitneuron_market::DealParams::prove).
    Prove: market.deals.prove;
    /// [`DealParams::late`](bitneuron_market::DealParams::late).
    Late: market.deals.late;
    /// [`DealParams::informer`](bitneuron_market::DealParams::informer).
    DealInformer: market.deals.informer;
    /// [`FeeSplit::seller`](bitneuron_market::FeeSplit::seller); the treasury takes what is left.
    SellerPart: market.deals.split.seller;
    /// [`FeeSplit::judges`](bitneuron_market::FeeSplit::judges); the treasury takes what is left.
    JudgesPart: market.deals.split.judges;
    /// [`TurnParams::window`](crate::TurnParams::window).
    TurnWindow: turns.window;
    /// [`TurnParams::heads`](crate::TurnParams::heads).
    Heads: turns.heads;
    /// [`TurnParams::goal_price`](crate::TurnParams::goal_price).
    GoalPrice: turns.goal_price;
    /// [`TurnParams::goals`](crate::TurnParams::goals).
    Goals: turns.goals;
    /// [`TurnParams::data`](crate::TurnParams::data).
    DataSets: turns.data;
    /// [`AuditParams::sampled`](crate::AuditParams::sampled).
    Audited: audits.sampled;
    /// [`AuditParams::bond`](crate::AuditParams::bond).
    ChallengeBond: audits.bond;
    /// [`RewardParams::block`](crate::RewardParams::block).
    BlockReward: rewards.block;
    /// [`ReputationParams::decay`](crate::ReputationParams::decay).
    Decay: reputation.decay;
    /// [`ReputationParams::safety`](crate::ReputationParams::safety).
    Safety: reputation.safety;
    /// [`ReputationParams::blame`](crate::ReputationParams::blame).
    Blame: reputation.blame;
    /// [`ReputationParams::cap`](crate::ReputationParams::cap).
    PurchaseCap: reputation.cap;
    /// [`ClassParams::adversary`](crate::ClassParams::adversary).
    Adversary: classes.adversary;
    /// [`ClassParams::keys`](crate::ClassParams::keys).
    PoolKeys: classes.keys;
    /// [`ContestParams::live`](crate::ContestParams::live).
    LiveShards: contest.live;
    /// [`ContestParams::called`](crate::ContestParams::called).
    CalledShards: contest.called;
    /// [`ContestParams::spare`](crate::ContestParams::spare).
    SpareShards: contest.spare;
    /// [`ContestParams::shards`](crate::ContestParams::shards).
    SealedShards: contest.shards;
    /// [`ContestParams::candidates`](crate::ContestParams::candidates).
    Candidates: contest.candidates;
    /// [`ContestParams::shard_bond`](crate::ContestParams::shard_bond).
    ShardBond: contest.shard_bond;
    /// [`ContestParams::candidate_bond`](crate::ContestParams::candidate_bond).
    CandidateBond: contest.candidate_bond;
    /// [`ContestParams::margin`](crate::ContestParams::margin).
    Margin: contest.margin;
    /// [`ContestParams::examiners`](crate::ContestParams::examiners).
    ExaminersPart: contest.examiners;
    /// [`ContestParams::merged`](crate::ContestParams::merged).
    Merged: contest.merged;
    /// [`ContestParams::memory`](crate::ContestParams::memory).
    Memory: contest.memory;
    /// [`GovernParams::pause`](super::GovernParams::pause).
    PauseLength: govern.pause;
    /// [`GovernParams::season`](super::GovernParams::season); may only rise.
    Season: govern.season;
}

impl Parameter {
    /// All parameters that a vote may set.
    pub fn all() -> impl Iterator<Item = Self> {
        let class = [Self::ClassStake, Self::ClassReputation, Self::ClassBits];
        let kind = [Self::Deposit, Self::Voting, Self::Quorum, Self::Majority, Self::Delay];
        let of_classes = class.into_iter().flat_map(|name| Class::ALL.into_iter().map(name));
        let of_kinds = kind.into_iter().flat_map(|name| Kind::ALL.into_iter().map(name));
        Self::SINGLE.iter().copied().chain(of_classes).chain(of_kinds)
    }

    /// Whether it protects who is governed, so that no vote lowers it.
    pub const fn only_rises(self) -> bool {
        matches!(self, Self::Voting(_) | Self::Quorum(_) | Self::Majority(_) | Self::Delay(_) | Self::Season)
    }
}

impl Params {
    /// A parameter by its name, in its own unit.
    pub fn get(&self, parameter: Parameter) -> u64 {
        parameter.slot(&mut self.clone()).get()
    }

    /// These parameters with one set as a vote may set it: to no more than twice and no less than half of what it is, within
    /// all bounds. Where that is zero, one is the next.
    ///
    /// # Errors
    /// The step is too large or crosses a bound, or nothing would change.
    pub fn with(&self, parameter: Parameter, value: u64) -> Result<Self, Refused> {
        let mut next = self.clone();
        let slot = parameter.slot(&mut next);
        let before = slot.get();
        let most = before.saturating_mul(2).max(1);
        let low = if parameter.only_rises() { value < before } else { value.saturating_mul(2) < before };
        if value == before {
            return Err(GovernFault::Idle.into());
        }
        if low || value > most || slot.set(value).is_none() {
            return Err(GovernFault::Step { parameter, before, value }.into());
        }
        let split = &mut next.market.deals.split;
        let given = split.seller.0.saturating_add(split.judges.0);
        split.treasury = BasisPoints(BasisPoints::WHOLE.0.saturating_sub(given));
        next.validate()?;
        Ok(next)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// What no vote may change, whatever its way.
    fn fixed(params: &Params) -> Params {
        let mut fixed = Params::mainnet();
        (fixed.epoch, fixed.round, fixed.protocol) = (params.epoch, params.round, params.protocol);
        (fixed.stake.weigh, fixed.stake.trust) = (params.stake.weigh, params.stake.trust);
        fixed.turns.openings = params.turns.openings;
        fixed.audits = crate::AuditParams { bond: fixed.audits.bond, ..params.audits.clone() };
        fixed.audits.sampled = Params::mainnet().audits.sampled;
        (fixed.rewards.pool, fixed.rewards.duration) = (params.rewards.pool, params.rewards.duration);
        fixed.reputation.weights = params.reputation.weights;
        fixed.classes.most = params.classes.most;
        let contest = &params.contest;
        (fixed.contest.commit, fixed.contest.reveal) = (contest.commit, contest.reveal);
        (fixed.contest.open, fixed.contest.score) = (contest.open, contest.score);
        (fixed.contest.rows, fixed.contest.work) = (contest.rows, contest.work);
        let govern = &params.govern;
        (fixed.govern.least, fixed.govern.spending, fixed.govern.span) =
            (govern.least, govern.spending, govern.span);
        for kind in Kind::ALL {
            fixed.govern.rule_mut(kind).veto = govern.rule(kind).veto;
        }
        fixed
    }

    #[test]
    fn each_name_has_a_place_of_its_own() {
        let all: BTreeSet<Parameter> = Parameter::all().collect();
        assert_eq!(all.len(), Parameter::all().count());
        for params in [Params::mainnet(), Params::devnet()] {
            for parameter in Parameter::all() {
                let before: Vec<u64> = Parameter::all().map(|other| params.get(other)).collect();
                let mut next = params.clone();
                let value = params.get(parameter).wrapping_add(1);
                parameter.slot(&mut next).set(value).expect("small");
                let changed: Vec<Parameter> = Parameter::all()
                    .zip(before)
                    .filter(|(other, was)| next.get(*other) != *was)
                    .map(|p| p.0)
                    .collect();
                assert_eq!(changed, [parameter]);
                assert_eq!(fixed(&next), fixed(&params), "{parameter:?} is no business of votes");
            }
        }
    }

    #[test]
    fn a_step_is_at_most_a_factor_of_two() {
        let params = Params::mainnet();
        let set = |parameter, value| params.with(parameter, value);
        let gas = params.fees.target;
        for value in [gas / 2, gas - 1, gas + 1] {
            assert_eq!(set(Parameter::GasTarget, value).expect("a step").fees.target, value);
        }
        for value in [0, gas / 2 - 1, 2 * gas + 1, u64::MAX] {
            let refused = set(Parameter::GasTarget, value).expect_err("too far");
            assert!(matches!(refused, Refused::Governance(GovernFault::Step { .. })), "{refused}");
        }
        assert!(matches!(set(Parameter::GasTarget, 2 * gas), Err(Refused::Params(_))), "not below the limit");
        assert!(matches!(set(Parameter::Seats, 64), Err(Refused::Governance(GovernFault::Idle))));
        assert!(
            set(Parameter::ReputationToEnter, 1).is_ok() && set(Parameter::ReputationToEnter, 2).is_err()
        );
        let quorum = Parameter::Quorum(Kind::Param);
        assert!(set(quorum, 2_001).is_ok() && set(quorum, 1_999).is_err());
        let split = set(Parameter::SellerPart, 8_000).expect("a step").market.deals.split;
        assert_eq!((split.seller.0, split.judges.0, split.treasury.0), (8_000, 500, 1_500));
        assert!(
            matches!(set(Parameter::SellerPart, 9_600), Err(Refused::Params(_))),
            "the network keeps 3 %"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Whoever may pass anything, for as long as he likes, crosses no bound.
        #[test]
        fn no_way_of_votes_crosses_a_bound(mainnet: bool, seed: u64) {
            let all: Vec<Parameter> = Parameter::all().collect();
            let begun = if mainnet { Params::mainnet() } else { Params::devnet() };
            let (mut params, mut changed, mut word) = (begun.clone(), 0, seed);
            // Each run pulls in one direction of its own, so that it gets far.
            let pull = bitneuron_core::Digest::of("bitneuron pull", &seed.to_le_bytes()).0;
            for _ in 0..3_000 {
                word = bitneuron_core::Digest::of("bitneuron votes", &word.to_le_bytes()).to_u64();
                let at = (word >> 8) as usize % all.len();
                let parameter = all[at];
                let (before, up) = (params.get(parameter), pull[at % 32] >> (at / 32 % 8) & 1 == 1);
                let value = match word % 8 {
                    0 => word,
                    1 => 0,
                    2 => before.wrapping_add(1),
                    3 => before.wrapping_sub(1),
                    _ if up => before.saturating_mul(2),
                    _ => before.div_ceil(2),
                };
                let Ok(next) = params.with(parameter, value) else { continue };
                prop_assert!(next.validate().is_ok());
                prop_assert_eq!(fixed(&next), fixed(&begun));
                let rises = Parameter::all().filter(|parameter| parameter.only_rises());
                for parameter in rises {
                    prop_assert!(next.get(parameter) >= params.get(parameter));
                }
                (params, changed) = (next, changed + 1);
            }
            prop_assert!(changed > 100, "{} steps", changed);
        }
    }
}
