//! Own nodes from own parts: four validators as they come, and users of which three differ in one part each.
//!
//! The thrifty user compresses to four bits, the careful one has an update of its own, and the restful one a conduct
//! that offers every second model only. All of it is assembled by hand, from the genesis on, and then lives in virtual
//! time for eight rounds: training, orders, blocks, deliveries, proofs and payments are those of a real network.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example assemble_node
//! ```
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use bitneuron::compress::{Registry, Uniform};
use bitneuron::core::exact::programs::{Mlp, filter::Filter, merge::MergeRule, step::Training};
use bitneuron::core::exact::{ExactData, ExactParams};
use bitneuron::core::goal::{Goal, Metric};
use bitneuron::core::{Amount, Dataset, Keypair, NodeId, Params, Seed};
use bitneuron::learning::{Progress, Sgd, Update, UpdateError, data::SplitRule, partition::iid};
use bitneuron::ledger::{Event, Genesis, Params as Rules};
use bitneuron::role::{Conduct, NodeBuilder, Plan, Report, plan::PlanStart};
use bitneuron::sim::role_node::{Directory, Role, RoleNode};
use bitneuron::sim::{Network, Setting, World};
use bitneuron::zk::Library;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

const VALIDATORS: usize = 4;
const USERS: [&str; 6] = ["default", "default", "default", "thrifty", "careful", "restful"];
const ROUNDS: u64 = 8;

/// Goes only half of the way that descent would.
struct Halfway(Sgd);

impl Update for Halfway {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        let before = params.clone();
        let progress = self.0.update(params, data, round, seed)?;
        let pairs = params.values_mut().iter_mut().zip(before.values());
        pairs.for_each(|(value, before)| *value = f32::midpoint(*value, *before));
        Ok(progress)
    }
}

/// Tells the truth, and offers every second model.
#[derive(Default)]
struct Restful(AtomicBool);

impl Conduct for Restful {
    fn offers(&self, _: &ExactParams) -> bool {
        !self.0.fetch_xor(true, Ordering::Relaxed)
    }
}

/// What was heard of one user.
#[derive(Default)]
struct Line {
    offered: u32,
    right: u32,
    sold: u32,
    bytes: u64,
    earned: Amount,
}

