//! ECSQ: the rates of theory, the error asked for, and hostile parts.

use bitneuron_compress::{
    Absmax4, CodecId, CompressError, Compressor, Ecsq, ExactDecoder, Limits, Nf4, Packet, Rotated,
    bound::{relative, relative_error},
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;
use std::{f64::consts::TAU, sync::Arc};

fn unit(rng: &mut impl Rng) -> f64 {
    ((rng.next_u64() >> 12) as f64 + 0.5) * 2f64.powi(-52)
}

fn gaussian(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| ((-2.0 * unit(&mut rng).ln()).sqrt() * (TAU * unit(&mut rng)).cos()) as f32).collect()
}

fn params(values: Vec<f32>) -> Params {
    let layout = Arc::new(Layout::of(&[("w", &[values.len() as u32])]).expect("small"));
    Params::new(values, layout).expect("fits")
}

/// Relative error and bits for each value.
fn outcome(codec: &dyn Compressor, params: &Params) -> (f64, f64) {
    let packet = codec.compress(params, Seed::default()).expect("finite");
    let back = codec.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
    let bytes: usize = packet.parts().iter().map(|part| part.len()).sum();
    (relative_error(params, &back), 8.0 * bytes as f64 / params.values().len() as f64)
}

/// The entropy of a standard normal variable in steps of `step`, from the distribution itself.
fn normal_entropy(step: f64) -> f64 {
    let density = |x: f64| (-x * x / 2.0).exp() / TAU.sqrt();
    let share = |k: i32| {
        // Simpson's rule over the cell in 200 pieces.
        let (low, width) = ((f64::from(k) - 0.5) * step, step / 200.0);
        let weight = |at: i32| {
            if at == 0 || at == 200 {
                1.0
            } else if at % 2 == 1 {
                4.0
            } else {
                2.0
            }
        };
        (0..=200).map(|at| weight(at) * density(low + f64::from(at) * width)).sum::<f64>() * width / 3.0
    };
    let reach = (9.0 / step).ceil() as i32;
    (-reach..=reach).map(share).filter(|p| *p > 1e-300).map(|p| -p * p.log2()).sum()
}

#[test]
fn the_rates_of_normal_weights() {
    let params = params(gaussian(1 << 20, 1));
    // (relative error, bits): what real weights were measured to need, which are close to normal.
    for (error, bits) in [(0.072, 4.03), (0.144, 3.05), (0.288, 2.09)] {
        let (found, rate) = outcome(&Ecsq::relative_error(error).expect("in range"), &params);
        assert!(found <= error && found > 0.99 * error, "{found} for {error}");
        let contraction = Ecsq::relative_error(error).expect("in range").properties().contraction;
        assert!(found * found <= 1.0 - contraction, "{contraction} is declared");
        assert!((rate - bits).abs() < 0.06, "{rate} bits at {error}, not {bits}");
        // At these rates the error is that of a uniform distribution over a step, with a little less in the wide ones.
        let entropy = normal_entropy(step_of(error));
        assert!((rate - entropy).abs() < 0.05, "{rate} bits where the source has {entropy}");
    }
}

/// The step at which a quantised standard normal variable has this root mean square error.
fn step_of(error: f64) -> f64 {
    let values = gaussian(1 << 16, 3);
    let measured = |step: f64| {
        let rounded: Vec<f32> =
            values.iter().map(|x| ((f64::from(*x) / step).round() * step) as f32).collect();
        relative(&values, &rounded)
    };
    let (mut low, mut high) = (1e-3f64, 10.0);
    for _ in 0..40 {
        let middle = (low * high).sqrt();
        if measured(middle) < error { low = middle } else { high = middle }
    }
    low
}

#[test]
fn a_bit_better_than_formats_of_fixed_length() {
    let params = params(gaussian(1 << 18, 2));
    for fixed in [&Absmax4::default() as &dyn Compressor, &Nf4] {
        let (error, bits) = outcome(fixed, &params);
        let (_, rate) = outcome(&Ecsq::relative_error(error).expect("in range"), &params);
        assert!(rate < bits - 0.5, "{rate} bits against {bits} of {}", fixed.codec());
    }
}

#[test]
fn bits_are_met() {
    let params = params(gaussian(1 << 18, 4));
    for bits in [0.5, 1.0, 2.0, 3.0, 4.0, 6.0] {
        let (_, rate) = outcome(&Ecsq::bits(bits).expect("in range"), &params);
        assert!((rate - bits).abs() < 0.03, "{rate} for {bits}");
    }
}

#[test]
fn a_dead_zone_never_costs_bits() {
    let params = params(gaussian(1 << 16, 5));
    let mut gained = false;
    for error in [0.6, 0.5, 0.4, 0.3, 0.1] {
        let plain = Ecsq::relative_error(error).expect("in range");
        let ((_, rate), (zone_error, zone)) =
            (outcome(&plain, &params), outcome(&plain.dead_zone(), &params));
        assert!(zone_error <= error && zone <= rate + 0.005, "{zone} bits instead of {rate} at {error}");
        gained |= zone < rate - 0.005;
    }
    assert!(gained, "nowhere is a dead zone of any use");
}

