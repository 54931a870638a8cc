//! Replay: the proof carries the witness, the verifier runs the program again.
//!
//! Exact, simple and shows everything: right among validators about data that they may all see, wrong for anything
//! private. The body is
//! `binding: 32 bytes ‖ for each committed input: 0 ‖ packed tensor, or 1` where 1 means "take it from the library".
//! A tensor from the proof is hashed against its commitment; one from the [`Library`] was hashed when it entered.
//! For every statement the verdict is that of [`Relation::holds`].

use crate::Library;
use crate::cache::Relations;
use crate::guarantees::{Assumption, Guarantees, Settles, Soundness, ZeroKnowledge};
use crate::pack::{self, PackError};
use crate::proof::{Backend, Proof, bind};
use crate::prover::{ProveError, Prover};
use crate::statement::{Computation, public_digest};
use crate::verifier::{Verifier, VerifyError};
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::tensor::elements;
use bitneuron_core::exact::{Binding, Program, Relation, Tensor};
use bitneuron_core::{Commitment, Context, Digest, Seed};
use std::sync::Arc;

/// What any check costs besides its work, in gas: digests and look-ups.
const BASE_GAS: u64 = 500;

const SHIPPED: u8 = 0;
const KNOWN: u8 = 1;

/// Prover and verifier by re-execution, for every [`Computation`]. Clones share library and cache.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    library: Arc<Library>,
    relations: Arc<Relations>,
}

/// A witness tensor and where it came from.
enum Item<'a> {
    /// From the proof: to be hashed.
    Shipped(Tensor),
    /// From the library: hashed when it entered.
    Known(&'a Tensor),
}

impl Replay {
    /// With the tensors that everybody knows.
    pub fn new(library: Arc<Library>) -> Self {
        Self { library, relations: Arc::default() }
    }

    /// The tensors that everybody knows.
    pub const fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// The same with another library; what was built so far stays built.
    #[must_use]
    pub fn with_library(&self, library: Arc<Library>) -> Self {
        Self { library, relations: self.relations.clone() }
    }

    /// Writes a proof without looking whether it is true.
    pub(crate) fn seal(
        &self,
        bound: Digest,
        relation: &Relation,
        witness: &[&Tensor],
    ) -> Result<Proof, ProveError> {
        let mut body = bound.0.to_vec();
        for (commitment, tensor) in committed(relation).zip(witness) {
            if self.library.get(&commitment).is_some() {
                body.push(KNOWN);
            } else {
                body.push(SHIPPED);
                pack::write(tensor, &mut body);
            }
        }
        if body.len() > Proof::MAX_BODY {
            return Err(ProveError::TooLong { length: body.len(), limit: Proof::MAX_BODY });
        }
        Ok(Proof { backend: Backend::REPLAY, body: body.into() })
    }

    /// Reads the witness of a relation.
    fn open(&self, relation: &Relation, mut body: &[u8]) -> Result<Vec<Item<'_>>, VerifyError> {
        let mut items = Vec::new();
        for (binding, input) in relation.inputs.iter().zip(relation.program.inputs()) {
            let Binding::Committed(commitment) = binding else { continue };
            items.push(match pack::take_array(&mut body)? {
                [SHIPPED] => Item::Shipped(pack::read(&mut body, &input.shape)?),
                [KNOWN] => {
                    Item::Known(self.library.get(commitment).ok_or(VerifyError::Unavailable(*commitment))?)
                }
                [tag] => return Err(VerifyError::Malformed(format!("tag {tag} of a witness tensor"))),
            });
        }
        if body.is_empty() { Ok(items) } else { Err(PackError::Trailing(body.len()).into()) }
    }

    /// The witness of a prover as items, taken from the library where it has them.
    fn items<'a>(&'a self, relation: &Relation, witness: &[&Tensor]) -> Result<Vec<Item<'a>>, RelationError> {
        let expected = committed(relation).count();
        if witness.len() != expected {
            return Err(RelationError::Witness { found: witness.len(), expected });
        }
        let item = |(commitment, tensor): (Commitment, &&Tensor)| match self.library.get(&commitment) {
            Some(known) if **tensor == **known => Item::Known(known),
            _ => Item::Shipped((*tensor).clone()),
        };
        Ok(committed(relation).zip(witness).map(item).collect())
    }
}

