//! Programs: validated lists of operations with canonical bytes.

use super::tensor::elements;
use super::{Comparison, Interval, Op, Table, ValueId};
use crate::{Digest, Wire, encode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An input's shape and the interval of its elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The shape.
    pub shape: Vec<u32>,
    /// Where all elements lie.
    pub interval: Interval,
}

/// One operation with the interval that its result is declared to lie in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The operation.
    pub op: Op,
    /// The declared interval; never wider than the operands allow, checked at run time where narrower.
    pub interval: Interval,
}

/// What the analysis knows of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) shape: Vec<u32>,
    pub(super) interval: Interval,
    /// Whether the executor must check the declared interval.
    pub(super) checked: bool,
}

/// A validated program. Equal programs have equal bytes ([`Wire`]) and equal digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Source", into = "Source")]
pub struct Program {
    source: Source,
    values: Vec<Value>,
    gas: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) inputs: Vec<Input>,
    pub(super) tables: Vec<Table>,
    pub(super) nodes: Vec<Node>,
    pub(super) outputs: Vec<ValueId>,
}

impl Wire for Program {
    const LIMIT: usize = 8 << 20;
}

/// Why a program was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// More values, operands or elements than allowed.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// An operation names a value that does not stand before it.
    #[error("value {0:?} does not exist here")]
    Missing(ValueId),
    /// Shapes that do not go together.
    #[error("node {node}: shapes do not fit")]
    Shape {
        /// The operation's place.
        node: usize,
    },
    /// A result that could leave ±2⁶², or an operand outside an operation's domain.
    #[error("node {node}: the operands' intervals do not allow this operation")]
    Range {
        /// The operation's place.
        node: usize,
    },
    /// The declared interval is empty or wider than the operands allow.
    #[error("node {node}: declared {declared:?}, the operands give {inferred:?}")]
    Declared {
        /// The operation's place.
        node: usize,
        /// What was declared.
        declared: Interval,
        /// What the analysis found.
        inferred: Interval,
    },
    /// An einsum that cannot be read.
    #[error("not an einsum: {0:?}")]
    Einsum(String),
    /// An argument outside what the construction allows.
    #[error("{0}")]
    Argument(&'static str),
}

impl Program {
    /// The most inputs and operations together.
    pub const MAX_VALUES: usize = 1 << 16;
    /// The most tables.
    pub const MAX_TABLES: usize = 256;
    /// The most elements of all values together, 2²⁷.
    pub const MAX_ELEMENTS: usize = 1 << 27;

    pub(super) fn new(source: Source) -> Result<Self, ProgramError> {
        let total = source.inputs.len().saturating_add(source.nodes.len());
        if total > Self::MAX_VALUES {
            return Err(ProgramError::TooLarge { what: "values", limit: Self::MAX_VALUES });
        }
        let mut analysis = Analysis::default();
        source.inputs.iter().try_for_each(|input| analysis.input(input))?;
        source.tables.iter().try_for_each(|table| analysis.table(table))?;
        source.nodes.iter().try_for_each(|node| analysis.node(node))?;
        if let Some(missing) = source.outputs.iter().find(|id| id.0 as usize >= total) {
            return Err(ProgramError::Missing(*missing));
        }
        Ok(Self { source, values: analysis.values, gas: analysis.gas })
    }

    /// The inputs in order.
    pub fn inputs(&self) -> &[Input] {
        &self.source.inputs
    }

    /// The tables that lookups read.
    pub fn tables(&self) -> &[Table] {
        &self.source.tables
    }

    /// The operations in order; the value of node `i` is number `inputs + i`.
    pub fn nodes(&self) -> &[Node] {
        &self.source.nodes
    }

    /// The values that are the result.
    pub fn outputs(&self) -> &[ValueId] {
        &self.source.outputs
    }

    /// The shape of a value.
    pub fn shape(&self, id: ValueId) -> Option<&[u32]> {
        self.values.get(id.0 as usize).map(|value| value.shape.as_slice())
    }

    /// The interval of a value.
    pub fn interval(&self, id: ValueId) -> Option<Interval> {
        self.values.get(id.0 as usize).map(|value| value.interval)
    }

    /// What running it costs: 1 gas = 10 ns = 16 products or 4 other elements.
    pub fn gas(&self) -> u64 {
        self.gas
    }

    /// The digest of the canonical bytes.
    pub fn digest(&self) -> Digest {
        Digest::of("bitneuron program v1", &encode(self))
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }
}

impl TryFrom<Source> for Program {
    type Error = ProgramError;

    fn try_from(source: Source) -> Result<Self, ProgramError> {
        Self::new(source)
    }
}

impl From<Program> for Source {
    fn from(program: Program) -> Self {
        program.source
    }
}

/// Walks a program once and knows shape and interval of every value so far.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    values: Vec<Value>,
    /// First argument and length of each table, with the hull of its entries.
    tables: Vec<(i64, usize, Interval)>,
    elements: usize,
    nodes: usize,
    gas: u64,
}

