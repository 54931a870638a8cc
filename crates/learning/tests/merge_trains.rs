//! The mean of models that are trains is the mean of what they represent.

use bitneuron_compress::factor::TrainLinear;
use bitneuron_core::{NodeId, Params, Seed, Weight};
use bitneuron_learning::merge::{Contribution, Merge, TrainMean, WeightedMean};
use bitneuron_learning::model::{Layer, Mlp, Model};
use rand::RngExt as _;
use std::sync::Arc;

/// A tensor train matrix of 6 × 6 at full rank, then a dense layer.
fn model(rank: usize) -> Mlp {
    let train = TrainLinear::interleaved(&[2, 3], &[3, 2], &[rank]).expect("small");
    Mlp::of(vec![Layer::Factored(Arc::new(train)), Layer::Dense { inputs: 6, outputs: 2 }])
        .expect("widths meet")
}

fn voice(number: u8, weight: u64, value: &Params) -> Contribution<'_> {
    Contribution { from: NodeId([number; 32]), weight: Weight(weight), age: 1, value }
}

/// The matrix of the train, input after input.
fn matrix(model: &Mlp, params: &Params) -> Vec<f64> {
    let Layer::Factored(linear) = &model.layers()[0] else { unreachable!("the first layer is factored") };
    let factors = &params.values()[..linear.parameters()];
    let mut rows = Vec::new();
    for input in 0..6 {
        let mut x = [0.0f32; 6];
        x[input] = 1.0;
        let mut y = [0.0f32; 6];
        linear.forward(factors, &x, &mut y).expect("fits");
        rows.extend(y.map(f64::from));
    }
    rows
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// The same layer in another gauge: a random matrix at the bond, and its inverse.
fn regauged(params: &Params, seed: u64) -> Params {
    let mut rng = Seed::from_number(seed).rng();
    let mut params = params.clone();
    // At full rank 6 of cores [1, 2, 3, 6] and [6, 3, 2, 1]: a triangular matrix with its inverse, applied by steps
    // c ← c + k·b on the columns of the first core and b ← b − k·c on the rows of the second.
    for column in 0..6usize {
        for other in 0..6usize {
            if column == other {
                continue;
            }
            let k = rng.random::<f32>() - 0.5;
            let values = params.values_mut();
            for row in 0..6 {
                values[row * 6 + column] += k * values[row * 6 + other];
            }
            for at in 0..6 {
                values[36 + other * 6 + at] -= k * values[36 + column * 6 + at];
            }
        }
    }
    params
}

#[test]
fn the_mean_is_of_matrices_and_not_of_cores() {
    let model = model(6);
    let [a, b] = [1, 2].map(|seed| model.init(Seed::from_number(seed)));
    let (left, right) = (matrix(&model, &a), matrix(&model, &b));
    let mean: Vec<f64> = left.iter().zip(&right).map(|(a, b)| 0.75 * a + 0.25 * b).collect();
    let peers = [voice(2, 1, &b)];
    let merged = TrainMean.merge(&voice(1, 3, &a), &peers).expect("fits");
    let size = mean.iter().map(|value| value * value).sum::<f64>().sqrt();
    assert!(apart(&matrix(&model, &merged.value), &mean) < 1e-5 * size, "the mean of what is represented");
    let naive = WeightedMean.merge(&voice(1, 3, &a), &peers).expect("fits");
    assert!(apart(&matrix(&model, &naive.value), &mean) > 0.2 * size, "the mean of cores is another matrix");
    assert_eq!((merged.own, &merged.influence), (naive.own, &naive.influence));
    assert_eq!(merged.value.values()[72..], naive.value.values()[72..], "other tensors are averaged");
}

#[test]
fn two_trains_of_one_matrix_merge_to_it() {
    let model = model(6);
    let a = model.init(Seed::from_number(1));
    let b = regauged(&a, 7);
    let size = matrix(&model, &a).iter().map(|value| value * value).sum::<f64>().sqrt();
    assert!(apart(&matrix(&model, &a), &matrix(&model, &b)) < 1e-4 * size, "one matrix");
    let (own, peers) = (voice(1, 1, &a), [voice(2, 1, &b)]);
    let merged = TrainMean.merge(&own, &peers).expect("fits").value;
    assert!(apart(&matrix(&model, &merged), &matrix(&model, &a)) < 1e-4 * size);
    let naive = WeightedMean.merge(&own, &peers).expect("fits").value;
    assert!(
        apart(&matrix(&model, &naive), &matrix(&model, &a)) > 0.05 * size,
        "cores average to something else"
    );
    // Which train was given does not matter.
    let again = TrainMean.merge(&voice(1, 1, &b), &[voice(2, 1, &a)]).expect("fits").value;
    assert!(apart(&matrix(&model, &merged), &matrix(&model, &again)) < 1e-4 * size);
}

#[test]
fn what_does_not_fit_is_rounded_to_the_nearest() {
    let model = model(2);
    let all: Vec<Params> = (1..5).map(|seed| model.init(Seed::from_number(seed))).collect();
    let peers: Vec<_> = (2..).zip(&all[1..]).map(|(number, value)| voice(number, 1, value)).collect();
    let merged = TrainMean.merge(&voice(1, 1, &all[0]), &peers).expect("fits").value;
    let mean: Vec<f64> =
        (0..36).map(|at| all.iter().map(|one| matrix(&model, one)[at]).sum::<f64>() / 4.0).collect();
    // No other train of these ranks that is at hand is nearer: not the inputs, not the mean of cores.
    let naive = WeightedMean.merge(&voice(1, 1, &all[0]), &peers).expect("fits").value;
    let found = apart(&matrix(&model, &merged), &mean);
    for other in all.iter().chain([&naive]) {
        assert!(found < apart(&matrix(&model, other), &mean));
    }
    // Cores come back with equal norms.
    let norm = |values: &[f32]| values.iter().map(|value| value * value).sum::<f32>();
    let cores = merged.values().split_at(12);
    assert!((norm(cores.0) / norm(&cores.1[..12]) - 1.0).abs() < 1e-4);
}
