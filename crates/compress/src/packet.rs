//! The canonical bytes of compressed parameters.
//!
//! ```text
//! "BNPK"  magic                      4 bytes
//! version = 1                        u8
//! codec                              u16
//! layout digest                      32 bytes
//! parts                              u32
//! length of each part                u32 × parts
//! the parts, one after another, and nothing behind them
//! ```
//! All numbers are little endian. A packet has one encoding and every accepted byte string is the encoding of what it
//! parses to, so packets can be hashed and signed. What a part holds is the business of the codec; by convention a codec
//! of values writes one part for each tensor of the layout, and a chain puts the structure of its factors in front.

use crate::{CompressError, reader::Reader};
use bitneuron_core::{Bytes, Digest, Layout};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a codec in a packet.
///
/// The high byte names the transform (0: none), the low byte the codec of values. Bytes from `0x80` are left to codecs
/// from outside this crate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CodecId(pub u16);

impl CodecId {
    /// [`crate::Dense`].
    pub const DENSE: Self = Self(0x0001);
    /// [`crate::Uniform`].
    pub const UNIFORM: Self = Self(0x0002);
    /// Eight bits, one scale for each block.
    pub const ABSMAX8: Self = Self(0x0003);
    /// Four bits, one scale for each block.
    pub const ABSMAX4: Self = Self(0x0004);
    /// Four bits, sixteen levels of a normal distribution.
    pub const NF4: Self = Self(0x0005);
    /// Floating point of eight bits, four of them exponent.
    pub const E4M3: Self = Self(0x0006);
    /// Floating point of eight bits, five of them exponent.
    pub const E5M2: Self = Self(0x0007);
    /// The upper half of an `f32`.
    pub const BF16: Self = Self(0x0008);
    /// IEEE half precision.
    pub const F16: Self = Self(0x0009);
    /// Signs and one scale.
    pub const SIGN: Self = Self(0x000a);
    /// A uniform step and an entropy coder.
    pub const ECSQ: Self = Self(0x000b);
    /// Rotated by a random Hadamard transform, then quantised without bias.
    pub const ROTATED: Self = Self(0x000c);
    /// Steps by slices of factors and an entropy coder.
    pub const SLICED: Self = Self(0x000d);
    /// The largest values.
    pub const TOP: Self = Self(0x0010);
    /// Values drawn by the seed.
    pub const RANDOM: Self = Self(0x0011);
    /// Sparse ternary.
    pub const TERNARY: Self = Self(0x0012);
    /// The largest values of each chunk, two bits each.
    pub const CHUNKED: Self = Self(0x0013);
    /// The largest cosine coefficients of each chunk.
    pub const COSINE: Self = Self(0x0014);
    /// One codec for each tensor.
    pub const AUTO: Self = Self(0x0020);
    /// [`crate::Difference`]: what changed since another model.
    pub const DIFFERENCE: Self = Self(0x0021);
    /// [`crate::TensorTrain`], its cores dense.
    pub const TENSOR_TRAIN: Self = Self(0x0101);
    /// [`crate::Chain`] of a tensor train and a uniform quantiser.
    pub const TENSOR_TRAIN_UNIFORM: Self = Self(0x0102);

    /// The transform, 0 for none.
    pub const fn transform(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The codec of values.
    pub const fn values(self) -> u8 {
        self.0 as u8
    }

    /// Its name for people, such as `tt+uniform`; only codecs of this crate have one.
    pub fn name(self) -> Option<String> {
        let values = match Self(u16::from(self.values())) {
            Self::DENSE => "dense",
            Self::UNIFORM => "uniform",
            Self::ABSMAX8 => "absmax8",
            Self::ABSMAX4 => "absmax4",
            Self::NF4 => "nf4",
            Self::E4M3 => "e4m3",
            Self::E5M2 => "e5m2",
            Self::BF16 => "bf16",
            Self::F16 => "f16",
            Self::SIGN => "sign",
            Self::ECSQ => "ecsq",
            Self::ROTATED => "rotated",
            Self::SLICED => "sliced",
            Self::TOP => "top",
            Self::RANDOM => "random",
            Self::TERNARY => "ternary",
            Self::CHUNKED => "chunked",
            Self::COSINE => "cosine",
            Self::AUTO => "auto",
            Self::DIFFERENCE => "difference",
            _ => return None,
        };
        let transform = match self.transform() {
            0 => return Some(values.into()),
            1 => "tt",
            2 => "ttm",
            3 => "cp",
            4 => "tucker",
            5 => "lowrank",
            _ => return None,
        };
        Some(format!("{transform}+{values}"))
    }

    /// The codec that transforms first and sends the factors through `self`, or `None` when `self` has a transform already.
    pub const fn after(self, transform: u8) -> Option<Self> {
        if self.transform() == 0 && transform != 0 {
            Some(Self((transform as u16) << 8 | self.0))
        } else {
            None
        }
    }
}

impl fmt::Display for CodecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

impl fmt::Debug for CodecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodecId({self})")
    }
}

