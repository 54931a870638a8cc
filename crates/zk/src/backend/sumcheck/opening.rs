//! Opening groups together, at one point.

use super::field::{Challenger, Ext, Val, trees};
use super::geometry::Setup;
use super::group::{Group, Root, Spent};
use super::linked::{Linked, Prepared, Roots};
use bitneuron_core::Seed;
use p3_commit::MultilinearPcs;
use p3_dft::{Radix2DFTSmallBatch, TwoAdicSubgroupDft};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use p3_multilinear_util::point::Point;
use p3_multilinear_util::poly::Poly;
use p3_whir::{HidingWhirPcs, ZkWhirProof};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

type Scheme<D = Radix2DFTSmallBatch<Val>> = HidingWhirPcs<Ext, Val, D, Linked, Challenger, StdRng>;

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
    HidingWhirPcs::new(setup.config().clone(), D::default(), linked, StdRng::from_seed(entropy.0))
}

/// Encodes nothing: the groups' words were made when they were committed.
#[derive(Clone, Default)]
struct Encoded;

impl TwoAdicSubgroupDft<Val> for Encoded {
    type Evaluations = RowMajorMatrix<Val>;

    fn dft_batch(&self, _: RowMajorMatrix<Val>) -> RowMajorMatrix<Val> {
        RowMajorMatrix::new(Vec::new(), 1)
    }
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

/// Opens groups, side by side in this order, at a point: limb variables first, the earlier the higher.
///
/// # Errors
/// Too many limbs, another number of coordinates, or a group that is spent; then none is counted as opened.
pub fn open(
    setup: &Setup,
    groups: &mut [&mut Group],
    point: &[Ext],
    challenger: &mut Challenger,
    entropy: Seed,
) -> Result<Opening, OpeningError> {
    let widths: Vec<usize> = groups.iter().map(|group| group.root().limbs(setup.capacity())).collect();
    fits(setup, widths.iter().sum(), point)?;
    // A group shows as many rows as it was given random ones, or it would show what it holds.
    let masked = |group: &&mut Group, width: &usize| group.masks().len() == width * setup.shown();
    let fit = groups
        .iter()
        .zip(&widths)
        .all(|(group, width)| group.root().geometry() == setup.geometry() && masked(group, width));
    if !fit {
        return Err(OpeningError::Scheme("a group of another setup".into()));
    }
    if let Some(spent) = groups.iter().find_map(|group| group.is_spent().err()) {
        return Err(spent.into());
    }
    for group in groups.iter_mut() {
        group.spend()?;
    }
    let committed: Scheme<Encoded> = scheme(setup, &widths, entropy);
    let trees = groups.iter().map(|group| (group.root().cap.clone(), group.tree().clone())).collect();
    committed.mmcs.prepare(Prepared(trees));
    let mut cells: Vec<Val> = groups.iter().flat_map(|group| group.cells()).copied().collect();
    cells.resize(setup.cells() * setup.limbs(), Val::ZERO);
    let mut masks: Vec<Val> = groups.iter().flat_map(|group| group.masks()).copied().collect();
    masks.resize(setup.shown() * setup.limbs(), Val::ZERO);
    let failed = |error: &dyn std::fmt::Display| OpeningError::Scheme(error.to_string());
    // The scheme observes the roots as it commits and again as it verifies: once is thrown away here.
    let (_, mut data) =
        committed.commit(Poly::new(cells), &mut challenger.clone()).map_err(|error| failed(&error))?;
    data.randomness = masks;
    let scheme: Scheme = scheme(setup, &widths, entropy.derive("masks"));
    let linked = Roots::Linked(groups.iter().map(|group| group.root().cap.clone()).collect());
    scheme.observe_commitment(&linked, challenger);
    let proof =
        scheme.open(data, vec![Point::new(point.to_vec())], challenger).map_err(|error| failed(&error))?;
    Ok(Opening { proof })
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::field::transcript;
    use super::super::geometry::Geometry;
    use super::*;
    use bitneuron_core::{ChainId, Digest};
    use p3_challenger::FieldChallenger;

    /// The multilinear polynomial through the cells at a point, by its definition.
    fn evaluate(cells: &[Val], point: &[Ext]) -> Ext {
        let Some((first, rest)) = point.split_first() else { return Ext::from(cells[0]) };
        let (low, high) = cells.split_at(cells.len() / 2);
        let (low, high) = (evaluate(low, rest), evaluate(high, rest));
        low + *first * (high - low)
    }

    #[test]
    fn an_opening_is_the_value_of_all_groups_side_by_side() {
        let setup = Geometry::SMALL.setup(4).unwrap();
        let tensor: Vec<i64> = (0..4_500).map(|i| i * 7_919 % 8_191 - 4_095).collect();
        let mut groups: Vec<Group> = [900, 4_500, 2_000]
            .iter()
            .map(|size| Group::commit(&setup, &[&tensor[..*size]], ChainId::default(), Seed::from_number(7)))
            .collect();
        let roots: Vec<Root> = groups.iter().map(|group| group.root().clone()).collect();
        let roots: Vec<&Root> = roots.iter().collect();
        let mut cells: Vec<Val> = groups.iter().flat_map(|group| group.cells()).copied().collect();
        cells.resize(setup.cells() * setup.limbs(), Val::ZERO);
        let mut prover = transcript(Digest::ZERO);
        observe(&mut prover, &roots);
        let point: Vec<Ext> = (0..setup.variables()).map(|_| prover.sample_algebra_element()).collect();
        let mut verifier = prover.clone();
        let mut linked: Vec<&mut Group> = groups.iter_mut().collect();
        let opening = open(&setup, &mut linked, &point, &mut prover, Seed::from_number(1)).unwrap();
        assert_eq!(
            verify(&setup, &roots, &point, &opening, &mut verifier).unwrap(),
            evaluate(&cells, &point)
        );
    }
}
