//! What clients send: trained models, or what changed in them.

use crate::gossip::ModelCodec;
use bitneuron_compress::{CompressError, Compressor, Encoder, Limits, Packet};
use bitneuron_core::{Params, Seed};
use std::fmt;
use std::sync::Arc;

/// How clients answer.
pub trait Uplink: Send {
    /// Packs a trained model, given what it was trained from.
    ///
    /// # Errors
    /// It has no packed form.
    fn pack(&mut self, trained: &Params, from: &Params, seed: Seed) -> Result<Packet, CompressError>;

    /// Restores a trained model, given what it was trained from.
    ///
    /// # Errors
    /// A packet that is none.
    fn unpack(&self, packet: &Packet, from: &Params) -> Result<Params, CompressError>;
}

/// The trained model itself.
pub struct Models<C>(pub C);

impl<C: fmt::Debug> fmt::Debug for Models<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Models").field(&self.0).finish()
    }
}

impl<C: ModelCodec> Uplink for Models<C> {
    fn pack(&mut self, trained: &Params, _: &Params, seed: Seed) -> Result<Packet, CompressError> {
        self.0.pack(trained, seed)
    }

    fn unpack(&self, packet: &Packet, _: &Params) -> Result<Params, CompressError> {
        self.0.unpack(packet)
    }
}

/// What changed, through an encoder whose packets the compressor reads.
pub struct Changes<E> {
    /// What sends, with its memory.
    pub encoder: E,
    /// What reads.
    pub compressor: Arc<dyn Compressor>,
}

impl<E> fmt::Debug for Changes<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("codec", &self.compressor.codec()).finish_non_exhaustive()
    }
}

impl<E: Encoder> Uplink for Changes<E> {
    fn pack(&mut self, trained: &Params, from: &Params, seed: Seed) -> Result<Packet, CompressError> {
        let mut change = trained.clone();
        change.values_mut().iter_mut().zip(from.values()).for_each(|(value, from)| *value -= from);
        self.encoder.encode(&change, seed)
    }

    fn unpack(&self, packet: &Packet, from: &Params) -> Result<Params, CompressError> {
        let mut trained = from.clone();
        self.compressor.decompress_onto(packet, 1.0, &mut trained, Limits::of(from.layout()))?;
        Ok(trained)
    }
}

impl<U: Uplink + ?Sized> Uplink for Box<U> {
    fn pack(&mut self, trained: &Params, from: &Params, seed: Seed) -> Result<Packet, CompressError> {
        (**self).pack(trained, from, seed)
    }

    fn unpack(&self, packet: &Packet, from: &Params) -> Result<Params, CompressError> {
        (**self).unpack(packet, from)
    }
}
