//! The supply is fixed: counted after each of very many random transactions of all kinds.
//!
//! In this profile the ledger counts all tokens after each transaction itself and stops at the first unit that is missing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::claim::{CheckClaim, Claim, Demand, Opening, Refused as Verdict, Ruling, Settles};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Amount, ChainId, Commitment, Digest, Layout, NodeId, Signature};
use bitneuron_ledger::{Action, Allocation, Grant, Lock, Params};
use std::collections::BTreeSet;
use std::sync::Arc;
use world::storm::{Words, anything};
use world::*;

/// Takes every signature for good and judges claims as scripted: this is not about signatures.
struct Trusting;

impl CheckClaim for Trusting {
    fn check(&self, claim: &Claim) -> Result<(), Verdict> {
        Scripted.check(claim)
    }
    fn gas(&self, claim: &Claim) -> u64 {
        Scripted.gas(claim)
    }
    fn settles(&self, claim: &Claim) -> Settles {
        Scripted.settles(claim)
    }
    fn audit(&self, claim: &Claim, beacon: Digest, demand: Demand, answer: &[u8]) -> Result<(), Verdict> {
        Scripted.audit(claim, beacon, demand, answer)
    }
    fn openings(&self, claim: &Claim) -> Vec<Opening> {
        Scripted.openings(claim)
    }
    fn rule(
        &self,
        claim: &Claim,
        beacon: Digest,
        referee: Option<&[u8]>,
        step: &[u8],
    ) -> Result<Ruling, Verdict> {
        Scripted.rule(claim, beacon, referee, step)
    }
    fn opens(
        &self,
        packet: &[u8],
        base: Option<&ExactParams>,
        layout: &Arc<Layout>,
        chain: ChainId,
    ) -> Result<Commitment, Verdict> {
        Scripted.opens(packet, base, layout, chain)
    }
    fn verify(&self, _: NodeId, _: &str, _: ChainId, _: &[u8], _: &Signature) -> bool {
        true
    }
    fn verify_all(&self, _: &[(NodeId, &[u8], Signature)]) -> bool {
        true
    }
}

/// A chain on which some of what people hold vests while the storm goes on.
fn locked(seed: u64) -> World {
    let mut params = Params::devnet();
    // A year in 20 seconds, 40 heights, from before the cliff to after the end.
    (params.vesting.cliff, params.vesting.duration) = (20, 80);
    params.vesting.elapsed = [0, 15, 50][(seed % 3) as usize];
    let mut genesis = genesis(params);
    let grant = |n, tokens| Grant {
        allocation: Allocation::Team,
        owner: key(n).id(),
        amount: Amount::tokens(tokens),
    };
    genesis.grants = vec![grant(0, 6_500), grant(1, 3_000), grant(100, 700), grant(101, 1_000)];
    genesis.grants.sort_unstable();
    let mut world = World::of(genesis, goal("test"));
    world.unsigned = true;
    world
}

fn granted(world: &World, wanted: Lock) -> Amount {
    Amount::sum(world.state.grants().filter(|(lock, ..)| *lock == wanted).map(|(_, _, amount)| amount))
        .unwrap()
}

/// So many transactions are taken, and never is there a unit more or less; gives how many were taken and refused, and which kinds were taken.
fn survive(wanted: usize) -> (usize, usize, BTreeSet<&'static str>) {
    let (mut taken, mut refused, mut seed, mut kinds) = (0, 0, 0, BTreeSet::new());
    while taken < wanted {
        seed += 1;
        let (mut world, mut words) = (locked(seed), Words(seed << 32));
        let all = granted(&world, Lock::Vesting);
        for _ in 0..120 {
            let txs: Vec<_> = (0..40)
                .map(|_| {
                    let mut tx = anything(&mut world, words.pick());
                    tx.tx.tip = Amount(u128::from(words.next() % 7));
                    tx
                })
                .collect();
            let built = world.build_with(&txs, &Trusting);
            for tx in txs.iter().filter(|tx| !built.dropped.iter().any(|(other, _)| other.tx == tx.tx)) {
                kinds.insert(kind(&tx.tx.action));
            }
            (taken, refused) = (taken + built.block.transactions.len(), refused + built.dropped.len());
            world.state = built.state;
            assert_eq!(world.state.total(), Amount::SUPPLY, "after {taken}");
            let open = world.state.vesting_time() >= 80;
            assert!(open || granted(&world, Lock::Vesting) == all, "locks were lost or made");
        }
    }
    (taken, refused, kinds)
}

fn kind(action: &Action) -> &'static str {
    match action {
        Action::Transfer { .. } => "transfer",
        Action::Bond(_) => "bond",
        Action::Unbond(_) => "unbond",
        Action::RegisterGoal(_) => "goal",
        Action::RegisterData { .. } => "data",
        Action::Place(_) => "place",
        Action::Cancel(_) => "cancel",
        Action::Receipt { .. } => "receipt",
        Action::Post { .. } => "post",
        Action::CommitTurn { .. } => "commit",
        Action::Claim(_) => "claim",
        Action::Answer { .. } => "answer",
        Action::Challenge { .. } => "challenge",
        Action::Move { .. } => "move",
        Action::Refute(_) => "refute",
        Action::Accuse(_) => "accuse",
        Action::Propose(_) => "propose",
        Action::Vote { .. } => "vote",
        Action::CallPause => "pause",
        Action::Contest { .. } => "contest",
        Action::Attend { .. } => "attend",
    }
}

#[test]
fn a_hundred_thousand_random_transactions_conserve_the_supply() {
    let (taken, refused, kinds) = survive(100_000);
    println!("{taken} transactions taken, {refused} refused, kinds: {kinds:?}");
    assert!(refused > 10_000 && kinds.len() == 21, "{refused} refused, {kinds:?}");
}

#[test]
#[ignore = "a million: a minute or two"]
fn a_million_random_transactions_conserve_the_supply() {
    let (taken, refused, _) = survive(1_000_000);
    println!("{taken} transactions taken, {refused} refused");
}
