//! The event loop of the simulator with loss and churn: ten virtual seconds.

use bitneuron_benches::scene::chatter;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;

fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("world");
    group.sample_size(20);
    for nodes in [1_000, 10_000] {
        let mut world = chatter::world(nodes);
        let before = world.tally().events;
        world.run_for(Duration::from_secs(10));
        group.throughput(Throughput::Elements(world.tally().events - before));
        group.bench_function(format!("{nodes} nodes"), |b| b.iter(|| world.run_for(Duration::from_secs(10))));
    }
    group.finish();
}

criterion_group!(benches, events);
criterion_main!(benches);
