//! Optimistic proofs: a commitment now, an answer to whoever doubts it later.
//!
//! The proof of a computation is 64 bytes: its binding and the root over the tensors of its run that matter
//! ([`outline`]). A verifier that accepts it believes nothing yet; it believes once a window has passed in which
//! - a beacon drawn after the commitment chose units to be audited ([`odds`]), and the prover opened each of them and all outputs
//!   ([`trace`]): sums of products are checked by Freivalds' method ([`freivalds`]), everything else is computed again;
//! - nobody who ran the program itself found another root and won the dispute ([`dispute`]).
//!
//! What such a proof shows is what audits show: nothing is hidden. What it costs is the run, one hash of its heavy tensors,
//! and the audits.
//!
//! ```text
//! prove:   binding ‖ root                      audit u:  tensors of unit u, each with its way to the root
//! verify:  the binding                         check:    run the unit's part, or contract both sides with a random vector
//! ```

pub mod audit;
mod defend;
pub mod dispute;
pub mod freivalds;
pub mod odds;
pub mod outline;
pub mod trace;

pub use dispute::Dispute;
pub use outline::Outline;
pub use trace::{Fault, Opening, Plan, Trace};

use crate::cache::Relations;
use crate::doubt::{Defence, Doubt};
use crate::guarantees::{Assumption, Guarantees, Settles, Soundness, ZeroKnowledge};
use crate::proof::{Backend, Proof, bind};
use crate::prover::{ProveError, Prover};
use crate::statement::{Computation, StatementError, public_digest};
use crate::verifier::{Verifier, VerifyError};
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Relation, Tensor};
use bitneuron_core::{Context, Digest, Seed, hash::Hasher};
use std::sync::Arc;

/// What reading a proof costs, in gas.
const READ_GAS: u64 = 500;
/// What building one operation of the program costs, in gas.
const NODE_GAS: u64 = 100;
/// The length of a proof in bytes.
const LENGTH: usize = 64;

/// How proofs are audited: agreed by all, since it says what they are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How many anchors of each run the beacon draws for an audit; outputs are always audited.
    pub audited: usize,
    /// How many heights a doubt may be raised in.
    pub window: u64,
    /// How many heights a party has for each move of a dispute.
    pub patience: u64,
}

impl Default for Policy {
    /// Three audited anchors, a window of 16 heights, 2 heights for each move.
    fn default() -> Self {
        Self { audited: 3, window: 16, patience: 2 }
    }
}

/// Prover and verifier of commitments that must stand up to audits, for every [`Computation`].
#[derive(Debug, Clone, Default)]
pub struct Optimistic {
    policy: Policy,
    relations: Arc<Relations>,
}

impl Optimistic {
    /// With an agreed policy.
    pub fn new(policy: Policy) -> Self {
        Self { policy, relations: Arc::default() }
    }

    /// The policy.
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// What prover, auditor and referee of a public part share.
    ///
    /// # Errors
    /// The public part states nothing that could be proved.
    pub fn plan<S: Computation>(&self, public: &S::Public) -> Result<Plan, StatementError> {
        let relation = self.relations.get::<S>(public_digest::<S>(public), public)?;
        let outline = Arc::new(Outline::new(&relation.program)?);
        Ok(Plan { relation, outline })
    }

    /// The run behind a proof, which its prover makes again from the witness when it is audited.
    ///
    /// # Errors
    /// The public part states nothing, or the program does not run on the witness.
    pub fn trace<S: Computation>(
        &self,
        public: &S::Public,
        witness: &S::Witness,
    ) -> Result<Trace, ProveError> {
        let plan = self.plan::<S>(public)?;
        Ok(Trace::new(&plan, S::witness(witness).into_iter().cloned().collect())?)
    }

