//! Learning among neighbours: in each period a node merges all models that its neighbours sent, trains the result on its own
//! rows, and sends it to all neighbours. Robust rules need a set to choose from, and this is where they get it.
//!
//! The nodes are [`Validator`] machines (Algorithm 3 with models instead of sales) in a [`World`]. Liars are honest machines behind a
//! [`Coven`]: what honest neighbours send them goes into the common knowledge, and what leaves them is what the attack forges.
//! They speak last: honest nodes wake in the first four fifths of a period and liars in the last tenth, so that a lie is told by
//! those who have seen the round. That is the strongest order for an attack, and no node can forbid it.
//!
//! The same seed gives the same course, at any number of threads.

mod member;

use self::member::{Liar, Member, Tally};
use super::{Course, Graph, LabError, MakeUpdate, Point};
use crate::{
    Address, Setting, Stream, World,
    attack::{Attack, Coven, drawn},
    rows::Rows,
};
use bitneuron_compress::{CompressError, Compressor, Limits};
use bitneuron_core::{Dataset, NodeId, Params, Seed, Share, Time, Weight};
use bitneuron_learning::{
    Merge, Model,
    eval::{Spread, accuracy},
    gossip::{
        PacketCodec,
        validator::{Start, Validator},
    },
    merge::Concatenate,
};
use rand::seq::index::sample;
use std::{cell::RefCell, collections::BTreeSet, fmt, rc::Rc, sync::Arc, time::Duration};

/// What a voice weighs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Voices {
    /// Each name is one voice.
    #[default]
    Names,
    /// Each node has one stake, and its names share it.
    Stake,
}

/// Who attacks, and how many.
#[derive(Clone)]
pub struct Assault {
    /// What they do.
    pub attack: Arc<dyn Attack>,
    /// The share of all nodes that are liars, rounded; at least one node stays honest.
    pub share: f64,
}

/// A set-up of learning among neighbours.
#[derive(Clone)]
pub struct NeighbourhoodLab {
    /// The neighbours of each node, to whom it sends.
    pub graph: Arc<Graph>,
    /// How many periods are played.
    pub rounds: u64,
    /// Who holds which rows.
    pub rows: Rows,
    /// The time between two turns of a node.
    pub period: Duration,
    /// Links and their faults, and comings and goings; the seed and the trace in it do not count.
    pub setting: Setting,
    /// What is trained.
    pub model: Arc<dyn Model>,
    /// How it is trained.
    pub update: MakeUpdate,
    /// How models become one.
    pub merge: Arc<dyn Merge>,
    /// How models travel.
    pub compressor: Arc<dyn Compressor>,
    /// What a voice weighs.
    pub voices: Voices,
    /// How many rows of each contributor a node trains on beside its own; none, and nobody can flood it.
    pub row_cap: usize,
    /// The liars.
    pub assault: Option<Assault>,
    /// How many honest nodes are judged at the end of a round; at the end of the last all are.
    pub judged: u32,
}

impl fmt::Debug for Assault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assault").field("share", &self.share).finish_non_exhaustive()
    }
}

impl fmt::Debug for NeighbourhoodLab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NeighbourhoodLab")
            .field("nodes", &self.graph.nodes())
            .field("rounds", &self.rounds)
            .field("rows", &self.rows)
            .field("voices", &self.voices)
            .finish_non_exhaustive()
    }
}

/// Stake of one node; divisible by every small number of names.
const STAKE: u64 = 1 << 20;

