//! Prints the figures of an area beside their bars.

use bitneuron_benches::area::{self, Area, Options};
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
  cargo run --release -p bitneuron-benches --bin figures -- learning --only healing --only fashion
  cargo run --release -p bitneuron-benches --features peers --bin figures -- market --peers
  cargo run --release -p bitneuron-benches --bin figures -- all --json"
)]
struct Arguments {
    /// What to measure: an area or `all`.
    #[arg(value_name = "AREA", value_parser = areas)]
    what: Areas,
    /// Run the peers too, in the same sitting: scripts under benches/peers (they install themselves at first, which takes
    /// minutes and gigabytes), and libraries behind the feature `peers`.
    #[arg(long)]
    peers: bool,
    /// Measure only what has this in the name of its first row; may be given several times.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Print JSON, one object a line for each area.
    #[arg(long)]
    json: bool,
}

/// Which areas, in their order.
#[derive(Debug, Clone)]
struct Areas(Vec<Area>);

fn areas(text: &str) -> Result<Areas, String> {
    match text {
        "all" => Ok(Areas(Area::value_variants().to_vec())),
        _ => Area::from_str(text, false).map(|area| Areas(vec![area])).map_err(|_| {
            let names: Vec<String> = Area::value_variants().iter().map(Area::to_string).collect();
            format!("there are {} and all", names.join(", "))
        }),
    }
}

fn main() -> Result<(), Failure> {
    let Arguments { what, peers, only, json } = Arguments::parse();
    let some = !only.is_empty();
    if some {
        area::only(only);
    }
    let mut out = std::io::stdout();
    for area in what.0 {
        let mut sheet = Sheet::new(area, &area.measure(Options { peers }))?;
        sheet.figures.retain(|figure| !some || figure.value.is_some());
        if json {
            writeln!(out, "{}", sheet.json())?;
        } else {
            writeln!(out, "{}", sheet.table())?;
        }
    }
    Ok(())
}
