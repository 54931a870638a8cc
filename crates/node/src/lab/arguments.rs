//! The command lines.

use super::{List, Play, What};
use crate::cli::Command;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bitneuron lab list
      all rules, attacks, codecs, models and keys that an experiment may name
  bitneuron lab run first.toml
      plays what the file says; the page is lab/report.html
  bitneuron lab matrix --quick
      rules by attacks by codecs by partitions, in a few minutes
  bitneuron lab frontier --out docs/frontier
      accuracy against bytes for each codec, as a table and a drawing

An experiment file, all of whose keys have defaults and may be lists:
  name      = \"Which rule?\"
  merge     = [\"mean\", \"median\", \"default\"]
  attack    = [\"none\", \"signflip\", \"alie:z=1.5\"]
  partition = [\"iid\", \"dirichlet:0.5\"]
  liars     = 0.25
  seeds     = 3

A sweep that was stopped goes on where it stopped. results.json and results.csv are the same bytes each time; what the clock says stands
in timing.csv and in the reports.";

/// `bitneuron lab` as it is typed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LabArgs {
    #[command(subcommand)]
    typed: Typed,
}

#[derive(Debug, Subcommand)]
enum Typed {
    /// Play an experiment file
    Run {
        /// The experiment, in TOML
        experiment: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// Play the published matrix: rules by attacks by codecs by partitions
    Matrix {
        /// One seed
        #[arg(long)]
        quick: bool,
        #[command(flatten)]
        how: How,
    },
    /// Play the published frontier: accuracy against bytes for each codec
    Frontier {
        /// Fewer rounds and one seed
        #[arg(long)]
        quick: bool,
        #[command(flatten)]
        how: How,
    },
    /// Tell what an experiment may name
    List,
}

#[derive(Debug, Args)]
struct How {
    /// Folder for results.json, results.csv, report.md and report.html
    #[arg(long, value_name = "FOLDER", default_value = "lab")]
    out: PathBuf,
    /// Play everything again that the folder has already
    #[arg(long)]
    fresh: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

impl LabArgs {
    /// What was asked for.
    pub(crate) fn into_command(self) -> Command {
        let (what, How { out, fresh, quiet }) = match self.typed {
            Typed::Run { experiment, how } => (What::File(experiment), how),
            Typed::Matrix { quick, how } => (What::Matrix { quick }, how),
            Typed::Frontier { quick, how } => (What::Frontier { quick }, how),
            Typed::List => return Command::List(List),
        };
        Command::Lab(Play { what, out, fresh, quiet })
    }
}
