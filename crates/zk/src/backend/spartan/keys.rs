//! Keys of circuits: made once for each circuit, by whoever proves or verifies, from the relation alone.
//!
//! There is no secret in them and no ceremony behind them. They are large (about 250 bytes for each entry of the constraints), so
//! few are kept.

use super::SpartanError;
use super::circuit::Circuit;
use super::compile::compile;
use super::engine::{Curve, Scalar};
use super::layout::Layout;
use super::synthesis::Bound;
use bitneuron_core::Digest;
use bitneuron_core::exact::Relation;
use ff::Field;
use spartan2::spartan_zk::{SpartanProverKey, SpartanVerifierKey, SpartanZkSNARK};
use spartan2::traits::snark::R1CSSNARKTrait;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The most circuits whose keys are kept.
const CIRCUITS: usize = 8;

/// The keys of a circuit.
pub(super) struct Keys {
    pub(super) prover: SpartanProverKey<Curve>,
    pub(super) verifier: SpartanVerifierKey<Curve>,
}

/// Keys and sizes by the name of their circuit.
#[derive(Default)]
pub(super) struct KeyRing {
    keys: Mutex<BTreeMap<Digest, Arc<Keys>>>,
    sizes: Mutex<BTreeMap<Digest, usize>>,
}

impl KeyRing {
    /// The keys of a relation's circuit.
    pub(super) fn get(&self, relation: &Relation, layout: &Layout) -> Result<Arc<Keys>, SpartanError> {
        let name = layout.digest(relation);
        if let Some(known) = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(known.clone());
        }
        let circuit = Arc::new(compile(relation, layout, None)?);
        let keys = Arc::new(make(circuit)?);
        let mut ring = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() >= CIRCUITS {
            ring.clear();
        }
        ring.insert(name, keys.clone());
        Ok(keys)
    }

    /// The constraints of a relation's circuit.
    pub(super) fn size(&self, relation: &Relation, layout: &Layout) -> Result<usize, SpartanError> {
        let name = layout.digest(relation);
        if let Some(known) = self.sizes.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(*known);
        }
        let size = compile(relation, layout, None)?.size();
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        if sizes.len() >= 64 * CIRCUITS {
            sizes.clear();
        }
        sizes.insert(name, size);
        Ok(size)
    }
}

fn make(circuit: Arc<Circuit>) -> Result<Keys, SpartanError> {
    let bound = Bound { circuit, binding: [Scalar::ZERO; 2] };
    let (prover, verifier) =
        SpartanZkSNARK::<Curve>::setup(bound).map_err(|error| SpartanError::Library(error.to_string()))?;
    Ok(Keys { prover, verifier })
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}
