//! Training in few bits: parameters that are integers of 4 or 8 bits at every step (Yang, Shan and Zhang, arXiv 2209.04003, for CP
//! factors; K. Zhang et al., arXiv 2104.03420, for tensor trains on an FPGA).
//!
//! Between two steps nothing is held of a tensor but integers q of b bits and one exponent e:
//!
//! ```text
//! θ = q·2^e,   |q| < 2^(b−1);     θ′ = θ − η·m̂/(√v̂ + ε),   q′ = ⌊θ′/2^e + u⌋,   u uniform in [0, 1)
//! ```
//! Gradients and their moments are accumulated in single precision ([`Adam`](super::Adam)'s); a step is mostly much smaller than 2^e, and
//! rounding at random keeps it right on average, where rounding to nearest would lose it. What it costs is noise of about
//! √(|step|·2^e) each time, so the rate falls to a twentieth over the epochs. The moments also do what the first of the paper's two
//! stages does: far from the optimum a step is about η times the sign of the gradient.
//!
//! An exponent rises as soon as a value would not fit, and falls after an epoch in which no integer uses the upper half of its range
//! (dynamic fixed point; Courbariaux, Bengio and David, arXiv 1412.7024). Vectors, which biases are, have 16 bits. The random words
//! are those of [`Draws`] by step, tensor and element, so that every single rounding can be audited.

use super::batches::Batches;
use super::{Moments, Rate};
use crate::eval;
use crate::merge::admit::is_finite;
use crate::model::{Batch, Model, check_batch};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_compress::quant::Draws;
use bitneuron_core::{Dataset, Params, Seed};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Bits of tensors of one dimension or none.
const VECTOR_BITS: u32 = 16;
/// Exponents beyond which an `f32` has no full precision.
const EXPONENTS: Range<i32> = -100..100;

/// Adam on a shared model whose parameters are integers of few bits. Holds no state between updates.
#[derive(Clone)]
pub struct FixedPoint {
    /// What is trained.
    pub model: Arc<dyn Model>,
    /// Bits of every parameter of a matrix or factor, 2 to 16.
    pub bits: u32,
    /// The learning rate η of the first epoch.
    pub rate: f32,
    /// How often all rows are gone through.
    pub epochs: u32,
    /// Rows in a batch; the last batch of an epoch may be smaller.
    pub batch: usize,
}

impl fmt::Debug for FixedPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedPoint")
            .field("bits", &self.bits)
            .field("rate", &self.rate)
            .field("epochs", &self.epochs)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

/// A tensor as integers.
#[derive(Debug, Clone)]
struct Grid {
    place: Range<usize>,
    /// The largest integer.
    largest: i16,
    exponent: i32,
}

impl Grid {
    /// The grid of integers up to `largest` that just holds `values`.
    fn new(place: Range<usize>, largest: i16, values: &[f32]) -> Self {
        let most = values.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
        let exponent = (f64::from(most) / f64::from(largest)).log2().ceil();
        // A cast takes −∞, of zeros, to the least.
        Self { place, largest, exponent: (exponent as i32).clamp(EXPONENTS.start, EXPONENTS.end) }
    }

    fn unit(&self) -> f32 {
        2f32.powi(self.exponent)
    }

    /// The integers of `values`, each rounded with its word; the exponent rises until all fit.
    fn round(&mut self, values: &[f32], words: &[u32], integers: &mut [i16]) {
        self.exponent = self.exponent.max(Self::new(self.place.clone(), self.largest, values).exponent);
        let (inverse, largest) = (1.0 / self.unit(), f32::from(self.largest));
        for ((q, value), word) in integers.iter_mut().zip(values).zip(words) {
            // The upper 24 bits of a word are a number of [0, 1), exactly.
            let shift = (word >> 8) as f32 * 2f32.powi(-24);
            *q = (value * inverse + shift).floor().clamp(-largest, largest) as i16;
        }
    }

    /// Lowers the exponent by one where `integers` leave the upper half of the range.
    fn adapt(&mut self, integers: &[i16]) {
        let most = integers.iter().map(|q| q.abs()).max().unwrap_or_default();
        if most <= self.largest / 2 {
            self.exponent = (self.exponent - 1).max(EXPONENTS.start);
        }
    }
}

/// All parameters as integers.
struct State {
    grids: Vec<Grid>,
    integers: Vec<i16>,
    words: Vec<u32>,
}

impl State {
    fn new(model: &dyn Model, bits: u32, theta: &[f32], seed: Seed) -> Self {
        let layout = model.layout();
        let grids = layout.entries().iter().enumerate().map(|(index, entry)| {
            let place = layout.range(index).unwrap_or_default();
            let bits = if entry.shape.len() > 1 { bits } else { VECTOR_BITS };
            let largest = ((1u32 << (bits - 1)) - 1) as i16;
            Grid::new(place.clone(), largest, theta.get(place).unwrap_or_default())
        });
        let (integers, words) = (vec![0; theta.len()], vec![0; theta.len()]);
        let mut state = Self { grids: grids.collect(), integers, words };
        state.take(theta, seed.derive("start"));
        state
    }

    /// Holds `theta`, rounded at random.
    fn take(&mut self, theta: &[f32], seed: Seed) {
        for (tensor, grid) in self.grids.iter_mut().enumerate() {
            let place = grid.place.clone();
            let (values, integers) = (&theta[place.clone()], &mut self.integers[place.clone()]);
            let words = &mut self.words[place];
            Draws::new(seed, "fixed point", tensor).fill(0, words);
            grid.round(values, words, integers);
        }
    }

