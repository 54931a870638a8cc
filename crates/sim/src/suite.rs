//! The law of [`Node`] as a check for anybody's implementation: equal worlds run equally.

use crate::{Meter, Node, Setting, World};
use bitneuron_core::{Digest, Time};
use thiserror::Error;

/// The law that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// Two runs from one seed differ.
    #[error("determinism: two runs of one seed have the traces {0} and {1}")]
    Unequal(Digest, Digest),
}

/// Runs a world twice and compares all that happened.
///
/// `build` makes the nodes anew for each run. The more the messages tell in their
/// [`digest`](crate::Payload::digest), the more is compared.
///
/// # Errors
/// The runs differ.
pub fn check<N: Node>(build: impl Fn() -> Vec<N>, setting: &Setting, end: Time) -> Result<(), Violation> {
    let run = || {
        let mut world = World::new(Setting { trace: true, ..setting.clone() }, build());
        world.run_until(end);
        let meters: Vec<Meter> = (0..world.nodes().len() as u32).map(|node| world.meter(node)).collect();
        (world.trace().unwrap_or_default(), meters)
    };
    let (first, second) = (run(), run());
    if first == second { Ok(()) } else { Err(Violation::Unequal(first.0, second.0)) }
}
