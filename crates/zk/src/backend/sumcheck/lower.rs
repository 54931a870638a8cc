//! From a relation to its system of constraints.
//!
//! Every value of the program becomes a node. Linear operations cost nothing; others get fresh cells and constraints that
//! leave one result possible: the operation's own. That no equation holds only modulo the field is shown here once and for
//! all shapes: operands lie in their declared intervals (by induction over the program), fresh cells in the ranges that
//! their digits span, and an equation whose sides could differ by half the modulus or more is refused.

use super::system::{Hint, Leaf, Lookup, NodeId, Numerator, Product, Spelled, Store, System, VEIL, Wire};
use bitneuron_core::exact::{Comparison, Interval, Op, Program, Tensor, ValueId, execute};
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

/// How an input or output of a program is given to the system.
#[derive(Debug, Clone)]
pub(super) enum Given {
    /// Everybody knows it.
    Known(Tensor),
    /// Cells of a group.
    Stored(Store),
}

/// Why a relation has no system.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LowerError {
    /// An equation could hold modulo the field without holding.
    #[error("node {0}: the operands are too wide for the field")]
    Wraps(usize),
    /// A number of more digits than the field holds.
    #[error("a value is too wide for the field")]
    Wide,
    /// A known input or output outside its interval or of another shape.
    #[error("{0} is not of the declared shape and interval")]
    Misfit(&'static str),
    /// A tensor that has no elements.
    #[error("a tensor without elements")]
    Empty,
    /// Too many cells or constraints.
    #[error("the program is too large")]
    TooLarge,
    /// A known value that cannot be computed.
    #[error("a known operand does not fit its operation")]
    Known,
}

/// The most cells of a system, 2²⁵.
const MAX_CELLS: usize = 1 << 25;
/// Tags of multisets and tables that belong to one operation begin here.
const OWN_TAGS: u64 = 1 << 32;
/// Half the modulus: sides of an equation must stay below.
const HALF: i128 = 1 << 62;

pub(super) struct Lowering<'a> {
    program: &'a Program,
    pub(super) system: System,
    /// Digits have so many bits.
    pub(super) bits: u32,
    values: Vec<NodeId>,
    known: BTreeMap<ValueId, Tensor>,
    /// Cells that an output has in a group of its own, by the value they hold.
    homes: BTreeMap<ValueId, Store>,
    /// Rescaled values that a clamp bounds, by the bits that they were rescaled by.
    clamped: BTreeMap<ValueId, u32>,
    /// Values whose interval a table shows.
    looked: BTreeMap<ValueId, u32>,
    positives: BTreeMap<NodeId, NodeId>,
    /// Greatest elements of rows and the bits that point at the first of them.
    maxima: BTreeMap<NodeId, (NodeId, NodeId)>,
    node: usize,
}

/// The system of a program whose inputs and outputs are given so; digits of `bits` bits, fresh cells in group `own`.
pub(super) fn lower(
    program: &Program,
    inputs: &[Given],
    outputs: &[Given],
    own: usize,
    bits: u32,
) -> Result<System, LowerError> {
    let mut lowering = Lowering::new(program, own, bits);
    if inputs.len() != program.inputs().len() || outputs.len() != program.outputs().len() {
        return Err(LowerError::Misfit("the number of inputs or outputs"));
    }
    let values = program.inputs().len() + program.nodes().len();
    if (0..values).any(|at| u32::try_from(at).is_ok_and(|at| lowering.elements(ValueId(at)) == 0)) {
        return Err(LowerError::Empty);
    }
    for (id, given) in program.outputs().iter().zip(outputs) {
        if let Given::Stored(store) = given {
            lowering.house(*id, *store);
        }
    }
    for (place, given) in inputs.iter().enumerate() {
        lowering.input(place, given)?;
    }
    for place in 0..program.nodes().len() {
        lowering.node = place;
        lowering.operation(place)?;
        if lowering.system.own > MAX_CELLS {
            return Err(LowerError::TooLarge);
        }
    }
    for (id, given) in program.outputs().iter().zip(outputs) {
        lowering.output(*id, given)?;
    }
    lowering.finish();
    Ok(lowering.system)
}

