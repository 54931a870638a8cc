//! A pause: validators with more than two thirds of the weight stop trade for some days.
//!
//! Each calls for it by a transaction of its own, within one epoch, in blocks that all can see. While trade is paused no order is
//! taken, and so none is matched, for after a clearing no two orders that rest could still trade. Nothing else stops: deals
//! are delivered, proven, paid and refunded, stake unbonds, evidence is heard, votes are counted. A pause ends by itself at the
//! latest after [`GovernParams::pause`](super::GovernParams::pause) epochs, whatever that is by then, so a vote that raises it lengthens
//! the pause that lasts. For a season after it there is no other.

use super::fault::GovernFault;
use crate::event::Event;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Epoch, NodeId};
use serde::{Deserialize, Serialize};

/// Whether trade is paused, and who calls for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The epoch in which the pause began that lasts now.
    pub since: Option<Epoch>,
    /// No pause begins before this epoch.
    pub season: Epoch,
    /// Who has called for one in this epoch, ascending.
    pub calls: Vec<NodeId>,
}

impl State {
    /// Whether trade is paused, and who calls for it.
    pub fn pause(&self) -> Pause {
        self.pause.get(&()).cloned().unwrap_or_default()
    }

    /// Refuses what a pause stops.
    pub(crate) fn trades(&self) -> Result<(), Refused> {
        let paused = self.pause.get(&()).is_some_and(|pause| pause.since.is_some());
        if paused { Err(GovernFault::Paused.into()) } else { Ok(()) }
    }

    /// Whether these make more than two thirds of the weight of the voters of now.
    fn is_quorum(&self, callers: &[NodeId]) -> bool {
        let Some(voters) = self.electorate(self.epoch()) else { return false };
        let weight: u128 =
            callers.iter().filter_map(|id| voters.weight_of(*id)).map(|weight| u128::from(weight.0)).sum();
        weight.saturating_mul(3) > u128::from(voters.total().0).saturating_mul(2)
    }
}

impl Draft<'_> {
    /// A validator calls for a pause.
    pub(crate) fn call_pause(&mut self, by: NodeId) -> Result<(), Refused> {
        self.state.trades()?;
        let (epoch, mut pause) = (self.state.epoch(), self.state.pause());
        if epoch < pause.season {
            return Err(GovernFault::Season(pause.season).into());
        }
        let votes = self.state.electorate(epoch).is_some_and(|voters| voters.weight_of(by).is_some());
        if !votes || !self.state.is_free(by, epoch) {
            return Err(Refused::Stranger { who: by, epoch });
        }
        let Err(at) = pause.calls.binary_search(&by) else { return Err(GovernFault::Idle.into()) };
        pause.calls.insert(at, by);
        self.events.push(Event::PauseCalled { who: by });
        if self.state.is_quorum(&pause.calls) {
            pause = Pause { since: Some(epoch), calls: Vec::new(), ..pause };
            self.events.push(Event::Paused { epoch });
        }
        self.state.pause.set((), pause);
        Ok(())
    }

    /// The beginning of an epoch: a pause that has lasted long enough ends, and calls are forgotten.
    pub(super) fn end_pause(&mut self, next: Epoch) {
        let (before, most) = (self.state.pause(), self.state.params.govern.pause);
        let mut pause = Pause { calls: Vec::new(), ..before.clone() };
        if pause.since.is_some_and(|since| since.0.saturating_add(most) <= next.0) {
            let season = Epoch(next.0.saturating_add(self.state.params.govern.season));
            pause = Pause { since: None, season, ..pause };
            self.events.push(Event::Resumed { season });
        }
        if pause != before {
            self.state.pause.set((), pause);
        }
    }
}
