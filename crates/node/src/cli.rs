//! The command line: `bitneuron devnet …`, `bitneuron ledger …`, `bitneuron prove-example …`, `bitneuron verify …`,
//! `bitneuron compress …`, `bitneuron decompress …`, `bitneuron lab …`.
//!
//! [`Cli::read`] both parses and judges: a setting that makes no network is a wrong command line (exit code 2), and is
//! told as such before anything runs.

use crate::devnet::Devnet;
use crate::lab::{LabArgs, List, Play};
use crate::ledger::{History, Inspect, LedgerArgs, Recount};
use crate::proof::{Check, Example, Method, Work};
use crate::shrink::{CompressArgs, DecompressArgs, Restore, SHRINKING, Shrink};
use bitneuron_role::ProofSystem;
use bitneuron_sim::scenario::{Adversaries, Codec, Defence, Model, Rows, Scenario};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bitneuron devnet
      seven validators, fifty users, one misbehaving node of each kind; the page is report/report.html
  bitneuron devnet --rounds 10 --users 10
      a small network, for a first look
  bitneuron devnet --partition dirichlet:0.5 --compressor tt:100
      skewed data, models sold as tensor trains
  bitneuron devnet --adversaries flipper:10 --seed 7
      ten users sell models with flipped signs
  bitneuron devnet --adversaries flipper:20 --without filter
      what twenty of them do when nobody filters: see what a defence is for
  bitneuron devnet --adversaries equivocator,withholder,farmer
      three of seven validators attack the vote itself; who votes twice is proven guilty and loses stake
  bitneuron devnet --prover optimistic --adversaries forger:1,truant:1
      turns are commitments that beacons audit; who forges a step or answers no audit loses stake
  bitneuron devnet --prover optimistic --escalate sumcheck --rounds 10 --users 10 --adversaries forger:1
      an audited turn is answered by a whole proof; who forged its step has none and loses stake
  bitneuron devnet --rounds 5 --users 8 --home net
      every validator keeps its ledger below the folder net, for `bitneuron ledger`
  bitneuron devnet --json > report.json
      only the report as JSON on standard output

One build on one kind of processor gives the same report.json for the same options, byte for byte.
What the clock says stands in timing.json.";

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

const ADVERSARIES: &str = "\
Who misbehaves: `none`, `default` (one of each kind) or a list such as `liar:1,flipper:3`

  liar         a user that claims a better score than its model has
  swapper      a user that delivers other bytes than it sold
  flipper      a user that sells a truthfully scored model with flipped signs
  equivocator  a validator that votes twice
  silent       a validator that never confirms what was delivered to it
  forger       a validator whose turns lead to another model than they should
  boaster      a validator that claims a better score than its turn has
  copycat      a validator that shows the proof of another
  truant       a validator that answers no audit
  withholder   a validator that shows nobody the blocks it builds
  farmer       a validator that is honest for half of the rounds and then votes twice

A kind without a number is one of it.";

const WITHOUT: &str = "\
Leave one defence out, to see what it is for

  proofs    validators check claims; without, a `liar` is paid
  delivery  buyers look at what is delivered; without, a `swapper` is paid
  filter    merging drops what is far away; without, many a `flipper` spoils the models
  evidence  validators accuse who votes twice; without, an `equivocator` keeps its stake
  audits    beacons audit optimistic turns; without, a `forger` and a `boaster` are believed";

const MODEL: &str = "\
The net that all learn the digits with

  mlp           64 pixels, 32 hidden units, 10 classes
  ttm-mlp       64 hidden units, both matrices held as trains of two cores, of rank 8
  ttm-mlp:RANK  the same with a rank of 1 to 20

Cores are trained, sent, merged, proved and scored as they are; no matrix is multiplied out. To prove a turn of ttm-mlp by sumcheck
takes longer than is left of its round: claims stand in the first block of the next one, and nobody waits for those of the last round.";

const COMPRESSOR: &str = "\
How users compress the models they sell

  dense         32 bits for each parameter
  uniform:BITS  uniform steps of 1 to 8 bits
  tt:ERROR      tensor trains, to a relative error of 1 to 500 thousandths
  ttm:ERROR     trains of matrices, likewise
  ecsq:ERROR    one step and an entropy coder, likewise
  auto:ERROR    for each tensor whatever is smallest, likewise
  delta+CODEC   what training changed in the head that was lent, in any of these; what one packet leaves out comes with the next
  stc:COUNT     sparse ternary compression of such differences: of COUNT values the largest is sent, by its sign";

const PARTITION: &str = "\
How the private rows are spread over users

  iid              alike for all
  dirichlet:ALPHA  each user has its own mixture of labels; the smaller ALPHA, the more one-sided
  shards:COUNT     each user has COUNT shards of one label each";

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
    #[command(after_help = EXAMPLES)]
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

/// A proof system on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Prover {
    /// Every judge does the work again
    Replay,
    /// Turns are commitments, audited by beacons; they settle after a window
    Optimistic,
    /// Turns are proved by sumcheck and checked in milliseconds; needs feature `sumcheck`, on by default
    Sumcheck,
}

