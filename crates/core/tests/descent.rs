//! Steps and metrics against naive references: the formulas written again, layer by layer, in plain loops.
#![allow(
    clippy::unwrap_used,
    clippy::needless_range_loop,
    reason = "a test fails by panicking; formulas have indices"
)]

use bitneuron_core::exact::fixed::{divide, exponentials, logarithms, rescale};
use bitneuron_core::exact::programs::metric::{Measure, accuracy, improvement, measure};
use bitneuron_core::exact::programs::step::{Loss, Training, sgd};
use bitneuron_core::exact::programs::{Mlp, merge, norm};
use bitneuron_core::exact::{ExecuteError, Tensor, execute};
use bitneuron_core::{Seed, Share};
use proptest::prelude::*;
use rand_chacha::rand_core::Rng;

fn numbers(seed: u64, count: usize, lo: i64, hi: i64) -> Vec<i64> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| lo + (rng.next_u64() % (hi - lo + 1) as u64) as i64).collect()
}

/// The outputs of a linear layer and the position of its parameters.
struct Pass {
    /// The input of each layer, then the logits; rows of columns.
    values: Vec<Vec<Vec<i64>>>,
    /// Where hidden values neither vanish nor are cut.
    open: Vec<Vec<Vec<bool>>>,
}

/// Start of weights, start of biases, inputs and outputs of each layer.
fn places(sizes: &[u32]) -> Vec<(usize, usize, usize, usize)> {
    let mut start = 0;
    sizes
        .windows(2)
        .map(|pair| {
            let (from, to) = (pair[0] as usize, pair[1] as usize);
            let place = (start, start + from * to, from, to);
            start += from * to + to;
            place
        })
        .collect()
}

fn forward(sizes: &[u32], theta: &[i64], x: &[Vec<i64>]) -> Pass {
    let mut pass = Pass { values: vec![x.to_vec()], open: Vec::new() };
    let places = places(sizes);
    for (at, (w, bias, from, to)) in places.iter().copied().enumerate() {
        let last = at + 1 == places.len();
        let limit = if last { 1 << 12 } else { 1 << 10 };
        let z: Vec<Vec<i64>> = pass.values[at]
            .iter()
            .map(|row| {
                let out = |o: usize| {
                    let sum: i64 = (0..from).map(|i| row[i] * theta[w + i * to + o]).sum();
                    rescale(sum + 256 * theta[bias + o], 12).clamp(-limit, limit)
                };
                (0..to).map(out).collect()
            })
            .collect();
        if last {
            pass.values.push(z);
        } else {
            pass.open.push(z.iter().map(|row| row.iter().map(|z| *z > 0 && *z < limit).collect()).collect());
            pass.values.push(z.iter().map(|row| row.iter().map(|z| (*z).max(0)).collect()).collect());
        }
    }
    pass
}

fn softmax(row: &[i64]) -> (Vec<i64>, i64) {
    let greatest = row.iter().max().unwrap();
    let e: Vec<i64> =
        row.iter().map(|z| exponentials()[((z - greatest).max(-4096) + 4096) as usize]).collect();
    let sum = e.iter().sum();
    (e, sum)
}

/// The error of one row at the outputs; `target` is a class or the row's targets.
fn error(loss: Loss, z: &[i64], target: &[i64]) -> Vec<i64> {
    let hot = |o: usize| i64::from(o as i64 == target[0]);
    match loss {
        Loss::CrossEntropy => {
            let (e, sum) = softmax(z);
            let p: Vec<i64> = e.iter().map(|e| divide(e * 256, sum).unwrap()).collect();
            let total: i64 = p.iter().sum();
            p.iter().enumerate().map(|(o, p)| p - hot(o) * total).collect()
        }
        Loss::OneHot => z.iter().enumerate().map(|(o, z)| (z - 256 * hot(o)).clamp(-1024, 1024)).collect(),
        Loss::Squared => z.iter().zip(target).map(|(z, t)| (z - t).clamp(-1024, 1024)).collect(),
    }
}

