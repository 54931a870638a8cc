//! CHOCO: copies never drift apart whatever gets lost, the mean is kept, and coarse codecs reach agreement.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use bitneuron_compress::{
    Absmax4, Compressor, Dense, Ecsq, Packet, Random, Rotated, Sign, Ternary, Top, Uniform,
    properties::typical_contraction, sparse::Density,
};
use bitneuron_core::{Dataset, Layout, Machine, NodeId, Outbox, Params, Seed, Time, Weight};
use bitneuron_learning::gossip::choco::{Choco, Effect, Input, KEPT, Message, Rules, Start, gamma};
use bitneuron_learning::gossip::{GossipError, Offence};
use bitneuron_learning::merge::WeightedMean;
use bitneuron_learning::{Progress, Update, UpdateError};
use rand::{Rng, RngExt as _};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

const NODES: usize = 8;
const WIDTH: usize = 40;

fn id(number: usize) -> NodeId {
    NodeId([number as u8; 32])
}

fn layout() -> Arc<Layout> {
    Arc::new(Layout::of(&[("w", &[WIDTH as u32])]).expect("small"))
}

/// Goes to a place of its own at once, and stays.
#[derive(Clone)]
struct Jump(Vec<f32>);

impl Update for Jump {
    fn update(
        &mut self,
        params: &mut Params,
        _: &Dataset,
        round: u64,
        _: Seed,
    ) -> Result<Progress, UpdateError> {
        if round == 0 {
            params.values_mut().copy_from_slice(&self.0);
        }
        Ok(Progress::default())
    }
}

fn place(number: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(number as u64).rng();
    (0..WIDTH).map(|_| rng.random::<f32>() - 0.5).collect()
}

/// A ring: everybody knows one to either side, and all voices are a third.
fn ring(compressor: impl Compressor + 'static, gamma: f32) -> Vec<Choco<Jump>> {
    let rules = Arc::new(Rules {
        merge: Arc::new(WeightedMean),
        compressor: Arc::new(compressor),
        gamma,
        period: Duration::from_millis(100),
    });
    let rows = Dataset::new(ndarray::Array2::zeros((1, 1)), vec![0]).expect("fits");
    let node = |number: usize| {
        let neighbours = [(number + 1) % NODES, (number + NODES - 1) % NODES];
        let start = Start {
            id: id(number),
            update: Jump(place(number)),
            model: Params::zeros(layout()),
            data: Arc::new(rows.clone()),
            seed: Seed::from_number(number as u64),
            weight: Weight(1),
            neighbours: neighbours.map(|other| (id(other), Weight(1))).to_vec(),
        };
        Choco::new(Arc::clone(&rules), start)
    };
    (0..NODES).map(node).collect()
}

/// All wake, then all letters arrive; each is lost with this chance.
fn play(nodes: &mut [Choco<Jump>], rounds: usize, loss: f64) -> u64 {
    let mut rng = Seed::from_number(77).rng();
    let mut bytes = 0;
    for _ in 0..rounds {
        let mut waiting: VecDeque<(usize, Input)> = (0..NODES).map(|at| (at, Input::Wake)).collect();
        while let Some((to, input)) = waiting.pop_front() {
            let mut out = Outbox::new();
            nodes[to].step(Time(0), input, &mut out).expect("taken");
            for effect in out {
                let (peer, message) = match effect {
                    Effect::Send { to: peer, message } => (peer, message),
                    Effect::Learned { .. } | Effect::Wait(_) => continue,
                    other => panic!("{other:?}"),
                };
                if let Message::Difference { packet, .. } | Message::Whole { packet, .. } = &message {
                    bytes += packet.len() as u64;
                }
                if (rng.next_u64() as f64 / u64::MAX as f64) >= loss {
                    waiting.push_back((usize::from(peer.0[0]), Input::Received { from: id(to), message }));
                }
            }
        }
    }
    bytes
}

/// How far models are from their mean, and that from the mean of the places.
fn spread(nodes: &[Choco<Jump>]) -> (f64, f64) {
    let mean = |values: &dyn Fn(usize) -> Vec<f32>| -> Vec<f64> {
        let mut sums = vec![0f64; WIDTH];
        (0..NODES)
            .for_each(|at| sums.iter_mut().zip(values(at)).for_each(|(sum, value)| *sum += f64::from(value)));
        sums.into_iter().map(|sum| sum / NODES as f64).collect()
    };
    let (models, places) = (mean(&|at| nodes[at].model().values().to_vec()), mean(&place));
    let from_mean = |values: &[f32]| -> f64 {
        values.iter().zip(&models).map(|(value, mean)| (f64::from(*value) - mean).powi(2)).sum()
    };
    let apart = nodes.iter().map(|node| from_mean(node.model().values())).fold(0.0, f64::max).sqrt();
    let off = models.iter().zip(&places).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    (apart, off)
}

