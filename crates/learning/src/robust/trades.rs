//! TRADES (Zhang et al., ICML 2019, arXiv 1901.08573): clean accuracy and robustness, weighed against each other.
//!
//! ```text
//! L = mean [ CE(f(x), y) + β·KL(f(x) ‖ f(x')) ],   x' = argmax over the box of KL(f(x) ‖ f(x'))          (eq. 5)
//!
//! p = f(x), q = f(x'):    ∂KL/∂z' = q − p,    ∂KL/∂z = p∘(ln p − ln q − KL)
//! ```
//! The gradient goes through both f(x) and f(x'). The paper's β is 6.

use super::Pgd;
use crate::eval;
use crate::model::{Batch, Gradient, Loss, Model, ModelError, softmax_in_place};
use crate::optim::{Objective, Session, objective};
use crate::scratch;
use bitneuron_core::{Dataset, Layout};
use std::fmt;
use std::sync::Arc;

/// The objective of TRADES.
#[derive(Clone)]
pub struct Trades {
    /// What is trained.
    pub model: Arc<dyn Model>,
    /// How x' is looked for; it needs a random start, since KL is flat at x.
    pub attack: Pgd,
    /// The price β of robustness.
    pub beta: f32,
}

impl fmt::Debug for Trades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trades")
            .field("attack", &self.attack)
            .field("beta", &self.beta)
            .finish_non_exhaustive()
    }
}

impl Objective for Trades {
    fn layout(&self) -> &Arc<Layout> {
        self.model.layout()
    }

    fn cases(&self, data: &Dataset) -> Result<usize, ModelError> {
        objective::fitting(self.model.as_ref(), data)
    }

    fn loss(&self, params: &[f32], data: &Dataset) -> Result<f64, ModelError> {
        eval::cross_entropy(self.model.as_ref(), params, data)
    }

    fn gradient(
        &self,
        params: &[f32],
        data: &Dataset,
        chosen: &[usize],
        session: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        let Session { rng, room, .. } = session;
        objective::gathered(data, chosen, room, |features, labels, _| {
            let batch = Batch::new(features, labels);
            crate::model::check_batch(self.model.inputs(), self.model.outputs(), &batch)?;
            let classes = self.model.outputs();
            scratch::with(features.len() + 2 * labels.len() * classes + gradient.len(), |buffer| {
                let (moved, rest) = buffer.split_at_mut(features.len());
                let (ours, rest) = rest.split_at_mut(labels.len() * classes);
                let (theirs, second) = rest.split_at_mut(labels.len() * classes);
                self.model.predict(params, features, ours)?;
                moved.copy_from_slice(features);
                let ours = &*ours;
                self.attack.climb(self.model.as_ref(), params, moved, &mut **rng, &mut |scores| {
                    toward(scores, ours, classes, 1.0);
                    0.0
                })?;
                self.model.predict(params, moved, theirs)?;
                let theirs = &*theirs;
                let scale = self.beta / labels.len().max(1) as f32;
                let mut errors = |scores: &mut [f32]| {
                    let loss = Loss::CrossEntropy.errors(scores, &batch);
                    loss + f64::from(scale) * away(scores, ours, theirs, classes, scale)
                };
                let loss = self.model.differentiate(
                    params,
                    features,
                    &mut errors,
                    Gradient::Parameters(gradient),
                )?;
                let mut errors = |scores: &mut [f32]| {
                    toward(scores, ours, classes, scale);
                    0.0
                };
                self.model.differentiate(params, moved, &mut errors, Gradient::Parameters(second))?;
                gradient.iter_mut().zip(&*second).for_each(|(sum, slope)| *sum += slope);
                Ok(loss)
            })
        })
    }
}

/// Replaces scores z' by `scale·(q − p)`.
fn toward(scores: &mut [f32], p: &[f32], classes: usize, scale: f32) {
    for (row, p) in scores.chunks_exact_mut(classes.max(1)).zip(p.chunks_exact(classes.max(1))) {
        softmax_in_place(row);
        row.iter_mut().zip(p).for_each(|(q, p)| *q = scale * (*q - p));
    }
}

/// Adds `scale·p∘(ln p − ln q − KL)` to errors; the sum of all KL.
fn away(errors: &mut [f32], p: &[f32], q: &[f32], classes: usize, scale: f32) -> f64 {
    let rows = p.chunks_exact(classes.max(1)).zip(q.chunks_exact(classes.max(1)));
    let mut sum = 0.0;
    for (row, (p, q)) in errors.chunks_exact_mut(classes.max(1)).zip(rows) {
        // Where p is 0 its share of the divergence is 0; q is kept from it.
        let ratio = |(p, q): (&f32, &f32)| (p.max(f32::MIN_POSITIVE) / q.max(f32::MIN_POSITIVE)).ln();
        let divergence: f32 = p.iter().zip(q).map(|pair| pair.0 * ratio(pair)).sum();
        for (error, pair) in row.iter_mut().zip(p.iter().zip(q)) {
            *error += scale * pair.0 * (ratio(pair) - divergence);
        }
        sum += f64::from(divergence);
    }
    sum
}
