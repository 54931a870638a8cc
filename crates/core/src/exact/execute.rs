//! The reference executor: runs a program over integers and checks every declared interval.
// Validation has shown that no result of an operation leaves ±2⁶², and that no product of sizes of a shape is above 2²⁴
// (`tensor::elements`), so plain arithmetic on elements and on indices cannot overflow here.
#![expect(clippy::arithmetic_side_effects, reason = "bounded by validated shapes and intervals")]

use super::analysis::{Value, broadcast};
use super::{Op, Program, Table, Tensor, ValueId, fixed};
use std::borrow::Cow;
use thiserror::Error;

/// Why a program did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// Another number of inputs than declared.
    #[error("{found} inputs where {expected} are declared")]
    Inputs {
        /// How many were given.
        found: usize,
        /// How many the program declares.
        expected: usize,
    },
    /// An input of another shape than declared.
    #[error("input {0} has another shape than declared")]
    Shape(usize),
    /// An element outside the interval that its value declares.
    #[error("value {value:?}: element {index} is {found}")]
    Breach {
        /// The value.
        value: ValueId,
        /// The element's place in the flat buffer.
        index: usize,
        /// The element.
        found: i64,
    },
}

/// All values of one run, inputs first: the witness of its proof.
#[derive(Debug, Clone)]
pub struct Run {
    values: Vec<Tensor>,
    outputs: Vec<ValueId>,
}

impl Run {
    /// All values, inputs first.
    pub fn values(&self) -> &[Tensor] {
        &self.values
    }

    /// The outputs in order.
    pub fn outputs(&self) -> Vec<&Tensor> {
        self.outputs.iter().filter_map(|id| self.values.get(id.0 as usize)).collect()
    }
}

/// Runs `program` on `inputs` and keeps every value.
///
/// # Errors
/// Inputs of another number or shape, or a value outside its declared interval.
pub fn execute(program: &Program, inputs: &[Tensor]) -> Result<Run, ExecuteError> {
    let values = walk(program, inputs, |_| [].iter())?;
    let values = values.into_iter().map(Cow::into_owned).collect();
    Ok(Run { values, outputs: program.outputs().to_vec() })
}

/// Runs `program` on `inputs` and keeps only its outputs, in order: what nothing reads any more is dropped on the way.
///
/// # Errors
/// Those of [`execute`].
pub fn compute(program: &Program, inputs: &[Tensor]) -> Result<Vec<Tensor>, ExecuteError> {
    let dead = dead_after(program);
    let mut values = walk(program, inputs, |node| dead[node].iter())?;
    let outputs = program.outputs();
    let take = |(at, id): (usize, &ValueId)| {
        let value = &mut values[id.0 as usize];
        // An output may stand in several places.
        if outputs[at + 1..].contains(id) { value.clone() } else { std::mem::replace(value, gone()) }
            .into_owned()
    };
    Ok(outputs.iter().enumerate().map(take).collect())
}

/// What stands in the place of a value that is not needed any more.
fn gone<'a>() -> Cow<'a, Tensor> {
    Cow::Owned(Tensor::scalar(0))
}

/// For each node, the values that neither a later node nor an output reads.
fn dead_after(program: &Program) -> Vec<Vec<ValueId>> {
    let mut dead = vec![Vec::new(); program.nodes().len()];
    let mut read = vec![false; program.values().len()];
    program.outputs().iter().for_each(|id| read[id.0 as usize] = true);
    for (at, node) in program.nodes().iter().enumerate().rev() {
        // A result that nothing reads is not worth more than an operand.
        let result = ValueId(u32::try_from(program.inputs().len() + at).unwrap_or(u32::MAX));
        for id in node.op.operands().into_iter().chain([result]) {
            if !std::mem::replace(&mut read[id.0 as usize], true) {
                dead[at].push(id);
            }
        }
    }
    dead
}

