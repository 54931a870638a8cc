//! Gossip learning (Algorithm 1) of any model among any number of nodes, measured round by round.
//!
//! ```text
//! round r        one period Δ_g: every node wakes once, at an offset of its own
//! select()       one of a node's neighbours in the graph, uniformly
//! accuracy       of `judged` random nodes at the end of a round, on rows that no node ever sees
//! bytes          packets as they were sent, those that got lost included, plus 8 bytes for the age; a question is 1 byte
//! ```
//!
//! The nodes are [`Peer`] machines in a [`World`], driven like every other machine; nothing here knows how a peer works.
//! The default is the set-up that gossip simulators are compared by: 100 nodes on a random regular graph of degree 20, a delay
//! between 0 and a tenth of the period, no loss, plain averages, one epoch of batches of 8 at rate ½ after each merge.
//! [`Manner`] changes how nodes talk, [`Topology`] who knows whom, and a [`NodeWrapper`] who lies.
//!
//! No clock stands in here; who wants to know the cost takes the time around [`GossipLab::run`].
//!
//! ```
//! use bitneuron_core::Seed;
//! use bitneuron_learning::{data::Table, model::SoftmaxRegression};
//! use bitneuron_sim::lab::{GossipLab, Topology};
//! use std::sync::Arc;
//!
//! // The class says which of two numbers is larger.
//! let table = Table { features: 2, classes: 2, full_scale: 60, rows: 100 };
//! let line = |i: u32| ((7 * i) % 61, (13 * i) % 61);
//! let text = |from| (from..from + 60).map(line).map(|(a, b)| format!("{a},{b},{}\n", u32::from(b > a))).collect::<String>();
//! let (train, test) = (table.parse(&text(1))?, table.parse(&text(100))?);
//!
//! let model = Arc::new(SoftmaxRegression::new(2, 2)?);
//! let lab = GossipLab { nodes: 12, topology: Topology::RandomRegular(4), rounds: 60, ..GossipLab::new(model) };
//! let report = lab.run(&train, &test, Seed::from_number(1))?;
//! assert!(report.accuracy() > 0.75, "{}", report.accuracy());
//! assert_eq!(report.messages(), 12 * 60);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod choco;
mod federated;
mod parting;
mod peers;
mod report;
mod sampling;
mod wiring;
mod wrapper;

pub use federated::Answer;
pub use parting::Parting;
pub use report::{Ceiling, LabError, LabReport, LabRound};
pub use sampling::{Sampling, Teller};
pub use wrapper::{Cast, NodeWrapper};

use super::{Graph, Rows, Topology};
use crate::{Address, Churn, Latency, Link, Network, Node, Setting, Stream, World};
use bitneuron_compress::{Compressor, Dense};
use bitneuron_core::{Dataset, Params, Seed, Time};
use bitneuron_learning::{
    Merge, Model, Sgd, Update,
    baseline::centralised,
    eval::{Spread, accuracy},
    gossip::{GossipError, Manner},
    merge::WeightedMean,
    optim::Measure,
};
use rand::seq::index::sample;
use std::{fmt, sync::Arc, time::Duration};

/// Makes the rule that a node trains by.
pub type MakeUpdate = Arc<dyn Fn() -> Box<dyn Update> + Send + Sync>;

/// A set-up of Algorithm 1.
#[derive(Clone)]
pub struct GossipLab {
    /// How many nodes; one is allowed, and trains alone.
    pub nodes: u32,
    /// How many periods are played.
    pub rounds: u64,
    /// Who holds which rows.
    pub rows: Rows,
    /// Who knows whom.
    pub topology: Topology,
    /// Where partners come from.
    pub sampling: Sampling,
    /// How nodes talk.
    pub manner: Manner,
    /// Whether messages carry whole models, which is `None`, or parts of them.
    pub parting: Option<Parting>,
    /// `Δ_g`.
    pub period: Duration,
    /// How many times longer the longest period of a node is than the shortest; periods are spread evenly between on a scale of
    /// ratios, around `period`. 1 for equal ones.
    pub spread: f64,
    /// Delay, loss and duplicates.
    pub link: Link,
    /// Bytes that each node can send in a second; `None` for any number.
    pub uplink: Option<u64>,
    /// Comings and goings.
    pub churn: Option<Churn>,
    /// What is trained.
    pub model: Arc<dyn Model>,
    /// Line 8.
    pub update: MakeUpdate,
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
    /// Whether the report says what a centre would reach with the same rows and updates: it costs two more trainings.
    pub ceilings: bool,
    /// Who lies.
    pub wrapper: Option<Arc<dyn NodeWrapper>>,
}