impl From<Prover> for ProofSystem {
    fn from(prover: Prover) -> Self {
        match prover {
            Prover::Replay => Self::Replay,
            Prover::Optimistic => Self::Optimistic,
            Prover::Sumcheck => Self::Sumcheck,
        }
    }
}

/// A proof system that answers audits, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Answer {
    /// By showing everything, so that judges do the work again
    Replay,
    /// By sumcheck, checked in milliseconds; needs feature `sumcheck`, on by default
    Sumcheck,
}

impl From<Answer> for ProofSystem {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Replay => Self::Replay,
            Answer::Sumcheck => Self::Sumcheck,
        }
    }
}

#[derive(Debug, Args)]
struct DevnetArgs {
    /// Nodes that merge models and vote on blocks
    #[arg(long, value_name = "COUNT", default_value_t = Scenario::default().validators)]
    validators: u32,
    /// Nodes that train on private rows and sell models
    #[arg(long, value_name = "COUNT", default_value_t = Scenario::default().users)]
    users: u32,
    /// Rounds to play; one is four blocks, two virtual seconds
    #[arg(long, value_name = "COUNT", default_value_t = Scenario::default().rounds)]
    rounds: u64,
    /// Seed of everything random
    #[arg(long, value_name = "NUMBER", default_value_t = Scenario::default().seed)]
    seed: u64,
    #[arg(long, value_name = "SPREAD", default_value_t = Scenario::default().rows,
        help = "How the private rows are spread: `iid`, `dirichlet:ALPHA` or `shards:COUNT`", long_help = PARTITION)]
    partition: Rows,
    #[arg(long, value_name = "MODEL", default_value_t = Scenario::default().model,
        help = "What is learned: `mlp` or `ttm-mlp:RANK`", long_help = MODEL)]
    model: Model,
    #[arg(long, value_name = "CODEC", default_value_t = Scenario::default().compressor,
        help = "How sold models are compressed: `dense`, `uniform:BITS`, `tt:ERROR`, `ttm:ERROR`, `ecsq:ERROR`, `auto:ERROR`, `delta+CODEC` or `stc:COUNT`", long_help = COMPRESSOR)]
    compressor: Codec,
    #[arg(long, value_name = "WHO", default_value = "default",
        help = "Who misbehaves: `none`, `default` or a list such as `liar:1,flipper:3`", long_help = ADVERSARIES)]
    adversaries: Adversaries,
    /// How validators prove their turns
    #[arg(long, value_name = "SYSTEM", value_enum, default_value_t = Prover::Replay)]
    prover: Prover,
    /// How an audited turn is proved as a whole; without it, openings of what the beacon draws are the answer
    #[arg(long, value_name = "SYSTEM", value_enum)]
    escalate: Option<Answer>,
    #[arg(long, value_name = "DEFENCE",
        help = "Leave a defence out: `proofs`, `delivery`, `filter`, `evidence` or `audits`", long_help = WITHOUT)]
    without: Option<Defence>,
    /// Folder for report.json, timing.json, report.html and accuracy.svg
    #[arg(long, value_name = "FOLDER", default_value = "report")]
    report: PathBuf,
    /// Folder in which each validator keeps its ledger; it must be new
    #[arg(long, value_name = "FOLDER")]
    home: Option<PathBuf>,
    /// Print report.json to standard output and nothing else; the live table goes to standard error
    #[arg(long)]
    json: bool,
    /// Show neither progress nor the live table, only the outcome
    #[arg(long)]
    quiet: bool,
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

impl DevnetArgs {
    fn into_devnet(self) -> Devnet {
        let scenario = Scenario {
            validators: self.validators,
            users: self.users,
            rounds: self.rounds,
            seed: self.seed,
            rows: self.partition,
            model: self.model,
            compressor: self.compressor,
            adversaries: self.adversaries,
            prover: self.prover.into(),
            escalate: self.escalate.map(Into::into),
            without: self.without,
        };
        Devnet { scenario, report: self.report, home: self.home, json: self.json, quiet: self.quiet }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{INSPECTING, LOOKING_BACK, REPLAYING};

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
             --model ttm-mlp:6 --compressor tt:120 --adversaries liar:2,equivocator:1 --prover optimistic --escalate replay --without delivery --report out/here --home net --json --quiet",
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
            adversaries,
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
        let help = [EXAMPLES, PROVING, VERIFYING, INSPECTING, LOOKING_BACK, REPLAYING];
        let lines = help.iter().flat_map(|help| help.lines());
        let typed = lines.filter_map(|line| line.trim().strip_prefix("bitneuron "));
        let lines: Vec<_> =
            typed.map(|rest| format!("bitneuron {}", rest.split(" > ").next().unwrap_or(rest))).collect();
        assert_eq!(lines.len(), 27);
        for line in lines {
            assert!(any(&line).is_ok(), "{line}");
        }
    }
}
