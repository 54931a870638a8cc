//! What a holder states about bytes: that it holds the parts of a commitment which a challenge asks for.

use crate::exact::{Tensor, data::draw};
use crate::{Commitment, Digest, Wire};
use serde::{Deserialize, Serialize};

/// The public part of a holding. Its claim's [`crate::Context::subject`] is the deal or data set it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The tensor.
    pub tensor: Commitment,
    /// Its shape, which the commitment binds.
    pub shape: Vec<u32>,
    /// What the challenged parts are drawn from.
    pub challenge: Digest,
    /// How many parts are challenged.
    pub samples: u32,
}

impl Wire for Holding {
    const LIMIT: usize = 1024;
}

impl Holding {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron holding v1";
    /// The most parts challenged at once.
    pub const MAX_SAMPLES: u32 = 4096;

    /// The number of parts, each of [`Tensor::CHUNK`] elements; `None` for an impossible shape.
    pub fn parts(&self) -> Option<u32> {
        let elements = crate::exact::tensor::elements(&self.shape)?;
        u32::try_from(elements.div_ceil(Tensor::CHUNK)).ok()
    }

    /// The challenged parts.
    pub fn challenged(&self) -> Vec<u64> {
        let parts = self.parts().unwrap_or(0);
        let samples = self.samples.min(Self::MAX_SAMPLES).min(parts) as usize;
        draw(self.challenge, parts, samples).into_iter().map(i64::unsigned_abs).collect()
    }
}
