//! Selection that is robust and fair at once: Roh, Lee, Whang and Suh, *Sample selection for fair and robust training*
//! (NeurIPS 2021, arXiv 2110.14222), for two classes and a two-valued attribute z.
//!
//! Once in an epoch, after the warm-up:
//!
//! 1. *FairBatch step.* λ_y is the share of z = 1 among the rows of class y in a batch. It moves by α towards the group that
//!    the model serves worse; which losses are compared depends on the [`Notion`]. They are those of the τ lowest of each (y, z),
//!    where the paper takes the rows chosen last: the choice leaves out most rows of the group that is served worse, and with
//!    them the sign that it is.
//! 2. *Choice.* Of the rows that minimise the sum of losses, at most τ·n, such that no (y, z) holds more than its λ:
//!    `|S| + |S_yz| − λ_yz·|S_y| ≤ τ·n` with `λ_y1 = λ_y, λ_y0 = 1 − λ_y` (equation 4). That is a multidimensional
//!    knapsack, which is strongly NP-hard; taken greedily, lowest loss first, until one of the four is full.
//! 3. *Batches.* Each class is drawn so that λ_y of its rows have z = 1; a row may stand several times.

use super::low_loss::kept;
use super::{Rows, Select, SelectError, Selection};
use bitneuron_core::Dataset;
use rand::{Rng, seq::SliceRandom as _};

/// The attribute by which a model must not tell people apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Attribute {
    /// z = 1 for the rows of this contributor.
    Group(u32),
    /// z = 1 where this feature lies above a limit.
    Above {
        /// The column.
        column: usize,
        /// The limit.
        limit: f32,
    },
}

impl Attribute {
    /// z of each row; 0 where there is no such column.
    pub fn of(self, data: &Dataset) -> Vec<u32> {
        match self {
            Self::Group(group) => data.groups().iter().map(|own| u32::from(*own == group)).collect(),
            Self::Above { column, limit } => {
                let above = |row: ndarray::ArrayView1<'_, f32>| row.get(column).is_some_and(|x| *x > limit);
                data.features().rows().into_iter().map(|row| u32::from(above(row))).collect()
            }
        }
    }
}

/// What it means to be fair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notion {
    /// Class 1 is found equally often in both groups.
    EqualOpportunity,
    /// Both classes are.
    EqualisedOdds,
    /// Class 1 is named equally often in both groups.
    DemographicParity,
}

/// The rule. λ begin as they are in the data, in every training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FairRobust {
    /// What it means to be fair.
    pub notion: Notion,
    /// To whom.
    pub attribute: Attribute,
    /// The share τ of the rows that is believed to be clean.
    pub keep: f64,
    /// How many epochs all rows are taken before.
    pub warm_up: u64,
    /// The step α of λ, at least 0; fairness costs accuracy, and with 0 none is sought.
    pub rate: f64,
}

/// The rule at work, with what one epoch leaves for the next.
#[derive(Debug, Clone, PartialEq)]
pub struct FairSelection {
    rule: FairRobust,
    lambda: Option<[f64; 2]>,
}

/// Rows by class y and z: `2y + z`.
type Classes = [Vec<usize>; 4];

impl FairRobust {
    /// Nine of ten rows after 20 epochs, with steps of 0.005.
    pub const fn new(notion: Notion, attribute: Attribute) -> Self {
        Self { notion, attribute, keep: 0.9, warm_up: 20, rate: 0.005 }
    }

    /// The rule at the beginning of a training.
    pub const fn start(self) -> FairSelection {
        FairSelection { rule: self, lambda: None }
    }

    /// Moves λ by the losses of the clean part of each (y, z).
    fn step(&self, rows: &Rows<'_>, classes: &Classes, lambda: &mut [f64; 2]) -> Result<(), SelectError> {
        let mut clean: [Vec<f64>; 4] = Default::default();
        for (clean, class) in clean.iter_mut().zip(classes) {
            *clean = class.iter().map(|row| f64::from(rows.loss(*row))).collect();
            clean.sort_by(f64::total_cmp);
            clean.truncate(kept(self.keep, class.len())?);
        }
        let mean = |class: usize, over: usize, loss: &dyn Fn(f64) -> f64| {
            clean[class].iter().map(|own| loss(*own)).sum::<f64>() / (over.max(1) as f64)
        };
        let sizes = [0, 1, 2, 3].map(|class| clean[class].len());
        // How much worse z = 1 is served in class y than z = 0.
        let gap = |y: usize| match self.notion {
            _ if sizes[2 * y] == 0 || sizes[2 * y + 1] == 0 => 0.0,
            Notion::EqualOpportunity | Notion::EqualisedOdds => {
                mean(2 * y + 1, sizes[2 * y + 1], &|loss| loss) - mean(2 * y, sizes[2 * y], &|loss| loss)
            }
            Notion::DemographicParity => {
                // The loss that the row would have, were its label 1.
                let named = |loss: f64| if y == 1 { loss } else { -(-(-loss).exp_m1()).ln() };
                let of = |z: usize| mean(2 * y + z, sizes[z] + sizes[2 + z], &named);
                if y == 1 { of(1) - of(0) } else { of(0) - of(1) }
            }
        };
        let gaps = [gap(0), gap(1)];
        let y = match self.notion {
            Notion::EqualOpportunity => 1,
            _ => usize::from(gaps[1].abs() > gaps[0].abs()),
        };
        let step = if gaps[y] > 0.0 { self.rate } else { -self.rate };
        if gaps[y].is_finite() && gaps[y].abs() > 0.0 {
            lambda[y] = (lambda[y] + step).clamp(0.0, 1.0);
        }
        Ok(())
    }

