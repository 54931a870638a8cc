//! K-means: centres that stand for the rows around them.
//!
//! ```text
//! ℓ(x) = ½·min_c ‖x − c‖²,      ∂ℓ/∂c = c − x for the nearest centre, 0 for the others
//! Lloyd:  each centre ← the mean of the rows that are nearest to it                       (Lloyd 1982)
//! ```
//!
//! Parameters: `centres [k, d]`. The order of the centres means nothing, so models are merged only while they share their
//! history: nodes start from the same centres.

use super::{ModelError, check_length};
use crate::optim::{Objective, Session, objective};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Layout, Params, Seed};
use rand::RngExt as _;
use std::sync::Arc;

/// A set of centres.
///
/// ```
/// use bitneuron_core::{Dataset, Seed};
/// use bitneuron_learning::{Update, model::{KMeans, Lloyd}};
/// let rows = ndarray::array![[0.0, 0.1], [0.1, 0.0], [1.0, 0.9], [0.9, 1.0]];
/// let data = Dataset::new(rows, vec![0; 4])?;
/// let model = KMeans::new(2, 2)?;
/// let mut centres = model.spread(&data, Seed::from_number(1))?;
/// Lloyd::new(model.clone(), 5).update(&mut centres, &data, 0, Seed::from_number(1))?;
/// let of = model.assign(centres.values(), &data)?;
/// assert!(of[0] == of[1] && of[2] == of[3] && of[0] != of[2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct KMeans {
    width: usize,
    layout: Arc<Layout>,
}

impl KMeans {
    /// `centres` centres of rows of `width` features.
    ///
    /// # Errors
    /// A size of zero, or more parameters than a layout may have.
    pub fn new(centres: usize, width: usize) -> Result<Self, ModelError> {
        let refuse = || ModelError::Widths(vec![centres, width]);
        let size = |size: usize| u32::try_from(size).ok().filter(|size| *size > 0).ok_or_else(refuse);
        let layout = Layout::of(&[("centres", &[size(centres)?, size(width)?])]).map_err(|_| refuse())?;
        Ok(Self { width, layout: Arc::new(layout) })
    }

    /// First centres far apart: rows of the data, each drawn with a chance that grows with the square of its distance from
    /// those before (Arthur and Vassilvitskii, SODA 2007).
    ///
    /// # Errors
    /// Rows of another width, or none.
    pub fn spread(&self, data: &Dataset, seed: Seed) -> Result<Params, ModelError> {
        let rows = self.cases(data)?;
        if rows == 0 {
            return Err(ModelError::Length { what: "features", found: 0, expected: self.width });
        }
        let mut rng = seed.derive("first centres").rng();
        let mut params = Params::zeros(Arc::clone(&self.layout));
        let mut nearest = vec![f64::INFINITY; rows];
        let mut drawn = rng.random_range(0..rows);
        for centre in params.values_mut().chunks_exact_mut(self.width) {
            let row = data.features().row(drawn);
            centre.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
            for (row, least) in data.features().rows().into_iter().zip(&mut nearest) {
                let distance: f64 = row.iter().zip(&*centre).map(|(a, b)| f64::from(a - b).powi(2)).sum();
                *least = least.min(distance);
            }
            let mut rest = rng.random::<f64>() * nearest.iter().sum::<f64>();
            let beyond = |least: &f64| {
                rest -= least;
                rest < 0.0
            };
            // Where all rows are centres already, the last one stands for all.
            drawn = nearest.iter().position(beyond).unwrap_or(rows - 1);
        }
        Ok(params)
    }

    /// The number of the nearest centre of each row.
    ///
    /// # Errors
    /// Centres or rows of another size.
    pub fn assign(&self, centres: &[f32], data: &Dataset) -> Result<Vec<u32>, ModelError> {
        check_length("centres", centres.len(), self.layout.len())?;
        self.cases(data)?;
        let features = crate::eval::row_major(data);
        Ok(features.chunks_exact(self.width).map(|row| self.nearest(centres, row).0 as u32).collect())
    }

