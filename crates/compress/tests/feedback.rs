//! Error feedback: nothing is lost, the memory is bounded and survives a restart, and sparse updates converge with it.

use bitneuron_compress::{
    Chunked, CompressError, Compressor, Cosine, Dense, Encoder, ErrorFeedback, Limits, Packet, Random,
    Ternary, Top, Uniform,
    feedback::Memory,
    sparse::{Density, Precision},
};
use bitneuron_core::{Layout, Params, Seed, codec};
use proptest::{prelude::*, test_runner::RngSeed};
use rand::Rng;
use std::sync::Arc;

fn layout() -> Arc<Layout> {
    Arc::new(Layout::of(&[("w", &[12, 16]), ("b", &[40])]).expect("small"))
}

/// Multiples of 2⁻⁸ within ±8.
fn update(layout: &Arc<Layout>, seed: u64) -> Params {
    let mut rng = Seed::from_number(seed).rng();
    let values = (0..layout.len()).map(|_| ((rng.next_u32() as i32) >> 20) as f32 / 256.0).collect();
    Params::new(values, layout.clone()).expect("fits")
}

fn codecs() -> Vec<Arc<dyn Compressor>> {
    let density = Density::new(1, 10).expect("in range");
    vec![
        Arc::new(Top::new(density)),
        Arc::new(Top::new(density).with_precision(Precision::Byte)),
        Arc::new(Ternary::new(density)),
        Arc::new(Chunked::new(density)),
        Arc::new(Cosine::new(density)),
        Arc::new(Random::new(density).unscaled()),
        Arc::new(Uniform::new(2).expect("in range")),
    ]
}

fn decoded(codec: &dyn Compressor, packet: &Packet, layout: &Arc<Layout>) -> Params {
    codec.decompress(packet, layout, Limits::default()).expect("own packet")
}

