//! The rotated codec: no bias, errors that cancel, and less of them than without the rotation.

use bitneuron_compress::{
    Compressor, Limits, Rotated, Uniform,
    bound::{relative, relative_error},
    quant::rotated::STEPS,
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;
use std::sync::Arc;

fn params(values: Vec<f32>) -> Params {
    let layout = Arc::new(Layout::of(&[("w", &[values.len() as u32])]).expect("small"));
    Params::new(values, layout).expect("fits")
}

fn uniform(rng: &mut impl Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32 - 0.5
}

/// Approximately normal.
fn gaussian(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| (0..12).map(|_| uniform(&mut rng)).sum()).collect()
}

/// A few values are a hundred times larger than the others.
fn heavy(count: usize, seed: u64) -> Vec<f32> {
    let values = gaussian(count, seed).into_iter().enumerate();
    values.map(|(at, x)| if at % 301 == 7 { 100.0 * x } else { x }).collect()
}

fn back(codec: &dyn Compressor, params: &Params, seed: u64) -> Vec<f32> {
    let packet = codec.compress(params, Seed::from_number(seed)).expect("finite");
    codec.decompress(&packet, params.layout(), Limits::default()).expect("own packet").into_values()
}

/// The mean of what `clients` seeds decode to.
fn mean(codec: &dyn Compressor, params: &Params, clients: u64) -> Vec<f32> {
    let mut sum = vec![0f64; params.values().len()];
    for seed in 0..clients {
        sum.iter_mut().zip(back(codec, params, seed)).for_each(|(sum, x)| *sum += f64::from(x));
    }
    sum.iter().map(|sum| (sum / clients as f64) as f32).collect()
}

#[test]
fn the_mean_over_seeds_is_the_vector() {
    // Vectors that a Hadamard matrix maps to a few values each, where levels without dither have a bias.
    let mut two = vec![0.0; 64];
    (two[0], two[1]) = (1.0, 0.4);
    let cases = [two, vec![1.0; 33], heavy(300, 1), vec![0.3], vec![1.0, 0.2]];
    for (bits, clients) in [(1, 20_000), (2, 20_000), (4, 5_000)] {
        let codec = Rotated::new(bits).expect("in range");
        for values in &cases {
            let params = params(values.clone());
            let found = relative(params.values(), &mean(&codec, &params, clients));
            // ‖mean error‖² is c²/12 of ‖x‖² over the clients; a bias would not fall with them. Six deviations at most.
            let expected = STEPS[usize::from(bits) - 1] / (12.0 * clients as f64).sqrt();
            assert!(
                found < 3.5 * expected,
                "{bits} bits, {} values: {found}, {expected} expected",
                values.len()
            );
        }
    }
}

#[test]
fn the_error_of_a_mean_falls_like_one_over_clients() {
    let params = params(heavy(2_000, 2));
    let codec = Rotated::new(2).expect("in range");
    let squared = |clients| relative(params.values(), &mean(&codec, &params, clients)).powi(2);
    let one = squared(1);
    let declared = 1.0 - codec.properties().contraction;
    assert!((one / declared - 1.0).abs() < 0.15, "{one} is not {declared}");
    for clients in [4, 16, 64, 256] {
        let ratio = squared(clients) * clients as f64 / declared;
        assert!((ratio - 1.0).abs() < 0.15, "{ratio} for {clients}");
    }
}

#[test]
fn better_than_plain_stochastic_rounding() {
    for (name, values, factor) in [("normal", gaussian(20_000, 3), 2.0), ("heavy", heavy(20_000, 3), 5.0)] {
        let params = params(values);
        for bits in [2, 3, 4, 6] {
            let rotated = Rotated::new(bits).expect("in range");
            let plain = Uniform::new(bits).expect("in range").stochastic();
            let length =
                |codec: &dyn Compressor| codec.compress(&params, Seed::default()).expect("finite").len();
            assert!(length(&rotated) <= length(&plain) + 300, "{name}, {bits} bits: no more bytes");
            let [ours, theirs] = [&rotated as &dyn Compressor, &plain]
                .map(|codec| relative(params.values(), &back(codec, &params, 1)).powi(2));
            assert!(ours * factor < theirs, "{name}, {bits} bits: {ours} against {theirs}");
        }
    }
}

#[test]
fn about_as_many_bits_as_asked_for() {
    for values in [gaussian(1 << 16, 4), heavy(1 << 16, 4)] {
        let params = params(values);
        for bits in 1..=7u8 {
            let codec = Rotated::new(bits).expect("in range");
            let packet = codec.compress(&params, Seed::default()).expect("finite");
            let rate = 8.0 * packet.len() as f64 / 65_536.0;
            assert!(rate <= f64::from(bits) + 0.06, "{rate} for {bits}");
            let back = codec.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
            let error = relative_error(&params, &back);
            let expected = STEPS[usize::from(bits) - 1] / 12f64.sqrt();
            assert!((error / expected - 1.0).abs() < 0.03, "{bits} bits: {error} is not {expected}");
        }
    }
}

#[test]
fn seeds_make_other_packets_and_the_same_seed_the_same() {
    let params = params(gaussian(500, 5));
    let codec = Rotated::default();
    assert_eq!(back(&codec, &params, 1), back(&codec, &params, 1));
    assert_ne!(back(&codec, &params, 1), back(&codec, &params, 2));
    // The key in the packet is not the seed's own.
    let packet = codec.compress(&params, Seed::from_number(1)).expect("finite");
    let key = &packet.parts()[0][4..12];
    assert!(!Seed::from_number(1).0.windows(8).any(|bytes| bytes == key));
}
