//! What `bitneuron devnet` is told.

use super::Devnet;
use bitneuron_role::ProofSystem;
use bitneuron_sim::scenario::{Adversaries, Assault, Choice, Codec, Defence, Model, Rows, Rule, Scenario};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(crate) const REHEARSING: &str = "\
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
  bitneuron devnet --merge median --attack alie:z=1.5:0.2
      a fifth of the users hide in the spread of the others' models; validators vote on medians
  bitneuron devnet --attack flood:times=3:0.1 --select cap+low-loss:keep=0.6,warm-up=2
      a tenth of them flood the others with false rows; who learns bounds each source and keeps what it understands
  bitneuron devnet --heal
      what was learned is also served behind blocks that move strange rows back to where clean ones lie
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

const MERGE: &str = "\
How validators merge what they bought; what they vote on is integers, so these rules have programs that can be proved

  filtered:radius=R,clamp=C  drops what is farther than R median distances, clamps each coordinate of the rest to C, weighted mean
  median                     the median of each coordinate, by weight
  trimmed:f=SHARE            the mean of each coordinate without so much of the weight at either end
  clipgossip:f=SHARE         a step toward each model, no longer than the farthest honest one when so many lie

`bitneuron lab` plays many more.";

const ATTACK: &str = "\
An attack of the lab, with its settings and the share of users that play it together: `alie:z=1.5:0.2`

They know the models of all honest users, sell what the attack makes of them and tell the truth about its score. Some poison rows in
place of models: `labelflip`, `backdoor`, and `flood`, which pushes false rows on the honest. `bitneuron lab list` tells them all; those
that need false names or false views of peers are played in the lab alone.";

const SELECT: &str = "\
Which of their rows users learn from, chosen anew in every epoch

  cap:share=X                    bounds the rows of each source, by a multiple of the median source's; also cap:count=N
  low-loss:keep=X,warm-up=N      keeps this share of each class, the rows of lowest loss, less and less over N epochs

Joined by `+`; caps act first.";

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

/// The arguments.
#[derive(Debug, Args)]
pub struct DevnetArgs {
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
    #[arg(long, value_name = "RULE", default_value_t = Scenario::default().merge,
        help = "How validators merge: `filtered`, `median`, `trimmed:f=SHARE` or `clipgossip:f=SHARE`", long_help = MERGE)]
    merge: Rule,
    #[arg(long, value_name = "WHO", default_value = "default",
        help = "Who misbehaves: `none`, `default` or a list such as `liar:1,flipper:3`", long_help = ADVERSARIES)]
    adversaries: Adversaries,
    #[arg(long, value_name = "NAME:SHARE",
        help = "An attack on what is learned, and the share of users that play it, as `ipm:0.2`", long_help = ATTACK)]
    attack: Option<Assault>,
    #[arg(long, value_name = "RULES",
        help = "Which rows users learn from: `cap`, `low-loss:keep=0.8` or both", long_help = SELECT)]
    select: Option<Choice>,
    /// Serve what was learned behind healing blocks as well, and tell what they win back
    #[arg(long)]
    heal: bool,
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

impl DevnetArgs {
    /// What is asked for.
    pub(crate) fn into_devnet(self) -> Devnet {
        let scenario = Scenario {
            validators: self.validators,
            users: self.users,
            rounds: self.rounds,
            seed: self.seed,
            rows: self.partition,
            model: self.model,
            compressor: self.compressor,
            merge: self.merge,
            adversaries: self.adversaries,
            attack: self.attack,
            select: self.select,
            heal: self.heal,
            prover: self.prover.into(),
            escalate: self.escalate.map(Into::into),
            without: self.without,
        };
        Devnet { scenario, report: self.report, home: self.home, json: self.json, quiet: self.quiet }
    }
}
