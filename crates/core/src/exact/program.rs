//! Programs: validated lists of operations with canonical bytes.

use super::analysis::{Analysis, Value};
use super::source::{self, Source};
pub use super::source::{Input, Node, ProgramError};
use super::{Interval, Table, ValueId};
use crate::{Digest, Wire, encode};
use serde::{Deserialize, Serialize};

/// A validated program. Equal programs have equal bytes ([`Wire`]) and equal digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Source", into = "Source")]
pub struct Program {
    source: Source,
    values: Vec<Value>,
    gas: u64,
}

impl Wire for Program {
    const LIMIT: usize = 8 << 20;
}

impl Program {
    /// The most inputs and operations together.
    pub const MAX_VALUES: usize = source::MAX_VALUES;
    /// The most tables.
    pub const MAX_TABLES: usize = source::MAX_TABLES;
    /// The most elements of all values together, 2²⁷.
    pub const MAX_ELEMENTS: usize = source::MAX_ELEMENTS;

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

    /// Whether a value was declared in a narrower interval than its operands allow, so that running may fail there; inputs are.
    pub fn is_checked(&self, id: ValueId) -> bool {
        self.values.get(id.0 as usize).is_some_and(|value| value.checked)
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
