//! The library's engine with commitments that the outside knows.
//!
//! Spartan commits to the witness in three segments. The first, *shared*, holds the committed tensors of a relation, each in rows of
//! its own, so that its rows are exactly the tensors' own commitments: Pedersen commitments of [`WIDTH`] elements each. For that
//! the blinds must be the owner's, where the library draws fresh ones. [`Linked`] is Hyrax over T256 with this one change: inside
//! [`masked`], blinds of the shared segment are those given, and all others are the library's own plus a stream of ours, so that
//! they hide as long as either source does.

use super::vault::Rows;
use bitneuron_core::{Seed, Wire, decode, encode};
use ff::Field;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};
use spartan2::errors::SpartanError as Failure;
use spartan2::provider::keccak::Keccak256Transcript;
use spartan2::provider::pcs::hyrax_pc::{
    HyraxBlind, HyraxCommitment, HyraxCommitmentKey, HyraxEvaluationArgument, HyraxPCS, HyraxVerifierKey,
};
use spartan2::provider::pt256::t256;
use spartan2::traits::pcs::{FoldingEngineTrait, PCSEngineTrait};
use spartan2::traits::{Engine, PrimeFieldExt};
use std::cell::RefCell;
use std::sync::OnceLock;

/// The field of circuits, of about 2²⁵⁶ elements.
pub(super) type Scalar = t256::Scalar;
/// Elements of a row, as the library has them.
pub(super) const WIDTH: usize = 2048;
/// The name under which the library derives the generators of rows.
const LABEL: &[u8] = b"ck";

type Hyrax = HyraxPCS<Curve>;
pub(super) type Key = HyraxCommitmentKey<Curve>;
type Blind = HyraxBlind<Curve>;
type Commitment = HyraxCommitment<Curve>;

/// T256 with Hyrax commitments that can be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Curve;

impl Engine for Curve {
    type Base = t256::Base;
    type Scalar = t256::Scalar;
    type GE = t256::Point;
    type TE = Keccak256Transcript<Self>;
    type PCS = Linked;
}

/// Where blinds come from while a proof is made.
struct Masks {
    /// The blinds of the shared segment, a row each.
    shared: Vec<Scalar>,
    stream: ChaCha12Rng,
    /// How many blinds were asked for.
    asked: usize,
}

thread_local! {
    static MASKS: RefCell<Option<Masks>> = const { RefCell::new(None) };
}

/// Runs `work` with the blinds of the shared segment set to `shared`, and a stream of `seed` added to all others. While a thread
/// waits inside it may take up another proof, and then finds its own masks again.
pub(super) fn masked<T>(shared: Vec<Scalar>, seed: Seed, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<Masks>);
    impl Drop for Restore {
        fn drop(&mut self) {
            MASKS.set(self.0.take());
        }
    }
    let own = Masks { shared, stream: seed.rng(), asked: 0 };
    let _restore = Restore(MASKS.replace(Some(own)));
    work()
}

impl Masks {
    /// The blinds in the place of `fresh`. The library asks in this order: shared and early segment when the witness is
    /// committed, both again when it is made anew for the proof, then all others.
    fn blind(&mut self, fresh: Vec<Scalar>) -> Vec<Scalar> {
        let turn = self.asked;
        self.asked += 1;
        if !self.shared.is_empty() && (turn == 0 || turn == 2) {
            return self.shared.clone();
        }
        fresh.into_iter().map(|own| own + uniform(&mut self.stream)).collect()
    }
}

/// A uniform element of the field.
pub(super) fn uniform(stream: &mut ChaCha12Rng) -> Scalar {
    let mut bytes = [0; 64];
    stream.fill_bytes(&mut bytes);
    Scalar::from_uniform(&bytes)
}

/// The generators of rows, derived once.
pub(super) fn key() -> &'static Key {
    &keys().0
}

fn keys() -> &'static (Key, HyraxVerifierKey<Curve>) {
    static KEYS: OnceLock<(Key, HyraxVerifierKey<Curve>)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let keys = Hyrax::setup(LABEL, WIDTH, WIDTH);
        Hyrax::precompute_ck(&keys.0);
        keys
    })
}

/// Commits to rows under given blinds, one a row.
pub(super) fn commit(elements: &[Scalar], blinds: &[Scalar]) -> Option<Rows> {
    let blind = blind_of(blinds)?;
    let commitment = Hyrax::commit(key(), elements, &blind, false).ok()?;
    Some(Rows::of(&encode(&Foreign(commitment))))
}

/// The library's blinds from elements. Both are encoded as a list, and the library's has no constructor.
fn blind_of(elements: &[Scalar]) -> Option<Blind> {
    decode::<Foreign<Blind>>(&encode(&Foreign(elements.to_vec()))).ok().map(|foreign| foreign.0)
}

fn elements_of(blind: Blind) -> Option<Vec<Scalar>> {
    decode::<Foreign<Vec<Scalar>>>(&encode(&Foreign(blind))).ok().map(|foreign| foreign.0)
}

/// A value of the library in our wire form.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Foreign<T>(pub(super) T);

impl<T: Serialize + serde::de::DeserializeOwned> Wire for Foreign<T> {
    const LIMIT: usize = crate::Proof::MAX_BODY;
}

/// Hyrax, with blinds that can be set.
#[derive(Debug, Clone)]
pub(super) struct Linked;

impl PCSEngineTrait<Curve> for Linked {
    type CommitmentKey = Key;
    type VerifierKey = HyraxVerifierKey<Curve>;
    type Commitment = Commitment;
    type Blind = Blind;
    type EvaluationArgument = HyraxEvaluationArgument<Curve>;

