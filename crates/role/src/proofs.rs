//! The proof systems of a network: who proves turns and who checks them, by name.
//!
//! **To plug in a proof system**, give [`ProofSystem::assemble`] an arm that calls [`Proofs::of`] with anything that is both
//! [`Prover`] and [`Verifier`] of [`Turn`]s; all else follows: validators prove with it, judges check with it, and a chain
//! may demand its proofs as answers to audits ([`Demand::Proof`]). Scores are paid when they are proved, so their proofs must
//! settle at once; they are replays.

use bitneuron_core::claim::{CheckClaim, Demand, Score, Turn};
use bitneuron_core::exact::{ExactParams, Tensor};
use bitneuron_core::{ChainId, Commitment};
use bitneuron_ledger::{AuditParams, Params};
use bitneuron_zk::backend::optimistic::Policy;
use bitneuron_zk::{Backend, Optimistic, Prover, Registry, Replay, Verifier};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// A proof system for turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProofSystem {
    /// Judges do the work again.
    #[default]
    Replay,
    /// Commitments that beacons audit; turns settle after a window.
    Optimistic,
    /// Proofs by sumcheck over committed heads, in a build with feature `sumcheck`; bought models are shown.
    Sumcheck,
}

/// Why a proof system cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofSystemError {
    /// This program was built without it.
    #[error("built without the proof system `{0}`: build with feature `{0}`")]
    NotBuilt(ProofSystem),
    /// No parameters are proven secure for so many openings of a commitment as the chain grants.
    #[error("no proven parameters of the proof system for so many openings")]
    Insecure,
    /// The chain demands answers to audits from a system that this program does not know.
    #[error("no prover for the demanded answers: backend {0}")]
    Demanded(u16),
}

/// What the nodes of a network prove and check with.
#[derive(Clone)]
pub struct Proofs {
    /// Proves turns.
    pub turns: Arc<dyn Prover<Turn>>,
    /// Proves scores.
    pub scores: Arc<dyn Prover<Score>>,
    /// Makes the whole proofs that answer audits, where the chain demands such.
    pub answers: Option<Arc<dyn Prover<Turn>>>,
    /// How heads are committed to.
    pub heads: Heads,
    /// Judges all claims.
    pub check: Arc<dyn CheckClaim>,
}

/// How a network commits to the heads of its validators: as the proof system of its turns can open them.
#[derive(Clone)]
pub struct Heads {
    commit: Arc<Commit>,
}

type Commit = dyn Fn(&Tensor, ChainId) -> Option<Commitment> + Send + Sync;

impl Default for Heads {
    /// By Merkle trees.
    fn default() -> Self {
        Self::new(|tensor, _| Some(tensor.commitment()))
    }
}

impl fmt::Debug for Heads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heads").finish_non_exhaustive()
    }
}

impl Heads {
    /// By this function, the same at all nodes.
    pub fn new(commit: impl Fn(&Tensor, ChainId) -> Option<Commitment> + Send + Sync + 'static) -> Self {
        Self { commit: Arc::new(commit) }
    }

    /// The commitment to a head; `None` where it cannot be made.
    pub fn commitment(&self, head: &ExactParams, chain: ChainId) -> Option<Commitment> {
        (self.commit)(&head.tensor(), chain)
    }

    /// Whether a head is the one committed to. First models are committed by Merkle trees, whatever the proof system.
    pub fn admits(&self, commitment: Commitment, head: &ExactParams, chain: ChainId) -> bool {
        head.commitment() == commitment || self.commitment(head, chain) == Some(commitment)
    }
}

impl fmt::Debug for Proofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proofs").field("answers", &self.answers.is_some()).finish_non_exhaustive()
    }
}

