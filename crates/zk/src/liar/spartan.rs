//! A liar with the second prover's tools.

use crate::backend::spartan::Spartan;
use crate::suite::Case;
use crate::{Backend, Computation, Proof, binding};
use bitneuron_core::Seed;
use bitneuron_core::exact::Tensor;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A proof of what the program gives on a case's witness, bound to the case, whether or not that is what the case states. The
/// vault of `spartan` knows the seeds. Where nothing can be made at all the proof is only bound.
pub fn sealed<S: Computation>(spartan: &Spartan, case: &Case<S>) -> Proof {
    let bound = binding::<S>(Backend::SPARTAN, &case.context, &case.public);
    let only_bound = || Proof { backend: Backend::SPARTAN, body: bound.0.to_vec().into() };
    let Ok(relation) = S::relation(&case.public) else { return only_bound() };
    let witness: Vec<Tensor> = S::witness(&case.witness).into_iter().cloned().collect();
    let Ok(inputs) = relation.assemble(witness) else { return only_bound() };
    // The library may find out on its own, and panic where it checks itself.
    let sealed =
        catch_unwind(AssertUnwindSafe(|| spartan.seal(bound, &relation, &inputs, Seed::from_number(5))));
    sealed.ok().and_then(Result::ok).unwrap_or_else(only_bound)
}
