//! The judge: finds the verifier that a claim names and asks it.
//!
//! The ledger knows verdicts, not proofs; [`Registry`] is what stands behind its [`CheckClaim`]. A check is:
//! find the statement, decode the public part (strictly), price it and refuse what is too costly, decode the proof,
//! verify. Every step is deterministic; nothing here looks at a clock. A verifier that panics, which none should, gives no
//! verdict and takes nobody with it.

use crate::verifier::{Verifier, VerifyError};
use crate::{Guarantees, Library, Merkle, Proof, Replay, Statement};
use bitneuron_core::claim::{CheckClaim, Claim, Holding, Inference, Refused, Score, Turn, statement};
use bitneuron_core::{Context, Digest, Keypair, decode, encode};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Reading bytes: 1 gas for 16 of them.
const BYTES_PER_GAS: usize = 16;

/// Verifiers by the name of their statement.
pub struct Registry {
    judges: BTreeMap<Digest, Box<dyn Judge>>,
    limit: u64,
}

impl Registry {
    /// The most gas of one check unless set otherwise: a tenth of a second.
    pub const DEFAULT_LIMIT: u64 = 10_000_000;

    /// A registry that knows no statement.
    pub fn new() -> Self {
        Self { judges: BTreeMap::new(), limit: Self::DEFAULT_LIMIT }
    }

    /// All standard statements: turns, scores and inferences by re-execution, holdings by openings. `library` holds the
    /// tensors that everybody knows.
    pub fn replay(library: Arc<Library>) -> Self {
        Self::replaying(&Replay::new(library))
    }

    /// As [`Registry::replay`], with a replay whose library and cache are shared with provers.
    pub fn replaying(replay: &Replay) -> Self {
        Self::new()
            .with::<Turn>(replay.clone())
            .with::<Score>(replay.clone())
            .with::<Inference>(replay.clone())
            .with::<Holding>(Merkle)
    }

    /// All standard statements: turns, scores and inferences by proofs in zero knowledge, holdings by openings.
    #[cfg(feature = "verify")]
    pub fn sumcheck(checker: &crate::backend::sumcheck::Checker) -> Self {
        Self::new()
            .with::<Turn>(checker.clone())
            .with::<Score>(checker.clone())
            .with::<Inference>(checker.clone())
            .with::<Holding>(Merkle)
    }

    /// Adds the verifier of a statement, in place of an earlier one.
    #[must_use]
    pub fn with<S: Statement>(mut self, verifier: impl Verifier<S> + 'static) -> Self {
        let judge = Typed::<S> { verifier: Box::new(verifier) };
        self.judges.insert(statement(S::DOMAIN), Box::new(judge));
        self
    }

    /// Sets the most gas that one check may cost.
    #[must_use]
    pub fn limit(mut self, gas: u64) -> Self {
        self.limit = gas;
        self
    }

    /// What accepting this claim would mean; `None` for an unknown statement or an unreadable public part.
    pub fn guarantees(&self, claim: &Claim) -> Option<Guarantees> {
        let judge = self.judges.get(&claim.statement())?;
        contained(|| judge.guarantees(claim))?
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("statements", &self.judges.keys().collect::<Vec<_>>())
            .field("limit", &self.limit)
            .finish()
    }
}

impl CheckClaim for Registry {
    fn check(&self, claim: &Claim) -> Result<(), Refused> {
        let judge = self.judges.get(&claim.statement()).ok_or(Refused::Unknown(claim.statement()))?;
        contained(|| judge.check(claim, self.limit)).unwrap_or_else(|| {
            // No verdict: what is wrong is the verifier.
            Err(Refused::Unavailable("the verifier panicked".into()))
        })
    }

    /// `(public bytes + proof bytes) / 16` for reading, and [`Verifier::gas`] for checking.
    fn gas(&self, claim: &Claim) -> u64 {
        let judge = self.judges.get(&claim.statement());
        judge.and_then(|judge| contained(|| judge.gas(claim))?).unwrap_or_else(|| reading(claim))
    }
}

/// What a foreign verifier answers; `None` when it panics. It is asked by shared reference, and what this crate keeps behind
/// one is never left half done.
fn contained<T>(ask: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(ask)).ok()
}

/// A signed claim of `public` with its proof; `context.by` must be the key's name.
pub fn claim<S: Statement>(key: &Keypair, context: Context, public: &S::Public, proof: &Proof) -> Claim {
    Claim::new(key, S::DOMAIN, context, encode(public), encode(proof))
}

/// What reading a claim's bytes costs.
fn reading(claim: &Claim) -> u64 {
    (claim.public().len().saturating_add(claim.proof().len()) / BYTES_PER_GAS) as u64
}

/// A verifier whose statement is no longer in its type.
trait Judge: Send + Sync {
    fn check(&self, claim: &Claim, limit: u64) -> Result<(), Refused>;
    fn gas(&self, claim: &Claim) -> Option<u64>;
    fn guarantees(&self, claim: &Claim) -> Option<Guarantees>;
}

struct Typed<S: Statement> {
    verifier: Box<dyn Verifier<S>>,
}

impl<S: Statement> Typed<S> {
    fn public(claim: &Claim) -> Result<S::Public, VerifyError> {
        decode(claim.public()).map_err(|error| VerifyError::Malformed(format!("public part: {error}")))
    }

    fn price(&self, claim: &Claim, public: &S::Public) -> u64 {
        reading(claim).saturating_add(self.verifier.gas(public))
    }
}

impl<S: Statement> Judge for Typed<S> {
    fn check(&self, claim: &Claim, limit: u64) -> Result<(), Refused> {
        let public = Self::public(claim)?;
        let gas = self.price(claim, &public);
        if gas > limit {
            return Err(Refused::TooCostly { gas, limit });
        }
        let proof =
            decode::<Proof>(claim.proof()).map_err(|error| Refused::Malformed(format!("proof: {error}")))?;
        Ok(self.verifier.verify(claim.context(), &public, &proof)?)
    }

    fn gas(&self, claim: &Claim) -> Option<u64> {
        Self::public(claim).ok().map(|public| self.price(claim, &public))
    }

    fn guarantees(&self, claim: &Claim) -> Option<Guarantees> {
        Self::public(claim).ok().map(|public| self.verifier.guarantees(&public))
    }
}
