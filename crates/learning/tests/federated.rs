//! Federated averaging beside a plain reference: the same split, the same batches, the same models.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use bitneuron_compress::{Compressor, Dense, ErrorFeedback, Limits, Ternary, sparse::Density};
use bitneuron_core::{Dataset, Machine, NodeId, Outbox, Params, Seed, Time};
use bitneuron_learning::data::{self, SplitRule};
use bitneuron_learning::federated::{
    Changes, Client, ClientStart, Effect, Input, Message, Models, Server, ServerStart, Uplink,
};
use bitneuron_learning::gossip::{GossipError, Offence, PacketCodec};
use bitneuron_learning::merge::WeightedMean;
use bitneuron_learning::model::{Model, SoftmaxRegression};
use bitneuron_learning::optim::Measure;
use bitneuron_learning::{Sgd, Update as _, eval, partition};
use std::sync::Arc;
use std::time::Duration;

const CLIENTS: usize = 10;
const SERVER: NodeId = NodeId([200; 32]);

fn id(number: usize) -> NodeId {
    NodeId([number as u8; 32])
}

fn model() -> Arc<dyn Model> {
    Arc::new(SoftmaxRegression::new(64, 10).expect("small"))
}

fn codec() -> PacketCodec {
    let model = model();
    PacketCodec::new(Arc::new(Dense), Arc::clone(model.layout()), Limits::of(model.layout()))
        .expect("lossless")
}

fn sgd() -> Sgd {
    Sgd::new(model(), 0.1, 32).with_epochs(2).with_measure(Measure::Running)
}

type Answers = Box<dyn Uplink>;

struct Federation {
    server: Server<PacketCodec, Answers>,
    clients: Vec<Client<Sgd, PacketCodec, Answers>>,
    bytes: u64,
}

impl Federation {
    fn new(parts: &[Dataset], uplink: impl Fn() -> Answers) -> Self {
        let server = Server::new(ServerStart {
            id: SERVER,
            merge: Arc::new(WeightedMean),
            downlink: codec(),
            uplink: uplink(),
            period: Duration::from_secs(1),
            most_rows: 10_000,
            model: model().init(Seed::default()),
            seed: Seed::default(),
        });
        let client = |(number, rows): (usize, &Dataset)| {
            Client::new(ClientStart {
                id: id(number),
                server: SERVER,
                update: sgd(),
                downlink: codec(),
                uplink: uplink(),
                data: Arc::new(rows.clone()),
                seed: Seed::from_number(number as u64),
            })
        };
        Self { server, clients: parts.iter().enumerate().map(client).collect(), bytes: 0 }
    }

    /// One round with these clients.
    fn round(&mut self, chosen: &[usize]) -> Vec<Effect> {
        let mut out = Outbox::new();
        self.server.step(Time(0), Input::Wake, &mut out).expect("wakes");
        let mut told: Vec<Effect> = out.drain().collect();
        let names = chosen.iter().map(|client| id(*client)).collect();
        self.server.step(Time(0), Input::Selected(names), &mut out).expect("chosen");
        for effect in out.drain().collect::<Vec<_>>() {
            let Effect::Send { to, message } = effect else { panic!("{effect:?}") };
            let client = &mut self.clients[usize::from(to.0[0])];
            let mut back = Outbox::new();
            client.step(Time(0), Input::Received { from: SERVER, message }, &mut back).expect("trains");
            let Some(Effect::Send { message, .. }) = back.drain().next_back() else { panic!("no answer") };
            self.bytes += message.packet.len() as u64;
            let input = Input::Received { from: to, message };
            self.server.step(Time(0), input, &mut Outbox::new()).expect("takes it");
        }
        told.retain(|effect| !matches!(effect, Effect::Select | Effect::Wait(_)));
        told
    }

    /// The model after the answers that wait are averaged.
    fn settled(&mut self) -> Params {
        self.round(&[]);
        self.server.model().clone()
    }
}

struct Scene {
    parts: Vec<Dataset>,
    report: Dataset,
}

fn scene() -> Scene {
    let digits = data::digits(include_bytes!("../../../data/digits.csv.gz")).expect("the digits");
    let rule = SplitRule { report: 360, metric: 0, public: 0 };
    let split = rule.split(&digits, Seed::from_number(7)).expect("enough");
    // Uneven on purpose: weights matter.
    let rows =
        partition::dirichlet(split.private.labels(), CLIENTS, 1.0, 20, Seed::from_number(7)).expect("enough");
    Scene { parts: rows.nodes.iter().map(|rows| split.private.select(rows)).collect(), report: split.report }
}

fn accuracy(params: &Params, report: &Dataset) -> f64 {
    eval::accuracy(model().as_ref(), params.values(), report).expect("fits")
}

