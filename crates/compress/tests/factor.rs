//! Factorised layers compute what their definition says, by every plan, and their gradients are slopes.

use bitneuron_compress::factor::{
    CpLinear, FactorError, Factored, Linear, MatrixShape, Pass, Plan, Reconstruct, TrainLinear, TuckerLinear,
};
use bitneuron_core::Seed;
use proptest::{prelude::*, test_runner::RngSeed};
use rand::Rng;
use std::ops::Range;

/// Uniform numbers of −1 … 1.
fn random(seed: u64, count: usize) -> Vec<f64> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| f64::from(rng.next_u32() as i32) / f64::from(1u32 << 31)).collect()
}

/// The digits of `index`, the last one fastest.
fn digits(mut index: usize, modes: &[usize]) -> Vec<usize> {
    let mut digits: Vec<usize> = modes
        .iter()
        .rev()
        .map(|mode| {
            let digit = index % mode;
            index /= mode;
            digit
        })
        .collect();
    digits.reverse();
    digits
}

/// W of a train, entry by entry.
fn train_matrix(shape: &MatrixShape, cores: &[f64]) -> Vec<f64> {
    let entry = |at: usize| {
        let (row, column) = (at / shape.columns(), at % shape.columns());
        let (i, j) = (digits(row, shape.inputs()), digits(column, shape.outputs()));
        let mut state = vec![1.0];
        for core in 0..shape.cores() {
            let [left, m, n, right] = shape.core(core);
            let values = &cores[shape.range(core)];
            let value = |a: usize, b: usize| values[((a * m + i[core]) * n + j[core]) * right + b];
            state = (0..right).map(|b| (0..left).map(|a| state[a] * value(a, b)).sum()).collect();
        }
        state[0]
    };
    (0..shape.rows() * shape.columns()).map(entry).collect()
}

/// W of a CP layer, entry by entry.
fn cp_matrix(inputs: &[usize], outputs: &[usize], rank: usize, factors: &[f64]) -> Vec<f64> {
    let modes = [inputs, outputs].concat();
    let entry = |at: usize| {
        let index = digits(at, &modes);
        let product = |a: usize| {
            let mut start = 0;
            modes
                .iter()
                .zip(&index)
                .map(|(mode, digit)| {
                    let value = factors[start + digit * rank + a];
                    start += mode * rank;
                    value
                })
                .product::<f64>()
        };
        (0..rank).map(product).sum()
    };
    (0..modes.iter().product()).map(entry).collect()
}

/// W of a Tucker layer, entry by entry.
fn tucker_matrix(inputs: &[usize], outputs: &[usize], ranks: &[usize], factors: &[f64]) -> Vec<f64> {
    let modes = [inputs, outputs].concat();
    let first = modes.iter().zip(ranks).map(|(mode, rank)| mode * rank).sum();
    let core = &factors[first..];
    let entry = |at: usize| {
        let index = digits(at, &modes);
        let term = |path: usize| {
            let mut start = 0;
            let mut product = core[path];
            for (((mode, rank), i), a) in modes.iter().zip(ranks).zip(&index).zip(digits(path, ranks)) {
                product *= factors[start + i * rank + a];
                start += mode * rank;
            }
            product
        };
        (0..core.len()).map(term).sum()
    };
    (0..modes.iter().product()).map(entry).collect()
}

/// X·W.
fn applied(x: &[f64], w: &[f64], inputs: usize, outputs: usize) -> Vec<f64> {
    let row = |x: &[f64]| -> Vec<f64> {
        (0..outputs).map(|j| (0..inputs).map(|i| x[i] * w[i * outputs + j]).sum()).collect()
    };
    x.chunks_exact(inputs).flat_map(row).collect()
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{what}, value {at}: {a}, expected {b}");
    }
}

/// Plans of all kinds.
fn plans(shape: &MatrixShape) -> Vec<Plan> {
    let mut plans = vec![Plan::sequential(shape), Plan::halves(shape), Plan::reconstruct(shape)];
    for batch in [1, 7, 300] {
        for pass in [Pass::Forward, Pass::Backward] {
            plans.extend(
                [Reconstruct::Never, Reconstruct::Allowed]
                    .map(|dense| Plan::cheapest(shape, batch, pass, dense)),
            );
        }
    }
    plans
}

