#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod amount;
pub mod claim;
pub mod class;
pub mod codec;
pub mod context;
pub mod dataset;
pub mod exact;
pub mod goal;
pub mod hash;
pub mod id;
pub mod machine;
pub mod merkle;
pub mod params;
pub mod seed;
pub mod sign;
pub mod time;
pub mod vrf;
pub mod weight;

pub use amount::Amount;
pub use class::Class;
pub use codec::{Bytes, DecodeError, Wire, decode, encode};
pub use context::{Commitment, Context};
pub use dataset::Dataset;
pub use hash::{Digest, NotHex};
pub use id::{ChainId, Epoch, GoalId, Height, NodeId};
pub use machine::{Machine, Outbox};
pub use params::{Layout, Params};
pub use seed::Seed;
pub use sign::{Keypair, Signature};
pub use time::Time;
pub use weight::{Reputation, Share, Weight};
