//! Programs: validated lists of operations with canonical bytes.

use super::analysis::{Analysis, Value};
use super::{Interval, Op, Table, ValueId};
use crate::{Digest, Wire, encode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An input's shape and the interval of its elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The shape.
    pub shape: Vec<u32>,
    /// Where all elements lie.
    pub interval: Interval,
}

/// One operation with the interval that its result is declared to lie in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The operation.
    pub op: Op,
    /// The declared interval; never wider than the operands allow, checked at run time where narrower.
    pub interval: Interval,
}

/// A validated program. Equal programs have equal bytes ([`Wire`]) and equal digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Source", into = "Source")]
pub struct Program {
    source: Source,
    values: Vec<Value>,
    gas: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) inputs: Vec<Input>,
    pub(super) tables: Vec<Table>,
    pub(super) nodes: Vec<Node>,
    pub(super) outputs: Vec<ValueId>,
}

impl Wire for Program {
    const LIMIT: usize = 8 << 20;
}

/// Why a program was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// More values, operands or elements than allowed.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// An operation names a value that does not stand before it.
    #[error("value {0:?} does not exist here")]
    Missing(ValueId),
    /// Shapes that do not go together.
    #[error("node {node}: shapes do not fit")]
    Shape {
        /// The operation's place.
        node: usize,
    },
    /// A result that could leave ±2⁶², or an operand outside an operation's domain.
    #[error("node {node}: the operands' intervals do not allow this operation")]
    Range {
        /// The operation's place.
        node: usize,
    },
    /// The declared interval is empty or wider than the operands allow.
    #[error("node {node}: declared {declared:?}, the operands give {inferred:?}")]
    Declared {
        /// The operation's place.
        node: usize,
        /// What was declared.
        declared: Interval,
        /// What the analysis found.
        inferred: Interval,
    },
    /// An einsum that cannot be read.
    #[error("not an einsum: {0:?}")]
    Einsum(String),
    /// An argument outside what the construction allows.
    #[error("{0}")]
    Argument(&'static str),
}

impl Program {
    /// The most inputs and operations together.
    pub const MAX_VALUES: usize = 1 << 16;
    /// The most tables.
    pub const MAX_TABLES: usize = 256;
    /// The most elements of all values together, 2²⁷.
    pub const MAX_ELEMENTS: usize = 1 << 27;

    pub(super) fn new(source: Source) -> Result<Self, ProgramError> {
        let mut analysis = Analysis::default();
        source.inputs.iter().try_for_each(|input| analysis.input(input))?;
        source.tables.iter().try_for_each(|table| analysis.table(table))?;
        source.nodes.iter().try_for_each(|node| analysis.node(node))?;
        Self::analysed(source, analysis)
    }

    /// The program whose inputs, tables and nodes `analysis` has seen in order.
    pub(super) fn analysed(source: Source, analysis: Analysis) -> Result<Self, ProgramError> {
        source.outputs.iter().try_for_each(|id| analysis.value(*id).map(drop))?;
        let (values, gas) = analysis.finish();
        Ok(Self { source, values, gas })
    }

    /// The inputs in order.
    pub fn inputs(&self) -> &[Input] {
        &self.source.inputs
    }

    /// The tables that lookups read.
    pub fn tables(&self) -> &[Table] {
        &self.source.tables
    }

    /// The operations in order; the value of node `i` is number `inputs + i`.
    pub fn nodes(&self) -> &[Node] {
        &self.source.nodes
    }

    /// The values that are the result.
    pub fn outputs(&self) -> &[ValueId] {
        &self.source.outputs
    }

    /// The shape of a value.
    pub fn shape(&self, id: ValueId) -> Option<&[u32]> {
        self.values.get(id.0 as usize).map(|value| value.shape.as_slice())
    }

    /// The interval of a value.
    pub fn interval(&self, id: ValueId) -> Option<Interval> {
        self.values.get(id.0 as usize).map(|value| value.interval)
    }

    /// What running it costs: 1 gas = 10 ns = 16 products or 4 other elements. An operation has as many elements as it reads
    /// or writes, whichever is more; sorting a row of n counts each of them 1 + ⌊log₂ n⌋ times.
    pub fn gas(&self) -> u64 {
        self.gas
    }

    /// The digest of the canonical bytes.
    pub fn digest(&self) -> Digest {
        Digest::of("bitneuron program v1", &encode(self))
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }
}

impl TryFrom<Source> for Program {
    type Error = ProgramError;

    fn try_from(source: Source) -> Result<Self, ProgramError> {
        Self::new(source)
    }
}

impl From<Program> for Source {
    fn from(program: Program) -> Self {
        program.source
    }
}
