//! What stands where in the circuit of a relation: which inputs are fixed, public or committed, and whether this backend can
//! handle them at all.

use super::SpartanError;
use super::circuit::MOST;
use super::engine::WIDTH;
use super::vault::SCHEME;
use bitneuron_core::exact::tensor::elements;
use bitneuron_core::exact::{Binding, Op, Relation, ValueId};
use bitneuron_core::{Commitment, Digest, hash::Hasher};

/// The places of a relation's inputs and outputs.
pub(super) struct Layout {
    fixed: Vec<bool>,
    /// Commitment, shape and rows of every committed input, then of every committed output.
    pub(super) committed: Vec<Place>,
    /// How many of them are inputs.
    pub(super) inputs: usize,
}

/// A committed tensor.
pub(super) struct Place {
    pub(super) commitment: Commitment,
    pub(super) shape: Vec<u32>,
    /// Rows of its commitment.
    pub(super) rows: usize,
    /// Its number among the relation's inputs or outputs.
    pub(super) number: usize,
}

impl Layout {
    pub(super) fn new(relation: &Relation) -> Result<Self, SpartanError> {
        let program = &relation.program;
        let shapes = program.inputs().iter().map(|input| input.shape.as_slice());
        let inputs = places(relation.inputs.iter().zip(shapes))?;
        let shapes = program.outputs().iter().map(|id| program.shape(*id).unwrap_or(&[]));
        let outputs = places(relation.outputs.iter().zip(shapes))?;
        if relation.inputs.len() != program.inputs().len()
            || relation.outputs.len() != program.outputs().len()
        {
            return Err(SpartanError::Shape);
        }
        let count = |id: ValueId| program.shape(id).and_then(elements).unwrap_or(MOST);
        let values = program.inputs().len().saturating_add(program.nodes().len());
        let cells = (0..values).fold(0usize, |total, at| total.saturating_add(count(ValueId(at as u32))));
        if cells > MOST * 2 {
            return Err(SpartanError::TooLarge { limit: MOST });
        }
        let mut layout = Self { fixed: fixed(relation), inputs: inputs.len(), committed: inputs };
        layout.committed.extend(outputs);
        Ok(layout)
    }

    /// Whether an input is part of the circuit itself, as indices are.
    pub(super) fn is_fixed(&self, input: usize) -> bool {
        self.fixed.get(input) == Some(&true)
    }

    /// The name of the circuit: equal for relations that have the same keys.
    pub(super) fn digest(&self, relation: &Relation) -> Digest {
        let mut hasher = Hasher::new("bitneuron spartan circuit v1");
        hasher.update(&relation.program.digest().0);
        for (place, binding) in relation.inputs.iter().enumerate() {
            match binding {
                Binding::Public(tensor) if self.is_fixed(place) => {
                    hasher.number(2).update(&tensor.commitment().root.0);
                }
                Binding::Public(_) => {
                    hasher.number(1);
                }
                Binding::Committed(_) => {
                    hasher.number(0);
                }
            }
        }
        for binding in &relation.outputs {
            hasher.number(matches!(binding, Binding::Public(_)).into());
        }
        hasher.finish()
    }
}

fn places<'a>(bindings: impl Iterator<Item = (&'a Binding, &'a [u32])>) -> Result<Vec<Place>, SpartanError> {
    let mut found = Vec::new();
    for (number, (binding, shape)) in bindings.enumerate() {
        match binding {
            Binding::Public(tensor) if tensor.shape() == shape => {}
            Binding::Public(_) => return Err(SpartanError::Shape),
            Binding::Committed(commitment) if commitment.scheme == SCHEME => found.push(Place {
                commitment: *commitment,
                shape: shape.to_vec(),
                rows: elements(shape).unwrap_or(0).div_ceil(WIDTH),
                number,
            }),
            Binding::Committed(commitment) => return Err(SpartanError::Scheme(commitment.scheme)),
        }
    }
    Ok(found)
}

/// Which public inputs rows are gathered by, however they are sliced and reshaped before.
fn fixed(relation: &Relation) -> Vec<bool> {
    let inputs = relation.inputs.len();
    let mut index = vec![false; inputs.saturating_add(relation.program.nodes().len())];
    // Later operations first, so that what an operation reads is marked after it.
    for (at, node) in relation.program.nodes().iter().enumerate().rev() {
        let ValueId(read) = match &node.op {
            Op::Gather { index, .. } => *index,
            Op::Slice { a, .. } | Op::Reshape { a, .. } if index.get(inputs + at) == Some(&true) => *a,
            _ => continue,
        };
        if let Some(slot) = index.get_mut(read as usize) {
            *slot = true;
        }
    }
    let public = relation.inputs.iter().map(|binding| matches!(binding, Binding::Public(_)));
    public.zip(index).map(|(public, index)| public && index).collect()
}
