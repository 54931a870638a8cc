//! The only source of randomness: a 256-bit seed from which labelled children are derived.
//!
//! A seed means the same for ever: streams are ChaCha12 (`rand_chacha`, whose output is stable across
//! versions), children are BLAKE3 keyed hashes of their label.

use crate::{Digest, hash::Hasher};
use rand_chacha::{ChaCha12Rng, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A secret or public 256-bit seed, depending on where it came from.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// The seed of a number, as given on a command line.
    pub fn from_number(number: u64) -> Self {
        Self(Hasher::new("bitneuron seed of a number v1").number(number).finish().0)
    }

    /// The child seed with this label.
    ///
    /// ```
    /// use bitneuron_core::Seed;
    /// let root = Seed::from_number(7);
    /// assert_eq!(root.derive("shuffle"), root.derive("shuffle"));
    /// assert_ne!(root.derive("shuffle"), root.derive("init"));
    /// ```
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        Self(*blake3::keyed_hash(&self.0, label.as_bytes()).as_bytes())
    }

    /// The child seed with this label and number, for families of children (rounds, nodes).
    #[must_use]
    pub fn derive_number(&self, label: &str, number: u64) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(label.as_bytes()).update(&[0]).update(&number.to_le_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The random stream of this seed.
    pub fn rng(&self) -> ChaCha12Rng {
        ChaCha12Rng::from_seed(self.0)
    }
}

impl From<Digest> for Seed {
    fn from(digest: Digest) -> Self {
        Self(digest.0)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A seed may be a secret: only a fingerprint is shown.
        write!(f, "Seed({:?})", Digest::of("bitneuron seed fingerprint v1", &self.0))
    }
}
