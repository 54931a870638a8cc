//! Hostile bytes for every decoder, and what passes a decoder thrown at a book.

use bitneuron_core::{
    Amount, Commitment, Digest, GoalId, Height, NodeId, Outbox, Seed, Wire, codec::decode, codec::encode,
};
use bitneuron_market::{
    Buyers, Consent, DataMarket, DataTerms, Deal, Escrows, MarketParams, Order, OrderId, OrderRecord,
    Orderbook, PriceTime, RecordProof, Side,
};

struct Draw(Seed, u64);

impl Draw {
    fn new(label: &str) -> Self {
        Self(Seed::from_number(11).derive(label), 0)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.1 += 1;
        (Digest(self.0.derive_number("draw", self.1).0).to_u64() % bound as u64) as usize
    }

    /// A number where arithmetic breaks, or a small one.
    fn edge(&mut self) -> u128 {
        let edges = [0, 1, u128::from(u32::MAX), u128::from(u64::MAX), Amount::SUPPLY.0, u128::MAX];
        let edge = edges[self.below(edges.len())];
        edge.wrapping_add(self.below(3) as u128).wrapping_sub(1)
    }

    fn node(&mut self) -> NodeId {
        NodeId([self.below(5) as u8; 32])
    }
}

const NOW: Height = Height(5);

fn order(draw: &mut Draw) -> Order<DataMarket> {
    let goal = GoalId(Digest([1; 32]));
    let list: Vec<_> = (0..=draw.below(4) as u8).map(|n| NodeId([n; 32])).collect();
    let buyers = [Buyers::Anyone, Buyers::Only(list.clone()), Buyers::Except(list)][draw.below(3)].clone();
    let consent = Consent { goals: vec![goal], buyers, until: Height(99), uses: 9 };
    let model = Commitment::merkle(Digest([draw.below(9) as u8; 32]));
    let offer = DataTerms::Offer { goal, packet: Digest([3; 32]), model, score: 3, consent };
    let sells = draw.below(2) == 0;
    Order {
        by: draw.node(),
        side: if sells { Side::Offer } else { Side::Bid },
        price: Amount::tokens(draw.below(9) as u64 + 1),
        quantity: draw.below(3) as u32 + 1,
        terms: if sells { offer } else { DataTerms::Bid { goal, min_score: draw.below(5) as u32 } },
        expires: Height(NOW.0 + 9),
        nonce: draw.1,
        bond: if sells { Amount::TOKEN } else { Amount::ZERO },
    }
}

/// Changes bytes without knowing what they mean.
fn blind(draw: &mut Draw, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..=draw.below(3) {
        let at = draw.below(bytes.len().max(1));
        match draw.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), draw.below(256) as u8),
            2 => bytes.extend_from_within(at.min(bytes.len())..),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << draw.below(8);
                }
            }
        }
    }
    bytes
}

/// Changes one field to a value that means trouble.
fn aware(draw: &mut Draw, mut order: Order<DataMarket>) -> Vec<u8> {
    let number = draw.edge();
    match draw.below(13) {
        0 => order.price = Amount(number),
        1 => order.bond = Amount(number),
        2 => order.quantity = number as u32,
        3 => order.expires = Height(number as u64),
        4 => order.nonce = number as u64,
        5 => order.side = if order.side == Side::Bid { Side::Offer } else { Side::Bid },
        6 => {
            (order.price, order.quantity) = (Amount(number), draw.edge() as u32);
            order.bond = Amount(draw.edge());
        }
        field => {
            if let DataTerms::Offer { consent, score, .. } = &mut order.terms {
                match field {
                    7 => consent.until = Height(number as u64),
                    8 => consent.uses = number as u32,
                    9 => consent.goals.clear(),
                    10 => consent.goals.extend(vec![GoalId(Digest([0; 32])); draw.below(40)]),
                    11 => {
                        consent.buyers =
                            Buyers::Except((0..draw.below(90)).map(|_| NodeId([0; 32])).collect());
                    }
                    _ => *score = number as u32,
                }
            }
        }
    }
    let mut bytes = encode(&order);
    // Sometimes a length or a tag lies, too: 8 bytes anywhere become a huge or a small number.
    if draw.below(3) == 0 {
        let at = draw.below(bytes.len() - 8);
        let lie = (draw.edge() as u64).to_le_bytes();
        bytes[at..at + 8].copy_from_slice(&lie);
    }
    bytes
}

