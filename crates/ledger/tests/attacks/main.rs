//! Hostile bytes for every decoder: 10,000 mutants each, half of them made with knowledge of the layout.
//!
//! Whatever the bytes, decoding neither panics nor accepts a second encoding; what decodes is then offered to the ledger,
//! which must not panic either and lets nothing in whose author did not sign it.
#![allow(clippy::panic, reason = "a test fails by panicking")]

#[path = "../world/mod.rs"]
mod world;

use bitneuron_consensus::vote::Stage;
use bitneuron_consensus::{Block, Evidence, Proposal, Vote};
use bitneuron_core::merkle::Tree;
use bitneuron_core::{Amount, Digest, Height, Wire, decode, encode};
use bitneuron_ledger::govern::{Choice, Motion, Parameter};
use bitneuron_ledger::{
    Action, Content, ContestAction, Delivery, EntryProof, Genesis, Params, Refutation, SignedDelivery,
    SignedTx, State, TurnId, Tx, key as entry, packet_digest,
};
use world::*;

const MUTANTS: u64 = 10_000;

struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        Digest::of("bitneuron ledger hostile words", &self.0.to_le_bytes()).to_u64()
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Flips, cuts, grows or splices without looking.
fn blind(bytes: &[u8], other: &[u8], words: &mut Words) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    match words.below(5) {
        0 => {
            for _ in 0..=words.below(4) {
                let at = words.below(mutant.len());
                mutant[at] ^= 1 << words.below(8);
            }
        }
        1 => mutant.truncate(words.below(bytes.len())),
        2 => {
            let tail = words.below(40);
            mutant.extend((0..=tail).map(|_| words.next() as u8));
        }
        3 => mutant = (0..words.below(300)).map(|_| words.next() as u8).collect(),
        _ => {
            let cut = words.below(bytes.len().min(other.len()));
            mutant.truncate(cut);
            mutant.extend(&other[cut..]);
        }
    }
    mutant
}

/// Writes extreme lengths, tags and numbers at the places where the layout has some, and exchanges fields.
fn aware(bytes: &[u8], words: &mut Words) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    let extremes = [0, 1, 2, 7, 255, 1 << 16, u64::from(u32::MAX), 1 << 40, u64::MAX / 2, u64::MAX];
    let value = extremes[words.below(extremes.len())];
    // The fields after the version byte: 32-byte names, 8-byte numbers and lengths, 4-byte tags.
    let aligned = 1 + 4 * words.below(mutant.len() / 4);
    match words.below(4) {
        0 if aligned + 8 <= mutant.len() => {
            mutant[aligned..aligned + 8].copy_from_slice(&value.to_le_bytes());
        }
        1 if aligned + 4 <= mutant.len() => {
            mutant[aligned..aligned + 4].copy_from_slice(&(value as u32).to_le_bytes());
        }
        2 if mutant.len() > 65 => {
            let (a, b) = (1 + words.below(mutant.len() - 64), 1 + words.below(mutant.len() - 64));
            let field = bytes[a..a + 32].to_vec();
            mutant[b..b + 32].copy_from_slice(&field);
        }
        _ => mutant[0] = value as u8,
    }
    mutant
}

/// Attacks the decoder of `T` with mutants of `samples`; `probe` sees what decodes.
fn attack<T: Wire>(samples: &[Vec<u8>], mut probe: impl FnMut(&T)) -> u64 {
    let (mut words, mut accepted) = (Words(7), 0);
    for round in 0..MUTANTS {
        let bytes = &samples[words.below(samples.len())];
        let other = &samples[words.below(samples.len())];
        let mutant = if round % 2 == 0 { blind(bytes, other, &mut words) } else { aware(bytes, &mut words) };
        if let Ok(value) = decode::<T>(&mutant) {
            assert_eq!(encode(&value), mutant, "a second encoding");
            accepted += 1;
            probe(&value);
        }
    }
    accepted
}

