//! The operations of programs and what each means.

use super::{Einsum, Interval, Tensor};
use serde::{Deserialize, Serialize};

/// A value of a program: inputs come first, then one value for each operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValueId(pub u32);

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Comparison {
    /// `a = b`.
    Equal,
    /// `a ≤ b`.
    AtMost,
}

impl Comparison {
    /// Whether values compare as asked.
    pub(super) const fn holds(self, a: i64, b: i64) -> bool {
        match self {
            Self::Equal => a == b,
            Self::AtMost => a <= b,
        }
    }
}

/// A table of integers for `first, first + 1, …`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The argument of the first entry.
    pub first: i64,
    /// The entries.
    pub values: Vec<i64>,
}

/// One operation. Operands are earlier values. "Broadcast" means: shapes are aligned at the last dimension and a
/// missing dimension or one of size 1 is repeated. A reduction removes its dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// A constant.
    Constant(Tensor),
    /// A sum of products over named dimensions.
    Einsum {
        /// Which dimensions meet, stay and are summed.
        spec: Einsum,
        /// Left operand.
        a: ValueId,
        /// Right operand.
        b: ValueId,
    },
    /// `a + b`, broadcast.
    Add(ValueId, ValueId),
    /// `a − b`, broadcast.
    Sub(ValueId, ValueId),
    /// `a · by`.
    Scale {
        /// Operand.
        a: ValueId,
        /// The constant factor.
        by: i64,
    },
    /// `(a + 2^(bits-1)) >> bits`, for 1 to 62 bits.
    Rescale {
        /// Operand.
        a: ValueId,
        /// The bits dropped.
        bits: u32,
    },
    /// `max(a, 0)`.
    Relu(ValueId),
    /// `a` where `by > 0`, else 0; equal shapes.
    Mask {
        /// Operand.
        a: ValueId,
        /// The value whose sign decides.
        by: ValueId,
    },
    /// `a` moved into the interval.
    Clamp {
        /// Operand.
        a: ValueId,
        /// The interval.
        to: Interval,
    },
    /// `table[a]`; the operand's interval must lie in the table.
    Lookup {
        /// Operand.
        a: ValueId,
        /// The table's place among the program's tables.
        table: u32,
    },
    /// The sum along one dimension.
    Sum {
        /// Operand.
        a: ValueId,
        /// The dimension.
        axis: u32,
    },
    /// 1 where the comparison holds, else 0; broadcast.
    Compare {
        /// Left operand.
        a: ValueId,
        /// Right operand.
        b: ValueId,
        /// The comparison.
        by: Comparison,
    },
    /// The index of the greatest element along the last dimension; ties to the lowest index.
    Argmax(ValueId),
    /// The greatest element along the last dimension.
    RowMax(ValueId),
    /// The rows (first dimension) of `a` with these indices; `index` is a vector within the rows.
    Gather {
        /// Operand.
        a: ValueId,
        /// The indices.
        index: ValueId,
    },
    /// `(a + by/2) div by`, broadcast; the divisor's interval begins at 1 or above. The remainder is the witness.
    Divide {
        /// Dividend.
        a: ValueId,
        /// Divisor.
        by: ValueId,
    },
    /// The elements along the last dimension in ascending order; the permutation is the witness.
    Order(ValueId),
    /// The elements `start ..` of the flat buffer, in a new shape.
    Slice {
        /// Operand.
        a: ValueId,
        /// The first element.
        start: u32,
        /// The shape of the result.
        shape: Vec<u32>,
    },
    /// The flat buffers of all parts, one after the other, as a vector.
    Concat(Vec<ValueId>),
    /// The same flat buffer in another shape.
    Reshape {
        /// Operand.
        a: ValueId,
        /// The new shape, of as many elements.
        shape: Vec<u32>,
    },
}

impl Op {
    /// The values it reads.
    pub fn operands(&self) -> Vec<ValueId> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Einsum { a, b, .. }
            | Self::Add(a, b)
            | Self::Sub(a, b)
            | Self::Mask { a, by: b }
            | Self::Compare { a, b, .. }
            | Self::Gather { a, index: b }
            | Self::Divide { a, by: b } => vec![*a, *b],
            Self::Scale { a, .. }
            | Self::Rescale { a, .. }
            | Self::Relu(a)
            | Self::Clamp { a, .. }
            | Self::Lookup { a, .. }
            | Self::Sum { a, .. }
            | Self::Argmax(a)
            | Self::RowMax(a)
            | Self::Order(a)
            | Self::Slice { a, .. }
            | Self::Reshape { a, .. } => vec![*a],
            Self::Concat(parts) => parts.clone(),
        }
    }

    /// The operation on other values.
    #[must_use]
    pub(super) fn renamed(&self, mut to: impl FnMut(ValueId) -> ValueId) -> Self {
        match self.clone() {
            Self::Constant(tensor) => Self::Constant(tensor),
            Self::Einsum { spec, a, b } => Self::Einsum { spec, a: to(a), b: to(b) },
            Self::Add(a, b) => Self::Add(to(a), to(b)),
            Self::Sub(a, b) => Self::Sub(to(a), to(b)),
            Self::Scale { a, by } => Self::Scale { a: to(a), by },
            Self::Rescale { a, bits } => Self::Rescale { a: to(a), bits },
            Self::Relu(a) => Self::Relu(to(a)),
            Self::Mask { a, by } => Self::Mask { a: to(a), by: to(by) },
            Self::Clamp { a, to: interval } => Self::Clamp { a: to(a), to: interval },
            Self::Lookup { a, table } => Self::Lookup { a: to(a), table },
            Self::Sum { a, axis } => Self::Sum { a: to(a), axis },
            Self::Compare { a, b, by } => Self::Compare { a: to(a), b: to(b), by },
            Self::Argmax(a) => Self::Argmax(to(a)),
            Self::RowMax(a) => Self::RowMax(to(a)),
            Self::Gather { a, index } => Self::Gather { a: to(a), index: to(index) },
            Self::Divide { a, by } => Self::Divide { a: to(a), by: to(by) },
            Self::Order(a) => Self::Order(to(a)),
            Self::Slice { a, start, shape } => Self::Slice { a: to(a), start, shape },
            Self::Concat(parts) => Self::Concat(parts.into_iter().map(to).collect()),
            Self::Reshape { a, shape } => Self::Reshape { a: to(a), shape },
        }
    }
}
