//! The command lines.

use super::{Goal, Restore, Shrink};
use clap::Args;
use std::path::PathBuf;

/// What `bitneuron compress --help` ends with.
pub const SHRINKING: &str = "\
Examples:
  bitneuron compress model.safetensors
      each tensor in the fewest bytes at a relative error of 5 %; writes model.bnar
  bitneuron compress model.safetensors --budget bits:4 --report
      the least error in four bits a value; tells of each tensor and draws model.svg
  bitneuron compress model.safetensors --budget bytes:1000000 --json
      at most a megabyte; the answer for programs
  bitneuron decompress model.bnar --out again.safetensors
      back to a file of tensors

A tensor format pays where a tensor has structure: updates of low rank, smooth tables, models trained as factors. For trained dense
weights it seldom does, and the report says so.";

/// `bitneuron compress` as it is typed.
#[derive(Debug, Args)]
pub struct CompressArgs {
    /// The model: a file in the format safetensors
    file: PathBuf,
    /// What it may cost: `error:SHARE` for each tensor, `bits:COUNT` a value or `bytes:COUNT` in all
    #[arg(long, value_name = "BUDGET", default_value = "error:0.05")]
    budget: Goal,
    /// File for the compressed model; beside the model when none is named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Tell of each tensor what was chosen, and draw error over bits a value beside the compressed model
    #[arg(long)]
    report: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    /// Seed of what is random in codecs
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// `bitneuron decompress` as it is typed.
#[derive(Debug, Args)]
pub struct DecompressArgs {
    /// The compressed model
    file: PathBuf,
    /// File of tensors for the model; beside it when none is named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl From<CompressArgs> for Shrink {
    fn from(typed: CompressArgs) -> Self {
        let CompressArgs { file, budget, out, report, json, seed } = typed;
        Self { file, out, budget, report, json, seed }
    }
}

impl From<DecompressArgs> for Restore {
    fn from(typed: DecompressArgs) -> Self {
        let DecompressArgs { file, out } = typed;
        Self { file, out }
    }
}
