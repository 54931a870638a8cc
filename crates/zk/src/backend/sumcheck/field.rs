//! The field, its extension, the hashes and the transcript.

use bitneuron_core::Digest;
use p3_blake3::Blake3;
use p3_challenger::{CanObserve, FieldChallenger, HashChallenger, SerializingChallenger64};
use p3_field::extension::CubicTrinomialExtensionField;
use p3_field::{PrimeCharacteristicRing, PrimeField64};
use p3_goldilocks::Goldilocks;
use p3_merkle_tree::MerkleTreeMmcs;
use p3_symmetric::{CompressionFunctionFromHasher, SerializingHasher};

/// Goldilocks, 2⁶⁴ − 2³² + 1: what tensors are made of.
pub type Val = Goldilocks;
/// Its cubic extension of 192 bits: where challenges come from.
pub type Ext = CubicTrinomialExtensionField<Val>;
/// The transcript: BLAKE3 over everything observed.
pub type Challenger = SerializingChallenger64<Val, HashChallenger<u8, Blake3, 32>>;
/// Merkle trees over BLAKE3.
pub(super) type Trees =
    MerkleTreeMmcs<Val, u8, SerializingHasher<Blake3>, CompressionFunctionFromHasher<Blake3, 2, 32>, 2, 32>;

/// Fresh trees.
pub(super) fn trees() -> Trees {
    Trees::new(SerializingHasher::new(Blake3), CompressionFunctionFromHasher::new(Blake3), 0)
}

/// A transcript that begins with what everything in it is bound to.
pub fn transcript(binding: Digest) -> Challenger {
    Challenger::from_hasher([b"bitneuron sumcheck v1".as_slice(), &binding.0].concat(), Blake3)
}

/// An integer of at most 2⁶² as an element.
pub fn element(value: i64) -> Val {
    let magnitude = Val::from_u64(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// The integer of least magnitude that an element stands for.
pub fn integer(element: Val) -> i64 {
    let word = element.as_canonical_u64();
    let negative = Val::ORDER_U64 - word;
    match i64::try_from(word) {
        Ok(value) if word <= negative => value,
        _ => i64::try_from(negative).map_or(i64::MIN, |value| -value),
    }
}

/// A point of so many coordinates, drawn from the transcript.
pub(super) fn point(challenger: &mut Challenger, coordinates: usize) -> Vec<Ext> {
    (0..coordinates).map(|_| challenger.sample_algebra_element()).collect()
}

/// Observes a number that both sides know.
pub(super) fn observe_number(challenger: &mut Challenger, number: usize) {
    challenger.observe(Val::from_usize(number));
}
