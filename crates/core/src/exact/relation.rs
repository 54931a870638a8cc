//! What is proved: a program whose inputs and outputs are public or committed.

use super::{ExecuteError, Program, Tensor, compute};
use crate::{Commitment, Digest, hash::Hasher};
use thiserror::Error;

/// How an input or output is fixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// Everybody knows it.
    Public(Tensor),
    /// Only its commitment is known; the tensor is the witness.
    Committed(Commitment),
}

impl Binding {
    /// Whether `tensor` is the one bound.
    pub fn admits(&self, tensor: &Tensor) -> bool {
        match self {
            Self::Public(public) => public == tensor,
            Self::Committed(commitment) => *commitment == tensor.commitment(),
        }
    }
}

/// A program with its inputs and outputs bound, in order. It *holds* for a witness (the committed inputs) when the program
/// runs on them and every output is the one bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The program.
    pub program: Program,
    /// One binding for each input.
    pub inputs: Vec<Binding>,
    /// One binding for each output.
    pub outputs: Vec<Binding>,
}

/// Why a relation does not hold for a witness.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RelationError {
    /// Another number of tensors than there are committed inputs.
    #[error("{found} witness tensors where {expected} inputs are committed")]
    Witness {
        /// How many were given.
        found: usize,
        /// How many inputs are committed.
        expected: usize,
    },
    /// A witness tensor that is not the one committed.
    #[error("input {0} is not the one committed")]
    Input(usize),
    /// An output that is not the one bound.
    #[error("output {0} is not the one stated")]
    Output(usize),
    /// The program does not run.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

impl Relation {
    /// Puts the committed tensors (in input order) between the public ones.
    ///
    /// # Errors
    /// Another number of tensors than there are committed inputs.
    pub fn assemble(&self, witness: Vec<Tensor>) -> Result<Vec<Tensor>, RelationError> {
        let expected = self.inputs.iter().filter(|input| matches!(input, Binding::Committed(_))).count();
        let found = witness.len();
        let mut witness = witness.into_iter();
        let inputs: Vec<Tensor> = self
            .inputs
            .iter()
            .filter_map(|input| match input {
                Binding::Public(tensor) => Some(tensor.clone()),
                Binding::Committed(_) => witness.next(),
            })
            .collect();
        if found == expected { Ok(inputs) } else { Err(RelationError::Witness { found, expected }) }
    }

    /// Whether the relation holds for this witness, by running the program.
    ///
    /// # Errors
    /// Why it does not.
    pub fn holds(&self, witness: Vec<Tensor>) -> Result<(), RelationError> {
        let inputs = self.assemble(witness)?;
        if let Some(wrong) =
            self.inputs.iter().zip(&inputs).position(|(binding, tensor)| !binding.admits(tensor))
        {
            return Err(RelationError::Input(wrong));
        }
        self.concludes(&inputs)
    }

    /// Whether the program gives the outputs bound when it runs on `inputs`, which are those bound: who calls this has
    /// compared them already.
    ///
    /// # Errors
    /// The program does not run, or gives another output.
    pub fn concludes(&self, inputs: &[Tensor]) -> Result<(), RelationError> {
        let outputs = compute(&self.program, inputs)?;
        match self.outputs.iter().zip(&outputs).position(|(binding, tensor)| !binding.admits(tensor)) {
            Some(wrong) => Err(RelationError::Output(wrong)),
            None if self.outputs.len() == outputs.len() => Ok(()),
            None => Err(RelationError::Output(self.outputs.len().min(outputs.len()))),
        }
    }

    /// A digest of the program and all bindings: what a proof is about.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("bitneuron relation v1");
        hasher.update(&self.program.digest().0);
        for side in [&self.inputs, &self.outputs] {
            hasher.number(side.len() as u64);
            for binding in side {
                let (kind, commitment) = match binding {
                    Binding::Public(tensor) => (0, tensor.commitment()),
                    Binding::Committed(commitment) => (1, *commitment),
                };
                hasher.number(kind).number(u64::from(commitment.scheme)).update(&commitment.root.0);
            }
        }
        hasher.finish()
    }
}
