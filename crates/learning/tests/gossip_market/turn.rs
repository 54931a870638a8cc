//! Algorithm 3: a validator's turn, with honest and hostile input.

use super::{PERIOD, codec, filled, id, message, model, rows};
use bitneuron_compress::{Compressor as _, Dense, Packet};
use bitneuron_core::{Dataset, Digest, Machine, Outbox, Params, Seed, Share, Time, Weight};
use bitneuron_learning::gossip::{
    GossipError, ModelCodec, ModelMessage, Offence, PacketCodec, Validator, validator,
};
use bitneuron_learning::merge::{
    Concatenate, Contribution, FilteredMean, Merge, MergeError, Merged, WeightedMean, shares,
};
use bitneuron_learning::model::Model;
use bitneuron_learning::{Sgd, Update};
use std::sync::Arc;

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
pub(super) struct Refuses(pub(super) bool);

impl<T: Clone> Merge<T> for Refuses {
    fn merge(&self, _: &Contribution<'_, T>, peers: &[Contribution<'_, T>]) -> Result<Merged<T>, MergeError> {
        let (have, need) = (peers.len(), peers.len() + 1);
        Err(if self.0 { MergeError::TooFew { have, need } } else { MergeError::Rule("moody".into()) })
    }
}

/// Wakes a validator and says how the turn went.
pub(super) fn played<U, C, T, D>(machine: &mut Validator<U, C, T, D>) -> Vec<String>
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

/// A merge of data that lets anything pass.
pub(super) struct Anything;

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
