//! What a program is written from: inputs, tables and operations, before anybody has looked whether they go together.

use super::{Interval, Op, Table, ValueId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most inputs and operations together.
pub(super) const MAX_VALUES: usize = 1 << 16;
/// The most tables.
pub(super) const MAX_TABLES: usize = 256;
/// The most elements of all values together, 2²⁷.
pub(super) const MAX_ELEMENTS: usize = 1 << 27;

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

/// All parts of a program, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) inputs: Vec<Input>,
    pub(super) tables: Vec<Table>,
    pub(super) nodes: Vec<Node>,
    pub(super) outputs: Vec<ValueId>,
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
