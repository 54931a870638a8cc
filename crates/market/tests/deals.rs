//! A model check of the life of a deal: every path to every end, to the unit.
#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use bitneuron_core::{Amount, Commitment, Digest, GoalId, Height, NodeId, Outbox, Seed};
use bitneuron_market::{
    BasisPoints, Buyers, Consent, DataMarket, DataTerms, Deal, DealParams, Duty, Escrows, Event, FeeSplit,
    MarketError, Order, Payee, Side, State, Transfer,
};

const SELLER: NodeId = NodeId([1; 32]);
const BUYER: NodeId = NodeId([2; 32]);
const INFORMER: NodeId = NodeId([3; 32]);
const MADE: Height = Height(10);

struct Draw(Seed, u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.1 += 1;
        Digest(self.0.derive_number("draw", self.1).0).to_u64() % bound
    }

    /// Any size from one unit to 2⁶³, so that no magnitude is left out.
    fn amount(&mut self) -> Amount {
        let bits = self.below(63) + 1;
        Amount(u128::from(self.below(1 << bits) + 1))
    }

    fn params(&mut self) -> DealParams {
        let seller = self.below(9_701) as u16;
        let judges = self.below(u64::from(10_001 - seller)) as u16;
        let split = FeeSplit {
            seller: BasisPoints(seller),
            judges: BasisPoints(judges),
            treasury: BasisPoints(10_000 - seller - judges),
        };
        DealParams {
            deliver: self.below(3) + 1,
            prove: self.below(3) + 1,
            late: BasisPoints(self.below(10_001) as u16),
            informer: BasisPoints(self.below(501) as u16),
            split,
        }
    }
}

/// A deal whose bid had a higher limit, with its transfers so far.
fn deal(price: Amount, surplus: Amount, bond: Amount) -> (Deal<DataMarket>, Outbox<Transfer>) {
    let goal = GoalId(Digest([5; 32]));
    let consent = Consent { goals: vec![goal], buyers: Buyers::Anyone, until: Height(99), uses: 1 };
    let (packet, model) = (Digest([6; 32]), Commitment::merkle(Digest([7; 32])));
    let order = |by, side, price, terms, bond| Order::<DataMarket> {
        by,
        side,
        price,
        quantity: 1,
        terms,
        expires: Height(90),
        nonce: 0,
        bond,
    };
    let offer = DataTerms::Offer { goal, packet, model, score: 3, consent };
    let offer = order(SELLER, Side::Offer, price, offer, bond);
    let limit = price.checked_add(surplus).unwrap();
    let bid = order(BUYER, Side::Bid, limit, DataTerms::Bid { goal, min_score: 3 }, Amount::ZERO);
    let mut out = Outbox::new();
    out.push(Transfer::Lock { escrow: offer.id(), from: SELLER, amount: bond });
    out.push(Transfer::Lock { escrow: bid.id(), from: BUYER, amount: limit });
    let deal = Deal::strike((offer.id(), &offer), (bid.id(), &bid), (1, price), MADE, &mut out).unwrap();
    (deal, out)
}

/// One path: what has happened so far.
#[derive(Clone)]
struct Path {
    deal: Deal<DataMarket>,
    out: Outbox<Transfer>,
    at: Height,
    delivered: bool,
    proven: bool,
    refuted: bool,
}

#[derive(Default, Debug, PartialEq, Eq)]
struct Ends {
    settled: u64,
    late: u64,
    refuted: u64,
}

fn walk(path: &Path, params: &DealParams, ends: &mut Ends) {
    if path.deal.state.is_final() {
        return judge(path, params, ends);
    }
    let events = [
        Event::Delivered,
        Event::Proven,
        Event::Refuted { informer: None },
        Event::Refuted { informer: Some(INFORMER) },
        Event::Refuted { informer: Some(SELLER) },
    ];
    for event in events {
        let mut next = path.clone();
        match next.deal.step(event, next.at, params, &mut next.out) {
            Ok(()) => {
                next.delivered |= event == Event::Delivered;
                next.proven |= event == Event::Proven;
                next.refuted |= matches!(event, Event::Refuted { .. });
                walk(&next, params, ends);
            }
            Err(error) => {
                let again =
                    (event == Event::Delivered && path.delivered) || (event == Event::Proven && path.proven);
                assert!(matches!(error, MarketError::Repeated(_)) && again, "{error}");
                assert!(next.deal == path.deal && next.out == path.out);
            }
        }
    }
    // A height passes, seen at the end of this block or at the beginning of the next.
    let mut next = path.clone();
    assert_eq!(next.deal.expire(next.at, params, &mut next.out), None);
    next.at = next.at.next();
    let due = next.deal.due(params).unwrap();
    if next.at >= due {
        let mut tardy = next.clone();
        for event in events {
            let refused = tardy.deal.step(event, next.at, params, &mut tardy.out);
            assert!(matches!(refused, Err(MarketError::TooLate { .. })));
        }
        assert!(tardy.deal == next.deal && tardy.out == next.out);
    }
    assert_eq!(next.deal.expire(next.at, params, &mut next.out).is_some(), next.at >= due);
    walk(&next, params, ends);
}

