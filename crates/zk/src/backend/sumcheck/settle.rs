//! From claims about nodes to one claim about cells.
//!
//! Nodes are linear in what they are made of, so a weight on a node is a weight on its operands: going through the nodes
//! from the last to the first moves every claim down to cells and to known tensors. Powers of one challenge keep the claims
//! apart.

use super::align::{Aligned, Part, align};
use super::field::{Ext, element};
use super::system::{NodeId, Store, System, Wire, coefficient, inverse};
use super::weight::Weight;
use p3_field::PrimeCharacteristicRing;

/// A linear expression in nodes' elements and pads; as a claim, that it is 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    pub(super) constant: Ext,
    pub(super) values: Vec<(NodeId, Weight)>,
    pub(super) pads: Vec<(usize, Ext)>,
}

impl Form {
    /// The form plus another one, scaled.
    pub(super) fn add(&mut self, other: &Self, scale: Ext) {
        self.constant += other.constant * scale;
        self.values.extend(other.values.iter().map(|(id, weight)| (*id, weight.clone().scaled(scale))));
        self.pads.extend(other.pads.iter().map(|(pad, by)| (*pad, *by * scale)));
    }

    /// The form, scaled.
    pub(super) fn scale(&mut self, by: Ext) {
        self.constant *= by;
        self.values.iter_mut().for_each(|(_, weight)| weight.coefficient *= by);
        self.pads.iter_mut().for_each(|(_, coefficient)| *coefficient *= by);
    }
}

/// One claim: `constant + Σ weight · cell + Σ by · pad = 0`.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) constant: Ext,
    pub(super) cells: Vec<(Store, usize, Vec<Weight>)>,
    pub(super) pads: Vec<Ext>,
}

/// All claims as one, the `k`-th by `challenge^k`.
pub(super) fn settle(system: &System, claims: &[Form], pads: usize, challenge: Ext) -> Settled {
    let mut settled = Settled { pads: vec![Ext::ZERO; pads], ..Settled::default() };
    let mut open: Vec<Vec<Weight>> = vec![Vec::new(); system.nodes.len()];
    let mut power = Ext::ONE;
    for claim in claims {
        settled.constant += claim.constant * power;
        claim.pads.iter().for_each(|(pad, by)| settled.pads[*pad] += *by * power);
        for (id, weight) in &claim.values {
            put(&mut open, *id, weight.clone().scaled(power));
        }
        power *= challenge;
    }
    for place in (0..system.nodes.len()).rev() {
        let weights = std::mem::take(&mut open[place]);
        if !weights.is_empty() {
            lower(system, NodeId(place), weights, &mut open, &mut settled);
        }
    }
    settled
}

/// Adds a weight to a node's, to an equal one where there is one.
fn put(open: &mut [Vec<Weight>], id: NodeId, weight: Weight) {
    match open[id.0].iter_mut().find(|other| other.same(&weight)) {
        Some(other) => other.coefficient += weight.coefficient,
        None => open[id.0].push(weight),
    }
}

