//! One case, played and judged.

use super::{
    super::{
        Law, Violation,
        bugs::{Bug, other_chain},
        crash::Crash,
        engine::{Promises, agreement, examine_promised},
        network::{Make, Network, Plan},
        require,
        zoo::{
            Amnesiac, Decider, Equivocator, Forger, Forgery, Garbler, Ghost, Habit, InvalidProposer, Late,
            Masked, Misdeeds, Player, Usurper, Withholder,
        },
    },
    adversary::Adversary,
    case::{Case, Draws},
    court::{Court, proven},
};
use crate::ConsensusEngine;
use bitneuron_core::{ChainId, Digest, Height, Keypair, NodeId};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Until when the weather is bad.
const CALM: Duration = Duration::from_secs(2);
/// How long a partition lasts in which the chain is to fork.
const APART: Duration = Duration::from_secs(5);
/// How long the rest may take once it is calm.
const PATIENCE: Duration = Duration::from_mins(5);
/// What is under way at the end still arrives.
const ECHO: Duration = Duration::from_secs(2);

/// What a run gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The first law that did not hold.
    pub violation: Option<Violation>,
    /// Heights that honest nodes decided, all together.
    pub decided: u64,
    /// Whether honest nodes decided different blocks.
    pub forked: bool,
    /// Double votes and double proposals that the adversary made.
    pub misdeeds: u64,
    /// How many of these honest nodes have proven.
    pub proven: u64,
    /// Evidence against honest nodes.
    pub slandered: u64,
}

/// What happens to the network while the weather is bad.
enum Turn {
    Cut(BTreeSet<usize>),
    Mend,
    Crash(usize, Duration),
}

/// Plays a case with the engines that `make` makes.
pub fn run(case: &Case, make: &Make<'_>, promises: Promises) -> Outcome {
    let plan = case.plan();
    let faulty = case.faulty();
    let keys: Vec<Keypair> = (0..plan.weights.len()).map(|node| plan.key(node)).collect();
    let misdeeds = Misdeeds::default();
    let cast = Cast { case, keys: &keys, misdeeds: &misdeeds, faulty: &faulty, begun: Cell::new(0) };
    let seated = |key: Keypair, chain| cast.seat(make(key.clone(), chain), key, chain);
    let court = RefCell::new(Court::new(plan.chain()));
    let listen = |node: usize, bytes: &Arc<[u8]>| {
        if !faulty.contains(&node) {
            court.borrow_mut().hear(bytes);
        }
    };
    let mut network = Network::new(plan, &seated).overheard(listen);
    let done = weather(case, &mut network, &faulty);
    court.borrow_mut().settle(|height| network.voters(height));
    let mut outcome = count(&network, &faulty, &misdeeds);
    let judged = if case.adversary.forks() {
        outcome.forked = agreement(&network, &faulty).is_err();
        fork(&network, &faulty, &court.borrow(), promises)
    } else {
        judge(case, &network, &faulty, &court.borrow(), promises, done)
    };
    outcome.violation = judged.err();
    outcome
}

/// Who plays what.
struct Cast<'a> {
    case: &'a Case,
    keys: &'a [Keypair],
    misdeeds: &'a Misdeeds,
    faulty: &'a BTreeSet<usize>,
    /// How many engines of the adversary have been made.
    begun: Cell<u32>,
}

impl Cast<'_> {
    fn seat(
        &self,
        engine: Box<dyn ConsensusEngine>,
        key: Keypair,
        chain: ChainId,
    ) -> Box<dyn ConsensusEngine> {
        let own = key.id();
        let place = self.keys.iter().position(|key| key.id() == own);
        let habit = match place {
            Some(place) if self.faulty.contains(&place) => self.habit(),
            Some(_) => self.case.bug.and_then(|bug| bug.habit(self.keys)),
            // A follower without a vote.
            None => None,
        };
        match habit {
            Some(habit) => Box::new(Player::new(engine, habit, key, chain)),
            None => engine,
        }
    }

    fn habit(&self) -> Option<Box<dyn Habit>> {
        let equivocator = |split, from| {
            let misdeeds = self.misdeeds.clone();
            Some(Box::new(Equivocator { split, from: Height(from), misdeeds }) as Box<dyn Habit>)
        };
        let forger = |forgery| Some(Box::new(Forger(forgery)) as Box<dyn Habit>);
        let honest = self.keys.iter().enumerate().filter(|(place, _)| !self.faulty.contains(place));
        match self.case.adversary {
            Adversary::None | Adversary::Twins | Adversary::TwinFork => None,
            Adversary::Equivocator => equivocator(false, 0),
            Adversary::Split | Adversary::Splitter => equivocator(true, 0),
            Adversary::Farmer => equivocator(true, self.case.heights / 2 + 1),
            Adversary::Withholder => Some(Box::new(Withholder)),
            Adversary::Late => Some(Box::new(Late::new(Duration::from_secs(1)))),
            Adversary::Invalid => Some(Box::new(InvalidProposer)),
            Adversary::Amnesiac => Some(Box::new(Amnesiac::default())),
            Adversary::Usurper => Some(Box::new(Usurper)),
            Adversary::Forger => forger(Forgery::Unsigned),
            Adversary::Replayer => {
                let keys = honest.map(|(_, key)| key.clone()).collect();
                forger(Forgery::OtherChain(keys, other_chain()))
            }
            Adversary::Strangers => forger(Forgery::Strangers),
            Adversary::Polka => forger(Forgery::Polka),
            Adversary::Decider => Some(Box::new(Decider)),
            Adversary::Garbler => Some(Box::new(Garbler::default())),
            Adversary::Ghost => Some(Box::new(Ghost::default())),
            Adversary::AmnesiaFork => {
                let begun = self.begun.replace(self.begun.get() + 1);
                let (rounds, jumps) = if begun == 0 { (0..1, false) } else { (2..u32::MAX, true) };
                Some(Box::new(Masked { rounds, jumps }))
            }
        }
    }
}