/// Checks one end: conservation, and who has got what.
fn judge(path: &Path, params: &DealParams, ends: &mut Ends) {
    let (deal, mut escrows) = (&path.deal, Escrows::new());
    for transfer in path.out.as_slice() {
        assert!(transfer.amount() > Amount::ZERO);
        escrows.apply(transfer).unwrap();
    }
    assert!(escrows.iter().all(|(_, escrow)| escrow.held() == Amount::ZERO));
    let (bid, offer) = (escrows.get(deal.bid).unwrap(), escrows.get(deal.offer).unwrap());
    assert_eq!((bid.slashed, offer.paid), (Amount::ZERO, Amount::ZERO));
    let to_seller =
        |transfer: &Transfer| matches!(transfer, Transfer::Pay { to: Payee::Account(SELLER), .. });
    let paid_seller = path.out.as_slice().iter().any(to_seller);
    assert!(!paid_seller || (path.delivered && path.proven && !path.refuted));
    match deal.state {
        State::Settled => {
            ends.settled += 1;
            assert!(path.delivered && path.proven && !path.refuted);
            assert_eq!((bid.paid, offer.refunded), (deal.total, deal.bond));
        }
        State::Late(duty) => {
            ends.late += 1;
            assert_eq!(duty.debtor(), Side::Offer);
            assert!(match duty {
                Duty::Deliver => !path.delivered,
                Duty::Prove => !path.proven,
            });
            assert!(path.at == duty.due(MADE, params) && !path.refuted);
            let lost = (deal.bond.0 * u128::from(params.late.0)).div_ceil(10_000);
            assert_eq!((bid.paid, offer.slashed), (Amount::ZERO, Amount(lost)));
        }
        State::Refuted => {
            ends.refuted += 1;
            assert!(path.refuted);
            assert_eq!((bid.paid, offer.slashed), (Amount::ZERO, deal.bond));
            let informed = path.out.as_slice().iter().filter_map(|transfer| match transfer {
                Transfer::Slash { to: Payee::Account(node), amount, .. } => Some((*node, amount.0)),
                _ => None,
            });
            assert!(
                informed.into_iter().all(|(node, amount)| node == INFORMER && amount <= deal.bond.0 / 20)
            );
        }
        State::Locked | State::Delivered | State::Proven => unreachable!("no end"),
    }
}

#[test]
fn every_path_conserves_and_none_pays_without_merit() {
    let mut draw = Draw(Seed::from_number(3), 0);
    let mut ends = Ends::default();
    for _ in 0..4_000 {
        let params = draw.params();
        assert_eq!(params.validate(), Ok(()));
        let (deal, out) = deal(draw.amount(), draw.amount(), draw.amount());
        let path = Path { deal, out, at: MADE.next(), delivered: false, proven: false, refuted: false };
        walk(&path, &params, &mut ends);
    }
    assert!(ends.settled > 10_000 && ends.late > 10_000 && ends.refuted > 10_000, "{ends:?}");
}

#[test]
fn the_devnet_pays_what_the_protocol_says() {
    let pay = |events: &[Event], last: Option<Height>| {
        let (mut deal, mut out) = deal(Amount::tokens(20), Amount::ZERO, Amount::tokens(2));
        let params = DealParams::default();
        for event in events {
            deal.step(*event, Height(11), &params, &mut out).unwrap();
        }
        if let Some(at) = last {
            deal.expire(at, &params, &mut out);
        }
        let mut moves = out.as_slice().iter().skip(2).map(|transfer| match *transfer {
            Transfer::Refund { to, amount, .. } => (Payee::Account(to), amount.0 / 1_000_000, "back"),
            Transfer::Pay { to, amount, .. } => (to, amount.0 / 1_000_000, "paid"),
            Transfer::Slash { to, amount, .. } => (to, amount.0 / 1_000_000, "slashed"),
            Transfer::Lock { .. } => panic!("locks twice"),
        });
        (deal.state, moves.by_ref().collect::<Vec<_>>())
    };
    let (seller, buyer) = (Payee::Account(SELLER), Payee::Account(BUYER));
    let settled = vec![
        (seller, 18_000, "paid"),
        (Payee::Judges, 1_000, "paid"),
        (Payee::Treasury, 1_000, "paid"),
        (seller, 2_000, "back"),
    ];
    assert_eq!(pay(&[Event::Delivered, Event::Proven], None), (State::Settled, settled.clone()));
    assert_eq!(pay(&[Event::Proven, Event::Delivered], None), (State::Settled, settled));
    let late = vec![(buyer, 20_000, "back"), (Payee::Treasury, 1_000, "slashed"), (seller, 1_000, "back")];
    let ended = (State::Late(Duty::Deliver), late.clone());
    assert_eq!(pay(&[], Some(Height(14))), ended);
    assert_eq!(pay(&[Event::Proven], Some(Height(14))), ended);
    assert_eq!(pay(&[Event::Delivered], Some(Height(14))), (State::Late(Duty::Prove), late));
    assert_eq!(pay(&[], Some(Height(13))), (State::Locked, vec![]));
    let informer = Payee::Account(INFORMER);
    let refuted =
        vec![(buyer, 20_000, "back"), (informer, 100, "slashed"), (Payee::Treasury, 1_900, "slashed")];
    let event = Event::Refuted { informer: Some(INFORMER) };
    assert_eq!(pay(&[Event::Delivered, event], None), (State::Refuted, refuted));
}
