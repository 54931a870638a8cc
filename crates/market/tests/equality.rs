//! The reference book against the plain one: the same calls give the same answers, deals and transfers.
#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

mod naive;

use bitneuron_core::{Amount, Commitment, Digest, GoalId, Height, NodeId, Outbox};
use bitneuron_market::{
    Buyers, Consent, DataMarket, DataTerms, DealParams, Event, MarketParams, Order, OrderParams, Orderbook,
    PriceTime, Side,
};
use naive::{Fault, Naive};
use proptest::{prelude::*, sample::Index};

#[derive(Debug, Clone)]
enum Call {
    Place { by: u8, price: u64, quantity: u32, goal: u8, score: u32, model: u8, rest: Rest },
    Again(Index),
    Cancel(Index, bool),
    Settle(Index, Event),
    Block,
}

/// What is drawn apart, for tuples of strategies are short.
#[derive(Debug, Clone)]
struct Rest {
    offer: bool,
    lasts: u64,
    consents: u64,
    buyers: Buyers,
}

fn rest() -> impl Strategy<Value = Rest> {
    let node = (0..6u8).prop_map(|n| NodeId([n; 32]));
    let buyers = prop_oneof![
        4 => Just(Buyers::Anyone),
        1 => node.clone().prop_map(|node| Buyers::Only(vec![node])),
        1 => node.prop_map(|node| Buyers::Except(vec![node])),
    ];
    (any::<bool>(), 0..30u64, 0..12u64, buyers).prop_map(|(offer, lasts, consents, buyers)| Rest {
        offer,
        lasts,
        consents,
        buyers,
    })
}

fn call() -> impl Strategy<Value = Call> {
    let place = (0..6u8, 0..9u64, 0..4u32, 0..2u8, 0..5u32, 0..20u8, rest()).prop_map(
        |(by, price, quantity, goal, score, model, rest)| Call::Place {
            by,
            price,
            quantity,
            goal,
            score,
            model,
            rest,
        },
    );
    let event = prop_oneof![
        3 => Just(Event::Delivered),
        3 => Just(Event::Proven),
        1 => Just(Event::Refuted { informer: None }),
        1 => Just(Event::Refuted { informer: Some(NodeId([1; 32])) }),
    ];
    prop_oneof![
        40 => place,
        1 => any::<Index>().prop_map(Call::Again),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(index, own)| Call::Cancel(index, own)),
        8 => (any::<Index>(), event).prop_map(|(index, event)| Call::Settle(index, event)),
        3 => Just(Call::Block),
    ]
}

fn order(call: Call, nonce: u64, at: Height) -> Option<Order<DataMarket>> {
    let Call::Place { by, price, quantity, goal, score, model, rest } = call else { return None };
    let (by, goal) = (NodeId([by; 32]), GoalId(Digest([goal; 32])));
    let price = Amount(u128::from(price) * 3_000_000_001);
    let (side, terms, bond) = if rest.offer {
        let model = Commitment::merkle(Digest([model; 32]));
        let until = Height(at.0 + rest.consents);
        let consent = Consent { goals: vec![goal], buyers: rest.buyers, until, uses: 2 };
        let terms = DataTerms::Offer { goal, packet: Digest([9; 32]), model, score, consent };
        (Side::Offer, terms, Amount(2_400_000_001))
    } else {
        (Side::Bid, DataTerms::Bid { goal, min_score: score }, Amount::ZERO)
    };
    let expires = Height(at.0 + rest.lasts);
    Some(Order { by, side, price, quantity, terms, expires, nonce, bond })
}

proptest! {
    // 300 × about 700 orders: more than 10⁵ in total.
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 4_000, ..ProptestConfig::default() })]
    #[test]
    fn the_books_agree(calls in prop::collection::vec(call(), 900..1_100), capacity in prop_oneof![1..30u32, Just(16_384)]) {
        let params = MarketParams {
            orders: OrderParams { lifetime: 25, capacity, ..OrderParams::default() },
            deals: DealParams { deliver: 1, prove: 2, ..DealParams::default() },
        };
        let mut book = PriceTime::<DataMarket>::new(params).unwrap();
        let mut plain = Naive::new(params, Fault::None);
        let (mut ours, mut theirs) = (Outbox::new(), Outbox::new());
        let (mut placed, mut deals, mut at) = (Vec::<Order<DataMarket>>::new(), Vec::new(), Height(1));
        for (nonce, call) in (0..).zip(calls) {
            match call {
                Call::Place { .. } | Call::Again(_) => {
                    let order = match call {
                        Call::Again(index) if !placed.is_empty() => index.get(&placed).clone(),
                        call => match order(call, nonce, at) {
                            Some(order) => order,
                            None => continue,
                        },
                    };
                    let one = book.place(order.clone(), at, &mut ours).map_err(|error| error.to_string());
                    let other = plain.place(order.clone(), at, &mut theirs).map_err(|error| error.to_string());
                    prop_assert_eq!(&one, &other);
                    if one.is_ok() {
                        placed.push(order);
                    }
                }
                Call::Cancel(index, own) if !placed.is_empty() => {
                    let order = index.get(&placed);
                    let by = if own { order.by } else { NodeId([7; 32]) };
                    let one = book.cancel(order.id(), by, at, &mut ours).is_ok();
                    prop_assert_eq!(one, plain.cancel(order.id(), by, at, &mut theirs).is_ok());
                }
                Call::Settle(index, event) if !deals.is_empty() => {
                    let id = *index.get(&deals);
                    let one = book.settle(id, event, at, &mut ours).map_err(|error| error.to_string());
                    let other = plain.settle(id, event, at, &mut theirs).map_err(|error| error.to_string());
                    prop_assert_eq!(one, other);
                }
                Call::Cancel(..) | Call::Settle(..) => {}
                Call::Block => {
                    prop_assert_eq!(book.expire(at, &mut ours), plain.expire(at, &mut theirs));
                    let struck = book.clear(at, &mut ours);
                    prop_assert_eq!(&struck, &plain.clear(at, &mut theirs));
                    deals.retain(|id| book.deal(*id).is_some());
                    deals.extend(struck.iter().map(|deal| deal.id));
                    at = at.next();
                }
            }
            prop_assert_eq!(&ours, &theirs);
            ours.drain();
            theirs.drain();
        }
    }
}
