//! The user: Algorithm 2 around a light client of the chain.
//!
//! One round, as a user sees it: after the last block of a round it pulls a head from a random validator, checks it against
//! the certified state, trains on its own data (which never leave) and offers the compressed model with its score. In the
//! first round, and when no head comes, it trains from what it has. When a buyer proves that it won the deal, the user
//! delivers the packet and claims its score with a proof.

mod examine;
mod follow;

use crate::conduct::Conduct;
use crate::light::Light;
use crate::message::{Message, Notice};
use crate::model::{Algorithm2, ChainCodec, Packing};
use crate::plan::Plan;
use crate::proofs::Heads;
use crate::prove;
use crate::role::{Effect, Input, Report};
use crate::training::{Lent, Training};
use crate::work::{Job, Outcome, Trained};
use bitneuron_compress::{CompressError, Compressor, Differences};
use bitneuron_core::claim::{Claim, Score};
use bitneuron_core::exact::{ExactParams, data::draw};
use bitneuron_core::{
    Amount, Bytes, Context, Dataset, Digest, Height, Keypair, Machine, NodeId, Outbox, Seed, Time, decode,
};
use bitneuron_learning::gossip::{PacketCodec, user};
use bitneuron_learning::update::Update;
use bitneuron_ledger::{
    self as ledger, Action, Delivery, Tx, head_commitment, key, open_deal, packet_digest,
};
use bitneuron_market::{Buyers, Consent, DataTerms, DealId, Duty, Order, Side};
use bitneuron_net::Channel;
use bitneuron_zk::{Prover, ScoreWitness};
use examine::Shard;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// What a new user starts with.
pub struct UserStart {
    /// Its key.
    pub key: Keypair,
    /// What all nodes know.
    pub plan: Arc<Plan>,
    /// Its data, which it never sends, but for the rows that are [set aside](Self::aside).
    pub data: Arc<Dataset>,
    /// Line 4 of Algorithm 2.
    pub update: Box<dyn Update>,
    /// Line 7 of Algorithm 2.
    pub compressor: Arc<dyn Compressor>,
    /// Whether it sells what training changed in the head that it was lent, and not the whole model.
    pub differences: bool,
    /// Proves its scores.
    pub prover: Arc<dyn Prover<Score>>,
    /// How heads are committed to.
    pub heads: Heads,
    /// How it behaves.
    pub conduct: Arc<dyn Conduct>,
    /// What it asks for a model.
    pub ask: Amount,
    /// How many of its last rows are set aside to test candidates of a contest: with its consent they become public when
    /// they are called, and only then it trains on them.
    pub aside: usize,
    /// Its randomness.
    pub seed: Seed,
}

/// Why a user refused an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UserError {
    /// A timer it never set.
    #[error("no timer {0}")]
    Timer(u64),
}

/// The timer at which a user stops waiting for a head.
const NO_HEAD: u64 = 1;
/// How long it waits: four hops and a little.
const PATIENCE: Duration = Duration::from_millis(220);
/// The timer at which a user has heard nothing to believe for too long, and listens to other validators.
pub const SILENCE: u64 = 2;
/// How many rounds it bears to hear nothing.
const SILENT_ROUNDS: u32 = 3;
/// How many validators it listens to, and how many it hands each transaction.
const HOMES: usize = 2;

/// How much of what a difference left out is added to the next: buyers take a share of each model and lend other heads, so what
/// is still missing shows in the next difference anyway, and what is owed must not pile up.
const OWED: f32 = 0.5;

/// What a user has on offer.
struct Offered {
    trained: Trained,
    claimed: u32,
    expires: Height,
}

/// What a user has delivered.
struct Sold {
    made: Height,
    packet: Bytes,
    base: Option<ExactParams>,
}

/// A user.
pub struct User {
    key: Keypair,
    plan: Arc<Plan>,
    prover: Arc<dyn Prover<Score>>,
    heads: Heads,
    conduct: Arc<dyn Conduct>,
    ask: Amount,
    seed: Seed,
    light: Light,
    /// The chain's parameters, as they were shown last, and at which height.
    params: (Height, ledger::Params),
    /// Away while it trains in a job.
    algorithm: Option<Box<Algorithm2>>,
    /// How often it chose whom to listen to.
    listened: u64,
    /// How many rounds it has begun.
    round: u64,
    /// Whom it asked for a head and still waits for: one answer makes one training.
    asked: Option<NodeId>,
    offers: BTreeMap<Digest, Offered>,
    /// What was delivered, until it is confirmed or no longer matters.
    sold: BTreeMap<DealId, Sold>,
    salt: u64,
    /// Its shard of test rows.
    shard: Option<Shard>,
    /// All its data, once the shard is opened and while it does not train on them yet.
    whole: Option<Arc<Dataset>>,
}

