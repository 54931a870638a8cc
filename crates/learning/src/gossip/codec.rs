//! `compress(w)` and its inverse, as the machines see them: a model becomes a packet and a packet a model.
//!
//! [`PacketCodec`] carries `f32` parameters by any [`Compressor`]; a sender with memory (error feedback) stands in front
//! of it as an [`Encoder`]. Other kinds of models, such as exact integers, bring their own [`ModelCodec`].

use bitneuron_compress::{CompressError, Compressor, Encoder, Limits, Packet};
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
}

/// The trait stays object-safe.
const _: Option<&dyn ModelCodec> = None;

/// `f32` parameters by a compressor. Without an encoder it is a few shared pointers, cheap to clone for every node.
pub struct PacketCodec {
    compressor: Arc<dyn Compressor>,
    encoder: Option<Box<dyn Encoder>>,
    layout: Arc<Layout>,
    limits: Limits,
}

impl fmt::Debug for PacketCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketCodec")
            .field("codec", &self.compressor.codec())
            .field("remembers", &self.encoder.is_some())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl PacketCodec {
    /// Sends and reads by one compressor; models have this layout, foreign packets stay within `limits`.
    pub fn new(compressor: Arc<dyn Compressor>, layout: Arc<Layout>, limits: Limits) -> Self {
        Self { compressor, encoder: None, layout, limits }
    }

    /// The same, but sends through an encoder whose packets the compressor reads.
    #[must_use]
    pub fn with_encoder(self, encoder: Box<dyn Encoder>) -> Self {
        Self { encoder: Some(encoder), ..self }
    }
}

impl ModelCodec for PacketCodec {
    fn pack(&mut self, model: &Params, seed: Seed) -> Result<Packet, CompressError> {
        match &mut self.encoder {
            Some(encoder) => encoder.encode(model, seed),
            None => self.compressor.compress(model, seed),
        }
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
}
