//! The prover's side: opening groups.

use super::{Opening, OpeningError, Scheme, fits, scheme};
use crate::backend::sumcheck::field::{Challenger, Ext, Val};
use crate::backend::sumcheck::geometry::Setup;
use crate::backend::sumcheck::group::Group;
use crate::backend::sumcheck::linked::{Prepared, Roots};
use bitneuron_core::Seed;
use p3_commit::MultilinearPcs;
use p3_dft::TwoAdicSubgroupDft;
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use p3_multilinear_util::point::Point;
use p3_multilinear_util::poly::Poly;

/// Encodes nothing: the groups' words were made when they were committed.
#[derive(Clone, Default)]
struct Encoded;

impl TwoAdicSubgroupDft<Val> for Encoded {
    type Evaluations = RowMajorMatrix<Val>;

    fn dft_batch(&self, _: RowMajorMatrix<Val>) -> RowMajorMatrix<Val> {
        RowMajorMatrix::new(Vec::new(), 1)
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
    let mut cells = Vec::with_capacity(setup.cells() * setup.limbs());
    groups.iter().for_each(|group| cells.extend_from_slice(group.cells()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::sumcheck::field::transcript;
    use crate::backend::sumcheck::geometry::Geometry;
    use crate::backend::sumcheck::group::Root;
    use crate::backend::sumcheck::opening::{observe, verify};
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
        let mut cells: Vec<Val> = groups.iter().flat_map(Group::cells).copied().collect();
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
