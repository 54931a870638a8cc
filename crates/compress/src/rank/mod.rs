//! Ranks that find themselves while factors are trained (Hawkins, Liu and Zhang, arXiv 2010.08689).
//!
//! Every entry of a factor that carries index j of a bond has the prior N(0, λ²_j), and λ_j a prior that likes to be
//! small. Training minimises the loss plus the weight times
//!
//! ```text
//! Σ_j Σ_entries  ½·(σ²/λ²_j + x²/λ²_j − 1 − ln(σ²/λ²_j))            σ² = 10⁻⁹: the factors are known, not distributed
//! ```
//! summed over all bonds, where λ² is not trained but set, after each step, to the value that maximises the posterior ([`Prior::variance`]). An
//! index that is of no use to the loss shrinks until its λ² falls below a threshold and is cut out of all factors that
//! carry it ([`prune`]). The paper gives each core the prior of one of its two bonds; here it has both, since a bond that
//! only one side wants to leave keeps columns that depend on each other: with one side, planted ranks were found (to within
//! one) in at most four of ten trials at any weight, with both in nine or ten.
//!
//! A prior that is too strong drives all indices to nothing at once, so its weight grows from 0
//! ([`Annealing`]), every bond keeps at least one index, and the prior ends when a wanted size is reached
//! ([`RankControl`]).

mod control;
mod prior;
mod prune;

pub use control::{RankControl, Shrinkage};
pub use prior::{Annealing, Prior};
pub use prune::{parameters, prune};

use std::ops::Range;

/// A factor of a flat buffer, seen as `[outer, rank, inner]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slices {
    /// Its place.
    pub at: Range<usize>,
    /// The elements of all indices before the rank.
    pub outer: usize,
    /// The elements of all indices behind the rank.
    pub inner: usize,
}

/// A rank and the factors that carry its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    /// How many values the index has.
    pub rank: usize,
    /// The factors that carry it: they lose a slice when an index is cut out.
    pub slices: Vec<Slices>,
}

impl Bond {
    /// The same bond of factors that lie `by` elements further on.
    #[must_use]
    pub fn shifted(&self, by: usize) -> Self {
        let shift = |slices: &Slices| Slices { at: slices.at.start + by..slices.at.end + by, ..*slices };
        Self { rank: self.rank, slices: self.slices.iter().map(shift).collect() }
    }

    /// How many entries carry one index.
    fn entries(&self) -> usize {
        self.slices.iter().map(|slices| slices.outer * slices.inner).sum()
    }

    /// Calls `each` with the index and the place of every run of entries that carry it.
    fn runs(&self, mut each: impl FnMut(usize, Range<usize>)) {
        for slices in &self.slices {
            let starts = slices.at.clone().step_by(slices.inner.max(1));
            for (run, start) in starts.enumerate() {
                each(run % self.rank.max(1), start..start + slices.inner);
            }
        }
    }
}
