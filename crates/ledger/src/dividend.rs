//! What who builds and votes is paid at the end of an epoch: the consensus slice, and fees of the epochs before.
//!
//! ```text
//! an eighth of the slice     in equal parts, one for each height of the epoch, to builders of blocks with merit
//! seven eighths of it        weight / all weight · attendance, to the voters of the epoch
//! fees of earlier epochs     the same
//! ```
//!
//! A block has full *merit* when a claim in it moved a head of a listed goal; else it has as much as the treasury took of the deals of
//! listed goals that it settled, so that nothing is gained by trading with oneself; a block without proofs has none. *Attendance* is
//! the part of the epoch's heights of which a precommit of the voter was brought ([`crate::Attendance::part`]), and nothing in jail.
//!
//! What is not earned goes to nobody else: of the slice it is carried (`emission`), of fees it waits for the next epoch. So nobody
//! gains by another's absence. And fees are paid by the epoch after theirs: whoever fills blocks with his own transactions gets
//! back his share of weight of half of it.

use crate::account::Pocket;
use crate::event::Merit;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Amount, NodeId};

impl State {
    /// Notes what the last block merits its builder.
    pub(crate) fn credit_block(&mut self, builder: NodeId, merit: Amount) {
        let merit = merit.min(self.params.rewards.block);
        if merit > Amount::ZERO {
            self.with_standing(builder, |standing| {
                standing.merit = standing.merit.checked_add(merit).unwrap_or(Amount::SUPPLY);
            });
        }
    }
}

impl Draft<'_> {
    /// The end of an epoch: pays those who built and voted in it.
    pub(crate) fn pay_dividends(&mut self) -> Result<(), Refused> {
        self.state.release_carry()?;
        let slice = self.state.pools.consensus;
        let built = self.state.params.rewards.builders.floor_of(slice);
        self.pay_builders(built)?;
        self.pay_voters(Pocket::Consensus, slice.saturating_sub(built), Merit::Vote)?;
        self.state.shift(Pocket::Consensus, Pocket::Carry, self.state.pools.consensus)?;
        self.pay_voters(Pocket::Due, self.state.pools.due, Merit::Fees)?;
        self.state.shift(Pocket::Voters, Pocket::Due, self.state.pools.voters)
    }

    /// Each height of the epoch has its part, which the merit of its block earns.
    fn pay_builders(&mut self, pot: Amount) -> Result<(), Refused> {
        let (params, heights) = (&self.state.params.rewards, u128::from(self.state.params.epoch));
        let full = params.block;
        // No more than what counts as full merit, so that no deal earns more than it cost.
        let part = pot.mul_div(1, heights).unwrap_or_default().min(full);
        let standings = self.state.standings.iter().map(|(id, standing)| (*id, standing.merit));
        let builders: Vec<_> = standings.filter(|(_, merit)| *merit > Amount::ZERO).collect();
        for (who, merit) in builders {
            let earned = part.mul_div(merit.0, full.0).unwrap_or_default();
            self.pay(Pocket::Consensus, who, Merit::Block, earned)?;
        }
        Ok(())
    }

    /// Pays the voters of this epoch by weight and attendance, as much of the pot as they earned.
    fn pay_voters(&mut self, from: Pocket, pot: Amount, merit: Merit) -> Result<(), Refused> {
        let epoch = self.state.epoch();
        let Some(voters) = self.state.elected(epoch) else { return Ok(()) };
        let (all, attendance) = (u128::from(voters.total().0), self.state.attendance.get(&()).cloned());
        let attendance = attendance.unwrap_or_default();
        let members = voters.members().iter().enumerate();
        for (place, member) in members.filter(|(_, member)| pot > Amount::ZERO && member.weight.0 > 0) {
            if self.state.is_free(member.id, epoch) {
                let whole = pot.mul_div(u128::from(member.weight.0), all).unwrap_or_default();
                let earned = whole.mul_div(u128::from(attendance.part(place)), 1 << 16).unwrap_or_default();
                self.pay(from, member.id, merit, earned)?;
            }
        }
        Ok(())
    }
}
