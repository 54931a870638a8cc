//! Algorithm 2, the gossip learning user, as a machine. Comments name its lines.
//!
//! ```text
//! 1  θ_u ← init()
//! 3  wait(Δ_g)                                  effect Wait, input Wake
//! 4  θ_u ← update(D_u, θ_u)                     effect Learned
//! 5  k_1, …, k_n ← selectValidators()           effect AskMarket, input Market
//! 6  send encrypt(D_u) to k                     effect Seal
//! 7  send compress(θ_u) to k                    effect Send
//! ```
//!
//! Consent is asked for at every sale: it comes with the market's answer, so what a user withdraws is not sold in the
//! same round. [`Effect::Seal`] hands the rows to the driver *of this user's own machine*, which encrypts them to the
//! buyer; nothing here sends a row.

use super::{GossipError, ModelCodec, ModelMessage, Offence, believed};
use crate::update::{Progress, Update};
use bitneuron_core::{Amount, Dataset, Machine, NodeId, Outbox, Params, Reputation, Seed, Time};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A validator's wish on the data market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bid {
    /// The validator.
    pub by: NodeId,
    /// What it pays.
    pub price: Amount,
    /// How it behaved so far.
    pub reputation: Reputation,
    /// Whether it wants the model.
    pub model: bool,
    /// Whether it wants raw data.
    pub data: bool,
}

/// What a user agrees to sell, to whom and from which price on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    /// Whether the model may be sold.
    pub model: bool,
    /// Whether raw data may be sold.
    pub data: bool,
    /// The lowest price.
    pub least_price: Amount,
    /// The lowest reputation of a buyer.
    pub least_reputation: Reputation,
    /// The most buyers in a round.
    pub buyers: usize,
}

impl Default for Consent {
    /// Nothing is sold.
    fn default() -> Self {
        let (least_price, least_reputation) = (Amount::ZERO, Reputation(0));
        Self { model: false, data: false, least_price, least_reputation, buyers: 0 }
    }
}

/// A buyer and what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// The buyer.
    pub to: NodeId,
    /// What it pays.
    pub price: Amount,
    /// It gets the model.
    pub model: bool,
    /// It gets raw data.
    pub data: bool,
}

/// Line 5: the validators to sell to, best first.
///
/// A bid counts when price and reputation reach what the user demands and *everything* it wants is consented to (else
/// the user would be paid for less than was bid for). Of several bids of one validator the best counts. Best is the
/// highest price, then the highest reputation, then the lowest name.
pub fn select_validators(bids: &[Bid], consent: &Consent) -> Vec<Sale> {
    let agreed = |bid: &&Bid| {
        let wants = bid.model || bid.data;
        let consented = (consent.model || !bid.model) && (consent.data || !bid.data);
        wants && consented && bid.price >= consent.least_price && bid.reputation >= consent.least_reputation
    };
    let rank = |bid: &Bid| (bid.price, bid.reputation, bid.model, bid.data);
    let mut best = BTreeMap::<NodeId, Bid>::new();
    for bid in bids.iter().filter(agreed) {
        let place = best.entry(bid.by).or_insert(*bid);
        if rank(bid) > rank(place) {
            *place = *bid;
        }
    }
    let mut chosen: Vec<Bid> = best.into_values().collect();
    chosen.sort_by(|a, b| (b.price, b.reputation).cmp(&(a.price, a.reputation)).then(a.by.cmp(&b.by)));
    chosen.truncate(consent.buyers);
    chosen.into_iter().map(|Bid { by, price, model, data, .. }| Sale { to: by, price, model, data }).collect()
}

/// What happens to a user.
#[derive(Debug, Clone)]
pub enum Input {
    /// The wait is over.
    Wake,
    /// A validator's committed model to go on from; in the next round it takes the place of the own one.
    Head {
        /// The validator.
        from: NodeId,
        /// Its model.
        message: ModelMessage,
    },
    /// The data market answers [`Effect::AskMarket`].
    Market {
        /// The open bids.
        bids: Vec<Bid>,
        /// What the user agrees to now.
        consent: Consent,
    },
}

/// What a user wants done.
#[derive(Debug)]
pub enum Effect<D = Dataset> {
    /// Send [`Input::Wake`] after this span.
    Wait(Duration),
    /// The model was trained on the own data.
    Learned {
        /// What the training did.
        progress: Progress,
        /// The age of the model now.
        age: u64,
    },
    /// Ask the data market for bids; answered by [`Input::Market`].
    AskMarket,
    /// Encrypt the rows to a buyer and deliver them. The rows themselves never leave the user's machine.
    Seal {
        /// The buyer.
        to: NodeId,
        /// `D_u`.
        data: Arc<D>,
    },
    /// Deliver a model to a buyer.
    Send {
        /// The buyer.
        to: NodeId,
        /// The model.
        message: ModelMessage,
    },
    /// A validator served what cannot be used; nothing else changed.
    Offence {
        /// Who.
        by: NodeId,
        /// What.
        why: Offence,
    },
    /// The own model cannot be trained on the own data: nothing is offered in this round.
    Missed(GossipError),
}

