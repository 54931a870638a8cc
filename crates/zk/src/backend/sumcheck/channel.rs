//! The transcript as both sides see it: masked messages and challenges.
//!
//! A masked message is the true one plus a *pad*, a random element that was committed before. Who checks cannot take the pad
//! away, but everything that is checked of messages is linear in them, so it becomes a linear claim about committed pads.

use super::field::{Challenger, Ext, Val};
use super::settle::Form;
use p3_challenger::{CanObserve, FieldChallenger};
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};

/// A proof has too few messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short;

/// A message as shown: the true one is `shown − pad`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Masked {
    pub(super) shown: Ext,
    pub(super) pad: usize,
}

impl Masked {
    /// The true message as a form.
    pub(super) fn form(self) -> Form {
        Form { constant: self.shown, values: Vec::new(), pads: vec![(self.pad, -Ext::ONE)] }
    }
}

/// One side of a transcript.
pub(super) struct Channel<'a> {
    pub(super) challenger: &'a mut Challenger,
    side: Side<'a>,
    next: usize,
    /// Challenges do not depend on messages: for tests of what is told at given challenges.
    pub(super) deaf: bool,
}

enum Side<'a> {
    Prover { pads: &'a [Ext], sent: Vec<Ext> },
    Verifier { messages: &'a [Ext] },
}

impl<'a> Channel<'a> {
    /// The prover's, with the pads that are committed.
    pub(super) fn prover(challenger: &'a mut Challenger, pads: &'a [Ext]) -> Self {
        Self { challenger, side: Side::Prover { pads, sent: Vec::new() }, next: 0, deaf: false }
    }

    /// The verifier's, with the messages of the proof.
    pub(super) fn verifier(challenger: &'a mut Challenger, messages: &'a [Ext]) -> Self {
        Self { challenger, side: Side::Verifier { messages }, next: 0, deaf: false }
    }

    /// Sends a message masked by the next pad; the verifier reads it, whatever `value` is.
    pub(super) fn send(&mut self, value: Ext) -> Result<Masked, Short> {
        let pad = self.next;
        self.next += 1;
        let masked = match &self.side {
            Side::Prover { pads, .. } => value + pads[pad],
            Side::Verifier { .. } => Ext::ZERO,
        };
        Ok(Masked { shown: self.clear(masked)?, pad })
    }

    /// Sends a message as it is.
    pub(super) fn clear(&mut self, value: Ext) -> Result<Ext, Short> {
        let shown = match &mut self.side {
            Side::Prover { sent, .. } => {
                sent.push(value);
                value
            }
            Side::Verifier { messages } => {
                let (first, rest) = messages.split_first().ok_or(Short)?;
                *messages = rest;
                *first
            }
        };
        if !self.deaf {
            observe(self.challenger, shown);
        }
        Ok(shown)
    }

    /// The next challenge.
    pub(super) fn draw(&mut self) -> Ext {
        self.challenger.sample_algebra_element()
    }

    /// So many challenges.
    pub(super) fn point(&mut self, coordinates: usize) -> Vec<Ext> {
        (0..coordinates).map(|_| self.draw()).collect()
    }

    /// Leaves out a pad that nothing was sent with.
    pub(super) const fn skip(&mut self, pads: usize) -> usize {
        let first = self.next;
        self.next += pads;
        first
    }

    /// The pads that were used.
    #[cfg(test)]
    pub(super) const fn next(&self) -> usize {
        self.next
    }

    /// The prover's messages; for the verifier, whether all were read.
    pub(super) fn finish(self) -> Result<Vec<Ext>, Short> {
        match self.side {
            Side::Prover { sent, .. } => Ok(sent),
            Side::Verifier { messages: [] } => Ok(Vec::new()),
            Side::Verifier { .. } => Err(Short),
        }
    }
}

/// Observes an element of the extension.
pub(super) fn observe(challenger: &mut Challenger, value: Ext) {
    challenger.observe_slice(BasedVectorSpace::<Val>::as_basis_coefficients_slice(&value));
}

/// The Lagrange polynomials of the nodes 0, 1, 2, 3 at a challenge.
pub(super) fn lagrange(r: Ext) -> [Ext; 4] {
    use p3_field::Field;
    let (a, b, c, d) = (r, r - Ext::ONE, r - Ext::TWO, r - Ext::from_u8(3));
    let sixth = Ext::from_u8(6).inverse();
    let half = Ext::TWO.inverse();
    [-(b * c * d) * sixth, a * c * d * half, -(a * b * d) * half, a * b * c * sixth]
}

/// A running claim after a round whose messages are its values at 0, 2 and 3.
pub(super) fn advance(claim: &mut Form, messages: [Masked; 3], r: Ext) {
    let [zero, one, two, three] = lagrange(r);
    claim.scale(one);
    // The value at 1 is the claim less the value at 0.
    for (message, by) in messages.into_iter().zip([zero - one, two, three]) {
        claim.add(&message.form(), by);
    }
}
