//! Compressors on a matrix of 512 × 512 of low rank with noise: a megabyte of parameters.

use bitneuron::{
    compress::{Chain, Compressor, Dense, Limits, TensorTrain, Uniform},
    core::{Layout, Params, Seed},
};
use bitneuron_benches::Failure;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;

const SIDE: u32 = 512;

fn params() -> Result<Params, Failure> {
    let layout = Arc::new(Layout::of(&[("w", &[SIDE, SIDE])])?);
    let wave = |at: usize, frequency: f32| (at as f32 * frequency).sin();
    let noise = |at: usize| (at.wrapping_mul(2_654_435_761) % 1_024) as f32 / 1_024.0 - 0.5;
    let value = |at: usize| {
        let (row, column) = (at / SIDE as usize, at % SIDE as usize);
        let smooth: f32 = (1..=8).map(|k| wave(row, 0.013 * k as f32) * wave(column, 0.029 * k as f32)).sum();
        smooth + 0.01 * noise(at)
    };
    Ok(Params::new((0..layout.len()).map(value).collect(), layout)?)
}

fn codecs(c: &mut Criterion) -> Result<(), Failure> {
    let (params, seed) = (params()?, Seed::from_number(1));
    let rank = || TensorTrain::max_rank(16);
    let codecs: [(&str, Box<dyn Compressor>); 5] = [
        ("dense", Box::new(Dense)),
        ("8 bits", Box::new(Uniform::new(8)?)),
        ("4 bits", Box::new(Uniform::new(4)?)),
        ("TT-SVD of rank 16", Box::new(rank()?)),
        ("TT-SVD of rank 16, 8 bits", Box::new(Chain::new(rank()?, Uniform::new(8)?)?)),
    ];
    let limits = Limits::of(params.layout());
    for (name, codec) in codecs {
        let packet = codec.compress(&params, seed)?;
        codec.decompress(&packet, params.layout(), limits)?;
        let mut group = c.benchmark_group(name);
        group.sample_size(20).throughput(Throughput::Bytes(4 * params.values().len() as u64));
        group.bench_function("compress", |b| b.iter(|| codec.compress(&params, seed)));
        group.bench_function("decompress", |b| b.iter(|| codec.decompress(&packet, params.layout(), limits)));
        group.finish();
    }
    Ok(())
}

fn all(c: &mut Criterion) {
    if let Err(why) = codecs(c) {
        eprintln!("shrink: {why}");
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
