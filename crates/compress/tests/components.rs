//! Planted components are found again, and an expansion is the definition.

use bitneuron_compress::{
    bound::relative,
    cp::{Als, Components, CpShape, decompose},
};
use bitneuron_core::Seed;
use rand::Rng;

/// Random factors with entries of −1 … 1, or of 0 … 1.
fn planted(seed: u64, modes: &[usize], rank: usize, nonnegative: bool) -> Components {
    let mut rng = Seed::from_number(seed).rng();
    let mut unit = || {
        let x = (rng.next_u32() as i32 >> 8) as f32 / (1 << 23) as f32;
        if nonnegative { x.abs() } else { x }
    };
    let factors = modes.iter().map(|mode| (0..mode * rank).map(|_| unit()).collect()).collect();
    Components { shape: CpShape::new(modes.to_vec(), rank).expect("fits"), factors }
}

/// The relative error of the best start on a planted tensor.
fn recovery(seed: u64, modes: &[usize], als: &Als) -> f64 {
    let values = planted(seed, modes, als.rank, als.nonnegative).expand().expect("finite");
    let found = decompose(&values, modes, als, Seed::from_number(seed + 1000)).expect("converges");
    if als.nonnegative {
        assert!(found.factors.iter().flatten().all(|x| *x >= 0.0), "seed {seed}");
    }
    relative(&values, &found.expand().expect("finite"))
}

#[test]
fn planted_components_are_found_again() {
    for (modes, rank) in [(&[12, 10, 9][..], 4), (&[8, 7, 6, 5], 5), (&[6, 6, 6], 7)] {
        let als = Als { iterations: 400, tolerance: 1e-9, restarts: 4, ..Als::new(rank) };
        let found = (0..40).filter(|seed| recovery(*seed, modes, &als) < 1e-3).count();
        assert!(found >= 38, "{found} of 40 for {modes:?}, rank {rank}");
    }
}

#[test]
fn components_without_negative_entries_are_found_again() {
    let als = Als { iterations: 600, tolerance: 1e-9, restarts: 4, nonnegative: true, ..Als::new(3) };
    let found = (0..20).filter(|seed| recovery(*seed, &[12, 10, 9], &als) < 1e-3).count();
    assert!(found >= 19, "{found} of 20");
}

#[test]
fn expansion_is_the_definition() {
    let components = planted(3, &[3, 4, 2], 3, false);
    let values = components.expand().expect("finite");
    for (at, value) in values.iter().enumerate() {
        let index = [at / 8, at / 2 % 4, at % 2];
        let term = |r: usize| {
            let entries =
                components.factors.iter().zip(index).map(|(factor, i)| f64::from(factor[i * 3 + r]));
            entries.product::<f64>()
        };
        assert!((f64::from(*value) - (0..3).map(term).sum::<f64>()).abs() < 1e-6);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let values = vec![1.0f32; 64];
    let seed = Seed::default();
    for (modes, rank) in [(&[64][..], 1), (&[8, 9], 1), (&[1, 64], 1), (&[8, 8], 0), (&[8, 8], 65_536)] {
        assert!(decompose(&values, modes, &Als::new(rank), seed).is_err(), "{modes:?} {rank}");
    }
    assert!(decompose(&[f32::NAN; 4], &[2, 2], &Als::new(1), seed).is_err());
    let zero = decompose(&[0.0; 64], &[4, 4, 4], &Als::new(2), seed).expect("nothing to find");
    assert_eq!(zero.expand().expect("finite"), [0.0; 64]);
    // Magnitudes near the ends of `f32`.
    for scale in [1e30f32, 1e-30] {
        let values: Vec<f32> = (0..64).map(|at| scale * (1 + at / 16) as f32 * (1 + at % 4) as f32).collect();
        let found = decompose(&values, &[4, 4, 4], &Als::new(2), seed).expect("finite");
        assert!(relative(&values, &found.expand().expect("finite")) < 1e-3, "{scale:e}");
    }
}
