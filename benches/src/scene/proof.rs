//! Proofs by sumcheck of work at the sizes of the bars, each made, checked and weighed the same way.

use crate::Failure;
use crate::cost::cpu_of;
use bitneuron::core::exact::programs::inference::inference;
use bitneuron::core::exact::programs::merge::mean;
use bitneuron::core::exact::programs::norm::{Bound, bounded};
use bitneuron::core::exact::programs::step::{Training, sgd};
use bitneuron::core::exact::programs::{Mlp, merge};
use bitneuron::core::exact::{Binding, Program, Relation, Tensor, execute};
use bitneuron::core::{ChainId, Context, Digest, Height, NodeId, Seed, Share};
use bitneuron::zk::backend::sumcheck::{Geometry, Sumcheck};
use bitneuron::zk::{Library, Proof};
use std::sync::Arc;

/// A program with its inputs, and what of it is hidden.
#[derive(Debug, Clone)]
pub struct Work {
    program: Program,
    inputs: Vec<Tensor>,
    /// Which inputs are committed, each list in one group.
    hidden: Vec<Vec<usize>>,
    /// Whether the outputs are committed, too.
    hides_outputs: bool,
    geometry: Geometry,
}

/// What a proof cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// CPU seconds to commit to what comes out and to prove.
    pub prove: f64,
    /// CPU seconds to verify.
    pub verify: f64,
    /// Bytes.
    pub bytes: f64,
}

/// Checks of a proof, since one takes less than a step of the kernel's count.
const CHECKS: u32 = 5;

/// Numbers within ±`limit`, the same at every call.
fn numbers(shape: &[u32], limit: i64) -> Result<Tensor, Failure> {
    let count: i64 = shape.iter().map(|size| i64::from(*size)).product();
    Ok(Tensor::new(shape, (0..count).map(|at| (at * 7_919 + 13) % (2 * limit + 1) - limit).collect())?)
}

impl Work {
    /// SGD steps of a model on batches of rows that stand in one group: model before, rows and model after are committed.
    ///
    /// # Errors
    /// No such program.
    pub fn steps(sizes: &[u32], batch: u32, steps: u32, geometry: Geometry) -> Result<Self, Failure> {
        let (mlp, rows) = (Mlp::new(sizes)?, batch * steps);
        let training = Training { steps, batch, rate_shift: 2, ..Training::default() };
        let labels = (0..i64::from(rows)).map(|row| row * 31 % i64::from(mlp.classes())).collect();
        Ok(Self {
            program: sgd(&mlp, rows, training)?,
            inputs: vec![
                mlp.init(Seed::from_number(1)).tensor(),
                numbers(&[rows, mlp.features()], 256)?,
                Tensor::vector(labels),
                Tensor::vector((0..i64::from(rows)).collect()),
            ],
            hidden: vec![vec![0], vec![1, 2]],
            hides_outputs: true,
            geometry,
        })
    }

    /// The answers of a committed model to rows that everybody sees.
    ///
    /// # Errors
    /// No such program.
    pub fn inference(sizes: &[u32], rows: u32, geometry: Geometry) -> Result<Self, Failure> {
        let mlp = Mlp::new(sizes)?;
        let inputs = vec![mlp.init(Seed::from_number(1)).tensor(), numbers(&[rows, mlp.features()], 256)?];
        let program = inference(&mlp, rows)?;
        Ok(Self { program, inputs, hidden: vec![vec![0]], hides_outputs: false, geometry })
    }

