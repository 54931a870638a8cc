//! Digits with factored layers: a perceptron 64-512-512-10 whose layers are TT-matrices. Their ranks find themselves while it
//! learns, then it gets used to the four bits that it is sent with, or is sent with steps by the slices of its factors; against the
//! dense one. The mean of three seeds. How both are trained stands in `benches/src/scene/digits.rs`.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example factored_digits
//! ```

use bitneuron::core::Seed;
use bitneuron_benches::scene::digits::{Outcome, run};
use std::{error::Error, io::Write as _};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut out = std::io::stdout();
    writeln!(out, "  dense   factored     4 bits   weights     bytes   by slices     bytes")?;
    let mut line = |outcome: &Outcome| {
        let [dense, fine, sent, sliced] =
            [outcome.dense, outcome.fine, outcome.sent, outcome.sliced].map(|accuracy| 100.0 * accuracy);
        let [weights, bytes, less] = [outcome.weights, outcome.bytes, outcome.sliced_bytes];
        write!(out, "{dense:5.2} %    {fine:5.2} %    {sent:5.2} %  {weights:7.1}×  {bytes:7.1}×")?;
        writeln!(out, "     {sliced:5.2} %  {less:7.1}×")
    };
    let mut all = Vec::new();
    for number in 1..=3 {
        let outcome = run(Seed::from_number(number))?;
        line(&outcome)?;
        all.push(outcome);
    }
    let mean = Outcome::mean(&all);
    line(&mean)?;
    // Sums of floats depend on the processor, and three seeds are few: elsewhere it may be a point more or less.
    writeln!(out, "{:.2} points lost, {:.1} times as fast for one row", mean.points_lost(), mean.speed)?;
    Ok(())
}
