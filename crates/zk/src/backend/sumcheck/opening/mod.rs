//! Opening groups together, at one point.

#[cfg(feature = "sumcheck")]
mod open;

#[cfg(feature = "sumcheck")]
pub use open::open;

use super::field::{Challenger, Ext, Val, trees};
use super::geometry::Setup;
use super::group::{Root, Spent};
use super::linked::{Linked, Roots};
use bitneuron_core::Seed;
use p3_commit::MultilinearPcs;
use p3_dft::{Radix2DFTSmallBatch, TwoAdicSubgroupDft};
use p3_multilinear_util::point::Point;
use p3_whir::{HidingWhirPcs, ZkWhirProof};
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

type Scheme<D = Radix2DFTSmallBatch<Val>> = HidingWhirPcs<Ext, Val, D, Linked, Challenger, ChaCha12Rng>;

/// The value of linked groups at a point, with its proof.
#[derive(Clone, Serialize, Deserialize)]
pub struct Opening {
    proof: ZkWhirProof<Val, Ext, Linked>,
}

/// Why an opening is not made or not believed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// No groups, or more limbs than the geometry has.
    #[error("{found} limbs where 1 to {limit} fit")]
    Limbs {
        /// The limbs of all groups.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// A point of another number of coordinates.
    #[error("a point of {found} coordinates, not {expected}")]
    Point {
        /// Its coordinates.
        found: usize,
        /// The variables of the polynomial.
        expected: usize,
    },
    /// A group has no randomness left.
    #[error(transparent)]
    Spent(#[from] Spent),
    /// The commitment scheme refuses.
    #[error("{0}")]
    Scheme(String),
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("value", &self.value()).finish_non_exhaustive()
    }
}

impl Opening {
    /// The value that is claimed.
    pub fn value(&self) -> Option<Ext> {
        self.proof.evals.first().copied()
    }
}

/// The scheme of linked groups; what it encodes by is chosen by its type.
fn scheme<D: TwoAdicSubgroupDft<Val>>(setup: &Setup, widths: &[usize], entropy: Seed) -> Scheme<D> {
    let linked = Linked::new(trees(), widths, setup.limbs());
    HidingWhirPcs::new(setup.config().clone(), D::default(), linked, entropy.rng())
}

fn fits(setup: &Setup, limbs: usize, point: &[Ext]) -> Result<(), OpeningError> {
    if limbs == 0 || limbs > setup.limbs() {
        return Err(OpeningError::Limbs { found: limbs, limit: setup.limbs() });
    }
    let (found, expected) = (point.len(), setup.variables());
    if found == expected { Ok(()) } else { Err(OpeningError::Point { found, expected }) }
}

/// Binds the groups' roots to the transcript: before anything is drawn that depends on them.
pub fn observe(challenger: &mut Challenger, roots: &[&Root]) {
    use p3_challenger::CanObserve;
    for root in roots {
        super::field::observe_number(challenger, root.sizes().len());
        root.sizes().iter().for_each(|size| super::field::observe_number(challenger, *size as usize));
        challenger.observe(root.cap.clone());
        challenger.observe_slice(p3_field::BasedVectorSpace::<Val>::as_basis_coefficients_slice(&root.value));
    }
}

/// Checks an opening of the groups with these roots at a point and gives the value there.
///
/// # Errors
/// Why it is not believed.
pub fn verify(
    setup: &Setup,
    roots: &[&Root],
    point: &[Ext],
    opening: &Opening,
    challenger: &mut Challenger,
) -> Result<Ext, OpeningError> {
    let widths: Vec<usize> = roots.iter().map(|root| root.limbs(setup.capacity())).collect();
    let limbs = widths.iter().try_fold(0usize, |sum, width| sum.checked_add(*width)).unwrap_or(usize::MAX);
    fits(setup, limbs, point)?;
    let scheme: Scheme = scheme(setup, &widths, Seed::default());
    let linked = Roots::Linked(roots.iter().map(|root| root.cap.clone()).collect());
    let at = vec![Point::new(point.to_vec())];
    let checked = scheme.verify(&linked, &opening.proof, challenger, at);
    checked.map_err(|error| OpeningError::Scheme(error.to_string()))?;
    opening.value().ok_or_else(|| OpeningError::Scheme("no value".into()))
}
