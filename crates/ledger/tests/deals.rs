//! Deals from offer to pay, and the ways in which they fail.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::claim::{Claim, Score};
use bitneuron_core::{Amount, Bytes, Height, encode};
use bitneuron_ledger::{Action, Delivery, Event, Refused, Refutation, packet_digest};
use bitneuron_market::{Duty, State};
use world::*;

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .map(|event| match event {
            Event::OrderPlaced { .. } => "placed",
            Event::DealMade(_) => "made",
            Event::Delivered { posted: false, .. } => "delivered",
            Event::Delivered { posted: true, .. } => "posted",
            Event::Proven(_) => "proven",
            Event::DealSettled(_) => "settled",
            Event::DealLate { .. } => "late",
            Event::DealRefuted { .. } => "deal refuted",
            Event::Refuted { .. } => "refuted",
            Event::Frozen { .. } => "frozen",
            Event::Slashed { .. } => "slashed",
            _ => "other",
        })
        .collect()
}

#[test]
fn a_deal_is_offered_matched_delivered_proven_and_paid() {
    let mut world = World::new();
    let (seller, before) = (world.user(0), world.state.balance(world.user(0)));
    let deal = world.deal(0, 1, "model", 12);
    assert_eq!(world.escrow(&deal), [Amount::tokens(10), Amount::tokens(10)], "the surplus went back");
    assert_eq!(world.state.open_deal(deal.id), Some(&deal));

    let receipt = world.by_validator(1, Action::Receipt { deal: deal.id });
    assert_eq!(kinds(&world.block(&[receipt])), ["delivered"]);
    let treasury = world.state.pools().treasury;
    let voters: Vec<Amount> = (0..5).map(|v| world.state.balance(world.validator(v))).collect();
    let claim = world.score_claim(0, &deal, 12, TRUE);
    let claim = world.by_user(0, Action::Claim(claim));
    let events = world.block(&[claim]);
    assert_eq!(kinds(&events), ["proven", "settled"]);

    // 90 % to the seller, 5 % to the judges by weight, 5 % to the treasury; fees are far below 0.02 tokens.
    let near = |amount: Amount, tokens_milli: u128| {
        let target = tokens_milli * 1_000_000;
        amount.0 <= target && amount.0 + 20_000_000 > target
    };
    assert!(near(world.state.balance(seller).checked_sub(before).expect("gained"), 9_000));
    let gained = world.state.pools().treasury.saturating_sub(treasury);
    assert!(gained >= Amount(500_000_000) && gained <= Amount(520_000_000), "{gained}");
    for (v, before) in voters.into_iter().enumerate() {
        let judged = world.state.balance(world.validator(v)).saturating_sub(before);
        let stake = u128::from([2_000u64, 3_000, 4_000, 5_000, 0][v]);
        let part = 500_000_000 * stake / 14_000;
        assert!(judged.0 == part || judged.0 == part + 1, "{v}: {judged} of {part}");
    }
    assert_eq!(world.escrow(&deal), [Amount::ZERO; 2]);
    assert_eq!(world.state.open_deal(deal.id), None);
    assert!(world.state.deals().any(|sale| sale.good.is_some_and(|good| !good.used)));
}

#[test]
fn a_silent_buyer_does_not_decide_alone() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    let post =
        |packet: &str| Action::Post { deal: deal.id, packet: packet.as_bytes().to_vec().into(), base: None };
    let wrong = world.by_user(0, post("another"));
    assert!(matches!(world.refused(&wrong), Refused::Mismatch(_)));
    let foreign = world.by_user(1, post("model"));
    assert!(matches!(world.refused(&foreign), Refused::NotParty(id) if id == world.user(1)));
    let claim = world.score_claim(0, &deal, 12, TRUE);
    let txs = [world.by_user(0, Action::Claim(claim)), world.by_user(0, post("model"))];
    assert_eq!(kinds(&world.block(&txs)), ["proven", "posted", "settled"]);
}

#[test]
fn a_packet_that_holds_another_model_is_not_paid_by_posting_it() {
    for packet in [HOLLOW, DOUBLE, SEALED] {
        let mut world = World::new();
        let deal = world.deal(0, 1, packet, 12);
        let claim = world.score_claim(0, &deal, 12, TRUE);
        let post = Action::Post { deal: deal.id, packet: packet.as_bytes().to_vec().into(), base: None };
        let post = world.by_user(0, post);
        assert!(matches!(world.refused(&post), Refused::Mismatch(_) | Refused::Claim(_)));
        let proven = world.by_user(0, Action::Claim(claim));
        assert_eq!(kinds(&world.block(&[proven])), ["proven"]);
        assert!(world.state.open_deal(deal.id).is_some());
    }
}

