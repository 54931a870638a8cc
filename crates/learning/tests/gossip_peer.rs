//! Algorithm 1: the lines in order, hostile messages, and a hundred nodes that learn the digits.

use bitneuron_compress::{CompressError, Compressor, Dense, Encoder, Limits, Packet};
use bitneuron_core::{Dataset, Layout, Machine, NodeId, Outbox, Params, Seed, Share, Time};
use bitneuron_learning::data::{self, SplitRule};
use bitneuron_learning::gossip::{GossipError, ModelCodec, ModelMessage, Offence, PacketCodec, Peer, peer};
use bitneuron_learning::merge::{AgeWeighted, FilteredMean, Merge, MergeError, WeightedMean};
use bitneuron_learning::model::{Model, SoftmaxRegression};
use bitneuron_learning::{Sgd, UpdateError, baseline, eval, partition};
use peer::{Effect, Input};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::Arc;
use std::time::Duration;

type Node = Peer<Sgd, PacketCodec>;

fn id(number: u64) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    NodeId(bytes)
}

fn model(inputs: usize, classes: usize) -> Arc<dyn Model> {
    Arc::new(SoftmaxRegression::new(inputs, classes).expect("small"))
}

fn rules(merge: impl Merge + 'static) -> Arc<peer::Rules> {
    Arc::new(peer::Rules { age_lead: 10, ..peer::Rules::new(Arc::new(merge), Duration::from_millis(100)) })
}

fn node(number: u64, rules: &Arc<peer::Rules>, model: &Arc<dyn Model>, data: Dataset, rate: f32) -> Node {
    let start = peer::Start {
        id: id(number),
        update: Sgd::new(Arc::clone(model), rate, 8),
        codec: PacketCodec::new(Arc::new(Dense), Arc::clone(model.layout()), Limits::of(model.layout()))
            .expect("lossless"),
        model: model.init(Seed::from_number(0)),
        data: Arc::new(data),
        seed: Seed::from_number(number),
    };
    Peer::new(Arc::clone(rules), start)
}

fn toy(shift: u32) -> Dataset {
    let rows = ndarray::Array2::from_shape_fn((12, 3), |(row, column)| f32::from(row % 3 == column));
    Dataset::new(rows, (0..12).map(|row| (row + shift) % 3).collect()).expect("fits")
}

fn message(params: &Params, age: u64) -> ModelMessage {
    ModelMessage { age, packet: Dense.compress(params, Seed::default()).expect("finite") }
}

fn snapshot(node: &Node) -> (Vec<u32>, u64, u64) {
    (node.model().values().iter().map(|value| value.to_bits()).collect(), node.age(), node.learned())
}