/// Plays the case to its end; whether every honest node decided every height.
fn weather(case: &Case, network: &mut Network<'_>, faulty: &BTreeSet<usize>) -> bool {
    for (at, turn) in turns(case, &network.plan, faulty) {
        let wait = at.saturating_sub(Duration::from_micros(network.now.0));
        // What happens at the beginning happens before anything is sent.
        if !wait.is_zero() {
            network.run_until(wait, |_| false);
        }
        match turn {
            Turn::Cut(side) => link(network, &side, false),
            Turn::Mend => link(network, &BTreeSet::new(), true),
            Turn::Crash(node, down) if network.nodes.get(node).is_some_and(|node| node.engine.is_some()) => {
                let forgets = case.bug == Some(Bug::Log);
                network.crash(node, Crash { after: 0, lost: 4, down, forgets });
            }
            Turn::Crash(..) => {}
        }
    }
    let calm = CALM.saturating_sub(Duration::from_micros(network.now.0));
    network.run_until(calm, |_| false);
    (network.plan.loss, network.plan.strays, network.plan.duplicates) = (0, 0, 0);
    let all = |network: &Network<'_>| {
        let mut honest = network.nodes.iter().enumerate().filter(|(place, _)| !faulty.contains(place));
        honest.all(|(_, node)| node.commits.len() as u64 >= case.heights)
    };
    let done = if case.adversary.forks() { all(network) } else { network.run_until(PATIENCE, all) };
    // No height begins any more.
    network.plan.heights = 0;
    network.run_until(ECHO, |_| false);
    done
}

/// What happens when, in order.
fn turns(case: &Case, plan: &Plan, faulty: &BTreeSet<usize>) -> Vec<(Duration, Turn)> {
    let mut draws = Draws::new(case.seed, "turns");
    let nodes = plan.weights.len() + plan.twins.len();
    let mut turns = Vec::new();
    let moment = |draws: &mut Draws| {
        let at = draws.below(1_200);
        let span = 200 + draws.below(600);
        [at, at + span].map(Duration::from_millis)
    };
    if case.adversary.forks() {
        // The conspirator has the last honest place but one, its twin the last: each on its side.
        let honest = plan.weights.len() - 1;
        let side = (0..honest).filter(|place| place.is_multiple_of(2)).chain([honest]).collect();
        turns.extend([(Duration::ZERO, Turn::Cut(side)), (APART, Turn::Mend)]);
    }
    for _ in 0..case.cuts {
        let [at, end] = moment(&mut draws);
        let side = (0..nodes).filter(|_| draws.below(2) == 0).collect();
        turns.extend([(at, Turn::Cut(side)), (end, Turn::Mend)]);
    }
    let honest: Vec<usize> = (0..plan.weights.len()).filter(|place| !faulty.contains(place)).collect();
    for _ in 0..case.crashes {
        let [at, end] = moment(&mut draws);
        let Some(victim) = honest.get(draws.below(honest.len() as u64) as usize) else { continue };
        turns.push((at, Turn::Crash(*victim, end.saturating_sub(at))));
    }
    turns.sort_by_key(|(at, _)| *at);
    turns
}

/// Cuts the links between a side and the rest, or mends all.
fn link(network: &mut Network<'_>, side: &BTreeSet<usize>, up: bool) {
    let nodes = network.nodes.len();
    for a in 0..nodes {
        for b in (a + 1..nodes).filter(|b| up || side.contains(&a) != side.contains(b)) {
            network.link(a, b, up);
        }
    }
}

