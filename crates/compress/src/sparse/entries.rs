//! What all sparse packets decode to: values at their places in the flat buffer, zero everywhere else.

use crate::{
    CodecId, CompressError, Limits, Packet,
    dense::{check_finite, parts_of_float, tensors},
    exact::fixed,
};
use bitneuron_core::{Bytes, Layout, Params};
use std::sync::Arc;

/// Finite values, by ascending place in the flat buffer.
#[derive(Default)]
pub(crate) struct Entries(Vec<(u32, f32)>);

impl Entries {
    pub(crate) fn reserve(&mut self, count: usize) {
        self.0.reserve(count);
    }

    /// Takes one more value in, which must be finite.
    pub(crate) fn push(&mut self, at: usize, value: f32) -> Result<(), CompressError> {
        if !value.is_finite() {
            return Err(CompressError::NotFinite { at });
        }
        self.0.push((at as u32, value));
        Ok(())
    }

    /// The parameters.
    pub(crate) fn dense(self, expect: &Arc<Layout>) -> Result<Params, CompressError> {
        let mut values = vec![0.0; expect.len()];
        for (at, value) in self.0 {
            if let Some(place) = values.get_mut(at as usize) {
                *place = value;
            }
        }
        Ok(Params::new(values, expect.clone())?)
    }

    /// Adds `weight` times the values, and touches nothing else. When a sum is not finite, nothing is added.
    pub(crate) fn onto(&self, weight: f32, onto: &mut Params) -> Result<(), CompressError> {
        let values = onto.values_mut();
        let sum = |place: f32, value: f32| place + weight * value;
        for (at, value) in &self.0 {
            let at = *at as usize;
            if !values.get(at).is_some_and(|place| sum(*place, *value).is_finite()) {
                return Err(CompressError::NotFinite { at });
            }
        }
        for (at, value) in &self.0 {
            if let Some(place) = values.get_mut(*at as usize) {
                *place = sum(*place, *value);
            }
        }
        Ok(())
    }

    /// The integers with `fraction` fractional bits, from the bits of the values alone.
    pub(crate) fn fixed(&self, expect: &Layout, fraction: u32) -> Result<Vec<i32>, CompressError> {
        let mut integers = vec![0; expect.len()];
        for (at, value) in &self.0 {
            let at = *at as usize;
            let (mantissa, exponent) = parts_of_float(*value).ok_or(CompressError::NotFinite { at })?;
            let integer = fixed(mantissa, exponent, fraction).ok_or(CompressError::Interval { at })?;
            if let Some(place) = integers.get_mut(at) {
                *place = integer;
            }
        }
        Ok(integers)
    }
}

impl IntoIterator for Entries {
    type Item = (u32, f32);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A packet with one part for each tensor, made by `encode` of what is in it and where it begins; a tensor without
/// elements has an empty part.
pub(crate) fn packet(
    codec: CodecId,
    params: &Params,
    mut encode: impl FnMut(&[f32], usize) -> Result<Vec<u8>, CompressError>,
) -> Result<Packet, CompressError> {
    let mut first = 0;
    let parts = tensors(params).map(|values| {
        let part = if values.is_empty() { Vec::new() } else { encode(values, first)? };
        first += values.len();
        Ok(part)
    });
    let parts = parts.collect::<Result<_, CompressError>>()?;
    Packet::new(codec, params.layout().digest(), parts)
}

/// The values of a packet made by [`packet`], after all checks. `read` is given a part, the number of elements, and
/// where they begin; an empty part keeps nothing.
pub(crate) fn open(
    codec: CodecId,
    packet: &Packet,
    expect: &Layout,
    limits: Limits,
    read: impl FnMut(&[u8], usize, usize, &mut Entries) -> Result<(), CompressError>,
) -> Result<Entries, CompressError> {
    packet.check(codec, expect, limits)?;
    read_parts(packet.parts_of(expect)?, expect, read)
}

/// The values of `parts`, one for each tensor of `expect`.
pub(crate) fn read_parts(
    parts: &[Bytes],
    expect: &Layout,
    mut read: impl FnMut(&[u8], usize, usize, &mut Entries) -> Result<(), CompressError>,
) -> Result<Entries, CompressError> {
    let (mut entries, mut first) = (Entries::default(), 0);
    for (part, (bytes, entry)) in parts.iter().zip(expect.entries()).enumerate() {
        let elements = entry.elements().unwrap_or_default();
        if elements == 0 && !bytes.is_empty() {
            return Err(CompressError::PartLength { part, found: bytes.len(), expected: 0 });
        }
        if !bytes.is_empty() {
            read(bytes, elements, first, &mut entries)?;
        }
        first += elements;
    }
    Ok(entries)
}

/// The `keep` largest of `values` that are not zero; the tensor begins at `first`. All values must be finite: what is not
/// is larger than everything else, so it is enough to look at what is kept.
pub(crate) fn kept(values: &[f32], first: usize, keep: usize) -> Result<Vec<(u32, f32)>, CompressError> {
    let value = |at: u32| values.get(at as usize).copied().unwrap_or_default();
    let kept: Vec<(u32, f32)> = super::largest(values, keep).into_iter().map(|at| (at, value(at))).collect();
    if kept.iter().all(|(_, value)| value.is_finite()) {
        return Ok(kept);
    }
    check_finite(values).map(|()| kept).map_err(|error| match error {
        CompressError::NotFinite { at } => CompressError::NotFinite { at: first + at },
        other => other,
    })
}

/// The decoding methods of a `Compressor` that has `open`, which gives its [`Entries`].
macro_rules! decoding {
    () => {
        fn decompress(
            &self,
            packet: &$crate::Packet,
            expect: &std::sync::Arc<bitneuron_core::Layout>,
            limits: $crate::Limits,
        ) -> Result<bitneuron_core::Params, $crate::CompressError> {
            self.open(packet, expect, limits)?.dense(expect)
        }

        fn decompress_onto(
            &self,
            packet: &$crate::Packet,
            weight: f32,
            onto: &mut bitneuron_core::Params,
            limits: $crate::Limits,
        ) -> Result<(), $crate::CompressError> {
            self.open(packet, onto.layout(), limits)?.onto(weight, onto)
        }
    };
}

/// `ExactDecoder` for such a codec.
macro_rules! exact_decoder {
    ($codec:ty) => {
        impl $crate::ExactDecoder for $codec {
            fn decode_fixed(
                &self,
                packet: &$crate::Packet,
                expect: &std::sync::Arc<bitneuron_core::Layout>,
                limits: $crate::Limits,
                fraction: u32,
            ) -> Result<Vec<i32>, $crate::CompressError> {
                self.open(packet, expect, limits)?.fixed(expect, fraction)
            }
        }
    };
}

pub(super) use {decoding, exact_decoder};
