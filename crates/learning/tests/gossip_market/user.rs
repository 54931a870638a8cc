//! Algorithm 2: what users train on, what they sell, and to whom.

use super::{PERIOD, codec, filled, id, message, model, rows};
use bitneuron_compress::{Compressor as _, Dense, Packet};
use bitneuron_core::{Amount, Dataset, Machine, NodeId, Outbox, Reputation, Seed, Time};
use bitneuron_learning::gossip::user::{self, Bid, Consent, Sale, select_validators};
use bitneuron_learning::gossip::{GossipError, ModelCodec, ModelMessage, Offence, PacketCodec, User};
use bitneuron_learning::model::Model;
use bitneuron_learning::{Sgd, Update, UpdateError};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::Arc;

fn user(model: &Arc<dyn Model>) -> User<Sgd, PacketCodec> {
    User::new(user::Start {
        id: id(1),
        update: Sgd::new(Arc::clone(model), 0.5, 4),
        codec: codec(model),
        model: model.init(Seed::default()),
        data: Arc::new(rows(9)),
        seed: Seed::from_number(1),
        period: PERIOD,
        age_lead: 10,
    })
}

fn bid(by: u8, price: u128, reputation: u16, model: bool, data: bool) -> Bid {
    Bid { by: id(by), price: Amount(price), reputation: Reputation(reputation), model, data }
}

fn consent(model: bool, data: bool) -> Consent {
    Consent { model, data, least_price: Amount(10), least_reputation: Reputation(5), buyers: 3 }
}

/// All three ways to take part: the model, the data, both; and neither.
#[test]
fn a_user_sells_what_it_consents_to() {
    let bids = [
        bid(2, 50, 9, true, true),
        bid(3, 40, 9, true, false),
        bid(4, 30, 9, false, true),
        bid(1, 99, 9, true, true),
    ];
    for (agreed, expected) in [
        (consent(true, true), vec!["seal 2", "send 2", "send 3"]),
        (consent(true, false), vec!["send 3"]),
        (consent(false, true), vec!["seal 4"]),
        (consent(false, false), vec![]),
        (Consent::default(), vec![]),
    ] {
        let model = model();
        let mut user = user(&model);
        let mut out = Outbox::new();
        user.step(Time(0), user::Input::Wake, &mut out).expect("lines 3 to 5");
        let effects: Vec<_> = out.drain().collect();
        assert!(matches!(
            effects[..],
            [user::Effect::Learned { age: 1, .. }, user::Effect::AskMarket, user::Effect::Wait(PERIOD)]
        ));
        let market = user::Input::Market { bids: bids.to_vec(), consent: agreed };
        user.step(Time(1), market.clone(), &mut out).expect("lines 5 to 7");
        let trained = user.model().clone();
        let told: Vec<String> = out
            .drain()
            .map(|effect| match effect {
                user::Effect::Seal { to, data } => {
                    assert_eq!(*data, rows(9));
                    format!("seal {}", to.0[0])
                }
                user::Effect::Send { to, message } => {
                    assert_eq!(codec(&model).unpack(&message.packet).expect("own packet"), trained);
                    format!("send {}", to.0[0])
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, expected);
        assert!(
            matches!(user.step(Time(2), market, &mut out), Err(GossipError::Unasked)),
            "sold once a round"
        );
    }
}

/// The same cases in every run.
fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(fixed(256))]
    /// Against a plain search for the best remaining bid.
    #[test]
    fn the_choice_of_validators_has_an_oracle(
        bids in prop::collection::vec((2u8..8, 5u128..15, 3u16..8, any::<bool>(), any::<bool>()), 0..14),
        model: bool, data: bool, buyers in 0usize..5,
    ) {
        let bids: Vec<Bid> = bids.into_iter().map(|(by, price, reputation, model, data)| bid(by, price, reputation, model, data)).collect();
        let consent = Consent { buyers, ..consent(model, data) };
        let mut expected: Vec<(Amount, Reputation, NodeId)> = Vec::new();
        while expected.len() < buyers {
            let mut best: Option<(Amount, Reputation, NodeId)> = None;
            for bid in &bids {
                let allowed = (bid.model || bid.data) && (model || !bid.model) && (data || !bid.data)
                    && bid.price.0 >= 10 && bid.reputation.0 >= 5 && expected.iter().all(|sale| sale.2 != bid.by);
                let better = best.is_none_or(|best| {
                    (bid.price, bid.reputation) > (best.0, best.1) || ((bid.price, bid.reputation) == (best.0, best.1) && bid.by < best.2)
                });
                if allowed && better {
                    best = Some((bid.price, bid.reputation, bid.by));
                }
            }
            let Some(best) = best else { break };
            expected.push(best);
        }
        let sales = select_validators(&bids, &consent);
        prop_assert_eq!(sales.len(), expected.len());
        for (Sale { to, price, model: wants_model, data: wants_data }, best) in sales.iter().zip(&expected) {
            prop_assert_eq!((price, to), (&best.0, &best.2));
            prop_assert!((model || !wants_model) && (data || !wants_data) && (*wants_model || *wants_data));
        }
    }
}