    /// The weighted mean of committed models, itself committed.
    ///
    /// # Errors
    /// No such program.
    pub fn merge(parameters: u32, models: u32, geometry: Geometry) -> Result<Self, Failure> {
        let mut inputs = (0..models)
            .map(|model| {
                Ok(Tensor::vector(
                    numbers(&[parameters + model], 16_000)?.into_data().split_off(model as usize),
                ))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        inputs.push(merge::shares(&Share::divide(&vec![1; models as usize])));
        let hidden = (0..models as usize).map(|model| vec![model]).collect();
        Ok(Self { program: mean(parameters, models)?, inputs, hidden, hides_outputs: true, geometry })
    }

    /// The bounded change between two committed models.
    ///
    /// # Errors
    /// No such program.
    pub fn norm(parameters: u32, geometry: Geometry) -> Result<Self, Failure> {
        let before = numbers(&[parameters], 16_000)?;
        let change = numbers(&[parameters], 300)?;
        let after = before.data().iter().zip(change.data()).map(|(x, by)| x + by).collect();
        let program = bounded(parameters, Bound { square: 1 << 40, reach: 410 })?;
        let inputs = vec![before, Tensor::vector(after)];
        Ok(Self { program, inputs, hidden: vec![vec![0], vec![1]], hides_outputs: false, geometry })
    }

    /// Commits to what goes in, then measures what it costs to commit to what comes out, prove and check.
    ///
    /// # Errors
    /// The work is not proved, or its proof not believed.
    pub fn prove(&self, entropy: u64) -> Result<Cost, Failure> {
        let (cost, _) = self.proved(entropy)?;
        Ok(cost)
    }

    /// As [`Work::prove`], with what a verifier needs to look at the proof again.
    ///
    /// # Errors
    /// The work is not proved, or its proof not believed.
    pub fn proved(&self, entropy: u64) -> Result<(Cost, Proved), Failure> {
        let context = Context {
            chain: ChainId(Digest([3; 32])),
            height: Height(4),
            by: NodeId([5; 32]),
            subject: Digest([6; 32]),
        };
        let backend = Sumcheck::new(self.geometry, Arc::new(Library::new()))?;
        let seed = Seed::from_number(entropy);
        let mut inputs: Vec<Binding> = self.inputs.iter().cloned().map(Binding::Public).collect();
        for (group, members) in self.hidden.iter().enumerate() {
            let tensors: Vec<&Tensor> = members.iter().map(|at| &self.inputs[*at]).collect();
            let made = backend.commit(&tensors, &context, seed.derive_number("group", group as u64))?;
            members
                .iter()
                .zip(made)
                .for_each(|(at, commitment)| inputs[*at] = Binding::Committed(commitment));
        }
        let witness: Vec<Tensor> = self.hidden.iter().flatten().map(|at| self.inputs[*at].clone()).collect();
        let run = execute(&self.program, &self.inputs)?;
        let outputs: Vec<Tensor> = run.outputs().into_iter().cloned().collect();
        drop(run);
        let (made, prove) = cpu_of(|| -> Result<(Relation, Proof), Failure> {
            let mut bound = Vec::new();
            for tensor in &outputs {
                bound.push(if self.hides_outputs {
                    Binding::Committed(backend.commit(&[tensor], &context, seed.derive("after"))?[0])
                } else {
                    Binding::Public(tensor.clone())
                });
            }
            let relation = Relation { program: self.program.clone(), inputs: inputs.clone(), outputs: bound };
            let proof = backend.prove_relation(&context, &relation, witness.clone(), seed.derive("proof"))?;
            Ok((relation, proof))
        });
        let (relation, proof) = made?;
        let (checked, verify) =
            cpu_of(|| (0..CHECKS).try_for_each(|_| backend.verify_relation(&context, &relation, &proof)));
        checked?;
        let cost = Cost { prove, verify: verify / f64::from(CHECKS), bytes: proof.body.len() as f64 };
        Ok((cost, Proved { backend, context, relation, proof }))
    }
}

/// A proof with what it is about.
#[derive(Debug)]
pub struct Proved {
    /// Who checks it.
    pub backend: Sumcheck,
    /// Where it was claimed.
    pub context: Context,
    /// What it proves.
    pub relation: Relation,
    /// The proof.
    pub proof: Proof,
}
