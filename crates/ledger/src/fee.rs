//! Gas and the base fee.
//!
//! Gas counts what a transaction costs everybody, in units of 10 ns of virtual compute: its bytes, its signatures, what it
//! reads and writes, and the checks of the claims it carries, whose gas the checker knows beforehand. The fee is gas
//! times the base fee, which follows EIP-1559 with target T and divisor D: after a block that used g gas,
//!
//! ```text
//! g > T:  b + max(1, ⌊⌊b·(g − T)/T⌋/D⌋)         g < T:  b − ⌊⌊b·(T − g)/T⌋/D⌋, at least the floor
//! ```
//!
//! | of the base fee | to |
//! |---|---|
//! | 50 % | the voters of the next epoch (`dividend`) |
//! | 30 % | users whose data made a model better |
//! | 20 % and what is left over | the treasury |
//!
//! Nothing of it goes at once to the builder who filled the block. What does is the *tip* of a transaction, so much for one gas,
//! by which builders choose when there is more than a block has room for.
//!
//! Before the cliff of vesting nobody owns a token to pay with. Then the base fee is zero, and what an account may send in an
//! epoch follows from the tokens that it bonds, those of the transaction at hand included. The precommits that a voter brings are
//! not counted: they are news or refused, so all voters together can bring no more than one for each voter and height.

use crate::account::Pocket;
use crate::params::FeeParams;
use crate::tx::{Action, Refutation, SignedTx, Tx};
use crate::{Refused, State};
use bitneuron_core::claim::CheckClaim;
use bitneuron_core::{Amount, NodeId};
use bitneuron_market::DealId;

const BYTE: u64 = 16;
const SIGNATURE: u64 = 5_500;
const READ: u64 = 200;
const WRITE: u64 = 2_000;
/// Building all programs of a goal.
const GOAL: u64 = 2_000_000;
/// Looking through all proposals.
const PROPOSAL: u64 = 100_000;

/// The gas of checking what a block's builder drew.
pub const DRAW_GAS: u64 = 23_000;

/// The gas of a transaction of `size` bytes without the checks of its claims.
pub fn plain_gas(signed: &SignedTx, size: usize) -> u64 {
    let (signatures, writes, extra) = match &signed.tx.action {
        Action::Transfer { .. }
        | Action::RegisterData { .. }
        | Action::Receipt { .. }
        | Action::Attend { .. }
        | Action::Answer { .. } => (1, 2, 0),
        Action::Bond(_) | Action::Unbond(_) | Action::CommitTurn { .. } => (1, 3, 0),
        Action::Post { .. } | Action::Cancel(_) | Action::Vote { .. } | Action::CallPause => (1, 4, 0),
        Action::Propose(_) => (1, 4, PROPOSAL),
        Action::Place(_) | Action::Challenge { .. } | Action::Move { .. } => (1, 8, 0),
        Action::RegisterGoal(_) => (1, 3, GOAL),
        Action::Contest { step, .. } => (1, step.writes(), 0),
        Action::Claim(_) => (2, 16, 0),
        Action::Refute(_) => (3, 8, 0),
        Action::Accuse(_) => (3, 6, 0),
    };
    let writes: u64 = writes;
    let writes = writes.saturating_add(u64::from(signed.tx.tip > Amount::ZERO));
    let bytes = u64::try_from(size).unwrap_or(u64::MAX);
    let mut gas = bytes.saturating_mul(BYTE).saturating_add(SIGNATURE.saturating_mul(signatures));
    gas = gas.saturating_add(writes.saturating_add(1).saturating_mul(READ.saturating_add(WRITE)));
    gas.saturating_add(extra)
}

/// The gas of a transaction with the checks of its claims.
pub(crate) fn gas(signed: &SignedTx, size: usize, check: &dyn CheckClaim, state: &State) -> u64 {
    let chain = state.chain;
    let opening = |deal: DealId, packet: &[u8]| {
        let goal = state.deal_to_end(deal).and_then(|deal| state.registered(deal.terms.goal()));
        goal.map_or(0, |known| check.open_gas(packet, &known.goal.net.layout()))
    };
    let checks = match &signed.tx.action {
        Action::Claim(claim) | Action::Refute(Refutation::Claim(claim)) => check.gas(claim),
        Action::Refute(Refutation::Proposed { proposal, content }) => {
            content.claim(proposal.proposal.block, chain).map_or(0, |claim| check.gas(&claim))
        }
        Action::Refute(Refutation::Precommitted { vote, content }) => {
            let block = vote.vote.block.unwrap_or_default();
            content.claim(block, chain).map_or(0, |claim| check.gas(&claim))
        }
        Action::Post { deal, packet, .. } | Action::Refute(Refutation::Packet { deal, packet, .. }) => {
            opening(*deal, packet)
        }
        Action::Contest { goal, step } => state.contest_gas(*goal, step),
        Action::Attend { votes, .. } => {
            SIGNATURE.saturating_mul(u64::try_from(votes.len()).unwrap_or(u64::MAX))
        }
        Action::Answer { turn, answer } => {
            let turn = state.pending_turn(*turn);
            turn.map_or(0, |turn| check.audit_gas(&turn.claim, state.params.audits.demand, answer))
        }
        Action::Challenge { turn, step } | Action::Move { turn, step } => {
            state.pending_turn(*turn).map_or(0, |turn| check.rule_gas(&turn.claim, step))
        }
        _ => 0,
    };
    plain_gas(signed, size).saturating_add(checks)
}

