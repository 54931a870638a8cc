//! The encoder with memory: warm starts and error feedback.

use super::{LowRank, factors, guess, power_step};
use crate::{Chain, CompressError, Compressor, Encoder, Limits, Packet, dense::check_finite, format};
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// PowerSGD: [`LowRank`] packets whose guesses come from the packet before, with error feedback.
///
/// With feedback, what a packet leaves out is added to the next update (algorithm 2 of the paper), so that nothing is lost
/// for good. Any [`LowRank`] chain with the same codec of values decodes its packets.
///
/// ```
/// use bitneuron_compress::{Dense, Encoder, LowRank, PowerSgd};
/// use bitneuron_core::{Layout, Params, Seed};
/// use std::sync::Arc;
///
/// let update = Params::zeros(Arc::new(Layout::of(&[("w", &[64, 64])])?));
/// let mut encoder = PowerSgd::new(LowRank::new(2)?, Dense)?.with_feedback();
/// let packet = encoder.encode(&update, Seed::from_number(1))?;
/// assert!(encoder.is_faithful() && packet.len() < 4 * 64 * 64 / 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PowerSgd<C> {
    format: LowRank,
    values: C,
    chain: Chain<LowRank, C>,
    feedback: bool,
    memory: Option<Memory>,
}

/// What is kept from one packet to the next.
#[derive(Debug, Clone)]
struct Memory {
    layout: Arc<Layout>,
    /// Q of every tensor, empty for those that stay as they are.
    guesses: Vec<Vec<f64>>,
    /// What was left out so far; empty without feedback.
    residual: Vec<f32>,
}

impl<C: Compressor + Clone> PowerSgd<C> {
    /// Sends the factors of `format` through `values`.
    ///
    /// # Errors
    /// `values` has a transform already.
    pub fn new(format: LowRank, values: C) -> Result<Self, CompressError> {
        let chain = Chain::new(format, values.clone())?;
        Ok(Self { format, values, chain, feedback: false, memory: None })
    }

    /// With error feedback inside.
    #[must_use]
    pub fn with_feedback(self) -> Self {
        Self { feedback: true, ..self }
    }

    /// The codec that decodes its packets.
    pub fn decoder(&self) -> &Chain<LowRank, C> {
        &self.chain
    }

    /// What was left out so far, once there is feedback and a packet.
    pub fn residual(&self) -> Option<&[f32]> {
        self.memory.as_ref().map(|memory| memory.residual.as_slice()).filter(|residual| !residual.is_empty())
    }

    /// `params` and what was left out.
    fn owed(&self, params: &Params) -> Result<Params, CompressError> {
        let mut owed = params.clone();
        if let Some(memory) = &self.memory {
            if memory.layout != *params.layout() {
                return Err(CompressError::Layout);
            }
            owed.values_mut().iter_mut().zip(&memory.residual).for_each(|(x, left)| *x += left);
        }
        check_finite(owed.values())?;
        Ok(owed)
    }
}

impl<C: Compressor + Clone> Encoder for PowerSgd<C> {
    /// All parameters have the layout of the first.
    fn encode(&mut self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        let owed = self.owed(params)?;
        let mut guesses = Vec::new();
        let factors = format::forward::<LowRank>(&owed, |index, values, dims| {
            let Some(shape) = self.format.shape(dims)? else {
                guesses.push(Vec::new());
                return Ok(None);
            };
            let known = self.memory.as_ref().and_then(|memory| memory.guesses.get(index));
            let fresh = || guess(&shape, seed.derive_number("guess", index as u64));
            // A guess of zeros would never see anything again.
            let known = known.filter(|q| q.iter().any(|x| *x != 0.0)).cloned();
            let (p, q) = power_step(values, &shape, &known.unwrap_or_else(fresh))?;
            let factored = factors(shape, &p, &q);
            guesses.push(q);
            Ok(factored)
        })?;
        let inner = self.values.compress(&factors.params, seed.derive("values"))?;
        let packet = inner.wrap(self.chain.codec(), params.layout().digest(), factors.structure)?;
        let mut residual = Vec::new();
        if self.feedback {
            let limits = Limits { bytes: packet.len(), elements: params.layout().len() };
            let sent = self.chain.decompress(&packet, params.layout(), limits)?;
            residual = owed.values().iter().zip(sent.values()).map(|(x, sent)| x - sent).collect();
            check_finite(&residual)?;
        }
        self.memory = Some(Memory { layout: params.layout().clone(), guesses, residual });
        Ok(packet)
    }

    fn is_faithful(&self) -> bool {
        self.feedback
    }
}
