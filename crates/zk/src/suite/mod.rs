//! The laws of [`Prover`] and [`Verifier`] as functions, over any statement.
//!
//! [`check`] takes true and false cases of a statement, asks [`Statement::holds`] which are which, and says which law a
//! prover and its verifier break, if any. Mutants come from fixed seeds, so a verdict never changes from run to run.
//! A verifier is tested against a [`Forge`] too, which writes proofs without looking whether they are true.
//! [`World`] makes small cases of all standard statements.
//!
//! ```
//! use bitneuron_core::claim::Score;
//! use bitneuron_zk::{Replay, liar, suite};
//! let world = suite::World::new(bitneuron_core::Seed::from_number(1));
//! suite::check::<Score>(&Replay::default(), &liar::replayed, &world.scores())?;
//! # Ok::<(), suite::Violation>(())
//! ```

mod cases;
pub mod corpus;
mod joined;
mod laws;
pub(crate) mod world;

pub use corpus::{Example, corpus, lies};
pub use world::World;

use crate::{Proof, Prover, Statement, Verifier};
use bitneuron_core::Context;
use std::panic::{AssertUnwindSafe, catch_unwind};
use thiserror::Error;

/// A law of [`Prover`] or [`Verifier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Law {
    /// There is a true and a false case to test with.
    Cases,
    /// What is true is proved and accepted.
    Complete,
    /// What is false is not proved.
    Honest,
    /// The same call gives the same verdict, and the same proof where the prover is reproducible.
    Deterministic,
    /// A proof that hides something depends on the entropy.
    Fresh,
    /// A proof survives its own encoding and fits its limit.
    Encoding,
    /// A proof is refused for every other public part.
    Public,
    /// A proof is refused in every other context.
    Context,
    /// A proof is refused under another backend's name.
    Backend,
    /// Other bytes in place of a proof are refused.
    Bytes,
    /// Nothing panics.
    Total,
    /// The guarantees contain no contradiction.
    Frank,
    /// Checking has a price.
    Priced,
    /// A forged proof of what is false is refused, though it is bound to it and in the right form, wherever accepting
    /// settles at once.
    Sound,
}

/// A law that was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("law {law:?} broken in case {case}: {how}")]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// The index of the case.
    pub case: usize,
    /// What was seen.
    pub how: String,
}

/// A public part with a witness, in a context; true or false as [`Statement::holds`] says.
#[derive(Debug, Clone)]
pub struct Case<S: Statement> {
    /// Where it is claimed.
    pub context: Context,
    /// The public part.
    pub public: S::Public,
    /// The witness.
    pub witness: S::Witness,
}

/// The best that a dishonest prover can do: a proof of a case that is bound to it and in the backend's form, whether the
/// case is true or false ([`crate::liar::replayed`] for re-execution). Of a true case it is a proof that is accepted.
pub type Forge<'a, S> = &'a dyn Fn(&Case<S>) -> Proof;

/// Checks a prover and its own verifier against all laws.
///
/// # Errors
/// The first law broken.
pub fn check<S: Statement>(
    prover: &dyn Prover<S>,
    forge: Forge<'_, S>,
    cases: &[Case<S>],
) -> Result<(), Violation> {
    let verifier = guarded(0, || prover.verifier())?;
    check_with(prover, &*verifier, forge, cases)
}

/// Checks a prover with another verifier of the same proofs.
///
/// # Errors
/// The first law broken.
pub fn check_with<S: Statement>(
    prover: &dyn Prover<S>,
    verifier: &dyn Verifier<S>,
    forge: Forge<'_, S>,
    cases: &[Case<S>],
) -> Result<(), Violation> {
    let mut seen = [false; 2];
    for (number, case) in cases.iter().enumerate() {
        let law = laws::Bench { prover, verifier, forge, cases, case, number };
        let truth = guarded(number, || S::holds(&case.public, &case.witness))?;
        seen[usize::from(truth)] = true;
        if truth { law.of_truth()? } else { law.of_lie()? }
    }
    if seen == [true; 2] {
        Ok(())
    } else {
        Err(violation(Law::Cases, cases.len(), "a true and a false case are needed"))
    }
}

fn violation(law: Law, case: usize, how: impl Into<String>) -> Violation {
    Violation { law, case, how: how.into() }
}

/// Runs `call`; a panic breaks the law of totality, wherever it happens.
fn guarded<T>(case: usize, call: impl FnOnce() -> T) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| violation(Law::Total, case, "a panic"))
}