impl fmt::Debug for UserStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserStart")
            .field("key", &self.key)
            .field("rows", &self.data.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id()).field("round", &self.round).finish_non_exhaustive()
    }
}

impl User {
    /// A user before its first round.
    ///
    /// # Errors
    /// The compressor declares that it loses too much of a model.
    pub fn new(start: UserStart) -> Result<Self, CompressError> {
        let UserStart {
            key,
            plan,
            data,
            update,
            compressor,
            differences,
            prover,
            heads,
            conduct,
            ask,
            aside,
            seed,
        } = start;
        let shard = Shard::new(&data, aside, seed);
        let data = shard.as_ref().map_or(data, Shard::rest);
        let packs = if differences {
            // All know the first model.
            let (name, first) = (plan.goal.initial, plan.initial.to_params());
            Packing::Differences(Differences::new(compressor, name, first).with_decay(OWED)?)
        } else {
            Packing::Models(PacketCodec::new(compressor, plan.layout().clone(), plan.limits())?)
        };
        let codec = ChainCodec { packs, opens: plan.registry.clone(), layout: plan.layout().clone() };
        let algorithm = Algorithm2::new(user::Start {
            id: key.id(),
            update,
            codec,
            model: plan.initial.to_params(),
            data,
            seed: seed.derive("algorithm 2"),
            period: plan.round_span(),
            age_lead: u64::MAX,
        });
        Ok(Self {
            light: plan.light(),
            params: (Height(0), plan.genesis.params.clone()),
            algorithm: Some(Box::new(algorithm)),
            key,
            prover,
            heads,
            conduct,
            ask,
            seed,
            plan,
            listened: 0,
            round: 0,
            asked: None,
            offers: BTreeMap::new(),
            sold: BTreeMap::new(),
            salt: 0,
            shard,
            whole: None,
        })
    }

    /// Its name.
    pub fn id(&self) -> NodeId {
        self.key.id()
    }

    /// The model it trained last, unless it is training now.
    pub fn model(&self) -> Option<&bitneuron_core::Params> {
        self.algorithm.as_ref().map(|algorithm| algorithm.model())
    }

    fn send(to: NodeId, message: &Message, out: &mut Outbox<Effect>) {
        out.push(Effect::Send { to, channel: message.channel(), bytes: message.to_bytes() });
    }

    /// Signs a transaction and hands it to the validators this user listens to.
    fn submit(&mut self, action: Action, out: &mut Outbox<Effect>) {
        self.salt = self.salt.saturating_add(1);
        let expires = Height(self.light.height().0.saturating_add(self.params.1.tx_lifetime / 2));
        // What waits is known to validators only, and a user has rounds to wait.
        let (by, salt, tip) = (self.id(), self.salt, Amount::ZERO);
        let tx = Tx { by, expires, salt, tip, action }.sign(&self.key, self.plan.chain);
        let message = Message::Transaction(tx);
        // Others each time, so that nobody can keep all of this user's transactions back.
        self.some_validators("hand in", self.salt).for_each(|to| Self::send(to, &message, out));
    }

    /// Asks a few validators for news: at first, and others whenever those were silent for too long.
    fn listen(&mut self, out: &mut Outbox<Effect>) {
        self.some_validators("homes", self.listened)
            .for_each(|home| Self::send(home, &Message::Subscribe, out));
        self.listened = self.listened.saturating_add(1);
        self.await_news(out);
    }

    fn await_news(&self, out: &mut Outbox<Effect>) {
        let after = self.plan.round_span().saturating_mul(SILENT_ROUNDS);
        out.push(Effect::Timer { id: SILENCE, after });
    }

    /// Some validators, drawn from this user's seed for this purpose and time.
    fn some_validators(&self, purpose: &str, time: u64) -> impl Iterator<Item = NodeId> + use<> {
        let validators = self.plan.validators.clone();
        let count = u32::try_from(validators.len()).unwrap_or(u32::MAX);
        let seed = Digest(self.seed.derive_number(purpose, time).0);
        let drawn = draw(seed, count, HOMES.min(validators.len()));
        drawn.into_iter().filter_map(move |at| validators.get(usize::try_from(at).ok()?).copied())
    }

