//! What is said about accepted commitments, as bytes that cross the ledger: judged here, made in `defend`.
//!
//! An answer to an audit is the openings of all drawn units, in their order. A move of a dispute is an
//! [`Input`], the first an [`Accusation`]; the referee between two moves is a [`State`]. The ledger keeps the
//! time, so that time is no move here.

use super::dispute::{Dispute, Effect, Input, Party, Refused, State, Terms};
use super::trace::{Fault, Opening, Plan};
use super::{Optimistic, READ_GAS};
use crate::doubt::{Accepted, Doubt};
use crate::statement::Computation;
use crate::verifier::VerifyError;
use bitneuron_core::claim::{self, Ruling};
use bitneuron_core::{Digest, Height, Machine as _, Outbox, Seed, Time, Wire, decode, encode};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The openings of all audited units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Openings(pub Vec<Opening>);

impl Wire for Openings {
    const LIMIT: usize = Opening::LIMIT;
}

/// What a challenger says is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accusation {
    /// The output at this place; `None` when it is some anchor.
    pub output: Option<u32>,
}

impl Wire for Accusation {
    const LIMIT: usize = 8;
}

impl From<Fault> for VerifyError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unit(_) | Fault::Malformed(_) => Self::Malformed(fault.to_string()),
            Fault::NotCommitted(id) => Self::NotCommitted(id.0 as usize),
            Fault::Run(_) | Fault::False(_) => Self::False(fault.to_string()),
        }
    }
}

/// The bytes of something said, decoded strictly.
pub(super) fn said<T: Wire>(bytes: &[u8], what: &str) -> Result<T, VerifyError> {
    decode(bytes).map_err(|error| VerifyError::Malformed(format!("{what}: {error}")))
}

impl Optimistic {
    /// The terms of a dispute about an accepted proof.
    pub(super) fn terms<S: Computation>(
        &self,
        claim: &Accepted<'_, S>,
        seed: impl FnOnce(Digest) -> Seed,
    ) -> Result<Terms, VerifyError> {
        let root = self.root::<S>(claim.context, claim.public, claim.proof)?;
        let plan = self.plan::<S>(claim.public)?;
        Ok(Terms { plan, root, seed: seed(root), patience: self.policy().patience })
    }
}

/// The gas of the so many dearest of these units, with reading and hashing what they show.
fn dearest(plan: &Plan, units: Range<usize>, count: usize) -> u64 {
    let mut costs: Vec<u64> = units.map(|unit| cost(plan, unit)).collect();
    costs.sort_unstable_by(|a, b| b.cmp(a));
    costs.into_iter().take(count).fold(READ_GAS, u64::saturating_add)
}

/// The gas of checking one unit, one more for each element that it shows.
fn cost(plan: &Plan, unit: usize) -> u64 {
    let Some(unit) = plan.outline.units().get(unit) else { return 0 };
    let elements = |id: &bitneuron_core::exact::ValueId| {
        plan.relation.program.shape(*id).and_then(bitneuron_core::exact::tensor::elements).unwrap_or(0) as u64
    };
    unit.slice.inputs.iter().map(elements).fold(unit.gas, u64::saturating_add)
}

impl<S: Computation> Doubt<S> for Optimistic {
    fn audit(&self, claim: &Accepted<'_, S>, beacon: Digest, answer: &[u8]) -> Result<(), VerifyError> {
        let units = self.questions::<S>(claim.context, claim.public, claim.proof, beacon)?;
        let Openings(openings) = said(answer, "openings")?;
        if openings.len() != units.len() {
            let text = format!("{} openings where {} units were drawn", openings.len(), units.len());
            return Err(VerifyError::Malformed(text));
        }
        let Terms { plan, root, seed, .. } = self.terms(claim, |root| Self::seed(root, beacon))?;
        for (unit, opening) in units.into_iter().zip(&openings) {
            plan.audit(root, unit, opening, seed)?;
        }
        Ok(())
    }

    fn audit_gas(&self, public: &S::Public) -> u64 {
        let Ok(plan) = self.plan::<S>(public) else { return READ_GAS };
        let (anchors, units) = (plan.outline.anchors().len(), plan.outline.units().len());
        let drawn = dearest(&plan, 0..anchors, self.policy().audited);
        drawn.saturating_add(dearest(&plan, anchors..units, units))
    }

    fn rule(
        &self,
        claim: &Accepted<'_, S>,
        beacon: Digest,
        referee: Option<&[u8]>,
        step: &[u8],
    ) -> Result<Ruling, VerifyError> {
        let terms = self.terms(claim, |root| Self::seed(root, beacon))?;
        let no_move = |refused: Refused| VerifyError::Malformed(refused.to_string());
        let (mut out, now) = (Outbox::new(), Height(0));
        let dispute = match referee {
            None => {
                let Accusation { output } = said(step, "accusation")?;
                Dispute::new(terms, output, now, &mut out).map_err(no_move)?
            }
            Some(state) => {
                let input: Input = said(step, "move")?;
                if matches!(input, Input::Height(_)) {
                    return Err(VerifyError::Malformed("time is no move".into()));
                }
                let mut dispute = Dispute::resume(terms, said::<State>(state, "referee")?, now);
                dispute.step(Time::ZERO, input, &mut out).map_err(no_move)?;
                dispute
            }
        };
        let party = |party: Party| match party {
            Party::Defender => claim::Party::Author,
            Party::Accuser => claim::Party::Challenger,
        };
        match out.into_iter().last() {
            Some(Effect::Verdict { guilty, .. }) => Ok(Ruling::Verdict { guilty: party(guilty) }),
            Some(Effect::Ask { party: asked, .. }) => {
                Ok(Ruling::Asks { party: party(asked), referee: encode(&dispute.state()).into() })
            }
            None => Err(VerifyError::Malformed("a move without consequence".into())),
        }
    }

    fn rule_gas(&self, public: &S::Public) -> u64 {
        self.plan::<S>(public).map_or(READ_GAS, |plan| dearest(&plan, 0..plan.outline.units().len(), 1))
    }
}
