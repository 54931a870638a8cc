//! A token counts for one voter, once, wherever it goes.

use crate::world::*;
use crate::{end, propose, until_epoch, vote, world};
use bitneuron_core::{Amount, NodeId};
use bitneuron_ledger::govern::{Choice, GovernFault, Motion, ProposalId, Stage};
use bitneuron_ledger::{Action, Event, Refused};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn pay(world: &mut World, from: usize, to: NodeId, amount: Amount) {
    let tx = world.by_user(from, Action::Transfer { to, amount });
    world.block(&[tx]);
}

fn weight(events: &[Event], who: NodeId) -> Option<Amount> {
    events.iter().find_map(|event| match event {
        Event::Voted { who: voter, weight, .. } if *voter == who => Some(*weight),
        _ => None,
    })
}

#[test]
fn tokens_that_move_after_the_snapshot_count_where_they_were() {
    let mut world = world();
    let proposal = propose(&mut world, 3, Motion::Text(digest("text")));
    let (a, b) = (world.user(0), world.user(1));
    let fresh = NodeId([5; 32]);
    // Before the snapshot tokens count for whoever receives them.
    pay(&mut world, 0, b, Amount::tokens(300));
    until_epoch(&mut world, 1);
    let at = [a, b].map(|id| world.state.votable(id));
    assert!(at[1] == Amount::tokens(1_300) && at[0] < Amount::tokens(700));
    // Afterwards for whoever sent them, whenever and however often they go.
    pay(&mut world, 0, b, Amount::tokens(400));
    pay(&mut world, 1, fresh, Amount::tokens(900));
    let [first, second] = [0, 1].map(|n| world.by_user(n, Action::Vote { proposal, choice: Choice::Yes }));
    until_epoch(&mut world, 2);
    let events = world.block(&[first, second]);
    assert_eq!([weight(&events, a), weight(&events, b)], at.map(Some));
    // Who votes and then pays has voted; who is paid then has nothing more to say.
    pay(&mut world, 1, a, Amount::tokens(500));
    let again = world.by_user(0, Action::Vote { proposal, choice: Choice::Yes });
    assert!(matches!(world.refused(&again), Refused::Governance(GovernFault::Idle)));
    let turned = world.by_user(0, Action::Vote { proposal, choice: Choice::No });
    let events = world.block(&[turned]);
    assert_eq!(weight(&events, a), Some(at[0]));
    let votes = world.state.proposal(proposal).expect("known").votes;
    assert_eq!((votes.yes, votes.no, votes.total()), (at[1], at[0], Amount(at[0].0 + at[1].0)));
}

#[test]
fn who_came_after_the_snapshot_has_no_vote() {
    let mut world = world();
    let newcomer = key(500);
    let proposal = propose(&mut world, 3, Motion::Text(digest("text")));
    until_epoch(&mut world, 1);
    pay(&mut world, 0, newcomer.id(), Amount::tokens(800));
    let tx = world.tx(&newcomer, Action::Vote { proposal, choice: Choice::Yes });
    until_epoch(&mut world, 2);
    let Refused::Governance(fault) = world.refused(&tx) else { panic!("refused otherwise") };
    let least = world.state.proposal(proposal).expect("known").least();
    assert_eq!(fault, GovernFault::Small { held: Amount::ZERO, least });
    // A millionth of all that can vote is too little as well: there can be no more than 2²⁰ votes.
    assert_eq!(least.0, world.state.proposal(proposal).expect("known").votable.0 >> 20);
}

#[test]
fn bonded_tokens_vote_and_those_that_unbond_do_not() {
    let mut world = world();
    let (who, all) = (world.validator(0), world.state.votable(world.validator(0)));
    assert_eq!(all, Amount::tokens(7_000));
    let leave = world.by_validator(0, Action::Unbond(Amount::tokens(500)));
    world.block(&[leave]);
    let proposal = propose(&mut world, 3, Motion::Text(digest("text")));
    until_epoch(&mut world, 1);
    let at = world.state.votable(who);
    assert!(at < Amount::tokens(6_500) && at > Amount::tokens(6_499));
    // To bond or unbond later changes nothing.
    let moves = [Action::Bond(Amount::tokens(1_000)), Action::Unbond(Amount::tokens(700))];
    let moves = moves.map(|action| world.by_validator(0, action));
    world.block(&moves);
    let events = vote(&mut world, proposal, &[(0, Choice::Yes)]);
    assert_eq!(weight(&events, who), Some(at));
}

