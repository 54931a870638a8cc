//! Gossip learning (Algorithm 1) of any model among any number of nodes, measured round by round.
//!
//! ```text
//! round r        one period Δ_g: every node wakes once, at an offset of its own
//! select()       one of a node's `neighbours` random out-neighbours, uniformly
//! accuracy       of `judged` random nodes at the end of a round, on rows that no node ever sees
//! bytes          packets as they were sent, those that got lost included, plus 8 bytes for the age
//! ```
//!
//! The nodes are [`Peer`] machines in a [`World`], driven like every other machine; nothing here knows how a peer works.
//! The default is the set-up that gossip simulators are compared by: 100 nodes, 20 out-neighbours, a delay between 0 and
//! a tenth of the period, no loss, plain averages, one epoch of batches of 8 at rate ½ after each merge.
//!
//! No clock stands in here; who wants to know the cost takes the time around [`GossipLab::run`].
//!
//! ```
//! use bitneuron_core::Seed;
//! use bitneuron_learning::{data::Table, model::SoftmaxRegression};
//! use bitneuron_sim::lab::GossipLab;
//! use std::sync::Arc;
//!
//! // The class says which of two numbers is larger.
//! let table = Table { features: 2, classes: 2, full_scale: 60, rows: 100 };
//! let line = |i: u32| ((7 * i) % 61, (13 * i) % 61);
//! let text = |from| (from..from + 60).map(line).map(|(a, b)| format!("{a},{b},{}\n", u32::from(b > a))).collect::<String>();
//! let (train, test) = (table.parse(&text(1))?, table.parse(&text(100))?);
//!
//! let model = Arc::new(SoftmaxRegression::new(2, 2)?);
//! let lab = GossipLab { nodes: 12, neighbours: 4, rounds: 20, ..GossipLab::new(model) };
//! let report = lab.run(&train, &test, Seed::from_number(1))?;
//! assert!(report.accuracy() > 0.8, "{}", report.accuracy());
//! assert_eq!(report.messages(), 12 * 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::rows::Rows;

use crate::{
    Address, Bridge, Churn, Context, Latency, Link, MachineNode, Network, Payload, Setting, Stream, Tally,
    World,
};
use bitneuron_compress::{CompressError, Compressor, Dense, Limits};
use bitneuron_core::{Dataset, Digest, NodeId, Seed, Time, hash::Hasher};
use bitneuron_learning::{
    Merge, Model, ModelError, Sgd, UpdateError,
    baseline::centralised,
    eval::{Spread, accuracy},
    gossip::{GossipError, ModelMessage, PacketCodec, Peer, peer},
    merge::WeightedMean,
    optim::Measure,
    partition::PartitionError,
};
use rand::seq::index::sample;
use std::{fmt, sync::Arc, time::Duration};
use thiserror::Error;

/// A set-up of Algorithm 1.
#[derive(Clone)]
pub struct GossipLab {
    /// How many nodes; one is allowed, and learns nothing.
    pub nodes: u32,
    /// How many periods are played.
    pub rounds: u64,
    /// Who holds which rows.
    pub rows: Rows,
    /// Out-neighbours of each node, drawn without repetition; all others where there are fewer.
    pub neighbours: u32,
    /// `Δ_g`.
    pub period: Duration,
    /// Delay, loss and duplicates.
    pub link: Link,
    /// Comings and goings.
    pub churn: Option<Churn>,
    /// Line 8, and with it the model.
    pub update: Sgd,
    /// Line 7.
    pub merge: Arc<dyn Merge>,
    /// `compress` of line 5.
    pub compressor: Arc<dyn Compressor>,
    /// How many updates more than one's own are believed of a foreign model.
    pub age_lead: u64,
    /// How many nodes are judged at the end of a round, drawn without repetition.
    pub judged: u32,
    /// Whether the report carries the hash of all that happened.
    pub trace: bool,
}

impl fmt::Debug for GossipLab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GossipLab")
            .field("nodes", &self.nodes)
            .field("rounds", &self.rounds)
            .field("rows", &self.rows)
            .field("neighbours", &self.neighbours)
            .field("period", &self.period)
            .field("link", &self.link)
            .field("churn", &self.churn)
            .field("update", &self.update)
            .field("compressor", &self.compressor.codec())
            .finish_non_exhaustive()
    }
}

/// Why a lab could not be played.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// A setting that makes no network.
    #[error("{0} must be positive")]
    Setting(&'static str),
    /// The rows cannot be spread as asked.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// The data do not fit the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The data cannot be learned from.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// The compressor loses too much of a model.
    #[error(transparent)]
    Codec(#[from] CompressError),
    /// A peer refused its own turn.
    #[error("node {node}: {why}")]
    Peer {
        /// Which node.
        node: Address,
        /// Why.
        why: GossipError,
    },
}

/// The state at the end of a round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabRound {
    /// Its number, from 1.
    pub round: u64,
    /// The worst, mean and best accuracy of the judged nodes.
    pub accuracy: Spread,
    /// Messages sent so far.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct LabReport {
    /// One entry for each round.
    pub rounds: Vec<LabRound>,
    /// What became of all messages.
    pub tally: Tally,
    /// Packets that could not be used.
    pub offences: u64,
    /// The mean entropy of the labels that a node holds, in bits.
    pub label_entropy: f64,
    /// The hash over every event, if asked for.
    pub trace: Option<Digest>,
}

