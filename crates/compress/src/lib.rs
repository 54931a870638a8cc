#![doc = include_str!("../README.md")]
//!
//! # The way through
//!
//! [`Compressor`] and [`Encoder`] are the two traits; [`packet`] holds the bytes. [`dense`] and [`quant`] are codecs of
//! values, [`sliced`] gives slices of factors the bits that they are worth, [`sparse`] ones keep few values,
//! [`ErrorFeedback`] remembers what they left out, [`Differences`] sends what changed since a model that the receiver knows, and
//! [`Auto`] chooses a codec for each tensor. A [`Transform`] such as [`tt::TensorTrain`] turns parameters into other, fewer
//! parameters (factors), and
//! [`Chain`] sends those through a codec of values. [`factor`] holds layers and tables that are factors all their life,
//! [`rank`] finds their ranks. [`exact`] is the integer path, [`registry`] the receiver's table,
//! [`linalg`] the only place that factorises matrices, and `suite` (behind the feature of that name) the laws.
#![forbid(unsafe_code)]

pub mod archive;
pub mod auto;
pub mod bound;
pub mod chain;
pub mod cp;
pub mod dense;
pub mod difference;
pub mod entropy;
pub mod error;
pub mod exact;
pub mod factor;
pub mod feedback;
mod format;
pub mod linalg;
pub mod lowrank;
pub mod packet;
pub mod properties;
pub mod quant;
pub mod rank;
mod reader;
pub mod registry;
#[cfg(feature = "safetensors")]
pub mod safetensors;
pub mod sliced;
pub mod sparse;
#[cfg(feature = "suite")]
pub mod suite;
pub mod transform;
pub mod tt;
pub mod ttm;
pub mod tucker;

pub use archive::Archive;
pub use auto::Auto;
pub use bound::ErrorBound;
pub use chain::Chain;
pub use cp::CanonicalPolyadic;
pub use dense::Dense;
pub use difference::{Difference, Differences};
pub use error::CompressError;
pub use exact::ExactDecoder;
pub use feedback::ErrorFeedback;
pub use lowrank::{LowRank, PowerSgd};
pub use packet::{CodecId, Limits, Packet};
pub use properties::Properties;
pub use quant::{Absmax4, Absmax8, Ecsq, Float, Nf4, Rotated, Sign, Uniform};
pub use registry::Registry;
pub use sliced::Sliced;
pub use sparse::{Chunked, Cosine, Random, Ternary, Top};
pub use transform::{ExactTransform, Factors, Transform};
pub use tt::{TensorTrain, Train, Truncation};
pub use ttm::{MatrixTrain, TensorTrainMatrix};
pub use tucker::Tucker;

use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// A stateless codec of parameters.
///
/// Laws, which the module `suite` checks for any implementation:
/// 1. *round trip*: decompressing a packet gives the parameters within the declared [`Compressor::error`];
/// 2. *determinism*: the same parameters and seed give the same bytes, the same packet the same values;
/// 3. *name*: a packet carries [`Compressor::codec`], and a packet of another codec is refused;
/// 4. *layout*: a packet is bound to its layout, and another expected layout is refused;
/// 5. *limits*: what exceeds the [`Limits`] is refused before anything else is looked at or allocated;
/// 6. *hostile bytes*: any packet is refused with a typed error or gives finite values, never a panic;
/// 7. *canonical bytes*: no part may be longer, shorter, missing or left over;
/// 8. *finite*: parameters that are not finite are refused;
/// 9. *promises*: what [`Compressor::properties`] states holds, and [`Compressor::decompress_onto`] is decoding and adding.
pub trait Compressor: Send + Sync {
    /// The codec that packets of this compressor name.
    fn codec(&self) -> CodecId;

    /// What it promises beyond the laws; nothing unless it says so.
    fn properties(&self) -> Properties {
        Properties::default()
    }

    /// How far what is decoded may be from what was given.
    fn error(&self) -> ErrorBound {
        ErrorBound::Unknown
    }

    /// Compresses `params`. The seed drives whatever is random (stochastic rounding, sketches).
    ///
    /// # Errors
    /// A value is not finite or cannot be carried, or a factorisation failed.
    fn compress(&self, params: &Params, seed: Seed) -> Result<Packet, CompressError>;

    /// Restores parameters of the layout `expect`.
    ///
    /// # Errors
    /// The packet is of another codec or layout, exceeds `limits`, or is malformed.
    fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError>;

    /// Adds `weight` times what the packet holds to `onto`, whose layout is the one expected. A codec of few values touches only
    /// those.
    ///
    /// # Errors
    /// As [`Compressor::decompress`]; `onto` is then unchanged. Also when a sum is not finite.
    fn decompress_onto(
        &self,
        packet: &Packet,
        weight: f32,
        onto: &mut Params,
        limits: Limits,
    ) -> Result<(), CompressError> {
        let decoded = self.decompress(packet, onto.layout(), limits)?;
        dense::check_sums(onto.values(), weight, decoded.values())?;
        dense::add(onto.values_mut(), weight, decoded.values());
        Ok(())
    }
}

/// A source of packets that may remember what it left out so far (error feedback, warm starts).
///
/// Every [`Compressor`] is an encoder without memory.
pub trait Encoder: Send {
    /// Encodes the next parameters.
    ///
    /// # Errors
    /// As [`Compressor::compress`]; the memory is then unchanged.
    fn encode(&mut self, params: &Params, seed: Seed) -> Result<Packet, CompressError>;

    /// Whether nothing is lost for good: what it sends is right on average, or what it left out comes later. Updates that are summed
    /// over rounds need that.
    fn is_faithful(&self) -> bool {
        false
    }
}

impl<C: Compressor + ?Sized> Encoder for C {
    fn encode(&mut self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        self.compress(params, seed)
    }

    fn is_faithful(&self) -> bool {
        self.properties().unbiased
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<C: Compressor + ?Sized> Compressor for $pointer {
            fn codec(&self) -> CodecId {
                (**self).codec()
            }

            fn properties(&self) -> Properties {
                (**self).properties()
            }

            fn error(&self) -> ErrorBound {
                (**self).error()
            }

            fn compress(&self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
                (**self).compress(params, seed)
            }

            fn decompress(&self, packet: &Packet, expect: &Arc<Layout>, limits: Limits) -> Result<Params, CompressError> {
                (**self).decompress(packet, expect, limits)
            }

            fn decompress_onto(&self, packet: &Packet, weight: f32, onto: &mut Params, limits: Limits) -> Result<(), CompressError> {
                (**self).decompress_onto(packet, weight, onto, limits)
            }
        }
    )*};
}
forward!(&C, Box<C>, Arc<C>);

/// The traits are object-safe: registries and generic adaptors need that.
const _: Option<(&dyn Compressor, &dyn Encoder)> = None;
const _: Option<(&dyn ExactDecoder, &dyn ExactTransform)> = None;
