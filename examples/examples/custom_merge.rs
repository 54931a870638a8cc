//! A merge rule of one's own: written in thirty lines, judged by the laws, then played against attackers.
//!
//! Forty nodes learn to read digits from thirty-six images each. In every turn of Algorithm 3 a node merges what it was
//! sent, trains on its own images and sends its model to ten random nodes. Then once more, while eight nodes send the
//! opposite of their models, four times as strong.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example custom_merge
//! ```
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use bitneuron::compress::{CompressError, Compressor, Dense, Limits};
use bitneuron::core::{Machine, NodeId, Outbox, Seed, Weight};
use bitneuron::learning::data::{Split, SplitRule};
use bitneuron::learning::gossip::{ModelMessage, PacketCodec, validator};
use bitneuron::learning::merge::{Concatenate, FilteredMean, WeightedMean, admit, shares};
use bitneuron::learning::{Contribution, Merge, MergeError, Merged, Model, Sgd};
use bitneuron::learning::{eval::accuracy, model::SoftmaxRegression, partition::iid, suite};
use bitneuron::sim::{Address, Context, Network, Node, Payload, Player, Setting, World, adversary::Tamper};
use std::{error::Error, sync::Arc, time::Duration};

/// The middle of all values, coordinate by coordinate. Every voice is worth the same, so weights do not count.
struct Median;

impl Merge for Median {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        let mut value = own.value.clone();
        let mut column = Vec::with_capacity(peers.len() + 1);
        for (index, middle) in value.values_mut().iter_mut().enumerate() {
            column.clear();
            column.push(*middle);
            column.extend(peers.iter().map(|peer| peer.value.values()[index]));
            column.sort_unstable_by(f32::total_cmp);
            *middle = f32::midpoint(column[(column.len() - 1) / 2], column[column.len() / 2]);
        }
        let age = peers.iter().map(|peer| peer.age).fold(own.age, u64::max);
        let (own, influence) = shares(Weight(1), &vec![Weight(1); peers.len()]);
        Ok(Merged { value, age, own, influence })
    }

    /// A minority cannot push the middle past the honest values: the suite attacks with as many as stated here.
    fn tolerates(&self, peers: usize) -> usize {
        peers / 2
    }
}

const NODES: u32 = 40;
const ATTACKERS: u32 = 8;
const FRIENDS: usize = 10;
const TURNS: u32 = 30;
const PERIOD: Duration = Duration::from_millis(200);

/// No data are sent here, so the own are all there are.
const OWN_DATA: Concatenate =
    Concatenate { per_contributor: 0, rows: 0, classes: 10, range: (0.0, 1.0), key: Seed([0; 32]) };

/// A model on its way.
#[derive(Clone)]
struct Letter(ModelMessage);

impl Payload for Letter {
    fn size(&self) -> usize {
        self.0.packet.len()
    }
}

/// Algorithm 3 in the world: what a node learned it sends to some others.
struct Learner(validator::Validator<Sgd, PacketCodec>);

impl Learner {
    fn feed(&mut self, cx: &mut Context<'_, Letter>, input: validator::Input) {
        let mut out = Outbox::new();
        // A refused input changes nothing, and here nobody wants to hear of it.
        let _ = self.0.step(cx.now(), input, &mut out);
        for effect in out {
            if let validator::Effect::Wait(span) = effect {
                cx.timer(span, 0);
            } else if let validator::Effect::Learned(turn) = effect
                && let Ok(packet) = Dense.compress(self.0.model(), Seed::default())
            {
                let letter = Letter(ModelMessage { age: turn.age, packet });
                let friend = |_| cx.random().below(u64::from(NODES)) as Address;
                let friends: Vec<Address> = (0..FRIENDS).map(friend).collect();
                cx.multicast(friends, &letter);
            }
        }
    }
}

impl Node for Learner {
    type Message = Letter;

    fn start(&mut self, cx: &mut Context<'_, Letter>) {
        self.timer(cx, 0);
    }

    fn message(&mut self, cx: &mut Context<'_, Letter>, from: Address, Letter(message): Letter) {
        self.feed(cx, validator::Input::Model { from: NodeId([from as u8; 32]), weight: Weight(1), message });
    }

    fn timer(&mut self, cx: &mut Context<'_, Letter>, _: u64) {
        self.feed(cx, validator::Input::Wake);
    }
}

/// The mean accuracy of the honest nodes at the end.
fn play(rule: &Arc<dyn Merge>, attackers: u32, digits: &Split) -> Result<f64, Box<dyn Error>> {
    let (seed, model) = (Seed::from_number(1), Arc::new(SoftmaxRegression::new(64, 10)?));
    let (layout, limits) = (model.layout(), Limits::of(model.layout()));
    let rows = iid(digits.private.len(), NODES as usize, seed)?.nodes;
    let learner = |(address, rows): (Address, &Vec<usize>)| {
        let learner = Learner(validator::Validator::new(validator::Start {
            id: NodeId([address as u8; 32]),
            merge_data: Arc::new(OWN_DATA),
            merge_models: rule.clone(),
            update: Sgd::new(model.clone(), 0.3, 8),
            codec: PacketCodec::new(Arc::new(Dense), layout.clone(), limits)?,
            model: model.init(seed),
            data: digits.private.select(rows),
            weight: Weight(1),
            seed: seed.derive_number("node", u64::from(address)),
            period: PERIOD,
            age_lead: u64::MAX,
            waiting: NODES as usize,
        }));
        let layout = layout.clone();
        let oppose = move |_: Address, Letter(message): &mut Letter| {
            let Ok(mut model) = Dense.decompress(&message.packet, &layout, limits) else { return };
            model.values_mut().iter_mut().for_each(|value| *value *= -4.0);
            message.packet = Dense.compress(&model, Seed::default()).unwrap_or(message.packet.clone());
        };
        let attacks = address < attackers;
        Ok(if attacks { Player::with(learner, Tamper(oppose)) } else { Player::honest(learner) })
    };
    let nodes = (0..).zip(&rows).map(learner).collect::<Result<_, CompressError>>()?;
    let setting = Setting { seed, network: Network::default(), churn: None, trace: false };
    let mut world = World::new(setting, nodes);
    world.run_for(PERIOD * TURNS);
    let honest = world.nodes().iter().filter(|node| node.is_honest()).map(|node| node.node().0.model());
    let scores = honest.map(|learned| accuracy(model.as_ref(), learned.values(), &digits.report));
    Ok(scores.sum::<Result<f64, _>>()? / f64::from(NODES - attackers))
}

fn main() -> Result<(), Box<dyn Error>> {
    suite::merge(&Median)?;
    println!("The coordinate median obeys the laws of merging.\n");
    let digits = SplitRule { report: 360, metric: 0, public: 0 }
        .split(&bitneuron::sim::digits::all()?, Seed::from_number(1))?;
    println!("{:<26} {:>8} {:>15}", "accuracy after 30 turns", "honest", "8 of 40 attack");
    let line = |name: &str, rule: Arc<dyn Merge>| -> Result<(), Box<dyn Error>> {
        let (honest, attacked) = (play(&rule, 0, &digits)?, play(&rule, ATTACKERS, &digits)?);
        println!("{name:<26} {honest:>8.3} {attacked:>15.3}");
        Ok(())
    };
    line("weighted mean", Arc::new(WeightedMean))?;
    line("filtered mean (default)", Arc::new(FilteredMean::default()))?;
    line("coordinate median (own)", Arc::new(Median))
}
