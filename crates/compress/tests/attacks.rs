//! Hostile packets against every decoder: refused with a typed error, or finite values of the expected layout.

use bitneuron_compress::{
    Absmax4, Absmax8, Chain, CodecId, CompressError, Compressor, Dense, Ecsq, ExactDecoder, Float, Limits,
    Nf4, Packet, Rotated, Sign, TensorTrain, Uniform,
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

/// Half of the mutants have their bytes damaged anywhere, half have a right header and one field wrong.
fn attack(codec: &dyn ExactDecoder) {
    attack_both(codec, Some(codec));
}

fn attack_both(codec: &dyn Compressor, exact: Option<&dyn ExactDecoder>) {
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
            let decode = |exact: &dyn ExactDecoder| exact.decompress_exact(&hostile, params.layout(), limits);
            if let Some(Ok(integers)) = exact.map(decode) {
                assert_eq!(integers.len(), params.values().len());
                assert!(integers.iter().all(|integer| i64::from(*integer).abs() <= WEIGHT_LIMIT));
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
    attack_both(&Rotated::default(), None);
}

#[test]
fn tensor_train() {
    attack(&TensorTrain::default());
}

#[test]
fn tensor_train_uniform() {
    attack(&Chain::new(TensorTrain::default(), Uniform::new(5).expect("in range")).expect("one transform"));
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

/// The part of a tensor of `n` elements with 2 bits in one block, with `edit` applied.
fn uniform_part(edit: impl FnOnce(&mut Vec<u8>)) -> Result<Params, CompressError> {
    let layout = Arc::new(Layout::of(&[("w", &[3])]).expect("small"));
    let mut part = vec![2, 0];
    part.extend(3u32.to_le_bytes());
    part.extend((-1i32).to_le_bytes());
    part.extend(1u32.to_le_bytes());
    part.push(0b10_01_00);
    edit(&mut part);
    let packet = Packet::new(CodecId::UNIFORM, layout.digest(), vec![part]).expect("small");
    Uniform::default().decompress(&packet, &layout, Limits::default())
}

/// What is wrong, and how it is made so.
type Edit = (&'static str, fn(&mut Vec<u8>));

#[test]
fn every_field_of_a_uniform_part_is_checked() {
    assert_eq!(uniform_part(|_| {}).expect("well formed").values(), [-1.0, 0.0, 1.0]);
    let wrong: [Edit; 11] = [
        ("no bits", |part| part[0] = 0),
        ("seventeen bits", |part| part[0] = 17),
        ("exponent above", |part| part[1] = 105),
        ("exponent below", |part| part[1] = -127i8 as u8),
        ("no block", |part| part[2] = 0),
        ("block beyond the tensor", |part| part[2] = 4),
        ("more blocks than headers", |part| part[2] = 1),
        ("offset beyond 24 bits", |part| part[9] = 0x7f),
        ("step beyond 24 bits", |part| part[13] = 0xff),
        ("a step of zero with codes", |part| part[10] = 0),
        ("bits behind the codes", |part| part[14] |= 0x40),
    ];
    for (what, edit) in wrong {
        assert!(uniform_part(edit).is_err(), "{what}");
    }
    assert!(uniform_part(|part| part[14] = 0).is_err(), "a step without codes");
}

/// The part of three elements, made by `codec` of 1, −2 and 0.5, with `edit` applied.
fn fixed_part(codec: &dyn ExactDecoder, edit: impl Fn(&mut Vec<u8>)) -> Result<Params, CompressError> {
    let layout = Arc::new(Layout::of(&[("w", &[3])]).expect("small"));
    let params = Params::new(vec![1.0, -2.0, 0.5], layout.clone()).expect("fits");
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let mut part = packet.parts()[0].0.clone();
    edit(&mut part);
    let packet = Packet::new(codec.codec(), layout.digest(), vec![part]).expect("small");
    let values = codec.decompress(&packet, &layout, Limits::default());
    let integers = codec.decompress_exact(&packet, &layout, Limits::default());
    assert!(values.is_ok() || integers.is_err(), "integers of what is refused");
    values
}

#[test]
fn every_field_of_a_fixed_part_is_checked() {
    let zeroed: Edit = ("codes without a scale", |part| part[..2].fill(0));
    let codes: Edit = ("a scale without codes", |part| part[2..].fill(0));
    let scales: [Edit; 4] = [
        zeroed,
        ("a negative scale", |part| part[1] |= 0x80),
        ("an infinite scale", |part| part[..2].copy_from_slice(&[0x80, 0x7f])),
        ("a scale below the normal numbers", |part| part[..2].copy_from_slice(&[0x7f, 0])),
    ];
    let behind: Edit = ("bits behind the codes", |part| *part.last_mut().expect("codes") |= 0x80);
    let least8: Edit = ("-128 is no code", |part| part[2] = 0x80);
    let least4: Edit = ("-8 is no code", |part| part[2] = 0x80);
    let large: Edit =
        ("a scale that overflows with its code", |part| part[..2].copy_from_slice(&[0x7f, 0x7f]));
    let level: Edit = ("a scale with zeros alone", |part| part[2..].copy_from_slice(&[0x77, 0x07]));
    let no_number: Edit = ("a code that is no number", |part| *part.last_mut().expect("codes") = 0x7f);
    let wide: Edit = ("a scale larger than needed", |part| part[1..].fill(1));
    let far: Edit = ("a scale out of range", |part| part[0] = 120);
    let sign: [Edit; 5] = [
        ("a negative scale", |part| part[3] |= 0x80),
        ("a scale that is not finite", |part| part[..4].copy_from_slice(&[0, 0, 0xc0, 0x7f])),
        ("minus zero as a scale", |part| part[..4].copy_from_slice(&[0, 0, 0, 0x80])),
        ("signs of zeros", |part| part[..4].fill(0)),
        behind,
    ];
    let table: [(&dyn ExactDecoder, &[Edit]); 8] = [
        (&Absmax8::default(), &[&scales[..], &[codes, least8, large][..]].concat()),
        (&Absmax4::default(), &[&scales[..], &[codes, least4, large, behind][..]].concat()),
        (&Nf4, &[&scales[..], &[level, behind][..]].concat()),
        (&Float::E4M3, &[no_number, far, wide]),
        (&Float::E5M2, &[no_number, far, wide]),
        (&Float::F16, &[no_number, far, wide]),
        (&Float::BF16, &[("an infinity", |part| part[..2].copy_from_slice(&[0x80, 0x7f]))]),
        (&Sign, &sign),
    ];
    let mut accepted = Vec::new();
    for (codec, edits) in table {
        fixed_part(codec, |_| {}).expect("well formed");
        for (what, edit) in edits {
            if fixed_part(codec, edit).is_ok() {
                accepted.push((codec.codec(), what));
            }
        }
    }
    assert!(accepted.is_empty(), "{accepted:?}");
}

/// A train with this structure and the factors it asks for, all of them 1.
fn train(modes: &[u32], ranks: &[u16], elements: u32) -> Result<Params, CompressError> {
    let layout = Arc::new(Layout::of(&[("w", &[elements])]).expect("small"));
    let mut structure = vec![modes.len() as u8];
    structure.extend(modes.iter().flat_map(|mode| mode.to_le_bytes()));
    structure.extend(ranks.iter().flat_map(|rank| rank.to_le_bytes()));
    let bonds: Vec<usize> = [&[1], ranks, &[1]].concat().iter().map(|rank| usize::from(*rank)).collect();
    let ones = |count: usize| std::iter::repeat_n(1f32.to_le_bytes(), count.min(1 << 20)).flatten().collect();
    let cores =
        modes.iter().zip(bonds.windows(2)).map(|(mode, bond)| ones(bond[0] * *mode as usize * bond[1]));
    let parts = std::iter::once(structure).chain(cores).collect();
    let packet = Packet::new(CodecId::TENSOR_TRAIN, layout.digest(), parts).expect("small");
    TensorTrain::default().decompress(&packet, &layout, Limits::default())
}

#[test]
fn every_field_of_a_train_is_checked() {
    assert_eq!(train(&[4, 4, 4], &[2, 2], 64).expect("well formed").values(), [4.0; 64]);
    let wrong: [(&str, &[u32], &[u16]); 9] = [
        ("one mode", &[64], &[]),
        ("a mode of one", &[1, 4, 4, 4], &[1, 1, 1]),
        ("a mode of zero", &[0, 64], &[1]),
        ("another product", &[4, 4, 3], &[1, 1]),
        ("a product that overflows", &[u32::MAX, u32::MAX, u32::MAX], &[1, 1]),
        ("a rank of zero", &[4, 4, 4], &[0, 1]),
        ("a rank beyond the left side", &[2, 2, 16], &[3, 1]),
        ("a rank beyond the right side", &[4, 4, 4], &[2, 5]),
        ("no smaller than the tensor", &[4, 4, 4], &[4, 4]),
    ];
    for (what, modes, ranks) in wrong {
        assert!(matches!(train(modes, ranks, 64), Err(CompressError::Malformed(_))), "{what}");
    }
    assert!(matches!(train(&[2; 33], &[1; 32], 64), Err(CompressError::Malformed(_))), "33 modes");
}

#[test]
fn cores_that_overflow_are_refused() {
    let layout = Arc::new(Layout::of(&[("w", &[64])]).expect("small"));
    let mut structure = vec![3];
    structure.extend([4u32, 4, 4].iter().flat_map(|mode| mode.to_le_bytes()));
    structure.extend([1u16, 1].iter().flat_map(|rank| rank.to_le_bytes()));
    for (value, exact_only) in [(1e30f32, false), (1e3, true)] {
        let core: Vec<u8> = std::iter::repeat_n(value.to_le_bytes(), 4).flatten().collect();
        let parts = vec![structure.clone(), core.clone(), core.clone(), core];
        let packet = Packet::new(CodecId::TENSOR_TRAIN, layout.digest(), parts).expect("small");
        let codec = TensorTrain::default();
        assert_eq!(codec.decompress(&packet, &layout, Limits::default()).is_ok(), exact_only);
        assert!(codec.decompress_exact(&packet, &layout, Limits::default()).is_err());
    }
}
