//! The one shape of every protocol: a state that is stepped by inputs and answers with effects.
//!
//! A machine owns no clock, socket, file, thread or entropy. Time and randomness come in with the input;
//! everything it wants from the world goes out as an effect. Two drivers run the same machines: virtual time
//! in `bitneuron-sim` and tokio in `bitneuron-node`.

use crate::Time;
use std::error::Error;

/// A deterministic state machine.
///
/// Laws:
/// 1. *Determinism*: equal state, `now` and `input` give equal state and effects.
/// 2. *Refusal is free*: on `Err` the state and the outbox are what they were before the call.
/// 3. *Order*: effects are performed in the order in which they were pushed.
/// 4. *Totality*: no input, however hostile, panics.
pub trait Machine {
    /// What the world tells the machine.
    type Input;
    /// What the machine asks of the world.
    type Effect;
    /// Why an input was refused.
    type Error: Error + Send + Sync + 'static;

    /// Consumes one input at time `now`.
    ///
    /// # Errors
    /// The input is refused; state and outbox are unchanged.
    fn step(
        &mut self,
        now: Time,
        input: Self::Input,
        out: &mut Outbox<Self::Effect>,
    ) -> Result<(), Self::Error>;
}

/// Collects the effects of one or more steps, in order.
///
/// ```
/// use bitneuron_core::Outbox;
/// let mut out = Outbox::new();
/// out.push("persist");
/// out.push("send");
/// assert_eq!(out.drain().collect::<Vec<_>>(), ["persist", "send"]);
/// assert!(out.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox<E> {
    effects: Vec<E>,
}

impl<E> Outbox<E> {
    /// An empty outbox.
    pub const fn new() -> Self {
        Self { effects: Vec::new() }
    }

    /// Appends one effect.
    pub fn push(&mut self, effect: E) {
        self.effects.push(effect);
    }

    /// How many effects wait.
    pub fn len(&self) -> usize {
        self.effects.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    /// The waiting effects, oldest first.
    pub fn as_slice(&self) -> &[E] {
        &self.effects
    }

    /// Removes and returns all effects, oldest first.
    pub fn drain(&mut self) -> std::vec::Drain<'_, E> {
        self.effects.drain(..)
    }

    /// Steps an inner machine and appends its effects, each translated by `into`.
    ///
    /// # Errors
    /// What the inner machine refused; this outbox is then unchanged.
    pub fn lift<M: Machine>(
        &mut self,
        machine: &mut M,
        now: Time,
        input: M::Input,
        into: impl FnMut(M::Effect) -> E,
    ) -> Result<(), M::Error> {
        let mut inner = Outbox::new();
        machine.step(now, input, &mut inner)?;
        self.effects.extend(inner.effects.into_iter().map(into));
        Ok(())
    }
}

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Extend<E> for Outbox<E> {
    fn extend<I: IntoIterator<Item = E>>(&mut self, effects: I) {
        self.effects.extend(effects);
    }
}

impl<E> IntoIterator for Outbox<E> {
    type Item = E;
    type IntoIter = std::vec::IntoIter<E>;

    fn into_iter(self) -> Self::IntoIter {
        self.effects.into_iter()
    }
}
