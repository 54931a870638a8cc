//! Timers by name: setting one again replaces it; those due at the same time fire in the order in which they were set.

use bitneuron_core::Time;
use std::collections::{BTreeMap, BTreeSet};

/// A table of timers.
///
/// ```
/// use bitneuron_core::Time;
/// use bitneuron_node::wire::Timers;
/// let mut timers = Timers::default();
/// timers.set(7, Time(30));
/// timers.set(8, Time(20));
/// timers.set(7, Time(10));
/// assert_eq!(timers.next(), Some(Time(10)));
/// assert_eq!((timers.due(Time(15)), timers.due(Time(15))), (Some(7), None));
/// timers.cancel(8);
/// assert_eq!(timers.next(), None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Timers {
    /// When each fires, and the how-many-eth setting it was.
    set: BTreeMap<u64, (Time, u64)>,
    /// The same, in the order of firing.
    order: BTreeSet<(Time, u64, u64)>,
    settings: u64,
}

impl Timers {
    /// Lets `id` fire at `at`, and only then.
    pub fn set(&mut self, id: u64, at: Time) {
        self.cancel(id);
        self.settings = self.settings.wrapping_add(1);
        self.set.insert(id, (at, self.settings));
        self.order.insert((at, self.settings, id));
    }

    /// Forgets `id`.
    pub fn cancel(&mut self, id: u64) {
        if let Some((at, setting)) = self.set.remove(&id) {
            self.order.remove(&(at, setting, id));
        }
    }

    /// When the next one fires.
    pub fn next(&self) -> Option<Time> {
        self.order.first().map(|(at, _, _)| *at)
    }

    /// Takes the first that is due at `now`.
    pub fn due(&mut self, now: Time) -> Option<u64> {
        let (_, _, id) = self.order.first().copied().filter(|(at, _, _)| *at <= now)?;
        self.cancel(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_set_again_is_one_timer() {
        let mut timers = Timers::default();
        timers.set(1, Time(100));
        timers.set(1, Time(300));
        assert_eq!((timers.next(), timers.due(Time(299))), (Some(Time(300)), None));
        timers.set(1, Time(50));
        assert_eq!((timers.due(Time(300)), timers.due(Time(300)), timers.next()), (Some(1), None, None));
    }
}
