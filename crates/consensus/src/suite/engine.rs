//! The laws of [`crate::ConsensusEngine`], tested in a virtual [`Network`].
//!
//! Five runs: all honest (twice, for determinism); a voter of 36 % whose blocks are invalid; a voter of 20 % that
//! runs twice under one key, so that it contradicts itself as a forgetful or dishonest node would; noise on the
//! wire; and nodes that crash and come back with their logs. The heaviest lawful fault stays below a third of the weight.

use super::{
    Law, Violation, crash,
    network::{Make, Network, Node, Plan, is_valid},
    require,
};
use crate::{CheckCertificate, QuorumCheck};
use bitneuron_core::{Digest, Height, Seed};
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

/// How long a run may take, in virtual time.
const PATIENCE: Duration = Duration::from_mins(5);

/// What an engine promises beyond safety. An engine for teaching may promise less than all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promises {
    /// Every height is decided while less than a third of the weight is faulty, and not only while nobody lies and
    /// nothing is lost.
    pub live: bool,
    /// Votes name the round of their proposal, and a voter changes its mind only after a quorum of prevotes.
    pub rounds: bool,
}

impl Promises {
    /// Everything: what a chain needs.
    pub const ALL: Self = Self { live: true, rounds: true };
}

/// Tests the engines that `make` makes.
///
/// # Errors
/// The first law that does not hold.
pub fn check(make: &Make<'_>) -> Result<(), Violation> {
    check_promised(make, Promises::ALL)
}

/// Tests the engines that `make` makes as far as they promise anything.
///
/// # Errors
/// The first law that does not hold.
pub fn check_promised(make: &Make<'_>, promises: Promises) -> Result<(), Violation> {
    honest(make, promises)?;
    invalid_blocks(make, promises)?;
    twins(make, promises)?;
    noise(make, promises)?;
    crashes(make, promises)
}

fn honest(make: &Make<'_>, promises: Promises) -> Result<(), Violation> {
    let run = |seed| -> Result<Digest, Violation> {
        let mut network = Network::new(Plan::new(seed, 6), make);
        let done = network.run(6, PATIENCE);
        examine_promised(&network, &BTreeSet::new(), promises)?;
        live(done, &network)?;
        Ok(network.trace())
    };
    let (first, again, other) = (run(1)?, run(1)?, run(2)?);
    require(first == again, Law::Determinism, || format!("one plan, two traces: {first} and {again}"))?;
    require(first != other, Law::Determinism, || "the trace does not depend on the plan".into())
}

fn invalid_blocks(make: &Make<'_>, promises: Promises) -> Result<(), Violation> {
    let plan = Plan { liars: BTreeSet::from([0]), ..Plan::new(3, 5) };
    let mut network = Network::new(plan, make);
    let done = network.run(5, PATIENCE);
    examine_promised(&network, &BTreeSet::from([0]), promises)?;
    live(done, &network)
}

fn twins(make: &Make<'_>, promises: Promises) -> Result<(), Violation> {
    let plan = Plan { twins: vec![2], ..Plan::new(4, 8) };
    let mut network = Network::new(plan, make);
    let done = network.run(8, PATIENCE);
    let faulty = BTreeSet::from([2, 4]);
    examine_promised(&network, &faulty, promises)?;
    live(done || !promises.live, &network)?;
    let honest = network.nodes.iter().enumerate().filter(|(place, _)| !faulty.contains(place));
    let proven = honest.flat_map(|(_, node)| &node.evidence).count();
    require(proven > 0, Law::Accountability, || "nobody accused the twins".into())
}

fn noise(make: &Make<'_>, promises: Promises) -> Result<(), Violation> {
    let seed = Seed::from_number(5);
    let mut count = 0;
    // Every genuine message is followed by a garbled copy of itself and by pure noise.
    let garble = move |_: usize, _: usize, bytes: &Arc<[u8]>| {
        count += 1;
        let noise = seed.derive_number("noise", count).0;
        let mut copy = bytes.to_vec();
        let [place, mask, cut, ..] = noise;
        let at = usize::from(place) % copy.len().max(1);
        copy.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= mask | 1);
        copy.truncate(copy.len().saturating_sub(usize::from(cut % 3)));
        vec![Arc::clone(bytes), copy.into(), noise.to_vec().into(), Vec::new().into()]
    };
    let mut network = Network::new(Plan::new(5, 4), make).tampered(garble);
    let done = catch_unwind(AssertUnwindSafe(|| network.run(4, PATIENCE)));
    let done = done.map_err(|_| Violation { law: Law::Totality, case: "a message made it panic".into() })?;
    require(done, Law::Totality, || format!("noise stopped it: {network:?}"))?;
    examine_promised(&network, &BTreeSet::new(), promises)
}

