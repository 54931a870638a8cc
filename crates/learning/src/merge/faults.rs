//! How many voices a robust rule is ready for.

use super::{Contribution, Merge, MergeError};
use bitneuron_core::Share;

/// How many of the voices, the own one counted, may be arbitrary: the `f` of the papers.
///
/// A rule that counts by weight reads `f` of `N` voices as the share `f / N` of all weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// So many. Too small a set is refused as [`MergeError::TooFew`].
    Number(usize),
    /// This share of the voices, rounded down, and no more than the rule can bear: no set is too small.
    Share(Share),
}

impl Default for Faults {
    /// A quarter of the voices.
    fn default() -> Self {
        Self::Share(Share(Share::ONE.0 / 4))
    }
}

/// `f` voices may be arbitrary of at least `each·f + least`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bearing {
    pub(super) each: usize,
    pub(super) least: usize,
}

impl Bearing {
    /// An honest majority, the own voice in it.
    pub(super) const MAJORITY: Self = Self { each: 2, least: 1 };
}

impl Faults {
    /// The number among the own voice and these peers.
    ///
    /// # Errors
    /// The number is fixed and the rule cannot bear it among so few.
    pub(super) fn among(self, peers: usize, bearing: Bearing) -> Result<usize, MergeError> {
        let Bearing { each, least } = bearing;
        let voices = peers.saturating_add(1);
        match self {
            Self::Number(number) => {
                let need = each.saturating_mul(number).saturating_add(least);
                if voices < need {
                    return Err(MergeError::TooFew { have: peers, need: need - 1 });
                }
                Ok(number)
            }
            Self::Share(share) => {
                let wanted = voices as u128 * u128::from(share.0) / u128::from(Share::ONE.0);
                Ok((wanted as usize).min(voices.saturating_sub(least) / each.max(1)))
            }
        }
    }

    /// The number for what stands before a rule: where peers are too few for either, what both need is named.
    ///
    /// # Errors
    /// As [`Faults::among`].
    pub(super) fn before<M: Merge>(
        self,
        rule: &M,
        own: &Contribution<'_>,
        peers: &[Contribution<'_>],
        bearing: Bearing,
    ) -> Result<usize, MergeError> {
        self.among(peers.len(), bearing).map_err(|few| match (few, rule.merge(own, peers)) {
            (MergeError::TooFew { have, need }, Err(MergeError::TooFew { need: other, .. })) => {
                MergeError::TooFew { have, need: need.max(other) }
            }
            (few, _) => few,
        })
    }

    /// The number among the own voice and these peers; none where they are too few.
    pub(super) fn borne(self, peers: usize, bearing: Bearing) -> usize {
        self.among(peers, bearing).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_refuse_small_sets_and_shares_shrink() {
        let krum = Bearing { each: 2, least: 3 };
        assert_eq!(Faults::Number(2).among(6, krum).expect("seven voices"), 2);
        assert!(matches!(Faults::Number(2).among(5, krum), Err(MergeError::TooFew { have: 5, need: 6 })));
        assert!(matches!(Faults::Number(usize::MAX).among(5, krum), Err(MergeError::TooFew { .. })));
        let half = Faults::Share(Share(Share::ONE.0 / 2));
        assert_eq!([1, 4, 7, 9].map(|peers| half.borne(peers, krum)), [0, 1, 2, 3]);
        assert_eq!(
            [0, 2, 3, 20].map(|peers| Faults::default().borne(peers, Bearing::MAJORITY)),
            [0, 0, 1, 5]
        );
    }
}
