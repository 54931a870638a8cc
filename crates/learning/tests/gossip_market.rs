//! Algorithms 2 and 3: whom a user sells to and what, and how a validator's turn goes with honest and hostile input.

use bitneuron_compress::{CodecId, CompressError, Compressor, Dense, Limits, Packet};
use bitneuron_core::exact::{ExactData, ExactParams, programs};
use bitneuron_core::{
    Amount, Dataset, Digest, Layout, Machine, NodeId, Outbox, Params, Reputation, Seed, Share, Time, Weight,
};
use bitneuron_learning::exact::ExactSgd;
use bitneuron_learning::gossip::{
    GossipError, ModelCodec, ModelMessage, Offence, PacketCodec, Peer, User, Validator,
};
use bitneuron_learning::gossip::{peer, user, validator};
use bitneuron_learning::merge::{
    Concatenate, Contribution, FilteredMean, Merge, MergeError, Merged, WeightedMean, shares,
};
use bitneuron_learning::model::{Model, SoftmaxRegression};
use bitneuron_learning::{Progress, Sgd, Update, UpdateError};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use user::{Bid, Consent, Sale, select_validators};

const PERIOD: Duration = Duration::from_secs(2);

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

fn model() -> Arc<dyn Model> {
    Arc::new(SoftmaxRegression::new(3, 3).expect("small"))
}

fn codec(model: &Arc<dyn Model>) -> PacketCodec {
    PacketCodec::new(Arc::new(Dense), Arc::clone(model.layout()), Limits::of(model.layout()))
        .expect("lossless")
}

/// One feature marks the class; the others are a half, so that huge parameters overflow in the sum.
fn rows(count: usize) -> Dataset {
    let features =
        ndarray::Array2::from_shape_fn((count, 3), |(row, column)| if row % 3 == column { 1.0 } else { 0.5 });
    Dataset::new(features, (0..count as u32).map(|row| row % 3).collect()).expect("fits")
}

fn message(params: &Params) -> ModelMessage {
    ModelMessage { age: 1, packet: Dense.compress(params, Seed::default()).expect("finite") }
}

fn filled(model: &Arc<dyn Model>, value: f32) -> Params {
    let mut params = model.init(Seed::default());
    params.values_mut().fill(value);
    params
}

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

fn validator(model: &Arc<dyn Model>, merge: Arc<dyn Merge>) -> Validator<Sgd, PacketCodec> {
    let merge_data =
        Concatenate { per_contributor: 4, rows: 100, classes: 3, range: (0.0, 1.0), key: Seed::default() };
    Validator::new(validator::Start {
        id: id(100),
        merge_data: Arc::new(merge_data),
        merge_models: merge,
        update: Sgd::new(Arc::clone(model), 0.5, 4),
        codec: codec(model),
        model: model.init(Seed::default()),
        data: rows(6),
        weight: Weight(1),
        seed: Seed::from_number(2),
        period: PERIOD,
        age_lead: 10,
        waiting: 3,
    })
}

fn delivered(from: u8, params: &Params) -> validator::Input {
    validator::Input::Model { from: id(from), weight: Weight(1), message: message(params) }
}

