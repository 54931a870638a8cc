//! Holding: the prover has the challenged parts of a committed tensor. Not a computation: nothing is run.
//!
//! Who lacks a fraction f of the parts passes a challenge of k parts with chance at most (1 − f)^k.

use crate::statement::{Statement, StatementError};
use bitneuron_core::claim::Holding;
use bitneuron_core::exact::Tensor;

impl Statement for Holding {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    type Witness = Tensor;

    fn holds(public: &Self, witness: &Tensor) -> bool {
        parts(public).is_ok() && *witness.shape() == public.shape && witness.commitment() == public.tensor
    }
}

/// The number of parts of the tensor, for a challenge that asks for something.
///
/// # Errors
/// An impossible or empty shape, or a challenge of no parts or of more than there are or may be.
pub(crate) fn parts(public: &Holding) -> Result<u32, StatementError> {
    let parts = public.parts().ok_or_else(|| StatementError::Malformed("an impossible shape".into()))?;
    let limit = parts.min(Holding::MAX_SAMPLES);
    match public.samples {
        0 => Err(StatementError::Malformed("a challenge of nothing".into())),
        samples if samples > limit => {
            Err(StatementError::TooLarge { what: "challenged parts", limit: u64::from(limit) })
        }
        _ => Ok(parts),
    }
}