/// The algorithm of the paper in a dozen lines.
fn reference(parts: &[Dataset], rounds: u64) -> Params {
    let mut global = model().init(Seed::default());
    for round in 0..rounds {
        let mut sums = vec![0f64; global.values().len()];
        let mut rows = 0.0;
        for (number, part) in parts.iter().enumerate() {
            let mut local = global.clone();
            let seed = Seed::from_number(number as u64).derive_number("update", round);
            sgd().update(&mut local, part, round, seed).expect("trains");
            let n = part.len() as f64;
            sums.iter_mut().zip(local.values()).for_each(|(sum, value)| *sum += n * f64::from(*value));
            rows += n;
        }
        global.values_mut().iter_mut().zip(&sums).for_each(|(value, sum)| *value = (sum / rows) as f32);
    }
    global
}

#[test]
fn it_is_the_algorithm_of_the_paper() {
    let Scene { parts, report } = scene();
    let mut federation = Federation::new(&parts, || Box::new(Models(codec())));
    let all: Vec<usize> = (0..CLIENTS).collect();
    for round in 0..10 {
        let told = federation.round(&all);
        assert!(matches!(&told[..], [Effect::Averaged(10)]) != (round == 0), "{told:?}");
    }
    let (ours, theirs) = (federation.settled(), reference(&parts, 10));
    let gap = ours.values().iter().zip(theirs.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(gap < 1e-4, "{gap}");
    let (ours, theirs) = (accuracy(&ours, &report), accuracy(&theirs, &report));
    assert!((ours - theirs).abs() <= 0.005 && ours > 0.85, "{ours} and {theirs}");
}

#[test]
fn coarse_changes_with_feedback_learn_what_whole_models_learn() {
    let Scene { parts, report } = scene();
    let all: Vec<usize> = (0..CLIENTS).collect();
    let mut whole = Federation::new(&parts, || Box::new(Models(codec())));
    let ternary = || Ternary::new(Density::new(1, 20).expect("a twentieth"));
    let layout = Arc::clone(model().layout());
    let mut coarse = Federation::new(&parts, || {
        let encoder = ErrorFeedback::new(ternary(), Arc::clone(&layout));
        Box::new(Changes { encoder, compressor: Arc::new(ternary()) as Arc<dyn Compressor> })
    });
    for _ in 0..60 {
        whole.round(&all);
        coarse.round(&all);
    }
    let (a, b) = (accuracy(&whole.settled(), &report), accuracy(&coarse.settled(), &report));
    println!("{a} by {} bytes, {b} by {} bytes", whole.bytes, coarse.bytes);
    assert!(b > a - 0.02, "{b} under {a}");
    assert!(coarse.bytes * 15 < whole.bytes, "{} of {}", coarse.bytes, whole.bytes);
}

#[test]
fn late_strange_and_broken_answers_do_not_count() {
    let Scene { parts, .. } = scene();
    let mut federation = Federation::new(&parts, || Box::new(Models(codec())));
    federation.round(&[0, 1]);
    let mut out = Outbox::new();
    let packet = Dense.compress(&model().init(Seed::default()), Seed::default()).expect("finite");
    let server = &mut federation.server;
    let mut send = |from: NodeId, round: u64, packet| {
        let message = Message { round, rows: u64::MAX, packet };
        server.step(Time(0), Input::Received { from, message }, &mut out).expect("an effect");
        out.drain().collect::<Vec<_>>()
    };
    assert!(send(id(0), 0, packet.clone()).is_empty(), "an older round");
    let stranger = send(id(7), 1, packet.clone());
    assert!(matches!(&stranger[..], [Effect::Offence { why: Offence::Stranger, .. }]), "{stranger:?}");
    let other = bitneuron_core::Layout::of(&[("w", &[3])]).expect("small");
    let broken = Dense.compress(&Params::zeros(Arc::new(other)), Seed::default()).expect("finite");
    let broken = send(id(0), 1, broken);
    assert!(matches!(&broken[..], [Effect::Offence { why: Offence::Packet(_), .. }]), "{broken:?}");
    // However many rows are claimed, so many are believed: the boast is 10,000 of 10,000 and some.
    send(id(0), 1, packet);
    let told = federation.round(&[]);
    assert!(matches!(&told[..], [Effect::Averaged(2)]), "{told:?}");
    let mut out = Outbox::new();
    let own = federation.server.step(Time(0), Input::Selected(vec![SERVER]), &mut out);
    assert!(matches!(own, Err(GossipError::Unasked)));
    let client = &mut federation.clients[0];
    let message = Message {
        round: 1,
        rows: 0,
        packet: Dense.compress(&model().init(Seed::default()), Seed::default()).expect("finite"),
    };
    client.step(Time(0), Input::Received { from: id(9), message }, &mut out).expect("an effect");
    assert!(matches!(out.as_slice(), [Effect::Offence { why: Offence::Stranger, .. }]));
    assert!(client.step(Time(0), Input::Wake, &mut Outbox::new()).is_err());
}