/// All nodes, validators first.
fn assemble(seed: Seed) -> Result<Vec<Role>, Box<dyn Error>> {
    let split = SplitRule::default().split(&bitneuron::sim::digits::all()?, seed)?;
    let keys = |label: &str, count: usize| -> Vec<Keypair> {
        (0..count as u64).map(|n| Keypair::from_seed(seed.derive_number(label, n))).collect()
    };
    let (voters, sellers) = (keys("validator", VALIDATORS), keys("user", USERS.len()));
    let (mlp, metric) = (Mlp::new(&[64, 32, 10])?, Arc::new(ExactData::from_dataset(&split.metric)?));
    let (initial, mut library) = (mlp.init(seed), Library::new());
    let goal = Goal {
        name: "digits".into(),
        net: mlp.into(),
        initial: initial.commitment(),
        metric: Metric::Accuracy,
        metric_set: library.insert_data(&metric),
        drawn: 72,
        training: Training::default(),
        merge: MergeRule::Filtered(Filter { ratio: 4, ..Filter::default() }),
        max_inputs: 64,
    };
    let public = iid(split.public.len(), VALIDATORS, seed)?.nodes;
    let shard = |rows: &Vec<usize>| ExactData::from_dataset(&split.public.select(rows)).map(Arc::new);
    let shards: Vec<Arc<ExactData>> = public.iter().map(shard).collect::<Result<_, _>>()?;
    // The lists of a genesis are in ascending order.
    let hold = |keys: &[Keypair], tokens| -> BTreeMap<NodeId, Amount> {
        keys.iter().map(|key| (key.id(), Amount::tokens(tokens))).collect()
    };
    let mut accounts = hold(&voters, 10_000);
    accounts.extend(hold(&sellers, 1_000));
    let mut data: Vec<_> = voters
        .iter()
        .zip(&shards)
        .map(|(key, shard)| (goal.id(), key.id(), library.insert_data(shard)))
        .collect();
    data.sort_unstable();
    let genesis = Genesis {
        name: "assembled".into(),
        time: 0,
        params: Rules::devnet(),
        accounts: accounts.into_iter().collect(),
        validators: hold(&voters, 20_000).into_iter().collect(),
        grants: vec![],
        goals: vec![goal.clone()],
        data,
    };
    let (registry, pace) = (Arc::new(Registry::standard()), Duration::from_millis(500));
    let plan = Plan::new(PlanStart { genesis, goal, initial, metric, registry, rounds: ROUNDS, pace })?;
    let node = NodeBuilder::new(Arc::new(plan), Arc::new(library))?.bid(NodeBuilder::BID, 2);
    let model = node.model().clone();
    let thrifty = node.clone().compressor(Arc::new(Uniform::new(4)?));
    let careful = node.clone().update(move || Box::new(Halfway(Sgd::new(model.clone(), 0.1, 4))));
    let restful = node.clone().conduct(Arc::new(Restful::default()));
    let validators = voters.into_iter().zip(shards).map(|(key, shard)| node.validator(key, shard).into());
    let rows = iid(split.private.len(), USERS.len(), seed)?.nodes;
    let users = sellers.into_iter().zip(rows).zip(USERS).map(|((key, rows), kind)| {
        let own = seed.derive_number("user role", key.id().0[0].into());
        let builder = match kind {
            "thrifty" => &thrifty,
            "careful" => &careful,
            "restful" => &restful,
            _ => &node,
        };
        builder.user(key, Arc::new(split.private.select(&rows)), own).map(Role::from)
    });
    Ok(validators.map(Ok).chain(users).collect::<Result<_, _>>()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let seed = Seed::from_number(1);
    let roles = assemble(seed)?;
    let names: Vec<NodeId> = roles.iter().map(Role::id).collect();
    let directory = Arc::new(Directory::new(names.clone()));
    let nodes = roles.into_iter().map(|role| RoleNode::new(role, directory.clone())).collect();
    let mut world =
        World::new(Setting { seed, network: Network::default(), churn: None, trace: false }, nodes);
    world.run_for(Duration::from_secs(2 * ROUNDS + 1));

    let mut lines: BTreeMap<NodeId, Line> = BTreeMap::new();
    println!("height  virtual s  deals paid so far  turns of validators: right of drawn rows");
    for (address, node) in world.nodes_mut().iter_mut().enumerate() {
        let mut paid = 0;
        for (at, report) in node.take_reports() {
            let line = lines.entry(names[address]).or_default();
            match report {
                Report::Trained { right, .. } => (line.offered, line.right) = (line.offered + 1, right),
                Report::ModelSent { bytes, .. } => {
                    (line.sold, line.bytes) = (line.sold + 1, line.bytes + bytes);
                }
                // All validators decide the same blocks, so the first one's word is enough.
                Report::Committed { block, events, .. } if address == 0 => {
                    let mut turns = Vec::new();
                    for event in events.iter() {
                        if let Event::DealSettled(deal) = event {
                            let line = lines.entry(deal.seller).or_default();
                            line.earned = line.earned.checked_add(deal.total).unwrap_or(line.earned);
                            paid += 1;
                        } else if let Event::TurnAccepted { right_after, drawn, .. } = event {
                            turns.push(format!("{right_after}/{drawn}"));
                        }
                    }
                    let (height, seconds, turns) =
                        (block.header.height.0, at.0 as f64 / 1e6, turns.join("  "));
                    if !turns.is_empty() {
                        println!("{height:>6}  {seconds:>9.2}  {paid:>17}  {turns}");
                    }
                }
                Report::Offence { by, why } => println!("{by} {why}"),
                Report::Halted { why, .. } => println!("{address} stops: {why}"),
                Report::Refused { why } => println!("{address} refused an input: {why}"),
                Report::Committed { .. } | Report::Proved { .. } => {}
            }
        }
    }
    println!("\nuser     offered  sold  bytes each  earned  right of 144 metric rows at the end");
    for (kind, id) in USERS.iter().zip(&names[VALIDATORS..]) {
        let Line { offered, right, sold, bytes, earned } = lines.remove(id).unwrap_or_default();
        let (each, earned) = (bytes / u64::from(sold.max(1)), earned.to_string());
        println!("{kind:<8} {offered:>7}  {sold:>4}  {each:>10}  {earned:>6}  {right:>35}");
    }
    Ok(())
}
