//! The laws, each as a property of the log of a trial.

use super::{
    Violation,
    stream::params,
    trial::{Ask, Log, Step, View},
};
use crate::{
    book::Resting,
    deal::{Deal, State},
    goods::{Good as _, data::DataMarket},
    order::times,
    transfer::{Escrows, Transfer},
};
use bitneuron_core::{Amount, Outbox};
use std::collections::BTreeSet;

type Law = fn(&Step) -> Result<(), Violation>;

/// Checks everything but determinism. Laws whose violation breaks others come first.
pub(super) fn all(log: &Log) -> Result<(), Violation> {
    // Which of the two is broken first breaks the other.
    let orders: Law = |step| limits(step).and_then(|()| room(step));
    let laws: [Law; 11] =
        [refusal, replay, orders, fit, returned, service, merit, price, time, exhaustion, binding];
    for law in laws {
        log.steps.iter().try_for_each(law)?;
    }
    conservation(log)
}

fn hold(holds: bool, violation: Violation) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(violation) }
}

fn refusal(step: &Step) -> Result<(), Violation> {
    hold(!step.refused || step.transfers.is_empty(), Violation::Refusal("a refused call moves tokens"))?;
    hold(!step.refused || step.roots.0 == step.roots.1, Violation::Refusal("a refused call changes the root"))
}

fn replay(step: &Step) -> Result<(), Violation> {
    let accepted = matches!(step.ask, Ask::Place { replay: true, .. }) && !step.refused;
    hold(!accepted, Violation::Replay("a nonce is accepted twice"))
}

fn service(step: &Step) -> Result<(), Violation> {
    match &step.ask {
        Ask::Place { order, valid, replay } => {
            let room = step.before.room(order).is_ok();
            hold(*valid || step.refused, Violation::Service("an order that breaks a rule is accepted"))?;
            let refused = !*valid || *replay || !room;
            hold(refused || !step.refused, Violation::Service("a valid order is refused"))
        }
        Ask::Settle { deal, event } => {
            let open = step.before.deals.get(deal).cloned();
            let taken = open.is_some_and(|mut deal| {
                deal.step(*event, step.at, &params().deals, &mut Outbox::new()).is_ok()
            });
            hold(
                taken != step.refused,
                Violation::Service("an event is refused or accepted against the rules"),
            )
        }
        Ask::Cancel { .. } | Ask::Clear | Ask::Expire => Ok(()),
    }
}

/// All that an open order gets back.
fn refund(resting: &Resting<DataMarket>) -> Transfer {
    let amount = resting.order.lock(resting.remaining).unwrap_or(Amount::ZERO);
    Transfer::Refund { escrow: resting.id, to: resting.order.by, amount }
}

/// What happens on a full side: the rest of the trial cannot be judged if it is another order that gave way.
fn room(step: &Step) -> Result<(), Violation> {
    let (Ask::Place { order, .. }, false) = (&step.ask, step.refused) else { return Ok(()) };
    match step.before.room(order) {
        Ok(None) => Ok(()),
        Ok(Some(worst)) => {
            let back = step.transfers.contains(&refund(worst));
            hold(back, Violation::Return("not the worst gives way, or not with all that it holds"))
        }
        Err(()) => Err(Violation::Service("a full side takes in what is no better")),
    }
}

fn returned(step: &Step) -> Result<(), Violation> {
    let Ask::Cancel { id, by } = &step.ask else { return Ok(()) };
    let after = |resting: &Resting<DataMarket>| {
        step.at.0.saturating_sub(resting.placed.0) >= params().orders.cancel_after
    };
    let open = step.before.orders.get(id).filter(|resting| resting.remaining > 0);
    let own = open.filter(|resting| resting.order.by == *by && after(resting));
    hold(own.is_some() != step.refused, Violation::Return("not just the owner cancels, or not when it may"))?;
    let Some(resting) = own else { return Ok(()) };
    hold(step.transfers == [refund(resting)], Violation::Return("not all that the order holds comes back"))
}

/// The offer and the bid of a deal as they were before a clearing.
fn parties<'a>(
    step: &'a Step,
    deal: &Deal<DataMarket>,
) -> Option<(&'a Resting<DataMarket>, &'a Resting<DataMarket>)> {
    Some((step.before.orders.get(&deal.offer)?, step.before.orders.get(&deal.bid)?))
}

fn limits(step: &Step) -> Result<(), Violation> {
    if step.ask != Ask::Clear {
        return Ok(());
    }
    for deal in &step.deals {
        let (offer, bid) =
            parties(step, deal).ok_or(Violation::Limits("an order trades that is not open"))?;
        let within = (offer.order.price..=bid.order.price).contains(&deal.price);
        hold(within, Violation::Limits("a price is outside a limit"))?;
        let exact = times(deal.price, deal.quantity) == Some(deal.total)
            && offer.order.lock(deal.quantity) == Some(deal.bond)
            && (deal.seller, deal.buyer) == (offer.order.by, bid.order.by)
            && deal.terms == offer.order.terms;
        hold(exact, Violation::Limits("a deal says something else than its orders"))?;
    }
    for (id, resting) in &step.before.orders {
        let of = |deal: &&Deal<DataMarket>| deal.offer == *id || deal.bid == *id;
        let traded = step.deals.iter().filter(of).map(|deal| u64::from(deal.quantity)).sum::<u64>();
        hold(traded <= u64::from(resting.remaining), Violation::Limits("an order trades more than it has"))?;
    }
    Ok(())
}

