//! What is opened again is what was closed.

use crate::chain::{Height, kept, played, same};
use crate::world::*;
use bitneuron_core::{Amount, Digest, Height as At, NodeId, decode, encode};
use bitneuron_ledger::store::{Archive, Filter, Logged, Memory, Store, StoreError};
use bitneuron_ledger::{
    Action, Cause, Event, EventProof, Genesis, Receipt, ReceiptError, ReceiptProof, State, key as entry,
};
use std::collections::BTreeSet;

fn goes_on<S: Store>(open: impl Fn() -> S, reopen: impl Fn(Archive<S>) -> S) {
    let (genesis, heights) = played();
    let mut archive = Archive::open(open(), &genesis).expect("empty").0;
    let mut before = State::genesis(&genesis).expect("valid");
    for height in &heights {
        let (opened, state) = Archive::open(reopen(archive), &genesis).expect("whole");
        archive = opened;
        same(&state, &before);
        // The next block comes out the same from the state that was read, whoever executes it.
        let (after, _) = state.execute(&height.block, &Scripted).expect("valid");
        same(&after, &height.state);
        assert_eq!(after.changes(), height.state.changes());
        archive.commit(&height.decided()).expect("follows");
        before = height.state.clone();
    }
    let (archive, state) = Archive::load(reopen(archive)).expect("whole");
    same(&state, &before);
    same(&archive.replay(&Scripted).expect("executes"), &before);
    reads(&archive, &genesis, &heights);
}

fn reads<S: Store>(archive: &Archive<S>, genesis: &Genesis, heights: &[Height]) {
    assert_eq!(archive.genesis(), genesis);
    assert_eq!(archive.height().0, heights.len() as u64);
    assert_eq!(archive.block(At(0)).expect("reads"), None);
    assert_eq!(archive.block(archive.height().next()).expect("reads"), None);
    let last = &heights.last().expect("some").state;
    for Height { block, certificate, state } in heights {
        let at = block.header.height;
        assert_eq!(archive.block(at).expect("reads").as_ref(), Some(block));
        assert_eq!(archive.certificate(at).expect("reads").as_ref(), Some(certificate));
        let receipts = archive.receipts(at).expect("reads");
        assert_eq!(receipts, state.changes().receipts);
        assert_eq!(receipts.len(), block.transactions.len() + 1, "one more for the block itself");
        for receipt in &receipts {
            let known = entry::receipts(at);
            let proof = ReceiptProof::of(&receipts, receipt.index, last.prove(&known)).expect("there");
            let bytes = encode(&proof);
            let proof: ReceiptProof = decode(&bytes).expect("own bytes");
            assert_eq!(proof.verify(last.root()), Ok(&receipt.stub()));
            assert_eq!(proof.shows(last.root(), receipt), Ok(()));
            assert!(matches!(proof.verify(Digest::ZERO), Err(ReceiptError::Entry(_))));
            for (at, event) in receipt.events.iter().enumerate() {
                let proof = EventProof::of(&receipts, receipt.index, at, last.prove(&known)).expect("there");
                let proof: EventProof = decode(&encode(&proof)).expect("own bytes");
                assert_eq!(proof.verify(last.root()), Ok((&receipt.stub(), event)));
            }
            let Cause::Transaction { digest, by, .. } = &receipt.cause else { continue };
            assert_eq!(archive.receipt(*digest).expect("reads").as_ref(), Some(receipt));
            assert_eq!(archive.transaction(receipt).expect("reads").expect("there").digest(), *digest);
            assert!(receipt.concerns().contains(by));
            for account in receipt.concerns() {
                assert!(archive.receipts_of(account, usize::MAX).expect("reads").contains(receipt));
            }
        }
    }
    assert_eq!(archive.receipt(Digest::ZERO).expect("reads"), None);
    let of = |id: NodeId, most| archive.receipts_of(id, most).expect("reads");
    let receipts = heights.iter().flat_map(|height| &height.state.changes().receipts);
    let names: BTreeSet<NodeId> = receipts.clone().flat_map(Receipt::concerns).collect();
    let busiest = names.iter().copied().max_by_key(|id| of(*id, usize::MAX).len()).expect("some");
    let (all, some) = (of(busiest, usize::MAX), of(busiest, 2));
    assert_eq!(some, all[all.len() - 2..], "the newest, in order");
    for account in names.into_iter().map(Some).chain([None, Some(NodeId([9; 32]))]) {
        for kind in [None, Some("transferred"), Some("DealMade"), Some("nothing")] {
            for (from, upto) in
                [(0, None), (3, None), (0, Some(5)), (4, Some(4)), (9, Some(3)), (2, Some(10_000))]
            {
                let filter =
                    Filter { account, from: At(from), upto: upto.map(At), kind: kind.map(Into::into) };
                let expected = looked_for(receipts.clone(), &filter);
                let found = archive.events(&filter, usize::MAX).expect("reads");
                assert_eq!(found, expected, "{filter:?}");
                let few = archive.events(&filter, 2).expect("reads");
                assert_eq!(few, expected[expected.len().saturating_sub(2)..]);
            }
        }
    }
}

