//! The command line of `bitneuron ledger`.

use super::home::Wanted;
use super::inspect::{Inspect, Question};
use super::replay::Recount;
use crate::cli::Command;
use bitneuron_core::{Digest, NodeId};
use clap::{Args, Subcommand};
use std::path::PathBuf;

pub(crate) const INSPECTING: &str = "\
Examples:
  bitneuron ledger inspect net
      the chain that the first validator keeps: its root, its accounts, the receipts of its last block
  bitneuron ledger inspect net --validator 2 --json
      the same of the third one, for programs
  bitneuron ledger inspect net/validator-0 --account 0000000000000000000000000000000000000000000000000000000000000000 --prove
      what an account has, what happened to it last, and the proof that a light client needs, or the proof that there is none
  bitneuron ledger inspect net --receipt 0000000000000000000000000000000000000000000000000000000000000000 --prove
      what a transaction did, with the way from its receipt to the root of the state
  bitneuron ledger inspect net --order 0000000000000000000000000000000000000000000000000000000000000000
      an order, from its placing until it expires; `--deal` shows a deal

Names are 64 hexadecimal digits, as the chain's own listing shows them. Opening a ledger makes its tree again from its entries,
so what is shown is what the voters of the last block signed; roots of receipts are in the state for 64 heights.";

pub(crate) const REPLAYING: &str = "\
Examples:
  bitneuron ledger replay net
      executes every block of the first validator's ledger from the genesis, every proof checked again
  bitneuron ledger replay net --validator 3
      the same of the fourth one
  bitneuron ledger replay net --json
      the answer for programs

Exit code: 0 when the root comes out that is kept, 1 otherwise. The judge is made from devnet.txt in the network's folder.";

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    typed: Typed,
}

#[derive(Debug, Subcommand)]
enum Typed {
    /// Show accounts, orders, receipts and their proofs
    #[command(after_help = INSPECTING)]
    Inspect(InspectArgs),
    /// Execute all blocks again from the genesis and compare the root
    #[command(after_help = REPLAYING)]
    Replay(WantedArgs),
}

#[derive(Debug, Args)]
struct WantedArgs {
    /// The folder given to `devnet --home`, that of one validator, or its file
    #[arg(value_name = "FOLDER")]
    path: PathBuf,
    /// Which validator of a network, counted from 0
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    validator: u32,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct InspectArgs {
    #[command(flatten)]
    wanted: WantedArgs,
    /// An account: its tokens, stake, reputation and last receipts
    #[arg(long, value_name = "NODE", group = "question")]
    account: Option<NodeId>,
    /// The receipt of a transaction
    #[arg(long, value_name = "TRANSACTION", group = "question")]
    receipt: Option<Digest>,
    /// An order
    #[arg(long, value_name = "ORDER", group = "question")]
    order: Option<Digest>,
    /// A deal
    #[arg(long, value_name = "DEAL", group = "question")]
    deal: Option<Digest>,
    /// Show the proof of the answer too, and check it as a light client would
    #[arg(long, requires = "question")]
    prove: bool,
    /// How many receipts of an account to show
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    most: usize,
}

impl LedgerArgs {
    pub(crate) fn into_command(self) -> Command {
        match self.typed {
            Typed::Inspect(typed) => Command::Inspect(typed.into_inspect()),
            Typed::Replay(WantedArgs { path, validator, json }) => {
                Command::Replay(Recount { wanted: Wanted { path, validator }, json })
            }
        }
    }
}

impl InspectArgs {
    fn into_inspect(self) -> Inspect {
        let Self { wanted: WantedArgs { path, validator, json }, account, receipt, order, deal, prove, most } =
            self;
        let question = (account.map(Question::Account))
            .or(receipt.map(Question::Receipt))
            .or(order.map(Question::Order))
            .or(deal.map(Question::Deal))
            .unwrap_or(Question::Chain);
        Inspect { wanted: Wanted { path, validator }, question, prove, most, json }
    }
}