#[test]
fn no_order_breaks_a_decoder_or_a_book() {
    let mut draw = Draw::new("order");
    let mut book = PriceTime::<DataMarket>::new(MarketParams::devnet()).unwrap();
    let (mut out, mut escrows) = (Outbox::new(), Escrows::new());
    let (mut decoded, mut refused, mut placed, mut deals) = (0, 0, 0, 0);
    for number in 0..10_000 {
        let order = order(&mut draw);
        let bytes = if number % 2 == 0 { aware(&mut draw, order) } else { blind(&mut draw, encode(&order)) };
        let Ok(mutant) = decode::<Order<DataMarket>>(&bytes) else { continue };
        decoded += 1;
        assert_eq!(encode(&mutant), bytes, "two encodings of one order");
        let before = (number % 16 == 0).then(|| book.root());
        if book.place(mutant, NOW, &mut out).is_ok() {
            placed += 1;
        } else {
            refused += 1;
            assert!(out.is_empty());
            assert!(before.is_none_or(|root| root == book.root()));
        }
        if number % 100 == 99 {
            deals += book.clear(NOW, &mut out).len();
        }
        out.drain().for_each(|transfer| escrows.apply(&transfer).unwrap());
    }
    assert!(
        decoded > 3_000 && refused > 500 && placed > 1_000 && deals > 500,
        "{decoded} {refused} {placed} {deals}"
    );
    book.expire(Height(u64::MAX), &mut out);
    out.drain().for_each(|transfer| escrows.apply(&transfer).unwrap());
    assert!(escrows.iter().all(|(_, escrow)| escrow.held() == Amount::ZERO));
}

/// Writes numbers and lengths that mean trouble, or one field over another.
fn layout(draw: &mut Draw, mut bytes: Vec<u8>) -> Vec<u8> {
    let number = draw.edge();
    let at = 1 + draw.below(bytes.len() - 1);
    let wide = [1, 4, 8, 16][draw.below(4)].min(bytes.len() - at);
    if bytes.len() - at > 32 && draw.below(4) == 0 {
        let from = 1 + draw.below(bytes.len() - 32);
        bytes.copy_within(from..from + 32, at);
    } else {
        bytes[at..at + wide].copy_from_slice(&number.to_le_bytes()[..wide]);
    }
    bytes
}

/// Throws 10,000 mutants of one value at its decoder, half of them made with knowledge of the layout; says how many
/// of each half decode.
fn storm<T: Wire>(label: &str, value: &T) -> [usize; 2] {
    let (mut draw, bytes) = (Draw::new(label), encode(value));
    assert!(!bytes.is_empty() && bytes.len() <= T::LIMIT);
    let mut decoded = [0; 2];
    for number in 0..10_000 {
        let mutate = [blind, layout][number % 2];
        let mutant = mutate(&mut draw, bytes.clone());
        if let Ok(value) = decode::<T>(&mutant) {
            assert_eq!(encode(&value), mutant);
            decoded[number % 2] += 1;
        }
    }
    assert!(decode::<T>(&vec![T::VERSION; T::LIMIT + 1]).is_err());
    decoded
}

#[test]
fn no_bytes_break_the_other_decoders() {
    let mut draw = Draw::new("others");
    let mut book = PriceTime::<DataMarket>::new(MarketParams::devnet()).unwrap();
    let mut out = Outbox::new();
    let ids: Vec<OrderId> =
        (0..60).filter_map(|_| book.place(order(&mut draw), NOW, &mut out).ok()).collect();
    let proof = book.prove_order(ids[0]).unwrap();
    let record: OrderRecord = book.order(ids[0]).unwrap().record();
    let deal: Deal<DataMarket> = book.clear(NOW, &mut out).remove(0);
    // Enough of each half decodes for the check of encodings to mean something.
    for decoded in [storm("proof", &proof), storm("record", &record), storm("deal", &deal)] {
        assert!(decoded.iter().all(|count| *count > 500), "{decoded:?}");
    }

    // A proof that was tampered with proves nothing.
    let (root, key) = (book.root(), ids[0].0);
    let Some(open) = book.order(ids[0]).map(bitneuron_market::Resting::record) else { return };
    let bytes = encode(&book.prove_order(ids[0]).unwrap());
    for _ in 0..1_000 {
        let mutant = blind(&mut draw, bytes.clone());
        if let Ok(proof) = decode::<RecordProof>(&mutant).map_err(drop) {
            let holds = proof.verify("bitneuron data market v1", root, key, open.digest());
            assert_eq!(holds, mutant == bytes);
        }
    }
}

#[test]
fn the_largest_terms_fit_the_limit() {
    let mut largest = order(&mut Draw::new("largest"));
    let goals: Vec<_> = (0..Consent::MAX_GOALS as u8).map(|n| GoalId(Digest([n; 32]))).collect();
    let buyers: Vec<_> = (0..Consent::MAX_BUYERS as u8).map(|n| NodeId([n; 32])).collect();
    let consent =
        Consent { goals: goals.clone(), buyers: Buyers::Except(buyers), until: Height(99), uses: 9 };
    let (packet, model) = (Digest([3; 32]), Commitment::merkle(Digest([4; 32])));
    largest.side = Side::Offer;
    largest.bond = Amount::TOKEN;
    largest.terms = DataTerms::Offer { goal: goals[3], packet, model, score: 3, consent };
    assert_eq!(decode::<Order<DataMarket>>(&encode(&largest)).unwrap(), largest);
    let mut book = PriceTime::new(MarketParams::devnet()).unwrap();
    assert!(book.place(largest, NOW, &mut Outbox::new()).is_ok());
}
