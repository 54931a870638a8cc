//! The judge: finds the verifier that a claim names and asks it.
//!
//! The ledger knows verdicts, not proofs; [`Registry`] is what stands behind its [`CheckClaim`]. A check is:
//! find the statement, decode the public part (strictly), price it and refuse what is too costly, decode the proof,
//! verify. Every step is deterministic; nothing here looks at a clock. A verifier that panics, which none should, gives no
//! verdict and takes nobody with it.

use crate::verifier::{Verifier, VerifyError};
use crate::{Accepted, Backend, Doubt, Guarantees, Library, Merkle, Proof, Replay, Statement};
use bitneuron_core::claim::{
    CheckClaim, Claim, Demand, Holding, Inference, Opening, Refused, Ruling, Score, Settles, Turn, statement,
};
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
    /// Verifiers of the whole proofs that may answer audits, by statement and backend.
    answers: BTreeMap<(Digest, u16), Box<dyn Judge>>,
    limit: u64,
}

impl Registry {
    /// The most gas of one check unless set otherwise: a tenth of a second.
    pub const DEFAULT_LIMIT: u64 = 10_000_000;

    /// A registry that knows no statement.
    pub fn new() -> Self {
        Self { judges: BTreeMap::new(), answers: BTreeMap::new(), limit: Self::DEFAULT_LIMIT }
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

    /// Adds the verifier of whole proofs that answer audits of a statement, where the chain demands them of this backend.
    #[must_use]
    pub fn answering<S: Statement>(mut self, backend: Backend, verifier: impl Verifier<S> + 'static) -> Self {
        let judge = Typed::<S> { verifier: Box::new(verifier) };
        self.answers.insert((statement(S::DOMAIN), backend.0), Box::new(judge));
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
            .field("answers", &self.answers.keys().collect::<Vec<_>>())
            .field("limit", &self.limit)
            .finish()
    }
}

impl CheckClaim for Registry {
    fn check(&self, claim: &Claim) -> Result<(), Refused> {
        let judge = self.judge(claim)?;
        let statement = claim.statement();
        for (_, answer) in self.answers.range((statement, u16::MIN)..=(statement, u16::MAX)) {
            // What could never be answered for is never believed.
            within(contained(|| answer.gas(claim)).flatten().unwrap_or(0), self.limit)?;
        }
        verdict(|| judge.check(claim, claim.proof(), self.limit))
    }

    /// `(public bytes + proof bytes) / 16` for reading, and [`Verifier::gas`] for checking.
    fn gas(&self, claim: &Claim) -> u64 {
        let judge = self.judges.get(&claim.statement());
        judge.and_then(|judge| contained(|| judge.gas(claim))?).unwrap_or_else(|| reading(claim))
    }

    fn openings(&self, claim: &Claim) -> Vec<Opening> {
        let judge = self.judges.get(&claim.statement());
        judge.and_then(|judge| contained(|| judge.openings(claim, claim.proof()))).unwrap_or_default()
    }

    fn audit_openings(&self, claim: &Claim, demand: Demand, answer: &[u8]) -> Vec<Opening> {
        let Demand::Proof(backend) = demand else { return Vec::new() };
        let judge = self.answering_judge(claim, backend);
        judge.and_then(|judge| contained(|| judge.openings(claim, answer))).unwrap_or_default()
    }

    fn settles(&self, claim: &Claim) -> Settles {
        self.guarantees(claim).map_or(Settles::AtOnce, |guarantees| guarantees.settles)
    }

    fn audit(&self, claim: &Claim, beacon: Digest, demand: Demand, answer: &[u8]) -> Result<(), Refused> {
        match demand {
            Demand::Openings => {
                let judge = self.judge(claim)?;
                verdict(|| judge.audit(claim, beacon, answer, self.limit))
            }
            Demand::Proof(backend) => {
                let judge = self.answering_judge(claim, backend);
                let judge = judge.ok_or(Refused::Unknown(claim.statement()))?;
                verdict(|| judge.check(claim, answer, self.limit))
            }
        }
    }

    /// Reading the answer and the dearest units, or what checking the demanded proof costs.
    fn audit_gas(&self, claim: &Claim, demand: Demand, answer: &[u8]) -> u64 {
        let gas = match demand {
            Demand::Openings => {
                self.judges.get(&claim.statement()).and_then(|judge| contained(|| judge.audit_gas(claim))?)
            }
            Demand::Proof(backend) => {
                self.answering_judge(claim, backend).and_then(|judge| contained(|| judge.gas(claim))?)
            }
        };
        gas.unwrap_or(0).saturating_add(read(answer))
    }

    fn rule(
        &self,
        claim: &Claim,
        beacon: Digest,
        referee: Option<&[u8]>,
        step: &[u8],
    ) -> Result<Ruling, Refused> {
        let judge = self.judge(claim)?;
        verdict(|| judge.rule(claim, beacon, referee, step))
    }

