//! The cast of a scenario: data, keys, genesis and who plays which part, all from one seed.

use super::baseline::{Examiner, converge};
use super::poison;
use crate::digits;
use crate::scenario::{Codec, Defence, Scenario, ScenarioError};
use bitneuron_compress::auto::Budget;
use bitneuron_compress::{
    Auto, Chain, CompressError, Compressor, Dense, Ecsq, Registry, TensorTrain, TensorTrainMatrix, Ternary,
    Truncation, Uniform, sparse::Density,
};
use bitneuron_core::claim::Demand;
use bitneuron_core::exact::programs::{Net, filter::Filter, merge::MergeRule, step::Training};
use bitneuron_core::exact::{DataRoot, ExactData, ExactParams, ShapeError};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::{Amount, Commitment, Dataset, GoalId, Keypair, NodeId, Seed};
use bitneuron_learning::data::{Split, SplitRule};
use bitneuron_learning::partition::iid;
use bitneuron_ledger::{ContestParams, Genesis, Params};
use bitneuron_market::BasisPoints;
use bitneuron_role::Proofs;
use bitneuron_role::plan::{Plan, PlanStart};
use bitneuron_zk::{Library, Replay};
use rayon::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// What the seed of a first model is derived by.
const FIRST: &str = "first model";
/// Metric rows that a beacon draws to score a turn.
const DRAWN: u32 = 72;
/// Rows of the metric set.
const METRIC_ROWS: usize = 144;
/// Rows that a user sets aside to test candidates.
const TEST_ROWS: usize = 4;
/// A user's least number of rows.
const LEAST_ROWS: usize = 4;

/// Everything that exists before the first event.
pub(crate) struct Cast {
    pub(crate) plan: Arc<Plan>,
    pub(crate) replay: Replay,
    pub(crate) proofs: Proofs,
    pub(crate) validators: Vec<(Keypair, Arc<ExactData>)>,
    pub(crate) users: Vec<(Keypair, Arc<Dataset>)>,
    /// What each user learns from: its rows, or what an attack made of them.
    pub(crate) learned: Vec<Arc<Dataset>>,
    pub(crate) packing: Packing,
    pub(crate) examiner: Examiner,
    /// The validators' rows, which everybody may see.
    pub(crate) public: Dataset,
    /// Rows that no node ever sees.
    pub(crate) report: Dataset,
    /// All training rows together, for the centralised baseline.
    pub(crate) pooled: Dataset,
    pub(crate) label_entropy: f64,
}

fn setting(error: impl std::fmt::Display) -> ScenarioError {
    ScenarioError::Setting(error.to_string())
}

impl Cast {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, ScenarioError> {
        let seed = Seed::from_number(scenario.seed);
        let net = scenario.model.net().map_err(setting)?;
        let rule = SplitRule { metric: METRIC_ROWS, ..SplitRule::default() };
        let split = rule.split(&digits::all().map_err(setting)?, seed.derive("split")).map_err(setting)?;
        let (users, validators) = (scenario.users as usize, scenario.validators as usize);
        let labels = split.private.labels();
        let spread = seed.derive("partition");
        let shares = scenario.rows.spread(labels, users, LEAST_ROWS, spread).map_err(setting)?;
        let label_entropy = shares.mean_label_entropy(labels);
        let shards = iid(split.public.len(), validators, seed.derive("shards")).map_err(setting)?;

        let keys = |label: &str, count: usize| -> Vec<Keypair> {
            (0..count as u64).map(|n| Keypair::from_seed(seed.derive_number(label, n))).collect()
        };
        let validators: Vec<(Keypair, Arc<ExactData>)> = keys("validator", validators)
            .into_iter()
            .zip(&shards.nodes)
            .map(|(key, rows)| Ok((key, Arc::new(ExactData::from_dataset(&split.public.select(rows))?))))
            .collect::<Result<_, _>>()
            .map_err(|error: ShapeError| setting(error))?;
        let users: Vec<(Keypair, Arc<Dataset>)> = keys("user", users)
            .into_iter()
            .zip(&shares.nodes)
            .map(|(key, rows)| (key, Arc::new(split.private.select(rows))))
            .collect();

