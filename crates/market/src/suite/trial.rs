//! One run of a book, written down step by step beside what a watcher concludes from it.

use super::stream::{Stream, params};
use crate::{
    book::{Orderbook, Resting},
    deal::{Deal, DealId, Event},
    goods::{Good as _, data::DataMarket},
    order::{Order, OrderId, Side},
    transfer::Transfer,
};
use bitneuron_core::{Digest, Height, NodeId, Outbox, Seed};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Steps of a trial.
const STEPS: u32 = 700;

/// What the book was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// A new order; `valid` when it breaks no rule.
    Place {
        order: Box<Order<DataMarket>>,
        valid: bool,
        replay: bool,
    },
    Cancel {
        id: OrderId,
        by: NodeId,
    },
    Clear,
    Settle {
        deal: DealId,
        event: Event,
    },
    Expire,
}

/// What a watcher knows about a book.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) orders: BTreeMap<OrderId, Resting<DataMarket>>,
    pub(super) deals: BTreeMap<DealId, Deal<DataMarket>>,
}

/// One call and what came of it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) ask: Ask,
    pub(super) at: Height,
    pub(super) refused: bool,
    pub(super) deals: Vec<Deal<DataMarket>>,
    pub(super) transfers: Vec<Transfer>,
    pub(super) roots: (Digest, Digest),
    pub(super) before: Arc<View>,
    pub(super) after: Arc<View>,
}

/// A whole run.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) steps: Vec<Step>,
}

impl Log {
    /// Whether two runs of one book are the same for an observer.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        let equal = |(one, other): (&Step, &Step)| {
            one.ask == other.ask
                && one.refused == other.refused
                && one.deals == other.deals
                && one.transfers == other.transfers
                && one.roots == other.roots
        };
        self.steps.len() == other.steps.len() && self.steps.iter().zip(&other.steps).all(equal)
    }
}

/// Runs a book until everything in it has ended.
pub(super) fn run<B: Orderbook<DataMarket>>(book: B, seed: Seed) -> Log {
    let mut trial = Trial {
        book,
        stream: Stream::new(seed),
        at: Height(1),
        view: Arc::default(),
        placed: Vec::new(),
        used: BTreeMap::new(),
        sequence: 0,
        steps: Vec::new(),
    };
    for _ in 0..STEPS {
        match trial.stream.below(40) {
            0..24 => trial.place(),
            24..27 => trial.cancel(),
            27..36 => trial.settle(),
            _ => trial.end_block(),
        }
    }
    trial.at = Height(trial.at.0.saturating_add(1_000));
    trial.ask(Ask::Expire);
    Log { steps: trial.steps }
}

struct Trial<B> {
    book: B,
    stream: Stream,
    at: Height,
    view: Arc<View>,
    /// Orders once accepted, for replays.
    placed: Vec<Order<DataMarket>>,
    /// Used nonces with their expiry.
    used: BTreeMap<(NodeId, u64), Height>,
    sequence: u64,
    steps: Vec<Step>,
}

impl<B: Orderbook<DataMarket>> Trial<B> {
    fn place(&mut self) {
        let fresh = self.stream.order(self.at);
        let old = self.stream.pick(&self.placed).cloned();
        let order = match (self.stream.below(12), old) {
            // The same bytes again.
            (0, Some(old)) => old,
            // Another order under a used nonce.
            (1, Some(old)) => Order { by: old.by, nonce: old.nonce, ..fresh },
            (2, _) => self.stream.spoil(fresh, self.at),
            _ => fresh,
        };
        let replay = self.used.get(&(order.by, order.nonce)).is_some_and(|until| self.at < *until);
        let valid = order.check(self.at, &params().orders).is_ok();
        self.ask(Ask::Place { order: Box::new(order), valid, replay });
    }

    fn cancel(&mut self) {
        let orders: Vec<_> =
            self.view.orders.values().map(|resting| (resting.id, resting.order.by)).collect();
        let Some((id, owner)) = self.stream.pick(&orders).copied() else { return };
        let by = if self.stream.below(4) == 0 { self.stream.node() } else { owner };
        self.ask(Ask::Cancel { id, by });
    }

    fn settle(&mut self) {
        let deals: Vec<_> = self.view.deals.keys().copied().collect();
        let deal = self.stream.pick(&deals).copied().unwrap_or_default();
        let event = self.stream.event();
        self.ask(Ask::Settle { deal, event });
    }

