//! Ranks that are too large shrink to the planted ones, and cutting changes nothing but what was cut.

use bitneuron_compress::{
    factor::{CpLinear, Factored, Linear, TrainLinear},
    rank::{Annealing, Bond, Prior, RankControl, Shrinkage, parameters, prune},
};
use bitneuron_core::Seed;
use rand::Rng;
use std::sync::Arc;

/// About normal: the sum of twelve uniform numbers.
fn normal(seed: Seed, count: usize) -> Vec<f32> {
    let mut rng = seed.rng();
    let mut draw = || (0..12).map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX)).sum::<f64>() - 6.0;
    (0..count).map(|_| draw() as f32).collect()
}

/// Adam with its usual constants.
struct Adam {
    rate: f32,
    step: i32,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Adam {
    fn new(rate: f32, count: usize) -> Self {
        Self { rate, step: 0, mean: vec![0.0; count], square: vec![0.0; count] }
    }

    fn apply(&mut self, values: &mut [f32], gradient: &[f32]) {
        self.step += 1;
        let (first, second) = (1.0 - 0.9f32.powi(self.step), 1.0 - 0.999f32.powi(self.step));
        for (at, (value, slope)) in values.iter_mut().zip(gradient).enumerate() {
            self.mean[at] += 0.1 * (slope - self.mean[at]);
            self.square[at] += 0.001 * (slope * slope - self.square[at]);
            *value -= self.rate * (self.mean[at] / first) / ((self.square[at] / second).sqrt() + 1e-8);
        }
    }
}

/// Learns the matrix of `truth` (its entries of about unit variance), seen with noise, in `layer`, whose ranks are too large; the ranks that are left.
fn shrunk(mut layer: Arc<dyn Linear>, truth: &dyn Linear, prior: Prior, seed: Seed) -> Vec<usize> {
    let (inputs, outputs) = (layer.inputs(), layer.outputs());
    let units: Vec<f32> =
        (0..inputs * inputs).map(|at| f32::from(u8::from(at / inputs == at % inputs))).collect();
    let mut target = vec![0.0; inputs * outputs];
    truth.forward(&truth.init(1.0, seed.derive("truth")), &units, &mut target).expect("fits");
    let noise = normal(seed.derive("noise"), target.len());
    target.iter_mut().zip(noise).for_each(|(value, noise)| *value += 0.05 * noise);

    let settings = Shrinkage {
        prior,
        weight: 5e-4,
        annealing: Annealing { start: 1.0, over: 3.0 },
        ..Shrinkage::default()
    };
    let mut factors = layer.init(1.0, seed.derive("start"));
    let mut bonds = layer.bonds();
    let mut control = RankControl::new(settings, &bonds, &factors);
    let mut adam = Adam::new(0.02, factors.len());
    let mut y = vec![0.0; target.len()];
    for step in 0..1200 {
        layer.forward(&factors, &units, &mut y).expect("fits");
        let scale = 1.0 / target.len() as f32;
        let errors: Vec<f32> = y.iter().zip(&target).map(|(y, t)| scale * (y - t)).collect();
        let mut gradient = vec![0.0; factors.len()];
        layer.backward(&factors, &units, &errors, Some(&mut gradient), None).expect("fits");
        control.add_gradient(control.weight(f64::from(step) / 100.0), &bonds, &factors, &mut gradient);
        adam.apply(&mut factors, &gradient);
        control.observe(&bonds, &factors);
        if step % 100 == 99 {
            let keep = control.keep(&bonds);
            factors = prune(&bonds, &keep, &factors);
            adam.mean = prune(&bonds, &keep, &adam.mean);
            adam.square = prune(&bonds, &keep, &adam.square);
            control.retain(&keep);
            let ranks: Vec<usize> =
                keep.iter().map(|keep| keep.iter().filter(|keep| **keep).count()).collect();
            layer = layer.with_ranks(&ranks).expect("positive");
            bonds = layer.bonds();
        }
    }
    bonds.iter().map(|bond| bond.rank).collect()
}

#[test]
fn planted_ranks_are_found() {
    let train = |ranks: &[usize]| TrainLinear::interleaved(&[4, 3, 4], &[3, 4, 3], ranks).expect("small");
    let cp = |rank| CpLinear::new(&[8, 6], &[6, 6], rank).expect("small");
    let trials = 10;
    for prior in [Prior::LogUniform, Prior::HalfCauchy(0.3)] {
        let near = |found: &[usize], planted: &[usize]| {
            found.iter().zip(planted).all(|(found, planted)| found.abs_diff(*planted) <= 1)
        };
        let mut right = [0, 0];
        for trial in 0..trials {
            let seed = Seed::from_number(trial);
            let found = shrunk(Arc::new(train(&[7, 7])), &train(&[2, 3]), prior, seed);
            right[0] += u32::from(near(&found, &[2, 3]));
            let other = shrunk(Arc::new(cp(9)), &cp(3), prior, seed);
            right[1] += u32::from(near(&other, &[3]));
        }
        assert!(right.iter().all(|right| *right >= 9), "{prior:?}: {right:?} of {trials}");
    }
}

#[test]
fn cutting_unused_indices_changes_nothing() {
    let layers: [Arc<dyn Linear>; 2] = [
        Arc::new(TrainLinear::interleaved(&[3, 2, 4], &[2, 3, 2], &[4, 5]).expect("small")),
        Arc::new(CpLinear::new(&[3, 4], &[2, 5], 6).expect("small")),
    ];
    for layer in layers {
        let bonds = layer.bonds();
        // Every second index of every bond is of no use.
        let keep: Vec<Vec<bool>> =
            bonds.iter().map(|bond| (0..bond.rank).map(|at| at % 2 == 0).collect()).collect();
        let mut factors = normal(Seed::from_number(4), layer.parameters());
        for (bond, keep) in bonds.iter().zip(&keep) {
            for slices in &bond.slices {
                for (run, entries) in factors[slices.at.clone()].chunks_mut(slices.inner).enumerate() {
                    entries.iter_mut().filter(|_| !keep[run % bond.rank]).for_each(|value| *value = 0.0);
                }
            }
        }
        let ranks: Vec<usize> = bonds.iter().map(|bond| bond.rank.div_ceil(2)).collect();
        let less = layer.with_ranks(&ranks).expect("positive");
        let cut = prune(&bonds, &keep, &factors);
        assert_eq!((cut.len(), parameters(&bonds, &ranks)), (less.parameters(), less.parameters()));
        let x = normal(Seed::from_number(5), 3 * layer.inputs());
        let (mut before, mut after) = (vec![0.0; 3 * layer.outputs()], vec![0.0; 3 * layer.outputs()]);
        layer.forward(&factors, &x, &mut before).expect("fits");
        less.forward(&cut, &x, &mut after).expect("fits");
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-4), "{layer:?}");
        assert!(before.iter().any(|value| value.abs() > 0.1));
    }
}