fn norm(params: &Params) -> f64 {
    params.values().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

/// Σ decoded + residual = Σ given.
#[test]
fn nothing_is_lost() {
    let layout = layout();
    for codec in codecs() {
        let mut encoder = ErrorFeedback::new(codec.clone(), layout.clone());
        assert!(encoder.is_faithful() && !codec.is_faithful());
        let (mut given, mut sent) = (Params::zeros(layout.clone()), Params::zeros(layout.clone()));
        for round in 0..60 {
            let x = update(&layout, round);
            let packet = encoder.encode(&x, Seed::from_number(round)).expect("finite");
            Dense
                .decompress_onto(
                    &Dense.compress(&x, Seed::default()).expect("finite"),
                    1.0,
                    &mut given,
                    Limits::default(),
                )
                .expect("finite");
            codec.decompress_onto(&packet, 1.0, &mut sent, Limits::default()).expect("finite");
        }
        for ((given, sent), owed) in given.values().iter().zip(sent.values()).zip(encoder.residual().values())
        {
            assert!((given - sent - owed).abs() < 2e-3, "{}: {given} {sent} {owed}", codec.codec());
        }
    }
}

#[test]
fn the_residual_is_bounded() {
    let layout = layout();
    let density = Density::new(1, 4).expect("in range");
    let codec = Top::new(density);
    let mut encoder = ErrorFeedback::new(codec, layout.clone());
    let mut largest = 0.0f64;
    let q = (1.0 - codec.properties().contraction).sqrt();
    for round in 0..300 {
        let x = update(&layout, round % 7);
        largest = largest.max(norm(&x));
        encoder.encode(&x, Seed::default()).expect("finite");
        assert!(norm(encoder.residual()) <= q / (1.0 - q) * largest);
    }
}

#[test]
fn decay_forgets() {
    let layout = layout();
    let encoder = || ErrorFeedback::new(Top::default(), layout.clone());
    let mut forgetful = encoder().with_decay(0.5).expect("in range");
    assert!(!forgetful.is_faithful());
    forgetful.encode(&update(&layout, 1), Seed::default()).expect("finite");
    let before = norm(forgetful.residual());
    for _ in 0..4 {
        forgetful.encode(&Params::zeros(layout.clone()), Seed::default()).expect("finite");
    }
    assert!(norm(forgetful.residual()) < before / 16.0);
    for decay in [-0.1, 1.1, f32::NAN, f32::INFINITY, -0.0] {
        assert!(matches!(encoder().with_decay(decay), Err(CompressError::Config(_))), "{decay}");
    }
    let mut without = encoder().with_decay(0.0).expect("in range");
    without.encode(&update(&layout, 1), Seed::default()).expect("finite");
    let packet = without.encode(&update(&layout, 2), Seed::default()).expect("finite");
    assert_eq!(packet, Top::default().compress(&update(&layout, 2), Seed::default()).expect("finite"));
}

#[test]
fn an_error_leaves_the_memory_alone() {
    let layout = layout();
    let mut encoder = ErrorFeedback::new(Top::default(), layout.clone());
    encoder.encode(&update(&layout, 1), Seed::default()).expect("finite");
    let before = encoder.residual().clone();
    let mut bad = update(&layout, 2);
    bad.values_mut()[3] = f32::NAN;
    assert!(matches!(encoder.encode(&bad, Seed::default()), Err(CompressError::NotFinite { at: 3 })));
    let other = Arc::new(Layout::of(&[("w", &[232])]).expect("small"));
    assert!(matches!(encoder.encode(&Params::zeros(other), Seed::default()), Err(CompressError::Layout)));
    let mut huge = update(&layout, 2);
    huge.values_mut().fill(f32::MAX);
    // The residual is refused, not the update: their sum is beyond what a float can hold.
    let refused = (0..9).find_map(|_| {
        let before = encoder.residual().clone();
        encoder.encode(&huge, Seed::default()).err().map(|_| before)
    });
    assert_eq!(&refused.expect("at last"), encoder.residual());
    assert!(before.is_finite() && encoder.residual().is_finite());
}

#[test]
fn a_restart_changes_nothing() {
    let layout = layout();
    for inner in codecs() {
        let mut encoder =
            ErrorFeedback::new(inner.clone(), layout.clone()).with_decay(0.9).expect("in range");
        for round in 0..3 {
            encoder.encode(&update(&layout, round), Seed::default()).expect("finite");
        }
        let bytes = codec::encode(&encoder.memory().expect("small"));
        let memory: Memory = codec::decode(&bytes).expect("own bytes");
        assert_eq!(codec::encode(&memory), bytes);
        let mut restored = ErrorFeedback::restore(inner.clone(), &layout, &memory).expect("own memory");
        for round in 3..6 {
            let next = |encoder: &mut ErrorFeedback<Arc<dyn Compressor>>| {
                encoder.encode(&update(&layout, round), Seed::from_number(round)).expect("finite")
            };
            assert_eq!(next(&mut encoder), next(&mut restored), "{}", inner.codec());
        }
        assert_eq!(encoder.residual(), restored.residual());
    }
}

#[test]
fn foreign_memories_are_refused() {
    let layout = layout();
    let memory = ErrorFeedback::new(Top::default(), layout.clone()).memory().expect("small");
    let other = Arc::new(Layout::of(&[("v", &[232])]).expect("small"));
    assert!(matches!(ErrorFeedback::restore(Top::default(), &other, &memory), Err(CompressError::Layout)));
    let bytes = codec::encode(&memory);
    for (at, byte) in [(4, 0x7f), (4, 0xbf)] {
        let mut changed = bytes.clone();
        changed[at] = byte;
        let memory: Memory = codec::decode(&changed).expect("a number");
        assert!(ErrorFeedback::restore(Top::default(), &layout, &memory).is_err(), "decay of {byte:x}");
    }
    // The last value of the residual is not a number.
    let mut changed = bytes;
    let last = changed.len() - 1;
    changed[last - 1..].copy_from_slice(&[0xc0, 0x7f]);
    let memory: Memory = codec::decode(&changed).expect("a packet");
    assert!(matches!(
        ErrorFeedback::restore(Top::default(), &layout, &memory),
        Err(CompressError::NotFinite { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_no_memory(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(memory) = codec::decode::<Memory>(&bytes) {
            prop_assert_eq!(codec::encode(&memory), bytes);
        }
    }
}

/// Two nodes minimise ½‖w − w*‖² together. What each sees has a large part in ten places that cancels between them,
/// so the largest 1 % of a gradient are always those ten: without memory nothing else is ever sent.
#[test]
fn the_largest_percent_converges_with_feedback_and_stalls_without() {
    let layout = Arc::new(Layout::of(&[("w", &[1000])]).expect("small"));
    let goal = update(&layout, 5);
    let distance = |w: &Params| {
        let squares = w.values().iter().zip(goal.values()).map(|(a, b)| f64::from(a - b).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let gradient = |w: &Params, sign: f32| {
        let value =
            |(at, (w, goal)): (usize, (&f32, &f32))| w - goal + if at % 100 == 0 { sign * 20.0 } else { 0.0 };
        let values = w.values().iter().zip(goal.values()).enumerate().map(value).collect();
        Params::new(values, layout.clone()).expect("fits")
    };
    let run = |nodes: &mut [Box<dyn Encoder>; 2]| {
        let mut w = Params::zeros(layout.clone());
        let step = 2e-3;
        for _ in 0..4000 {
            let packets: Vec<Packet> = nodes
                .iter_mut()
                .zip([1.0, -1.0])
                .map(|(node, sign)| node.encode(&gradient(&w, sign), Seed::default()).expect("finite"))
                .collect();
            for packet in packets {
                Top::default()
                    .decompress_onto(&packet, -step / 2.0, &mut w, Limits::default())
                    .expect("finite");
            }
        }
        distance(&w)
    };
    let start = distance(&Params::zeros(layout.clone()));
    let stalled = run(&mut [Box::new(Top::default()), Box::new(Top::default())]);
    let feedback = || Box::new(ErrorFeedback::new(Top::default(), layout.clone()));
    let converged = run(&mut [feedback(), feedback()]);
    assert!(stalled > 0.9 * start, "{start} {stalled}");
    assert!(converged < 0.05 * start, "{start} {converged}");
    // What is decoded is what was meant.
    let packet = feedback().encode(&goal, Seed::default()).expect("finite");
    assert_eq!(
        decoded(&Top::default(), &packet, &layout).values().iter().filter(|x| x.abs() > 0.0).count(),
        10
    );
}
