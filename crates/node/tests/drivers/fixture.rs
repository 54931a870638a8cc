//! A small network: four classes of eight features, four validators, four users.

use bitneuron_compress::Registry;
use bitneuron_core::exact::programs::{Mlp, filter::Filter, merge::MergeRule, step::Training};
use bitneuron_core::exact::{DataRoot, ExactData};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::{Amount, Dataset, Keypair, NodeId, Seed};
use bitneuron_ledger::{Genesis, Params};
use bitneuron_role::plan::{Plan, PlanStart};
use bitneuron_role::{NodeBuilder, User, Validator};
use bitneuron_zk::Library;
use ndarray::Array2;
use std::sync::Arc;
use std::time::Duration;

const SIZES: [u32; 3] = [8, 8, 4];
const NODES: u64 = 4;

/// Rows whose class is the pair of features that is largest, with noise.
fn rows(count: usize, seed: Seed) -> Dataset {
    let labels: Vec<u32> = (0..4).cycle().take(count).collect();
    let noise = |row: usize, column: usize| {
        let cell = u64::try_from(row * 8 + column).expect("small");
        f32::from(seed.derive_number("cell", cell).0[0]) / 512.0
    };
    let features = Array2::from_shape_fn((count, 8), |(row, column)| {
        let own = labels[row] as usize == column / 2;
        noise(row, column) + if own { 0.5 } else { 0.0 }
    });
    Dataset::new(features, labels).expect("one label for each row")
}

fn keys(label: &str, seed: Seed) -> Vec<Keypair> {
    (0..NODES).map(|n| Keypair::from_seed(seed.derive_number(label, n))).collect()
}

/// Everything that a network begins with.
pub(crate) struct Fixture {
    pub(crate) plan: Arc<Plan>,
    library: Arc<Library>,
    validators: Vec<(Keypair, Arc<ExactData>)>,
    users: Vec<(Keypair, Arc<Dataset>)>,
    seed: Seed,
}

impl Fixture {
    /// Blocks every half second.
    pub(crate) fn new(number: u64) -> Self {
        Self::paced(number, Duration::from_millis(500))
    }

    pub(crate) fn paced(number: u64, pace: Duration) -> Self {
        let seed = Seed::from_number(number);
        let data = |label: &str, n: u64, count| rows(count, seed.derive_number(label, n));
        let exact =
            |label: &str, n, count| Arc::new(ExactData::from_dataset(&data(label, n, count)).expect("small"));
        let validators: Vec<_> =
            (0..).zip(keys("validator", seed)).map(|(n, key)| (key, exact("shard", n, 64))).collect();
        let users: Vec<_> =
            (0..).zip(keys("user", seed)).map(|(n, key)| (key, Arc::new(data("rows", n, 32)))).collect();
        let metric = exact("metric", 0, 64);
        let mut library = Library::new();
        let metric_set = library.insert_data(&metric);
        let roots: Vec<DataRoot> = validators.iter().map(|(_, data)| library.insert_data(data)).collect();
        let mlp = Mlp::new(&SIZES).expect("a model");
        let initial = mlp.init(seed.derive("first model"));
        let goal = Goal {
            name: "pairs".into(),
            net: mlp.into(),
            initial: initial.commitment(),
            metric: Metric::Accuracy,
            metric_set,
            drawn: 32,
            training: Training { steps: 2, batch: 8, rate_shift: 2, ..Training::default() },
            merge: MergeRule::Filtered(Filter { ratio: 4, ..Filter::default() }),
            max_inputs: 8,
        };
        let names = validators.iter().map(|(key, _)| key.id());
        let mut accounts: Vec<(NodeId, Amount)> = names
            .clone()
            .chain(users.iter().map(|(key, _)| key.id()))
            .map(|id| (id, Amount::tokens(100_000)))
            .collect();
        accounts.sort_unstable();
        let mut stakes: Vec<_> = names.clone().map(|id| (id, Amount::tokens(20_000))).collect();
        stakes.sort_unstable();
        let mut shards: Vec<_> = names.zip(&roots).map(|(id, root)| (goal.id(), id, *root)).collect();
        shards.sort_unstable();
        let genesis = Genesis {
            name: format!("drivers {number}"),
            time: 0,
            params: Params::devnet(),
            accounts,
            validators: stakes,
            grants: Vec::new(),
            goals: vec![goal.clone()],
            data: shards,
        };
        let plan = Plan::new(PlanStart {
            genesis,
            goal,
            initial,
            metric,
            registry: Arc::new(Registry::standard()),
            rounds: 4,
            pace,
        });
        let plan = Arc::new(plan.expect("a genesis"));
        Self { plan, library: Arc::new(library), validators, users, seed }
    }

    /// New nodes at genesis, the same at every call.
    pub(crate) fn nodes(&self) -> (Vec<Validator>, Vec<User>) {
        let node = NodeBuilder::new(self.plan.clone(), self.library.clone()).expect("a model");
        let validators = self.validators.iter().map(|(key, data)| node.validator(key.clone(), data.clone()));
        let users = (0..).zip(&self.users).map(|(n, (key, data))| {
            let seed = self.seed.derive_number("user", n);
            node.user(key.clone(), data.clone(), seed).expect("a faithful compressor")
        });
        (validators.collect(), users.collect())
    }
}
