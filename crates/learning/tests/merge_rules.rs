//! The formulas of the reference rules, against plain arithmetic.

use bitneuron_core::{Dataset, Layout, NodeId, Params, Seed, Share, Weight};
use bitneuron_learning::merge::{
    AgeWeighted, Concatenate, Contribution, FilteredMean, Merge, MergeError, OWN_GROUP, WeightedMean,
};
use ndarray::Array2;
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::Arc;

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

fn params(values: &[f32]) -> Params {
    let size = values.len() as u32;
    Params::new(values.to_vec(), Arc::new(Layout::of(&[("w", &[size])]).expect("small"))).expect("fits")
}

fn one(from: u8, weight: u64, age: u64, value: &Params) -> Contribution<'_> {
    Contribution { from: id(from), weight: Weight(weight), age, value }
}

#[test]
fn the_weighted_mean_by_hand() {
    let [a, b, c] = [[0.0, 4.0], [4.0, 0.0], [8.0, 8.0]].map(|values| params(&values));
    let merged = WeightedMean.merge(&one(2, 2, 3, &a), &[one(1, 1, 9, &b), one(3, 1, 5, &c)]).expect("fits");
    assert_eq!(merged.value.values(), [3.0, 4.0]);
    assert_eq!((merged.age, merged.own), (9, Share(1 << 15)));
    assert_eq!(merged.influence, [Share(1 << 14); 2]);
}

#[test]
fn nobody_with_weight_leaves_the_own_value() {
    let [a, b] = [[1.0], [5.0]].map(|values| params(&values));
    for rule in [&WeightedMean as &dyn Merge, &AgeWeighted, &FilteredMean::default()] {
        let merged = rule.merge(&one(1, 0, 1, &a), &[one(2, 0, 7, &b)]).expect("fits");
        assert_eq!((merged.value.values(), merged.own, merged.age), (&[1.0][..], Share::ONE, 1));
    }
}

#[test]
fn age_weighting_by_hand() {
    let [a, b] = [[0.0], [4.0]].map(|values| params(&values));
    let merged = AgeWeighted.merge(&one(1, 1, 1, &a), &[one(2, 1, 3, &b)]).expect("fits");
    assert_eq!((merged.value.values(), merged.age), (&[3.0][..], 3)); // a = 3 / (1 + 3)
    let merged = AgeWeighted.merge(&one(1, 1, 0, &a), &[one(2, 1, 0, &b)]).expect("fits");
    assert_eq!(merged.value.values(), [2.0]); // nobody has learned: by weight
    let merged =
        AgeWeighted.merge(&one(1, u64::MAX, u64::MAX, &a), &[one(2, u64::MAX, u64::MAX, &b)]).expect("fits");
    assert_eq!(merged.value.values(), [2.0]); // no overflow
    // Products beyond 64 bits keep their proportion.
    let merged =
        AgeWeighted.merge(&one(1, 1 << 62, 1 << 10, &a), &[one(2, 1 << 62, 3 << 10, &b)]).expect("fits");
    assert_eq!(merged.value.values(), [3.0]);
}

#[test]
fn the_default_rule_by_hand() {
    let own = params(&[0.0, 0.0]);
    // Distances 0.05, 0.1, 0.5, 9: the lower median is 0.1, so 0.5 and 9 are dropped.
    let peers = [[0.05, 0.0], [0.0, 0.1], [0.5, 0.0], [0.0, -9.0]].map(|values| params(&values));
    let peers: Vec<_> = (2..).zip(&peers).map(|(name, value)| one(name, 1, 1, value)).collect();
    let merged = FilteredMean::default().merge(&one(1, 4, 1, &own), &peers).expect("fits");
    for (found, expected) in merged.value.values().iter().zip([0.05 / 8.0, 0.1 / 8.0]) {
        assert!((found - expected).abs() < 1e-7);
    }
    let eighth = Share(1 << 13);
    assert_eq!(merged.influence, [eighth, eighth, Share::ZERO, Share::ZERO]);
    assert_eq!(merged.own.0, 6 << 13); // what was dropped stays with the own model
    // A single far peer is its own median: only the clamp bounds it.
    let far = params(&[7.0, -7.0]);
    let merged = FilteredMean::default().merge(&one(1, 1, 1, &own), &[one(2, 1, 1, &far)]).expect("fits");
    assert_eq!(merged.value.values(), [0.05, -0.05]);
}

#[test]
fn filters_without_sense_are_refused() {
    for (radius, clamp) in
        [(0.5, 0.1), (f64::NAN, 0.1), (2.0, 0.0), (2.0, -1.0), (2.0, f32::NAN), (2.0, f32::INFINITY)]
    {
        assert_eq!(FilteredMean::new(radius, clamp), None);
    }
}

#[test]
fn extreme_values_do_not_overflow() {
    let (a, b) = (params(&[f32::MAX, f32::MIN]), params(&[f32::MIN, f32::MAX]));
    for rule in [&WeightedMean as &dyn Merge, &AgeWeighted, &FilteredMean::default()] {
        let merged = rule.merge(&one(1, u64::MAX, 1, &a), &[one(2, u64::MAX, 1, &b)]).expect("fits");
        assert!(merged.value.is_finite());
    }
}

