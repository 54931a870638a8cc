//! Sparse codecs: what they keep, what they promise, what they cost.

use bitneuron_compress::{
    Chunked, CompressError, Compressor, Cosine, ErrorBound, ExactDecoder, Limits, Packet, Random, Ternary,
    Top,
    bound::relative,
    sparse::{Density, Precision, largest},
};
use bitneuron_core::{Layout, Params, Seed};
use proptest::{prelude::*, test_runner::RngSeed};
use rand::Rng;
use std::sync::Arc;

fn params(values: Vec<f32>) -> Params {
    let layout = Arc::new(Layout::of(&[("w", &[values.len() as u32])]).expect("small"));
    Params::new(values, layout).expect("fits")
}

/// Sums of twelve uniform numbers: nearly normal.
fn normal(count: usize, seed: u64) -> Params {
    let mut rng = Seed::from_number(seed).rng();
    let mut uniform = || (rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
    params((0..count).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0).collect())
}

fn density(kept: u32, of: u32) -> Density {
    Density::new(kept, of).expect("in range")
}

fn round_trip(codec: &dyn Compressor, params: &Params, seed: u64) -> Params {
    let packet = codec.compress(params, Seed::from_number(seed)).expect("carried");
    // No codec of this module needs more than the values and their places.
    let limits = Limits { bytes: packet.len(), elements: params.values().len() };
    codec.decompress(&packet, params.layout(), limits).expect("own packet")
}

/// All codecs with contraction, at this density.
fn contractive(density: Density) -> Vec<Box<dyn Compressor>> {
    let byte = Precision::Byte;
    vec![
        Box::new(Top::new(density)),
        Box::new(Top::new(density).with_precision(byte)),
        Box::new(Ternary::new(density)),
        Box::new(Chunked::new(density)),
        Box::new(Cosine::new(density)),
        Box::new(Cosine::new(density).with_precision(byte).with_chunk(16).expect("a power of two")),
    ]
}

fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Values of one size, values of very different sizes, and one far above the others.
fn vectors() -> impl Strategy<Value = Vec<f32>> {
    let unit = prop::collection::vec(-1.0f32..1.0, 1..300);
    let wide = prop::collection::vec((-1.0f32..1.0, -30i32..30).prop_map(|(x, e)| x * 2f32.powi(e)), 1..300);
    let spike = (prop::collection::vec(prop::sample::select(vec![-1.0f32, 1.0]), 1..300), 1f32..1e6)
        .prop_map(|(mut values, spike)| {
            values[0] = spike;
            values
        });
    prop_oneof![unit, wide, spike]
}

proptest! {
    #![proptest_config(fixed(200))]

    #[test]
    fn contraction_is_kept(values in vectors(), kept in 1u32..20, more in 0u32..100) {
        let params = params(values);
        for codec in contractive(density(kept, kept + more)) {
            let delta = codec.properties().contraction;
            prop_assert!(delta > 0.0 && delta <= 1.0);
            let error = relative(params.values(), round_trip(codec.as_ref(), &params, 1).values());
            prop_assert!(error * error <= 1.0 - delta + 1e-9, "{}: {} {}", codec.codec(), error * error, delta);
        }
        let ternary = Ternary::new(density(kept, kept + more));
        let error = relative(params.values(), round_trip(&ternary, &params, 1).values());
        let delta = ternary.contraction(params.values().len());
        prop_assert!(error * error <= 1.0 - delta + 1e-9, "{} {}", error * error, delta);
    }

    #[test]
    fn top_keeps_the_largest_as_they_are(values in vectors(), kept in 1u32..20, more in 0u32..100) {
        let density = density(kept, kept + more);
        let params = params(values);
        let back = round_trip(&Top::new(density), &params, 1);
        let places = largest(params.values(), density.count(params.values().len()));
        for (at, (value, back)) in params.values().iter().zip(back.values()).enumerate() {
            let expected = if places.contains(&(at as u32)) { *value } else { 0.0 };
            prop_assert_eq!(expected.to_bits(), back.to_bits());
        }
    }

    #[test]
    fn random_is_linear_with_one_seed(values in prop::collection::vec((-9i16..9, -9i16..9), 1..200), kept in 1u32..9, more in 0u32..9) {
        let (x, y): (Vec<f32>, Vec<f32>) = values.iter().map(|(x, y)| (f32::from(*x), f32::from(*y))).unzip();
        let both = x.iter().zip(&y).map(|(x, y)| x + y).collect();
        let codec = Random::new(density(kept, kept + more));
        for codec in [codec, codec.unscaled()] {
            let [x, y, both] = [x.clone(), y.clone(), Clone::clone(&both)].map(|values| round_trip(&codec, &params(values), 5));
            for ((x, y), both) in x.values().iter().zip(y.values()).zip(both.values()) {
                prop_assert!((x + y - both).abs() <= 1e-4 * (1.0 + both.abs()));
            }
        }
    }

    #[test]
    fn integers_are_the_values_rounded(values in prop::collection::vec(-3.0f32..3.0, 1..200)) {
        let params = params(values);
        let density = density(1, 3);
        let codecs: [&dyn ExactDecoder; 5] = [&Top::new(density), &Top::new(density).with_precision(Precision::Byte),
            &Ternary::new(density), &Chunked::new(density), &Random::new(density).unscaled()];
        for codec in codecs {
            let packet = codec.compress(&params, Seed::default()).expect("finite");
            let back = codec.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
            let integers = codec.decompress_exact(&packet, params.layout(), Limits::default()).expect("inside");
            // Rounding half up, in f64 without error.
            let rounded: Vec<i32> = back.values().iter().map(|x| (f64::from(*x) * 4096.0 + 0.5).floor() as i32).collect();
            prop_assert_eq!(integers, rounded, "{}", codec.codec());
        }
    }
}

