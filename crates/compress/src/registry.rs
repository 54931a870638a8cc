//! The codecs that a receiver knows, by the name that packets carry.

use crate::{
    Absmax4, Absmax8, Auto, CanonicalPolyadic, Chain, Chunked, CodecId, CompressError, Compressor, Cosine,
    Dense, Ecsq, ExactDecoder, ExactTransform, Float, Limits, LowRank, Nf4, Packet, Random, Rotated, Sign,
    Sliced, TensorTrain, TensorTrainMatrix, Ternary, Top, Tucker, Uniform,
};
use bitneuron_core::{Layout, Params};
use std::{collections::BTreeMap, fmt, sync::Arc};

#[derive(Clone)]
enum Known {
    Inexact(Arc<dyn Compressor>),
    Exact(Arc<dyn ExactDecoder>),
}

/// Codecs by name.
///
/// Decoding depends on the packet and the layout alone, so any instance of a codec decodes what another one made.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<CodecId, Known>);

impl Registry {
    /// Knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows the codecs of this crate.
    pub fn standard() -> Self {
        let mut registry = Self::new();
        registry.insert_exact(Arc::new(Dense));
        registry.insert_exact(Arc::new(Uniform::default()));
        registry.insert_exact(Arc::new(Absmax8::default()));
        registry.insert_exact(Arc::new(Absmax4::default()));
        registry.insert_exact(Arc::new(Nf4));
        for format in [Float::E4M3, Float::E5M2, Float::BF16, Float::F16] {
            registry.insert_exact(Arc::new(format));
        }
        registry.insert_exact(Arc::new(Sign));
        registry.insert_exact(Arc::new(Ecsq::default()));
        registry.insert(Arc::new(Rotated::default()));
        registry.insert_exact(Arc::new(Sliced::default()));
        registry.insert_train(TensorTrain::default());
        registry.insert_train(TensorTrainMatrix::default());
        registry.insert_format(CanonicalPolyadic::default());
        registry.insert_format(Tucker::default());
        registry.insert_format(LowRank::default());
        registry.insert_exact(Arc::new(Top::default()));
        registry.insert_exact(Arc::new(Random::default()));
        registry.insert_exact(Arc::new(Ternary::default()));
        registry.insert_exact(Arc::new(Chunked::default()));
        registry.insert(Arc::new(Cosine::default()));
        // Last, so that the tensors of a choice may be of any codec.
        registry.insert_exact(Arc::new(Auto::default().with_decoders(&registry)));
        registry
    }

    /// Adds a transform into trains, also with steps by their slices.
    fn insert_train<T: ExactDecoder + ExactTransform + Copy + 'static>(&mut self, transform: T) {
        self.insert_format(transform);
        if let Ok(chain) = Chain::new(transform, Sliced::default()) {
            self.insert_exact(Arc::new(chain));
        }
    }

    /// Adds a transform with its factors as they are and quantised.
    fn insert_format<T: ExactDecoder + ExactTransform + Copy + 'static>(&mut self, transform: T) {
        self.insert_exact(Arc::new(transform));
        if let Ok(chain) = Chain::new(transform, Uniform::default()) {
            self.insert_exact(Arc::new(chain));
        }
    }

    /// Adds a codec that is not admitted on chain; replaces one of the same name.
    pub fn insert(&mut self, codec: Arc<dyn Compressor>) {
        self.0.insert(codec.codec(), Known::Inexact(codec));
    }

    /// Adds a codec that decodes to integers; replaces one of the same name.
    pub fn insert_exact(&mut self, codec: Arc<dyn ExactDecoder>) {
        self.0.insert(codec.codec(), Known::Exact(codec));
    }

    /// Adds all codecs that `other` knows.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(codec, known)| (*codec, known.clone())));
    }

    /// The names known, in order.
    pub fn codecs(&self) -> impl Iterator<Item = CodecId> + '_ {
        self.0.keys().copied()
    }

    /// The codec of this name.
    ///
    /// # Errors
    /// [`CompressError::UnknownCodec`].
    pub fn get(&self, codec: CodecId) -> Result<&dyn Compressor, CompressError> {
        match self.0.get(&codec) {
            Some(Known::Inexact(known)) => Ok(known.as_ref()),
            Some(Known::Exact(known)) => Ok(known.as_ref()),
            None => Err(CompressError::UnknownCodec(codec)),
        }
    }

    /// The codec of this name, if it decodes to integers.
    ///
    /// # Errors
    /// [`CompressError::UnknownCodec`].
    pub fn exact(&self, codec: CodecId) -> Result<&dyn ExactDecoder, CompressError> {
        match self.0.get(&codec) {
            Some(Known::Exact(known)) => Ok(known.as_ref()),
            _ => Err(CompressError::UnknownCodec(codec)),
        }
    }

    /// Decompresses with the codec that the packet names.
    ///
    /// # Errors
    /// As [`Compressor::decompress`], or the codec is not known.
    pub fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError> {
        self.get(packet.codec())?.decompress(packet, expect, limits)
    }

    /// Decodes to weights for the chain with the codec that the packet names.
    ///
    /// # Errors
    /// As [`ExactDecoder::decompress_exact`], or the codec is not known or not exact.
    pub fn decompress_exact(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Vec<i32>, CompressError> {
        self.exact(packet.codec())?.decompress_exact(packet, expect, limits)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.codecs()).finish()
    }
}
