//! Each kind of misdeed costs what it should, exactly once, and reaches stake that is leaving.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_consensus::vote::Stage;
use bitneuron_consensus::{Block, Evidence, Proposal, SignedVote, Vote};
use bitneuron_core::{Amount, Digest, Epoch, Height, NodeId, encode};
use bitneuron_ledger::{
    Action, Content, Event, HeaderFault, Offence, Params, Refused, Refutation, SignedTx, State,
};
use world::*;

fn vote(world: &World, v: usize, height: u64, stage: Stage, block: &str) -> SignedVote {
    let key = &world.validators[v];
    Vote { height: Height(height), round: 0, stage, block: Some(digest(block)), by: key.id() }
        .sign(key, world.state.chain())
}

fn double_vote(world: &World, v: usize, height: u64, stage: Stage) -> Evidence {
    Evidence::votes(vote(world, v, height, stage, "a"), vote(world, v, height, stage, "b")).expect("conflict")
}

fn proposal(world: &World, v: usize, height: u64, block: Digest) -> bitneuron_consensus::SignedProposal {
    let key = &world.validators[v];
    Proposal { height: Height(height), round: 0, proof_round: None, block, by: key.id() }
        .sign(key, world.state.chain())
}

fn slashed(events: &[Event], offence: Offence) -> Option<Amount> {
    let mut found = events.iter().filter_map(|event| match event {
        Event::Frozen { offence: kind, amount, .. } if *kind == offence => Some(*amount),
        _ => None,
    });
    let first = found.next();
    assert_eq!(found.next(), None, "more than once");
    first
}

fn stake(state: &State, id: NodeId) -> Amount {
    state.stake(id).expect("staked").slashable()
}

/// Applies a transaction, then sees the same misdeed refused.
fn once(world: &mut World, action: Action) -> Vec<Event> {
    let (first, again) = (world.by_user(0, action.clone()), world.by_user(1, action));
    let events = world.block(&[first]);
    assert!(matches!(world.refused(&again), Refused::Punished(_)));
    events
}

/// A block at the next height that holds a false claim, by validator `v`.
fn false_block(world: &mut World, v: usize) -> (Block, Content) {
    let deal = world.deal(0, 1, "model", 16);
    let lie = world.score_claim(0, &deal, 16, FALSE);
    let lie = world.by_user(0, Action::Claim(lie));
    let other = world.by_user(1, Action::Transfer { to: world.user(2), amount: Amount(1) });
    let header = world.header_by(world.validator(v));
    let block = Block::new(header, [&other, &lie].map(|tx: &SignedTx| encode(tx).into()).into());
    let content = Content::of(&block, 1).expect("there");
    (block, content)
}

#[test]
fn a_double_vote_costs_five_percent_and_three_times_the_share() {
    let mut world = World::new();
    world.block(&[]);
    let who = world.validator(0);
    let evidence = double_vote(&world, 0, 1, Stage::Precommit);
    let events = once(&mut world, Action::Accuse(evidence));
    // 2,000 of the voters' 14,000 tokens are 1,428 bp: 500 + 3 · 1,428 bp of 2,000 tokens.
    let amount = Amount(956_800_000_000);
    assert_eq!(slashed(&events, Offence::DoubleVote), Some(amount));
    assert_eq!(stake(&world.state, who), Amount::tokens(2_000).checked_sub(amount).expect("less"));
    assert!(world.state.stake(who).expect("staked").tombstoned);
    // Another stage and another height of the epoch are the same misdeed.
    for (height, stage) in [(1, Stage::Prevote), (2, Stage::Precommit)] {
        let evidence = double_vote(&world, 0, height, stage);
        let again = world.by_user(0, Action::Accuse(evidence));
        assert!(matches!(world.refused(&again), Refused::Punished(_)), "height {height}");
    }
    // Taken when evidence of that height is no longer heard: 5 % for the informer, not free at once, the rest to the treasury.
    world.until(138);
    let treasury = world.state.pools().treasury;
    let events = world.block(&[]);
    let taken = Event::Slashed { who, offence: Offence::DoubleVote, amount, frozen: amount };
    assert!(events.contains(&taken), "{events:?}");
    let informer = world.state.stake(world.user(0)).expect("tokens that unbond");
    assert_eq!((informer.held(), informer.bonded), (Amount(47_840_000_000), Amount::ZERO));
    let rest = world.state.pools().treasury.saturating_sub(treasury);
    assert_eq!(rest, Amount(956_800_000_000 - 47_840_000_000));
}

