//! A light client: follows the voters of a chain by certified headers alone, and skips what it need not see.
//!
//! It begins with a [`Root`] that it trusts, such as the genesis. A [`LightBlock`] is believed on top of a believed one of lower
//! height when
//!
//! 1. its certificate holds under the voters that its header names, more than two thirds of their weight;
//! 2. *next height*: its voters are those that the believed header names as the next;
//!    *any later height*: more than a third of the believed voters' weight is among the signers;
//! 3. the believed header is not older than the trust period, in which its voters still answer for what they sign.
//!
//! A third of the weight holds somebody honest, who signs no header with wrong voters. Where too many voters have changed,
//! [`Client`] asks for headers between, halving the gap each time. The chain bounds how fast voters change, so that a
//! skip of [`Trust::reach`] heights hardly ever fails.
//!
//! If more than a third of the weight signs a second header of a height, a client that is shown both reports a [`Fork`], with
//! what convicts its signers. Nothing protects a client that is shown only the false one, so it asks more than one peer.
//! After the trust period stake is free to go and a signature costs nothing, so a client that was away for longer needs a new
//! root from somebody it trusts.

mod block;
mod client;
mod fork;
mod trust;

pub use block::LightBlock;
pub use client::{Client, Effect, Input};
pub use fork::Fork;
pub use trust::{Doubt, Root, Trust};