fn sizes(shape: &[u32]) -> Vec<usize> {
    shape.iter().map(|size| *size as usize).collect()
}

impl<'a> Lowering<'a> {
    fn new(program: &'a Program, own: usize, bits: u32) -> Self {
        let system = System { own_group: own, own: VEIL, ..System::default() };
        let mut lowering = Self {
            program,
            system,
            bits,
            values: Vec::new(),
            known: BTreeMap::new(),
            homes: BTreeMap::new(),
            clamped: BTreeMap::new(),
            looked: BTreeMap::new(),
            positives: BTreeMap::new(),
            maxima: BTreeMap::new(),
            node: 0,
        };
        lowering.foresee();
        lowering
    }

    /// Sees which rescaled values a clamp bounds, and which values a table does.
    ///
    /// A clamp bounds a value that goes nowhere else, by itself or in a sum of two; so nothing that the other term depends on
    /// can wait for it.
    fn foresee(&mut self) {
        let mut readers: BTreeMap<ValueId, usize> = BTreeMap::new();
        let operands = self.program.nodes().iter().flat_map(|node| node.op.operands());
        operands
            .chain(self.program.outputs().iter().copied())
            .for_each(|id| *readers.entry(id).or_default() += 1);
        let once = |id: ValueId| readers.get(&id) == Some(&1);
        for node in self.program.nodes() {
            match &node.op {
                Op::Clamp { a, .. } if once(*a) => {
                    let terms = self.terms(*a);
                    let rescaled = terms.iter().find_map(|id| match self.op(*id) {
                        Some(Op::Rescale { bits, .. }) if once(*id) => Some((*id, *bits)),
                        _ => None,
                    });
                    self.clamped
                        .extend(rescaled.filter(|(id, _)| self.program.shape(*id) == self.program.shape(*a)));
                }
                Op::Lookup { a, table } => {
                    self.looked.insert(*a, *table);
                }
                _ => {}
            }
        }
    }

