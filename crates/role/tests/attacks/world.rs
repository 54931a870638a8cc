//! A chain with one validator, driven by hand: its timers, its jobs, and everything that it says.

use bitneuron_core::exact::programs::{Mlp, merge::MergeRule, step::Training};
use bitneuron_core::exact::{ExactData, Tensor};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::{Amount, Digest, Epoch, Height, Keypair, Machine, NodeId, Outbox, Seed, Time, decode};
use bitneuron_ledger::{Action, Delivery, Genesis, Params, SignedTx, Tx, key};
use bitneuron_net::Channel;
use bitneuron_role::message::{Notice, Tip};
use bitneuron_role::plan::{Plan, PlanStart};
use bitneuron_role::{Effect, Input, Message, NodeBuilder, Report, Validator};
use bitneuron_zk::{Library, Replay};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn key_of(n: u64) -> Keypair {
    Keypair::from_seed(Seed::from_number(n))
}

/// Somebody without account, stake or head.
pub(crate) fn stranger() -> NodeId {
    key_of(99).id()
}

fn rows(seed: i64) -> ExactData {
    let features = Tensor::new(&[16, 2], (0..32).map(|at| (at * 37 + seed) % 200).collect()).unwrap();
    ExactData::new(features, Tensor::vector((0..16).map(|at| at % 2).collect())).unwrap()
}

pub(crate) struct World {
    pub(crate) plan: Arc<Plan>,
    pub(crate) validator: Validator,
    now: Time,
    timers: BTreeMap<u64, Time>,
    pub(crate) heard: Vec<(NodeId, Message)>,
    pub(crate) offenders: Vec<NodeId>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mlp = Mlp::new(&[2, 2]).unwrap();
        let (metric, data) = (Arc::new(rows(1)), Arc::new(rows(5)));
        let mut library = Library::new();
        let (metric_set, root) = (library.insert_data(&metric), library.insert_data(&data));
        let initial = mlp.init(Seed::from_number(3));
        let goal = Goal {
            name: "small".into(),
            mlp,
            initial: initial.commitment(),
            metric: Metric::Accuracy,
            metric_set,
            drawn: 8,
            training: Training { steps: 1, batch: 2, rate_shift: 2 },
            merge: MergeRule::default(),
            max_inputs: 6,
        };
        let me = key_of(0);
        let genesis = Genesis {
            name: "alone".into(),
            time: 0,
            params: Params::devnet(),
            accounts: vec![(me.id(), Amount::tokens(100_000))],
            validators: vec![(me.id(), Amount::tokens(20_000))],
            goals: vec![goal.clone()],
            data: vec![(goal.id(), me.id(), root)],
        };
        let registry = Arc::new(bitneuron_compress::Registry::standard());
        let pace = Duration::from_millis(500);
        let start = PlanStart { genesis, goal, initial, metric, registry, rounds: 9, pace };
        let plan = Arc::new(Plan::new(start).unwrap());
        let builder = NodeBuilder::replaying(plan.clone(), &Replay::new(Arc::new(library))).unwrap();
        let validator = builder.validator(me, data);
        let (heard, offenders) = (Vec::new(), Vec::new());
        Self { plan, validator, now: Time::ZERO, timers: BTreeMap::new(), heard, offenders }
    }

    /// One input and all the jobs that follow from it.
    pub(crate) fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut out = Outbox::new();
            // Refusals are errors, and an error says nothing.
            let refused = self.validator.step(self.now, input, &mut out).is_err();
            let effects: Vec<Effect> = out.into_iter().collect();
            assert!(!refused || effects.is_empty());
            for effect in effects {
                match effect {
                    Effect::Work(job) => inputs.push_back(Input::Done(Box::new(job.run().outcome))),
                    Effect::Timer { id, after } => drop(self.timers.insert(id, self.now.after(after))),
                    Effect::CancelTimer(id) => drop(self.timers.remove(&id)),
                    Effect::Send { to, bytes, channel } if channel != Channel::VOTE => {
                        self.heard.push((to, decode(&bytes).unwrap()));
                    }
                    Effect::Report(Report::Offence { by, .. }) => self.offenders.push(by),
                    Effect::Send { .. } | Effect::Persist(_) | Effect::Report(_) => {}
                }
            }
        }
    }

    pub(crate) fn say(&mut self, from: NodeId, channel: Channel, bytes: Vec<u8>) {
        self.feed(Input::Received { from, channel, bytes: bytes.into() });
    }

    /// Decides blocks up to this height; the stranger listens. Gives the tip.
    pub(crate) fn decide(&mut self, height: u64) -> Tip {
        if self.validator.height() == Height(0) {
            self.say(stranger(), Channel::REQUEST, Message::Subscribe.to_bytes().to_vec());
            self.feed(Input::Start);
        }
        for _ in 0..1_000 {
            if self.validator.height().0 >= height {
                break;
            }
            let (id, at) = self.timers.iter().min_by_key(|(_, at)| **at).map(|(id, at)| (*id, *at)).unwrap();
            self.timers.remove(&id);
            self.now = self.now.max(at);
            self.feed(Input::Timer(id));
        }
        let mut tips = self.heard.iter().filter_map(|(to, message)| match message {
            Message::Tip(tip) if *to == stranger() => Some(tip.clone()),
            _ => None,
        });
        tips.next_back().unwrap()
    }

    /// The electorate of the second epoch, proved under the last header.
    pub(crate) fn notice(&mut self, height: u64) -> Notice {
        let tip = self.decide(height);
        Notice { tip, entry: self.validator.state().prove(&key::electorate(Epoch(1))).unwrap() }
    }

    pub(crate) fn transfer(&self, by: u64, salt: u64) -> SignedTx {
        let action = Action::Transfer { to: key_of(7).id(), amount: Amount::tokens(1) };
        let key = key_of(by);
        Tx { by: key.id(), expires: Height(9), salt, action }.sign(&key, self.plan.chain)
    }

    /// One message of each kind, none of which the stranger may send with any effect on the ledger.
    pub(crate) fn messages(&mut self) -> Vec<Message> {
        let notice = self.notice(2);
        let (deal, model) = (Digest([4; 32]), bitneuron_role::model::pack_model(&self.plan.initial));
        let delivery = Delivery { deal, packet: Digest([5; 32]) };
        let signed = delivery.sign(&key_of(99), self.plan.chain);
        vec![
            Message::Tip(notice.tip.clone()),
            Message::Epoch(notice.clone()),
            Message::Head { notice: notice.clone(), model: model.clone() },
            Message::Matched { deal, notice: notice.clone() },
            Message::Unconfirmed { deal, notice },
            Message::Model { commitment: self.plan.goal.initial, model: model.clone() },
            Message::Delivery { signed, packet: model },
            Message::Transaction(self.transfer(99, 1)),
            Message::Ask(self.plan.goal.id()),
            Message::Subscribe,
        ]
    }
}
