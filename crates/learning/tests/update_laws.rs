//! SGD passes the suite, and for each law one wrong update is refused by that law.

use bitneuron_core::exact::{ExactData, ExactParams, programs};
use bitneuron_core::{Dataset, Params, Seed};
use bitneuron_learning::exact::ExactSgd;
use bitneuron_learning::model::{Mlp, Model, SoftmaxRegression};
use bitneuron_learning::optim::{Annealed, Measure, Sgd};
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
fn the_default_of_users_passes_and_slows_down() {
    let model = softmax();
    let sgd = Sgd::new(Arc::clone(&model), 0.3, 4).with_momentum(0.9).with_epochs(5);
    let mut annealed = Annealed::new(sgd, 20, 0.1);
    suite::update(&mut annealed, model.as_ref()).expect("the default");
    let rates = [0, 10, 20, u64::MAX].map(|round| annealed.rate(round));
    for (rate, expected) in rates.into_iter().zip([0.3, 0.165, 0.03, 0.03]) {
        assert!((rate - expected).abs() < 1e-6, "{rates:?}");
    }
}

#[test]
fn the_update_that_is_voted_on_passes() {
    for sizes in [&[6, 3][..], &[6, 12, 3]] {
        let mlp = programs::Mlp::new(sizes).expect("small");
        let training = programs::step::Training {
            steps: 100,
            batch: 8,
            rate_shift: 1,
            ..programs::step::Training::default()
        };
        let mut sgd = ExactSgd { net: mlp.clone().into(), training };
        suite::update(&mut sgd, &mlp).unwrap_or_else(|broken| panic!("{sizes:?}: {broken}"));
    }
}

#[test]
fn wrong_integer_updates_are_refused() {
    struct Faulty(
        ExactSgd,
        fn(&mut ExactSgd, &mut ExactParams, &ExactData, Seed) -> Result<Progress, UpdateError>,
    );
    impl Update<ExactParams, ExactData> for Faulty {
        fn update(
            &mut self,
            params: &mut ExactParams,
            data: &ExactData,
            _: u64,
            seed: Seed,
        ) -> Result<Progress, UpdateError> {
            (self.1)(&mut self.0, params, data, seed)
        }
    }
    let mlp = programs::Mlp::new(&[6, 3]).expect("small");
    let law = |fault| {
        let training = programs::step::Training {
            steps: 100,
            batch: 8,
            rate_shift: 1,
            ..programs::step::Training::default()
        };
        let sgd = ExactSgd { net: mlp.clone().into(), training };
        suite::update(&mut Faulty(sgd, fault), &mlp).map_err(|broken| broken.law)
    };
    assert_eq!(law(|sgd, params, data, seed| sgd.update(params, data, 0, seed)), Ok(()));
    let remembers = law(|sgd, params, data, seed| {
        sgd.training.steps += 1;
        sgd.update(params, data, 0, seed)
    });
    assert_eq!(remembers, Err(UpdateLaw::Replay));
    let leaves_a_trace = law(|sgd, params, data, seed| {
        sgd.update(params, data, 0, seed).inspect_err(|_| *params = sgd.net.init(Seed::from_number(99)))
    });
    assert_eq!(leaves_a_trace, Err(UpdateLaw::Refusal));
    let idle = law(|sgd, params, data, seed| sgd.update(&mut params.clone(), data, 0, seed));
    assert_eq!(idle, Err(UpdateLaw::Progress));
    let boasts = law(|sgd, params, data, seed| {
        let progress = sgd.update(params, data, 0, seed)?;
        Ok(Progress { loss_after: -1.0, ..progress })
    });
    assert_eq!(boasts, Err(UpdateLaw::Honesty));
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
        sgd.update(&mut params, &data, 0, Seed::default()).expect("fits");
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
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        _: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
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
        sgd.update(params, data, 0, seed.derive_number("call", calls))
    });
    assert_eq!(law, UpdateLaw::Replay);
}

#[test]
fn a_rate_that_falls_with_each_call_breaks_replay() {
    let law = broken(move |sgd, params, data, seed| {
        sgd.rate *= 0.9;
        sgd.update(params, data, 0, seed)
    });
    assert_eq!(law, UpdateLaw::Replay);
}

#[test]
fn a_trace_after_an_error_breaks_refusal() {
    let law = broken(|sgd, params, data, seed| {
        sgd.update(params, data, 0, seed).inspect_err(|_| params.values_mut()[0] += 1.0)
    });
    assert_eq!(law, UpdateLaw::Refusal);
    // Training what is not the model's.
    let law = broken(|sgd, params, data, seed| match sgd.update(params, data, 0, seed) {
        Err(UpdateError::Layout) => Ok(Progress::default()),
        other => other,
    });
    assert_eq!(law, UpdateLaw::Refusal);
}

#[test]
fn climbing_breaks_progress() {
    let law = broken(|sgd, params, data, seed| {
        let before = params.clone();
        let progress = sgd.update(params, data, 0, seed)?;
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
        sgd.update(params, data, 0, seed)
            .map(|progress| Progress { loss_after: progress.loss_after - 1.0, ..progress })
    });
    assert_eq!(law, UpdateLaw::Honesty);
    let law = broken(|sgd, params, data, seed| {
        sgd.update(params, data, 0, seed).map(|progress| Progress { samples: 0, ..progress })
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
    let progress = sgd.update(&mut found, &data, 0, Seed::default()).expect("fits");
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
        assert!(matches!(sgd.update(&mut params, &data, 0, Seed::default()), Err(UpdateError::Setting(_))));
    }
    // A rate that is a number, but too large.
    let data = Dataset::new(ndarray::array![[1e20, 0.0, 0.0, 0.0, 0.0, 0.0]], vec![0]).expect("fits");
    let mut wild = Sgd { rate: 1e30, ..plain }.with_epochs(3);
    let mut params = model.init(Seed::default());
    assert!(matches!(wild.update(&mut params, &data, 0, Seed::default()), Err(UpdateError::Diverged { .. })));
    assert!(params.values().iter().all(|value| *value == 0.0));
}
