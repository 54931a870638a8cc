//! A chain with one validator and one user, driven by hand: their timers, their jobs, and everything that they say.

use bitneuron_consensus::LightBlock;
use bitneuron_core::exact::programs::{Mlp, merge::MergeRule, step::Training};
use bitneuron_core::exact::{DataRoot, ExactData, Tensor};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::{Amount, Dataset, Digest, Height, Keypair, Machine, NodeId, Outbox, Seed, Time, decode};
use bitneuron_ledger::{Action, Delivery, Event, Genesis, Params, SignedTx, Tx, key};
use bitneuron_net::Channel;
use bitneuron_role::message::{Notice, Tip};
use bitneuron_role::plan::{Plan, PlanStart};
use bitneuron_role::{Effect, Input, Message, NodeBuilder, Report, User, Validator};
use bitneuron_zk::{Library, Registry, Replay};
use ndarray::Array2;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn key_of(n: u64) -> Keypair {
    Keypair::from_seed(Seed::from_number(n))
}

/// The user's key.
pub(crate) fn seller() -> Keypair {
    key_of(50)
}

/// Somebody without account, stake or head.
pub(crate) fn stranger() -> NodeId {
    key_of(99).id()
}

/// Who holds how many tokens, by name.
fn held(tokens: impl Iterator<Item = (NodeId, u64)>) -> Vec<(NodeId, Amount)> {
    let held: BTreeMap<_, _> = tokens.map(|(id, tokens)| (id, Amount::tokens(tokens))).collect();
    held.into_iter().collect()
}

fn rows(seed: i64) -> ExactData {
    let features = Tensor::new(&[16, 2], (0..32).map(|at| (at * 37 + seed) % 200).collect()).unwrap();
    ExactData::new(features, Tensor::vector((0..16).map(|at| at % 2).collect())).unwrap()
}

pub(crate) struct World {
    pub(crate) plan: Arc<Plan>,
    pub(crate) validator: Validator,
    pub(crate) user: User,
    now: Time,
    timers: BTreeMap<u64, Time>,
    /// What the validator said, beside votes.
    pub(crate) heard: Vec<(NodeId, Message)>,
    /// What the user said.
    pub(crate) said: Vec<(NodeId, Message)>,
    /// Whom they named.
    pub(crate) offenders: Vec<NodeId>,
    /// What happened on the chain.
    pub(crate) events: Vec<Event>,
    /// Where the chain stopped.
    pub(crate) halted: Option<Height>,
    /// The jobs that the validator had done.
    pub(crate) work: Vec<&'static str>,
    /// The jobs that the user had done.
    pub(crate) jobs: Vec<&'static str>,
}

/// The public data of the genesis: the metric set and the validator's rows, with their roots.
fn library(metric: &Arc<ExactData>, data: &Arc<ExactData>) -> (Library, DataRoot, DataRoot) {
    let mut library = Library::new();
    let (metric_set, root) = (library.insert_data(metric), library.insert_data(data));
    (library, metric_set, root)
}

