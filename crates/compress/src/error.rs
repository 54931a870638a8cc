//! Why something could not be compressed, or a packet was refused.

use crate::{linalg::LinalgError, packet::CodecId};
use bitneuron_core::{Commitment, params::ParamsError};
use std::error::Error as StdError;
use thiserror::Error;

/// Why something could not be compressed, or a packet was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompressError {
    /// The packet is of another codec.
    #[error("a packet of codec {found}, expected {expected}")]
    Codec {
        /// What the packet names.
        found: CodecId,
        /// What the decoder reads.
        expected: CodecId,
    },
    /// No codec of this name is known, or none that decodes to integers.
    #[error("codec {0} is not known here")]
    UnknownCodec(CodecId),
    /// The packet is bound to another layout than the receiver expects.
    #[error("the packet is bound to another layout")]
    Layout,
    /// More than the receiver is willing to spend.
    #[error("{found} {what}, at most {limit} allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// The bytes do not start like a packet.
    #[error("not a packet")]
    Magic,
    /// A version of the format that is not known.
    #[error("packet version {0} is not known")]
    Version(u8),
    /// The bytes break the format.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Another number of parts than the layout needs.
    #[error("{found} parts, expected {expected}")]
    Parts {
        /// Parts in the packet.
        found: usize,
        /// Parts that the layout needs.
        expected: usize,
    },
    /// A part of another length than its content needs.
    #[error("part {part} has {found} bytes, expected {expected}")]
    PartLength {
        /// Index of the part.
        part: usize,
        /// Its length.
        found: usize,
        /// The length that its content needs.
        expected: u64,
    },
    /// A value is infinite or not a number.
    #[error("value {at} is not finite")]
    NotFinite {
        /// Index in the flat buffer.
        at: usize,
    },
    /// A value is outside the interval that can be carried.
    #[error("value {at} is outside the interval")]
    Interval {
        /// Index in the flat buffer.
        at: usize,
    },
    /// A codec was asked for something that it does not offer.
    #[error("{0}")]
    Config(&'static str),
    /// A codec that leaves out for good what the receiver needs.
    #[error("codec {codec} {why}")]
    Unfaithful {
        /// The codec.
        codec: CodecId,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A difference from a model that is not known here.
    #[error("a difference from the model {}, which is not known here", .0.root)]
    Base(Commitment),
    /// A factorisation failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
    /// Values and layout do not fit.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// An error of a codec from outside this crate.
    #[error("codec: {0}")]
    Rule(#[source] Box<dyn StdError + Send + Sync>),
}
