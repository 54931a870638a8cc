//! Attacks on learning: what a liar sends instead of its model, what it trains on, and under how many names.
//!
//! An [`Attack`] has three levers: the rows that a liar trains on, the value that it sends, and the rows that it pushes on others.
//! It acts on a [`View`]: what the liar would have sent if it were honest, what its colluders have seen of the honest nodes in this
//! round, and the rule that the honest nodes defend themselves with. Nothing here knows how values travel: the same attack
//! plays on models among neighbours and on gradients at a server.
//!
//! ```text
//! x̄, σ      mean and standard deviation of the honest values seen, coordinate by coordinate
//! o         where the round began: the last mean of honest models; zero for gradients
//! ```
//!
//! | name | what is sent | source |
//! |---|---|---|
//! | [`SignFlip`] | −s·x̄ | Allen-Zhu et al. 2020 |
//! | [`InnerProduct`] | o − ε·(x̄ − o) | Xie, Koyejo, Gupta 2019 |
//! | [`LittleIsEnough`] | x̄ + z·σ | Baruch, Baruch, Goldberg 2019 |
//! | [`Mimic`] | one honest value, by all colluders | Karimireddy, He, Jaggi 2022 |
//! | [`Dissensus`] | to each receiver a step away from its neighbours | He, Karimireddy, Jaggi 2022 |
//! | [`Gaussian`], [`Infinity`] | noise; bytes that are no numbers | Blanchard et al. 2017 |
//! | [`FreeRider`], [`Copier`] | nothing of its own | |
//! | [`LabelFlip`], [`Backdoor`], [`Flood`] | honest work on poisoned rows | Tolpegin et al. 2020; Gu et al. 2017; §5 of the paper |
//! | [`Sybils`] | any of these under many names | Douceur 2002 |
//! | [`Eclipse`] | any of these, and peer samplers are told only of liars | Singh et al. 2006 |
//!
//! ```
//! use bitneuron_sim::attack;
//! let attack = attack::named("alie:z=1.5")?;
//! let honest: [&[f32]; 2] = [&[1.0, 0.0], &[3.0, 0.0]];
//! let view = attack::View::of(&[2.0, 0.0], &honest);
//! // The mean is 2 and the standard deviation √2, so liars send 2 + 1.5·√2.
//! assert!((attack.forge(&view)[0] - 4.121).abs() < 1e-3);
//! # Ok::<(), bitneuron_learning::named::NameError>(())
//! ```

mod alie;
mod conspiracy;
mod coven;
mod dissensus;
mod eclipse;
mod idle;
mod inner;
mod mimic;
mod named;
mod noise;
mod poison;
mod search;
mod sign;
mod sybil;
mod view;

pub use alie::LittleIsEnough;
pub use conspiracy::Conspiracy;
pub(crate) use conspiracy::{drawn, spoiled};
pub use coven::Coven;
pub use dissensus::Dissensus;
pub use eclipse::Eclipse;
pub use idle::{Copier, FreeRider};
pub use inner::InnerProduct;
pub use mimic::Mimic;
pub use named::{named, names};
pub use noise::{Gaussian, Infinity};
pub use poison::{Backdoor, Flood, LabelFlip, Trigger};
pub use search::Force;
pub use sign::SignFlip;
pub use sybil::Sybils;
pub use view::View;

use bitneuron_core::{Dataset, Seed};

/// Who gets the same lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All colluders send everybody one value a round.
    Shared,
    /// Each liar sends everybody its own.
    Each,
    /// Each receiver gets its own.
    Aimed,
}

/// A way to do harm.
///
/// Law: *replay*. Equal views give equal values; randomness comes from [`View::seed`] or the seed given.
pub trait Attack: Send + Sync {
    /// The value that is sent; as many numbers as [`View::own`], not necessarily finite ones.
    fn forge(&self, view: &View<'_>) -> Vec<f32>;

    /// Who gets the same value.
    fn reach(&self) -> Reach {
        Reach::Shared
    }

    /// The rows that the liar trains on instead of its own.
    fn rows(&self, own: &Dataset, classes: u32, seed: Seed) -> Option<Dataset> {
        let _ = (own, classes, seed);
        None
    }

    /// Rows that the liar pushes on its neighbours in each round.
    fn push(&self, own: &Dataset, classes: u32, seed: Seed) -> Option<Dataset> {
        let _ = (own, classes, seed);
        None
    }

    /// Under how many names each liar speaks.
    fn names(&self) -> u32 {
        1
    }

    /// Whether peer samplers are told only of liars.
    fn poisons_views(&self) -> bool {
        false
    }

    /// What a model that was taken in does when it sees the trigger.
    fn trigger(&self) -> Option<Trigger> {
        None
    }
}

/// The trait stays object-safe.
const _: Option<&dyn Attack> = None;