impl fmt::Debug for GossipLab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GossipLab")
            .field("nodes", &self.nodes)
            .field("rounds", &self.rounds)
            .field("rows", &self.rows)
            .field("topology", &self.topology)
            .field("sampling", &self.sampling)
            .field("manner", &self.manner)
            .field("parting", &self.parting)
            .field("period", &self.period)
            .field("spread", &self.spread)
            .field("link", &self.link)
            .field("uplink", &self.uplink)
            .field("churn", &self.churn)
            .field("compressor", &self.compressor.codec())
            .field("wrapper", &self.wrapper)
            .finish_non_exhaustive()
    }
}

/// A node of the world that learns.
trait Learner: Node {
    /// What it has learned; `None` for a node that only serves.
    fn params(&self) -> Option<&Params>;

    /// How much it received that could not be used.
    fn offences(&self) -> u64;

    /// Why it refused its own part, if it did.
    fn take_refused(&mut self) -> Option<GossipError>;

    /// Whom its sampler shows it, if it has one.
    fn view(&self) -> Option<Vec<Address>> {
        None
    }
}

/// What all ways to play have in common.
struct Scene {
    /// One at least.
    shards: Vec<Arc<Dataset>>,
    label_entropy: f64,
    graph: Arc<Graph>,
}

impl Scene {
    /// The rows of a node, repeated where there are more nodes than rows.
    fn rows(&self, node: Address) -> Arc<Dataset> {
        Arc::clone(&self.shards[node as usize % self.shards.len()])
    }

    /// The report with what is known of the scene.
    fn told(&self, report: LabReport) -> LabReport {
        LabReport { label_entropy: self.label_entropy, pieces: self.graph.components(), ..report }
    }
}

impl GossipLab {
    /// The default set-up around a model.
    pub fn new(model: Arc<dyn Model>) -> Self {
        let tenth = Latency::Uniform { least: Duration::ZERO, most: Duration::from_millis(10) };
        // Nobody reads the losses, so no pass over the data is spent on them.
        let sgd = Sgd::new(Arc::clone(&model), 0.5, 8).with_measure(Measure::Running);
        Self {
            nodes: 100,
            rounds: 50,
            rows: Rows::Iid,
            topology: Topology::RandomRegular(20),
            sampling: Sampling::default(),
            manner: Manner::default(),
            parting: None,
            period: Duration::from_millis(100),
            spread: 1.0,
            link: Link::new(tenth),
            uplink: None,
            churn: None,
            model,
            update: Arc::new(move || Box::new(sgd.clone())),
            merge: Arc::new(WeightedMean),
            compressor: Arc::new(Dense),
            age_lead: u64::MAX,
            judged: 10,
            trace: false,
            ceilings: false,
            wrapper: None,
        }
    }

    /// The same with another rule to train by.
    #[must_use]
    pub fn with_update(self, update: impl Update + Clone + Sync + 'static) -> Self {
        Self { update: Arc::new(move || Box::new(update.clone())), ..self }
    }

    /// Plays all rounds: nodes learn from `train` and are judged on `test`. The same seed gives the same report.
    ///
    /// # Errors
    /// A setting of zero, settings that do not go together, rows that cannot be spread, or data that do not fit the model.
    pub fn run(&self, train: &Dataset, test: &Dataset, seed: Seed) -> Result<LabReport, LabError> {
        let scene = self.scene(train, seed)?;
        let mut cast = self.cast(seed);
        let report = match self.parting {
            None => {
                let peers = self.peers(&scene, cast.as_deref_mut(), seed)?;
                self.play(peers, cast.as_deref(), test, seed)?
            }
            Some(parting) => self.play(self.parted_peers(parting, &scene, seed)?, None, test, seed)?,
        };
        let ceiling = if self.ceilings { Some(self.measure_ceiling(train, test, seed)?) } else { None };
        Ok(LabReport { ceiling, ..scene.told(report) })
    }

    /// Checks the settings and sets the scene.
    fn scene(&self, train: &Dataset, seed: Seed) -> Result<Scene, LabError> {
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        for (what, value) in [("nodes", u64::from(self.nodes)), ("period", period)] {
            if value == 0 {
                return Err(LabError::Setting(what));
            }
        }
        if !(self.spread >= 1.0 && self.spread.is_finite()) {
            return Err(LabError::Together("the spread of periods is a ratio of at least 1"));
        }
        let (shards, label_entropy) = self.spread_rows(train, seed)?;
        let graph = Arc::new(self.topology.graph(self.nodes, seed));
        Ok(Scene { shards, label_entropy, graph })
    }

    /// Who lies in this run.
    fn cast(&self, seed: Seed) -> Option<Box<dyn Cast>> {
        self.wrapper.as_ref().map(|wrapper| wrapper.cast(self.nodes, seed.derive("cast")))
    }

