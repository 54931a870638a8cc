//! Throws so many mutants at a target, where there is no libFuzzer at hand; what makes it fail is kept in a file.
//!
//! ```text
//! cargo run --release -p bitneuron-fuzz --example mutants -- codec 1000000
//! ```

use bitneuron_fuzz::{TARGETS, mutant};
use std::io::{self, Write as _};
use std::panic::catch_unwind;
use std::{env, fs};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let (name, count) = (arguments.next(), arguments.next().and_then(|count| count.parse::<u64>().ok()));
    let target = TARGETS.iter().find(|target| Some(target.name) == name.as_deref());
    let mut out = io::stdout();
    let (Some(target), Some(count)) = (target, count) else {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return writeln!(out, "mutants TARGET COUNT, a target being {}", names.join(", "));
    };
    let seeds = (target.seeds)();
    let (mut accepted, mut failed) = (0u64, 0u64);
    // The tests have seen the first ten thousand.
    for number in 10_000..10_000 + count {
        let bytes = mutant(&seeds, number);
        if let Ok(fine) = catch_unwind(|| (target.run)(&bytes)) {
            accepted += u64::from(fine);
        } else {
            failed += 1;
            fs::write(format!("{}-{number}", target.name), bytes)?;
        }
    }
    writeln!(out, "{}: {count} mutants, {accepted} accepted, {failed} failed", target.name)
}
