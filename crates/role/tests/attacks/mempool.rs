//! The bounds of the mempool.

use crate::world::World;
use bitneuron_core::Height;
use bitneuron_role::mempool::{Mempool, MempoolLimits};

const LIMITS: MempoolLimits =
    MempoolLimits { transactions: 6, bytes: 1_000, sender_transactions: 3, sender_bytes: 500 };

#[test]
fn who_floods_leaves_room_for_others() {
    let (world, mut mempool) = (World::new(), Mempool::new(LIMITS));
    let taken = (0..100).filter(|salt| mempool.insert(world.transfer(1, *salt), 10)).count();
    assert_eq!(taken, 3);
    assert!(!mempool.insert(world.transfer(2, 0), 501), "too many bytes for one sender");
    assert!(mempool.insert(world.transfer(2, 1), 500));
    assert!(!mempool.insert(world.transfer(3, 0), 471), "too many bytes for all");
    assert!(mempool.insert(world.transfer(3, 1), 470));
    assert!(mempool.insert(world.transfer(4, 0), 0));
    assert!(!mempool.insert(world.transfer(5, 0), 0), "too many for all");
    assert_eq!(mempool.len(), 6);
}

#[test]
fn what_fails_is_tried_again_and_then_forgotten() {
    let (world, mut mempool) = (World::new(), Mempool::new(LIMITS));
    let (early, other) = (world.transfer(1, 1), world.transfer(2, 1));
    assert!(mempool.insert(early.clone(), 250) && mempool.insert(other.clone(), 250));
    for _ in 1..Mempool::TRIES {
        mempool.failed(&early.digest());
        assert!(mempool.contains(&early.digest()));
    }
    mempool.failed(&early.digest());
    mempool.failed(&early.digest());
    assert_eq!(mempool.candidates(), [other.into()]);
    assert!(mempool.insert(early, 250), "its room is free again");
}

#[test]
fn what_leaves_makes_room_and_comes_once() {
    let (world, mut mempool) = (World::new(), Mempool::new(LIMITS));
    let (first, second) = (world.transfer(1, 1), world.transfer(1, 2));
    assert!(mempool.insert(first.clone(), 250) && mempool.insert(second.clone(), 250));
    assert!(!mempool.insert(first.clone(), 250), "known");
    for _ in 0..10 {
        mempool.remove(&first.digest());
        mempool.remove(&first.digest());
        assert!(mempool.insert(first.clone(), 250));
    }
    assert_eq!(mempool.candidates(), [second.into(), first.into()], "each once, oldest first");
    mempool.expire(Height(10));
    assert!(mempool.is_empty() && mempool.candidates().is_empty());
    assert!(mempool.insert(world.transfer(1, 3), 500));
}
