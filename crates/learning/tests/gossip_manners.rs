//! The variations of Algorithm 1: pull, sets, orders, token accounts, models in parts.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use bitneuron_compress::{Compressor, Dense, Limits};
use bitneuron_core::{Dataset, Layout, Machine, NodeId, Outbox, Params, Seed, Share, Time};
use bitneuron_learning::gossip::parts::{PartCodec, PartMerge, PartUpdate, Parted, Parts};
use bitneuron_learning::gossip::{
    Exchange, Flow, Gather, GossipError, Manner, ModelCodec, ModelMessage, Offence, Order, PacketCodec, Peer,
    peer,
};
use bitneuron_learning::merge::{AgeWeighted, Merge, MergeError, WeightedMean};
use bitneuron_learning::model::{Model, SoftmaxRegression};
use bitneuron_learning::{Contribution, Merged, Sgd, Update, UpdateError};
use peer::{Effect, Input};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Node = Peer<Sgd, PacketCodec>;
/// Names, ages and first values of a set.
type Set = Vec<(NodeId, u64, f32)>;

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

fn model() -> Arc<dyn Model> {
    Arc::new(SoftmaxRegression::new(3, 3).expect("small"))
}

fn rows() -> Dataset {
    let rows = ndarray::Array2::from_shape_fn((12, 3), |(row, column)| f32::from(row % 3 == column));
    Dataset::new(rows, (0..12).map(|row| row % 3).collect()).expect("fits")
}

fn sgd() -> Sgd {
    Sgd::new(model(), 0.5, 4)
}

fn node(manner: Manner, merge: impl Merge + 'static) -> Node {
    let model = model();
    let rules = peer::Rules { manner, ..peer::Rules::new(Arc::new(merge), Duration::from_millis(100)) };
    let limits = Limits::of(model.layout());
    let start = peer::Start {
        id: id(1),
        update: sgd(),
        codec: PacketCodec::new(Arc::new(Dense), Arc::clone(model.layout()), limits).expect("lossless"),
        model: model.init(Seed::default()),
        data: Arc::new(rows()),
        seed: Seed::from_number(1),
    };
    Peer::new(Arc::new(rules), start)
}

fn filled(value: f32) -> Params {
    let mut params = model().init(Seed::default());
    params.values_mut().fill(value);
    params
}

fn message(value: f32, age: u64) -> ModelMessage {
    ModelMessage { age, packet: Dense.compress(&filled(value), Seed::default()).expect("finite") }
}

fn step(node: &mut Node, input: Input) -> Vec<Effect> {
    let mut out = Outbox::new();
    node.step(Time(0), input, &mut out).expect("taken");
    out.drain().collect()
}

fn received(from: u8, value: f32, age: u64) -> Input {
    Input::Received { from: id(from), message: message(value, age) }
}

/// What `update` makes of these parameters in the peer's training number so much.
fn trained(params: &Params, round: u64, label: Option<&str>) -> Params {
    let mut params = params.clone();
    let seed = Seed::from_number(1).derive_number("update", round);
    let seed = label.map_or(seed, |label| seed.derive(label));
    sgd().update(&mut params, &rows(), round, seed).expect("trains");
    params
}

#[test]
fn who_pulls_asks_and_who_is_asked_answers_a_bounded_number_of_times() {
    let mut a = node(Manner { exchange: Exchange::Pull, answers: 2, ..Manner::default() }, WeightedMean);
    step(&mut a, Input::Wake);
    let effects = step(&mut a, Input::Selected(vec![id(2)]));
    assert!(matches!(effects[..], [Effect::Ask { to }] if to == id(2)), "{effects:?}");
    for (from, answered) in [(2, 1), (3, 1), (4, 0), (2, 0)] {
        assert_eq!(step(&mut a, Input::Asked { from: id(from) }).len(), answered);
    }
    step(&mut a, Input::Wake);
    assert_eq!(step(&mut a, Input::Asked { from: id(4) }).len(), 1);
    let own = a.step(Time(0), Input::Asked { from: id(1) }, &mut Outbox::new());
    assert!(matches!(own, Err(GossipError::Oneself)));

    let mut both =
        node(Manner { exchange: Exchange::PushPull, fanout: 2, ..Manner::default() }, WeightedMean);
    assert!(matches!(step(&mut both, Input::Wake)[..], [Effect::Select(2), Effect::Wait(_)]));
    let effects = step(&mut both, Input::Selected(vec![id(2), id(3)]));
    assert!(
        matches!(
            effects[..],
            [Effect::Ask { .. }, Effect::Ask { .. }, Effect::Send { .. }, Effect::Send { .. }]
        ),
        "{effects:?}"
    );
}

