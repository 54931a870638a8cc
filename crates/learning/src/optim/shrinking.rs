//! Training of a factored perceptron whose ranks find themselves, and that ends as coarse as it will be sent.
//!
//! 1. *Shrinking*, two thirds of the epochs: Adam on the loss plus the rank prior; after each epoch the indices whose
//!    variance has fallen below the threshold are cut out (`bitneuron_compress::rank`). Ranks may start far too large.
//! 2. *Tuning*, the last third: the prior is off, the ranks stay, and the rate falls.
//! 3. *Settling*, if a codec is given: the gradient is taken at the parameters as the codec restores them, while the
//!    parameters themselves move in full precision (straight through). What is handed back has been through the codec, so
//!    that its accuracy is the one measured.

use super::batches::Batches;
use super::{Moments, Rate};
use crate::eval;
use crate::merge::admit::is_finite;
use crate::model::{Batch, Mlp, Model, ModelError, check_batch};
use crate::update::UpdateError;
use bitneuron_compress::rank::{Bond, RankControl, Shrinkage, prune};
use bitneuron_compress::{Compressor, Limits};
use bitneuron_core::{Dataset, Params, Seed};
use rand::Rng;
use std::fmt;
use std::sync::Arc;

/// How a factored perceptron is trained while its ranks shrink.
#[derive(Clone)]
pub struct Shrinking {
    /// The prior of the ranks and where it ends.
    pub ranks: Shrinkage,
    /// The learning rate of Adam.
    pub rate: f32,
    /// Rows in a batch.
    pub batch: usize,
    /// Epochs in which ranks may shrink.
    pub epochs: u32,
    /// The codec that the parameters are sent through, and the epochs in which they get used to it.
    pub settle: Option<(Arc<dyn Compressor>, u32)>,
}

impl fmt::Debug for Shrinking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shrinking")
            .field("ranks", &self.ranks)
            .field("rate", &self.rate)
            .field("batch", &self.batch)
            .field("epochs", &self.epochs)
            .field("settle", &self.settle.as_ref().map(|(codec, epochs)| (codec.codec(), epochs)))
            .finish()
    }
}

/// What was learned: a model with its own ranks, and its parameters.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The model.
    pub model: Mlp,
    /// Its parameters.
    pub params: Params,
}

/// The parameters on their way, and all that has their shape.
struct State {
    model: Mlp,
    theta: Vec<f32>,
    moments: Moments,
    bonds: Vec<Bond>,
    control: RankControl,
}

impl Shrinking {
    /// Trains `model` from `start`.
    ///
    /// # Errors
    /// As an update: settings out of range, data or parameters that do not fit, divergence; or the codec failed.
    pub fn run(
        &self,
        model: &Mlp,
        start: &Params,
        data: &Dataset,
        seed: Seed,
    ) -> Result<Shrunk, UpdateError> {
        Rate::Constant(self.rate).check()?;
        if self.batch == 0 {
            return Err(UpdateError::Setting("batch"));
        }
        if start.layout() != model.layout() {
            return Err(UpdateError::Layout);
        }
        if data.is_empty() {
            return Err(UpdateError::Empty);
        }
        let features = eval::row_major(data);
        check_batch(model.inputs(), model.outputs(), &Batch::new(&features, data.labels()))?;
        let mut batches = Batches::new(&features, data.labels(), model.inputs(), self.batch);
        let bonds = model.bonds();
        let mut state = State {
            model: model.clone(),
            theta: start.values().to_vec(),
            moments: Moments::new(start.values().len()),
            control: RankControl::new(self.ranks, &bonds, start.values()),
            bonds,
        };
        let mut rng = seed.derive("shuffle").rng();
        let tuning = self.epochs / 3;
        for epoch in 0..self.epochs - tuning {
            state.shrink(&mut batches, &mut rng, epoch, self.rate)?;
        }
        for epoch in 0..tuning {
            state.tune(&mut batches, &mut rng, None, falling(self.rate, epoch, tuning))?;
        }
        if let Some((codec, epochs)) = &self.settle {
            for epoch in 0..*epochs {
                let rate = falling(0.5 * self.rate, epoch, *epochs);
                state.tune(&mut batches, &mut rng, Some(codec.as_ref()), rate)?;
            }
            state.theta = state.coarse(codec.as_ref())?;
        }
        let values = state.theta;
        if !is_finite(&values) {
            return Err(UpdateError::Diverged { step: 0 });
        }
        let params =
            Params::new(values, Arc::clone(state.model.layout())).map_err(|_| UpdateError::Layout)?;
        Ok(Shrunk { model: state.model, params })
    }
}