/// Runs the nodes in order; after each, the values that `dead` names are dropped.
fn walk<'a, 'd>(
    program: &Program,
    inputs: &'a [Tensor],
    dead: impl Fn(usize) -> std::slice::Iter<'d, ValueId>,
) -> Result<Vec<Cow<'a, Tensor>>, ExecuteError> {
    let expected = program.inputs().len();
    if inputs.len() != expected {
        return Err(ExecuteError::Inputs { found: inputs.len(), expected });
    }
    let mut values: Vec<Cow<'a, Tensor>> = Vec::with_capacity(program.values().len());
    for (place, (input, declared)) in inputs.iter().zip(program.values()).enumerate() {
        if input.shape() != declared.shape {
            return Err(ExecuteError::Shape(place));
        }
        inspect(place, input.data(), declared)?;
        values.push(Cow::Borrowed(input));
    }
    for (place, (node, declared)) in program.nodes().iter().zip(&program.values()[expected..]).enumerate() {
        let data = perform(&node.op, &values, program, &declared.shape);
        inspect(expected + place, &data, declared)?;
        let value = Tensor::new(&declared.shape, data).map_err(|_| ExecuteError::Shape(expected + place))?;
        values.push(Cow::Owned(value));
        dead(place).for_each(|id| values[id.0 as usize] = gone());
    }
    Ok(values)
}

/// How many elements are looked at before the first outside is searched for.
const GLANCE: usize = 1 << 10;

fn inspect(place: usize, data: &[i64], declared: &Value) -> Result<(), ExecuteError> {
    let (lo, hi) = (declared.interval.lo, declared.interval.hi);
    // Without a way out of the loop, so that it runs in vectors.
    let outside = |part: &[i64]| {
        let (least, most) = part.iter().fold((lo, hi), |(least, most), x| (least.min(*x), most.max(*x)));
        least < lo || most > hi
    };
    if !declared.checked || !data.chunks(GLANCE).any(outside) {
        return Ok(());
    }
    match data.iter().position(|element| !declared.interval.contains(*element)) {
        None => Ok(()),
        Some(index) => {
            let value = ValueId(u32::try_from(place).unwrap_or(u32::MAX));
            Err(ExecuteError::Breach { value, index, found: data[index] })
        }
    }
}