/// What a new user starts with.
#[derive(Debug)]
pub struct Start<U, C, T = Params, D = Dataset> {
    /// Its name.
    pub id: NodeId,
    /// Line 4.
    pub update: U,
    /// `compress` of line 7.
    pub codec: C,
    /// Line 1.
    pub model: T,
    /// `D_u`.
    pub data: Arc<D>,
    /// The source of its randomness.
    pub seed: Seed,
    /// `Δ_g`, the time between two rounds.
    pub period: Duration,
    /// How many updates more than one's own are believed of a served head.
    pub age_lead: u64,
}

/// One user of Algorithm 2.
pub struct User<U, C, T = Params, D = Dataset> {
    start: Start<U, C, T, D>,
    age: u64,
    round: u64,
    asked: bool,
    pulled: Option<Head<T>>,
}

/// A head that was served and not yet trained.
struct Head<T> {
    from: NodeId,
    age: u64,
    model: T,
}

impl<U, C, T, D> fmt::Debug for User<U, C, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.start.id)
            .field("age", &self.age)
            .field("round", &self.round)
            .finish_non_exhaustive()
    }
}

impl<U, C, T, D> User<U, C, T, D> {
    /// A user at line 1. It does nothing before its first [`Input::Wake`].
    pub const fn new(start: Start<U, C, T, D>) -> Self {
        Self { start, age: 0, round: 0, asked: false, pulled: None }
    }

    /// Its name.
    pub const fn id(&self) -> NodeId {
        self.start.id
    }

    /// `θ_u`.
    pub const fn model(&self) -> &T {
        &self.start.model
    }

    /// How often the model was updated, ancestors counted.
    pub const fn age(&self) -> u64 {
        self.age
    }

    /// `compress` of line 7.
    pub const fn codec(&self) -> &C {
        &self.start.codec
    }

    /// The same, to tell a codec with a memory what the receivers know.
    pub const fn codec_mut(&mut self) -> &mut C {
        &mut self.start.codec
    }

    /// Gives it another `D_u`, from the next round on.
    pub fn learn_from(&mut self, data: Arc<D>) {
        self.start.data = data;
    }
}

impl<U: Update<T, D>, C: ModelCodec<T>, T, D> User<U, C, T, D> {
    /// One round. Whatever fails, a served head is used up and the next round is asked for.
    fn wake(&mut self, out: &mut Outbox<Effect<D>>) {
        let seed = self.start.seed.derive_number("update", self.round);
        let Start { update, model, data, .. } = &mut self.start;
        let mut train = |model: &mut T| update.update(model, data, self.round, seed); // line 4
        let mut blamed = None;
        let from_head = self.pulled.take().and_then(|mut head| match train(&mut head.model) {
            Ok(progress) => {
                (*model, self.age) = (head.model, head.age);
                Some(progress)
            }
            Err(error) => {
                blamed = Some((head.from, error));
                None
            }
        });
        let trained = from_head.map_or_else(|| train(model), Ok);
        self.round += 1;
        match trained {
            Ok(progress) => {
                self.age = self.age.saturating_add(1);
                self.asked = true;
                out.extend(blamed.map(|(by, why)| Effect::Offence { by, why: Offence::Update(why) }));
                out.push(Effect::Learned { progress, age: self.age });
                out.push(Effect::AskMarket); // line 5, asked
            }
            Err(error) => {
                self.asked = false;
                out.push(Effect::Missed(error.into()));
            }
        }
        out.push(Effect::Wait(self.start.period)); // line 3
    }

    fn pull(&mut self, from: NodeId, message: &ModelMessage, out: &mut Outbox<Effect<D>>) {
        match self.start.codec.unpack(&message.packet) {
            Ok(model) => {
                let age = believed(message.age, self.age, self.start.age_lead);
                self.pulled = Some(Head { from, age, model });
            }
            Err(error) => out.push(Effect::Offence { by: from, why: Offence::Packet(error) }),
        }
    }

    fn sell(
        &mut self,
        bids: &[Bid],
        consent: &Consent,
        out: &mut Outbox<Effect<D>>,
    ) -> Result<(), GossipError> {
        if !self.asked {
            return Err(GossipError::Unasked);
        }
        let mut sales = select_validators(bids, consent); // line 5
        sales.retain(|sale| sale.to != self.start.id);
        let packet = if sales.iter().any(|sale| sale.model) {
            let seed = self.start.seed.derive_number("compress", self.round);
            Some(self.start.codec.pack(&self.start.model, seed)?)
        } else {
            None
        };
        self.asked = false;
        for sale in sales {
            if sale.data {
                out.push(Effect::Seal { to: sale.to, data: Arc::clone(&self.start.data) }); // line 6
            }
            if let Some(packet) = packet.as_ref().filter(|_| sale.model) {
                let message = ModelMessage { age: self.age, packet: packet.clone() };
                out.push(Effect::Send { to: sale.to, message }); // line 7
            }
        }
        Ok(())
    }
}

impl<U: Update<T, D>, C: ModelCodec<T>, T, D> Machine for User<U, C, T, D> {
    type Input = Input;
    type Effect = Effect<D>;
    type Error = GossipError;

    fn step(&mut self, _now: Time, input: Input, out: &mut Outbox<Effect<D>>) -> Result<(), GossipError> {
        match input {
            Input::Wake => {
                self.wake(out);
                Ok(())
            }
            Input::Head { from, message } => {
                self.pull(from, &message, out);
                Ok(())
            }
            Input::Market { bids, consent } => self.sell(&bids, &consent, out),
        }
    }
}
