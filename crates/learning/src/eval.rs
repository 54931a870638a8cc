//! How good a model is: accuracy, cross-entropy, mean squared error, the confusion matrix; and the spread over nodes.
//!
//! ```text
//! accuracy       = #{i : argmax p(·|xᵢ) = yᵢ} / n            ties go to the lower class
//! cross-entropy  = −(1/n) Σ ln p(yᵢ|xᵢ)                       nats
//! squared error  = (1/n) Σᵢ (1/C) Σ_c (p(c|xᵢ) − [c = yᵢ])²   (Brier score over C classes)
//! ```
//!
//! Rows are scored in blocks, so memory does not grow with the data.

use crate::model::{Batch, Loss, Model, ModelError, check_batch, check_length, softmax_in_place};
use crate::scratch;
use bitneuron_core::Dataset;
use std::borrow::Cow;

/// Rows scored at once.
const BLOCK: usize = 256;

/// All figures of one model on one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Rows seen.
    pub rows: usize,
    /// The share of rows whose class was named.
    pub accuracy: f64,
    /// Mean cross-entropy in nats.
    pub cross_entropy: f64,
    /// Mean squared error of the probabilities.
    pub mean_squared_error: f64,
    /// Which classes were taken for which.
    pub confusion: Confusion,
}

/// Counts of rows by true class (row) and named class (column).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

impl Confusion {
    /// The number of classes.
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// How many rows of class `truth` were taken for `named`; zero for classes that do not exist.
    pub fn count(&self, truth: usize, named: usize) -> u64 {
        if truth >= self.classes || named >= self.classes {
            return 0;
        }
        self.counts.get(truth * self.classes + named).copied().unwrap_or(0)
    }

    /// The share of the rows of class `truth` that were named rightly; `None` without such rows.
    pub fn recall(&self, truth: usize) -> Option<f64> {
        let all: u64 = (0..self.classes).map(|named| self.count(truth, named)).sum();
        (all > 0).then(|| self.count(truth, truth) as f64 / all as f64)
    }
}

/// The worst, mean and best of a figure over nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The smallest.
    pub worst: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub best: f64,
}

impl Spread {
    /// The spread of figures of which more is better; `None` of nothing.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (mut worst, mut best, mut sum, mut count) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0u64);
        for figure in figures {
            (worst, best) = (worst.min(figure), best.max(figure));
            sum += figure;
            count += 1;
        }
        (count > 0).then(|| Self { worst, mean: sum / count as f64, best })
    }
}

/// The share of rows whose class is named rightly; zero of no rows.
///
/// # Errors
/// Parameters or data that do not fit the model.
pub fn accuracy(model: &dyn Model, params: &[f32], data: &Dataset) -> Result<f64, ModelError> {
    let mut right = 0u64;
    scored(model, params, data, |scores, label| right += u64::from(argmax(scores) == label as usize))?;
    Ok(right as f64 / data.len().max(1) as f64)
}

/// The mean of the model's own loss; zero of no rows.
///
/// # Errors
/// Parameters or data that do not fit the model.
pub fn mean_loss(model: &dyn Model, params: &[f32], data: &Dataset) -> Result<f64, ModelError> {
    scratch::with(data.len(), |each| {
        losses(model, params, data, each)?;
        Ok(each.iter().map(|loss| f64::from(*loss)).sum::<f64>() / data.len().max(1) as f64)
    })
}

/// The loss of each row by which the model is trained, written to `losses` (`[n]`).
///
/// # Errors
/// Parameters, data or losses that do not fit the model.
pub fn losses(
    model: &dyn Model,
    params: &[f32],
    data: &Dataset,
    losses: &mut [f32],
) -> Result<(), ModelError> {
    let (features, inputs) = (row_major(data), model.inputs());
    check_batch(inputs, model.outputs(), &Batch::new(&features, data.labels()))?;
    check_length("losses", losses.len(), data.len())?;
    let rows = features.chunks(BLOCK * inputs.max(1)).zip(data.labels().chunks(BLOCK));
    for ((rows, labels), losses) in rows.zip(losses.chunks_mut(BLOCK)) {
        model.losses(params, &Batch::new(rows, labels), losses)?;
    }
    Ok(())
}