/// What a receiver is willing to spend on one packet.
///
/// Decoders of this crate use at most 32 bytes of memory and [`crate::tt::WORK`] multiplications for each allowed element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The longest packet in bytes.
    pub bytes: usize,
    /// The most elements to decode to.
    pub elements: usize,
}

impl Limits {
    /// Limits under which a dense packet of this layout, and every smaller one, is accepted.
    pub fn of(layout: &Layout) -> Self {
        let entries = layout.entries().len();
        Self { bytes: Packet::HEADER + 64 * (entries + 1) + 4 * layout.len(), elements: layout.len() }
    }

    pub(crate) fn check_bytes(self, found: usize) -> Result<(), CompressError> {
        within("bytes", found, self.bytes)
    }

    pub(crate) fn check_elements(self, found: usize) -> Result<(), CompressError> {
        within("elements", found, self.elements)
    }
}

impl Default for Limits {
    /// 64 MiB and 2²⁴ elements.
    fn default() -> Self {
        Self { bytes: 1 << 26, elements: 1 << 24 }
    }
}

fn within(what: &'static str, found: usize, limit: usize) -> Result<(), CompressError> {
    if found <= limit {
        Ok(())
    } else {
        Err(CompressError::TooLarge { what, found: found as u64, limit: limit as u64 })
    }
}

/// Compressed parameters.
///
/// With `serde` a packet is its byte string, under [`Limits::default`]; the message around it has a limit of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Bytes", into = "Bytes")]
pub struct Packet {
    codec: CodecId,
    layout: Digest,
    parts: Vec<Bytes>,
}

impl Packet {
    /// The first bytes of every packet.
    pub const MAGIC: [u8; 4] = *b"BNPK";
    /// The version of the format.
    pub const VERSION: u8 = 1;
    /// The most parts.
    pub const MAX_PARTS: usize = 2 * Layout::MAX_ENTRIES;
    /// Bytes in front of the lengths of the parts.
    pub const HEADER: usize = 4 + 1 + 2 + 32 + 4;

    /// A packet of `parts`, made by `codec` from parameters whose layout has the digest `layout`.
    ///
    /// # Errors
    /// Too many parts, or a part of 2³² bytes or more.
    pub fn new(codec: CodecId, layout: Digest, parts: Vec<Vec<u8>>) -> Result<Self, CompressError> {
        within("parts", parts.len(), Self::MAX_PARTS)?;
        parts.iter().try_for_each(|part| within("bytes in a part", part.len(), u32::MAX as usize))?;
        Ok(Self { codec, layout, parts: parts.into_iter().map(Bytes).collect() })
    }

    /// The codec that made it.
    pub fn codec(&self) -> CodecId {
        self.codec
    }

    /// The digest of the layout that it is bound to.
    pub fn layout(&self) -> Digest {
        self.layout
    }

    /// The parts.
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// Its length in bytes on the wire.
    #[expect(clippy::len_without_is_empty, reason = "a packet is never empty: it has a header")]
    pub fn len(&self) -> usize {
        self.parts.iter().fold(Self::HEADER, |sum, part| sum.saturating_add(4).saturating_add(part.len()))
    }

    /// The digest of its bytes, which deals and claims commit to.
    pub fn digest(&self) -> Digest {
        Digest::of("bitneuron packet v1", &self.to_bytes())
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        bytes.extend(Self::MAGIC);
        bytes.push(Self::VERSION);
        bytes.extend(self.codec.0.to_le_bytes());
        bytes.extend(self.layout.0);
        bytes.extend((self.parts.len() as u32).to_le_bytes());
        self.parts.iter().for_each(|part| bytes.extend((part.len() as u32).to_le_bytes()));
        self.parts.iter().for_each(|part| bytes.extend_from_slice(part));
        bytes
    }

    /// Parses a whole byte string. Lengths are checked against what is there before anything is allocated.
    ///
    /// # Errors
    /// Longer than `limits.bytes`, not a packet, another version, or parts that do not fill the bytes exactly.
    pub fn from_bytes(bytes: &[u8], limits: Limits) -> Result<Self, CompressError> {
        limits.check_bytes(bytes.len())?;
        let mut reader = Reader::new(bytes);
        if reader.array()? != Self::MAGIC {
            return Err(CompressError::Magic);
        }
        match reader.u8()? {
            Self::VERSION => {}
            other => return Err(CompressError::Version(other)),
        }
        let codec = CodecId(reader.u16()?);
        let layout = Digest(reader.array()?);
        let count = reader.u32()? as usize;
        within("parts", count, Self::MAX_PARTS)?;
        let (lengths, _) = reader.take(4 * count)?.as_chunks::<4>();
        let total: u64 = lengths.iter().map(|length| u64::from(u32::from_le_bytes(*length))).sum();
        if total != reader.left() as u64 {
            return Err(CompressError::Malformed("the parts do not fill the packet"));
        }
        let parts = lengths
            .iter()
            .map(|length| Ok(Bytes(reader.take(u32::from_le_bytes(*length) as usize)?.to_vec())))
            .collect::<Result<_, CompressError>>()?;
        reader.finish()?;
        Ok(Self { codec, layout, parts })
    }

