//! The parameters of a chain, with the bounds that no vote can ever cross.
//!
//! A chain begins with those of its genesis, so its id commits to them; votes change some of them later (`govern`), and what they are
//! now is an entry of the state ([`crate::key::params`]). There are two profiles of the same formulas: [`Params::mainnet`],
//! and [`Params::devnet`] with durations and thresholds divided. Spans are in heights unless they say otherwise.

use crate::Refused;
use crate::audit::AuditParams;
use crate::class::ClassParams;
use crate::contest::ContestParams;
use crate::govern::GovernParams;
use crate::reputation::ReputationParams;
use crate::slash::SlashParams;
use crate::stake::StakeParams;
use crate::vesting::VestingParams;
use bitneuron_core::Amount;
use bitneuron_market::{BasisPoints, MarketParams};
use serde::{Deserialize, Serialize};

/// All parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// The version of the protocol by which blocks are built and judged, verifiers included.
    pub protocol: u32,
    /// Heights of an epoch.
    pub epoch: u64,
    /// Heights of a round of learning, at least one for each of its four phases.
    pub round: u64,
    /// How far ahead a transaction may expire.
    pub tx_lifetime: u64,
    /// Gas and fees.
    pub fees: FeeParams,
    /// Who votes.
    pub stake: StakeParams,
    /// What misdeeds cost.
    pub slash: SlashParams,
    /// Orders and deals.
    pub market: MarketParams,
    /// Goals and turns.
    pub turns: TurnParams,
    /// What turns owe whose proofs do not convince at once.
    pub audits: AuditParams,
    /// Who is paid for learning.
    pub contest: ContestParams,
    /// What is paid out of the pool of rewards.
    pub rewards: RewardParams,
    /// When Table 1 vests.
    pub vesting: VestingParams,
    /// How reputation moves.
    pub reputation: ReputationParams,
    /// Who works in which class.
    pub classes: ClassParams,
    /// How holders of tokens decide.
    pub govern: GovernParams,
}

/// Gas and fees; 1 gas = 10 ns of virtual compute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeParams {
    /// The most gas in a block.
    pub limit: u64,
    /// The gas at which the base fee stays.
    pub target: u64,
    /// The least base fee, in units for one gas.
    pub floor: Amount,
    /// The base fee moves by at most one part in this many at a block.
    pub divisor: u64,
    /// The part of an epoch's fees that goes to the voters of the next.
    pub voters: BasisPoints,
    /// The part that goes to users whose data made a model better; the treasury gets the rest.
    pub users: BasisPoints,
}

/// Goals and turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnParams {
    /// How many heights after the commitment the claim is accepted.
    pub window: u64,
    /// How many heads of others a turn may merge.
    pub heads: u32,
    /// What it costs to register a goal; goes to the treasury.
    pub goal_price: Amount,
    /// The most goals.
    pub goals: u32,
    /// The most data sets of one author for one goal.
    pub data: u32,
    /// How often a group of hiding commitments may be opened by proofs: that for which it was made with randomness, the same for
    /// all groups of the chain.
    pub openings: u8,
}

/// What is paid out of the pool of rewards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardParams {
    /// The tokens in the pool at genesis.
    pub pool: Amount,
    /// Seconds until the whole pool is released.
    pub duration: u64,
    /// The slice of all that is released for who builds and votes.
    pub consensus: BasisPoints,
    /// The slice for whoever's data made a model better; what is learned gets the rest.
    pub data: BasisPoints,
    /// The part of the consensus slice that is for builders.
    pub builders: BasisPoints,
    /// In each epoch one part in this many of what was carried is released again.
    pub carry: u32,
    /// What a block merits whose claims moved a head of a listed goal, and the most that a builder gets for one.
    pub block: Amount,
}

impl Params {
    /// A network for one machine: epochs of 10 virtual seconds, thresholds a thousandth.
    pub fn devnet() -> Self {
        Self {
            protocol: Self::PROTOCOL,
            epoch: 20,
            round: 4,
            tx_lifetime: 100,
            fees: FeeParams { limit: 200_000_000, target: 100_000_000, ..FeeParams::mainnet() },
            stake: StakeParams::devnet(),
            slash: SlashParams::devnet(),
            market: MarketParams::devnet(),
            turns: TurnParams { window: 8, goal_price: Amount::tokens(10), ..TurnParams::mainnet() },
            audits: AuditParams {
                window: 4,
                patience: 2,
                bond: Amount::tokens(10),
                ..AuditParams::mainnet()
            },
            // Seven years in a day, in four times as many blocks.
            rewards: RewardParams {
                duration: 86_400,
                block: Amount::tokens(2_000),
                ..RewardParams::mainnet()
            },
            vesting: VestingParams::devnet(),
            contest: ContestParams::devnet(),
            reputation: ReputationParams::mainnet(),
            classes: ClassParams::mainnet(),
            govern: GovernParams::devnet(),
        }
    }