#[test]
fn who_is_slashed_after_the_snapshot_votes_with_what_it_had() {
    let mut world = world();
    let (who, proposal) = (world.validator(1), propose(&mut world, 3, Motion::Text(digest("text"))));
    until_epoch(&mut world, 1);
    let at = world.state.votable(who);
    crate::way::accuse(&mut world, 1);
    assert!(world.state.votable(who) < at);
    let events = vote(&mut world, proposal, &[(1, Choice::Yes)]);
    assert_eq!(weight(&events, who), Some(at));
}

#[test]
fn notes_and_ballots_are_forgotten_when_nobody_needs_them() {
    let mut world = world();
    let voter = world.validator(2);
    let first = propose(&mut world, 3, Motion::Text(digest("first")));
    until_epoch(&mut world, 1);
    let second = propose(&mut world, 3, Motion::Text(digest("second")));
    let count = |world: &World, section: u8| {
        // Entries are counted by what blocks did to them.
        let mut state = bitneuron_ledger::State::genesis(&world.genesis).expect("valid");
        let mut there = std::collections::BTreeSet::new();
        for block in &world.blocks {
            state = state.execute(block, &Scripted).expect("valid").0;
            for change in &state.changes().entries {
                if change.key[0] == section {
                    if change.value.is_some() {
                        there.insert(change.key.clone());
                    } else {
                        there.remove(&change.key);
                    }
                }
            }
        }
        there.len()
    };
    vote(&mut world, first, &[(2, Choice::Yes), (3, Choice::Yes)]);
    assert!(world.state.ballot(first, voter).is_some());
    vote(&mut world, second, &[(2, Choice::Yes)]);
    assert!(count(&world, HOLDINGS) >= 2);
    end(&mut world, first);
    world.block(&[]);
    assert_eq!(world.state.ballot(first, voter), None);
    assert!(world.state.ballot(second, voter).is_some());
    end(&mut world, second);
    world.block(&[]);
    assert_eq!((count(&world, BALLOTS), count(&world, HOLDINGS)), (0, 0));
}

/// The numbers of these sections, as keys have them.
const BALLOTS: u8 = 43;
const HOLDINGS: u8 = 44;

/// Steps of a random history: who acts, what, how much.
fn steps() -> impl Strategy<Value = Vec<(u8, u8, u8, u16)>> {
    prop::collection::vec((0..8u8, 0..9u8, 0..9u8, 0..2_000u16), 60..140)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever moves while several votes overlap: each ballot weighs what its owner had when tokens were counted, as a copy
    /// made then says, and all together are no more than could vote.
    #[test]
    fn every_ballot_weighs_what_a_copy_of_the_snapshot_says(steps in steps()) {
        let mut world = world();
        let (validators, users) = ((0..5).map(|v| world.validator(v)), (0..4).map(|n| world.user(n)));
        let names: Vec<NodeId> = validators.chain(users).collect();
        let (mut copies, mut voted) = (BTreeMap::<u64, Vec<Amount>>::new(), 0);
        for (what, a, b, amount) in steps {
            let (amount, a, b) = (Amount::tokens(u64::from(amount)), usize::from(a), usize::from(b));
            let key = if a < 5 { world.validators[a].clone() } else { world.users[a - 5].clone() };
            let open = world.state.proposals().filter(|(_, known)| known.stage == Stage::Open);
            let open: Vec<ProposalId> = open.map(|(id, _)| id).collect();
            let text = Motion::Text(digest(&world.state.height().to_string()));
            let action = match what {
                3 if a < 5 => Action::Bond(amount),
                4 if a < 5 => Action::Unbond(amount),
                // Users that bond enough would have to build blocks here.
                0..5 => Action::Transfer { to: names[b], amount },
                5 => Action::Propose(text),
                _ if open.is_empty() => Action::Propose(text),
                _ => Action::Vote { proposal: open[b % open.len()], choice: Choice::ALL[b % 4] },
            };
            let tx = world.tx(&key, action);
            let header = world.header();
            let built = world.state.build(header, &[tx.into()], &Scripted).expect("may build");
            let events = world.accept(built);
            for event in &events {
                if let Event::VoteOpened { votable, .. } = event {
                    let copy: Vec<Amount> = names.iter().map(|name| world.state.votable(*name)).collect();
                    prop_assert_eq!(Amount::sum(copy.iter().copied()), Some(*votable));
                    copies.insert(world.state.epoch().0 + 1, copy);
                }
                if let Event::Voted { proposal, who, weight, .. } = event {
                    let known = *world.state.proposal(*proposal).expect("known");
                    prop_assert!(known.votes.total() <= known.votable);
                    let at = names.iter().position(|name| name == who).expect("one of them");
                    prop_assert_eq!(copies[&known.snapshot.0][at], *weight);
                    voted += 1;
                }
            }
        }
        prop_assert!(voted > 0);
    }
}
