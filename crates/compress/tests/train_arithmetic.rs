//! Trains are added, compared, rounded and merged as the tensors they stand for.

use bitneuron_compress::{
    Train, Truncation,
    bound::relative,
    tt::{TrainShape, decompose, merge},
};
use bitneuron_core::Seed;
use proptest::{prelude::*, test_runner::RngSeed};
use rand::Rng;

/// A train with random cores and ranks of at most `rank`.
fn planted(seed: u64, modes: &[usize], rank: usize) -> Train {
    let bonds = 1..modes.len();
    let sides = |bond: usize| {
        let product = |modes: &[usize]| modes.iter().product::<usize>();
        rank.min(product(&modes[..bond])).min(product(&modes[bond..]))
    };
    let shape = TrainShape::new(modes.to_vec(), bonds.map(sides).collect()).expect("chained");
    let mut rng = Seed::from_number(seed).rng();
    let mut unit = || (rng.next_u32() as i32 >> 8) as f32 / (1 << 23) as f32;
    let cores = (0..modes.len()).map(|core| (0..shape.core_len(core)).map(|_| unit()).collect()).collect();
    Train { shape, cores }
}

fn dense(train: &Train) -> Vec<f32> {
    train.expand().expect("finite")
}

/// Σ w·x, in `f64`, rounded.
fn combined(terms: &[(f64, Vec<f32>)]) -> Vec<f32> {
    let at = |index: usize| {
        terms.iter().map(|(weight, values)| weight * f64::from(values[index])).sum::<f64>() as f32
    };
    (0..terms[0].1.len()).map(at).collect()
}

