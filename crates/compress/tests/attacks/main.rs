//! Hostile packets against every decoder: refused with a typed error, or finite values of the expected layout.

mod factors;
mod sparse;
mod values;

use bitneuron_compress::{
    Absmax4, Absmax8, Auto, CanonicalPolyadic, Chain, Chunked, CompressError, Compressor, Cosine, Dense,
    Ecsq, ExactDecoder, Float, Limits, LowRank, Nf4, Packet, Random, Rotated, Sign, Sliced, TensorTrain,
    TensorTrainMatrix, Ternary, Top, Tucker, Uniform,
    auto::Budget,
    cp::Als,
    sparse::{Density, Precision},
    suite::{mutant, mutant_bytes},
};
use bitneuron_core::exact::fixed::WEIGHT_LIMIT;
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

const MUTANTS: u64 = 10_000;

fn params() -> Params {
    let layout = Arc::new(Layout::of(&[("w", &[12, 16]), ("b", &[5]), ("none", &[0])]).expect("small"));
    let value = |at: usize| ((at / 16) as f32 - 5.0) * 0.1 * (1.0 + (at % 16) as f32 * 0.05);
    Params::new((0..layout.len()).map(value).collect(), layout).expect("fits")
}

fn attack(codec: &dyn ExactDecoder) {
    let layout = params().layout().clone();
    attack_with(codec, &|hostile, limits| {
        if let Ok(integers) = codec.decompress_exact(hostile, &layout, limits) {
            assert_eq!(integers.len(), layout.len());
            assert!(integers.iter().all(|integer| i64::from(*integer).abs() <= WEIGHT_LIMIT));
        }
    });
}

/// Half of the mutants have their bytes damaged anywhere, half have a right header and one field wrong; each is also
/// shown to `besides`.
fn attack_with(codec: &dyn Compressor, besides: &dyn Fn(&Packet, Limits)) {
    let params = params();
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let limits = Limits { bytes: packet.len() + 64, elements: params.values().len() };
    let (mut accepted, mut refused, mut deep) = (0, 0, 0);
    for number in 0..MUTANTS {
        let seed = Seed::from_number(number);
        let hostile = if number % 2 == 0 {
            let bytes = mutant_bytes(&packet, seed);
            let parsed = Packet::from_bytes(&bytes, limits);
            if let Ok(parsed) = &parsed {
                assert_eq!(parsed.to_bytes(), bytes, "one encoding");
            }
            parsed
        } else {
            Ok(mutant(&packet, seed))
        };
        let outcome = hostile.and_then(|hostile| {
            besides(&hostile, limits);
            let mut onto = params.clone();
            if codec.decompress_onto(&hostile, 1.0, &mut onto, limits).is_err() {
                assert_eq!(onto, params, "a refused packet changed something");
            }
            codec.decompress(&hostile, params.layout(), limits)
        });
        match outcome {
            Ok(back) => {
                assert!(back.is_finite());
                assert_eq!(back.layout(), params.layout());
                accepted += 1;
            }
            Err(error) => {
                refused += 1;
                deep += u32::from(number % 2 == 1 && !matches!(error, CompressError::Parts { .. }));
            }
        }
    }
    // The attack reaches past the header, and leaves something to accept.
    assert!(
        accepted > 100 && refused > 1000 && deep > 500,
        "{accepted} accepted, {refused} refused, {deep} deep"
    );
}

#[test]
fn dense() {
    attack(&Dense);
}

#[test]
fn uniform() {
    attack(&Uniform::new(8).expect("in range"));
    attack(&Uniform::new(3).expect("in range").with_block(10).expect("positive"));
}

#[test]
fn formats_of_fixed_length() {
    attack(&Absmax8::default());
    attack(&Absmax4::default());
    attack(&Nf4);
    [Float::E4M3, Float::E5M2, Float::F16, Float::BF16].iter().for_each(|format| attack(format));
    attack(&Sign);
}

#[test]
fn entropy_coded_formats() {
    attack(&Ecsq::bits(4.0).expect("in range"));
    attack(&Ecsq::step(1e-4).expect("positive"));
    attack_with(&Rotated::default(), &|_, _| {});
}

#[test]
fn steps_by_slices() {
    attack(&Sliced::bits(4.0).expect("in range"));
    attack(&Chain::new(TensorTrain::default(), Sliced::default()).expect("one transform"));
}

#[test]
fn tensor_train() {
    attack(&TensorTrain::default());
}

#[test]
fn tensor_train_uniform() {
    attack(&Chain::new(TensorTrain::default(), Uniform::new(5).expect("in range")).expect("one transform"));
}

/// One value in four, so that every field is worth an attack.
fn quarter() -> Density {
    Density::new(1, 4).expect("in range")
}

#[test]
fn sparse() {
    attack(&Top::new(quarter()));
    attack(&Top::new(quarter()).with_precision(Precision::Byte));
    attack(&Ternary::new(quarter()));
    attack(&Chunked::new(quarter()));
    attack(&Random::new(quarter()));
}

#[test]
fn cosine() {
    attack_with(&Cosine::new(quarter()), &|_, _| {});
    let short = Cosine::new(quarter()).with_chunk(16).expect("a power of two");
    attack_with(&short.with_precision(Precision::Byte), &|_, _| {});
}

#[test]
fn auto() {
    attack(&Auto::standard(Budget::Error(0.05)).expect("in range"));
}

#[test]
fn other_formats() {
    attack(&TensorTrainMatrix::default());
    attack(&Tucker::default());
    attack(&LowRank::new(1).expect("in range"));
    attack(&CanonicalPolyadic::new(Als::new(1)).expect("in range"));
}

#[test]
fn other_formats_uniform() {
    let bits = Uniform::new(5).expect("in range");
    attack(&Chain::new(TensorTrainMatrix::default(), bits).expect("one transform"));
    attack(&Chain::new(Tucker::default(), bits).expect("one transform"));
    attack(&Chain::new(LowRank::new(1).expect("in range"), bits).expect("one transform"));
    attack(&Chain::new(CanonicalPolyadic::new(Als::new(1)).expect("in range"), bits).expect("one transform"));
}

#[test]
fn noise_is_no_packet() {
    use rand::Rng;
    for number in 0..MUTANTS {
        let mut rng = Seed::from_number(number).rng();
        let mut bytes = vec![0; (rng.next_u32() % 120) as usize];
        rng.fill_bytes(&mut bytes);
        if number % 2 == 1 {
            let start = [&Packet::MAGIC[..], &[Packet::VERSION]].concat();
            bytes.iter_mut().zip(start).for_each(|(byte, new)| *byte = new);
        }
        if let Ok(packet) = Packet::from_bytes(&bytes, Limits::default()) {
            assert_eq!(packet.to_bytes(), bytes);
        }
    }
}