/// The base fee after a block that used `used` gas.
pub fn next_base_fee(base: Amount, used: u64, params: &FeeParams) -> Amount {
    let (target, divisor) = (u128::from(params.target), u128::from(params.divisor));
    let change = |gap: u64| {
        let whole = base.mul_div(u128::from(gap), target).unwrap_or(base);
        whole.mul_div(1, divisor).unwrap_or_default()
    };
    let next = if used > params.target {
        let rise = change(used.saturating_sub(params.target)).max(Amount(1));
        // Capped, so that the product with any gas stays within 128 bits.
        base.checked_add(rise).unwrap_or(base).min(Amount::SUPPLY)
    } else {
        base.saturating_sub(change(params.target.saturating_sub(used)))
    };
    next.max(params.floor)
}

/// What a transaction paid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paid {
    /// To the network.
    pub(crate) fee: Amount,
    /// Of this what nobody but the treasury got.
    pub(crate) kept: Amount,
    /// To the builder.
    pub(crate) tip: Amount,
}

impl State {
    /// What one gas costs now.
    pub fn base_fee(&self) -> Amount {
        if self.is_before_cliff() { Amount::ZERO } else { self.clock.base_fee }
    }

    /// What so much gas of a transaction costs: the fee and the tip.
    fn cost(&self, tx: &Tx, gas: u64) -> Result<(Amount, Amount), Refused> {
        let of = |price: Amount| price.mul_div(u128::from(gas), 1).ok_or(Refused::Overflow);
        Ok((of(self.base_fee())?, of(tx.tip)?))
    }

    /// The least that a transaction of `size` bytes costs now, without the checks of its claims.
    pub fn least_cost(&self, signed: &SignedTx, size: usize) -> Amount {
        let cost = self.cost(&signed.tx, plain_gas(signed, size));
        cost.ok().and_then(|(fee, tip)| fee.checked_add(tip)).unwrap_or(Amount::SUPPLY)
    }

    /// Whether a transaction can pay for so much gas, in tokens or before the cliff by what its author bonds.
    pub(crate) fn affords(&self, tx: &Tx, gas: u64) -> Result<(), Refused> {
        let (fee, tip) = self.cost(tx, gas)?;
        let (needed, held) = (fee.checked_add(tip).ok_or(Refused::Overflow)?, self.spendable(tx.by));
        if needed > held {
            return Err(Refused::Balance { needed, held });
        }
        if self.is_counted(tx) {
            let (sent, most) = (self.standing(tx.by).sent, self.quota(tx));
            if sent >= most {
                return Err(Refused::Quota { sent, most });
            }
        }
        Ok(())
    }

    /// Whether a transaction counts among those that its author may send in an epoch.
    fn is_counted(&self, tx: &Tx) -> bool {
        let brings_votes = matches!(tx.action, Action::Attend { .. })
            && self.elected(self.epoch()).is_some_and(|voters| voters.position(tx.by).is_some());
        self.is_before_cliff() && !brings_votes
    }

    /// How many transactions the author of this one may send in an epoch before the cliff.
    fn quota(&self, tx: &Tx) -> u32 {
        let bonded = self.stakes.get(&tx.by).map(|stake| stake.bonded).unwrap_or_default();
        let more = if let Action::Bond(amount) = tx.action { amount } else { Amount::ZERO };
        let bonded = bonded.0.saturating_add(more.0).min(Amount::SUPPLY.0);
        let most = bonded.checked_div(self.params.vesting.quota.0).unwrap_or(0);
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    /// Takes what a transaction costs from its author.
    pub(crate) fn charge(&mut self, tx: &Tx, gas: u64, builder: NodeId) -> Result<Paid, Refused> {
        self.affords(tx, gas)?;
        if self.is_counted(tx) {
            self.with_standing(tx.by, |standing| standing.sent = standing.sent.saturating_add(1));
        }
        let (fee, tip) = self.cost(tx, gas)?;
        let (voters, users) = (self.params.fees.voters.floor_of(fee), self.params.fees.users.floor_of(fee));
        let (from, kept) = (Pocket::Account(tx.by), fee.saturating_sub(voters).saturating_sub(users));
        self.shift(from, Pocket::Voters, voters)?;
        self.shift(from, Pocket::Users, users)?;
        self.shift(from, Pocket::Treasury, kept)?;
        self.shift(from, Pocket::Account(builder), tip)?;
        Ok(Paid { fee, kept, tip })
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::Params;
    use proptest::prelude::*;

    #[test]
    fn a_full_block_raises_the_fee_by_an_eighth_and_empty_ones_lower_it_to_the_floor() {
        let params = Params::mainnet().fees;
        assert_eq!(next_base_fee(Amount(800), params.limit, &params), Amount(900));
        assert_eq!(next_base_fee(Amount(800), 0, &params), Amount(700));
        assert_eq!(next_base_fee(Amount(800), params.target, &params), Amount(800));
        assert_eq!(next_base_fee(Amount(10), params.target + 1, &params), Amount(11));
        let idle = (0..200).fold(Amount(1_000_000_000), |fee, _| next_base_fee(fee, 0, &params));
        assert_eq!(idle, params.floor);
    }

    proptest! {
        #[test]
        fn the_fee_stays_within_bounds(base in 10..=Amount::SUPPLY.0, used in any::<u64>()) {
            let params = Params::mainnet().fees;
            let next = next_base_fee(Amount(base), used.min(params.limit), &params);
            prop_assert!(next >= params.floor && next <= Amount::SUPPLY);
            prop_assert!(next.0 * 8 <= base * 9 + 8 && next.0 * 8 >= base * 7);
        }
    }
}
