//! All pairwise distances of a set of vectors, by one product of matrices.
//!
//! ```text
//! Δᵢ = xᵢ − c      G = Δ·Δᵀ      d²ᵢⱼ = Gᵢᵢ + Gⱼⱼ − 2·Gᵢⱼ
//! ```
//!
//! The product runs over blocks of columns in `f32`, blocks are summed in `f64` in fixed order, so threads change no bit.
//! Where vectors are close to each other and far from the centre `c` the difference cancels: such pairs are measured
//! directly, and when most are so, the centre is moved into their midst first. Rows whose squares leave the range of
//! `f32` are scaled by powers of two. The largest relative error of a squared distance is about 10⁻⁵.

use super::products::products;
use rayon::prelude::*;
use std::ops::Range;

/// A distance below this part of what it is the difference of is measured directly.
const CANCELLED: f64 = 1e-2;
/// Squared norms outside this range are taken again with scaled rows.
const PLAIN: Range<f64> = 1e-20..1e30;

/// The squared Euclidean distances of `n` vectors, a symmetric matrix.
///
/// ```
/// use bitneuron_learning::merge::Distances;
/// let found = Distances::of(&[&[0.0, 0.0], &[3.0, 4.0], &[3.0, 0.0]]);
/// assert_eq!([found.squared(0, 1), found.squared(1, 2), found.squared(2, 2)], [25.0, 16.0, 0.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Distances {
    count: usize,
    squared: Vec<f64>,
    /// The inner products of the differences from vector 0.
    inner: Vec<f64>,
}

impl Distances {
    /// Measures vectors of finite numbers; a longer one is cut to the length of the shortest.
    pub fn of(vectors: &[&[f32]]) -> Self {
        let length = vectors.iter().map(|vector| vector.len()).min().unwrap_or(0);
        let vectors: Vec<&[f32]> = vectors.iter().map(|vector| &vector[..length]).collect();
        let count = vectors.len();
        let mut gram = Gram::about(0, &vectors);
        let mut close = gram.cancelled();
        if close.len() > 2 * count {
            let mut degree = vec![0usize; count];
            close.iter().flat_map(|(i, j)| [*i, *j]).for_each(|index| degree[index] += 1);
            let middle = (0..count).max_by_key(|index| degree[*index]).unwrap_or(0);
            gram = Gram::about(middle, &vectors);
            close = gram.cancelled();
        }
        let mut squared = gram.squared();
        let exact: Vec<f64> =
            close.par_iter().map(|(i, j)| squared_distance(vectors[*i], vectors[*j])).collect();
        for ((i, j), exact) in close.into_iter().zip(exact) {
            squared[i * count + j] = exact;
            squared[j * count + i] = exact;
        }
        Self { count, squared, inner: gram.about_first() }
    }

    /// How many vectors there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The squared distance of two of them.
    ///
    /// # Panics
    /// There are not so many vectors.
    pub fn squared(&self, a: usize, b: usize) -> f64 {
        self.row(a)[b]
    }

