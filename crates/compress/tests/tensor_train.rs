//! TT-SVD keeps its tolerance, finds planted ranks, and is multiplied out right.

use bitneuron_compress::{
    Chain, Compressor, ErrorBound, Limits, TensorTrain, Truncation, Uniform,
    bound::relative,
    linalg,
    tt::{Train, TrainShape, contract, decompose},
};
use bitneuron_core::{Layout, Params, Seed};
use proptest::{prelude::*, test_runner::RngSeed};
use rand::Rng;
use std::sync::Arc;

/// Uniform numbers of −1 … 1, exact in `f32`.
fn random(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| (rng.next_u32() as i32 >> 8) as f32 / (1 << 23) as f32).collect()
}

/// A train with these ranks and random cores.
fn planted(seed: u64, modes: &[usize], ranks: &[usize]) -> Train {
    let shape = TrainShape::new(modes.to_vec(), ranks.to_vec()).expect("chained");
    let cores = (0..modes.len()).map(|core| random(seed * 100 + core as u64, shape.core_len(core))).collect();
    Train { shape, cores }
}

/// Element by element, as the definition says.
fn by_definition(train: &Train) -> Vec<f64> {
    let modes = train.shape.modes();
    let element = |mut at: usize| {
        let mut row = vec![1.0];
        let mut behind: usize = modes.iter().product();
        for (core, mode) in modes.iter().enumerate() {
            behind /= mode;
            let index = at / behind;
            at %= behind;
            let [left, _, right] = train.shape.core_shape(core);
            let entry = |a: usize, b: usize| f64::from(train.cores[core][(a * mode + index) * right + b]);
            row = (0..right).map(|b| (0..left).map(|a| row[a] * entry(a, b)).sum()).collect();
        }
        row[0]
    };
    (0..modes.iter().product()).map(element).collect()
}

fn noisy(seed: u64, modes: &[usize], ranks: &[usize], noise: f32) -> Vec<f32> {
    let values = planted(seed, modes, ranks).expand().expect("finite");
    let scale = (linalg::norm_squared(&values) / values.len() as f64).sqrt() as f32 * 1.7 * noise;
    let grain = random(seed + 77, values.len());
    values.iter().zip(grain).map(|(value, grain)| value + scale * grain).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_error_is_within_the_tolerance(seed: u64, modes in prop::collection::vec(2usize..8, 2..6),
                                         exponent in -6.0f64..-0.1, noise in prop::sample::select(vec![0.0f32, 1e-6, 1e-3, 0.1, 3.0])) {
        let seed = seed >> 32;
        let values = noisy(seed, &modes, &vec![2; modes.len() - 1], noise);
        let tolerance = 10f64.powf(exponent);
        let train = decompose(&values, &modes, Truncation::Tolerance(tolerance)).expect("converges");
        let error = relative(&values, &train.expand().expect("finite"));
        prop_assert!(error <= tolerance, "{error:e} of {tolerance:e}");
    }

    #[test]
    fn the_largest_rank_is_kept_and_the_error_near_the_best(seed: u64, modes in prop::collection::vec(2usize..7, 2..6),
                                                            max_rank in 1usize..9) {
        let values = noisy(seed >> 32, &modes, &vec![2; modes.len() - 1], 0.3);
        let train = decompose(&values, &modes, Truncation::MaxRank(max_rank)).expect("converges");
        prop_assert!(train.shape.ranks().iter().all(|rank| *rank <= max_rank));
        let error = relative(&values, &train.expand().expect("finite"));
        // Oseledets 2011, theorem 2.2: the squared error is at most the sum over bonds of the best squared errors.
        let tails = (1..modes.len()).map(|bond| {
            let rows: usize = modes[..bond].iter().product();
            let s = linalg::svd(&values, rows, values.len() / rows).expect("converges").s;
            s.iter().skip(max_rank).map(|s| s * s).sum::<f64>()
        });
        let bound = (tails.sum::<f64>() / linalg::norm_squared(&values)).sqrt();
        // Up to the rounding of the cores to `f32`.
        prop_assert!(error <= bound + 5e-7, "{error:e} of {bound:e}");
    }

    #[test]
    fn contraction_is_the_definition(seed: u64, modes in prop::collection::vec(2usize..5, 2..5), rank in 1usize..3) {
        let train = planted(seed >> 32, &modes, &vec![rank; modes.len() - 1]);
        let expected = by_definition(&train);
        let values = train.expand().expect("finite");
        prop_assert!(values.iter().zip(&expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6));
        let integers: Vec<Vec<i32>> =
            train.cores.iter().map(|core| core.iter().map(|x| (x * (1 << 20) as f32).round() as i32).collect()).collect();
        let cores: Vec<&[i32]> = integers.iter().map(Vec::as_slice).collect();
        let fixed = contract::expand_fixed(&train.shape, &cores, 20).expect("small");
        prop_assert!(fixed.iter().zip(&expected).all(|(a, b)| (*a as f64 / f64::from(1 << 20) - b).abs() < 1e-4));
    }
}

#[test]
fn planted_ranks_come_back() {
    for seed in 0..20 {
        let (modes, ranks) = ([8, 4, 8, 4, 6], [3, 5, 4, 2]);
        let values = planted(seed, &modes, &ranks).expand().expect("finite");
        for truncation in [Truncation::Tolerance(1e-5), Truncation::MaxRank(20), Truncation::MaxRank(5)] {
            let train = decompose(&values, &modes, truncation).expect("converges");
            assert_eq!(train.shape.ranks(), ranks, "seed {seed}, {truncation:?}");
            assert!(relative(&values, &train.expand().expect("finite")) < 1e-6);
        }
        let grainy = noisy(seed, &modes, &ranks, 1e-3);
        let train = decompose(&grainy, &modes, Truncation::Tolerance(3e-3)).expect("converges");
        assert_eq!(train.shape.ranks(), ranks, "seed {seed} under noise");
    }
}

