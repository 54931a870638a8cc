//! `bitneuron prove-example`: a small model of handwritten digits, and a proof about it for `bitneuron verify` to check.

use super::maker::Maker;
use crate::devnet::Stopwatch;
use crate::number;
use bitneuron_core::claim::{Inference, Turn};
use bitneuron_core::exact::programs::{Mlp, merge::MergeRule, step::Training};
use bitneuron_core::exact::{ExactData, Relation, Tensor, compute};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::{ChainId, Context, Dataset, Digest, Height, Keypair, Seed};
use bitneuron_sim::digits;
use bitneuron_zk::{Computation, Library, ProofFile, TurnWitness, claim};
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// Rows that are the author's own, of 64 features.
const OWN: usize = 128;
/// Rows of the metric set.
const METRIC: usize = 64;
/// Turns of training before the example begins.
const TURNS: u64 = 20;

/// A proof to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The file that receives it.
    pub out: PathBuf,
    /// What is proved.
    pub work: Work,
    /// How.
    pub method: Method,
    /// Seed of everything random, secrets too.
    pub seed: u64,
}

/// What an example proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    /// A hidden model's answer to one picture
    Inference,
    /// Four steps of training from a hidden model to a hidden model, on hidden pictures
    Training,
}

/// How an example is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Method {
    /// In zero knowledge
    Sumcheck,
    /// By showing everything, for comparison
    Replay,
}

/// Why no example was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExampleError {
    /// The file cannot be written.
    #[error("{path}: {error}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The program was built without this method.
    #[error("this program was built without feature `sumcheck`")]
    Method,
    /// The work cannot be done or proved.
    #[error(transparent)]
    Work(#[from] Box<dyn Error + Send + Sync>),
}

impl ExampleError {
    /// What to do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Write { .. } => "choose another file with --out",
            Self::Method => "build with --features sumcheck, or choose --method replay",
            Self::Work(_) => "this should not happen; please report it",
        }
    }
}

impl Example {
    /// Trains, proves, writes the file and tells of it.
    ///
    /// # Errors
    /// Why there is no file.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), ExampleError> {
        let begin = Stopwatch::start();
        let studio = Studio::new(Seed::from_number(self.seed))?;
        let trained = begin.seconds();
        let maker = Maker::new(self.method, self.work, studio.library.clone())?;
        let begin = Stopwatch::start();
        let file = match self.work {
            Work::Inference => studio.inference(&maker)?,
            Work::Training => studio.training(&maker)?,
        };
        let proved = begin.seconds();
        let bytes = file.write();
        let failed = |error| ExampleError::Write { path: self.out.clone(), error };
        std::fs::write(&self.out, &bytes).map_err(failed)?;
        let (name, size) = (self.out.display(), number::bytes(bytes.len() as u64));
        // Nobody is left to hear that standard output is closed.
        let _ = writeln!(out, "trained a model of handwritten digits in {trained:.1} s");
        let _ = writeln!(out, "proved: {} ({proved:.1} s)", super::says::says(&file));
        let _ = writeln!(out, "wrote {name}, {size}; now run: bitneuron verify {name}");
        Ok(())
    }
}

/// An author with a goal, a trained model and rows of its own.
struct Studio {
    seed: Seed,
    key: Keypair,
    goal: Goal,
    model: Tensor,
    own: Arc<ExactData>,
    metric: Arc<ExactData>,
    question: Tensor,
    library: Arc<Library>,
}

type Failed = Box<dyn Error + Send + Sync>;

impl Studio {
    fn new(seed: Seed) -> Result<Self, Failed> {
        let (train, report) = digits::halves(seed.derive("rows"))?;
        let exact = |data: &Dataset, from: usize, rows: usize| {
            ExactData::from_dataset(&data.select(&(from..from + rows).collect::<Vec<_>>()))
        };
        let own = Arc::new(exact(&train, 0, OWN)?);
        let common = Arc::new(exact(&train, OWN, train.len() - OWN)?);
        let metric = Arc::new(exact(&report, 0, METRIC)?);
        let question = exact(&report, METRIC, 1)?.features().clone();
        let mut library = Library::new();
        let metric_set = library.insert_data(&metric);
        let mlp = Mlp::new(&[64, 16, 10])?;
        let mut model = mlp.init(seed.derive("model")).tensor();
        let goal = Goal {
            name: "example digits".into(),
            net: mlp.into(),
            initial: model.commitment(),
            metric: Metric::Accuracy,
            metric_set,
            drawn: 32,
            training: Training::default(),
            merge: MergeRule::default(),
            max_inputs: 0,
        };
        let key = Keypair::from_seed(seed.derive("key"));
        let mut studio =
            Self { seed, key, goal, model: model.clone(), own, metric, question, library: Arc::new(library) };
        for turn in 0..TURNS {
            let draw = |name: &str| Digest(seed.derive_number(name, turn).0);
            let (public, witness) = studio.turn(&model, &common, draw("batch"), draw("score"));
            model = first(outputs(&public.relation()?, Turn::witness(&witness))?)?;
        }
        studio.model = model;
        Ok(studio)
    }