impl ProofSystem {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Replay, Self::Optimistic, Self::Sumcheck];

    /// Whether this program was built with it.
    ///
    /// # Errors
    /// It was not.
    pub const fn built(self) -> Result<(), ProofSystemError> {
        match self {
            Self::Sumcheck if !cfg!(feature = "sumcheck") => Err(ProofSystemError::NotBuilt(self)),
            Self::Replay | Self::Optimistic | Self::Sumcheck => Ok(()),
        }
    }

    /// Provers and verifiers; replays share the library and the cache of `replay`.
    ///
    /// # Errors
    /// The system is not in this build, or the demanded answers are of one that is not; the chain grants more openings of a
    /// commitment than there is room for.
    pub fn assemble(self, replay: &Replay, params: &Params) -> Result<Proofs, ProofSystemError> {
        match self {
            Self::Replay => Proofs::of(replay.clone(), replay, params),
            Self::Optimistic => Proofs::of(Optimistic::new(policy(&params.audits)), replay, params),
            #[cfg(feature = "sumcheck")]
            Self::Sumcheck => {
                let system = convergent(replay, params)?;
                let heads = system.clone();
                let proofs = Proofs::of(system, replay, params)?;
                let heads = Heads::new(move |head, chain| heads.commitment(head, chain).ok());
                Ok(Proofs { heads, ..proofs })
            }
            #[cfg(not(feature = "sumcheck"))]
            Self::Sumcheck => Err(ProofSystemError::NotBuilt(self)),
        }
    }

    /// The number by which a chain names it in [`Demand::Proof`].
    pub const fn backend(self) -> Backend {
        match self {
            Self::Replay => Backend::REPLAY,
            Self::Optimistic => Backend::OPTIMISTIC,
            Self::Sumcheck => Backend::SUMCHECK,
        }
    }
}

impl Proofs {
    /// Turns by this system, scores by replay; audits answered as the chain demands.
    ///
    /// # Errors
    /// The demanded answers are of a system that is not in this build.
    pub fn of<P>(system: P, replay: &Replay, params: &Params) -> Result<Self, ProofSystemError>
    where
        P: Prover<Turn> + Verifier<Turn> + Clone + 'static,
    {
        let registry = Registry::replaying(replay).with::<Turn>(system.clone());
        let (registry, answers) = answering(registry, replay, params)?;
        Ok(Self {
            turns: Arc::new(system),
            scores: Arc::new(replay.clone()),
            answers,
            heads: Heads::default(),
            check: Arc::new(registry),
        })
    }
}

type Answering = (Registry, Option<Arc<dyn Prover<Turn>>>);

/// A registry that knows the verifier of the demanded answers, and who proves them: chosen here, as the systems above are.
fn answering(registry: Registry, replay: &Replay, params: &Params) -> Result<Answering, ProofSystemError> {
    fn by<P>(registry: Registry, backend: Backend, system: P) -> Answering
    where
        P: Prover<Turn> + Verifier<Turn> + Clone + 'static,
    {
        (registry.answering::<Turn>(backend, system.clone()), Some(Arc::new(system)))
    }
    let Demand::Proof(backend) = params.audits.demand else { return Ok((registry, None)) };
    match Backend(backend) {
        Backend::REPLAY => Ok(by(registry, Backend::REPLAY, replay.clone())),
        #[cfg(feature = "sumcheck")]
        Backend::SUMCHECK => Ok(by(registry, Backend::SUMCHECK, convergent(replay, params)?)),
        #[cfg(not(feature = "sumcheck"))]
        Backend::SUMCHECK => Err(ProofSystemError::NotBuilt(ProofSystem::Sumcheck)),
        Backend(other) => Err(ProofSystemError::Demanded(other)),
    }
}

/// Sumcheck over heads committed in groups that whoever holds a head can make again, for as many openings as the chain grants.
/// A head is opened by its author after and before a turn, and by those who merge it: drawn by a beacon, at most all others of
/// a small network.
#[cfg(feature = "sumcheck")]
fn convergent(
    replay: &Replay,
    params: &Params,
) -> Result<bitneuron_zk::backend::sumcheck::Convergent, ProofSystemError> {
    use bitneuron_zk::backend::sumcheck::{Convergent, Geometry};
    let geometry = Geometry { rows: 12, rate: 3, mask_rate: 3, openings: params.turns.openings };
    Convergent::new(geometry, replay.library().clone()).map_err(|_| ProofSystemError::Insecure)
}

/// How the chain audits.
fn policy(audits: &AuditParams) -> Policy {
    let audited = usize::try_from(audits.units).unwrap_or(usize::MAX);
    Policy { audited, window: audits.window, patience: audits.patience }
}

impl fmt::Display for ProofSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replay => "replay",
            Self::Optimistic => "optimistic",
            Self::Sumcheck => "sumcheck",
        })
    }
}

impl FromStr for ProofSystem {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|system| system.to_string() == text);
        named.ok_or("`replay`, `optimistic` or `sumcheck`")
    }
}
