//! Sumcheck: proofs in zero knowledge that an exact program was run on committed tensors, with no trusted setup.
//!
//! A relation becomes a [system](system) of constraints over cells; cells stand in *groups*, each committed on its own and at
//! its own time ([`group`]); the [protocol](protocol) shows of a system that it holds by one opening of all groups at one
//! point ([`opening`]). So a model which one proof ends with is what the next begins with.
//!
//! What a statement names as [`Binding::Committed`] with the scheme [`group::SCHEME`] is a tensor of a group, which the prover
//! keeps in its [`Vault`]; with the scheme of Merkle trees it must stand in the [`Library`], and is then as public as what
//! the statement itself shows.
//!
//! The polynomial commitment is hiding WHIR over Goldilocks with its cubic extension, from Plonky3; its types do not leave
//! this module. [`Geometry::setup`] refuses parameters whose base case is not proven to a hundred bits.

mod align;
mod channel;
#[cfg(test)]
mod check;
mod eq;
pub mod field;
mod fraction;
pub mod geometry;
pub mod group;
mod linked;
mod lower;
pub mod opening;
mod outer;
mod pads;
mod product;
mod protocol;
mod range;
mod settle;
mod system;
mod tree;
mod values;
pub mod vault;
mod weight;

pub use geometry::{Geometry, Setup, SetupError};
pub use group::{Group, Root, Spent};
pub use lower::LowerError;
pub use opening::{Opening, OpeningError, open, verify};
pub use vault::Vault;

use crate::Library;
use crate::cache::Relations;
use crate::guarantees::{Assumption, Guarantees, Settles, Soundness, ZeroKnowledge};
use crate::proof::{Backend, Proof, bind};
use crate::prover::{ProveError, Prover};
use crate::statement::{Computation, public_digest};
use crate::verifier::{Verifier, VerifyError};
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Relation, Tensor, execute};
use bitneuron_core::{Commitment, Context, Digest, Seed, Wire, decode, encode, hash::Hasher};
use lower::{Given, lower};
use protocol::{Frame, Layout, Messages};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use system::{Store, System};
use thiserror::Error;
use values::Values;

/// Prover and verifier by sumcheck, for every [`Computation`]. Clones share vault, library and caches.
#[derive(Debug, Clone)]
pub struct Sumcheck {
    geometry: Geometry,
    vault: Vault,
    library: Arc<Library>,
    relations: Arc<Relations>,
    setups: Arc<Mutex<BTreeMap<usize, Setup>>>,
}

/// Why the backend does not prove.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SumcheckError {
    /// The program has no system of constraints.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// No setup for so many limbs.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The groups are not opened.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// A committed tensor that is neither in the vault nor in the library.
    #[error("{0:?} is neither in the vault nor in the library")]
    Unknown(Commitment),
}

impl From<SumcheckError> for ProveError {
    fn from(error: SumcheckError) -> Self {
        Self::Rule(Box::new(error))
    }
}

/// A proof's bytes.
#[derive(Clone, Serialize, Deserialize)]
struct Body {
    /// The statement's groups.
    roots: Vec<Root>,
    /// Group and place of each tensor committed in a group: of the inputs, then of the outputs.
    places: Vec<(u16, u16)>,
    /// The proof's own group.
    own: Root,
    messages: Messages,
}

impl Wire for Body {
    const LIMIT: usize = Proof::MAX_BODY;
}

/// Programs above so many elements try the longer digits too.
const LONG: usize = 1 << 16;
/// Bits of digits: short ones have a small table, long ones need fewer cells.
const DIGITS: [u32; 2] = [12, 16];

/// Where the tensors of a relation stand.
struct Bound {
    inputs: Vec<Given>,
    outputs: Vec<Given>,
}

impl Sumcheck {
    /// The backend for groups of this geometry.
    ///
    /// # Errors
    /// A geometry that is not proven secure.
    pub fn new(geometry: Geometry, library: Arc<Library>) -> Result<Self, SetupError> {
        let backend = Self {
            geometry,
            vault: Vault::new(),
            library,
            relations: Arc::default(),
            setups: Arc::default(),
        };
        backend.setup(2).map(|_| backend)
    }

    /// The same with another library; vault and caches are shared.
    #[must_use]
    pub fn with_library(&self, library: Arc<Library>) -> Self {
        Self { library, ..self.clone() }
    }

    /// The same for another owner: with an empty vault of its own.
    #[must_use]
    pub fn with_vault(&self, vault: Vault) -> Self {
        Self { vault, ..self.clone() }
    }

