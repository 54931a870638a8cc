//! A served model with blocks between its stages.

use super::{Block, Control, HealError, LinearManifold, Mixing, MixtureManifold, block::rows_of};
use crate::eval::row_major;
use crate::model::{Errors, Gradient, Loss, Model, ModelError, Passed, Staged, check_length, count_rows};
use bitneuron_core::{Dataset, Layout, Params, Seed};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A model whose states are healed on their way. It keeps the laws of [`Model`] for the parameters of the model inside: its
/// gradients are those of the blocked function, the blocks themselves held fast.
#[derive(Clone)]
pub struct Healed {
    model: Arc<dyn Staged>,
    blocks: BTreeMap<usize, Block>,
    completion: Option<Arc<LinearManifold>>,
    control: Option<Control>,
}

impl fmt::Debug for Healed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Healed")
            .field("blocks", &self.blocks)
            .field("completion", &self.completion.is_some())
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

/// The part of the energy that the subspace for missing features holds.
const ENERGY: f64 = 0.95;
/// The part of clean rows that the gate lets pass.
const GATE: f64 = 0.95;

/// The states that clean rows `[n, inputs]` have before stage `t` of a model.
///
/// # Errors
/// No such stage, or parameters or rows that do not fit.
pub fn states(model: &dyn Staged, params: &[f32], rows: &[f32], t: usize) -> Result<Vec<f32>, ModelError> {
    let widths = model.widths();
    let count = rows.len() / model.inputs().max(1);
    (0..t).try_fold(rows.to_vec(), |states, t| {
        let mut next = vec![0.0; count * widths.get(t + 1).copied().unwrap_or(0)];
        model.stage(params, t, &states, &mut next)?;
        Ok(next)
    })
}

impl Healed {
    /// A model without blocks: it is served as it is.
    pub const fn new(model: Arc<dyn Staged>) -> Self {
        Self { model, blocks: BTreeMap::new(), completion: None, control: None }
    }

    /// What suits most: a mixture before the first stage, gated so that 95 of 100 clean rows pass, and missing features
    /// solved for. It needs clean rows and no parameters, so one serves all models of a goal.
    ///
    /// # Errors
    /// Fewer than two rows, of another width, or not finite.
    pub fn fit(model: Arc<dyn Staged>, clean: &Dataset, seed: Seed) -> Result<Self, HealError> {
        let (features, width) = (row_major(clean), model.inputs());
        let mixture = MixtureManifold::fit(&features, width, Mixing::default(), seed)?;
        let block = Block::new(Arc::new(mixture), 0.0)?.gated(&features, GATE)?;
        let mut healed = Self::new(model).completing(LinearManifold::fit(&features, width, ENERGY)?)?;
        healed.attach(0, block)?;
        Ok(healed)
    }

    /// Puts a block before stage `t`, also while the model is served; returns the one that was there.
    ///
    /// # Errors
    /// There is no such stage, or its states have another width.
    pub fn attach(&mut self, t: usize, block: Block) -> Result<Option<Block>, HealError> {
        let widths = self.model.widths();
        let fits = t + 1 < widths.len() && widths.get(t) == Some(&block.manifold().width());
        if fits { Ok(self.blocks.insert(t, block)) } else { Err(HealError::NoState(t)) }
    }

    /// Takes the block before stage `t` away.
    pub fn detach(&mut self, t: usize) -> Option<Block> {
        self.blocks.remove(&t)
    }

    /// The same with missing features, which are those that are not finite, solved for.
    ///
    /// # Errors
    /// The manifold has another width than the features.
    pub fn completing(self, manifold: LinearManifold) -> Result<Self, HealError> {
        if super::Manifold::width(&manifold) == self.model.inputs() {
            Ok(Self { completion: Some(Arc::new(manifold)), ..self })
        } else {
            Err(HealError::NoState(0))
        }
    }

    /// The same with all blocks steered together, in place of each by itself. Rows that no gate stops are left alone.
    #[must_use]
    pub fn steered(self, control: Control) -> Self {
        Self { control: Some(control), ..self }
    }

    /// The model inside.
    pub fn model(&self) -> &Arc<dyn Staged> {
        &self.model
    }