    /// The rows of lowest loss that fit into all four bounds.
    fn fitting(&self, rows: &Rows<'_>, classes: &Classes, lambda: [f64; 2]) -> Result<Classes, SelectError> {
        let count = classes.iter().map(Vec::len).sum();
        let room = kept(self.keep, count)? as f64;
        let mut order: Vec<(f32, usize, usize)> = (0..4)
            .flat_map(|class| classes[class].iter().map(move |row| (rows.loss(*row), *row, class)))
            .collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let share = [1.0 - lambda[0], lambda[0], 1.0 - lambda[1], lambda[1]];
        let (mut used, mut chosen) = ([0.0f64; 4], Classes::default());
        for (_, row, class) in order {
            if used.iter().any(|used| *used >= room) {
                break;
            }
            for (other, used) in used.iter_mut().enumerate() {
                let same = if other / 2 == class / 2 { share[other] } else { 0.0 };
                *used += 1.0 - same + f64::from(u8::from(other == class));
            }
            chosen[class].push(row);
        }
        Ok(chosen)
    }
}

/// Rows by class and z.
fn sorted(rows: &Rows<'_>, attribute: Attribute, among: &[usize]) -> Result<Classes, SelectError> {
    let z = attribute.of(rows.data);
    let mut classes = Classes::default();
    for row in among {
        match (rows.data.labels().get(*row), z.get(*row)) {
            (Some(y @ (0 | 1)), Some(z)) => classes[(2 * y + z) as usize].push(*row),
            (Some(y), _) => return Err(SelectError::NotBinary(*y)),
            (None, _) => {}
        }
    }
    Ok(classes)
}

/// `count` of the rows, shuffled; each stands once before one stands twice.
fn drawn(rows: &[usize], count: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut order = rows.to_vec();
    order.shuffle(rng);
    order.iter().copied().cycle().take(if rows.is_empty() { 0 } else { count }).collect()
}

impl FairSelection {
    /// λ₀ and λ₁ as they are now; `None` before the first choice.
    pub const fn lambda(&self) -> Option<[f64; 2]> {
        self.lambda
    }
}

impl Select for FairRobust {
    fn begin(&self) -> Box<dyn Selection + '_> {
        Box::new(self.start())
    }
}

impl Selection for FairSelection {
    fn choose(&mut self, rows: &Rows<'_>, among: Vec<usize>) -> Result<Vec<usize>, SelectError> {
        if !(self.rule.rate.is_finite() && self.rule.rate >= 0.0) {
            return Err(SelectError::Setting("rate"));
        }
        let classes = sorted(rows, self.rule.attribute, &among)?;
        let size = |class: usize| classes[class].len() as f64;
        let part = |y: usize| size(2 * y + 1) / (size(2 * y) + size(2 * y + 1)).max(1.0);
        let mut lambda = self.lambda.unwrap_or([part(0), part(1)]);
        self.lambda = Some(lambda);
        if rows.epoch < self.rule.warm_up {
            return Ok(among);
        }
        self.rule.step(rows, &classes, &mut lambda)?;
        self.lambda = Some(lambda);
        let fitting = self.rule.fitting(rows, &classes, lambda)?;
        let mut rng = rows.seed.derive("fair batches").rng();
        let mut chosen = Vec::with_capacity(among.len());
        for (y, lambda) in lambda.into_iter().enumerate() {
            let [zero, one] = [&fitting[2 * y], &fitting[2 * y + 1]];
            let all = zero.len() + one.len();
            let ones = match (zero.is_empty(), one.is_empty()) {
                (true, _) => all,
                (_, true) => 0,
                _ => (lambda * all as f64).round() as usize,
            };
            chosen.extend(drawn(one, ones, &mut rng));
            chosen.extend(drawn(zero, all - ones, &mut rng));
        }
        chosen.sort_unstable();
        Ok(chosen)
    }
}
