//! The proof systems of a network: who proves turns and who checks them, by name.
//!
//! **To plug in a proof system**, give [`ProofSystem::assemble`] an arm that calls [`Proofs::of`] with anything that is both
//! [`Prover`] and [`Verifier`] of [`Turn`]s; all else follows: validators prove with it, judges check with it, and a chain
//! may demand its proofs as answers to audits ([`Demand::Proof`]). Scores are paid when they are proved, so their proofs must
//! settle at once; they are replays.

use bitneuron_core::claim::{CheckClaim, Demand, Score, Turn};
use bitneuron_ledger::AuditParams;
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
    /// Succinct proofs in zero knowledge, in a build with feature `sumcheck`.
    Sumcheck,
}

/// Why a proof system cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofSystemError {
    /// This program was built without it.
    #[error("built without the proof system `{0}`: build with feature `{0}`")]
    NotBuilt(ProofSystem),
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
    /// Judges all claims.
    pub check: Arc<dyn CheckClaim>,
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
    /// The system is not in this build, or the demanded answers are of one that is not.
    pub fn assemble(self, replay: &Replay, audits: &AuditParams) -> Result<Proofs, ProofSystemError> {
        match self {
            Self::Replay => Proofs::of(replay.clone(), replay, audits),
            Self::Optimistic => Proofs::of(Optimistic::new(policy(audits)), replay, audits),
            // With the feature: the prover and verifier of `zk::backend::sumcheck` go here.
            Self::Sumcheck => Err(ProofSystemError::NotBuilt(self)),
        }
    }
}

impl Proofs {
    /// Turns by this system, scores by replay; audits answered as the chain demands.
    ///
    /// # Errors
    /// The demanded answers are of a system that is not in this build.
    pub fn of<P>(system: P, replay: &Replay, audits: &AuditParams) -> Result<Self, ProofSystemError>
    where
        P: Prover<Turn> + Verifier<Turn> + Clone + 'static,
    {
        let mut registry = Registry::replaying(replay).with::<Turn>(system.clone());
        let mut answers: Option<Arc<dyn Prover<Turn>>> = None;
        if let Demand::Proof(backend) = audits.demand {
            // Whoever answers is chosen here, as the systems above are.
            match Backend(backend) {
                Backend::REPLAY => {
                    registry = registry.answering::<Turn>(Backend::REPLAY, replay.clone());
                    answers = Some(Arc::new(replay.clone()));
                }
                Backend(other) => return Err(ProofSystemError::Demanded(other)),
            }
        }
        Ok(Self {
            turns: Arc::new(system),
            scores: Arc::new(replay.clone()),
            answers,
            check: Arc::new(registry),
        })
    }
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
