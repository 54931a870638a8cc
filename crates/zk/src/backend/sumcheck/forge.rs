//! Dishonest provers, for tests: whatever a cheat could do that keeps to the form of a proof.
//!
//! A [`Tamper`] changes one element of one node of an honest run. Its cells are committed changed; the messages are made
//! either of the changed values too, or of the honest ones.

use super::prover::Attempt;
use super::system::{NodeId, Wire};
use super::values::Values;
use super::{LowerError, Sumcheck, SumcheckError};
use crate::proof::{Backend, Proof, bind};
use crate::prover::ProveError;
use crate::statement::{Computation, public_digest};
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Relation, Tensor, execute};
use bitneuron_core::{Context, Digest, Seed};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One change of the proof's own cells.
#[derive(Debug, Clone, Copy)]
pub struct Tamper {
    /// Which of the nodes that have own cells, in order.
    pub node: usize,
    /// Which of its elements.
    pub element: usize,
    /// What is added to it.
    pub by: i64,
    /// Whether messages are made of the changed values too, and what follows from them follows.
    pub thorough: bool,
}

impl Sumcheck {
    /// The kinds of own cells that a proof of this relation has, with how many elements each.
    ///
    /// # Errors
    /// As proving.
    pub fn own_cells(&self, relation: &Relation) -> Result<Vec<(String, usize)>, ProveError> {
        let draft = self.draft(&self.vault.lock(), relation)?;
        let own = draft.system.nodes.iter().filter_map(|node| match &node.wire {
            Wire::Cells(store, hint) if store.group == draft.system.own_group => {
                Some((format!("{hint:?}"), node.shape.iter().product()))
            }
            _ => None,
        });
        Ok(own.collect())
    }

    /// A proof made without looking whether the relation holds, of a run that may be tampered with; `None` where not even the
    /// form of a proof can be kept.
    ///
    /// # Errors
    /// The program does not run on the witness at all, or has no system.
    pub fn forge(
        &self,
        context: &Context,
        relation: &Relation,
        witness: Vec<Tensor>,
        tamper: Option<Tamper>,
        entropy: Seed,
    ) -> Result<Option<Proof>, ProveError> {
        let bound_to = bind(Backend::SUMCHECK, super::RELATION, context, relation.digest());
        self.forge_bound(context, bound_to, relation, witness, tamper, entropy)
    }

    /// [`Sumcheck::forge`] of a claim, bound as its proof would be; whether the claim even belongs into its context is not
    /// looked at.
    ///
    /// # Errors
    /// As [`Sumcheck::forge`], or the public part states nothing.
    pub fn forge_claim<S: Computation>(
        &self,
        context: &Context,
        public: &S::Public,
        witness: &[&Tensor],
        entropy: Seed,
    ) -> Result<Option<Proof>, ProveError> {
        let digest = public_digest::<S>(public);
        let relation = self.checker.relations.get::<S>(digest, public)?;
        let bound_to = bind(Backend::SUMCHECK, S::DOMAIN, context, digest);
        let witness = witness.iter().copied().cloned().collect();
        self.forge_bound(context, bound_to, &relation, witness, None, entropy)
    }

    fn forge_bound(
        &self,
        context: &Context,
        bound_to: Digest,
        relation: &Relation,
        witness: Vec<Tensor>,
        tamper: Option<Tamper>,
        entropy: Seed,
    ) -> Result<Option<Proof>, ProveError> {
        let inputs = relation.assemble(witness)?;
        let run = execute(&relation.program, &inputs).map_err(RelationError::from)?;
        let mut shelf = self.vault.lock();
        let draft = self.draft(&shelf, relation)?;
        let honest = Values::all(&draft.system, &inputs, &run);
        let mut cells = honest.clone();
        if let Some(tamper) = tamper {
            let own = draft.system.nodes.iter().enumerate().filter(|(_, node)| {
                matches!(&node.wire, Wire::Cells(store, _) if store.group == draft.system.own_group)
            });
            let (place, _) =
                own.clone().nth(tamper.node).ok_or(SumcheckError::Lower(LowerError::TooLarge))?;
            cells.tamper(&draft.system, NodeId(place), tamper.element, tamper.by);
        }
        let values = if tamper.is_some_and(|tamper| tamper.thorough) { cells.clone() } else { honest };
        // What is no run may not even keep the form of a proof.
        let forged = catch_unwind(AssertUnwindSafe(|| {
            let cells = Some(&cells);
            self.finish(&mut shelf, Attempt { context, bound_to, draft: &draft, values, cells, entropy })
        }));
        match forged {
            Ok(Ok(proof)) => Ok(Some(proof)),
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}
