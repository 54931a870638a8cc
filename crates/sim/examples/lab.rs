//! The lab as a program of one's own, in one line: `cargo run --release -p bitneuron-sim --example lab -- EXPERIMENT.toml`.

use bitneuron_sim::lab::{ExperimentError, Lab};

fn main() -> Result<(), ExperimentError> {
    Lab::new().run(std::env::args_os().skip(1)).map(drop)
}