    /// A head: believed when its commitment is in the certified state, then trained from.
    fn head(&mut self, from: NodeId, notice: &Notice, model: &[u8], out: &mut Outbox<Effect>) {
        // Late, or nobody asked: else whoever sends heads could make a user train and lock bonds without end.
        if self.asked != Some(from) {
            return;
        }
        let key = key::head(self.plan.goal.id(), from);
        let believed = self.light.entry(from, notice, &key).ok().flatten();
        // A peer may lag by some heights, but not serve the head of a round long past.
        let reach = notice.tip.header.height.0.saturating_add(self.plan.round_heights());
        let believed = believed.filter(|_| reach >= self.light.height().0);
        let committed = believed.and_then(|value| head_commitment(&value.0));
        let model = ExactParams::from_bytes(model, self.plan.layout());
        let chain = self.plan.chain;
        let is_head = |model: &ExactParams| {
            committed.is_some_and(|committed| self.heads.admits(committed, model, chain))
        };
        let matching = model.filter(is_head);
        let Some((model, name)) = matching.zip(committed) else {
            let why = "served a head that is not the committed one".to_owned();
            return out.push(Effect::Report(Report::Offence { by: from, why }));
        };
        out.push(Effect::CancelTimer(NO_HEAD));
        self.asked = None;
        self.train(Some(Lent { from, name, model }), out);
    }

    /// Trains, from a head or from what it has, as a job.
    fn train(&mut self, head: Option<Lent>, out: &mut Outbox<Effect>) {
        let Some(mut algorithm) = self.algorithm.take() else { return };
        if let Some(whole) = self.whole.take() {
            algorithm.learn_from(whole);
        }
        let training = Training {
            algorithm,
            head,
            round: self.round,
            plan: self.plan.clone(),
            conduct: self.conduct.begin(self.round).unwrap_or_else(|| self.conduct.clone()),
            ask: self.ask,
            seed: self.seed,
        };
        out.push(Effect::Work(Job::priced("train", self.plan.training_gas, move || training.run())));
    }

    /// Training is over: offer what came out.
    fn trained(&mut self, algorithm: Box<Algorithm2>, trained: Option<Trained>, out: &mut Outbox<Effect>) {
        self.algorithm = Some(algorithm);
        let Some(trained) = trained.filter(|trained| self.conduct.offers(&trained.model)) else { return };
        let rows = self.plan.goal.metric_set.rows;
        let claimed = self.conduct.score(trained.right, rows).min(rows);
        let report = Report::Trained {
            progress: trained.progress,
            right: trained.right,
            model: trained.model.clone(),
        };
        out.push(Effect::Report(report));
        let now = self.light.height().0;
        let expires = Height(now.saturating_add(self.plan.round_heights()));
        let (goal, mut buyers) = (self.plan.goal.id(), trained.buyers.clone());
        buyers.sort_unstable();
        let consent = Consent { goals: vec![goal], buyers: Buyers::Only(buyers), until: expires, uses: 1 };
        self.salt = self.salt.saturating_add(1);
        let order = Order {
            by: self.id(),
            side: Side::Offer,
            price: self.ask,
            quantity: 1,
            terms: DataTerms::Offer {
                goal,
                packet: trained.digest,
                model: trained.model.commitment(),
                score: claimed,
                consent,
            },
            expires,
            nonce: self.salt,
            bond: self.params.1.market.orders.bond.least(self.ask),
        };
        let kept = Height(expires.0.saturating_add(self.plan.round_heights()));
        self.offers.insert(trained.digest, Offered { trained, claimed, expires: kept });
        self.submit(Action::Place(order), out);
    }

