//! A recommender of two towers over one table of embeddings, which is dense or a train of cores.
//!
//! ```text
//! user:  h = mean of the rows of what was bought,   a = h·U          U [width, top]
//! item:  r = its row,                               b = r·V          V [width, top]
//! score = ⟨a, b⟩,     ℓ = ln(1 + exp(−score)) if it was bought, ln(1 + exp(score)) if not
//! ```
//!
//! Parameters: the table (`table [rows, width]`, or its cores `table.1`, `table.2`, …), `user [width, top]`,
//! `item [width, top]`. A train shares what rows have in common and is a thousand times smaller (see
//! `bitneuron_compress::factor::embedding`). The gradient is that of all parameters: right for tables that are small or
//! factored, and for updates that merge; a dense table of millions of rows is better trained by the rows it touches, as
//! `TrainEmbedding::train` does for cores.

use super::{ModelError, check_length};
use crate::data::Purchases;
use crate::optim::{Objective, Session};
use bitneuron_compress::factor::{Bags, Factored as _, TrainEmbedding};
use bitneuron_compress::linalg::{Matrix, Onto, multiply_f32};
use bitneuron_core::{Layout, Params, Seed, params::Entry};
use rand::RngExt as _;
use std::sync::Arc;

/// A table of embeddings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Embedding {
    /// All rows.
    Dense {
        /// The number of rows.
        rows: usize,
        /// The values of a row.
        width: usize,
    },
    /// Rows as products of cores.
    Train(TrainEmbedding),
}

impl Embedding {
    fn rows(&self) -> usize {
        match self {
            Self::Dense { rows, .. } => *rows,
            Self::Train(train) => train.inputs(),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Dense { width, .. } => *width,
            Self::Train(train) => train.outputs(),
        }
    }

    fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        match self {
            Self::Dense { rows, width } => vec![("table".into(), vec![*rows, *width])],
            Self::Train(train) => {
                let cores = train.factors().into_iter().enumerate();
                cores.map(|(at, shape)| (format!("table.{}", at + 1), shape)).collect()
            }
        }
    }

    /// Rows of variance 0.01.
    fn init(&self, values: &mut [f32], seed: Seed) {
        match self {
            Self::Dense { .. } => {
                let mut rng = seed.derive("table").rng();
                values.fill_with(|| 0.1 * 3f32.sqrt() * (2.0 * rng.random::<f32>() - 1.0));
            }
            Self::Train(train) => values.copy_from_slice(&train.init(0.01, seed.derive("table"))),
        }
    }

    /// Writes the sum of the rows of each bag.
    fn sum(&self, values: &[f32], bags: Bags<'_>, out: &mut [f32]) -> Result<(), ModelError> {
        match self {
            Self::Train(train) => Ok(train.sum(values, bags, out)?),
            Self::Dense { width, .. } => {
                out.fill(0.0);
                for (bag, sum) in bags.iter().zip(out.chunks_exact_mut(*width)) {
                    for row in bag {
                        let at = *row as usize * width;
                        sum.iter_mut().zip(&values[at..at + width]).for_each(|(sum, value)| *sum += value);
                    }
                }
                Ok(())
            }
        }
    }

    /// Writes the gradient of the table from that of the sums.
    fn back(
        &self,
        values: &[f32],
        bags: Bags<'_>,
        errors: &[f32],
        gradient: &mut [f32],
    ) -> Result<(), ModelError> {
        gradient.fill(0.0);
        match self {
            Self::Train(train) => {
                // Nothing is moved: each run of slopes is only noted.
                let mut cores = values.to_vec();
                train.train(&mut cores, bags, errors, &mut |at, _, slopes| {
                    gradient[at..at + slopes.len()].copy_from_slice(slopes);
                })?;
            }
            Self::Dense { width, .. } => {
                for (bag, error) in bags.iter().zip(errors.chunks_exact(*width)) {
                    for row in bag {
                        let at = *row as usize * width;
                        let slopes = gradient[at..at + width].iter_mut();
                        slopes.zip(error).for_each(|(slope, error)| *slope += error);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Two linear towers over a table.
#[derive(Debug, Clone)]
pub struct TwoTower {
    table: Embedding,
    top: usize,
    layout: Arc<Layout>,
}

/// Cases in the form that tables take: for each a bag of the history, then one of the item.
struct Cases {
    rows: Vec<u32>,
    ends: Vec<usize>,
    /// One over the length of each bag, 0 for an empty one.
    shares: Vec<f32>,
    bought: Vec<bool>,
}

/// What the towers made of cases: the bottoms and tops of both sides, and the scores.
struct Pass {
    bottoms: [Vec<f32>; 2],
    tops: [Vec<f32>; 2],
    scores: Vec<f32>,
}

impl TwoTower {
    /// Towers that end in `top` values.
    ///
    /// # Errors
    /// A size of zero, or more parameters than a layout may have.
    pub fn new(table: Embedding, top: usize) -> Result<Self, ModelError> {
        let width = table.width();
        let refuse = || ModelError::Widths(vec![table.rows(), width, top]);
        let towers = ["user", "item"].map(|name| (name.to_owned(), vec![width, top]));
        let entries = table.shapes().into_iter().chain(towers).map(|(name, shape)| {
            let shape = shape.iter().map(|size| u32::try_from(*size).ok().filter(|size| *size > 0));
            Some(Entry { name, shape: shape.collect::<Option<_>>()? })
        });
        let entries = entries.collect::<Option<_>>().ok_or_else(refuse)?;
        let layout = Layout::new(entries).map_err(|_| refuse())?;
        Ok(Self { table, top, layout: Arc::new(layout) })
    }

    /// A small table, towers of variance `1/width`.
    pub fn init(&self, seed: Seed) -> Params {
        let mut params = Params::zeros(Arc::clone(&self.layout));
        let towers = 2 * self.tower();
        let (table, rest) = params.values_mut().split_at_mut(self.layout.len() - towers);
        self.table.init(table, seed);
        let mut rng = seed.derive("towers").rng();
        let bound = (3.0 / self.table.width() as f32).sqrt();
        rest.fill_with(|| bound * (2.0 * rng.random::<f32>() - 1.0));
        params
    }

    /// The score of each case: above 0 where a purchase is more likely than not.
    ///
    /// # Errors
    /// Parameters of another length, or an item that does not exist.
    pub fn scores(&self, params: &[f32], cases: &Purchases) -> Result<Vec<f32>, ModelError> {
        self.cases(cases)?;
        let all: Vec<usize> = (0..cases.len()).collect();
        Ok(self.forward(params, &Cases::of(cases, &all))?.scores)
    }

    /// The chance that of two cases the one that was bought has the higher score; half where there is nothing to compare.
    ///
    /// # Errors
    /// As [`TwoTower::scores`].
    pub fn auc(&self, params: &[f32], cases: &Purchases) -> Result<f64, ModelError> {
        let scores = self.scores(params, cases)?;
        let mut scored: Vec<(f32, bool)> = scores
            .into_iter()
            .enumerate()
            .filter_map(|(at, score)| Some((score, cases.case(at)?.2)))
            .collect();
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut others, mut bought, mut pairs) = (0.0, 0.0, 0.0);
        for equal in scored.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            let right = equal.iter().filter(|case| case.1).count() as f64;
            let wrong = equal.len() as f64 - right;
            pairs += right * (others + 0.5 * wrong);
            (others, bought) = (others + wrong, bought + right);
        }
        Ok(if others * bought > 0.0 { pairs / (others * bought) } else { 0.5 })
    }

    /// Values of a tower.
    fn tower(&self) -> usize {
        self.table.width() * self.top
    }

    /// The table, the user's tower, the item's.
    fn split<'a>(&self, params: &'a [f32]) -> Result<(&'a [f32], [&'a [f32]; 2]), ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        let (table, towers) = params.split_at(params.len() - 2 * self.tower());
        let (user, item) = towers.split_at(self.tower());
        Ok((table, [user, item]))
    }

    fn forward(&self, params: &[f32], cases: &Cases) -> Result<Pass, ModelError> {
        let (table, towers) = self.split(params)?;
        let (count, width) = (cases.bought.len(), self.table.width());
        let mut sums = vec![0.0; cases.ends.len() * width];
        self.table.sum(table, cases.bags(), &mut sums)?;
        for (sum, share) in sums.chunks_exact_mut(width).zip(&cases.shares) {
            sum.iter_mut().for_each(|value| *value *= share);
        }
        let side = |side: usize| sums.chunks_exact(width).skip(side).step_by(2).flatten().copied().collect();
        let bottoms: [Vec<f32>; 2] = [side(0), side(1)];
        let mut tops = [vec![0.0; count * self.top], vec![0.0; count * self.top]];
        for ((top, bottom), tower) in tops.iter_mut().zip(&bottoms).zip(towers) {
            let (bottom, tower) = (Matrix::new(bottom, count, width), Matrix::new(tower, width, self.top));
            product(top, bottom, tower)?;
        }
        let rows = tops[0].chunks_exact(self.top).zip(tops[1].chunks_exact(self.top));
        let scores = rows.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum()).collect();
        Ok(Pass { bottoms, tops, scores })
    }

    /// The gradient of all parameters, from the slopes of the scores.
    fn backward(
        &self,
        params: &[f32],
        cases: &Cases,
        pass: &Pass,
        slopes: &[f32],
        gradient: &mut [f32],
    ) -> Result<(), ModelError> {
        let (table, towers) = self.split(params)?;
        let (count, width) = (slopes.len(), self.table.width());
        let (of_table, of_towers) = gradient.split_at_mut(table.len());
        let mut errors = vec![0.0; 2 * count * width];
        let mut below = vec![0.0; count * width];
        for (side, of_tower) in of_towers.chunks_exact_mut(self.tower()).enumerate() {
            let other = pass.tops[1 - side].chunks_exact(self.top).zip(slopes);
            let tops: Vec<f32> = other.flat_map(|(row, slope)| row.iter().map(move |x| x * slope)).collect();
            let tops = Matrix::new(&tops, count, self.top);
            product(of_tower, Matrix::new(&pass.bottoms[side], count, width).transposed(), tops)?;
            product(&mut below, tops, Matrix::new(towers[side], width, self.top).transposed())?;
            let bags = errors.chunks_exact_mut(width).zip(&cases.shares).skip(side).step_by(2);
            for ((error, share), below) in bags.zip(below.chunks_exact(width)) {
                error.iter_mut().zip(below).for_each(|(error, value)| *error = share * value);
            }
        }
        self.table.back(table, cases.bags(), &errors, of_table)
    }
}

