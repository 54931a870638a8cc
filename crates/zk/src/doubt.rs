//! What proofs owe that settle only after a window: audits to be answered, disputes to be fought.
//!
//! A backend whose proofs are commitments offers two more faces beside [`Prover`](crate::Prover) and
//! [`Verifier`](crate::Verifier): [`Doubt`] judges answers and moves, [`Defence`] makes them. Both are found through
//! [`Verifier::doubt`](crate::Verifier::doubt) and [`Prover::defence`](crate::Prover::defence); a backend that convinces at
//! once has neither. Their bytes are the backend's own and cross the ledger unread.
//!
//! Beacons must not have been known when the proof was made: who makes proofs after the questions answers what it likes.

use crate::verifier::VerifyError;
use crate::{Proof, ProveError, Statement};
use bitneuron_core::claim::Ruling;
use bitneuron_core::{Bytes, Context, Digest};

/// An accepted proof: what a doubt is about.
#[derive(Debug)]
pub struct Accepted<'a, S: Statement> {
    /// What the proof is bound to.
    pub context: &'a Context,
    /// What was stated.
    pub public: &'a S::Public,
    /// The proof.
    pub proof: &'a Proof,
}

/// Judges what is said about accepted proofs until they settle.
pub trait Doubt<S: Statement>: Send + Sync {
    /// Whether `answer` answers the questions that the beacon puts to the proof.
    ///
    /// # Errors
    /// Why not.
    fn audit(&self, claim: &Accepted<'_, S>, beacon: Digest, answer: &[u8]) -> Result<(), VerifyError>;

    /// The most that the checks of an answer cost, apart from reading the bytes.
    fn audit_gas(&self, public: &S::Public) -> u64;

    /// One move of a dispute: the challenger's first where `referee` is `None`.
    ///
    /// # Errors
    /// Why it is no move.
    fn rule(
        &self,
        claim: &Accepted<'_, S>,
        beacon: Digest,
        referee: Option<&[u8]>,
        step: &[u8],
    ) -> Result<Ruling, VerifyError>;

    /// The most that a move costs, apart from reading the bytes.
    fn rule_gas(&self, public: &S::Public) -> u64;
}

/// Makes answers and moves for whoever has the witness.
pub trait Defence<S: Statement>: Send + Sync {
    /// The author's answer to the questions that a beacon puts to its proof.
    ///
    /// # Errors
    /// The statement is not one of this backend, or the witness not the one proved.
    fn answer(
        &self,
        claim: &Accepted<'_, S>,
        witness: &S::Witness,
        beacon: Digest,
    ) -> Result<Bytes, ProveError>;

    /// The first move of a challenger whose witness gives another proof; `None` when there is nothing to challenge.
    ///
    /// # Errors
    /// As [`Defence::answer`].
    fn challenge(&self, claim: &Accepted<'_, S>, witness: &S::Witness) -> Result<Option<Bytes>, ProveError>;

    /// The next move of whoever is asked, as its own witness gives it.
    ///
    /// # Errors
    /// As [`Defence::answer`]; a dispute that asks for nothing.
    fn reply(
        &self,
        claim: &Accepted<'_, S>,
        witness: &S::Witness,
        referee: &[u8],
    ) -> Result<Bytes, ProveError>;
}

const _: Option<(&dyn Doubt<bitneuron_core::claim::Score>, &dyn Defence<bitneuron_core::claim::Score>)> =
    None;
