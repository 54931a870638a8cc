//! The transition as a whole: headers, replays, fees, epochs, storms, and one golden root.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_consensus::{Block, Header};
use bitneuron_core::{Amount, Digest, Epoch, Height, NodeId, Time};
use bitneuron_ledger::{
    Action, Event, Genesis, HeaderFault, Params, ProofError, Refused, State, Tx, WeighRule, key as entry,
};
use proptest::prelude::*;
use world::storm::{Words, anything};
use world::*;

#[test]
fn a_transaction_is_accepted_once_while_it_lasts() {
    let mut world = World::new();
    let pay = Action::Transfer { to: world.user(1), amount: Amount::tokens(1) };
    let tx = world.by_user(0, pay.clone());
    assert!(world.state.admits(&tx, &Scripted).is_ok());
    world.block(std::slice::from_ref(&tx));
    assert!(matches!(world.state.admits(&tx, &Scripted), Err(Refused::Replayed(_))));
    assert!(matches!(world.refused(&tx), Refused::Replayed(digest) if digest == tx.digest()));
    world.until(tx.tx.expires.0);
    assert!(matches!(world.refused(&tx), Refused::Expires { .. }), "forgotten, but expired");

    let user = world.users[0].clone();
    let expiring = |ahead: u64, world: &World| {
        let expires = Height(world.state.height().0 + ahead);
        let tip = Amount::ZERO;
        Tx { by: user.id(), expires, salt: 0, tip, action: pay.clone() }.sign(&user, world.state.chain())
    };
    assert!(world.state.admits(&expiring(1, &world), &Scripted).is_ok());
    assert!(world.state.admits(&expiring(101, &world), &Scripted).is_ok());
    assert!(matches!(world.state.admits(&expiring(0, &world), &Scripted), Err(Refused::Expires { .. })));
    assert!(matches!(world.state.admits(&expiring(102, &world), &Scripted), Err(Refused::Expires { .. })));
    let mut forged = expiring(5, &world);
    forged.tx.by = world.user(1);
    assert!(matches!(world.state.admits(&forged, &Scripted), Err(Refused::Signature(_))));
    let other = World::with(Params { tx_lifetime: 99, ..Params::devnet() });
    assert!(
        matches!(other.state.admits(&expiring(5, &world), &Scripted), Err(Refused::Signature(_))),
        "another chain"
    );
    let pauper = key(555);
    let broke = world.tx(&pauper, pay);
    assert!(matches!(world.state.admits(&broke, &Scripted), Err(Refused::Balance { .. })));
}

