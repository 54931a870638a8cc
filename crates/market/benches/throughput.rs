//! Orders per second on one core, root included: `cargo bench -p bitneuron-market`.
//!
//! 200,000 orders in blocks of 1,000. *Spread* draws goals, prices and scores at random; *apart* puts all orders in one
//! lot where prices cross and no score suffices, so that the book only grows.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench fails by panicking and prints its figures"
)]
#![expect(clippy::disallowed_types, reason = "a bench needs a clock")]

use bitneuron_core::{Amount, Commitment, Digest, GoalId, Height, NodeId, Outbox, Seed};
use bitneuron_market::{
    Buyers, Consent, DataMarket, DataTerms, MarketParams, Order, OrderParams, Orderbook, PriceTime, Side,
};
use std::{hint::black_box, time::Instant};

const BLOCKS: u64 = 200;
const BLOCK: u64 = 1_000;

fn order(number: u64, apart: bool) -> Order<DataMarket> {
    let digest = Digest(Seed::from_number(number).0);
    let [goal, price, score, model, by, side, ..] = digest.0;
    let goal = GoalId(Digest([if apart { 0 } else { goal % 16 }; 32]));
    let sells = side % 2 == 0;
    let (price, score) = match (apart, sells) {
        (true, true) => (1, 0),
        (true, false) => (200, 100),
        _ => (u64::from(price), u32::from(score % 144)),
    };
    let consent = Consent { goals: vec![goal], buyers: Buyers::Anyone, until: Height(u64::MAX), uses: 4 };
    let model = Commitment::merkle(Digest([model; 32]));
    let terms = if sells {
        DataTerms::Offer { goal, packet: digest, model, score, consent }
    } else {
        DataTerms::Bid { goal, min_score: score }
    };
    Order {
        by: NodeId([by; 32]),
        side: if sells { Side::Offer } else { Side::Bid },
        price: Amount::tokens(price.saturating_add(1)),
        quantity: 2,
        terms,
        expires: Height(1_000),
        nonce: number,
        bond: if sells { Amount::tokens(26) } else { Amount::ZERO },
    }
}

fn run(name: &str, apart: bool) {
    let orders = OrderParams { capacity: u32::MAX, ..OrderParams::default() };
    let mut book = PriceTime::new(MarketParams { orders, ..MarketParams::devnet() }).unwrap();
    let input: Vec<_> = (0..BLOCKS.saturating_mul(BLOCK)).map(|number| order(number, apart)).collect();
    let (mut blocks, mut out, mut deals) = (input.into_iter(), Outbox::new(), 0usize);
    let start = Instant::now();
    for height in 1..=BLOCKS {
        for order in blocks.by_ref().take(usize::try_from(BLOCK).unwrap()) {
            book.place(order, Height(height), &mut out).unwrap();
        }
        book.expire(Height(height), &mut out);
        deals = deals.saturating_add(book.clear(Height(height), &mut out).len());
        black_box(book.root());
        out.drain();
    }
    let took = start.elapsed();
    let rate = BLOCKS.saturating_mul(BLOCK) as f64 / took.as_secs_f64();
    println!("{name}: {rate:.0} orders/s, {deals} deals, {} orders open", book.orders().count());
}

fn main() {
    run("spread", false);
    run("apart", true);
}
