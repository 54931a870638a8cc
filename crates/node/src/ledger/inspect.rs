//! `bitneuron ledger inspect`: what a ledger says, and the proof of it.

use super::home::{HomeError, Wanted};
use super::tell::{Facts, hex, people, plain, programs, receipt};
use bitneuron_core::{Digest, NodeId, encode};
use bitneuron_ledger::govern::{Proposal, ProposalId};
use bitneuron_ledger::store::{Archive, Redb, StoreError};
use bitneuron_ledger::{Holder, Lock, ReceiptProof, State, key};
use bitneuron_market::OrderId;
use serde_json::{Value, json};
use std::io::{self, Write};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The chain as a whole.
    Chain,
    /// An account: tokens, stake, reputation, its last receipts.
    Account(NodeId),
    /// The receipt of a transaction.
    Receipt(Digest),
    /// An order.
    Order(Digest),
    /// A deal.
    Deal(Digest),
    /// A proposal.
    Proposal(ProposalId),
    /// The parameters by which the chain goes on.
    Params,
}

/// A look into a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspect {
    /// Which one.
    pub wanted: Wanted,
    /// What is asked.
    pub question: Question,
    /// Whether the proof is shown too.
    pub prove: bool,
    /// How many receipts of an account are shown.
    pub most: usize,
    /// Answer in JSON.
    pub json: bool,
}

impl Inspect {
    /// Looks, and tells; whether that could be told, or why there was nothing to see.
    ///
    /// # Errors
    /// There is no such ledger, or it is damaged.
    pub fn run(&self, out: &mut dyn Write) -> Result<io::Result<()>, HomeError> {
        let path = self.wanted.file()?;
        let failed = |source| HomeError::Store { path: path.clone(), source };
        let (archive, state) = Redb::open(&path).and_then(Archive::load).map_err(failed)?;
        let facts = self.facts(&archive, &state).map_err(failed)?;
        Ok(if self.json { programs(facts, out) } else { people(&facts, out) })
    }

    fn facts(&self, archive: &Archive<Redb>, state: &State) -> Result<Facts, StoreError> {
        let mut facts: Facts = vec![
            ("chain", json!(state.chain().0.to_string())),
            ("height", json!(state.height().0)),
            ("root", json!(state.root().to_string())),
        ];
        match self.question {
            Question::Chain => facts.extend(chain(archive, state)?),
            Question::Account(id) => {
                facts.extend(account(state, id));
                let last = archive.receipts_of(id, self.most)?;
                facts.push(("receipts", Value::Array(last.iter().map(receipt).collect())));
                facts.extend(self.proof(state, &key::account(id)));
            }
            Question::Order(id) => {
                facts.extend(order(state, OrderId(id)));
                facts.extend(self.proof(state, &key::order(OrderId(id))));
            }
            Question::Deal(id) => {
                let sale = state.deals().find(|sale| sale.deal.id == id);
                facts.push(("deal", sale.map_or(Value::Null, plain)));
                facts.extend(self.proof(state, &key::deal(id)));
            }
            Question::Proposal(id) => {
                let known = state.proposal(id);
                facts.push(("proposal", known.map_or(Value::Null, |known| proposal(id, known))));
                facts.extend(self.proof(state, &key::proposal(id)));
            }
            Question::Params => {
                facts.push(("params", plain(state.params())));
                facts.extend(self.proof(state, &key::params()));
            }
            Question::Receipt(digest) => facts.extend(self.receipt(archive, state, digest)?),
        }
        Ok(facts)
    }

    fn receipt(&self, archive: &Archive<Redb>, state: &State, digest: Digest) -> Result<Facts, StoreError> {
        let Some(found) = archive.receipt(digest)? else { return Ok(vec![("receipt", Value::Null)]) };
        let mut facts = vec![("receipt", receipt(&found))];
        if self.prove {
            let all = archive.receipts(found.height)?;
            let proof = ReceiptProof::of(&all, found.index, state.prove(&key::receipts(found.height)));
            let proof = proof.ok_or(StoreError::Damaged("receipts"))?;
            let shows = proof.shows(state.root(), &found);
            let verdict = shows.map_or_else(|why| why.to_string(), |()| "holds".into());
            facts.extend(shown(&encode(&proof), &verdict));
        }
        Ok(facts)
    }

    /// The proof of an entry, present or absent, verified as a light client would.
    fn proof(&self, state: &State, key: &[u8]) -> Facts {
        if !self.prove {
            return Vec::new();
        }
        let proof = state.prove(key);
        let verdict = match proof.verify(state.root(), key) {
            Ok(Some(_)) => "shows that it is there".to_owned(),
            Ok(None) => "shows that it is not there".to_owned(),
            Err(why) => why.to_string(),
        };
        let mut facts = vec![("key", json!(hex(key)))];
        facts.extend(shown(&encode(&proof), &verdict));
        facts
    }
}