/// What a filter wants, by looking at everything.
fn looked_for<'a>(receipts: impl Iterator<Item = &'a Receipt>, filter: &Filter) -> Vec<Logged> {
    let mut found = Vec::new();
    for receipt in receipts {
        let (by, transaction) = match &receipt.cause {
            Cause::Transaction { digest, by, .. } => (Some(*by), Some(*digest)),
            Cause::Block => (None, None),
        };
        for (at, event) in receipt.events.iter().enumerate() {
            let (height, index) = (receipt.height, receipt.index);
            let within = height >= filter.from && filter.upto.is_none_or(|upto| height <= upto);
            let name = format!("{event:?}").split([' ', '(']).next().expect("a name").to_lowercase();
            let kind = filter.kind.as_ref().is_none_or(|kind| kind.to_lowercase() == name);
            let account = filter.account.is_none_or(|id| by == Some(id) || event.concerns().contains(&id));
            if within && kind && account {
                found.push(Logged { height, index, at, transaction, event: event.clone() });
            }
        }
    }
    found
}

#[test]
fn in_memory() {
    goes_on(Memory::default, Archive::into_store);
}

#[cfg(feature = "redb")]
#[test]
fn in_a_file() {
    use bitneuron_ledger::store::Redb;
    let folder = std::env::temp_dir().join(format!("bitneuron-ledger-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("ledger.redb");
    let open = || Redb::open(&path).expect("opens");
    goes_on(open, |archive| {
        drop(archive.into_store());
        open()
    });
    assert!(matches!(Redb::open(&folder), Err(StoreError::Medium(_))), "a folder is no file");
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_receipt_proves_itself_only() {
    let (_, heights) = played();
    let last = &heights.last().expect("some").state;
    let [first, second] = [&heights[heights.len() - 2], &heights[heights.len() - 1]];
    let at = second.block.header.height;
    let receipts = &second.state.changes().receipts;
    assert!(matches!(receipts[0].events[..], [Event::Transferred { .. }]));
    let entry_of = |height| last.prove(&entry::receipts(height));
    let proof = ReceiptProof::of(receipts, 0, entry_of(at)).expect("there");
    assert_eq!(proof.shows(last.root(), &receipts[0]), Ok(()));
    assert_eq!(proof.shows(last.root(), &receipts[1]), Err(ReceiptError::Event));
    let mut bytes = encode(&proof);
    for byte in 1..bytes.len() {
        bytes[byte] ^= 1;
        let forged = decode::<ReceiptProof>(&bytes);
        assert!(!forged.is_ok_and(|forged| forged.verify(last.root()).is_ok()), "byte {byte}");
        bytes[byte] ^= 1;
    }
    let event = EventProof::of(receipts, 0, 0, entry_of(at)).expect("there");
    let mut bytes = encode(&event);
    for byte in 1..bytes.len() {
        bytes[byte] ^= 1;
        let forged = decode::<EventProof>(&bytes);
        assert!(!forged.is_ok_and(|forged| forged.verify(last.root()).is_ok()), "byte {byte}");
        bytes[byte] ^= 1;
    }
    // The root of another height is not this one's, and absence shows nothing.
    let crossed = ReceiptProof::of(receipts, 0, entry_of(first.block.header.height)).expect("there");
    assert!(matches!(crossed.verify(last.root()), Err(ReceiptError::Entry(_))));
    let mut invented = receipts.clone();
    invented[0].events = vec![Event::Unbonded { who: second.block.header.proposer, amount: Amount(1) }];
    let forged = ReceiptProof::of(&invented, 0, entry_of(at)).expect("there");
    assert_eq!(forged.verify(last.root()), Err(ReceiptError::Receipt));
    let forged = EventProof::of(&invented, 0, 0, entry_of(at)).expect("there");
    assert_eq!(forged.verify(last.root()), Err(ReceiptError::Receipt));
    assert_eq!(proof.shows(last.root(), &invented[0]), Err(ReceiptError::Event));
    assert!(ReceiptProof::of(receipts, 9, entry_of(at)).is_none());
    assert!(EventProof::of(receipts, 0, 1, entry_of(at)).is_none());
}

#[test]
fn what_does_not_follow_is_not_kept() {
    let (genesis, heights) = played();
    let mut archive = kept(Memory::default(), &genesis, &heights[..3]).expect("kept");
    let refused = archive.commit(&heights[2].decided()).expect_err("again");
    assert!(matches!(refused, StoreError::Height { .. }), "{refused}");
    let refused = archive.commit(&heights[4].decided()).expect_err("a gap");
    assert!(matches!(refused, StoreError::Height { .. }), "{refused}");
    let mut other = heights[3].decided();
    other.certificate = &heights[2].certificate;
    assert!(matches!(archive.commit(&other), Err(StoreError::Damaged(_))));
    archive.commit(&heights[3].decided()).expect("follows");
    let mut elsewhere = genesis.clone();
    elsewhere.name = "another".into();
    let refused = Archive::open(archive.into_store(), &elsewhere).expect_err("another chain");
    assert!(matches!(refused, StoreError::Chain { .. }), "{refused}");
    assert!(matches!(Archive::load(Memory::default()), Err(StoreError::Missing(_))));
}

#[test]
fn what_a_receipt_says_is_what_happened() {
    let mut world = World::new();
    let (from, to) = (world.user(0), world.user(1));
    let pay = world.by_user(0, Action::Transfer { to, amount: Amount(7) });
    let before = world.state.balance(from);
    world.block(std::slice::from_ref(&pay));
    let receipt = &world.state.changes().receipts[0];
    let Cause::Transaction { digest, by, gas, fee, tip } = receipt.cause.clone() else {
        panic!("no transaction")
    };
    assert_eq!((digest, by), (pay.digest(), from));
    assert!(gas > 0 && tip == Amount::ZERO && before.0 - world.state.balance(from).0 == fee.0 + 7);
    assert_eq!(receipt.concerns().into_iter().collect::<Vec<_>>(), {
        let mut both = vec![from, to];
        both.sort_unstable();
        both
    });
}
