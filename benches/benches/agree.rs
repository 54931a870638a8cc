//! Agreement: committees of 7 and 100 seats, certificates, draws and elections.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench fails by panicking")]

use bitneuron::consensus::suite::network::{Network, Plan};
use bitneuron::consensus::{
    Certificate, CheckCertificate, ConsensusEngine, Electorate, Malachite, QuorumCheck, Slot, Stage,
    Timeouts, Verdicts, Vote,
};
use bitneuron::core::{ChainId, Digest, Epoch, Height, Keypair, NodeId, Seed, Weight};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const CHAIN: ChainId = ChainId(Digest([1; 32]));

fn engine(key: Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    Box::new(Malachite::new(key, chain, Timeouts::default()))
}

/// The compute of one height at all seats together.
fn committees(c: &mut Criterion) {
    let mut group = c.benchmark_group("a height of a committee");
    group.sample_size(10);
    for seats in [7, 100] {
        group.bench_function(format!("{seats} seats"), |b| {
            b.iter(|| {
                let mut network = Network::new(Plan { weights: vec![10; seats], ..Plan::new(1, 1) }, &engine);
                assert!(network.run(1, Duration::from_mins(1)));
            });
        });
    }
    group.finish();
}

fn voters(count: u64) -> (Vec<Keypair>, Electorate) {
    let keys: Vec<_> = (0..count).map(|n| Keypair::from_seed(Seed::from_number(n))).collect();
    let members = keys.iter().map(|key| (key.id(), Weight(10)));
    let electorate = Electorate::new(Epoch(0), members, Digest::ZERO).unwrap();
    (keys, electorate)
}

fn certificates(c: &mut Criterion) {
    let (keys, electorate) = voters(64);
    let (height, block) = (Height(7), Digest([2; 32]));
    let sign = |key: &Keypair| {
        let vote = Vote { height, round: 0, stage: Stage::Precommit, block: Some(block), by: key.id() };
        (key.id(), vote.sign(key, CHAIN).signature)
    };
    let mut votes: Vec<_> = keys.iter().map(sign).collect();
    votes.sort_unstable();
    let certificate = Certificate { height, round: 0, block, votes };
    let mut group = c.benchmark_group("a certificate of 64 votes");
    group.bench_function("one by one", |b| {
        b.iter(|| certificate.statements(Stage::Precommit).all(|vote| vote.is_signed(CHAIN)));
    });
    let check = QuorumCheck { chain: CHAIN };
    group.bench_function("as a batch", |b| b.iter(|| check.check(&certificate, &electorate).unwrap()));
    let verdicts = Verdicts::new(check, 16);
    group.bench_function("seen before", |b| b.iter(|| verdicts.check(&certificate, &electorate).unwrap()));
    group.finish();
}

fn draws(c: &mut Criterion) {
    let key = Keypair::from_seed(Seed::from_number(1));
    let slot = Slot { chain: CHAIN, seed: Digest([2; 32]), height: Height(3) };
    let proof = slot.draw(&key);
    c.bench_function("what a proposer draws, made", |b| b.iter(|| slot.draw(black_box(&key))));
    c.bench_function("what a proposer draws, checked", |b| {
        b.iter(|| slot.output(key.id(), black_box(&proof)));
    });
    for count in [4_u16, 1_024] {
        let id = |n: u16| NodeId([n.to_be_bytes(); 16].concat().try_into().unwrap());
        let members = (0..count).map(|n| (id(n), Weight(10)));
        let electorate = Electorate::new(Epoch(0), members, Digest::ZERO).unwrap();
        let name = format!("the proposer among {count}");
        c.bench_function(&name, |b| b.iter(|| electorate.proposer(black_box(Height(9)), 0)));
    }
}

criterion_group!(benches, committees, certificates, draws);
criterion_main!(benches);