#[test]
fn an_offender_of_two_epochs_counts_once() {
    let mut params = Params::devnet();
    params.slash.correlation = 1;
    let mut world = World::with(params);
    world.until(20);
    let accuse = |world: &mut World, v, height| {
        let evidence = double_vote(world, v, height, Stage::Precommit);
        slashed(&once(world, Action::Accuse(evidence)), Offence::DoubleVote)
    };
    // 2,000 of 14,000 tokens are 1,428 bp, and 500 bp come before.
    assert_eq!(accuse(&mut world, 0, 1), Some(Amount(385_600_000_000)));
    // 1,614.4 of 14,000 are 1,153 bp: what the same one did before is not counted beside it.
    assert_eq!(accuse(&mut world, 0, 20), Some(Amount(266_861_000_000)));
    // For another it counts once, with the most that it had: 5,000 of 14,000 are 3,571 bp.
    assert_eq!(accuse(&mut world, 1, 1), Some(Amount(1_221_300_000_000)));
}

#[test]
fn nobody_is_paid_for_informing_against_himself() {
    let mut world = World::new();
    world.block(&[]);
    let evidence = double_vote(&world, 0, 1, Stage::Precommit);
    let balance = world.state.balance(world.validator(0));
    let tx = world.by_validator(0, Action::Accuse(evidence));
    let events = world.block(&[tx]);
    let amount = slashed(&events, Offence::DoubleVote).expect("frozen");
    world.until(138);
    let treasury = world.state.pools().treasury;
    world.block(&[]);
    assert_eq!(world.state.pools().treasury.saturating_sub(treasury), amount);
    assert!(world.state.balance(world.validator(0)) < balance);
}

#[test]
fn who_is_out_of_office_is_paid_nothing() {
    let mut world = World::new();
    world.block(&[]);
    let evidence = double_vote(&world, 3, 1, Stage::Precommit);
    let tx = world.by_user(0, Action::Accuse(evidence));
    world.block(&[tx]);
    let balance = |world: &World, v: usize| world.state.balance(world.validator(v));
    let (out, free) = (balance(&world, 3), balance(&world, 2));
    let roll = world.state.attendance().rolls.last().cloned().expect("within an epoch");
    let heard = world.by_user(0, world.precommits(&roll, 0, &[0, 1, 2, 3]));
    world.block(&[heard]);
    world.until(19);
    assert_eq!(balance(&world, 3), out, "still a member of the electorate, but tombstoned");
    assert!(balance(&world, 2) > free);
}

#[test]
fn together_a_third_loses_everything() {
    let mut world = World::new();
    world.block(&[]);
    for v in [3, 2] {
        let evidence = double_vote(&world, v, 1, Stage::Precommit);
        let tx = world.by_user(0, Action::Accuse(evidence));
        world.block(&[tx]);
    }
    assert!(world.state.stake(world.validator(2)).is_some_and(|stake| stake.tombstoned));
    assert_eq!(stake(&world.state, world.validator(2)), Amount::ZERO);
}

#[test]
fn a_double_proposal_costs_stake_and_freedom() {
    let mut world = World::new();
    world.block(&[]);
    let builder = world.header().proposer;
    let v = (0..4).find(|v| world.validator(*v) == builder).expect("a validator");
    let pair = [digest("a"), digest("b")].map(|block| proposal(&world, v, 1, block));
    let evidence = Evidence::proposals(pair[0], pair[1]).expect("conflict");
    let events = once(&mut world, Action::Accuse(evidence));
    assert!(slashed(&events, Offence::DoubleProposal).is_some());
    // Jailed at once for building, and free again after.
    let header = world.header_by(builder);
    let refused = world.state.build(header.clone(), &[], &Scripted).expect_err("jailed");
    assert!(matches!(refused, Refused::Header(HeaderFault::Jailed(id)) if id == builder));
    let epochs = world.state.params().slash.jail + 1;
    assert_eq!(world.state.stake(builder).expect("staked").jailed, Epoch(epochs));
    let bond = world.by_validator(v, Action::Bond(Amount::tokens(1_000)));
    world.block(&[bond]);
    // Its electorates are fixed two epochs ahead: there until the end of epoch 1, not in 2.
    world.until(20 * (epochs + 1));
    for epoch in 0..=epochs + 2 {
        let electorate = world.state.electorate(Epoch(epoch));
        let Some(electorate) = electorate else { continue };
        let member = electorate.weight_of(builder).is_some();
        assert_eq!(member, epoch < 2 || epoch >= epochs, "epoch {epoch}");
    }
}