    /// The groups kept here.
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Commits to tensors as one group of a chain, and keeps it; the commitment to each.
    ///
    /// # Errors
    /// A geometry that is not proven secure.
    pub fn commit(
        &self,
        tensors: &[&Tensor],
        context: &Context,
        entropy: Seed,
    ) -> Result<Vec<Commitment>, SetupError> {
        Ok(self.vault.commit(&self.setup(2)?, tensors, context.chain, entropy))
    }

    /// Proves a relation that belongs to no statement: that its program runs on the witness (the committed inputs, in order)
    /// and gives what is bound.
    ///
    /// # Errors
    /// The relation does not hold, or is beyond what the backend handles.
    pub fn prove_relation(
        &self,
        context: &Context,
        relation: &Relation,
        witness: Vec<Tensor>,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        let bound_to = bind(Backend::SUMCHECK, RELATION, context, relation.digest());
        self.prove_bound(context, bound_to, relation, witness, entropy)
    }

    /// Checks what [`Sumcheck::prove_relation`] proves.
    ///
    /// # Errors
    /// Why the proof does not convince.
    pub fn verify_relation(
        &self,
        context: &Context,
        relation: &Relation,
        proof: &Proof,
    ) -> Result<(), VerifyError> {
        if proof.backend != Backend::SUMCHECK {
            return Err(VerifyError::Malformed(format!("{:?} is not sumcheck", proof.backend)));
        }
        let bound_to = bind(Backend::SUMCHECK, RELATION, context, relation.digest());
        self.contained(context, bound_to, relation, &proof.body)
    }

    fn setup(&self, limbs: usize) -> Result<Setup, SetupError> {
        let mut setups = self.setups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(setup) = setups.get(&limbs) {
            return Ok(setup.clone());
        }
        let setup = self.geometry.setup(limbs)?;
        setups.insert(limbs, setup.clone());
        Ok(setup)
    }

    /// Each binding's tensor, if known, or its place, as `find` says.
    fn bound(
        &self,
        relation: &Relation,
        mut find: impl FnMut(&Commitment) -> Option<Store>,
    ) -> Result<Bound, Commitment> {
        let mut given = |binding: &Binding| match binding {
            Binding::Public(tensor) => Ok(Given::Known(tensor.clone())),
            Binding::Committed(commitment) if commitment.scheme == group::SCHEME => {
                find(commitment).map(Given::Stored).ok_or(*commitment)
            }
            Binding::Committed(commitment) => {
                let known = self.library.get(commitment).ok_or(*commitment)?;
                Ok(Given::Known((**known).clone()))
            }
        };
        Ok(Bound {
            inputs: relation.inputs.iter().map(&mut given).collect::<Result<_, _>>()?,
            outputs: relation.outputs.iter().map(&mut given).collect::<Result<_, _>>()?,
        })
    }

    /// The system of a relation, with the digits that need the fewest cells.
    fn system(relation: &Relation, bound: &Bound, own: usize) -> Result<System, LowerError> {
        let build = |bits| lower(&relation.program, &bound.inputs, &bound.outputs, own, bits);
        let short = build(DIGITS[0])?;
        if short.own < LONG {
            return Ok(short);
        }
        let long = build(DIGITS[1])?;
        Ok(if long.own < short.own { long } else { short })
    }