    /// Lets nodes live for all rounds.
    fn play<N: Learner>(
        &self,
        nodes: Vec<N>,
        cast: Option<&dyn Cast>,
        test: &Dataset,
        seed: Seed,
    ) -> Result<LabReport, LabError> {
        let network = Network { link: self.link, uplink: self.uplink, ..Network::default() };
        let setting = Setting { seed, network, churn: self.churn.clone(), trace: self.trace };
        let lies = |node: Address| cast.is_some_and(|cast| cast.lies(node));
        let honest: Vec<Address> = (0..)
            .zip(&nodes)
            .filter(|(at, node)| node.params().is_some() && !lies(*at))
            .map(|(at, _)| at)
            .collect();
        let mut world = World::new(setting, nodes);
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        let mut rounds = Vec::new();
        for round in 1..=self.rounds {
            // A wake at the very end belongs to the next round.
            world.run_until(Time(period.saturating_mul(round) - 1));
            rounds.push(self.judge(&world, &honest, test, round, seed)?);
        }
        let (tally, trace) = (world.tally(), world.trace());
        let mut offences = 0;
        for (node, peer) in (0..).zip(world.nodes_mut()) {
            offences += peer.offences();
            // What a liar does to itself is its own affair.
            if let Some(why) = peer.take_refused().filter(|_| !lies(node)) {
                return Err(LabError::Peer { node, why });
            }
        }
        let views = world.nodes().iter().map(Learner::view).collect::<Option<Vec<_>>>();
        Ok(LabReport { rounds, tally, offences, label_entropy: 0.0, pieces: 0, views, ceiling: None, trace })
    }

    /// The accuracy that the same update reaches on all rows in one place, after so many passes: the ceiling.
    ///
    /// # Errors
    /// Data that do not fit the model.
    pub fn ceiling(&self, train: &Dataset, test: &Dataset, passes: u64, seed: Seed) -> Result<f64, LabError> {
        let start = self.model.init(seed.derive("init"));
        let seed = seed.derive("ceiling");
        let (params, _) = centralised(&mut (self.update)(), &start, train, passes, seed)?;
        Ok(accuracy(self.model.as_ref(), params.values(), test)?)
    }

    /// The rows of each node, repeated where there are more nodes than rows; and the mean entropy of their labels.
    fn spread_rows(&self, train: &Dataset, seed: Seed) -> Result<(Vec<Arc<Dataset>>, f64), LabError> {
        let (labels, nodes) = (train.labels(), self.nodes as usize);
        let partition = self.rows.spread(labels, nodes, 1, seed)?;
        let shards = partition.nodes.iter().map(|rows| Arc::new(train.select(rows))).collect();
        Ok((shards, partition.mean_label_entropy(labels)))
    }

    /// What the same rows and updates reach where there is a centre, after as many passes as there are rounds.
    fn measure_ceiling(&self, train: &Dataset, test: &Dataset, seed: Seed) -> Result<Ceiling, LabError> {
        let honest = Self { wrapper: None, trace: false, ..self.clone() };
        let federated = honest.run_federated(self.nodes, Answer::Models, train, test, seed)?;
        Ok(Ceiling {
            centralised: self.ceiling(train, test, self.rounds, seed)?,
            federated: federated.accuracy(),
            federated_bytes: federated.bytes(),
        })
    }

    /// The period of one node in microseconds.
    fn period_of(&self, node: Address, seed: Seed) -> u64 {
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        if self.spread <= 1.0 {
            return period;
        }
        let place = Stream::new(&seed, "pace", u64::from(node)).next() as f64 / u64::MAX as f64;
        ((period as f64 * self.spread.powf(place - 0.5)) as u64).max(1)
    }

    /// Scores some of the nodes that may be judged.
    fn judge<N: Learner>(
        &self,
        world: &World<N>,
        honest: &[Address],
        test: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<LabRound, LabError> {
        let mut stream = Stream::new(&seed, "judged", round);
        let judged = sample(&mut stream, honest.len(), honest.len().min(self.judged as usize));
        let figures = judged
            .into_iter()
            .filter_map(|place| world.node(*honest.get(place)?)?.params())
            .map(|params| accuracy(self.model.as_ref(), params.values(), test))
            .collect::<Result<Vec<f64>, _>>()?;
        let accuracy = Spread::of(figures).unwrap_or(Spread { worst: 0.0, mean: 0.0, best: 0.0 });
        let meters = (0..world.nodes().len()).map(|node| world.meter(node as Address));
        let (messages, bytes) = meters.fold((0, 0), |(messages, bytes), meter| {
            (messages + meter.sent_messages, bytes + meter.sent_bytes)
        });
        Ok(LabRound { round, accuracy, messages, bytes })
    }
}