#[test]
fn coarse_codecs_reach_the_mean_at_a_fraction_of_the_bytes() {
    let mut whole = ring(Dense, 1.0);
    let dense = play(&mut whole, 60, 0.0);
    let (apart, off) = spread(&whole);
    assert!(apart < 1e-3 && off < 0.05, "{apart} apart, {off} off");
    let density = Density::new(1, 10).expect("a tenth");
    let top = ring(Top::new(density), 0.3);
    let ternary = ring(Ternary::new(density), 0.3);
    let sign = ring(Sign, 0.2);
    for (name, mut nodes) in [("top", top), ("ternary", ternary), ("sign", sign)] {
        let bytes = play(&mut nodes, 60, 0.0);
        let (apart, _) = spread(&nodes);
        println!("{name}: {apart:.4} apart after {bytes} bytes of {dense}");
        assert!(bytes * 2 < dense, "{name}: {bytes} of {dense}");
        play(&mut nodes, 400, 0.0);
        let (apart, off) = spread(&nodes);
        assert!(apart < 0.02 && off < 0.3, "{name}: {apart} apart, {off} off");
    }
}

/// The γ that follows from what a codec does to normal values of this layout.
fn follows(codec: &dyn Compressor) -> f32 {
    gamma(typical_contraction(codec, &layout(), Seed::from_number(5)).expect("normal values"))
}

#[test]
fn the_step_that_follows_from_the_codec_never_diverges() {
    let density = |of| Density::new(1, of).expect("a share");
    let error = |error| Ecsq::relative_error(error).expect("a share");
    let codecs: [Arc<dyn Compressor>; 13] = [
        Arc::new(Dense),
        Arc::new(Absmax4::default()),
        Arc::new(Uniform::new(2).expect("two bits")),
        Arc::new(Rotated::new(4).expect("four bits")),
        Arc::new(error(0.3)),
        Arc::new(error(0.5)),
        Arc::new(Sign),
        Arc::new(Random::new(density(4)).unscaled()),
        Arc::new(Random::new(density(20)).unscaled()),
        Arc::new(Top::new(density(20))),
        Arc::new(Top::new(density(4))),
        Arc::new(Ternary::new(density(20))),
        Arc::new(Ternary::new(density(4))),
    ];
    for codec in codecs {
        let gamma = follows(&codec);
        let rounds = (16.0 / gamma) as usize;
        let mut nodes = ring(Arc::clone(&codec), gamma);
        play(&mut nodes, 1, 0.0);
        let (apart, _) = spread(&nodes);
        play(&mut nodes, rounds, 0.0);
        let (late, off) = spread(&nodes);
        println!("{} γ {gamma:.4}: {apart:.3} → {late:.4} apart after {rounds}, {off:.4} off", codec.codec());
        assert!(late < apart / 10.0 && off < 0.3, "{}: {apart} → {late} apart, {off} off", codec.codec());
    }
}

#[test]
fn coarse_codecs_step_less() {
    assert!(gamma(0.0) == 0.0 && (gamma(1.0) - 1.0).abs() < 1e-6 && (gamma(0.75) - 1.0 / 3.0).abs() < 1e-6);
    assert!((gamma(0.02) - 0.00505).abs() < 1e-5 && gamma(-3.0) == 0.0 && gamma(f64::NAN).is_nan());
    // A hundredth of normal values has a twelfth of their energy, and signs are right in 2/π of it.
    let wide = Arc::new(Layout::of(&[("w", &[100, 100])]).expect("small"));
    let typical = |codec: &dyn Compressor| typical_contraction(codec, &wide, Seed::from_number(1));
    let (top, signs) = (typical(&Top::new(Density::PERCENT)), typical(&Sign));
    assert!(
        (top.expect("finite") - 0.0845).abs() < 0.01
            && (signs.expect("finite") - std::f64::consts::FRAC_2_PI).abs() < 0.01
    );
}

