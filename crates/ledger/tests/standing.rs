//! What the ledger's events do to standing: each channel is fed by its own, and lies and lateness are blamed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::{Amount, Epoch, Reputation};
use bitneuron_ledger::{Action, Channel, Event, Params, Refutation, Standing};
use world::*;

const NONE: Amount = Amount::ZERO;
/// What the treasury takes of a deal for 10 tokens, divided between its sides.
const HALF: Amount = Amount(250_000_000);

#[test]
fn a_turn_that_improves_by_a_bought_model_feeds_three_channels() {
    let mut world = World::new();
    let (seller, buyer) = (world.user(0), world.validator(1));
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    // A settled deal is past interaction for both, and no more.
    for side in [seller, buyer] {
        let standing = world.state.standing(side);
        assert_eq!((standing.good, standing.credit), (HALF, [NONE; 5]));
        assert_eq!(world.state.reputation(side), Reputation(0));
    }
    let treasury = world.state.pools().treasury;
    world.play(1, "after", (3, 6));
    let standing = world.state.standing(buyer);
    assert_eq!(standing.credit_of(Channel::Purchases), HALF);
    assert_eq!(standing.credit_of(Channel::Metric), NONE);
    let kept = world.state.pools().treasury.saturating_sub(treasury);
    let trained = standing.credit_of(Channel::Training);
    assert!(trained > NONE && trained < kept, "of the fees of commitment and claim the claim's");
    assert_eq!((standing.credit_of(Channel::Answers), standing.credit_of(Channel::Storage)), (NONE, NONE));
    let sold = world.state.standing(seller);
    assert_eq!(sold.credit, [NONE, NONE, HALF, NONE, NONE]);
    // Each channel for itself is worth something.
    let (params, kappa) = (world.state.params(), world.state.tally().kappa);
    let scale = params.scale(Amount::tokens(3_000), kappa);
    let all = standing.reputation(scale, &params.reputation);
    assert_eq!(world.state.reputation(buyer), all);
    // A fee is little, so against a small scale.
    let worth = |standing: Standing| standing.reputation(Amount::TOKEN, &params.reputation);
    for channel in [Channel::Training, Channel::Purchases] {
        let mut without = standing;
        without.credit[channel as usize] = NONE;
        assert!(worth(without) < worth(standing), "{channel:?}");
    }
}

#[test]
fn what_does_not_improve_and_what_is_not_listed_counts_for_less() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    world.play(1, "after", (6, 6));
    let standing = world.state.standing(world.validator(1));
    assert_eq!(standing.credit_of(Channel::Purchases), NONE, "the purchase did not help");
    assert_eq!(standing.credit_of(Channel::Metric), NONE);
    assert_eq!(world.state.standing(world.user(0)).credit, [NONE; 5]);
}

#[test]
fn a_pending_turn_counts_when_it_settles() {
    let mut world = World::new();
    world.play_by(1, "after", (3, 6), LATER);
    let (who, id) = (world.validator(1), world.state.pending().next().unwrap().0);
    assert_eq!(world.state.standing(who).credit, [NONE; 5]);
    let kept = world.state.pending_turn(id).unwrap().kept;
    world.block(&[]);
    let answer = world.by_user(0, Action::Answer { turn: id, answer: ANSWER.to_vec().into() });
    world.block(&[answer]);
    world.until(id.at.0 + WINDOW);
    assert!(kept > NONE);
    assert_eq!(world.state.standing(who).credit_of(Channel::Training), kept);
}

#[test]
fn lateness_and_lies_are_blamed() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "late", 12);
    let mut events = Vec::new();
    while !events.iter().any(|event| matches!(event, Event::DealLate { .. })) {
        events = world.block(&[]);
    }
    assert_eq!(
        world.state.standing(deal.seller).blame,
        Amount::tokens(8),
        "16 times what would have been kept"
    );
    let deal = world.deal(1, 1, "false", 16);
    let lie = world.score_claim(1, &deal, 16, FALSE);
    let tx = world.by_user(3, Action::Refute(Refutation::Claim(lie)));
    world.block(&[tx]);
    assert_eq!(world.state.standing(world.user(1)).blame, Amount::tokens(10), "the price");
    // A turn that is committed to and not claimed.
    world.until_phase(2);
    let turn = world.turn(2, "never");
    let commit = world.commit(2, &turn);
    world.block(&[commit]);
    world.until(world.state.height().0 + 9);
    let author = world.validator(2);
    let scale = world.state.params().scale(Amount::tokens(4_000), world.state.tally().kappa);
    let blame = world.state.standing(author).blame;
    assert!(blame.0 > scale.0 / 20 && blame.0 <= scale.0.div_ceil(16), "{blame}, K is {scale}");
}

#[test]
fn a_lie_takes_stake_and_reputation() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    world.play(1, "before", (3, 6));
    let (who, before) = (world.validator(1), world.state.reputation(world.validator(1)));
    world.until_phase(2);
    let turn = world.turn(1, "lie");
    let commit = world.commit(1, &turn);
    world.block(&[commit]);
    let lie = world.turn_claim(1, &turn, (3, 8), FALSE);
    let tx = world.by_user(0, Action::Refute(Refutation::Claim(lie)));
    world.block(&[tx]);
    let after = world.state.reputation(who);
    assert!(after.0 < before.0 / 10 && before.0 > 50, "{after:?} after {before:?}");
    assert!(world.state.stake(who).unwrap().frozen > NONE);
}

#[test]
fn standing_fades_and_kappa_falls_slowly_from_its_ceiling() {
    // Few rewards, so that weight earns little.
    let mut params = Params::devnet();
    params.rewards.pool = Amount::tokens(10_000);
    let mut world = World::with(params);
    world.play(1, "after", (3, 6));
    let (who, before) = (world.validator(1), world.state.standing(world.validator(1)));
    let kappa = world.state.tally().kappa;
    assert_eq!(world.state.tally().yielded, NONE, "who builds and votes is paid at the border");
    world.until(19);
    assert_eq!(world.state.epoch(), Epoch(0));
    let after = world.state.standing(who);
    assert_eq!(after.credit, before.credit.map(|held| Amount(held.0 - held.0.div_ceil(256))));
    let next = world.state.tally();
    assert!(next.yielded == NONE && next.kappa == kappa - kappa.div_ceil(256));
    // Where weight earns much, it stays.
    let mut rich = World::new();
    while rich.state.height().0 < 19 {
        rich.attended(&[0, 1, 2, 3]);
    }
    assert_eq!(rich.state.tally().kappa, kappa);
}