        let metric = Arc::new(ExactData::from_dataset(&split.metric).map_err(setting)?);
        let mut library = Library::new();
        let metric_set = library.insert_data(&metric);
        let roots: Vec<DataRoot> = validators.iter().map(|(_, data)| library.insert_data(data)).collect();
        let initial = net.init(seed.derive(FIRST));
        let mut goal = goal(&net, initial.commitment(), metric_set, scenario.merge.0);
        if scenario.without == Some(Defence::Filter) {
            goal.merge = MergeRule::Filtered(Filter { ratio: u8::MAX, clamp: u16::MAX });
        }
        let rows: Vec<Arc<Dataset>> = users.iter().map(|(_, rows)| rows.clone()).collect();
        let learned = match &scenario.attack {
            Some(assault) => poison::rows(scenario, assault, &rows, net.outputs())?,
            None => rows,
        };
        let genesis = genesis(scenario, &goal, &validators, &roots, &users);
        let plan = Plan::new(PlanStart {
            genesis,
            goal,
            initial,
            metric,
            registry: Arc::new(Registry::standard()),
            rounds: scenario.rounds,
            pace: Duration::from_millis(500),
        })
        .map_err(setting)?;
        let replay = Replay::new(Arc::new(library));
        Ok(Self {
            proofs: scenario.prover.assemble(&replay, &plan.genesis.params).map_err(setting)?,
            replay,
            plan: Arc::new(plan),
            validators,
            users,
            learned,
            packing: packing(&scenario.compressor)?,
            examiner: Examiner::new(&net, &split.report).map_err(setting)?,
            pooled: pooled(&split)?,
            public: split.public,
            report: split.report,
            label_entropy,
        })
    }
}

fn goal(net: &Net, initial: Commitment, metric_set: DataRoot, merge: MergeRule) -> Goal {
    Goal {
        name: "digits".into(),
        net: net.clone(),
        initial,
        metric: Metric::Accuracy,
        metric_set,
        drawn: DRAWN,
        training: Training::default(),
        merge,
        max_inputs: 64,
    }
}

/// How users pack what they sell.
pub(crate) enum Packing {
    Models(Arc<dyn Compressor>),
    Differences(Arc<dyn Compressor>),
}

fn packing(codec: &Codec) -> Result<Packing, ScenarioError> {
    Ok(match codec {
        Codec::Difference(codec) => Packing::Differences(compressor(codec)?),
        codec => Packing::Models(compressor(codec)?),
    })
}

fn compressor(codec: &Codec) -> Result<Arc<dyn Compressor>, ScenarioError> {
    let share = |thousandths: u16| f64::from(thousandths) / 1000.0;
    let made = || -> Result<Arc<dyn Compressor>, CompressError> {
        Ok(match *codec {
            Codec::Dense => Arc::new(Dense),
            Codec::Uniform(bits) => Arc::new(Uniform::new(bits)?),
            Codec::TensorTrain(error) => {
                Arc::new(Chain::new(TensorTrain::tolerance(share(error))?, Uniform::default())?)
            }
            Codec::MatrixTrain(error) => {
                let train = TensorTrainMatrix::new(Truncation::Tolerance(share(error)))?;
                Arc::new(Chain::new(train, Uniform::default())?)
            }
            Codec::EntropyCoded(error) => Arc::new(Ecsq::relative_error(share(error))?),
            Codec::Auto(error) => Arc::new(Auto::standard(Budget::Error(share(error)))?),
            Codec::Ternary(one_in) => Arc::new(Ternary::new(Density::new(1, one_in.into())?)),
            Codec::Difference(_) => return Err(CompressError::Config("the difference of a difference")),
        })
    };
    made().map_err(setting)
}

/// How many rows a user with these sets aside: none when too few would be left.
pub(super) fn set_aside(data: &Dataset) -> usize {
    if data.len() >= LEAST_ROWS + TEST_ROWS { TEST_ROWS } else { 0 }
}

