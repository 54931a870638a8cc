//! The command line: `bitneuron devnet …`, `bitneuron ledger …`, `bitneuron prove-example …`, `bitneuron verify …`,
//! `bitneuron compress …`, `bitneuron decompress …`, `bitneuron lab …`.
//!
//! [`Cli::read`] both parses and judges: a setting that makes no network is a wrong command line (exit code 2), and is
//! told as such before anything runs.

use crate::devnet::{Devnet, DevnetArgs, REHEARSING};
use crate::lab::{LabArgs, List, Play};
use crate::ledger::{History, Inspect, LedgerArgs, Recount};
use crate::proof::{Check, Example, Method, Work};
use crate::shrink::{CompressArgs, DecompressArgs, Restore, SHRINKING, Shrink};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

const PROVING: &str = "\
Examples:
  bitneuron prove-example --out answer.proof
      a hidden model answers a picture; `bitneuron verify answer.proof` believes it without seeing the model
  bitneuron prove-example --of training --out training.proof
      four steps of training, all of it hidden but how many drawn rows are right before and after
  bitneuron prove-example --method replay --out shown.proof
      the same answer proved by showing the model, for comparison

Everything random comes from the seed, the masks that hide the model too: an example hides nothing from who knows its seed.";

const VERIFYING: &str = "\
Examples:
  bitneuron verify answer.proof
      what was claimed, by whom, and what the verdict is worth
  bitneuron verify answer.proof --json
      the same for programs

A file holds one signed claim with its proof and the public tensors that it refers to. Nothing is fetched, and nothing in the
file is believed but what signature and proof show. Whether its author, chain and subject are those that you care about is for
you to compare.

Exit code:
  0  true
  1  judged and refused
  2  nothing that could be judged: no proof file, or a statement or proof system unknown to this build";

/// The command line as it is typed.
#[derive(Debug, Parser)]
#[command(
    name = "bitneuron",
    version,
    about = "A network that learns together, trades what it learned and proves it"
)]
pub struct Cli {
    #[command(subcommand)]
    typed: Typed,
}

#[derive(Debug, Subcommand)]
enum Typed {
    /// Play a whole network in this process, in virtual time, and report on it
    #[command(after_help = REHEARSING)]
    Devnet(DevnetArgs),
    /// Look into the ledgers that a devnet kept, and check them
    Ledger(LedgerArgs),
    /// Make a proof in zero knowledge about a small model, for `verify` to check
    #[command(after_help = PROVING)]
    ProveExample(ExampleArgs),
    /// Check a proof file offline
    #[command(after_help = VERIFYING)]
    Verify(VerifyArgs),
    /// Compress a model in a file of tensors, each tensor by the codec that suits it
    #[command(after_help = SHRINKING)]
    Compress(CompressArgs),
    /// Bring a compressed model back
    Decompress(DecompressArgs),
    /// Try rules against attacks, codecs and skewed data, in virtual time
    Lab(LabArgs),
}

#[derive(Debug, Args)]
struct ExampleArgs {
    /// File for the proof
    #[arg(long, value_name = "FILE", default_value = "example.proof")]
    out: PathBuf,
    /// What to prove
    #[arg(long, value_name = "WORK", value_enum, default_value_t = Work::Inference)]
    of: Work,
    /// How to prove it
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Method::Sumcheck)]
    method: Method,
    /// Seed of everything random
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// The proof file
    file: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

/// What the command line asks for, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Play a whole network in this process.
    Devnet(Devnet),
    /// Make a proof file.
    ProveExample(Example),
    /// Check a proof file.
    Verify(Check),
    /// Compress a model.
    Compress(Shrink),
    /// Bring a compressed model back.
    Decompress(Restore),
    /// Look into a ledger.
    Inspect(Inspect),
    /// Look back at what happened in a ledger.
    History(History),
    /// Execute a ledger again.
    Replay(Recount),
    /// Play an experiment.
    Lab(Play),
    /// Tell what an experiment may name.
    List(List),
}

