//! `compress(w)` and its inverse, as the machines see them: a model becomes a packet and a packet a model.
//!
//! [`PacketCodec`] carries `f32` parameters by any [`Compressor`]; a sender with memory (error feedback) stands in front
//! of it as an [`Encoder`]. Other kinds of models, such as exact integers, bring their own [`ModelCodec`].
//!
//! Nodes act on every packet by itself, so a codec must not leave out for good what they need. [`PacketCodec`] judges when it is
//! made: a codec that is right on average, or declares a small error, is taken; one that declares a large error (the largest
//! percent, signs of a few) is refused; of one that declares nothing every packet is measured before it leaves. An encoder
//! has to be faithful: what it leaves out must come later.

use bitneuron_compress::{
    CompressError, Compressor, Encoder, ErrorBound, Limits, Packet, bound::relative_error,
};
use bitneuron_core::{Layout, Params, Seed};
use std::fmt;
use std::sync::Arc;

/// A model on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelMessage {
    /// How often the model was updated, by the word of its sender.
    pub age: u64,
    /// The compressed model.
    pub packet: Packet,
}

/// Packs models of one goal.
///
/// Laws: `unpack` refuses every packet that is not a model of the goal, without panic and within its limits;
/// `unpack(pack(x))` is `x` within the codec's stated loss; on `Err` nothing is remembered.
pub trait ModelCodec<T = Params>: Send {
    /// Compresses a model; all randomness comes from `seed`.
    ///
    /// # Errors
    /// The model has no packed form.
    fn pack(&mut self, model: &T, seed: Seed) -> Result<Packet, CompressError>;

    /// Restores a model from a foreign packet.
    ///
    /// # Errors
    /// Not a packet of this codec and goal, or beyond the limits.
    fn unpack(&self, packet: &Packet) -> Result<T, CompressError>;

    /// The age to state beside what `pack` makes of this model and seed; `age` is that of the whole model.
    fn stated_age(&self, model: &T, age: u64, seed: Seed) -> u64 {
        let _ = (model, seed);
        age
    }

    /// The age of what a received model is merged with; `age` is that of the whole model.
    fn age_beside(&self, model: &T, age: u64, theirs: &T) -> u64 {
        let _ = (model, theirs);
        age
    }
}

/// The trait stays object-safe.
const _: Option<&dyn ModelCodec> = None;

/// ‖x − x̂‖ / ‖x‖ that a model may lose on its way: three tenths of its square.
const MOST_ERROR: f64 = 0.55;
/// max |x − x̂| / max |x| that is taken for small without a look at the model: that of a uniform quantiser of four bits.
const MOST_OF_MAXIMUM: f64 = 0.07;

/// What a compressor's promises are worth to a receiver of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// Its promises are enough.
    Trusted,
    /// It promises too little to be trusted: each packet is decoded and compared before it is sent.
    Measured,
}

impl Care {
    /// The care that a compressor needs.
    fn of(compressor: &dyn Compressor) -> Result<Self, CompressError> {
        let promises = compressor.properties();
        if promises.unbiased || promises.contraction >= 1.0 - MOST_ERROR * MOST_ERROR {
            return Ok(Self::Trusted);
        }
        match compressor.error() {
            ErrorBound::Lossless => Ok(Self::Trusted),
            ErrorBound::Norm(error) if error <= MOST_ERROR => Ok(Self::Trusted),
            ErrorBound::Maximum(error) if error <= MOST_OF_MAXIMUM => Ok(Self::Trusted),
            ErrorBound::Norm(_) => Err(unfaithful(compressor, "declares an error too large for models")),
            ErrorBound::Maximum(_) | ErrorBound::Unknown => Ok(Self::Measured),
        }
    }
}

fn unfaithful(compressor: &dyn Compressor, why: &'static str) -> CompressError {
    CompressError::Unfaithful { codec: compressor.codec(), why }
}

/// `f32` parameters by a compressor. Without an encoder it is a few shared pointers, cheap to clone for every node.
pub struct PacketCodec {
    compressor: Arc<dyn Compressor>,
    encoder: Option<Box<dyn Encoder>>,
    care: Care,
    layout: Arc<Layout>,
    limits: Limits,
}

impl fmt::Debug for PacketCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketCodec")
            .field("codec", &self.compressor.codec())
            .field("remembers", &self.encoder.is_some())
            .field("care", &self.care)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl PacketCodec {
    /// Sends and reads by one compressor; models have this layout, foreign packets stay within `limits`.
    ///
    /// # Errors
    /// [`CompressError::Unfaithful`]: the compressor is biased and declares an error that models do not bear.
    pub fn new(
        compressor: Arc<dyn Compressor>,
        layout: Arc<Layout>,
        limits: Limits,
    ) -> Result<Self, CompressError> {
        let care = Care::of(compressor.as_ref())?;
        Ok(Self { compressor, encoder: None, care, layout, limits })
    }

    /// Sends through an encoder whose packets the compressor reads. What the compressor itself would lose does not
    /// matter then.
    ///
    /// # Errors
    /// [`CompressError::Unfaithful`]: the encoder does not send later what it leaves out.
    pub fn with_encoder(
        compressor: Arc<dyn Compressor>,
        encoder: Box<dyn Encoder>,
        layout: Arc<Layout>,
        limits: Limits,
    ) -> Result<Self, CompressError> {
        if !encoder.is_faithful() {
            return Err(unfaithful(compressor.as_ref(), "has an encoder that forgets what it leaves out"));
        }
        Ok(Self { compressor, encoder: Some(encoder), care: Care::Trusted, layout, limits })
    }

    /// Refuses a packet that is too far from the model.
    fn measure(&self, model: &Params, packet: &Packet) -> Result<(), CompressError> {
        let limits = Limits { bytes: packet.len(), elements: model.values().len() };
        let back = self.compressor.decompress(packet, model.layout(), limits)?;
        if relative_error(model, &back) <= MOST_ERROR {
            Ok(())
        } else {
            Err(unfaithful(self.compressor.as_ref(), "lost too much of this model"))
        }
    }
}

impl ModelCodec for PacketCodec {
    fn pack(&mut self, model: &Params, seed: Seed) -> Result<Packet, CompressError> {
        if let Some(encoder) = &mut self.encoder {
            return encoder.encode(model, seed);
        }
        let packet = self.compressor.compress(model, seed)?;
        if self.care == Care::Measured {
            self.measure(model, &packet)?;
        }
        Ok(packet)
    }

    fn unpack(&self, packet: &Packet) -> Result<Params, CompressError> {
        self.compressor.decompress(packet, &self.layout, self.limits)
    }
}

impl<T, C: ModelCodec<T> + ?Sized> ModelCodec<T> for Box<C> {
    fn pack(&mut self, model: &T, seed: Seed) -> Result<Packet, CompressError> {
        (**self).pack(model, seed)
    }

    fn unpack(&self, packet: &Packet) -> Result<T, CompressError> {
        (**self).unpack(packet)
    }

    fn stated_age(&self, model: &T, age: u64, seed: Seed) -> u64 {
        (**self).stated_age(model, age, seed)
    }

    fn age_beside(&self, model: &T, age: u64, theirs: &T) -> u64 {
        (**self).age_beside(model, age, theirs)
    }
}
