//! Modes and ranks of a train: their laws and their bytes.
//!
//! ```text
//! modes u8 (0: no train) · modes × (n u32) · (modes − 1) × (r u16)
//! ```
//! A shape from a packet is admitted only when there are 2 to 32 modes of at least 2, they multiply to the number of
//! elements expected, every rank is at least 1 and at most the rank before it times the mode between, and at most the
//! product of all modes behind it, the cores are smaller than the tensor, and expanding takes at most [`WORK`]
//! multiplications for each element. So neither the cores nor anything in between is ever larger than what the receiver
//! expects.

use crate::{CompressError, reader::Reader};

/// The most modes of a train.
pub const MAX_MODES: usize = 32;
/// The most multiplications for each element when a train is expanded.
pub const WORK: u64 = 2048;

/// The modes of a train and the ranks between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainShape {
    modes: Vec<usize>,
    ranks: Vec<usize>,
}

impl TrainShape {
    /// A shape that obeys the chain of ranks; whether it is worth while is for [`TrainShape::check`].
    ///
    /// # Errors
    /// [`CompressError::Malformed`].
    pub fn new(modes: Vec<usize>, ranks: Vec<usize>) -> Result<Self, CompressError> {
        let refuse = |why| Err(CompressError::Malformed(why));
        if !(2..=MAX_MODES).contains(&modes.len()) || ranks.len() + 1 != modes.len() {
            return refuse("a train has 2 to 32 modes and a rank between any two");
        }
        if modes.iter().any(|mode| !(2..=u32::MAX as usize).contains(mode)) {
            return refuse("a mode is smaller than 2");
        }
        if ranks.iter().any(|rank| !(1..=usize::from(u16::MAX)).contains(rank)) {
            return refuse("a rank is 0");
        }
        let shape = Self { modes, ranks };
        let mut behind = 1usize;
        for (bond, rank) in shape.ranks.iter().enumerate().rev() {
            let [left, near, _] = shape.core_shape(bond);
            let [_, far, _] = shape.core_shape(bond + 1);
            behind = behind.saturating_mul(far);
            if *rank > left.saturating_mul(near) || *rank > behind {
                return refuse("a rank exceeds what its sides hold");
            }
        }
        Ok(shape)
    }

    /// The modes.
    pub fn modes(&self) -> &[usize] {
        &self.modes
    }

    /// The inner ranks.
    pub fn ranks(&self) -> &[usize] {
        &self.ranks
    }

    /// Rank before, mode and rank behind of core `core`; `[1, 1, 1]` past the end.
    pub fn core_shape(&self, core: usize) -> [usize; 3] {
        let rank = |bond: Option<usize>| bond.and_then(|bond| self.ranks.get(bond)).copied().unwrap_or(1);
        [rank(core.checked_sub(1)), self.modes.get(core).copied().unwrap_or(1), rank(Some(core))]
    }

    /// The elements of core `core`.
    pub fn core_len(&self, core: usize) -> usize {
        self.core_shape(core).iter().fold(1, |product: usize, size| product.saturating_mul(*size))
    }

    /// The elements of all cores.
    pub fn parameters(&self) -> usize {
        (0..self.modes.len()).fold(0, |sum: usize, core| sum.saturating_add(self.core_len(core)))
    }

    /// The elements of the tensor, or `None` when they do not fit.
    pub fn elements(&self) -> Option<usize> {
        self.modes.iter().try_fold(1usize, |product, mode| product.checked_mul(*mode))
    }

    /// The multiplications of an expansion from left to right.
    pub fn work(&self) -> u64 {
        let steps = self.modes.iter().enumerate().scan(1u64, |rows, (core, mode)| {
            let work = rows.saturating_mul(self.core_len(core) as u64);
            *rows = rows.saturating_mul(*mode as u64);
            Some(work)
        });
        steps.fold(0, u64::saturating_add)
    }

    /// Whether this is a train that a tensor of `elements` elements may be sent as.
    ///
    /// # Errors
    /// [`CompressError::Malformed`]: another number of elements, no smaller than the tensor, or too much work.
    pub fn check(&self, elements: usize) -> Result<(), CompressError> {
        if self.elements() != Some(elements) {
            return Err(CompressError::Malformed("the modes do not multiply to the tensor"));
        }
        if self.parameters() >= elements {
            return Err(CompressError::Malformed("the cores are not smaller than the tensor"));
        }
        if self.work() > WORK.saturating_mul(elements as u64) {
            return Err(CompressError::Malformed("expanding the train takes too much work"));
        }
        Ok(())
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.modes.len() as u8);
        self.modes.iter().for_each(|mode| out.extend((*mode as u32).to_le_bytes()));
        self.ranks.iter().for_each(|rank| out.extend((*rank as u16).to_le_bytes()));
    }

    /// The next shape, or `None` where there is no train.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, CompressError> {
        let modes = usize::from(reader.u8()?);
        if modes == 0 {
            return Ok(None);
        }
        let ranks = modes - 1;
        let modes = (0..modes).map(|_| Ok(reader.u32()? as usize)).collect::<Result<_, CompressError>>()?;
        let ranks =
            (0..ranks).map(|_| Ok(usize::from(reader.u16()?))).collect::<Result<_, CompressError>>()?;
        Self::new(modes, ranks).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(modes: &[usize], ranks: &[usize]) -> Result<TrainShape, CompressError> {
        TrainShape::new(modes.to_vec(), ranks.to_vec())
    }

    #[test]
    fn the_chain_of_ranks() {
        assert!(shape(&[4, 4, 4], &[4, 4]).is_ok());
        assert!(shape(&[4, 4, 4], &[5, 4]).is_err(), "more than the left side holds");
        assert!(shape(&[4, 4, 4], &[4, 5]).is_err(), "more than the right side holds");
        assert!(shape(&[4, 4, 4], &[0, 1]).is_err());
        assert!(shape(&[4, 1], &[1]).is_err());
        assert!(shape(&[4], &[]).is_err());
        assert!(shape(&[2; 33], &[1; 32]).is_err());
    }

    #[test]
    fn sizes_and_work() {
        let train = shape(&[8, 8, 8], &[2, 3]).expect("chained");
        assert_eq!(train.parameters(), 16 + 48 + 24);
        assert_eq!(train.work(), 16 + 8 * 48 + 64 * 24);
        assert!(train.check(512).is_ok());
        assert!(train.check(511).is_err());
        assert!(shape(&[2, 2], &[2]).expect("chained").check(4).is_err(), "not smaller");
        let wide = shape(&[1 << 13, 1 << 13], &[2049]).expect("chained");
        assert!(wide.check(1 << 26).is_err(), "2,049 multiplications for each element");
    }
}
