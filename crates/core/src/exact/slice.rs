//! Parts of programs: what computes some values from others.
//!
//! Whoever doubts one value of a run need not run all of it: given the values that a part begins with, the part alone
//! says what must come out.

use super::source::{Input, Node, Source};
use super::{Program, ProgramError, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// A part of a program, as a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The part; its outputs are the values asked for, in their order.
    pub program: Program,
    /// Which values of the whole the part's inputs are, ascending.
    pub inputs: Vec<ValueId>,
}

impl Program {
    /// The part that computes `targets` from the program's inputs and the values in `given`, where it needs them. A target
    /// that is given is passed through.
    ///
    /// # Errors
    /// [`ProgramError::Missing`] for a target that is no value of the program.
    pub fn slice(&self, targets: &[ValueId], given: &BTreeSet<ValueId>) -> Result<Slice, ProgramError> {
        let inputs = self.inputs().len();
        let node = |id: ValueId| (id.0 as usize).checked_sub(inputs).and_then(|at| self.nodes().get(at));
        let (mut leaves, mut inner) = (BTreeSet::new(), BTreeSet::new());
        let mut open = targets.to_vec();
        while let Some(id) = open.pop() {
            if self.shape(id).is_none() {
                return Err(ProgramError::Missing(id));
            }
            match node(id).filter(|_| !given.contains(&id)) {
                None => drop(leaves.insert(id)),
                Some(node) if inner.insert(id) => open.extend(node.op.operands()),
                Some(_) => {}
            }
        }
        let places: BTreeMap<ValueId, ValueId> =
            leaves.iter().chain(&inner).copied().zip((0..).map(ValueId)).collect();
        let renamed = |id: ValueId| places.get(&id).copied().unwrap_or(id);
        let input =
            |id: &ValueId| Some(Input { shape: self.shape(*id)?.to_vec(), interval: self.interval(*id)? });
        let source = Source {
            inputs: leaves.iter().filter_map(input).collect(),
            tables: self.tables().to_vec(),
            nodes: inner
                .iter()
                .filter_map(|id| node(*id))
                .map(|node| Node { op: node.op.renamed(renamed), interval: node.interval })
                .collect(),
            outputs: targets.iter().map(|id| renamed(*id)).collect(),
        };
        Ok(Slice { program: Self::new(source)?, inputs: leaves.into_iter().collect() })
    }
}
