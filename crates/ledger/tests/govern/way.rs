//! The way of a proposal: proposed, counted, voted on, passed, done; or not.

use crate::world::*;
use crate::{ALL_YES, EPOCH, end, now, params, pass, propose, until_epoch, vote, world};
use bitneuron_consensus::vote::Stage as Votes;
use bitneuron_consensus::{Certificate, Evidence, Vote};
use bitneuron_core::{Amount, Digest, Epoch, GoalId, NodeId};
use bitneuron_ledger::govern::{
    Choice, GovernFault, Kind, Motion, Outcome, Parameter, Proposal, ProposalId, Stage,
};
use bitneuron_ledger::store::{Archive, Decided, Memory};
use bitneuron_ledger::{Action, Event, Fate, Merit, Offence, Params, Refused, State, key as entry};

const LIFETIME: Motion = Motion::Param { parameter: Parameter::TxLifetime, value: 60 };

fn fault(world: &World, tx: &bitneuron_ledger::SignedTx) -> GovernFault {
    match world.refused(tx) {
        Refused::Governance(fault) => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn a_parameter_changes_at_a_border_for_all() {
    let mut world = world();
    let before = world.state.balance(world.validator(3));
    let proposal = propose(&mut world, 3, LIFETIME);
    let fee = before.0 - world.state.balance(world.validator(3)).0 - Amount::tokens(50).0;
    assert!(fee > 0 && fee < Amount::TOKEN.0, "the deposit and a fee");
    let known = *world.state.proposal(proposal).expect("known");
    assert_eq!((known.snapshot, known.opens(), known.closes()), (Epoch(1), Epoch(2), Epoch(3)));
    assert_eq!(known.votable, Amount::ZERO);
    // Too early, then in time, then too late.
    let ballot = Action::Vote { proposal, choice: Choice::Yes };
    let early = world.by_validator(0, ballot.clone());
    assert_eq!(fault(&world, &early), GovernFault::Closed(proposal));
    until_epoch(&mut world, 1);
    assert!(world.state.proposal(proposal).expect("known").votable > Amount::tokens(40_000));
    world.until(2 * EPOCH - 2);
    let early = world.by_validator(0, ballot.clone());
    assert_eq!(fault(&world, &early), GovernFault::Closed(proposal));
    let events = vote(&mut world, proposal, &ALL_YES);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Voted { .. })).count(), 5);
    world.until(4 * EPOCH - 1);
    let due = Epoch(4);
    assert_eq!(world.state.proposal(proposal).expect("known").stage, Stage::Passed(due));
    let late = world.by_validator(0, ballot);
    assert_eq!(fault(&world, &late), GovernFault::Closed(proposal));
    // The delay: nothing has changed until the border.
    world.until(5 * EPOCH - 2);
    assert_eq!(world.state.params().tx_lifetime, 100);
    let long = world.by_user(0, Action::Transfer { to: world.user(1), amount: Amount(1) });
    let mut tx = long.tx;
    tx.expires.0 = world.state.height().0 + 80;
    let long = tx.sign(&world.users[0], world.state.chain());
    assert!(world.state.admits(&long, &Scripted).is_ok());
    let events = world.block(&[]);
    let set = Event::ParameterSet { parameter: Parameter::TxLifetime, before: 100, value: 60 };
    assert!(events.contains(&set), "{events:?}");
    assert_eq!(world.state.params().tx_lifetime, 60);
    assert!(matches!(world.refused(&long), Refused::Expires { .. }));
    let Stage::Over { at, outcome } = world.state.proposal(proposal).expect("known").stage else {
        panic!("over")
    };
    assert_eq!((at, outcome), (due, Outcome::Done));
    // The deposit is back, and the fees of a proposal and a vote are all that it cost.
    let spent = before.0 - world.state.balance(world.validator(3)).0;
    assert!(spent < Amount::TOKEN.0, "{spent}");
    // What the parameters are is proved under the root.
    let proof = world.state.prove(&entry::params());
    let shown = proof.verify(world.state.root(), &entry::params()).expect("holds").expect("there");
    assert_eq!(shown.read::<Params>().as_ref(), Some(world.state.params()));
    assert_ne!(&world.genesis.params, world.state.params());
}

