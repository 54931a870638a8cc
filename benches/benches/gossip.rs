//! One gossip message of softmax regression on digits, part by part, and a round of the lab.

use bitneuron::{
    compress::{Dense, Limits},
    core::{NodeId, Seed, Weight},
    learning::{
        Contribution, Merge, Model, Sgd, Update,
        eval::accuracy,
        gossip::{ModelCodec, PacketCodec},
        merge::WeightedMean,
        model::SoftmaxRegression,
        optim::Measure,
    },
    sim::{digits, lab::GossipLab},
};
use bitneuron_benches::Failure;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;

/// Rows of one of a hundred nodes.
const ROWS: usize = 14;

fn message(c: &mut Criterion) -> Result<(), Failure> {
    let seed = Seed::from_number(1);
    let (train, report) = digits::halves(seed)?;
    let model: Arc<dyn Model> = Arc::new(SoftmaxRegression::new(64, 10)?);
    let rows = train.select(&(0..ROWS).collect::<Vec<_>>());
    let mut sgd = Sgd::new(Arc::clone(&model), 0.5, 8).with_measure(Measure::Running);
    let (mut own, theirs) = (model.init(seed), model.init(seed));
    sgd.update(&mut own, &rows, 0, seed)?;
    let limits = Limits::of(model.layout());
    let mut codec = PacketCodec::new(Arc::new(Dense), Arc::clone(model.layout()), limits)?;
    let packet = codec.pack(&own, seed)?;
    let voice =
        |number: u8, value| Contribution { from: NodeId([number; 32]), weight: Weight(1), age: 1, value };

    let mut group = c.benchmark_group("gossip message");
    group.bench_function("pack", |b| b.iter(|| codec.pack(&own, seed)));
    group.bench_function("unpack", |b| b.iter(|| codec.unpack(&packet)));
    let (mine, other) = (voice(1, &own), voice(2, &theirs));
    group.bench_function("merge", |b| b.iter(|| WeightedMean.merge(&mine, &[other])));
    group.bench_function("judge on 360 rows", |b| b.iter(|| accuracy(model.as_ref(), own.values(), &report)));
    let mut learner = own.clone();
    group.bench_function("update", |b| b.iter(|| sgd.update(&mut learner, &rows, 0, seed)));
    group.finish();

    let lab = GossipLab { rounds: 10, ..GossipLab::new(model) };
    let mut group = c.benchmark_group("gossip lab, 100 nodes, 10 rounds");
    group.sample_size(20).throughput(Throughput::Elements(10 * u64::from(lab.nodes)));
    group.bench_function("messages", |b| b.iter(|| lab.run(&train, &report, seed)));
    group.finish();
    Ok(())
}

fn all(c: &mut Criterion) {
    if let Err(why) = message(c) {
        eprintln!("gossip: {why}");
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