/// One transaction of every kind.
fn all_kinds(world: &mut World) -> Vec<SignedTx> {
    let text = world.by_validator(0, Action::Propose(Motion::Text(digest("text"))));
    world.block(&[text]);
    let asked = world.state.proposals().next().expect("proposed").0;
    // Votes are taken from the second epoch on.
    world.until(40);
    let deal = world.deal(0, 1, "model", 16);
    let lie = world.score_claim(0, &deal, 16, FALSE);
    let truth = world.score_claim(0, &deal, 16, TRUE);
    let chain = world.state.chain();
    let delivery = Delivery { deal: deal.id, packet: packet_digest(b"junk") }.sign(&world.users[0], chain);
    let header = world.header();
    let claimed = world.by_user(0, Action::Claim(lie.clone()));
    let block = Block::new(header, vec![encode(&claimed).into()]);
    let content = Content {
        header: block.header.clone(),
        transaction: block.transactions[0].clone(),
        inclusion: Tree::over(&block.transactions).prove(0).expect("there"),
    };
    let vote = |v: usize, block: Digest| {
        let key = &world.validators[v];
        Vote { height: Height(1), round: 0, stage: Stage::Precommit, block: Some(block), by: key.id() }
            .sign(key, chain)
    };
    let evidence = Evidence::votes(vote(0, digest("a")), vote(0, digest("b"))).expect("conflict");
    let vote = vote(1, block.id());
    let proposal = Proposal {
        height: Height(1),
        round: 0,
        proof_round: None,
        block: block.id(),
        by: world.validator(1),
    }
    .sign(&world.validators[1], chain);
    let goal = bitneuron_core::goal::Goal { name: "mine".into(), ..goal("test") };
    let offer = world.offer(2, "other", 3, 5);
    let turn = TurnId { author: world.validator(1), goal: world.goal_id(), at: Height(4) };
    let Action::Place(order) = offer.tx.action.clone() else { panic!("an order") };
    let goal_id = world.goal_id();
    let contest = |step| Action::Contest { goal: goal_id, step };
    let actions = [
        Action::Transfer { to: world.user(1), amount: Amount(7) },
        Action::Bond(Amount::QUANTUM),
        Action::Unbond(Amount::QUANTUM),
        Action::RegisterGoal(goal.clone()),
        Action::RegisterData { goal: world.goal_id(), root: data("new") },
        Action::Cancel(order.id()),
        Action::Receipt { deal: deal.id },
        Action::Post { deal: deal.id, packet: b"model".to_vec().into(), base: None },
        Action::CommitTurn { goal: world.goal_id(), commitment: digest("turn") },
        Action::Claim(truth),
        contest(ContestAction::Seal { seal: digest("seal"), bond: Amount::tokens(10) }),
        contest(ContestAction::Withdraw(digest("seal"))),
        contest(ContestAction::Found(vec![0; 12].into())),
        contest(ContestAction::Commit { turns: 1, digest: digest("candidate") }),
        contest(ContestAction::Reveal { salt: digest("salt"), model: vec![1; 12].into() }),
        contest(ContestAction::Open { salt: digest("salt"), rows: vec![0; 48].into() }),
        Action::Answer { turn, answer: ANSWER.to_vec().into() },
        Action::Challenge { turn, step: b"ask the author".to_vec().into() },
        Action::Move { turn, step: b"ask the challenger".to_vec().into() },
        Action::Refute(Refutation::Claim(lie)),
        Action::Refute(Refutation::Delivery(delivery)),
        Action::Refute(Refutation::Packet { deal: deal.id, packet: b"model".to_vec().into(), base: None }),
        Action::Refute(Refutation::Proposed { proposal, content: content.clone() }),
        Action::Refute(Refutation::Precommitted { vote, content }),
        Action::Accuse(evidence),
        Action::Propose(Motion::Param { parameter: Parameter::GasTarget, value: 90_000_000 }),
        Action::Propose(Motion::Treasury { to: world.user(1), amount: Amount::tokens(5) }),
        Action::Vote { proposal: asked, choice: Choice::Yes },
        Action::CallPause,
        world.precommits(world.state.attendance().rolls.last().expect("within an epoch"), 0, &[1, 2]),
    ];
    let mut all = vec![offer, claimed];
    all.extend(actions.into_iter().map(|action| world.by_user(0, action)));
    all
}