    /// The rows with what is missing filled in.
    fn completed<'a>(&self, rows: &'a [f32]) -> Cow<'a, [f32]> {
        let Some(completion) = &self.completion else { return Cow::Borrowed(rows) };
        if rows.iter().all(|value| value.is_finite()) {
            return Cow::Borrowed(rows);
        }
        let mut filled = rows.to_vec();
        if completion.complete(&mut filled).is_ok() { Cow::Owned(filled) } else { Cow::Borrowed(rows) }
    }

    fn walk(&self, params: &[f32], features: &[f32]) -> Result<Walk, ModelError> {
        let widths = self.model.widths();
        let rows = features.len() / self.inputs().max(1);
        let mut walk = Walk::default();
        let mut state = self.completed(features).into_owned();
        for (t, width) in widths.iter().enumerate().skip(1).map(|(next, width)| (next - 1, width)) {
            let before = self.blocks.get(&t).map(|_| state.clone());
            let moved = self.blocks.get(&t).map_or(Ok(Vec::new()), |block| block.heal(&mut state))?;
            let mut next = vec![0.0; rows * width];
            self.model.stage(params, t, &state, &mut next)?;
            walk.passed.push(Station { before, moved, state: std::mem::replace(&mut state, next) });
        }
        walk.scores = state;
        Ok(walk)
    }
}

/// The states of some rows on their way.
#[derive(Default)]
struct Walk {
    passed: Vec<Station>,
    scores: Vec<f32>,
}

/// What went into a stage.
struct Station {
    /// The state as the stage before left it, where there is a block.
    before: Option<Vec<f32>>,
    /// The rows that were moved.
    moved: Vec<usize>,
    /// What went in.
    state: Vec<f32>,
}

impl Model for Healed {
    fn layout(&self) -> &Arc<Layout> {
        self.model.layout()
    }

    fn inputs(&self) -> usize {
        self.model.inputs()
    }

    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn init(&self, seed: Seed) -> Params {
        self.model.init(seed)
    }

    fn loss(&self) -> Loss {
        self.model.loss()
    }

    /// That of the blocked function, so attacks can be made against the blocks as well. With [`Control`] it is that of the
    /// greedy blocks.
    fn differentiate(
        &self,
        params: &[f32],
        features: &[f32],
        errors: Errors<'_>,
        gradient: Gradient<'_>,
    ) -> Result<f64, ModelError> {
        check_length("parameters", params.len(), self.layout().len())?;
        count_rows(features, self.inputs())?;
        gradient.check(params.len(), features.len())?;
        let (mut gradient, lowest) = match gradient {
            Gradient::Parameters(slice) => (Some(slice), None),
            Gradient::Features(slice) => (None, Some(slice)),
        };
        let Walk { passed, scores } = self.walk(params, features)?;
        let mut adjoint = scores.clone();
        let loss = errors(&mut adjoint);
        let mut output = scores;
        for (t, Station { before, moved, state }) in passed.into_iter().enumerate().rev() {
            let mut below = vec![0.0; state.len()];
            let through = Passed { input: &state, output: &output, adjoint: &adjoint };
            self.model.pull(params, t, through, gradient.as_deref_mut(), &mut below)?;
            if let (Some(block), Some(before)) = (self.blocks.get(&t), &before) {
                block.pull(before, &moved, &mut below)?;
            }
            output = before.unwrap_or(state);
            adjoint = below;
        }
        if let Some(lowest) = lowest {
            lowest.copy_from_slice(&adjoint);
        }
        Ok(loss)
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        check_length("parameters", params.len(), self.layout().len())?;
        let rows = scores.len().checked_div(self.outputs()).unwrap_or(0);
        check_length("scores", scores.len(), rows * self.outputs())?;
        check_length("features", features.len(), rows.saturating_mul(self.inputs()))?;
        let walk = self.walk(params, features)?;
        scores.copy_from_slice(&walk.scores);
        let Some(control) = self.control else { return Ok(()) };
        let mut strange: Vec<usize> =
            walk.passed.iter().flat_map(|station| &station.moved).copied().collect();
        strange.sort_unstable();
        strange.dedup();
        let rows = rows_of(&self.completed(features), self.inputs(), &strange);
        let steered = control.steer(self.model.as_ref(), params, &self.blocks, &rows)?.scores;
        let width = self.outputs();
        for (row, own) in strange.iter().zip(steered.chunks_exact(width.max(1))) {
            scores[row * width..(row + 1) * width].copy_from_slice(own);
        }
        Ok(())
    }
}
