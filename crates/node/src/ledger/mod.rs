//! Ledgers in files: where a devnet keeps them, how to look into one, and how to check one by doing it all again.
//!
//! ```text
//! HOME/devnet.txt                 the command line that made it
//! HOME/validator-0/ledger.redb    what the first validator keeps, and so on
//! ```

mod arguments;
mod events;
mod home;
mod inspect;
mod replay;
mod tell;

pub(crate) use arguments::LedgerArgs;
#[cfg(test)]
pub(crate) use arguments::{INSPECTING, LOOKING_BACK, REPLAYING};
pub use events::History;
pub use home::{Home, HomeError, Wanted};
pub use inspect::{Inspect, Question};
pub use replay::Recount;
