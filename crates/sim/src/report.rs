//! What a rehearsal found, as plain data: the same seed gives the same report, byte for byte.
//!
//! No wall clock, no load and no path stands in it. Amounts are decimal strings of units of 10⁻⁹ token.

use bitneuron_core::Amount;
use serde::Serialize;
use std::collections::BTreeMap;

/// The outcome of a rehearsed network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The seed of everything random.
    pub seed: u64,
    /// The hash over every event of the virtual world.
    pub trace_hash: String,
    /// Rounds played.
    pub rounds: u64,
    /// What was rehearsed.
    pub setting: SettingReport,
    /// Accuracy on the report rows, which no node ever sees.
    pub accuracy: Accuracy,
    /// Bytes of model parameters.
    pub bytes: Traffic,
    /// The chain.
    pub blocks: Blocks,
    /// Virtual time from the beginning of a height to its decision, in milliseconds, at the first honest validator to
    /// decide it; the others follow within a hop.
    pub finality_ms: Quantiles,
    /// Deals of the data market.
    pub deals: Deals,
    /// Claims.
    pub proofs: Proofs,
    /// Models merged in accepted turns.
    pub merges: Merges,
    /// What users sold that attack what is learned, if any do.
    pub assault: Option<Assaulted>,
    /// What healing blocks are worth to whoever serves what was learned, where that was asked.
    pub healing: Option<Healing>,
    /// One line for each contest that ended.
    pub contests: Vec<ContestReport>,
    /// What was taken from stakes and bonds.
    pub slashed: Amount,
    /// All tokens, as they should be and as they are.
    pub supply: Supply,
    /// Balances at the end by role, stakes and escrow included.
    pub balances: BTreeMap<String, Amount>,
    /// One line for each validator.
    pub validators: Vec<ValidatorReport>,
    /// One line for each misbehaving node.
    pub adversaries: Vec<AdversaryReport>,
    /// One line for each round.
    pub history: Vec<Round>,
}

/// What was rehearsed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingReport {
    /// Validators.
    pub validators: u32,
    /// Users.
    pub users: u32,
    /// How private rows were spread over users, as on the command line.
    pub partition: String,
    /// The mean entropy of the users' labels, in bits (3.32 for ten equally frequent classes).
    pub label_entropy: f64,
    /// What was learned, as on the command line.
    pub model: String,
    /// Its widths: `64-32-10`, with `~` for a matrix held as factors.
    pub net: String,
    /// Its parameters.
    pub parameters: u64,
    /// What they would be, were every matrix whole.
    pub whole_parameters: u64,
    /// How models were compressed, as on the command line.
    pub compressor: String,
    /// How validators merged, as on the command line.
    pub merge: String,
    /// Who misbehaved, as on the command line.
    pub adversaries: String,
    /// Who attacked what is learned, as on the command line, if anybody did.
    pub attack: Option<String>,
    /// Which rows users learned from, as on the command line, if not all.
    pub select: Option<String>,
    /// How turns were proved, as on the command line.
    pub prover: String,
    /// What proved audited turns as a whole, as on the command line, if not openings.
    pub escalate: Option<String>,
    /// The defence that was left out, as on the command line, if one was.
    pub without: Option<String>,
}

/// Shares of the report rows classified rightly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Accuracy {
    /// Mean over the heads of all validators that were not expelled.
    pub validators_mean: f64,
    /// The worst of these heads.
    pub validators_worst: f64,
    /// Mean over the users' own models.
    pub users_mean: f64,
    /// Mean over users that train alone on their own rows, to convergence.
    pub local_only: f64,
    /// The same integer model trained on all training rows in one place, to convergence.
    pub centralised: f64,
    /// A net of the same widths with whole matrices, likewise; none where the matrices are whole anyway.
    pub whole_centralised: Option<f64>,
}

/// Bytes of model parameters that were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// As they were sent.
    pub sent: u64,
    /// Had every matrix been whole and every parameter been sent as an `f32`.
    pub dense_equivalent: u64,
    /// Of what was sent: models that users sold.
    pub sold: u64,
    /// The dense equivalent of these.
    pub sold_dense: u64,
    /// Bytes of all messages of any kind.
    pub all_messages: u64,
}

/// The chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Blocks {
    /// The last height.
    pub height: u64,
    /// Heights whose certificate carries more than two thirds of the weight.
    pub certified: u64,
    /// Heights decided after the first round of voting.
    pub late_rounds: u64,
}

/// Quantiles of a span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// One in a hundred is larger.
    pub p99: f64,
}

/// Deals of the data market.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Deals {
    /// Made.
    pub made: u64,
    /// Paid.
    pub settled: u64,
    /// Refunded for any reason.
    pub refunded: u64,
    /// Of these: the seller's statement was refuted.
    pub refuted: u64,
    /// Of these: the seller was late.
    pub late: u64,
}

/// Claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Proofs {
    /// Made by honest nodes and adversaries.
    pub made: u64,
    /// Accepted into blocks.
    pub accepted: u64,
    /// Refuted in blocks.
    pub refuted: u64,
    /// Of the accepted: turns.
    pub turns: u64,
    /// Turns that had to wait before they settled or were taken back.
    pub pending: u64,
    /// Of these: audited by a beacon.
    pub audited: u64,
    /// Audits answered.
    pub answered: u64,
    /// Turns taken back.
    pub reversed: u64,
}

/// Models merged in accepted turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Merges {
    /// Models put into merges.
    pub inputs: u64,
    /// Of these: dropped by the filter as too far away.
    pub dropped: u64,
}

/// What became of the models of users that attack what is learned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Assaulted {
    /// How many users attack.
    pub users: u32,
    /// Their models that claimed turns put into merges.
    pub inputs: u64,
    /// Of these: such that had no part in what came out.
    pub dropped: u64,
}

/// What a head answers rightly that is served at the end, without healing blocks and with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Healing {
    /// On the report rows as they are.
    pub clean: Served,
    /// With normal noise of deviation 0.4 on every feature.
    pub noise: Served,
    /// Moved by 0.1 along the signs of the slopes, by an adversary that knows the model and not the blocks.
    pub attack: Served,
}

/// Shares of rows classified rightly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Served {
    /// By the model.
    pub bare: f64,
    /// By the model behind blocks.
    pub healed: f64,
}

impl Served {
    /// The share of what was lost from `clean` that the blocks win back.
    pub fn recovered(&self, clean: &Self) -> f64 {
        let lost = clean.bare - self.bare;
        if lost > 0.0 { (self.healed - self.bare) / lost } else { 0.0 }
    }
}

/// A contest: who was paid for learning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ContestReport {
    /// Its number, from 0.
    pub contest: u64,
    /// The height at which it ended.
    pub height: u64,
    /// Why it paid nothing, if it did not.
    pub void: Option<String>,
    /// Shards that were called.
    pub called: u32,
    /// Of these: opened.
    pub opened: u32,
    /// Candidates that were revealed.
    pub candidates: u32,
    /// Of these: the first of their kind.
    pub kinds: u32,
    /// Of the candidates: better than the parent by more than the margin.
    pub better: u32,
    /// The best score, in micro-nats.
    pub best: i64,
    /// What candidates were paid.
    pub gradient: Amount,
    /// What examiners were paid.
    pub examiners: Amount,
    /// What the sellers of what the candidates are made of were paid.
    pub royalty: Amount,
    /// Whether there is a new parent.
    pub moved: bool,
}

/// All tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Supply {
    /// The fixed supply.
    pub expected: Amount,
    /// The sum over the whole state.
    pub actual: Amount,
}

/// A validator at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValidatorReport {
    /// Its number.
    pub index: u32,
    /// Its stake.
    pub stake: Amount,
    /// Its reputation, 0 to 65,535.
    pub reputation: u16,
    /// Its balance beside the stake.
    pub balance: Amount,
    /// Its head's accuracy on the report rows.
    pub accuracy: f64,
    /// Blocks it proposed.
    pub proposed: u64,
    /// Turns accepted.
    pub turns: u64,
    /// What was taken from its stake.
    pub slashed: Amount,
}

/// A misbehaving node at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdversaryReport {
    /// `"user 3"`, `"validator 6"`.
    pub who: String,
    /// What it did, as on the command line.
    pub conduct: String,
    /// How often it was refuted or proven guilty.
    pub caught: u64,
    /// What it lost in bonds and stake.
    pub lost: Amount,
    /// What it gained beside, or 0.
    pub earned: Amount,
}

/// One round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Round {
    /// Its number, from 1.
    pub round: u64,
    /// The height at its end.
    pub height: u64,
    /// The virtual time at its end, in milliseconds.
    pub virtual_ms: u64,
    /// Accuracy on the report rows: the mean over the validators' heads.
    pub validators_mean: f64,
    /// The worst validator's head.
    pub validators_worst: f64,
    /// The mean over the users' models.
    pub users_mean: f64,
    /// Bytes of model parameters so far.
    pub bytes: Traffic,
    /// Deals so far.
    pub deals: Deals,
    /// Claims so far.
    pub proofs: Proofs,
    /// Taken from stakes and bonds so far.
    pub slashed: Amount,
    /// The median time to finality of this round's blocks, in milliseconds.
    pub finality_ms: f64,
    /// Balances by role, stakes and escrow included.
    pub balances: BTreeMap<String, Amount>,
    /// Stake of each validator.
    pub stakes: Vec<Amount>,
    /// Reputation of each validator.
    pub reputations: Vec<u16>,
}