/// Contests that as many users can test as there are: a quarter of them is called, in threes.
fn contest(users: u32) -> ContestParams {
    let called = (users / 12 * 3).clamp(3, 15);
    let spare = called / 6;
    ContestParams { rows: TEST_ROWS as u32, called, spare, live: called + spare, ..Params::devnet().contest }
}

/// The public and the private rows in one data set.
fn pooled(split: &Split) -> Result<Dataset, ScenarioError> {
    let features = [split.public.features().view(), split.private.features().view()];
    let features = ndarray::concatenate(ndarray::Axis(0), &features).map_err(setting)?;
    let labels = split.public.labels().iter().chain(split.private.labels()).copied().collect();
    Dataset::new(features, labels).map_err(setting)
}

/// What each user and validator begins with, and the validators' unequal stakes.
fn genesis(
    scenario: &Scenario,
    goal: &Goal,
    validators: &[(Keypair, Arc<ExactData>)],
    roots: &[DataRoot],
    users: &[(Keypair, Arc<Dataset>)],
) -> Genesis {
    let mut accounts: Vec<(NodeId, Amount)> = users
        .iter()
        .map(|(key, _)| (key.id(), Amount::tokens(1_000)))
        .chain(validators.iter().map(|(key, _)| (key.id(), Amount::tokens(100_000))))
        .collect();
    accounts.sort_unstable();
    let stake = |index: usize| Amount::tokens(20_000 + 2_000 * (index as u64 % 5));
    let mut stakes: Vec<(NodeId, Amount)> =
        validators.iter().enumerate().map(|(index, (key, _))| (key.id(), stake(index))).collect();
    stakes.sort_unstable();
    let id = goal.id();
    let mut data: Vec<(GoalId, NodeId, DataRoot)> =
        validators.iter().zip(roots).map(|((key, _), root)| (id, key.id(), *root)).collect();
    data.sort_unstable();
    let mut params = Params { contest: contest(scenario.users), ..Params::devnet() };
    if scenario.without == Some(Defence::Audits) {
        params.audits.sampled = BasisPoints(0);
    }
    if let Some(system) = scenario.escalate {
        params.audits.demand = Demand::Proof(system.backend().0);
    }
    Genesis {
        name: format!("devnet {}", scenario.seed),
        time: 0,
        params,
        accounts,
        validators: stakes,
        grants: Vec::new(),
        goals: vec![goal.clone()],
        data,
    }
}

impl Cast {
    /// The accuracy of the same integer model trained on all training rows in one place.
    pub(crate) fn centralised(&self) -> Result<f64, ScenarioError> {
        self.converged(&self.plan.goal.net, &self.plan.initial, &self.examiner)
    }

    /// The accuracy of a net of the same widths with whole matrices, likewise; none where they are whole anyway.
    pub(crate) fn whole_centralised(&self) -> Result<Option<f64>, ScenarioError> {
        let net = &self.plan.goal.net;
        if !net.is_factorised() {
            return Ok(None);
        }
        let whole = net.whole().map_err(setting)?;
        let initial = whole.init(Seed(self.plan.chain.0.0).derive(FIRST));
        self.converged(&whole, &initial, &self.examiner.of(&whole)).map(Some)
    }

    fn converged(&self, net: &Net, start: &ExactParams, examiner: &Examiner) -> Result<f64, ScenarioError> {
        let seed = Seed(self.plan.chain.0.0).derive("centralised");
        Ok(examiner.score(&converge(net, start, &self.pooled, seed).map_err(setting)?))
    }

    /// The mean accuracy of users that train alone on their own rows.
    pub(crate) fn local_only(&self) -> Result<f64, ScenarioError> {
        let net = &self.plan.goal.net;
        let alone = self.users.par_iter().map(|(key, data)| {
            let seed = Seed(key.id().0).derive("alone");
            let model = converge(net, &self.plan.initial, data, seed).map_err(setting)?;
            Ok(self.examiner.score(&model))
        });
        // Collected first: a sum has its bits from its order.
        let scores = alone.collect::<Result<Vec<f64>, ScenarioError>>()?;
        Ok(scores.iter().sum::<f64>() / self.users.len().max(1) as f64)
    }
}
