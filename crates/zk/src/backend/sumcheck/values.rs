//! The prover's side of a system: the elements of every node, from a run of the program.

use super::field::{Val, element};
use super::system::{Hint, NodeId, Spelled, System, Wire};
use bitneuron_core::exact::{Run, Tensor};
use p3_field::{PrimeCharacteristicRing, batch_multiplicative_inverse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Elements of all nodes, as integers but for inverses.
#[derive(Clone)]
pub(super) struct Values {
    integers: Vec<Arc<Vec<i64>>>,
    inverses: BTreeMap<NodeId, Vec<Val>>,
}

impl Values {
    /// The elements that a proof is made of: nodes that only others are made of are let go with the last of them. Only honest
    /// runs have digits and counts that fit; of others they are whatever comes out.
    pub(super) fn new(system: &System, inputs: &[Tensor], run: &Run) -> Self {
        // What each node is the last to read.
        let mut gone = vec![Vec::new(); system.nodes.len()];
        for (place, last) in system.last_readers().into_iter().enumerate() {
            if let Some(last) = last {
                gone[last].push(place);
            }
        }
        Self::evaluated(system, inputs, run, gone)
    }

    /// All nodes' elements.
    #[cfg(feature = "suite")]
    pub(super) fn all(system: &System, inputs: &[Tensor], run: &Run) -> Self {
        Self::evaluated(system, inputs, run, vec![Vec::new(); system.nodes.len()])
    }

    /// The elements of one node after the other; after each, those of others `gone`.
    fn evaluated(system: &System, inputs: &[Tensor], run: &Run, gone: Vec<Vec<usize>>) -> Self {
        let mut values = Self { integers: Vec::with_capacity(system.nodes.len()), inverses: BTreeMap::new() };
        for (place, gone) in gone.into_iter().enumerate() {
            let elements = values.evaluate(system, NodeId(place), inputs, run);
            values.integers.push(elements);
            gone.into_iter().for_each(|place: usize| values.integers[place] = Arc::default());
        }
        values
    }

    pub(super) fn integers(&self, id: NodeId) -> &[i64] {
        &self.integers[id.0]
    }

    /// All elements in the field.
    pub(super) fn field(&self, id: NodeId) -> Vec<Val> {
        match self.inverses.get(&id) {
            Some(inverses) => inverses.clone(),
            None => self.integers[id.0].iter().map(|value| element(*value)).collect(),
        }
    }

    /// Changes one element, and what follows from it linearly.
    #[cfg(feature = "suite")]
    pub(super) fn tamper(&mut self, system: &System, id: NodeId, at: usize, by: i64) {
        if let Some(inverses) = self.inverses.get_mut(&id) {
            inverses[at] += element(by);
            return;
        }
        Arc::make_mut(&mut self.integers[id.0])[at] += by;
        for place in id.0 + 1..system.nodes.len() {
            if !matches!(system.nodes[place].wire, Wire::Cells(..)) {
                self.integers[place] = self.linear(system, NodeId(place));
            }
        }
    }

    fn evaluate(&mut self, system: &System, id: NodeId, inputs: &[Tensor], run: &Run) -> Arc<Vec<i64>> {
        match &system.node(id).wire {
            Wire::Cells(_, hint) => self.hinted(system, id, hint, inputs, run),
            _ => self.linear(system, id),
        }
    }

    /// The elements of a node that are linear in others.
    fn linear(&self, system: &System, id: NodeId) -> Arc<Vec<i64>> {
        let node = system.node(id);
        let of = |id: &NodeId| &self.integers[id.0];
        let last = node.shape.last().copied().unwrap_or(1).max(1);
        Arc::new(match &node.wire {
            Wire::Cells(..) => return self.integers[id.0].clone(),
            Wire::Known(values) => return values.clone(),
            Wire::Count => (0..system.size(id) as i64).collect(),
            Wire::Reshape(of) => return self.integers[of.0].clone(),
            Wire::Sum(terms, constant) => {
                let mut sum = vec![*constant; system.size(id)];
                for (by, term) in terms {
                    let term = of(term);
                    match by {
                        1 => sum.iter_mut().zip(term.iter()).for_each(|(sum, x)| *sum += x),
                        -1 => sum.iter_mut().zip(term.iter()).for_each(|(sum, x)| *sum -= x),
                        _ => sum
                            .iter_mut()
                            .zip(term.iter())
                            .for_each(|(sum, x)| *sum = sum.wrapping_add(by.wrapping_mul(*x))),
                    }
                }
                sum
            }
            Wire::Quotient(a, by) => {
                let shift = by.trailing_zeros();
                of(a).iter().map(|x| x >> shift).collect()
            }
            Wire::Spread(a) => spread(of(a), system.shape(*a), &node.shape),
            Wire::Total(a, axis) => total(of(a), system.shape(*a), *axis),
            Wire::Slice(a, start) => of(a)[*start..][..system.size(id)].to_vec(),
            Wire::Concat(parts) => parts.iter().flat_map(|part| of(part).iter()).copied().collect(),
            Wire::Rows(a, rows) => {
                let width = system.shape(*a)[1..].iter().product::<usize>();
                rows.iter().flat_map(|row| &of(a)[row * width..][..width]).copied().collect()
            }
            Wire::After(a) => {
                let mut values = of(a).to_vec();
                for row in values.chunks_mut(last) {
                    let mut later = 0;
                    for value in row.iter_mut().rev() {
                        let own = *value;
                        *value = later;
                        later += own;
                    }
                }
                values
            }
        })
    }

    fn hinted(
        &mut self,
        system: &System,
        id: NodeId,
        hint: &Hint,
        inputs: &[Tensor],
        run: &Run,
    ) -> Arc<Vec<i64>> {
        let of = |id: &NodeId| &self.integers[id.0];
        let map = |id: &NodeId, f: &dyn Fn(i64) -> i64| of(id).iter().map(|x| f(*x)).collect::<Vec<i64>>();
        Arc::new(match hint {
            Hint::Input(place) => inputs[*place].data().to_vec(),
            Hint::Value(value) => run.values()[value.0 as usize].data().to_vec(),
            Hint::Digit { of: spelled, bits, place, count, top } => {
                let digit = |x: i64| digit(x.max(0), *bits, *place, *count, *top);
                match spelled {
                    Spelled::Node(node) => map(node, &digit),
                    Spelled::Value(value, less) => {
                        run.values()[value.0 as usize].data().iter().map(|x| digit(x - less)).collect()
                    }
                }
            }
            Hint::Positive(a) => map(a, &|x| x.max(0)),
            Hint::Sign(a) => map(a, &|x| i64::from(x > 0)),
            Hint::Odd(a) => map(a, &|x| x & 1),
            Hint::Times(a, b) => of(a).iter().zip(of(b).iter()).map(|(x, y)| x.wrapping_mul(*y)).collect(),
            Hint::RowMax(a) => {
                let width = system.shape(*a).last().copied().unwrap_or(1).max(1);
                of(a).chunks(width).map(|row| row.iter().copied().fold(i64::MIN, i64::max)).collect()
            }
            Hint::Greatest(a) => {
                let width = system.shape(*a).last().copied().unwrap_or(1).max(1);
                let mut bits = vec![0; of(a).len()];
                for (row, bits) in of(a).chunks(width).zip(bits.chunks_mut(width)) {
                    let mut best = 0;
                    for (at, value) in row.iter().enumerate() {
                        if *value > row[best] {
                            best = at;
                        }
                    }
                    bits[best] = 1;
                }
                bits
            }
            Hint::Inverse(a) => {
                let nonzero = |x: &i64| if *x == 0 { Val::ONE } else { element(*x) };
                let mut inverses =
                    batch_multiplicative_inverse(&of(a).iter().map(nonzero).collect::<Vec<_>>());
                for (inverse, value) in inverses.iter_mut().zip(of(a).iter()) {
                    if *value == 0 {
                        *inverse = Val::ZERO;
                    }
                }
                let zeros = vec![0; inverses.len()];
                self.inverses.insert(id, inverses);
                zeros
            }
            Hint::Reads(places) => {
                let mut counts = vec![0; system.size(id)];
                for place in of(places).iter() {
                    if let Some(count) = usize::try_from(*place).ok().and_then(|at| counts.get_mut(at)) {
                        *count += 1;
                    }
                }
                counts
            }
            Hint::Counts(place) => {
                let table = &system.tables[*place];
                let mut counts = vec![0; table.entries];
                for reader in &table.readers {
                    for value in of(reader).iter() {
                        if let Some(count) = usize::try_from(*value).ok().and_then(|at| counts.get_mut(at)) {
                            *count += 1;
                        }
                    }
                }
                counts
            }
        })
    }
}

/// Digit `place` of `count` digits, spelled from the top, whose digit is at most `top`.
fn digit(value: i64, bits: u32, place: u32, count: u32, top: i64) -> i64 {
    let mut rest = value;
    for at in (0..count).rev() {
        // Only the lowest digit may be as large as the base.
        let most = if at + 1 == count { top } else { (1 << bits) - i64::from(at > 0) };
        let digit = (rest >> (bits * at)).min(most);
        if at == place {
            return digit;
        }
        rest -= digit << (bits * at);
    }
    rest
}

fn spread(values: &[i64], from: &[usize], to: &[usize]) -> Vec<i64> {
    let missing = to.len() - from.len();
    let mut out = values.to_vec();
    // Innermost dimensions first: repeat blocks along each dimension that the operand lacks.
    let mut inner = 1;
    for axis in (0..to.len()).rev() {
        let size = axis.checked_sub(missing).map_or(1, |axis| from[axis]);
        if size != to[axis] {
            let repeats = to[axis];
            out = out
                .chunks(inner.max(1))
                .flat_map(|block| std::iter::repeat_n(block, repeats).flatten())
                .copied()
                .collect();
        }
        inner *= to[axis];
    }
    out
}

fn total(values: &[i64], shape: &[usize], axis: usize) -> Vec<i64> {
    let (along, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    let outer = shape[..axis].iter().product::<usize>();
    let mut out = vec![0; outer * inner];
    for (block, sums) in values.chunks((along * inner).max(1)).zip(out.chunks_mut(inner.max(1))) {
        for line in block.chunks(inner.max(1)) {
            sums.iter_mut().zip(line).for_each(|(sum, value)| *sum += value);
        }
    }
    out
}
