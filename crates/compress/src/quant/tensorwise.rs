//! Codecs that write each tensor as one part, by itself: what they have in common.
//!
//! Such a codec says how a tensor becomes a part and back; headers, limits, lengths, the order of checks and the place of
//! errors are here. A tensor without elements has an empty part.

use crate::{
    CodecId, CompressError, ErrorBound, Packet, Properties,
    dense::{self, tensors},
    exact::fixed,
    packet::Limits,
};
use bitneuron_core::{Layout, Params, Seed};

/// A part of a packet and the tensor it is for, which has elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    index: usize,
    pub(crate) bytes: &'a [u8],
    pub(crate) elements: usize,
}

impl Part<'_> {
    /// The part must have this many bytes.
    pub(crate) fn expect_len(&self, expected: u64) -> Result<(), CompressError> {
        if self.bytes.len() as u64 == expected {
            Ok(())
        } else {
            Err(CompressError::PartLength { part: self.index, found: self.bytes.len(), expected })
        }
    }
}

/// A codec of single tensors.
pub(crate) trait Tensorwise {
    /// A part whose lengths and headers have been checked; nothing of the size of the tensor is allocated for it.
    type Parsed<'a>;

    fn id(&self) -> CodecId;

    fn promises(&self) -> Properties;

    fn error(&self) -> ErrorBound;

    /// One part for each tensor. Refuses what is not finite.
    fn encode(&self, params: &Params, seed: Seed) -> Result<Vec<Vec<u8>>, CompressError>;

    fn parse<'a>(&self, part: Part<'a>) -> Result<Self::Parsed<'a>, CompressError>;

    /// Fills the tensor. What it leaves behind when it fails is finite.
    fn decode(&self, parsed: &Self::Parsed<'_>, into: &mut [f32]) -> Result<(), CompressError>;
}

/// A codec of single tensors whose values are integers times powers of two.
pub(crate) trait Integerwise: Tensorwise {
    /// Hands (m, e) of every value m·2^e to `take`, in order.
    fn integers(
        &self,
        parsed: &Self::Parsed<'_>,
        take: &mut dyn FnMut(i64, i32) -> Result<(), CompressError>,
    ) -> Result<(), CompressError>;
}

/// A part for each tensor of `params`; places in errors count from the first tensor.
pub(crate) fn each(
    params: &Params,
    mut encode: impl FnMut(usize, &[f32]) -> Result<Vec<u8>, CompressError>,
) -> Result<Vec<Vec<u8>>, CompressError> {
    let mut first = 0;
    let parts = tensors(params).enumerate().map(|(index, values)| {
        let part = if values.is_empty() { Ok(Vec::new()) } else { encode(index, values) };
        let part = part.map_err(|error| displaced(error, first));
        first += values.len();
        part
    });
    parts.collect()
}

/// The error `first` elements further on.
pub(crate) fn displaced(error: CompressError, first: usize) -> CompressError {
    match error {
        CompressError::NotFinite { at } => CompressError::NotFinite { at: at + first },
        CompressError::Interval { at } => CompressError::Interval { at: at + first },
        other => other,
    }
}

pub(crate) fn compress<C: Tensorwise>(
    codec: &C,
    params: &Params,
    seed: Seed,
) -> Result<Packet, CompressError> {
    Packet::new(codec.id(), params.layout().digest(), codec.encode(params, seed)?)
}

/// The parsed part of every tensor, `None` for those without elements.
fn open<'a, C: Tensorwise>(
    codec: &C,
    packet: &'a Packet,
    expect: &Layout,
    limits: Limits,
) -> Result<Vec<Option<C::Parsed<'a>>>, CompressError> {
    packet.check(codec.id(), expect, limits)?;
    let parts = packet.parts_of(expect)?.iter().zip(expect.entries()).enumerate();
    let parsed = parts.map(|(index, (bytes, entry))| {
        let part = Part { index, bytes, elements: entry.elements().unwrap_or_default() };
        if part.elements > 0 { codec.parse(part).map(Some) } else { part.expect_len(0).map(|()| None) }
    });
    parsed.collect()
}

/// Decodes into `into`, whose layout is the one expected.
pub(crate) fn decompress_into<C: Tensorwise>(
    codec: &C,
    packet: &Packet,
    into: &mut Params,
    limits: Limits,
) -> Result<(), CompressError> {
    let layout = into.layout().clone();
    let parsed = open(codec, packet, &layout, limits)?;
    fill(codec, &parsed, &layout, into.values_mut())
}

pub(crate) fn decompress<C: Tensorwise>(
    codec: &C,
    packet: &Packet,
    expect: &Layout,
    limits: Limits,
) -> Result<Vec<f32>, CompressError> {
    let parsed = open(codec, packet, expect, limits)?;
    let mut values = vec![0.0; expect.len()];
    fill(codec, &parsed, expect, &mut values)?;
    Ok(values)
}