#[test]
fn a_turn_merges_data_then_models_then_trains() {
    let model = model();
    let mut validator = validator(&model, Arc::new(WeightedMean));
    let mut out = Outbox::new();
    let data = validator::Input::Data { from: id(5), weight: Weight(1), data: rows(50) };
    for input in [
        delivered(6, &filled(&model, 0.9)),
        data,
        delivered(7, &filled(&model, 0.6)),
        delivered(6, &filled(&model, 0.3)),
    ] {
        validator.step(Time(0), input, &mut out).expect("waits");
    }
    assert!(out.is_empty() && validator.data().len() == 6);
    validator.step(Time(1), validator::Input::Wake, &mut out).expect("plays");
    assert_eq!(validator.data().len(), 10); // line 6: 4 of 50 rows
    let mut expected = filled(&model, 0.3); // line 7: the mean of 0, the latest word of 6 and 0.6
    let seed = Seed::from_number(2).derive_number("update", 0);
    Sgd::new(Arc::clone(&model), 0.5, 4).update(&mut expected, validator.data(), 0, seed).expect("trains"); // line 8
    for (found, expected) in validator.model().values().iter().zip(expected.values()) {
        assert!((found - expected).abs() < 1e-6);
    }
    let effects: Vec<_> = out.drain().collect();
    let [validator::Effect::Learned(turn), validator::Effect::Wait(PERIOD)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(turn.models.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [id(6), id(7)]);
    assert_eq!(turn.data[0].0, id(5));
    assert!(turn.data[0].1.0.abs_diff((0.4 * 65_536.0) as u32) <= 1);
    assert_eq!(turn.age, 2);
    // Nothing of the last turn goes in again.
    validator.step(Time(2), validator::Input::Wake, &mut out).expect("plays");
    let effects: Vec<_> = out.drain().collect();
    let [validator::Effect::Learned(turn), _] = &effects[..] else { panic!("{effects:?}") };
    assert!(
        (&turn.models[..], &turn.data[..], turn.own) == (&[], &[], Share::ONE)
            && validator.data().len() == 10
    );
}

#[test]
fn hostile_contributions_do_not_stop_a_turn() {
    let model = model();
    let mut validator = validator(&model, Arc::new(WeightedMean));
    let mut out = Outbox::new();
    let poison = Dataset::new(ndarray::Array2::from_elem((5, 3), f32::NAN), vec![0; 5]).expect("fits");
    let label = Dataset::new(ndarray::Array2::zeros((1, 3)), vec![9]).expect("fits");
    for (from, data) in [(5, poison), (6, rows(2)), (7, label)] {
        validator
            .step(Time(0), validator::Input::Data { from: id(from), weight: Weight(1), data }, &mut out)
            .expect("waits");
    }
    let packet = Packet::new(Dense.codec(), Digest::ZERO, vec![]).expect("small");
    let garbage =
        validator::Input::Model { from: id(8), weight: Weight(1), message: ModelMessage { age: 0, packet } };
    validator.step(Time(0), garbage, &mut out).expect("an effect");
    assert!(matches!(out.drain().next(), Some(validator::Effect::Offence { why: Offence::Packet(_), .. })));
    let huge = filled(&model, 3e38);
    validator.step(Time(0), delivered(9, &huge), &mut out).expect("waits");

    validator.step(Time(1), validator::Input::Wake, &mut out).expect("plays on");
    let effects: Vec<_> = out.drain().collect();
    let named: Vec<u8> = effects
        .iter()
        .filter_map(|effect| match effect {
            validator::Effect::Offence { by, why: Offence::Merge(_) } => Some(by.0[0]),
            _ => None,
        })
        .collect();
    assert_eq!(named, [5, 7]);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, validator::Effect::Discarded { from, .. } if from == &[id(9)]))
    );
    assert_eq!(validator.data().len(), 8);
    assert!(validator.model().is_finite());
    // The same model through the default rule is tamed instead.
    let mut tame = self::validator(&model, Arc::new(FilteredMean::default()));
    tame.step(Time(0), delivered(9, &huge), &mut out).expect("waits");
    tame.step(Time(1), validator::Input::Wake, &mut out).expect("plays");
    assert!(!out.drain().any(|effect| matches!(effect, validator::Effect::Discarded { .. })));
}

/// A rule that refuses every set, in one of two ways that blame nobody.
struct Refuses(bool);

impl<T: Clone> Merge<T> for Refuses {
    fn merge(&self, _: &Contribution<'_, T>, peers: &[Contribution<'_, T>]) -> Result<Merged<T>, MergeError> {
        let (have, need) = (peers.len(), peers.len() + 1);
        Err(if self.0 { MergeError::TooFew { have, need } } else { MergeError::Rule("moody".into()) })
    }
}

/// Wakes a validator and says how the turn went.
fn played<U, C, T, D>(machine: &mut Validator<U, C, T, D>) -> Vec<String>
where
    U: Update<T, D>,
    C: ModelCodec<T>,
    T: Clone,
{
    let mut out = Outbox::new();
    machine.step(Time(1), validator::Input::Wake, &mut out).expect("a turn never fails");
    let name = |effect| match effect {
        validator::Effect::Wait(_) => "wait".to_owned(),
        validator::Effect::Learned(turn) => format!("learned {} {}", turn.models.len(), turn.data.len()),
        validator::Effect::Offence { by, .. } => format!("offence {}", by.0[0]),
        validator::Effect::Discarded { from, why } => {
            let names: Vec<u8> = from.iter().map(|id| id.0[0]).collect();
            let kind = if matches!(why, GossipError::Merge(_)) { "merge" } else { "update" };
            format!("discarded {names:?} {kind}")
        }
        validator::Effect::Missed(_) => "missed".to_owned(),
    };
    out.drain().map(name).collect()
}