impl From<PackError> for VerifyError {
    fn from(error: PackError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// The commitments of a relation's witness, in order.
fn committed(relation: &Relation) -> impl Iterator<Item = Commitment> {
    relation.inputs.iter().filter_map(|binding| match binding {
        Binding::Committed(commitment) => Some(*commitment),
        Binding::Public(_) => None,
    })
}

/// [`Relation::holds`], except that tensors of the library are not hashed again.
fn rerun(relation: &Relation, items: Vec<Item<'_>>) -> Result<(), RelationError> {
    let mut items = items.into_iter();
    let mut inputs = Vec::with_capacity(relation.inputs.len());
    for (place, binding) in relation.inputs.iter().enumerate() {
        inputs.push(match binding {
            Binding::Public(tensor) => tensor.clone(),
            Binding::Committed(commitment) => match items.next() {
                Some(Item::Known(tensor)) => tensor.clone(),
                Some(Item::Shipped(tensor)) if tensor.commitment() == *commitment => tensor,
                _ => return Err(RelationError::Input(place)),
            },
        });
    }
    relation.concludes(&inputs)
}

/// Elements that may have to be hashed: one gas each, about 8 bytes in 10 ns.
fn hashed(relation: &Relation) -> u64 {
    let program: &Program = &relation.program;
    let inputs = program.inputs().iter().map(|input| input.shape.as_slice());
    let outputs = program.outputs().iter().map(|id| program.shape(*id).unwrap_or(&[]));
    let count = |shape: &[u32]| elements(shape).unwrap_or(Tensor::MAX_ELEMENTS) as u64;
    let bindings = relation.inputs.iter().zip(inputs).chain(relation.outputs.iter().zip(outputs));
    bindings
        .filter(|(binding, _)| matches!(binding, Binding::Committed(_)))
        .fold(0, |total: u64, (_, shape)| total.saturating_add(count(shape)))
}

impl<S: Computation> Prover<S> for Replay {
    /// There is nothing to hide, so the entropy is not used.
    fn prove(
        &self,
        context: &Context,
        public: &S::Public,
        witness: &S::Witness,
        _entropy: Seed,
    ) -> Result<Proof, ProveError> {
        S::concerns(context, public).map_err(ProveError::Unrelated)?;
        let digest = public_digest::<S>(public);
        let relation = self.relations.get::<S>(digest, public)?;
        let witness = S::witness(witness);
        rerun(&relation, self.items(&relation, &witness)?)?;
        self.seal(bind(Backend::REPLAY, S::DOMAIN, context, digest), &relation, &witness)
    }

    fn verifier(&self) -> Arc<dyn Verifier<S>> {
        Arc::new(self.clone())
    }
}

impl<S: Computation> Verifier<S> for Replay {
    fn verify(&self, context: &Context, public: &S::Public, proof: &Proof) -> Result<(), VerifyError> {
        if proof.backend != Backend::REPLAY {
            return Err(VerifyError::Malformed(format!("{:?} is not replay", proof.backend)));
        }
        S::concerns(context, public).map_err(VerifyError::Unrelated)?;
        let digest = public_digest::<S>(public);
        let mut body: &[u8] = &proof.body;
        if pack::take_array(&mut body)? != bind(Backend::REPLAY, S::DOMAIN, context, digest).0 {
            return Err(VerifyError::Unbound);
        }
        let relation = self.relations.get::<S>(digest, public)?;
        Ok(rerun(&relation, self.open(&relation, body)?)?)
    }

    fn guarantees(&self, _public: &S::Public) -> Guarantees {
        Guarantees {
            soundness: Soundness { bits: 128, under: Assumption::Replay },
            zero_knowledge: ZeroKnowledge::None,
            succinct: false,
            trusted_setup: false,
            post_quantum: true,
            settles: Settles::AtOnce,
        }
    }

    /// The program's gas, one gas for each committed element (as if none came from the library, since gas is agreed)
    /// and a base; the base alone where there is no program.
    fn gas(&self, public: &S::Public) -> u64 {
        let relation = self.relations.get::<S>(public_digest::<S>(public), public);
        let work = relation.map_or(0, |relation| relation.program.gas().saturating_add(hashed(&relation)));
        work.saturating_add(BASE_GAS)
    }
}