/// Outputs and both gradients of one layer against `matrix` and differences of it.
fn check<L: Linear<f64>>(layer: &L, matrix: impl Fn(&[f64]) -> Vec<f64>, rows: usize, seed: u64, what: &str) {
    let (inputs, outputs) = (layer.inputs(), layer.outputs());
    let factors = random(seed, layer.parameters());
    let (x, errors) = (random(seed + 1, rows * inputs), random(seed + 2, rows * outputs));
    let mut y = vec![f64::NAN; rows * outputs];
    layer.forward(&factors, &x, &mut y).expect("fits");
    let w = matrix(&factors);
    assert_near(&y, &applied(&x, &w, inputs, outputs), 1e-12, what);

    let (mut gradient, mut below) = (vec![f64::NAN; factors.len()], vec![f64::NAN; x.len()]);
    layer.backward(&factors, &x, &errors, Some(&mut gradient), Some(&mut below)).expect("fits");
    let transposed: Vec<f64> = (0..outputs)
        .flat_map(|j| (0..inputs).map(move |i| (i, j)))
        .map(|(i, j)| w[i * outputs + j])
        .collect();
    assert_near(&below, &applied(&errors, &transposed, outputs, inputs), 1e-12, what);
    // The loss Σ errors·Y is linear in each factor: central differences are exact but for rounding.
    let loss = |factors: &[f64]| -> f64 {
        let y = applied(&x, &matrix(factors), inputs, outputs);
        y.iter().zip(&errors).map(|(y, error)| y * error).sum()
    };
    let step = 1e-3;
    for at in 0..factors.len() {
        let mut moved = factors.clone();
        moved[at] += step;
        let up = loss(&moved);
        moved[at] -= 2.0 * step;
        let slope = (up - loss(&moved)) / (2.0 * step);
        assert!((gradient[at] - slope).abs() < 1e-8, "{what}, factor {at}: {}, slope {slope}", gradient[at]);
    }
    // What is asked for alone is the same.
    let (mut alone, mut back) = (vec![f64::NAN; factors.len()], vec![f64::NAN; x.len()]);
    layer.backward(&factors, &x, &errors, Some(&mut alone), None).expect("fits");
    layer.backward(&factors, &x, &errors, None, Some(&mut back)).expect("fits");
    assert_eq!((alone, back), (gradient, below), "{what}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trains_compute_their_matrix_by_every_plan(seed in 0u64..1 << 32, modes in prop::collection::vec((1usize..4, 1usize..4), 2..5),
                                                 ranks in prop::collection::vec(1usize..4, 3), rows in 1usize..4) {
        let (inputs, outputs): (Vec<usize>, Vec<usize>) = modes.into_iter().unzip();
        let shape = MatrixShape::new(&inputs, &outputs, &ranks[..inputs.len() - 1]).expect("small");
        for plan in plans(&shape) {
            let layer = TrainLinear::new(shape.clone()).with_plan(plan.clone()).expect("of this shape");
            check(&layer, |cores| train_matrix(&shape, cores), rows, seed, &format!("{shape:?} {plan}"));
        }
    }

    #[test]
    fn sums_of_products_compute_their_matrix(seed in 0u64..1 << 32, inputs in prop::collection::vec(1usize..4, 1..4),
                                             outputs in prop::collection::vec(1usize..4, 1..3), rank in 1usize..4, rows in 1usize..4) {
        let layer = CpLinear::new(&inputs, &outputs, rank).expect("small");
        check(&layer, |factors| cp_matrix(&inputs, &outputs, rank, factors), rows, seed, &format!("{layer:?}"));
    }

    #[test]
    fn cores_between_factors_compute_their_matrix(seed in 0u64..1 << 32, inputs in prop::collection::vec(1usize..4, 1..4),
                                                  outputs in prop::collection::vec(1usize..4, 1..3), ranks in prop::collection::vec(1usize..4, 5), rows in 1usize..4) {
        let ranks = &ranks[..inputs.len() + outputs.len()];
        let layer = TuckerLinear::new(&inputs, &outputs, ranks).expect("small");
        check(&layer, |factors| tucker_matrix(&inputs, &outputs, ranks, factors), rows, seed, &format!("{layer:?}"));
    }
}

#[test]
fn trains_in_line_have_the_middle_rank() {
    let layer = TrainLinear::in_line(&[2, 3], &[3, 2], &[2, 2, 3]).expect("small");
    assert_eq!((layer.inputs(), layer.outputs()), (6, 6));
    assert_eq!(layer.factors(), [[1, 2, 1, 2], [2, 3, 1, 2], [2, 1, 3, 3], [3, 1, 2, 1]]);
    check(&layer, |cores| train_matrix(layer.shape(), cores), 3, 5, "in line");
    let large = TrainLinear::in_line(&[64, 64], &[64, 64], &[16; 3]).expect("small");
    assert_eq!(large.plan(64, Pass::Forward).to_string(), "12|34", "two thin matrices");
}