/// Judges claims as every node of this world does.
pub(crate) fn check() -> Registry {
    let (library, ..) = library(&Arc::new(rows(1)), &Arc::new(rows(5)));
    Registry::replaying(&Replay::new(Arc::new(library)))
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(1, |builder| builder)
    }

    /// A genesis with this many validators, of which the first is driven, by nodes with other parts.
    pub(crate) fn of(validators: u64, parts: impl FnOnce(NodeBuilder) -> NodeBuilder) -> Self {
        Self::on(Params::devnet(), validators, parts)
    }

    /// A genesis with these parameters and this many validators, of which the first is driven.
    pub(crate) fn on(
        params: Params,
        validators: u64,
        parts: impl FnOnce(NodeBuilder) -> NodeBuilder,
    ) -> Self {
        let mlp = Mlp::new(&[2, 2]).unwrap();
        let (metric, data) = (Arc::new(rows(1)), Arc::new(rows(5)));
        let (library, metric_set, root) = library(&metric, &data);
        let initial = mlp.init(Seed::from_number(3));
        let goal = Goal {
            name: "small".into(),
            net: mlp.into(),
            initial: initial.commitment(),
            metric: Metric::Accuracy,
            metric_set,
            drawn: 8,
            training: Training { steps: 1, batch: 2, rate_shift: 2, ..Training::default() },
            merge: MergeRule::default(),
            max_inputs: 6,
        };
        let me = key_of(0);
        let genesis = Genesis {
            name: "alone".into(),
            time: 0,
            params,
            accounts: held(
                (0..validators).map(|n| (key_of(n).id(), 100_000)).chain([(seller().id(), 1_000)]),
            ),
            validators: held((0..validators).map(|n| (key_of(n).id(), 20_000))),
            grants: vec![],
            goals: vec![goal.clone()],
            data: vec![(goal.id(), me.id(), root)],
        };
        let registry = Arc::new(bitneuron_compress::Registry::standard());
        let pace = Duration::from_millis(500);
        let start = PlanStart { genesis, goal, initial, metric, registry, rounds: 9, pace };
        let plan = Arc::new(Plan::new(start).unwrap());
        let builder = NodeBuilder::replaying(plan.clone(), &Replay::new(Arc::new(library))).unwrap();
        let builder = parts(builder);
        let features = Array2::from_shape_fn((8, 2), |(row, column)| (row * 2 + column) as f32 / 16.0);
        let own = Dataset::new(features, (0..8).map(|row| row % 2).collect()).unwrap();
        Self {
            validator: builder.validator(me, data),
            user: builder.user(seller(), Arc::new(own), Seed::from_number(4)).unwrap(),
            plan,
            now: Time::ZERO,
            timers: BTreeMap::new(),
            heard: Vec::new(),
            said: Vec::new(),
            offenders: Vec::new(),
            events: Vec::new(),
            halted: None,
            work: Vec::new(),
            jobs: Vec::new(),
        }
    }

    /// One input for the user and all the jobs that follow from it. Its timers never fire by themselves.
    pub(crate) fn tell(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut out = Outbox::new();
            self.user.step(self.now, input, &mut out).unwrap();
            for effect in out {
                match effect {
                    Effect::Work(job) => {
                        self.jobs.push(job.label());
                        inputs.push_back(Input::Done(Box::new(job.run().outcome)));
                    }
                    Effect::Send { to, bytes, .. } => self.said.push((to, decode(&bytes).unwrap())),
                    Effect::Report(Report::Offence { by, .. }) => self.offenders.push(by),
                    _ => {}
                }
            }
        }
    }

    /// What one message says to the user.
    pub(crate) fn whisper(&mut self, from: NodeId, bytes: Vec<u8>) {
        self.tell(Input::Received { from, channel: Channel::REQUEST, bytes: bytes.into() });
    }

    /// Carries everything that the validator said to the user.
    pub(crate) fn carry_to_user(&mut self) {
        let me = self.validator.id();
        for (to, message) in std::mem::take(&mut self.heard) {
            if to == seller().id() {
                self.whisper(me, message.to_bytes().to_vec());
            } else {
                self.heard.push((to, message));
            }
        }
    }

    /// Carries what the user said, as far as it is wanted, to the validator.
    pub(crate) fn carry_to_validator(&mut self, wanted: impl Fn(&Message) -> bool) {
        for (_, message) in std::mem::take(&mut self.said) {
            if wanted(&message) {
                self.say(seller().id(), message.channel(), message.to_bytes().to_vec());
            }
        }
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
                    Effect::Work(job) => {
                        self.work.push(job.label());
                        inputs.push_back(Input::Done(Box::new(job.run().outcome)));
                    }
                    Effect::Timer { id, after } => drop(self.timers.insert(id, self.now.after(after))),
                    Effect::CancelTimer(id) => drop(self.timers.remove(&id)),
                    Effect::Send { to, bytes, channel } if channel != Channel::VOTE => {
                        self.heard.push((to, decode(&bytes).unwrap()));
                    }
                    Effect::Report(Report::Offence { by, .. }) => self.offenders.push(by),
                    Effect::Report(Report::Committed { events, .. }) => {
                        self.events.extend_from_slice(&events);
                    }
                    Effect::Report(Report::Halted { height, .. }) => self.halted = Some(height),
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
        self.run_to(height);
        self.tip().unwrap()
    }

    /// What the stranger heard last.
    pub(crate) fn tip(&self) -> Option<Tip> {
        let mut tips = self.heard.iter().filter_map(|(to, message)| match message {
            Message::Tip(tip) if *to == stranger() => Some(tip.clone()),
            Message::Light(block) if *to == stranger() => {
                Some(Tip { header: block.header.clone(), certificate: block.certificate.clone() })
            }
            _ => None,
        });
        tips.next_back()
    }

    /// Lets timers fire until this height is decided, or nothing more happens.
    pub(crate) fn run_to(&mut self, height: u64) {
        if self.validator.height() == Height(0) {
            self.say(stranger(), Channel::REQUEST, Message::Subscribe.to_bytes().to_vec());
            self.feed(Input::Start);
        }
        for _ in 0..1_000 {
            if self.validator.height().0 >= height {
                break;
            }
            let Some((id, at)) = self.timers.iter().min_by_key(|(_, at)| **at).map(|(id, at)| (*id, *at))
            else {
                break;
            };
            self.timers.remove(&id);
            self.now = self.now.max(at);
            self.feed(Input::Timer(id));
        }
    }

    /// The clock, proved under the last header.
    pub(crate) fn notice(&mut self, height: u64) -> Notice {
        let tip = self.decide(height);
        Notice { tip, entry: self.validator.state().prove(&key::clock()) }
    }

    /// The last header, with its voters.
    pub(crate) fn light_block(&mut self, height: u64) -> LightBlock {
        let Tip { header, certificate } = self.decide(height);
        let epoch = header.height.epoch(self.plan.genesis.params.epoch);
        let voters = self.validator.state().electorate(epoch).unwrap();
        LightBlock { header, certificate, voters: (*voters).clone() }
    }

    pub(crate) fn transfer(&self, by: u64, salt: u64) -> SignedTx {
        let action = Action::Transfer { to: key_of(7).id(), amount: Amount::tokens(1) };
        let key = key_of(by);
        Tx { by: key.id(), expires: Height(9), salt, tip: Amount::ZERO, action }.sign(&key, self.plan.chain)
    }

    /// One message of each kind, none of which the stranger may send with any effect on the ledger.
    pub(crate) fn messages(&mut self) -> Vec<Message> {
        let (notice, block) = (self.notice(2), self.light_block(2));
        let (deal, model) = (Digest([4; 32]), self.plan.initial.to_bytes());
        let delivery = Delivery { deal, packet: Digest([5; 32]) };
        let signed = delivery.sign(&key_of(99), self.plan.chain);
        vec![
            Message::Tip(notice.tip.clone()),
            Message::Light(block),
            Message::Follow { above: Height(0), upto: Height(2) },
            Message::Head { notice: notice.clone(), model: model.clone() },
            Message::Params(notice.clone()),
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
