//! Every field of the packets of values, and of choices among codecs.

use bitneuron_compress::{
    Absmax4, Absmax8, Auto, CodecId, CompressError, Compressor, ExactDecoder, Float, Limits, Nf4, Packet,
    Sign, Uniform,
};
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

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
