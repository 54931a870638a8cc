//! Exact programs on the network's model: a step, a merge of ten, a score, and building the step.

use bitneuron::{
    core::{Seed, claim::Turn, exact::ExactData},
    sim::digits,
    zk::Verifier,
};
use bitneuron_benches::{
    Failure,
    scene::{step, turn::Told},
};
use criterion::{Criterion, criterion_group, criterion_main};

fn programs(c: &mut Criterion) -> Result<(), Failure> {
    let (_, report) = digits::halves(Seed::from_number(1))?;
    let stepping = step::step(step::SHARD)?;
    let merging = step::merging(9)?;
    let model = stepping.inputs.first().cloned().ok_or("a step has inputs")?;
    let metric = step::metric(model, &ExactData::from_dataset(&report)?)?;
    let mut group = c.benchmark_group("exact 64-32-10");
    for (name, job) in
        [("step of 32 rows", stepping), ("merge of ten", merging), ("score of 360 rows", metric)]
    {
        job.run()?;
        group.bench_function(name, |b| b.iter(|| job.run()));
    }
    group.bench_function("build the step", |b| b.iter(|| step::step(step::SHARD).map(|job| job.program)));
    group.finish();
    Ok(())
}

/// A turn as it is claimed and judged, by re-execution; the program is built once.
fn turns(c: &mut Criterion) -> Result<(), Failure> {
    let told = Told::new()?;
    let proof = told.prove()?;
    Verifier::<Turn>::verify(&told.replay, &told.context, &told.public, &proof)?;
    let mut group = c.benchmark_group("a turn of nine models, replayed");
    group.bench_function("prove", |b| b.iter(|| told.prove()));
    group.bench_function("verify", |b| {
        b.iter(|| Verifier::<Turn>::verify(&told.replay, &told.context, &told.public, &proof));
    });
    group.finish();
    Ok(())
}

fn all(c: &mut Criterion) {
    if let Err(why) = programs(c).and_then(|()| turns(c)) {
        eprintln!("exact: {why}");
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
