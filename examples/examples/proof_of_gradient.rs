//! Who is paid for learning: contests on hidden images among honest learners, copiers, splitters and liars, with real models in
//! exact integers, beside the figures of the design.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example proof_of_gradient -- [SEEDS] [ROUNDS] [softmax|mlp]
//! ```
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use bitneuron::sim::contest::figures;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut number = |default| words.next().map_or(Ok(default), |word| word.parse());
    let (seeds, rounds): (u64, u64) = (number(2)?, number(12)?);
    let sizes: &[u32] =
        if words.next().is_some_and(|word| word == "mlp") { &[64, 32, 10] } else { &[64, 10] };
    let seeds: Vec<u64> = (1..=seeds).collect();
    let rounds = u32::try_from(rounds)?;
    println!("{} seeds, {rounds} contests, model {sizes:?}\n", seeds.len());
    println!("{:>8}  {:>8}", "here", "design");
    for figure in figures(&seeds, rounds, sizes)? {
        let designed = figure.designed.map_or_else(String::new, |designed| format!("{designed:.3}"));
        println!("{:8.3}  {designed:>8}  {}", figure.ours, figure.what);
    }
    Ok(())
}
