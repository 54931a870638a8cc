//! The system of constraints that a program becomes.
//!
//! A *node* is a tensor whose elements are linear in what is committed: cells, or a linear image of other nodes. Three kinds
//! of constraint speak about nodes:
//! - a [`Product`]: sums of products of two nodes are a third (matrix products, element-wise products);
//! - a [`Leaf`]: every element lies in a table (ranges are tables too), or stands in two multisets alike;
//! - a zero: every element is 0.
//!
//! Prover and verifier build the same system from the relation alone; the prover also fills the cells, as their
//! [`Hint`]s say.

use super::field::Val;
use bitneuron_core::exact::ValueId;
use p3_field::PrimeCharacteristicRing;
use std::sync::Arc;

/// A node's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) usize);

/// Cells of one tensor: in which group, and from which of the group's elements on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Store {
    pub(super) group: usize,
    pub(super) start: usize,
}

/// How a node's elements follow from others.
#[derive(Debug, Clone)]
pub(super) enum Wire {
    /// Cells; how the prover finds them.
    Cells(Store, Hint),
    /// Known to everybody.
    Known(Arc<Vec<i64>>),
    /// 0, 1, 2, … along the flat buffer.
    Count,
    /// `Σ coefficient · node + constant`, all of this shape.
    Sum(Vec<(i64, NodeId)>, i64),
    /// Exactly divided.
    Quotient(NodeId, i64),
    /// Broadcast to this shape.
    Spread(NodeId),
    /// The sum along a dimension.
    Total(NodeId, usize),
    /// Elements of the flat buffer from here on.
    Slice(NodeId, usize),
    /// One flat buffer after the other.
    Concat(Vec<NodeId>),
    /// The same flat buffer.
    Reshape(NodeId),
    /// These rows.
    Rows(NodeId, Arc<Vec<usize>>),
    /// Along the last dimension, the sum of all later elements.
    After(NodeId),
}

/// How the prover finds the cells of a node.
#[derive(Debug, Clone)]
pub(super) enum Hint {
    /// The program's input.
    Input(usize),
    /// A value of the program's run.
    Value(ValueId),
    /// Digit `place` of `count` to base `2^bits`, the top one at most `top`; of what is negative, zero.
    Digit { of: Spelled, bits: u32, place: u32, count: u32, top: i64 },
    /// Where positive, else 0.
    Positive(NodeId),
    /// 1 where positive, else 0.
    Sign(NodeId),
    /// 1 where odd, else 0.
    Odd(NodeId),
    /// 1 at the first greatest element of each row, else 0.
    Greatest(NodeId),
    /// The greatest element of each row.
    RowMax(NodeId),
    /// Products of elements.
    Times(NodeId, NodeId),
    /// Inverses in the field, 0 for 0.
    Inverse(NodeId),
    /// How often each entry of a table is looked up.
    Counts(usize),
    /// How often each place is named.
    Reads(NodeId),
}

/// What digits spell.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spelled {
    /// A node.
    Node(NodeId),
    /// A value of the program's run, less a constant.
    Value(ValueId, i64),
}

/// Leaves that padding may waste of one block.
const TOLERATED: usize = 64;

/// Random cells at the start of the proof's own group, that hide what the last sumcheck shows.
pub(super) const VEIL: usize = 128;

/// A tensor and how it comes about.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) shape: Vec<usize>,
    pub(super) wire: Wire,
}

/// `Σ a · b = out` over named dimensions; `out` is zero where there is no node.
#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) a: (NodeId, Vec<u8>),
    pub(super) b: (NodeId, Vec<u8>),
    pub(super) out: Vec<u8>,
    pub(super) result: Option<NodeId>,
}

/// A block of fractions: `sign / (α − value − β·second − β²·tag)` for each element.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) value: NodeId,
    pub(super) second: Option<NodeId>,
    pub(super) tag: u64,
    pub(super) numerator: Numerator,
}

/// What stands above the line.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numerator {
    /// One for each element.
    Plus,
    /// Minus one for each element.
    Minus,
    /// Minus the node's element: how often a table's entry is used.
    Used(NodeId),
}

/// A table that leaves look up.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    pub(super) entries: usize,
    /// Whose elements are looked up.
    pub(super) readers: Vec<NodeId>,
}

/// All constraints.
#[derive(Debug, Clone, Default)]
pub(super) struct System {
    pub(super) nodes: Vec<Node>,
    pub(super) products: Vec<Product>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) zeros: Vec<NodeId>,
    pub(super) tables: Vec<Lookup>,
    /// The elements of the group that the proof itself brings.
    pub(super) own: usize,
    /// The place of that group.
    pub(super) own_group: usize,
}

impl System {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub(super) fn shape(&self, id: NodeId) -> &[usize] {
        &self.nodes[id.0].shape
    }

    pub(super) fn size(&self, id: NodeId) -> usize {
        self.nodes[id.0].shape.iter().product()
    }

    pub(super) fn push(&mut self, shape: Vec<usize>, wire: Wire) -> NodeId {
        self.nodes.push(Node { shape, wire });
        NodeId(self.nodes.len() - 1)
    }

    /// Fresh cells in the proof's own group.
    pub(super) fn fresh(&mut self, shape: &[usize], hint: Hint) -> NodeId {
        let store = Store { group: self.own_group, start: self.own };
        self.own += shape.iter().product::<usize>();
        self.push(shape.to_vec(), Wire::Cells(store, hint))
    }