#[test]
fn a_longer_step_diverges() {
    for codec in [
        Arc::new(Random::new(Density::new(1, 20).expect("a share")).unscaled()) as Arc<dyn Compressor>,
        Arc::new(Ecsq::relative_error(0.7).expect("a share")),
    ] {
        let mut nodes = ring(Arc::clone(&codec), 10.0 * follows(&codec));
        play(&mut nodes, 1, 0.0);
        let (apart, _) = spread(&nodes);
        let diverged = (0..40).any(|_| {
            play(&mut nodes, 5, 0.0);
            spread(&nodes).0 > 2.0 * apart
        });
        assert!(diverged, "{} bears ten times the step", codec.codec());
    }
    // What is scaled up to be right on average is farther than nothing, and has no step.
    assert!(follows(&Random::new(Density::PERCENT)) == 0.0);
}

#[test]
fn copies_are_what_was_published_whatever_got_lost() {
    let mut nodes = ring(Top::new(Density::new(1, 10).expect("a tenth")), 0.3);
    play(&mut nodes, 200, 0.3);
    // One calm round for everybody to hear and to catch up.
    play(&mut nodes, 3, 0.0);
    for at in 0..NODES {
        let (public, number) = nodes[at].public();
        for other in [(at + 1) % NODES, (at + NODES - 1) % NODES] {
            assert_eq!(nodes[other].copy(id(at)), Some((public, number)), "{other}'s copy of {at}");
        }
    }
    let (apart, off) = spread(&nodes);
    assert!(apart < 0.05 && off < 0.5, "{apart} apart, {off} off");
}

#[test]
fn who_missed_much_gets_the_whole_copy() {
    let mut nodes = ring(Dense, 0.5);
    let wake = |node: &mut Choco<Jump>| {
        let mut out = Outbox::new();
        node.step(Time(0), Input::Wake, &mut out).expect("wakes");
        out.drain().find_map(|effect| match effect {
            Effect::Send { message, .. } => Some(message),
            _ => None,
        })
    };
    let missed = KEPT + 3;
    let mut last = None;
    for _ in 0..missed {
        last = wake(&mut nodes[0]);
    }
    let hear = |nodes: &mut [Choco<Jump>], to: usize, from: usize, message: Message| -> Vec<Message> {
        let mut out = Outbox::new();
        nodes[to].step(Time(0), Input::Received { from: id(from), message }, &mut out).expect("taken");
        out.drain()
            .map(|effect| match effect {
                Effect::Send { message, .. } => message,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let behind = hear(&mut nodes, 1, 0, last.expect("a difference"));
    assert_eq!(behind, [Message::Behind { number: 0 }]);
    let whole = hear(&mut nodes, 0, 1, behind[0].clone());
    assert!(matches!(&whole[..], [Message::Whole { number, .. }] if *number == missed as u64), "{whole:?}");
    // One answer a period, however often it is asked for.
    assert!(hear(&mut nodes, 0, 1, behind[0].clone()).is_empty());
    hear(&mut nodes, 1, 0, whole[0].clone());
    assert_eq!(nodes[1].copy(id(0)), Some(nodes[0].public()));
}

#[test]
fn strangers_and_nonsense_are_offences_and_change_nothing() {
    let mut nodes = ring(Dense, 0.5);
    let before = nodes[1].copy(id(0)).map(|(copy, number)| (copy.clone(), number));
    let nan = Packet::new(Dense.codec(), layout().digest(), vec![f32::NAN.to_le_bytes().repeat(WIDTH)])
        .expect("small");
    let short = Packet::new(Dense.codec(), layout().digest(), vec![vec![0; 3]]).expect("small");
    for packet in [nan, short] {
        let mut out = Outbox::new();
        let message = Message::Difference { number: 1, packet: packet.clone() };
        nodes[1]
            .step(Time(0), Input::Received { from: id(0), message: message.clone() }, &mut out)
            .expect("an effect");
        nodes[1].step(Time(0), Input::Received { from: id(5), message }, &mut out).expect("an effect");
        // A whole copy that nobody asked for is not looked at.
        let message = Message::Whole { number: 9, packet };
        nodes[1].step(Time(0), Input::Received { from: id(0), message }, &mut out).expect("nothing");
        let whys: Vec<bool> = out
            .drain()
            .map(|effect| match effect {
                Effect::Offence { why: Offence::Packet(_), by } => by == id(0),
                Effect::Offence { why: Offence::Stranger, by } => by == id(5),
                _ => false,
            })
            .collect();
        assert_eq!(whys, [true, true]);
    }
    assert_eq!(nodes[1].copy(id(0)).map(|(copy, number)| (copy.clone(), number)), before);
    let own = Input::Received { from: id(1), message: Message::Behind { number: 0 } };
    assert!(matches!(nodes[1].step(Time(0), own, &mut Outbox::new()), Err(GossipError::Oneself)));
}