#[test]
fn many_samples_are_the_samples_one_by_one() {
    // More samples than the workspace holds at a time.
    let layer = TrainLinear::interleaved(&[8, 8, 4], &[4, 8, 8], &[16, 16]).expect("small");
    let cores: Vec<f64> = random(1, layer.parameters());
    let rows = 300;
    let (x, errors) = (random(2, rows * 256), random(3, rows * 256));
    let (mut y, mut row) = (vec![0.0; rows * 256], vec![0.0; 256]);
    layer.forward(&cores, &x, &mut y).expect("fits");
    let (mut gradient, mut sum, mut one) =
        (vec![0.0; cores.len()], vec![0.0; cores.len()], vec![0.0; cores.len()]);
    layer.backward(&cores, &x, &errors, Some(&mut gradient), None).expect("fits");
    for ((x, y), errors) in x.chunks_exact(256).zip(y.chunks_exact(256)).zip(errors.chunks_exact(256)) {
        layer.forward(&cores, x, &mut row).expect("fits");
        assert_near(&row, y, 1e-10, "outputs");
        layer.backward(&cores, x, errors, Some(&mut one), None).expect("fits");
        sum.iter_mut().zip(&one).for_each(|(sum, one)| *sum += one);
    }
    assert_near(&gradient, &sum, 1e-9, "gradient");
}

/// All cuts of `count` cores into groups.
fn cuts(count: usize) -> Vec<Vec<Range<usize>>> {
    let cut = |mask: usize| {
        let (mut groups, mut start) = (Vec::new(), 0);
        for end in 1..=count {
            if end == count || mask >> (end - 1) & 1 == 1 {
                groups.push(start..end);
                start = end;
            }
        }
        groups
    };
    (0..1 << (count - 1)).map(cut).collect()
}

#[test]
fn the_plan_is_the_cheapest_of_all() {
    for (modes, rank) in [([8, 8, 8, 8], 8), ([8, 8, 8, 8], 32), ([4, 8, 8, 4], 3), ([2, 2, 16, 16], 5)] {
        let shape = MatrixShape::new(&modes, &modes, &[rank; 3]).expect("small");
        for (batch, pass) in [(1, Pass::Forward), (64, Pass::Forward), (1000, Pass::Backward)] {
            let best = Plan::cheapest(&shape, batch, pass, Reconstruct::Allowed).cost(&shape, batch, pass);
            let all = cuts(4)
                .into_iter()
                .map(|groups| Plan::of(&shape, groups).expect("cuts").cost(&shape, batch, pass));
            let least = all.fold(f64::INFINITY, f64::min);
            assert!((best - least).abs() <= 1e-9 * least, "{modes:?} {rank}: {best}, of all {least}");
        }
    }
}

#[test]
fn plans_follow_batch_and_rank() {
    let plan = |rank: usize, batch, dense| {
        let shape = MatrixShape::new(&[8; 4], &[8; 4], &[rank; 3]).expect("small");
        Plan::cheapest(&shape, batch, Pass::Forward, dense).to_string()
    };
    assert_eq!(plan(8, 64, Reconstruct::Never), "12|34");
    assert_eq!(plan(16, 64, Reconstruct::Never), "12|34");
    assert_eq!(plan(128, 512, Reconstruct::Allowed), "1234", "beyond rank 32 the dense product is cheaper");
    assert_ne!(plan(128, 512, Reconstruct::Never), "1234");
    assert_ne!(plan(128, 1, Reconstruct::Allowed), "1234", "not worth while for one sample");
}

