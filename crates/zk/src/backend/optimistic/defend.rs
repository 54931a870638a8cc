//! Answers and moves of whoever has the witness: the author of a commitment, or a challenger that ran the program too.

use super::Optimistic;
use super::audit::{Accusation, Openings, said};
use super::dispute::{Input, Side, State, Terms};
use super::trace::{Plan, Trace};
use crate::doubt::{Accepted, Defence};
use crate::prover::ProveError;
use crate::statement::Computation;
use crate::verifier::VerifyError;
use bitneuron_core::{Bytes, Digest, Seed, encode};

/// A claim that this backend cannot speak about.
fn foreign(error: VerifyError) -> ProveError {
    ProveError::Rule(Box::new(error))
}

/// The run that a witness gives.
fn run<S: Computation>(plan: &Plan, witness: &S::Witness) -> Result<Trace, ProveError> {
    Ok(Trace::new(plan, S::witness(witness).into_iter().cloned().collect())?)
}

/// The first output of an own run that is not the one stated, by opening each as an audit would.
fn wrong_output(plan: &Plan, own: &Trace) -> Option<u32> {
    let anchors = plan.outline.anchors().len();
    (anchors..plan.outline.units().len()).find_map(|unit| {
        let opening = own.open(plan, unit)?;
        let wrong = plan.audit(own.root(), unit, &opening, Seed::default()).is_err();
        wrong.then(|| u32::try_from(unit.saturating_sub(anchors)).ok()).flatten()
    })
}

impl<S: Computation> Defence<S> for Optimistic {
    fn answer(
        &self,
        claim: &Accepted<'_, S>,
        witness: &S::Witness,
        beacon: Digest,
    ) -> Result<Bytes, ProveError> {
        let units = self.questions::<S>(claim.context, claim.public, claim.proof, beacon).map_err(foreign)?;
        let plan = self.plan::<S>(claim.public)?;
        let trace = run::<S>(&plan, witness)?;
        let openings = units.into_iter().map(|unit| trace.open(&plan, unit)).collect::<Option<_>>();
        let openings = openings.ok_or(ProveError::False("a unit is missing"))?;
        Ok(encode(&Openings(openings)).into())
    }

    fn challenge(&self, claim: &Accepted<'_, S>, witness: &S::Witness) -> Result<Option<Bytes>, ProveError> {
        let Terms { plan, root, .. } = self.terms(claim, |_| Seed::default()).map_err(foreign)?;
        let own = run::<S>(&plan, witness)?;
        let accusation = if own.root() == root {
            let Some(output) = wrong_output(&plan, &own) else { return Ok(None) };
            Accusation { output: Some(output) }
        } else {
            Accusation { output: None }
        };
        Ok(Some(encode(&accusation).into()))
    }

    fn reply(
        &self,
        claim: &Accepted<'_, S>,
        witness: &S::Witness,
        referee: &[u8],
    ) -> Result<Bytes, ProveError> {
        let Terms { plan, .. } = self.terms(claim, |_| Seed::default()).map_err(foreign)?;
        let own = run::<S>(&plan, witness)?;
        let missing = || ProveError::False("no such node");
        let at = |level: u32, index: u64| own.tree().at(level as usize, usize::try_from(index).ok()?);
        let input = match said::<State>(referee, "referee").map_err(foreign)? {
            State::Top => {
                let top = u32::try_from(own.tree().height()).unwrap_or(0).saturating_sub(1);
                Input::Top(at(top, 0).ok_or_else(missing)?)
            }
            State::Node { level, index, .. } => {
                let (below, first) = (level.saturating_sub(1), index.saturating_mul(2));
                let right = at(below, first.saturating_add(1)).ok_or_else(missing)?;
                Input::Children(at(below, first).ok_or_else(missing)?, right)
            }
            // To the left of what is taken everything is the same.
            State::Choice { level, index, left, .. } => {
                let mine = at(level.saturating_sub(1), index.saturating_mul(2)).ok_or_else(missing)?;
                Input::Wrong(if mine == left { Side::Right } else { Side::Left })
            }
            State::Unit(unit) => Input::Opened(Box::new(own.open(&plan, unit as usize).ok_or_else(missing)?)),
            State::Over => return Err(ProveError::False("the dispute is over")),
        };
        Ok(encode(&input).into())
    }
}
