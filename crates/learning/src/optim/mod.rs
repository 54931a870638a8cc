//! Updates of `f32` parameters: what a node does with its own data.
//!
//! Everything is one loop, [`Descent`], with four seams:
//!
//! ```text
//!             Objective                         Correct                     Step, Rate
//! batch  →  perturb → reweight → gradient  →  pull, decay, noise  →  momentum, Nesterov, Adam  →  θ
//! ```
//!
//! | rule | is | source |
//! |---|---|---|
//! | SGD, momentum | [`Sgd`], [`Step::Momentum`] | Polyak 1964 |
//! | Nesterov | [`Step::Nesterov`] | Sutskever et al. 2013 |
//! | Adam, AdamW | [`Adam`], [`Step::Adam`], [`Step::AdamW`] | arXiv 1412.6980, 1711.05101 |
//! | Pegasos | [`LinearSvm`](crate::model::LinearSvm), [`Decay`], [`Rate::Pegasos`] | Shalev-Shwartz et al. 2011 |
//! | a rate that falls by the round | [`Annealed`], [`Rate::Falling`] | |
//! | `FedProx` | [`Proximal`] | arXiv 1812.06127 |
//! | SCAFFOLD | [`Scaffold`] | arXiv 1910.06378 |
//! | per-sample clipped, noisy SGD | [`Clipped`], [`Noisy`] | Abadi et al. 2016 |
//! | group DRO, CVaR, tilted, χ² | [`robust`](crate::robust) as [`Reweight`] | see there |
//! | FGSM, PGD, missing features | [`robust`](crate::robust) as [`Perturb`] | see there |
//! | TRADES | [`Trades`](crate::robust::Trades), an [`Objective`] | arXiv 1901.08573 |
//! | ranks that find themselves | [`Shrinking`] | |
//! | factors in few bits | [`FixedPoint`] | arXiv 2104.03420 |
//!
//! [`named`] makes any of them of a line of text.

mod adam;
mod annealed;
mod batches;
mod clipped;
mod controlled;
mod correct;
mod descent;
mod fixed_point;
mod named;
pub(crate) mod objective;
mod rate;
mod recipe;
mod scaffold;
mod sgd;
mod shrinking;
mod step;

pub use adam::Adam;
pub use annealed::Annealed;
pub use clipped::Clipped;
pub use controlled::Controlled;
pub use correct::{Correct, Decay, Gaussian, Noise, Noisy, Point, Proximal};
pub use descent::{Descent, Measure};
pub use fixed_point::FixedPoint;
pub use named::{NAMES, named};
pub use objective::{Objective, Perturb, Reweight, Risk, Scene, Session};
pub use rate::Rate;
pub use recipe::{Recipe, Rule, recipe};
pub use scaffold::Scaffold;
pub use sgd::Sgd;
pub use shrinking::{Shrinking, Shrunk};
pub(crate) use step::Moments;
pub use step::Step;