#[test]
fn a_packet_that_does_not_hold_the_offered_model_is_refuted_by_itself() {
    let refute = |world: &mut World, deal, packet: &str| {
        let packet = packet.as_bytes().to_vec().into();
        world.by_validator(1, Action::Refute(Refutation::Packet { deal, packet, base: None }))
    };
    for packet in [HOLLOW, DOUBLE] {
        let mut world = World::new();
        let deal = world.deal(0, 1, packet, 12).id;
        let other = refute(&mut world, deal, "another");
        assert!(matches!(world.refused(&other), Refused::Mismatch(_)), "bytes that were not sold");
        let shown = refute(&mut world, deal, packet);
        assert_eq!(kinds(&world.block(&[shown])), ["refuted", "deal refuted"]);
        let again = refute(&mut world, deal, packet);
        assert!(matches!(world.refused(&again), Refused::NoDeal(_)));
    }
    for (packet, innocent) in [("model", true), (SEALED, false)] {
        let mut world = World::new();
        let deal = world.deal(0, 1, packet, 12).id;
        let shown = refute(&mut world, deal, packet);
        let refused = world.refused(&shown);
        if innocent {
            assert!(matches!(refused, Refused::Innocent));
        } else {
            assert!(matches!(refused, Refused::Claim(_)), "nobody can judge it");
        }
        assert!(world.state.open_deal(deal).is_some());
    }
}

#[test]
fn a_difference_is_judged_beside_the_model_that_it_starts_from() {
    let shown = |n: u64| Some(base(n).to_bytes());
    let beside_other_bases = [None, shown(1), Some(vec![1, 2, 3].into())];
    for (packet, honest) in [(BASED, true), (ADRIFT, false)] {
        let mut world = World::new();
        let deal = world.deal(0, 1, packet, 12).id;
        let packet: Bytes = packet.as_bytes().to_vec().into();
        let post = |base| Action::Post { deal, packet: packet.clone(), base };
        let refute = |base| Action::Refute(Refutation::Packet { deal, packet: packet.clone(), base });
        for base in beside_other_bases.clone() {
            for tx in [world.by_user(0, post(base.clone())), world.by_validator(1, refute(base))] {
                assert!(matches!(world.refused(&tx), Refused::Claim(_) | Refused::Mismatch(_)), "no verdict");
            }
            assert!(world.state.open_deal(deal).is_some(), "and nobody is guilty of it");
        }
        let [post, refute] = [world.by_user(0, post(shown(0))), world.by_validator(1, refute(shown(0)))];
        let (valid, vain) = if honest { (post, refute) } else { (refute, post) };
        assert!(matches!(world.refused(&vain), Refused::Claim(_) | Refused::Innocent));
        let events = kinds(&world.block(&[valid]));
        assert_eq!(events, if honest { &["posted"][..] } else { &["refuted", "deal refuted"] });
    }
}

#[test]
fn a_late_seller_gives_back_the_price_and_half_the_bond() {
    let mut world = World::new();
    let (seller, buyer) = (world.user(0), world.validator(1));
    let deal = world.deal(0, 1, "model", 12);
    let (sold, bought) = (world.state.balance(seller), world.state.balance(buyer));
    let receipt = world.by_validator(1, Action::Receipt { deal: deal.id });
    world.block(&[receipt]);
    world.block(&[]);
    world.block(&[]);
    let events = world.block(&[]);
    let late = Event::DealLate {
        deal: bitneuron_market::Deal { state: State::Late(Duty::Prove), ..deal.clone() },
        duty: Duty::Prove,
    };
    assert_eq!(events, [late]);
    assert_eq!(world.state.balance(seller), sold.checked_add(Amount::tokens(5)).expect("small"));
    let back = world.state.balance(buyer).checked_sub(bought).expect("refunded");
    assert!(back > Amount(9_900_000_000) && back <= Amount::tokens(10), "{back}");
    assert_eq!(world.escrow(&deal), [Amount::ZERO; 2]);
    let claim = world.score_claim(0, &deal, 12, TRUE);
    let late = world.by_user(0, Action::Claim(claim));
    assert!(matches!(world.refused(&late), Refused::NoDeal(id) if id == deal.id));
}