    /// The nearest centre, the first of equals, and the square of its distance.
    fn nearest(&self, centres: &[f32], row: &[f32]) -> (usize, f32) {
        let mut best = (0, f32::INFINITY);
        for (number, centre) in centres.chunks_exact(self.width).enumerate() {
            let distance = centre.iter().zip(row).map(|(a, b)| (a - b).powi(2)).sum();
            if distance < best.1 {
                best = (number, distance);
            }
        }
        best
    }
}

impl Objective for KMeans {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn cases(&self, data: &Dataset) -> Result<usize, ModelError> {
        check_length("features", data.features().len(), data.len().saturating_mul(self.width))?;
        Ok(data.len())
    }

    fn loss(&self, params: &[f32], data: &Dataset) -> Result<f64, ModelError> {
        check_length("centres", params.len(), self.layout.len())?;
        self.cases(data)?;
        let features = crate::eval::row_major(data);
        let squares = features.chunks_exact(self.width).map(|row| f64::from(self.nearest(params, row).1));
        Ok(0.5 * squares.sum::<f64>() / data.len().max(1) as f64)
    }

    fn gradient(
        &self,
        params: &[f32],
        data: &Dataset,
        chosen: &[usize],
        session: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        check_length("centres", params.len(), self.layout.len())?;
        check_length("gradient", gradient.len(), self.layout.len())?;
        self.cases(data)?;
        gradient.fill(0.0);
        objective::gathered(data, chosen, &mut session.room, |features, labels, _| {
            let share = 1.0 / labels.len().max(1) as f32;
            let mut loss = 0.0;
            for row in features.chunks_exact(self.width) {
                let (number, square) = self.nearest(params, row);
                loss += 0.5 * f64::from(share) * f64::from(square);
                let own = number * self.width..(number + 1) * self.width;
                let slopes = gradient[own.clone()].iter_mut().zip(&params[own]);
                slopes.zip(row).for_each(|((slope, centre), x)| *slope += share * (centre - x));
            }
            Ok(loss)
        })
    }
}

/// Lloyd's algorithm: all rows at once, a few passes in each update. A centre without rows stays where it is.
#[derive(Debug, Clone)]
pub struct Lloyd {
    model: KMeans,
    passes: u32,
}

impl Lloyd {
    /// So many passes in an update.
    pub const fn new(model: KMeans, passes: u32) -> Self {
        Self { model, passes }
    }

    /// The means of the rows that are nearest to each centre.
    fn pass(&self, centres: &mut [f32], features: &[f32]) {
        let width = self.model.width;
        let mut sums = vec![0.0f64; centres.len()];
        let mut counts = vec![0u64; centres.len() / width];
        for row in features.chunks_exact(width) {
            let (number, _) = self.model.nearest(centres, row);
            counts[number] += 1;
            let sums = &mut sums[number * width..(number + 1) * width];
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        let means = centres.chunks_exact_mut(width).zip(sums.chunks_exact(width)).zip(counts);
        for ((centre, sums), count) in means.filter(|(_, count)| *count > 0) {
            centre.iter_mut().zip(sums).for_each(|(centre, sum)| *centre = (sum / count as f64) as f32);
        }
    }
}

impl Update for Lloyd {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        _round: u64,
        _seed: Seed,
    ) -> Result<Progress, UpdateError> {
        if params.layout() != &self.model.layout {
            return Err(UpdateError::Layout);
        }
        if data.is_empty() {
            return Err(UpdateError::Empty);
        }
        let finite = |loss: f64, step: u32| match loss {
            loss if loss.is_finite() => Ok(loss),
            _ => Err(UpdateError::Diverged { step: step.into() }),
        };
        let loss_before = finite(self.model.loss(params.values(), data)?, 0)?;
        let features = crate::eval::row_major(data);
        let mut centres = params.values().to_vec();
        for _ in 0..self.passes {
            self.pass(&mut centres, &features);
        }
        let loss_after = finite(self.model.loss(&centres, data)?, self.passes)?;
        params.values_mut().copy_from_slice(&centres);
        Ok(Progress { loss_before, loss_after, samples: u64::from(self.passes) * data.len() as u64 })
    }
}
