//! Making claims: a statement, its witness, a proof, a signature.

use bitneuron_core::claim::{Claim, Score, Turn};
use bitneuron_core::{Context, Keypair, Seed};
use bitneuron_zk::{Prover, ScoreWitness, TurnWitness, claim};

/// The claim that a model classifies `claimed` metric rows rightly, proved as well as the truth allows: the proof is one of
/// `truth`, so the claim of an honest seller holds and that of a liar is a signed lie.
pub fn score(
    key: &Keypair,
    prover: &dyn Prover<Score>,
    context: Context,
    truth: &Score,
    claimed: u32,
    witness: &ScoreWitness,
    entropy: Seed,
) -> Option<Claim> {
    let proof = prover.prove(&context, truth, witness, entropy).ok()?;
    Some(claim::<Score>(key, context, &Score { right: claimed, ..truth.clone() }, &proof))
}

/// The claim of a turn; `None` when the prover refuses it.
pub fn turn(
    key: &Keypair,
    prover: &dyn Prover<Turn>,
    context: Context,
    public: &Turn,
    witness: &TurnWitness,
    entropy: Seed,
) -> Option<Claim> {
    let proof = prover.prove(&context, public, witness, entropy).ok()?;
    Some(claim::<Turn>(key, context, public, &proof))
}
