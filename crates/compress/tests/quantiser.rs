//! The uniform quantiser: error, bias, exactness, size.

use bitneuron_compress::{CompressError, Compressor, ExactDecoder, Limits, Uniform};
use bitneuron_core::{Layout, Params, Seed};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::Arc;

fn params(values: Vec<f32>) -> Params {
    let layout = Arc::new(Layout::of(&[("w", &[values.len() as u32])]).expect("small"));
    Params::new(values, layout).expect("fits")
}

fn round_trip(codec: Uniform, params: &Params, seed: u64) -> Result<Params, CompressError> {
    let packet = codec.compress(params, Seed::from_number(seed))?;
    codec.decompress(&packet, params.layout(), Limits::default())
}

/// Finite numbers of all magnitudes below 2¹²⁶.
fn any_value() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("carried", |x| x.abs() < 8.5e37)
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_error_is_declared(bits in 1u8..=16, values in prop::collection::vec(any_value(), 0..80),
                             block in 1u32..100, stochastic: bool) {
        let codec = Uniform::new(bits).expect("in range").with_block(block).expect("positive");
        let codec = if stochastic { codec.stochastic() } else { codec };
        let params = params(values);
        let back = round_trip(codec, &params, 3).expect("carried");
        prop_assert!(codec.error().admits(&params, &back));
    }

    #[test]
    fn each_block_has_its_own_step(bits in 2u8..=16, values in prop::collection::vec(-1.0f32..1.0, 32)) {
        // The second block is a thousand times smaller; so is its error.
        let values: Vec<f32> = values.iter().enumerate().map(|(at, x)| if at < 16 { *x } else { x / 1000.0 }).collect();
        let params = params(values);
        let codec = Uniform::new(bits).expect("in range").with_block(16).expect("positive");
        let back = round_trip(codec, &params, 3).expect("carried");
        let step = 2.0 / ((1u32 << bits) - 1) as f32;
        for (at, (a, b)) in params.values().iter().zip(back.values()).enumerate() {
            let scale = if at < 16 { 1.0 } else { 1e-3 };
            prop_assert!((a - b).abs() <= scale * step / 2.0 + 1e-6, "{at}: {a} {b}");
        }
    }

    #[test]
    fn integers_are_the_values_rounded(bits in 1u8..=16, values in prop::collection::vec(-3.9f32..3.9, 1..60)) {
        let params = params(values);
        let codec = Uniform::new(bits).expect("in range");
        let packet = codec.compress(&params, Seed::default()).expect("finite");
        let back = codec.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
        let integers = codec.decompress_exact(&packet, params.layout(), Limits::default()).expect("inside");
        // Rounding half up, in f64 without error.
        let rounded: Vec<i32> = back.values().iter().map(|x| (f64::from(*x) * 4096.0 + 0.5).floor() as i32).collect();
        prop_assert_eq!(integers, rounded);
    }
}

#[test]
fn stochastic_rounding_has_no_bias() {
    // 0.3 lies between the steps 0 and 1 of one bit; the ends fix the range.
    let mut values = vec![0.3; 100_000];
    values[0] = 0.0;
    values[1] = 1.0;
    let params = params(values);
    let codec = Uniform::new(1).expect("in range").stochastic();
    let back = round_trip(codec, &params, 5).expect("carried");
    let mean = back.values()[2..].iter().map(|x| f64::from(*x)).sum::<f64>() / 99_998.0;
    // Five standard deviations of a mean of 10⁵ draws.
    assert!((mean - 0.3).abs() < 5.0 * (0.21f64 / 1e5).sqrt(), "{mean}");
    assert_ne!(back, round_trip(codec, &params, 6).expect("carried"), "another seed, other draws");
    assert_eq!(back, round_trip(codec, &params, 5).expect("carried"));
}

#[test]
fn packed_to_the_bit() {
    for bits in 1..=16u8 {
        let params = params((0..1001).map(|at| at as f32).collect());
        let codec = Uniform::new(bits).expect("in range");
        let part = codec.compress(&params, Seed::default()).expect("finite").parts()[0].len();
        assert_eq!(part, 6 + 8 + (1001 * usize::from(bits)).div_ceil(8));
    }
}

#[test]
fn edges() {
    assert!([0, 17, 255].iter().all(|bits| Uniform::new(*bits).is_err()));
    assert!(Uniform::default().with_block(0).is_err());
    let huge = params(vec![0.0, f32::MAX]);
    assert!(matches!(
        Uniform::default().compress(&huge, Seed::default()),
        Err(CompressError::Interval { at: 1 })
    ));
    for constant in [0.0, -0.3, 1e-45, 1e37, -8.5e37] {
        let params = params(vec![constant; 9]);
        let back = round_trip(Uniform::default(), &params, 1).expect("carried");
        assert!(
            back.values().iter().all(|x| (x - constant).abs() <= constant.abs() * 3e-7 + 1e-37),
            "{constant}"
        );
    }
    // Values outside the chain's interval decode as floats, never as weights.
    let large = params(vec![0.0, 4.1]);
    let packet = Uniform::default().compress(&large, Seed::default()).expect("finite");
    let refused = Uniform::default().decompress_exact(&packet, large.layout(), Limits::default());
    assert!(matches!(refused, Err(CompressError::Interval { at: 1 })));
}
