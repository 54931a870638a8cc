//! Claims: signed statements that must verify, and the seam through which the ledger checks them.
//!
//! The ledger knows verdicts, not proofs. A [`Claim`] names a statement by its domain, carries the statement's
//! public part and a proof as bytes, and is signed by its author. Whoever can judge implements [`CheckClaim`]
//! (`bitneuron-zk::Registry` does). A *refutation* is a claim whose author signed it and whose check fails; a claim
//! with a bad signature refutes nobody.

pub mod doubt;
pub mod holding;
pub mod inference;
pub mod opening;
pub mod score;
pub mod turn;

pub use doubt::{Demand, Party, Ruling, Settles};
pub use holding::Holding;
pub use inference::Inference;
pub use opening::Opening;
pub use score::Score;
pub use turn::{Source, Turn, TurnInput};

use crate::exact::{ExactParams, ProgramError};
use crate::{
    Bytes, ChainId, Commitment, Context, Keypair, Layout, NodeId, Signature, Wire, encode, hash::Digest, sign,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

const DOMAIN: &str = "bitneuron claim v1";

/// A statement with its proof, signed by [`Context::by`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    body: Body,
    signature: Signature,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Body {
    statement: Digest,
    context: Context,
    public: Bytes,
    proof: Bytes,
}

impl Wire for Body {
    const LIMIT: usize = Claim::LIMIT;
}

impl Body {
    fn digest(&self) -> Digest {
        Digest::of("bitneuron claim body v1", &encode(self))
    }
}

impl Wire for Claim {
    const LIMIT: usize = 8 << 20;
}

/// The name of a statement: the digest of its domain text.
pub fn statement(domain: &str) -> Digest {
    Digest::of("bitneuron statement v1", domain.as_bytes())
}

impl Claim {
    /// States and signs. `domain` names the statement (`"bitneuron turn v1"`), `public` and `proof` are in the
    /// statement's own encoding; `context.by` must be the key's name, else nobody accepts the claim.
    pub fn new(key: &Keypair, domain: &str, context: Context, public: Vec<u8>, proof: Vec<u8>) -> Self {
        let body = Body { statement: statement(domain), context, public: public.into(), proof: proof.into() };
        let signature = key.sign(DOMAIN, context.chain, &body.digest().0);
        Self { body, signature }
    }

    /// The name of the statement, as [`statement`] gives it.
    pub fn statement(&self) -> Digest {
        self.body.statement
    }

    /// What the claim is bound to.
    pub fn context(&self) -> &Context {
        &self.body.context
    }

    /// The author.
    pub fn by(&self) -> NodeId {
        self.body.context.by
    }

    /// The public part, in the statement's encoding.
    pub fn public(&self) -> &[u8] {
        &self.body.public
    }

    /// The proof, in the backend's encoding.
    pub fn proof(&self) -> &[u8] {
        &self.body.proof
    }

    /// Whether the author really signed this claim, for this chain.
    pub fn is_signed(&self, chain: ChainId) -> bool {
        self.body.context.chain == chain
            && sign::verify(self.by(), DOMAIN, chain, &self.body.digest().0, &self.signature)
    }

    /// [`Claim::is_signed`], asked of a judge.
    pub fn is_signed_before(&self, chain: ChainId, judge: &dyn CheckClaim) -> bool {
        self.body.context.chain == chain
            && judge.verify(self.by(), DOMAIN, chain, &self.body.digest().0, &self.signature)
    }

    /// The digest of the whole claim.
    pub fn digest(&self) -> Digest {
        Digest::of("bitneuron claim id v1", &encode(self))
    }
}

/// Judges claims. Deterministic: every honest judge of one version gives the same verdict.
pub trait CheckClaim: Send + Sync {
    /// Judges the statement (not the signature, which the caller has checked).
    ///
    /// # Errors
    /// Why the claim does not hold.
    fn check(&self, claim: &Claim) -> Result<(), Refused>;

    /// What the check costs in gas (1 gas = 10 ns of virtual compute), known before checking.
    fn gas(&self, claim: &Claim) -> u64;

    /// Looks at claims that [`check`](CheckClaim::check) is about to be asked about, at once: a judge that remembers verdicts
    /// may use all its cores. It changes no verdict and no price.
    fn foresee(&self, _claims: &[&Claim]) {}

    /// What the claim's proof opens, each group once. It is read off, not checked: what it says of a proof that is refused means
    /// nothing.
    fn openings(&self, _claim: &Claim) -> Vec<Opening> {
        Vec::new()
    }

    /// What the answer to an audit of the claim opens.
    fn audit_openings(&self, _claim: &Claim, _demand: Demand, _answer: &[u8]) -> Vec<Opening> {
        Vec::new()
    }

    /// When a claim that was accepted is final. Where that is later, [`audit`](CheckClaim::audit) and
    /// [`rule`](CheckClaim::rule) judge what may be said about
    /// it until then.
    fn settles(&self, _claim: &Claim) -> Settles {
        Settles::AtOnce
    }

    /// Judges the answer to the audit of an accepted claim by a beacon that was not known when the claim was made.
    ///
    /// # Errors
    /// Why it is no answer; [`Refused::Unavailable`] from a judge of claims that are never audited.
    fn audit(&self, _claim: &Claim, _beacon: Digest, _demand: Demand, _answer: &[u8]) -> Result<(), Refused> {
        Err(Refused::Unavailable("no audits here".into()))
    }

    /// What [`CheckClaim::audit`] costs in gas, known before it.
    fn audit_gas(&self, _claim: &Claim, _demand: Demand, answer: &[u8]) -> u64 {
        answer.len() as u64
    }

    /// One move in a dispute about an accepted claim: the challenger's first, when `referee` is `None`, else that of
    /// whoever was asked, where `referee` is what the move before left behind.
    ///
    /// # Errors
    /// Why it is no move, which changes nothing; [`Refused::Unavailable`] from a judge of claims that are never disputed.
    fn rule(
        &self,
        _: &Claim,
        _beacon: Digest,
        _referee: Option<&[u8]>,
        _move: &[u8],
    ) -> Result<Ruling, Refused> {
        Err(Refused::Unavailable("no disputes here".into()))
    }

    /// What [`CheckClaim::rule`] costs in gas, known before it.
    fn rule_gas(&self, _claim: &Claim, step: &[u8]) -> u64 {
        step.len() as u64
    }

    /// Whether a signature is valid ([`sign::verify`]). A judge that sees the same bytes often may remember those that
    /// were; it never says yes to others.
    fn verify(&self, by: NodeId, domain: &str, chain: ChainId, bytes: &[u8], signature: &Signature) -> bool {
        sign::verify(by, domain, chain, bytes, signature)
    }

    /// Whether all these signatures are valid, the messages being those of [`sign::message`]: what [`Self::verify`] says of
    /// each, asked at once, which is cheaper ([`sign::verify_batch`]).
    fn verify_all(&self, items: &[(NodeId, &[u8], Signature)]) -> bool {
        sign::verify_batch(items)
    }

    /// The model of this layout that a packet decodes to. Of a packet that holds the difference from another model, that model
    /// is the base; a packet of a whole model has none.
    ///
    /// # Errors
    /// [`Refused::Malformed`] when it decodes to none, which is its seller's fault; [`Refused::Unavailable`] when the base is
    /// not the one that the packet names, and from a judge that knows no codecs: what it cannot read is not paid, and nobody is
    /// blamed for it.
    fn opens(
        &self,
        _packet: &[u8],
        _base: Option<&ExactParams>,
        _layout: &Arc<Layout>,
        _chain: ChainId,
    ) -> Result<Commitment, Refused> {
        Err(Refused::Unavailable("no codecs here".into()))
    }

    /// Whether these are the integers of a model that was committed to, in a chain whose judges agree on how.
    fn commits(&self, commitment: Commitment, model: &ExactParams, _chain: ChainId) -> bool {
        model.commitment() == commitment
    }

    /// What [`CheckClaim::opens`] costs in gas, known before opening.
    fn open_gas(&self, _packet: &[u8], layout: &Layout) -> u64 {
        layout.len() as u64
    }
}

/// Why a claim does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// No verifier for this statement.
    #[error("no verifier for statement {0}")]
    Unknown(Digest),
    /// The public part or the proof cannot be read.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The claim is about another context, commitment or program than it should be.
    #[error("not about what it claims: {0}")]
    Unrelated(String),
    /// This judge lacks something that is needed to judge, such as public data. No verdict: nobody is guilty of it.
    #[error("cannot be judged here: {0}")]
    Unavailable(String),
    /// The statement is false or its proof does not convince.
    #[error("false: {0}")]
    False(String),
    /// Checking would cost more than is allowed.
    #[error("needs {gas} gas, at most {limit} allowed")]
    TooCostly {
        /// What it needs.
        gas: u64,
        /// What is allowed.
        limit: u64,
    },
}

impl From<ProgramError> for Refused {
    fn from(error: ProgramError) -> Self {
        Self::Malformed(error.to_string())
    }
}