#[test]
fn a_score_lie_costs_the_whole_bond() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 16);
    let lie = world.score_claim(0, &deal, 16, FALSE);
    let claimed = world.by_user(0, Action::Claim(lie.clone()));
    assert!(matches!(world.refused(&claimed), Refused::Claim(_)));

    let (buyer, informer) = (world.state.balance(world.validator(1)), world.state.balance(world.user(3)));
    let refute = world.by_user(3, Action::Refute(Refutation::Claim(lie)));
    let events = world.block(&[refute]);
    assert_eq!(kinds(&events), ["refuted", "deal refuted"]);
    assert_eq!(
        world.state.balance(world.validator(1)),
        buyer.checked_add(Amount::tokens(10)).expect("small")
    );
    let reward = world.state.balance(world.user(3)).saturating_sub(informer);
    assert!(reward > Amount(480_000_000) && reward <= Amount(500_000_000), "{reward}");
    assert_eq!(world.escrow(&deal), [Amount::ZERO; 2]);

    // Another lie about the same deal is the same lie.
    let again = world.score_claim(0, &deal, 15, FALSE);
    let again = world.by_user(2, Action::Refute(Refutation::Claim(again)));
    assert!(matches!(world.refused(&again), Refused::Punished(_)));
}

#[test]
fn a_lie_that_was_punished_before_the_match_still_ends_the_deal() {
    let mut world = World::new();
    world.until_phase(0);
    let txs = [world.offer(0, "model", 16, 10), world.bid(1, 12, 1)];
    // Whoever knows both orders knows the deal's name, and can lie about it too early.
    let name = {
        let built = world.build(&txs);
        let made = built.events.iter().find_map(|event| match event {
            Event::DealMade(deal) => Some(deal.clone()),
            _ => None,
        });
        made.expect("made")
    };
    let lie = world.score_claim(0, &name, 16, FALSE);
    let first = world.by_user(0, Action::Refute(Refutation::Claim(lie.clone())));
    assert_eq!(
        kinds(&world.block(&[first, txs[0].clone(), txs[1].clone()])),
        ["refuted", "placed", "placed", "made"]
    );
    assert_eq!(world.state.open_deal(name.id), Some(&name));
    let again = world.by_user(3, Action::Refute(Refutation::Claim(lie)));
    assert_eq!(kinds(&world.block(&[again])), ["deal refuted"]);
    assert_eq!(world.escrow(&name), [Amount::ZERO; 2]);
}

#[test]
fn only_what_is_false_and_signed_is_refuted() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    let refute = |world: &mut World, claim| world.by_user(3, Action::Refute(Refutation::Claim(claim)));
    let truth = world.score_claim(0, &deal, 12, TRUE);
    let tx = refute(&mut world, truth);
    assert!(matches!(world.refused(&tx), Refused::Innocent));
    assert_eq!(world.state.open_deal(deal.id), Some(&deal));
    let unjudged = world.score_claim(0, &deal, 12, UNKNOWN);
    let tx = refute(&mut world, unjudged);
    assert!(matches!(world.refused(&tx), Refused::Claim(bitneuron_core::claim::Refused::Unknown(_))));
    // User 1 forges a false claim in the name of user 0.
    let mut context = *world.score_claim(0, &deal, 12, FALSE).context();
    context.by = world.user(0);
    let forged = Claim::new(&world.users[1], Score::DOMAIN, context, Vec::new(), FALSE.to_vec());
    let tx = refute(&mut world, forged);
    assert!(matches!(world.refused(&tx), Refused::Signature(id) if id == world.user(0)));
    context.height = Height(world.state.height().0 + 2);
    let future = Claim::new(&world.users[0], Score::DOMAIN, context, Vec::new(), FALSE.to_vec());
    let tx = refute(&mut world, future);
    assert!(matches!(world.refused(&tx), Refused::Age(_)));
}

