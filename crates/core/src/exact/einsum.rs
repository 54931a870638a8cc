//! Sums of products over named dimensions, brought to one form: batched rows times rows.
//!
//! A dimension named in both operands and the result is a *batch*; in both but not the result it is *summed*; in one
//! operand and the result it *stays*. Both operands are packed as `[batch, rows, summed]`, so that every output element
//! is one dot product of two contiguous runs. Operands whose intervals fit 16 bits are packed to 16 bits: products then
//! add up pairwise in one instruction on common processors.
// Indices and accumulators are bounded by the shapes and intervals that validation has checked.
#![expect(clippy::arithmetic_side_effects, reason = "bounded by validated shapes and intervals")]

use super::{Interval, Tensor};
use serde::{Deserialize, Serialize};

/// Names of the dimensions of both operands and of the result, one byte each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Einsum {
    left: Vec<u8>,
    right: Vec<u8>,
    out: Vec<u8>,
}

/// The sizes of a validated einsum.
struct Plan {
    batch: Vec<u8>,
    rows: Vec<u8>,
    columns: Vec<u8>,
    summed: Vec<u8>,
}

impl Einsum {
    /// From the usual notation `"ij,jk->ik"`; `None` when it is not of this form.
    pub fn parse(text: &str) -> Option<Self> {
        let (operands, out) = text.split_once("->")?;
        let (left, right) = operands.split_once(',')?;
        let bytes = |part: &str| part.bytes().collect();
        Some(Self { left: bytes(left), right: bytes(right), out: bytes(out) })
    }

    /// The names of the left operand's dimensions, one byte each; so for the others.
    pub fn left(&self) -> &[u8] {
        &self.left
    }

    /// The names of the right operand's dimensions.
    pub fn right(&self) -> &[u8] {
        &self.right
    }

    /// The names of the result's dimensions.
    pub fn out(&self) -> &[u8] {
        &self.out
    }

    fn size(&self, name: u8, left: &[u32], right: &[u32]) -> Option<u32> {
        let find = |names: &[u8], shape: &[u32]| {
            names.iter().position(|other| *other == name).and_then(|axis| shape.get(axis).copied())
        };
        find(&self.left, left).or_else(|| find(&self.right, right))
    }

    /// The shape of the result and the number of products summed in each element; `None` when names and shapes do not fit:
    /// a name twice in one operand, sizes that differ, a name summed in one operand only or appearing from nowhere.
    pub(super) fn check(&self, left: &[u32], right: &[u32]) -> Option<(Vec<u32>, usize)> {
        let distinct = |names: &[u8]| names.iter().enumerate().all(|(at, name)| !names[..at].contains(name));
        let fits = self.left.len() == left.len() && self.right.len() == right.len();
        (fits && distinct(&self.left) && distinct(&self.right) && distinct(&self.out)).then_some(())?;
        for (name, size) in self.left.iter().zip(left).chain(self.right.iter().zip(right)) {
            (self.size(*name, left, right)? == *size).then_some(())?;
            let stays = self.out.contains(name);
            (stays || (self.left.contains(name) && self.right.contains(name))).then_some(())?;
        }
        let out = self.out.iter().map(|name| self.size(*name, left, right)).collect::<Option<Vec<_>>>()?;
        let summed = self.plan().summed;
        let terms = summed
            .iter()
            .try_fold(1usize, |product, name| product.checked_mul(self.size(*name, left, right)? as usize))?;
        Some((out, terms))
    }

    fn plan(&self) -> Plan {
        let of = |names: &[u8], keep: &dyn Fn(&u8) -> bool| names.iter().copied().filter(keep).collect();
        let (left, right, out) = (&self.left, &self.right, &self.out);
        Plan {
            batch: of(out, &|name| left.contains(name) && right.contains(name)),
            rows: of(out, &|name| left.contains(name) && !right.contains(name)),
            columns: of(out, &|name| !left.contains(name) && right.contains(name)),
            summed: of(left, &|name| !out.contains(name)),
        }
    }