/// One batch by hand; `None` for a velocity at rest.
fn step(
    sizes: &[u32],
    training: Training,
    theta: &[i64],
    velocity: Option<&[i64]>,
    x: &[Vec<i64>],
    targets: &[Vec<i64>],
) -> (Vec<i64>, Vec<i64>) {
    let pass = forward(sizes, theta, x);
    let shift = 4 + training.batch.ilog2() + training.rate_shift;
    let logits = pass.values.last().unwrap();
    let mut delta: Vec<Vec<i64>> =
        logits.iter().zip(targets).map(|(z, target)| error(training.loss, z, target)).collect();
    let mut change = vec![0; theta.len()];
    // How large an error can be, whatever the rows are: limited where that is more than 2¹⁵.
    let mut reach = match training.loss {
        Loss::CrossEntropy => 256 + i64::from(sizes[sizes.len() - 1]) / 2,
        Loss::OneHot | Loss::Squared => 1024,
    };
    for (at, (w, bias, from, to)) in places(sizes).into_iter().enumerate().rev() {
        let input = &pass.values[at];
        for o in 0..to {
            for i in 0..from {
                change[w + i * to + o] =
                    rescale(input.iter().zip(&delta).map(|(x, d)| x[i] * d[o]).sum(), shift);
            }
            change[bias + o] = rescale(256 * delta.iter().map(|d| d[o]).sum::<i64>(), shift);
        }
        if at > 0 {
            let open = &pass.open[at - 1];
            reach = rescale(to as i64 * reach * 16_384, 12);
            let limit = if reach > 1 << 15 { 1 << 12 } else { reach };
            reach = limit;
            let back = |(d, open): (&Vec<i64>, &Vec<bool>)| {
                let sum = |i: usize| (0..to).map(|o| d[o] * theta[w + i * to + o]).sum::<i64>();
                (0..from)
                    .map(|i| if open[i] { rescale(sum(i), 12).clamp(-limit, limit) } else { 0 })
                    .collect()
            };
            delta = delta.iter().zip(open).map(back).collect();
        }
    }
    let kept = |at: usize| velocity.map_or(0, |v| rescale(v[at] * i64::from(training.momentum), 8));
    let v: Vec<i64> = change
        .iter()
        .enumerate()
        .map(|(at, g)| if training.momentum == 0 { *g } else { (kept(at) + g).clamp(-16_384, 16_384) })
        .collect();
    let moved = |(theta, v): (&i64, &i64)| {
        let decay = rescale(theta * i64::from(training.decay), 16);
        (theta - v - if training.decay == 0 { 0 } else { decay }).clamp(-16_384, 16_384)
    };
    (theta.iter().zip(&v).map(moved).collect(), v)
}

fn rows(flat: &[i64], columns: usize) -> Vec<Vec<i64>> {
    flat.chunks(columns).map(<[i64]>::to_vec).collect()
}

/// Targets of a loss: classes, or vectors.
fn targets(loss: Loss, seed: u64, count: usize, outputs: usize) -> (Tensor, Vec<Vec<i64>>) {
    if loss == Loss::Squared {
        let flat = numbers(seed, count * outputs, -600, 600);
        (Tensor::new(&[count as u32, outputs as u32], flat.clone()).unwrap(), rows(&flat, outputs))
    } else {
        let flat = numbers(seed, count, 0, outputs as i64 - 1);
        (Tensor::vector(flat.clone()), rows(&flat, 1))
    }
}

