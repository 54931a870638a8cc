//! Modes and ranks of a Tucker decomposition: their laws and their bytes.
//!
//! ```text
//! modes u8 (0: the tensor stays as it is) · modes × (r u16)
//! ```
//! The modes are the dimensions of the tensor that are not 1, which the receiver knows. A shape from a packet is admitted
//! only when every rank is 1 to its mode and at most the product of the others, the factors are smaller than the tensor, and
//! expanding takes at most [`crate::tt::WORK`] multiplications for each element. No state of an expansion is larger than the
//! tensor.

use crate::{CompressError, reader::Reader, tt::WORK};

/// The modes of a tensor and the ranks of its core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TuckerShape {
    modes: Vec<usize>,
    ranks: Vec<usize>,
}

/// The dimensions that are not 1.
pub(crate) fn modes(dims: &[u32]) -> Vec<usize> {
    dims.iter().filter(|size| **size != 1).map(|size| *size as usize).collect()
}

impl TuckerShape {
    /// A shape whose ranks fit its modes.
    ///
    /// # Errors
    /// [`CompressError::Malformed`].
    pub fn new(modes: Vec<usize>, ranks: Vec<usize>) -> Result<Self, CompressError> {
        let refuse = |why| Err(CompressError::Malformed(why));
        if modes.len() < 2 || modes.len() != ranks.len() || modes.iter().any(|mode| *mode < 2) {
            return refuse("a core has a rank for each of at least two modes");
        }
        let within = |(rank, mode): (&usize, &usize)| (1..=usize::from(u16::MAX).min(*mode)).contains(rank);
        if !ranks.iter().zip(&modes).all(within) {
            return refuse("a rank is not 1 to its mode");
        }
        for (index, rank) in ranks.iter().enumerate() {
            let others = ranks.iter().enumerate().filter(|(other, _)| *other != index);
            if *rank > others.fold(1usize, |product, (_, rank)| product.saturating_mul(*rank)) {
                return refuse("a rank exceeds what the others hold");
            }
        }
        Ok(Self { modes, ranks })
    }

    /// The modes of the tensor.
    pub fn modes(&self) -> &[usize] {
        &self.modes
    }

    /// The ranks, which are the modes of the core.
    pub fn ranks(&self) -> &[usize] {
        &self.ranks
    }

    /// Before, rank, mode and behind of expansion `index`: from `[before, rank, behind]` to `[before, mode, behind]`.
    pub(super) fn step(&self, index: usize) -> [usize; 4] {
        let product = |sizes: Option<&[usize]>| {
            sizes.unwrap_or_default().iter().fold(1usize, |product, size| product.saturating_mul(*size))
        };
        let of = |sizes: &[usize]| sizes.get(index).copied().unwrap_or(1);
        let (before, behind) = (product(self.modes.get(..index)), product(self.ranks.get(index + 1..)));
        [before, of(&self.ranks), of(&self.modes), behind]
    }

    /// The dimensions of the core, then those of each factor `[mode, rank]`. A mode of full rank has no factor.
    pub fn factor_dims(&self) -> Vec<Vec<usize>> {
        let pairs = self.modes.iter().zip(&self.ranks).filter(|(mode, rank)| mode > rank);
        std::iter::once(self.ranks.clone()).chain(pairs.map(|(mode, rank)| vec![*mode, *rank])).collect()
    }

    /// The elements of core and factors.
    pub fn parameters(&self) -> usize {
        let sizes = self.factor_dims().into_iter();
        sizes
            .map(|dims| dims.iter().fold(1usize, |product, size| product.saturating_mul(*size)))
            .fold(0, usize::saturating_add)
    }

    /// The multiplications of an expansion, mode by mode.
    pub fn work(&self) -> u64 {
        let steps = (0..self.modes.len()).map(|index| self.step(index));
        let work = steps
            .filter(|[_, rank, mode, _]| mode > rank)
            .map(|step| step.iter().fold(1u64, |product, size| product.saturating_mul(*size as u64)));
        work.fold(0, u64::saturating_add)
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
            return Err(CompressError::Malformed("core and factors are not smaller than the tensor"));
        }
        if self.work() > WORK.saturating_mul(elements as u64) {
            return Err(CompressError::Malformed("expanding the core takes too much work"));
        }
        Ok(())
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.modes.len() as u8);
        self.ranks.iter().for_each(|rank| out.extend((*rank as u16).to_le_bytes()));
    }

    /// The next shape for a tensor with these modes, or `None` where there is none.
    pub(super) fn read(reader: &mut Reader<'_>, modes: Vec<usize>) -> Result<Option<Self>, CompressError> {
        let count = usize::from(reader.u8()?);
        if count == 0 {
            return Ok(None);
        }
        if count != modes.len() {
            return Err(CompressError::Malformed("the core has other modes than the tensor"));
        }
        let ranks =
            (0..count).map(|_| Ok(usize::from(reader.u16()?))).collect::<Result<_, CompressError>>()?;
        Self::new(modes, ranks).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_of_ranks() {
        let shape = |modes: &[usize], ranks: &[usize]| TuckerShape::new(modes.to_vec(), ranks.to_vec());
        let core = shape(&[8, 6, 4], &[3, 6, 2]).expect("fits");
        assert_eq!(
            core.factor_dims(),
            [vec![3, 6, 2], vec![8, 3], vec![4, 2]],
            "the full mode has no factor"
        );
        assert_eq!(core.parameters(), 36 + 24 + 8);
        assert_eq!(core.work(), 3 * 8 * 12 + 48 * 2 * 4);
        assert!(core.check(192).is_ok());
        assert!(core.check(191).is_err());
        assert!(shape(&[8, 6], &[3, 2]).is_err(), "a matrix has one rank");
        assert!(shape(&[8, 6, 4], &[0, 1, 1]).is_err());
        assert!(shape(&[8, 6, 4], &[4, 7, 2]).is_err());
        assert!(shape(&[8], &[1]).is_err());
        assert!(shape(&[8, 1], &[1, 1]).is_err());
        assert!(shape(&[2, 2], &[2, 2]).expect("fits").check(4).is_err(), "no smaller");
    }
}