/// δ of a ternary packet is attained, so nothing better can be promised.
#[test]
fn ternary_is_worst_where_it_says() {
    let codec = Ternary::new(density(1, 10));
    let mut values = vec![1.0; 1000];
    let flat = relative(&values, round_trip(&codec, &params(values.clone()), 1).values());
    assert!((flat * flat - (1.0 - 0.1)).abs() < 1e-9);
    values[0] = 1e6;
    let spike = relative(&values, round_trip(&codec, &params(values.clone()), 1).values());
    assert!((spike * spike - (1.0 - 0.01)).abs() < 1e-3);
    assert!((codec.contraction(1000) - 0.01).abs() < 1e-9);
}

#[test]
fn random_has_no_bias() {
    let params = normal(40, 3);
    let codec = Random::new(density(1, 8));
    let mut mean = vec![0.0f64; 40];
    let seeds = 4000;
    for seed in 0..seeds {
        let back = round_trip(&codec, &params, seed);
        mean.iter_mut().zip(back.values()).for_each(|(mean, x)| *mean += f64::from(*x) / seeds as f64);
    }
    for (mean, value) in mean.iter().zip(params.values()) {
        // Each is 8·x with probability 1/8: five standard deviations.
        let value = f64::from(*value);
        assert!((mean - value).abs() < 5.0 * value.abs() * (7.0 / seeds as f64).sqrt(), "{mean} {value}");
    }
    // Unscaled, k/n of the square is kept on average.
    let squares = (0..seeds)
        .map(|seed| relative(params.values(), round_trip(&codec.unscaled(), &params, seed).values()).powi(2));
    let square = squares.sum::<f64>() / seeds as f64;
    assert!((square - 7.0 / 8.0).abs() < 0.01, "{square}");
    assert_ne!(round_trip(&codec, &params, 1), round_trip(&codec, &params, 2), "another seed, other places");
}

#[test]
fn the_seed_in_the_packet_is_not_the_secret_one() {
    let (params, secret) = (normal(40, 3), Seed::from_number(77));
    let packet = Random::default().compress(&params, secret).expect("finite");
    assert!(!packet.to_bytes().windows(32).any(|window| window == secret.0));
}

#[test]
fn ternary_is_near_its_entropy() {
    let params = normal(400_000, 1);
    let packet = Ternary::default().compress(&params, Seed::default()).expect("finite");
    let p: f64 = 1.0 / 400.0;
    let entropy = -p * p.log2() - (1.0 - p) * (1.0 - p).log2() + p;
    // The header of the packet hardly counts where there are more values.
    let bits = 8.0 * packet.parts()[0].len() as f64 / 400_000.0;
    assert!(bits < 1.015 * entropy, "{bits} bits a value, entropy {entropy}");
}

#[test]
fn chunks_keep_their_shares() {
    // The second chunk is a thousand times smaller.
    let mut params = normal(8192, 2);
    params.values_mut()[4096..].iter_mut().for_each(|x| *x *= 1e-3);
    let kept = |values: &[f32]| values.iter().filter(|x| x.abs() > 0.0).count();
    let back = round_trip(&Chunked::default(), &params, 1);
    assert_eq!([&back.values()[..4096], &back.values()[4096..]].map(kept), [41, 41]);
    let back = round_trip(&Top::default(), &params, 1);
    assert_eq!(kept(&back.values()[4096..]), 0);
    // Two magnitudes in each chunk.
    let back = round_trip(&Chunked::default(), &params, 1);
    let mut magnitudes: Vec<u32> =
        back.values()[..4096].iter().map(|x| x.abs().to_bits()).filter(|x| *x > 0).collect();
    magnitudes.sort_unstable();
    magnitudes.dedup();
    assert_eq!(magnitudes.len(), 2);
}

