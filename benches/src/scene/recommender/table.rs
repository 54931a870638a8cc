//! The two tables, and how they learn.

use super::{
    WIDTH,
    world::{Draw, ITEMS},
};
use bitneuron::compress::factor::{Bags, FactorError, Factored as _, TrainEmbedding};
use bitneuron::core::Seed;

/// Steps that become smaller where slopes were large.
pub(super) struct Adagrad(Vec<f32>);

impl Adagrad {
    pub(super) fn new(count: usize) -> Self {
        Self(vec![0.0; count])
    }

    pub(super) fn step(&mut self, at: usize, values: &mut [f32], slopes: &[f32], rate: f32) {
        let sums = &mut self.0[at..at + values.len()];
        for ((value, slope), sum) in values.iter_mut().zip(slopes).zip(sums) {
            *sum += slope * slope;
            *value -= rate * slope / (sum.sqrt() + 1e-8);
        }
    }
}

/// A table that learns.
pub(super) trait Table {
    fn sum(&self, bags: Bags<'_>, out: &mut [f32]) -> Result<(), FactorError>;
    fn train(&mut self, bags: Bags<'_>, errors: &[f32], rate: f32) -> Result<(), FactorError>;
    fn parameters(&self) -> usize;
}

/// The table as cores.
pub(super) struct Cores {
    pub(super) table: TrainEmbedding,
    pub(super) values: Vec<f32>,
    adagrad: Adagrad,
}

impl Cores {
    pub(super) fn new(table: TrainEmbedding, seed: Seed) -> Self {
        let values = table.init(0.01, seed);
        Self { adagrad: Adagrad::new(values.len()), values, table }
    }
}

impl Table for Cores {
    fn sum(&self, bags: Bags<'_>, out: &mut [f32]) -> Result<(), FactorError> {
        self.table.sum(&self.values, bags, out)
    }

    fn train(&mut self, bags: Bags<'_>, errors: &[f32], rate: f32) -> Result<(), FactorError> {
        let adagrad = &mut self.adagrad;
        self.table.train(&mut self.values, bags, errors, &mut |at, values, slopes| {
            adagrad.step(at, values, slopes, rate);
        })
    }

    fn parameters(&self) -> usize {
        self.values.len()
    }
}

/// The table as it is.
pub(super) struct Rows {
    values: Vec<f32>,
    adagrad: Adagrad,
}

impl Rows {
    pub(super) fn new(seed: Seed) -> Self {
        let mut draw = Draw::new(seed);
        let values: Vec<f32> = (0..ITEMS * WIDTH).map(|_| (draw.unit() as f32 - 0.5) * 0.35).collect();
        Self { adagrad: Adagrad::new(values.len()), values }
    }
}

impl Table for Rows {
    fn sum(&self, bags: Bags<'_>, out: &mut [f32]) -> Result<(), FactorError> {
        out.fill(0.0);
        for (bag, sum) in bags.iter().zip(out.chunks_exact_mut(WIDTH)) {
            for row in bag {
                let at = *row as usize * WIDTH;
                sum.iter_mut().zip(&self.values[at..at + WIDTH]).for_each(|(sum, value)| *sum += value);
            }
        }
        Ok(())
    }

    fn train(&mut self, bags: Bags<'_>, errors: &[f32], rate: f32) -> Result<(), FactorError> {
        // The errors of a row in several bags are added before it moves, as in the other table.
        let mut touched: Vec<(u32, usize)> =
            bags.iter().enumerate().flat_map(|(bag, rows)| rows.iter().map(move |row| (*row, bag))).collect();
        touched.sort_unstable();
        for same in touched.chunk_by(|a, b| a.0 == b.0) {
            let mut slope = [0.0; WIDTH];
            for (_, bag) in same {
                slope.iter_mut().zip(&errors[bag * WIDTH..]).for_each(|(sum, error)| *sum += error);
            }
            let at = same[0].0 as usize * WIDTH;
            self.adagrad.step(at, &mut self.values[at..at + WIDTH], &slope, rate);
        }
        Ok(())
    }

    fn parameters(&self) -> usize {
        self.values.len()
    }
}