    fn context(&self, subject: Digest) -> Context {
        let chain = ChainId(Digest::of("bitneuron example chain v1", b""));
        Context { chain, height: Height(1), by: self.key.id(), subject }
    }

    /// A turn that merges nothing, whose results are not known yet.
    fn turn(
        &self,
        before: &Tensor,
        data: &Arc<ExactData>,
        batch_seed: Digest,
        score_seed: Digest,
    ) -> (Turn, TurnWitness) {
        let public = Turn {
            goal: self.goal.clone(),
            before: before.commitment(),
            inputs: Vec::new(),
            data: data.root(),
            batch_seed,
            score_seed,
            after: before.commitment(),
            right_before: 0,
            right_after: 0,
            kept: Vec::new(),
        };
        let witness = TurnWitness {
            before: before.clone(),
            models: Vec::new(),
            data: data.clone(),
            metric_set: self.metric.clone(),
        };
        (public, witness)
    }

    fn training(&self, maker: &Maker) -> Result<ProofFile, Failed> {
        let digest = |name: &str| Digest(self.seed.derive(name).0);
        let (mut public, witness) =
            self.turn(&self.model, &self.own, digest("batch of the example"), digest("score of the example"));
        let [after, right_before, right_after] =
            <[Tensor; 3]>::try_from(outputs(&public.relation()?, Turn::witness(&witness))?)
                .map_err(|_| "a turn has three outputs")?;
        (public.right_before, public.right_after) = (count(&right_before), count(&right_after));
        let context = self.context(self.goal.id().0);
        let commit = |tensors: &[&Tensor], name| maker.commit(tensors, &context, self.seed.derive(name));
        let data = commit(&[self.own.features(), self.own.labels()], "data")?;
        (public.data.features, public.data.labels) = (data[0], data[1]);
        public.before = commit(&[&self.model], "before")?[0];
        public.after = commit(&[&after], "after")?[0];
        let proof = maker.prove::<Turn>(&context, &public, &witness, self.seed.derive("proof"))?;
        let claim = claim::<Turn>(&self.key, context, &public, &proof);
        Ok(ProofFile::new::<Turn>(claim, maker.geometry(), self.library.clone())?)
    }

    fn inference(&self, maker: &Maker) -> Result<ProofFile, Failed> {
        let context = self.context(Digest::of("bitneuron example question v1", b""));
        let mut public = Inference {
            goal: self.goal.clone(),
            model: maker.commit(&[&self.model], &context, self.seed.derive("model of the example"))?[0],
            features: self.question.clone(),
            classes: Tensor::vector(Vec::new()),
            logits: Tensor::vector(Vec::new()),
        };
        let [classes, logits] = <[Tensor; 2]>::try_from(outputs(&public.relation()?, vec![&self.model])?)
            .map_err(|_| "an inference has two outputs")?;
        (public.classes, public.logits) = (classes, logits);
        let proof = maker.prove::<Inference>(&context, &public, &self.model, self.seed.derive("proof"))?;
        let claim = claim::<Inference>(&self.key, context, &public, &proof);
        Ok(ProofFile::new::<Inference>(claim, maker.geometry(), Arc::default())?)
    }
}

fn outputs(relation: &Relation, witness: Vec<&Tensor>) -> Result<Vec<Tensor>, Failed> {
    let inputs = relation.assemble(witness.into_iter().cloned().collect())?;
    Ok(compute(&relation.program, &inputs)?)
}

fn first(tensors: Vec<Tensor>) -> Result<Tensor, Failed> {
    Ok(tensors.into_iter().next().ok_or("a turn has outputs")?)
}

fn count(scalar: &Tensor) -> u32 {
    scalar.data().first().and_then(|count| u32::try_from(*count).ok()).unwrap_or(0)
}
