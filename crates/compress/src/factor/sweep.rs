//! One core after another, from left to right: how a train is applied to a batch and what flows back.
//!
//! Before core `[r, m, n, r′]` the state is `[items, r, m, right]`, where an item is a sample and the output digits made so
//! far, and `right` the input digits still to come; after it `[items, n, r′, right]`, which is the next core's
//! `[items·n, r′, m′, right′]` without moving anything. For each item, with the core read as `[r·m, n·r′]`:
//!
//! ```text
//! after = coreᵀ · before      ∂before = core · ∂after      ∂core += before · ∂afterᵀ
//! ```
//! Once no input digit is to come these are rows, and all items are one product.

use super::{FactorError, MatrixShape, Plan, merge::Merged};
use crate::linalg::{Matrix, Onto, Scalar};

/// The most values of all states together, unless one sample needs more: what stays in the second cache. A quarter of the
/// dense matrix where that is less, so that the states do not take the memory that the factors save.
const WORKSPACE: usize = 1 << 18;

/// The sizes of one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Output digits made before, for one sample.
    pub(super) left: usize,
    /// r·m.
    pub(super) inner: usize,
    /// n·r′.
    pub(super) outer: usize,
    /// Input digits still to come.
    pub(super) right: usize,
}

impl Step {
    /// The step of the merged core `members`.
    pub(super) fn new(shape: &MatrixShape, members: &std::ops::Range<usize>) -> Self {
        let [left, m, n, right] = shape.merged(members);
        let product = |sizes: Option<&[usize]>| sizes.unwrap_or_default().iter().product();
        Self {
            left: product(shape.outputs().get(..members.start)),
            inner: left * m,
            outer: n * right,
            right: product(shape.inputs().get(members.end..)),
        }
    }

    /// Values of the state before, for one sample.
    const fn before(self) -> usize {
        self.left * self.inner * self.right
    }

    /// Values of the state after, for one sample.
    const fn after(self) -> usize {
        self.left * self.outer * self.right
    }

    fn apply<S: Scalar>(self, core: &[S], before: &[S], after: &mut [S]) -> Result<(), FactorError> {
        let core = Matrix::new(core, self.inner, self.outer);
        if self.right == 1 {
            let rows = Matrix::new(before, before.len() / self.inner, self.inner);
            return Ok(S::multiply(after, Onto::Replace, rows, core)?);
        }
        let items = before.chunks_exact(self.inner * self.right);
        for (item, out) in items.zip(after.chunks_exact_mut(self.outer * self.right)) {
            let item = Matrix::new(item, self.inner, self.right);
            S::multiply(out, Onto::Replace, core.transposed(), item)?;
        }
        Ok(())
    }

    fn back<S: Scalar>(self, core: &[S], after: &[S], before: &mut [S]) -> Result<(), FactorError> {
        let core = Matrix::new(core, self.inner, self.outer);
        if self.right == 1 {
            let rows = Matrix::new(after, after.len() / self.outer, self.outer);
            return Ok(S::multiply(before, Onto::Replace, rows, core.transposed())?);
        }
        let items = after.chunks_exact(self.outer * self.right);
        for (item, out) in items.zip(before.chunks_exact_mut(self.inner * self.right)) {
            S::multiply(out, Onto::Replace, core, Matrix::new(item, self.outer, self.right))?;
        }
        Ok(())
    }

    /// Adds to the gradient of the core.
    fn gradient<S: Scalar>(self, before: &[S], errors: &[S], gradient: &mut [S]) -> Result<(), FactorError> {
        if self.right == 1 {
            let items = before.len() / self.inner;
            let rows = Matrix::new(before, items, self.inner).transposed();
            return Ok(S::multiply(gradient, Onto::Add, rows, Matrix::new(errors, items, self.outer))?);
        }
        let items = before.chunks_exact(self.inner * self.right);
        for (item, error) in items.zip(errors.chunks_exact(self.outer * self.right)) {
            let error = Matrix::new(error, self.outer, self.right).transposed();
            S::multiply(gradient, Onto::Add, Matrix::new(item, self.inner, self.right), error)?;
        }
        Ok(())
    }
}

/// Merged cores in the order of a plan, ready to be applied.
pub(super) struct Sweep<'a, S: Scalar> {
    shape: &'a MatrixShape,
    cores: &'a [S],
    steps: Vec<(Step, Merged<'a, S>)>,
}

impl<'a, S: Scalar> Sweep<'a, S> {
    pub(super) fn new(shape: &'a MatrixShape, cores: &'a [S], plan: &Plan) -> Result<Self, FactorError> {
        let steps = plan.groups().iter().map(|members| {
            let merged = Merged::new(shape, cores, members.clone())?;
            Ok((Step::new(shape, members), merged))
        });
        Ok(Self { shape, cores, steps: steps.collect::<Result<_, FactorError>>()? })
    }

