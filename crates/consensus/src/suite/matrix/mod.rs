//! The safety matrix: adversaries × weather × seeds, every law checked in each run.
//!
//! A [`Case`] is one line of text and is drawn from an adversary and a seed. [`run`] plays it: bad weather for two virtual
//! seconds (loss, strays, duplicates, partitions, crashes, clocks that differ), then calm. What must hold:
//!
//! - *agreement, certificates, validity, chain, turns*: always ([`super::engine::examine`]);
//! - *liveness*: once it is calm, every honest node decides every height;
//! - *no slander*: no evidence against an honest node, and none is blamed by all testimony together ([`crate::blame`]);
//! - *accountability*: who is seen to vote twice is proven guilty; and where more than a third of the weight conspires and
//!   forks the chain, testimony blames more than a third of the weight.
//!
//! A case that fails is shrunk to a smaller one that breaks the same law ([`shrink`]), and its line replays it.

mod adversary;
mod case;
mod court;
mod run;
mod shrink;
mod sweep;

pub use adversary::Adversary;
pub use case::Case;
pub use run::{Outcome, run};
pub use shrink::shrink;
pub use sweep::{Find, Row, SyncMake, find, hunt, play, rows};