#[test]
fn cosines_suit_what_is_smooth() {
    let smooth = params((0..4096).map(|at| (at as f32 / 300.0).sin() + at as f32 / 2000.0).collect());
    let error = |codec: &dyn Compressor| relative(smooth.values(), round_trip(codec, &smooth, 1).values());
    let tenth = density(1, 20);
    assert!(error(&Cosine::new(tenth)) < 0.01);
    assert!(error(&Top::new(tenth)) > 0.5);
}

#[test]
fn nothing_is_sent_for_zeros() {
    let zeros = params(vec![0.0; 5000]);
    let codecs: [&dyn Compressor; 4] =
        [&Top::default(), &Ternary::default(), &Chunked::default(), &Cosine::default()];
    for codec in codecs {
        let packet = codec.compress(&zeros, Seed::default()).expect("finite");
        assert!(packet.parts()[0].is_empty(), "{}", codec.codec());
        assert_eq!(round_trip(codec, &zeros, 1), zeros);
    }
    // What is too small for the form of a byte vanishes too.
    let tiny = params(vec![1e-45; 50]);
    for codec in contractive(density(1, 2)) {
        assert!(ErrorBound::Maximum(1.0).admits(&tiny, &round_trip(codec.as_ref(), &tiny, 1)));
    }
}

#[test]
fn what_is_not_finite_is_named() {
    let mut values = vec![1.0; 10_000];
    values[7000] = f32::NAN;
    values[8000] = f32::INFINITY;
    let layout = Arc::new(Layout::of(&[("a", &[5000]), ("b", &[5000])]).expect("small"));
    let params = Params::new(values, layout).expect("fits");
    let mut codecs = contractive(Density::PERCENT);
    codecs.push(Box::new(Random::default()));
    for codec in codecs {
        let refused = codec.compress(&params, Seed::default());
        assert!(matches!(refused, Err(CompressError::NotFinite { at: 7000 })), "{}", codec.codec());
    }
}

#[test]
fn values_beyond_f32_are_not_made() {
    let huge = params(vec![f32::MAX; 64]);
    let refused = Random::new(density(1, 4)).compress(&huge, Seed::default());
    assert!(matches!(refused, Err(CompressError::Interval { .. })));
    let refused = Cosine::default().compress(&huge, Seed::default());
    assert!(matches!(refused, Err(CompressError::Interval { at: 0 })));
    for codec in [&Top::default().with_precision(Precision::Byte) as &dyn Compressor, &Chunked::default()] {
        assert!(round_trip(codec, &huge, 1).is_finite(), "{}", codec.codec());
    }
}

#[test]
fn a_sum_that_is_not_finite_changes_nothing() {
    let codec = Top::new(density(1, 2));
    let params = params(vec![1.0, f32::MAX, 2.0, 0.0]);
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let start = Params::new(vec![5.0, f32::MAX, 5.0, 5.0], params.layout().clone()).expect("fits");
    let mut onto = start.clone();
    let refused = codec.decompress_onto(&packet, 1.0, &mut onto, Limits::default());
    assert!(matches!(refused, Err(CompressError::NotFinite { at: 1 })));
    assert_eq!(onto, start);
    codec.decompress_onto(&packet, -1.0, &mut onto, Limits::default()).expect("finite");
    assert_eq!(onto.values(), [5.0, 0.0, 3.0, 5.0]);
}

#[test]
fn edges() {
    assert!(Cosine::default().with_chunk(100).is_err());
    assert!([4, 8192, 0].iter().all(|chunk| Cosine::default().with_chunk(*chunk).is_err()));
    let all = Density::new(1, 1).expect("in range");
    let params = normal(300, 8);
    assert_eq!(round_trip(&Top::new(all), &params, 1), params);
    assert_eq!(round_trip(&Random::new(all), &params, 1), params);
    let packet = Top::new(all).compress(&params, Seed::default()).expect("finite");
    let half = Limits { bytes: packet.len(), elements: 150 };
    let refused = Top::default().decompress(&packet, params.layout(), half);
    assert!(matches!(refused, Err(CompressError::TooLarge { .. })));
    // Any instance reads what another one wrote.
    let other = Top::new(density(1, 7)).with_precision(Precision::Byte);
    assert_eq!(other.decompress(&packet, params.layout(), Limits::default()).expect("read"), params);
    let unread: Result<Packet, _> = Packet::from_bytes(&packet.to_bytes()[1..], Limits::default());
    assert!(unread.is_err());
}