const SHAPES: [&[u32]; 5] = [&[3, 2], &[1, 1], &[4, 3, 2], &[3, 4, 5, 3], &[2, 3, 3, 3, 20]];
const LOSSES: [Loss; 3] = [Loss::CrossEntropy, Loss::OneHot, Loss::Squared];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn steps_of_every_kind_equal_the_formulas(
        shape in 0..SHAPES.len(), loss in 0..3usize, momentum in prop::sample::select(vec![0u8, 230, 255]),
        decay in prop::sample::select(vec![0u16, 40, 5000]), rate_shift in 0u32..4, seed in any::<u32>(),
        spread in prop::sample::select(vec![300i64, 4096, 16_384]),
    ) {
        let (sizes, seed) = (SHAPES[shape], u64::from(seed));
        let training = Training { steps: 3, batch: 4, rate_shift, loss: LOSSES[loss], momentum, decay };
        let mlp = Mlp::new(sizes).unwrap();
        let (features, outputs) = (sizes[0] as usize, mlp.classes() as usize);
        let mut theta = numbers(seed, mlp.parameters() as usize, -spread, spread);
        let x = numbers(seed + 1, 6 * features, -256, 256);
        let (target, target_rows) = targets(training.loss, seed + 2, 6, outputs);
        let index = numbers(seed + 3, 12, 0, 5);
        let mut velocity = numbers(seed + 4, theta.len(), -1000, 1000);

        let mut inputs = vec![Tensor::vector(theta.clone())];
        if momentum > 0 {
            inputs.push(Tensor::vector(velocity.clone()));
        }
        inputs.extend([Tensor::new(&[6, sizes[0]], x.clone()).unwrap(), target, Tensor::vector(index.clone())]);
        let run = execute(&sgd(&mlp, 6, training).unwrap(), &inputs).unwrap();

        let x = rows(&x, features);
        for batch in index.chunks(4) {
            let pick = |from: &[Vec<i64>]| batch.iter().map(|at| from[*at as usize].clone()).collect::<Vec<_>>();
            (theta, velocity) = step(sizes, training, &theta, Some(&velocity), &pick(&x), &pick(&target_rows));
        }
        prop_assert_eq!(run.outputs()[0].data(), &theta);
        if momentum > 0 {
            prop_assert_eq!(run.outputs()[1].data(), &velocity);
        }
    }

    /// Why the softmax of the step may declare the sum of its probabilities: half a unit for each class, whatever they are.
    #[test]
    fn probabilities_sum_to_about_one(
        mut e in prop::collection::vec(prop::sample::select(vec![0i64, 1, 2, 7, 100, 2048, 4095, 4096]), 1..400),
        noise in any::<u16>(),
    ) {
        e[0] = 4096;
        let last = e.len() - 1;
        e[last] = if last == 0 { 4096 } else { i64::from(noise % 4097) };
        let sum: i64 = e.iter().sum();
        let total: i64 = e.iter().map(|e| divide(e * 256, sum).unwrap()).sum();
        prop_assert!((total - 256).abs() <= e.len() as i64 / 2, "{total} of {} classes", e.len());
    }

    #[test]
    fn measures_equal_the_formulas(shape in 0..SHAPES.len(), seed in any::<u32>(), drawn in any::<bool>()) {
        let (sizes, seed) = (SHAPES[shape], u64::from(seed));
        let mlp = Mlp::new(sizes).unwrap();
        let (features, outputs) = (sizes[0] as usize, mlp.classes() as usize);
        let models = [0, 1].map(|salt| numbers(seed + salt, mlp.parameters() as usize, -5000, 5000));
        let x = numbers(seed + 2, 6 * features, -256, 256);
        let index: Vec<i64> = if drawn { numbers(seed + 3, 9, 0, 5) } else { (0..6).collect() };
        for which in [Measure::Accuracy].into_iter().chain(LOSSES.map(Measure::Loss)) {
            let loss = if let Measure::Loss(loss) = which { loss } else { Loss::CrossEntropy };
            let (target, target_rows) = targets(loss, seed + 4, 6, outputs);
            let by_hand = |theta: &[i64]| -> i64 {
                let logits = forward(sizes, theta, &rows(&x, features)).values.pop().unwrap();
                index.iter().map(|at| measured(which, &logits[*at as usize], &target_rows[*at as usize])).sum()
            };
            let set = [Tensor::new(&[6, sizes[0]], x.clone()).unwrap(), target];
            let index = drawn.then(|| Tensor::vector(index.clone()));
            let count = index.as_ref().map(|index| index.len() as u32);
            let one: Vec<Tensor> =
                std::iter::once(Tensor::vector(models[0].clone())).chain(set.clone()).chain(index.clone()).collect();
            let run = execute(&measure(&mlp, which, 6, count).unwrap(), &one).unwrap();
            prop_assert_eq!(run.outputs()[0], &Tensor::scalar(by_hand(&models[0])));
            let two: Vec<Tensor> = models.iter().map(|m| Tensor::vector(m.clone())).chain(set).chain(index).collect();
            let run = execute(&improvement(&mlp, which, 6, count).unwrap(), &two).unwrap();
            let [before, after] = [by_hand(&models[0]), by_hand(&models[1])];
            let expected = [before, after, after - before].map(Tensor::scalar);
            prop_assert_eq!(run.outputs(), expected.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_mean_is_the_weighted_mean(seed in any::<u32>(), count in 1usize..6) {
        let seed = u64::from(seed);
        let models: Vec<Vec<i64>> = (0..count as u64).map(|at| numbers(seed + at, 7, -16_384, 16_384)).collect();
        let parts: Vec<u64> = numbers(seed + 9, count, 0, 1000).into_iter().map(i64::unsigned_abs).collect();
        let shares = Share::divide(&parts);
        let inputs: Vec<Tensor> =
            models.iter().map(|m| Tensor::vector(m.clone())).chain([merge::shares(&shares)]).collect();
        let run = execute(&merge::mean(7, count as u32).unwrap(), &inputs).unwrap();
        let mean = |at: usize| {
            let sum: i64 = models.iter().zip(&shares).map(|(model, share)| model[at] * i64::from(share.0)).sum();
            rescale(sum, 16)
        };
        prop_assert_eq!(run.outputs()[0].data(), (0..7).map(mean).collect::<Vec<_>>());
    }

    #[test]
    fn a_bounded_change_runs_and_another_does_not(seed in any::<u32>(), reach in 0i64..40, part in 0u64..12) {
        let seed = u64::from(seed);
        let before = numbers(seed, 5, -16_384, 16_384);
        let change = numbers(seed + 1, 5, -20, 20);
        let after: Vec<i64> = before.iter().zip(&change).map(|(x, by)| (x + by).clamp(-16_384, 16_384)).collect();
        let delta: Vec<i64> = before.iter().zip(&after).map(|(x, y)| y - x).collect();
        let square = 100 * part;
        let holds = delta.iter().all(|d| d.abs() <= reach)
            && delta.iter().map(|d| (d * d).unsigned_abs()).sum::<u64>() <= square;
        let program = norm::bounded(5, norm::Bound { square, reach: reach as u32 }).unwrap();
        let run = execute(&program, &[Tensor::vector(before), Tensor::vector(after)]);
        prop_assert_eq!(run.is_ok(), holds);
        if !holds {
            let breach = matches!(run, Err(ExecuteError::Breach { .. }));
            prop_assert!(breach);
        }
    }
}

/// One row's share of a measure.
fn measured(which: Measure, z: &[i64], target: &[i64]) -> i64 {
    match which {
        Measure::Accuracy => {
            let greatest = z.iter().max().unwrap();
            i64::from(z.iter().position(|z| z == greatest) == Some(target[0] as usize))
        }
        Measure::Loss(Loss::CrossEntropy) => {
            let (_, sum) = softmax(z);
            let own = (z[target[0] as usize] - z.iter().max().unwrap()).max(-4096);
            logarithms(256 * z.len() as u32)[(rescale(sum, 4) - 256) as usize] - own
        }
        Measure::Loss(Loss::OneHot) => {
            let hot = |o: usize| 256 * i64::from(o as i64 == target[0]);
            z.iter().enumerate().map(|(o, z)| (z - hot(o)).pow(2)).sum()
        }
        Measure::Loss(Loss::Squared) => z.iter().zip(target).map(|(z, t)| (z - t).pow(2)).sum(),
    }
}

/// Cross-entropy in integers is that of real numbers, to the grid.
#[test]
fn the_cross_entropy_is_right() {
    let mlp = Mlp::new(&[2, 3]).unwrap();
    let theta = numbers(5, 9, -8000, 8000);
    let x = numbers(6, 40, -256, 256);
    let labels = numbers(7, 20, 0, 2);
    let inputs = [
        Tensor::vector(theta.clone()),
        Tensor::new(&[20, 2], x.clone()).unwrap(),
        Tensor::vector(labels.clone()),
    ];
    let run = execute(&measure(&mlp, Measure::Loss(Loss::CrossEntropy), 20, None).unwrap(), &inputs).unwrap();
    let real = |value: i64, bits: u32| value as f64 / f64::from(1u32 << bits);
    let exact: f64 = rows(&x, 2)
        .iter()
        .zip(&labels)
        .map(|(row, label)| {
            let z: Vec<f64> = (0..3)
                .map(|o| {
                    real(row[0], 8) * real(theta[o], 12)
                        + real(row[1], 8) * real(theta[3 + o], 12)
                        + real(theta[6 + o], 12)
                })
                .collect();
            z.iter().map(|z| z.exp()).sum::<f64>().ln() - z[*label as usize]
        })
        .sum();
    let found = real(run.outputs()[0].data()[0], 8);
    assert!((found - exact).abs() < 20.0 * 3.0 / 256.0, "{found} for {exact}");
}

/// Momentum and a linear model: y = 0.5·a − 0.25·b + 1 is found by its own step program.
#[test]
fn linear_regression_finds_its_line() {
    let mlp = Mlp::new(&[2, 1]).unwrap();
    let training = Training {
        steps: 64,
        batch: 8,
        rate_shift: 3,
        loss: Loss::Squared,
        momentum: 200,
        ..Training::default()
    };
    let x = numbers(1, 64, -256, 256);
    let y: Vec<i64> = rows(&x, 2).iter().map(|row| row[0] / 2 - row[1] / 4 + 256).collect();
    let index: Vec<i64> = (0..512).map(|at| at % 32).collect();
    let inputs = [
        Tensor::vector(vec![0; 3]),
        Tensor::vector(vec![0; 3]),
        Tensor::new(&[32, 2], x.clone()).unwrap(),
        Tensor::new(&[32, 1], y.clone()).unwrap(),
        Tensor::vector(index),
    ];
    let run = execute(&sgd(&mlp, 32, training).unwrap(), &inputs).unwrap();
    let near = |found: i64, wanted: i64| (found - wanted).abs() < 60;
    let found = run.outputs()[0].data();
    assert!(near(found[0], 2048) && near(found[1], -1024) && near(found[2], 4096), "{found:?}");
    let set = [Tensor::new(&[32, 2], x).unwrap(), Tensor::new(&[32, 1], y).unwrap()];
    let both: Vec<Tensor> =
        [Tensor::vector(vec![0; 3]), run.outputs()[0].clone()].into_iter().chain(set).collect();
    let run = execute(&improvement(&mlp, Measure::Loss(Loss::Squared), 32, None).unwrap(), &both).unwrap();
    let [before, after, change] = [0, 1, 2].map(|at| run.outputs()[at].data()[0]);
    assert!(after * 1000 < before && change == after - before, "{before} {after}");
}

#[test]
fn what_cannot_be_built_is_refused() {
    let mlp = Mlp::new(&[2, 300]).unwrap();
    assert!(measure(&mlp, Measure::Loss(Loss::CrossEntropy), 4, None).is_err());
    assert!(measure(&mlp, Measure::Loss(Loss::OneHot), 4, None).is_ok());
    assert!(measure(&mlp, Measure::Accuracy, 0, None).is_err());
    assert!(accuracy(&mlp, 0, 1).is_err());
    assert!(merge::mean(3, 0).is_err());
    let no_steps = Training { steps: 0, momentum: 1, ..Training::default() };
    assert!(sgd(&mlp, 4, no_steps).is_ok());
    let bounded = norm::bounded(3, norm::Bound { square: u64::MAX, reach: u32::MAX }).unwrap();
    let far = [Tensor::vector(vec![-16_384; 3]), Tensor::vector(vec![16_384; 3])];
    assert!(execute(&bounded, &far).is_ok());
}
