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
//! this module. [`soundness`] adds up all error terms: neither setups nor proofs below a hundred proven bits are taken.
//! `docs/proof-of-gradient.md` is the whole argument.

mod align;
#[cfg(test)]
mod audit;
mod binding;
mod channel;
#[cfg(test)]
mod check;
pub mod convergent;
mod eq;
pub mod field;
#[cfg(feature = "suite")]
pub mod forge;
mod fraction;
pub mod geometry;
pub mod group;
mod linked;
mod lower;
mod masks;
#[cfg(feature = "suite")]
pub mod mutant;
pub mod opening;
mod outer;
mod pads;
mod product;
mod protocol;
mod prover;
mod range;
mod settle;
pub mod soundness;
mod system;
mod tree;
mod values;
pub mod vault;
#[cfg(test)]
mod veiled;
mod verifier;
mod weight;

pub use convergent::Convergent;
pub use geometry::{Geometry, Setup, SetupError};
pub use group::{Group, Root, Spent};
pub use lower::LowerError;
pub use opening::{Opening, OpeningError, open, verify};
pub use prover::SumcheckError;
pub use vault::Vault;

use crate::Library;
use crate::cache::Relations;
use bitneuron_core::exact::Tensor;
use bitneuron_core::{Commitment, Context, Seed};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Prover and verifier by sumcheck, for every [`Computation`]. Clones share vault, library and caches.
#[derive(Debug, Clone)]
pub struct Sumcheck {
    geometry: Geometry,
    vault: Vault,
    library: Arc<Library>,
    relations: Arc<Relations>,
    setups: Arc<Mutex<BTreeMap<usize, Setup>>>,
}

/// Few limbs above many rows leave an opening no folds that are proven: how many doublings are tried.
const MORE_LIMBS: usize = 2;
/// The domain of relations that belong to no statement.
const RELATION: &str = "bitneuron bare relation v1";

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

    /// The setup for so many limbs, a logarithm; for more, where so few are not proven secure.
    fn setup(&self, limbs: usize) -> Result<Setup, SetupError> {
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
