//! Proofs as bytes, and what every proof is bound to.
//!
//! A [`Proof`] names the backend that made it and carries that backend's bytes. Whatever the backend, its bytes begin
//! with or absorb the [`binding`] digest
//! `H(backend ‖ domain ‖ chain ‖ height ‖ author ‖ subject ‖ digest of the public part)`,
//! so that a proof shown for another statement, public part, chain, height, author or subject fails.

use crate::Statement;
use crate::statement::public_digest;
use bitneuron_core::{Bytes, Context, Digest, Wire, hash::Hasher};
use serde::{Deserialize, Serialize};

/// The name of a proof system and the version of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Backend(pub u16);

impl Backend {
    /// Re-execution ([`crate::Replay`]).
    pub const REPLAY: Self = Self(1);
    /// Openings of Merkle commitments ([`crate::Merkle`]).
    pub const MERKLE: Self = Self(2);
    /// Commitments that must stand up to audits ([`crate::Optimistic`]).
    pub const OPTIMISTIC: Self = Self(3);
    /// Zero-knowledge proofs by sumcheck (feature `sumcheck`).
    pub const SUMCHECK: Self = Self(4);
    /// Spartan over an elliptic curve (`backend::spartan`, behind feature `spartan`).
    pub const SPARTAN: Self = Self(5);
}

/// A proof in the encoding of its backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Who made it and can read it.
    pub backend: Backend,
    /// The backend's bytes.
    pub body: Bytes,
}

impl Wire for Proof {
    const LIMIT: usize = Self::MAX_BODY + 16;
}

impl Proof {
    /// The longest body in bytes. With a public part of 4 MiB it still fits into a claim.
    pub const MAX_BODY: usize = (4 << 20) - (64 << 10);
}

/// What a proof of `public` in `context` is bound to.
pub fn binding<S: Statement>(backend: Backend, context: &Context, public: &S::Public) -> Digest {
    bind(backend, S::DOMAIN, context, public_digest::<S>(public))
}

/// As [`binding`], with the digest of the public part at hand.
pub(crate) fn bind(backend: Backend, domain: &str, context: &Context, public: Digest) -> Digest {
    Hasher::new("bitneuron proof binding v1")
        .number(u64::from(backend.0))
        .part(domain.as_bytes())
        .update(&context.chain.0.0)
        .number(context.height.0)
        .update(&context.by.0)
        .update(&context.subject.0)
        .update(&public.0)
        .finish()
}
