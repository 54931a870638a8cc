//! Dishonest authors of turns: validators by what they play, claim and prove.

use bitneuron_core::claim::Turn;
use bitneuron_core::exact::{ExactParams, compute};
use bitneuron_core::{Context, Seed};
use bitneuron_role::Conduct;
use bitneuron_zk::{Computation, Defence, Proof, ProveError, Prover, TurnWitness, Verifier, binding};
use std::sync::{Arc, Mutex, PoisonError};

/// Commits to another model than its merge and steps lead to.
#[derive(Debug, Clone, Copy)]
pub struct FalseStep;

impl Conduct for FalseStep {
    fn play(&self, turn: &mut Turn, after: &mut ExactParams) {
        let mut values = after.values().to_vec();
        values.rotate_left(1);
        if let Ok(other) = ExactParams::new(values, after.layout().clone()) {
            turn.after = other.commitment();
            *after = other;
        }
    }
}

/// Claims that all drawn rows are right after its turn.
#[derive(Debug, Clone, Copy)]
pub struct FalseMetric;

impl Conduct for FalseMetric {
    fn claim(&self, turn: &mut Turn) {
        turn.right_after = turn.goal.drawn;
    }
}

/// Proves what is false as well as it can be done: the proof is one of the truth, bound to the lie.
pub struct Forging(pub Arc<dyn Prover<Turn>>);

/// What the witness really gives.
fn truth(public: &Turn, witness: &TurnWitness) -> Option<Turn> {
    let relation = public.relation().ok()?;
    let tensors = <Turn as Computation>::witness(witness).into_iter().cloned().collect();
    let outputs = compute(&relation.program, &relation.assemble(tensors).ok()?).ok()?;
    let count = |at: usize| u32::try_from(*outputs.get(at)?.data().first()?).ok();
    let kept = outputs.get(3).map_or(Vec::new(), |kept| kept.data().iter().map(|kept| *kept == 1).collect());
    Some(Turn {
        after: outputs.first()?.commitment(),
        right_before: count(1)?,
        right_after: count(2)?,
        kept,
        ..public.clone()
    })
}

impl Prover<Turn> for Forging {
    fn prove(
        &self,
        context: &Context,
        public: &Turn,
        witness: &TurnWitness,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        let truth = truth(public, witness).ok_or(ProveError::False("no run"))?;
        let mut proof = self.0.prove(context, &truth, witness, entropy)?;
        let bound = binding::<Turn>(proof.backend, context, public);
        if let Some(place) = proof.body.0.first_chunk_mut::<32>() {
            *place = bound.0;
        }
        Ok(proof)
    }

    fn verifier(&self) -> Arc<dyn Verifier<Turn>> {
        self.0.verifier()
    }

    fn gas(&self, public: &Turn) -> u64 {
        self.0.gas(public)
    }

    fn defence(&self) -> Option<&dyn Defence<Turn>> {
        self.0.defence()
    }
}

/// The last proof that somebody made.
pub type Seen = Arc<Mutex<Option<Proof>>>;

/// Proves honestly and lets others look on.
pub struct Watched {
    /// Who proves.
    pub prover: Arc<dyn Prover<Turn>>,
    /// Where the proofs are seen.
    pub seen: Seen,
}

/// Shows a proof that somebody else made, once there is one.
pub struct Copying {
    /// Who proves until then.
    pub prover: Arc<dyn Prover<Turn>>,
    /// Where it looks.
    pub seen: Seen,
}

/// Proves honestly and answers no audit.
pub struct Evasive(pub Arc<dyn Prover<Turn>>);

macro_rules! debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
debug!(Forging, Watched, Copying, Evasive);

impl Prover<Turn> for Watched {
    fn prove(
        &self,
        context: &Context,
        public: &Turn,
        witness: &TurnWitness,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        let proof = self.prover.prove(context, public, witness, entropy)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(proof.clone());
        Ok(proof)
    }

    fn verifier(&self) -> Arc<dyn Verifier<Turn>> {
        self.prover.verifier()
    }

    fn gas(&self, public: &Turn) -> u64 {
        self.prover.gas(public)
    }

    fn defence(&self) -> Option<&dyn Defence<Turn>> {
        self.prover.defence()
    }
}

impl Prover<Turn> for Copying {
    fn prove(
        &self,
        context: &Context,
        public: &Turn,
        witness: &TurnWitness,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        seen.map_or_else(|| self.prover.prove(context, public, witness, entropy), Ok)
    }

    fn verifier(&self) -> Arc<dyn Verifier<Turn>> {
        self.prover.verifier()
    }

    fn gas(&self, public: &Turn) -> u64 {
        self.prover.gas(public)
    }

    fn defence(&self) -> Option<&dyn Defence<Turn>> {
        self.prover.defence()
    }
}

impl Prover<Turn> for Evasive {
    fn prove(
        &self,
        context: &Context,
        public: &Turn,
        witness: &TurnWitness,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        self.0.prove(context, public, witness, entropy)
    }

    fn verifier(&self) -> Arc<dyn Verifier<Turn>> {
        self.0.verifier()
    }

    fn gas(&self, public: &Turn) -> u64 {
        self.0.gas(public)
    }
}
