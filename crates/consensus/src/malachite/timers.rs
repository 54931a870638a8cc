//! Running timers: a fresh [`TimerId`] for every start, so that a late answer to an old one is recognised.

use crate::{Effect, TimerId, record::Step};
use std::{collections::BTreeMap, time::Duration};

/// What a timer stands for: the step and its round.
pub(super) type Wait = (Step, u32);

/// The timers of one engine.
#[derive(Debug, Default)]
pub(super) struct Timers {
    next: u64,
    running: BTreeMap<Wait, TimerId>,
}

impl Timers {
    /// Starts a timer; a running one for the same wait is replaced.
    pub(super) fn start(&mut self, wait: Wait, after: Duration, out: &mut Vec<Effect>) {
        self.cancel(wait, out);
        let id = TimerId(self.next);
        self.next = self.next.saturating_add(1);
        self.running.insert(wait, id);
        out.push(Effect::Timer { id, after });
    }

    /// Stops a timer if it runs.
    pub(super) fn cancel(&mut self, wait: Wait, out: &mut Vec<Effect>) {
        out.extend(self.running.remove(&wait).map(Effect::CancelTimer));
    }

    /// Stops all timers.
    pub(super) fn cancel_all(&mut self, out: &mut Vec<Effect>) {
        out.extend(std::mem::take(&mut self.running).into_values().map(Effect::CancelTimer));
    }

    /// What the timer stood for, if it still runs; it has then run out.
    pub(super) fn elapsed(&mut self, id: TimerId) -> Option<Wait> {
        let wait = self.running.iter().find(|(_, running)| **running == id).map(|(wait, _)| *wait)?;
        self.running.remove(&wait);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restarted_timer_forgets_its_old_name() {
        let (mut timers, mut out) = (Timers::default(), Vec::new());
        let (wait, span) = ((Step::Propose, 0), Duration::from_secs(1));
        timers.start(wait, span, &mut out);
        timers.start(wait, span, &mut out);
        let [a, b] = [TimerId(0), TimerId(1)];
        let started = |id| Effect::Timer { id, after: span };
        assert_eq!(out, [started(a), Effect::CancelTimer(a), started(b)]);
        assert_eq!(timers.elapsed(a), None);
        assert_eq!(timers.elapsed(b), Some(wait));
        assert_eq!(timers.elapsed(b), None);
    }
}