#[test]
fn a_ledger_that_is_opened_again_goes_on_by_the_parameters_of_its_votes() {
    let mut world = world();
    assert_eq!(pass(&mut world, LIFETIME).0, Outcome::Done);
    let split = Motion::Param { parameter: Parameter::Deliver, value: 5 };
    assert_eq!(pass(&mut world, split).0, Outcome::Done);
    world.until_phase(0);
    world.deal(0, 1, "model", 12);
    let (mut archive, mut state) = Archive::open(Memory::default(), &world.genesis).expect("empty");
    for block in &world.blocks {
        state = state.execute(block, &Scripted).expect("valid").0;
        let (height, id) = (block.header.height, block.id());
        let certificate = Certificate { height, round: 0, block: id, votes: Vec::new() };
        archive.commit(&Decided { block, certificate: &certificate, state: &state }).expect("follows");
    }
    assert_eq!(state.root(), world.state.root(), "a replay goes the same way");
    let (archive, opened) = Archive::load(archive.into_store()).expect("whole");
    assert_eq!((opened.root(), opened.params()), (state.root(), world.state.params()));
    assert_eq!(opened.book().params(), &world.state.params().market);
    assert_eq!(opened.book().params().deals.deliver, 5);
    assert_eq!(archive.replay(&Scripted).expect("executes").root(), state.root());
    let built = world.build(&[]);
    let after = opened.execute(&built.block, &Scripted).expect("the next block is valid").0;
    assert_eq!(after.root(), built.state.root());
}

#[test]
fn open_deals_fall_due_by_the_new_spans() {
    let late = |proposed: bool| {
        let mut world = world();
        for parameter in [Parameter::Deliver, Parameter::Prove] {
            if proposed {
                let proposal = propose(&mut world, 3, Motion::Param { parameter, value: 6 });
                let opens = world.state.proposal(proposal).expect("known").opens();
                assert_eq!(opens, Epoch(2));
            }
        }
        until_epoch(&mut world, 2);
        for proposal in (0..2).map(ProposalId).filter(|_| proposed) {
            vote(&mut world, proposal, &ALL_YES);
        }
        // Made at height 17, two heights before the border at which both are done; due at 21, or at 24.
        until_epoch(&mut world, 4);
        let deal = world.deal(0, 1, "model", 12);
        assert_eq!(deal.made.0, 17);
        while world.state.open_deal(deal.id).is_some() {
            world.block(&[]);
        }
        world.state.height().0
    };
    assert_eq!((late(false), late(true)), (21, 24));
}

#[test]
fn what_is_not_wanted_is_not_done() {
    let mut world = world();
    let cases: [(&[(usize, Choice)], Outcome); 5] = [
        (&[(0, Choice::Yes), (1, Choice::Yes), (2, Choice::Yes), (3, Choice::Veto)], Outcome::Done),
        (&[(0, Choice::Yes), (1, Choice::Yes), (3, Choice::Veto)], Outcome::Vetoed),
        (&[(0, Choice::Yes), (1, Choice::No), (2, Choice::No)], Outcome::Rejected),
        (&[], Outcome::NoQuorum),
        (&[(3, Choice::Abstain), (0, Choice::Abstain)], Outcome::Rejected),
    ];
    for (at, (votes, expected)) in cases.into_iter().enumerate() {
        let (treasury, paid) = (world.state.pools().treasury, world.state.balance(world.validator(4)));
        let proposal = propose(&mut world, 4, Motion::Text(digest(&at.to_string())));
        vote(&mut world, proposal, votes);
        let (outcome, _) = end(&mut world, proposal);
        assert_eq!(outcome, expected, "case {at}");
        let lost = expected.costs();
        let cost = paid.0.saturating_sub(world.state.balance(world.validator(4)).0);
        assert_eq!(cost > Amount::tokens(9).0, lost, "case {at}: {cost}");
        let gained = world.state.pools().treasury.0.saturating_sub(treasury.0);
        assert_eq!(gained >= Amount::tokens(10).0, lost, "case {at}: {gained}");
    }
}