#[test]
fn transactions() {
    let mut world = World::new();
    let honest = all_kinds(&mut world);
    let samples: Vec<Vec<u8>> = honest.iter().map(encode).collect();
    let mut forged = Vec::new();
    let accepted = attack::<SignedTx>(&samples, |signed| {
        if !honest.contains(signed) {
            assert!(world.state.admits(signed, &Scripted).is_err(), "nobody signed {signed:?}");
            forged.push(signed.clone());
        }
    });
    assert!(accepted > 500, "{accepted} mutants decode, so the ledger sees some");
    let built = world.build(&forged);
    assert!(built.block.transactions.is_empty());

    // What hostile authors sign themselves gets further; it may fail in any way but a panic.
    let unsigned: Vec<Vec<u8>> = honest.iter().map(|signed| encode(&signed.tx)).collect();
    let author = world.users[0].clone();
    let (mut batch, mut kept) = (Vec::new(), 0);
    attack::<Tx>(&unsigned, |tx| {
        let mut tx = tx.clone();
        (tx.by, tx.expires) = (author.id(), Height(world.state.height().0 + 1));
        tx.salt = tx.salt.wrapping_add(batch.len() as u64);
        batch.push(tx.sign(&author, world.state.chain()));
    });
    for chunk in batch.chunks(200) {
        let built = world.build(chunk);
        kept += built.block.transactions.len();
        assert_eq!(built.state.total(), Amount::SUPPLY);
        world.state.execute(&built.block, &Scripted).expect("what is built is valid");
    }
    assert!(batch.len() > 500 && kept > 20, "{kept} of {}", batch.len());
}

#[test]
fn blocks() {
    let mut world = World::new();
    let honest = all_kinds(&mut world);
    let built = world.build(&honest);
    let samples = vec![encode(&built.block), encode(&world.blocks[0])];
    attack::<Block>(&samples, |block| {
        let known = world.state.execute(block, &Scripted);
        assert!(known.is_err() || *block == built.block);
    });
    assert!(world.state.execute(&built.block, &Scripted).is_ok());
}

#[test]
fn geneses() {
    let good = genesis(Params::devnet());
    let samples = vec![encode(&good), encode(&genesis(Params::mainnet()))];
    let accepted = attack::<Genesis>(&samples, |genesis| {
        if let Ok(state) = State::genesis(genesis) {
            assert_eq!(state.total(), Amount::SUPPLY);
            assert!(state.electorate(bitneuron_core::Epoch(0)).is_some());
        }
    });
    assert!(accepted > 1_000, "{accepted}");
}

#[test]
fn proofs_and_deliveries() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 16);
    let root = world.state.root();
    let keys = [entry::account(world.user(0)), entry::deal(deal.id), entry::stake(world.validator(0))];
    let absent =
        [entry::account(bitneuron_core::NodeId([9; 32])), entry::deal(Digest::ZERO), vec![], vec![99]];
    let truth = |key: &Vec<u8>| (key.clone(), world.state.prove(key));
    let honest: Vec<_> = keys.iter().chain(&absent).map(truth).collect();
    let samples: Vec<Vec<u8>> = honest.iter().map(|(_, proof)| encode(proof)).collect();
    attack::<EntryProof>(&samples, |proof| {
        for (key, _) in &honest {
            if let Ok(value) = proof.verify(root, key) {
                assert_eq!(value.map(|value| value.0.0), world.state.value(key), "a forged proof");
            }
        }
        assert!(proof.verify(Digest::ZERO, &keys[0]).is_err());
    });
    let (seller, chain) = (world.user(0), world.state.chain());
    let signed = Delivery { deal: deal.id, packet: packet_digest(b"model") }.sign(&world.users[0], chain);
    attack::<SignedDelivery>(&[encode(&signed)], |other| {
        assert!(*other == signed || !other.is_signed(seller, chain), "a forged delivery");
    });
    attack::<Delivery>(&[encode(&signed.delivery)], |_| {});
}
