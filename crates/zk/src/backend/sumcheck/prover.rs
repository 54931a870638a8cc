//! The prover.

use super::binding::{Body, bound_with};
use super::geometry::{Setup, SetupError};
use super::group::{self, Group, Root};
use super::lower::LowerError;
use super::opening::OpeningError;
use super::protocol::{self, Frame};
use super::soundness::{self, Report};
use super::system::{Store, System};
use super::values::Values;
use super::vault::{Shelf, Vault};
use super::{Checker, Geometry, RELATION};
use crate::guarantees::Guarantees;
use crate::library::Library;
use crate::proof::{Backend, Proof, bind};
use crate::prover::{ProveError, Prover};
use crate::statement::{Computation, public_digest};
use crate::verifier::{Verifier, VerifyError};
use bitneuron_core::claim::Opening;
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Relation, Tensor, execute};
use bitneuron_core::{Commitment, Context, Digest, Seed, codec, hash::Hasher};
use std::sync::Arc;
use thiserror::Error;

/// What any proof costs, in gas: most of it for the opening.
const BASE_GAS: u64 = 10_000_000;
/// What proving costs for each gas of the program: a unit of work in the clear becomes cells, digits and their leaves.
const GAS_FACTOR: u64 = 50;

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

/// Prover and verifier by sumcheck, for every [`Computation`]. Clones share vault, library and caches.
#[derive(Debug, Clone)]
pub struct Sumcheck {
    pub(super) checker: Checker,
    pub(super) vault: Vault,
}

impl Sumcheck {
    /// The backend for groups of this geometry.
    ///
    /// # Errors
    /// A geometry that is not proven secure.
    pub fn new(geometry: Geometry, library: Arc<Library>) -> Result<Self, SetupError> {
        Checker::new(geometry, library).map(|checker| Self { checker, vault: Vault::new() })
    }

    /// The same with another library; vault and caches are shared.
    #[must_use]
    pub fn with_library(&self, library: Arc<Library>) -> Self {
        Self { checker: self.checker.with_library(library), vault: self.vault.clone() }
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

    /// The verifier of these proofs, without the vault.
    pub const fn checker(&self) -> &Checker {
        &self.checker
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
        Ok(self.vault.commit(&self.checker.setup(2)?, tensors, context.chain, entropy))
    }

    /// [`Checker::assess`].
    pub fn assess(&self, relation: &Relation) -> Option<Report> {
        self.checker.assess(relation)
    }

    /// [`Checker::guaranteed`].
    pub fn guaranteed(&self, relation: &Relation) -> Guarantees {
        self.checker.guaranteed(relation)
    }

    /// [`Checker::verify_relation`].
    ///
    /// # Errors
    /// Why the proof does not convince.
    pub fn verify_relation(
        &self,
        context: &Context,
        relation: &Relation,
        proof: &Proof,
    ) -> Result<(), VerifyError> {
        self.checker.verify_relation(context, relation, proof)
    }
}

/// A relation with its groups, places and system.
pub(super) struct Draft {
    pub(super) groups: Vec<usize>,
    pub(super) places: Vec<(u16, u16)>,
    pub(super) system: System,
}

/// What a proof is made of.
pub(super) struct Attempt<'a> {
    pub(super) context: &'a Context,
    pub(super) bound_to: Digest,
    pub(super) draft: &'a Draft,
    pub(super) values: Values,
    /// What is committed, where it differs from the values: of dishonest provers only.
    pub(super) cells: Option<&'a Values>,
    pub(super) entropy: Seed,
}

