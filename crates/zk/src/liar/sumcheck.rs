//! A liar with the tools of the prover by sumcheck.

use crate::backend::sumcheck::{Convergent, Sumcheck};
use crate::suite::Case;
use crate::{Backend, Computation, Proof, ProveError, binding};
use bitneuron_core::Seed;
use bitneuron_core::exact::Tensor;

const ENTROPY: Seed = Seed([5; 32]);

/// A proof of what the program gives on a case's witness, bound to the case, whether or not that is what the case states. The
/// vault of `sumcheck` holds what is stated. Where nothing can be made at all the proof is only bound.
pub fn sealed<S: Computation>(sumcheck: &Sumcheck, case: &Case<S>) -> Proof {
    let Case { context, public, witness } = case;
    let forge = |witness: Vec<&Tensor>| sumcheck.forge_claim::<S>(context, public, &witness, ENTROPY);
    made(S::committed(public, witness).map_err(ProveError::from).and_then(forge), case)
}

/// [`sealed`] with commitments that follow from tensors.
pub fn converged<S: Computation>(convergent: &Convergent, case: &Case<S>) -> Proof {
    let Case { context, public, witness } = case;
    let forge = |witness: Vec<&Tensor>| convergent.forge_claim::<S>(context, public, &witness, ENTROPY);
    made(S::committed(public, witness).map_err(ProveError::from).and_then(forge), case)
}

fn made<S: Computation>(forged: Result<Option<Proof>, ProveError>, case: &Case<S>) -> Proof {
    let bound = binding::<S>(Backend::SUMCHECK, &case.context, &case.public);
    let only_bound = || Proof { backend: Backend::SUMCHECK, body: bound.0.to_vec().into() };
    forged.ok().flatten().unwrap_or_else(only_bound)
}