#[test]
fn who_proposed_or_precommitted_a_false_claim_is_convicted_by_the_block() {
    let mut world = World::new();
    let (block, content) = false_block(&mut world, 2);
    let height = block.header.height;
    world.block(&[]);
    let proposal = proposal(&world, 2, height.0, block.id());
    let events =
        once(&mut world, Action::Refute(Refutation::Proposed { proposal, content: content.clone() }));
    assert_eq!(slashed(&events, Offence::FalseProposal), Some(Amount::tokens(80)), "2 % of 4,000");

    let signed = |world: &World, v: usize, stage, block| {
        let by = world.validator(v);
        Vote { height, round: 0, stage, block, by }.sign(&world.validators[v], world.state.chain())
    };
    let vote = signed(&world, 3, Stage::Precommit, Some(block.id()));
    let events =
        once(&mut world, Action::Refute(Refutation::Precommitted { vote, content: content.clone() }));
    assert_eq!(slashed(&events, Offence::FalsePrecommit), Some(Amount::tokens(50)), "1 % of 5,000");

    // A prevote, a vote for nothing, another block, a stranger's vote, another content: nobody is convicted.
    let refute = |world: &mut World, vote, content: &Content| {
        let tx =
            world.by_user(0, Action::Refute(Refutation::Precommitted { vote, content: content.clone() }));
        world.refused(&tx)
    };
    let prevote = signed(&world, 1, Stage::Prevote, Some(block.id()));
    assert!(matches!(refute(&mut world, prevote, &content), Refused::Mismatch(_)));
    let nothing = signed(&world, 1, Stage::Precommit, None);
    assert!(matches!(refute(&mut world, nothing, &content), Refused::Mismatch(_)));
    let other = signed(&world, 1, Stage::Precommit, Some(digest("another")));
    assert!(matches!(refute(&mut world, other, &content), Refused::Mismatch(_)));
    let light = signed(&world, 4, Stage::Precommit, Some(block.id()));
    assert!(matches!(refute(&mut world, light, &content), Refused::Stranger { .. }));
    let good = signed(&world, 1, Stage::Precommit, Some(block.id()));
    let harmless = Content { transaction: block.transactions[0].clone(), ..content.clone() };
    assert!(matches!(refute(&mut world, good, &harmless), Refused::Mismatch(_)));
    let mut forged = good;
    forged.vote.by = world.validator(0);
    assert!(matches!(refute(&mut world, forged, &content), Refused::Signature(_)));
}

#[test]
fn a_block_of_true_claims_convicts_nobody() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 16);
    let claim = world.score_claim(0, &deal, 16, TRUE);
    let tx = world.by_user(0, Action::Claim(claim));
    world.block(&[tx]);
    let block = world.blocks.last().expect("built").clone();
    let content = Content::of(&block, 0).expect("there");
    let proposal = proposal(&world, 2, block.header.height.0, block.id());
    let tx = world.by_user(0, Action::Refute(Refutation::Proposed { proposal, content }));
    let stakes = [0, 1, 2, 3].map(|v| stake(&world.state, world.validator(v)));
    assert!(matches!(world.refused(&tx), Refused::Innocent));
    assert_eq!([0, 1, 2, 3].map(|v| stake(&world.state, world.validator(v))), stakes);
}

#[test]
fn slashing_reaches_stake_that_is_leaving_until_evidence_is_too_old() {
    let mut world = World::new();
    let leave = world.by_validator(0, Action::Unbond(Amount::tokens(2_000)));
    world.block(&[leave]);
    let who = world.validator(0);
    assert_eq!(world.state.stake(who).expect("staked").bonded, Amount::ZERO);
    world.until(39);
    // Still a member of epoch 1, whose last height is 39.
    let evidence = double_vote(&world, 0, 39, Stage::Precommit);
    let age = world.state.params().stake.evidence_age;
    let old = double_vote(&world, 0, 1, Stage::Precommit);
    world.until(age);
    let tx = world.by_user(0, Action::Accuse(old.clone()));
    assert!(world.build(&[tx]).dropped.is_empty(), "just in time");
    world.until(age + 1);
    let tx = world.by_user(0, Action::Accuse(old));
    assert!(matches!(world.refused(&tx), Refused::Age(Height(1))));
    let tx = world.by_user(0, Action::Accuse(evidence.clone()));
    let events = world.block(&[tx]);
    assert!(slashed(&events, Offence::DoubleVote).is_some_and(|amount| amount > Amount::tokens(100)));
    // What is left is free at height 161, and comes back when the penalty has been taken: three epochs after it was proven.
    let (left, balance) = (stake(&world.state, who), world.state.balance(who));
    world.until(199);
    assert!(world.state.balance(who) >= balance.checked_add(left).expect("small"));
    let future = double_vote(&world, 3, 220, Stage::Precommit);
    let tx = world.by_user(0, Action::Accuse(future));
    assert!(matches!(world.refused(&tx), Refused::Age(Height(220))));
}

#[test]
fn only_members_of_that_epoch_are_accused() {
    let mut world = World::new();
    world.block(&[]);
    let light = double_vote(&world, 4, 1, Stage::Precommit);
    let tx = world.by_user(0, Action::Accuse(light));
    assert!(matches!(world.refused(&tx), Refused::Stranger { epoch: Epoch(0), .. }));
    let Evidence::DoubleVote(a, mut b) = double_vote(&world, 0, 1, Stage::Precommit) else { panic!("votes") };
    b.signature = a.signature;
    let tx = world.by_user(0, Action::Accuse(Evidence::DoubleVote(a, b)));
    assert!(matches!(world.refused(&tx), Refused::Evidence(_)));
}
