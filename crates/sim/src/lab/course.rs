//! What came out of one run, whatever engine played it.

use bitneuron_learning::eval::Spread;
use serde::{Deserialize, Serialize};

/// The state at the end of a round.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Its number, from 1.
    pub round: u64,
    /// The worst accuracy of the honest nodes judged.
    pub worst: f64,
    /// Their mean accuracy.
    pub mean: f64,
    /// Their best accuracy.
    pub best: f64,
    /// Messages sent so far.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Point {
    pub(crate) fn new(round: u64, spread: Option<Spread>, (messages, bytes): (u64, u64)) -> Self {
        let Spread { worst, mean, best } = spread.unwrap_or(Spread { worst: 0.0, mean: 0.0, best: 0.0 });
        Self { round, worst, mean, best, messages, bytes }
    }
}

/// A run from its first round to its last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// One point for each round.
    pub points: Vec<Point>,
    /// What could not be used: packets, values that a rule refused by name, models that cannot be trained.
    pub offences: u64,
    /// Turns of honest nodes in which the rule answered nothing and all that was received was thrown away.
    pub discarded: u64,
    /// The mean share that liars have in what honest nodes merge, from 0 to 1; zero without liars.
    pub influence: f64,
    /// The share of rows with the trigger on them that honest nodes take for the liars' class, where there is a trigger.
    pub triggered: Option<f64>,
    /// The mean entropy of the labels that a node holds, in bits.
    pub label_entropy: f64,
}

impl Course {
    /// The mean accuracy at the end; zero of no rounds.
    pub fn accuracy(&self) -> f64 {
        self.points.last().map_or(0.0, |last| last.mean)
    }

    /// All bytes sent.
    pub fn bytes(&self) -> u64 {
        self.points.last().map_or(0, |last| last.bytes)
    }
}