impl NeighbourhoodLab {
    /// Plays all rounds: nodes learn from `train` and are judged on `test`.
    ///
    /// # Errors
    /// No nodes, no period, rows that cannot be spread, or a codec that loses too much of a model.
    pub fn run(&self, train: &Dataset, test: &Dataset, seed: Seed) -> Result<Course, LabError> {
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        for (what, value) in [("nodes", u64::from(self.graph.nodes())), ("period", period)] {
            if value == 0 {
                return Err(LabError::Setting(what));
            }
        }
        let partition = self.rows.spread(train.labels(), self.graph.nodes() as usize, 1, seed)?;
        let label_entropy = partition.mean_label_entropy(train.labels());
        let shards: Vec<Dataset> = partition.nodes.iter().map(|rows| train.select(rows)).collect();
        let cast = Cast::new(self, seed);
        let shared = shards.iter().cycle().take(self.graph.nodes() as usize);
        let members = (0..).zip(shared).map(|(node, rows)| cast.member(node, rows, period));
        let members = members.collect::<Result<Vec<_>, CompressError>>()?;
        let setting = Setting { seed, trace: false, ..self.setting.clone() };
        let mut world = World::new(setting, members);
        let mut points = Vec::new();
        for round in 1..=self.rounds {
            // A wake at the very end belongs to the next round.
            world.run_until(Time(period.saturating_mul(round) - 1));
            points.push(self.judge(&world, test, round, seed)?);
        }
        let triggered = self.triggered(&world, test)?;
        let mut tally = Tally::default();
        world
            .nodes()
            .iter()
            .filter(|member| member.liar.is_none())
            .for_each(|member| tally.add(&member.tally));
        Ok(Course {
            points,
            offences: tally.offences,
            discarded: tally.discarded,
            influence: tally.lied as f64 / (tally.turns.max(1) as f64 * f64::from(Share::ONE.0)),
            triggered,
            label_entropy,
        })
    }

    /// Scores some honest nodes, all of them in the last round.
    fn judge(
        &self,
        world: &World<Member>,
        test: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<Point, LabError> {
        let honest: Vec<&Member> = honest(world).collect();
        let count = if round == self.rounds { honest.len() } else { honest.len().min(self.judged as usize) };
        let drawn = sample(&mut Stream::new(&seed, "judged", round), honest.len(), count);
        let judged = drawn.into_iter().filter_map(|place| honest.get(place));
        let figures = judged
            .map(|member| accuracy(self.model.as_ref(), member.machine.model().values(), test))
            .collect::<Result<Vec<f64>, _>>()?;
        let meters = (0..self.graph.nodes()).map(|node| world.meter(node));
        let sent = meters.fold((0, 0), |(messages, bytes), meter| {
            (messages + meter.sent_messages, bytes + meter.sent_bytes)
        });
        Ok(Point::new(round, Spread::of(figures), sent))
    }

    /// How often honest nodes obey the trigger at the end.
    fn triggered(&self, world: &World<Member>, test: &Dataset) -> Result<Option<f64>, LabError> {
        let attack = self.assault.as_ref().map(|assault| assault.attack.as_ref());
        let Some(trigger) = attack.and_then(Attack::trigger) else { return Ok(None) };
        let stamped = trigger.stamped(test);
        let wanted = vec![trigger.target; stamped.len()];
        let Ok(wanted) = Dataset::new(stamped.features().clone(), wanted) else { return Ok(None) };
        let obeyed = honest(world)
            .map(|member| accuracy(self.model.as_ref(), member.machine.model().values(), &wanted))
            .collect::<Result<Vec<f64>, _>>()?;
        Ok(Spread::of(obeyed).map(|spread| spread.mean))
    }
}

fn honest(world: &World<Member>) -> impl Iterator<Item = &Member> {
    world.nodes().iter().filter(|member| member.liar.is_none())
}

/// The name of a node in the lab, where nobody signs: its address, and which of its names it is.
pub(crate) fn alias(address: Address, which: u32) -> NodeId {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&address.to_be_bytes());
    id[4..8].copy_from_slice(&which.to_be_bytes());
    NodeId(id)
}

/// The address behind a name.
const fn address(NodeId([a, b, c, d, ..]): NodeId) -> Address {
    Address::from_be_bytes([a, b, c, d])
}

