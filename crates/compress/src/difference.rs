//! Differences: what changed since a model that the receiver knows, through any codec.
//!
//! ```text
//! θ̂ = θ_base + Ĉ(s),    s = θ − θ_base + β·e,    e ← s − Ĉ(s)
//! ```
//! A model says the same again each round; what a round of training changed is small and mostly near zero, so codecs that keep
//! few values (such as [`crate::Ternary`], sparse ternary compression) suit it and no whole model. The packet names the
//! model that it starts from by its [`Commitment`], under which heads stand on the chain; a receiver that does not have
//! that model refuses the packet with [`CompressError::Base`]. What the codec left out is owed and comes with the next
//! difference ([`ErrorFeedback`]), whatever model that one starts from.
//!
//! β = 1 is for receivers that add every difference up. Where a receiver takes a share of what it is sent, and lends another
//! model each round, the next difference says again what is still missing; then what is owed must be forgotten
//! ([`Differences::with_decay`]), else it piles up and drowns what is new.
//!
//! Part 0 of the packet, behind it the parts of the difference:
//!
//! ```text
//! scheme u16 · root, 32 bytes · codec of the difference u16
//! ```
//! The difference of a difference is refused: packets nest one level deep.

use crate::{
    CodecId, CompressError, Compressor, Encoder, ErrorFeedback, Limits, Packet, Registry,
    dense::check_finite, feedback::Memory, reader::Reader,
};
use bitneuron_core::exact::fixed::{WEIGHT_BITS, WEIGHT_LIMIT};
use bitneuron_core::{Commitment, Digest, Layout, Params, Seed};
use std::sync::Arc;

/// A packet of a difference, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    base: Commitment,
    change: Packet,
}

impl Difference {
    /// The difference `change` from the model that `base` commits to.
    ///
    /// # Errors
    /// `change` is itself a packet of a difference.
    pub fn new(base: Commitment, change: Packet) -> Result<Self, CompressError> {
        if change.codec() == CodecId::DIFFERENCE {
            return Err(CompressError::Malformed("the difference of a difference"));
        }
        Ok(Self { base, change })
    }

    /// Takes a packet apart; [`None`] when it holds a whole model.
    ///
    /// # Errors
    /// A difference whose first part is malformed.
    pub fn of(packet: &Packet) -> Result<Option<Self>, CompressError> {
        if packet.codec() != CodecId::DIFFERENCE {
            return Ok(None);
        }
        let mut reader = Reader::new(packet.structure()?);
        let base = Commitment { scheme: reader.u16()?, root: Digest(reader.array()?) };
        let codec = CodecId(reader.u16()?);
        reader.finish()?;
        Self::new(base, packet.unwrap_factors(codec, packet.layout())).map(Some)
    }

    /// The model that it starts from.
    pub const fn base(&self) -> Commitment {
        self.base
    }

    /// The packet of what changed.
    pub const fn change(&self) -> &Packet {
        &self.change
    }

    /// Its packet.
    ///
    /// # Errors
    /// Too many parts.
    pub fn into_packet(self) -> Result<Packet, CompressError> {
        let mut structure = self.base.scheme.to_le_bytes().to_vec();
        structure.extend(self.base.root.0);
        structure.extend(self.change.codec().0.to_le_bytes());
        let layout = self.change.layout();
        self.change.wrap(CodecId::DIFFERENCE, layout, structure)
    }