/// TT-SVD as the textbook has it: one decomposition in `f64` for each mode, from left to right.
fn textbook(values: &[f32], modes: &[usize], max_rank: usize) -> f64 {
    let mut carry: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
    let (mut rank, mut left_out) = (1, 0.0);
    for mode in &modes[..modes.len() - 1] {
        let rows = rank * mode;
        let columns = carry.len() / rows;
        let found = linalg::svd(&carry, rows, columns).expect("converges");
        rank = max_rank.min(found.s.len());
        left_out += found.s.iter().skip(rank).map(|s| s * s).sum::<f64>();
        let rows = found.vt.chunks_exact(columns).zip(&found.s).take(rank);
        carry = rows.flat_map(|(row, s)| row.iter().map(move |x| x * s)).collect();
    }
    (left_out / linalg::norm_squared(values)).sqrt()
}

#[test]
fn thick_bounds_few_vectors_and_single_precision_cost_nothing() {
    for (modes, ranks, max_rank) in [
        (&[8, 8, 4, 8, 8][..], &[8, 20, 20, 8][..], 12),
        (&[4, 4, 4, 4, 4, 4, 4], &[4, 16, 20, 20, 16, 4], 6),
    ] {
        for noise in [0.003, 0.01, 0.3] {
            let values = noisy(11, modes, ranks, noise);
            let train = decompose(&values, modes, Truncation::MaxRank(max_rank)).expect("converges");
            let (error, direct) =
                (relative(&values, &train.expand().expect("finite")), textbook(&values, modes, max_rank));
            assert!((error - direct).abs() < 1e-5 * direct, "{error} and {direct} at {noise}");
        }
    }
}

#[test]
fn cores_are_left_orthogonal() {
    let values = noisy(3, &[6, 5, 4, 3], &[3, 3, 3], 0.2);
    for truncation in [Truncation::Tolerance(0.1), Truncation::MaxRank(4)] {
        let train = decompose(&values, &[6, 5, 4, 3], truncation).expect("converges");
        for (index, core) in train.cores.iter().enumerate().take(3) {
            let [left, mode, right] = train.shape.core_shape(index);
            for (a, b) in (0..right).flat_map(|a| (0..right).map(move |b| (a, b))) {
                let dot: f64 = (0..left * mode)
                    .map(|row| f64::from(core[row * right + a] * core[row * right + b]))
                    .sum();
                assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-6, "core {index}, columns {a} {b}");
            }
        }
    }
}

fn low_rank(rows: u32, columns: u32) -> Params {
    let layout = Arc::new(Layout::of(&[("w", &[rows, columns]), ("b", &[columns])]).expect("small"));
    let (rows, columns) = (rows as usize, columns as usize);
    let (u, v) = (random(1, rows * 3), random(2, columns * 3));
    let entry = |at: usize| (0..3).map(|k| u[at / columns * 3 + k] * v[at % columns * 3 + k]).sum::<f32>();
    let values = (0..rows * columns).map(entry).chain(random(3, columns)).collect();
    Params::new(values, layout).expect("fits")
}

#[test]
fn a_matrix_of_low_rank_shrinks() {
    let params = low_rank(256, 128);
    let dense = 4 * params.values().len();
    let codec = TensorTrain::tolerance(1e-4).expect("in range");
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let back = codec.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
    assert!(codec.error().admits(&params, &back));
    assert!(packet.len() * 15 < dense, "{} of {dense} bytes", packet.len());

    let chain = Chain::new(codec, Uniform::new(8).expect("in range")).expect("one transform");
    let smaller = chain.compress(&params, Seed::default()).expect("finite");
    let back = chain.decompress(&smaller, params.layout(), Limits::default()).expect("own packet");
    assert!(ErrorBound::Norm(0.02).admits(&params, &back));
    assert!(smaller.len() * 3 < packet.len(), "{} of {} bytes", smaller.len(), packet.len());
}

#[test]
fn what_does_not_shrink_stays_as_it_is() {
    let layout = Arc::new(Layout::of(&[("w", &[64, 64])]).expect("small"));
    let params = Params::new(random(9, 4096), layout.clone()).expect("fits");
    let codec = TensorTrain::tolerance(1e-3).expect("in range");
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let back = codec.decompress(&packet, &layout, Limits::default()).expect("own packet");
    assert!(ErrorBound::Lossless.admits(&params, &back), "a random matrix has full rank");
}

#[test]
fn settings_out_of_range_are_refused() {
    assert!(
        [0.0, 9e-7, 1.1, f64::NAN, -0.1].iter().all(|tolerance| TensorTrain::tolerance(*tolerance).is_err())
    );
    assert!([0, 65_536].iter().all(|rank| TensorTrain::max_rank(*rank).is_err()));
    let values = random(1, 64);
    for modes in [vec![64], vec![8, 9], vec![1, 64], vec![]] {
        assert!(decompose(&values, &modes, Truncation::MaxRank(2)).is_err(), "{modes:?}");
    }
    assert!(decompose(&[f32::NAN; 4], &[2, 2], Truncation::MaxRank(1)).is_err());
}
