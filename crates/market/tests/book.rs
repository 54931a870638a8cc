//! The reference book where examples say more than laws: a devnet round, prices, copies, nonces, capacity, records.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::{Amount, Commitment, Digest, GoalId, Height, NodeId, Outbox};
use bitneuron_market::{
    Buyers, Consent, ConsentError, DataMarket, DataTerms, Deal, Event, Good, MarketError, MarketParams,
    Order, OrderParams, Orderbook, PriceTime, Resting, Side, State, Transfer,
};

const GOAL: GoalId = GoalId(Digest([1; 32]));

fn offer(by: u8, price: u64, copies: u32, model: u8) -> Order<DataMarket> {
    let consent = Consent { goals: vec![GOAL], buyers: Buyers::Anyone, until: Height(99), uses: copies };
    let (packet, model) = (Digest([model; 32]), Commitment::merkle(Digest([model; 32])));
    let terms = DataTerms::Offer { goal: GOAL, packet, model, score: 100, consent };
    order(by, Side::Offer, price, copies, terms)
}

fn bid(by: u8, price: u64, quantity: u32) -> Order<DataMarket> {
    order(by, Side::Bid, price, quantity, DataTerms::Bid { goal: GOAL, min_score: 50 })
}

fn order(by: u8, side: Side, price: u64, quantity: u32, terms: DataTerms) -> Order<DataMarket> {
    let bond = if side == Side::Offer { Amount::tokens(price.div_ceil(10)) } else { Amount::ZERO };
    let price = Amount::tokens(price);
    Order { by: NodeId([by; 32]), side, price, quantity, terms, expires: Height(20), nonce: 1, bond }
}

fn book() -> PriceTime<DataMarket> {
    PriceTime::new(MarketParams::devnet()).unwrap()
}

fn pairs(deals: &[Deal<DataMarket>]) -> Vec<(u8, u8, u64)> {
    let tokens = |deal: &Deal<DataMarket>| u64::try_from(deal.price.0 / Amount::TOKEN.0).unwrap();
    deals.iter().map(|deal| (deal.seller.0[0], deal.buyer.0[0], tokens(deal))).collect()
}

#[test]
fn the_earlier_order_sets_the_price() {
    let (mut book, mut out) = (book(), Outbox::new());
    for order in [offer(1, 5, 1, 1), bid(2, 9, 1), bid(3, 8, 1), offer(4, 6, 1, 2)] {
        book.place(order, Height(1), &mut out).unwrap();
    }
    assert_eq!(pairs(&book.clear(Height(1), &mut out)), [(1, 2, 5), (4, 3, 8)]);
}

#[test]
fn a_bid_takes_different_models_and_copies_go_to_different_bids() {
    let (mut book, mut out) = (book(), Outbox::new());
    // 3 copies of model 1; the same model again under another name; model 2.
    for order in [offer(1, 5, 3, 1), offer(2, 6, 1, 1), offer(3, 7, 1, 2), bid(4, 9, 3), bid(5, 8, 2)] {
        book.place(order, Height(1), &mut out).unwrap();
    }
    assert_eq!(pairs(&book.clear(Height(1), &mut out)), [(1, 4, 5), (3, 4, 7), (1, 5, 5)]);
    // What was taken is remembered after the clearing.
    book.place(offer(6, 5, 1, 1), Height(2), &mut out).unwrap();
    book.place(offer(7, 5, 1, 3), Height(2), &mut out).unwrap();
    assert_eq!(pairs(&book.clear(Height(2), &mut out)), [(7, 4, 9)]);
}

#[test]
fn a_devnet_round_ends_before_the_next_one_clears() {
    let (mut book, mut out) = (book(), Outbox::new());
    book.place(offer(1, 5, 2, 1), Height(1), &mut out).unwrap();
    book.place(bid(2, 5, 1), Height(1), &mut out).unwrap();
    book.place(bid(3, 5, 1), Height(1), &mut out).unwrap();
    let deals = book.clear(Height(1), &mut out);
    let events =
        [(0, Event::Delivered, Height(2)), (0, Event::Proven, Height(2)), (1, Event::Proven, Height(4))];
    for (at, event, height) in events {
        book.settle(deals[at].id, event, height, &mut out).unwrap();
    }
    assert!(book.expire(Height(4), &mut out).is_empty());
    let late = book.expire(Height(5), &mut out);
    assert_eq!(late.iter().map(|deal| deal.id).collect::<Vec<_>>(), [deals[1].id]);
    assert!(matches!(late[0].state, State::Late(_)));
    for deal in &deals {
        let refused = book.settle(deal.id, Event::Delivered, Height(5), &mut out);
        assert!(matches!(refused, Err(MarketError::NoDeal(id)) if id == deal.id));
    }
}

