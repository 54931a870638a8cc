//! What proofs through `spartan2` cost: the linear step, the step of 64-32-10 on a batch of 32, the norm bound.
//!
//! ```text
//! RAYON_NUM_THREADS=1 cargo run --release -p bitneuron-zk --features spartan --example spartan
//! ```
//! CPU seconds of the process, user and system; keys are made once for each circuit and shown apart.

#[expect(dead_code, reason = "shared with the tests")]
#[path = "../tests/executed/mod.rs"]
mod executed;

use bitneuron_core::Seed;
use bitneuron_zk::backend::spartan::{Spartan, Vault};
use bitneuron_zk::{Prover, Verifier};
use executed::{Executed, Scene};
use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

/// Proofs of which the mean is taken.
const RUNS: u32 = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let scenes = [
        ("linear step 64 x 64", Scene::linear(64, 64)?),
        ("step 64-32-10, batch 32", Scene::step(&[64, 32, 10], 37, 32)?),
        ("norm bound, 2,410 parameters", Scene::norm_bound(2410, 1 << 40)?),
    ];
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{:30} {:>11} {:>9} {:>9} {:>10} {:>8}",
        "", "constraints", "keys s", "prove s", "verify ms", "proof kB"
    )?;
    for (name, scene) in scenes {
        let mut vault = Vault::new();
        let case = scene.sealed(&mut vault)?;
        let spartan = Spartan::new(Arc::new(vault));
        let prove = |seed| {
            Prover::<Executed>::prove(
                &spartan,
                &case.context,
                &case.public,
                &case.witness,
                Seed::from_number(seed),
            )
        };
        let verify = |proof| Verifier::<Executed>::verify(&spartan, &case.context, &case.public, proof);
        let (first, once) = cpu_of(|| prove(0));
        let proof = first?;
        let (proofs, proving) = cpu_of(|| (1..=RUNS).try_for_each(|seed| prove(seed.into()).map(drop)));
        proofs?;
        let (verdicts, verifying) = cpu_of(|| (0..4 * RUNS).try_for_each(|_| verify(&proof)));
        verdicts?;
        let proving = proving / f64::from(RUNS);
        writeln!(
            out,
            "{name:30} {:>11} {:>9.2} {proving:>9.3} {:>10.1} {:>8.1}",
            spartan.constraints::<Executed>(&case.public)?,
            once - proving,
            1e3 * verifying / f64::from(4 * RUNS),
            proof.body.len() as f64 / 1e3,
        )?;
    }
    Ok(())
}

/// The result of `work` and the CPU seconds of the process that it took, in steps of ten milliseconds.
fn cpu_of<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu();
    let result = work();
    (result, cpu() - before)
}

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or("").split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
