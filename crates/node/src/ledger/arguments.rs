//! The command line of `bitneuron ledger`.

use super::events::History;
use super::home::Wanted;
use super::inspect::{Inspect, Question};
use super::replay::Recount;
use crate::cli::Command;
use bitneuron_core::{Digest, Height, NodeId};
use bitneuron_ledger::govern::ProposalId;
use bitneuron_ledger::store::Filter;
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
  bitneuron ledger inspect net --proposal 0
      a proposal, its votes and where it stands; `--params` shows what parameters the chain goes on by

Names are 64 hexadecimal digits, as the chain's own listing shows them. Opening a ledger makes its tree again from its entries,
so what is shown is what the voters of the last block signed; roots of receipts are in the state for 64 heights.";

pub(crate) const LOOKING_BACK: &str = "\
Examples:
  bitneuron ledger events net
      the last things that happened
  bitneuron ledger events net --kind slashed
      the last times that stake was taken
  bitneuron ledger events net --account 0000000000000000000000000000000000000000000000000000000000000000 --from 20 --upto 39 --json
      what concerned an account within some heights, for programs

Each event has its height, the place of its receipt and of itself there, and the transaction that did it, if one did.";

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
    /// Show what happened, by account, height and kind
    #[command(after_help = LOOKING_BACK)]
    Events(EventsArgs),
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
    /// A proposal, by its number
    #[arg(long, value_name = "NUMBER", group = "question")]
    proposal: Option<u64>,
    /// The parameters by which the chain goes on
    #[arg(long, group = "question")]
    params: bool,
    /// Show the proof of the answer too, and check it as a light client would
    #[arg(long, requires = "question")]
    prove: bool,
    /// How many receipts of an account to show
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    most: usize,
}

#[derive(Debug, Args)]
struct EventsArgs {
    #[command(flatten)]
    wanted: WantedArgs,
    /// Only what concerns this account
    #[arg(long, value_name = "NODE")]
    account: Option<NodeId>,
    /// Only from this height on
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    from: u64,
    /// Only up to this height
    #[arg(long, value_name = "HEIGHT")]
    upto: Option<u64>,
    /// Only events of this kind, such as transferred or dealmade
    #[arg(long, value_name = "NAME")]
    kind: Option<String>,
    /// How many events to show, the last ones
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    most: usize,
}

impl LedgerArgs {
    pub(crate) fn into_command(self) -> Command {
        match self.typed {
            Typed::Inspect(typed) => Command::Inspect(typed.into_inspect()),
            Typed::Events(typed) => Command::History(typed.into_history()),
            Typed::Replay(WantedArgs { path, validator, json }) => {
                Command::Replay(Recount { wanted: Wanted { path, validator }, json })
            }
        }
    }
}

impl EventsArgs {
    fn into_history(self) -> History {
        let Self { wanted: WantedArgs { path, validator, json }, account, from, upto, kind, most } = self;
        let filter = Filter { account, from: Height(from), upto: upto.map(Height), kind };
        History { wanted: Wanted { path, validator }, filter, most, json }
    }
}

impl InspectArgs {
    fn into_inspect(self) -> Inspect {
        let Self { wanted: WantedArgs { path, validator, json }, account, receipt, order, deal, .. } = self;
        let Self { proposal, params, prove, most, .. } = self;
        let question = (account.map(Question::Account))
            .or(receipt.map(Question::Receipt))
            .or(order.map(Question::Order))
            .or(deal.map(Question::Deal))
            .or(proposal.map(|number| Question::Proposal(ProposalId(number))))
            .or(params.then_some(Question::Params))
            .unwrap_or(Question::Chain);
        Inspect { wanted: Wanted { path, validator }, question, prove, most, json }
    }
}