impl Sumcheck {
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
        let base = self.checker.setup(2).map_err(SumcheckError::from)?;
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
        let draft = self.draft(&shelf, relation)?;
        let values = Values::new(&draft.system, &inputs, &run);
        // What is random depends on everything that is proved: entropy used twice shows nothing.
        let mut hasher = Hasher::new("bitneuron sumcheck entropy v1");
        hasher.update(&entropy.0).update(&bound_to.0);
        inputs.iter().for_each(|tensor| {
            hasher.update(&tensor.commitment().root.0);
        });
        let entropy = Seed(hasher.finish().0);
        // Large, and no longer needed.
        drop((run, inputs));
        self.finish(&mut shelf, Attempt { context, bound_to, draft: &draft, values, cells: None, entropy })
    }

    /// Where the relation's tensors stand, and the system that follows.
    pub(super) fn draft(&self, shelf: &Shelf, relation: &Relation) -> Result<Draft, ProveError> {
        let (mut groups, mut places) = (Vec::new(), Vec::new());
        // Groups in the order in which the relation names them.
        let bound = self
            .checker
            .bound(relation, |commitment| {
                let (group, place) = shelf.find(commitment)?;
                let at = groups.iter().position(|own| *own == group).unwrap_or_else(|| {
                    groups.push(group);
                    groups.len() - 1
                });
                places.push((u16::try_from(at).ok()?, u16::try_from(place).ok()?));
                Some(Store { group: at, start: shelf.root(group)?.start(place) })
            })
            .map_err(SumcheckError::Unknown)?;
        let system = Checker::system(relation, &bound, groups.len()).map_err(SumcheckError::from)?;
        Ok(Draft { groups, places, system })
    }

    /// Commits to the proof's own cells and runs the protocol.
    pub(super) fn finish(&self, shelf: &mut Shelf, attempt: Attempt<'_>) -> Result<Proof, ProveError> {
        let Attempt { context, bound_to, draft, values, cells, entropy } = attempt;
        let roots: Vec<Root> = draft.groups.iter().filter_map(|group| shelf.root(*group).cloned()).collect();
        let frame = Frame::new(&draft.system);
        let setup = self.checker.spanning(roots.iter(), frame.own()).map_err(SumcheckError::from)?;
        let sizes: Vec<usize> = roots.iter().map(Root::elements).chain([frame.own()]).collect();
        let report = soundness::composed(&frame, &setup, &sizes);
        if !report.suffices() {
            return Err(SumcheckError::from(SetupError::Insecure(Some(report.bits()))).into());
        }
        let bound_to = bound_with(bound_to, &draft.places);
        let prepared =
            protocol::prove::prepare(&frame, &setup, cells.unwrap_or(&values), context.chain, entropy);
        let mut lent = shelf.take(&draft.groups);
        let mut groups: Vec<&mut Group> = lent.iter_mut().flatten().collect();
        let run =
            protocol::prove::Run { frame: &frame, setup: &setup, binding: bound_to, chain: context.chain };
        let proved = run.run(values, &mut groups, prepared, entropy);
        shelf.give(&draft.groups, lent);
        let (own, messages) = proved.map_err(SumcheckError::from)?;
        let body = codec::pack(&Body { roots, places: draft.places.clone(), own, messages });
        if body.len() > Proof::MAX_BODY {
            return Err(ProveError::TooLong { length: body.len(), limit: Proof::MAX_BODY });
        }
        Ok(Proof { backend: Backend::SUMCHECK, body: body.into() })
    }

    /// Whether a tensor is the one bound.
    fn admits(&self, shelf: &Shelf, setup: &Setup, binding: &Binding, tensor: &Tensor) -> bool {
        match binding {
            Binding::Committed(commitment) if commitment.scheme == group::SCHEME => {
                shelf.find(commitment).is_some_and(|place| shelf.holds(setup, place, tensor))
            }
            Binding::Committed(commitment) => match self.checker.library.get(commitment) {
                Some(known) => **known == *tensor,
                None => binding.admits(tensor),
            },
            Binding::Public(public) => public == tensor,
        }
    }
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
        let relation = self.checker.relations.get::<S>(digest, public)?;
        let witness = S::committed(public, witness)?.into_iter().cloned().collect();
        let bound_to = bind(Backend::SUMCHECK, S::DOMAIN, context, digest);
        self.prove_bound(context, bound_to, &relation, witness, entropy)
    }

    fn verifier(&self) -> Arc<dyn Verifier<S>> {
        Arc::new(self.checker.clone())
    }

    fn gas(&self, public: &S::Public) -> u64 {
        let relation = self.checker.relations.get::<S>(public_digest::<S>(public), public);
        let run = relation.map_or(0, |relation| relation.program.gas());
        BASE_GAS.saturating_add(run.saturating_mul(GAS_FACTOR))
    }
}

impl<S: Computation> Verifier<S> for Sumcheck {
    fn verify(&self, context: &Context, public: &S::Public, proof: &Proof) -> Result<(), VerifyError> {
        Verifier::<S>::verify(&self.checker, context, public, proof)
    }

    fn guarantees(&self, public: &S::Public) -> Guarantees {
        Verifier::<S>::guarantees(&self.checker, public)
    }

    fn gas(&self, public: &S::Public) -> u64 {
        Verifier::<S>::gas(&self.checker, public)
    }

    fn openings(&self, public: &S::Public, proof: &Proof) -> Vec<Opening> {
        Verifier::<S>::openings(&self.checker, public, proof)
    }
}