/// Long vectors go over threads; the result has the same bits on one thread and on many.
#[test]
fn threads_change_no_bit() {
    let size = 200_003;
    let make =
        |k: u32| params(&(0..size).map(|i| ((i * (k + 3)) % 1_009) as f32 / 317.0).collect::<Vec<_>>());
    let values: Vec<Params> = (0..12).map(make).collect();
    let peers: Vec<_> =
        (2..).zip(&values[1..]).map(|(name, value)| one(name, u64::from(name), 1, value)).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            [&WeightedMean as &dyn Merge, &FilteredMean::default()]
                .map(|rule| rule.merge(&one(1, 1, 1, &values[0]), &peers).expect("fits"))
        })
    };
    let alone = run(1);
    assert_eq!(alone, run(2));
    assert_eq!(alone, run(5));
}

fn rows(labels: &[u32]) -> Dataset {
    let features = Array2::from_shape_fn((labels.len(), 2), |(row, _)| row as f32 / labels.len() as f32);
    Dataset::new(features, labels.to_vec()).expect("fits")
}

fn rule(per_contributor: usize, rows: usize) -> Concatenate {
    Concatenate { per_contributor, rows, classes: 3, range: (0.0, 1.0), key: Seed::from_number(5) }
}

fn held(data: &Dataset, group: u32) -> usize {
    data.groups().iter().filter(|found| **found == group).count()
}

fn from(name: u8, value: &Dataset) -> Contribution<'_, Dataset> {
    Contribution { from: id(name), weight: Weight(1), age: 0, value }
}

#[test]
fn a_flood_is_capped_over_turns_and_names_share_no_room() {
    let rule = rule(5, 100);
    let (own, flood, few) = (rows(&[0; 10]), rows(&vec![1; 5_000]), rows(&[2; 3]));
    let mut data = own;
    for _ in 0..4 {
        data = rule.merge(&from(1, &data), &[from(2, &flood), from(3, &few)]).expect("fits").value;
        assert_eq!((held(&data, rule.group(id(2))), data.labels()[..10].iter().max()), (5, Some(&0)));
    }
    assert_eq!((held(&data, OWN_GROUP), held(&data, rule.group(id(3))), data.len()), (10, 5, 20));
}

#[test]
fn groups_on_foreign_rows_count_for_nothing() {
    let rule = rule(4, 100);
    let claims = Dataset::grouped(Array2::zeros((50, 2)), vec![1; 50], (0..50).collect()).expect("fits");
    let merged = rule.merge(&from(1, &rows(&[0])), &[from(2, &claims)]).expect("fits");
    assert_eq!((merged.value.len(), held(&merged.value, rule.group(id(2)))), (5, 4));
    let other = Concatenate { key: Seed::from_number(6), ..rule.clone() };
    assert_ne!(rule.group(id(2)), other.group(id(2)));
}

#[test]
fn rows_that_do_not_fit_are_refused_by_name() {
    let rule = rule(5, 100);
    let own = rows(&[0, 1]);
    let merge = |bad: &Dataset| rule.merge(&from(1, &own), &[from(2, &own), from(4, bad)]);
    let wide = Dataset::new(Array2::zeros((1, 3)), vec![0]).expect("fits");
    assert!(matches!(merge(&wide), Err(MergeError::Layout(name)) if name == id(4)));
    assert!(matches!(merge(&rows(&[3])), Err(MergeError::Layout(name)) if name == id(4)));
    for odd in [f32::NAN, f32::INFINITY, -0.1, 1.1] {
        let odd = Dataset::new(Array2::from_elem((1, 2), odd), vec![0]).expect("fits");
        assert!(matches!(merge(&odd), Err(MergeError::OutOfRange(name)) if name == id(4)));
    }
}

/// The same cases in every run.
fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(fixed(256))]
    #[test]
    fn room_is_shared_fairly(sizes in prop::collection::vec(0usize..30, 1..8), cap in 0usize..20, total in 0usize..60) {
        let rule = rule(cap, total);
        let own = rows(&[0; 7]);
        let sets: Vec<Dataset> = sizes.iter().map(|size| rows(&vec![1; *size])).collect();
        let peers: Vec<_> = (2..).zip(&sets).map(|(name, set)| from(name, set)).collect();
        let merged = rule.merge(&from(1, &own), &peers).expect("fits");
        let taken: Vec<usize> = (2..).zip(&sets).map(|(name, _)| held(&merged.value, rule.group(id(name)))).collect();
        prop_assert_eq!(held(&merged.value, OWN_GROUP), 7);
        prop_assert!(merged.value.len() <= total.max(7));
        let wanted: Vec<usize> = sizes.iter().map(|size| *size.min(&cap)).collect();
        let all_taken = taken == wanted;
        prop_assert!(all_taken || merged.value.len() == total.max(7));
        for (taken_by, wants) in taken.iter().zip(&wanted) {
            prop_assert!(taken_by <= wants);
            // Whoever got less than wanted got at most one row less than anybody.
            prop_assert!(taken_by == wants || taken.iter().all(|other| *other <= taken_by + 1));
        }
        prop_assert_eq!(merged.influence.iter().map(|share| share.0).sum::<u32>() + merged.own.0, Share::ONE.0);
    }
}
