//! Gradients against finite differences of an independent `f64` forward pass, and refusal of what does not fit.
#![expect(clippy::float_cmp, reason = "what is compared is exact")]

use bitneuron_core::{Layout, Params, Seed};
use bitneuron_learning::model::{Batch, Errors, Gradient, Mlp, Model, ModelError, SoftmaxRegression};
use bitneuron_learning::suite::{self, ModelLaw};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Cross-entropy of a perceptron, one row and one neuron at a time, in `f64`.
fn loss(widths: &[usize], params: &[f64], features: &[f64], labels: &[u32], weights: &[f64]) -> f64 {
    let mut total = 0.0;
    for (row, label) in labels.iter().enumerate() {
        let mut a = features[row * widths[0]..(row + 1) * widths[0]].to_vec();
        let mut at = 0;
        for (layer, pair) in widths.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let (w, b) = (&params[at..at + inputs * outputs], &params[at + inputs * outputs..]);
            let z = |o: usize| b[o] + (0..inputs).map(|i| a[i] * w[i * outputs + o]).sum::<f64>();
            let hidden = layer + 2 < widths.len();
            a = (0..outputs).map(|o| if hidden { z(o).max(0.0) } else { z(o) }).collect();
            at += (inputs + 1) * outputs;
        }
        total += weights[row] * (a.iter().map(|z| z.exp()).sum::<f64>().ln() - a[*label as usize]);
    }
    total
}

/// Central differences of `f` at `x`.
fn differences(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-6;
    (0..x.len())
        .map(|index| {
            let mut moved = x.to_vec();
            moved[index] += step;
            let up = f(&moved);
            moved[index] -= 2.0 * step;
            (up - f(&moved)) / (2.0 * step)
        })
        .collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

fn check(model: &dyn Model, widths: &[usize], rows: usize, weighted: bool, seed: u64) {
    let mut rng = Seed::from_number(seed).rng();
    let mut draw = |n: usize, low: f32| -> Vec<f32> { (0..n).map(|_| low + rng.random::<f32>()).collect() };
    let params = draw(model.layout().len(), -0.5);
    let features = draw(rows * widths[0], -0.3);
    let weights = if weighted { draw(rows, 0.0) } else { vec![1.0 / rows as f32; rows] };
    let classes = widths[widths.len() - 1];
    let labels: Vec<u32> = (0..rows).map(|row| ((row * 7 + seed as usize) % classes) as u32).collect();
    let batch = Batch { features: &features, labels: &labels, weights: weighted.then_some(&weights) };
    let (p, x, w) = (wide(&params), wide(&features), wide(&weights));

    let mut gradient = vec![f32::NAN; params.len()];
    let value = model.loss_and_gradient(&params, &batch, &mut gradient).expect("fits");
    assert!((value - loss(widths, &p, &x, &labels, &w)).abs() < 1e-5);
    for (index, slope) in differences(&p, |p| loss(widths, p, &x, &labels, &w)).iter().enumerate() {
        let found = f64::from(gradient[index]);
        assert!((found - slope).abs() < 1e-4, "parameter {index} of {widths:?}: {found}, difference {slope}");
    }
    let mut gradient = vec![f32::NAN; features.len()];
    assert_eq!(model.input_gradient(&params, &batch, &mut gradient).expect("fits"), value);
    for (index, slope) in differences(&x, |x| loss(widths, &p, x, &labels, &w)).iter().enumerate() {
        let found = f64::from(gradient[index]);
        assert!((found - slope).abs() < 1e-4, "feature {index} of {widths:?}: {found}, difference {slope}");
    }

    let mut losses = vec![0.0; rows];
    model.losses(&params, &batch, &mut losses).expect("fits");
    let sum: f64 = losses.iter().zip(&weights).map(|(l, w)| f64::from(*l) * f64::from(*w)).sum();
    assert!((sum - value).abs() < 1e-5);
    let mut probabilities = vec![0.0; rows * classes];
    model.predict(&params, &features, &mut probabilities).expect("fits");
    for (row, label) in labels.iter().enumerate() {
        let row_of = &probabilities[row * classes..(row + 1) * classes];
        assert!((row_of.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((f64::from(row_of[*label as usize].ln()) + f64::from(losses[row])).abs() < 1e-4);
    }
}

#[test]
fn softmax_gradients_agree_with_differences() {
    for seed in 0..6 {
        let model = SoftmaxRegression::new(5, 4).expect("small");
        check(&model, &[5, 4], 1 + seed as usize, seed % 2 == 1, seed);
    }
}

#[test]
fn perceptron_gradients_agree_with_differences() {
    for (seed, widths) in [&[4, 6, 3][..], &[3, 9, 5, 4], &[2, 3, 4, 5, 2], &[5, 4]].into_iter().enumerate() {
        let model = Mlp::new(widths).expect("small");
        check(&model, widths, 5, seed % 2 == 1, seed as u64);
    }
}

#[test]
fn widths_that_make_no_network_are_refused() {
    for widths in [&[][..], &[3], &[3, 0], &[0, 3], &[1 << 20, 1 << 20], &[usize::MAX, 2]] {
        assert!(matches!(Mlp::new(widths), Err(ModelError::Widths(_))), "{widths:?}");
    }
    assert!(SoftmaxRegression::new(0, 3).is_err());
}

#[test]
fn first_weights_follow_the_seed_and_have_the_right_size() {
    let model = Mlp::new(&[64, 200, 10]).expect("small");
    let [a, b, c] = [1, 1, 2].map(|seed| model.init(Seed::from_number(seed)));
    assert_eq!(a, b);
    assert_ne!(a, c);
    let (w, b) = (a.view("w1").expect("named"), a.view("b1").expect("named"));
    let variance = w.iter().map(|w| w * w).sum::<f32>() / w.len() as f32;
    assert!((variance - 2.0 / 64.0).abs() < 2e-3, "variance {variance}");
    assert!(b.iter().all(|b| *b == 0.0));
}

/// The same cases in every run.
fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(fixed(200))]
    /// No combination of lengths and labels panics; only the one that fits is accepted.
    #[test]
    fn only_what_fits_is_accepted(p in 0usize..30, x in 0usize..10, y in prop::collection::vec(0u32..4, 0..4),
                                  g in 0usize..30, w in prop::option::of(0usize..4)) {
        let models: [Box<dyn Model>; 2] =
            [Box::new(SoftmaxRegression::new(2, 3).expect("small")), Box::new(Mlp::new(&[2, 2, 3]).expect("small"))];
        for model in models {
            let (params, features, mut gradient) = (vec![0.1; p], vec![0.2; x], vec![0.0; g]);
            let weights = w.map(|w| vec![0.5; w]);
            let batch = Batch { features: &features, labels: &y, weights: weights.as_deref() };
            let rows = y.len();
            let fits = p == model.layout().len() && x == 2 * rows && y.iter().all(|y| *y < 3) && w.is_none_or(|w| w == rows);
            let by_params = model.loss_and_gradient(&params, &batch, &mut gradient);
            prop_assert_eq!(by_params.is_ok(), fits && g == model.layout().len());
            let by_inputs = model.input_gradient(&params, &batch, &mut gradient);
            prop_assert_eq!(by_inputs.is_ok(), fits && g == x);
            let losses = model.losses(&params, &batch, &mut gradient);
            prop_assert_eq!(losses.is_ok(), fits && g == rows);
            let scores = model.scores(&params, &features, &mut gradient);
            prop_assert_eq!(scores.is_ok(), p == model.layout().len() && g % 3 == 0 && x == 2 * (g / 3));
        }
    }
}

#[test]
fn a_softmax_model_starts_undecided() {
    let model = SoftmaxRegression::new(3, 5).expect("small");
    let start: Params = model.init(Seed::from_number(3));
    let mut p = [0.0; 5];
    model.predict(start.values(), &[1.0, 2.0, 3.0], &mut p).expect("fits");
    assert_eq!(p, [0.2; 5]);
}

#[test]
fn reference_models_pass() {
    suite::model(&SoftmaxRegression::new(5, 4).expect("small")).expect("softmax regression");
    for widths in [&[4, 6, 3][..], &[3, 9, 5, 4], &[2, 3, 4, 5, 2], &[5, 4]] {
        let model = Mlp::new(widths).expect("small");
        suite::model(&model).unwrap_or_else(|broken| panic!("{widths:?}: {broken}"));
    }
}

/// What is wrong with a [`Wrong`] model.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Remembers,
    OtherLoss,
    OtherSlope,
    OtherInputSlope,
    TakesAnyLabel,
}

