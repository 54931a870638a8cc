//! From a relation to its system of constraints.
//!
//! Every value of the program becomes a node. Linear operations cost nothing; others get fresh cells and constraints that
//! leave one result possible: the operation's own. That no equation holds only modulo the field is shown here once and for
//! all shapes: operands lie in their declared intervals (by induction over the program), fresh cells in the ranges that
//! their digits span, and an equation whose sides could differ by half the modulus or more is refused.

mod operation;

use super::system::{Hint, Leaf, Lookup, NodeId, Numerator, Product, Store, System, VEIL, Wire};
use bitneuron_core::exact::{Comparison, Interval, Op, Program, Tensor, ValueId, compute};
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
        let outputs = compute(&slice.program, &inputs.ok_or(LowerError::Known)?);
        let result = outputs.map_err(|_| LowerError::Known)?.into_iter().next();
        self.know(id, result.ok_or(LowerError::Known)?);
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
