//! Proofs made and opened.
//!
//! The body is `binding: 32 bytes ‖ the library's proof in our wire form`. The proof begins with the commitment to the shared
//! segment, which are the rows of the committed tensors in their order: they are compared with the relation's commitments before
//! anything else is believed. The binding is a public value too, so it is in the transcript before the first challenge.

use super::compile::compile;
use super::engine::{Curve, Foreign, Scalar, masked};
use super::layout::Layout;
use super::synthesis::Bound;
use super::vault::{HEADER, Rows, blinds};
use super::{Spartan, SpartanError, halves};
use crate::proof::{Backend, Proof};
use crate::prover::ProveError;
use crate::verifier::VerifyError;
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Relation, Run, Tensor, execute};
use bitneuron_core::{Digest, Seed, decode, encode, hash::Hasher};
use ff::PrimeField as _;
use spartan2::spartan_zk::SpartanZkSNARK;
use spartan2::traits::snark::R1CSSNARKTrait;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type Snark = SpartanZkSNARK<Curve>;

impl Spartan {
    /// Writes a proof of what the program gives on `inputs`, without looking whether that is what is stated.
    pub(crate) fn seal(
        &self,
        bound: Digest,
        relation: &Relation,
        inputs: &[Tensor],
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        let layout = Layout::new(relation)?;
        let run = execute(&relation.program, inputs).map_err(RelationError::from)?;
        let circuit = Bound {
            circuit: Arc::new(compile(relation, &layout, Some(run.values()))?),
            binding: halves(bound),
        };
        let keys = self.keys.get(relation, &layout)?;
        let shared = self.shared(&layout, inputs, &run)?;
        // Seeds and witness are one-to-one with the blinds and their tensors.
        let mut hasher = Hasher::new("bitneuron spartan masks v1");
        hasher.update(&entropy.0).update(&bound.0);
        shared.iter().for_each(|blind| {
            hasher.part(blind.to_repr().as_ref());
        });
        inputs.iter().for_each(|tensor| {
            hasher.update(&tensor.commitment().root.0);
        });
        let seed = Seed::from(hasher.finish());
        let snark = masked(shared, seed, || {
            let prepared = Snark::prep_prove(&keys.prover, circuit.clone(), false)?;
            Snark::prove(&keys.prover, circuit, prepared, false)
        });
        let (snark, _) = snark.map_err(|error| SpartanError::Library(error.to_string()))?;
        let body = [&bound.0[..], &encode(&Foreign(snark))].concat();
        if body.len() > Proof::MAX_BODY {
            return Err(ProveError::TooLong { length: body.len(), limit: Proof::MAX_BODY });
        }
        Ok(Proof { backend: Backend::SPARTAN, body: body.into() })
    }

    /// The blinds of all rows.
    fn shared(&self, layout: &Layout, inputs: &[Tensor], run: &Run) -> Result<Vec<Scalar>, SpartanError> {
        let outputs = run.outputs();
        let mut all = Vec::new();
        for (at, place) in layout.committed.iter().enumerate() {
            let tensor = if at < layout.inputs {
                inputs.get(place.number)
            } else {
                outputs.get(place.number).copied()
            };
            let seed = self.seed(place.commitment)?;
            all.extend(tensor.map(|tensor| blinds(tensor, seed)).unwrap_or_default());
        }
        Ok(all)
    }

    /// Checks the library's proof of a relation.
    pub(super) fn open(&self, bound: Digest, relation: &Relation, body: &[u8]) -> Result<(), VerifyError> {
        let layout = Layout::new(relation)?;
        admissible(relation)?;
        linked(&layout, body)?;
        let expected = stated(bound, relation, &layout);
        // The library may panic on what is not a proof; that is a refusal.
        let parsed = catch_unwind(|| decode::<Foreign<Snark>>(body));
        let parsed = parsed.map_err(|_| VerifyError::Malformed("not a proof".into()))?;
        let snark = parsed.map_err(|error| VerifyError::Malformed(error.to_string()))?;
        if encode(&snark) != body {
            return Err(VerifyError::Malformed("not the canonical encoding".into()));
        }
        let keys = self.keys.get(relation, &layout)?;
        match catch_unwind(AssertUnwindSafe(|| snark.0.verify(&keys.verifier))) {
            Ok(Ok(public)) if public == expected => Ok(()),
            Ok(Ok(_)) => Err(VerifyError::False("other public values are proved".into())),
            Ok(Err(error)) => Err(VerifyError::False(error.to_string())),
            Err(_) => Err(VerifyError::Malformed("parts of wrong sizes".into())),
        }
    }
}

/// Public inputs lie where the program wants them, which no circuit checks.
fn admissible(relation: &Relation) -> Result<(), VerifyError> {
    for (place, (binding, input)) in relation.inputs.iter().zip(relation.program.inputs()).enumerate() {
        if let Binding::Public(tensor) = binding
            && !tensor.data().iter().all(|value| input.interval.contains(*value))
        {
            return Err(VerifyError::False(format!("public input {place} is out of range")));
        }
    }
    Ok(())
}

/// The public values of a true proof.
fn stated(bound: Digest, relation: &Relation, layout: &Layout) -> Vec<Scalar> {
    let mut stated = halves(bound).to_vec();
    let inputs = relation.inputs.iter().enumerate().filter(|(place, _)| !layout.is_fixed(*place));
    for binding in inputs.map(|(_, binding)| binding).chain(&relation.outputs) {
        if let Binding::Public(tensor) = binding {
            stated.extend(tensor.data().iter().map(|value| super::circuit::scalar((*value).into())));
        }
    }
    stated
}

/// Whether the proof's shared segment is what the relation commits to. The encoding begins with a version byte, whether there is such
/// a segment, how many rows it has, and the rows.
fn linked(layout: &Layout, body: &[u8]) -> Result<(), VerifyError> {
    let short = || VerifyError::Malformed("no commitments".into());
    let rows: usize = layout.committed.iter().map(|place| place.rows).sum();
    // The version is looked at when the whole is decoded.
    let [_, some, body @ ..] = body else { return Err(short()) };
    if *some != u8::from(rows > 0) {
        return Err(short());
    }
    if rows == 0 {
        return if layout.committed.iter().all(|place| Rows::commitment(&place.shape, &[]) == place.commitment)
        {
            Ok(())
        } else {
            Err(VerifyError::NotCommitted(0))
        };
    }
    let (length, mut body) = body.split_first_chunk::<{ HEADER - 1 }>().ok_or_else(short)?;
    if u64::from_le_bytes(*length) != rows as u64 {
        return Err(short());
    }
    for (at, place) in layout.committed.iter().enumerate() {
        let (own, rest) = body.split_at_checked(place.rows.saturating_mul(ROW)).ok_or_else(short)?;
        body = rest;
        if Rows::commitment(&place.shape, own) != place.commitment {
            return Err(if at < layout.inputs {
                VerifyError::NotCommitted(place.number)
            } else {
                VerifyError::False(RelationError::Output(place.number).to_string())
            });
        }
    }
    Ok(())
}

/// Bytes of a row's commitment: a compressed point.
const ROW: usize = 33;