#[test]
fn governance_sleeps_until_enough_can_vote() {
    let mut params = params();
    params.govern.least = Amount::tokens(43_000);
    let mut world = World::with(params.clone());
    assert_eq!(pass(&mut world, LIFETIME).0, Outcome::Done);
    params.govern.least = Amount::tokens(44_000);
    let mut world = World::with(params);
    let proposal = propose(&mut world, 3, LIFETIME);
    let held = world.state.balance(world.validator(3));
    until_epoch(&mut world, 1);
    let stage = world.state.proposal(proposal).expect("known").stage;
    assert_eq!(stage, Stage::Over { at: Epoch(0), outcome: Outcome::Asleep });
    let back = world.state.balance(world.validator(3)).0 - held.0;
    assert!(back >= Amount::tokens(50).0, "{back}");
}

#[test]
fn proposals_are_few_and_their_deposits_real() {
    let mut world = world();
    let poor = world.by_user(0, Action::Propose(Motion::Upgrade { protocol: 2 }));
    let pays = Action::Transfer { to: world.user(1), amount: Amount::tokens(850) };
    let pay = world.by_user(0, pays);
    world.block(&[pay]);
    let refused = world.refused(&poor);
    assert!(matches!(refused, Refused::Balance { .. }), "{refused:?}");
    let most = Proposal::MAX_OPEN;
    for at in 0..most {
        propose(&mut world, at % 5, Motion::Text(digest(&at.to_string())));
    }
    let one_more = world.by_validator(0, Action::Propose(Motion::Text(digest("more"))));
    assert!(matches!(world.refused(&one_more), Refused::Full(_)));
    // Another kind finds room.
    propose(&mut world, 0, LIFETIME);
    assert!(world.state.proposals().map(|(id, _)| id).eq((0..=most as u64).map(ProposalId)));
    // When they are over there is room again, and later they are forgotten, but no number comes twice.
    until_epoch(&mut world, 6);
    assert!(world.state.proposals().filter(|(_, proposal)| proposal.is_over()).count() >= most);
    let next = propose(&mut world, 0, Motion::Text(digest("more")));
    assert_eq!(next, ProposalId(most as u64 + 1));
    until_epoch(&mut world, 50);
    assert_eq!(world.state.proposals().count(), 0);
    assert_eq!(propose(&mut world, 0, LIFETIME), ProposalId(most as u64 + 2));
}

#[test]
fn what_cannot_be_done_is_not_proposed() {
    let mut world = world();
    let mut refused = |motion: Motion| {
        let tx = world.by_validator(0, Action::Propose(motion));
        world.refused(&tx)
    };
    let nowhere = GoalId(Digest::ZERO);
    assert!(matches!(refused(Motion::Listing { goal: nowhere, listed: false }), Refused::NoGoal(_)));
    let param = |parameter, value| Motion::Param { parameter, value };
    let governed = |refused: Refused| match refused {
        Refused::Governance(fault) => fault,
        other => panic!("{other}"),
    };
    assert!(matches!(
        governed(refused(param(Parameter::TxLifetime, 201))),
        GovernFault::Step { before: 100, .. }
    ));
    assert_eq!(governed(refused(param(Parameter::TxLifetime, 100))), GovernFault::Idle);
    assert!(matches!(refused(param(Parameter::GasTarget, 200_000_000)), Refused::Params(_)));
    let quorum = Parameter::Quorum(Kind::Text);
    assert!(matches!(governed(refused(param(quorum, 999))), GovernFault::Step { .. }));
    let to = NodeId([7; 32]);
    assert!(matches!(
        governed(refused(Motion::Treasury { to, amount: Amount::SUPPLY })),
        GovernFault::Spending { .. }
    ));
    assert_eq!(governed(refused(Motion::Treasury { to, amount: Amount::ZERO })), GovernFault::Idle);
    for protocol in [0, 1, 3, u32::MAX] {
        assert_eq!(
            governed(refused(Motion::Upgrade { protocol })),
            GovernFault::Version { found: protocol, next: 2 }
        );
    }
    assert!(matches!(refused(Motion::Pardon { misdeed: Digest::ZERO }), Refused::Punished(_)));
    let listed = Motion::Listing { goal: goal("test").id(), listed: true };
    assert_eq!(governed(refused(listed)), GovernFault::Idle);
    let none = world.by_validator(0, Action::Vote { proposal: ProposalId(9), choice: Choice::Yes });
    assert_eq!(fault(&world, &none), GovernFault::Closed(ProposalId(9)));
}

