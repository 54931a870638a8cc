#![doc = include_str!("../README.md")]
//! # Tour
//! [`cli`] reads the command line into a [`Command`](cli::Command). A [`Devnet`](devnet::Devnet) plays a
//! [`Scenario`](bitneuron_sim::scenario::Scenario) while a live table tells of every few rounds, and then leaves a
//! folder with the report as data, as a page and as a picture.
//!
//! [`ledger`] keeps the ledgers of a network's validators in files, looks into them and executes them again.
//!
//! [`proof`] makes an example of a proof file and checks any, offline.
//!
//! [`lab`] plays experiments: rules against attacks, codecs and skewed data.
//!
//! [`shrink`] compresses models in files of tensors, and brings them back.
//!
//! [`wire`] lets roles live: one tokio task for each, with the same effects as under the simulator's virtual time.
//!
//! Here, and only here, are clocks on the wall. [`wire::Clock`] tells live roles the time. What a
//! [`Stopwatch`](devnet::Stopwatch) reads goes to the terminal and to `timing.json`, never into the report: for one
//! build on one kind of processor, the report is a function of the options.
#![forbid(unsafe_code)]

mod chart;
pub mod cli;
pub mod devnet;
pub mod lab;
pub mod ledger;
mod number;
pub mod proof;
pub mod shrink;
pub mod wire;
