#![doc = include_str!("../README.md")]
//!
//! # Tour
//!
//! Data flow one way: [`data`] reads rows, [`partition`] spreads them over nodes, [`model`] holds the functions that are
//! learned, [`optim`] implements [`update::Update`] for them and [`robust`] hardens it, [`merge`] joins what others send,
//! [`gossip`] drives all of it as machines, [`eval`] and [`baseline`] say how good the outcome is. Against faked and corrupted
//! data (§5) stand [`select`], which chooses the rows that are learned from, [`heal`], which mends states of a served model, and
//! [`value`], which tells what a contribution is worth; [`fairness`] tells how differently a model treats groups.
//!
//! | paper | here |
//! |---|---|
//! | Algorithm 1, gossip learning | [`gossip::Peer`] |
//! | Algorithm 2, user | [`gossip::User`] |
//! | Algorithm 3, validator | [`gossip::Validator`] |
//! | `merge`, lines 7, 6 and 7 | [`merge::Merge`] for models and for data |
//! | `update`, lines 8, 4 and 8 | [`update::Update`] |
//! | `compress`, lines 5 and 7 | [`gossip::ModelCodec`] over `bitneuron-compress` |
//! | federated averaging, figure 3b | [`federated::Server`], [`federated::Client`] |
//!
//! Feature `suite` adds the module `suite`: the laws of the traits as functions that judge anybody's implementation. Features
//! `onnx` and `safetensors` bring models of other frameworks in ([`model`]).
#![forbid(unsafe_code)]

pub mod baseline;
pub mod data;
mod draw;
pub mod eval;
pub mod exact;
pub mod fairness;
pub mod federated;
pub mod gossip;
pub mod heal;
pub mod merge;
pub mod model;
pub mod named;
pub mod optim;
pub mod partition;
pub mod robust;
mod scratch;
pub mod select;
#[cfg(feature = "suite")]
pub mod suite;
pub mod update;
pub mod value;

pub use merge::{Contribution, Merge, MergeError, Merged};
pub use model::{Batch, Model, ModelError};
pub use optim::Sgd;
pub use update::{Progress, Update, UpdateError};