#[test]
fn what_fits_no_layer_is_refused() {
    let shape =
        |inputs: &[usize], outputs: &[usize], ranks: &[usize]| MatrixShape::new(inputs, outputs, ranks);
    for (inputs, outputs, ranks) in [
        (&[4][..], &[4][..], &[][..]),
        (&[4, 4], &[4], &[2]),
        (&[4, 4], &[4, 4], &[2, 2]),
        (&[4, 0], &[4, 4], &[2]),
        (&[4, 4], &[4, 4], &[0]),
        (&[2; 33], &[2; 33], &[1; 32]),
        (&[1 << 20, 1 << 20], &[1 << 20, 1], &[1]),
        (&[usize::MAX, 2], &[1, 1], &[1]),
        (&[1 << 20; 4], &[1; 4], &[1; 3]),
    ] {
        assert!(
            matches!(shape(inputs, outputs, ranks), Err(FactorError::Shape(_))),
            "{inputs:?} {outputs:?} {ranks:?}"
        );
    }
    for (inputs, outputs, rank) in [
        (&[][..], &[4][..], 1),
        (&[4], &[], 1),
        (&[4], &[4], 0),
        (&[4, 0], &[4], 1),
        (&[usize::MAX, 3], &[4], 1),
    ] {
        assert!(CpLinear::new(inputs, outputs, rank).is_err(), "{inputs:?} {outputs:?} {rank}");
    }
    for (inputs, outputs, ranks) in [
        (&[][..], &[4][..], &[1][..]),
        (&[4], &[], &[1]),
        (&[4], &[4], &[1]),
        (&[4], &[4], &[1, 0]),
        (&[4, 0], &[4], &[1; 3]),
        (&[usize::MAX, 3], &[4], &[1; 3]),
        (&[1 << 20; 2], &[4], &[1, 1 << 20, 1]),
    ] {
        assert!(TuckerLinear::new(inputs, outputs, ranks).is_err(), "{inputs:?} {outputs:?} {ranks:?}");
    }
    let three = shape(&[2; 3], &[2; 3], &[2; 2]).expect("small");
    let four = shape(&[2; 4], &[2; 4], &[2; 3]).expect("small");
    assert!(TrainLinear::new(three.clone()).with_plan(Plan::halves(&four)).is_err());
    assert!(Plan::of(&three, vec![0..1, 2..3]).is_err());
    assert!(Plan::of(&three, vec![]).is_err());
    let train = TrainLinear::new(three);
    let cp = CpLinear::new(&[2, 4], &[8], 2).expect("small");
    let tucker = TuckerLinear::new(&[2, 4], &[8], &[2, 3, 4]).expect("small");
    for layer in [&train as &dyn Linear<f64>, &cp, &tucker] {
        let p = layer.parameters();
        for (factors, x, y) in [(p - 1, 8, 8), (p + 1, 8, 8), (p, 7, 8), (p, 8, 7), (p, 16, 8), (p, 8, 16)] {
            let (factors, x, mut y) = (vec![0.0; factors], vec![0.0; x], vec![0.0; y]);
            assert!(matches!(layer.forward(&factors, &x, &mut y), Err(FactorError::Length { .. })));
            assert!(layer.backward(&factors, &x, &y, None, None).is_err());
        }
        let (factors, x) = (vec![0.0; p], vec![0.0; 8]);
        assert!(layer.backward(&factors, &x, &x, Some(&mut vec![0.0; p + 1]), None).is_err());
        assert!(layer.backward(&factors, &x, &x, None, Some(&mut [0.0; 9])).is_err());
        assert!(
            layer.with_ranks(&[1; 5]).is_err() && layer.with_ranks(&vec![0; layer.bonds().len()]).is_err()
        );
        layer.forward(&factors, &[], &mut []).expect("no rows, no work");
    }
}

#[test]
fn first_factors_give_the_variance_asked_for() {
    let train = TrainLinear::interleaved(&[8; 3], &[8; 3], &[6, 6]).expect("small");
    let cp = CpLinear::new(&[16, 16], &[16, 16], 30).expect("small");
    let tucker = TuckerLinear::new(&[16, 16], &[16, 16], &[8; 4]).expect("small");
    for layer in [&train as &dyn Linear<f32>, &cp, &tucker] {
        let (variance, mut sum) = (2.0 / layer.inputs() as f64, 0.0);
        let rounds = 10;
        for seed in 0..rounds {
            let factors = layer.init(variance, Seed::from_number(seed));
            // Y of a random sign vector has the variance Σ_i W².
            let signs: Vec<f32> = random(seed, layer.inputs()).iter().map(|x| x.signum() as f32).collect();
            let mut y = vec![0.0; layer.outputs()];
            layer.forward(&factors, &signs, &mut y).expect("fits");
            sum += y.iter().map(|y| f64::from(*y).powi(2)).sum::<f64>() / y.len() as f64 / rounds as f64;
        }
        // The product of random cores varies by itself.
        assert!((1.4..2.8).contains(&sum), "{layer:?}: variance {sum} where 2 belongs");
    }
}
