//! What a verifier's "yes" is worth.
//!
//! Part of the agreed rules: whoever relies on a check reads here what it rests on, so that re-execution never poses as
//! zero knowledge and a challenge window never as finality.

pub use bitneuron_core::claim::Settles;

/// What an accepted proof guarantees, and what a proof shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarantees {
    /// How hard it is to have something false accepted.
    pub soundness: Soundness,
    /// What a proof hides of the witness.
    pub zero_knowledge: ZeroKnowledge,
    /// Whether checking costs less than computing, and a proof is shorter than the witness, as sizes grow.
    pub succinct: bool,
    /// Whether somebody once held a secret that breaks soundness.
    pub trusted_setup: bool,
    /// Whether it withstands the known quantum algorithms.
    pub post_quantum: bool,
    /// When a "yes" is final.
    pub settles: Settles,
}

/// Soundness: about 2^`bits` work for an error, under an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Soundness {
    /// The security level in bits.
    pub bits: u16,
    /// What it rests on.
    pub under: Assumption,
}

/// What soundness rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Assumption {
    /// The verifier does the whole work again; only the commitments' collision resistance is assumed.
    Replay,
    /// The verifier opens commitments; their collision resistance is assumed.
    CollisionResistance,
    /// A published proof, with hash functions as random oracles.
    Proven,
    /// The discrete logarithm of a group is hard; a published proof, with hash functions as random oracles.
    DiscreteLogarithm,
    /// A published conjecture.
    Conjectured,
    /// Somebody honest looks in time and cheating is punished.
    Economic,
}

/// What a proof hides of the witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ZeroKnowledge {
    /// Nothing: the proof contains the witness or parts of it.
    None,
    /// The commitments hide, other messages may not.
    HidingCommitments,
    /// Everything but the truth of the statement.
    Full,
}

impl Guarantees {
    /// What cannot be true together; `None` when nothing contradicts.
    pub fn contradiction(&self) -> Option<&'static str> {
        let replay = self.soundness.under == Assumption::Replay;
        let economic = self.soundness.under == Assumption::Economic;
        if self.soundness.bits == 0 {
            Some("no soundness at all")
        } else if replay && self.zero_knowledge != ZeroKnowledge::None {
            Some("who does the work again sees the witness")
        } else if replay && self.succinct {
            Some("doing the work again is not succinct")
        } else if economic && self.settles == Settles::AtOnce {
            Some("a challenge needs time")
        } else {
            None
        }
    }
}
