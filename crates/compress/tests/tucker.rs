//! Core and factors keep their tolerance, find planted ranks, and are improved by orthogonal iteration.

use bitneuron_compress::{
    Truncation,
    bound::relative,
    tucker::{Core, TuckerShape, decompose},
};
use bitneuron_core::Seed;
use proptest::{prelude::*, test_runner::RngSeed};
use rand::Rng;

fn random(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| (rng.next_u32() as i32 >> 8) as f32 / (1 << 23) as f32).collect()
}

fn planted(seed: u64, modes: &[usize], ranks: &[usize]) -> Core {
    let shape = TuckerShape::new(modes.to_vec(), ranks.to_vec()).expect("fits");
    let sizes = shape.factor_dims().into_iter().map(|dims| dims.iter().product());
    let factors = sizes.enumerate().map(|(index, size)| random(seed * 100 + index as u64, size)).collect();
    Core { shape, factors }
}

fn noisy(seed: u64, modes: &[usize], ranks: &[usize], noise: f32) -> Vec<f32> {
    let values = planted(seed, modes, ranks).expand().expect("finite");
    let norm = values.iter().map(|x| x * x).sum::<f32>() / values.len() as f32;
    let grain = random(seed + 77, values.len());
    values.iter().zip(grain).map(|(value, grain)| value + norm.sqrt() * 1.7 * noise * grain).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_error_is_within_the_tolerance(seed in 0u64..1 << 32, modes in prop::collection::vec(2usize..8, 2..5), exponent in -6.0f64..-0.1,
                                         noise in prop::sample::select(vec![0.0f32, 1e-6, 1e-3, 0.1, 3.0]), sweeps in 0usize..3) {
        let values = noisy(seed, &modes, &vec![2; modes.len()], noise);
        let tolerance = 10f64.powf(exponent);
        let core = decompose(&values, &modes, Truncation::Tolerance(tolerance), sweeps).expect("converges");
        let error = relative(&values, &core.expand().expect("finite"));
        prop_assert!(error <= tolerance, "{error:e} of {tolerance:e}");
    }

    #[test]
    fn iteration_never_makes_it_worse(seed in 0u64..1 << 32, modes in prop::collection::vec(3usize..8, 3..5), max_rank in 1usize..4) {
        let values = noisy(seed, &modes, &vec![2; modes.len()], 1.0);
        let error = |sweeps| {
            let core = decompose(&values, &modes, Truncation::MaxRank(max_rank), sweeps).expect("converges");
            assert!(core.shape.ranks().iter().all(|rank| *rank <= max_rank));
            relative(&values, &core.expand().expect("finite"))
        };
        let errors = [0, 1, 2, 8].map(error);
        prop_assert!(errors.windows(2).all(|pair| pair[1] <= pair[0] + 1e-7), "{errors:?}");
    }
}

#[test]
fn iteration_does_improve() {
    let gains = (0..20).filter(|seed| {
        let values = random(*seed, 6 * 6 * 6);
        let error = |sweeps| {
            let core = decompose(&values, &[6, 6, 6], Truncation::MaxRank(2), sweeps).expect("converges");
            relative(&values, &core.expand().expect("finite"))
        };
        error(20) < error(0) - 1e-3
    });
    assert!(gains.count() >= 18);
}

#[test]
fn planted_ranks_come_back() {
    for seed in 0..20 {
        let (modes, ranks) = ([8, 7, 6, 5], [3, 4, 6, 2]);
        let values = planted(seed, &modes, &ranks).expand().expect("finite");
        for truncation in [Truncation::Tolerance(1e-5), Truncation::MaxRank(20), Truncation::MaxRank(6)] {
            let core = decompose(&values, &modes, truncation, 1).expect("converges");
            assert_eq!(core.shape.ranks(), ranks, "seed {seed}, {truncation:?}");
            assert!(relative(&values, &core.expand().expect("finite")) < 1e-6);
        }
    }
}

#[test]
fn expansion_is_the_definition() {
    let core = planted(3, &[4, 3, 5], &[2, 3, 2]);
    let values = core.expand().expect("finite");
    let [inner, first, last] = core.factors.as_slice() else { panic!("the middle mode has no factor") };
    for (at, value) in values.iter().enumerate() {
        let [i, j, k] = [at / 15, at / 5 % 3, at % 5];
        let mut sum = 0.0;
        for (a, b) in (0..2).flat_map(|a| (0..2).map(move |b| (a, b))) {
            let entry = f64::from(inner[(a * 3 + j) * 2 + b]);
            sum += entry * f64::from(first[i * 2 + a]) * f64::from(last[k * 2 + b]);
        }
        assert!((f64::from(*value) - sum).abs() < 1e-6);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let values = random(1, 64);
    for modes in [vec![64], vec![8, 9], vec![1, 64], vec![]] {
        assert!(decompose(&values, &modes, Truncation::MaxRank(2), 0).is_err(), "{modes:?}");
    }
    assert!(decompose(&values, &[8, 8], Truncation::Tolerance(0.0), 0).is_err());
    assert!(decompose(&[f32::NAN; 4], &[2, 2], Truncation::MaxRank(1), 0).is_err());
    // Ranks that could not be: 8 of a matrix with two columns.
    let core = decompose(&values, &[32, 2], Truncation::MaxRank(8), 1).expect("converges");
    assert_eq!(core.shape.ranks(), [2, 2]);
    assert!(relative(&values, &core.expand().expect("finite")) < 1e-6);
}