    /// Writes what the integers stand for.
    fn give(&self, theta: &mut [f32]) {
        for grid in &self.grids {
            let (unit, place) = (grid.unit(), grid.place.clone());
            let values = theta[place.clone()].iter_mut().zip(&self.integers[place]);
            values.for_each(|(value, q)| *value = f32::from(*q) * unit);
        }
    }

    fn adapt(&mut self) {
        for grid in &mut self.grids {
            grid.adapt(&self.integers[grid.place.clone()]);
        }
    }
}

impl FixedPoint {
    /// One epoch.
    pub fn new(model: Arc<dyn Model>, bits: u32, rate: f32, batch: usize) -> Self {
        Self { model, bits, rate, epochs: 1, batch }
    }

    /// The same with another number of epochs.
    #[must_use]
    pub fn with_epochs(self, epochs: u32) -> Self {
        Self { epochs, ..self }
    }

    fn check(&self, params: &Params, data: &Dataset) -> Result<(), UpdateError> {
        Rate::Constant(self.rate).check()?;
        if self.batch == 0 {
            return Err(UpdateError::Setting("batch"));
        }
        if !(2..=16).contains(&self.bits) {
            return Err(UpdateError::Setting("bits"));
        }
        if params.layout() != self.model.layout() {
            return Err(UpdateError::Layout);
        }
        if data.is_empty() { Err(UpdateError::Empty) } else { Ok(()) }
    }

    /// Descends from `theta`, which ends on its grids.
    fn descend(&self, theta: &mut [f32], data: &Dataset, seed: Seed) -> Result<u64, UpdateError> {
        let features = eval::row_major(data);
        let model = self.model.as_ref();
        check_batch(model.inputs(), model.outputs(), &Batch::new(&features, data.labels()))?;
        let mut batches = Batches::new(&features, data.labels(), model.inputs(), self.batch);
        let (mut moments, mut gradient) = (Moments::new(theta.len()), vec![0.0; theta.len()]);
        let mut state = State::new(model, self.bits, theta, seed);
        let (mut rng, mut samples, mut step) = (seed.derive("shuffle").rng(), 0, 0);
        for epoch in 0..self.epochs {
            let rate = self.rate * (1.0 - epoch as f32 / self.epochs as f32).max(0.05);
            batches.epoch::<UpdateError>(&mut rng, |batch| {
                state.give(theta);
                let loss = model.loss_and_gradient(theta, batch, &mut gradient)?;
                if !loss.is_finite() {
                    return Err(UpdateError::Diverged { step });
                }
                moments.step(theta, &gradient, rate);
                if !is_finite(theta) {
                    return Err(UpdateError::Diverged { step });
                }
                state.take(theta, seed.derive_number("step", step));
                (samples, step) = (samples + batch.len() as u64, step + 1);
                Ok(())
            })?;
            if epoch + 1 < self.epochs {
                state.give(theta);
                state.adapt();
                state.take(theta, seed.derive_number("epoch", u64::from(epoch)));
            }
        }
        state.give(theta);
        Ok(samples)
    }
}

impl Update for FixedPoint {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        _round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        self.check(params, data)?;
        let loss = |theta: &[f32], step: u64| match eval::mean_loss(self.model.as_ref(), theta, data)? {
            loss if loss.is_finite() => Ok(loss),
            _ => Err(UpdateError::Diverged { step }),
        };
        let loss_before = loss(params.values(), 0)?;
        let mut theta = params.values().to_vec();
        let samples = self.descend(&mut theta, data, seed)?;
        let loss_after = loss(&theta, samples.div_ceil(self.batch as u64))?;
        params.values_mut().copy_from_slice(&theta);
        Ok(Progress { loss_before, loss_after, samples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_right_on_average_and_stays_in_range() {
        let mut grid = Grid { place: 0..4, largest: 7, exponent: -2 };
        let values = [0.3, -0.3, 1.1, -1.75];
        let mut sums = [0i64; 4];
        let draws = 20_000;
        for step in 0..draws {
            let (mut words, mut integers) = ([0; 4], [0; 4]);
            Draws::new(Seed::from_number(step), "fixed point", 0).fill(0, &mut words);
            grid.round(&values, &words, &mut integers);
            assert!(integers.iter().all(|q| (-7..=7).contains(q)));
            sums.iter_mut().zip(integers).for_each(|(sum, q)| *sum += i64::from(q));
        }
        let means = sums.map(|sum| sum as f64 / draws as f64 / 4.0);
        // Five deviations of the mean of as many draws.
        for (mean, expected) in means.iter().zip([0.3, -0.3, 1.1, -1.75]) {
            assert!((mean - expected).abs() < 0.005, "{means:?}");
        }
    }

    #[test]
    fn exponents_follow_the_integers() {
        let mut grid = Grid::new(0..3, 7, &[0.5, -3.5, 1.0]);
        assert_eq!(grid.exponent, -1);
        grid.adapt(&[1, -4, 2]);
        assert_eq!(grid.exponent, -1);
        grid.adapt(&[1, -3, 2]);
        assert_eq!(grid.exponent, -2);
        let mut integers = [0; 3];
        grid.round(&[0.5, 30.0, -1.0], &[0; 3], &mut integers);
        assert_eq!((grid.exponent, integers), (3, [0, 3, -1]));
        assert_eq!(Grid::new(0..2, 127, &[0.0, 0.0]).exponent, EXPONENTS.start);
    }
}
