//! Prints the figures of an area beside their bars.

use bitneuron_benches::area::{Area, Options};
use bitneuron_benches::{Failure, figure::Sheet};
use clap::{Parser, ValueEnum};
use std::io::Write as _;

/// Measures BitNeuron and says which bars it reaches.
///
/// Every row of bars/AREA.json is printed with its value, unit, bar, aim and whether the bar holds. A row that cannot be
/// measured on this machine or at this stage has no value and does not hold. Figures without a bar come last.
///
/// Times are CPU times of one thread, medians of at least five samples after a warm-up, unless the row says otherwise.
#[derive(Debug, Parser)]
#[command(
    name = "figures",
    after_help = "Examples:
  cargo run --release -p bitneuron-benches --bin figures -- core
  cargo run --release -p bitneuron-benches --bin figures -- learning --peers
  cargo run --release -p bitneuron-benches --features peers --bin figures -- market --peers
  cargo run --release -p bitneuron-benches --bin figures -- all --json"
)]
struct Arguments {
    /// What to measure.
    #[arg(value_name = "AREA")]
    what: What,
    /// Run the peers too, in the same sitting: scripts under benches/peers (they install themselves at first, which takes
    /// minutes and gigabytes), and libraries behind the feature `peers`.
    #[arg(long)]
    peers: bool,
    /// Print JSON, one object a line for each area.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Exact arithmetic, codec, signatures.
    Core,
    /// The event loop and the devnet.
    Sim,
    /// Orders placed and matched.
    Market,
    /// Gossip learning and robust merging.
    Learning,
    /// One after the other.
    All,
}

impl What {
    fn areas(self) -> Vec<Area> {
        match self {
            Self::Core => vec![Area::Core],
            Self::Sim => vec![Area::Sim],
            Self::Market => vec![Area::Market],
            Self::Learning => vec![Area::Learning],
            Self::All => Area::value_variants().to_vec(),
        }
    }
}

fn main() -> Result<(), Failure> {
    let Arguments { what, peers, json } = Arguments::parse();
    let mut out = std::io::stdout();
    for area in what.areas() {
        let sheet = Sheet::new(area, &area.measure(Options { peers }))?;
        if json {
            writeln!(out, "{}", sheet.json())?;
        } else {
            writeln!(out, "{}", sheet.table())?;
        }
    }
    Ok(())
}