#[test]
fn the_penalty_has_this_slope_and_every_entry_a_prior() {
    for layer in [
        Arc::new(TrainLinear::interleaved(&[3, 2, 2], &[2, 2, 2], &[3, 2]).expect("small"))
            as Arc<dyn Linear<f64>>,
        Arc::new(CpLinear::new(&[3, 2], &[4], 3).expect("small")),
    ] {
        let bonds: Vec<Bond> = layer.bonds().iter().map(|bond| bond.shifted(5)).collect();
        // Five values in front that belong to something else.
        let values: Vec<f64> =
            normal(Seed::from_number(1), layer.parameters() + 5).iter().map(|x| f64::from(*x)).collect();
        let other: Vec<f64> = values.iter().map(|x| x * 0.7 + 0.1).collect();
        let control = RankControl::new(Shrinkage::default(), &bonds, &other);
        let mut gradient = vec![0.0; values.len()];
        control.add_gradient(0.5, &bonds, &values, &mut gradient);
        assert!(
            gradient[..5].iter().all(|slope| *slope == 0.0)
                && gradient[5..].iter().all(|slope| *slope != 0.0)
        );
        for at in 0..values.len() {
            let moved = |by: f64| {
                let mut values = values.clone();
                values[at] += by;
                0.5 * control.penalty(&bonds, &values)
            };
            let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            assert!(
                (slope - gradient[at]).abs() < 1e-6 * (1.0 + slope.abs()),
                "{at}: {} {slope}",
                gradient[at]
            );
        }
    }
}

#[test]
fn ranks_keep_one_index_and_stop_at_the_target() {
    let layer = TrainLinear::interleaved(&[4, 4], &[4, 4], &[8]).expect("small");
    let bonds = Factored::bonds(&layer);
    // Index k has entries of size 10^(−k/2): all but the first few are below the threshold.
    let factors: Vec<f32> = (0..256)
        .map(|at| 10f32.powf(-((if at < 128 { at % 8 } else { (at - 128) / 16 }) as f32) / 2.0))
        .collect();
    let kept = |threshold, target| {
        let mut control =
            RankControl::new(Shrinkage { threshold, target, ..Shrinkage::default() }, &bonds, &factors);
        let keep = control.keep(&bonds);
        let rank = keep[0].iter().filter(|keep| **keep).count();
        assert!(keep[0].iter().take(rank).all(|keep| *keep), "the greatest are kept");
        control.retain(&keep);
        assert_eq!(control.variances()[0].len(), rank);
        (rank, control.is_frozen())
    };
    assert_eq!(kept(3e-3, None), (3, false));
    assert_eq!(kept(1e3, None), (1, false), "one index is left");
    assert_eq!(kept(1e3, Some(5 * 32)), (5, true), "no more than it takes");
    assert_eq!(kept(3e-3, Some(2 * 32)), (3, false), "the target is not reached yet");
    assert_eq!(kept(0.0, Some(8 * 32)), (8, true));
    let mut frozen =
        RankControl::new(Shrinkage { target: Some(256), ..Shrinkage::default() }, &bonds, &factors);
    assert!(frozen.weight(100.0) > 0.0);
    frozen.keep(&bonds);
    assert!(frozen.weight(100.0) == 0.0, "the prior has ended");
    // Damped variances move by a part of the way.
    let mut damped = RankControl::new(Shrinkage { damping: 0.25, ..Shrinkage::default() }, &bonds, &factors);
    let (before, twice): (f64, Vec<f32>) =
        (damped.variances()[0][0], factors.iter().map(|x| 2.0 * x).collect());
    damped.observe(&bonds, &twice);
    assert!((damped.variances()[0][0] / before - 1.75).abs() < 1e-3);
}