#[test]
fn a_wrong_delivery_is_refuted_by_its_signature() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    let chain = world.state.chain();
    let sign = |packet: &str, n: usize, world: &World| {
        Delivery { deal: deal.id, packet: packet_digest(packet.as_bytes()) }.sign(&world.users[n], chain)
    };
    let right = sign("model", 0, &world);
    let tx = world.by_validator(1, Action::Refute(Refutation::Delivery(right)));
    assert!(matches!(world.refused(&tx), Refused::Innocent));
    let framed = sign("junk", 1, &world);
    let tx = world.by_validator(1, Action::Refute(Refutation::Delivery(framed)));
    assert!(matches!(world.refused(&tx), Refused::Signature(id) if id == world.user(0)));

    let wrong = sign("junk", 0, &world);
    let buyer = world.state.balance(world.validator(1));
    let tx = world.by_validator(1, Action::Refute(Refutation::Delivery(wrong.clone())));
    assert_eq!(kinds(&world.block(&[tx])), ["refuted", "deal refuted"]);
    // The price, and the informer's 5 % of the bond, less the fee.
    let gained = world.state.balance(world.validator(1)).saturating_sub(buyer);
    assert!(gained > Amount(10_480_000_000) && gained <= Amount(10_500_000_000), "{gained}");
    let tx = world.by_validator(1, Action::Refute(Refutation::Delivery(wrong)));
    assert!(matches!(world.refused(&tx), Refused::NoDeal(_)));
}

#[test]
fn a_claim_is_about_this_deal_and_the_offered_score() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    let other = world.score_claim(0, &deal, 13, TRUE);
    let tx = world.by_user(0, Action::Claim(other.clone()));
    assert!(matches!(world.refused(&tx), Refused::Mismatch(_)));
    // Another model, and another goal with the same score.
    let context = *other.context();
    let (_, sold, right) = deal.promise().expect("an offer's");
    let goals = [goal("test"), goal("another")];
    for (goal, model) in [(&goals[0], model("better")), (&goals[1], sold)] {
        let stated = Score { goal: goal.clone(), model, right };
        let claim = Claim::new(&world.users[0], Score::DOMAIN, context, encode(&stated), TRUE.to_vec());
        let tx = world.by_user(0, Action::Claim(claim));
        assert!(matches!(world.refused(&tx), Refused::Mismatch(_)));
    }
    let foreign = world.score_claim(1, &deal, 12, TRUE);
    let tx = world.by_user(1, Action::Claim(foreign));
    assert!(matches!(world.refused(&tx), Refused::NotParty(_)));
    let earlier = bitneuron_market::Deal { made: Height(deal.made.0 - 1), ..deal.clone() };
    let stale = world.score_claim(0, &earlier, 12, TRUE);
    let tx = world.by_user(0, Action::Claim(stale));
    assert!(matches!(world.refused(&tx), Refused::Mismatch(_)));
    let tx = world.by_user(0, Action::Receipt { deal: deal.id });
    assert!(matches!(world.refused(&tx), Refused::NotParty(_)));
    let offer = world.offer(0, "boast", 17, 10);
    assert!(matches!(world.refused(&offer), Refused::Mismatch(_)));
    // Anybody may carry the seller's claim; once.
    let claim = world.score_claim(0, &deal, 12, TRUE);
    let tx = world.by_user(2, Action::Claim(claim.clone()));
    world.block(&[tx]);
    let tx = world.by_user(0, Action::Claim(claim));
    assert!(matches!(world.refused(&tx), Refused::Market(_)));
}

#[test]
fn orders_are_their_owners() {
    let mut world = World::new();
    world.until_phase(0);
    let offer = world.offer(0, "model", 12, 10);
    let Action::Place(order) = offer.tx.action.clone() else { panic!("an order") };
    let stolen = world.by_user(1, Action::Place(order.clone()));
    assert!(matches!(world.refused(&stolen), Refused::NotParty(_)));
    let balance = world.state.balance(world.user(0));
    world.block(&[offer]);
    let again = world.by_user(0, Action::Place(order.clone()));
    assert!(matches!(world.refused(&again), Refused::Market(_)));
    let cancel = world.by_user(1, Action::Cancel(order.id()));
    assert!(matches!(world.refused(&cancel), Refused::Market(_)));
    let cancel = world.by_user(0, Action::Cancel(order.id()));
    world.block(&[cancel]);
    let lost = balance.saturating_sub(world.state.balance(world.user(0)));
    assert!(lost < Amount(20_000_000), "only fees are lost: {lost}");
    assert_eq!(world.state.escrow(order.id()), Amount::ZERO);
}