fn crashes(make: &Make<'_>, promises: Promises) -> Result<(), Violation> {
    let mut network = Network::new(Plan::new(6, 12), make).struck(crash::seldom(6, 30));
    let done = network.run(12, PATIENCE);
    let accused = network.nodes.iter().flat_map(|node| &node.evidence).next();
    require(accused.is_none(), Law::Memory, || format!("{accused:?}"))?;
    examine_promised(&network, &BTreeSet::new(), promises)?;
    live(done || !promises.live, &network)
}

fn live(done: bool, network: &Network<'_>) -> Result<(), Violation> {
    require(done, Law::Liveness, || format!("stuck: {network:?}"))
}

/// The laws of safety, for a network in which all but `faulty` are honest and promise everything.
///
/// # Errors
/// The first law that does not hold.
pub fn examine(network: &Network<'_>, faulty: &BTreeSet<usize>) -> Result<(), Violation> {
    examine_promised(network, faulty, Promises::ALL)
}

/// The laws of safety, as far as they are promised.
///
/// # Errors
/// The first law that does not hold.
pub fn examine_promised(
    network: &Network<'_>,
    faulty: &BTreeSet<usize>,
    promises: Promises,
) -> Result<(), Violation> {
    agreement(network, faulty)?;
    let honest = network.nodes.iter().enumerate().filter(|(place, _)| !faulty.contains(place));
    for (place, node) in honest {
        decisions(network, place, node, promises)?;
        let plan = &network.plan;
        for evidence in &node.evidence {
            let guilty = evidence.check(plan.chain()).is_ok_and(|offender| {
                faulty.iter().any(|place| network.nodes.get(*place).is_some_and(|node| node.id == offender))
            });
            require(guilty, Law::NoSlander, || format!("node {place} accused {:?}", evidence.offender()))?;
        }
    }
    Ok(())
}

/// Whether all honest nodes have decided the same blocks.
///
/// # Errors
/// Two of them have not.
pub fn agreement(network: &Network<'_>, faulty: &BTreeSet<usize>) -> Result<(), Violation> {
    let mut decided: Vec<Digest> = Vec::new();
    let honest = network.nodes.iter().enumerate().filter(|(place, _)| !faulty.contains(place));
    for (place, node) in honest {
        for (at, (block, _)) in node.commits.iter().enumerate() {
            let id = block.id();
            let agreed = *decided.get(at).unwrap_or(&id);
            require(agreed == id, Law::Agreement, || {
                format!("height {}: {agreed} and, at node {place}, {id}", at + 1)
            })?;
            if at == decided.len() {
                decided.push(id);
            }
        }
    }
    Ok(())
}

/// What one honest node decided.
fn decisions(network: &Network<'_>, place: usize, node: &Node, promises: Promises) -> Result<(), Violation> {
    let check = QuorumCheck { chain: network.plan.chain() };
    let mut parent = Digest::ZERO;
    for (height, (block, certificate)) in (1..).zip(&node.commits) {
        let show = || format!("node {place}, height {height}");
        require(block.header.parent == parent, Law::Chain, show)?;
        parent = block.id();
        let Some(electorate) = network.voters(Height(height)) else { continue };
        let turn = |round| electorate.proposer(Height(height), round) == block.header.proposer;
        let placed = !promises.rounds || (0..=certificate.round).any(turn);
        require(placed, Law::Turn, show)?;
        let named = certificate.height == Height(height) && certificate.block == block.id();
        let holds = check.check(certificate, electorate).is_ok();
        require(named && holds, Law::Certified, show)?;
        require(is_valid(block), Law::Validity, show)?;
    }
    Ok(())
}