#[test]
fn the_lines_in_order() {
    let (rules, model) = (rules(WeightedMean), model(3, 3));
    let mut a = node(1, &rules, &model, toy(0), 0.5);
    let mut out = Outbox::new();
    assert!(matches!(a.step(Time(0), Input::Selected(vec![id(2)]), &mut out), Err(GossipError::Unasked)));
    a.step(Time(0), Input::Wake, &mut out).expect("line 3");
    assert!(matches!(a.step(Time(0), Input::Selected(vec![id(1)]), &mut out), Err(GossipError::Oneself)));
    a.step(Time(0), Input::Selected(vec![id(2)]), &mut out).expect("line 5");
    assert!(matches!(a.step(Time(0), Input::Selected(vec![id(2)]), &mut out), Err(GossipError::Unasked)));
    let effects: Vec<Effect> = out.drain().collect();
    let [Effect::Select(1), Effect::Wait(period), Effect::Send { to, message: sent }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!((*period, *to, sent.age), (Duration::from_millis(100), id(2), 0));

    // Lines 6 to 8 by hand: merge, then update with the peer's own seed.
    let mut theirs = model.init(Seed::default());
    theirs.values_mut().iter_mut().enumerate().for_each(|(index, value)| *value = index as f32 / 10.0);
    let mut expected = a.model().clone();
    expected
        .values_mut()
        .iter_mut()
        .zip(theirs.values())
        .for_each(|(own, other)| *own += 0.5 * (other - *own));
    let seed = Seed::from_number(1).derive_number("update", 0);
    let told = bitneuron_learning::Update::update(
        &mut Sgd::new(Arc::clone(&model), 0.5, 8),
        &mut expected,
        &toy(0),
        0,
        seed,
    )
    .expect("trains");
    a.step(Time(5), Input::Received { from: id(2), message: message(&theirs, 6) }, &mut out)
        .expect("lines 6 to 8");
    assert_eq!(a.model(), &expected);
    let effects: Vec<Effect> = out.drain().collect();
    let [Effect::Learned { heard, progress, age }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((heard, *progress, *age), (&vec![(id(2), Share(1 << 15))], told, 7));
    assert_eq!((a.age(), a.learned()), (7, 1));
}

#[test]
fn hostile_models_are_offences_and_leave_no_trace() {
    let (rules, model) = (rules(WeightedMean), model(3, 3));
    let mut a = node(1, &rules, &model, toy(0), 0.5);
    let fine = model.init(Seed::default());
    let mut out = Outbox::new();
    a.step(Time(0), Input::Received { from: id(2), message: message(&fine, 1) }, &mut out).expect("fine");
    out.drain();
    let before = snapshot(&a);

    let other = Params::zeros(Arc::new(Layout::of(&[("w1", &[4, 3])]).expect("small")));
    let nan: Vec<u8> = f32::NAN.to_le_bytes().repeat(9);
    let codec = Dense.codec();
    let digest = model.layout().digest();
    let packet = |parts| Packet::new(codec, digest, parts).expect("small");
    let hostile = [
        message(&other, 1),
        ModelMessage { age: 1, packet: packet(vec![nan, vec![0; 12]]) },
        ModelMessage { age: 1, packet: packet(vec![]) },
        ModelMessage { age: 1, packet: packet(vec![vec![0; 36], vec![0; 11]]) },
        ModelMessage { age: 1, packet: packet(vec![vec![0; 36], vec![0; 12], vec![1]]) },
        ModelMessage { age: 1, packet: packet(vec![vec![0; 1 << 20], vec![0; 12]]) },
    ];
    for message in hostile {
        a.step(Time(1), Input::Received { from: id(9), message }, &mut out).expect("an effect, not an error");
        let effects: Vec<Effect> = out.drain().collect();
        assert!(
            matches!(&effects[..], [Effect::Offence { by, why: Offence::Packet(_) }] if *by == id(9)),
            "{effects:?}"
        );
        assert_eq!(snapshot(&a), before);
    }
    // Finite, but so large that training cannot go on from it.
    let ones = Dataset::new(ndarray::Array2::ones((4, 3)), vec![0, 1, 2, 0]).expect("fits");
    let mut a = node(1, &rules, &model, ones, 0.5);
    let before = snapshot(&a);
    let mut huge = fine.clone();
    huge.values_mut().fill(3e38);
    a.step(Time(1), Input::Received { from: id(9), message: message(&huge, 1) }, &mut out)
        .expect("an effect");
    let effects: Vec<Effect> = out.drain().collect();
    assert!(
        matches!(&effects[..], [Effect::Offence { why: Offence::Update(UpdateError::Diverged { .. }), .. }]),
        "{effects:?}"
    );
    assert_eq!(snapshot(&a), before);
    // One's own name from outside is refused.
    let own = Input::Received { from: id(1), message: message(&fine, 1) };
    assert!(matches!(a.step(Time(1), own, &mut out), Err(GossipError::Oneself)));
    assert_eq!((snapshot(&a), out.len()), (before, 0));
}

#[test]
fn a_refusal_by_the_rule_is_an_offence_only_if_it_names_the_sender() {
    struct Refuses(bool);
    impl Merge for Refuses {
        fn merge(
            &self,
            _: &bitneuron_learning::Contribution<'_>,
            peers: &[bitneuron_learning::Contribution<'_>],
        ) -> Result<bitneuron_learning::Merged, MergeError> {
            Err(if self.0 {
                MergeError::OutOfRange(peers[0].from)
            } else {
                MergeError::TooFew { have: 1, need: 2 }
            })
        }
    }
    let model = model(3, 3);
    for names in [true, false] {
        let mut a = node(1, &rules(Refuses(names)), &model, toy(0), 0.5);
        let (before, mut out) = (snapshot(&a), Outbox::new());
        let input = Input::Received { from: id(2), message: message(&model.init(Seed::default()), 1) };
        let result = a.step(Time(0), input, &mut out);
        assert_eq!((result.is_ok(), out.len()), (names, usize::from(names)));
        assert_eq!(snapshot(&a), before);
    }
}

#[test]
fn a_boasted_age_buys_a_bounded_share() {
    let model = model(3, 3);
    let mut a = node(1, &rules(AgeWeighted), &model, toy(0), 0.1);
    let mut out = Outbox::new();
    for _ in 0..5 {
        let input = Input::Received { from: id(2), message: message(&model.init(Seed::default()), 0) };
        a.step(Time(0), input, &mut out).expect("fine");
    }
    assert_eq!(a.age(), 5);
    out.drain();
    let input = Input::Received { from: id(3), message: message(&model.init(Seed::default()), u64::MAX) };
    a.step(Time(0), input, &mut out).expect("fine");
    let effects: Vec<Effect> = out.drain().collect();
    // Believed are 5 + 10 updates: 15 of 20.
    assert!(
        matches!(&effects[..], [Effect::Learned { heard, age: 16, .. }] if heard[0].1 == Share(49_152)),
        "{effects:?}"
    );
}

#[test]
fn an_encoder_with_a_memory_stands_in_front() {
    /// Doubles what it sends, and counts.
    struct Doubles(u32);
    impl Encoder for Doubles {
        fn encode(&mut self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
            self.0 += 1;
            let mut twice = params.clone();
            twice.values_mut().iter_mut().for_each(|value| *value = 2.0 * *value + self.0 as f32);
            Dense.compress(&twice, seed)
        }

        fn is_faithful(&self) -> bool {
            self.0 < 100
        }
    }
    let model = model(3, 3);
    let with = |sent| {
        let (dense, encoder) = (Arc::new(Dense), Box::new(Doubles(sent)));
        PacketCodec::with_encoder(dense, encoder, Arc::clone(model.layout()), Limits::default())
    };
    assert!(matches!(with(100), Err(CompressError::Unfaithful { .. })), "not faithful by its own word");
    let mut codec = with(0).expect("faithful");
    let mut params = model.init(Seed::default());
    params.values_mut().fill(3.0);
    for sent in [7.0f32, 8.0] {
        let packet = codec.pack(&params, Seed::default()).expect("finite");
        assert!(
            codec
                .unpack(&packet)
                .expect("own packet")
                .values()
                .iter()
                .all(|value| value.to_bits() == sent.to_bits())
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
    #![proptest_config(fixed(64))]
    /// Any bytes in any number of parts: an offence or a model, never a panic, and never a number that is not finite.
    #[test]
    fn noise_is_an_offence(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..4), age: u64, right: bool) {
        let model = model(3, 3);
        let mut a = node(1, &rules(FilteredMean::default()), &model, toy(0), 0.5);
        let parts = if right { vec![parts.concat().into_iter().chain([7; 36]).take(36).collect(), vec![200; 12]] } else { parts };
        let packet = Packet::new(Dense.codec(), model.layout().digest(), parts).expect("small");
        let (before, mut out) = (snapshot(&a), Outbox::new());
        a.step(Time(0), Input::Received { from: id(2), message: ModelMessage { age, packet } }, &mut out).expect("an effect");
        prop_assert_eq!(out.len(), 1);
        prop_assert!(a.model().is_finite());
        if matches!(out.as_slice(), [Effect::Offence { .. }]) {
            prop_assert_eq!(snapshot(&a), before);
        }
    }
}

fn digits() -> Dataset {
    data::digits(include_bytes!("../../../data/digits.csv.gz")).expect("the digits")
}

/// Each node wakes once a round; messages arrive before the next node wakes. Returns the parameters of all nodes.
fn gossip(merge: impl Merge + 'static, parts: &[Dataset], rounds: u64, seed: Seed) -> Vec<Params> {
    let (rules, model) = (rules(merge), model(64, 10));
    let mut nodes: Vec<Node> =
        (0..).zip(parts).map(|(number, part)| node(number, &rules, &model, part.clone(), 0.5)).collect();
    let mut rng = seed.rng();
    let mut out = Outbox::new();
    for _ in 0..rounds {
        for sender in 0..nodes.len() {
            let to = (sender + rng.random_range(1..nodes.len())) % nodes.len();
            nodes[sender].step(Time(0), Input::Wake, &mut out).expect("wakes");
            nodes[sender].step(Time(0), Input::Selected(vec![id(to as u64)]), &mut out).expect("sends");
            let Some(Effect::Send { message, .. }) = out.drain().next_back() else {
                unreachable!("line 5 sends")
            };
            let from = nodes[sender].id();
            nodes[to].step(Time(0), Input::Received { from, message }, &mut out).expect("learns");
            assert!(out.drain().all(|effect| matches!(effect, Effect::Learned { .. })));
        }
    }
    nodes.iter().map(|node| node.model().clone()).collect()
}

#[test]
fn a_hundred_nodes_learn_the_digits_together() {
    let data = digits();
    let split = SplitRule { metric: 0, public: 0, ..SplitRule::default() }
        .split(&data, Seed::from_number(7))
        .expect("enough");
    let rows =
        partition::dirichlet(split.private.labels(), 100, 0.5, 2, Seed::from_number(7)).expect("enough");
    let parts: Vec<Dataset> = rows.nodes.iter().map(|rows| split.private.select(rows)).collect();
    let model = model(64, 10);
    let start = model.init(Seed::from_number(0));
    let accuracy =
        |params: &Params| eval::accuracy(model.as_ref(), params.values(), &split.report).expect("fits");

    let sgd = Sgd::new(Arc::clone(&model), 0.5, 8);
    let (ceiling, _) =
        baseline::centralised(&mut sgd.clone(), &start, &split.private, 10, Seed::from_number(1))
            .expect("trains");
    let alone = baseline::local_only(&sgd, &start, &parts, 50, Seed::from_number(1)).expect("trains");
    let together = gossip(AgeWeighted, &parts, 100, Seed::from_number(1));
    let ceiling = accuracy(&ceiling);
    let alone = eval::Spread::of(alone.iter().map(accuracy)).expect("nodes");
    let shared = eval::Spread::of(together.iter().map(accuracy)).expect("nodes");
    assert!(ceiling > 0.93, "centralised {ceiling}");
    assert!(shared.mean > alone.mean + 0.2, "together {shared:?}, alone {alone:?}");
    assert!(shared.mean > ceiling - 0.15, "together {shared:?}, centralised {ceiling}");
    assert_eq!(together, gossip(AgeWeighted, &parts, 100, Seed::from_number(1)), "same seed, same bytes");
}

#[test]
fn nodes_alone_are_the_same_at_any_thread_count() {
    let model = model(3, 3);
    let parts: Vec<Dataset> = (0..9).map(toy).collect();
    let sgd = Sgd::new(Arc::clone(&model), 0.5, 4);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let start = model.init(Seed::default());
        pool.install(|| baseline::local_only(&sgd, &start, &parts, 5, Seed::default()).expect("trains"))
    };
    assert_eq!(run(1), run(4));
}
