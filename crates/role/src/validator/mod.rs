//! The validator: voting engine, ledger, mempool, judge and Algorithm 3 in one machine.
//!
//! Seven concerns, one file each: `chain` drives the engine and applies blocks, `attendance` tells the ledger who voted, `trail`
//! shows blocks to light clients, `trade` buys models and answers questions, `turn` learns, `owed` answers for what is not
//! settled, `contest` enters what was learned. They meet in the events of each decided block.

mod attendance;
mod chain;
mod contest;
mod owed;
mod trade;
mod trail;
mod turn;

use crate::conduct::Conduct;
use crate::history::{History, Resumed};
use crate::judge::Judge;
use crate::mempool::{Mempool, MempoolLimits};
use crate::message::{Message, Tip};
use crate::plan::Plan;
use crate::proofs::Heads;
use crate::role::{Effect, Input, Report};
use crate::work::{Executed, Outcome};
use bitneuron_consensus::{Block, Certificate, ConsensusEngine, TimerId};
use bitneuron_core::claim::{CheckClaim, Turn};
use bitneuron_core::exact::{ExactData, ExactParams};
use bitneuron_core::{
    Amount, Bytes, Commitment, Digest, Height, Keypair, Machine, NodeId, Outbox, Time, decode,
};
use bitneuron_learning::exact::ExactRule;
use bitneuron_ledger::{Action, Content, Refused, SignedTx, State, Tx};
use bitneuron_market::DealId;
use bitneuron_net::Channel;
use bitneuron_zk::{Prover, TurnWitness};
use contest::Entry;
use owed::Owed;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use trade::Early;
use trail::Trail;

/// What a new validator starts with.
pub struct ValidatorStart {
    /// Its key.
    pub key: Keypair,
    /// What all nodes know.
    pub plan: Arc<Plan>,
    /// The voting engine.
    pub engine: Box<dyn ConsensusEngine>,
    /// Judges claims.
    pub check: Arc<dyn CheckClaim>,
    /// Proves its turns.
    pub prover: Arc<dyn Prover<Turn>>,
    /// Makes the whole proofs that answer audits, where the chain demands such.
    pub answers: Option<Arc<dyn Prover<Turn>>>,
    /// How heads are committed to.
    pub heads: Heads,
    /// Line 7 of Algorithm 3.
    pub merge: Arc<dyn ExactRule>,
    /// How it treats its sellers.
    pub conduct: Arc<dyn Conduct>,
    /// Its public data, registered in the genesis.
    pub data: Arc<ExactData>,
    /// What it bids for one model.
    pub price: bitneuron_core::Amount,
    /// How many models it bids for in a round.
    pub quantity: u32,
}

impl fmt::Debug for ValidatorStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidatorStart")
            .field("key", &self.key)
            .field("rows", &self.data.rows())
            .finish_non_exhaustive()
    }
}

/// Why a validator refused an input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ValidatorError {
    /// The engine refused it.
    #[error(transparent)]
    Engine(#[from] bitneuron_consensus::Refused),
}

/// A validator.
pub struct Validator {
    key: Keypair,
    plan: Arc<Plan>,
    engine: Box<dyn ConsensusEngine>,
    judge: Arc<Judge>,
    prover: Arc<dyn Prover<Turn>>,
    heads: Heads,
    answers: Option<Arc<dyn Prover<Turn>>>,
    merge: Arc<dyn ExactRule>,
    conduct: Arc<dyn Conduct>,
    data: Arc<ExactData>,
    price: bitneuron_core::Amount,
    quantity: u32,
    /// The state after the last decided block.
    state: Arc<State>,
    /// The last decided header; none at genesis.
    tip: Option<Tip>,
    /// When the current height began.
    began: Time,
    /// States after blocks of the current height that were judged valid.
    executed: BTreeMap<Digest, Arc<Executed>>,
    /// False claims in blocks of the current height, by block.
    falsehoods: BTreeMap<Digest, Content>,
    mempool: Mempool,
    /// Who hears of each decided header.
    subscribers: BTreeSet<NodeId>,
    /// Integers of models by commitment: heads, and what was delivered; see [`trade`] for when they are forgotten.
    models: BTreeMap<Commitment, ExactParams>,
    /// The head that each other validator showed last, which its claim will name.
    shown: BTreeMap<NodeId, Commitment>,
    /// The models that this round's turn is made of.
    ingredients: Vec<Commitment>,
    /// A decided block that is still being executed.
    undone: Option<(Arc<Block>, Certificate)>,
    /// Deliveries for deals that this node has not heard of: one of each sender.
    early: BTreeMap<NodeId, Early>,
    /// Open deals whose delivery was examined, so that repeating it costs nobody but the seller.
    examined: BTreeSet<DealId>,
    /// Who was served the head since the last block: once is enough.
    answered: BTreeSet<NodeId>,
    /// Light blocks for those who follow.
    trail: Trail,
    /// The turn that is committed or being proved, with the model after it.
    turn: Option<(Turn, ExactParams)>,
    /// The witness of the turn that is being proved.
    claiming: Option<Arc<TurnWitness>>,
    /// What this node must be able to defend.
    owed: Owed,
    /// What it entered in the contest that is on.
    entry: Option<Entry>,
    /// What its log kept, until the engine has been told.
    records: Vec<Bytes>,
    /// Where old blocks are, if they are kept.
    history: Option<Arc<dyn History>>,
    /// Whether it has been here before.
    resumed: bool,
    salt: u64,
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator")
            .field("id", &self.id())
            .field("height", &self.height())
            .finish_non_exhaustive()
    }
}