    fn setup(label: &'static [u8], n: usize, width: usize) -> (Self::CommitmentKey, Self::VerifierKey) {
        if label == LABEL && width == WIDTH { keys().clone() } else { Hyrax::setup(label, n, width) }
    }

    fn precompute_ck(ck: &Self::CommitmentKey) {
        Hyrax::precompute_ck(ck);
    }

    fn blind(ck: &Self::CommitmentKey, n: usize) -> Blind {
        let fresh = Hyrax::blind(ck, n);
        MASKS.with_borrow_mut(|masks| match masks {
            None => fresh,
            Some(masks) => {
                let own = elements_of(fresh.clone()).map(|fresh| masks.blind(fresh));
                own.and_then(|own| blind_of(&own)).unwrap_or(fresh)
            }
        })
    }

    fn commit(ck: &Key, v: &[Scalar], r: &Blind, is_small: bool) -> Result<Commitment, Failure> {
        Hyrax::commit(ck, v, r, is_small)
    }

    fn commit_zeros(ck: &Key, n: usize, r: &Blind) -> Result<Commitment, Failure> {
        Hyrax::commit_zeros(ck, n, r)
    }

    fn check_commitment(comm: &Commitment, n: usize, width: usize) -> Result<(), Failure> {
        Hyrax::check_commitment(comm, n, width)
    }

    fn rerandomize_commitment(
        ck: &Key,
        comm: &Commitment,
        r_old: &Blind,
        r_new: &Blind,
    ) -> Result<Commitment, Failure> {
        Hyrax::rerandomize_commitment(ck, comm, r_old, r_new)
    }

    fn combine_commitments(comms: &[Commitment]) -> Result<Commitment, Failure> {
        Hyrax::combine_commitments(comms)
    }

    fn combine_blinds(blinds: &[Blind]) -> Result<Blind, Failure> {
        Hyrax::combine_blinds(blinds)
    }

    fn prove(
        ck: &Key,
        ck_eval: &Key,
        transcript: &mut Keccak256Transcript<Curve>,
        comm: &Commitment,
        poly: &[Scalar],
        blind: &Blind,
        point: &[Scalar],
        comm_eval: &Commitment,
        blind_eval: &Blind,
    ) -> Result<Self::EvaluationArgument, Failure> {
        Hyrax::prove(ck, ck_eval, transcript, comm, poly, blind, point, comm_eval, blind_eval)
    }

    fn verify(
        vk: &Self::VerifierKey,
        ck_eval: &Key,
        transcript: &mut Keccak256Transcript<Curve>,
        comm: &Commitment,
        point: &[Scalar],
        comm_eval: &Commitment,
        arg: &Self::EvaluationArgument,
    ) -> Result<(), Failure> {
        Hyrax::verify(vk, ck_eval, transcript, comm, point, comm_eval, arg)
    }

    fn commit_without_blind(ck: &Key, v: &[Scalar], is_small: bool) -> Result<Vec<t256::Point>, Failure> {
        Hyrax::commit_without_blind(ck, v, is_small)
    }

    fn commit_incremental(
        ck: &Key,
        raw: &[t256::Point],
        delta: &[Scalar],
        blind: &Blind,
    ) -> Result<Commitment, Failure> {
        Hyrax::commit_incremental(ck, raw, delta, blind)
    }

    fn prove_direct(
        ck: &Key,
        poly: &[Scalar],
        blind: &Blind,
        point: &[Scalar],
    ) -> Result<(Vec<Scalar>, Scalar), Failure> {
        Hyrax::prove_direct(ck, poly, blind, point)
    }

    fn verify_direct(
        vk: &Self::VerifierKey,
        comm: &Commitment,
        v: &[Scalar],
        combined_blind: &Scalar,
        point: &[Scalar],
    ) -> Result<Scalar, Failure> {
        Hyrax::verify_direct(vk, comm, v, combined_blind, point)
    }
}

impl FoldingEngineTrait<Curve> for Linked {
    fn fold_commitments(comms: &[Commitment], weights: &[Scalar]) -> Result<Commitment, Failure> {
        Hyrax::fold_commitments(comms, weights)
    }

    fn fold_blinds(blinds: &[Blind], weights: &[Scalar]) -> Result<Blind, Failure> {
        Hyrax::fold_blinds(blinds, weights)
    }

    fn fold_commitments_partial(
        comms: &[Commitment],
        weights: &[Scalar],
        num_data_rows: usize,
        folded_blind: &Blind,
        ck: &Key,
    ) -> Result<Commitment, Failure> {
        Hyrax::fold_commitments_partial(comms, weights, num_data_rows, folded_blind, ck)
    }
}

/// The inverses of all elements; of zero it is zero.
pub(super) fn inverses(elements: &[Scalar]) -> Vec<Scalar> {
    let mut products = Vec::with_capacity(elements.len());
    let mut total = Scalar::ONE;
    for element in elements {
        products.push(total);
        if !bool::from(element.is_zero()) {
            total *= element;
        }
    }
    let mut rest = Option::<Scalar>::from(total.invert()).unwrap_or(Scalar::ZERO);
    let mut out = vec![Scalar::ZERO; elements.len()];
    for ((slot, element), before) in out.iter_mut().zip(elements).zip(products).rev() {
        if !bool::from(element.is_zero()) {
            *slot = rest * before;
            rest *= element;
        }
    }
    out
}
