//! Training proved step by step on batches that nobody chose, with data and models hidden.
//!
//! A data set is committed once. When a beacon has spoken, one proof for the epoch says of each batch that it is the rows which
//! the beacon draws. Each step of training is then proved on its batch alone, from the model that the step before ended with.
//! At last the same three steps are proved as one.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example prove_chain
//! ```
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use bitneuron::core::exact::programs::step::{Training, sgd};
use bitneuron::core::exact::programs::{Mlp, Net};
use bitneuron::core::exact::{
    Binding, Builder, DataRoot, Interval, Program, ProgramError, Relation, Tensor, data, execute, fixed,
};
use bitneuron::core::{ChainId, Context, Digest, Height, Keypair, Seed};
use bitneuron::zk::backend::sumcheck::{Geometry, Sumcheck};
use bitneuron::zk::statements::{Rows, Several, State, batch::UNSTATED};
use bitneuron::zk::{Chain, Library, Prover, Step, StepWitness, Verifier};
use std::{error::Error, sync::Arc};

const ROWS: u32 = 96;
const BATCH: u32 = 32;
const FEATURES: u32 = 8;
const CLASSES: i64 = 3;
/// Each group may be opened three times: a batch for its epoch, for its step, and for all steps in one.
const GEOMETRY: Geometry = Geometry { openings: 3, ..Geometry::SMALL };

/// What everybody knows of a batch, and its rows.
type Batch = (DataRoot, Arc<Rows>);

/// Inputs: features, labels, and the rows of each batch. Outputs: features and labels of each batch.
fn epoch() -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let features = b.input(&[ROWS, FEATURES], Interval::symmetric(fixed::FEATURE_LIMIT))?;
    let labels = b.input(&[ROWS], Interval { lo: 0, hi: CLASSES - 1 })?;
    let rows = Interval { lo: 0, hi: i64::from(ROWS) - 1 };
    let batches: Vec<_> = (0..ROWS / BATCH).map(|_| b.input(&[BATCH], rows)).collect::<Result<_, _>>()?;
    for rows in batches {
        for side in [features, labels] {
            let batch = b.gather(side, rows)?;
            b.output(batch);
        }
    }
    b.build()
}

fn numbers(name: &[u8], count: u32, limit: i64) -> Vec<i64> {
    let byte = |at: u32| Digest::of("example number", &[name, &at.to_le_bytes()].concat()).0[0];
    (0..count).map(|at| i64::from(byte(at)) * limit / 128 - limit).collect()
}

/// What a program gives.
fn run(program: &Program, inputs: &[Tensor]) -> Result<Vec<Tensor>, Box<dyn Error>> {
    Ok(execute(program, inputs)?.outputs().into_iter().cloned().collect())
}

fn context(height: u64) -> Context {
    let (by, chain) = (Keypair::from_seed(Seed::from_number(1)).id(), ChainId::default());
    Context { chain, height: Height(height), by, subject: Digest::of("example training", b"") }
}

/// Commits to a data set, and when the beacon has spoken to its batches; proves that they are the beacon's.
fn batches(prover: &Sumcheck, verifier: &Sumcheck) -> Result<Vec<Batch>, Box<dyn Error>> {
    let features = Tensor::new(&[ROWS, FEATURES], numbers(b"features", ROWS * FEATURES, 256))?;
    let classes = features.data().chunks(FEATURES as usize).map(|row| row[0].signum() + 1);
    let labels = Tensor::vector(classes.collect());
    let set = prover.commit(&[&features, &labels], &context(0), Seed::from_number(1))?;
    let order = data::draw(Digest::of("example beacon", b"epoch 7"), ROWS, ROWS as usize);
    let rows = order.chunks(BATCH as usize).map(|rows| Tensor::vector(rows.to_vec()));
    let inputs: Vec<Tensor> = [features, labels].into_iter().chain(rows).collect();
    let (program, mut outputs, mut batches) = (epoch()?, Vec::new(), Vec::new());
    for (batch, entropy) in run(&program, &inputs)?.chunks(2).zip(10..) {
        let [features, targets] = [batch[0].clone(), batch[1].clone()];
        let made = prover.commit(&[&features, &targets], &context(0), Seed::from_number(entropy))?;
        let root = DataRoot { rows: BATCH, columns: FEATURES, features: made[0], labels: made[1] };
        outputs.extend(made.into_iter().map(Binding::Committed));
        batches.push((root, Arc::new(Rows { features, targets })));
    }
    let (witness, drawn) = inputs.split_at(2);
    let known = drawn.iter().cloned().map(Binding::Public);
    let inputs = set.into_iter().map(Binding::Committed).chain(known);
    let relation = Relation { program, inputs: inputs.collect(), outputs };
    let proof = prover.prove_relation(&context(1), &relation, witness.to_vec(), Seed::from_number(2))?;
    verifier.verify_relation(&context(1), &relation, &proof)?;
    println!("epoch: {} batches are the beacon's, {} bytes", batches.len(), proof.body.len());
    Ok(batches)
}

