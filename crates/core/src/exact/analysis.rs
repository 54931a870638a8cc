//! The analysis of programs: shape and interval of every value, from those of its operands, and the price of a run.

use super::source::{Input, MAX_ELEMENTS, MAX_TABLES, MAX_VALUES, Node, ProgramError};
use super::tensor::elements;
use super::{Interval, Op, Table, ValueId};

/// What the analysis knows of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) shape: Vec<u32>,
    pub(super) interval: Interval,
    /// Whether the executor must check the declared interval.
    pub(super) checked: bool,
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
pub(super) type Inferred = (Vec<u32>, Interval, u64);

impl Analysis {
    pub(super) fn input(&mut self, input: &Input) -> Result<(), ProgramError> {
        let Interval { lo, hi } = input.interval;
        Interval::new(lo, hi).ok_or(ProgramError::Argument("an input's interval is empty or too wide"))?;
        self.admit(input.shape.clone(), input.interval, true)
    }

    pub(super) fn table(&mut self, table: &Table) -> Result<(), ProgramError> {
        let entries = hull(&table.values).ok_or(ProgramError::Argument("a table's entry is out of range"))?;
        if self.tables.len() >= MAX_TABLES {
            return Err(ProgramError::TooLarge { what: "tables", limit: MAX_TABLES });
        }
        self.tables.push((table.first, table.values.len(), entries));
        Ok(())
    }

    pub(super) fn node(&mut self, node: &Node) -> Result<(), ProgramError> {
        let inferred = self.infer(&node.op)?;
        self.declare(&node.op, inferred, node.interval)
    }

    /// Takes the next operation, of which [`Analysis::infer`] said `inferred`.
    pub(super) fn declare(
        &mut self,
        op: &Op,
        inferred: Inferred,
        declared: Interval,
    ) -> Result<(), ProgramError> {
        let (shape, inferred, products) = inferred;
        if declared.lo > declared.hi || !inferred.covers(declared) {
            return Err(ProgramError::Declared { node: self.nodes, declared, inferred });
        }
        let work = self.work(op, &shape) / 4;
        self.gas = self.gas.saturating_add(products / 16).saturating_add(work).saturating_add(1);
        self.admit(shape, declared, declared != inferred)?;
        self.nodes = self.nodes.saturating_add(1);
        Ok(())
    }

    /// The elements that an operation with a result of this shape goes through.
    fn work(&self, op: &Op, result: &[u32]) -> u64 {
        let written = elements(result).unwrap_or(0);
        let read = |id: ValueId| self.value(id).ok().and_then(|value| elements(&value.shape)).unwrap_or(0);
        let most = match op {
            // These read no more than they write, however large their operand is.
            Op::Slice { .. } | Op::Gather { .. } => written,
            _ => op.operands().into_iter().map(read).fold(written, usize::max),
        };
        let looks = match op {
            Op::Order(_) => result.last().and_then(|row| row.checked_ilog2()).unwrap_or(0).saturating_add(1),
            _ => 1,
        };
        (most as u64).saturating_mul(u64::from(looks))
    }

    fn admit(&mut self, shape: Vec<u32>, interval: Interval, checked: bool) -> Result<(), ProgramError> {
        if self.values.len() >= MAX_VALUES {
            return Err(ProgramError::TooLarge { what: "values", limit: MAX_VALUES });
        }
        let count = elements(&shape).ok_or(ProgramError::Shape { node: self.nodes })?;
        self.elements = self.elements.saturating_add(count);
        if self.elements > MAX_ELEMENTS {
            return Err(ProgramError::TooLarge { what: "elements", limit: MAX_ELEMENTS });
        }
        self.values.push(Value { shape, interval, checked });
        Ok(())
    }

    /// All values, inputs first, and the gas of the operations.
    pub(super) fn finish(self) -> (Vec<Value>, u64) {
        (self.values, self.gas)
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