/// Mean cross-entropy in nats, whatever loss the model is trained by; zero of no rows.
///
/// # Errors
/// Parameters or data that do not fit the model.
pub fn cross_entropy(model: &dyn Model, params: &[f32], data: &Dataset) -> Result<f64, ModelError> {
    let mut sum = 0.0;
    scored(model, params, data, |scores, label| {
        let mut loss = [0.0];
        Loss::CrossEntropy.losses(scores, &[label], &mut loss);
        sum += f64::from(loss[0]);
    })?;
    Ok(sum / data.len().max(1) as f64)
}

/// Mean squared error of the class probabilities; zero of no rows.
///
/// # Errors
/// Parameters or data that do not fit the model.
pub fn mean_squared_error(model: &dyn Model, params: &[f32], data: &Dataset) -> Result<f64, ModelError> {
    Ok(evaluate(model, params, data)?.mean_squared_error)
}

/// Which classes are taken for which.
///
/// # Errors
/// Parameters or data that do not fit the model.
pub fn confusion(model: &dyn Model, params: &[f32], data: &Dataset) -> Result<Confusion, ModelError> {
    let classes = model.outputs();
    let mut confusion = Confusion { classes, counts: vec![0; classes * classes] };
    scored(model, params, data, |scores, label| {
        confusion.counts[label as usize * classes + argmax(scores)] += 1;
    })?;
    Ok(confusion)
}

/// All figures in one pass.
///
/// # Errors
/// Parameters or data that do not fit the model.
pub fn evaluate(model: &dyn Model, params: &[f32], data: &Dataset) -> Result<Evaluation, ModelError> {
    let classes = model.outputs();
    let mut counts = vec![0; classes * classes];
    let (mut entropy, mut squares) = (0.0, 0.0);
    scored(model, params, data, |scores, label| {
        let named = argmax(scores);
        let (own, max) = (scores[label as usize], scores[named]);
        counts[label as usize * classes + named] += 1;
        entropy += f64::from(scores.iter().map(|score| (score - max).exp()).sum::<f32>().ln() + (max - own));
        softmax_in_place(scores);
        for (class, p) in scores.iter().enumerate() {
            let miss = f64::from(*p) - f64::from(u8::from(class == label as usize));
            squares += miss * miss / classes as f64;
        }
    })?;
    let confusion = Confusion { classes, counts };
    let right: u64 = (0..classes).map(|class| confusion.count(class, class)).sum();
    let n = data.len().max(1) as f64;
    Ok(Evaluation {
        rows: data.len(),
        accuracy: right as f64 / n,
        cross_entropy: entropy / n,
        mean_squared_error: squares / n,
        confusion,
    })
}

/// Calls `each` with the scores and the label of every row.
pub(crate) fn scored(
    model: &dyn Model,
    params: &[f32],
    data: &Dataset,
    mut each: impl FnMut(&mut [f32], u32),
) -> Result<(), ModelError> {
    let (features, inputs, classes) = (row_major(data), model.inputs(), model.outputs());
    check_batch(inputs, classes, &Batch::new(&features, data.labels()))?;
    scratch::with(BLOCK.min(data.len()) * classes, |scores| {
        for (rows, labels) in features.chunks(BLOCK * inputs.max(1)).zip(data.labels().chunks(BLOCK)) {
            let scores = &mut scores[..labels.len() * classes];
            model.scores(params, rows, scores)?;
            scores.chunks_exact_mut(classes.max(1)).zip(labels).for_each(|(row, label)| each(row, *label));
        }
        Ok(())
    })
}

/// The first of the largest.
pub(crate) fn argmax(scores: &[f32]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = index;
        }
    }
    best
}

/// The features as one slice, row by row; copied only where the array lies otherwise in memory.
pub(crate) fn row_major(data: &Dataset) -> Cow<'_, [f32]> {
    match data.features().as_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(data.features().iter().copied().collect()),
    }
}