    /// A buyer shows that it won the deal: deliver, and claim the score.
    fn matched(&mut self, from: NodeId, deal: DealId, notice: &Notice, out: &mut Outbox<Effect>) {
        if self.offers.is_empty() {
            return;
        }
        let proved = self.light.entry(from, notice, &key::deal(deal)).ok().flatten();
        let Some(deal) = proved.and_then(|value| open_deal(&value.0)) else {
            let why = "showed a deal that is not in the certified state".to_owned();
            return out.push(Effect::Report(Report::Offence { by: from, why }));
        };
        let DataTerms::Offer { packet, .. } = &deal.terms else { return };
        if deal.seller != self.key.id() {
            return;
        }
        // The buyer and those this user listens to may all bring the news; the first counts.
        let Some(offer) = self.offers.remove(packet) else { return };
        let packet = self.conduct.delivery(offer.trained.packet.clone());
        let base = offer.trained.base.clone();
        let delivery = Delivery { deal: deal.id, packet: packet_digest(&packet) };
        let signed = delivery.sign(&self.key, self.plan.chain);
        let sent = Report::ModelSent { bytes: packet.len() as u64, dense: self.plan.dense_bytes() };
        out.push(Effect::Report(sent));
        Self::send(deal.buyer, &Message::Delivery { signed, packet: packet.clone() }, out);
        let kept = 2 * self.plan.round_heights();
        self.sold.retain(|_, sold| sold.made.0.saturating_add(kept) > deal.made.0);
        self.sold.insert(deal.id, Sold { made: deal.made, packet, base });

        let truth = Score {
            goal: self.plan.goal.clone(),
            model: offer.trained.model.commitment(),
            right: offer.trained.right,
        };
        let witness =
            ScoreWitness { model: offer.trained.model.tensor(), metric_set: self.plan.metric.clone() };
        let context =
            Context { chain: self.plan.chain, height: deal.made, by: self.key.id(), subject: deal.id };
        let (prover, key, claimed) = (self.prover.clone(), self.key.clone(), offer.claimed);
        let seed = self.seed.derive_number("prove", self.salt);
        let gas = self.plan.score_gas.saturating_add(prover.gas(&truth));
        out.push(Effect::Work(Job::priced("prove score", gas, move || {
            let claim = prove::score(&key, prover.as_ref(), context, &truth, claimed, &witness, seed);
            Outcome::Proved { claim: claim.map(Box::new) }
        })));
    }

    /// The buyer is silent: post the packet where all can see it, which counts as delivered.
    fn post(&mut self, from: NodeId, deal: DealId, notice: &Notice, out: &mut Outbox<Effect>) {
        let proved = self.light.entry(from, notice, &key::deal(deal)).ok().flatten();
        let open = proved.and_then(|value| open_deal(&value.0));
        if open.is_some_and(|deal| deal.state.owed().contains(&Duty::Deliver))
            && let Some(Sold { packet, base, .. }) = self.sold.remove(&deal)
        {
            let base = base.as_ref().map(ExactParams::to_bytes);
            self.submit(Action::Post { deal, packet, base }, out);
        }
    }

    fn proved(&mut self, claim: Option<Box<Claim>>, out: &mut Outbox<Effect>) {
        if let Some(claim) = claim {
            out.push(Effect::Report(Report::Proved { bytes: claim.proof().len() as u64 }));
            self.submit(Action::Claim(*claim), out);
        }
    }

    fn receive(&mut self, from: NodeId, message: Message, out: &mut Outbox<Effect>) {
        match message {
            Message::Tip(tip) => self.tip(from, &tip, out),
            Message::Light(block) => self.shown(from, block, out),
            Message::Params(notice) => self.learn_params(from, &notice),
            Message::Head { notice, model } => self.head(from, &notice, &model, out),
            Message::Matched { deal, notice } => self.matched(from, deal, &notice, out),
            Message::Unconfirmed { deal, notice } => self.post(from, deal, &notice, out),
            Message::Called { notice } => self.called(from, &notice, out),
            _ => out.push(Effect::Report(Report::Offence {
                by: from,
                why: "sent what a user cannot use".into(),
            })),
        }
    }
}

impl Machine for User {
    type Input = Input;
    type Effect = Effect;
    type Error = UserError;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), UserError> {
        self.light.tick(now);
        match input {
            Input::Start => {
                self.listen(out);
                self.seal(out);
                self.round = 1;
                self.train(None, out);
            }
            Input::Timer(NO_HEAD) => {
                self.asked = None;
                self.train(None, out);
            }
            Input::Timer(SILENCE) => {
                self.light.give_up();
                self.listen(out);
            }
            Input::Received { from, channel: Channel::REQUEST, bytes } => match decode(&bytes) {
                Ok(message) => self.receive(from, message, out),
                Err(error) => out.push(Effect::Report(Report::Offence { by: from, why: error.to_string() })),
            },
            Input::Received { from, channel, .. } => {
                out.push(Effect::Report(Report::Offence { by: from, why: format!("sent on {channel}") }));
            }
            Input::Timer(id) => return Err(UserError::Timer(id)),
            Input::Done(outcome) => match *outcome {
                Outcome::Trained { algorithm, trained } => self.trained(algorithm, trained.map(|t| *t), out),
                Outcome::Proved { claim } => self.proved(claim, out),
                _ => {}
            },
        }
        self.pursue(out);
        Ok(())
    }
}