/// The timer at which the next height begins; the engine's timers lie below.
const BEGIN: u64 = 1 << 63;
/// The most users that one validator tells of new headers.
const MAX_SUBSCRIBERS: usize = 10_000;

impl Validator {
    /// A validator at genesis.
    pub fn new(start: ValidatorStart) -> Self {
        let ValidatorStart {
            key,
            plan,
            engine,
            check,
            prover,
            heads,
            answers,
            merge,
            conduct,
            data,
            price,
            quantity,
        } = start;
        let models = BTreeMap::from([(plan.goal.initial, plan.initial.clone())]);
        let state = plan.state.clone();
        Self {
            judge: Arc::new(Judge::new(check, plan.registry.clone()).with_heads(heads.clone())),
            key,
            plan,
            engine,
            prover,
            heads,
            answers,
            merge,
            conduct,
            data,
            price,
            quantity,
            state,
            tip: None,
            began: Time::ZERO,
            executed: BTreeMap::new(),
            falsehoods: BTreeMap::new(),
            mempool: Mempool::new(MempoolLimits::default()),
            subscribers: BTreeSet::new(),
            models,
            shown: BTreeMap::new(),
            ingredients: Vec::new(),
            undone: None,
            early: BTreeMap::new(),
            examined: BTreeSet::new(),
            answered: BTreeSet::new(),
            trail: Trail::default(),
            turn: None,
            claiming: None,
            owed: Owed::default(),
            entry: None,
            records: Vec::new(),
            history: None,
            resumed: false,
            salt: 0,
        }
    }

    /// A new validator as one that comes back with what its driver kept. It votes where it left off and follows the chain from
    /// there. The integers of its head are gone; it asks the others for them and takes turns again when they have come.
    #[must_use]
    pub fn resume(mut self, from: Resumed) -> Self {
        let Resumed { state, tip, records, history } = from;
        self.resumed = tip.is_some() || !records.is_empty();
        // Transactions that it makes from now on are none of those that it made before.
        self.salt = state.height().0.saturating_mul(1 << 20);
        (self.state, self.tip, self.records, self.history) = (state, tip, records, Some(history));
        self
    }

    /// Its name.
    pub fn id(&self) -> NodeId {
        self.key.id()
    }

    /// The height of the last decided block.
    pub fn height(&self) -> Height {
        self.tip.as_ref().map_or(Height(0), |tip| tip.header.height)
    }

    /// The state after the last decided block.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// The integers of its settled head.
    pub fn head(&self) -> Option<&ExactParams> {
        self.state.head(self.plan.goal.id(), self.id()).and_then(|head| self.models.get(&head.model))
    }

    /// The integers of the head that its next turn begins at.
    fn front(&self) -> Option<&ExactParams> {
        self.state.front(self.plan.goal.id(), self.id()).and_then(|head| self.models.get(&head.model))
    }

    fn send(to: NodeId, message: &Message, out: &mut Outbox<Effect>) {
        out.push(Effect::Send { to, channel: message.channel(), bytes: message.to_bytes() });
    }

    /// Sends to all other validators.
    fn share(&self, message: &Message, out: &mut Outbox<Effect>) {
        let (channel, bytes) = (message.channel(), message.to_bytes());
        for to in self.plan.validators.iter().filter(|id| **id != self.key.id()) {
            out.push(Effect::Send { to: *to, channel, bytes: bytes.clone() });
        }
    }

    /// Signs a transaction, keeps it and tells the other validators.
    fn submit(&mut self, action: Action, out: &mut Outbox<Effect>) {
        self.salt = self.salt.saturating_add(1);
        let expires = Height(self.height().0.saturating_add(self.state.params().tx_lifetime / 2));
        // For a place in the first half of the next block: whoever comes later and pays more finds room in the second.
        let tip = self.mempool.price(self.state.params().fees.limit / 2);
        let tx = Tx { by: self.id(), expires, salt: self.salt, tip, action }.sign(&self.key, self.plan.chain);
        let _ = self.accept(tx, true, out);
    }

