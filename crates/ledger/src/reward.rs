//! Paying rewards, and what follows from them. What is paid for what is in `dividend` and in [`crate::contest`].

use crate::account::Pocket;
use crate::event::{Event, Merit};
use crate::reputation::Channel;
use crate::{Refused, draft::Draft};
use bitneuron_core::{Amount, NodeId};

impl Draft<'_> {
    /// Pays somebody for something out of a pool, and notes what follows from it.
    pub(crate) fn pay(
        &mut self,
        from: Pocket,
        who: NodeId,
        merit: Merit,
        amount: Amount,
    ) -> Result<(), Refused> {
        if amount == Amount::ZERO {
            return Ok(());
        }
        self.state.shift(from, Pocket::Account(who), amount)?;
        match merit {
            // Who builds is drawn by weight.
            Merit::Block | Merit::Vote | Merit::Fees => self.state.yielded(amount),
            Merit::Gradient => self.state.gain(who, Channel::Metric, Amount(amount.0 / 4)),
            Merit::Examination | Merit::Royalty => {}
        }
        self.events.push(Event::Rewarded { who, merit, amount });
        Ok(())
    }
}
