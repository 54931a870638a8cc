//! Data drawn from a seed, as many rows as are wanted: for studies of scale, and of what goes wrong.

use crate::draw::normal;
use bitneuron_core::{Dataset, Seed};
use ndarray::Array2;
use rand::{Rng, RngExt as _};

/// Classes as normal clouds around random corners.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blobs {
    /// Rows.
    pub rows: usize,
    /// Features.
    pub features: usize,
    /// Classes, in turn.
    pub classes: u32,
    /// The distance between two centres, in standard deviations of a cloud, on average.
    pub distance: f32,
}

impl Blobs {
    /// The rows of this seed. The clouds follow from `seed` alone, the rows from `part` too: one seed gives the rows to train
    /// on and those to be judged by.
    pub fn draw(&self, seed: Seed, part: &str) -> Dataset {
        let mut rng = seed.derive("clouds").rng();
        let scale = f64::from(self.distance) / (2.0 * self.features.max(1) as f64).sqrt();
        let count = self.classes as usize * self.features;
        let centres: Vec<f32> = (0..count).map(|_| (scale * normal(&mut rng)) as f32).collect();
        let mut rng = seed.derive(part).rng();
        let label = |row: usize| row as u32 % self.classes.max(1);
        let cell = |(row, column): (usize, usize)| {
            let centre = centres.get(label(row) as usize * self.features + column).copied().unwrap_or(0.0);
            centre + normal(&mut rng) as f32
        };
        let features = Array2::from_shape_fn((self.rows, self.features), cell);
        labelled(features, (0..self.rows).map(label).collect(), vec![0; self.rows])
    }
}

/// Arms of a spiral in the plane, one for each class: no affine map tells them apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spirals {
    /// Rows.
    pub rows: usize,
    /// Arms, in turn.
    pub classes: u32,
    /// How often an arm goes round.
    pub turns: f32,
    /// The standard deviation of the noise; the spiral has the radius 1.
    pub noise: f32,
}

impl Spirals {
    /// The rows of this seed.
    pub fn draw(&self, seed: Seed) -> Dataset {
        let mut rng = seed.derive("spirals").rng();
        let classes = self.classes.max(1);
        let labels: Vec<u32> = (0..self.rows).map(|row| row as u32 % classes).collect();
        let mut features = Vec::with_capacity(2 * self.rows);
        for label in &labels {
            let radius = rng.random::<f32>().sqrt();
            let arm = *label as f32 / classes as f32;
            let angle = std::f32::consts::TAU * (self.turns * radius + arm);
            let noise = |rng: &mut dyn Rng| self.noise * normal(rng) as f32;
            features.push(radius * angle.cos() + noise(&mut rng));
            features.push(radius * angle.sin() + noise(&mut rng));
        }
        labelled(
            Array2::from_shape_vec((self.rows, 2), features).unwrap_or_default(),
            labels,
            vec![0; self.rows],
        )
    }
}

/// Two classes, two groups, and a shortcut that holds in the larger group alone.
///
/// ```text
/// x = ( y + 1.2·noise,  s + 0.5·noise,  noise, … ),   y = ±1;   s = y in group 0,  s = −y in group 1
/// ```
/// The second feature is the clearer one, so a model that is trained for the mean leans on it and fails in group 1: the
/// picture of a spurious correlation (Sagawa et al., ICLR 2020).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shortcut {
    /// Rows.
    pub rows: usize,
    /// The share of rows in group 1.
    pub minority: f32,
    /// Features that mean nothing.
    pub noise: usize,
}

impl Shortcut {
    /// The rows of this seed.
    pub fn draw(&self, seed: Seed) -> Dataset {
        let mut rng = seed.derive("shortcut").rng();
        let (mut features, mut labels, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..self.rows {
            let label = row as u32 % 2;
            let group = u32::from(rng.random::<f32>() < self.minority);
            let y = 2.0 * label as f32 - 1.0;
            let s = if group == 0 { y } else { -y };
            let mut noise = || normal(&mut rng) as f32;
            features.extend([y + 1.2 * noise(), s + 0.5 * noise()]);
            features.extend((0..self.noise).map(|_| noise()));
            labels.push(label);
            groups.push(group);
        }
        labelled(
            Array2::from_shape_vec((self.rows, 2 + self.noise), features).unwrap_or_default(),
            labels,
            groups,
        )
    }
}

/// Equally many rows, labels and groups.
fn labelled(features: Array2<f32>, labels: Vec<u32>, groups: Vec<u32>) -> Dataset {
    Dataset::grouped(features, labels, groups)
        .unwrap_or_else(|_| unreachable!("a label and a group for each row"))
}
