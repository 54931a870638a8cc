//! Commitments that whoever holds a tensor can make again, and proofs for a network that works with them.
//!
//! Models that a network hands around (heads that are pulled, merged and stepped on) are committed in groups whose randomness
//! follows from the tensor itself. So no randomness travels beside a model; everybody who was given it finds its commitment,
//! and nobody else learns from the commitment what it is, unless it can be guessed. Tensors that a statement commits to by
//! Merkle trees are shown: they stand in the library, or the proof brings them along.
//!
//! A group is opened by its author and by all who merge it, with the same randomness: the geometry's budget of openings is
//! shared between them, and a chain must grant at least as many as it lets a model be used.

use super::group::SCHEME;
use super::{Geometry, SetupError, Sumcheck, Vault};
use crate::Library;
use crate::guarantees::{Guarantees, ZeroKnowledge};
use crate::pack;
use crate::proof::{Backend, Proof};
use crate::prover::{ProveError, Prover};
use crate::statement::{Computation, public_digest};
use crate::verifier::{Verifier, VerifyError};
use bitneuron_core::claim::Opening;
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Relation, Tensor, execute};
use bitneuron_core::{ChainId, Commitment, Context, Seed, hash::Hasher};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// [`Sumcheck`] over commitments that follow from tensors.
#[derive(Debug, Clone)]
pub struct Convergent {
    inner: Sumcheck,
    /// Commitments made lately, by chain and Merkle commitment: a head is looked at by many, and making its group takes
    /// milliseconds.
    made: Arc<Mutex<BTreeMap<(ChainId, Commitment), Commitment>>>,
}

/// The most commitments remembered.
const REMEMBERED: usize = 1024;

impl Convergent {
    /// The backend for groups of this geometry.
    ///
    /// # Errors
    /// A geometry that is not proven secure.
    pub fn new(geometry: Geometry, library: Arc<Library>) -> Result<Self, SetupError> {
        Ok(Self { inner: Sumcheck::new(geometry, library)?, made: Arc::default() })
    }

    /// The commitment to a tensor on a chain.
    ///
    /// # Errors
    /// Never for a backend that was made.
    pub fn commitment(&self, tensor: &Tensor, chain: ChainId) -> Result<Commitment, SetupError> {
        let key = (chain, tensor.commitment());
        // Nothing is left half done under the lock.
        if let Some(known) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(*known);
        }
        let own = self.keep(&Vault::new(), tensor, chain)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= REMEMBERED {
            made.clear();
        }
        made.insert(key, own);
        Ok(own)
    }

    fn keep(&self, vault: &Vault, tensor: &Tensor, chain: ChainId) -> Result<Commitment, SetupError> {
        let mut hasher = Hasher::new("bitneuron convergent randomness v1");
        hasher.update(&chain.0.0).update(&tensor.commitment().root.0);
        let entropy = Seed(hasher.finish().0);
        let made = vault.commit(&self.inner.checker().setup(2)?, &[tensor], chain, entropy);
        Ok(made.into_iter().next().unwrap_or_else(|| unreachable!("one tensor has one commitment")))
    }

    /// The tensors that a proof must show: committed by Merkle trees and not in the library, each once.
    fn hidden<'a>(&self, relation: &'a Relation) -> impl Iterator<Item = (Commitment, &'a [u32])> {
        let program = &relation.program;
        let inputs = program.inputs().iter().map(|input| input.shape.as_slice());
        let outputs = program.outputs().iter().map(|id| program.shape(*id).unwrap_or(&[]));
        let sides = relation.inputs.iter().zip(inputs).chain(relation.outputs.iter().zip(outputs));
        let mut seen = BTreeMap::new();
        for (binding, shape) in sides {
            if let Binding::Committed(commitment) = binding
                && commitment.scheme != SCHEME
                && self.inner.checker().library.get(commitment).is_none()
            {
                seen.entry(*commitment).or_insert(shape);
            }
        }
        seen.into_iter()
    }

    /// The tensors that a proof shows, not compared with their commitments, and the proof behind them.
    fn read(&self, relation: &Relation, proof: &Proof) -> Result<(Vec<Tensor>, Proof), VerifyError> {
        let mut body: &[u8] = &proof.body;
        let read = |(_, shape): (Commitment, &[u32])| pack::read(&mut body, shape);
        let shown = self.hidden(relation).map(read).collect::<Result<_, _>>()?;
        Ok((shown, Proof { backend: proof.backend, body: body.to_vec().into() }))
    }

    /// The backend with these tensors in its library.
    fn knowing(&self, shown: Vec<Tensor>) -> Sumcheck {
        let mut library = (*self.inner.checker().library).clone();
        shown.into_iter().for_each(|tensor| {
            library.insert(tensor);
        });
        self.inner.with_library(Arc::new(library))
    }

    /// The bytes of the tensors that a proof shows, and the backend that proves the rest: everything stated by commitments in
    /// groups is in its vault, and what is shown in its library.
    fn laid_out(
        &self,
        context: &Context,
        relation: &Relation,
        witness: &[&Tensor],
    ) -> Result<(Vec<u8>, Sumcheck), ProveError> {
        let inputs = relation.assemble(witness.iter().copied().cloned().collect())?;
        let run = execute(&relation.program, &inputs).map_err(RelationError::from)?;
        let tensors = inputs.iter().chain(run.outputs());
        let bindings = relation.inputs.iter().chain(&relation.outputs);
        let (vault, mut known) = (Vault::new(), BTreeMap::new());
        for (binding, tensor) in bindings.zip(tensors) {
            if let Binding::Committed(commitment) = binding {
                if commitment.scheme == SCHEME {
                    self.keep(&vault, tensor, context.chain).map_err(super::SumcheckError::from)?;
                } else {
                    known.insert(*commitment, tensor);
                }
            }
        }
        let shown: Vec<Tensor> = self
            .hidden(relation)
            .filter_map(|(commitment, _)| known.get(&commitment).copied().cloned())
            .collect();
        let mut body = Vec::new();
        shown.iter().for_each(|tensor| pack::write(tensor, &mut body));
        Ok((body, self.knowing(shown).with_vault(vault)))
    }

    /// [`Sumcheck::forge_claim`] behind what a proof shows.
    ///
    /// # Errors
    /// As [`Sumcheck::forge_claim`].
    #[cfg(feature = "suite")]
    pub fn forge_claim<S: Computation>(
        &self,
        context: &Context,
        public: &S::Public,
        witness: &[&Tensor],
        entropy: Seed,
    ) -> Result<Option<Proof>, ProveError> {
        let relation = self.inner.checker().relations.get::<S>(public_digest::<S>(public), public)?;
        let (shown, inner) = self.laid_out(context, &relation, witness)?;
        let forged = inner.forge_claim::<S>(context, public, witness, entropy)?;
        Ok(forged.map(|proof| Proof { body: [&shown, &*proof.body].concat().into(), ..proof }))
    }
}

