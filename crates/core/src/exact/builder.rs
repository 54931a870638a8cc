//! Writes programs: each call appends one operation whose shape and interval are known at once.

use super::analysis::{Analysis, Inferred};
use super::source::{Input, Node, Source};
use super::{Comparison, Einsum, Interval, Op, Program, ProgramError, Table, Tensor, ValueId};

/// A program under construction.
#[derive(Debug, Default)]
pub struct Builder {
    source: Source,
    analysis: Analysis,
}

impl Builder {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares the next input. All inputs come before the first operation.
    ///
    /// # Errors
    /// After an operation, or an impossible shape or interval.
    pub fn input(&mut self, shape: &[u32], interval: Interval) -> Result<ValueId, ProgramError> {
        if !self.source.nodes.is_empty() {
            return Err(ProgramError::Argument("inputs come before operations"));
        }
        let input = Input { shape: shape.to_vec(), interval };
        self.analysis.input(&input)?;
        self.source.inputs.push(input);
        Ok(self.analysis.last())
    }

    /// Appends an operation with the interval that the analysis infers.
    ///
    /// # Errors
    /// Operands that do not exist, do not fit or could overflow; so for all methods that follow.
    pub fn op(&mut self, op: Op) -> Result<ValueId, ProgramError> {
        let inferred = self.analysis.infer(&op)?;
        let interval = inferred.1;
        self.push(op, inferred, interval)
    }

    /// Appends an operation whose result is declared to lie in `interval`; running the program fails where it does not.
    ///
    /// # Errors
    /// As [`Builder::op`], or an interval wider than inferred.
    pub fn op_within(&mut self, op: Op, interval: Interval) -> Result<ValueId, ProgramError> {
        let inferred = self.analysis.infer(&op)?;
        self.push(op, inferred, interval)
    }

    /// Appends an operation of another program, whose operands may be narrower here than there: its result lies in `declared`
    /// as there, and in what is inferred here.
    pub(super) fn op_again(&mut self, op: Op, declared: Interval) -> Result<ValueId, ProgramError> {
        let inferred = self.analysis.infer(&op)?;
        let (lo, hi) = (declared.lo.max(inferred.1.lo), declared.hi.min(inferred.1.hi));
        self.push(op, inferred, Interval { lo, hi })
    }

    fn push(&mut self, op: Op, inferred: Inferred, interval: Interval) -> Result<ValueId, ProgramError> {
        self.analysis.declare(&op, inferred, interval)?;
        self.source.nodes.push(Node { op, interval });
        Ok(self.analysis.last())
    }

    /// Marks a value as the next output.
    pub fn output(&mut self, id: ValueId) {
        self.source.outputs.push(id);
    }

    /// The shape of a value so far.
    ///
    /// # Errors
    /// No such value.
    pub fn shape(&self, id: ValueId) -> Result<Vec<u32>, ProgramError> {
        self.analysis.value(id).map(|value| value.shape.clone())
    }

    /// The interval of a value so far.
    ///
    /// # Errors
    /// No such value.
    pub fn interval(&self, id: ValueId) -> Result<Interval, ProgramError> {
        self.analysis.value(id).map(|value| value.interval)
    }

    /// The finished program.
    ///
    /// # Errors
    /// An output that does not exist.
    pub fn build(self) -> Result<Program, ProgramError> {
        Program::analysed(self.source, self.analysis)
    }
}

/// One-line forms of the operations, each as [`Builder::op`].
#[expect(clippy::missing_errors_doc, reason = "all fail as `Builder::op` does")]
impl Builder {
    /// [`Op::Constant`].
    pub fn constant(&mut self, tensor: Tensor) -> Result<ValueId, ProgramError> {
        self.op(Op::Constant(tensor))
    }

    /// [`Op::Einsum`] in the usual notation `"ij,jk->ik"`.
    pub fn einsum(&mut self, spec: &str, a: ValueId, b: ValueId) -> Result<ValueId, ProgramError> {
        let spec = Einsum::parse(spec).ok_or_else(|| ProgramError::Einsum(spec.into()))?;
        self.op(Op::Einsum { spec, a, b })
    }

    /// [`Op::Add`].
    pub fn add(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, ProgramError> {
        self.op(Op::Add(a, b))
    }

    /// [`Op::Sub`].
    pub fn sub(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, ProgramError> {
        self.op(Op::Sub(a, b))
    }

    /// [`Op::Scale`].
    pub fn scale(&mut self, a: ValueId, by: i64) -> Result<ValueId, ProgramError> {
        self.op(Op::Scale { a, by })
    }

    /// [`Op::Rescale`].
    pub fn rescale(&mut self, a: ValueId, bits: u32) -> Result<ValueId, ProgramError> {
        self.op(Op::Rescale { a, bits })
    }

    /// [`Op::Mask`].
    pub fn mask(&mut self, a: ValueId, by: ValueId) -> Result<ValueId, ProgramError> {
        self.op(Op::Mask { a, by })
    }

    /// [`Op::Clamp`].
    pub fn clamp(&mut self, a: ValueId, to: Interval) -> Result<ValueId, ProgramError> {
        self.op(Op::Clamp { a, to })
    }

    /// [`Op::Lookup`]; equal tables are kept once.
    pub fn lookup(&mut self, a: ValueId, table: &Table) -> Result<ValueId, ProgramError> {
        let table = self.table(table)?;
        self.op(Op::Lookup { a, table })
    }

    /// The place of a table, which is added where it is new.
    pub(super) fn table(&mut self, table: &Table) -> Result<u32, ProgramError> {
        let known = self.source.tables.iter().position(|other| other == table);
        let place = known.unwrap_or(self.source.tables.len());
        if known.is_none() {
            self.analysis.table(table)?;
            self.source.tables.push(table.clone());
        }
        Ok(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// [`Op::Sum`].
    pub fn sum(&mut self, a: ValueId, axis: u32) -> Result<ValueId, ProgramError> {
        self.op(Op::Sum { a, axis })
    }

    /// [`Op::Compare`].
    pub fn compare(&mut self, a: ValueId, by: Comparison, b: ValueId) -> Result<ValueId, ProgramError> {
        self.op(Op::Compare { a, b, by })
    }

    /// [`Op::Gather`].
    pub fn gather(&mut self, a: ValueId, index: ValueId) -> Result<ValueId, ProgramError> {
        self.op(Op::Gather { a, index })
    }

    /// [`Op::Divide`].
    pub fn divide(&mut self, a: ValueId, by: ValueId) -> Result<ValueId, ProgramError> {
        self.op(Op::Divide { a, by })
    }

    /// [`Op::Slice`].
    pub fn slice(&mut self, a: ValueId, start: u32, shape: &[u32]) -> Result<ValueId, ProgramError> {
        self.op(Op::Slice { a, start, shape: shape.to_vec() })
    }

    /// [`Op::Concat`].
    pub fn concat(&mut self, parts: &[ValueId]) -> Result<ValueId, ProgramError> {
        self.op(Op::Concat(parts.to_vec()))
    }

    /// [`Op::Reshape`].
    pub fn reshape(&mut self, a: ValueId, shape: &[u32]) -> Result<ValueId, ProgramError> {
        self.op(Op::Reshape { a, shape: shape.to_vec() })
    }
}