/// A perceptron with a fault.
struct Wrong(Mlp, Fault, AtomicU32);

impl Model for Wrong {
    fn layout(&self) -> &Arc<Layout> {
        self.0.layout()
    }

    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    fn outputs(&self) -> usize {
        self.0.outputs()
    }

    fn init(&self, seed: Seed) -> Params {
        self.0.init(seed)
    }

    fn differentiate(
        &self,
        params: &[f32],
        features: &[f32],
        errors: Errors<'_>,
        gradient: Gradient<'_>,
    ) -> Result<f64, ModelError> {
        self.0.differentiate(params, features, errors, gradient)
    }

    fn loss_and_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        let first = vec![0; batch.labels.len()];
        let labels = if self.1 == Fault::TakesAnyLabel { &first } else { batch.labels };
        let wrong = self.0.loss_and_gradient(params, &Batch { labels, ..*batch }, gradient);
        let loss = match self.1 {
            Fault::TakesAnyLabel => match self.0.loss_and_gradient(params, batch, gradient) {
                Err(ModelError::Label { .. }) => wrong?,
                other => other?,
            },
            _ => wrong?,
        };
        match self.1 {
            Fault::Remembers => gradient[0] += self.2.fetch_add(1, Ordering::Relaxed) as f32,
            Fault::OtherSlope => gradient[1] *= 1.5,
            _ => {}
        }
        Ok(if self.1 == Fault::OtherLoss { 2.0 * loss } else { loss })
    }

    fn input_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        let loss = self.0.input_gradient(params, batch, gradient)?;
        if self.1 == Fault::OtherInputSlope {
            gradient.reverse();
        }
        Ok(loss)
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        self.0.scores(params, features, scores)
    }
}

#[test]
fn a_wrong_model_is_refused_by_the_law_it_breaks() {
    for (fault, expected) in [
        (Fault::None, Ok(())),
        (Fault::Remembers, Err(ModelLaw::Purity)),
        (Fault::OtherLoss, Err(ModelLaw::Agreement)),
        (Fault::OtherSlope, Err(ModelLaw::Gradient)),
        (Fault::OtherInputSlope, Err(ModelLaw::Gradient)),
        (Fault::TakesAnyLabel, Err(ModelLaw::Refusal)),
    ] {
        let model = Wrong(Mlp::new(&[4, 5, 3]).expect("small"), fault, AtomicU32::new(0));
        assert_eq!(suite::model(&model).map_err(|broken| broken.law), expected);
    }
}
