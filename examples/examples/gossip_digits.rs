//! Gossip learning (Algorithm 1): a hundred nodes learn to read digits from fourteen images each, without a server.
//!
//! Each node sends its model to one random neighbour in every round, averages what it receives into its own and trains
//! that on its own images. No image leaves its node. The same seed prints the same table.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example gossip_digits            # dense models
//! cargo run --release -p bitneuron-examples --example gossip_digits -- 4       # models of 4 bits a parameter
//! ```

use bitneuron::{
    compress::{Compressor, Dense, Uniform},
    core::Seed,
    learning::model::SoftmaxRegression,
    sim::{
        Chance, Link, digits,
        lab::{GossipLab, LabReport},
    },
};
use std::{error::Error, io::Write as _, sync::Arc};

/// Rounds that get a line.
const SHOWN: [u64; 8] = [1, 2, 5, 10, 20, 50, 100, 200];

/// The argument: bits for each parameter, or nothing for 32.
fn compressor() -> Result<Arc<dyn Compressor>, Box<dyn Error>> {
    Ok(match std::env::args().nth(1) {
        None => Arc::new(Dense),
        Some(bits) => Arc::new(Uniform::new(bits.parse()?)?),
    })
}

fn print(report: &LabReport, ceiling: f64) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "round   worst    mean    best   ceiling   messages   megabytes")?;
    for line in report.rounds.iter().filter(|line| SHOWN.contains(&line.round)) {
        writeln!(
            out,
            "{:5}  {:6.4}  {:6.4}  {:6.4}    {ceiling:6.4}   {:8}   {:9.2}",
            line.round,
            line.accuracy.worst,
            line.accuracy.mean,
            line.accuracy.best,
            line.messages,
            line.bytes as f64 / 1e6,
        )?;
    }
    writeln!(out, "\n{} of {} messages got lost on the way.", report.tally.lost, report.messages())
}

fn main() -> Result<(), Box<dyn Error>> {
    let seed = Seed::from_number(1);
    // 1,437 images to learn from and 360 that no node ever sees.
    let (train, test) = digits::halves(seed)?;
    let model = Arc::new(SoftmaxRegression::new(64, 10)?);
    let lab = GossipLab::new(model);
    let lab = GossipLab {
        rounds: 200,
        link: Link { loss: Chance::percent(5), ..lab.link },
        compressor: compressor()?,
        ..lab
    };
    let report = lab.run(&train, &test, seed)?;
    // What the same steps reach when all images lie in one place.
    let ceiling = lab.ceiling(&train, &test, 200, seed)?;
    print(&report, ceiling)?;
    Ok(())
}
