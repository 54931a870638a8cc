//! How many values are kept.

use crate::CompressError;
use bitneuron_core::Layout;
use std::fmt;

/// The share p = a/b of the values that a sparse codec keeps: ⌈n·a/b⌉ of n, in lowest terms.
///
/// A ratio of integers, because both sides must come to the same number of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Density {
    kept: u32,
    of: u32,
}

impl Density {
    /// 1/100.
    pub const PERCENT: Self = Self { kept: 1, of: 100 };
    /// 1/400, the sparsity of the paper of [`super::Ternary`].
    pub const ONE_IN_400: Self = Self { kept: 1, of: 400 };

    /// Keeps `kept` of every `of` values.
    ///
    /// ```
    /// use bitneuron_compress::sparse::Density;
    /// assert_eq!(Density::new(2, 800)?, Density::new(1, 400)?);
    /// assert_eq!(Density::new(1, 400)?.count(10_000_001), 25_001);
    /// # Ok::<(), bitneuron_compress::CompressError>(())
    /// ```
    ///
    /// # Errors
    /// `kept` is 0, more than `of`, or `of` is more than a layout may hold.
    pub fn new(kept: u32, of: u32) -> Result<Self, CompressError> {
        if kept == 0 || kept > of || of as usize > Layout::MAX_ELEMENTS {
            return Err(CompressError::Config("a density is above 0 and at most 1"));
        }
        let divisor = greatest_common_divisor(kept, of);
        Ok(Self { kept: kept / divisor, of: of / divisor })
    }

    /// The numerator, in lowest terms.
    pub fn kept(self) -> u32 {
        self.kept
    }

    /// The denominator, in lowest terms.
    pub fn of(self) -> u32 {
        self.of
    }

    /// How many of `elements` values are kept: at least one unless there are none.
    pub fn count(self, elements: usize) -> usize {
        // Both factors are below 2³².
        (elements as u64 * u64::from(self.kept)).div_ceil(u64::from(self.of)) as usize
    }

    /// The share as a number.
    pub fn ratio(self) -> f64 {
        f64::from(self.kept) / f64::from(self.of)
    }
}

impl fmt::Display for Density {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kept, self.of)
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_bounds() {
        let percent = Density::new(1, 100).expect("in range");
        assert_eq!([0, 1, 100, 101].map(|elements| percent.count(elements)), [0, 1, 1, 2]);
        let all = Density::new(7, 7).expect("in range");
        assert_eq!((all.kept(), all.of(), all.count(1 << 30)), (1, 1, 1 << 30));
        for (kept, of) in [(0, 5), (6, 5), (0, 0), (1, u32::MAX)] {
            assert!(Density::new(kept, of).is_err(), "{kept}/{of}");
        }
    }
}