    /// The setup for groups of these roots and own cells.
    fn spanning<'a>(&self, roots: impl Iterator<Item = &'a Root>, own: usize) -> Result<Setup, SetupError> {
        let capacity = self.setup(2)?.capacity();
        let limbs =
            roots.fold(own.div_ceil(capacity).max(2), |sum, root| sum.saturating_add(root.limbs(capacity)));
        self.setup(
            limbs.checked_next_power_of_two().map_or(usize::MAX, |all| all.trailing_zeros() as usize).max(2),
        )
    }

    fn prove_bound(
        &self,
        context: &Context,
        bound_to: Digest,
        relation: &Relation,
        witness: Vec<Tensor>,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        let inputs = relation.assemble(witness)?;
        let run = execute(&relation.program, &inputs).map_err(RelationError::from)?;
        let mut shelf = self.vault.lock();
        let base = self.setup(2).map_err(SumcheckError::from)?;
        let outputs = run.outputs();
        let sides = relation.inputs.iter().zip(inputs.iter().collect::<Vec<_>>());
        for (place, (binding, tensor)) in sides.enumerate() {
            if !self.admits(&shelf, &base, binding, tensor) {
                return Err(RelationError::Input(place).into());
            }
        }
        if outputs.len() != relation.outputs.len() {
            return Err(RelationError::Output(outputs.len().min(relation.outputs.len())).into());
        }
        for (place, (binding, tensor)) in relation.outputs.iter().zip(&outputs).enumerate() {
            if !self.admits(&shelf, &base, binding, tensor) {
                return Err(RelationError::Output(place).into());
            }
        }
        // Groups in the order in which the relation names them.
        let (mut used, mut places) = (Vec::new(), Vec::new());
        let bound = self
            .bound(relation, |commitment| {
                let (group, place) = shelf.find(commitment)?;
                let at = used.iter().position(|own| *own == group).unwrap_or_else(|| {
                    used.push(group);
                    used.len() - 1
                });
                places.push((u16::try_from(at).ok()?, u16::try_from(place).ok()?));
                Some(Store { group: at, start: shelf.root(group)?.start(place) })
            })
            .map_err(SumcheckError::Unknown)?;
        let roots: Vec<Root> = used.iter().filter_map(|group| shelf.root(*group).cloned()).collect();
        let system = Self::system(relation, &bound, used.len()).map_err(SumcheckError::from)?;
        let frame = Frame::new(&system);
        let setup = self.spanning(roots.iter(), frame.own()).map_err(SumcheckError::from)?;
        let values = Values::new(&system, &inputs, &run);
        let bound_to = bound_with(bound_to, &places);
        // What is random depends on everything that is proved: entropy used twice shows nothing.
        let mut hasher = Hasher::new("bitneuron sumcheck entropy v1");
        hasher.update(&entropy.0).update(&bound_to.0);
        inputs.iter().for_each(|tensor| {
            hasher.update(&tensor.commitment().root.0);
        });
        let entropy = Seed(hasher.finish().0);
        let prepared = protocol::prove::prepare(&frame, &setup, &values, context.chain, entropy);
        let mut lent = shelf.take(&used);
        let mut groups: Vec<&mut Group> = lent.iter_mut().flatten().collect();
        let proved = protocol::prove::run(
            &frame,
            &setup,
            bound_to,
            context.chain,
            &values,
            &mut groups,
            prepared,
            entropy,
        );
        shelf.give(&used, lent);
        drop(shelf);
        let (own, messages) = proved.map_err(SumcheckError::from)?;
        let body = encode(&Body { roots, places, own, messages });
        if body.len() > Proof::MAX_BODY {
            return Err(ProveError::TooLong { length: body.len(), limit: Proof::MAX_BODY });
        }
        Ok(Proof { backend: Backend::SUMCHECK, body: body.into() })
    }

    /// Whether a tensor is the one bound.
    fn admits(&self, shelf: &vault::Shelf, setup: &Setup, binding: &Binding, tensor: &Tensor) -> bool {
        match binding {
            Binding::Committed(commitment) if commitment.scheme == group::SCHEME => {
                shelf.find(commitment).is_some_and(|place| shelf.holds(setup, place, tensor))
            }
            Binding::Committed(commitment) => match self.library.get(commitment) {
                Some(known) => **known == *tensor,
                None => binding.admits(tensor),
            },
            Binding::Public(public) => public == tensor,
        }
    }

    /// The verdict; the verifier beneath may panic on malformed proofs, and holds nothing that could be left half done.
    fn contained(
        &self,
        context: &Context,
        bound_to: Digest,
        relation: &Relation,
        body: &[u8],
    ) -> Result<(), VerifyError> {
        catch_unwind(AssertUnwindSafe(|| self.verify_bound(context, bound_to, relation, body)))
            .unwrap_or_else(|_| Err(VerifyError::Malformed("the verifier could not go on".into())))
    }

    fn verify_bound(
        &self,
        context: &Context,
        bound_to: Digest,
        relation: &Relation,
        body: &[u8],
    ) -> Result<(), VerifyError> {
        let malformed = |why: &str| VerifyError::Malformed(why.into());
        let body: Body = decode(body).map_err(|error| VerifyError::Malformed(error.to_string()))?;
        let roots = body.roots.iter().chain([&body.own]);
        if !roots.clone().all(|root| root.geometry() == self.geometry && root.is_single()) {
            return Err(malformed("a group of another geometry"));
        }
        let mut places = body.places.iter();
        let mut wrong = None;
        let mut index = 0usize;
        let bound = self.bound(relation, |commitment| {
            index += 1;
            let (group, place) = *places.next()?;
            let root = body.roots.get(usize::from(group))?;
            if root.commitment(usize::from(place)) != Some(*commitment) {
                wrong.get_or_insert(index - 1);
            }
            Some(Store { group: group.into(), start: root.start(place.into()) })
        });
        let bound = match bound {
            Ok(bound) => bound,
            Err(commitment) if commitment.scheme == group::SCHEME => {
                return Err(malformed("too few places"));
            }
            Err(commitment) => return Err(VerifyError::Unavailable(commitment)),
        };
        if let Some(place) = wrong {
            return Err(VerifyError::NotCommitted(place));
        }
        if places.next().is_some() || body.roots.len() > body.places.len() {
            return Err(malformed("groups or places that nothing names"));
        }
        self.sized(relation, &body)?;
        let refused = |error: &dyn std::fmt::Display| VerifyError::Malformed(error.to_string());
        let system = Self::system(relation, &bound, body.roots.len()).map_err(|error| match error {
            LowerError::Misfit(_) | LowerError::Known => VerifyError::False(error.to_string()),
            error => refused(&error),
        })?;
        let frame = Frame::new(&system);
        if body.own.sizes() != [u32::try_from(frame.own()).unwrap_or(u32::MAX)] {
            return Err(malformed("an own group of another size"));
        }
        let setup = self.spanning(body.roots.iter(), frame.own()).map_err(|error| refused(&error))?;
        let layout = Layout { setup: &setup, chain: context.chain, roots: roots.collect() };
        let bound_to = bound_with(bound_to, &body.places);
        layout.verify(&frame, bound_to, &body.messages).map_err(|why| VerifyError::False(why.into()))
    }

    /// Whether every tensor in a group has as many elements as the program says.
    fn sized(&self, relation: &Relation, body: &Body) -> Result<(), VerifyError> {
        let program = &relation.program;
        let inputs = program.inputs().iter().map(|input| input.shape.as_slice());
        let outputs = program.outputs().iter().map(|id| program.shape(*id).unwrap_or(&[]));
        let inputs = relation.inputs.iter().zip(inputs);
        let stored = inputs.chain(relation.outputs.iter().zip(outputs)).filter(|(binding, _)| {
            matches!(binding, Binding::Committed(commitment) if commitment.scheme == group::SCHEME)
        });
        for ((_, shape), (group, place)) in stored.zip(&body.places) {
            let elements = bitneuron_core::exact::tensor::elements(shape);
            let root = body.roots.get(usize::from(*group));
            let size = root.and_then(|root| root.sizes().get(usize::from(*place)));
            if elements != size.map(|size| *size as usize) {
                return Err(VerifyError::Malformed("a committed tensor of another size".into()));
            }
        }
        Ok(())
    }
}

