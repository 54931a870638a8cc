//! Exact steps of the network's model, an MLP 64-32-10 in integers, on real digits.

use crate::Failure;
use bitneuron::core::Share;
use bitneuron::core::{
    Dataset, Digest, Seed,
    exact::{
        ExactData, Program, Run, Tensor,
        data::draw,
        execute,
        programs::{
            Mlp,
            merge::{MergeRule, merge, shares},
            metric::accuracy,
            step::{Training, sgd},
        },
    },
};
use bitneuron::sim::digits;

/// The widths of the network's model.
pub const WIDTHS: [u32; 3] = [64, 32, 10];
/// The rows of one validator's shard in the default devnet: a seventh of a fifth of 1,293.
pub const SHARD: usize = 37;

/// A program with its inputs, ready to run.
#[derive(Debug, Clone)]
pub struct Job {
    /// The program.
    pub program: Program,
    /// Its inputs.
    pub inputs: Vec<Tensor>,
}

impl Job {
    /// Runs it.
    ///
    /// # Errors
    /// The inputs break an interval.
    pub fn run(&self) -> Result<Run, Failure> {
        Ok(execute(&self.program, &self.inputs)?)
    }
}

/// One step on a batch of 32, drawn from so many rows.
///
/// # Errors
/// No such program.
pub fn step(rows: usize) -> Result<Job, Failure> {
    let seed = Seed::from_number(1);
    let (train, _) = digits::halves(seed)?;
    let data = ExactData::from_dataset(&train.select(&(0..rows).collect::<Vec<_>>()))?;
    let (mlp, rows) = (Mlp::new(&WIDTHS)?, data.rows() as u32);
    let training = Training { steps: 1, ..Training::default() };
    let index = draw(Digest(seed.0), rows, training.rows() as usize);
    let inputs =
        vec![mlp.init(seed).tensor(), data.features().clone(), data.labels().clone(), Tensor::vector(index)];
    Ok(Job { program: sgd(&mlp, rows, training)?, inputs })
}

/// The default merge of the own model with so many others.
///
/// # Errors
/// No such program.
pub fn merging(peers: u32) -> Result<Job, Failure> {
    let mlp = Mlp::new(&WIDTHS)?;
    let model = |number: u32| mlp.init(Seed::from_number(u64::from(number))).tensor();
    let mut inputs: Vec<Tensor> = (0..=peers).map(model).collect();
    let equal = Share::divide(&vec![1; peers as usize + 1]);
    inputs.push(shares(equal.get(1..).unwrap_or_default()));
    let parameters = inputs.first().map_or(0, |own| own.len() as u32);
    Ok(Job { program: merge(parameters, peers, MergeRule::default())?, inputs })
}

/// The score of a model on all these rows.
///
/// # Errors
/// No such program.
pub fn metric(model: Tensor, data: &ExactData) -> Result<Job, Failure> {
    let rows = data.rows() as u32;
    let index = Tensor::vector((0..i64::from(rows)).collect());
    let inputs = vec![model, data.features().clone(), data.labels().clone(), index];
    Ok(Job { program: accuracy(&Mlp::new(&WIDTHS)?, rows, rows)?, inputs })
}

/// The share of report rows that the model knows after so many epochs of exact steps alone (batches of 16, rate ½).
///
/// # Errors
/// No such program.
pub fn trained_accuracy(seed: Seed, epochs: u64) -> Result<f64, Failure> {
    let (train, report) = digits::halves(seed)?;
    let mlp = Mlp::new(&WIDTHS)?;
    let model = train_exactly(&mlp, &train, seed, epochs)?;
    let data = ExactData::from_dataset(&report)?;
    Ok(first(&metric(model, &data)?.run()?)?.data().iter().sum::<i64>() as f64 / data.rows() as f64)
}

fn train_exactly(mlp: &Mlp, train: &Dataset, seed: Seed, epochs: u64) -> Result<Tensor, Failure> {
    let data = ExactData::from_dataset(train)?;
    let (rows, batch) = (data.rows() as u32, 16);
    let training = Training { steps: rows / batch, batch, rate_shift: 1, ..Training::default() };
    let program = sgd(mlp, rows, training)?;
    let mut model = mlp.init(seed).tensor();
    for epoch in 0..epochs {
        let drawn = draw(Digest(seed.derive_number("epoch", epoch).0), rows, training.rows() as usize);
        let inputs = [model, data.features().clone(), data.labels().clone(), Tensor::vector(drawn)];
        model = first(&execute(&program, &inputs)?)?.clone();
    }
    Ok(model)
}

fn first(run: &Run) -> Result<&Tensor, Failure> {
    run.outputs().first().copied().ok_or_else(|| "a program without output".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_run() {
        assert_eq!(step(SHARD).unwrap().run().unwrap().outputs()[0].len(), 64 * 32 + 32 + 32 * 10 + 10);
        assert_eq!(merging(9).unwrap().run().unwrap().outputs()[1].len(), 9);
        assert!(trained_accuracy(Seed::from_number(1), 1).unwrap() > 0.5);
    }
}
