//! A block between two stages: a manifold, what control costs, and the gate.

use super::{HealError, Manifold};
use crate::model::{ModelError, check_length};
use std::fmt;
use std::sync::Arc;

/// What is put between two stages.
#[derive(Clone)]
pub struct Block {
    manifold: Arc<dyn Manifold>,
    cost: f32,
    gate: f32,
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("cost", &self.cost).field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl Block {
    /// A block that moves every state, with cost c of control.
    ///
    /// # Errors
    /// A cost that is negative or not finite.
    pub fn new(manifold: Arc<dyn Manifold>, cost: f32) -> Result<Self, HealError> {
        if cost.is_finite() && cost >= 0.0 {
            Ok(Self { manifold, cost, gate: f32::NEG_INFINITY })
        } else {
            Err(HealError::Setting("cost"))
        }
    }

    /// The same, moving only what is stranger than this part of clean states `[n, width]`.
    ///
    /// # Errors
    /// A part that is not between 0 and 1, or no clean states of this width.
    pub fn gated(self, clean: &[f32], part: f64) -> Result<Self, HealError> {
        let width = self.manifold.width();
        let rows = super::check_clean(clean, width)?;
        if !(0.0..=1.0).contains(&part) {
            return Err(HealError::Setting("gate"));
        }
        let mut strangeness = vec![0.0; rows];
        self.manifold.strangeness(clean, &mut strangeness)?;
        strangeness.sort_by(f32::total_cmp);
        let at = ((part * rows as f64).ceil() as usize).clamp(1, rows) - 1;
        Ok(Self { gate: strangeness[at], ..self })
    }

    /// The manifold.
    pub fn manifold(&self) -> &dyn Manifold {
        self.manifold.as_ref()
    }

    /// The cost c of control.
    pub const fn cost(&self) -> f32 {
        self.cost
    }

    /// The strangeness beyond which a state is moved.
    pub const fn gate(&self) -> f32 {
        self.gate
    }

    /// Which of the states `[n, width]` are beyond the gate.
    ///
    /// # Errors
    /// A wrong length.
    pub fn strange(&self, states: &[f32]) -> Result<Vec<usize>, ModelError> {
        let width = self.manifold.width().max(1);
        check_length("states", states.len(), states.len() / width * width)?;
        let rows = states.len() / width;
        if self.gate == f32::NEG_INFINITY {
            return Ok((0..rows).collect());
        }
        let mut strangeness = vec![0.0; rows];
        self.manifold.strangeness(states, &mut strangeness)?;
        // What is no number is strange.
        let near = |strange: f32| strange <= self.gate;
        Ok((0..rows).filter(|row| !near(strangeness[*row])).collect())
    }

    /// Moves what is beyond the gate onto the manifold, as far as the cost allows: `E(x) + c/(1 + c)·(x − E(x))`.
    /// Returns which rows were moved.
    ///
    /// # Errors
    /// A wrong length.
    pub fn heal(&self, states: &mut [f32]) -> Result<Vec<usize>, ModelError> {
        let strange = self.strange(states)?;
        let width = self.manifold.width();
        let before = rows_of(states, width, &strange);
        let mut onto = vec![0.0; before.len()];
        self.manifold.project(&before, &mut onto)?;
        let kept = self.kept();
        let pairs = onto.chunks_exact(width.max(1)).zip(before.chunks_exact(width.max(1)));
        for (row, (onto, before)) in strange.iter().zip(pairs) {
            let place = &mut states[row * width..(row + 1) * width];
            for ((x, onto), before) in place.iter_mut().zip(onto).zip(before) {
                *x = onto + kept * (before - onto);
            }
        }
        Ok(strange)
    }

    /// Turns the adjoints of healed states into those of the states before, `strange` being the rows that were moved.
    ///
    /// # Errors
    /// A wrong length.
    pub(super) fn pull(
        &self,
        before: &[f32],
        strange: &[usize],
        adjoints: &mut [f32],
    ) -> Result<(), ModelError> {
        let width = self.manifold.width();
        let (states, moved) = (rows_of(before, width, strange), rows_of(adjoints, width, strange));
        let mut below = vec![0.0; moved.len()];
        self.manifold.pull(&states, &moved, &mut below)?;
        let kept = self.kept();
        for (row, below) in strange.iter().zip(below.chunks_exact(width.max(1))) {
            let place = &mut adjoints[row * width..(row + 1) * width];
            place.iter_mut().zip(below).for_each(|(p, below)| *p = below + kept * (*p - below));
        }
        Ok(())
    }

    /// c/(1 + c), the part of the way that is not gone.
    pub(super) fn kept(&self) -> f32 {
        self.cost / (1.0 + self.cost)
    }
}

/// Some rows, one after the other.
pub(super) fn rows_of(states: &[f32], width: usize, rows: &[usize]) -> Vec<f32> {
    rows.iter().flat_map(|row| &states[row * width..(row + 1) * width]).copied().collect()
}