#[test]
fn a_rule_that_refuses_the_set_does_not_stop_a_validator() {
    let model = model();
    for too_few in [true, false] {
        let mut validator = validator(&model, Arc::new(Refuses(too_few)));
        let mut out = Outbox::new();
        for round in 0..2 {
            validator.step(Time(0), delivered(6, &filled(&model, 0.9)), &mut out).expect("waits");
            let data = validator::Input::Data { from: id(5), weight: Weight(1), data: rows(2) };
            validator.step(Time(0), data, &mut out).expect("waits");
            assert_eq!(
                played(&mut validator),
                ["discarded [6] merge", "learned 0 1", "wait"],
                "round {round}"
            );
        }
        assert_eq!(validator.age(), 2);
    }
}

#[test]
fn a_rule_that_refuses_the_set_does_not_stop_an_exact_validator() {
    let mlp = programs::Mlp::new(&[3, 3]).expect("small");
    let training =
        programs::step::Training { steps: 2, batch: 4, rate_shift: 1, ..programs::step::Training::default() };
    for too_few in [true, false] {
        let mut validator = Validator::new(validator::Start {
            id: id(100),
            merge_data: Arc::new(Refuses(too_few)),
            merge_models: Arc::new(Refuses(too_few)),
            update: ExactSgd { net: mlp.clone().into(), training },
            codec: Integers(Arc::clone(mlp.init(Seed::default()).layout())),
            model: mlp.init(Seed::default()),
            data: ExactData::from_dataset(&rows(6)).expect("fits"),
            weight: Weight(1),
            seed: Seed::from_number(2),
            period: PERIOD,
            age_lead: 10,
            waiting: 3,
        });
        let mut out = Outbox::new();
        let head = mlp.init(Seed::from_number(1));
        let mut expected = mlp.init(Seed::default());
        for round in 0..2 {
            let input = validator::Input::Model {
                from: id(7),
                weight: Weight(1),
                message: message(&head.to_params()),
            };
            validator.step(Time(0), input, &mut out).expect("waits");
            let data = ExactData::from_dataset(&rows(3)).expect("fits");
            let input = validator::Input::Data { from: id(8), weight: Weight(1), data };
            validator.step(Time(0), input, &mut out).expect("waits");
            let told = ["discarded [8] merge", "discarded [7] merge", "learned 0 0", "wait"];
            assert_eq!(played(&mut validator), told, "round {round}");
            let seed = Seed::from_number(2).derive_number("update", round);
            let data = ExactData::from_dataset(&rows(6)).expect("fits");
            ExactSgd { net: mlp.clone().into(), training }
                .update(&mut expected, &data, round, seed)
                .expect("trains");
            assert_eq!(validator.model(), &expected);
        }
    }
}

/// Integers as dense `f32`, which holds them exactly.
struct Integers(Arc<Layout>);

impl ModelCodec<ExactParams> for Integers {
    fn pack(&mut self, model: &ExactParams, seed: Seed) -> Result<Packet, CompressError> {
        Dense.compress(&model.to_params(), seed)
    }

    fn unpack(&self, packet: &Packet) -> Result<ExactParams, CompressError> {
        let params = Dense.decompress(packet, &self.0, Limits::of(&self.0))?;
        ExactParams::from_params(&params).map_err(|error| CompressError::Rule(Box::new(error)))
    }
}

/// A merge of data that lets anything pass.
struct Anything;

