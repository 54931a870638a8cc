//! The tokio driver: the same roles that are rehearsed under virtual time, on the wall's clock.
//!
//! One task owns one role. It takes one thing at a time (the wish to stop, the end of a job, a due timer, a letter, in this
//! order of preference), steps the role and performs what the role asks for, in order:
//!
//! | effect | here |
//! |---|---|
//! | `Send` | given to a [`Link`], which never waits; a receiver whose inbox is full loses the letter |
//! | `Timer`, `CancelTimer` | a [`Timers`] table and one sleep until its earliest entry |
//! | `Work` | tokio's pool for blocking work, answered by `Input::Done` |
//! | `Persist` | awaited from a [`Store`] before any later effect is performed |
//! | `Report` | offered to a channel; who does not listen in time misses it, and is counted |
//!
//! [`Stepper`] is the part without a clock, a task or a channel: it steps and translates. The live loop and the test that
//! replays a log from the simulator both use it, so what is tested is what runs.
//!
//! `Time` is microseconds since [`Clock::start`], read from tokio's clock; a test that pauses that clock plays minutes in
//! milliseconds. Letters travel through a [`Hub`] inside one process, and [`Memory`] keeps records as long as the
//! process lives: there are no sockets and no files here yet. Both stand behind traits, so that neither the loop nor a
//! role changes when they come.

mod clock;
mod driver;
mod link;
mod stepper;
mod store;
mod timers;

pub use clock::Clock;
pub use driver::{Ended, Handle, Start, Told, WireError, spawn};
pub use link::{Hub, HubLink, Letter, Link};
pub use stepper::{Role, Stepper};
pub use store::{Memory, Store};
pub use timers::Timers;
