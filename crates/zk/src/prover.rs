//! Who proves.

use crate::doubt::Defence;
use crate::statement::StatementError;
use crate::{Proof, Statement, Verifier};
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::{Context, Seed};
use std::error::Error;
use std::sync::Arc;
use thiserror::Error;

/// Makes proofs of one statement.
///
/// Laws, which the module `suite` checks for any implementation:
/// 1. *complete*: a true statement is proved, and [`Prover::verifier`] accepts the proof;
/// 2. *honest*: a false statement is refused, not "proved";
/// 3. *deterministic*: the same context, public part, witness and entropy give the same bytes, unless the prover says that it is
///    not [`Prover::reproducible`];
/// 4. *fresh*: a proof that hides anything depends on the entropy. All masks come from a hash of entropy, context,
///    public part and witness together, so that a seed used twice leaks nothing.
pub trait Prover<S: Statement>: Send + Sync {
    /// Proves `public` for `context`.
    ///
    /// # Errors
    /// The statement is false, does not belong into the context, or is beyond what the backend handles.
    fn prove(
        &self,
        context: &Context,
        public: &S::Public,
        witness: &S::Witness,
        entropy: Seed,
    ) -> Result<Proof, ProveError>;

    /// A verifier that reads these proofs.
    fn verifier(&self) -> Arc<dyn Verifier<S>>;

    /// What proving costs beside running the program (1 gas = 10 ns of virtual compute). The same on every machine; nothing
    /// where the run is the proof.
    fn gas(&self, public: &S::Public) -> u64 {
        let _ = public;
        0
    }

    /// Whether the same call gives the same bytes. Not so for a foreign library that draws masks of its own; nothing that nodes
    /// agree on may depend on such bytes.
    fn reproducible(&self) -> bool {
        true
    }

    /// Who defends these proofs until they settle; `None` where they settle at once.
    fn defence(&self) -> Option<&dyn Defence<S>> {
        None
    }
}

/// Why nothing was proved.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The public part states nothing that could be proved.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The public part does not belong into the context.
    #[error("not in its context: {0}")]
    Unrelated(&'static str),
    /// The relation does not hold for the witness.
    #[error("false: {0}")]
    Relation(#[from] RelationError),
    /// The statement does not hold for the witness.
    #[error("false: {0}")]
    False(&'static str),
    /// The proof would be longer than proofs may be.
    #[error("a proof of {length} bytes, at most {limit} allowed")]
    TooLong {
        /// The length it would have.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A reason of a backend outside this crate.
    #[error(transparent)]
    Rule(Box<dyn Error + Send + Sync>),
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<S: Statement, P: Prover<S> + ?Sized> Prover<S> for $pointer {
            fn prove(
                &self,
                context: &Context,
                public: &S::Public,
                witness: &S::Witness,
                entropy: Seed,
            ) -> Result<Proof, ProveError> {
                (**self).prove(context, public, witness, entropy)
            }

            fn verifier(&self) -> Arc<dyn Verifier<S>> {
                (**self).verifier()
            }

            fn gas(&self, public: &S::Public) -> u64 {
                (**self).gas(public)
            }

            fn reproducible(&self) -> bool {
                (**self).reproducible()
            }

            fn defence(&self) -> Option<&dyn Defence<S>> {
                (**self).defence()
            }
        }
    )*};
}
forward!(&P, Box<P>, Arc<P>);

const _: Option<&dyn Prover<bitneuron_core::claim::Score>> = None;
