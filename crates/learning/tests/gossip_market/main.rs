//! Algorithms 2 and 3: whom a user sells to and what, and how a validator's turn goes with honest and hostile input.

mod integers;
mod turn;
mod user;

use bitneuron_compress::{Compressor, Dense, Limits};
use bitneuron_core::{Dataset, Machine, NodeId, Outbox, Params, Seed, Time, Weight};
use bitneuron_learning::gossip::{ModelMessage, PacketCodec, Peer, User, Validator};
use bitneuron_learning::gossip::{peer, user as seller, validator};
use bitneuron_learning::merge::WeightedMean;
use bitneuron_learning::model::{Model, SoftmaxRegression};
use bitneuron_learning::{Progress, Update, UpdateError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use turn::Anything;

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
    let mut user = User::new(seller::Start {
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
        user.step(Time(0), seller::Input::Wake, &mut Outbox::new()).expect("a round");
        validator.step(Time(0), validator::Input::Wake, &mut Outbox::new()).expect("a turn");
        let received = peer::Input::Received { from: id(9), message: message(&params) };
        peer.step(Time(0), received, &mut Outbox::new()).expect("a model");
    }
    for told in [a, b, c] {
        assert_eq!(*told.0.lock().expect("one thread"), [0, 1, 2]);
    }
}
