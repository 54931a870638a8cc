//! Differences: what is sent is what changed, what is left out comes later, and a receiver without the base says so.

use bitneuron_compress::sparse::Density;
use bitneuron_compress::{
    CodecId, CompressError, Compressor, Dense, Difference, Differences, Ecsq, Encoder, Limits, Packet,
    Registry, TensorTrain, Ternary, Uniform,
};
use bitneuron_core::exact::fixed::{WEIGHT_BITS, WEIGHT_LIMIT, from_f32};
use bitneuron_core::{Commitment, Digest, Layout, Params, Seed};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::Arc;

const NAME: Commitment = Commitment { scheme: 7, root: Digest([9; 32]) };

fn layout() -> Arc<Layout> {
    Arc::new(Layout::of(&[("w", &[20, 30]), ("b", &[30])]).expect("small"))
}

fn noise(seed: u64, scale: f32) -> Params {
    let mut rng = Seed::from_number(seed).rng();
    let values = (0..630).map(|_| scale * (2.0 * rng.random::<f32>() - 1.0)).collect();
    Params::new(values, layout()).expect("fits")
}

fn integers(params: &Params) -> Vec<i32> {
    params.values().iter().map(|value| from_f32(*value, WEIGHT_BITS, WEIGHT_LIMIT) as i32).collect()
}

/// A model whose values have 12 fractional bits, as heads have.
fn head(seed: u64) -> Params {
    let mut head = noise(seed, 0.5);
    head.values_mut().iter_mut().for_each(|value| *value = (*value * 4096.0).round() / 4096.0);
    head
}

fn codecs() -> Vec<Arc<dyn Compressor>> {
    vec![
        Arc::new(Dense),
        Arc::new(Uniform::default()),
        Arc::new(Ecsq::relative_error(0.1).expect("in range")),
        Arc::new(Ternary::new(Density::new(1, 20).expect("a share"))),
        Arc::new(TensorTrain::tolerance(0.2).expect("in range")),
    ]
}

fn open(packet: &Packet, base: &[i32]) -> Result<Vec<i32>, CompressError> {
    let difference = Difference::of(packet)?.expect("a difference");
    difference.onto(base, &Registry::standard(), &layout(), Limits::of(&layout()))
}

#[test]
fn every_codec_carries_differences_and_the_bytes_read_back() {
    let (base, change) = (head(1), noise(2, 0.02));
    let mut model = base.clone();
    model.values_mut().iter_mut().zip(change.values()).for_each(|(value, change)| *value += change);
    for codec in codecs() {
        let mut differences = Differences::new(codec.clone(), NAME, base.clone());
        let packet = differences.encode(&model, Seed::default()).expect("finite");
        let same = Packet::from_bytes(&packet.to_bytes(), Limits::of(&layout())).expect("own bytes");
        let difference = Difference::of(&same).expect("well-formed").expect("a difference");
        assert_eq!((difference.base(), difference.change().codec()), (NAME, codec.codec()));
        assert_eq!(difference.into_packet().expect("few parts"), packet);
        let found = open(&packet, &integers(&base)).expect("the base is known");
        // The receiver has the base and exactly what the codec carried of the change, but for rounding.
        let mut owed = model.clone();
        let memory = differences.memory().expect("small");
        let residual = Dense.decompress(memory.residual(), &layout(), Limits::default()).expect("own memory");
        owed.values_mut().iter_mut().zip(residual.values()).for_each(|(value, owed)| *value -= owed);
        for (found, sent) in found.iter().zip(integers(&owed)) {
            assert!((found - sent).abs() <= 1, "{:?}: {found} {sent}", codec.codec());
        }
    }
}

#[test]
fn what_is_left_out_comes_with_the_next_difference_from_whatever_base() {
    let codec = Ternary::new(Density::new(1, 20).expect("a share"));
    let mut differences = Differences::new(codec, NAME, head(1));
    let (mut wanted, mut found) = (vec![0f64; 630], vec![0f64; 630]);
    for round in 0..60u64 {
        let base = head(round);
        let name = Commitment { scheme: 1, root: Digest([round as u8; 32]) };
        differences.start_from(name, base.clone()).expect("one layout");
        let mut model = base.clone();
        // The same change each time, and a little noise.
        for ((value, steady), loose) in model
            .values_mut()
            .iter_mut()
            .zip(noise(100, 0.01).values())
            .zip(noise(200 + round, 0.01).values())
        {
            *value += steady + loose;
        }
        let packet = differences.encode(&model, Seed::default()).expect("finite");
        assert_eq!(Difference::of(&packet).expect("well-formed").expect("a difference").base(), name);
        let got = open(&packet, &integers(&base)).expect("known");
        for (at, base) in base.values().iter().enumerate() {
            wanted[at] += f64::from(model.values()[at] - base);
            found[at] += f64::from(got[at]) / 4096.0 - f64::from(*base);
        }
    }
    let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let missed: Vec<f64> = wanted.iter().zip(&found).map(|(wanted, found)| wanted - found).collect();
    assert!(norm(&missed) < 0.5 * norm(&wanted), "{} of {}", norm(&missed), norm(&wanted));
}