    fn rule_gas(&self, claim: &Claim, step: &[u8]) -> u64 {
        let judge = self.judges.get(&claim.statement());
        judge.and_then(|judge| contained(|| judge.rule_gas(claim))?).unwrap_or(0).saturating_add(read(step))
    }
}

impl Registry {
    fn judge(&self, claim: &Claim) -> Result<&dyn Judge, Refused> {
        let judge = self.judges.get(&claim.statement()).ok_or(Refused::Unknown(claim.statement()))?;
        Ok(judge.as_ref())
    }

    fn answering_judge(&self, claim: &Claim, backend: u16) -> Option<&dyn Judge> {
        self.answers.get(&(claim.statement(), backend)).map(Box::as_ref)
    }
}

/// The verdict of a verifier; none when it panics, for then what is wrong is the verifier.
fn verdict<T>(ask: impl FnOnce() -> Result<T, Refused>) -> Result<T, Refused> {
    contained(ask).unwrap_or_else(|| Err(Refused::Unavailable("the verifier panicked".into())))
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

/// What reading bytes costs.
fn read(bytes: &[u8]) -> u64 {
    (bytes.len() / BYTES_PER_GAS) as u64
}

/// A verifier whose statement is no longer in its type.
trait Judge: Send + Sync {
    /// Checks a proof of the claim's public part in its context.
    fn check(&self, claim: &Claim, proof: &[u8], limit: u64) -> Result<(), Refused>;
    fn audit(&self, claim: &Claim, beacon: Digest, answer: &[u8], limit: u64) -> Result<(), Refused>;
    fn audit_gas(&self, claim: &Claim) -> Option<u64>;
    fn rule(
        &self,
        claim: &Claim,
        beacon: Digest,
        referee: Option<&[u8]>,
        step: &[u8],
    ) -> Result<Ruling, Refused>;
    fn rule_gas(&self, claim: &Claim) -> Option<u64>;
    fn gas(&self, claim: &Claim) -> Option<u64>;
    fn openings(&self, claim: &Claim, proof: &[u8]) -> Vec<Opening>;
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

    fn proof(bytes: &[u8]) -> Result<Proof, Refused> {
        decode(bytes).map_err(|error| Refused::Malformed(format!("proof: {error}")))
    }

    fn doubt(&self) -> Result<&dyn Doubt<S>, Refused> {
        self.verifier.doubt().ok_or_else(|| Refused::Unavailable("these claims settle at once".into()))
    }
}

fn within(gas: u64, limit: u64) -> Result<(), Refused> {
    if gas > limit { Err(Refused::TooCostly { gas, limit }) } else { Ok(()) }
}

impl<S: Statement> Judge for Typed<S> {
    fn check(&self, claim: &Claim, proof: &[u8], limit: u64) -> Result<(), Refused> {
        let public = Self::public(claim)?;
        within(self.price(claim, &public), limit)?;
        if let Some(doubt) = self.verifier.doubt() {
            // What could never be audited is never believed.
            within(doubt.audit_gas(&public).max(doubt.rule_gas(&public)), limit)?;
        }
        Ok(self.verifier.verify(claim.context(), &public, &Self::proof(proof)?)?)
    }

    fn audit(&self, claim: &Claim, beacon: Digest, answer: &[u8], limit: u64) -> Result<(), Refused> {
        let (doubt, public, proof) = (self.doubt()?, Self::public(claim)?, Self::proof(claim.proof())?);
        within(doubt.audit_gas(&public), limit)?;
        let accepted = Accepted { context: claim.context(), public: &public, proof: &proof };
        Ok(doubt.audit(&accepted, beacon, answer)?)
    }

    fn audit_gas(&self, claim: &Claim) -> Option<u64> {
        Some(self.verifier.doubt()?.audit_gas(&Self::public(claim).ok()?))
    }

    fn rule(
        &self,
        claim: &Claim,
        beacon: Digest,
        referee: Option<&[u8]>,
        step: &[u8],
    ) -> Result<Ruling, Refused> {
        let (doubt, public, proof) = (self.doubt()?, Self::public(claim)?, Self::proof(claim.proof())?);
        let accepted = Accepted { context: claim.context(), public: &public, proof: &proof };
        Ok(doubt.rule(&accepted, beacon, referee, step)?)
    }

    fn rule_gas(&self, claim: &Claim) -> Option<u64> {
        Some(self.verifier.doubt()?.rule_gas(&Self::public(claim).ok()?))
    }

    fn gas(&self, claim: &Claim) -> Option<u64> {
        Self::public(claim).ok().map(|public| self.price(claim, &public))
    }

    fn openings(&self, claim: &Claim, proof: &[u8]) -> Vec<Opening> {
        let (Ok(public), Ok(proof)) = (Self::public(claim), Self::proof(proof)) else { return Vec::new() };
        self.verifier.openings(&public, &proof)
    }

    fn guarantees(&self, claim: &Claim) -> Option<Guarantees> {
        Self::public(claim).ok().map(|public| self.verifier.guarantees(&public))
    }
}
