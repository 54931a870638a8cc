//! Attendance: who voted is paid, by what anybody brings of the precommits of the last heights.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod world;

use bitneuron_consensus::{Stage, Vote};
use bitneuron_core::{Amount, Epoch, Height, NodeId, Signature};
use bitneuron_ledger::{
    Action, Attendance, AttendanceFault, Event, HEARD, Merit, Refused, Roll, key as entry,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use world::*;

fn last(world: &World) -> Roll {
    world.state.attendance().rolls.last().cloned().expect("within an epoch")
}

fn fault(world: &World, tx: &bitneuron_ledger::SignedTx) -> AttendanceFault {
    match world.refused(tx) {
        Refused::Attendance(fault) => fault,
        other => panic!("{other}"),
    }
}

/// The place of a validator in the electorate of the first epoch.
fn place(world: &World, v: usize) -> usize {
    world.state.elected(Epoch(0)).unwrap().position(world.validator(v)).unwrap()
}

fn votes_paid(events: &[Event]) -> BTreeMap<NodeId, Amount> {
    let voted = events.iter().filter_map(|event| match event {
        Event::Rewarded { who, merit: Merit::Vote, amount } => Some((*who, *amount)),
        _ => None,
    });
    voted.collect()
}

#[test]
fn voters_are_paid_for_the_heights_that_they_voted_at_whoever_builds() {
    let mut world = World::new();
    let mut events = Vec::new();
    while world.state.height().0 < 19 {
        // Voter 3 is at every height, 2 at every other, 1 at every third; 0 builds when it is drawn, and votes never.
        let height = last_height(&world);
        let there: Vec<usize> = [(1, 3), (2, 2), (3, 1)]
            .into_iter()
            .filter(|(_, every)| height.is_multiple_of(*every))
            .map(|(v, _)| v)
            .collect();
        events = world.attended(&there);
    }
    let built = world.blocks.iter().filter(|block| block.header.proposer == world.validator(0)).count();
    assert!(built > 0, "it builds");
    let paid = votes_paid(&events);
    let slice = world.state.released().mul_div(3, 10).unwrap().0 * 7 / 8;
    let whole = |v: usize| slice * u128::from(STAKES[v]) / 14_000;
    assert_eq!(paid.get(&world.validator(0)), None);
    for (v, heights) in [(1, 6), (2, 9), (3, 18)] {
        let expected = whole(v) * heights / 18;
        let found = paid[&world.validator(v)].0;
        // A part is floored to 2⁻¹⁶.
        assert!(
            found <= expected + 1 && expected - found.min(expected) <= (whole(v) >> 16) + 2,
            "{v}: {found}, {expected}"
        );
    }
}

fn last_height(world: &World) -> u64 {
    world.state.height().0
}

#[test]
fn a_new_epoch_counts_from_nothing_and_its_last_height_is_not_counted() {
    let mut world = World::new();
    assert_eq!(world.state.attendance(), Attendance::default(), "the genesis is no block");
    world.until(18);
    assert_eq!(world.state.attendance().heights, 18);
    let kept = world.state.prove(&entry::attendance());
    let claimed = kept.verify(world.state.root(), &entry::attendance()).unwrap().expect("there");
    assert_eq!(
        claimed.read::<Attendance>().expect("its form").heights,
        17,
        "the parent of each block is counted"
    );
    let roll = last(&world);
    world.block(&[]);
    assert_eq!(world.state.attendance(), Attendance::default(), "a border");
    let late = world.precommits(&roll, 0, &[1]);
    let late = world.by_user(0, late);
    assert_eq!(fault(&world, &late), AttendanceFault::Height(roll.height));
    world.block(&[]);
    assert_eq!(world.state.attendance().heights, 1);
}

#[test]
fn whom_a_builder_leaves_out_others_bring_for_some_heights() {
    let mut world = World::new();
    world.until(3);
    let (roll, three) = (last(&world), place(&world, 3));
    world.attended(&[0, 1]);
    let heard = |world: &World| world.state.attendance().voted;
    assert_eq!(heard(&world)[three], 0);
    assert!(world.state.missing(&world.state.attendance().rolls[2]).contains(&world.validator(3)));
    for _ in 2..HEARD {
        world.block(&[]);
    }
    // Somebody who has no part in it brings it, with one that was heard before.
    let late = world.precommits(&roll, 0, &[1, 3]);
    let tx = world.by_user(2, late.clone());
    assert_eq!(world.block(&[tx]), [Event::Attended { roll: roll.height, voters: 1 }]);
    assert_eq!(heard(&world)[three], 1);
    let again = world.by_user(1, late);
    assert_eq!(fault(&world, &again), AttendanceFault::Height(roll.height), "too old now");
}

#[test]
fn nobody_counts_twice_and_nothing_else_is_a_precommit_for_the_block() {
    let mut world = World::new();
    world.until(5);
    let roll = last(&world);
    let good = world.precommits(&roll, 0, &[0, 1]);
    let Action::Attend { votes, .. } = good.clone() else { panic!("precommits") };
    let attend =
        |height: Height, round: u32, votes: Vec<(NodeId, Signature)>| Action::Attend { height, round, votes };
    let signed = |world: &World, vote: Vote| {
        let key = &world.validators[0];
        let signed = Vote { by: key.id(), ..vote }.sign(key, world.state.chain());
        vec![(signed.vote.by, signed.signature)]
    };
    let truth = Vote {
        height: roll.height,
        round: 0,
        stage: Stage::Precommit,
        block: Some(roll.block),
        by: world.validator(0),
    };
    let lies = [
        Vote { stage: Stage::Prevote, ..truth },
        Vote { block: None, ..truth },
        Vote { block: Some(digest("another")), ..truth },
        Vote { round: 1, ..truth },
        Vote { height: Height(4), ..truth },
    ];
    for lie in lies {
        let tx = attend(roll.height, 0, signed(&world, lie));
        let tx = world.by_user(0, tx);
        assert_eq!(fault(&world, &tx), AttendanceFault::Signature, "{lie:?}");
    }
    let mut swapped = votes.clone();
    (swapped[0].1, swapped[1].1) = (votes[1].1, votes[0].1);
    let cases = [
        (attend(roll.height, 0, swapped), AttendanceFault::Signature),
        (attend(roll.height, 0, vec![votes[1], votes[0]]), AttendanceFault::Disorder(votes[0].0)),
        (attend(roll.height, 0, vec![votes[0], votes[0]]), AttendanceFault::Disorder(votes[0].0)),
        (attend(roll.height, 0, Vec::new()), AttendanceFault::Known),
        (attend(roll.height.next(), 0, votes.clone()), AttendanceFault::Height(roll.height.next())),
        (attend(Height(0), 0, votes.clone()), AttendanceFault::Height(Height(0))),
    ];
    for (action, expected) in cases {
        let tx = world.by_user(1, action);
        assert_eq!(fault(&world, &tx), expected);
    }
    // Validator 4 has too little stake to vote.
    let stranger = world.precommits(&roll, 0, &[0, 4]);
    let stranger = world.by_user(0, stranger);
    assert!(matches!(world.refused(&stranger), Refused::Stranger { who, .. } if who == world.validator(4)));
    // Twice in one block, in another round, and in the next block.
    let (first, second) = (world.by_user(0, good.clone()), world.by_user(1, good.clone()));
    let round = world.precommits(&roll, 1, &[0]);
    let round = world.by_user(2, round);
    let built = world.build(&[first, second, round]);
    assert_eq!(built.dropped.len(), 2);
    world.accept(built);
    assert_eq!(world.state.attendance().voted.iter().sum::<u32>(), 2);
    let next = world.by_user(3, good);
    assert_eq!(fault(&world, &next), AttendanceFault::Known);
}

#[test]
fn forged_precommits_cost_a_builder_no_more_than_other_failures() {
    let mut world = World::new();
    world.until(5);
    let roll = last(&world);
    let Action::Attend { votes, .. } = world.precommits(&roll, 0, &[0, 1, 2, 3]) else {
        panic!("precommits")
    };
    let forged: Vec<_> = (0..20u32)
        .map(|round| Action::Attend { height: roll.height, round: round + 1, votes: votes.clone() })
        .map(|action| world.by_user(0, action))
        .collect();
    let built = world.build(&forged);
    assert_eq!(built.dropped.len(), 1, "after the first the author is not believed in this block");
    assert!(built.block.transactions.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is brought in whatever order and parts, a voter's part is that of the heights of which it was brought in time.
    #[test]
    fn what_is_counted_does_not_depend_on_who_brings_it_when(
        plan in prop::collection::vec((0..4usize, 0..HEARD, 0..4usize), 0..40),
    ) {
        let mut world = World::new();
        let mut expected = BTreeSet::<(u64, usize)>::new();
        world.block(&[]);
        for chunk in plan.chunks(3) {
            if world.state.height().0 >= 18 {
                break;
            }
            let rolls = world.state.attendance().rolls;
            let mut txs = Vec::new();
            for (v, back, by) in chunk {
                let roll = &rolls[rolls.len() - 1 - back.min(&(rolls.len() - 1))];
                if expected.insert((roll.height.0, *v)) {
                    let action = world.precommits(roll, (*by % 2) as u32, &[*v]);
                    txs.push(world.by_user(*by, action));
                }
            }
            world.block(&txs);
        }
        let attendance = world.state.attendance();
        for v in 0..4 {
            let counted = expected.iter().filter(|(_, voter)| *voter == v).count();
            let at = place(&world, v);
            prop_assert_eq!(attendance.voted[at] as usize, counted);
            prop_assert_eq!(u64::from(attendance.part(at)), ((counted as u64) << 16) / u64::from(attendance.heights));
        }
    }
}