impl State {
    /// One epoch with the prior, and a cut.
    fn shrink(
        &mut self,
        batches: &mut Batches<'_>,
        rng: &mut impl Rng,
        epoch: u32,
        rate: f32,
    ) -> Result<(), UpdateError> {
        let weight = self.control.weight(f64::from(epoch));
        let mut gradient = vec![0.0; self.theta.len()];
        batches.epoch::<UpdateError>(rng, |batch| {
            check_loss(self.model.loss_and_gradient(&self.theta, batch, &mut gradient)?)?;
            self.control.add_gradient(weight, &self.bonds, &self.theta, &mut gradient);
            self.moments.step(&mut self.theta, &gradient, rate);
            self.control.observe(&self.bonds, &self.theta);
            Ok(())
        })?;
        if weight > 0.0 { Ok(self.cut()?) } else { Ok(()) }
    }

    /// Cuts out what has shrunk to nothing.
    fn cut(&mut self) -> Result<(), ModelError> {
        let keep = self.control.keep(&self.bonds);
        if keep.iter().flatten().all(|keep| *keep) {
            return Ok(());
        }
        let ranks: Vec<usize> = keep.iter().map(|keep| keep.iter().filter(|keep| **keep).count()).collect();
        self.model = self.model.with_ranks(&ranks)?;
        for values in [&mut self.theta, &mut self.moments.mean, &mut self.moments.square] {
            *values = prune(&self.bonds, &keep, values);
        }
        self.control.retain(&keep);
        self.bonds = self.model.bonds();
        Ok(())
    }

    /// One epoch without the prior; with a codec, at the parameters as it restores them.
    fn tune(
        &mut self,
        batches: &mut Batches<'_>,
        rng: &mut impl Rng,
        codec: Option<&dyn Compressor>,
        rate: f32,
    ) -> Result<(), UpdateError> {
        let mut gradient = vec![0.0; self.theta.len()];
        batches.epoch::<UpdateError>(rng, |batch| {
            let coarse = codec.map(|codec| self.coarse(codec)).transpose()?;
            let theta = coarse.as_deref().unwrap_or(&self.theta);
            check_loss(self.model.loss_and_gradient(theta, batch, &mut gradient)?)?;
            self.moments.step(&mut self.theta, &gradient, rate);
            Ok(())
        })
    }

    /// The parameters through the codec.
    fn coarse(&self, codec: &dyn Compressor) -> Result<Vec<f32>, UpdateError> {
        let failed = |error| UpdateError::Rule(Box::new(error));
        let layout = self.model.layout();
        let params = Params::new(self.theta.clone(), Arc::clone(layout)).map_err(|_| UpdateError::Layout)?;
        let packet = codec.compress(&params, Seed::default()).map_err(failed)?;
        let back = codec.decompress(&packet, layout, Limits::of(layout)).map_err(failed)?;
        Ok(back.into_values())
    }
}

/// The rate of an epoch: from the whole rate down to a twentieth of it.
fn falling(rate: f32, epoch: u32, epochs: u32) -> f32 {
    rate * (1.0 - epoch as f32 / epochs.max(1) as f32).max(0.05)
}

fn check_loss(loss: f64) -> Result<(), UpdateError> {
    if loss.is_finite() { Ok(()) } else { Err(UpdateError::Diverged { step: 0 }) }
}
