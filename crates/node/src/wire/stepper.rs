//! Stepping a role and translating what it asks for: all of the driver that needs no clock, task or channel.

use super::Timers;
use bitneuron_core::{Machine, Outbox, Time};
use bitneuron_role::{Effect, Input, Report};

/// A machine that speaks the alphabet of roles: `User`, `Validator` or an own one.
pub trait Role: Machine<Input = Input, Effect = Effect> + Send + 'static {}

impl<M: Machine<Input = Input, Effect = Effect> + Send + 'static> Role for M {}

/// A role with its timers.
#[derive(Debug)]
pub struct Stepper<M> {
    machine: M,
    timers: Timers,
}

impl<M: Role> Stepper<M> {
    /// A role that has not begun.
    pub fn new(machine: M) -> Self {
        Self { machine, timers: Timers::default() }
    }

    /// Steps the role and returns what it asks for, in order.
    ///
    /// Timers are set and cancelled here; they stay among the effects for whoever keeps a log. An input that the role
    /// refuses becomes a report.
    pub fn step(&mut self, now: Time, input: Input) -> Vec<Effect> {
        let mut out = Outbox::new();
        if let Err(error) = self.machine.step(now, input, &mut out) {
            out.push(Effect::Report(Report::Refused { why: error.to_string() }));
        }
        for effect in out.as_slice() {
            match effect {
                Effect::Timer { id, after } => self.timers.set(*id, now.after(*after)),
                Effect::CancelTimer(id) => self.timers.cancel(*id),
                Effect::Send { .. } | Effect::Work(_) | Effect::Persist(_) | Effect::Report(_) => {}
            }
        }
        out.into_iter().collect()
    }

    /// When the next timer fires.
    pub fn next(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Takes the first timer that is due; the caller steps the role with it.
    pub fn due(&mut self, now: Time) -> Option<u64> {
        self.timers.due(now)
    }

    /// The role.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The role, for good.
    pub fn into_machine(self) -> M {
        self.machine
    }
}
