//! Weights along the dimensions of a tensor.
//!
//! A weight knows a flat buffer; broadcasts, sums and gathers know dimensions. [`align`] takes a weight apart into pieces
//! that name, for each dimension, one index or a run of indices.

use super::field::Ext;
use super::weight::{Dim, Factor, Weight};
use std::sync::Arc;

/// A run of one dimension's indices, or one index.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) start: usize,
    /// Its stride is of no meaning here.
    pub(super) run: Option<Dim>,
}

impl Part {
    /// The whole dimension, each index alike.
    pub(super) fn ones(size: usize) -> Self {
        Self { start: 0, run: Some(Dim::whole(size, 0, Arc::new(Factor::Ones))) }
    }

    /// The whole dimension with these numbers.
    pub(super) fn dense(values: Vec<Ext>) -> Self {
        Self { start: 0, run: Some(Dim::whole(values.len(), 0, Factor::dense(values))) }
    }

    /// The sum of its numbers.
    pub(super) fn mass(&self) -> Option<Ext> {
        self.run.as_ref().map(Dim::mass)
    }

    /// Index and number of each place.
    pub(super) fn entries(&self) -> Vec<(usize, Option<Ext>)> {
        match &self.run {
            None => vec![(self.start, None)],
            Some(run) => (0..run.size).map(|at| (self.start + at, Some(run.get(at)))).collect(),
        }
    }
}

/// A weight with one part for each dimension.
#[derive(Debug, Clone)]
pub(super) struct Aligned {
    pub(super) coefficient: Ext,
    pub(super) parts: Vec<Part>,
}

impl Aligned {
    /// The weight over a row-major tensor of this shape.
    pub(super) fn weight(self, shape: &[usize]) -> Weight {
        let mut stride = shape.iter().product::<usize>();
        let mut weight = Weight { coefficient: self.coefficient, start: 0, dims: Vec::new() };
        for (size, part) in shape.iter().zip(self.parts) {
            stride /= size;
            weight.start += part.start * stride;
            weight.dims.extend(part.run.map(|run| Dim { stride, ..run }));
        }
        weight.tidied()
    }
}

/// The pieces of a weight along the dimensions of a tensor of this shape.
pub(super) fn align(weight: &Weight, shape: &[usize]) -> Vec<Aligned> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let mut pieces = Vec::new();
    place(weight.clone(), shape, &strides, &mut pieces);
    pieces
}

fn place(mut weight: Weight, shape: &[usize], strides: &[usize], pieces: &mut Vec<Aligned>) {
    let index = |axis: usize| weight.start / strides[axis] % shape[axis];
    let mut parts: Vec<Part> = (0..shape.len()).map(|axis| Part { start: index(axis), run: None }).collect();
    let mut dims = weight.dims.clone();
    while let Some(dim) = dims.pop() {
        // The outermost dimension whose steps this one's steps are.
        let axis = (0..shape.len())
            .rev()
            .find(|axis| strides[*axis] == dim.stride && parts[*axis].run.is_none() && shape[*axis] > 1);
        let fits = axis.filter(|axis| parts[*axis].start + dim.size <= shape[*axis]);
        if let Some(axis) = fits {
            parts[axis].run = Some(dim);
            continue;
        }
        let split = axis.filter(|axis| parts[*axis].start == 0).and_then(|axis| {
            let (outer, inner) = halves(&dim, shape[axis])?;
            Some((axis, outer, inner))
        });
        if let Some((axis, outer, inner)) = split {
            parts[axis].run = Some(inner);
            dims.push(outer);
            continue;
        }
        // It fits no dimension: element by element.
        let at = dims.len();
        weight.dims.remove(at);
        for index in 0..dim.size {
            let mut single = weight.clone();
            single.start += index * dim.stride;
            single.coefficient *= dim.get(index);
            place(single, shape, strides, pieces);
        }
        return;
    }
    pieces.push(Aligned { coefficient: weight.coefficient, parts });
}

/// A run over two dimensions as one run of each, the inner of `size`.
fn halves(dim: &Dim, size: usize) -> Option<(Dim, Dim)> {
    if !dim.size.is_multiple_of(size) || dim.from != 0 {
        return None;
    }
    let (outer, inner) = match &*dim.factor {
        Factor::Ones => (dim.factor.clone(), dim.factor.clone()),
        Factor::Eq(point, _) if size.is_power_of_two() => {
            let cut = point.len().checked_sub(size.trailing_zeros() as usize)?;
            (Factor::eq(point[..cut].to_vec()), Factor::eq(point[cut..].to_vec()))
        }
        _ => return None,
    };
    Some((Dim::whole(dim.size / size, dim.stride * size, outer), Dim::whole(size, dim.stride, inner)))
}
