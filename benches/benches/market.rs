//! The order book: blocks of a thousand orders, placed and cleared.

use bitneuron_benches::scene::orders;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

fn orders_in_blocks(c: &mut Criterion) {
    let mut group = c.benchmark_group("orders");
    group.sample_size(10);
    for count in [1_000, 20_000] {
        let stream: Vec<_> = (0..count).map(orders::order).collect();
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("place and clear {count}"), |b| {
            b.iter_batched(|| stream.clone(), orders::play, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, orders_in_blocks);
criterion_main!(benches);