    fn op(&self, id: ValueId) -> Option<&'a Op> {
        let at = (id.0 as usize).checked_sub(self.program.inputs().len())?;
        self.program.nodes().get(at).map(|node| &node.op)
    }

    /// A value, or the two that it is the sum or difference of.
    fn terms(&self, id: ValueId) -> Vec<ValueId> {
        match self.op(id) {
            Some(Op::Add(a, b) | Op::Sub(a, b)) => vec![*a, *b],
            _ => vec![id],
        }
    }

    /// Gives the cells of an output to the value that fills them, or to the parts it is put together from.
    fn house(&mut self, id: ValueId, store: Store) {
        match self.op(id) {
            None => {}
            Some(Op::Reshape { a, .. }) => self.house(*a, store),
            Some(Op::Concat(parts)) => {
                let mut start = store.start;
                for part in parts {
                    self.house(*part, Store { start, ..store });
                    start += self.elements(*part);
                }
            }
            _ => drop(self.homes.entry(id).or_insert(store)),
        }
    }

    fn elements(&self, id: ValueId) -> usize {
        self.program.shape(id).map_or(0, |shape| shape.iter().map(|size| *size as usize).product())
    }

    fn interval(&self, id: ValueId) -> Interval {
        self.program.interval(id).unwrap_or(Interval::WIDEST)
    }

    fn of(&self, id: ValueId) -> NodeId {
        self.values[id.0 as usize]
    }

    fn next(&self) -> ValueId {
        ValueId(u32::try_from(self.values.len()).unwrap_or(u32::MAX))
    }

    fn wraps(&self) -> LowerError {
        LowerError::Wraps(self.node)
    }

    /// Refuses an equation whose two sides differ by this at most, where that could be the modulus.
    fn fits(&self, difference: i128) -> Result<(), LowerError> {
        if difference.abs() < HALF { Ok(()) } else { Err(self.wraps()) }
    }

    fn know(&mut self, id: ValueId, tensor: Tensor) {
        let node = self.system.push(sizes(tensor.shape()), Wire::Known(Arc::new(tensor.data().to_vec())));
        self.known.insert(id, tensor);
        self.values.push(node);
    }

    fn input(&mut self, place: usize, given: &Given) -> Result<(), LowerError> {
        let declared = &self.program.inputs()[place];
        match given {
            Given::Known(tensor) => {
                let fits = tensor.shape() == declared.shape
                    && tensor.data().iter().all(|value| declared.interval.contains(*value));
                if !fits {
                    return Err(LowerError::Misfit("a known input"));
                }
                self.know(self.next(), tensor.clone());
            }
            Given::Stored(store) => {
                let wire = Wire::Cells(*store, Hint::Input(place));
                let node = self.system.push(sizes(&declared.shape), wire);
                self.within(node, declared.interval)?;
                self.values.push(node);
            }
        }
        Ok(())
    }

    fn output(&mut self, id: ValueId, given: &Given) -> Result<(), LowerError> {
        let node = self.of(id);
        let shape = self.system.shape(node).to_vec();
        let stated = match given {
            Given::Known(tensor) => {
                if sizes(tensor.shape()) != shape {
                    return Err(LowerError::Misfit("a known output"));
                }
                // Values lie within ±2⁶², so equality in the field is equality.
                if tensor.data().iter().any(|value| !Interval::WIDEST.contains(*value)) {
                    return Err(LowerError::Misfit("a known output"));
                }
                self.system.push(shape, Wire::Known(Arc::new(tensor.data().to_vec())))
            }
            Given::Stored(store) => {
                if self.fills(id, *store) {
                    return Ok(());
                }
                self.system.push(shape, Wire::Cells(*store, Hint::Value(id)))
            }
        };
        let difference = self.system.sum(&[(1, node), (-1, stated)], 0);
        self.system.zeros.push(difference);
        Ok(())
    }

    /// Whether the value is made of just the cells of this store.
    fn fills(&self, id: ValueId, store: Store) -> bool {
        let node = self.of(id);
        match &self.system.node(node).wire {
            Wire::Cells(own, _) => *own == store,
            Wire::Concat(_) | Wire::Reshape(_) => match self.op(id) {
                Some(Op::Reshape { a, .. }) => self.fills(*a, store),
                Some(Op::Concat(parts)) => {
                    let mut start = store.start;
                    parts.iter().all(|part| {
                        let fills = self.fills(*part, Store { start, ..store });
                        start += self.elements(*part);
                        fills
                    })
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Cells for the value that is being made: in its home, or fresh.
    fn cells(&mut self, id: ValueId) -> NodeId {
        let shape = self.program.shape(id).map(sizes).unwrap_or_default();
        match self.homes.get(&id) {
            Some(home) => self.system.push(shape, Wire::Cells(*home, Hint::Value(id))),
            None => self.system.fresh(&shape, Hint::Value(id)),
        }
    }

    /// An operation of known operands, computed.
    fn compute(&mut self, id: ValueId, operands: &[ValueId]) -> Result<(), LowerError> {
        let slice =
            self.program.slice(&[id], &operands.iter().copied().collect()).map_err(|_| LowerError::Known)?;
        let inputs: Option<Vec<Tensor>> = slice.inputs.iter().map(|id| self.known.get(id).cloned()).collect();
        let run =
            execute(&slice.program, &inputs.ok_or(LowerError::Known)?).map_err(|_| LowerError::Known)?;
        let result = run.outputs().first().map(|tensor| (*tensor).clone()).ok_or(LowerError::Known)?;
        self.know(id, result);
        Ok(())
    }

    fn operation(&mut self, place: usize) -> Result<(), LowerError> {
        let node = &self.program.nodes()[place];
        let id = self.next();
        let operands = node.op.operands();
        if operands.iter().all(|operand| self.known.contains_key(operand)) {
            return self.compute(id, &operands);
        }
        let shape = self.program.shape(id).map(sizes).unwrap_or_default();
        let (result, exact) = self.lowered(id, &node.op, &shape)?;
        self.values.push(result);
        if self.program.is_checked(id) && !exact {
            self.within(result, node.interval)?;
        }
        Ok(())
    }

    /// The node of an operation, and whether it is already shown to lie in its declared interval.
    fn lowered(&mut self, id: ValueId, op: &Op, shape: &[usize]) -> Result<(NodeId, bool), LowerError> {
        let linear = |node| Ok((node, false));
        match op {
            Op::Constant(tensor) => {
                linear(self.system.push(shape.to_vec(), Wire::Known(Arc::new(tensor.data().to_vec()))))
            }
            Op::Add(a, b) | Op::Sub(a, b) => {
                let sign = if matches!(op, Op::Add(..)) { 1 } else { -1 };
                let (a, b) = (self.of(*a), self.of(*b));
                let (a, b) = (self.system.spread(a, shape), self.system.spread(b, shape));
                linear(self.system.sum(&[(1, a), (sign, b)], 0))
            }
            Op::Scale { a, by } => linear(self.system.sum(&[(*by, self.of(*a))], 0)),
            Op::Sum { a, axis } => {
                linear(self.system.push(shape.to_vec(), Wire::Total(self.of(*a), *axis as usize)))
            }
            Op::Slice { a, start, .. } => {
                linear(self.system.push(shape.to_vec(), Wire::Slice(self.of(*a), *start as usize)))
            }
            Op::Concat(parts) => {
                let parts = parts.iter().map(|part| self.of(*part)).collect();
                linear(self.system.push(shape.to_vec(), Wire::Concat(parts)))
            }
            Op::Reshape { a, .. } => linear(self.system.push(shape.to_vec(), Wire::Reshape(self.of(*a)))),
            Op::Gather { a, index } => match self.known.get(index) {
                Some(rows) => {
                    let rows = rows.data().iter().map(|row| *row as usize).collect();
                    linear(self.system.push(shape.to_vec(), Wire::Rows(self.of(*a), Arc::new(rows))))
                }
                None => linear(self.gather(id, *a, *index, shape)),
            },
            Op::Einsum { spec, a, b } => {
                let result = self.cells(id);
                let (a, b) = ((self.of(*a), spec.left().to_vec()), (self.of(*b), spec.right().to_vec()));
                self.system.products.push(Product { a, b, out: spec.out().to_vec(), result: Some(result) });
                linear(result)
            }
            Op::Rescale { a, bits } => self.rescale(id, *a, *bits, shape).map(|node| (node, false)),
            Op::Relu(a) => Ok((self.positive(self.of(*a), self.interval(*a), Some(id))?, true)),
            Op::Mask { a, by } => {
                let sign = self.sign(*by)?;
                let result = self.cells(id);
                self.system.times(self.of(*a), sign, Some(result));
                linear(result)
            }
            Op::Clamp { a, to } => self.clamp(id, *a, *to, shape),
            Op::Lookup { a, table } => Ok(self.lookup(id, *a, *table)),
            Op::Compare { a, b, by } => {
                let (left, right) = (self.interval(*a), self.interval(*b));
                let (a, b) = (self.of(*a), self.of(*b));
                let (a, b) = (self.system.spread(a, shape), self.system.spread(b, shape));
                let difference = self.system.sum(&[(1, b), (-1, a)], 0);
                let node = match by {
                    Comparison::Equal => self.equal(id, difference),
                    Comparison::AtMost => {
                        let apart = right.minus(left).ok_or_else(|| self.wraps())?;
                        self.at_most(id, difference, apart)?
                    }
                };
                Ok((node, true))
            }
            Op::RowMax(a) => self.greatest(*a).map(|(greatest, _)| (greatest, false)),
            Op::Argmax(a) => self.first_greatest(*a).map(|index| (index, false)),
            Op::Divide { a, by } => self.divide(id, *a, *by, shape).map(|node| (node, false)),
            Op::Order(a) => self.order(id, *a, shape).map(|node| (node, false)),
        }
    }

    /// `q = (a + 2^(s−1)) >> s`: the remainder `a + 2^(s−1) − 2^s·q` lies in `0 .. 2^s`.
    fn rescale(&mut self, id: ValueId, a: ValueId, bits: u32, shape: &[usize]) -> Result<NodeId, LowerError> {
        let interval = self.interval(a).rescaled(bits).ok_or_else(|| self.wraps())?;
        let width = (interval.hi - interval.lo).max(1);
        let bound = 2 * (i128::from(interval.magnitude()) + self.reach(width));
        self.fits(bound << bits)?;
        let quotient = if self.clamped.contains_key(&id) || self.homes.contains_key(&id) {
            self.cells(id)
        } else {
            let number = self.number(shape, Spelled::Value(id, interval.lo), width)?;
            self.system.sum(&[(1, number)], interval.lo)
        };
        if self.homes.contains_key(&id) && !self.clamped.contains_key(&id) {
            let above = self.system.sum(&[(1, quotient)], -interval.lo);
            self.nonnegative(above, width)?;
        }
        let remainder = self.system.sum(&[(1, self.of(a)), (-(1i64 << bits), quotient)], 1 << (bits - 1));
        // Quotients are made of digits, or of what a clamp shows to be: they and so the remainders are integers.
        let magnitude = i128::from(self.interval(a).magnitude()) + (bound << bits);
        self.integers_within(remainder, Interval { lo: 0, hi: (1 << bits) - 1 }, magnitude)?;
        Ok(quotient)
    }

    /// `h = max(a, 0)`: both `h` and `h − a` are at least 0, and one of them is 0.
    fn positive(&mut self, a: NodeId, interval: Interval, id: Option<ValueId>) -> Result<NodeId, LowerError> {
        if let Some(known) =
            self.positives.get(&a).filter(|_| id.is_none_or(|id| !self.homes.contains_key(&id)))
        {
            return Ok(*known);
        }
        if interval.lo >= 0 {
            return Ok(a);
        }
        let shape = self.system.shape(a).to_vec();
        let above = interval.hi.max(1);
        self.fits(self.reach(above) + self.reach(-interval.lo) + i128::from(interval.magnitude()))?;
        let positive = match id {
            Some(id) => self.cells(id),
            None => self.system.fresh(&shape, Hint::Positive(a)),
        };
        self.nonnegative(positive, above)?;
        let negative = self.system.sum(&[(1, positive), (-1, a)], 0);
        self.nonnegative(negative, -interval.lo)?;
        self.system.times(positive, negative, None);
        self.positives.insert(a, positive);
        Ok(positive)
    }

    /// A fresh bit for each element: `bit · bit = bit`.
    fn bit(&mut self, shape: &[usize], hint: Hint) -> NodeId {
        let bit = self.system.fresh(shape, hint);
        self.system.times(bit, bit, Some(bit));
        bit
    }

    /// `s = [by > 0]`: a bit with `s · by = max(by, 0)`, which is at least `s`.
    fn sign(&mut self, by: ValueId) -> Result<NodeId, LowerError> {
        let (node, interval) = (self.of(by), self.interval(by));
        let positive = self.positive(node, interval, None)?;
        let shape = self.system.shape(node).to_vec();
        let sign = self.bit(&shape, Hint::Sign(node));
        self.system.times(sign, node, Some(positive));
        let enough = self.system.sum(&[(1, positive), (-1, sign)], 0);
        self.nonnegative(enough, interval.hi.max(1))?;
        Ok(sign)
    }

    /// `y = clamp(a)`: `a = y + over − under`, where `over > 0` only at the upper end and `under > 0` only at the lower.
    fn clamp(
        &mut self,
        id: ValueId,
        a: ValueId,
        to: Interval,
        shape: &[usize],
    ) -> Result<(NodeId, bool), LowerError> {
        let from = self.interval(a);
        let x = self.of(a);
        if to.covers(from) && self.bounded(a).is_none() {
            return Ok((x, true));
        }
        let y = self.cells(id);
        // A table that is read with these values alone has no others.
        let by_table = self.looked.get(&id).is_some_and(|table| {
            let table = &self.program.tables()[*table as usize];
            let last = i64::try_from(table.values.len()).ok().and_then(|n| table.first.checked_add(n - 1));
            table.first >= to.lo && last.is_some_and(|last| last <= to.hi)
        });
        if !by_table {
            self.within(y, to)?;
        }
        let over = (from.hi - to.hi).max(0);
        let under = (to.lo - from.lo).max(0);
        let reach = self.reach(over) + self.reach(under);
        let bound = reach + i128::from(to.magnitude()) + i128::from(from.magnitude());
        self.fits(2 * bound)?;
        // What only this clamp bounds lies within its excess on either side, and was rescaled.
        let bits = self.bounded(a);
        self.fits((4 * bound) << bits.unwrap_or(0))?;
        let excess = self.system.sum(&[(1, x), (-1, y)], 0);
        let up = if over > 0 || bits.is_some() {
            let number = self.number(shape, Spelled::Node(excess), over.max(1))?;
            let room = self.system.sum(&[(-1, y)], to.hi);
            self.system.times(number, room, None);
            Some(number)
        } else {
            None
        };
        let mut terms = vec![(1, y), (-1, x)];
        terms.extend(up.map(|up| (1, up)));
        let down = self.system.sum(&terms, 0);
        if under > 0 || bits.is_some() {
            self.nonnegative(down, under.max(1))?;
            let room = self.system.sum(&[(1, y)], -to.lo);
            self.system.times(down, room, None);
        } else {
            self.system.zeros.push(down);
        }
        Ok((y, true))
    }

    /// By how many bits the value was rescaled that a clamp of `a` must bound, if there is one.
    fn bounded(&self, a: ValueId) -> Option<u32> {
        self.terms(a).into_iter().find_map(|id| self.clamped.get(&id).copied())
    }

    fn lookup(&mut self, id: ValueId, a: ValueId, table: u32) -> (NodeId, bool) {
        let result = self.cells(id);
        let argument = self.of(a);
        let first = self.program.tables()[table as usize].first;
        let place = self.system.sum(&[(1, argument)], -first);
        let tag = u64::from(table) + 1;
        self.system.leaves.push(Leaf { value: place, second: Some(result), tag, numerator: Numerator::Plus });
        // Entries lie where the analysis found them, so a result does.
        (result, false)
    }

    /// `e = [d = 0]`: `e · d = 0`, and `d` has an inverse where `e = 0`.
    fn equal(&mut self, id: ValueId, difference: NodeId) -> NodeId {
        let shape = self.system.shape(difference).to_vec();
        let equal = self.cells(id);
        let inverse = self.system.fresh(&shape, Hint::Inverse(difference));
        self.system.times(equal, difference, None);
        let differs = self.system.sum(&[(-1, equal)], 1);
        self.system.times(inverse, difference, Some(differs));
        equal
    }

    /// `e = [d ≥ 0]`: a bit, with `d ≥ 0` where it is 1 and `−d − 1 ≥ 0` where it is 0.
    fn at_most(&mut self, id: ValueId, difference: NodeId, apart: Interval) -> Result<NodeId, LowerError> {
        let shape = self.system.shape(difference).to_vec();
        let most = i64::try_from(apart.magnitude()).unwrap_or(i64::MAX).max(1);
        self.fits(2 * (self.reach(most) + i128::from(most)))?;
        let bit = self.cells(id);
        self.system.times(bit, bit, Some(bit));
        let kept = self.system.fresh(&shape, Hint::Times(bit, difference));
        self.system.times(bit, difference, Some(kept));
        let magnitude = self.system.sum(&[(2, kept), (-1, difference), (1, bit)], -1);
        self.nonnegative(magnitude, most)?;
        Ok(bit)
    }

    /// The greatest element of each row, and the bits that point at the first of them.
    fn greatest(&mut self, a: ValueId) -> Result<(NodeId, NodeId), LowerError> {
        let (node, interval) = (self.of(a), self.interval(a));
        let shape = self.system.shape(node).to_vec();
        let axis = shape.len() - 1;
        if let Some(known) = self.maxima.get(&node) {
            return Ok(*known);
        }
        let pointer = self.bit(&shape, Hint::Greatest(node));
        let count = self.system.push(shape[..axis].to_vec(), Wire::Total(pointer, axis));
        let missing = self.system.sum(&[(1, count)], -1);
        self.system.zeros.push(missing);
        let greatest = self.system.fresh(&shape[..axis], Hint::RowMax(node));
        let column = self.system.push([&shape[..axis], &[1]].concat(), Wire::Reshape(greatest));
        let all = self.system.spread(column, &shape);
        let below = self.system.sum(&[(1, all), (-1, node)], 0);
        self.system.times(pointer, below, None);
        // One bit at most comes after an element: before the pointed one, elements are less by one at least.
        let width = (interval.hi - interval.lo).max(1);
        self.fits(2 * self.reach(width))?;
        let after = self.system.push(shape, Wire::After(pointer));
        let gap = self.system.sum(&[(1, below), (-1, after)], 0);
        self.nonnegative(gap, width)?;
        self.maxima.insert(node, (greatest, pointer));
        Ok((greatest, pointer))
    }

    /// `argmax`: the place that the pointer of [`Self::greatest`] names.
    fn first_greatest(&mut self, a: ValueId) -> Result<NodeId, LowerError> {
        let (_, pointer) = self.greatest(a)?;
        // Later elements' bits add up to 1 before the pointed one: the count of such places is its index.
        let shape = self.system.shape(pointer).to_vec();
        let axis = shape.len() - 1;
        let before = self.system.push(shape.clone(), Wire::After(pointer));
        Ok(self.system.push(shape[..axis].to_vec(), Wire::Total(before, axis)))
    }

    /// `q = (a + ⌊by/2⌋) div by`: `a + half = q·by + r` with `0 ≤ r < by` and `by = 2·half + odd`.
    fn divide(
        &mut self,
        id: ValueId,
        a: ValueId,
        by: ValueId,
        shape: &[usize],
    ) -> Result<NodeId, LowerError> {
        let (dividend, divisor) = (self.interval(a), self.interval(by));
        let quotients = dividend.over(divisor).ok_or_else(|| self.wraps())?;
        let width = (quotients.hi - quotients.lo).max(1);
        let (a, by) = (self.of(a), self.of(by));
        let narrow = self.system.shape(by).to_vec();
        let odd = self.bit(&narrow, Hint::Odd(by));
        let rest = self.system.sum(&[(1, by), (-1, odd)], 0);
        let half = self.system.push(narrow.clone(), Wire::Quotient(rest, 2));
        self.nonnegative(half, divisor.hi)?;
        let half = self.system.spread(half, shape);
        let (a, by) = (self.system.spread(a, shape), self.system.spread(by, shape));
        let quotient = self.cells(id);
        let above = self.system.sum(&[(1, quotient)], -quotients.lo);
        self.nonnegative(above, width)?;
        let bound = (i128::from(quotients.magnitude()) + self.reach(width)) * i128::from(divisor.hi);
        self.fits(2 * bound + i128::from(dividend.magnitude()) + 2 * self.reach(divisor.hi))?;
        let product = self.system.fresh(shape, Hint::Times(quotient, by));
        self.system.times(quotient, by, Some(product));
        let remainder = self.system.sum(&[(1, a), (1, half), (-1, product)], 0);
        self.nonnegative(remainder, divisor.hi)?;
        let room = self.system.sum(&[(1, by), (-1, remainder)], -1);
        self.nonnegative(room, divisor.hi)?;
        Ok(quotient)
    }

    /// Rows by hidden indices: each element stands in the operand at its row's place.
    fn gather(&mut self, id: ValueId, a: ValueId, index: ValueId, shape: &[usize]) -> NodeId {
        let (a, index) = (self.of(a), self.of(index));
        let width = shape[1..].iter().product::<usize>();
        let result = self.cells(id);
        let rows = self.system.sum(&[(width as i64, index)], 0);
        let rows = self.system.push([&shape[..1], &vec![1; shape.len() - 1]].concat(), Wire::Reshape(rows));
        let rows = self.system.spread(rows, shape);
        let inner = (0..width as i64).collect();
        let inner = self.system.push([&[1], &shape[1..]].concat(), Wire::Known(Arc::new(inner)));
        let inner = self.system.spread(inner, shape);
        let place = self.system.sum(&[(1, rows), (1, inner)], 0);
        let tag = OWN_TAGS + self.node as u64;
        let numerator = Numerator::Plus;
        self.system.leaves.push(Leaf { value: result, second: Some(place), tag, numerator });
        let whole = self.system.shape(a).to_vec();
        let used = self.system.fresh(&whole, Hint::Reads(place));
        let places = self.system.push(whole, Wire::Count);
        let numerator = Numerator::Used(used);
        self.system.leaves.push(Leaf { value: a, second: Some(places), tag, numerator });
        result
    }

    /// Rows in ascending order: the same multiset in each row, and no element above its neighbour.
    fn order(&mut self, id: ValueId, a: ValueId, shape: &[usize]) -> Result<NodeId, LowerError> {
        let (node, interval) = (self.of(a), self.interval(a));
        let sorted = self.cells(id);
        let last = shape.last().copied().unwrap_or(1);
        let rows = self.system.size(sorted).checked_div(last).unwrap_or(0);
        let tag = OWN_TAGS + self.node as u64;
        let numbers: Vec<i64> = (0..rows).flat_map(|row| std::iter::repeat_n(row as i64, last)).collect();
        let second = Some(self.system.push(shape.to_vec(), Wire::Known(Arc::new(numbers))));
        for (value, numerator) in [(node, Numerator::Plus), (sorted, Numerator::Minus)] {
            self.system.leaves.push(Leaf { value, second, tag, numerator });
        }
        let width = (interval.hi - interval.lo).max(1);
        self.fits(2 * self.reach(width) * last as i128)?;
        for row in 0..rows {
            if last > 1 {
                let low = self.system.push(vec![last - 1], Wire::Slice(sorted, row * last));
                let high = self.system.push(vec![last - 1], Wire::Slice(sorted, row * last + 1));
                let step = self.system.sum(&[(1, high), (-1, low)], 0);
                self.nonnegative(step, width)?;
            }
        }
        Ok(sorted)
    }

    /// Adds the tables that leaves read, with fresh counts.
    fn finish(&mut self) {
        let read = |system: &System, tag| system.leaves.iter().any(|leaf| leaf.tag == tag);
        if read(&self.system, 0) {
            self.table(0, (1 << self.bits) + 1, None);
        }
        for (place, table) in self.program.tables().iter().enumerate() {
            let tag = place as u64 + 1;
            if read(&self.system, tag) {
                self.table(tag, table.values.len(), Some(table.values.clone()));
            }
        }
        self.system.split_leaves();
    }

    fn table(&mut self, tag: u64, entries: usize, values: Option<Vec<i64>>) {
        let place = self.system.tables.len();
        let readers =
            self.system.leaves.iter().filter(|leaf| leaf.tag == tag).map(|leaf| leaf.value).collect();
        self.system.tables.push(Lookup { entries, readers });
        let used = self.system.fresh(&[entries], Hint::Counts(place));
        let value = self.system.push(vec![entries], Wire::Count);
        let second = values.map(|values| self.system.push(vec![entries], Wire::Known(Arc::new(values))));
        self.system.leaves.push(Leaf { value, second, tag, numerator: Numerator::Used(used) });
    }
}
