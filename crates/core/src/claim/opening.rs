//! What a proof opens of what was committed in hiding.
//!
//! A hiding commitment holds randomness for so many openings and no more. Several tensors may share it, in a *group*: a
//! proof that names one of them opens the whole group. Whoever keeps count does so by group and needs no other knowledge of the
//! proof system.

use crate::{Commitment, Digest};

/// One opening of a group of hiding commitments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The group, by a name that follows from its commitments.
    pub group: Digest,
    /// The tensors in it that the statement names: sorted, each once.
    pub tensors: Vec<Commitment>,
}
