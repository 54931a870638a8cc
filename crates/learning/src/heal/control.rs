//! All blocks together, by Pontryagin's principle: the full method of Chen, Li and Zhang (arXiv 2206.12963, §3).
//!
//! ```text
//! minimise over u   Σ_t ½‖y_t − E_t(y_t)‖² + (c_t/2)‖u_t‖²,    y_t = x_t + u_t,   x_{t+1} = F_t(y_t)
//! H_t(u)  = ⟨p_{t+1}, F_t(x_t + u)⟩ + ½‖y_t − E_t(y_t)‖² + (c_t/2)‖u‖²
//! p_T = 0,   p_t = ∂H_t/∂x_t
//! ```
//!
//! Each outer turn goes forward with the controls as they are and back through the adjoints p, and at every controlled
//! state moves u down the gradient of H. It begins at `u_t = (E_t(x_t) − x_t)/(1 + c_t)`, which is what the blocks do by
//! themselves, and of all courses that it has seen it keeps the cheapest, row by row: it never ends worse than it began.

use super::Block;
use crate::model::{ModelError, Passed, Staged, check_length};
use std::collections::BTreeMap;

/// How long and how fast is steered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Control {
    /// Turns through the whole model.
    pub outer: u32,
    /// Steps at each controlled state in a turn.
    pub inner: u32,
    /// The length of a step, in parts of the gradient.
    pub rate: f32,
    /// The part of the last step that is taken again.
    pub momentum: f32,
}

impl Default for Control {
    fn default() -> Self {
        Self { outer: 3, inner: 10, rate: 0.1, momentum: 0.9 }
    }
}

/// Where rows were steered to.
#[derive(Debug, Clone, PartialEq)]
pub struct Steered {
    /// `[n, outputs]`.
    pub scores: Vec<f32>,
    /// The cost of each row at the beginning.
    pub before: Vec<f32>,
    /// And at the end.
    pub after: Vec<f32>,
}

/// A model on its way, with controls u at some of its states.
struct Course<'a> {
    model: &'a dyn Staged,
    params: &'a [f32],
    blocks: &'a BTreeMap<usize, Block>,
    widths: Vec<usize>,
    rows: usize,
}

type Controls = BTreeMap<usize, Vec<f32>>;

impl Control {
    /// Steers rows `[n, inputs]` through a model with blocks before some of its stages; their gates play no part.
    ///
    /// # Errors
    /// Parameters, blocks or rows that do not fit.
    pub fn steer(
        &self,
        model: &dyn Staged,
        params: &[f32],
        blocks: &BTreeMap<usize, Block>,
        features: &[f32],
    ) -> Result<Steered, ModelError> {
        let widths = model.widths();
        let rows = features.len().checked_div(model.inputs()).unwrap_or(0);
        check_length("features", features.len(), rows * model.inputs())?;
        let course = Course { model, params, blocks, widths, rows };
        let mut controls = course.greedy(features)?;
        let mut states = course.forward(features, &controls)?;
        let before = course.costs(&states, &controls)?;
        let (mut best, mut after) = (controls.clone(), before.clone());
        for _ in 0..self.outer {
            self.turn(&course, &states, &mut controls)?;
            states = course.forward(features, &controls)?;
            let costs = course.costs(&states, &controls)?;
            for (row, (after, cost)) in after.iter_mut().zip(costs).enumerate() {
                if cost < *after {
                    *after = cost;
                    for (t, kept) in &mut best {
                        let place = row * course.widths[*t]..(row + 1) * course.widths[*t];
                        kept[place.clone()].copy_from_slice(&controls[t][place]);
                    }
                }
            }
        }
        let scores = course.forward(features, &best)?.pop().unwrap_or_default();
        Ok(Steered { scores, before, after })
    }

