//! Formats of fixed length against references that take one value at a time: the same bytes, the nearest level, the declared
//! contraction.

#![expect(clippy::float_cmp, reason = "these numbers are exact")]

use bitneuron_compress::{
    Absmax4, Absmax8, CompressError, Compressor, Float, Limits, Nf4, Packet, Sign, bound::relative_error,
    quant::nf4::LEVELS,
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;
use std::sync::Arc;

fn params(values: Vec<f32>) -> Params {
    let layout = Arc::new(Layout::of(&[("w", &[values.len() as u32])]).expect("small"));
    Params::new(values, layout).expect("fits")
}

/// Approximately normal: the sum of twelve uniform numbers.
fn gaussian(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    let mut uniform = || (rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
    (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0).collect()
}

/// Magnitudes of all sizes.
fn wild(count: usize, seed: u64, octaves: i32) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    let mut value = || {
        let power = (rng.next_u32() % octaves.unsigned_abs()) as i32 - octaves / 2;
        (rng.next_u32() as i32 as f32 / (1u32 << 31) as f32) * 2f32.powi(power)
    };
    (0..count).map(|_| value()).collect()
}

fn packet(codec: &dyn Compressor, params: &Params) -> Packet {
    codec.compress(params, Seed::default()).expect("finite")
}

fn back(codec: &dyn Compressor, params: &Params) -> Params {
    codec.decompress(&packet(codec, params), params.layout(), Limits::default()).expect("own packet")
}

/// The least number of eight mantissa bits that is at least `x`, found by counting up.
fn scale_above(x: f32) -> f32 {
    if x == 0.0 {
        return 0.0;
    }
    let start = f32::from_bits(x.to_bits() & 0xffff_0000);
    let scale = if start < x { f32::from_bits(start.to_bits() + 0x1_0000) } else { start };
    scale.max(f32::MIN_POSITIVE)
}

/// The part of block absmax, a value at a time.
fn absmax_part(values: &[f32], level: f32, block: usize) -> Vec<u8> {
    let (mut scales, mut bytes) = (Vec::new(), Vec::new());
    for values in values.chunks(block) {
        let mut scale = scale_above(values.iter().fold(0.0, |most: f32, x| most.max(x.abs())) / level);
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        let codes: Vec<i32> = values.iter().map(|x| (x * inverse).round_ties_even() as i32).collect();
        if codes.iter().all(|code| *code == 0) {
            scale = 0.0;
        }
        scales.extend(((scale.to_bits() >> 16) as u16).to_le_bytes());
        if level > 7.0 {
            bytes.extend(codes.iter().map(|code| *code as u8));
        } else {
            let half = codes.len().div_ceil(2);
            let above = |at: usize| codes.get(half + at).map_or(0, |code| (*code as u8) << 4);
            bytes.extend((0..half).map(|at| codes[at] as u8 & 0xf | above(at)));
        }
    }
    [scales, bytes].concat()
}

#[test]
fn absmax_is_what_a_loop_over_values_gives() {
    for count in [1, 2, 63, 64, 65, 255, 256, 257, 1000, 5000] {
        for values in [gaussian(count, 1), wild(count, 2, 40), wild(count, 3, 250), vec![0.0; count]] {
            let params = params(values);
            assert_eq!(
                packet(&Absmax8::default(), &params).parts()[0].0,
                absmax_part(params.values(), 127.0, 256)
            );
            assert_eq!(
                packet(&Absmax4::default(), &params).parts()[0].0,
                absmax_part(params.values(), 7.0, 64)
            );
        }
    }
}

#[test]
fn nf4_takes_the_nearest_level() {
    for values in [gaussian(5001, 1), wild(5001, 2, 40), wild(100, 3, 250), vec![0.0; 65]] {
        let params = params(values);
        let decoded = back(&Nf4, &params);
        for (values, decoded) in params.values().chunks(64).zip(decoded.values().chunks(64)) {
            let most = values.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
            let above = scale_above(most);
            let below = f32::from_bits(above.to_bits().saturating_sub(0x1_0000));
            let scale = if (f64::from(above) - f64::from(most)) <= (f64::from(most) - f64::from(below)) {
                above
            } else {
                below
            };
            for (x, found) in values.iter().zip(decoded) {
                let distance = |level: &f32| (f64::from(*x) - f64::from(*level) * f64::from(scale)).abs();
                let least = LEVELS.iter().map(distance).fold(f64::INFINITY, f64::min);
                let reached = (f64::from(*x) - f64::from(*found)).abs();
                // Between two levels at the same distance either will do.
                assert!(
                    reached <= least + 1e-6 * f64::from(scale) + f64::from(f32::MIN_POSITIVE),
                    "{x} {found}"
                );
            }
        }
    }
}

/// Every magnitude that a format has, by the definition of its codes.
fn magnitudes(mantissa: u32, bias: i32, most: u32) -> Vec<f64> {
    let value = |code: u32| {
        let (field, fraction) = ((code >> mantissa) as i32, f64::from(code & ((1 << mantissa) - 1)));
        let unit = 2f64.powi(field.max(1) - bias - mantissa as i32);
        if field == 0 { fraction * unit } else { (fraction + f64::from(1 << mantissa)) * unit }
    };
    (0..=most).map(value).collect()
}

#[test]
fn floats_take_the_nearest_code_and_the_even_one_between_two() {
    for (format, mantissa, bias, most) in
        [(Float::E4M3, 3, 7, 0x7e), (Float::E5M2, 2, 15, 0x7b), (Float::F16, 10, 15, 0x7bff)]
    {
        let all = magnitudes(mantissa, bias, most);
        let largest = all[most as usize] as f32;
        // The largest code among the values makes the scale 1. Midpoints are ties.
        let mut values = vec![largest];
        values.extend(wild(3000, 5, 50).iter().map(|x| x.clamp(-largest, largest)));
        values.extend(all.windows(2).take(3000).map(|pair| f64::midpoint(pair[0], pair[1]) as f32));
        values.extend([0.0, -0.0, 1e-30]);
        let params = params(values);
        for (x, found) in params.values().iter().zip(back(&format, &params).values()) {
            let magnitude = f64::from(x.abs());
            let after = all.partition_point(|code| *code < magnitude).min(all.len() - 1);
            let before = after.saturating_sub(1);
            let (low, high) = (magnitude - all[before], all[after] - magnitude);
            let code = if low < high || (low - high == 0.0 && before % 2 == 0) { before } else { after };
            assert_eq!(f64::from(found.abs()), all[code], "{x}");
            assert_eq!(found.is_sign_negative(), x.is_sign_negative(), "{x}");
        }
    }
}

#[test]
fn every_half_and_bfloat_comes_back() {
    let halves = magnitudes(10, 15, 0x7bff);
    let halves: Vec<f32> = halves.iter().flat_map(|x| [*x as f32, -*x as f32]).collect();
    let scaled = |factor: f32| halves.iter().map(|x| x * factor).collect::<Vec<f32>>();
    // Scaling by a power of two loses nothing, so tensors of halves keep every bit.
    for values in [halves.clone(), scaled(2f32.powi(-60)), scaled(2f32.powi(90))] {
        let params = params(values);
        assert!(params == back(&Float::F16, &params));
    }
    let upper = (0..=0xffff_u32).map(|bits| f32::from_bits(bits << 16)).filter(|x| x.is_finite());
    let params = params(upper.collect());
    let same = params
        .values()
        .iter()
        .zip(back(&Float::BF16, &params).values())
        .all(|(a, b)| a.to_bits() == b.to_bits());
    assert!(same);
}

#[test]
fn bfloat_rounds_to_nearest() {
    let params = params(wild(10_000, 8, 250));
    for (x, found) in params.values().iter().zip(back(&Float::BF16, &params).values()) {
        let below = f32::from_bits(x.to_bits() & 0xffff_0000);
        let above = f32::from_bits(below.to_bits() + 0x1_0000);
        let distance = |y: f32| (f64::from(*x) - f64::from(y)).abs();
        assert!([below, above].contains(found));
        assert!(distance(*found) <= distance(below) && distance(*found) <= distance(above));
    }
}

#[test]
fn any_magnitude_is_scaled_into_the_format() {
    for factor in [1e-44, 1e-38, 1e-30, 1e-5, 1.0, 1e9, 1e30, 3e38] {
        let params = params(gaussian(300, 4).iter().map(|x| (x / 6.0 * factor).clamp(-3e38, 3e38)).collect());
        for format in [Float::E4M3, Float::E5M2, Float::F16] {
            assert!(format.error().admits(&params, &back(&format, &params)), "{format:?} {factor}");
        }
    }
    assert!(Float::BF16.compress(&params(vec![f32::MAX]), Seed::default()).is_err(), "rounds to infinity");
    assert!(Absmax8::default().compress(&params(vec![f32::MAX]), Seed::default()).is_err());
    assert!(Nf4.compress(&params(vec![f32::MAX]), Seed::default()).is_err());
}

#[test]
fn the_sign_keeps_the_mean_magnitude() {
    let params = params(vec![1.0, -2.0, 0.0, 5.0, -0.5, 0.5, 0.5, 0.5, -8.0]);
    let mean = 18.0 / 9.0;
    let signs = [1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, -1.0].map(|sign| sign * mean);
    assert_eq!(back(&Sign, &params).values(), signs);
    assert_eq!(packet(&Sign, &params).parts()[0].len(), 4 + 2);
    assert_eq!(back(&Sign, &Params::zeros(params.layout().clone())).values(), [0.0; 9]);
}

#[test]
fn errors_and_sizes_on_normal_weights() {
    let params = params(gaussian(1 << 16, 9));
    let rows: [(&dyn Compressor, f64, f64); 8] = [
        (&Absmax8::default(), 0.006_85, 8.0625),
        (&Absmax4::default(), 0.1065, 4.25),
        (&Nf4, 0.0915, 4.25),
        (&Float::E4M3, 0.0265, 8.0),
        (&Float::E5M2, 0.053, 8.0),
        (&Float::BF16, 0.00166, 16.0),
        (&Float::F16, 0.000_207, 16.0),
        (&Sign, 0.603, 1.0),
    ];
    for (codec, error, bits) in rows {
        let found = relative_error(&params, &back(codec, &params));
        assert!((found / error - 1.0).abs() < 0.03, "{}: {found} is not {error}", codec.codec());
        let length = packet(codec, &params).parts()[0].len();
        assert!((8.0 * length as f64 / 65_536.0 - bits).abs() < 0.001, "{}: {length}", codec.codec());
    }
}

#[test]
fn the_contraction_is_declared() {
    // One value of 1 in each block, all others at a fraction of it: the worst there is for a scale from the largest.
    for (codec, block) in
        [(&Absmax8::default() as &dyn Compressor, 256), (&Absmax4::default(), 64), (&Nf4, 64)]
    {
        let lost = |fraction: f32| {
            let values = (0..block * 4).map(|at| if at % block == 0 { 1.003 } else { fraction });
            let params = params(values.collect());
            relative_error(&params, &back(codec, &params)).powi(2)
        };
        let fractions = (1..4000).flat_map(|at| [at as f32 / 4000.0, -at as f32 / 4000.0]);
        let worst = fractions.map(lost).fold(0.0, f64::max);
        let declared = 1.0 - codec.properties().contraction;
        assert!(worst <= declared && worst > declared / 2.0, "{}: {worst} of {declared}", codec.codec());
    }
    for stochastic in [&Absmax8::default().stochastic() as &dyn Compressor, &Absmax4::default().stochastic()]
    {
        let params = params((0..4096).map(|at| if at % 64 == 0 { 1.003 } else { 0.06 }).collect());
        let mean = (0..20).map(|seed| {
            let packet = stochastic.compress(&params, Seed::from_number(seed)).expect("finite");
            let back =
                stochastic.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
            relative_error(&params, &back).powi(2) / 20.0
        });
        assert!(mean.sum::<f64>() <= 1.0 - stochastic.properties().contraction);
    }
}

#[test]
fn a_buffer_at_hand_is_filled() {
    let layout = Arc::new(Layout::of(&[("w", &[700]), ("none", &[0]), ("b", &[9])]).expect("small"));
    let params = Params::new(gaussian(709, 2), layout.clone()).expect("fits");
    let mut buffer = Params::new(vec![7.0; 709], layout.clone()).expect("fits");
    let packet = packet(&Absmax8::default(), &params);
    Absmax8::default().decompress_into(&packet, &mut buffer, Limits::default()).expect("own packet");
    assert_eq!(buffer, back(&Absmax8::default(), &params));
    let none = Limits { bytes: 10, elements: 0 };
    assert!(Absmax8::default().decompress_into(&packet, &mut buffer, none).is_err());
}

#[test]
fn places_of_errors_count_from_the_first_tensor() {
    let layout = Arc::new(Layout::of(&[("w", &[700]), ("none", &[0]), ("b", &[300])]).expect("small"));
    for (bad, finite) in [(f32::NAN, false), (f32::MAX, true)] {
        let mut values = gaussian(1000, 2);
        values[990] = bad;
        let params = Params::new(values, layout.clone()).expect("fits");
        let codecs: [&dyn Compressor; 4] = [&Absmax8::default(), &Absmax4::default(), &Nf4, &Float::BF16];
        for codec in codecs {
            let found = match codec.compress(&params, Seed::default()) {
                Err(CompressError::NotFinite { at }) if !finite => at,
                Err(CompressError::Interval { at }) if finite => at,
                other => panic!("{}: {other:?}", codec.codec()),
            };
            assert_eq!(found, 990, "{}", codec.codec());
        }
    }
}