fn fill<C: Tensorwise>(
    codec: &C,
    parsed: &[Option<C::Parsed<'_>>],
    layout: &Layout,
    values: &mut [f32],
) -> Result<(), CompressError> {
    for (index, parsed) in parsed.iter().enumerate() {
        let range = layout.range(index).unwrap_or_default();
        let first = range.start;
        if let (Some(parsed), Some(values)) = (parsed, values.get_mut(range)) {
            codec.decode(parsed, values).map_err(|error| displaced(error, first))?;
        }
    }
    Ok(())
}

/// Adds `weight` times the packet to `onto` with room for the largest tensor alone. Everything is decoded twice: first to see that
/// nothing is refused, which costs no more than fresh memory for all tensors would.
pub(crate) fn decompress_onto<C: Tensorwise>(
    codec: &C,
    packet: &Packet,
    weight: f32,
    onto: &mut Params,
    limits: Limits,
) -> Result<(), CompressError> {
    let layout = onto.layout().clone();
    let parsed = open(codec, packet, &layout, limits)?;
    let ranges = (0..parsed.len()).map(|index| layout.range(index).unwrap_or_default());
    let mut buffer = vec![0.0; ranges.clone().map(|range| range.len()).max().unwrap_or_default()];
    let mut each = |add: bool| {
        for (parsed, range) in parsed.iter().zip(ranges.clone()) {
            let place = buffer.get_mut(..range.len()).unwrap_or_default();
            let Some(parsed) = parsed else { continue };
            let first = range.start;
            let decoded = codec.decode(parsed, place);
            if add {
                dense::add(onto.values_mut().get_mut(range).unwrap_or_default(), weight, place);
                continue;
            }
            let sums = onto.values().get(range).unwrap_or_default();
            let checked = decoded.and_then(|()| dense::check_sums(sums, weight, place));
            checked.map_err(|error| displaced(error, first))?;
        }
        Ok(())
    };
    each(false)?;
    each(true)
}

pub(crate) fn decode_fixed<C: Integerwise>(
    codec: &C,
    packet: &Packet,
    expect: &Layout,
    limits: Limits,
    fraction: u32,
) -> Result<Vec<i32>, CompressError> {
    let parsed = open(codec, packet, expect, limits)?;
    let mut integers = Vec::with_capacity(expect.len());
    for parsed in parsed.iter().flatten() {
        codec.integers(parsed, &mut |mantissa, exponent| {
            let at = integers.len();
            integers.push(fixed(mantissa, exponent, fraction).ok_or(CompressError::Interval { at })?);
            Ok(())
        })?;
    }
    Ok(integers)
}

/// `Compressor` and `decompress_into` for a codec that is `Tensorwise`; `ExactDecoder` for one that is `Integerwise`.
macro_rules! compressor {
    ([$($generics:tt)*] $codec:ty) => {
        impl<$($generics)*> $codec {
            /// Restores parameters into a buffer that is at hand, whose layout is the one expected: a receiver that keeps its
            /// buffer spares the cost of fresh memory, which is as large as that of decoding.
            ///
            /// # Errors
            /// As [`crate::Compressor::decompress`]; the values are then finite, but of no meaning.
            pub fn decompress_into(
                &self,
                packet: &$crate::Packet,
                into: &mut ::bitneuron_core::Params,
                limits: $crate::Limits,
            ) -> Result<(), $crate::CompressError> {
                $crate::quant::tensorwise::decompress_into(self, packet, into, limits)
            }
        }

        impl<$($generics)*> $crate::Compressor for $codec {
            fn codec(&self) -> $crate::CodecId {
                $crate::quant::tensorwise::Tensorwise::id(self)
            }

            fn properties(&self) -> $crate::Properties {
                $crate::quant::tensorwise::Tensorwise::promises(self)
            }

            fn error(&self) -> $crate::ErrorBound {
                $crate::quant::tensorwise::Tensorwise::error(self)
            }

            fn compress(
                &self,
                params: &::bitneuron_core::Params,
                seed: ::bitneuron_core::Seed,
            ) -> Result<$crate::Packet, $crate::CompressError> {
                $crate::quant::tensorwise::compress(self, params, seed)
            }

            fn decompress(
                &self,
                packet: &$crate::Packet,
                expect: &::std::sync::Arc<::bitneuron_core::Layout>,
                limits: $crate::Limits,
            ) -> Result<::bitneuron_core::Params, $crate::CompressError> {
                let values = $crate::quant::tensorwise::decompress(self, packet, expect, limits)?;
                Ok(::bitneuron_core::Params::new(values, expect.clone())?)
            }

            /// With room for the largest tensor alone.
            fn decompress_onto(
                &self,
                packet: &$crate::Packet,
                weight: f32,
                onto: &mut ::bitneuron_core::Params,
                limits: $crate::Limits,
            ) -> Result<(), $crate::CompressError> {
                $crate::quant::tensorwise::decompress_onto(self, packet, weight, onto, limits)
            }
        }
    };
}

macro_rules! exact_decoder {
    ([$($generics:tt)*] $codec:ty) => {
        impl<$($generics)*> $crate::ExactDecoder for $codec {
            fn decode_fixed(
                &self,
                packet: &$crate::Packet,
                expect: &::std::sync::Arc<::bitneuron_core::Layout>,
                limits: $crate::Limits,
                fraction: u32,
            ) -> Result<Vec<i32>, $crate::CompressError> {
                $crate::quant::tensorwise::decode_fixed(self, packet, expect, limits, fraction)
            }
        }
    };
}

pub(crate) use {compressor, exact_decoder};