/// One operation over validated operands; the result has as many elements as `shape` says.
fn perform(op: &Op, values: &[Cow<'_, Tensor>], program: &Program, shape: &[u32]) -> Vec<i64> {
    let value = |id: &ValueId| &*values[id.0 as usize];
    let interval = |id: &ValueId| program.values()[id.0 as usize].interval;
    match op {
        Op::Constant(tensor) => tensor.data().to_vec(),
        Op::Einsum { spec, a, b } => spec.run(value(a), interval(a), value(b), interval(b), shape),
        Op::Add(a, b) => zip(value(a), value(b), shape, |x, y| x + y),
        Op::Sub(a, b) => zip(value(a), value(b), shape, |x, y| x - y),
        Op::Scale { a, by } => map(value(a), |x| x * by),
        Op::Rescale { a, bits } => map(value(a), |x| fixed::rescale(x, *bits)),
        Op::Relu(a) => map(value(a), |x| x.max(0)),
        Op::Mask { a, by } => zip(value(a), value(by), shape, |x, y| if y > 0 { x } else { 0 }),
        Op::Clamp { a, to } => map(value(a), |x| x.max(to.lo).min(to.hi)),
        Op::Lookup { a, table } => {
            let Table { first, values } = &program.tables()[*table as usize];
            map(value(a), |x| values[(x - first) as usize])
        }
        Op::Sum { a, axis } => sum(value(a), *axis as usize),
        Op::Compare { a, b, by } => zip(value(a), value(b), shape, |x, y| i64::from(by.holds(x, y))),
        Op::Argmax(a) => rows(value(a)).map(argmax).collect(),
        Op::RowMax(a) => rows(value(a)).map(|row| row.iter().copied().fold(i64::MIN, i64::max)).collect(),
        Op::Gather { a, index } => gather(value(a), value(index)),
        Op::Divide { a, by } => zip(value(a), value(by), shape, |x, y| fixed::divide(x, y).unwrap_or(0)),
        Op::Order(a) => {
            let mut data = value(a).data().to_vec();
            data.chunks_mut(last(value(a))).for_each(<[i64]>::sort_unstable);
            data
        }
        Op::Slice { a, start, .. } => {
            let count: usize = shape.iter().map(|size| *size as usize).product();
            value(a).data()[*start as usize..][..count].to_vec()
        }
        Op::Concat(parts) => parts.iter().flat_map(|part| value(part).data()).copied().collect(),
        Op::Reshape { a, .. } => value(a).data().to_vec(),
    }
}

fn last(tensor: &Tensor) -> usize {
    tensor.shape().last().map_or(1, |size| (*size).max(1) as usize)
}

fn rows(tensor: &Tensor) -> impl Iterator<Item = &[i64]> {
    tensor.data().chunks(last(tensor))
}

fn argmax(row: &[i64]) -> i64 {
    let mut best = 0;
    for (index, element) in row.iter().enumerate() {
        if *element > row[best] {
            best = index;
        }
    }
    best as i64
}

fn sum(tensor: &Tensor, axis: usize) -> Vec<i64> {
    let size = |dims: &[u32]| -> usize { dims.iter().map(|size| *size as usize).product() };
    let shape = tensor.shape();
    let (outer, along, inner) = (size(&shape[..axis]), shape[axis] as usize, size(&shape[axis + 1..]));
    let mut out = vec![0; outer * inner];
    for (block, sums) in tensor.data().chunks((along * inner).max(1)).zip(out.chunks_mut(inner.max(1))) {
        for line in block.chunks(inner) {
            sums.iter_mut().zip(line).for_each(|(total, element)| *total += element);
        }
    }
    out
}

fn gather(tensor: &Tensor, index: &Tensor) -> Vec<i64> {
    let row: usize = tensor.shape()[1..].iter().map(|size| *size as usize).product();
    index.data().iter().flat_map(|at| &tensor.data()[*at as usize * row..][..row]).copied().collect()
}

fn map(a: &Tensor, f: impl Fn(i64) -> i64) -> Vec<i64> {
    a.data().iter().map(|x| f(*x)).collect()
}

/// Applies `f` to all pairs of two tensors broadcast against each other.
fn zip(a: &Tensor, b: &Tensor, shape: &[u32], f: impl Fn(i64, i64) -> i64) -> Vec<i64> {
    if a.shape() == b.shape() {
        return a.data().iter().zip(b.data()).map(|(x, y)| f(*x, *y)).collect();
    }
    debug_assert_eq!(broadcast(a.shape(), b.shape()).as_deref(), Some(shape));
    let strides = |tensor: &Tensor| -> Vec<usize> {
        let (missing, mut step) = (shape.len() - tensor.shape().len(), 1);
        let mut strides = vec![0; shape.len()];
        for (axis, size) in tensor.shape().iter().enumerate().rev() {
            strides[missing + axis] = if *size == 1 { 0 } else { step };
            step *= *size as usize;
        }
        strides
    };
    let total: usize = shape.iter().map(|size| *size as usize).product();
    let mut out = Vec::with_capacity(total);
    // Two shapes that differ have at least one dimension. Rows, the last, are walked in a loop of their own.
    let (Some((length, outer)), left, right) = (shape.split_last(), strides(a), strides(b)) else {
        return out;
    };
    let length = *length as usize;
    let row = |tensor: &Tensor, at: usize, strides: &[usize]| match strides.last() {
        Some(0) => Row::Same(tensor.data()[at]),
        _ => Row::Run(at),
    };
    let mut index = vec![0u32; outer.len()];
    let (mut at_a, mut at_b) = (0, 0);
    while out.len() < total {
        match (row(a, at_a, &left), row(b, at_b, &right)) {
            (Row::Run(x), Row::Run(y)) => {
                let pairs = a.data()[x..][..length].iter().zip(&b.data()[y..][..length]);
                out.extend(pairs.map(|(x, y)| f(*x, *y)));
            }
            (Row::Run(x), Row::Same(y)) => out.extend(a.data()[x..][..length].iter().map(|x| f(*x, y))),
            (Row::Same(x), Row::Run(y)) => out.extend(b.data()[y..][..length].iter().map(|y| f(x, *y))),
            (Row::Same(x), Row::Same(y)) => out.extend(std::iter::repeat_n(f(x, y), length)),
        }
        for axis in (0..outer.len()).rev() {
            index[axis] += 1;
            (at_a, at_b) = (at_a + left[axis], at_b + right[axis]);
            if index[axis] < outer[axis] {
                break;
            }
            index[axis] = 0;
            at_a -= left[axis] * outer[axis] as usize;
            at_b -= right[axis] * outer[axis] as usize;
        }
    }
    out
}

/// A row of a tensor that is broadcast.
enum Row {
    /// One number all along.
    Same(i64),
    /// Consecutive numbers from here.
    Run(usize),
}