    /// Back through all states, moving the controls on the way.
    fn turn(
        &self,
        course: &Course<'_>,
        states: &[Vec<f32>],
        controls: &mut Controls,
    ) -> Result<(), ModelError> {
        let mut adjoint = vec![0.0; states.last().map_or(0, Vec::len)];
        for t in (0..states.len().saturating_sub(1)).rev() {
            if let Some(control) = controls.get_mut(&t) {
                let mut speed = vec![0.0f32; control.len()];
                for _ in 0..self.inner {
                    let slope = course.slope(t, &sum(&states[t], control), &adjoint)?;
                    let cost = course.blocks[&t].cost();
                    for ((u, v), slope) in control.iter_mut().zip(&mut speed).zip(slope) {
                        *v = self.momentum * *v - self.rate * (slope + cost * *u);
                        *u += *v;
                    }
                }
            }
            let y = controls.get(&t).map_or_else(|| states[t].clone(), |control| sum(&states[t], control));
            adjoint = course.slope(t, &y, &adjoint)?;
        }
        Ok(())
    }
}

impl Course<'_> {
    fn stage(&self, t: usize, state: &[f32]) -> Result<Vec<f32>, ModelError> {
        let mut next = vec![0.0; self.rows * self.widths[t + 1]];
        self.model.stage(self.params, t, state, &mut next)?;
        Ok(next)
    }

    /// What each block does by itself, state after state.
    fn greedy(&self, features: &[f32]) -> Result<Controls, ModelError> {
        let (mut controls, mut state) = (Controls::new(), features.to_vec());
        for t in 0..self.widths.len() - 1 {
            if let Some(block) = self.blocks.get(&t) {
                let mut onto = vec![0.0; state.len()];
                block.manifold().project(&state, &mut onto)?;
                let part = 1.0 - block.kept();
                let control: Vec<f32> = onto.iter().zip(&state).map(|(onto, x)| part * (onto - x)).collect();
                state = sum(&state, &control);
                controls.insert(t, control);
            }
            state = self.stage(t, &state)?;
        }
        Ok(controls)
    }

    /// x₀ … x_T under these controls.
    fn forward(&self, features: &[f32], controls: &Controls) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut states = vec![features.to_vec()];
        for t in 0..self.widths.len() - 1 {
            let next = match controls.get(&t) {
                Some(control) => self.stage(t, &sum(&states[t], control))?,
                None => self.stage(t, &states[t])?,
            };
            states.push(next);
        }
        Ok(states)
    }

    /// The cost of each row.
    fn costs(&self, states: &[Vec<f32>], controls: &Controls) -> Result<Vec<f32>, ModelError> {
        let mut costs = vec![0.0; self.rows];
        for (t, control) in controls {
            let (block, width) = (&self.blocks[t], self.widths[*t].max(1));
            let y = sum(&states[*t], control);
            let off = self.off(*t, &y)?;
            let rows = off.chunks_exact(width).zip(control.chunks_exact(width));
            for (cost, (off, u)) in costs.iter_mut().zip(rows) {
                let squares = |values: &[f32]| values.iter().map(|x| x * x).sum::<f32>();
                *cost += 0.5 * squares(off) + 0.5 * block.cost() * squares(u);
            }
        }
        Ok(costs)
    }

    /// `y − E_t(y)`.
    fn off(&self, t: usize, y: &[f32]) -> Result<Vec<f32>, ModelError> {
        let mut onto = vec![0.0; y.len()];
        self.blocks[&t].manifold().project(y, &mut onto)?;
        Ok(y.iter().zip(&onto).map(|(y, onto)| y - onto).collect())
    }

    /// The gradient of `⟨p, F_t(y)⟩ + ½‖y − E_t(y)‖²` with respect to y, the second only where there is a block.
    fn slope(&self, t: usize, y: &[f32], adjoint: &[f32]) -> Result<Vec<f32>, ModelError> {
        let mut slope = vec![0.0; y.len()];
        // Behind the last control the adjoint is zero, and so is what it pulls back.
        if adjoint.iter().any(|p| *p != 0.0) {
            let output = self.stage(t, y)?;
            let passed = Passed { input: y, output: &output, adjoint };
            self.model.pull(self.params, t, passed, None, &mut slope)?;
        }
        if let Some(block) = self.blocks.get(&t) {
            let off = self.off(t, y)?;
            let mut below = vec![0.0; off.len()];
            block.manifold().pull(y, &off, &mut below)?;
            for ((slope, off), below) in slope.iter_mut().zip(&off).zip(&below) {
                *slope += off - below;
            }
        }
        Ok(slope)
    }
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}
