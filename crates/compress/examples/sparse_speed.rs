//! Speed and size of the sparse codecs on ten million normal values: `cargo run --release -p bitneuron-compress --example
//! sparse_speed`. One thread, the fastest of several runs; rates are of the `f32` that goes in or comes out.
#![expect(clippy::print_stdout, reason = "it is a table for people")]
#![expect(clippy::disallowed_types, reason = "a clock measures")]

use bitneuron_compress::{
    Chunked, CompressError, Compressor, Cosine, Limits, Random, Ternary, Top,
    bound::relative_error,
    sparse::{Density, Precision, largest},
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;
use std::{error::Error, hint::black_box, sync::Arc, time::Instant};

const ELEMENTS: u32 = 10_000_000;
const RUNS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let layout = Arc::new(Layout::of(&[("w", &[ELEMENTS])])?);
    let params = Params::new(normal(Seed::from_number(1)), layout)?;
    println!("{ELEMENTS} normal values, rates in GB/s of f32");
    println!(
        "{:28} {:>7} {:>7} {:>7} {:>9} {:>9} {:>7}",
        "", "encode", "decode", "add", "ratio", "bits/kept", "error"
    );
    for density in [Density::PERCENT, Density::ONE_IN_400] {
        let keep = density.count(ELEMENTS as usize);
        let rate = fastest(|| largest(params.values(), keep).len());
        println!("{:28} {rate:7.2}", format!("largest {density}"));
        let (top, cosine) = (Top::new(density), Cosine::new(density));
        row("top f32", &top, density, &params)?;
        row("top byte", &top.with_precision(Precision::Byte), density, &params)?;
        row("ternary", &Ternary::new(density), density, &params)?;
        row("chunked", &Chunked::new(density), density, &params)?;
        row("random", &Random::new(density), density, &params)?;
        row("cosine byte", &cosine.with_precision(Precision::Byte), density, &params)?;
        let p = density.ratio();
        let bits = -p * p.log2() - (1.0 - p) * (1.0 - p).log2() + p;
        println!(
            "{:28} {:7} {:7} {:7} {:9.1} {:9.3}",
            format!("entropy of ternary {density}"),
            "",
            "",
            "",
            32.0 / bits,
            bits / p
        );
    }
    Ok(())
}

fn row(name: &str, codec: &dyn Compressor, density: Density, params: &Params) -> Result<(), CompressError> {
    let packet = codec.compress(params, Seed::default())?;
    let limits = Limits { bytes: packet.len(), elements: params.values().len() };
    let error = relative_error(params, &codec.decompress(&packet, params.layout(), limits)?);
    let encode = fastest(|| codec.compress(params, Seed::default()));
    let decode = fastest(|| codec.decompress(&packet, params.layout(), limits));
    let mut onto = Params::zeros(params.layout().clone());
    let add = fastest(|| codec.decompress_onto(&packet, 0.5, &mut onto, limits));
    let ratio = 4.0 * f64::from(ELEMENTS) / packet.len() as f64;
    let kept = density.count(ELEMENTS as usize) as f64;
    let bits = 8.0 * packet.len() as f64 / kept;
    let name = format!("{name} {density}");
    println!("{name:28} {encode:7.2} {decode:7.2} {add:7.1} {ratio:9.1} {bits:9.3} {error:7.4}");
    Ok(())
}

/// GB/s of the fastest run.
fn fastest<T>(mut call: impl FnMut() -> T) -> f64 {
    let seconds = (0..RUNS).map(|_| {
        let start = Instant::now();
        black_box(call());
        start.elapsed().as_secs_f64()
    });
    4.0 * f64::from(ELEMENTS) / seconds.fold(f64::INFINITY, f64::min) / 1e9
}

/// Box and Muller's pairs.
fn normal(seed: Seed) -> Vec<f32> {
    let mut rng = seed.rng();
    let mut unit = move || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
    let pair = |_| {
        let (radius, angle) = ((-2.0 * unit().ln()).sqrt(), std::f64::consts::TAU * unit());
        [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
    };
    (0..ELEMENTS / 2).flat_map(pair).collect()
}