    /// Takes a transaction into the mempool and, when asked to, tells the other validators.
    fn accept(
        &mut self,
        transaction: SignedTx,
        share: bool,
        out: &mut Outbox<Effect>,
    ) -> Result<(), Refused> {
        if self.mempool.contains(&transaction.digest()) {
            return Ok(());
        }
        self.state.admits(&transaction, self.judge.as_ref())?;
        let message = Message::Transaction(transaction.clone());
        let size = message.to_bytes().len();
        let (by, cost) = (transaction.tx.by, self.state.least_cost(&transaction, size));
        if self.mempool.insert(transaction, size, cost, self.state.spendable(by)) && share {
            self.share(&message, out);
        }
        Ok(())
    }

    /// Somebody hands in a transaction. Whoever is no validator enters here; validators tell all others themselves. One that
    /// comes too late or cannot pay may be honest; a forged one is not, and every validator looks before it passes on.
    fn handed(&mut self, from: NodeId, transaction: SignedTx, out: &mut Outbox<Effect>) {
        let share = !self.plan.validators.contains(&from);
        if let Err(why @ Refused::Signature(_)) = self.accept(transaction, share, out) {
            out.push(offence(from, why.to_string()));
        }
    }

    fn receive(&mut self, from: NodeId, message: Message, out: &mut Outbox<Effect>) {
        match message {
            Message::Transaction(tx) => self.handed(from, tx, out),
            Message::Subscribe => self.subscribe(from, out),
            Message::Ask(goal) => self.answer(from, goal, out),
            Message::Follow { above, upto } => self.guide(from, above, upto, out),
            Message::Model { commitment, model } => self.learn_of(from, commitment, &model, out),
            Message::Fetch(commitment) => self.lend(from, commitment, out),
            Message::Delivery { signed, packet } => {
                self.delivered(from, Early { signed, packet, waited: false }, out);
            }
            _ => out.push(offence(from, "sent what a validator cannot use")),
        }
    }

    /// Adds a subscriber. When there is no room, whoever holds tokens takes the place of one that holds none, since names
    /// cost nothing.
    fn subscribe(&mut self, from: NodeId, out: &mut Outbox<Effect>) {
        let holds = |id: &NodeId| self.state.balance(*id) > Amount::ZERO;
        if self.subscribers.len() >= MAX_SUBSCRIBERS && !self.subscribers.contains(&from) {
            let poor = self.subscribers.iter().find(|id| !holds(id)).copied();
            let Some(poor) = poor.filter(|_| holds(&from)) else { return };
            self.subscribers.remove(&poor);
        }
        self.subscribers.insert(from);
        if *self.state.params() != self.plan.genesis.params {
            self.show_params([from].into_iter(), out);
        }
    }

    fn done(&mut self, now: Time, outcome: Outcome, out: &mut Outbox<Effect>) -> Result<(), ValidatorError> {
        match outcome {
            Outcome::Judged { block, after, timely } => self.judged(now, block, after, timely, out)?,
            Outcome::Built { round, built } => self.built(now, round, built, out)?,
            Outcome::Turned(played) => self.turned(played, out),
            Outcome::Proved { claim } => self.proved(claim, out),
            Outcome::Defended(action) => self.defended(action, out),
            Outcome::Recalled { to, decisions } => {
                self.drive(now, bitneuron_consensus::Input::Recalled { to, decisions }, out)?;
            }
            Outcome::Trained { .. } => {}
        }
        Ok(())
    }

    /// The world begins, or goes on.
    fn start(&mut self, now: Time, out: &mut Outbox<Effect>) -> Result<(), ValidatorError> {
        if !self.records.is_empty() {
            let records = self.records.clone();
            self.drive(now, bitneuron_consensus::Input::Recover { records }, out)?;
            self.records.clear();
        }
        if self.resumed {
            out.push(Effect::Timer { id: BEGIN, after: Duration::ZERO });
            return Ok(());
        }
        self.bid(out);
        // Users get the time to make their first offers.
        out.push(Effect::Timer { id: BEGIN, after: self.plan.pace });
        Ok(())
    }
}

fn offence(by: NodeId, why: impl Into<String>) -> Effect {
    Effect::Report(Report::Offence { by, why: why.into() })
}

impl Machine for Validator {
    type Input = Input;
    type Effect = Effect;
    type Error = ValidatorError;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), ValidatorError> {
        match input {
            Input::Start => self.start(now, out),
            Input::Received { from, channel: Channel::VOTE, bytes } => {
                self.drive(now, bitneuron_consensus::Input::Message { from, bytes }, out)
            }
            Input::Received { from, channel: Channel::ORDER | Channel::REQUEST, bytes } => {
                match decode(&bytes) {
                    Ok(message) => self.receive(from, message, out),
                    Err(error) => out.push(offence(from, error.to_string())),
                }
                Ok(())
            }
            Input::Received { from, channel, .. } => {
                out.push(offence(from, format!("sent on {channel}")));
                Ok(())
            }
            Input::Timer(BEGIN) => self.begin(now, out),
            Input::Timer(id) => self.drive(now, bitneuron_consensus::Input::Timer(TimerId(id)), out),
            Input::Done(outcome) => self.done(now, *outcome, out),
        }
    }
}