    /// What every decoder checks first: limits, then codec, then layout. Allocates nothing of the packet's choosing.
    ///
    /// # Errors
    /// [`CompressError::TooLarge`], [`CompressError::Codec`] or [`CompressError::Layout`].
    pub fn check(&self, codec: CodecId, expect: &Layout, limits: Limits) -> Result<(), CompressError> {
        limits.check_bytes(self.len())?;
        limits.check_elements(expect.len())?;
        if self.codec != codec {
            return Err(CompressError::Codec { found: self.codec, expected: codec });
        }
        if self.layout != expect.digest() {
            return Err(CompressError::Layout);
        }
        Ok(())
    }

    /// The parts, one for each tensor of `expect`.
    ///
    /// # Errors
    /// [`CompressError::Parts`] for another number.
    pub(crate) fn parts_of(&self, expect: &Layout) -> Result<&[Bytes], CompressError> {
        let expected = expect.entries().len();
        if self.parts.len() == expected {
            Ok(&self.parts)
        } else {
            Err(CompressError::Parts { found: self.parts.len(), expected })
        }
    }

    /// The packet that `codec` made of the factors, with the structure of the factors put in front.
    pub(crate) fn wrap(
        self,
        codec: CodecId,
        layout: Digest,
        structure: Vec<u8>,
    ) -> Result<Self, CompressError> {
        within("parts", self.parts.len() + 1, Self::MAX_PARTS)?;
        let parts = std::iter::once(Bytes(structure)).chain(self.parts).collect();
        Ok(Self { codec, layout, parts })
    }

    /// The structure of the factors.
    pub(crate) fn structure(&self) -> Result<&[u8], CompressError> {
        self.parts.first().map(AsRef::as_ref).ok_or(CompressError::Parts { found: 0, expected: 1 })
    }

    /// The packet of the factors, whose layout has the digest `layout`.
    pub(crate) fn unwrap_factors(&self, codec: CodecId, layout: Digest) -> Self {
        Self { codec, layout, parts: self.parts.get(1..).unwrap_or_default().to_vec() }
    }
}

impl From<Packet> for Bytes {
    fn from(packet: Packet) -> Self {
        Self(packet.to_bytes())
    }
}

impl TryFrom<Bytes> for Packet {
    type Error = CompressError;

    fn try_from(bytes: Bytes) -> Result<Self, CompressError> {
        Self::from_bytes(&bytes, Limits::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, test_runner::RngSeed};

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_encoding(codec: u16, layout: [u8; 32], parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
                        at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let packet = Packet::new(CodecId(codec), Digest(layout), parts).expect("small");
            let bytes = packet.to_bytes();
            let limits = Limits { bytes: bytes.len(), elements: 0 };
            prop_assert_eq!(bytes.len(), packet.len());
            prop_assert_eq!(&Packet::from_bytes(&bytes, limits).expect("own bytes"), &packet);
            let tight = Limits { bytes: bytes.len() - 1, elements: 0 };
            let refused = matches!(Packet::from_bytes(&bytes, tight), Err(CompressError::TooLarge { .. }));
            prop_assert!(refused);
            let mut mutant = bytes.clone();
            mutant[at.index(bytes.len())] ^= 1 << bit;
            if let Ok(other) = Packet::from_bytes(&mutant, limits) {
                prop_assert_ne!(other.digest(), packet.digest());
                prop_assert_eq!(other.to_bytes(), mutant);
            }
            prop_assert!(Packet::from_bytes(&bytes[..bytes.len() - 1], limits).is_err());
            let longer = [bytes.as_slice(), &[0]].concat();
            let wide = Limits { bytes: longer.len(), elements: 0 };
            prop_assert!(Packet::from_bytes(&longer, wide).is_err());
        }
    }

    #[test]
    fn ids_compose_once() {
        assert_eq!(CodecId::DENSE.after(1), Some(CodecId::TENSOR_TRAIN));
        assert_eq!(CodecId::UNIFORM.after(1), Some(CodecId::TENSOR_TRAIN_UNIFORM));
        assert_eq!(CodecId::TENSOR_TRAIN.after(2), None);
        assert_eq!(CodecId::DENSE.after(0), None);
    }
}