impl Cases {
    fn of(data: &Purchases, chosen: &[usize]) -> Self {
        let mut cases = Self { rows: Vec::new(), ends: Vec::new(), shares: Vec::new(), bought: Vec::new() };
        for (history, item, bought) in chosen.iter().filter_map(|number| data.case(*number)) {
            for bag in [history, &[item]] {
                cases.rows.extend_from_slice(bag);
                cases.ends.push(cases.rows.len());
                cases.shares.push(if bag.is_empty() { 0.0 } else { 1.0 / bag.len() as f32 });
            }
            cases.bought.push(bought);
        }
        cases
    }

    fn bags(&self) -> Bags<'_> {
        Bags { rows: &self.rows, ends: &self.ends }
    }
}

/// Writes `a·b`; of no rows that is nothing.
fn product(out: &mut [f32], a: Matrix<'_, f32>, b: Matrix<'_, f32>) -> Result<(), ModelError> {
    if out.is_empty() {
        return Ok(());
    }
    multiply_f32(out, Onto::Replace, a, b).map_err(|_| ModelError::NotFinite)
}

/// `ln(1 + exp(x))`, for every finite x.
fn softplus(x: f32) -> f64 {
    let x = f64::from(x);
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sign(bought: bool) -> f32 {
    if bought { 1.0 } else { -1.0 }
}

impl Objective<Purchases> for TwoTower {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn cases(&self, data: &Purchases) -> Result<usize, ModelError> {
        match data.largest().filter(|item| *item as usize >= self.table.rows()) {
            Some(item) => Err(ModelError::Label { label: item, classes: self.table.rows() }),
            None => Ok(data.len()),
        }
    }

    fn loss(&self, params: &[f32], data: &Purchases) -> Result<f64, ModelError> {
        let scores = self.scores(params, data)?;
        let losses = scores
            .iter()
            .enumerate()
            .filter_map(|(at, score)| data.case(at).map(|(_, _, bought)| softplus(-sign(bought) * score)));
        Ok(losses.sum::<f64>() / data.len().max(1) as f64)
    }

    fn gradient(
        &self,
        params: &[f32],
        data: &Purchases,
        chosen: &[usize],
        _: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        check_length("gradient", gradient.len(), self.layout.len())?;
        self.cases(data)?;
        let cases = Cases::of(data, chosen);
        let pass = self.forward(params, &cases)?;
        let share = 1.0 / cases.bought.len().max(1) as f32;
        let mut loss = 0.0;
        let slopes: Vec<f32> = pass
            .scores
            .iter()
            .zip(&cases.bought)
            .map(|(score, bought)| {
                let margin = sign(*bought) * score;
                loss += f64::from(share) * softplus(-margin);
                -sign(*bought) * share / (1.0 + margin.exp())
            })
            .collect();
        self.backward(params, &cases, &pass, &slopes, gradient)?;
        Ok(loss)
    }
}
