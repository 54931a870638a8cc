//! The linear manifold: the mean of clean states and their leading principal axes.
//!
//! ```text
//! E(x) = m + V_r·V_rᵀ·(x − m)                         V_r [width, r] from the eigenvectors of the covariance
//! ```
//!
//! where r is the least rank that holds the demanded part of the energy (variance). With a cost c of control the greedy
//! optimum is `x′ = m + P(x − m) + c/(1 + c)·(I − P)(x − m)`, so `c → ∞` changes nothing, `c = 0` projects, and no state
//! comes to lie farther from the mean. The factorisation is `compress::linalg`'s. A projection costs `2·width·r` products.
//!
//! Strangeness is not `‖x − E(x)‖²` but the squared Mahalanobis distance over all axes: directions in which clean states
//! hardly vary tell noise and attacks from clean states where the plain error does not.

use super::gaussian::{FLOOR, Gaussian, floor, product};
use super::{HealError, Manifold, check_clean};
use crate::model::{ModelError, check_length};
use bitneuron_compress::linalg::Matrix;

/// A subspace through the mean.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearManifold {
    pub(super) gaussian: Gaussian,
    /// `[width, rank]`.
    pub(super) basis: Vec<f32>,
    pub(super) rank: usize,
}

impl LinearManifold {
    /// Learns from clean states `[n, width]` the subspace that holds this part of their energy, above 0 and at most 1.
    ///
    /// # Errors
    /// States that are no rows, fewer than two, or not finite; an energy out of range.
    pub fn fit(clean: &[f32], width: usize, energy: f64) -> Result<Self, HealError> {
        if !(energy > 0.0 && energy <= 1.0) {
            return Err(HealError::Setting("energy"));
        }
        check_clean(clean, width)?;
        let rows: Vec<&[f32]> = clean.chunks_exact(width).collect();
        let gaussian = Gaussian::fit(&rows, width, floor(&rows, width, FLOOR))?;
        let all: f64 = gaussian.variances.iter().map(|variance| f64::from(*variance)).sum();
        let mut held = 0.0;
        let short = gaussian.variances.iter().take_while(|variance| {
            held += f64::from(**variance);
            held < energy * all * (1.0 - 1e-9)
        });
        let rank = (short.count() + 1).min(width);
        let basis = gaussian.axes.chunks_exact(width).flat_map(|row| row[..rank].to_vec()).collect();
        Ok(Self { gaussian, basis, rank })
    }

    /// The dimensions of the subspace.
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// The mean of the clean states.
    pub fn mean(&self) -> &[f32] {
        &self.gaussian.mean
    }

    /// Writes `centre + V·Vᵀ·(x − centre)`; no centre is 0.
    fn project_around(
        &self,
        centre: Option<&[f32]>,
        states: &[f32],
        onto: &mut [f32],
    ) -> Result<(), ModelError> {
        let (width, rank) = (self.width(), self.rank);
        let rows = states.len().checked_div(width).unwrap_or(0);
        check_length("states", states.len(), rows * width)?;
        check_length("projections", onto.len(), states.len())?;
        let mut centred = states.to_vec();
        if let Some(centre) = centre {
            for row in centred.chunks_exact_mut(width) {
                row.iter_mut().zip(centre).for_each(|(x, m)| *x -= m);
            }
        }
        let basis = Matrix::new(&self.basis, width, rank);
        let inner = product(Matrix::new(&centred, rows, width), basis)?;
        onto.copy_from_slice(&product(Matrix::new(&inner, rows, rank), basis.transposed())?);
        if let Some(centre) = centre {
            for row in onto.chunks_exact_mut(width) {
                row.iter_mut().zip(centre).for_each(|(x, m)| *x += m);
            }
        }
        Ok(())
    }
}

impl Manifold for LinearManifold {
    fn width(&self) -> usize {
        self.gaussian.width()
    }

    fn project(&self, states: &[f32], onto: &mut [f32]) -> Result<(), ModelError> {
        self.project_around(Some(&self.gaussian.mean), states, onto)
    }

    /// The projection is its own adjoint.
    fn pull(&self, states: &[f32], adjoint: &[f32], below: &mut [f32]) -> Result<(), ModelError> {
        check_length("adjoints", adjoint.len(), states.len())?;
        self.project_around(None, adjoint, below)
    }

    fn strangeness(&self, states: &[f32], strangeness: &mut [f32]) -> Result<(), ModelError> {
        let coordinates = self.gaussian.coordinates(states)?;
        for (strange, z) in strangeness.iter_mut().zip(coordinates.chunks_exact(self.width())) {
            *strange = self.gaussian.distance(z, 0.0);
        }
        Ok(())
    }
}
