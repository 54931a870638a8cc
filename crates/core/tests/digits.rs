//! The integer MLP learns digits as well as `f32` does, and its bytes never change.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod digits_data;

use bitneuron_core::exact::programs::Mlp;
use bitneuron_core::exact::programs::metric::accuracy;
use bitneuron_core::exact::programs::step::{Training, sgd};
use bitneuron_core::exact::{ExactData, Tensor, data::draw, execute};
use bitneuron_core::{Digest, Seed};
use digits_data::digits;

/// Trains 64-32-10 on all rows but 360 and scores it on those.
fn train(seed: u64, epochs: u64, Training { batch, rate_shift, .. }: Training) -> (Tensor, f64) {
    let (all, seed) = (digits(), Seed::from_number(seed));
    let order: Vec<usize> =
        draw(Digest(seed.derive("split").0), 1797, 1797).iter().map(|i| *i as usize).collect();
    let test = ExactData::from_dataset(&all.select(&order[..360])).unwrap();
    let train = ExactData::from_dataset(&all.select(&order[360..])).unwrap();
    let mlp = Mlp::new(&[64, 32, 10]).unwrap();
    let rows = train.rows() as u32;
    let program =
        sgd(&mlp, rows, Training { steps: rows / batch, batch, rate_shift, ..Training::default() }).unwrap();
    let mut model = mlp.init(seed).tensor();
    for epoch in 0..epochs {
        let index = draw(Digest(seed.derive_number("epoch", epoch).0), rows, (rows / batch * batch) as usize);
        let inputs = [model, train.features().clone(), train.labels().clone(), Tensor::vector(index)];
        model = execute(&program, &inputs).unwrap().outputs()[0].clone();
    }
    let metric = accuracy(&mlp, 360, 360).unwrap();
    let inputs =
        [model.clone(), test.features().clone(), test.labels().clone(), Tensor::vector((0..360).collect())];
    let right = execute(&metric, &inputs).unwrap().outputs()[0].data()[0];
    (model, right as f64 / 360.0)
}

#[test]
fn twenty_epochs_reach_97_percent() {
    let training = Training { batch: 16, rate_shift: 1, ..Training::default() };
    let mean = (1..=3).map(|seed| train(seed, 20, training).1).sum::<f64>() / 3.0;
    assert!(mean >= 0.97, "mean accuracy {mean}");
}

#[test]
fn two_epochs_are_golden() {
    let (model, _) = train(1, 2, Training::default());
    assert_eq!(model.commitment().root.to_string()[..16], *"c4b8e5f7898c6709");
}

/// Rounded probabilities rarely sum to one; were the errors not made to sum to zero, all logits would drift to their limit
/// and long training would collapse.
#[test]
fn long_training_does_not_collapse() {
    let training = Training { batch: 32, rate_shift: 1, ..Training::default() };
    let (_, accuracy) = train(6, 60, training);
    assert!(accuracy >= 0.95, "accuracy {accuracy}");
}
