//! What is committed of a run, and what it takes to check one piece of it.
//!
//! Some values of the program are *anchors*: their tensors are committed. A *unit* is what computes one anchor or one
//! output from the anchors and inputs before it, so that every unit can be checked alone. Two kinds of values are anchors:
//! sums of many products, which Freivalds' check verifies for less than it costs to compute them; and, at a few cuts
//! through the program, everything that is still needed later, so that no unit is much longer than the rest.

use super::freivalds;
use bitneuron_core::exact::tensor::elements;
use bitneuron_core::exact::{Einsum, Op, Program, ProgramError, Slice, ValueId};
use std::collections::BTreeSet;

/// How many products each number of a sum of products must stand for before the sum is an anchor.
const HEAVY: u64 = 8;
/// About how many cuts there are through a program.
const CUTS: u64 = 16;

/// The anchors and units of a program.
#[derive(Debug, Clone)]
pub struct Outline {
    anchors: Vec<ValueId>,
    units: Vec<Unit>,
}

/// One piece of a run that is checked alone.
#[derive(Debug, Clone)]
pub struct Unit {
    /// What it computes.
    pub target: Target,
    /// The part of the program before the check: the operands of a sum of products, else the target itself.
    pub slice: Slice,
    /// The sum of products that is checked rather than computed.
    pub product: Option<Einsum>,
    /// What checking costs, apart from reading and hashing tensors.
    pub gas: u64,
}

/// What a unit computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The anchor at this place.
    Anchor(u32),
    /// The output at this place.
    Output(u32),
}

impl Outline {
    /// The outline of a program: the same everywhere.
    ///
    /// # Errors
    /// None for a valid program; what building a part of it reports.
    pub fn new(program: &Program) -> Result<Self, ProgramError> {
        let anchors = anchors(program);
        let mut units = Vec::with_capacity(anchors.len().saturating_add(program.outputs().len()));
        for (place, anchor) in (0..).zip(&anchors) {
            units.push(unit(program, Target::Anchor(place), *anchor, &anchors)?);
        }
        for (place, output) in (0..).zip(program.outputs()) {
            units.push(unit(program, Target::Output(place), *output, &anchors)?);
        }
        Ok(Self { anchors: anchors.into_iter().collect(), units })
    }

    /// The committed values, ascending.
    pub fn anchors(&self) -> &[ValueId] {
        &self.anchors
    }

    /// All units: of the anchors in order, then of the outputs in order.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The place of a value among the anchors.
    pub fn place(&self, id: ValueId) -> Option<usize> {
        self.anchors.binary_search(&id).ok()
    }
}

fn unit(
    program: &Program,
    target: Target,
    id: ValueId,
    anchors: &BTreeSet<ValueId>,
) -> Result<Unit, ProgramError> {
    let mut given = anchors.clone();
    if matches!(target, Target::Anchor(_)) {
        given.remove(&id);
        if let Some(Op::Einsum { spec, a, b }) = op(program, id).filter(|_| is_heavy(program, id)) {
            let slice = program.slice(&[*a, *b], &given)?;
            let passes =
                [*a, *b, id].into_iter().fold(0, |sum: u64, id| sum.saturating_add(count(program, id)));
            let gas = slice.program.gas().saturating_add(passes);
            return Ok(Unit { target, slice, product: Some(spec.clone()), gas });
        }
    }
    let slice = program.slice(&[id], &given)?;
    let gas = slice.program.gas();
    Ok(Unit { target, slice, product: None, gas })
}

fn anchors(program: &Program) -> BTreeSet<ValueId> {
    let inputs = u32::try_from(program.inputs().len()).unwrap_or(u32::MAX);
    let id = |node: usize| ValueId(inputs.saturating_add(u32::try_from(node).unwrap_or(u32::MAX)));
    let mut last = vec![0; program.nodes().len()];
    for (at, node) in program.nodes().iter().enumerate() {
        for operand in node.op.operands() {
            if let Some(last) = operand.0.checked_sub(inputs).and_then(|node| last.get_mut(node as usize)) {
                *last = at;
            }
        }
    }
    let works: Vec<u64> = (0..program.nodes().len()).map(|at| work(program, id(at))).collect();
    let share = works.iter().fold(0, |sum: u64, work| sum.saturating_add(*work)) / CUTS;
    let mut anchors = BTreeSet::new();
    let mut since: u64 = 0;
    for (at, work) in works.iter().enumerate() {
        if is_heavy(program, id(at)) {
            anchors.insert(id(at));
            continue;
        }
        since = since.saturating_add(*work);
        if since > share {
            since = 0;
            let constant = |at: usize| matches!(program.nodes().get(at), Some(node) if matches!(node.op, Op::Constant(_)));
            let live = (0..=at)
                .filter(|before| last.get(*before).is_some_and(|last| *last > at) && !constant(*before));
            anchors.extend(live.map(id));
        }
    }
    anchors
}

fn op(program: &Program, id: ValueId) -> Option<&Op> {
    let at = (id.0 as usize).checked_sub(program.inputs().len())?;
    program.nodes().get(at).map(|node| &node.op)
}

fn count(program: &Program, id: ValueId) -> u64 {
    program.shape(id).and_then(elements).unwrap_or(0) as u64
}

/// How many products a value takes.
fn products(program: &Program, id: ValueId) -> u64 {
    let Some(Op::Einsum { spec, a, .. }) = op(program, id) else { return 0 };
    let shape = program.shape(*a).unwrap_or(&[]);
    let summed = spec.left().iter().zip(shape).filter(|(name, _)| !spec.out().contains(name));
    summed.fold(count(program, id), |product, (_, size)| product.saturating_mul(u64::from(*size)))
}

/// Whether checking a sum of products is much less work than computing it.
fn is_heavy(program: &Program, id: ValueId) -> bool {
    let Some(Op::Einsum { a, b, .. }) = op(program, id) else { return false };
    let passes = [*a, *b, id].into_iter().fold(0, |sum: u64, id| sum.saturating_add(count(program, id)));
    program.interval(id).is_some_and(freivalds::separates) && products(program, id) / HEAVY > passes
}

/// About what computing a value costs, in the measure of [`Program::gas`].
fn work(program: &Program, id: ValueId) -> u64 {
    (products(program, id) / 16).saturating_add(count(program, id) / 4).saturating_add(1)
}
