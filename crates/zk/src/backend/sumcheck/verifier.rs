//! The verifier.

use super::binding::{Body, Heading, bound_with};
use super::geometry::SetupError;
use super::group::{self, Root};
use super::lower::LowerError;
use super::protocol::{Frame, Layout};
use super::system::Store;
use super::{Checker, RELATION, geometry, soundness};
use crate::guarantees::{Assumption, Guarantees, Settles, Soundness, ZeroKnowledge};
use crate::proof::{Backend, Proof, bind};
use crate::statement::{Computation, public_digest};
use crate::verifier::{Verifier, VerifyError};
use bitneuron_core::claim::Opening;
use bitneuron_core::exact::{Binding, Relation};
use bitneuron_core::{Context, Digest, codec};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What any check costs, in gas.
const BASE_GAS: u64 = 500_000;

impl Checker {
    /// Checks what a prover shows of a relation that belongs to no statement.
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

    /// What accepting a proof of a relation means.
    pub fn guaranteed(&self, relation: &Relation) -> Guarantees {
        // What cannot be assessed is refused by the same rule: nothing is accepted with less than the target.
        Self::guarantee(self.assess(relation).map_or(geometry::TARGET_BITS, |report| report.bits() as u16))
    }

    const fn guarantee(bits: u16) -> Guarantees {
        Guarantees {
            soundness: Soundness { bits, under: Assumption::Proven },
            zero_knowledge: ZeroKnowledge::Full,
            succinct: true,
            trusted_setup: false,
            post_quantum: true,
            settles: Settles::AtOnce,
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
        let body: Body = codec::unpack(body).map_err(|error| VerifyError::Malformed(error.to_string()))?;
        let roots = body.roots.iter().chain([&body.own]);
        if !roots.clone().all(|root| root.geometry() == self.geometry() && root.is_single()) {
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
        if places.next().is_some() || !ordered(&body) {
            return Err(malformed("groups or places that nothing names"));
        }
        Self::sized(relation, &body)?;
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
        let groups: Vec<usize> = roots.clone().map(Root::elements).collect();
        let report = soundness::composed(&frame, &setup, &groups);
        if !report.suffices() {
            return Err(refused(&SetupError::Insecure(Some(report.bits()))));
        }
        let layout = Layout { setup: &setup, chain: context.chain, roots: roots.collect() };
        let bound_to = bound_with(bound_to, &body.places);
        layout.verify(&frame, bound_to, &body.messages).map_err(|why| VerifyError::False(why.into()))
    }

    /// Whether every tensor in a group has as many elements as the program says.
    fn sized(relation: &Relation, body: &Body) -> Result<(), VerifyError> {
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

/// Whether groups stand in the order in which places name them, each once: so there is one way to write it.
fn ordered(body: &Body) -> bool {
    let mut named = 0;
    let next = body.places.iter().all(|(group, _)| {
        let group = usize::from(*group);
        named = named.max(group + 1).min(named + 1);
        group < named
    });
    let caps = body.roots.iter().enumerate().all(|(at, root)| !body.roots[..at].contains(root));
    next && named == body.roots.len() && caps
}

impl<S: Computation> Verifier<S> for Checker {
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

    fn guarantees(&self, public: &S::Public) -> Guarantees {
        let relation = self.relations.get::<S>(public_digest::<S>(public), public);
        relation
            .map_or_else(|_| Self::guarantee(geometry::TARGET_BITS), |relation| self.guaranteed(&relation))
    }

    fn gas(&self, public: &S::Public) -> u64 {
        let relation = self.relations.get::<S>(public_digest::<S>(public), public);
        relation.map_or(BASE_GAS, |relation| BASE_GAS.saturating_add(relation.program.gas()))
    }
    fn openings(&self, public: &S::Public, proof: &Proof) -> Vec<Opening> {
        let relation = self.relations.get::<S>(public_digest::<S>(public), public);
        let (Ok(relation), Ok(heading)) = (relation, codec::glance::<Heading>(&proof.body)) else {
            return Vec::new();
        };
        heading.openings(&relation)
    }
}