#[test]
fn a_goal_that_is_listed_no_longer_earns_nothing() {
    let mut world = World::with(Params { rewards: Params::devnet().rewards, ..params() });
    // Whether a turn pays the builder of its block, at the end of the epoch.
    let pays = |world: &mut World, after: &str| {
        let mut events = world.play(1, after, (3, 6));
        assert!(events.iter().any(|event| matches!(event, Event::TurnAccepted { .. })));
        let next = now(world) + 1;
        events.extend(until_epoch(world, next));
        events.iter().any(|event| matches!(event, Event::Rewarded { merit: Merit::Block, .. }))
    };
    assert!(pays(&mut world, "a"));
    let goal = world.goal_id();
    assert_eq!(pass(&mut world, Motion::Listing { goal, listed: false }).0, Outcome::Done);
    assert!(!pays(&mut world, "b"));
    assert_eq!(pass(&mut world, Motion::Listing { goal, listed: true }).0, Outcome::Done);
    assert!(pays(&mut world, "c"));
}

/// Accuses a validator of two votes in the height before; the misdeed's name.
pub(crate) fn accuse(world: &mut World, v: usize) -> Digest {
    let height = world.state.height();
    let signed = |block: &str| {
        let key = &world.validators[v];
        Vote { height, round: 0, stage: Votes::Prevote, block: Some(digest(block)), by: key.id() }
            .sign(key, world.state.chain())
    };
    let evidence = Evidence::votes(signed("a"), signed("b")).expect("conflict");
    let tx = world.by_user(0, Action::Accuse(evidence));
    world.block(&[tx]);
    let (who, of) = (world.validator(v), |state: &State, who| {
        let known = state.misdeeds().find(|(_, misdeed)| misdeed.who == who);
        known.map(|(subject, misdeed)| (subject, misdeed.offence))
    });
    let (subject, offence) = of(&world.state, who).expect("known");
    assert_eq!(offence, Offence::DoubleVote);
    subject
}

#[test]
fn a_pardon_in_time_gives_back_and_one_too_late_does_not() {
    let mut world = world();
    world.block(&[]);
    let (who, before) = (world.validator(0), world.state.stake(world.validator(0)).expect("staked").clone());
    let misdeed = accuse(&mut world, 0);
    let frozen = world.state.stake(who).expect("staked").clone();
    assert!(frozen.tombstoned && frozen.frozen > Amount::ZERO);
    let (outcome, events) = pass(&mut world, Motion::Pardon { misdeed });
    assert_eq!(outcome, Outcome::Done);
    assert!(events.contains(&Event::Pardoned { who, subject: misdeed, amount: frozen.frozen }), "{events:?}");
    let after = world.state.stake(who).expect("staked");
    assert_eq!((after.held(), after.frozen, after.tombstoned), (before.held(), Amount::ZERO, false));
    assert_eq!(world.state.punished(misdeed).expect("known").fate, Fate::Pardoned);
    let again = world.by_validator(1, Action::Propose(Motion::Pardon { misdeed }));
    assert!(matches!(world.refused(&again), Refused::Punished(_)), "once");

    // At the border at which it falls due a pardon is still in time: nothing is taken first.
    let misdeed = accuse(&mut world, 2);
    let Fate::Frozen(until) = world.state.punished(misdeed).expect("known").fate else { panic!("frozen") };
    until_epoch(&mut world, until.0 - 2);
    let proposal = propose(&mut world, 3, Motion::Pardon { misdeed });
    assert_eq!(world.state.proposal(proposal).expect("known").closes(), until);
    vote(&mut world, proposal, &ALL_YES);
    assert_eq!(end(&mut world, proposal).0, Outcome::Done);
    assert_eq!(world.state.punished(misdeed).expect("known").fate, Fate::Pardoned);

    // What is taken while votes are counted cannot be given back.
    let misdeed = accuse(&mut world, 1);
    let Fate::Frozen(until) = world.state.punished(misdeed).expect("known").fate else { panic!("frozen") };
    until_epoch(&mut world, until.0 - 1);
    let held = world.state.stake(world.validator(1)).expect("staked").held();
    let (outcome, events) = pass(&mut world, Motion::Pardon { misdeed });
    assert_eq!(outcome, Outcome::Void);
    assert!(events.iter().any(|event| matches!(event, Event::Slashed { .. })));
    assert!(world.state.stake(world.validator(1)).expect("staked").held() < held);
    let late = world.by_validator(1, Action::Propose(Motion::Pardon { misdeed }));
    assert!(matches!(world.refused(&late), Refused::Punished(_)));
}