fn fit(step: &Step) -> Result<(), Violation> {
    if step.ask != Ask::Clear {
        return Ok(());
    }
    let mut taken = BTreeSet::new();
    for deal in &step.deals {
        let (offer, bid) = parties(step, deal).ok_or(Violation::Fit("an order trades that is not open"))?;
        let (sells, buys) = (&*offer.order, &*bid.order);
        hold(DataMarket::compatible(sells, buys, step.at), Violation::Fit("incompatible orders meet"))?;
        hold(sells.by != buys.by, Violation::Fit("somebody trades with himself"))?;
        hold(step.at < sells.expires.min(buys.expires), Violation::Fit("an expired order trades"))?;
        if let Some(identity) = DataMarket::identity(&sells.terms) {
            let first = !bid.taken.contains(&identity) && taken.insert((deal.bid, identity));
            hold(first && deal.quantity == 1, Violation::Fit("a bid takes one identity twice"))?;
        }
    }
    Ok(())
}

fn merit(step: &Step) -> Result<(), Violation> {
    let (settled, ended) = match (&step.ask, step.deals.as_slice()) {
        (Ask::Settle { deal, event }, [got]) => {
            let mut expected =
                step.before.deals.get(deal).ok_or(Violation::Merit("an unknown deal moves"))?.clone();
            let _judged = expected.step(*event, step.at, &params().deals, &mut Outbox::new());
            hold(*got == expected, Violation::Merit("an event leads to another state than it should"))?;
            ((got.state == State::Settled).then_some(got), got.state == State::Refuted)
        }
        (Ask::Expire, _) => (None, true),
        _ => (None, false),
    };
    for transfer in &step.transfers {
        match transfer {
            Transfer::Pay { escrow, .. } => {
                let due = settled.is_some_and(|deal| deal.bid == *escrow);
                hold(due, Violation::Merit("somebody is paid without a settled deal"))?;
            }
            Transfer::Slash { .. } => {
                hold(ended, Violation::Merit("somebody is slashed without a fault"))?;
            }
            Transfer::Lock { .. } | Transfer::Refund { .. } => {}
        }
    }
    let lapsed = |deal: &Deal<DataMarket>| deal.due(&params().deals).is_some_and(|due| due <= step.at);
    let overdue = step.ask == Ask::Expire && step.after.deals.values().any(lapsed);
    hold(!overdue, Violation::Merit("a late deal stays open"))
}

/// Whether `rival` ranks strictly before `winner`: by price alone, or by time at equal prices.
fn ranks_before(
    rival: &Resting<DataMarket>,
    winner: &Resting<DataMarket>,
    bids: bool,
    by_time: bool,
) -> bool {
    let (one, other) = (rival.order.price, winner.order.price);
    if by_time {
        one == other && rival.sequence < winner.sequence
    } else if bids {
        one > other
    } else {
        one < other
    }
}

/// Whether somebody waits who could have had a deal that went to somebody ranked after him.
fn envy(step: &Step, by_time: bool) -> bool {
    if step.ask != Ask::Clear {
        return false;
    }
    let waiting = || step.after.orders.values().filter(|resting| resting.remaining > 0);
    step.deals.iter().any(|deal| {
        let (Some(offer), Some(bid)) = (step.after.orders.get(&deal.offer), step.after.orders.get(&deal.bid))
        else {
            return false;
        };
        // As they were when they traded: a unit left, and the good not yet taken.
        let mut offer = offer.clone();
        offer.remaining = 1;
        let mut bid = bid.clone();
        bid.remaining = 1;
        if let Some(identity) = DataMarket::identity(&offer.order.terms) {
            bid.taken.remove(&identity);
        }
        waiting().any(|rival| {
            (ranks_before(rival, &bid, true, by_time) && rival.fits(&offer, step.at) > 0)
                || (ranks_before(rival, &offer, false, by_time) && bid.fits(rival, step.at) > 0)
        })
    })
}

fn price(step: &Step) -> Result<(), Violation> {
    hold(!envy(step, false), Violation::Price("a better limit waits"))
}

fn time(step: &Step) -> Result<(), Violation> {
    hold(!envy(step, true), Violation::Time("an earlier order with an equal limit waits"))
}

fn exhaustion(step: &Step) -> Result<(), Violation> {
    let orders = || step.after.orders.values().filter(|resting| resting.remaining > 0);
    let left =
        step.ask == Ask::Clear && orders().any(|bid| orders().any(|offer| bid.fits(offer, step.at) > 0));
    hold(!left, Violation::Exhaustion("two open orders could still trade"))
}

fn binding(step: &Step) -> Result<(), Violation> {
    let open = |view: &View| view.orders.values().filter(|resting| resting.remaining > 0).count();
    let changed = match step.ask {
        Ask::Place { .. } | Ask::Cancel { .. } | Ask::Settle { .. } => !step.refused,
        Ask::Clear => !step.deals.is_empty(),
        Ask::Expire => !step.deals.is_empty() || open(&step.before) != open(&step.after),
    };
    hold(
        !changed || step.roots.0 != step.roots.1,
        Violation::Binding("something changes and the root does not"),
    )
}

fn conservation(log: &Log) -> Result<(), Violation> {
    let mut escrows = Escrows::new();
    for step in &log.steps {
        step.transfers.iter().try_for_each(|transfer| escrows.apply(transfer))?;
        let right = escrows.iter().all(|(id, escrow)| escrow.held().0 == step.after.held(id));
        hold(right, Violation::Conservation("an escrow holds something else than its order and deals need"))?;
    }
    let empty = escrows.iter().all(|(_, escrow)| escrow.held() == Amount::ZERO);
    hold(empty, Violation::Conservation("tokens stay in escrow for ever"))
}