/// What a run is bound to: the proof's binding and where its tensors stand.
fn bound_with(binding: Digest, places: &[(u16, u16)]) -> Digest {
    let mut hasher = Hasher::new("bitneuron sumcheck binding v1");
    hasher.update(&binding.0).number(places.len() as u64);
    places.iter().for_each(|(group, place)| {
        hasher.number(u64::from(*group)).number(u64::from(*place));
    });
    hasher.finish()
}

impl<S: Computation> Prover<S> for Sumcheck {
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
        let witness = S::witness(witness).into_iter().cloned().collect();
        let bound_to = bind(Backend::SUMCHECK, S::DOMAIN, context, digest);
        self.prove_bound(context, bound_to, &relation, witness, entropy)
    }

    fn verifier(&self) -> Arc<dyn Verifier<S>> {
        Arc::new(self.clone())
    }
}

impl<S: Computation> Verifier<S> for Sumcheck {
    fn verify(&self, context: &Context, public: &S::Public, proof: &Proof) -> Result<(), VerifyError> {
        if proof.backend != Backend::SUMCHECK {
            return Err(VerifyError::Malformed(format!("{:?} is not sumcheck", proof.backend)));
        }
        S::concerns(context, public).map_err(VerifyError::Unrelated)?;
        let digest = public_digest::<S>(public);
        let relation = self.relations.get::<S>(digest, public)?;
        let bound_to = bind(Backend::SUMCHECK, S::DOMAIN, context, digest);
        self.contained(context, bound_to, &relation, &proof.body)
    }

    fn guarantees(&self, _public: &S::Public) -> Guarantees {
        Guarantees {
            soundness: Soundness { bits: geometry::TARGET_BITS, under: Assumption::Proven },
            zero_knowledge: ZeroKnowledge::HidingCommitments,
            succinct: true,
            trusted_setup: false,
            post_quantum: true,
            settles: Settles::AtOnce,
        }
    }

    fn gas(&self, public: &S::Public) -> u64 {
        let relation = self.relations.get::<S>(public_digest::<S>(public), public);
        relation.map_or(BASE_GAS, |relation| BASE_GAS.saturating_add(relation.program.gas()))
    }
}

/// The domain of relations that belong to no statement.
const RELATION: &str = "bitneuron bare relation v1";
/// What any check costs, in gas.
const BASE_GAS: u64 = 500_000;