    fn end_block(&mut self) {
        self.ask(Ask::Expire);
        self.ask(Ask::Clear);
        self.at = self.at.next();
    }

    /// Asks the book and writes down what it does.
    fn ask(&mut self, ask: Ask) {
        let (mut out, at, root) = (Outbox::new(), self.at, self.book.root());
        let mut deals = Vec::new();
        let refused = match &ask {
            Ask::Place { order, .. } => self.book.place(Order::clone(order), at, &mut out).is_err(),
            Ask::Cancel { id, by } => self.book.cancel(*id, *by, at, &mut out).is_err(),
            Ask::Settle { deal, event } => match self.book.settle(*deal, *event, at, &mut out) {
                Ok(deal) => {
                    deals.push(deal);
                    false
                }
                Err(_) => true,
            },
            Ask::Clear => {
                deals = self.book.clear(at, &mut out);
                false
            }
            Ask::Expire => {
                deals = self.book.expire(at, &mut out);
                false
            }
        };
        let before = self.view.clone();
        if !refused {
            self.watch(&ask, &deals);
        }
        let roots = (root, self.book.root());
        let (after, transfers) = (self.view.clone(), out.drain().collect());
        self.steps.push(Step { ask, at, refused, deals, transfers, roots, before, after });
    }

    fn watch(&mut self, ask: &Ask, deals: &[Deal<DataMarket>]) {
        let at = self.at;
        let view = Arc::make_mut(&mut self.view);
        match ask {
            Ask::Place { order, .. } => {
                self.placed.push(Order::clone(order));
                self.used.insert((order.by, order.nonce), order.expires);
                let (id, sequence) = (order.id(), self.sequence);
                let (remaining, taken) = (order.quantity, BTreeSet::new());
                let order = Arc::new(Order::clone(order));
                if let Ok(Some(worst)) = view.room(&order).map(|worst| worst.map(|worst| worst.id)) {
                    view.orders.remove(&worst);
                }
                view.orders.insert(id, Resting { id, order, sequence, placed: at, remaining, taken });
                self.sequence = sequence.saturating_add(1);
            }
            Ask::Cancel { id, .. } => drop(view.orders.remove(id)),
            Ask::Clear => deals.iter().for_each(|deal| view.trade(deal)),
            Ask::Settle { .. } | Ask::Expire => {}
        }
        if *ask == Ask::Expire {
            view.orders.retain(|_, resting| at < resting.order.expires);
        }
        for deal in deals {
            if deal.state.is_final() {
                view.deals.remove(&deal.id);
            } else {
                view.deals.insert(deal.id, deal.clone());
            }
        }
    }
}

impl View {
    fn trade(&mut self, deal: &Deal<DataMarket>) {
        for id in [deal.offer, deal.bid] {
            let Some(order) = self.orders.get_mut(&id) else { continue };
            order.remaining = order.remaining.saturating_sub(deal.quantity);
            if id == deal.bid {
                order.taken.extend(DataMarket::identity(&deal.terms));
            }
        }
    }

    /// Whether there is room for an order: `Ok` with the order that gives way when its side is full, `Err` when none there
    /// is worse.
    pub(super) fn room(&self, order: &Order<DataMarket>) -> Result<Option<&Resting<DataMarket>>, ()> {
        let beside = |resting: &&Resting<DataMarket>| {
            let other = &resting.order;
            let place = (other.side, DataMarket::lot(&other.terms));
            resting.remaining > 0 && place == (order.side, DataMarket::lot(&order.terms))
        };
        // The higher, the worse.
        let worse = |order: &Order<DataMarket>| match order.side {
            Side::Offer => order.price.0,
            Side::Bid => !order.price.0,
        };
        let side = || self.orders.values().filter(beside);
        if side().count() < params().orders.capacity as usize {
            return Ok(None);
        }
        let worst = side().max_by_key(|resting| (worse(&resting.order), resting.sequence));
        worst.filter(|resting| worse(&resting.order) > worse(order)).map(Some).ok_or(())
    }

    /// What an order should have in escrow.
    pub(super) fn held(&self, id: OrderId) -> u128 {
        let open = self.orders.get(&id).and_then(|resting| resting.order.lock(resting.remaining));
        let deals = self.deals.values().map(|deal| match id {
            id if id == deal.bid => deal.total.0,
            id if id == deal.offer => deal.bond.0,
            _ => 0,
        });
        deals.fold(open.map_or(0, |amount| amount.0), u128::saturating_add)
    }
}