    /// `Σ coefficient · node + constant`.
    pub(super) fn sum(&mut self, terms: &[(i64, NodeId)], constant: i64) -> NodeId {
        match terms {
            [(1, only)] if constant == 0 => *only,
            _ => {
                let shape = terms.first().map_or_else(Vec::new, |(_, id)| self.shape(*id).to_vec());
                self.push(shape, Wire::Sum(terms.to_vec(), constant))
            }
        }
    }

    /// The node broadcast to a shape.
    pub(super) fn spread(&mut self, of: NodeId, shape: &[usize]) -> NodeId {
        if self.shape(of) == shape { of } else { self.push(shape.to_vec(), Wire::Spread(of)) }
    }

    /// `a · b = out` element by element.
    pub(super) fn times(&mut self, a: NodeId, b: NodeId, result: Option<NodeId>) {
        let names: Vec<u8> = (b'a'..).take(self.shape(a).len()).collect();
        self.products.push(Product { a: (a, names.clone()), b: (b, names.clone()), out: names, result });
    }

    /// Cuts leaves of sizes that are no powers of two into pieces that nearly are, where a piece of the flat buffer is as easily
    /// weighed as the whole: blocks of leaves are padded to powers of two.
    pub(super) fn split_leaves(&mut self) {
        let mut flat: Vec<bool> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let is = |id: &NodeId| flat[id.0];
            flat.push(match &node.wire {
                Wire::Cells(..) | Wire::Known(_) | Wire::Count => true,
                Wire::Sum(terms, _) => terms.iter().all(|(_, id)| is(id)),
                Wire::Quotient(id, _) | Wire::Slice(id, _) | Wire::Reshape(id) => is(id),
                Wire::Concat(parts) => parts.iter().all(is),
                Wire::Spread(_) | Wire::Total(..) | Wire::Rows(..) | Wire::After(_) => false,
            });
        }
        for leaf in std::mem::take(&mut self.leaves) {
            let used = match leaf.numerator {
                Numerator::Used(used) => Some(used),
                _ => None,
            };
            let whole = [Some(leaf.value), leaf.second, used].into_iter().flatten().all(|id| flat[id.0]);
            let size = self.size(leaf.value);
            let padded: usize = self.shape(leaf.value).iter().map(|size| size.next_power_of_two()).product();
            if !whole || padded - size < TOLERATED {
                self.leaves.push(leaf);
                continue;
            }
            let mut from = 0;
            while from < size {
                let rest = size - from;
                let length =
                    if rest.next_power_of_two() - rest < TOLERATED { rest } else { 1 << rest.ilog2() };
                let mut piece = |id: NodeId| self.push(vec![length], Wire::Slice(id, from));
                let (value, second) = (piece(leaf.value), leaf.second.map(&mut piece));
                let numerator = used.map_or(leaf.numerator, |used| Numerator::Used(piece(used)));
                self.leaves.push(Leaf { value, second, numerator, ..leaf });
                from += length;
            }
        }
    }

    /// The last node that each node is read by, itself where there is none; `None` for nodes that constraints or own cells read.
    pub(super) fn last_readers(&self) -> Vec<Option<usize>> {
        let mut last: Vec<Option<usize>> = (0..self.nodes.len()).map(Some).collect();
        for (place, node) in self.nodes.iter().enumerate() {
            self.operands(node).into_iter().for_each(|id| last[id.0] = Some(place));
        }
        let own = self.nodes.iter().enumerate().filter_map(|(place, node)| match &node.wire {
            Wire::Cells(store, _) if store.group == self.own_group => Some(NodeId(place)),
            _ => None,
        });
        let leaves = self.leaves.iter().flat_map(|leaf| {
            let used = match leaf.numerator {
                Numerator::Used(used) => Some(used),
                Numerator::Plus | Numerator::Minus => None,
            };
            [Some(leaf.value), leaf.second, used].into_iter().flatten()
        });
        let products = self.products.iter().flat_map(|product| [product.a.0, product.b.0]);
        own.chain(leaves).chain(products).for_each(|id| last[id.0] = None);
        last
    }

    /// The nodes whose elements a node's are made of.
    fn operands(&self, node: &Node) -> Vec<NodeId> {
        match &node.wire {
            Wire::Cells(_, hint) => match hint {
                Hint::Input(_) | Hint::Value(_) | Hint::Digit { of: Spelled::Value(..), .. } => Vec::new(),
                Hint::Digit { of: Spelled::Node(of), .. }
                | Hint::Positive(of)
                | Hint::Sign(of)
                | Hint::Odd(of)
                | Hint::Greatest(of)
                | Hint::RowMax(of)
                | Hint::Inverse(of)
                | Hint::Reads(of) => vec![*of],
                Hint::Times(a, b) => vec![*a, *b],
                Hint::Counts(table) => self.tables[*table].readers.clone(),
            },
            Wire::Known(_) | Wire::Count => Vec::new(),
            Wire::Sum(terms, _) => terms.iter().map(|(_, id)| *id).collect(),
            Wire::Concat(parts) => parts.clone(),
            Wire::Quotient(of, _)
            | Wire::Spread(of)
            | Wire::Total(of, _)
            | Wire::Slice(of, _)
            | Wire::Reshape(of)
            | Wire::Rows(of, _)
            | Wire::After(of) => vec![*of],
        }
    }

    pub(super) fn leaf(&mut self, value: NodeId) {
        self.leaves.push(Leaf { value, second: None, tag: 0, numerator: Numerator::Plus });
    }
}

/// The field's element of an integer coefficient.
pub(super) fn coefficient(value: i64) -> Val {
    super::field::element(value)
}

/// The inverse of an integer that is not 0.
pub(super) fn inverse(value: i64) -> Val {
    use p3_field::Field;
    super::field::element(value).try_inverse().unwrap_or(Val::ZERO)
}
