//! What can be proved: a relation between a public part that everybody reads and a witness that the prover has.
//!
//! A [`Statement`] is its own oracle: [`Statement::holds`] decides it in the clear, and all tests of provers and
//! verifiers derive from that. Most statements are a [`Computation`]: "this program, run on committed tensors, gives
//! these outputs" ([`Relation`]). Every backend that handles relations handles every computation, also one that it has
//! never heard of. Here is a whole new statement, the weighted sum of a hidden vector:
//!
//! ```
//! use bitneuron_core::exact::{Binding, Builder, Interval, Relation, Tensor};
//! use bitneuron_core::{Commitment, Context, Seed, Wire};
//! use bitneuron_zk::{Computation, Prover, Replay, Statement, StatementError, Verifier, recomputes};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct WeightedSum { values: Commitment, weights: Tensor, sum: i64 }
//!
//! impl Wire for WeightedSum {
//!     const LIMIT: usize = 1 << 16;
//! }
//!
//! impl Statement for WeightedSum {
//!     const DOMAIN: &'static str = "example weighted sum v1";
//!     type Public = Self;
//!     type Witness = Tensor;
//!     fn holds(p: &Self, w: &Tensor) -> bool {
//!         recomputes::<Self>(p, w)
//!     }
//! }
//!
//! impl Computation for WeightedSum {
//!     fn relation(p: &Self) -> Result<Relation, StatementError> {
//!         let mut b = Builder::new();
//!         let values = b.input(p.weights.shape(), Interval::symmetric(1 << 20))?;
//!         let weights = b.input(p.weights.shape(), Interval::symmetric(1 << 20))?;
//!         let sum = b.einsum("n,n->", values, weights)?;
//!         b.output(sum);
//!         Ok(Relation {
//!             program: b.build()?,
//!             inputs: vec![Binding::Committed(p.values), Binding::Public(p.weights.clone())],
//!             outputs: vec![Binding::Public(Tensor::scalar(p.sum))],
//!         })
//!     }
//!     fn witness(w: &Tensor) -> Vec<&Tensor> {
//!         vec![w]
//!     }
//! }
//!
//! # let context = Context { chain: Default::default(), height: Default::default(), by: Default::default(), subject: Default::default() };
//! let values = Tensor::vector(vec![3, 4]);
//! let public = WeightedSum { values: values.commitment(), weights: Tensor::vector(vec![10, 1]), sum: 34 };
//! let replay = Replay::default();
//! let proof = Prover::<WeightedSum>::prove(&replay, &context, &public, &values, Seed::from_number(1))?;
//! Verifier::<WeightedSum>::verify(&replay, &context, &public, &proof)?;
//! let wrong = WeightedSum { sum: 35, ..public };
//! assert!(Verifier::<WeightedSum>::verify(&replay, &context, &wrong, &proof).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use bitneuron_core::claim::Refused;
use bitneuron_core::exact::{ProgramError, Relation, Tensor};
use bitneuron_core::{Context, Digest, Wire, encode, hash::Hasher};
use std::error::Error;
use thiserror::Error;

/// A relation between a public part and a witness, named by its domain.
///
/// Laws: [`Statement::holds`] is deterministic and total (no panic on any public part that decodes), and nothing it does
/// costs more than the public part's own size and [`StatementError::TooLarge`] allow.
pub trait Statement: Send + Sync + 'static {
    /// The name, unique among all statements and versions, such as `"bitneuron turn v1"`.
    const DOMAIN: &'static str;
    /// What everybody reads.
    type Public: Wire + Send + Sync;
    /// What only the prover needs.
    type Witness: Send + Sync;

    /// Whether the statement is true for this witness, decided in the clear.
    fn holds(public: &Self::Public, witness: &Self::Witness) -> bool;

    /// Whether the public part belongs into this context, where the statement says something about that.
    ///
    /// # Errors
    /// What does not fit.
    fn concerns(context: &Context, public: &Self::Public) -> Result<(), &'static str> {
        let _ = (context, public);
        Ok(())
    }
}

/// A statement that is a run of a program over public and committed tensors.
pub trait Computation: Statement {
    /// The program with its inputs and outputs bound; a function of the public part alone.
    ///
    /// It must refuse sizes that would be costly to build *before* building: the public part is foreign.
    ///
    /// # Errors
    /// There is no such program.
    fn relation(public: &Self::Public) -> Result<Relation, StatementError>;

    /// The committed inputs, in input order.
    fn witness(witness: &Self::Witness) -> Vec<&Tensor>;

    /// The committed inputs of this public part, in input order: [`Computation::witness`], unless which tensors are one
    /// follows from what they are called. Commitments that hide give equal tensors different names.
    ///
    /// # Errors
    /// There is no such program.
    fn committed<'a>(
        public: &Self::Public,
        witness: &'a Self::Witness,
    ) -> Result<Vec<&'a Tensor>, StatementError> {
        let _ = public;
        Ok(Self::witness(witness))
    }
}

/// [`Statement::holds`] of a computation: runs its relation on the witness.
pub fn recomputes<S: Computation>(public: &S::Public, witness: &S::Witness) -> bool {
    let witness: Vec<Tensor> = S::witness(witness).into_iter().cloned().collect();
    S::relation(public).is_ok_and(|relation| relation.holds(witness).is_ok())
}

/// The digest of a public part under its statement's name.
pub fn public_digest<S: Statement>(public: &S::Public) -> Digest {
    Hasher::new("bitneuron public part v1").part(S::DOMAIN.as_bytes()).part(&encode(public)).finish()
}

/// Why a public part states nothing that could be proved.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Its parts do not go together.
    #[error("{0}")]
    Malformed(String),
    /// A size beyond what is accepted.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The most accepted.
        limit: u64,
    },
    /// The program cannot be built.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A failure of a statement outside this crate, which says nothing about the public part.
    #[error(transparent)]
    Rule(Box<dyn Error + Send + Sync>),
}

impl From<Refused> for StatementError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Malformed(why) => Self::Malformed(why),
            other => Self::Malformed(other.to_string()),
        }
    }
}
