//! Spartan: full zero knowledge from a library, over an elliptic curve.
//!
//! A second system that judges the same relations, through the crate `spartan2`: a program becomes a rank-one constraint system
//! ([`compile`](self)), Spartan's sumchecks prove it, and folding with a random instance hides every message. Transparent, no
//! ceremony; sound under the discrete logarithm of T256 and hash functions as random oracles, so not against quantum computers.
//!
//! ## Commitments
//! Circuits for the hashes behind [`Commitment::BLAKE3_MERKLE`] would dwarf the programs, so this backend has commitments of its own:
//! [`SCHEME`], see [`commit`] and [`Vault`]. They are the very row commitments that the proof is about: the verifier compares them, no
//! circuit opens them. Relations with commitments of another scheme are refused ([`SpartanError::Scheme`]), never half proved.
//! [`bitneuron_core::exact::Relation::holds`] knows only hashes; a statement over these commitments decides itself in the
//! clear with [`commit`] and the seed, as `tests/spartan` shows.
//!
//! ## What is proved
//! Every operation but sorting, and gathering by an index that is not a public input. Public inputs that are indices are part of the
//! circuit, other public tensors are public values of the proof. Circuits have at most 2¹⁸ constraints.
//!
//! ## What it costs
//! Verifying is linear in the constraints, and needs keys that are made from the relation at first: it hides, it does not save work.
//!
//! ## Randomness
//! The library draws its masks from the thread's generator. Blinds are those plus a stream from
//! `H(entropy ‖ binding ‖ witness)`; the random instance and the last opening are masked by the library alone. Therefore the same call
//! gives another proof each time ([`Prover::reproducible`]).

mod circuit;
mod compile;
mod engine;
mod error;
mod gadget;
mod keys;
mod layout;
mod lin;
mod product;
mod seal;
mod spread;
mod synthesis;
mod vault;

#[cfg(test)]
mod tests;

pub use error::SpartanError;
pub use vault::{SCHEME, Vault, commit};

use crate::cache::Relations;
use crate::guarantees::{Assumption, Guarantees, Settles, Soundness, ZeroKnowledge};
use crate::proof::{Backend, Proof, bind};
use crate::prover::{ProveError, Prover};
use crate::statement::{Computation, public_digest};
use crate::verifier::{Verifier, VerifyError};
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Relation, Tensor, execute};
use bitneuron_core::{Commitment, Context, Digest, Seed};
use keys::KeyRing;
use layout::Layout;
use std::sync::Arc;

/// Gas of a constraint: making the keys and verifying.
const GAS: u64 = 400;
/// Gas of any check: the opening of one row, and the verifier's own circuit.
const BASE_GAS: u64 = 15_000_000;

/// Prover and verifier through `spartan2`, for every [`Computation`] over commitments of [`SCHEME`]. Clones share vault and keys.
#[derive(Debug, Clone, Default)]
pub struct Spartan {
    vault: Arc<Vault>,
    relations: Arc<Relations>,
    keys: Arc<KeyRing>,
}

impl Spartan {
    /// With the seeds that open the prover's commitments. A verifier needs none.
    pub fn new(vault: Arc<Vault>) -> Self {
        Self { vault, ..Self::default() }
    }

    /// The same with another vault; keys that were made stay.
    #[must_use]
    pub fn with_vault(&self, vault: Arc<Vault>) -> Self {
        Self { vault, ..self.clone() }
    }

    /// Constraints of the circuit of a public part.
    ///
    /// # Errors
    /// It states nothing, or nothing that this backend handles.
    pub fn constraints<S: Computation>(&self, public: &S::Public) -> Result<usize, ProveError> {
        let relation = self.relations.get::<S>(public_digest::<S>(public), public)?;
        Ok(self.keys.size(&relation, &Layout::new(&relation)?)?)
    }

    fn seed(&self, commitment: Commitment) -> Result<Seed, SpartanError> {
        self.vault.get(&commitment).ok_or(SpartanError::Sealed(commitment))
    }

