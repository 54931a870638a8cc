//! Hostile packets against every decoder: refused with a typed error, or finite values of the expected layout.

use bitneuron_compress::{
    Absmax4, Absmax8, Auto, CanonicalPolyadic, Chain, Chunked, CodecId, CompressError, Compressor, Cosine,
    Dense, Ecsq, ExactDecoder, Float, Limits, LowRank, Nf4, Packet, Random, Rotated, Sign, Sliced,
    TensorTrain, TensorTrainMatrix, Ternary, Top, Tucker, Uniform,
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

/// What is wrong, in which codec, with which bytes of a tensor of 5000 values.
type WrongPart = (&'static str, CodecId, Vec<u8>);

/// Positions of one kept value with these bits behind its gap, and `b` = 0.
fn one(gap: u32, width: u32, code: u64) -> Vec<u8> {
    let bits = (1u128 << gap | u128::from(code) << (gap + 1)).to_le_bytes();
    let length = (gap + 1 + width).div_ceil(8) as usize;
    [&[1, 0, 0, 0, 0], &bits[..length]].concat()
}

/// A first value of 2 at `at`, which is 4096 to 6143: there the parameter is 11, since S(10) = 2 and S(11) = 1.
fn far(at: u32) -> Vec<u8> {
    let bits = 1u64 << 2 | u64::from(at & 2047) << 3 | u64::from(2f32.to_bits()) << 14;
    [&[1, 0, 0, 0, 11], &bits.to_le_bytes()[..6]].concat()
}

#[test]
fn every_field_of_a_sparse_part_is_checked() {
    let layout = Arc::new(Layout::of(&[("w", &[5000])]).expect("small"));
    let decode = |codec: CodecId, part: &[u8]| {
        let packet = Packet::new(codec, layout.digest(), vec![part.to_vec()]).expect("small");
        bitneuron_compress::Registry::standard().decompress(&packet, &layout, Limits::default())
    };
    let with = |head: &[u8], positions: &[u8]| [head, positions].concat();
    let float = |value: f32| u64::from(value.to_bits());
    let levels =
        |low: u16, high: u16| [&1u32.to_le_bytes()[..], &low.to_le_bytes(), &high.to_le_bytes()].concat();
    let mean = |value: f32| value.to_le_bytes();
    let right: [WrongPart; 7] = [
        ("the last", CodecId::TOP, with(&[255], &far(4999))),
        ("full", CodecId::TOP, with(&[255], &one(1, 32, float(2.0)))),
        ("byte", CodecId::TOP, with(&[0, 127, 0], &one(1, 8, 0x80))),
        ("ternary", CodecId::TERNARY, with(&mean(2.0), &one(1, 1, 1))),
        ("chunked", CodecId::CHUNKED, with(&levels(0x4000, 0x4000), &one(1, 2, 1))),
        ("cosine", CodecId::COSINE, with(&[8, 255], &one(1, 32, float(2.0)))),
        ("nothing", CodecId::TOP, vec![]),
    ];
    for (what, codec, part) in right {
        let back = decode(codec, &part).expect(what);
        let others = back.values().iter().enumerate().filter(|(at, _)| ![1, 4999].contains(at));
        assert!(codec == CodecId::COSINE || others.map(|(_, x)| x.abs()).sum::<f32>() == 0.0, "{what}");
    }
    let wrong: Vec<WrongPart> = vec![
        ("a form that is not known", CodecId::TOP, with(&[8, 127, 0], &one(1, 8, 0))),
        ("a kept zero", CodecId::TOP, with(&[255], &one(1, 32, 0))),
        ("a kept minus zero", CodecId::TOP, with(&[255], &one(1, 32, float(-0.0)))),
        ("a kept infinity", CodecId::TOP, with(&[255], &one(1, 32, float(f32::INFINITY)))),
        ("a byte of zero", CodecId::TOP, with(&[0, 0, 0], &one(1, 8, 0))),
        ("a byte beyond the largest", CodecId::TOP, with(&[0, 255, 0], &one(1, 8, 0))),
        ("a base far beyond", CodecId::TOP, with(&[7, 255, 255], &one(1, 8, 0))),
        ("a least code above zero", CodecId::TOP, with(&[0, 126, 0], &one(1, 8, 1))),
        ("not in lowest terms", CodecId::TOP, with(&[1, 254, 0], &one(1, 8, 0))),
        ("no value", CodecId::TOP, with(&[255], &[0, 0, 0, 0, 0])),
        (
            "more values than the tensor",
            CodecId::TOP,
            with(&[255], &with(&[0x89, 0x13, 0, 0, 0], &[0xff; 30_000])),
        ),
        ("a value outside", CodecId::TOP, with(&[255], &far(5000))),
        ("a longer parameter", CodecId::TERNARY, with(&mean(2.0), &[1, 0, 0, 0, 1, 0b0000_0011])),
        ("a shorter parameter", CodecId::TERNARY, with(&mean(2.0), &one(20, 1, 0))),
        ("bits left over", CodecId::TERNARY, with(&mean(2.0), &with(&one(1, 1, 0), &[0]))),
        ("a padding that is not zero", CodecId::TERNARY, with(&mean(2.0), &one(1, 1, 2))),
        ("a mean of zero", CodecId::TERNARY, with(&mean(0.0), &one(1, 1, 0))),
        ("a mean below zero", CodecId::TERNARY, with(&mean(-1.0), &one(1, 1, 0))),
        ("a mean that is none", CodecId::TERNARY, with(&mean(f32::NAN), &one(1, 1, 0))),
        ("levels out of order", CodecId::CHUNKED, with(&levels(0x4001, 0x4000), &one(1, 2, 0))),
        ("a level of zero", CodecId::CHUNKED, with(&levels(0, 0x4000), &one(1, 2, 0))),
        ("a level of infinity", CodecId::CHUNKED, with(&levels(0x7f80, 0x7f80), &one(1, 2, 0))),
        ("a high level not used", CodecId::CHUNKED, with(&levels(0x4000, 0x4001), &one(1, 2, 0))),
        ("a low level not used", CodecId::CHUNKED, with(&levels(0x4000, 0x4001), &one(1, 2, 2))),
        ("one level under two names", CodecId::CHUNKED, with(&levels(0x4000, 0x4000), &one(1, 2, 2))),
        ("a chunk without levels", CodecId::CHUNKED, with(&0u32.to_le_bytes(), &one(1, 2, 0))),
        (
            "levels without a chunk",
            CodecId::CHUNKED,
            with(&[2u32.to_le_bytes(), [0, 0x40, 0, 0x40], [0, 0x40, 0, 0x40]].concat(), &one(1, 2, 0)),
        ),
        (
            "more chunks than the tensor",
            CodecId::CHUNKED,
            with(&with(&3u32.to_le_bytes(), &[0, 0x40, 0, 0x40].repeat(3)), &one(1, 2, 0)),
        ),
        ("a chunk of 8192", CodecId::COSINE, with(&[13, 255], &one(1, 32, float(2.0)))),
    ];
    for (what, codec, part) in wrong {
        assert!(decode(codec, &part).is_err(), "{what}");
    }
    let small = Arc::new(Layout::of(&[("w", &[1])]).expect("small"));
    let packet = Packet::new(CodecId::COSINE, small.digest(), vec![with(&[3, 255], &one(0, 32, float(2.0)))]);
    let refused = Cosine::default().decompress(&packet.expect("small"), &small, Limits::default());
    assert!(refused.is_err(), "a chunk more than half empty");
}

#[test]
fn every_field_of_a_random_head_is_checked() {
    let layout = Arc::new(Layout::of(&[("w", &[8])]).expect("small"));
    let decode = |kept: u32, of: u32, values: usize, more: &[u8]| {
        let head = [&[7; 32], &kept.to_le_bytes()[..], &of.to_le_bytes(), more].concat();
        let packet = Packet::new(CodecId::RANDOM, layout.digest(), vec![head, vec![0; 4 * values]]);
        Random::default().decompress(&packet.expect("small"), &layout, Limits::default())
    };
    assert!(decode(1, 4, 2, &[]).is_ok());
    for (kept, of, values, more) in [
        (2, 8, 2, &[][..]),
        (0, 4, 0, &[]),
        (5, 4, 8, &[]),
        (1, 4, 3, &[]),
        (1, 4, 1, &[]),
        (1, 4, 2, &[0]),
        (1, u32::MAX, 1, &[]),
    ] {
        assert!(decode(kept, of, values, more).is_err(), "{kept}/{of}, {values} values, {more:?}");
    }
}

#[test]
fn choices_nest_one_level_deep() {
    let layout = Arc::new(Layout::of(&[("w", &[3])]).expect("small"));
    let auto = Auto::default();
    let decode = |part: Vec<u8>| {
        let packet = Packet::new(CodecId::AUTO, layout.digest(), vec![part]).expect("small");
        auto.decompress(&packet, &layout, Limits::default())
    };
    let nested = |codec: CodecId, parts: &[&[u8]]| {
        let mut part = [codec.0.to_le_bytes(), (parts.len() as u16).to_le_bytes()].concat();
        parts.iter().for_each(|inner| part.extend((inner.len() as u32).to_le_bytes()));
        parts.iter().for_each(|inner| part.extend_from_slice(inner));
        part
    };
    let dense = nested(CodecId::DENSE, &[&[0; 12]]);
    assert!(decode(dense.clone()).is_ok());
    let twice = decode(nested(CodecId::AUTO, &[&dense]));
    assert!(matches!(twice, Err(CompressError::UnknownCodec(CodecId::AUTO))));
    assert!(decode(nested(CodecId(0x00ff), &[])).is_err());
    for part in
        [vec![], dense[..19].to_vec(), [&dense[..], &[0]].concat(), nested(CodecId::DENSE, &[&[0; 12], &[]])]
    {
        assert!(decode(part).is_err());
    }
    let empty = Arc::new(Layout::of(&[("w", &[0])]).expect("small"));
    let packet = Packet::new(CodecId::AUTO, empty.digest(), vec![nested(CodecId::DENSE, &[&[]])]);
    assert!(auto.decompress(&packet.expect("small"), &empty, Limits::default()).is_err());
}

/// A packet of `codec` for one tensor of these dimensions, with this structure and factors of ones of these lengths.
fn ones(
    codec: &dyn Compressor,
    dims: &[u32],
    structure: &[u8],
    lengths: &[usize],
) -> Result<Params, CompressError> {
    let layout = Arc::new(Layout::of(&[("w", dims)]).expect("small"));
    let factor = |count: &usize| std::iter::repeat_n(1f32.to_le_bytes(), *count).flatten().collect();
    let parts = std::iter::once(structure.to_vec()).chain(lengths.iter().map(factor)).collect();
    let packet = Packet::new(codec.codec(), layout.digest(), parts).expect("small");
    codec.decompress(&packet, &layout, Limits::default())
}

/// What is wrong, and the modes and ranks that are.
type Claim<'a> = (&'a str, &'a [[u32; 2]], &'a [u16]);

#[test]
fn every_field_of_a_matrix_train_is_checked() {
    let structure = |pairs: &[[u32; 2]], ranks: &[u16]| {
        let mut bytes = vec![pairs.len() as u8];
        bytes.extend(pairs.iter().flatten().flat_map(|mode| mode.to_le_bytes()));
        bytes.extend(ranks.iter().flat_map(|rank| rank.to_le_bytes()));
        bytes
    };
    let open = |pairs: &[[u32; 2]], ranks: &[u16], lengths: &[usize]| {
        ones(&TensorTrainMatrix::default(), &[8, 16], &structure(pairs, ranks), lengths)
    };
    assert_eq!(open(&[[2, 4], [4, 4]], &[2], &[16, 32]).expect("well formed").values(), [2.0; 128]);
    assert_eq!(open(&[[1, 4], [8, 4]], &[1], &[4, 32]).expect("a mode of one").values(), [1.0; 128]);
    let wrong: [Claim<'_>; 7] = [
        ("one core", &[[8, 16]], &[]),
        ("rows and columns changed", &[[4, 2], [4, 4]], &[2]),
        ("a mode of zero", &[[0, 4], [4, 4]], &[1]),
        ("a pair of ones", &[[1, 1], [8, 16]], &[1]),
        ("modes that overflow", &[[u32::MAX, u32::MAX], [u32::MAX, u32::MAX]], &[1]),
        ("a rank of zero", &[[2, 4], [4, 4]], &[0]),
        ("a rank beyond its side", &[[2, 4], [4, 4]], &[9]),
    ];
    for (what, pairs, ranks) in wrong {
        assert!(matches!(open(pairs, ranks, &[16, 32]), Err(CompressError::Malformed(_))), "{what}");
    }
}

#[test]
fn every_field_of_a_core_is_checked() {
    let open =
        |structure: &[u8], lengths: &[usize]| ones(&Tucker::default(), &[4, 1, 6, 5], structure, lengths);
    // The mode of 4 is full and has no factor.
    assert_eq!(open(&[3, 4, 0, 2, 0, 2, 0], &[16, 12, 10]).expect("well formed").values(), [4.0; 120]);
    let wrong: [(&str, &[u8]); 7] = [
        ("two modes", &[2, 4, 0, 2, 0]),
        ("four modes", &[4, 4, 0, 2, 0, 2, 0, 1, 0]),
        ("a rank of zero", &[3, 4, 0, 0, 0, 2, 0]),
        ("a rank beyond its mode", &[3, 4, 0, 7, 0, 2, 0]),
        ("a rank beyond the others", &[3, 4, 0, 1, 0, 2, 0]),
        ("no smaller", &[3, 4, 0, 6, 0, 5, 0]),
        ("ranks that end early", &[3, 4, 0, 2, 0]),
    ];
    for (what, structure) in wrong {
        assert!(matches!(open(structure, &[16, 12, 10]), Err(CompressError::Malformed(_))), "{what}");
    }
}

#[test]
fn every_field_of_components_and_low_ranks_is_checked() {
    let components = |structure: &[u8], dims: &[u32], lengths: &[usize]| {
        ones(&CanonicalPolyadic::default(), dims, structure, lengths)
    };
    assert_eq!(
        components(&[1, 2, 0], &[4, 1, 5, 6], &[8, 10, 12]).expect("well formed").values(),
        [2.0; 120]
    );
    let low_rank =
        |structure: &[u8], lengths: &[usize]| ones(&LowRank::default(), &[4, 5, 6], structure, lengths);
    assert_eq!(low_rank(&[1, 2, 0], &[40, 12]).expect("well formed").values(), [2.0; 120]);
    let wrong: [(&str, &[u8]); 5] = [
        ("another flag", &[2, 2, 0]),
        ("a rank of zero", &[1, 0, 0]),
        ("no smaller", &[1, 9, 0]),
        ("a rank that ends early", &[1, 2]),
        ("bytes left over", &[1, 2, 0, 0]),
    ];
    for (what, structure) in wrong {
        assert!(
            matches!(components(structure, &[4, 1, 5, 6], &[8, 10, 12]), Err(CompressError::Malformed(_))),
            "{what}"
        );
        assert!(matches!(low_rank(structure, &[40, 12]), Err(CompressError::Malformed(_))), "{what}");
    }
    // Modes of one alone are no matrix.
    assert!(components(&[1, 1, 0], &[64, 1], &[64, 1]).is_err());
}
