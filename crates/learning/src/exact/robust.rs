//! Robust rules in integers: median, trimmed mean and bounded steps, as programs that are replayed, voted on and proved.
//!
//! They are the integer forms of [`TrimmedMean`](crate::merge::TrimmedMean), [`Median`](crate::merge::Median) and
//! [`ClippedGossip`](crate::merge::ClippedGossip); the arithmetic is that of [`bitneuron_core::exact::programs::robust`].
//! Weights enter as shares of 1/65,536.
//!
//! The merged model is the program's outcome, so it can be proved. Which share each peer has in a trimmed mean is counted
//! beside the program by whoever replays it: a count of who stood where in every coordinate would multiply a proof by the
//! number of peers.

use super::{ExactRule, failure, fit, outcome};
use crate::merge::admit::{in_order, of_one_layout, oldest};
use crate::merge::{Contribution, Law, Laws, Merge, MergeError, Merged, shares};
use bitneuron_core::exact::programs::merge::{MergeRule, merge};
use bitneuron_core::exact::programs::robust::{clipped, liars_among, trim};
use bitneuron_core::exact::{ExactParams, Program, ProgramError};
use bitneuron_core::{Share, Weight};

/// The trimmed mean of each coordinate in integers; with a half the median.
///
/// By weight, in units of 1/65,536 of it. Tolerates as much weight as is trimmed from either end, at most a minority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactTrimmedMean {
    /// The share of all weight that goes from either end.
    pub liars: Share,
}

impl ExactTrimmedMean {
    /// The median of each coordinate.
    pub const MEDIAN: Self = Self { liars: Share(Share::ONE.0 / 2) };
}

impl ExactRule for ExactTrimmedMean {
    fn program(&self, parameters: u32, peers: u32) -> Result<Program, ProgramError> {
        merge(parameters, peers, MergeRule::Trimmed { liars: self.liars })
    }
}

/// The mass that each voice keeps over all coordinates, when `trim` goes from either end of each. Voices that say the same
/// keep in proportion, so that names decide nothing.
fn kept(voices: &[&[i32]], masses: &[Share], trim: u16) -> Vec<u64> {
    let (from, to) = (u32::from(trim), Share::ONE.0 - u32::from(trim));
    let mut kept = vec![0u128; voices.len()];
    let mut column: Vec<(i32, usize)> = Vec::with_capacity(voices.len());
    for coordinate in 0..voices.first().map_or(0, |voice| voice.len()) {
        column.clear();
        column.extend(voices.iter().enumerate().map(|(place, voice)| (voice[coordinate], place)));
        column.sort_unstable();
        let mut below = 0u32;
        for alike in column.chunk_by(|a, b| a.0 == b.0) {
            let mass: u32 = alike.iter().map(|(_, place)| masses[*place].0).sum();
            let inside = (below + mass).min(to).saturating_sub(below.max(from));
            for (_, place) in alike.iter().filter(|_| inside > 0) {
                let part = u128::from(inside) * u128::from(masses[*place].0);
                kept[*place] += (part << 32) / u128::from(mass);
            }
            below += mass;
        }
    }
    let largest = kept.iter().copied().max().unwrap_or(0);
    let shift = (u128::BITS - largest.leading_zeros()).saturating_sub(u64::BITS);
    kept.into_iter().map(|kept| u64::try_from(kept >> shift).unwrap_or(u64::MAX)).collect()
}

impl Merge<ExactParams> for ExactTrimmedMean {
    fn merge(
        &self,
        own: &Contribution<'_, ExactParams>,
        peers: &[Contribution<'_, ExactParams>],
    ) -> Result<Merged<ExactParams>, MergeError> {
        in_order(own, peers)?;
        of_one_layout(own, peers, ExactParams::layout)?;
        let weights: Vec<Weight> = peers.iter().map(|peer| peer.weight).collect();
        let (own_share, given) = shares(own.weight, &weights);
        if peers.is_empty() {
            return Ok(Merged { value: own.value.clone(), age: own.age, own: own_share, influence: given });
        }
        let (value, _) = outcome(self, own, peers, &given)?;
        let voices: Vec<&[i32]> = [own].into_iter().chain(peers).map(|one| one.value.values()).collect();
        let masses: Vec<Share> = [own_share].into_iter().chain(given).collect();
        let mut heard = Share::divide(&kept(&voices, &masses, trim(self.liars)));
        let influence = heard.split_off(1);
        let age = oldest(own, peers, &influence);
        Ok(Merged { value, age, own: heard.first().copied().unwrap_or(Share::ONE), influence })
    }

    /// As many average voices as are trimmed whole: shares are rounded, so as many as there are of the largest.
    fn tolerates(&self, peers: usize) -> usize {
        let largest = (Share::ONE.0 as usize).div_ceil(peers.saturating_add(1));
        usize::from(trim(self.liars)) / largest
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Stake)
    }
}

/// One step toward each peer that is no longer than the distance of the farthest that may be honest, in integers.
///
/// Tolerates the liars it is told of, whatever they weigh. The share of a peer shrinks with its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactClipping {
    /// The share of the peers that may lie, rounded down.
    pub liars: Share,
}

impl Default for ExactClipping {
    /// A quarter of the peers.
    fn default() -> Self {
        Self { liars: Share(Share::ONE.0 / 4) }
    }
}

impl ExactRule for ExactClipping {
    fn program(&self, parameters: u32, peers: u32) -> Result<Program, ProgramError> {
        clipped(parameters, peers, self.liars)
    }
}

impl Merge<ExactParams> for ExactClipping {
    fn merge(
        &self,
        own: &Contribution<'_, ExactParams>,
        peers: &[Contribution<'_, ExactParams>],
    ) -> Result<Merged<ExactParams>, MergeError> {
        in_order(own, peers)?;
        of_one_layout(own, peers, ExactParams::layout)?;
        let weights: Vec<Weight> = peers.iter().map(|peer| peer.weight).collect();
        let (own_share, given) = shares(own.weight, &weights);
        if peers.is_empty() {
            return Ok(Merged { value: own.value.clone(), age: own.age, own: own_share, influence: given });
        }
        let (value, pulls) = outcome(self, own, peers, &given)?;
        let influence: Vec<Share> = pulls.data().iter().map(|pull| Share(*pull as u32)).collect();
        let pulled: u32 = influence.iter().map(|share| share.0).sum();
        let rest = Share::ONE.0.checked_sub(pulled).ok_or_else(|| failure(ShareOverflow))?;
        let age = oldest(own, peers, &influence);
        Ok(Merged { value, age, own: Share(rest), influence })
    }

    fn tolerates(&self, peers: usize) -> usize {
        liars_among(self.liars, fit(peers)) as usize
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Linear)
    }
}

/// Steps that together are longer than a mean's.
#[derive(Debug, thiserror::Error)]
#[error("the shares of the steps sum to more than one")]
struct ShareOverflow;
