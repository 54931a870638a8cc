//! What a builder does for candidates that pay nothing is bounded.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::claim::{CheckClaim, Claim, Refused as Verdict};
use bitneuron_core::{Amount, Keypair};
use bitneuron_ledger::{Action, Built, Event, Params, Refutation, SignedTx};
use bitneuron_market::{DataMarket, Deal};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use world::*;

/// Counts what it is asked.
#[derive(Default)]
struct Counting(AtomicUsize);

impl CheckClaim for Counting {
    fn check(&self, claim: &Claim) -> Result<(), Verdict> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Scripted.check(claim)
    }

    fn gas(&self, claim: &Claim) -> u64 {
        Scripted.gas(claim)
    }
}

/// A chain whose blocks have room for ten checks of 100,000 gas.
fn narrow() -> World {
    let mut params = Params::devnet();
    (params.fees.limit, params.fees.target) = (1_000_000, 500_000);
    World::with(params)
}

fn build(world: &World, txs: &[SignedTx]) -> (Built, usize) {
    let candidates: Vec<_> = txs.iter().cloned().map(Arc::new).collect();
    let judge = Counting::default();
    let built = world.state.build(world.header(), &candidates, &judge).expect("may build");
    (built, judge.0.into_inner())
}

/// A deal of each user with validator 1.
fn deals(world: &mut World) -> Vec<Deal<DataMarket>> {
    world.until_phase(0);
    let mut txs: Vec<_> = (0..4).map(|n| world.offer(n, &format!("model {n}"), 16, 10)).collect();
    txs.push(world.bid(1, 12, 4));
    let made = |event| if let Event::DealMade(deal) = event { Some(deal) } else { None };
    let mut deals: Vec<_> = world.block(&txs).into_iter().filter_map(made).collect();
    deals.sort_by_key(|deal| (0..4).position(|n| world.user(n) == deal.seller));
    assert_eq!(deals.len(), 4);
    deals
}

#[test]
fn true_claims_are_not_refuted_for_nothing() {
    let mut world = narrow();
    let deal = world.deal(0, 1, "model", 16);
    let truth = world.score_claim(0, &deal, 16, TRUE);
    let senders: Vec<Keypair> = world.users.clone();
    let spam: Vec<_> = (0..100)
        .map(|n| {
            let key: &Keypair = &senders[n % 4];
            world.tx(key, Action::Refute(Refutation::Claim(truth.clone())))
        })
        .collect();
    let (built, checks) = build(&world, &spam);
    // A quarter of the limit is 2½ checks, and the fourth sender would be one too many.
    assert_eq!((checks, built.dropped.len(), built.block.transactions.len()), (3, 3, 0));
    // Whoever means it has its turn in the same block.
    let mut txs = spam;
    txs.push(world.by_user(3, Action::Transfer { to: world.user(0), amount: Amount(1) }));
    assert_eq!(build(&world, &txs).0.block.transactions.len(), 1);
}

#[test]
fn one_failure_of_an_author_is_judged_in_a_block() {
    let mut world = narrow();
    let deals = deals(&mut world);
    let carriers = [2, 3];
    let mut txs: Vec<_> = (0..40)
        .map(|n| {
            let proof = [FALSE, b"no verdict"][n % 2];
            let lie = world.score_claim(0, &deals[0], 16, proof);
            world.by_user(carriers[n % 2], Action::Claim(lie))
        })
        .collect();
    let honest = world.score_claim(1, &deals[1], 16, TRUE);
    txs.push(world.by_user(1, Action::Claim(honest)));
    let (built, checks) = build(&world, &txs);
    assert_eq!((checks, built.dropped.len(), built.block.transactions.len()), (2, 1, 1));
    // Forged claims are not held against him whose name they bear.
    let context = *world.score_claim(1, &deals[1], 16, TRUE).context();
    let forged =
        Claim::new(&world.users[0], bitneuron_core::claim::Score::DOMAIN, context, vec![], FALSE.to_vec());
    txs.insert(0, world.by_user(0, Action::Claim(forged)));
    let (built, checks) = build(&world, &txs);
    assert_eq!((checks, built.dropped.len(), built.block.transactions.len()), (2, 2, 1));
}

#[test]
fn failures_of_many_cost_a_quarter_of_a_block_and_starve_nobody() {
    let mut world = narrow();
    let deals = deals(&mut world);
    let mut txs: Vec<_> = (0..3)
        .map(|n| {
            let lie = world.score_claim(n, &deals[n], 16, FALSE);
            world.by_user(n, Action::Claim(lie))
        })
        .collect();
    let honest = world.score_claim(3, &deals[3], 16, TRUE);
    txs.push(world.by_user(3, Action::Claim(honest)));
    txs.push(world.by_user(3, Action::Transfer { to: world.user(0), amount: Amount(1) }));
    let (built, checks) = build(&world, &txs);
    // A quarter of the limit is 2½ checks; the honest claim waits, what needs no judge does not.
    assert_eq!((checks, built.dropped.len(), built.block.transactions.len()), (3, 3, 1));
    txs.retain(|tx| built.dropped.iter().all(|(dropped, _)| **dropped != *tx));
    let (built, checks) = build(&world, &txs);
    assert_eq!((checks, built.dropped.len(), built.block.transactions.len()), (1, 0, 2));
}

#[test]
fn what_is_known_already_is_not_judged_again() {
    let mut world = narrow();
    let deals = deals(&mut world);
    let proven = world.score_claim(0, &deals[0], 16, TRUE);
    let post = Action::Post { deal: deals[1].id, packet: b"model 1".to_vec().into(), base: None };
    let first = [world.by_user(0, Action::Claim(proven.clone())), world.by_user(1, post.clone())];
    world.block(&first);
    let again = [world.by_user(2, Action::Claim(proven)), world.by_user(1, post)];
    let (built, checks) = build(&world, &again);
    assert_eq!((checks, built.dropped.len()), (0, 2));
    assert_eq!(built.state.root(), build(&world, &[]).0.state.root());
}
