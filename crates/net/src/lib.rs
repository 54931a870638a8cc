#![doc = include_str!("../README.md")]
//! # Tour
//! Bytes from a stranger pass three gates before a protocol sees them, the cheapest first:
//!
//! 1. [`limits::Limits`] knows the largest body of every [`Channel`]; [`frame::Decoder`] asks it as soon as the
//!    header has arrived, before a byte of the body is stored.
//! 2. [`limits::Throttle`] holds a token bucket for each peer and channel, in integer time.
//! 3. The body is decoded by [`bitneuron_core::decode`], which has the limit of its type.
//!
//! Above them stand two traits. [`Overlay`] is what a node asks of the outside: publish, subscribe, request,
//! fetch a blob. It is asynchronous because it is input and output; protocols never call it, the node's shell does.
//! [`Sampler`] is a [`bitneuron_core::Machine`] that keeps a small, changing, random view of the network, from
//! which gossip partners are drawn; [`Cyclon`] and [`PeerSwap`] are for friends, [`Brahms`] for strangers.
//!
//! Both traits state laws. With feature `suite` the module `suite` checks them for any implementation.
#![forbid(unsafe_code)]

pub mod channel;
pub mod frame;
pub mod limits;
pub mod memory;
pub mod overlay;
pub mod sampling;
#[cfg(feature = "suite")]
pub mod suite;

pub use channel::Channel;
pub use frame::{Decoder, Frame};
pub use limits::{Limits, Quota, Refused, Throttle};
pub use overlay::{Answer, BlobId, Delivery, Overlay, OverlayError, Subscription, Topic};
pub use sampling::{Sampler, SamplingError, brahms::Brahms, cyclon::Cyclon, peerswap::PeerSwap};
