//! In which order a train is contracted: which neighbours are multiplied together before the batch comes.
//!
//! A plan cuts the cores into groups of neighbours. Each group is multiplied out once, then the batch goes through the
//! groups from left to right. The known ways are special plans:
//!
//! ```text
//! sequential    1|2|3|4    the textbook way; few operations for small ranks, but many small products
//! halves        12|34      4·r·(MN)^¾ operations a sample; two stages of large products
//! low rank      12|34      of a train of inputs first, then outputs: two thin matrices
//! reconstruct   1234       the dense matrix, once a batch
//! ```
//! The cost of a group depends on the group and the batch alone, so the cheapest plan is a shortest path over the places
//! where one may cut. Costs are operations, with what moving values and calling a product cost on top. A plan never makes
//! a group larger than half the dense matrix unless that is allowed, so that training and serving do without it.

use super::{FactorError, MatrixShape, merge, sweep::Step};
use std::{fmt, ops::Range};

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Outputs from inputs.
    Forward,
    /// Gradients of inputs and cores; inner states are computed again.
    Backward,
}

/// Whether a plan may multiply out the dense matrix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reconstruct {
    /// No group is larger than half of it.
    #[default]
    Never,
    /// If that is cheapest: the dense matrix then lives during the call.
    Allowed,
}

/// Operations that moving one value in or out of a product is worth.
const MOVE: f64 = 10.0;
/// Operations that a call of a product is worth.
const CALL: f64 = 30_000.0;

/// The groups into which the cores are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    groups: Vec<Range<usize>>,
}

impl Plan {
    /// The cheapest plan by the cost model.
    pub fn cheapest(shape: &MatrixShape, batch: usize, pass: Pass, dense: Reconstruct) -> Self {
        let count = shape.cores();
        // The cheapest way to the place behind core `end`, and where its last group starts.
        let mut best = vec![(0.0, 0)];
        for end in 1..=count {
            let ways = (0..end).filter(|start| allowed(shape, &(*start..end), dense)).map(|start| {
                let before = best.get(start).map_or(f64::INFINITY, |(cost, _)| *cost);
                (before + group_cost(shape, &(start..end), batch, pass), start)
            });
            best.push(ways.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, end - 1)));
        }
        let (mut groups, mut end) = (Vec::new(), count);
        while end > 0 {
            let start = best.get(end).map_or(end - 1, |(_, start)| *start);
            groups.push(start..end);
            end = start;
        }
        groups.reverse();
        Self { groups }
    }

    /// A plan of these groups.
    ///
    /// # Errors
    /// [`FactorError::Shape`]: they are not all cores of `shape`, each once and in order.
    pub fn of(shape: &MatrixShape, groups: Vec<Range<usize>>) -> Result<Self, FactorError> {
        let plan = Self { groups };
        if plan.fits(shape) { Ok(plan) } else { Err(FactorError::Shape("the plan does not cut these cores")) }
    }

    /// Every core by itself.
    pub fn sequential(shape: &MatrixShape) -> Self {
        Self { groups: (0..shape.cores()).map(|core| core..core + 1).collect() }
    }

    /// Two groups of equally many cores.
    pub fn halves(shape: &MatrixShape) -> Self {
        let (middle, count) = (shape.cores() / 2, shape.cores());
        Self { groups: vec![0..middle, middle..count] }
    }

    /// The dense matrix.
    pub fn reconstruct(shape: &MatrixShape) -> Self {
        Self { groups: std::iter::once(0..shape.cores()).collect() }
    }

    /// The groups, from left to right.
    pub fn groups(&self) -> &[Range<usize>] {
        &self.groups
    }

    /// Whether these groups are all cores of `shape`, each once.
    pub fn fits(&self, shape: &MatrixShape) -> bool {
        let starts = std::iter::once(0).chain(self.groups.iter().map(|group| group.end));
        self.groups.iter().zip(starts).all(|(group, start)| group.start == start && group.start < group.end)
            && self.groups.last().is_some_and(|group| group.end == shape.cores())
    }

    /// The operations that the cost model counts.
    pub fn cost(&self, shape: &MatrixShape, batch: usize, pass: Pass) -> f64 {
        self.groups.iter().map(|group| group_cost(shape, group, batch, pass)).sum()
    }
}

/// Groups as digits: `12|34`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.groups.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "|" })?;
            group.clone().try_for_each(|core| write!(f, "{}", core + 1))?;
        }
        Ok(())
    }
}

/// Single cores are there already; a merged group is an allocation.
fn allowed(shape: &MatrixShape, group: &Range<usize>, dense: Reconstruct) -> bool {
    let matrix = merge::elements(shape, &(0..shape.cores()));
    let limit = match dense {
        Reconstruct::Never => matrix / 2.0,
        // Ranks may make a group larger than the matrix; nobody wants that.
        Reconstruct::Allowed => matrix,
    };
    group.len() == 1 || merge::elements(shape, group) <= limit
}

fn group_cost(shape: &MatrixShape, group: &Range<usize>, batch: usize, pass: Pass) -> f64 {
    let (multiplications, moved) = merge::work(shape, group);
    let merging = 2.0 * multiplications + MOVE * moved + CALL * (group.len() - 1) as f64;
    let step = step_cost(Step::new(shape, group), batch);
    match pass {
        Pass::Forward => merging + step,
        // Two products for each one of the way up, which all but the last group walk again.
        Pass::Backward => 3.0 * merging + if group.end == shape.cores() { 2.0 } else { 3.0 } * step,
    }
}

fn step_cost(step: Step, batch: usize) -> f64 {
    let items = (batch * step.left) as f64;
    let (calls, rows) = if step.right == 1 { (1.0, items) } else { (items, step.right as f64) };
    let (inner, outer) = (step.inner as f64, step.outer as f64);
    calls * (2.0 * rows * inner * outer + MOVE * (rows * inner + inner * outer + rows * outer) + CALL)
}
