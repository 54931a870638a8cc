//! Modes and rank of a canonical polyadic decomposition: their laws and their bytes.
//!
//! ```text
//! 0, where the tensor stays as it is, or 1 · rank u16
//! ```
//! The modes are the dimensions of the tensor that are not 1, which the receiver knows. A shape from a packet is admitted
//! only when the factors are smaller than the tensor and expanding takes at most [`crate::tt::WORK`] multiplications for
//! each element. An expansion keeps one row of `rank` numbers for each mode.

use crate::{CompressError, reader::Reader, tt::WORK};

/// The modes of a tensor and the number of its components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpShape {
    modes: Vec<usize>,
    rank: usize,
}

impl CpShape {
    /// A shape of at least two modes of at least 2, and a rank of 1 to 65,535.
    ///
    /// # Errors
    /// [`CompressError::Malformed`].
    pub fn new(modes: Vec<usize>, rank: usize) -> Result<Self, CompressError> {
        if modes.len() < 2 || modes.iter().any(|mode| *mode < 2) {
            return Err(CompressError::Malformed("a sum of outer products has at least two modes"));
        }
        if !(1..=usize::from(u16::MAX)).contains(&rank) {
            return Err(CompressError::Malformed("a rank is 1 to 65,535"));
        }
        Ok(Self { modes, rank })
    }

    /// The modes of the tensor.
    pub fn modes(&self) -> &[usize] {
        &self.modes
    }

    /// The number of components.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The elements of all factors.
    pub fn parameters(&self) -> usize {
        self.modes.iter().fold(0usize, |sum, mode| sum.saturating_add(mode.saturating_mul(self.rank)))
    }

    /// The multiplications of an expansion: for each prefix of an index, one for each component.
    pub fn work(&self) -> u64 {
        let prefixes = self.modes.iter().scan(1u64, |prefixes, mode| {
            *prefixes = prefixes.saturating_mul(*mode as u64);
            Some(*prefixes)
        });
        prefixes.fold(0, u64::saturating_add).saturating_mul(self.rank as u64)
    }

    /// Whether a tensor of `elements` elements may be sent like this.
    ///
    /// # Errors
    /// [`CompressError::Malformed`]: another number of elements, no smaller than the tensor, or too much work.
    pub fn check(&self, elements: usize) -> Result<(), CompressError> {
        let product = self.modes.iter().try_fold(1usize, |product, mode| product.checked_mul(*mode));
        if product != Some(elements) {
            return Err(CompressError::Malformed("the modes do not multiply to the tensor"));
        }
        if self.parameters() >= elements {
            return Err(CompressError::Malformed("the factors are not smaller than the tensor"));
        }
        if self.work() > WORK.saturating_mul(elements as u64) {
            return Err(CompressError::Malformed("expanding the components takes too much work"));
        }
        Ok(())
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(1);
        out.extend((self.rank as u16).to_le_bytes());
    }

    /// The next shape for a tensor with these modes, or `None` where there is none.
    pub(super) fn read(reader: &mut Reader<'_>, modes: Vec<usize>) -> Result<Option<Self>, CompressError> {
        if reader.flag()? { Self::new(modes, usize::from(reader.u16()?)).map(Some) } else { Ok(None) }
    }
}
