//! Every field of the packets of few values.

use bitneuron_compress::{CodecId, Compressor, Cosine, Limits, Packet, Random};
use bitneuron_core::Layout;
use std::sync::Arc;

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