#[test]
fn memory_goes_on_where_it_stopped() {
    let codec = Ternary::new(Density::new(1, 50).expect("a share"));
    let mut one = Differences::new(codec, NAME, head(1));
    one.encode(&noise(2, 0.5), Seed::default()).expect("finite");
    let memory = one.memory().expect("small");
    let mut two = Differences::restore(codec, NAME, head(1), &memory).expect("own memory");
    let next = noise(3, 0.5);
    assert_eq!(
        one.encode(&next, Seed::default()).expect("finite"),
        two.encode(&next, Seed::default()).expect("finite")
    );
    let other = Arc::new(Layout::of(&[("w", &[630])]).expect("small"));
    assert!(Differences::restore(codec, NAME, Params::zeros(other.clone()), &memory).is_err());
    assert!(matches!(one.start_from(NAME, Params::zeros(other.clone())), Err(CompressError::Layout)));
    assert!(matches!(one.encode(&Params::zeros(other), Seed::default()), Err(CompressError::Layout)));
    let mut endless = noise(4, 0.5);
    endless.values_mut()[7] = f32::NAN;
    let before = one.memory().expect("small");
    assert!(one.encode(&endless, Seed::default()).is_err());
    assert_eq!(one.memory().expect("small"), before, "a refusal is forgotten");
}

#[test]
fn sums_are_moved_into_the_interval_of_weights() {
    let limit = WEIGHT_LIMIT as i32;
    let change = Params::new(vec![3.0; 630], layout()).expect("fits");
    let packet = Difference::new(NAME, Dense.compress(&change, Seed::default()).expect("finite"));
    let packet = packet.expect("whole").into_packet().expect("few parts");
    let found = open(&packet, &vec![limit; 630]).expect("a model");
    assert!(found.iter().all(|value| *value == limit));
    assert!(open(&packet, &vec![0; 629]).is_err(), "a base of another layout");
}

#[test]
fn what_is_no_difference_is_none_and_what_is_malformed_is_refused() {
    let whole = Dense.compress(&head(1), Seed::default()).expect("finite");
    assert_eq!(Difference::of(&whole).expect("well-formed"), None);
    let good = Difference::new(NAME, whole.clone()).expect("whole").into_packet().expect("few parts");
    assert!(Difference::new(NAME, good.clone()).is_err(), "no differences of differences");
    let parts: Vec<Vec<u8>> = good.parts().iter().map(|part| part.to_vec()).collect();
    let with = |first: Vec<u8>| {
        let parts = std::iter::once(first).chain(parts[1..].iter().cloned()).collect();
        Packet::new(CodecId::DIFFERENCE, good.layout(), parts).expect("few parts")
    };
    assert_eq!(with(parts[0].clone()), good);
    let (short, long) = (parts[0][..35].to_vec(), [&parts[0][..], &[0]].concat());
    let mut nested = parts[0].clone();
    nested[34..].copy_from_slice(&CodecId::DIFFERENCE.0.to_le_bytes());
    for first in [vec![], short, long, nested] {
        assert!(Difference::of(&with(first)).is_err());
    }
    assert!(
        Difference::of(&Packet::new(CodecId::DIFFERENCE, good.layout(), vec![]).expect("empty")).is_err()
    );
    let mut unknown = parts[0].clone();
    unknown[34..].copy_from_slice(&0x7777u16.to_le_bytes());
    assert!(matches!(open(&with(unknown), &[0; 630]), Err(CompressError::UnknownCodec(_))));
    let rotated = CodecId::ROTATED.0.to_le_bytes();
    let mut inexact = parts[0].clone();
    inexact[34..].copy_from_slice(&rotated);
    assert!(matches!(open(&with(inexact), &[0; 630]), Err(CompressError::UnknownCodec(_))), "not exact");
    // Nobody opens a difference without its base.
    let limits = Limits::of(&layout());
    assert!(Registry::standard().decompress_exact(&good, &layout(), limits).is_err());
    assert!(Registry::standard().decompress(&good, &layout(), limits).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_bytes_give_a_model_or_an_error(at in any::<prop::sample::Index>(), flips in prop::collection::vec(any::<u8>(), 1..6), pick in 0usize..5) {
        let base = head(1);
        let mut differences = Differences::new(codecs()[pick].clone(), NAME, base.clone());
        let mut bytes = differences.encode(&head(2), Seed::default()).expect("finite").to_bytes();
        let start = at.index(bytes.len());
        bytes[start..].iter_mut().zip(flips).for_each(|(byte, flip)| *byte ^= flip);
        if let Ok(packet) = Packet::from_bytes(&bytes, Limits::of(&layout()))
            && let Ok(Some(difference)) = Difference::of(&packet)
            && let Ok(model) = difference.onto(&integers(&base), &Registry::standard(), &layout(), Limits::of(&layout()))
        {
            prop_assert!(model.len() == 630 && model.iter().all(|value| i64::from(value.abs()) <= WEIGHT_LIMIT));
            prop_assert_eq!(difference.into_packet().expect("few parts").to_bytes(), bytes);
        }
    }
}
