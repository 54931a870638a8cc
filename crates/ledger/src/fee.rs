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
//! Fees go to the voters of the next epoch and to the treasury, never at once to the builder who filled the block.

use crate::account::Pocket;
use crate::params::FeeParams;
use crate::tx::{Action, Refutation, SignedTx};
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

/// The gas of checking what a block's builder drew.
pub const DRAW_GAS: u64 = 23_000;

/// The gas of a transaction of `size` bytes without the checks of its claims.
pub(crate) fn plain_gas(signed: &SignedTx, size: usize) -> u64 {
    let (signatures, writes, extra) = match &signed.tx.action {
        Action::Transfer { .. }
        | Action::RegisterData { .. }
        | Action::Receipt { .. }
        | Action::Answer { .. } => (1, 2, 0),
        Action::Bond(_) | Action::Unbond(_) | Action::CommitTurn { .. } => (1, 3, 0),
        Action::Post { .. } | Action::Cancel(_) => (1, 4, 0),
        Action::Place(_) | Action::Challenge { .. } | Action::Move { .. } => (1, 8, 0),
        Action::RegisterGoal(_) => (1, 3, GOAL),
        Action::Contest { step, .. } => (1, step.writes(), 0),
        Action::Claim(_) => (2, 16, 0),
        Action::Refute(_) => (3, 8, 0),
        Action::Accuse(_) => (3, 6, 0),
    };
    let writes: u64 = writes;
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
        goal.map_or(0, |known| check.open_gas(packet, &known.goal.mlp.layout()))
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
        Action::Post { deal, packet } | Action::Refute(Refutation::Packet { deal, packet }) => {
            opening(*deal, packet)
        }
        Action::Contest { goal, step } => state.contest_gas(*goal, step),
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

impl State {
    /// The fee for this much gas.
    pub(crate) fn fee(&self, gas: u64) -> Result<Amount, Refused> {
        self.clock.base_fee.mul_div(u128::from(gas), 1).ok_or(Refused::Overflow)
    }

    /// Takes the fee from its payer, and says how much it was.
    pub(crate) fn charge(&mut self, payer: NodeId, gas: u64) -> Result<Amount, Refused> {
        let fee = self.fee(gas)?;
        let voters = self.params.fees.voters.floor_of(fee);
        let from = Pocket::Account(payer);
        let held = self.balance(payer);
        if held < fee {
            return Err(Refused::Balance { needed: fee, held });
        }
        self.shift(from, Pocket::Voters, voters)?;
        self.shift(from, Pocket::Treasury, fee.saturating_sub(voters))?;
        Ok(fee)
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