    /// The squared distances of one of them from all.
    ///
    /// # Panics
    /// There are not so many vectors.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.squared[index * self.count..(index + 1) * self.count]
    }

    /// The squared distance of each vector from the sum of all by `parts` that together are one.
    ///
    /// ```text
    /// ‖xᵢ − Σ cⱼ·xⱼ‖² = Σⱼ cⱼ·d²ᵢⱼ − ½·Σⱼₖ cⱼ·cₖ·d²ⱼₖ
    /// ```
    pub(super) fn to_sum(&self, parts: &[f64]) -> Vec<f64> {
        let about = |row: &[f64]| row.iter().zip(parts).map(|(d, c)| d * c).sum::<f64>();
        let means: Vec<f64> = self.squared.chunks_exact(self.count).map(about).collect();
        let spread = 0.5 * means.iter().zip(parts).map(|(mean, part)| mean * part).sum::<f64>();
        means.into_iter().map(|mean| (mean - spread).max(0.0)).collect()
    }

    /// The distances after every vector was brought toward vector 0 by a factor of at most 1.
    ///
    /// ```text
    /// ‖λᵢ·a − λⱼ·b‖² = λᵢ²·‖a‖² + λⱼ²·‖b‖² − 2·λᵢ·λⱼ·⟨a, b⟩
    /// ```
    pub(super) fn drawn_in(&self, factors: &[f64]) -> Self {
        let count = self.count;
        let at = |index: usize| (index / count, index % count);
        let inner = self.inner.iter().enumerate().map(|(index, product)| {
            let (i, j) = at(index);
            factors[i] * factors[j] * product
        });
        let inner: Vec<f64> = inner.collect();
        let squared = self.squared.iter().enumerate().map(|(index, squared)| {
            let (i, j) = at(index);
            // Drawn in alike, also not at all: as exact as before.
            if i == 0 || j == 0 || factors[i].total_cmp(&factors[j]).is_eq() {
                factors[i.max(j)] * factors[i.max(j)] * squared
            } else {
                (inner[i * count + i] + inner[j * count + j] - 2.0 * inner[index]).max(0.0)
            }
        });
        let squared = squared.collect();
        Self { count, squared, inner }
    }
}

/// The squared Euclidean distance, summed in `f64` in fixed order: eight lanes, then across.
pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0f64; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            let gap = f64::from(*a) - f64::from(*b);
            *lane += gap * gap;
        }
    }
    lanes.iter().sum::<f64>()
}

/// Inner products of vectors about one of them.
struct Gram {
    centre: usize,
    count: usize,
    products: Vec<f64>,
}

impl Gram {
    fn about(centre: usize, vectors: &[&[f32]]) -> Self {
        let count = vectors.len();
        let plain = vec![1.0; count];
        let mut inner = products(centre, vectors, &plain);
        let odd = |index: usize| index != centre && !PLAIN.contains(&inner[index * count + index]);
        let scales: Vec<f64> = (0..count)
            .map(|index| if odd(index) { scale(vectors[index], vectors[centre]) } else { 1.0 })
            .collect();
        if scales != plain {
            inner = products(centre, vectors, &scales);
            for (index, product) in inner.iter_mut().enumerate() {
                *product = *product / scales[index / count] / scales[index % count];
            }
        }
        Self { centre, count, products: inner }
    }

    fn squared_of(&self, i: usize, j: usize) -> (f64, f64) {
        let at = |i: usize, j: usize| self.products[i * self.count + j];
        let norms = at(i, i) + at(j, j);
        ((norms - 2.0 * at(i, j)).max(0.0), norms)
    }

    fn squared(&self) -> Vec<f64> {
        let pairs = (0..self.count).flat_map(|i| (0..self.count).map(move |j| (i, j)));
        pairs.map(|(i, j)| if i == j { 0.0 } else { self.squared_of(i.min(j), i.max(j)).0 }).collect()
    }

    /// The inner products about vector 0.
    fn about_first(&self) -> Vec<f64> {
        let at = |i: usize, j: usize| self.products[i * self.count + j];
        if self.centre == 0 {
            return self.products.clone();
        }
        let pairs = (0..self.count).flat_map(|i| (0..self.count).map(move |j| (i, j)));
        pairs.map(|(i, j)| at(i, j) - at(i, 0) - at(0, j) + at(0, 0)).collect()
    }

    /// The pairs whose distance is lost in rounding.
    fn cancelled(&self) -> Vec<(usize, usize)> {
        let pairs = (0..self.count).flat_map(|i| (i + 1..self.count).map(move |j| (i, j)));
        let lost = |(i, j): &(usize, usize)| {
            let (squared, norms) = self.squared_of(*i, *j);
            // One of both is the centre: nothing was subtracted.
            *i != self.centre && *j != self.centre && norms > 0.0 && (squared <= CANCELLED * norms)
        };
        pairs.filter(lost).collect()
    }
}

/// The power of two that brings the largest difference of a row to about one.
fn scale(vector: &[f32], centre: &[f32]) -> f64 {
    let gaps = vector.iter().zip(centre).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
    let largest = gaps.fold(0.0, f64::max);
    if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 }
}
