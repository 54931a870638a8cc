//! A statement for any program: it gives these outputs on these inputs, each public or hidden. Shared by tests and the example.

use bitneuron_core::exact::programs::step::Training;
use bitneuron_core::exact::programs::{Mlp, norm, step};
use bitneuron_core::exact::{
    Binding, Builder, Comparison, Interval, Program, ProgramError, Relation, Tensor, execute, fixed,
};
use bitneuron_core::{ChainId, Commitment, Context, Digest, Height, Keypair, Seed, Wire};
use bitneuron_zk::backend::spartan::{self, Vault};
use bitneuron_zk::suite::Case;
use bitneuron_zk::{Computation, Statement, StatementError};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};
use std::error::Error;

/// A tensor that everybody knows, or the commitment to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Bound {
    Public(Tensor),
    Hidden(Commitment),
}

impl Bound {
    fn binding(&self) -> Binding {
        match self {
            Self::Public(tensor) => Binding::Public(tensor.clone()),
            Self::Hidden(commitment) => Binding::Committed(*commitment),
        }
    }
}

/// "This program gives these outputs on these inputs."
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Executed {
    pub(crate) program: Program,
    pub(crate) inputs: Vec<Bound>,
    pub(crate) outputs: Vec<Bound>,
}

impl Wire for Executed {
    const LIMIT: usize = 4 << 20;
}

/// The hidden inputs, and the seeds that open commitments.
#[derive(Debug, Clone, Default)]
pub(crate) struct Opened {
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) seeds: Vec<Seed>,
}

impl Opened {
    fn opens(&self, bound: &Bound, tensor: &Tensor) -> bool {
        match bound {
            Bound::Public(public) => public == tensor,
            Bound::Hidden(commitment) if commitment.scheme == spartan::SCHEME => {
                self.seeds.iter().any(|seed| spartan::commit(tensor, *seed) == *commitment)
            }
            Bound::Hidden(commitment) => tensor.commitment() == *commitment,
        }
    }
}

impl Statement for Executed {
    const DOMAIN: &'static str = "test executed program v1";
    type Public = Self;
    type Witness = Opened;

    fn holds(public: &Self, witness: &Opened) -> bool {
        let Ok(inputs) = Self::relation(public)
            .map_err(drop)
            .and_then(|relation| relation.assemble(witness.inputs.clone()).map_err(drop))
        else {
            return false;
        };
        let given = public.inputs.iter().zip(&inputs).all(|(bound, tensor)| witness.opens(bound, tensor));
        given
            && execute(&public.program, &inputs).is_ok_and(|run| {
                public.outputs.iter().zip(run.outputs()).all(|(bound, tensor)| witness.opens(bound, tensor))
            })
    }
}

impl Computation for Executed {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        let Self { program, inputs, outputs } = public;
        if inputs.len() != program.inputs().len() || outputs.len() != program.outputs().len() {
            return Err(StatementError::Malformed("bindings of another number".into()));
        }
        let bindings = |side: &[Bound]| side.iter().map(Bound::binding).collect();
        Ok(Relation { program: program.clone(), inputs: bindings(inputs), outputs: bindings(outputs) })
    }

    fn witness(witness: &Opened) -> Vec<&Tensor> {
        witness.inputs.iter().collect()
    }
}

/// A program with inputs, and which of its inputs and outputs are hidden.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) program: Program,
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) hidden: Vec<bool>,
    pub(crate) hidden_outputs: bool,
}

impl Scene {
    /// The true statement under hiding commitments; their seeds go into the vault.
    pub(crate) fn sealed(&self, vault: &mut Vault) -> Result<Case<Executed>, Box<dyn Error>> {
        let mut seeds = Vec::new();
        let mut case = self.stated(&mut |tensor| {
            let seed = Seed::from_number(1000 + seeds.len() as u64);
            seeds.push(seed);
            vault.commit(tensor, seed)
        })?;
        case.witness.seeds = seeds;
        Ok(case)
    }

    /// The true statement under commitments by hash, as replay takes them.
    pub(crate) fn hashed(&self) -> Result<Case<Executed>, Box<dyn Error>> {
        self.stated(&mut Tensor::commitment)
    }