    /// Runs a checked einsum. `a_in` and `b_in` are the operands' intervals.
    pub(super) fn run(
        &self,
        a: &Tensor,
        a_in: Interval,
        b: &Tensor,
        b_in: Interval,
        shape: &[u32],
    ) -> Vec<i64> {
        let plan = self.plan();
        let count = |names: &[u8]| -> usize {
            names.iter().map(|name| self.size(*name, a.shape(), b.shape()).unwrap_or(0) as usize).product()
        };
        let dims = Dims {
            batch: count(&plan.batch),
            rows: count(&plan.rows),
            columns: count(&plan.columns),
            summed: count(&plan.summed),
        };
        let left = [plan.batch.as_slice(), &plan.rows, &plan.summed].concat();
        let right = [plan.batch.as_slice(), &plan.columns, &plan.summed].concat();
        let narrow = a_in.magnitude() < 1 << 15 && b_in.magnitude() < 1 << 15;
        let bound = u128::from(a_in.magnitude()) * u128::from(b_in.magnitude()) * dims.summed as u128;
        let product = if narrow && bound < 1 << 31 {
            let a: Vec<i16> = permute(a, &self.left, &left, |value| value as i16);
            let b: Vec<i16> = permute(b, &self.right, &right, |value| value as i16);
            dims.products(&a, &b, |x, y| i64::from(dot16(x, y)))
        } else {
            let a: Vec<i64> = permute(a, &self.left, &left, |value| value);
            let b: Vec<i64> = permute(b, &self.right, &right, |value| value);
            dims.products(&a, &b, |x, y| x.iter().zip(y).map(|(p, q)| p * q).sum())
        };
        let natural = [plan.batch.as_slice(), &plan.rows, &plan.columns].concat();
        if natural == self.out {
            return product;
        }
        let order: Vec<u32> =
            natural.iter().map(|name| self.size(*name, a.shape(), b.shape()).unwrap_or(0)).collect();
        debug_assert_eq!(order.len(), shape.len());
        match Tensor::new(&order, product) {
            Ok(product) => permute(&product, &natural, &self.out, |value| value),
            Err(_) => Vec::new(),
        }
    }
}

struct Dims {
    batch: usize,
    rows: usize,
    columns: usize,
    summed: usize,
}

impl Dims {
    fn products<T>(&self, a: &[T], b: &[T], dot: impl Fn(&[T], &[T]) -> i64) -> Vec<i64> {
        let mut out = Vec::with_capacity(self.batch * self.rows * self.columns);
        if self.summed == 0 {
            out.resize(out.capacity(), 0);
            return out;
        }
        for batch in 0..self.batch {
            let left = &a[batch * self.rows * self.summed..][..self.rows * self.summed];
            let right = &b[batch * self.columns * self.summed..][..self.columns * self.summed];
            for row in left.chunks_exact(self.summed) {
                out.extend(right.chunks_exact(self.summed).map(|column| dot(row, column)));
            }
        }
        out
    }
}

fn dot16(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum()
}

/// Copies a tensor whose dimensions are named `from` into the order `to`, converting each element.
fn permute<T>(tensor: &Tensor, from: &[u8], to: &[u8], convert: impl Fn(i64) -> T) -> Vec<T> {
    let data = tensor.data();
    if from == to {
        return data.iter().map(|value| convert(*value)).collect();
    }
    let mut strides = vec![1usize; from.len()];
    for axis in (1..from.len()).rev() {
        strides[axis - 1] = strides[axis] * tensor.shape()[axis] as usize;
    }
    let axes: Vec<(usize, usize)> = to
        .iter()
        .filter_map(|name| from.iter().position(|other| other == name))
        .map(|axis| (tensor.shape()[axis] as usize, strides[axis]))
        .collect();
    let Some(((inner, step), outer)) = axes.split_last() else {
        return data.iter().map(|v| convert(*v)).collect();
    };
    let mut out = Vec::with_capacity(data.len());
    let mut index = vec![0usize; outer.len()];
    if data.is_empty() {
        return out;
    }
    loop {
        let start: usize = index.iter().zip(outer).map(|(at, (_, stride))| at * stride).sum();
        out.extend((0..*inner).map(|at| convert(data[start + at * step])));
        // Count up the outer indices like an odometer.
        let Some(axis) = (0..outer.len()).rev().find(|axis| index[*axis] + 1 < outer[*axis].0) else {
            return out;
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}