    /// Writes the outputs of the inputs `x`, a bounded number of samples at a time.
    pub(super) fn forward(&self, x: &[S], y: &mut [S]) -> Result<(), FactorError> {
        let (inputs, outputs) = (self.shape.rows(), self.shape.columns());
        let states = self.states();
        let samples = self.chunk(&states, x.len() / inputs);
        let mut buffer = vec![S::default(); samples * states.iter().sum::<usize>()];
        for (x, y) in x.chunks(samples * inputs).zip(y.chunks_mut(samples * outputs)) {
            let mut kept = split(&mut buffer, &states, x.len() / inputs);
            self.climb(x, &mut kept)?;
            self.last(kept.last().map_or(x, |state| state), y)?;
        }
        Ok(())
    }

    /// Writes what is asked for: `∂L/∂G` to `gradient`, `∂L/∂x` to `below`.
    pub(super) fn backward(
        &self,
        x: &[S],
        errors: &[S],
        gradient: Option<&mut [S]>,
        mut below: Option<&mut [S]>,
    ) -> Result<(), FactorError> {
        let (inputs, outputs) = (self.shape.rows(), self.shape.columns());
        let states = self.states();
        let samples = self.chunk(&states, x.len() / inputs);
        let total = states.iter().sum::<usize>();
        let widest = states.iter().copied().max().unwrap_or(0);
        let mut buffer = vec![S::default(); samples * (total + 2 * widest)];
        let wanted = gradient.is_some();
        let steps = self.steps.iter().filter(|_| wanted);
        let mut slopes: Vec<Vec<S>> =
            steps.map(|(_, merged)| vec![S::default(); merged.values.len()]).collect();
        for (index, (x, errors)) in
            x.chunks(samples * inputs).zip(errors.chunks(samples * outputs)).enumerate()
        {
            let count = x.len() / inputs;
            let (kept, spare) = buffer.split_at_mut(samples * total);
            let mut kept = split(kept, &states, count);
            if wanted {
                self.climb(x, &mut kept)?;
            }
            let first = index * samples * inputs;
            let below = below.as_deref_mut().and_then(|below| below.get_mut(first..first + x.len()));
            self.descend(x, &kept, errors, spare, &mut slopes, below)?;
        }
        let Some(gradient) = gradient else { return Ok(()) };
        for ((_, merged), slope) in self.steps.iter().zip(slopes) {
            merged.gradient(self.shape, self.cores, slope, gradient)?;
        }
        Ok(())
    }

    /// Values between the steps, for one sample.
    fn states(&self) -> Vec<usize> {
        let inner = self.steps.len().saturating_sub(1);
        self.steps.iter().take(inner).map(|(step, _)| step.after()).collect()
    }

    /// Samples at a time.
    fn chunk(&self, states: &[usize], samples: usize) -> usize {
        let matrix = self.shape.rows() * self.shape.columns();
        (WORKSPACE.min(matrix / 4) / states.iter().sum::<usize>().max(1)).clamp(1, samples.max(1))
    }

    /// Fills the states between the steps.
    fn climb(&self, x: &[S], kept: &mut [&mut [S]]) -> Result<(), FactorError> {
        for (index, (step, merged)) in self.steps.iter().take(kept.len()).enumerate() {
            let (done, rest) = kept.split_at_mut(index);
            let before = done.last().map_or(x, |state| state);
            if let Some(after) = rest.first_mut() {
                step.apply(&merged.values, before, after)?;
            }
        }
        Ok(())
    }

    fn last(&self, before: &[S], y: &mut [S]) -> Result<(), FactorError> {
        self.steps.last().map_or(Ok(()), |(step, merged)| step.apply(&merged.values, before, y))
    }

    /// Walks the errors of one chunk down.
    fn descend(
        &self,
        x: &[S],
        kept: &[&mut [S]],
        errors: &[S],
        spare: &mut [S],
        slopes: &mut [Vec<S>],
        mut below: Option<&mut [S]>,
    ) -> Result<(), FactorError> {
        let (mut current, mut next) = spare.split_at_mut(spare.len() / 2);
        let count = x.len() / self.shape.rows();
        for (index, (step, merged)) in self.steps.iter().enumerate().rev() {
            let after = if index + 1 == self.steps.len() { errors } else { &current[..count * step.after()] };
            if let Some(slope) = slopes.get_mut(index) {
                let before = index.checked_sub(1).and_then(|index| kept.get(index)).map_or(x, |state| state);
                step.gradient(before, after, slope)?;
            }
            if index > 0 {
                step.back(&merged.values, after, &mut next[..count * step.before()])?;
                std::mem::swap(&mut current, &mut next);
            } else if let Some(below) = below.as_deref_mut() {
                step.back(&merged.values, after, below)?;
            }
        }
        Ok(())
    }
}

/// The states of `count` samples, one after another in `buffer`.
fn split<'b, S>(buffer: &'b mut [S], states: &[usize], count: usize) -> Vec<&'b mut [S]> {
    let mut rest = buffer;
    let parts = states.iter().map(|state| {
        let (part, behind) = std::mem::take(&mut rest).split_at_mut(state * count);
        rest = behind;
        part
    });
    parts.collect()
}
