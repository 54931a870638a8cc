//! A proof as a file: everything that a stranger needs to check a claim, with no network and no trust in who sent it.
//!
//! | bytes | |
//! |---|---|
//! | 8 | `"bnproof\n"` |
//! | 1 | version, 1 |
//! | 8 + n | the statement's domain, at most 64 bytes of text |
//! | 1 or 5 | the sizes of the proof's groups, where its backend has groups |
//! | … | the signed claim: statement, context, public part, proof, signature |
//! | … | tensors that everybody may know, such as a metric set, in the order of their commitments |
//!
//! All numbers are fixed in width and little-endian; a file has one encoding. [`ProofFile::read`] refuses what is none, and
//! [`ProofFile::check`] judges what it says: the author's signature, then the proof, by this crate's own verifiers.

use crate::{Backend, Guarantees, Library, Proof, Registry, Statement};
use bitneuron_core::claim::{CheckClaim, Claim, Refused, statement};
use bitneuron_core::exact::Tensor;
use bitneuron_core::{DecodeError, Wire, decode, encode};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::sync::Arc;
use thiserror::Error;

const MAGIC: &[u8; 8] = b"bnproof\n";
/// The most gas of a check: ten seconds.
const GAS: u64 = 1_000_000_000;
/// The rows of a group, a logarithm: a verifier holds a number for each.
const ROWS: RangeInclusive<u8> = 4..=20;
/// The inverse rates, logarithms.
const RATES: RangeInclusive<u8> = 1..=8;
/// How often a group may be opened.
const OPENINGS: RangeInclusive<u8> = 1..=64;

/// A claim with what it takes to check it.
#[derive(Debug, Clone)]
pub struct ProofFile {
    domain: String,
    geometry: Option<[u8; 4]>,
    claim: Claim,
    backend: Backend,
    library: Arc<Library>,
}

/// Why bytes are no proof file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileError {
    /// It does not begin as one.
    #[error("not a proof file")]
    Foreign,
    /// It begins as one and does not go on as one.
    #[error(transparent)]
    Encoding(#[from] DecodeError),
    /// The proof in it has no encoding.
    #[error("the proof: {0}")]
    Proof(DecodeError),
    /// The domain is not the one of the claim's statement, or is too long.
    #[error("the claim is not of the statement that the file names")]
    Domain,
    /// The proof's backend has groups and no sizes are given, or the other way round, or they are out of all bounds.
    #[error("the sizes of the proof's groups are missing, out of place or too large")]
    Geometry,
    /// Shared tensors are not in the order of their commitments, each once.
    #[error("the shared tensors are not in order")]
    Order,
}

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(with = "bitneuron_core::codec::text")]
    domain: String,
    geometry: Option<[u8; 4]>,
    claim: Claim,
    shared: Vec<Tensor>,
}

impl Wire for Content {
    const LIMIT: usize = ProofFile::LIMIT - MAGIC.len();
}

impl ProofFile {
    /// The longest file in bytes.
    pub const LIMIT: usize = 32 << 20;
    /// The longest domain in bytes.
    pub const MAX_DOMAIN: usize = 64;

    /// The file of a claim of statement `S`. `geometry` are the sizes of its groups (rows, inverse rate, inverse rate of masks,
    /// openings) where the backend has groups, `shared` the public tensors that the statement refers to.
    ///
    /// # Errors
    /// What does not go together.
    pub fn new<S: Statement>(
        claim: Claim,
        geometry: Option<[u8; 4]>,
        shared: Arc<Library>,
    ) -> Result<Self, FileError> {
        Self::of(S::DOMAIN.into(), geometry, claim, shared)
    }

    fn of(
        domain: String,
        geometry: Option<[u8; 4]>,
        claim: Claim,
        library: Arc<Library>,
    ) -> Result<Self, FileError> {
        if domain.len() > Self::MAX_DOMAIN || statement(&domain) != claim.statement() {
            return Err(FileError::Domain);
        }
        let backend = decode::<Proof>(claim.proof()).map_err(FileError::Proof)?.backend;
        let sized = geometry.is_none_or(|[rows, rate, mask_rate, openings]| {
            let rates = RATES.contains(&rate) && RATES.contains(&mask_rate);
            ROWS.contains(&rows) && rates && OPENINGS.contains(&openings)
        });
        if !sized || geometry.is_some() != (backend == Backend::SUMCHECK) {
            return Err(FileError::Geometry);
        }
        Ok(Self { domain, geometry, claim, backend, library })
    }

    /// The bytes.
    pub fn write(&self) -> Vec<u8> {
        let content = Content {
            domain: self.domain.clone(),
            geometry: self.geometry,
            claim: self.claim.clone(),
            shared: self.library.tensors().map(|tensor| (**tensor).clone()).collect(),
        };
        [MAGIC.as_slice(), &encode(&content)].concat()
    }

    /// The file that these bytes are.
    ///
    /// # Errors
    /// They are none.
    pub fn read(bytes: &[u8]) -> Result<Self, FileError> {
        let content = bytes.strip_prefix(MAGIC).ok_or(FileError::Foreign)?;
        let Content { domain, geometry, claim, shared } = decode(content)?;
        let mut library = Library::new();
        let mut last = None;
        for tensor in shared {
            let commitment = library.insert(tensor);
            if last.replace(commitment).is_some_and(|last| last >= commitment) {
                return Err(FileError::Order);
            }
        }
        Self::of(domain, geometry, claim, Arc::new(library))
    }

    /// The name of the statement.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The signed claim.
    pub const fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Who made the proof and can read it.
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// The tensors that come with it.
    pub const fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Judges the claim: signature and proof. What accepting means is in the answer.
    ///
    /// # Errors
    /// Why it does not convince. [`Refused::Unknown`], [`Refused::Unavailable`] and [`Refused::TooCostly`] are no verdict: the
    /// statement or the backend is none that is checked here.
    pub fn check(&self) -> Result<Guarantees, Refused> {
        if !self.claim.is_signed(self.claim.context().chain) {
            return Err(Refused::Unrelated("its author did not sign it".into()));
        }
        let registry = self.registry()?.limit(GAS);
        registry.check(&self.claim)?;
        let none = || Refused::Unavailable("the verifier gives no guarantees".into());
        registry.guarantees(&self.claim).ok_or_else(none)
    }

    fn registry(&self) -> Result<Registry, Refused> {
        match self.backend {
            Backend::REPLAY | Backend::MERKLE => Ok(Registry::replay(self.library.clone())),
            #[cfg(feature = "verify")]
            Backend::SUMCHECK => {
                use crate::backend::sumcheck::{Checker, Geometry};
                let geometry = Geometry::from(self.geometry.unwrap_or_default());
                let checker = Checker::new(geometry, self.library.clone());
                Ok(Registry::sumcheck(&checker.map_err(|error| Refused::Malformed(error.to_string()))?))
            }
            Backend(other) => Err(Refused::Unavailable(format!("proofs of backend {other}"))),
        }
    }
}
