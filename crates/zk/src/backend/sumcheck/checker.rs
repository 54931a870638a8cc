//! What checking takes: the sizes of groups, the tensors that everybody knows, and what is built once.

use super::geometry::{Geometry, Setup, SetupError};
use crate::Library;
use crate::cache::Relations;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Few limbs above many rows leave an opening no folds that are proven: how many doublings are tried.
const MORE_LIMBS: usize = 2;

/// The verifier by sumcheck, for every [`Computation`](crate::Computation), with nothing of a prover. Clones share library and
/// caches.
#[derive(Debug, Clone)]
pub struct Checker {
    geometry: Geometry,
    pub(super) library: Arc<Library>,
    pub(super) relations: Arc<Relations>,
    setups: Arc<Mutex<BTreeMap<usize, Setup>>>,
}

impl Checker {
    /// The verifier of proofs over groups of this geometry.
    ///
    /// # Errors
    /// A geometry that is not proven secure.
    pub fn new(geometry: Geometry, library: Arc<Library>) -> Result<Self, SetupError> {
        let checker = Self { geometry, library, relations: Arc::default(), setups: Arc::default() };
        checker.setup(2).map(|_| checker)
    }

    /// The same with another library; what was built so far stays built.
    #[must_use]
    pub fn with_library(&self, library: Arc<Library>) -> Self {
        Self { library, ..self.clone() }
    }

    /// The sizes of the groups in the proofs that it reads.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The setup for so many limbs, a logarithm; for more, where so few are not proven secure.
    pub(super) fn setup(&self, limbs: usize) -> Result<Setup, SetupError> {
        let mut setups = self.setups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(setup) = setups.get(&limbs) {
            return Ok(setup.clone());
        }
        let more = (1..=MORE_LIMBS).map(|more| limbs.saturating_add(more));
        let setup = self.geometry.setup(limbs).or_else(|error| match error {
            SetupError::Insecure(_) => {
                more.map(|limbs| self.geometry.setup(limbs)).find_map(Result::ok).ok_or(error)
            }
            error => Err(error),
        })?;
        setups.insert(limbs, setup.clone());
        Ok(setup)
    }
}