/// Shape, interval and number of elementary products of a result.
type Inferred = (Vec<u32>, Interval, u64);

impl Analysis {
    pub(super) fn input(&mut self, input: &Input) -> Result<(), ProgramError> {
        let Interval { lo, hi } = input.interval;
        Interval::new(lo, hi).ok_or(ProgramError::Argument("an input's interval is empty or too wide"))?;
        self.admit(input.shape.clone(), input.interval, true)
    }

    pub(super) fn table(&mut self, table: &Table) -> Result<(), ProgramError> {
        let entries = hull(&table.values).ok_or(ProgramError::Argument("a table's entry is out of range"))?;
        if self.tables.len() >= Program::MAX_TABLES {
            return Err(ProgramError::TooLarge { what: "tables", limit: Program::MAX_TABLES });
        }
        self.tables.push((table.first, table.values.len(), entries));
        Ok(())
    }

    pub(super) fn node(&mut self, node: &Node) -> Result<(), ProgramError> {
        let (shape, inferred, products) = self.infer(&node.op)?;
        let declared = node.interval;
        if declared.lo > declared.hi || !inferred.covers(declared) {
            return Err(ProgramError::Declared { node: self.nodes, declared, inferred });
        }
        let count = elements(&shape).unwrap_or(0) as u64;
        self.gas = self.gas.saturating_add(products / 16).saturating_add(count / 4).saturating_add(1);
        self.admit(shape, declared, declared != inferred)?;
        self.nodes = self.nodes.saturating_add(1);
        Ok(())
    }

    fn admit(&mut self, shape: Vec<u32>, interval: Interval, checked: bool) -> Result<(), ProgramError> {
        let count = elements(&shape).ok_or(ProgramError::Shape { node: self.nodes })?;
        self.elements = self.elements.saturating_add(count);
        if self.elements > Program::MAX_ELEMENTS {
            return Err(ProgramError::TooLarge { what: "elements", limit: Program::MAX_ELEMENTS });
        }
        self.values.push(Value { shape, interval, checked });
        Ok(())
    }

    pub(super) fn value(&self, id: ValueId) -> Result<&Value, ProgramError> {
        self.values.get(id.0 as usize).ok_or(ProgramError::Missing(id))
    }

    pub(super) fn last(&self) -> ValueId {
        ValueId(u32::try_from(self.values.len().saturating_sub(1)).unwrap_or(u32::MAX))
    }