fn count(network: &Network<'_>, faulty: &BTreeSet<usize>, misdeeds: &Misdeeds) -> Outcome {
    let honest = || network.nodes.iter().enumerate().filter(|(place, _)| !faulty.contains(place));
    let names: BTreeSet<NodeId> = honest().map(|(_, node)| node.id).collect();
    let evidence = || honest().flat_map(|(_, node)| &node.evidence);
    let proven: BTreeSet<Digest> = evidence().map(crate::Evidence::subject).collect();
    let misdeeds = misdeeds.all();
    Outcome {
        decided: honest().map(|(_, node)| node.commits.len() as u64).sum(),
        misdeeds: misdeeds.len() as u64,
        proven: misdeeds.intersection(&proven).count() as u64,
        slandered: evidence().filter(|evidence| names.contains(&evidence.offender())).count() as u64,
        ..Outcome::default()
    }
}

/// After a fork, more than a third of the weight is to blame, and nobody honest.
fn fork(
    network: &Network<'_>,
    faulty: &BTreeSet<usize>,
    court: &Court,
    promises: Promises,
) -> Result<(), Violation> {
    if !promises.rounds {
        return Ok(());
    }
    faithful(network, faulty, court)?;
    let mut decided: BTreeMap<Height, BTreeSet<Digest>> = BTreeMap::new();
    for (_, node) in network.nodes.iter().enumerate().filter(|(place, _)| !faulty.contains(place)) {
        for (height, (block, _)) in (1..).zip(&node.commits) {
            decided.entry(Height(height)).or_default().insert(block.id());
        }
    }
    // Above the first fork there are two chains with the same voters: what is said on one is no lie on the other.
    let Some(height) = decided.into_iter().find(|(_, blocks)| blocks.len() > 1).map(|(height, _)| height)
    else {
        return Ok(());
    };
    let Some(voters) = network.voters(height) else { return Ok(()) };
    let weight = court.weight(height, voters);
    require(weight >= voters.honest(), Law::Accountability, || {
        format!("a fork at height {}, and weight {} is blamed", height.0, weight.0)
    })
}

/// No testimony blames an honest node.
fn faithful(network: &Network<'_>, faulty: &BTreeSet<usize>, court: &Court) -> Result<(), Violation> {
    let guilty: BTreeSet<NodeId> =
        faulty.iter().filter_map(|place| network.nodes.get(*place)).map(|node| node.id).collect();
    let blamed = court.blamed(|height| network.voters(height));
    let framed = blamed.iter().find(|(_, id, _)| !guilty.contains(id));
    require(framed.is_none(), Law::Faithful, || format!("blamed: {framed:?}"))
}

fn judge(
    case: &Case,
    network: &Network<'_>,
    faulty: &BTreeSet<usize>,
    court: &Court,
    promises: Promises,
    done: bool,
) -> Result<(), Violation> {
    examine_promised(network, faulty, promises)?;
    if promises.rounds {
        faithful(network, faulty, court)?;
    }
    let honest = || network.nodes.iter().enumerate().filter(|(place, _)| !faulty.contains(place));
    let names: BTreeSet<NodeId> = honest().map(|(_, node)| node.id).collect();
    for (place, node) in honest() {
        let refused = node.refused.first();
        require(refused.is_none(), Law::Totality, || format!("node {place} refused: {refused:?}"))?;
        let framed = node.offences.iter().find(|(by, _)| names.contains(by));
        require(framed.is_none(), Law::NoSlander, || format!("node {place} was offended: {framed:?}"))?;
    }
    let live = promises.live || (case.adversary == Adversary::None && case.is_fair());
    require(done || !live, Law::Liveness, || format!("stuck: {network:?}"))?;
    let evidence = honest()
        .flat_map(|(_, node)| &node.evidence)
        .map(|evidence| (evidence.height(), evidence.offender()));
    // What is said about a height before it begins waits unread, and at the end of a run for good: what counts are heights
    // that all honest nodes have decided.
    let decided = honest().map(|(_, node)| node.commits.len() as u64).min().unwrap_or(0);
    let mut blamed = court.blamed(|height| network.voters(height));
    blamed.retain(|(height, ..)| height.0 <= decided);
    let (seen, proven) = proven(&blamed, &evidence.collect());
    // What was lost on the way proves nothing; in fair weather next to nothing is.
    let enough = if case.is_fair() { 4 * proven >= 3 * seen } else { proven > 0 || seen < 4 };
    // An engine without rounds promises no memory of heights that are left.
    let enough = enough || !promises.rounds;
    require(enough, Law::Accountability, || {
        format!("of {seen} heights with double votes {proven} are proven")
    })
}