fn shown(bytes: &[u8], verdict: &str) -> Facts {
    vec![("proof", json!(hex(bytes))), ("proof bytes", json!(bytes.len())), ("verdict", json!(verdict))]
}

fn chain(archive: &Archive<Redb>, state: &State) -> Result<Facts, StoreError> {
    let pools = state.pools();
    let certificate = archive.certificate(archive.height())?;
    let account = |(id, amount): (NodeId, bitneuron_core::Amount)| {
        let staked = state.stake(id).map_or(0, |stake| stake.bonded.0);
        json!({
            "account": id.to_string(),
            "balance": amount.0.to_string(),
            "free": state.spendable(id).0.to_string(),
            "locked": state.locked(Holder::Account(id)).0.to_string(),
            "staked": staked.to_string(),
            "reputation": state.reputation(id).0,
        })
    };
    Ok(vec![
        ("last block", json!(state.tip().to_string())),
        ("votes", json!(certificate.map_or(0, |certificate| certificate.votes.len()))),
        ("supply", json!(state.total().0.to_string())),
        ("circulating", json!(state.circulating().0.to_string())),
        ("treasury", json!(pools.treasury.0.to_string())),
        ("treasury lock", json!(state.locked(Holder::Treasury).0.to_string())),
        ("rewards", json!(pools.rewards.0.to_string())),
        ("released", json!(state.released().0.to_string())),
        ("gradient slice", json!(pools.gradient.0.to_string())),
        ("data slice", json!(pools.data.0.to_string())),
        ("carried", json!(pools.carry.0.to_string())),
        ("unpaid fees", json!(pools.unpaid_fees().0.to_string())),
        ("base fee", json!(state.base_fee().0.to_string())),
        ("orders", json!(state.book().orders().count())),
        ("deals", json!(state.deals().count())),
        ("protocol", json!(state.params().protocol)),
        ("paused", json!(state.pause().since.is_some())),
        ("proposals", Value::Array(state.proposals().map(|(id, known)| proposal(id, known)).collect())),
        ("accounts", Value::Array(state.accounts().map(account).collect())),
        ("last receipts", Value::Array(archive.receipts(archive.height())?.iter().map(receipt).collect())),
    ])
}

fn proposal(id: ProposalId, known: &Proposal) -> Value {
    let amount = |amount: bitneuron_core::Amount| amount.0.to_string();
    json!({
        "number": id.0,
        "by": known.by.to_string(),
        "kind": plain(&known.motion.kind()),
        "motion": plain(&known.motion),
        "opens": known.opens().0,
        "closes": known.closes().0,
        "votable": amount(known.votable),
        "yes": amount(known.votes.yes),
        "no": amount(known.votes.no),
        "veto": amount(known.votes.veto),
        "abstain": amount(known.votes.abstain),
        "stage": plain(&known.stage),
    })
}

fn account(state: &State, id: NodeId) -> Facts {
    let stake = state.stake(id);
    let attendance = state.attendance();
    let place = state.next_voters().and_then(|voters| voters.position(id));
    let voted = place.map(|place| attendance.voted.get(place).copied().unwrap_or(0));
    let amount = |amount: Option<bitneuron_core::Amount>| json!(amount.unwrap_or_default().0.to_string());
    vec![
        ("account", json!(id.to_string())),
        ("balance", amount(Some(state.balance(id)))),
        ("free", amount(Some(state.spendable(id)))),
        ("locked", amount(Some(state.locked(Holder::Account(id))))),
        ("granted", amount(Some(state.grant(Lock::Vesting, Holder::Account(id))))),
        ("bonded", amount(stake.map(|stake| stake.bonded))),
        ("slashable", amount(stake.map(bitneuron_ledger::Stake::slashable))),
        ("frozen", amount(stake.map(|stake| stake.frozen))),
        ("phase", json!(format!("{:?}", state.phase_of(id)).to_lowercase())),
        ("reputation", json!(state.reputation(id).0)),
        // In this epoch; none of who has no vote in it.
        ("heights voted", json!(voted)),
        ("of heights", json!(voted.map(|_| attendance.heights))),
    ]
}

fn order(state: &State, id: OrderId) -> Facts {
    let Some(listed) = state.order(id) else { return vec![("order", Value::Null)] };
    let open = state.book().order(id);
    vec![
        ("order", json!(id.0.to_string())),
        ("owner", json!(listed.by.to_string())),
        ("placed", json!(listed.placed.0)),
        ("expires", json!(listed.expires.0)),
        ("remaining", json!(listed.remaining)),
        ("price", json!(open.map(|open| open.order.price.0.to_string()))),
        ("side", json!(open.map(|open| format!("{:?}", open.order.side).to_lowercase()))),
        ("escrow", json!(state.escrow(id).0.to_string())),
    ]
}
