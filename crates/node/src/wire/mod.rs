//! The tokio driver: the same roles that are rehearsed under virtual time, on the wall's clock.
//!
//! One task owns one role. It takes one thing at a time (the wish to stop, the end of a job, a due timer, a letter, in this
//! order of preference), steps the role and performs what the role asks for, in order:
//!
//! | effect | here |
//! |---|---|
//! | `Send` | given to a [`Link`], which never waits, if it is within the [limits](bitneuron_net::Limits) |
//! | `Timer`, `CancelTimer` | a [`Timers`] table and one sleep until its earliest entry |
//! | `Work` | tokio's pool for blocking work, answered by `Input::Done`; a job that panics ends the node |
//! | `Persist` | given to a [`Store`], and durable there before a later `Send` or `Report` leaves |
//! | `Report` | offered to a channel; who does not listen in time misses it, and is counted; a decision is durable first |
//!
//! A letter that comes in costs its sender tokens of a [throttle](bitneuron_net::Throttle); one that is too long, too soon,
//! or finds the inbox full is lost, which roles reckon with.
//!
//! [`Stepper`] is the part without a clock, a task or a channel: it steps and translates. The live loop and the test that
//! replays a log from the simulator both use it, so what is tested is what runs.
//!
//! `Time` is microseconds since genesis on a [`Clock`] that says how old the genesis was when it was started, and counts on
//! with tokio's clock; a test that pauses that clock plays minutes in milliseconds. Letters travel through a [`Hub`] inside one
//! process; there are no sockets here yet. [`Memory`] keeps records as long as the process lives, [`Disk`] keeps a validator's
//! ledger and log in a folder, and whoever opens it again comes back where it was, wherever it was killed. Both stand behind
//! traits, so that neither the loop nor a role changes when others come.

mod clock;
mod disk;
mod driver;
mod link;
mod stepper;
mod store;
mod timers;

pub use clock::Clock;
pub use disk::{Disk, DiskError, LEDGER};
pub use driver::{Ended, Handle, Start, Told, WireError, spawn};
pub use link::{Hub, HubLink, Letter, Link};
pub use stepper::{Role, Stepper};
pub use store::{Decision, Memory, Store};
pub use timers::Timers;