    /// The integers of the model: those of its base and of the change added up, moved into the interval of weights. The same
    /// on every machine.
    ///
    /// # Errors
    /// As [`Registry::decompress_exact`] of the change, or a base of another length than the layout.
    pub fn onto(
        &self,
        base: &[i32],
        registry: &Registry,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Vec<i32>, CompressError> {
        if base.len() != expect.len() {
            return Err(CompressError::Layout);
        }
        let codec = registry.exact(self.change.codec())?;
        let change = codec.decode_fixed(&self.change, expect, limits, WEIGHT_BITS)?;
        let limit = i32::try_from(WEIGHT_LIMIT).unwrap_or(i32::MAX);
        Ok(base
            .iter()
            .zip(change)
            .map(|(base, change)| base.saturating_add(change).clamp(-limit, limit))
            .collect())
    }
}

/// Encodes models as differences from the model that its receivers know, and remembers what it owes.
///
/// ```
/// use bitneuron_compress::{Difference, Differences, Encoder, Limits, Registry, Ternary, sparse::Density};
/// use bitneuron_core::{Commitment, Digest, Layout, Params, Seed};
/// use std::sync::Arc;
/// let layout = Arc::new(Layout::of(&[("w", &[1000])])?);
/// let head = Params::new(vec![0.5; 1000], layout.clone())?;
/// let name = Commitment::merkle(Digest([7; 32]));
/// let mut differences = Differences::new(Ternary::new(Density::new(1, 100)?), name, head.clone());
/// let mut model = head;
/// model.values_mut()[3] = 0.75;
/// let packet = differences.encode(&model, Seed::default())?;
/// let difference = Difference::of(&packet)?.expect("a difference");
/// assert_eq!(difference.base(), name);
/// let back = difference.onto(&vec![2048; 1000], &Registry::standard(), &layout, Limits::of(&layout))?;
/// assert_eq!((back[2], back[3]), (2048, 3072)); // 12 fractional bits
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Differences<C> {
    feedback: ErrorFeedback<C>,
    name: Commitment,
    base: Params,
}

impl<C: Compressor> Differences<C> {
    /// Sends differences from `base`, whose name is `name`, through `codec`; nothing is owed yet.
    pub fn new(codec: C, name: Commitment, base: Params) -> Self {
        Self { feedback: ErrorFeedback::new(codec, base.layout().clone()), name, base }
    }

    /// With β = `decay`.
    ///
    /// # Errors
    /// `decay` is not within 0 … 1.
    pub fn with_decay(self, decay: f32) -> Result<Self, CompressError> {
        Ok(Self { feedback: self.feedback.with_decay(decay)?, ..self })
    }

    /// Goes on from `memory`, which [`Differences::memory`] gave.
    ///
    /// # Errors
    /// The memory is of another layout or malformed.
    pub fn restore(codec: C, name: Commitment, base: Params, memory: &Memory) -> Result<Self, CompressError> {
        let feedback = ErrorFeedback::restore(codec, base.layout(), memory)?;
        Ok(Self { feedback, name, base })
    }

    /// What has to be kept to go on after a restart, beside the base.
    ///
    /// # Errors
    /// As [`ErrorFeedback::memory`].
    pub fn memory(&self) -> Result<Memory, CompressError> {
        self.feedback.memory()
    }

    /// From now on, differences start from another model. What is owed stays owed.
    ///
    /// # Errors
    /// A model of another layout; the base is then what it was.
    pub fn start_from(&mut self, name: Commitment, base: Params) -> Result<(), CompressError> {
        if base.layout() != self.base.layout() {
            return Err(CompressError::Layout);
        }
        (self.name, self.base) = (name, base);
        Ok(())
    }

    /// The model that the next difference starts from.
    pub const fn base(&self) -> (Commitment, &Params) {
        (self.name, &self.base)
    }
}

impl<C: Compressor> Encoder for Differences<C> {
    fn encode(&mut self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        if params.layout() != self.base.layout() {
            return Err(CompressError::Layout);
        }
        check_finite(params.values())?;
        let mut change = params.clone();
        change.values_mut().iter_mut().zip(self.base.values()).for_each(|(value, base)| *value -= base);
        let change = self.feedback.encode(&change, seed)?;
        Difference::new(self.name, change)?.into_packet()
    }

    fn is_faithful(&self) -> bool {
        self.feedback.is_faithful()
    }
}
