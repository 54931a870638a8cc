//! Governance: proposals from deposit to deed, votes that count each token once, and bounds that no majority crosses.
#![allow(clippy::panic, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

#[path = "../world/mod.rs"]
mod world;

mod bounds;
mod pause;
mod snapshot;
mod way;

use bitneuron_core::Amount;
use bitneuron_ledger::govern::{Choice, Motion, Outcome, ProposalId, Stage};
use bitneuron_ledger::{Action, Event, Params};
use world::World;

/// Heights of an epoch here, and of a round.
pub(crate) const EPOCH: u64 = 4;

/// The devnet's parameters with short epochs, and next to no rewards: nobody holds more than before.
pub(crate) fn params() -> Params {
    let mut params = Params::devnet();
    (params.epoch, params.stake.unbonding, params.stake.evidence_age, params.stake.trust) =
        (EPOCH, 40, 24, 12);
    (params.rewards.pool, params.rewards.block) = (Amount(2), Amount(1));
    params
}

pub(crate) fn world() -> World {
    World::with(params())
}

/// Empty blocks until the epoch of the last block is this one.
pub(crate) fn until_epoch(world: &mut World, epoch: u64) -> Vec<Event> {
    let mut events = Vec::new();
    while world.state.height().0 < epoch * EPOCH {
        events.extend(world.block(&[]));
    }
    events
}

pub(crate) fn now(world: &World) -> u64 {
    world.state.epoch().0
}

/// Puts something up in the next block, by a validator who can pay for it.
pub(crate) fn propose(world: &mut World, by: usize, motion: Motion) -> ProposalId {
    let tx = world.by_validator(by, Action::Propose(motion));
    let events = world.block(&[tx]);
    let number = events.iter().find_map(|event| match event {
        Event::Proposed { proposal, .. } => Some(*proposal),
        _ => None,
    });
    number.expect("proposed")
}

/// Lets validators vote in the next block, when votes are taken.
pub(crate) fn vote(world: &mut World, proposal: ProposalId, votes: &[(usize, Choice)]) -> Vec<Event> {
    let opens = world.state.proposal(proposal).expect("known").opens();
    let mut events = until_epoch(world, opens.0);
    let ballots: Vec<_> = votes
        .iter()
        .map(|(by, choice)| world.by_validator(*by, Action::Vote { proposal, choice: *choice }))
        .collect();
    events.extend(world.block(&ballots));
    events
}

/// Empty blocks until a proposal is over; how it ended, and all that happened.
pub(crate) fn end(world: &mut World, proposal: ProposalId) -> (Outcome, Vec<Event>) {
    let mut events = Vec::new();
    for _ in 0..200 {
        if let Some(Stage::Over { outcome, .. }) = world.state.proposal(proposal).map(|known| known.stage) {
            return (outcome, events);
        }
        events.extend(world.block(&[]));
    }
    panic!("{proposal} never ends");
}

pub(crate) const ALL_YES: [(usize, Choice); 5] =
    [(0, Choice::Yes), (1, Choice::Yes), (2, Choice::Yes), (3, Choice::Yes), (4, Choice::Yes)];

/// Proposes, lets all validators vote for it, and waits until it is done or cannot be.
pub(crate) fn pass(world: &mut World, motion: Motion) -> (Outcome, Vec<Event>) {
    let proposal = propose(world, 3, motion);
    let mut events = vote(world, proposal, &ALL_YES);
    let (outcome, rest) = end(world, proposal);
    events.extend(rest);
    (outcome, events)
}