fn main() -> Result<(), Box<dyn Error>> {
    // In earnest every seed is random and secret. Whoever checks has nothing but statements and proofs.
    let seed = Seed::from_number;
    let [prover, verifier] = [(); 2].map(|()| Sumcheck::new(GEOMETRY, Arc::new(Library::new())));
    let (prover, verifier) = (prover?, verifier?);
    let batches = batches(&prover, &verifier)?;

    // Three steps, each from the model that the one before gave.
    let net = Net::from(&Mlp::new(&[FEATURES, 6, CLASSES as u32])?);
    let training = Training { steps: 1, batch: BATCH, rate_shift: 2, ..Training::default() };
    let batch_seed = Digest::of("example order in a batch", b"");
    let order = Tensor::vector(data::draw(batch_seed, BATCH, BATCH as usize));
    let state = |model| State { model, velocity: None };
    let mut model = Tensor::vector(numbers(b"model", net.parameters(), 2000));
    let mut before = state(prover.commit(&[&model], &context(0), seed(30))?[0]);
    let (mut steps, mut witnesses, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (number, (data, rows)) in (0..).zip(&batches) {
        let inputs = [model.clone(), rows.features.clone(), rows.targets.clone(), order.clone()];
        let next = run(&sgd(net.clone(), BATCH, training)?, &inputs)?.remove(0);
        let after = state(prover.commit(&[&next], &context(0), seed(31 + number))?[0]);
        let step = Step { net: net.clone(), training, data: *data, batch_seed, before, after };
        let witness = StepWitness { before: model, velocity: None, data: rows.clone() };
        let here = context(2 + number);
        let prove = |step| Prover::<Step>::prove(&prover, &here, step, &witness, seed(40 + number));
        let proof = prove(&step)?;
        let check = |step| Verifier::<Step>::verify(&verifier, &here, step, &proof);
        check(&step)?;
        println!("step {number}: {} bytes", proof.body.len());
        // Not of another batch, nor from or to another model: neither proved nor believed.
        let (other, _) = batches[(steps.len() + 1) % batches.len()];
        let lies = [
            Step { data: other, ..step.clone() },
            Step { before: after, ..step.clone() },
            Step { after: before, ..step.clone() },
        ];
        if lies.iter().any(|lie| prove(lie).is_ok() || check(lie).is_ok()) {
            return Err("a step on other ingredients was believed".into());
        }
        (model, before, bytes) = (next, after, bytes + proof.body.len());
        steps.push(step);
        witnesses.push(witness);
    }

    // The same as one proof: what is between the steps is stated nowhere.
    let mut public = Several { parts: steps.clone() };
    public.parts.iter_mut().skip(1).for_each(|step| step.before = state(UNSTATED));
    public.parts.iter_mut().rev().skip(1).for_each(|step| step.after = state(UNSTATED));
    let proof = Prover::<Chain<Step>>::prove(&prover, &context(9), &public, &witnesses, seed(50))?;
    Verifier::<Chain<Step>>::verify(&verifier, &context(9), &public, &proof)?;
    println!("three steps as one: {} bytes, one by one {bytes}", proof.body.len());

    // By now each batch was opened three times, and whoever opened it once more would show it.
    let left = prover.vault().left(&steps[0].data.features);
    match Prover::<Step>::prove(&prover, &context(10), &steps[0], &witnesses[0], seed(60)) {
        Err(refused) if left == 0 => println!("a fourth time: {refused}"),
        _ => return Err("a group was opened beyond its randomness".into()),
    }
    Ok(())
}