#[test]
fn a_nonce_is_free_again_when_its_order_has_expired() {
    let (mut book, mut out) = (book(), Outbox::new());
    book.place(bid(2, 5, 1), Height(1), &mut out).unwrap();
    let later = Order { expires: Height(30), ..bid(2, 6, 1) };
    let refused = book.place(later.clone(), Height(19), &mut out);
    assert!(matches!(refused, Err(MarketError::Replay { nonce: 1, .. })));
    // Whether or not expiry was worked off first, and working it off frees nothing that is used again.
    book.place(later, Height(20), &mut out).unwrap();
    book.expire(Height(20), &mut out);
    let refused = book.place(Order { expires: Height(31), ..bid(2, 7, 1) }, Height(21), &mut out);
    assert!(matches!(refused, Err(MarketError::Replay { nonce: 1, .. })));
    assert!(matches!(book.place(bid(2, 5, 1), Height(21), &mut out), Err(MarketError::Expired { .. })));
}

#[test]
fn consent_is_asked_when_placing_and_when_matching() {
    let (mut book, mut out) = (book(), Outbox::new());
    let with = |change: fn(&mut Consent)| {
        let mut order = offer(1, 5, 1, 1);
        if let DataTerms::Offer { consent, .. } = &mut order.terms {
            change(consent);
        }
        order
    };
    let refused =
        book.place(with(|consent| consent.goals = vec![GoalId(Digest([2; 32]))]), Height(1), &mut out);
    assert!(matches!(refused, Err(MarketError::Consent(ConsentError::Goal))));
    let refused = book.place(Order { quantity: 2, ..with(|_| {}) }, Height(1), &mut out);
    assert!(matches!(refused, Err(MarketError::Consent(ConsentError::Uses { offered: 2, allowed: 1 }))));

    // Valid when placed, but over when a buyer comes.
    book.place(with(|consent| consent.until = Height(3)), Height(1), &mut out).unwrap();
    book.clear(Height(1), &mut out);
    book.place(bid(2, 9, 1), Height(3), &mut out).unwrap();
    assert!(book.clear(Height(3), &mut out).is_empty());
}

#[test]
fn what_breaks_a_rule_is_refused_by_name() {
    let refused = |change: fn(&mut Order<DataMarket>), mut order: Order<DataMarket>| {
        change(&mut order);
        order.check(Height(5), &OrderParams::default()).unwrap_err()
    };
    let (sale, wish) = (|| offer(1, 20, 2, 1), || bid(1, 20, 2));
    assert!(matches!(refused(|o| o.price = Amount::ZERO, wish()), MarketError::NoPrice));
    assert!(matches!(refused(|o| o.quantity = 0, wish()), MarketError::NoQuantity));
    assert!(matches!(refused(|o| o.quantity = 4_097, wish()), MarketError::Many(4_096)));
    let least = Amount::TOKEN;
    let small = refused(|o| o.price = Amount(499_999_999), wish());
    assert!(
        matches!(small, MarketError::Small { least: l, given } if l == least && given == Amount(999_999_998))
    );
    let half = Amount(Amount::SUPPLY.0 / 2 + 1);
    for order in [
        Order { price: half, ..wish() },
        Order { bond: half, ..sale() },
        Order { bond: Amount(u128::MAX), ..sale() },
    ] {
        assert!(matches!(refused(|_| {}, order), MarketError::TooMuch));
    }
    let short = Amount(1_999_999_999);
    let least = Amount::tokens(2);
    let error = refused(|o| o.bond = Amount(1_999_999_999), sale());
    assert!(matches!(error, MarketError::Bond { least: l, given } if l == least && given == short));
    assert!(matches!(refused(|o| o.bond = Amount(1), wish()), MarketError::BondOnBid));
    assert!(matches!(refused(|o| o.expires = Height(5), wish()), MarketError::Expired { .. }));
    assert!(matches!(refused(|o| o.expires = Height(43_206), wish()), MarketError::TooLong { .. }));
    assert!(matches!(
        refused(|o| o.side = Side::Bid, Order { bond: Amount::ZERO, ..sale() }),
        MarketError::WrongSide
    ));
    for order in [
        sale(),
        wish(),
        Order { price: Amount(500_000_000), ..wish() },
        Order { expires: Height(43_205), ..wish() },
    ] {
        assert!(order.check(Height(5), &OrderParams::default()).is_ok());
    }
}

