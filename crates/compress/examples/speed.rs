//! How fast the codecs of values are: `cargo run --release -p bitneuron-compress --example speed`.
//!
//! Ten million values of a normal distribution, one thread; gigabytes of `f32` per second, the best of several runs, into
//! a buffer that is at hand and (behind the slash) into fresh memory. The entropy coder: symbols per second.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]
#![expect(clippy::disallowed_types, reason = "a clock is what this is for")]

use bitneuron_compress::{
    Absmax4, Absmax8, CompressError, Compressor, Dense, Ecsq, Float, Limits, Nf4, Packet, Rotated, Sign,
    Uniform, bound::relative_error, entropy,
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;
use std::{hint::black_box, sync::Arc, time::Instant};

const COUNT: usize = 10_000_000;
const RUNS: usize = 9;
const LIMITS: Limits = Limits { bytes: usize::MAX, elements: usize::MAX };

/// Normal by Box and Muller.
fn gaussian(count: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(1).rng();
    let mut unit = || ((rng.next_u32() >> 8) as f32 + 0.5) / (1 << 24) as f32;
    (0..count).map(|_| (-2.0 * unit().ln()).sqrt() * (std::f32::consts::TAU * unit()).cos()).collect()
}

/// Seconds of the fastest run.
fn seconds(mut run: impl FnMut()) -> f64 {
    let times = (0..RUNS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

type Into<'a> = &'a dyn Fn(&Packet, &mut Params) -> Result<(), CompressError>;

fn row(
    name: &str,
    codec: &dyn Compressor,
    into: Option<Into<'_>>,
    params: &Params,
) -> Result<(), CompressError> {
    let gigabytes = 4e-9 * params.values().len() as f64;
    let packet = codec.compress(params, Seed::default())?;
    let mut buffer = codec.decompress(&packet, params.layout(), LIMITS)?;
    let error = relative_error(params, &buffer);
    let encode = gigabytes / seconds(|| drop(black_box(codec.compress(params, Seed::default()))));
    let fresh = gigabytes / seconds(|| drop(black_box(codec.decompress(&packet, params.layout(), LIMITS))));
    let held = into.map(|into| gigabytes / seconds(|| drop(black_box(into(&packet, &mut buffer)))));
    let bits = 8.0 * packet.len() as f64 / params.values().len() as f64;
    let held = held.map_or("     ".into(), |held| format!("{held:5.2}"));
    println!("{name:24} encode {encode:5.2}  decode {held} /{fresh:5.2}  {bits:6.3} bits  error {error:.5}");
    Ok(())
}

macro_rules! rows {
    ($params:expr, $($name:literal $codec:expr),* $(,)?) => {$(
        let codec = $codec;
        row($name, &codec, Some(&|packet, buffer| codec.decompress_into(packet, buffer, LIMITS)), $params)?;
    )*};
}

fn entropy_row(name: &str, symbols: &[u8]) -> Result<(), CompressError> {
    let giga = 1e-9 * symbols.len() as f64;
    let bytes = entropy::encode(symbols);
    let encode = giga / seconds(|| drop(black_box(entropy::encode(symbols))));
    let decode = giga / seconds(|| drop(black_box(entropy::decode(&bytes, symbols.len()))));
    entropy::decode(&bytes, symbols.len())?;
    let bound = entropy::entropy(symbols);
    let rate = 8.0 * bytes.len() as f64 / symbols.len() as f64;
    println!("{name:24} encode {encode:5.2}  decode {decode:5.2} Gsym/s  {rate:.4} bits, entropy {bound:.4}");
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let layout = Arc::new(Layout::of(&[("w", &[COUNT as u32])])?);
    let params = Params::new(gaussian(COUNT), layout)?;
    let mut copy = vec![0f32; COUNT];
    let copied = 4e-9 * COUNT as f64 / seconds(|| black_box(&mut copy).copy_from_slice(params.values()));
    println!("memcpy {copied:.2} GB/s");
    for step in [4.0, 2.0, 1.0, 0.5, 0.25, 0.1] {
        let symbols: Vec<u8> = params.values().iter().map(|x| ((x / step).round() + 128.0) as u8).collect();
        entropy_row(&format!("rANS, step {step}"), &symbols)?;
    }
    row("dense", &Dense, None, &params)?;
    rows!(&params,
        "int8/256" Absmax8::default(),
        "int8/256 stochastic" Absmax8::default().stochastic(),
        "int4/64" Absmax4::default(),
        "int4/64 stochastic" Absmax4::default().stochastic(),
        "NF4/64" Nf4,
        "E4M3" Float::E4M3,
        "E5M2" Float::E5M2,
        "bfloat16" Float::BF16,
        "half" Float::F16,
        "sign" Sign,
        "ECSQ 4 bits" Ecsq::default(),
        "ECSQ error 0.144" Ecsq::relative_error(0.144)?,
        "rotated 4 bits" Rotated::default(),
        "rotated 2 bits" Rotated::new(2)?,
    );
    row("uniform 8 bits", &Uniform::default(), None, &params)?;
    row("uniform 4 bits", &Uniform::new(4)?, None, &params)?;
    Ok(())
}