    /// The main network: blocks of two seconds, epochs of an hour.
    pub fn mainnet() -> Self {
        Self {
            protocol: Self::PROTOCOL,
            epoch: 1_800,
            round: 4,
            tx_lifetime: 100,
            fees: FeeParams::mainnet(),
            stake: StakeParams::mainnet(),
            slash: SlashParams::mainnet(),
            market: MarketParams::mainnet(),
            turns: TurnParams::mainnet(),
            audits: AuditParams::mainnet(),
            contest: ContestParams::mainnet(),
            rewards: RewardParams::mainnet(),
            vesting: VestingParams::mainnet(),
            reputation: ReputationParams::mainnet(),
            classes: ClassParams::mainnet(),
            govern: GovernParams::mainnet(),
        }
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// The first bound crossed.
    pub fn validate(&self) -> Result<(), Refused> {
        let bound = |holds: bool, text| if holds { Ok(()) } else { Err(Refused::Params(text)) };
        bound((2..=1_000_000).contains(&self.epoch), "an epoch has 2 to 1,000,000 heights")?;
        bound((4..=1_000).contains(&self.round), "a round has 4 to 1,000 heights")?;
        bound((1..=1_000).contains(&self.tx_lifetime), "a transaction lives 1 to 1,000 heights")?;
        bound(self.market.validate().is_ok(), "the market's own bounds")?;
        self.fees.validate(bound)?;
        self.stake.validate(self.epoch, bound)?;
        self.slash.validate(self.epoch, &self.stake, bound)?;
        bound(
            (1..=Self::MAX_WINDOW).contains(&self.turns.window),
            "a turn is claimed within 1 to 60 heights",
        )?;
        self.audits.validate(bound)?;
        self.contest.validate(bound)?;
        self.classes.validate(bound)?;
        bound(
            (3..=128).contains(&self.turns.openings),
            "a head is opened after its turn, by who merges it and before the next, and at most 128 times",
        )?;
        bound(self.turns.heads <= 16, "a turn merges at most 16 heads")?;
        bound(self.turns.goals <= 4_096 && self.turns.data <= 4_096, "registries are bounded")?;
        bound(self.rewards.validate(), "the rewards are within the pool and take time")?;
        self.govern.validate(self.epoch, &self.stake, &self.slash, bound)?;
        self.vesting.validate(bound)?;
        self.reputation.validate(bound)
    }

    /// The highest version of the protocol that this program knows. A chain that goes on by a higher one is left to programs
    /// that know it.
    pub const PROTOCOL: u32 = 1;

    /// The longest window of a turn: the beacons of that many heights are kept.
    pub const MAX_WINDOW: u64 = 60;
}

/// Checks a bound.
pub(crate) type Bound = fn(bool, &'static str) -> Result<(), Refused>;

impl FeeParams {
    fn mainnet() -> Self {
        Self {
            limit: 100_000_000,
            target: 50_000_000,
            floor: Amount(10),
            divisor: 8,
            voters: BasisPoints(5_000),
            users: BasisPoints(3_000),
        }
    }

    fn validate(&self, bound: Bound) -> Result<(), Refused> {
        bound(self.target > 0 && self.target < self.limit, "the gas target is below the limit")?;
        bound(self.limit <= 10_000_000_000, "a block takes at most 100 s of compute")?;
        bound((4..=64).contains(&self.divisor), "the base fee moves by 1/4 to 1/64")?;
        // Below the divisor the floor of a division never lets the fee fall.
        bound(self.floor.0 >= u128::from(self.divisor), "the fee's floor is at least its divisor")?;
        bound(self.floor <= Amount::TOKEN, "the fee's floor is at most a token")?;
        let given = self.voters.0.saturating_add(self.users.0);
        bound(given <= 8_000, "voters and users get at most 80 % of fees")
    }
}

impl TurnParams {
    fn mainnet() -> Self {
        Self { window: 40, heads: 2, goal_price: Amount::tokens(10_000), goals: 64, data: 16, openings: 12 }
    }
}

impl RewardParams {
    fn mainnet() -> Self {
        Self {
            pool: Amount::tokens(2_000_000_000),
            duration: 220_903_200,
            consensus: BasisPoints(3_000),
            data: BasisPoints(3_000),
            builders: BasisPoints(1_250),
            carry: 64,
            block: Amount::tokens(2),
        }
    }

    fn validate(&self) -> bool {
        let slices = self.consensus.0.saturating_add(self.data.0);
        self.block <= self.pool
            && self.pool <= Amount::SUPPLY
            && self.block > Amount::ZERO
            && slices <= 9_000
            && self.builders.0 <= 5_000
            && (1..=1_024).contains(&self.carry)
            && (1..=1 << 28).contains(&self.duration)
    }
}
