//! Every field of the packets of factors: trains, cores, components.

use bitneuron_compress::{
    CanonicalPolyadic, CodecId, CompressError, Compressor, ExactDecoder, Limits, LowRank, Packet,
    TensorTrain, TensorTrainMatrix, Tucker,
};
use bitneuron_core::{Layout, Params};
use std::sync::Arc;

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
