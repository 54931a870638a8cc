//! The bounds of the mempool.

use crate::world::World;
use bitneuron_core::{Amount, Height};
use bitneuron_ledger::SignedTx;
use bitneuron_role::mempool::{Mempool, MempoolLimits};

const LIMITS: MempoolLimits =
    MempoolLimits { transactions: 6, bytes: 1_000, sender_transactions: 3, sender_bytes: 500 };

/// Hands in what nobody has to pay for.
fn insert(mempool: &mut Mempool, transaction: SignedTx, size: usize) -> bool {
    mempool.insert(transaction, size, Amount::ZERO, Amount::ZERO)
}

#[test]
fn who_floods_leaves_room_for_others() {
    let (world, mut mempool) = (World::new(), Mempool::new(LIMITS));
    let taken = (0..100).filter(|salt| insert(&mut mempool, world.transfer(1, *salt), 10)).count();
    assert_eq!(taken, 3);
    assert!(!insert(&mut mempool, world.transfer(2, 0), 501), "too many bytes for one sender");
    assert!(insert(&mut mempool, world.transfer(2, 1), 500));
    assert!(!insert(&mut mempool, world.transfer(3, 0), 471), "too many bytes for all");
    assert!(insert(&mut mempool, world.transfer(3, 1), 470));
    assert!(insert(&mut mempool, world.transfer(4, 0), 0));
    assert!(!insert(&mut mempool, world.transfer(5, 0), 0), "too many for all");
    assert_eq!(mempool.len(), 6);
}

#[test]
fn what_fails_is_tried_again_and_then_forgotten() {
    let (world, mut mempool) = (World::new(), Mempool::new(LIMITS));
    let (early, other) = (world.transfer(1, 1), world.transfer(2, 1));
    assert!(insert(&mut mempool, early.clone(), 250) && insert(&mut mempool, other.clone(), 250));
    for _ in 1..Mempool::TRIES {
        mempool.failed(&early.digest());
        assert!(mempool.contains(&early.digest()));
    }
    mempool.failed(&early.digest());
    mempool.failed(&early.digest());
    assert_eq!(mempool.candidates(), [other.into()]);
    assert!(insert(&mut mempool, early, 250), "its room is free again");
}

#[test]
fn what_leaves_makes_room_and_comes_once() {
    let (world, mut mempool) = (World::new(), Mempool::new(LIMITS));
    let (first, second) = (world.transfer(1, 1), world.transfer(1, 2));
    assert!(insert(&mut mempool, first.clone(), 250) && insert(&mut mempool, second.clone(), 250));
    assert!(!insert(&mut mempool, first.clone(), 250), "known");
    for _ in 0..10 {
        mempool.remove(&first.digest());
        mempool.remove(&first.digest());
        assert!(insert(&mut mempool, first.clone(), 250));
    }
    assert_eq!(mempool.candidates(), [second.into(), first.into()], "each once, oldest first");
    mempool.expire(Height(10));
    assert!(mempool.is_empty() && mempool.candidates().is_empty());
    assert!(insert(&mut mempool, world.transfer(1, 3), 500));
}

fn tipped(world: &World, by: u64, salt: u64, tip: u128) -> SignedTx {
    let mut transaction = world.transfer(by, salt);
    transaction.tx.tip = Amount(tip);
    transaction
}

/// The tips of all that wait, in order.
fn tips(mempool: &Mempool) -> Vec<u128> {
    mempool.candidates().iter().map(|transaction| transaction.tx.tip.0).collect()
}

#[test]
fn who_pays_more_goes_first_and_takes_the_place_of_who_pays_least() {
    let (world, mut mempool) = (World::new(), Mempool::new(LIMITS));
    for (by, tip) in [(1, 2), (2, 0), (3, 1), (4, 0), (5, 2), (6, 0)] {
        assert!(insert(&mut mempool, tipped(&world, by, 1, tip), 10));
    }
    assert_eq!(tips(&mempool), [2, 2, 1, 0, 0, 0]);
    let oldest = tipped(&world, 2, 1, 0);
    // Junk that pays no more than the least is turned away, however much of it there is.
    for salt in 0..50 {
        assert!(!insert(&mut mempool, tipped(&world, 7 + salt, 1, 0), 10));
    }
    assert!(insert(&mut mempool, tipped(&world, 7, 2, 1), 10));
    assert_eq!(tips(&mempool), [2, 2, 1, 1, 0, 0]);
    assert!(mempool.contains(&oldest.digest()), "the youngest of the least paying goes first");
    // A large one takes the place of several, but of none that pays as much.
    assert!(insert(&mut mempool, tipped(&world, 8, 1, 3), 500));
    assert_eq!(tips(&mempool), [3, 2, 2, 1, 1, 0]);
    assert!(!insert(&mut mempool, tipped(&world, 9, 1, 1), 490));
    assert_eq!(mempool.len(), 6, "nothing went for nothing");
    assert!(insert(&mut mempool, tipped(&world, 9, 1, 3), 490));
    assert_eq!(tips(&mempool), [3, 3, 2]);
    // Of one sender the same.
    let (world, mut mempool) = (World::new(), Mempool::new(LIMITS));
    for (salt, tip) in [(10, 1), (11, 1), (12, 2)] {
        assert!(insert(&mut mempool, tipped(&world, 1, salt, tip), 10));
    }
    assert!(!insert(&mut mempool, tipped(&world, 1, 5, 1), 10));
    assert!(insert(&mut mempool, tipped(&world, 1, 5, 2), 10));
    assert_eq!(tips(&mempool), [2, 2, 1]);
}

#[test]
fn nobody_has_more_waiting_than_it_can_pay() {
    let (world, mut mempool) = (World::new(), Mempool::new(LIMITS));
    let (cost, held) = (Amount(10), Amount(25));
    let mut insert = |salt, tip| mempool.insert(tipped(&world, 1, salt, tip), 10, cost, held);
    assert!(insert(1, 0) && insert(2, 0));
    assert!(!insert(3, 0) && !insert(3, 9), "a third one has no cover");
    assert!(mempool.insert(tipped(&world, 2, 3, 0), 10, cost, held), "others have their own");
    mempool.remove(&tipped(&world, 1, 1, 0).digest());
    assert!(mempool.insert(tipped(&world, 1, 3, 0), 10, cost, held));
    assert!(!mempool.insert(tipped(&world, 3, 1, 0), 10, Amount(u128::MAX), Amount::SUPPLY));
}

#[test]
fn the_price_is_what_it_takes_to_be_in_the_next_block() {
    let (world, mut mempool) = (World::new(), Mempool::new(MempoolLimits::default()));
    let gas = bitneuron_ledger::plain_gas(&tipped(&world, 1, 1, 1), 100);
    for (by, tip) in (1..=10).zip([5, 5, 4, 4, 3, 3, 2, 2, 1, 1]) {
        assert!(insert(&mut mempool, tipped(&world, by, 1, tip), 100));
    }
    assert_eq!(mempool.price(10 * gas), Amount::ZERO, "all find room");
    assert_eq!(mempool.price(10 * gas - 1), Amount(2));
    assert_eq!(mempool.price(4 * gas), Amount(4));
    assert_eq!(mempool.price(0), Amount(6));
}
