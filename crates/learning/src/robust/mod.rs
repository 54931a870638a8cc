//! Training for the worst: for the worst groups and rows, for rows that an adversary moves, for rows with gaps.
//!
//! | rule | what it is for | as |
//! |---|---|---|
//! | [`GroupDro`] | the group that is served worst | [`Reweight`](crate::optim::Reweight) |
//! | [`Cvar`] | the worst share of the rows, with the very worst left out if wished | `Reweight` |
//! | [`Tilted`] | bad rows more than good ones, smoothly | `Reweight` |
//! | [`ChiSquare`] | the worst distribution within a χ² ball | `Reweight` |
//! | [`Pgd`], with [`Pgd::fgsm`] | adversarial examples within an ε-ball | [`Perturb`](crate::optim::Perturb) |
//! | [`Trades`] | the same, weighed against clean accuracy | [`Objective`](crate::optim::Objective) |
//! | [`Missing`] with [`MaskAware`](crate::model::MaskAware) | features that are not there | `Perturb` |

mod adversarial;
mod dro;
mod missing;
mod trades;

pub use adversarial::Pgd;
pub use dro::{ChiSquare, Cvar, GroupDro, Tilted};
pub use missing::Missing;
pub use trades::Trades;
