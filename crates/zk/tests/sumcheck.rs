//! Groups committed at different times, opened together; chained over proofs.
#![cfg(feature = "sumcheck")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_core::{ChainId, Digest, Seed};
use bitneuron_zk::backend::sumcheck::field::{Challenger, Ext, element, integer, transcript};
use bitneuron_zk::backend::sumcheck::opening::observe;
use bitneuron_zk::backend::sumcheck::{Geometry, Group, OpeningError, Root, Setup, SetupError, open, verify};
use p3_challenger::FieldChallenger;
use p3_field::PrimeCharacteristicRing;
use std::sync::OnceLock;

fn setup() -> &'static Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    SETUP.get_or_init(|| Geometry::SMALL.setup(5).unwrap())
}

fn chain() -> ChainId {
    ChainId(Digest([3; 32]))
}

/// The elements that a limb of a small geometry takes with one opening in reserve.
const CAPACITY: i64 = 2_048 - 62 - 32;

fn numbers(limbs: usize, seed: i64) -> Vec<Vec<i64>> {
    let limb =
        |at: i64| (0..CAPACITY).map(|i: i64| (i * 7_919 + at * 104_729 + seed) % 8_191 - 4_095).collect();
    (0..limbs as i64).map(limb).collect()
}

fn commit(setup: &Setup, limbs: &[Vec<i64>], chain: ChainId, entropy: Seed) -> Group {
    let tensors: Vec<&[i64]> = limbs.iter().map(Vec::as_slice).collect();
    Group::commit(setup, &tensors, chain, entropy)
}

fn group(limbs: usize, seed: i64) -> Group {
    commit(setup(), &numbers(limbs, seed), chain(), Seed::from_number(seed.unsigned_abs()))
}

fn begin(step: u64, roots: &[Root]) -> (Challenger, Vec<Ext>) {
    let mut challenger = transcript(Digest::of("test step", &step.to_le_bytes()));
    observe(&mut challenger, &roots.iter().collect::<Vec<_>>());
    let point = (0..setup().variables()).map(|_| challenger.sample_algebra_element()).collect();
    (challenger, point)
}

#[test]
fn integers_go_through_the_field() {
    for value in [0, 1, -1, 4_096, -(1 << 40), 1 << 62, -(1 << 62)] {
        assert_eq!(integer(element(value)), value);
    }
}

#[test]
fn three_steps_chain_and_nothing_else_opens() {
    let mut model = group(2, 10);
    for step in 0..3 {
        let (mut data, mut after, mut aux) =
            (group(2, 100 + step), group(2, 200 + step), group(9, 300 + step));
        let roots: Vec<Root> = [&data, &model, &after, &aux].map(|group| group.root().clone()).into();
        let (mut prover, point) = begin(step as u64, &roots);
        let clean = prover.clone();
        let mut linked = [&mut data, &mut model, &mut after, &mut aux];
        let opening = open(setup(), &mut linked, &point, &mut prover, Seed::from_number(9)).unwrap();
        let check = |roots: &[Root], point: &[Ext], opening| {
            verify(setup(), &roots.iter().collect::<Vec<_>>(), point, opening, &mut clean.clone())
        };
        let value = check(&roots, &point, &opening).unwrap();
        assert_eq!(Some(value), opening.value());
        for (one, other) in [(0, 1), (1, 2), (0, 2)] {
            let mut swapped = roots.clone();
            swapped.swap(one, other);
            assert!(
                check(&swapped, &point, &opening).is_err(),
                "roots {one} and {other} in each other's place"
            );
        }
        let mut foreign = roots.clone();
        foreign[1] = group(2, 11).root().clone();
        assert!(check(&foreign, &point, &opening).is_err());
        assert!(check(&roots[..3], &point, &opening).is_err());
        let mut moved = point.clone();
        moved[3] += Ext::ONE;
        assert!(check(&roots, &moved, &opening).is_err());
        let mut other = transcript(Digest::of("test step", b"another"));
        assert!(verify(setup(), &roots.iter().collect::<Vec<_>>(), &point, &opening, &mut other).is_err());
        // The model after is opened again as the next model before.
        model = after;
    }
}

#[test]
fn a_group_is_opened_as_often_as_it_has_randomness() {
    let mut model = group(2, 1);
    let roots = [model.root().clone()];
    let (challenger, point) = begin(5, &roots);
    for _ in 0..Geometry::SMALL.openings {
        open(setup(), &mut [&mut model], &point, &mut challenger.clone(), Seed::from_number(2)).unwrap();
    }
    let spent = open(setup(), &mut [&mut model], &point, &mut challenger.clone(), Seed::from_number(2));
    assert!(matches!(spent, Err(OpeningError::Spent(_))));
    // A refusal counts nothing: the fresh group beside the spent one still has all its openings.
    let mut fresh = group(2, 2);
    for _ in 0..3 {
        let refused =
            open(setup(), &mut [&mut fresh, &mut model], &point, &mut challenger.clone(), Seed::default());
        assert!(matches!(refused, Err(OpeningError::Spent(_))));
    }
    for _ in 0..Geometry::SMALL.openings {
        open(setup(), &mut [&mut fresh], &point, &mut challenger.clone(), Seed::default()).unwrap();
    }
}

#[test]
fn a_group_of_another_setup_is_not_opened() {
    let (challenger, point) = begin(6, &[group(2, 1).root().clone()]);
    for geometry in [Geometry { openings: 3, ..Geometry::SMALL }, Geometry { rate: 4, ..Geometry::SMALL }] {
        let mut foreign =
            commit(&geometry.setup(5).unwrap(), &[vec![1, 2, 3]], chain(), Seed::from_number(1));
        let refused = open(setup(), &mut [&mut foreign], &point, &mut challenger.clone(), Seed::default());
        assert!(matches!(refused, Err(OpeningError::Scheme(_))), "{geometry:?}");
        assert_eq!(foreign.left(), geometry.openings);
    }
}

#[test]
fn a_root_is_its_contents_its_chain_and_its_randomness() {
    let commit = |seed: i64, chain, entropy| {
        commit(setup(), &numbers(2, seed), chain, Seed::from_number(entropy)).root().clone()
    };
    let root = commit(1, chain(), 1);
    assert_eq!(root, commit(1, chain(), 1));
    assert_ne!(root, commit(2, chain(), 1));
    assert_ne!(root, commit(1, ChainId(Digest([4; 32])), 1));
    assert_ne!(root, commit(1, chain(), 2), "it hides");
    let places = [0, 1].map(|place| root.commitment(place).unwrap());
    assert_ne!(places[0], places[1]);
    assert_eq!(root.commitment(2), None);
}

#[test]
fn what_is_not_proven_is_refused() {
    assert!(setup().bits() >= 100.0);
    // The masks of the first study: a list of candidates larger than the field allows.
    let vacuous = Geometry { mask_rate: 5, ..Geometry::SMALL }.setup(5);
    assert!(matches!(vacuous, Err(SetupError::Insecure(_))), "{vacuous:?}");
    let crowded = Geometry { openings: 100, ..Geometry::SMALL }.setup(5);
    assert!(matches!(crowded, Err(SetupError::Budget { .. })));
    let none = verify(
        setup(),
        &[],
        &[],
        &{
            let mut model = group(1, 1);
            let (mut challenger, point) = begin(1, &[model.root().clone()]);
            open(setup(), &mut [&mut model], &point, &mut challenger, Seed::default()).unwrap()
        },
        &mut transcript(Digest::ZERO),
    );
    assert!(matches!(none, Err(OpeningError::Limbs { .. })));
}
