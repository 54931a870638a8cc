//! Integers for all tensors at one step, each train from left to right, what one core lost folded into the next.
//!
//! Once the cores before it are quantised, with product L̂ in place of L, the best next core is no longer G but the one that solves
//! the least squares of L̂·X = L·G:
//!
//! ```text
//! X = (L̂ᵀL̂)⁻¹ (L̂ᵀL) · G
//! ```
//! Both Gram matrices are carried along from core to core, r × r each, so that nothing of the size of the tensor is touched.

use super::{
    steps::{Step, quarters},
    trains::{Train, carried},
};
use crate::linalg::{LinalgError, Matrix, solve};

/// The largest magnitude of t.
pub(super) const MOST_QUARTERS: i16 = 1000;
/// The largest magnitude of an integer: with a step of 32 bits, a value is exact in `f64`.
pub(super) const LARGEST: i32 = 1 << 20;

/// The steps of a tensor `[left, middle, right]`, in quarters of an octave below the common one: Δ·2^(−(t + u_a + v_j)/4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scales {
    pub(super) shape: [usize; 3],
    /// t, of all slices, within ±[`MOST_QUARTERS`].
    pub(super) base: i16,
    /// u, one for each left index, or none: all are 0.
    pub(super) left: Vec<i8>,
    /// v, one for each right index, or none: all are 0.
    pub(super) right: Vec<i8>,
}

impl Scales {
    /// All steps are the common one.
    pub(super) const fn even(shape: [usize; 3]) -> Self {
        Self { shape, base: 0, left: Vec::new(), right: Vec::new() }
    }

    /// For slices that count `left[a] · right[j]`.
    pub(super) fn of(shape: [usize; 3], weights: &[Vec<f64>; 2]) -> Self {
        let most = weights.each_ref().map(|side| side.iter().copied().fold(0.0, f64::max));
        let base = quarters(most[0] * most[1]).clamp(-MOST_QUARTERS, MOST_QUARTERS);
        let [left, right] = [(&weights[0], most[0]), (&weights[1], most[1])].map(|(side, most)| {
            let scale = |weight: &f64| quarters(weight / most).clamp(i8::MIN.into(), i8::MAX.into()) as i8;
            let scales: Vec<i8> = side.iter().map(scale).collect();
            if scales.iter().all(|scale| *scale == 0) { Vec::new() } else { scales }
        });
        Self { shape, base, left, right }
    }

    /// For each left index, in order, t + u + v of all right ones: those of a row, of which there are `middle`.
    pub(super) fn rows(&self) -> impl Iterator<Item = Vec<i16>> + '_ {
        let [left, _, right] = self.shape;
        let scale = |side: &[i8], at: usize| i16::from(side.get(at).copied().unwrap_or_default());
        (0..left).map(move |a| {
            let u = self.base + scale(&self.left, a);
            (0..right).map(|j| u + scale(&self.right, j)).collect()
        })
    }

    /// The elements of all rows of one left index.
    pub(super) fn block(&self) -> usize {
        (self.shape[1] * self.shape[2]).max(1)
    }
}

/// The nearest integers of `values` and what they stand for; `None` where one is too large.
pub(super) fn nearest(values: &[f64], scales: &Scales, size: f32) -> Option<(Vec<i32>, Vec<f64>)> {
    let (mut integers, mut back) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
    let mut largest = 0.0f64;
    for (values, quarters) in values.chunks_exact(scales.block()).zip(scales.rows()) {
        let steps: Vec<f64> =
            quarters.iter().map(|quarters| Step::new(size, i32::from(*quarters)).value()).collect();
        for (value, step) in values.iter().zip(steps.iter().cycle()) {
            let q = (value / step).round();
            largest = largest.max(q.abs());
            integers.push(q as i32);
            back.push(f64::from((q * step) as f32));
        }
    }
    (largest <= f64::from(LARGEST)).then_some((integers, back))
}

/// The integers of each core of a train, `None` where one is too large; without `refit` every core by itself.
pub(super) fn train(
    train: &Train,
    scales: &[Scales],
    size: f32,
    refit: bool,
) -> Result<Option<Vec<Vec<i32>>>, LinalgError> {
    // L̂ᵀL and L̂ᵀL̂ of the cores so far.
    let (mut cross, mut own) = (vec![1.0], vec![1.0]);
    let mut integers = Vec::with_capacity(train.cores.len());
    for ((core, [left, middle, right]), scales) in train.cores.iter().zip(&train.shapes).zip(scales) {
        let (pair, behind) = ([*left; 2], [*middle, *right, *right]);
        let best = if refit {
            let fold = solve(&own, &cross, pair)?;
            Matrix::new(&fold, *left, *left).multiply(Matrix::new(core, *left, middle * right))?
        } else {
            core.clone()
        };
        let Some((q, back)) = nearest(&best, scales, size) else { return Ok(None) };
        cross = carried(&cross, &back, core, pair, behind)?;
        own = carried(&own, &back, &back, pair, behind)?;
        integers.push(q);
    }
    Ok(Some(integers))
}
