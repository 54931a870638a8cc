//! A recommender of two towers over a million items: the table of embeddings as a train of cores against the dense table. What is
//! trained and on what stands in `benches/src/scene/recommender`.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example two_tower
//! ```

use bitneuron::core::Seed;
use bitneuron_benches::scene::recommender::run;
use std::{error::Error, io::Write as _};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut out = std::io::stdout();
    writeln!(out, "table            parameters      bytes    AUC")?;
    let all = run(Seed::from_number(1))?;
    for trained in &all {
        let (name, parameters, bytes) = (trained.name, trained.parameters, trained.bytes);
        writeln!(out, "{name:15} {parameters:11} {bytes:10}  {:.4}", trained.auc)?;
    }
    let [dense, cores, ..] = all;
    writeln!(out, "{:.0} times fewer parameters", dense.parameters as f64 / cores.parameters as f64)?;
    Ok(())
}
