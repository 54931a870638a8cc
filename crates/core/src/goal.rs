//! A learning goal: what is to be learned, how it is measured and by which programs.

use crate::exact::programs::turn::{TurnShape, turn};
use crate::exact::programs::{Net, inference::inference, merge::MergeRule, metric::accuracy, step::Training};
use crate::exact::{DataRoot, Program, ProgramError};
use crate::{Commitment, Digest, GoalId, Wire, encode};
use serde::{Deserialize, Serialize};

/// How a model of the goal is scored, always as an integer number of metric rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Metric {
    /// Rows whose class is the label.
    Accuracy,
}

/// A goal in the ledger's registry. Its id is the digest of its bytes, so it can never change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Goal {
    /// A short name for people.
    #[serde(with = "crate::codec::text")]
    pub name: String,
    /// The model: the layers of a net, dense or factorised, which fix the layout.
    pub net: Net,
    /// The commitment to the first model θ₀.
    pub initial: Commitment,
    /// How models are scored.
    pub metric: Metric,
    /// The metric set.
    pub metric_set: DataRoot,
    /// How many metric rows a beacon draws to score a turn.
    pub drawn: u32,
    /// How a validator steps.
    pub training: Training,
    /// How a validator merges.
    pub merge: MergeRule,
    /// The most models merged in one turn.
    pub max_inputs: u32,
}

impl Wire for Goal {
    const LIMIT: usize = 4096;
}

impl Goal {
    /// The longest name in bytes.
    pub const MAX_NAME: usize = 64;
    /// The most steps of a turn.
    pub const MAX_STEPS: u32 = 64;
    /// The largest batch.
    pub const MAX_BATCH: u32 = 1024;
    /// The most rows of a data set.
    pub const MAX_ROWS: u32 = 1 << 20;
    /// The largest [`Goal::max_inputs`].
    pub const MAX_INPUTS: u32 = 256;

    /// The goal's id.
    pub fn id(&self) -> GoalId {
        GoalId(Digest::of("bitneuron goal v1", &encode(self)))
    }

    /// Checks that the goal's numbers are within bounds, before any program is built of them.
    ///
    /// # Errors
    /// What is out of bounds.
    pub fn bounds(&self) -> Result<(), ProgramError> {
        if self.name.is_empty() || self.name.len() > Self::MAX_NAME {
            return Err(ProgramError::Argument("a goal's name has 1 to 64 bytes"));
        }
        if self.metric_set.columns != self.net.features()
            || self.drawn == 0
            || self.drawn > self.metric_set.rows
        {
            return Err(ProgramError::Argument("the metric set does not fit the model"));
        }
        if self.max_inputs > Self::MAX_INPUTS {
            return Err(ProgramError::Argument("too many inputs of a turn"));
        }
        let Training { steps, batch, .. } = self.training;
        if steps > Self::MAX_STEPS || batch > Self::MAX_BATCH || self.metric_set.rows > Self::MAX_ROWS {
            return Err(ProgramError::Argument("more steps, rows or a larger batch than a goal may have"));
        }
        Ok(())
    }

    /// Checks the bounds and that every program of the goal can be built: the largest turn, the score, and the inference
    /// of one row.
    ///
    /// # Errors
    /// What cannot be.
    pub fn validate(&self) -> Result<(), ProgramError> {
        self.turn_program(self.max_inputs, self.training.batch)?;
        self.metric_program()?;
        self.inference_program(1).map(drop)
    }

    /// The program of a turn that merges `peers` models and steps on a data set of `rows` rows.
    ///
    /// # Errors
    /// As [`turn`].
    pub fn turn_program(&self, peers: u32, rows: u32) -> Result<Program, ProgramError> {
        self.bounds()?;
        rows_within(rows)?;
        let shape = TurnShape { peers, rows, metric_rows: self.metric_set.rows, drawn: self.drawn };
        turn(&self.net, shape, self.merge, self.training)
    }

    /// The program that scores a model on all metric rows.
    ///
    /// # Errors
    /// As [`accuracy`].
    pub fn metric_program(&self) -> Result<Program, ProgramError> {
        self.bounds()?;
        match self.metric {
            Metric::Accuracy => accuracy(&self.net, self.metric_set.rows, self.metric_set.rows),
        }
    }

    /// The program that classifies `rows` rows.
    ///
    /// # Errors
    /// As [`inference`].
    pub fn inference_program(&self, rows: u32) -> Result<Program, ProgramError> {
        self.bounds()?;
        rows_within(rows)?;
        inference(&self.net, rows)
    }
}

fn rows_within(rows: u32) -> Result<(), ProgramError> {
    if rows > Goal::MAX_ROWS {
        return Err(ProgramError::Argument("more rows than a data set may have"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::programs::Mlp;

    fn goal(sizes: &[u32], rows: u32) -> Goal {
        let none = Commitment::merkle(Digest::ZERO);
        Goal {
            name: "small".into(),
            net: Mlp::new(sizes).expect("sizes").into(),
            initial: none,
            metric: Metric::Accuracy,
            metric_set: DataRoot { rows, columns: sizes[0], features: none, labels: none },
            drawn: 4,
            training: Training { steps: 1, batch: 4, rate_shift: 1, ..Training::default() },
            merge: MergeRule::default(),
            max_inputs: 2,
        }
    }

    /// A turn gathers a few metric rows, a score all of them.
    #[test]
    fn a_goal_that_nobody_could_score_is_not_valid() {
        assert_eq!(goal(&[64, 128, 2], 144).validate(), Ok(()));
        let large = goal(&[64, 128, 2], 1 << 18);
        assert!(large.turn_program(2, 4).is_ok());
        assert!(large.metric_program().is_err());
        assert!(large.validate().is_err());
    }

    #[test]
    fn every_program_of_a_goal_looks_at_its_numbers_first() {
        let mut endless = goal(&[4, 2], 8);
        endless.training.steps = u32::MAX;
        let refused = Err(ProgramError::Argument("more steps, rows or a larger batch than a goal may have"));
        assert_eq!(endless.turn_program(0, 4).map(drop), refused);
        assert_eq!(endless.metric_program().map(drop), refused);
        assert_eq!(endless.inference_program(1).map(drop), refused);
        assert!(goal(&[4, 2], 8).inference_program(Goal::MAX_ROWS + 1).is_err());
    }
}