#[test]
fn a_period_is_one_set_of_the_latest_of_each() {
    /// Notes what it is given.
    #[derive(Clone, Default)]
    struct Notes(Arc<Mutex<Vec<Set>>>);
    impl Merge for Notes {
        fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
            let seen = peers.iter().map(|peer| (peer.from, peer.age, peer.value.values()[0])).collect();
            self.0.lock().expect("one thread").push(seen);
            WeightedMean.merge(own, peers)
        }
    }
    let notes = Notes::default();
    let manner = Manner { gather: Gather::Period { limit: 2 }, ..Manner::default() };
    let mut a = node(manner, notes.clone());
    let before = a.model().clone();
    for (from, value) in [(9, 1.0), (5, 2.0), (9, 3.0), (7, 4.0)] {
        assert!(step(&mut a, received(from, value, u64::from(from))).is_empty());
    }
    assert_eq!(a.model(), &before);
    let effects = step(&mut a, Input::Wake);
    let [Effect::Learned { heard, age: 10, .. }, Effect::Select(1), Effect::Wait(_)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(heard.iter().map(|(from, _)| *from).collect::<Vec<_>>(), [id(5), id(9)]);
    assert_eq!(*notes.0.lock().expect("one thread"), [vec![(id(5), 5, 2.0), (id(9), 9, 3.0)]]);
    let mut merged = before;
    merged.values_mut().iter_mut().for_each(|value| *value += (2.0 - *value) / 3.0 + (3.0 - *value) / 3.0);
    let expected = trained(&merged, 0, None);
    let gap =
        a.model().values().iter().zip(expected.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(gap < 1e-6, "{gap}");
    // Nothing waits any longer: the next period is its own.
    let effects = step(&mut a, Input::Wake);
    assert!(matches!(&effects[0], Effect::Learned { heard, .. } if heard.is_empty()), "{effects:?}");
}

/// Cannot train what is large.
#[derive(Clone)]
struct Fragile;
impl Update for Fragile {
    fn update(
        &mut self,
        params: &mut Params,
        _: &Dataset,
        _: u64,
        _: Seed,
    ) -> Result<bitneuron_learning::Progress, UpdateError> {
        if params.values()[0] > 1e3 {
            return Err(UpdateError::Diverged { step: 0 });
        }
        params.values_mut().iter_mut().for_each(|value| *value += 1.0);
        Ok(bitneuron_learning::Progress::default())
    }
}

#[test]
fn a_liar_is_left_out_of_the_set_and_a_set_that_cannot_be_trained_is_thrown_away() {
    /// Refuses what is negative, by name.
    struct Positive;
    impl Merge for Positive {
        fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
            match peers.iter().find(|peer| peer.value.values()[0] < 0.0) {
                Some(liar) => Err(MergeError::OutOfRange(liar.from)),
                None => WeightedMean.merge(own, peers),
            }
        }
    }
    let mut a = node(Manner::rounds(1), Positive);
    for (from, value) in [(2, 1.0), (3, -1.0), (4, 1.0)] {
        step(&mut a, received(from, value, 0));
    }
    let effects = step(&mut a, Input::Wake);
    assert!(
        matches!(&effects[0], Effect::Offence { by, why: Offence::Merge(_) } if *by == id(3)),
        "{effects:?}"
    );
    assert!(matches!(&effects[1], Effect::Learned { heard, .. } if heard.len() == 2), "{effects:?}");

    let model = model();
    let rules = peer::Rules {
        manner: Manner::rounds(1),
        ..peer::Rules::new(Arc::new(WeightedMean) as Arc<dyn Merge>, Duration::from_millis(1))
    };
    let codec = PacketCodec::new(Arc::new(Dense), Arc::clone(model.layout()), Limits::of(model.layout()));
    let start = peer::Start {
        id: id(1),
        update: Fragile,
        codec: codec.expect("lossless"),
        model: filled(0.0),
        data: Arc::new(rows()),
        seed: Seed::default(),
    };
    let mut fragile = Peer::new(Arc::new(rules), start);
    let mut out = Outbox::new();
    for from in [2, 3] {
        fragile.step(Time(0), received(from, 1e6, 0), &mut out).expect("waits");
    }
    fragile.step(Time(0), Input::Wake, &mut out).expect("wakes");
    let effects: Vec<Effect> = out.drain().collect();
    assert!(matches!(&effects[0], Effect::Discarded { from, .. } if *from == [id(2), id(3)]), "{effects:?}");
    assert!(matches!(&effects[1], Effect::Learned { heard, .. } if heard.is_empty()), "{effects:?}");
    assert!(fragile.model().values().iter().all(|value| (value - 1.0).abs() < 1e-6));
    fragile.step(Time(0), received(2, 1e6, 0), &mut out).expect("waits");
    fragile.step(Time(0), Input::Wake, &mut out).expect("wakes");
    assert!(matches!(&out.as_slice()[0], Effect::Offence { by, .. } if *by == id(2)));
}