    /// Which units of a proof a beacon wants to see: so many anchors, drawn, and all outputs, so that nobody states other
    /// outputs than its committed run has. The beacon must not have been known when the proof was made.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn questions<S: Computation>(
        &self,
        context: &Context,
        public: &S::Public,
        proof: &Proof,
        beacon: Digest,
    ) -> Result<Vec<usize>, VerifyError> {
        let root = self.root::<S>(context, public, proof)?;
        let outline = self.plan::<S>(public)?.outline;
        let bound = bind(Backend::OPTIMISTIC, S::DOMAIN, context, public_digest::<S>(public));
        let (anchors, units) = (outline.anchors().len(), outline.units().len());
        let mut asked = odds::audited(bound, root, beacon, anchors, self.policy.audited);
        asked.extend(anchors..units);
        Ok(asked)
    }

    /// The root that a proof commits to.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn root<S: Computation>(
        &self,
        context: &Context,
        public: &S::Public,
        proof: &Proof,
    ) -> Result<Digest, VerifyError> {
        if proof.backend != Backend::OPTIMISTIC {
            return Err(VerifyError::Malformed(format!("{:?} is not optimistic", proof.backend)));
        }
        S::concerns(context, public).map_err(VerifyError::Unrelated)?;
        let body: &[u8; LENGTH] = (*proof.body)
            .try_into()
            .map_err(|_| VerifyError::Malformed(format!("{} bytes, not {LENGTH}", proof.body.len())))?;
        let (bound, root) = body.split_at(32);
        if bound != bind(Backend::OPTIMISTIC, S::DOMAIN, context, public_digest::<S>(public)).0 {
            return Err(VerifyError::Unbound);
        }
        let mut digest = Digest::ZERO;
        digest.0.copy_from_slice(root);
        Ok(digest)
    }

    /// The randomness of the checks of a proof, from a beacon that was not known when the proof was made.
    pub fn seed(root: Digest, beacon: Digest) -> Seed {
        Seed(Hasher::new("bitneuron audit seed v1").update(&root.0).update(&beacon.0).finish().0)
    }
}

/// The committed tensors of a run are those of the relation, and its outputs the stated ones.
fn holds(relation: &Relation, witness: &[&Tensor]) -> Result<(), RelationError> {
    let committed = relation.inputs.iter().enumerate().filter_map(|(place, binding)| match binding {
        Binding::Committed(commitment) => Some((place, commitment)),
        Binding::Public(_) => None,
    });
    let wrong = committed.zip(witness).find(|((_, commitment), tensor)| tensor.commitment() != **commitment);
    wrong.map_or(Ok(()), |((place, _), _)| Err(RelationError::Input(place)))
}

impl<S: Computation> Prover<S> for Optimistic {
    /// There is nothing to hide, so the entropy is not used.
    fn prove(
        &self,
        context: &Context,
        public: &S::Public,
        witness: &S::Witness,
        _entropy: Seed,
    ) -> Result<Proof, ProveError> {
        S::concerns(context, public).map_err(ProveError::Unrelated)?;
        let plan = self.plan::<S>(public)?;
        let tensors = S::witness(witness);
        holds(&plan.relation, &tensors)?;
        let trace = Trace::new(&plan, tensors.into_iter().cloned().collect())?;
        // Every output is looked at, as an audit would.
        let anchors = plan.outline.anchors().len();
        for unit in anchors..plan.outline.units().len() {
            let opening = trace.open(&plan, unit).ok_or(ProveError::False("a unit is missing"))?;
            let output = unit.saturating_sub(anchors);
            plan.audit(trace.root(), unit, &opening, Seed::default())
                .map_err(|_| ProveError::Relation(RelationError::Output(output)))?;
        }
        let mut body = bind(Backend::OPTIMISTIC, S::DOMAIN, context, public_digest::<S>(public)).0.to_vec();
        body.extend(trace.root().0);
        Ok(Proof { backend: Backend::OPTIMISTIC, body: body.into() })
    }

    fn verifier(&self) -> Arc<dyn Verifier<S>> {
        Arc::new(self.clone())
    }

    fn defence(&self) -> Option<&dyn Defence<S>> {
        Some(self)
    }
}

impl<S: Computation> Verifier<S> for Optimistic {
    /// Whether it is a commitment for this statement and context, no more: see [`Guarantees::settles`].
    fn verify(&self, context: &Context, public: &S::Public, proof: &Proof) -> Result<(), VerifyError> {
        self.root::<S>(context, public, proof)?;
        self.relations.get::<S>(public_digest::<S>(public), public)?;
        Ok(())
    }

    fn guarantees(&self, _public: &S::Public) -> Guarantees {
        Guarantees {
            // Of one audited unit.
            soundness: Soundness { bits: 61, under: Assumption::Economic },
            zero_knowledge: ZeroKnowledge::None,
            succinct: true,
            trusted_setup: false,
            post_quantum: true,
            settles: Settles::After(self.policy.window),
        }
    }

    /// Building the program and reading 64 bytes; what audits cost is in [`outline::Unit::gas`].
    fn gas(&self, public: &S::Public) -> u64 {
        let relation = self.relations.get::<S>(public_digest::<S>(public), public);
        let nodes = relation.map_or(0, |relation| relation.program.nodes().len() as u64);
        nodes.saturating_mul(NODE_GAS).saturating_add(READ_GAS)
    }

    fn doubt(&self) -> Option<&dyn Doubt<S>> {
        Some(self)
    }
}
