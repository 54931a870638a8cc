//! Who checks.

use crate::doubt::Doubt;
use crate::statement::StatementError;
use crate::{Guarantees, Proof, Statement};
use bitneuron_core::claim::{Opening, Refused};
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::{Commitment, Context};
use std::error::Error;
use std::sync::Arc;
use thiserror::Error;

/// Checks proofs of one statement.
///
/// Laws, which the module `suite` checks for any implementation:
/// 1. *sound*: where accepting settles at once, no proof of what is false is accepted, however it was made; an honest proof is refused for every other public
///    part, and every other byte string in its place is refused;
/// 2. *bound*: a proof is refused in every other context and under another backend's name;
/// 3. *total*: any public part and any bytes give a verdict, never a panic;
/// 4. *deterministic*: the same call gives the same verdict, on every machine;
/// 5. *frank*: [`Verifier::guarantees`] contain no contradiction and claim no hiding that the proofs do not do;
/// 6. *priced*: [`Verifier::gas`] is above zero, known without a proof, and bounds the work.
pub trait Verifier<S: Statement>: Send + Sync {
    /// Checks a proof.
    ///
    /// # Errors
    /// Why it does not convince.
    fn verify(&self, context: &Context, public: &S::Public, proof: &Proof) -> Result<(), VerifyError>;

    /// What accepting means.
    fn guarantees(&self, public: &S::Public) -> Guarantees;

    /// What checking costs, apart from reading the bytes (1 gas = 10 ns of virtual compute). The same on every machine.
    fn gas(&self, public: &S::Public) -> u64;

    /// What a proof opens of what was committed in hiding, each group once: read off the proof, not checked.
    fn openings(&self, _public: &S::Public, _proof: &Proof) -> Vec<Opening> {
        Vec::new()
    }

    /// Who judges doubts about accepted proofs; `None` where accepting settles at once.
    fn doubt(&self) -> Option<&dyn Doubt<S>> {
        None
    }
}

/// Why a proof does not convince.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Not a proof in this backend's encoding.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The public part states nothing that could be proved.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The public part does not belong into the context.
    #[error("not in its context: {0}")]
    Unrelated(&'static str),
    /// The proof was made for another statement, public part or context.
    #[error("the proof is bound to something else")]
    Unbound,
    /// The proof refers to a tensor that is not in the library.
    #[error("{0:?} is not in the library")]
    Unavailable(Commitment),
    /// The witness is not what is committed.
    #[error("tensor {0} is not the one committed")]
    NotCommitted(usize),
    /// The statement is false.
    #[error("{0}")]
    False(String),
    /// A failure of a backend outside this crate, which says nothing about the claim.
    #[error(transparent)]
    Rule(Box<dyn Error + Send + Sync>),
}

impl From<RelationError> for VerifyError {
    fn from(error: RelationError) -> Self {
        match error {
            RelationError::Input(input) => Self::NotCommitted(input),
            RelationError::Witness { .. } => Self::Malformed(error.to_string()),
            other => Self::False(other.to_string()),
        }
    }
}

impl From<VerifyError> for Refused {
    fn from(error: VerifyError) -> Self {
        let why = error.to_string();
        match error {
            // Nobody is guilty of what a judge cannot do.
            VerifyError::Rule(_)
            | VerifyError::Statement(StatementError::Rule(_))
            | VerifyError::Unavailable(_) => Self::Unavailable(why),
            VerifyError::Malformed(why) => Self::Malformed(why),
            VerifyError::Statement(_) => Self::Malformed(why),
            VerifyError::Unrelated(_) | VerifyError::Unbound | VerifyError::NotCommitted(_) => {
                Self::Unrelated(why)
            }
            VerifyError::False(_) => Self::False(why),
        }
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<S: Statement, V: Verifier<S> + ?Sized> Verifier<S> for $pointer {
            fn verify(&self, context: &Context, public: &S::Public, proof: &Proof) -> Result<(), VerifyError> {
                (**self).verify(context, public, proof)
            }

            fn guarantees(&self, public: &S::Public) -> Guarantees {
                (**self).guarantees(public)
            }

            fn gas(&self, public: &S::Public) -> u64 {
                (**self).gas(public)
            }

            fn openings(&self, public: &S::Public, proof: &Proof) -> Vec<Opening> {
                (**self).openings(public, proof)
            }

            fn doubt(&self) -> Option<&dyn Doubt<S>> {
                (**self).doubt()
            }
        }
    )*};
}
forward!(&V, Box<V>, Arc<V>);

const _: Option<&dyn Verifier<bitneuron_core::claim::Score>> = None;
