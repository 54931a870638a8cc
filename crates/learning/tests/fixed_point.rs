//! Training in few bits learns as well, obeys the laws of updates, and ends on its grids.

use bitneuron_compress::factor::TrainLinear;
use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::model::{Layer, Mlp, Model, SoftmaxRegression};
use bitneuron_learning::optim::{Adam, FixedPoint};
use bitneuron_learning::{Update, data, eval, suite};
use std::sync::Arc;

/// 64-128-10, the hidden layer a train of matrices.
fn factored() -> Arc<Mlp> {
    let hidden = TrainLinear::interleaved(&[4, 4, 4], &[4, 4, 8], &[6, 6]).expect("small");
    let layers = vec![Layer::Factored(Arc::new(hidden)), Layer::Dense { inputs: 128, outputs: 10 }];
    Arc::new(Mlp::of(layers).expect("widths meet"))
}

/// Every fifth row of the digits to report on, the others to learn from.
fn halves() -> [Dataset; 2] {
    let all = data::digits(include_bytes!("../../../data/digits.csv.gz")).expect("the digits");
    let rows = |report: bool| -> Vec<usize> { (0..all.len()).filter(|at| (at % 5 == 0) == report).collect() };
    [false, true].map(|report| all.select(&rows(report)))
}

/// The accuracy on the rows of the report after `update`, from the same start for all of one seed.
fn accuracy(model: &Arc<Mlp>, update: &mut dyn Update, rows: &[Dataset; 2], seed: Seed) -> f64 {
    let mut params = model.init(seed);
    update.update(&mut params, &rows[0], 0, seed).expect("converges");
    eval::accuracy(model.as_ref(), params.values(), &rows[1]).expect("fits")
}

#[test]
fn eight_bits_lose_less_than_a_point() {
    let (model, rows) = (factored(), halves());
    let mean = |update: &mut dyn Update| {
        (1..=3).map(|seed| accuracy(&model, update, &rows, Seed::from_number(seed))).sum::<f64>() / 3.0
    };
    let fine = mean(&mut Adam::new(model.clone(), 5e-3, 32).with_epochs(12));
    let coarse = |bits| FixedPoint::new(model.clone(), bits, 5e-3, 32).with_epochs(12);
    let (eight, four) = (mean(&mut coarse(8)), mean(&mut coarse(4)));
    assert!(fine > 0.93 && eight > fine - 0.01, "{fine} in single precision, {eight} in eight bits");
    assert!(four > fine - 0.15, "{four} in four bits");
}

#[test]
fn what_is_learned_are_integers_of_few_bits() {
    let (model, [train, _]) = (factored(), halves());
    let train = train.select(&(0..200).collect::<Vec<_>>());
    for bits in [2, 4, 8] {
        let mut params = model.init(Seed::from_number(1));
        let mut update = FixedPoint::new(model.clone(), bits, 5e-3, 32).with_epochs(2);
        update.update(&mut params, &train, 0, Seed::from_number(2)).expect("converges");
        for (index, entry) in model.layout().entries().iter().enumerate().filter(|(_, e)| e.shape.len() > 1) {
            let values = &params.values()[model.layout().range(index).expect("listed")];
            // The unit is the greatest power of two that divides all values; then the integers are counted.
            let unit = (-60..20)
                .rev()
                .map(|e| 2f32.powi(e))
                .find(|unit| values.iter().all(|value| (value / unit).fract().to_bits() << 1 == 0));
            let unit = unit.unwrap_or_else(|| panic!("{} is on no grid", entry.name));
            let largest = values.iter().fold(0.0, |most: f32, value| most.max((value / unit).abs()));
            assert!(largest < 2f32.powi(bits as i32 - 1), "{}: {largest} in {bits} bits", entry.name);
        }
    }
}

#[test]
fn the_laws_of_updates_hold() {
    let model: Arc<dyn Model> = Arc::new(SoftmaxRegression::new(6, 3).expect("small"));
    for bits in [6, 8, 16] {
        let mut update = FixedPoint::new(Arc::clone(&model), bits, 0.05, 8).with_epochs(4);
        suite::update(&mut update, model.as_ref()).unwrap_or_else(|broken| panic!("{bits} bits: {broken}"));
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let (model, [train, _]) = (factored(), halves());
    let start = model.init(Seed::from_number(1));
    let sound = FixedPoint::new(model.clone(), 8, 1e-3, 32);
    let wrong = [
        FixedPoint { bits: 1, ..sound.clone() },
        FixedPoint { bits: 17, ..sound.clone() },
        FixedPoint { rate: f32::NAN, ..sound.clone() },
        FixedPoint { batch: 0, ..sound.clone() },
        FixedPoint { rate: f32::MAX, ..sound },
    ];
    for mut update in wrong {
        let mut params = start.clone();
        assert!(update.update(&mut params, &train, 0, Seed::default()).is_err(), "{update:?}");
        assert_eq!(params, start, "refusal is free");
    }
}