fn lower(system: &System, id: NodeId, weights: Vec<Weight>, open: &mut [Vec<Weight>], settled: &mut Settled) {
    let node = system.node(id);
    match &node.wire {
        Wire::Cells(store, _) => settled.cells.push((*store, system.size(id), weights)),
        Wire::Known(values) => {
            settled.constant +=
                weights.iter().map(|weight| weight.apply(&|index| element(values[index]))).sum::<Ext>();
        }
        Wire::Count => settled.constant += weights.iter().map(Weight::count).sum::<Ext>(),
        Wire::Sum(terms, constant) => {
            if *constant != 0 {
                let mass: Ext = weights.iter().map(Weight::mass).sum();
                settled.constant += mass * coefficient(*constant);
            }
            for (by, term) in terms {
                let by = Ext::from(coefficient(*by));
                weights.iter().for_each(|weight| put(open, *term, weight.clone().scaled(by)));
            }
        }
        Wire::Quotient(of, by) => {
            let by = Ext::from(inverse(*by));
            weights.into_iter().for_each(|weight| put(open, *of, weight.scaled(by)));
        }
        Wire::Reshape(of) => weights.into_iter().for_each(|weight| put(open, *of, weight)),
        Wire::Slice(of, start) => {
            for mut weight in weights {
                weight.start += start;
                put(open, *of, weight);
            }
        }
        Wire::Concat(parts) => {
            let mut from = 0;
            for part in parts {
                let size = system.size(*part);
                for weight in &weights {
                    weight.within(from, size).into_iter().for_each(|weight| put(open, *part, weight));
                }
                from += size;
            }
        }
        Wire::Spread(of) => {
            let shape = system.shape(*of);
            let missing = node.shape.len() - shape.len();
            along(&weights, node, open, *of, shape, |piece| unspread(piece, missing, shape));
        }
        Wire::Total(of, axis) => {
            let shape = system.shape(*of);
            along(&weights, node, open, *of, shape, |mut piece| {
                piece.parts.insert(*axis, Part::ones(shape[*axis]));
                piece
            });
        }
        Wire::Rows(of, rows) => {
            let shape = system.shape(*of);
            along(&weights, node, open, *of, shape, |mut piece| {
                piece.parts[0] = gathered(&piece.parts[0], rows, shape[0]);
                piece
            });
        }
        Wire::After(of) => {
            let shape = system.shape(*of);
            along(&weights, node, open, *of, shape, |mut piece| {
                if let (Some(last), Some(size)) = (piece.parts.last_mut(), shape.last()) {
                    *last = before(last, *size);
                }
                piece
            });
        }
    }
}

/// Moves weights to an operand of this shape, along dimensions.
fn along(
    weights: &[Weight],
    node: &super::system::Node,
    open: &mut [Vec<Weight>],
    of: NodeId,
    shape: &[usize],
    image: impl Fn(Aligned) -> Aligned,
) {
    for weight in weights {
        for piece in align(weight, &node.shape) {
            put(open, of, image(piece).weight(shape));
        }
    }
}

/// A piece over what was spread, as one over what there was: without the dimensions that were missing or of size one.
fn unspread(mut piece: Aligned, missing: usize, shape: &[usize]) -> Aligned {
    let mut parts = piece.parts.split_off(missing);
    let mut gone = piece.parts;
    for (part, size) in parts.iter_mut().zip(shape) {
        if *size == 1 {
            gone.push(std::mem::replace(part, Part { start: 0, run: None }));
        }
    }
    gone.iter().filter_map(Part::mass).for_each(|mass| piece.coefficient *= mass);
    Aligned { coefficient: piece.coefficient, parts }
}

/// A part over sums of what comes after each element, as one over the elements: element i counts in the result at every j < i.
fn before(part: &Part, size: usize) -> Part {
    let mut numbers = vec![Ext::ZERO; size];
    part.entries().iter().for_each(|(at, number)| numbers[*at] += number.unwrap_or(Ext::ONE));
    let mut sum = Ext::ZERO;
    for number in &mut numbers {
        let own = *number;
        *number = sum;
        sum += own;
    }
    Part::dense(numbers)
}

/// A part over gathered rows as a part over all rows.
fn gathered(part: &Part, rows: &[usize], size: usize) -> Part {
    let count = part.run.as_ref().map_or(1, |run| run.size);
    let taken = &rows[part.start..][..count];
    if taken.windows(2).all(|pair| pair[1] == pair[0] + 1) {
        return Part { start: taken[0], run: part.run.clone() };
    }
    let mut numbers = vec![Ext::ZERO; size];
    part.entries().iter().for_each(|(at, number)| numbers[rows[*at]] += number.unwrap_or(Ext::ONE));
    Part::dense(numbers)
}
