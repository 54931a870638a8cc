//! Hostile packets against every decoder: refused with a typed error, or finite values of the expected layout.

use bitneuron_compress::{
    CanonicalPolyadic, Chain, CodecId, CompressError, Compressor, Dense, ExactDecoder, Limits, LowRank,
    Packet, TensorTrain, TensorTrainMatrix, Tucker, Uniform,
    cp::Als,
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
            if let Ok(integers) = codec.decompress_exact(&hostile, params.layout(), limits) {
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
fn tensor_train() {
    attack(&TensorTrain::default());
}

#[test]
fn tensor_train_uniform() {
    attack(&Chain::new(TensorTrain::default(), Uniform::new(5).expect("in range")).expect("one transform"));
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
        ("nine bits", |part| part[0] = 9),
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