    fn stated(
        &self,
        commit: &mut dyn FnMut(&Tensor) -> Commitment,
    ) -> Result<Case<Executed>, Box<dyn Error>> {
        let run = execute(&self.program, &self.inputs)?;
        let mut bind = |tensor: &Tensor, hidden: bool| {
            if hidden { Bound::Hidden(commit(tensor)) } else { Bound::Public(tensor.clone()) }
        };
        let inputs =
            self.inputs.iter().zip(&self.hidden).map(|(tensor, hidden)| bind(tensor, *hidden)).collect();
        let outputs = run.outputs().into_iter().map(|tensor| bind(tensor, self.hidden_outputs)).collect();
        let hidden = self.inputs.iter().zip(&self.hidden).filter(|(_, hidden)| **hidden);
        Ok(Case {
            context: context(),
            public: Executed { program: self.program.clone(), inputs, outputs },
            witness: Opened { inputs: hidden.map(|(tensor, _)| tensor.clone()).collect(), seeds: Vec::new() },
        })
    }

    /// One step of linear regression: `w − rescale(xᵀ·(rescale(x·w) − y))`, everything hidden.
    pub(crate) fn linear(features: u32, rows: u32) -> Result<Self, Box<dyn Error>> {
        let mut b = Builder::new();
        let w = b.input(&[features], Interval::symmetric(fixed::WEIGHT_LIMIT))?;
        let x = b.input(&[rows, features], Interval::symmetric(fixed::FEATURE_LIMIT))?;
        let y = b.input(&[rows], Interval::symmetric(1 << 12))?;
        let predicted = b.einsum("bf,f->b", x, w)?;
        let predicted = b.rescale(predicted, fixed::WEIGHT_BITS)?;
        let error = b.sub(predicted, y)?;
        let gradient = b.einsum("bf,b->f", x, error)?;
        let change = b.rescale(gradient, 12)?;
        let moved = b.sub(w, change)?;
        let after = b.clamp(moved, Interval::symmetric(fixed::WEIGHT_LIMIT))?;
        b.output(after);
        let inputs = vec![
            numbers("w", &[features], 1 << 12)?,
            numbers("x", &[rows, features], 1 << 8)?,
            numbers("y", &[rows], 1 << 10)?,
        ];
        Ok(Self { program: b.build()?, inputs, hidden: vec![true; 3], hidden_outputs: true })
    }

    /// One step of an MLP on a batch drawn by public indices from hidden data.
    pub(crate) fn step(sizes: &[u32], rows: u32, batch: u32) -> Result<Self, Box<dyn Error>> {
        let mlp = Mlp::new(sizes)?;
        let training = Training { steps: 1, batch, rate_shift: 2, ..Training::default() };
        let program = step::sgd(&mlp, rows, training)?;
        let labels = (0..i64::from(rows)).map(|row| row % i64::from(mlp.classes())).collect();
        let inputs = vec![
            numbers("model", &[mlp.parameters()], 1 << 11)?,
            numbers("features", &[rows, mlp.features()], 1 << 8)?,
            Tensor::vector(labels),
            Tensor::vector((0..i64::from(batch)).map(|at| (at * 3) % i64::from(rows)).collect()),
        ];
        Ok(Self { program, inputs, hidden: vec![true, true, true, false], hidden_outputs: true })
    }

    /// The squared length of an update is at most `limit`: the output says whether.
    pub(crate) fn norm_bound(parameters: u32, limit: i64) -> Result<Self, Box<dyn Error>> {
        let squared = norm::norm(parameters)?;
        let widest = squared.outputs().first().and_then(|id| squared.interval(*id)).ok_or("no output")?;
        let inputs =
            vec![numbers("before", &[parameters], 1 << 12)?, numbers("after", &[parameters], 1 << 12)?];
        let program = bounded(parameters, limit.min(widest.hi))?;
        Ok(Self { program, inputs, hidden: vec![true; 2], hidden_outputs: false })
    }
}

fn bounded(parameters: u32, limit: i64) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let before = b.input(&[parameters], Interval::symmetric(fixed::WEIGHT_LIMIT))?;
    let after = b.input(&[parameters], Interval::symmetric(fixed::WEIGHT_LIMIT))?;
    let delta = b.sub(after, before)?;
    let squared = b.einsum("n,n->", delta, delta)?;
    let limit = b.constant(Tensor::scalar(limit))?;
    let within = b.compare(squared, Comparison::AtMost, limit)?;
    b.output(within);
    b.build()
}

/// Numbers within ±`limit`, always the same.
pub(crate) fn numbers(name: &str, shape: &[u32], limit: i64) -> Result<Tensor, Box<dyn Error>> {
    let mut rng = Seed::from_number(7).derive(name).rng();
    let count = shape.iter().product();
    let data = (0..count).map(|_| i64::from(rng.next_u32()).rem_euclid(2 * limit) - limit).collect();
    Ok(Tensor::new(shape, data)?)
}

pub(crate) fn context() -> Context {
    let by = Keypair::from_seed(Seed::from_number(1)).id();
    Context { chain: ChainId::default(), height: Height(3), by, subject: Digest::of("test subject", b"1") }
}