#[test]
fn the_treasury_pays_no_more_than_a_twentieth_in_a_span() {
    let mut world = world();
    // One of the majority, else what is paid would outvote it.
    let (to, span) = (world.validator(0), world.state.params().govern.span);
    let (mut done, mut void) = (0, 0);
    for _ in 0..6 {
        // As many payments at once as are allowed, each of all that may be paid, or of a part.
        let most = world.state.treasury_budget().0;
        let mut proposals = Vec::new();
        for at in 0..Proposal::MAX_OPEN {
            let amount = Amount(most / [1, 2, 3, 50][at % 4]);
            if amount <= world.state.treasury_budget() && amount > Amount::ZERO {
                proposals.push(propose(&mut world, at % 4, Motion::Treasury { to, amount }));
            }
        }
        for proposal in &proposals {
            vote(&mut world, *proposal, &ALL_YES);
        }
        for proposal in &proposals {
            match end(&mut world, *proposal).0 {
                Outcome::Done => done += 1,
                Outcome::Void => void += 1,
                other => panic!("{other:?}"),
            }
        }
        let waited = now(&world) + span / 3;
        until_epoch(&mut world, waited);
    }
    // Counted again by whoever replays the chain: at each payment those of a span are a twentieth of the treasury at most.
    let mut state = State::genesis(&world.genesis).expect("valid");
    let mut paid: Vec<(u64, Amount)> = Vec::new();
    for block in &world.blocks {
        let (next, events) = state.execute(block, &Scripted).expect("valid");
        state = next;
        for event in events {
            let Event::Granted { amount, .. } = event else { continue };
            let at = state.epoch().0;
            paid.push((at, amount));
            let within = paid.iter().filter(|(other, _)| other + span > at).map(|(_, amount)| *amount);
            let within = Amount::sum(within).expect("bounded").0;
            assert!(within * 20 <= state.pools().treasury.0 + within, "{within} at {at}");
        }
    }
    assert_eq!(paid.len(), done);
    assert!(done >= 4 && void >= 4, "{done} paid, {void} void");
    // Some three spans: a twentieth each time, and each time anew.
    let all = Amount::sum(paid.iter().map(|(_, amount)| *amount)).expect("bounded").0;
    let part = all * 100 / (state.pools().treasury.0 + all);
    assert!((9..=15).contains(&part) && now(&world) > 2 * span, "{part} % in {} epochs", now(&world));
}

#[test]
fn another_protocol_comes_after_all_could_leave_and_stops_programs_that_do_not_know_it() {
    let mut world = world();
    let proposal = propose(&mut world, 3, Motion::Upgrade { protocol: 2 });
    vote(&mut world, proposal, &ALL_YES);
    let closes = world.state.proposal(proposal).expect("known").closes();
    until_epoch(&mut world, closes.0 + 1);
    let Stage::Passed(due) = world.state.proposal(proposal).expect("known").stage else { panic!("passed") };
    // Whoever unbonds now is free before.
    let held = world.state.stake(world.validator(0)).expect("staked").bonded;
    let leave = world.by_validator(0, Action::Unbond(held));
    world.block(&[leave]);
    until_epoch(&mut world, due.0);
    assert_eq!(
        world.state.stake(world.validator(0)).map(bitneuron_ledger::Stake::held).unwrap_or_default(),
        Amount::ZERO
    );
    assert_eq!(world.state.params().protocol, 1);
    world.until((due.0 + 1) * EPOCH - 1);
    assert_eq!(world.state.params().protocol, 2);
    let header = world.header();
    let refused = world.state.build(header, &[], &Scripted).expect_err("unknown");
    assert!(matches!(refused, Refused::Protocol { needed: 2, known: 1 }), "{refused}");
}
