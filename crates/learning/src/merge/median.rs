//! Rules that look at each coordinate by itself: median, trimmed mean, mean around the median.
//!
//! A minority cannot push what is kept of a coordinate past the honest values. The shares say in how many coordinates,
//! and by how much, each voice was kept.

use super::columns::{Keep, reduce};
use super::faults::{Bearing, Faults};
use super::voices::{Voices, unmoved};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};

fn by_coordinate(voices: &Voices<'_>, keep: Keep) -> Merged {
    let (values, votes) = reduce(&voices.values, &voices.masses, keep);
    voices.merged(voices.params(values), &votes)
}

/// The coordinate-wise median (Yin, Chen, Ramchandran, Bartlett, ICML 2018, definition 1).
///
/// By weight: half of it lies on either side; where two values share the middle, their mean. Tolerates less than half of
/// the weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Median;

impl Merge for Median {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        Ok(by_coordinate(&voices, Keep::Middle))
    }

    fn tolerates(&self, peers: usize) -> usize {
        peers / 2
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Stake)
    }
}

/// The coordinate-wise trimmed mean (Yin et al. 2018, definition 2): the `f` largest and the `f` smallest values of each
/// coordinate go, the others are averaged.
///
/// By weight: `f / N` of the weight goes from either end, of the last voice a part. Tolerates as much, at most a minority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrimmedMean {
    /// How many may be arbitrary, which is how many go from either end.
    pub faults: Faults,
}

impl Merge for TrimmedMean {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.among(peers.len(), Bearing::MAJORITY)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        Ok(by_coordinate(&voices, Keep::Inner(voices.mass_of(faults))))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.faults.borne(peers, Bearing::MAJORITY)
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Stake)
    }
}

/// The mean around the median (Xie, Koyejo, Gupta, *Generalized Byzantine-tolerant SGD*, 2018): of each
/// coordinate the `N − f` values nearest to the median are averaged.
///
/// By weight: the nearest until they have `(N − f) / N` of it. A value nearer to the median than the farthest honest one
/// is kept, so the result may lie outside the honest values of a coordinate, by no more than they are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeanAroundMedian {
    /// How many may be arbitrary.
    pub faults: Faults,
}

impl Merge for MeanAroundMedian {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.among(peers.len(), Bearing::MAJORITY)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        Ok(by_coordinate(&voices, Keep::Near(voices.mass_of(peers.len() + 1 - faults))))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.faults.borne(peers, Bearing::MAJORITY)
    }

    /// Of what is kept less than half lies, by at most twice the range of a coordinate's honest values.
    fn stretch(&self) -> f64 {
        4.0
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Stake)
    }
}
