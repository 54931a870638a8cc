//! Bytes, signatures and trees of a block of a thousand transactions.

use bitneuron::{
    consensus::Block,
    core::{decode, encode, merkle::Tree, sign::verify_batch},
    ledger::SignedTx,
};
use bitneuron_benches::scene::block::{Signed, block};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn codec(c: &mut Criterion, block: &Block) {
    let bytes = encode(block);
    let mut group = c.benchmark_group("block of 1,000 transactions");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |b| b.iter(|| encode(block)));
    group.bench_function("split", |b| b.iter(|| decode::<Block>(&bytes)));
    group.bench_function("decode each transaction", |b| {
        b.iter(|| block.transactions.iter().filter(|tx| decode::<SignedTx>(tx).is_ok()).count());
    });
    group.finish();
}

fn trees(c: &mut Criterion, block: &Block) {
    let tree = Tree::over(&block.transactions);
    let mut group = c.benchmark_group("Merkle, 1,000 leaves");
    group.bench_function("build", |b| b.iter(|| Tree::over(&block.transactions).root()));
    group.bench_function("prove", |b| b.iter(|| tree.prove(567)));
    if let (Some(proof), Some(bytes)) = (tree.prove(567), block.transactions.get(567)) {
        let (root, leaf) = (tree.root(), bitneuron::core::merkle::leaf(bytes));
        group.bench_function("verify", |b| b.iter(|| proof.verify(root, leaf)));
    }
    group.finish();
}

fn signatures(c: &mut Criterion) {
    let mut group = c.benchmark_group("ed25519");
    for count in [1, 8, 64] {
        let signed = Signed::new(count);
        let batch = signed.batch();
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("batch of {count}"), |b| b.iter(|| verify_batch(&batch)));
    }
    group.finish();
}

fn all(c: &mut Criterion) {
    match block() {
        Ok(block) => {
            codec(c, &block);
            trees(c, &block);
        }
        Err(why) => eprintln!("words: {why}"),
    }
    signatures(c);
}

criterion_group!(benches, all);
criterion_main!(benches);