#[test]
fn a_block_follows_on_its_parent() {
    let mut world = World::new();
    let pay = world.by_user(0, Action::Transfer { to: world.user(1), amount: Amount(5) });
    world.block(&[pay]);
    let root = world.state.root();
    let built = world.build(&[]).block;
    let with = |change: &dyn Fn(&mut Header)| {
        let mut header = built.header.clone();
        change(&mut header);
        match world.state.execute(&Block::new(header, Vec::new()), &Scripted) {
            Err(Refused::Header(fault)) => fault,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(with(&|header| header.chain.0 = digest("x")), HeaderFault::Chain);
    assert!(matches!(with(&|header| header.height = Height(3)), HeaderFault::Height { .. }));
    assert!(matches!(with(&|header| header.height = Height(1)), HeaderFault::Height { .. }));
    assert_eq!(with(&|header| header.parent = Digest::ZERO), HeaderFault::Parent);
    assert_eq!(with(&|header| header.time = Time(500_000)), HeaderFault::Time);
    let light = world.validator(4);
    assert_eq!(with(&|header| header.proposer = light), HeaderFault::Proposer(light));
    assert!(matches!(with(&|header| header.state = digest("x")), HeaderFault::Root { .. }));
    let mut body = built.clone();
    body.transactions.push(vec![1].into());
    let refused = world.state.execute(&body, &Scripted).expect_err("another body");
    assert!(matches!(refused, Refused::Header(HeaderFault::Body)));
    assert_eq!(world.state.root(), root);
    assert!(world.state.execute(&built, &Scripted).is_ok());
}

#[test]
fn gas_bounds_a_block_and_moves_the_fee() {
    let mut params = Params::devnet();
    params.fees.limit = 150_000;
    params.fees.target = 75_000;
    let mut world = World::with(params);
    let pays: Vec<_> = (0..20)
        .map(|n| world.by_user(n % 4, Action::Transfer { to: NodeId([7; 32]), amount: Amount(1) }))
        .collect();
    let built = world.build(&pays);
    assert!(built.dropped.is_empty(), "no room is no fault");
    assert!(built.gas <= 150_000 && built.gas > 130_000, "{}", built.gas);
    let taken = built.block.transactions.len();
    assert!((5..15).contains(&taken), "{taken}");
    let mut over = built.block.clone();
    over.transactions.push(bitneuron_core::encode(&pays[taken]).into());
    let over = Block::new(over.header, over.transactions);
    let refused = world.state.execute(&over, &Scripted).expect_err("too much gas");
    assert!(matches!(refused, Refused::Transaction { why, .. } if matches!(*why, Refused::Gas { .. })));
    let fee = world.state.clock().base_fee;
    world.accept(built);
    assert!(world.state.clock().base_fee > fee);
    for _ in 0..3 {
        world.block(&[]);
    }
    assert_eq!(world.state.clock().base_fee, fee);
}

#[test]
fn the_electorate_of_an_epoch_comes_from_two_before() {
    let mut world = World::new();
    let (poor, rich) = (world.validator(4), world.validator(0));
    for epoch in [0, 1] {
        let electorate = world.state.elected(Epoch(epoch)).expect("from genesis");
        assert_eq!((electorate.members().len(), electorate.weight_of(poor)), (4, None));
    }
    assert!(world.state.elected(Epoch(2)).is_none());
    let bond = world.by_validator(4, Action::Bond(Amount::tokens(1)));
    world.block(&[bond]);
    world.until(20);
    let odd = world.by_validator(4, Action::Bond(Amount(1_000_001)));
    assert!(matches!(world.refused(&odd), Refused::Quantum(_)));
    let none = world.by_validator(4, Action::Bond(Amount::ZERO));
    assert!(matches!(world.refused(&none), Refused::Quantum(_)));
    world.until(38);
    let started = world.block(&[]);
    assert!(started.contains(&Event::EpochStarted { epoch: Epoch(2), voters: 5 }), "{started:?}");
    // Epochs 1 and 2 are as they were; epoch 3, fixed at the second border, knows of the bond.
    assert_eq!(world.state.electorate(Epoch(1)).expect("kept").weight_of(poor), None);
    assert_eq!(world.state.electorate(Epoch(2)).expect("kept").weight_of(poor), None);
    assert!(world.state.elected(Epoch(3)).expect("just fixed").weight_of(poor).is_some());
    assert!(world.state.electorate(Epoch(3)).is_none(), "its seed is not known");
    // Whoever falls below the threshold leaves; what happens after the end of e − 2 does not count.
    let leave = world.by_validator(0, Action::Unbond(Amount::tokens(1_500)));
    world.block(&[leave]);
    world.until(59);
    assert!(world.state.electorate(Epoch(3)).expect("kept").weight_of(rich).is_some());
    assert_eq!(world.state.elected(Epoch(4)).expect("fixed").weight_of(rich), None);
}

#[test]
fn a_genesis_that_contradicts_itself_is_refused() {
    let good = genesis(Params::devnet());
    assert!(State::genesis(&good).is_ok());
    let refused = |change: &dyn Fn(&mut Genesis)| {
        let mut bad = good.clone();
        change(&mut bad);
        assert_ne!(bad.chain(), good.chain());
        State::genesis(&bad).expect_err("refused")
    };
    let params = |change: &dyn Fn(&mut Params)| {
        let error = refused(&|genesis| change(&mut genesis.params));
        assert!(matches!(error, Refused::Params(_)), "{error}");
    };
    params(&|p| p.epoch = 1);
    params(&|p| p.round = 3);
    params(&|p| p.tx_lifetime = 0);
    params(&|p| p.fees.target = p.fees.limit);
    params(&|p| p.fees.divisor = 2);
    params(&|p| p.fees.floor = Amount(7));
    params(&|p| p.stake.weigh = WeighRule::SquareRoot);
    params(&|p| p.stake.threshold = Amount(1));
    params(&|p| p.stake.unbonding = p.stake.evidence_age + 2 * p.epoch - 1);
    params(&|p| p.stake.evidence_age = 2 * p.epoch + p.stake.trust - 1);
    params(&|p| p.slash.false_precommit.0 = 101);
    params(&|p| p.slash.informer.0 = 501);
    params(&|p| p.turns.window = 61);
    params(&|p| p.rewards.pool = Amount(Amount::SUPPLY.0 + 1));
    params(&|p| p.rewards.consensus.0 = 6_001);
    params(&|p| p.rewards.carry = 0);
    params(&|p| p.fees.users.0 = 3_001);
    params(&|p| p.vesting.cliff = p.vesting.duration + 1);
    params(&|p| p.vesting.duration = (1 << 28) + 1);
    params(&|p| p.market.deals.informer.0 = 501);
    assert!(Params::mainnet().validate().is_ok());
    let list = |change: &dyn Fn(&mut Genesis)| {
        let error = refused(change);
        assert!(matches!(error, Refused::Genesis(_)), "{error}");
    };
    list(&|g| g.accounts.swap(0, 1));
    list(&|g| g.accounts[1] = g.accounts[0]);
    list(&|g| g.accounts[0].1 = Amount::SUPPLY);
    list(&|g| g.validators[0].1 = Amount(1));
    list(&|g| g.validators.clear());
    list(&|g| g.goals.push(g.goals[0].clone()));
    list(&|g| g.data[0].0.0 = digest("no goal"));
    list(&|g| g.name.clear());
    assert!(matches!(refused(&|g| g.goals[0].drawn = 0), Refused::Program(_)));
}

#[test]
fn the_root_binds_every_entry_and_proofs_hold() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    let root = world.state.root();
    let check = |world: &World, key: &[u8]| {
        let proof = world.state.prove(key);
        let bytes = bitneuron_core::encode(&proof);
        let proof: bitneuron_ledger::EntryProof = bitneuron_core::decode(&bytes).expect("own bytes");
        let value = proof.verify(world.state.root(), key).expect("holds").expect("there");
        assert_eq!(proof.verify(digest("another root"), key), Err(ProofError::Root));
        value
    };
    let account = check(&world, &entry::account(world.user(1)));
    assert_eq!(account.read::<Amount>(), Some(world.state.balance(world.user(1))));
    let sold = check(&world, &entry::deal(deal.id));
    assert_eq!(bitneuron_ledger::open_deal(&sold.0), Some(deal));
    let head = check(&world, &entry::head(world.goal_id(), world.validator(0)));
    assert_eq!(bitneuron_ledger::head_commitment(&head.0), Some(model("initial")));
    let electorate = check(&world, &entry::electorate(Epoch(1)));
    let electorate: bitneuron_consensus::Electorate =
        bitneuron_core::decode(&electorate.0).expect("canonical");
    assert_eq!(Some(electorate), world.state.elected(Epoch(1)).map(|arc| (*arc).clone()));
    check(&world, &entry::clock());
    check(&world, &entry::goal(world.goal_id()));
    check(&world, &entry::stake(world.validator(0)));
    let absent = [entry::account(NodeId([9; 32])), entry::standing(world.user(0)), vec![], vec![99, 1]];
    for key in &absent {
        assert_eq!(world.state.prove(key).verify(root, key), Ok(None));
    }
    // The smallest change anywhere changes the root.
    let pay = world.by_user(0, Action::Transfer { to: world.user(1), amount: Amount(1) });
    let [with, without] = [world.build(&[pay]), world.build(&[])];
    assert_ne!(with.state.root(), without.state.root());
    assert_ne!(without.state.root(), root);
    // A proof does not move to another entry of the same tree.
    let key = entry::account(world.user(1));
    let proof = world.state.prove(&key);
    assert!(proof.verify(root, &entry::account(world.user(0))).is_err());
    let mut bytes = bitneuron_core::encode(&proof);
    for at in 1..bytes.len() {
        bytes[at] ^= 1;
        let moved = bitneuron_core::decode::<bitneuron_ledger::EntryProof>(&bytes);
        let holds = moved.is_ok_and(|moved| moved.verify(world.state.root(), &key).is_ok());
        assert!(!holds, "byte {at}");
        bytes[at] ^= 1;
    }
}

/// Runs a storm; returns how many transactions were taken and dropped.
fn storm(seed: u64, blocks: usize, each: usize) -> (World, usize, usize) {
    let mut words = Words(seed);
    let (mut world, mut taken, mut dropped) = (World::new(), 0, 0);
    for _ in 0..blocks {
        let txs: Vec<_> = (0..each).map(|_| anything(&mut world, words.pick())).collect();
        let built = world.build(&txs);
        taken += built.block.transactions.len();
        dropped += built.dropped.len();
        world.accept(built);
    }
    (world, taken, dropped)
}

#[test]
fn storms_conserve_the_supply_and_replay_to_the_same_root() {
    let (mut taken, mut all) = (0, 0);
    for seed in 0..8 {
        let (world, some, dropped) = storm(seed << 32, 63, 20);
        taken += some;
        all += some + dropped;
        let mut state = State::genesis(&world.genesis).expect("valid");
        for block in &world.blocks {
            state = state.execute(block, &Scripted).expect("valid").0;
        }
        assert_eq!(state.root(), world.state.root());
        assert_eq!(state.total(), Amount::SUPPLY);
    }
    assert!(all >= 10_000 && taken >= 5_000, "{taken} of {all}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_refused_block_changes_nothing(seed in any::<u32>(), flip in any::<prop::sample::Index>()) {
        let (world, ..) = storm(u64::from(seed), 12, 8);
        let (root, tip) = (world.state.root(), world.state.tip());
        let mut block = world.build(&[]).block;
        let bytes = bitneuron_core::encode(&block.header);
        let mut mutant = bytes.clone();
        mutant[flip.index(bytes.len())] ^= 4;
        if let Ok(header) = bitneuron_core::decode(&mutant) {
            block.header = header;
            // Any header but for the time, which only the builder knows, leads elsewhere or nowhere.
            if let Ok((after, _)) = world.state.execute(&block, &Scripted) {
                prop_assert_eq!(after.root(), block.header.state);
            }
        }
        prop_assert_eq!((world.state.root(), world.state.tip()), (root, tip));
    }
}

#[test]
fn a_fixed_history_has_a_fixed_root() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    world.play(1, "after", (3, 6));
    world.until(45);
    assert_eq!(
        [world.genesis.chain().0.to_string(), world.state.root().to_string()],
        [
            "3dde06227e5f796754813332c3f04d060a604c45d8ac7258744eb600beaa9794",
            "c87b56dcd08f16bb3d00bbb0c2a77831b8c64ba33c465bedf2f0cd71764a23e6",
        ]
    );
}