/// Who plays what.
struct Cast<'a> {
    lab: &'a NeighbourhoodLab,
    seed: Seed,
    first: Params,
    liars: Rc<BTreeSet<Address>>,
    coven: Option<Rc<RefCell<Coven>>>,
    merge_rows: Arc<Concatenate>,
}

impl<'a> Cast<'a> {
    fn new(lab: &'a NeighbourhoodLab, seed: Seed) -> Self {
        let first = lab.model.init(seed.derive("init"));
        let share = lab.assault.as_ref().map_or(0.0, |assault| assault.share);
        let liars = drawn(share, lab.graph.nodes(), seed);
        let coven = lab.assault.as_ref().map(|assault| {
            let meeting = meeting(&lab.graph, &liars);
            let (attack, rule) = (Arc::clone(&assault.attack), Arc::clone(&lab.merge));
            Rc::new(RefCell::new(Coven::new(attack, rule, meeting, Some(&first), seed.derive("coven"))))
        });
        let merge_rows = Arc::new(Concatenate {
            per_contributor: lab.row_cap,
            rows: usize::MAX,
            classes: lab.model.outputs() as u32,
            range: (f32::MIN, f32::MAX),
            key: seed.derive("groups"),
        });
        Self { lab, seed, first, liars: Rc::new(liars), coven, merge_rows }
    }

    fn member(&self, node: Address, rows: &Dataset, period: u64) -> Result<Member, CompressError> {
        let Self { lab, seed, .. } = self;
        let layout = lab.model.layout();
        let codec = || PacketCodec::new(Arc::clone(&lab.compressor), Arc::clone(layout), Limits::of(layout));
        let own = seed.derive_number("member", u64::from(node));
        let coven = self.coven.as_ref().filter(|_| self.liars.contains(&node));
        let classes = lab.model.outputs() as u32;
        let poisoned =
            coven.and_then(|coven| coven.borrow().attack().rows(rows, classes, own.derive("rows")));
        let liar = coven.map(|coven| Liar {
            coven: Rc::clone(coven),
            pushed: coven.borrow().attack().push(rows, classes, own.derive("push")).map(Arc::new),
            names: coven.borrow().attack().names(),
        });
        let machine = Validator::new(Start {
            id: alias(node, 0),
            merge_data: self.merge_rows.clone(),
            merge_models: Arc::clone(&lab.merge),
            update: (lab.update)(),
            codec: codec()?,
            model: self.first.clone(),
            data: poisoned.unwrap_or_else(|| rows.clone()),
            weight: Weight(STAKE),
            seed: own,
            period: self.lab.period,
            age_lead: u64::MAX,
            waiting: usize::MAX,
        });
        let mut stream = Stream::new(seed, "offset", u64::from(node));
        let tenth = period / 10;
        let offset = match liar {
            None => stream.below(8 * tenth.max(1)),
            Some(_) => 9 * tenth + stream.below(tenth.max(1)),
        };
        Ok(Member {
            machine,
            neighbours: lab.graph.neighbours(node).collect(),
            compressor: Arc::clone(&lab.compressor),
            liars: Rc::clone(&self.liars),
            offset,
            liar,
            voices: lab.voices,
            seed: own.derive("send"),
            turn: 0,
            tally: Tally::default(),
        })
    }
}

/// How many honest values (the receiver's own among them) and lies meet at an honest node, on average and rounded up.
pub(super) fn meeting(graph: &Graph, liars: &BTreeSet<Address>) -> (usize, usize) {
    let (mut honest, mut lies, mut nodes) = (0, 0, 0_usize);
    for node in (0..graph.nodes()).filter(|node| !liars.contains(node)) {
        let lying = graph.neighbours(node).filter(|peer| liars.contains(peer)).count();
        let heard = graph.degree(node) as usize;
        (honest, lies, nodes) = (honest + heard - lying + 1, lies + lying, nodes + 1);
    }
    (honest.div_ceil(nodes.max(1)), lies.div_ceil(nodes.max(1)))
}