impl Cli {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// A command line that cannot be read, or settings that make no network; also when it asks for help or the
    /// version, which `clap` treats alike. [`clap::Error::exit`] prints it and ends the program rightly in each case.
    pub fn read<I, T>(arguments: I) -> Result<Command, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let devnet = match Self::try_parse_from(arguments)?.typed {
            Typed::Devnet(typed) => typed.into_devnet(),
            Typed::Ledger(typed) => return Ok(typed.into_command()),
            Typed::ProveExample(ExampleArgs { out, of: work, method, seed }) => {
                return Ok(Command::ProveExample(Example { out, work, method, seed }));
            }
            Typed::Verify(VerifyArgs { file, json }) => return Ok(Command::Verify(Check { file, json })),
            Typed::Compress(typed) => return Ok(Command::Compress(typed.into())),
            Typed::Decompress(typed) => return Ok(Command::Decompress(typed.into())),
            Typed::Lab(typed) => return Ok(typed.into_command()),
        };
        match devnet.scenario.validate() {
            Ok(()) => Ok(Command::Devnet(devnet)),
            Err(error) => Err(Self::command().error(ErrorKind::ValueValidation, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{INSPECTING, LOOKING_BACK, REPLAYING};
    use bitneuron_role::ProofSystem;
    use bitneuron_sim::scenario::{Adversaries, Codec, Defence, Model, Rows, Scenario};

    fn read(line: &str) -> Result<Devnet, clap::Error> {
        any(line).map(|command| match command {
            Command::Devnet(devnet) => devnet,
            other => panic!("{other:?} is no devnet"),
        })
    }

    fn any(line: &str) -> Result<Command, clap::Error> {
        Cli::read(line.split_whitespace())
    }

    #[test]
    fn proofs_are_made_and_checked() {
        let example =
            Example { out: "a.proof".into(), work: Work::Training, method: Method::Replay, seed: 3 };
        let line = "bitneuron prove-example --of training --method replay --seed 3 --out a.proof";
        assert_eq!(any(line).expect("reads"), Command::ProveExample(example));
        let check = Check { file: "a.proof".into(), json: true };
        assert_eq!(any("bitneuron verify a.proof --json").expect("reads"), Command::Verify(check));
        assert_eq!(any("bitneuron verify").expect_err("no file").exit_code(), 2);
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_default_is_the_default_scenario() {
        let devnet = read("bitneuron devnet").expect("reads");
        assert_eq!(devnet.scenario, Scenario::default());
        assert_eq!(devnet.report, PathBuf::from("report"));
        assert!(!devnet.json && !devnet.quiet);
    }

    #[test]
    fn every_option_reaches_its_place() {
        let devnet = read(
            "bitneuron devnet --validators 4 --users 9 --rounds 3 --seed 8 --partition dirichlet:0.5 \
             --model ttm-mlp:6 --compressor tt:120 --merge trimmed:f=0.25 --adversaries liar:2,equivocator:1 --attack ipm:strength=2:0.25 \
             --select low-loss:keep=0.6 --heal --prover optimistic --escalate replay --without delivery --report out/here --home net --json --quiet",
        )
        .expect("reads");
        let adversaries = Adversaries { liars: 2, equivocators: 1, ..Adversaries::NONE };
        let scenario = Scenario {
            validators: 4,
            users: 9,
            rounds: 3,
            seed: 8,
            rows: Rows::Dirichlet(0.5),
            model: Model::TtmMlp(6),
            compressor: Codec::TensorTrain(120),
            merge: "trimmed:f=0.25".parse().expect("reads"),
            adversaries,
            attack: Some("ipm:strength=2:0.25".parse().expect("reads")),
            select: Some("low-loss:keep=0.6".parse().expect("reads")),
            heal: true,
            prover: ProofSystem::Optimistic,
            escalate: Some(ProofSystem::Replay),
            without: Some(Defence::Delivery),
        };
        let (report, home) = ("out/here".into(), Some("net".into()));
        assert_eq!(devnet, Devnet { scenario, report, home, json: true, quiet: true });
        let again = read(&devnet.line()).expect("its own line");
        assert_eq!(again.scenario, devnet.scenario);
        let plain = read("bitneuron devnet").expect("reads");
        assert_eq!(read(&plain.line()).expect("its own line").scenario, plain.scenario);
        assert_eq!(
            read("bitneuron devnet --adversaries none").expect("reads").scenario.adversaries,
            Adversaries::NONE
        );
    }

    #[test]
    fn what_cannot_be_read_or_played_is_a_usage_error_that_says_what_would_do() {
        for (line, hint) in [
            ("bitneuron devnet --compressor uniform:9", "uniform:BITS"),
            ("bitneuron devnet --model ttm-mlp:0", "ttm-mlp:RANK"),
            ("bitneuron devnet --partition skewed", "dirichlet:0.5"),
            ("bitneuron devnet --adversaries thief:1", "liar:1"),
            ("bitneuron devnet --merge krum", "clipgossip"),
            ("bitneuron devnet --attack ipm", "ipm:0.2"),
            ("bitneuron devnet --attack eclipse:0.2", "lab alone"),
            ("bitneuron devnet --users 4 --attack ipm:0.1", "nobody"),
            ("bitneuron devnet --select luck", "low-loss"),
            ("bitneuron devnet --without luck", "`delivery`"),
            ("bitneuron devnet --prover faith", "optimistic"),
            ("bitneuron devnet --prover optimistic --escalate optimistic", "sumcheck"),
            ("bitneuron devnet --escalate replay", "prover `optimistic`"),
            ("bitneuron devnet --partition shards:0", "shards:COUNT"),
            ("bitneuron devnet --validators 0", "1 to 64"),
            ("bitneuron devnet --users 2 --adversaries flipper:3", "misbehaving users"),
            ("bitneuron devnet --rounds many", "--rounds"),
            ("bitneuron", "devnet"),
        ] {
            let error = read(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(hint), "{line}: {error}");
        }
    }

    #[test]
    #[cfg(not(feature = "sumcheck"))]
    fn a_proof_system_that_was_not_built_is_a_usage_error() {
        let error = read("bitneuron devnet --prover sumcheck").expect_err("not built");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("feature `sumcheck`"), "{error}");
    }

    #[test]
    fn help_teaches_by_examples() {
        let help = read("bitneuron devnet --help").expect_err("help is an early end");
        assert_eq!(help.exit_code(), 0);
        let text = help.to_string();
        assert!(
            text.contains("Examples:") && text.contains("equivocator") && text.contains("report.html"),
            "{text}"
        );
    }

    #[test]
    fn the_examples_in_the_help_can_be_typed() {
        let help = [REHEARSING, PROVING, VERIFYING, INSPECTING, LOOKING_BACK, REPLAYING];
        let lines = help.iter().flat_map(|help| help.lines());
        let typed = lines.filter_map(|line| line.trim().strip_prefix("bitneuron "));
        let lines: Vec<_> =
            typed.map(|rest| format!("bitneuron {}", rest.split(" > ").next().unwrap_or(rest))).collect();
        assert_eq!(lines.len(), 30);
        for line in lines {
            assert!(any(&line).is_ok(), "{line}");
        }
    }
}