#[test]
fn the_three_orders_by_hand() {
    let own = model().init(Seed::default());
    let theirs = filled(0.4);
    let mean = |a: &Params, b: &Params| {
        let mut mean = a.clone();
        mean.values_mut().iter_mut().zip(b.values()).for_each(|(a, b)| *a += 0.5 * (b - *a));
        mean
    };
    let expected = [
        (Order::MergeUpdate, trained(&mean(&own, &theirs), 0, None)),
        (Order::UpdateMerge, mean(&trained(&own, 0, None), &trained(&theirs, 0, Some("theirs")))),
        (Order::Update, trained(&theirs, 0, None)),
    ];
    for (order, expected) in expected {
        let mut a = node(Manner { order, ..Manner::default() }, WeightedMean);
        let effects = step(&mut a, received(2, 0.4, 5));
        let share = if order == Order::Update { Share::ONE } else { Share(1 << 15) };
        assert!(
            matches!(&effects[..], [Effect::Learned { heard, age: 6, .. }] if *heard == [(id(2), share)]),
            "{order}: {effects:?}"
        );
        let gap =
            a.model().values().iter().zip(expected.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(gap < 1e-6, "{order}: {gap}");
    }
    // In periods, one's own is trained and what came is taken as it is.
    let manner = Manner { order: Order::UpdateMerge, ..Manner::rounds(1) };
    let mut a = node(manner, WeightedMean);
    step(&mut a, received(2, 0.4, 5));
    step(&mut a, Input::Wake);
    let expected = mean(&trained(&own, 0, None), &theirs);
    let gap =
        a.model().values().iter().zip(expected.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(gap < 1e-6, "{gap}");
    // Of several walkers the one that walked furthest goes on.
    let mut a = node(Manner { order: Order::Update, ..Manner::rounds(1) }, WeightedMean);
    for (from, age) in [(2, 5), (3, 7), (4, 7), (5, 1)] {
        step(&mut a, received(from, f32::from(from) / 10.0, age));
    }
    let effects = step(&mut a, Input::Wake);
    assert!(
        matches!(&effects[0], Effect::Learned { heard, age: 8, .. } if heard[0].0 == id(3)),
        "{effects:?}"
    );
}

#[test]
fn who_has_nobody_trains_alone() {
    let mut a = node(Manner::default(), WeightedMean);
    step(&mut a, Input::Wake);
    let effects = step(&mut a, Input::Selected(Vec::new()));
    assert!(
        matches!(&effects[..], [Effect::Learned { heard, age: 1, .. }] if heard.is_empty()),
        "{effects:?}"
    );
    assert_eq!(a.model(), &trained(&model().init(Seed::default()), 0, None));
    let again = a.step(Time(0), Input::Selected(Vec::new()), &mut Outbox::new());
    assert!(matches!(again, Err(GossipError::Unasked)));
}

#[test]
fn tokens_are_saved_and_spent_on_news() {
    let flow = Flow::Generalised { reactivity: 1, capacity: 3 };
    let mut a = node(Manner { flow, ..Manner::default() }, WeightedMean);
    // Three periods of saving, then one that sends.
    for _ in 0..3 {
        assert!(matches!(step(&mut a, Input::Wake)[..], [Effect::Wait(_)]));
    }
    assert!(matches!(step(&mut a, Input::Wake)[..], [Effect::Select(1), Effect::Wait(_)]));
    step(&mut a, Input::Selected(vec![id(2)]));
    // A model as old as the own one is news: all three tokens are spent.
    let effects = step(&mut a, received(2, 0.1, 0));
    assert!(matches!(effects[..], [Effect::Learned { .. }, Effect::Select(3)]), "{effects:?}");
    assert_eq!(step(&mut a, Input::Selected(vec![id(2), id(3), id(4)])).len(), 3);
    // One that is younger is none, and there is nothing left.
    step(&mut a, Input::Wake);
    let effects = step(&mut a, received(2, 0.1, 0));
    assert!(matches!(effects[..], [Effect::Learned { .. }]), "{effects:?}");
}

type PartNode = Peer<PartUpdate<Sgd>, PartCodec<PacketCodec>, Parted>;

fn dense(layout: &Arc<Layout>) -> Result<PacketCodec, bitneuron_compress::CompressError> {
    PacketCodec::new(Arc::new(Dense), Arc::clone(layout), Limits::of(layout))
}

fn part_node(number: u8, parts: &Arc<Parts>, merge: impl Merge + 'static) -> PartNode {
    let merge = PartMerge::new(Arc::clone(parts), Arc::new(merge));
    let rules = peer::Rules::new(Arc::new(merge) as Arc<dyn Merge<Parted>>, Duration::from_millis(100));
    let start = peer::Start {
        id: id(number),
        update: PartUpdate(sgd()),
        codec: PartCodec::new(Arc::clone(parts), dense).expect("lossless"),
        model: parts.model(filled(f32::from(number) / 10.0)),
        data: Arc::new(rows()),
        seed: Seed::from_number(u64::from(number)),
    };
    Peer::new(Arc::new(rules), start)
}

fn sent(node: &mut PartNode) -> ModelMessage {
    let mut out = Outbox::new();
    node.step(Time(0), Input::Wake, &mut out).expect("wakes");
    node.step(Time(0), Input::Selected(vec![id(99)]), &mut out).expect("sends");
    match out.drain().next_back() {
        Some(Effect::Send { message, .. }) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn parts_travel_and_merge_by_their_own_ages() {
    // Twelve parameters in parts of 3, 3, 2, 2 and 2.
    let parts = Arc::new(Parts::partitioned(Arc::clone(model().layout()), 5).expect("small"));
    assert_eq!(parts.layouts().map(|layout| layout.len()).collect::<Vec<_>>(), [3, 3, 2, 2, 2]);
    let (mut a, mut b) = (part_node(1, &parts, AgeWeighted), part_node(2, &parts, AgeWeighted));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let before = b.model().clone();
        let message = sent(&mut a);
        assert!(message.packet.len() < Dense.compress(&filled(0.0), Seed::default()).expect("finite").len());
        let piece =
            parts.layouts().position(|layout| layout.digest() == message.packet.layout()).expect("a part");
        seen.insert(piece);
        assert_eq!(message.age, a.model().ages()[piece]);
        let mut out = Outbox::new();
        b.step(Time(0), Input::Received { from: id(1), message: message.clone() }, &mut out).expect("learns");
        assert!(matches!(out.as_slice(), [Effect::Learned { .. }]), "{out:?}");
        for (place, (now, then)) in b.model().ages().iter().zip(before.ages()).enumerate() {
            let merged = if place == piece { (*then).max(message.age) } else { *then };
            assert_eq!(*now, merged + 1);
        }
        // The merged part by hand, before training: of two that learned nothing the mean, else by ages.
        let (old, new) = (before.ages()[piece] as f32, message.age as f32);
        let share = if old + new > 0.0 { new / (old + new) } else { 0.5 };
        let theirs = a.model().params().values();
        let mut merged = before.params().clone();
        for place in (piece..12).step_by(5) {
            merged.values_mut()[place] += share * (theirs[place] - before.params().values()[place]);
        }
        let seed = Seed::from_number(2).derive_number("update", b.learned() - 1);
        sgd().update(&mut merged, &rows(), b.learned() - 1, seed).expect("trains");
        let gap = merged
            .values()
            .iter()
            .zip(b.model().params().values())
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(gap < 1e-5, "{gap}");
        std::mem::swap(&mut a, &mut b);
        if seen.len() == 5 {
            break;
        }
        std::mem::swap(&mut a, &mut b);
    }
    assert_eq!(seen.len(), 5, "all parts travel");
}

#[test]
fn samples_cover_the_model_and_foreign_cuts_are_offences() {
    let layout = Arc::clone(model().layout());
    let sampled = Arc::new(Parts::sampled(Arc::clone(&layout), 4).expect("small"));
    assert!(sampled.layouts().all(|layout| layout.len() == 3));
    let mut a = part_node(1, &sampled, WeightedMean);
    let mut b = part_node(2, &sampled, WeightedMean);
    for _ in 0..5 {
        let message = sent(&mut a);
        let mut out = Outbox::new();
        b.step(Time(0), Input::Received { from: id(1), message }, &mut out).expect("learns");
        assert!(matches!(out.as_slice(), [Effect::Learned { .. }]), "{out:?}");
    }
    assert_eq!(b.model().ages(), [5]);

    let before = b.model().clone();
    let other = Arc::new(Parts::partitioned(layout, 3).expect("small"));
    let foreign = sent(&mut part_node(3, &other, WeightedMean));
    let whole =
        ModelMessage { age: 1, packet: Dense.compress(&filled(1.0), Seed::default()).expect("finite") };
    for message in [foreign, whole] {
        let mut out = Outbox::new();
        b.step(Time(0), Input::Received { from: id(3), message }, &mut out).expect("an effect");
        assert!(matches!(out.as_slice(), [Effect::Offence { why: Offence::Packet(_), .. }]), "{out:?}");
        assert_eq!(b.model(), &before);
    }
}

#[test]
fn more_parts_than_parameters_are_as_many_as_parameters() {
    let parts = Parts::partitioned(Arc::clone(model().layout()), u16::MAX).expect("small");
    assert_eq!(parts.layouts().len(), 12);
    let codec = PartCodec::new(Arc::new(parts), dense).expect("lossless");
    let packet = Dense.compress(&filled(0.0), Seed::default()).expect("finite");
    assert!(codec.unpack(&packet).is_err());
}