#[test]
fn an_expired_order_does_not_trade_even_before_it_is_swept() {
    for expired in [offer(1, 5, 1, 1), bid(2, 9, 1)] {
        let fresh = if expired.side == Side::Offer { bid(2, 9, 1) } else { offer(1, 5, 1, 1) };
        let (mut book, mut out) = (book(), Outbox::new());
        book.place(Order { expires: Height(3), ..expired }, Height(1), &mut out).unwrap();
        book.clear(Height(1), &mut out);
        book.place(fresh, Height(3), &mut out).unwrap();
        assert!(book.clear(Height(3), &mut out).is_empty());
    }
}

#[test]
fn a_full_side_makes_room_for_better_prices_only() {
    let orders = OrderParams { capacity: 2, ..OrderParams::default() };
    let mut book = PriceTime::<DataMarket>::new(MarketParams { orders, ..MarketParams::devnet() }).unwrap();
    let mut out = Outbox::new();
    let first = book.place(bid(1, 5, 1), Height(1), &mut out).unwrap();
    let second = book.place(bid(2, 5, 2), Height(1), &mut out).unwrap();
    let (root, sent) = (book.root(), out.len());
    for price in [4, 5] {
        assert!(matches!(book.place(bid(3, price, 1), Height(1), &mut out), Err(MarketError::Full(2))));
    }
    assert_eq!((book.root(), out.len()), (root, sent));
    // The other side has its own room.
    book.place(offer(4, 9, 1, 1), Height(1), &mut out).unwrap();
    out.drain();
    // The later of equals gives way; its nonce stays used.
    let third = book.place(bid(3, 6, 1), Height(1), &mut out).unwrap();
    let moved: Vec<_> = out.drain().collect();
    let lock = Transfer::Lock { escrow: third, from: NodeId([3; 32]), amount: Amount::tokens(6) };
    let back = Transfer::Refund { escrow: second, to: NodeId([2; 32]), amount: Amount::tokens(10) };
    assert_eq!(moved, [lock, back]);
    assert!(book.order(second).is_none() && book.order(first).is_some());
    assert!(matches!(book.place(bid(2, 7, 1), Height(1), &mut out), Err(MarketError::Replay { .. })));
    book.cancel(first, NodeId([1; 32]), Height(2), &mut out).unwrap();
    assert!(book.place(bid(5, 5, 1), Height(2), &mut out).is_ok());
}

#[test]
fn a_light_client_checks_an_order_and_a_deal() {
    let (mut book, mut out) = (book(), Outbox::new());
    let sold = book.place(offer(1, 5, 2, 1), Height(1), &mut out).unwrap();
    for by in 10..60 {
        book.place(bid(by, 4, 1), Height(1), &mut out).unwrap();
    }
    book.place(bid(2, 5, 1), Height(1), &mut out).unwrap();
    let deal = book.clear(Height(1), &mut out).remove(0);
    let (root, market) = (book.root(), DataMarket::MARKET);

    let record = book.order(sold).map(Resting::record).unwrap();
    assert_eq!((record.remaining, record.placed), (1, Height(1)));
    let proof = book.prove_order(sold).unwrap();
    assert!(proof.verify(market, root, sold.0, record.digest()));
    let mut other = record.clone();
    other.remaining = 2;
    assert!(!proof.verify(market, root, sold.0, other.digest()));

    let proof = book.prove_deal(deal.id).unwrap();
    assert!(proof.verify(market, root, deal.id, deal.record()));
    let delivered = book.settle(deal.id, Event::Delivered, Height(2), &mut out).unwrap();
    let (root, proof) = (book.root(), book.prove_deal(deal.id).unwrap());
    assert!(proof.verify(market, root, deal.id, delivered.record()));
    assert!(!proof.verify(market, root, deal.id, deal.record()));
    book.settle(deal.id, Event::Proven, Height(2), &mut out).unwrap();
    assert_eq!(book.prove_deal(deal.id), None);
}

#[test]
fn a_dry_run_on_a_copy_leaves_the_book_alone() {
    let (mut book, mut out) = (book(), Outbox::new());
    book.place(offer(1, 5, 1, 1), Height(1), &mut out).unwrap();
    let root = book.root();
    let mut copy = book.clone();
    copy.place(bid(2, 5, 1), Height(1), &mut out).unwrap();
    let struck = copy.clear(Height(1), &mut out);
    assert!(book.root() == root && copy.root() != root && book.deal(struck[0].id).is_none());
    // The same calls on the book itself lead to the same root.
    book.place(bid(2, 5, 1), Height(1), &mut out).unwrap();
    assert_eq!(book.clear(Height(1), &mut out), struck);
    assert_eq!(book.root(), copy.root());
}