#[test]
fn one_step_for_all_or_for_each() {
    let layout = Arc::new(Layout::of(&[("large", &[1 << 14]), ("small", &[1 << 14])]).expect("small"));
    let values = gaussian(1 << 15, 6).into_iter().enumerate();
    let values = values.map(|(at, x)| if at < 1 << 14 { x } else { x / 50.0 });
    let params = Params::new(values.collect(), layout.clone()).expect("fits");
    let codec = Ecsq::relative_error(0.1).expect("in range");
    let errors = |codec: Ecsq| {
        let packet = codec.compress(&params, Seed::default()).expect("finite");
        let back = codec.decompress(&packet, &layout, Limits::default()).expect("own packet");
        let half =
            |at: usize| relative(&params.values()[at..at + (1 << 14)], &back.values()[at..at + (1 << 14)]);
        (half(0), half(1 << 14), packet.len())
    };
    let (together, apart) = (errors(codec), errors(codec.per_tensor()));
    assert!(together.0 < 0.101 && together.1 > 0.9, "the small tensor is below the common step");
    assert!(apart.0 <= 0.1 && apart.1 <= 0.1);
    assert!(together.2 < apart.2);
}

#[test]
fn outliers_are_escaped() {
    let mut values = gaussian(20_000, 7);
    (0..20).for_each(|at| values[at * 900] = 1e4 * (at as f32 - 9.5));
    let params = params(values);
    let codec = Ecsq::step(0.1).expect("positive");
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let back = codec.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
    assert!(params.values().iter().zip(back.values()).all(|(a, b)| (a - b).abs() <= 0.0501));
    let fine = Ecsq::step(1e-4).expect("positive").compress(&params, Seed::default());
    assert!(matches!(fine, Err(CompressError::Interval { at: 0 })), "9.5e4 is more than 2²³ steps");
}

#[test]
fn settings() {
    assert!([0.0, -1.0, f32::NAN, f32::INFINITY].iter().all(|step| Ecsq::step(*step).is_err()));
    assert!([0.0, 1e-7, 1.1, f64::NAN].iter().all(|error| Ecsq::relative_error(*error).is_err()));
    assert!([0.0, 7.5, f64::NAN].iter().all(|bits| Ecsq::bits(*bits).is_err()));
    assert!(Rotated::new(0).is_err() && Rotated::new(8).is_err());
}

/// A part of three elements with `edit` applied.
fn part(edit: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<f32>, CompressError> {
    let params = params(vec![1.0, -2.0, 100.0]);
    let layout = params.layout();
    let packet = Ecsq::step(0.5).expect("positive").compress(&params, Seed::default()).expect("finite");
    let mut part = packet.parts()[0].0.clone();
    edit(&mut part);
    let packet = Packet::new(CodecId::ECSQ, layout.digest(), vec![part]).expect("small");
    let values = Ecsq::default().decompress(&packet, layout, Limits::default());
    assert_eq!(values.is_ok(), Ecsq::default().decode_fixed(&packet, layout, Limits::default(), 12).is_ok());
    Ok(values?.values().to_vec())
}

/// What is wrong, and how it is made so.
type Edit = (&'static str, fn(&mut Vec<u8>));

#[test]
fn every_field_is_checked() {
    // Step 4 bytes, one escape 4 bytes, zigzag(200) = 400 in 2 bytes, then the table.
    assert_eq!(
        part(|part| assert_eq!(part[4..10], [1, 0, 0, 0, 0x90, 0x03])).expect("well formed"),
        [1.0, -2.0, 100.0]
    );
    assert_eq!(part(|part| *part = vec![0; 4]).expect("zeros"), [0.0; 3]);
    let wrong: [Edit; 8] = [
        ("a negative step", |part| part[3] |= 0x80),
        ("an infinite step", |part| part[..4].copy_from_slice(&f32::INFINITY.to_le_bytes())),
        ("minus zero as a step", |part| *part = vec![0, 0, 0, 0x80]),
        ("codes without a step", |part| part[..4].fill(0)),
        ("an escape too many", |part| part[4] = 2),
        ("escapes without end", |part| part[4..8].fill(0xff)),
        ("an escape that has a symbol", |part| part[5 + 4] = 1),
        ("an escape longer than it needs to be", |part| part[5 + 4] = 0),
    ];
    for (what, edit) in wrong {
        assert!(part(edit).is_err(), "{what}");
    }
}

#[test]
fn a_step_without_codes_is_refused() {
    let layout = Arc::new(Layout::of(&[("w", &[5])]).expect("small"));
    let mut part = 0.5f32.to_le_bytes().to_vec();
    part.extend(0u32.to_le_bytes());
    part.extend(bitneuron_compress::entropy::encode(&[127; 5]));
    let packet = Packet::new(CodecId::ECSQ, layout.digest(), vec![part]).expect("small");
    assert!(Ecsq::default().decompress(&packet, &layout, Limits::default()).is_err());
    assert!(Ecsq::default().decode_fixed(&packet, &layout, Limits::default(), 12).is_err());
}