    /// Shape and interval of an operation's result, from those of its operands.
    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    pub(super) fn infer(&self, op: &Op) -> Result<Inferred, ProgramError> {
        let shape = || ProgramError::Shape { node: self.nodes };
        let range = || ProgramError::Range { node: self.nodes };
        let (result, interval, products) = match op {
            Op::Constant(tensor) => (tensor.shape().to_vec(), hull(tensor.data()).ok_or_else(range)?, 0),
            Op::Einsum { spec, a, b } => {
                let (a, b) = (self.value(*a)?, self.value(*b)?);
                let (result, terms) = spec.check(&a.shape, &b.shape).ok_or_else(shape)?;
                let interval =
                    a.interval.times(b.interval).and_then(|term| term.sum_of(terms)).ok_or_else(range)?;
                // Partial sums stay inside once zero belongs to the interval.
                let interval = interval.join(Interval { lo: 0, hi: 0 });
                let count = elements(&result).ok_or_else(shape)?;
                (result, interval, (count as u64).saturating_mul(terms as u64))
            }
            Op::Add(a, b) | Op::Sub(a, b) => {
                let (a, b) = (self.value(*a)?, self.value(*b)?);
                let adds = matches!(op, Op::Add(..));
                let interval = if adds { a.interval.plus(b.interval) } else { a.interval.minus(b.interval) };
                (broadcast(&a.shape, &b.shape).ok_or_else(shape)?, interval.ok_or_else(range)?, 0)
            }
            Op::Scale { a, by } => {
                let a = self.value(*a)?;
                let by = Interval::new(*by, *by).ok_or_else(range)?;
                (a.shape.clone(), a.interval.times(by).ok_or_else(range)?, 0)
            }
            Op::Rescale { a, bits } => self.keep(*a, |interval| interval.rescaled(*bits))?,
            Op::Relu(a) => self.keep(*a, |i| Some(Interval { lo: i.lo.max(0), hi: i.hi.max(0) }))?,
            Op::Mask { a, by } => {
                let (value, by) = (self.value(*a)?, self.value(*by)?);
                if value.shape != by.shape {
                    return Err(shape());
                }
                (value.shape.clone(), value.interval.join(Interval { lo: 0, hi: 0 }), 0)
            }
            Op::Clamp { a, to } => {
                let to = Interval::new(to.lo, to.hi).ok_or_else(range)?;
                self.keep(*a, |interval| Some(interval.clamped(to)))?
            }
            Op::Lookup { a, table } => {
                let table = self.tables.get(*table as usize).ok_or_else(range)?;
                self.keep(*a, |arguments| lookup_interval(*table, arguments))?
            }
            Op::Sum { a, axis } => {
                let a = self.value(*a)?;
                let (result, size) = without(&a.shape, *axis as usize).ok_or_else(shape)?;
                (result, a.interval.sum_of(size).ok_or_else(range)?.join(Interval { lo: 0, hi: 0 }), 0)
            }
            Op::Compare { a, b, .. } => {
                let (a, b) = (self.value(*a)?, self.value(*b)?);
                (broadcast(&a.shape, &b.shape).ok_or_else(shape)?, Interval::BIT, 0)
            }
            Op::Argmax(a) | Op::RowMax(a) => {
                let a = self.value(*a)?;
                let last = a.shape.len().checked_sub(1).ok_or_else(shape)?;
                let (result, size) =
                    without(&a.shape, last).filter(|(_, size)| *size > 0).ok_or_else(shape)?;
                let index = i64::try_from(size).ok().and_then(|size| Interval::new(0, size.checked_sub(1)?));
                let interval =
                    if matches!(op, Op::Argmax(_)) { index.ok_or_else(range)? } else { a.interval };
                (result, interval, 0)
            }
            Op::Gather { a, index } => {
                let (a, index) = (self.value(*a)?, self.value(*index)?);
                let ([rows, row @ ..], [count]) = (a.shape.as_slice(), index.shape.as_slice()) else {
                    return Err(shape());
                };
                if index.interval.lo < 0 || index.interval.hi >= i64::from(*rows) {
                    return Err(range());
                }
                ([&[*count], row].concat(), a.interval, 0)
            }
            Op::Divide { a, by } => {
                let (a, by) = (self.value(*a)?, self.value(*by)?);
                let interval = a.interval.over(by.interval).ok_or_else(range)?;
                (broadcast(&a.shape, &by.shape).ok_or_else(shape)?, interval, 0)
            }
            Op::Order(a) => {
                let kept = self.keep(*a, Some)?;
                if kept.0.is_empty() {
                    return Err(shape());
                }
                kept
            }
            Op::Slice { a, start, shape: to } => {
                let a = self.value(*a)?;
                let end = elements(to).and_then(|count| count.checked_add(*start as usize));
                end.filter(|end| elements(&a.shape).is_some_and(|len| *end <= len)).ok_or_else(shape)?;
                (to.clone(), a.interval, 0)
            }
            Op::Concat(parts) => {
                let (mut total, mut interval) = (0usize, None::<Interval>);
                for part in parts {
                    let part = self.value(*part)?;
                    total = total.saturating_add(elements(&part.shape).ok_or_else(shape)?);
                    interval = Some(interval.map_or(part.interval, |sum| sum.join(part.interval)));
                }
                (vec![u32::try_from(total).map_err(|_| shape())?], interval.ok_or_else(shape)?, 0)
            }
            Op::Reshape { a, shape: to } => {
                let a = self.value(*a)?;
                if elements(to) != elements(&a.shape) {
                    return Err(shape());
                }
                (to.clone(), a.interval, 0)
            }
        };
        Ok((result, interval, products))
    }

    fn keep(&self, a: ValueId, map: impl Fn(Interval) -> Option<Interval>) -> Result<Inferred, ProgramError> {
        let a = self.value(a)?;
        let interval = map(a.interval).ok_or(ProgramError::Range { node: self.nodes })?;
        Ok((a.shape.clone(), interval, 0))
    }
}

fn hull(values: &[i64]) -> Option<Interval> {
    let lo = values.iter().min().copied().unwrap_or(0);
    let hi = values.iter().max().copied().unwrap_or(0);
    Interval::new(lo, hi)
}

/// The hull of a table, where all arguments have an entry.
fn lookup_interval((first, length, hull): (i64, usize, Interval), arguments: Interval) -> Option<Interval> {
    arguments.lo.checked_sub(first).filter(|start| *start >= 0)?;
    let last = usize::try_from(arguments.hi.checked_sub(first)?).ok()?;
    (last < length).then_some(hull)
}

fn without(shape: &[u32], axis: usize) -> Option<(Vec<u32>, usize)> {
    let size = *shape.get(axis)? as usize;
    Some((shape.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, size)| *size).collect(), size))
}

/// The shape of two shapes broadcast against each other.
pub(super) fn broadcast(a: &[u32], b: &[u32]) -> Option<Vec<u32>> {
    let dims = a.len().max(b.len());
    let size = |shape: &[u32], axis: usize| {
        let missing = dims.checked_sub(shape.len())?;
        axis.checked_sub(missing).map_or(Some(1), |axis| shape.get(axis).copied())
    };
    (0..dims)
        .map(|axis| match (size(a, axis)?, size(b, axis)?) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// Whether values compare as asked.
pub(super) const fn holds(by: Comparison, a: i64, b: i64) -> bool {
    match by {
        Comparison::Equal => a == b,
        Comparison::AtMost => a <= b,
    }
}
