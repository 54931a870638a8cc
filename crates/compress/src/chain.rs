//! A transform, then a codec of values for the factors.
//!
//! The packet carries the structure of the factors as its first part and the parts of the inner packet behind it; its
//! codec is the inner one with the transform's name in the high byte. The inner packet is bound to the layout of the
//! factors, which the receiver derives from the structure and the layout it expects.

use crate::{
    CodecId, CompressError, Compressor, ExactDecoder, ExactTransform, Limits, Packet, Transform,
    dense::check_finite,
};
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// `transform`, then `values`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chain<T, C> {
    transform: T,
    values: C,
    codec: CodecId,
}

impl<T: Transform, C: Compressor> Chain<T, C> {
    /// Sends the factors of `transform` through `values`.
    ///
    /// # Errors
    /// `values` has a transform already, or that of `transform` is named 0.
    pub fn new(transform: T, values: C) -> Result<Self, CompressError> {
        let codec = values.codec().after(transform.id());
        let codec = codec.ok_or(CompressError::Config("a chain is one transform and one codec of values"))?;
        Ok(Self { transform, values, codec })
    }

    /// The packet of the factors and their layout.
    fn open(
        &self,
        packet: &Packet,
        expect: &Layout,
        limits: Limits,
    ) -> Result<(Packet, Arc<Layout>), CompressError> {
        packet.check(self.codec, expect, limits)?;
        let layout = self.transform.layout(packet.structure()?, expect)?;
        limits.check_elements(layout.len())?;
        Ok((packet.unwrap_factors(self.values.codec(), layout.digest()), layout))
    }
}

impl<T: Transform, C: Compressor> Compressor for Chain<T, C> {
    fn codec(&self) -> CodecId {
        self.codec
    }

    fn compress(&self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        check_finite(params.values())?;
        let factors = self.transform.forward(params, seed.derive("transform"))?;
        let inner = self.values.compress(&factors.params, seed.derive("values"))?;
        inner.wrap(self.codec, params.layout().digest(), factors.structure)
    }

    fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError> {
        let (inner, layout) = self.open(packet, expect, limits)?;
        let factors = self.values.decompress(&inner, &layout, limits)?;
        self.transform.inverse(packet.structure()?, &factors, expect)
    }
}

impl<T: ExactTransform, C: ExactDecoder> ExactDecoder for Chain<T, C> {
    /// The factors are no more than the elements, and one multiplication each.
    fn work(&self, packet: &Packet, expect: &Layout) -> u64 {
        let inverse = packet.structure().map_or(0, |structure| self.transform.work(structure, expect));
        inverse.saturating_add(expect.len() as u64)
    }

    fn decode_fixed(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError> {
        let (inner, layout) = self.open(packet, expect, limits)?;
        let factors = self.values.decode_fixed(&inner, &layout, limits, self.transform.factor_fraction())?;
        self.transform.inverse_fixed(packet.structure()?, &factors, expect, fraction)
    }
}