#[test]
fn a_user_goes_on_from_a_head_but_not_from_a_poisoned_one() {
    let model = model();
    let mut user = user(&model);
    let mut out = Outbox::new();
    let head = filled(&model, 0.25);
    user.step(
        Time(0),
        user::Input::Head { from: id(7), message: ModelMessage { age: 900, ..message(&head) } },
        &mut out,
    )
    .expect("pulled");
    assert!(out.is_empty());
    user.step(Time(0), user::Input::Wake, &mut out).expect("trains");
    let mut expected = head;
    Sgd::new(Arc::clone(&model), 0.5, 4)
        .update(&mut expected, &rows(9), 0, Seed::from_number(1).derive_number("update", 0))
        .expect("trains");
    assert_eq!((user.model(), user.age()), (&expected, 11)); // believed are 10 more than 0, plus one update
    out.drain();

    let huge = filled(&model, 3e38);
    user.step(Time(0), user::Input::Head { from: id(7), message: message(&huge) }, &mut out).expect("pulled");
    user.step(Time(0), user::Input::Wake, &mut out).expect("trains its own");
    let effects: Vec<_> = out.drain().collect();
    assert!(
        matches!(&effects[0], user::Effect::Offence { by, why: Offence::Update(UpdateError::Diverged { .. }) } if *by == id(7))
    );
    assert!(matches!(effects[1], user::Effect::Learned { age: 12, .. }));
    assert!(user.model().is_finite());

    let packet = Packet::new(Dense.codec(), model.layout().digest(), vec![]).expect("small");
    user.step(Time(0), user::Input::Head { from: id(8), message: ModelMessage { age: 0, packet } }, &mut out)
        .expect("an effect");
    assert!(matches!(out.as_slice(), [user::Effect::Offence { why: Offence::Packet(_), .. }]));
}

#[test]
fn a_user_that_cannot_train_waits_for_the_next_round() {
    let model = model();
    let mut user = User::new(user::Start {
        id: id(1),
        update: Sgd::new(Arc::clone(&model), 0.5, 4),
        codec: codec(&model),
        model: model.init(Seed::default()),
        data: Arc::new(rows(0)),
        seed: Seed::from_number(1),
        period: PERIOD,
        age_lead: 10,
    });
    let mut out = Outbox::new();
    for _ in 0..2 {
        let head = user::Input::Head { from: id(7), message: message(&filled(&model, 0.25)) };
        user.step(Time(0), head, &mut out).expect("pulled");
        user.step(Time(0), user::Input::Wake, &mut out).expect("a round never fails");
        let told: Vec<_> = out.drain().collect();
        let missed = user::Effect::<Dataset>::Missed(GossipError::Update(UpdateError::Empty));
        assert_eq!(format!("{told:?}"), format!("{:?}", [missed, user::Effect::Wait(PERIOD)]));
        let market = user::Input::Market { bids: vec![], consent: consent(true, true) };
        assert!(matches!(user.step(Time(0), market, &mut out), Err(GossipError::Unasked)));
    }
    assert_eq!((user.age(), user.model()), (0, &model.init(Seed::default())));
}