/// Left-orthogonal cores but for the last, and the largest entry of every column positive.
fn assert_canonical(train: &Train) {
    for index in 0..train.cores.len() - 1 {
        let [left, mode, right] = train.shape.core_shape(index);
        let core = &train.cores[index];
        for a in 0..right {
            let column = |b: usize| (0..left * mode).map(move |row| f64::from(core[row * right + b]));
            for b in 0..=a {
                let dot: f64 = column(a).zip(column(b)).map(|(x, y)| x * y).sum();
                assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-5, "core {index}: {dot}");
            }
            let largest = column(a).fold(0.0, |most: f64, x| if x.abs() > most.abs() { x } else { most });
            assert!(largest > 0.0, "core {index}, column {a}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_products_are_those_of_the_tensors(seed in 0u64..1 << 32, modes in prop::collection::vec(2usize..6, 2..6),
                                                  ranks in (1usize..5, 1usize..5), factor in -3.0f64..3.0) {
        let (a, b) = (planted(seed, &modes, ranks.0), planted(seed + 1, &modes, ranks.1));
        let sum = a.add(&b).expect("finite");
        prop_assert!(relative(&combined(&[(1.0, dense(&a)), (1.0, dense(&b))]), &dense(&sum)) < 2e-6);
        assert_canonical(&sum);
        let scaled = a.scale(factor).expect("finite");
        prop_assert!(relative(&combined(&[(factor, dense(&a))]), &dense(&scaled)) < 1e-6);
        let dot: f64 = dense(&a).iter().zip(dense(&b)).map(|(x, y)| f64::from(*x) * f64::from(y)).sum();
        let scale = a.norm().expect("finite") * b.norm().expect("finite");
        prop_assert!((a.dot(&b).expect("same modes") - dot).abs() < 1e-6 * scale);
        let norm = dense(&a).iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        prop_assert!((a.norm().expect("finite") - norm).abs() < 1e-6 * norm);
    }

    #[test]
    fn rounding_keeps_its_promise(seed in 0u64..1 << 32, modes in prop::collection::vec(2usize..6, 2..6), exponent in -5.5f64..-0.2,
                                  max_rank in 1usize..5) {
        let train = planted(seed, &modes, 6);
        let tolerance = 10f64.powf(exponent);
        let rounded = train.round(Truncation::Tolerance(tolerance)).expect("finite");
        prop_assert!(relative(&dense(&train), &dense(&rounded)) <= tolerance);
        assert_canonical(&rounded);
        let short = train.round(Truncation::MaxRank(max_rank)).expect("finite");
        prop_assert!(short.shape.ranks().iter().all(|rank| *rank <= max_rank));
        // Rounding the factors is TT-SVD of what they stand for.
        let direct = decompose(&dense(&train), &modes, Truncation::MaxRank(max_rank)).expect("finite");
        let error = |other: &Train| relative(&dense(&train), &dense(other));
        prop_assert!((error(&short) - error(&direct)).abs() < 1e-5, "{} and {}", error(&short), error(&direct));
        assert_canonical(&short);
    }

    #[test]
    fn a_merge_is_the_weighted_mean(seed in 0u64..1 << 32, modes in prop::collection::vec(2usize..6, 2..5),
                                    weights in prop::collection::vec(0.0f64..5.0, 1..5), exponent in -5.5f64..-0.5) {
        prop_assume!(weights.iter().sum::<f64>() > 0.1);
        let trains: Vec<Train> = (0..weights.len()).map(|index| planted(seed + index as u64, &modes, 1 + index % 3)).collect();
        let terms: Vec<(f64, &Train)> = weights.iter().copied().zip(&trains).collect();
        let tolerance = 10f64.powf(exponent);
        let merged = merge(&terms, Truncation::Tolerance(tolerance)).expect("sound weights");
        let total: f64 = weights.iter().sum();
        let shares: Vec<(f64, Vec<f32>)> = terms.iter().map(|(weight, train)| (weight / total, dense(train))).collect();
        // The mean itself is rounded to `f32` here.
        prop_assert!(relative(&combined(&shares), &dense(&merged)) <= tolerance + 2e-7);
        assert_canonical(&merged);
    }
}

#[test]
fn one_tensor_has_one_canonical_train() {
    for seed in 0..20 {
        let train = planted(seed, &[4, 5, 3, 4], 3);
        // Another train of the same tensor: a matrix and its inverse between two cores.
        let mut other = train.clone();
        let [_, _, right] = train.shape.core_shape(1);
        other.cores[1].chunks_exact_mut(right).for_each(|row| {
            row[1] += 2.0 * row[0];
            row[0] *= -4.0;
        });
        // The columns (x, y) became (−4x, y + 2x), so the rows (u, v) become (−u/4 + v/2, v): −4x(−u/4 + v/2) + (y + 2x)v = xu + yv.
        let width = train.shape.core_len(2) / right;
        let (first, rest) = other.cores[2].split_at_mut(width);
        first.iter_mut().zip(rest).for_each(|(u, v)| *u = -*u / 4.0 + *v / 2.0);
        assert!(relative(&dense(&train), &dense(&other)) < 1e-6, "seed {seed}");
        let (one, two) = (train.orthogonalise().expect("finite"), other.orthogonalise().expect("finite"));
        assert_eq!(one.shape, two.shape);
        for (a, b) in one.cores.iter().zip(&two.cores) {
            assert!(relative(a, b) < 1e-4, "seed {seed}: {}", relative(a, b));
        }
        assert_canonical(&one);
    }
}

#[test]
fn the_mean_of_cores_is_another_tensor() {
    // Two trains of one tensor, the second with both cores turned: each is right, the mean of their cores is 0.
    let train = planted(7, &[6, 6], 2);
    let turned = Train {
        shape: train.shape.clone(),
        cores: train.cores.iter().map(|core| core.iter().map(|x| -x).collect()).collect(),
    };
    assert_eq!(dense(&train), dense(&turned));
    let averaged = Train {
        shape: train.shape.clone(),
        cores: train
            .cores
            .iter()
            .zip(&turned.cores)
            .map(|(a, b)| a.iter().zip(b).map(|(a, b)| f32::midpoint(*a, *b)).collect())
            .collect(),
    };
    assert!(dense(&averaged).iter().all(|x| *x == 0.0));
    let merged = merge(&[(1.0, &train), (1.0, &turned)], Truncation::Tolerance(1e-6)).expect("sound");
    assert!(relative(&dense(&train), &dense(&merged)) < 1e-6);
    assert_eq!(merged.shape.ranks(), train.shape.ranks());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (train, other) = (planted(1, &[4, 4], 2), planted(1, &[4, 5], 2));
    assert!(train.add(&other).is_err() && train.dot(&other).is_err());
    assert!(train.scale(f64::NAN).is_err() && train.scale(1e300).is_err());
    assert!(train.round(Truncation::Tolerance(0.0)).is_err() && train.round(Truncation::MaxRank(0)).is_err());
    let rank = Truncation::MaxRank(3);
    for weights in [[0.0, 0.0], [-1.0, 2.0], [f64::NAN, 1.0], [f64::INFINITY, 1.0]] {
        assert!(merge(&[(weights[0], &train), (weights[1], &train)], rank).is_err(), "{weights:?}");
    }
    assert!(merge(&[], rank).is_err() && merge(&[(1.0, &train), (1.0, &other)], rank).is_err());
    let zero = train.scale(0.0).expect("finite").orthogonalise().expect("finite");
    assert_eq!((zero.shape.ranks(), dense(&zero)), (&[1][..], vec![0.0; 16]));
}