impl Merge<Dataset> for Anything {
    fn merge(
        &self,
        own: &Contribution<'_, Dataset>,
        peers: &[Contribution<'_, Dataset>],
    ) -> Result<Merged<Dataset>, MergeError> {
        let (share, influence) = shares(Weight(1), &vec![Weight(1); peers.len()]);
        let value = peers.last().map_or(own.value, |peer| peer.value).clone();
        Ok(Merged { value, age: own.age, own: share, influence })
    }
}

#[test]
fn what_cannot_be_trained_is_left_out_and_a_turn_that_cannot_be_played_is_missed() {
    let model = model();
    let start = |data: Dataset| validator::Start {
        id: id(100),
        merge_data: Arc::new(Anything) as Arc<dyn Merge<Dataset>>,
        merge_models: Arc::new(WeightedMean) as Arc<dyn Merge>,
        update: Sgd::new(Arc::clone(&model), 0.5, 4),
        codec: codec(&model),
        model: model.init(Seed::default()),
        data,
        weight: Weight(1),
        seed: Seed::from_number(2),
        period: PERIOD,
        age_lead: 10,
        waiting: 3,
    };
    let label = || Dataset::new(ndarray::Array2::zeros((1, 3)), vec![9]).expect("fits");
    let feed = |validator: &mut Validator<Sgd, PacketCodec>, model: Option<f32>, data: Option<Dataset>| {
        let mut out = Outbox::new();
        if let Some(value) = model {
            let input = delivered(6, &filled(&self::model(), value));
            validator.step(Time(0), input, &mut out).expect("waits");
        }
        if let Some(data) = data {
            let input = validator::Input::Data { from: id(5), weight: Weight(1), data };
            validator.step(Time(0), input, &mut out).expect("waits");
        }
        played(validator)
    };
    let mut sound = Validator::new(start(rows(6)));
    assert_eq!(feed(&mut sound, Some(0.5), Some(rows(9))), ["learned 1 1", "wait"]);
    assert_eq!(feed(&mut sound, Some(3e38), Some(rows(12))), ["discarded [6] update", "learned 0 1", "wait"]);
    assert_eq!(feed(&mut sound, Some(0.5), Some(label())), ["discarded [5] update", "learned 1 0", "wait"]);
    assert_eq!(
        feed(&mut sound, Some(3e38), Some(label())),
        ["discarded [6, 5] update", "learned 0 0", "wait"]
    );
    assert_eq!(sound.data().len(), 12);
    let mut empty = Validator::new(start(rows(0)));
    assert_eq!(feed(&mut empty, Some(0.5), None), ["missed", "wait"]);
    assert_eq!((empty.age(), empty.model()), (0, &model.init(Seed::default())));
    assert_eq!(feed(&mut empty, Some(0.5), Some(rows(6))), ["learned 1 1", "wait"]);
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

/// Remembers the rounds that it is told.
#[derive(Clone, Default)]
struct Rounds(Arc<Mutex<Vec<u64>>>);

impl Update for Rounds {
    fn update(&mut self, _: &mut Params, _: &Dataset, round: u64, _: Seed) -> Result<Progress, UpdateError> {
        self.0.lock().expect("one thread").push(round);
        Ok(Progress::default())
    }
}

/// What a schedule reads counts up in every machine.
#[test]
fn machines_tell_the_round() {
    let (model, [a, b, c]) = (model(), [(); 3].map(|()| Rounds::default()));
    let (params, data) = (model.init(Seed::default()), Arc::new(rows(3)));
    let mut user = User::new(user::Start {
        id: id(1),
        update: a.clone(),
        codec: codec(&model),
        model: params.clone(),
        data: Arc::clone(&data),
        seed: Seed::default(),
        period: PERIOD,
        age_lead: 10,
    });
    let mut validator = Validator::new(validator::Start {
        id: id(2),
        merge_data: Arc::new(Anything),
        merge_models: Arc::new(WeightedMean),
        update: b.clone(),
        codec: codec(&model),
        model: params.clone(),
        data: rows(3),
        weight: Weight(1),
        seed: Seed::default(),
        period: PERIOD,
        age_lead: 10,
        waiting: 3,
    });
    let rules = peer::Rules { age_lead: 10, ..peer::Rules::new(Arc::new(WeightedMean), PERIOD) };
    let (update, codec) = (c.clone(), codec(&model));
    let start = peer::Start { id: id(3), update, codec, model: params.clone(), data, seed: Seed::default() };
    let mut peer = Peer::new(Arc::new(rules), start);
    for _ in 0..3 {
        user.step(Time(0), user::Input::Wake, &mut Outbox::new()).expect("a round");
        validator.step(Time(0), validator::Input::Wake, &mut Outbox::new()).expect("a turn");
        let received = peer::Input::Received { from: id(9), message: message(&params) };
        peer.step(Time(0), received, &mut Outbox::new()).expect("a model");
    }
    for told in [a, b, c] {
        assert_eq!(*told.0.lock().expect("one thread"), [0, 1, 2]);
    }
}

#[test]
fn the_waiting_room_is_bounded() {
    let model = model();
    let mut validator = validator(&model, Arc::new(WeightedMean));
    let mut out = Outbox::new();
    for from in 1..=3 {
        validator.step(Time(0), delivered(from, &filled(&model, 0.1)), &mut out).expect("room for three");
    }
    let fourth = validator.step(Time(0), delivered(4, &filled(&model, 0.1)), &mut out);
    assert!(matches!(fourth, Err(GossipError::Full { limit: 3 })));
    validator.step(Time(0), delivered(2, &filled(&model, 0.2)), &mut out).expect("a place once taken stays");
    assert!(matches!(
        validator.step(Time(0), delivered(100, &filled(&model, 0.1)), &mut out),
        Err(GossipError::Oneself)
    ));
}

/// A model of integers: one number for each label, which counts its rows.
type Counts = Vec<i64>;

struct Total;

impl Merge<Counts> for Total {
    fn merge(
        &self,
        own: &Contribution<'_, Counts>,
        peers: &[Contribution<'_, Counts>],
    ) -> Result<Merged<Counts>, MergeError> {
        let mut value = own.value.clone();
        for peer in peers {
            if peer.value.len() != value.len() {
                return Err(MergeError::Layout(peer.from));
            }
            value.iter_mut().zip(peer.value).for_each(|(sum, count)| *sum = sum.saturating_add(*count));
        }
        let (share, influence) = shares(Weight(1), &vec![Weight(1); peers.len()]);
        Ok(Merged { value, age: own.age, own: share, influence })
    }
}

struct Count;

impl Update<Counts, Vec<u32>> for Count {
    fn update(
        &mut self,
        params: &mut Counts,
        data: &Vec<u32>,
        _: u64,
        _: Seed,
    ) -> Result<Progress, UpdateError> {
        data.iter().filter_map(|label| usize::try_from(*label).ok()).for_each(|label| params[label] += 1);
        Ok(Progress { samples: data.len() as u64, ..Progress::default() })
    }
}

struct Together;

impl Merge<Vec<u32>> for Together {
    fn merge(
        &self,
        own: &Contribution<'_, Vec<u32>>,
        peers: &[Contribution<'_, Vec<u32>>],
    ) -> Result<Merged<Vec<u32>>, MergeError> {
        let all = std::iter::once(own).chain(peers).flat_map(|one| one.value.iter().copied()).collect();
        let (share, influence) = shares(Weight(1), &vec![Weight(1); peers.len()]);
        Ok(Merged { value: all, age: own.age, own: share, influence })
    }
}

struct CountCodec;

impl ModelCodec<Counts> for CountCodec {
    fn pack(&mut self, model: &Counts, _: Seed) -> Result<Packet, CompressError> {
        let bytes = model.iter().flat_map(|count| count.to_le_bytes()).collect();
        Packet::new(CodecId(0x8001), Digest::ZERO, vec![bytes])
    }

    fn unpack(&self, packet: &Packet) -> Result<Counts, CompressError> {
        match packet.parts() {
            [part] if packet.codec() == CodecId(0x8001) => {
                Ok(part.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
            }
            _ => Err(CompressError::Malformed("not counts")),
        }
    }
}

#[test]
fn the_validator_runs_on_integers_as_well() {
    let mut validator = Validator::new(validator::Start {
        id: id(1),
        merge_data: Arc::new(Together),
        merge_models: Arc::new(Total),
        update: Count,
        codec: CountCodec,
        model: vec![0, 0],
        data: vec![0],
        weight: Weight(1),
        seed: Seed::default(),
        period: PERIOD,
        age_lead: 1,
        waiting: 8,
    });
    let mut out = Outbox::new();
    let packet = |counts: Counts| ModelMessage {
        age: 0,
        packet: CountCodec.pack(&counts, Seed::default()).expect("small"),
    };
    for (from, counts) in [(2, vec![10, 20]), (3, vec![1]), (4, vec![100, 200])] {
        let input = validator::Input::Model { from: id(from), weight: Weight(1), message: packet(counts) };
        validator.step(Time(0), input, &mut out).expect("waits");
    }
    validator
        .step(Time(0), validator::Input::Data { from: id(5), weight: Weight(1), data: vec![1, 1] }, &mut out)
        .expect("waits");
    validator.step(Time(1), validator::Input::Wake, &mut out).expect("plays");
    assert_eq!((validator.model(), validator.data()), (&vec![111, 222], &vec![0, 1, 1]));
    assert!(
        matches!(out.as_slice()[0], validator::Effect::Offence { by, why: Offence::Merge(_) } if by == id(3))
    );
}
