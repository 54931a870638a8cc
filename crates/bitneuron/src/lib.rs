#![doc = include_str!("../../../README.md")]
//!
//! Each crate stands here under its word.
#![forbid(unsafe_code)]

pub use bitneuron_core as core;

#[cfg(feature = "compress")]
pub use bitneuron_compress as compress;
#[cfg(feature = "consensus")]
pub use bitneuron_consensus as consensus;
#[cfg(feature = "learning")]
pub use bitneuron_learning as learning;
#[cfg(feature = "ledger")]
pub use bitneuron_ledger as ledger;
#[cfg(feature = "market")]
pub use bitneuron_market as market;
#[cfg(feature = "net")]
pub use bitneuron_net as net;
#[cfg(feature = "role")]
pub use bitneuron_role as role;
#[cfg(feature = "sim")]
pub use bitneuron_sim as sim;
#[cfg(feature = "zk")]
pub use bitneuron_zk as zk;