    /// Looks in the clear whether the witness opens the commitments and the program gives the outputs.
    fn holds(&self, relation: &Relation, layout: &Layout, inputs: &[Tensor]) -> Result<(), ProveError> {
        let (before, after) = layout.committed.split_at(layout.inputs);
        for place in before {
            let tensor = inputs.get(place.number).ok_or(RelationError::Input(place.number))?;
            if commit(tensor, self.seed(place.commitment)?) != place.commitment {
                return Err(RelationError::Input(place.number).into());
            }
        }
        let run = execute(&relation.program, inputs).map_err(RelationError::from)?;
        let outputs = run.outputs();
        for (number, (binding, found)) in relation.outputs.iter().zip(&outputs).enumerate() {
            if matches!(binding, Binding::Public(stated) if stated != *found) {
                return Err(RelationError::Output(number).into());
            }
        }
        for place in after {
            let tensor = outputs.get(place.number).ok_or(RelationError::Output(place.number))?;
            if commit(tensor, self.seed(place.commitment)?) != place.commitment {
                return Err(RelationError::Output(place.number).into());
            }
        }
        Ok(())
    }
}

impl<S: Computation> Prover<S> for Spartan {
    fn prove(
        &self,
        context: &Context,
        public: &S::Public,
        witness: &S::Witness,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        S::concerns(context, public).map_err(ProveError::Unrelated)?;
        let digest = public_digest::<S>(public);
        let relation = self.relations.get::<S>(digest, public)?;
        let layout = Layout::new(&relation)?;
        let inputs = relation.assemble(S::committed(public, witness)?.into_iter().cloned().collect())?;
        self.holds(&relation, &layout, &inputs)?;
        self.seal(bind(Backend::SPARTAN, S::DOMAIN, context, digest), &relation, &inputs, entropy)
    }

    fn verifier(&self) -> Arc<dyn Verifier<S>> {
        Arc::new(self.with_vault(Arc::default()))
    }

    fn reproducible(&self) -> bool {
        false
    }
}

impl<S: Computation> Verifier<S> for Spartan {
    fn verify(&self, context: &Context, public: &S::Public, proof: &Proof) -> Result<(), VerifyError> {
        if proof.backend != Backend::SPARTAN {
            return Err(VerifyError::Malformed(format!("{:?} is not spartan", proof.backend)));
        }
        S::concerns(context, public).map_err(VerifyError::Unrelated)?;
        let digest = public_digest::<S>(public);
        let bound = bind(Backend::SPARTAN, S::DOMAIN, context, digest);
        let mut body: &[u8] = &proof.body;
        if crate::pack::take_array(&mut body)? != bound.0 {
            return Err(VerifyError::Unbound);
        }
        let relation = self.relations.get::<S>(digest, public)?;
        self.open(bound, &relation, body)
    }

    fn guarantees(&self, _public: &S::Public) -> Guarantees {
        Guarantees {
            soundness: Soundness { bits: 120, under: Assumption::DiscreteLogarithm },
            zero_knowledge: ZeroKnowledge::Full,
            succinct: false,
            trusted_setup: false,
            post_quantum: false,
            settles: Settles::AtOnce,
        }
    }

    /// Constraints and a base; where there is no circuit, and a check ends early, the base alone.
    fn gas(&self, public: &S::Public) -> u64 {
        let size = self.constraints::<S>(public).unwrap_or(0) as u64;
        size.saturating_mul(GAS).saturating_add(BASE_GAS)
    }
}

/// The two halves of a digest as public values.
fn halves(Digest(bytes): Digest) -> [engine::Scalar; 2] {
    use ff::PrimeField as _;
    let (chunks, _) = bytes.as_chunks::<16>();
    [0, 1].map(|at| engine::Scalar::from_u128(chunks.get(at).map_or(0, |chunk| u128::from_le_bytes(*chunk))))
}
