//! Who may talk to whom: a graph in two flat arrays, or the complete graph in none.

use crate::Address;

/// An undirected graph without loops and without repeated edges. Memory: four bytes a node and eight an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// Everybody knows everybody.
    Complete(u32),
    /// The neighbours of node `i`, ascending, stand in `targets` from `offsets[i]` to `offsets[i + 1]`.
    Listed { offsets: Box<[u32]>, targets: Box<[Address]> },
}

impl Graph {
    /// The complete graph.
    pub const fn complete(nodes: u32) -> Self {
        Self(Form::Complete(nodes))
    }

    /// The graph of these edges. Loops, repetitions and edges to nodes that are not there are left out.
    pub fn of(nodes: u32, edges: impl IntoIterator<Item = (Address, Address)>) -> Self {
        let valid = |(a, b): &(Address, Address)| a != b && *a < nodes && *b < nodes;
        let mut arcs: Vec<(Address, Address)> =
            edges.into_iter().filter(valid).flat_map(|(a, b)| [(a, b), (b, a)]).collect();
        arcs.sort_unstable();
        arcs.dedup();
        let mut offsets = Vec::with_capacity(nodes as usize + 1);
        let mut reached = 0;
        offsets.push(0);
        for node in 0..nodes {
            reached += arcs
                .get(reached as usize..)
                .unwrap_or_default()
                .iter()
                .take_while(|arc| arc.0 == node)
                .count() as u32;
            offsets.push(reached);
        }
        let targets = arcs.into_iter().map(|(_, to)| to).collect();
        Self(Form::Listed { offsets: offsets.into(), targets })
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        match &self.0 {
            Form::Complete(nodes) => *nodes,
            Form::Listed { offsets, .. } => offsets.len().saturating_sub(1) as u32,
        }
    }

    /// How many edges there are.
    pub fn edges(&self) -> u64 {
        match &self.0 {
            Form::Complete(nodes) => u64::from(*nodes) * u64::from(nodes.saturating_sub(1)) / 2,
            Form::Listed { targets, .. } => targets.len() as u64 / 2,
        }
    }

    /// How many neighbours a node has.
    pub fn degree(&self, node: Address) -> u32 {
        match &self.0 {
            Form::Complete(nodes) if node < *nodes => nodes - 1,
            Form::Complete(_) => 0,
            Form::Listed { .. } => self.listed(node).len() as u32,
        }
    }

    /// The neighbour with this number, from 0 and below the degree; in ascending order.
    pub fn neighbour(&self, node: Address, number: u32) -> Option<Address> {
        match &self.0 {
            Form::Complete(_) if number < self.degree(node) => Some(number + u32::from(number >= node)),
            Form::Complete(_) => None,
            Form::Listed { .. } => self.listed(node).get(number as usize).copied(),
        }
    }

    /// The neighbours of a node, ascending.
    pub fn neighbours(&self, node: Address) -> impl Iterator<Item = Address> + '_ {
        (0..self.degree(node)).filter_map(move |number| self.neighbour(node, number))
    }

    /// In how many pieces the graph is; 0 without nodes.
    pub fn components(&self) -> u32 {
        let nodes = self.nodes();
        if matches!(self.0, Form::Complete(_)) {
            return nodes.min(1);
        }
        let (mut seen, mut open, mut pieces) = (vec![false; nodes as usize], Vec::new(), 0);
        for start in 0..nodes {
            open.push(start);
            let mut fresh = false;
            while let Some(node) = open.pop() {
                if let Some(seen) = seen.get_mut(node as usize).filter(|seen| !**seen) {
                    *seen = true;
                    fresh = true;
                    open.extend_from_slice(self.listed(node));
                }
            }
            pieces += u32::from(fresh);
        }
        pieces
    }

    /// The Metropolis–Hastings weight of an edge, `1 / (1 + max(d_i, d_j))`: with these weights everybody's average keeps the
    /// mean of all, whatever the degrees.
    pub fn weight(&self, a: Address, b: Address) -> f64 {
        1.0 / (1.0 + f64::from(self.degree(a).max(self.degree(b))))
    }

    fn listed(&self, node: Address) -> &[Address] {
        let Form::Listed { offsets, targets } = &self.0 else { return &[] };
        let at = |index: usize| offsets.get(index).map(|offset| *offset as usize);
        let range = at(node as usize).zip(at(node as usize + 1));
        range.and_then(|(from, to)| targets.get(from..to)).unwrap_or_default()
    }
}