impl LabReport {
    /// The mean accuracy of the nodes judged last; zero of no rounds.
    pub fn accuracy(&self) -> f64 {
        self.rounds.last().map_or(0.0, |last| last.accuracy.mean)
    }

    /// All messages sent.
    pub fn messages(&self) -> u64 {
        self.rounds.last().map_or(0, |last| last.messages)
    }

    /// Their bytes.
    pub fn bytes(&self) -> u64 {
        self.rounds.last().map_or(0, |last| last.bytes)
    }
}

impl GossipLab {
    /// The default set-up around a model.
    pub fn new(model: Arc<dyn Model>) -> Self {
        let tenth = Latency::Uniform { least: Duration::ZERO, most: Duration::from_millis(10) };
        Self {
            nodes: 100,
            rounds: 50,
            rows: Rows::Iid,
            neighbours: 20,
            period: Duration::from_millis(100),
            link: Link::new(tenth),
            churn: None,
            // Nobody reads the losses, so no pass over the data is spent on them.
            update: Sgd::new(model, 0.5, 8).with_measure(Measure::Running),
            merge: Arc::new(WeightedMean),
            compressor: Arc::new(Dense),
            age_lead: u64::MAX,
            judged: 10,
            trace: false,
        }
    }

    /// Plays all rounds: nodes learn from `train` and are judged on `test`. The same seed gives the same report.
    ///
    /// # Errors
    /// A setting of zero, rows that cannot be spread, or data that do not fit the model.
    pub fn run(&self, train: &Dataset, test: &Dataset, seed: Seed) -> Result<LabReport, LabError> {
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        for (what, value) in [("nodes", u64::from(self.nodes)), ("period", period)] {
            if value == 0 {
                return Err(LabError::Setting(what));
            }
        }
        let (shards, label_entropy) = self.spread(train, seed)?;
        let network = Network { link: self.link, ..Network::default() };
        let setting = Setting { seed, network, churn: self.churn.clone(), trace: self.trace };
        let mut world = World::new(setting, self.peers(&shards, period, seed)?);
        let mut rounds = Vec::new();
        for round in 1..=self.rounds {
            // A wake at the very end belongs to the next round.
            world.run_until(Time(period.saturating_mul(round) - 1));
            rounds.push(self.judge(&world, test, round, seed)?);
        }
        let (tally, trace) = (world.tally(), world.trace());
        let mut offences = 0;
        for (node, peer) in (0..).zip(world.nodes_mut()) {
            let wiring = peer.bridge_mut();
            offences += wiring.offences;
            if let Some(why) = wiring.refused.take() {
                return Err(LabError::Peer { node, why: *why });
            }
        }
        Ok(LabReport { rounds, tally, offences, label_entropy, trace })
    }

    /// The accuracy that the same update reaches on all rows in one place, after so many passes: the ceiling.
    ///
    /// # Errors
    /// Data that do not fit the model.
    pub fn ceiling(&self, train: &Dataset, test: &Dataset, passes: u64, seed: Seed) -> Result<f64, LabError> {
        let model = &self.update.model;
        let start = model.init(seed.derive("init"));
        let seed = seed.derive("ceiling");
        let (params, _) = centralised(&mut self.update.clone(), &start, train, passes, seed)?;
        Ok(accuracy(model.as_ref(), params.values(), test)?)
    }

    /// The rows of each node, repeated where there are more nodes than rows; and the mean entropy of their labels.
    fn spread(&self, train: &Dataset, seed: Seed) -> Result<(Vec<Arc<Dataset>>, f64), LabError> {
        let (labels, nodes) = (train.labels(), self.nodes as usize);
        let partition = self.rows.spread(labels, nodes, 1, seed)?;
        let shards = partition.nodes.iter().map(|rows| Arc::new(train.select(rows))).collect();
        Ok((shards, partition.mean_label_entropy(labels)))
    }

