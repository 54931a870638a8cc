//! A merge rule of one's own: written in thirty lines, judged by the laws, then ranked among others under attack.
//!
//! Forty nodes learn to read digits from thirty-six images each, on a random graph where everybody has sixteen neighbours. A quarter
//! of them lies: in each round they speak last, and together they know every honest model that one of them saw.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example custom_merge
//! ```
//! With a file of your own instead of the experiment here it is `Lab::new().merge("middle-half", MiddleHalf).run(arguments)`; see
//! `docs/write-a-merge-rule.md`.

use bitneuron::core::Weight;
use bitneuron::learning::{Contribution, Merge, MergeError, Merged, merge, suite};
use bitneuron::sim::lab::{Experiment, Lab, Results};
use std::{error::Error, io::Write as _};

/// The mean of the middle half, coordinate by coordinate. Every voice is worth the same, so weights do not count.
struct MiddleHalf;

impl Merge for MiddleHalf {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        merge::admit(own, peers)?;
        let mut value = own.value.clone();
        for (place, middle) in value.values_mut().iter_mut().enumerate() {
            let mut column: Vec<f32> = peers.iter().map(|peer| peer.value.values()[place]).collect();
            column.push(*middle);
            column.sort_unstable_by(f32::total_cmp);
            let cut = column.len() / 4;
            let kept = &column[cut..column.len() - cut];
            // The mean as steps from one of them, so that equal values stay what they are.
            let sum: f64 = kept.iter().map(|value| f64::from(value - kept[0])).sum();
            *middle = (f64::from(kept[0]) + sum / kept.len() as f64) as f32;
        }
        let age = peers.iter().map(|peer| peer.age).fold(own.age, u64::max);
        let (own, influence) = merge::shares(Weight(1), &vec![Weight(1); peers.len()]);
        Ok(Merged { value, age, own, influence })
    }

    /// So many peers may send anything: the suite attacks with exactly as many.
    fn tolerates(&self, peers: usize) -> usize {
        (peers + 1) / 4
    }
}

const RULES: [&str; 4] = ["middle-half", "mean", "median", "default"];
const ATTACKS: [&str; 5] = ["none", "signflip:scale=2", "ipm:strength=5", "alie:z=1.5", "labelflip"];

fn print(results: &Results) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    write!(out, "{:<14}", "accuracy in %")?;
    ATTACKS.iter().try_for_each(|attack| write!(out, " {attack:>16}"))?;
    for rule in RULES {
        write!(out, "\n{rule:<14}")?;
        for cell in results.cells().iter().filter(|cell| cell.get("merge") == rule) {
            write!(out, " {:>16.1}", 100.0 * cell.accuracy().mean)?;
        }
    }
    writeln!(out, "\n\nBy the worst of these:")?;
    for (place, rank) in (1..).zip(results.ranking()) {
        writeln!(out, "{place}. {:<14} {:5.1} under {}", rank.value, 100.0 * rank.worst, rank.at)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    suite::merge(&MiddleHalf)?;
    writeln!(std::io::stdout(), "MiddleHalf obeys the laws of merging.\n")?;
    // Attacks turn slower than rules in a sweep, so cells of one rule come in the order of attacks.
    let experiment = Experiment::new("My rule among others")
        .with("merge", RULES)?
        .with("attack", ATTACKS)?
        .with("topology", ["regular:16"])?
        .with("rounds", [25])?;
    print(&Lab::new().merge("middle-half", MiddleHalf).play(&experiment)?)?;
    Ok(())
}
