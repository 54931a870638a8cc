//! Linear layers whose weights are a train of cores: TTM and TT.
//!
//! *TTM* interleaves input and output modes; it saves the most parameters. *TT* has all input modes first and then all output
//! modes, so its middle rank is the rank of the matrix; it is the fastest. Both are one [`MatrixShape`], where TT has
//! modes of 1, and one contraction by a [`Plan`].

use super::{
    FactorError, Factored, Linear, MatrixShape, Pass, Plan, Reconstruct, check_length, sweep::Sweep,
};
use crate::{linalg::Scalar, rank::Bond};
use bitneuron_core::Seed;
use std::sync::Arc;

/// A linear layer whose matrix is a train: `Y = X·W`.
///
/// ```
/// use bitneuron_compress::factor::{Factored, Linear, TrainLinear};
/// use bitneuron_core::Seed;
/// // 4,096 inputs, 4,096 outputs, 9,216 parameters.
/// let layer = TrainLinear::interleaved(&[8; 4], &[8; 4], &[8; 3])?;
/// assert_eq!((layer.inputs(), layer.outputs(), layer.parameters()), (4096, 4096, 9216));
/// let cores = layer.init(2.0 / 4096.0, Seed::from_number(1));
/// let mut y = vec![0.0; 4096];
/// layer.forward(&cores, &[0.5; 4096], &mut y)?;
/// # Ok::<(), bitneuron_compress::factor::FactorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainLinear {
    shape: MatrixShape,
    plan: Choice,
}

/// Who chooses the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    Cheapest(Reconstruct),
    Fixed(Plan),
}

impl TrainLinear {
    /// A layer of this shape, its plan chosen for each batch.
    pub const fn new(shape: MatrixShape) -> Self {
        Self { shape, plan: Choice::Cheapest(Reconstruct::Never) }
    }

    /// TTM: core k takes digit k of the input and makes digit k of the output.
    ///
    /// # Errors
    /// As [`MatrixShape::new`].
    pub fn interleaved(inputs: &[usize], outputs: &[usize], ranks: &[usize]) -> Result<Self, FactorError> {
        MatrixShape::new(inputs, outputs, ranks).map(Self::new)
    }

    /// TT: the first cores take the digits of the input, the others make those of the output.
    ///
    /// # Errors
    /// As [`MatrixShape::new`].
    pub fn in_line(inputs: &[usize], outputs: &[usize], ranks: &[usize]) -> Result<Self, FactorError> {
        let rows: Vec<usize> = inputs.iter().copied().chain(outputs.iter().map(|_| 1)).collect();
        let columns: Vec<usize> = inputs.iter().map(|_| 1).chain(outputs.iter().copied()).collect();
        MatrixShape::new(&rows, &columns, ranks).map(Self::new)
    }

    /// With leave, or not, to multiply out the dense matrix where that is cheapest.
    #[must_use]
    pub fn with_reconstruction(self, dense: Reconstruct) -> Self {
        Self { plan: Choice::Cheapest(dense), ..self }
    }

    /// With one plan for every batch.
    ///
    /// # Errors
    /// [`FactorError::Shape`]: the plan is one of another number of cores.
    pub fn with_plan(self, plan: Plan) -> Result<Self, FactorError> {
        if plan.fits(&self.shape) {
            Ok(Self { plan: Choice::Fixed(plan), ..self })
        } else {
            Err(FactorError::Shape("the plan does not cut these cores"))
        }
    }

    /// Modes and ranks.
    pub const fn shape(&self) -> &MatrixShape {
        &self.shape
    }

    /// The plan for a batch of this size.
    pub fn plan(&self, batch: usize, pass: Pass) -> Plan {
        match &self.plan {
            Choice::Cheapest(dense) => Plan::cheapest(&self.shape, batch, pass, *dense),
            Choice::Fixed(plan) => plan.clone(),
        }
    }

    /// Refuses what does not fit; the number of rows.
    fn check(&self, cores: usize, x: usize, y: usize) -> Result<usize, FactorError> {
        check_length("cores", cores, self.shape.parameters())?;
        let rows = y / self.outputs();
        check_length("outputs", y, rows * self.outputs())?;
        check_length("inputs", x, rows.saturating_mul(self.inputs()))?;
        Ok(rows)
    }
}

impl Factored for TrainLinear {
    fn inputs(&self) -> usize {
        self.shape.rows()
    }

    fn outputs(&self) -> usize {
        self.shape.columns()
    }

    fn factors(&self) -> Vec<Vec<usize>> {
        (0..self.shape.cores()).map(|core| self.shape.core(core).to_vec()).collect()
    }

    fn bonds(&self) -> Vec<Bond> {
        self.shape.bonds()
    }

    fn init(&self, variance: f64, seed: Seed) -> Vec<f32> {
        super::init::cores(&self.shape, variance, seed)
    }
}

impl<S: Scalar> Linear<S> for TrainLinear {
    fn forward(&self, factors: &[S], x: &[S], y: &mut [S]) -> Result<(), FactorError> {
        let rows = self.check(factors.len(), x.len(), y.len())?;
        Sweep::new(&self.shape, factors, &self.plan(rows, Pass::Forward))?.forward(x, y)
    }

    fn backward(
        &self,
        factors: &[S],
        x: &[S],
        errors: &[S],
        gradient: Option<&mut [S]>,
        below: Option<&mut [S]>,
    ) -> Result<(), FactorError> {
        let rows = self.check(factors.len(), x.len(), errors.len())?;
        if let Some(gradient) = &gradient {
            check_length("gradient", gradient.len(), factors.len())?;
        }
        if let Some(below) = &below {
            check_length("errors", below.len(), x.len())?;
        }
        let sweep = Sweep::new(&self.shape, factors, &self.plan(rows, Pass::Backward))?;
        sweep.backward(x, errors, gradient, below)
    }

    fn with_ranks(&self, ranks: &[usize]) -> Result<Arc<dyn Linear<S>>, FactorError> {
        let shape = self.shape.with_ranks(ranks)?;
        Ok(Arc::new(Self { shape, plan: self.plan.clone() }))
    }
}
