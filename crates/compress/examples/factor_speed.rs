//! How fast factors are: layers of 4,096 × 4,096 and 1,024 × 1,024 against the dense product, by batch and rank, and rows
//! of a table of a million embeddings. One thread, seconds of its own time, both sides in one process.
//!
//! ```text
//! cargo run --release -p bitneuron-compress --example factor_speed
//! ```
#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::disallowed_types, reason = "a clock is what measures time")]

use bitneuron_compress::{
    factor::{CpLinear, FactorError, Factored, HotRows, Linear, Pass, TrainEmbedding, TrainLinear},
    linalg::{LinalgError, Matrix, Onto, multiply_f32},
};
use bitneuron_core::Seed;
use rand::Rng;
use std::{error::Error, time::Instant};

/// Uniform numbers of −1 … 1.
fn random(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| rng.next_u32() as i32 as f32 / (1u32 << 31) as f32).collect()
}

/// Seconds that this thread has run, so that other work on the machine does not count; the clock where that is not known.
fn seconds(origin: Instant) -> f64 {
    let known = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = known.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or(origin.elapsed().as_secs_f64(), |n| n * 1e-9)
}

/// Seconds of a call: the better of two means over so many calls that the coarse tick of the thread's time does not show.
fn best<E>(mut call: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let origin = Instant::now();
    let mut best = f64::INFINITY;
    call()?;
    for _ in 0..2 {
        let (start, mut calls, mut spent) = (seconds(origin), 0.0, 0.0);
        while spent < 0.15 {
            call()?;
            calls += 1.0;
            spent = seconds(origin) - start;
        }
        best = best.min(spent / calls);
    }
    Ok(best)
}

/// Seconds of the dense layer: outputs; gradients of inputs and weights.
fn dense(size: usize, batch: usize) -> Result<[f64; 2], LinalgError> {
    let (w, x) = (random(1, size * size), random(2, batch * size));
    let (mut y, mut gradient) = (vec![0.0; batch * size], vec![0.0; size * size]);
    let (weights, inputs) = (Matrix::new(&w, size, size), Matrix::new(&x, batch, size));
    let forward = best(|| multiply_f32(&mut y, Onto::Replace, inputs, weights))?;
    let backward = best(|| {
        multiply_f32(&mut y, Onto::Replace, inputs, weights.transposed())?;
        multiply_f32(&mut gradient, Onto::Replace, inputs.transposed(), inputs)
    })?;
    Ok([forward, backward])
}

/// Seconds of a factored layer: outputs; gradients of inputs and factors.
fn factored(layer: &dyn Linear, batch: usize) -> Result<[f64; 2], FactorError> {
    let factors = layer.init(1.0 / layer.inputs() as f64, Seed::from_number(3));
    let x = random(2, batch * layer.inputs());
    let (mut y, mut below) = (vec![0.0; batch * layer.outputs()], vec![0.0; x.len()]);
    let mut gradient = vec![0.0; factors.len()];
    let forward = best(|| layer.forward(&factors, &x, &mut y))?;
    let backward = best(|| layer.backward(&factors, &x, &y, Some(&mut gradient), Some(&mut below)))?;
    Ok([forward, backward])
}

fn layers(size: usize, modes: &[usize; 4]) -> Result<(), Box<dyn Error>> {
    println!("\n{size} × {size}: milliseconds, and times as fast as dense");
    println!("batch  layer      parameters  plan        forward            backward");
    for batch in [1, 8, 64, 256] {
        let reference = dense(size, batch)?;
        let line = |name: &str, parameters: usize, plan: &str, [forward, backward]: [f64; 2]| {
            let (f, b) = (reference[0] / forward, reference[1] / backward);
            println!(
                "{batch:5}  {name:9}  {parameters:10}  {plan:9}  {:8.3} {f:7.1}×  {:8.3} {b:7.1}×",
                forward * 1e3,
                backward * 1e3
            );
        };
        line("dense", size * size, "", reference);
        for rank in [8, 16, 32] {
            let layer = TrainLinear::interleaved(modes, modes, &[rank; 3])?;
            let plan = layer.plan(batch, Pass::Forward).to_string();
            line(&format!("TTM {rank}"), layer.parameters(), &plan, factored(&layer, batch)?);
        }
        let (left, right) = modes.split_at(2);
        let sides = [left.iter().product(), right.iter().product()];
        let train = TrainLinear::in_line(&sides, &sides, &[16; 3])?;
        let plan = train.plan(batch, Pass::Forward).to_string();
        line("TT 16", train.parameters(), &plan, factored(&train, batch)?);
        let cp = CpLinear::new(&sides, &sides, 32)?;
        line("CP 32", cp.parameters(), "", factored(&cp, batch)?);
    }
    Ok(())
}

fn table() -> Result<(), FactorError> {
    println!("\na table of 2^20 × 64, a thousand bags of 16 rows: lookups a second");
    println!("cores  rank  parameters  uniform rows  skewed rows  with hot rows  training");
    let count = 16_000;
    let mut rng = Seed::from_number(5).rng();
    let uniform: Vec<u32> = (0..count).map(|_| rng.next_u32() >> 12).collect();
    // Half of the rows among the first 2¹⁰, half of the rest among the first 2¹², and so on.
    let skewed: Vec<u32> =
        uniform.iter().map(|row| row >> (2 * rng.next_u32().leading_zeros()).min(10)).collect();
    let ends: Vec<usize> = (1..=1000).map(|bag| bag * 16).collect();
    for (digits, widths, rank) in [
        (&[128, 128, 64][..], &[4, 4, 4][..], 16),
        (&[128, 128, 64], &[4, 4, 4], 32),
        (&[32; 4], &[4, 4, 2, 2], 16),
    ] {
        let table = TrainEmbedding::new(digits, widths, &vec![rank; digits.len() - 1])?;
        let mut cores = table.init(0.1, Seed::from_number(6));
        let mut out = vec![0.0; count * 64];
        let mut hot = HotRows::new(&table, 1 << 13);
        let all = best(|| table.look_up(&cores, &uniform, &mut out))?;
        let some = best(|| table.look_up(&cores, &skewed, &mut out))?;
        let cached = best(|| hot.look_up(&table, &cores, &skewed, &mut out))?;
        let bags = bitneuron_compress::factor::Bags { rows: &uniform, ends: &ends };
        let errors = random(7, 1000 * 64);
        let training = best(|| {
            table.sum(&cores, bags, &mut out[..64_000])?;
            table.train(&mut cores, bags, &errors, &mut |_, values, slopes| {
                values.iter_mut().zip(slopes).for_each(|(value, slope)| *value -= 1e-9 * slope);
            })
        })?;
        let rate = |seconds: f64| format!("{:.2} M", count as f64 / seconds / 1e6);
        let [all, some, cached, training] = [all, some, cached, training].map(rate);
        println!(
            "{:5}  {rank:4}  {:10}  {all:>12}  {some:>11}  {cached:>13}  {training:>8}",
            digits.len(),
            table.parameters()
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    layers(4096, &[8; 4])?;
    layers(1024, &[4, 8, 8, 4])?;
    table()?;
    Ok(())
}
