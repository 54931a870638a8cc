//! SGD passes the suite, and for each law one wrong update is refused by that law.

use bitneuron_core::{Dataset, Params, Seed};
use bitneuron_learning::model::{Mlp, Model, SoftmaxRegression};
use bitneuron_learning::optim::{Measure, Sgd};
use bitneuron_learning::suite::{self, UpdateLaw};
use bitneuron_learning::update::{Progress, Update, UpdateError};
use std::sync::Arc;

fn softmax() -> Arc<dyn Model> {
    Arc::new(SoftmaxRegression::new(6, 3).expect("small"))
}

#[test]
fn sgd_passes() {
    let model = softmax();
    let plain = Sgd::new(Arc::clone(&model), 0.3, 8);
    for mut sgd in
        [plain.clone(), plain.clone().with_epochs(5).with_momentum(0.8), Sgd { batch: 1_000, ..plain }]
    {
        suite::update(&mut sgd, model.as_ref()).unwrap_or_else(|broken| panic!("{sgd:?}: {broken}"));
    }
    let model: Arc<dyn Model> = Arc::new(Mlp::new(&[6, 12, 3]).expect("small"));
    suite::update(&mut Sgd::new(Arc::clone(&model), 0.1, 4), model.as_ref()).expect("a perceptron");
}

#[test]
fn running_losses_are_no_honest_report_and_change_no_parameter() {
    let model = softmax();
    let whole = Sgd::new(Arc::clone(&model), 0.3, 8);
    let mut running = whole.clone().with_measure(Measure::Running);
    let broken = suite::update(&mut running, model.as_ref()).expect_err("a stale sample");
    assert_eq!(broken.law, UpdateLaw::Honesty);
    let data =
        Dataset::new(ndarray::Array2::from_shape_fn((20, 6), |(r, c)| (r * c % 5) as f32), vec![1; 20])
            .expect("fits");
    let train = |mut sgd: Sgd| {
        let mut params = model.init(Seed::default());
        sgd.update(&mut params, &data, Seed::default()).expect("fits");
        params
    };
    assert_eq!(train(whole), train(running));
}

/// SGD with a fault around it.
struct Faulty<F>(Sgd, F);

impl<F> Update for Faulty<F>
where
    F: FnMut(&mut Sgd, &mut Params, &Dataset, Seed) -> Result<Progress, UpdateError> + Send,
{
    fn update(&mut self, params: &mut Params, data: &Dataset, seed: Seed) -> Result<Progress, UpdateError> {
        (self.1)(&mut self.0, params, data, seed)
    }
}

fn broken<F>(fault: F) -> UpdateLaw
where
    F: FnMut(&mut Sgd, &mut Params, &Dataset, Seed) -> Result<Progress, UpdateError> + Send,
{
    let model = softmax();
    let mut update = Faulty(Sgd::new(Arc::clone(&model), 0.3, 8), fault);
    suite::update(&mut update, model.as_ref()).expect_err("a wrong update").law
}

#[test]
fn an_update_with_a_memory_breaks_replay() {
    let mut calls = 0;
    let law = broken(move |sgd, params, data, seed| {
        calls += 1;
        sgd.update(params, data, seed.derive_number("call", calls))
    });
    assert_eq!(law, UpdateLaw::Replay);
}

#[test]
fn a_trace_after_an_error_breaks_refusal() {
    let law = broken(|sgd, params, data, seed| {
        sgd.update(params, data, seed).inspect_err(|_| params.values_mut()[0] += 1.0)
    });
    assert_eq!(law, UpdateLaw::Refusal);
    // Training what is not the model's.
    let law = broken(|sgd, params, data, seed| match sgd.update(params, data, seed) {
        Err(UpdateError::Layout) => Ok(Progress::default()),
        other => other,
    });
    assert_eq!(law, UpdateLaw::Refusal);
}

#[test]
fn climbing_breaks_progress() {
    let law = broken(|sgd, params, data, seed| {
        let before = params.clone();
        let progress = sgd.update(params, data, seed)?;
        for (value, before) in params.values_mut().iter_mut().zip(before.values()) {
            *value = 2.0 * before - *value;
        }
        Ok(progress)
    });
    assert_eq!(law, UpdateLaw::Progress);
}

#[test]
fn a_flattering_report_breaks_honesty() {
    let law = broken(|sgd, params, data, seed| {
        sgd.update(params, data, seed)
            .map(|progress| Progress { loss_after: progress.loss_after - 1.0, ..progress })
    });
    assert_eq!(law, UpdateLaw::Honesty);
    let law = broken(|sgd, params, data, seed| {
        sgd.update(params, data, seed).map(|progress| Progress { samples: 0, ..progress })
    });
    assert_eq!(law, UpdateLaw::Honesty);
}

#[test]
fn momentum_by_hand() {
    // One row, one batch an epoch: the velocity after two steps is g₁·μ + g₂.
    let model = softmax();
    let data = Dataset::new(ndarray::array![[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]], vec![0]).expect("fits");
    let start = model.init(Seed::default());
    let mut gradient = vec![0.0; start.values().len()];
    let mut slope = |params: &Params| {
        let batch = bitneuron_learning::Batch::new(data.features().as_slice().expect("rows"), data.labels());
        model.loss_and_gradient(params.values(), &batch, &mut gradient).expect("fits");
        gradient.clone()
    };
    let (rate, momentum) = (0.5f32, 0.9f32);
    let mut expected = start.clone();
    let first = slope(&expected);
    expected.values_mut().iter_mut().zip(&first).for_each(|(value, slope)| *value -= rate * slope);
    let second = slope(&expected);
    for ((value, a), b) in expected.values_mut().iter_mut().zip(&first).zip(&second) {
        *value -= rate * (momentum * a + b);
    }
    let mut found = start;
    let mut sgd = Sgd::new(Arc::clone(&model), rate, 4).with_momentum(momentum).with_epochs(2);
    let progress = sgd.update(&mut found, &data, Seed::default()).expect("fits");
    assert_eq!(progress.samples, 2);
    for (found, expected) in found.values().iter().zip(expected.values()) {
        assert!((found - expected).abs() < 1e-6);
    }
}

#[test]
fn settings_without_sense_are_refused() {
    let model = softmax();
    let data = Dataset::new(ndarray::Array2::zeros((2, 6)), vec![0, 1]).expect("fits");
    let plain = Sgd::new(Arc::clone(&model), 0.1, 2);
    for mut sgd in [
        Sgd { rate: f32::NAN, ..plain.clone() },
        Sgd { rate: -1.0, ..plain.clone() },
        Sgd { batch: 0, ..plain.clone() },
        Sgd { momentum: 1.0, ..plain.clone() },
        Sgd { momentum: f32::NAN, ..plain.clone() },
    ] {
        let mut params = model.init(Seed::default());
        assert!(matches!(sgd.update(&mut params, &data, Seed::default()), Err(UpdateError::Setting(_))));
    }
    // A rate that is a number, but too large.
    let data = Dataset::new(ndarray::array![[1e20, 0.0, 0.0, 0.0, 0.0, 0.0]], vec![0]).expect("fits");
    let mut wild = Sgd { rate: 1e30, ..plain }.with_epochs(3);
    let mut params = model.init(Seed::default());
    assert!(matches!(wild.update(&mut params, &data, Seed::default()), Err(UpdateError::Diverged { .. })));
    assert!(params.values().iter().all(|value| *value == 0.0));
}