impl<S: Computation> Prover<S> for Convergent {
    fn prove(
        &self,
        context: &Context,
        public: &S::Public,
        witness: &S::Witness,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        let relation = self.inner.checker().relations.get::<S>(public_digest::<S>(public), public)?;
        let (mut body, inner) = self.laid_out(context, &relation, &S::committed(public, witness)?)?;
        let inner = Prover::<S>::prove(&inner, context, public, witness, entropy)?;
        body.extend_from_slice(&inner.body);
        if body.len() > Proof::MAX_BODY {
            return Err(ProveError::TooLong { length: body.len(), limit: Proof::MAX_BODY });
        }
        Ok(Proof { backend: Backend::SUMCHECK, body: body.into() })
    }

    fn verifier(&self) -> Arc<dyn Verifier<S>> {
        Arc::new(self.clone())
    }

    fn gas(&self, public: &S::Public) -> u64 {
        Prover::<S>::gas(&self.inner, public)
    }
}

impl<S: Computation> Verifier<S> for Convergent {
    fn verify(&self, context: &Context, public: &S::Public, proof: &Proof) -> Result<(), VerifyError> {
        let relation = self.inner.checker().relations.get::<S>(public_digest::<S>(public), public)?;
        let (shown, inner) = self.read(&relation, proof)?;
        for (place, ((commitment, _), tensor)) in self.hidden(&relation).zip(&shown).enumerate() {
            if tensor.commitment() != commitment {
                return Err(VerifyError::NotCommitted(place));
            }
        }
        Verifier::<S>::verify(&self.knowing(shown), context, public, &inner)
    }

    /// Those of [`Sumcheck`]; but what is shown is not hidden, and is as long as the witness.
    fn guarantees(&self, public: &S::Public) -> Guarantees {
        let guarantees = Verifier::<S>::guarantees(&self.inner, public);
        let relation = self.inner.checker().relations.get::<S>(public_digest::<S>(public), public);
        if relation.is_ok_and(|relation| self.hidden(&relation).next().is_some()) {
            Guarantees { zero_knowledge: ZeroKnowledge::None, succinct: false, ..guarantees }
        } else {
            guarantees
        }
    }

    /// That of [`Sumcheck`], and one gas for each element that may have to be shown and hashed.
    fn gas(&self, public: &S::Public) -> u64 {
        let relation = self.inner.checker().relations.get::<S>(public_digest::<S>(public), public);
        let elements =
            |shape: &[u32]| shape.iter().fold(1u64, |all, size| all.saturating_mul(u64::from(*size)));
        let shown =
            relation.map_or(0, |relation| self.hidden(&relation).map(|(_, shape)| elements(shape)).sum());
        Verifier::<S>::gas(&self.inner, public).saturating_add(shown)
    }

    fn openings(&self, public: &S::Public, proof: &Proof) -> Vec<Opening> {
        let relation = self.inner.checker().relations.get::<S>(public_digest::<S>(public), public);
        let inner = relation.map_err(VerifyError::from).and_then(|relation| self.read(&relation, proof));
        inner.map_or_else(|_| Vec::new(), |(_, inner)| Verifier::<S>::openings(&self.inner, public, &inner))
    }
}