    /// All nodes at line 1, with the same first parameters.
    fn peers(
        &self,
        shards: &[Arc<Dataset>],
        period: u64,
        seed: Seed,
    ) -> Result<Vec<MachineNode<Wiring>>, CompressError> {
        let model = &self.update.model;
        let (merge, period_span) = (Arc::clone(&self.merge), Duration::from_micros(period));
        let rules = Arc::new(peer::Rules { merge, period: period_span, age_lead: self.age_lead });
        let first = model.init(seed.derive("init"));
        let limits = Limits::of(model.layout());
        let peer = |(node, data): (Address, &Arc<Dataset>)| {
            let codec = PacketCodec::new(Arc::clone(&self.compressor), Arc::clone(model.layout()), limits)?;
            let start = peer::Start {
                id: name(node),
                update: self.update.clone(),
                codec,
                model: first.clone(),
                data: Arc::clone(data),
                seed: seed.derive_number("peer", u64::from(node)),
            };
            Ok(MachineNode::new(Peer::new(Arc::clone(&rules), start), self.wiring(node, period, seed)))
        };
        (0..self.nodes).zip(shards.iter().cycle()).map(peer).collect()
    }

    fn wiring(&self, node: Address, period: u64, seed: Seed) -> Wiring {
        let mut stream = Stream::new(&seed, "neighbours", u64::from(node));
        let others = self.nodes.saturating_sub(1);
        let neighbours = sample(&mut stream, others as usize, others.min(self.neighbours) as usize)
            .into_iter()
            .map(|other| other as Address)
            // Everybody but oneself.
            .map(|other| if other < node { other } else { other + 1 })
            .collect();
        Wiring { neighbours, period, offences: 0, refused: None }
    }

    /// Scores some nodes.
    fn judge(
        &self,
        world: &World<MachineNode<Wiring>>,
        test: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<LabRound, LabError> {
        let mut stream = Stream::new(&seed, "judged", round);
        let model = self.update.model.as_ref();
        let judged = sample(&mut stream, self.nodes as usize, self.nodes.min(self.judged) as usize);
        let figures = judged
            .into_iter()
            .filter_map(|node| world.nodes().get(node))
            .map(|node| accuracy(model, node.machine().model().values(), test))
            .collect::<Result<Vec<f64>, _>>()?;
        let accuracy = Spread::of(figures).unwrap_or(Spread { worst: 0.0, mean: 0.0, best: 0.0 });
        let meters = (0..self.nodes).map(|node| world.meter(node));
        let (messages, bytes) = meters.fold((0, 0), |(messages, bytes), meter| {
            (messages + meter.sent_messages, bytes + meter.sent_bytes)
        });
        Ok(LabRound { round, accuracy, messages, bytes })
    }
}

/// Nobody signs in the lab, so a node's name just carries its address; names are in the order of addresses.
fn name(address: Address) -> NodeId {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&address.to_be_bytes());
    NodeId(id)
}

/// The inverse of [`name`].
const fn address(NodeId([a, b, c, d, ..]): NodeId) -> Address {
    Address::from_be_bytes([a, b, c, d])
}

/// A model on its way.
#[derive(Debug, Clone)]
struct ModelLetter(ModelMessage);

impl Payload for ModelLetter {
    fn size(&self) -> usize {
        self.0.packet.len() + size_of::<u64>()
    }

    fn digest(&self) -> Digest {
        let packet = self.0.packet.digest();
        Hasher::new("bitneuron lab letter v1").number(self.0.age).update(&packet.0).finish()
    }
}

/// Joins a peer to the world: timers for waits, out-neighbours for `select()`.
#[derive(Debug)]
struct Wiring {
    neighbours: Box<[Address]>,
    /// Microseconds.
    period: u64,
    offences: u64,
    /// The first refusal; a peer in the lab has no reason for one.
    refused: Option<Box<GossipError>>,
}

impl Bridge for Wiring {
    type Machine = Peer<Sgd, PacketCodec>;
    type Message = ModelLetter;

    fn start(&mut self, cx: &mut Context<'_, ModelLetter>) -> Option<peer::Input> {
        let offset = cx.random().below(self.period);
        cx.timer(Duration::from_micros(offset), 0);
        None
    }

    fn message(
        &mut self,
        _: &mut Context<'_, ModelLetter>,
        from: Address,
        ModelLetter(message): ModelLetter,
    ) -> Option<peer::Input> {
        Some(peer::Input::Received { from: name(from), message })
    }

    fn timer(&mut self, _: &mut Context<'_, ModelLetter>, _: u64) -> Option<peer::Input> {
        Some(peer::Input::Wake)
    }

    fn effect(&mut self, cx: &mut Context<'_, ModelLetter>, effect: peer::Effect) -> Option<peer::Input> {
        match effect {
            peer::Effect::Select => {
                let drawn = cx.random().below(self.neighbours.len() as u64) as usize;
                return self.neighbours.get(drawn).map(|peer| peer::Input::Selected(name(*peer)));
            }
            peer::Effect::Send { to, message } => cx.send(address(to), ModelLetter(message)),
            peer::Effect::Wait(span) => cx.timer(span, 0),
            peer::Effect::Learned { .. } => {}
            peer::Effect::Offence { .. } => self.offences += 1,
        }
        None
    }

    fn refused(&mut self, _: &mut Context<'_, ModelLetter>, error: GossipError) {
        self.refused.get_or_insert_with(|| Box::new(error));
    }
}
