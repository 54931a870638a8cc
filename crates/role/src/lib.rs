#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod builder;
pub mod conduct;
pub mod history;
pub mod judge;
pub mod light;
pub mod mempool;
pub mod message;
pub mod model;
pub mod plan;
pub mod proofs;
pub mod prove;
pub mod role;
mod training;
pub mod user;
pub mod validator;
pub mod work;

pub use builder::NodeBuilder;
pub use conduct::{Conduct, Honest};
pub use history::{History, Resumed};
pub use judge::Judge;
pub use light::Light;
pub use message::Message;
pub use plan::Plan;
pub use proofs::{Heads, ProofSystem, ProofSystemError, Proofs};
pub use role::{Effect, Input, Report};
pub use user::User;
pub use validator::Validator;
