//! The own value and its peers as one set of weighted voices, which is what robust rules are about.
//!
//! Weight enters every rule in one way: a voice of weight `k` is as good as `k` voices of weight one that say the same.
//! Where a paper says "`f` of `N` vectors", the rule therefore reads "the share `f / N` of all weight", and where it
//! says "the `N − f` nearest" it takes the nearest until they have the share `(N − f) / N`; the last one may count in
//! part. With equal weights that is the paper's rule. Masses are integers, so nothing is left of a voice that is out.

use super::admit::{admit, oldest};
use super::mean::{Pull, pull};
use super::{Contribution, MergeError, Merged};
use bitneuron_core::{Params, Share};

/// Voices with weight; the own one stands first, whatever its weight.
pub(super) struct Voices<'a> {
    own: Contribution<'a>,
    peers: &'a [Contribution<'a>],
    /// The peer behind each voice but the first.
    places: Vec<usize>,
    /// What each says.
    pub(super) values: Vec<&'a [f32]>,
    /// How much each weighs.
    pub(super) masses: Vec<u64>,
    /// The sum of all masses, a multiple of the number of contributions.
    pub(super) whole: u64,
}

impl<'a> Voices<'a> {
    /// The voices of admitted contributions; none when nobody but oneself has weight.
    ///
    /// # Errors
    /// As [`admit`].
    pub(super) fn admit(
        own: &Contribution<'a>,
        peers: &'a [Contribution<'a>],
    ) -> Result<Option<Self>, MergeError> {
        admit(own, peers)?;
        let count = peers.len() as u128 + 1;
        let total = std::iter::once(own).chain(peers).map(|one| u128::from(one.weight.0)).sum::<u128>();
        // Weights lose low bits, all alike, where whole numbers would not fit.
        let shift = (u128::BITS - (total * count).leading_zeros()).saturating_sub(62);
        let mass = |one: &Contribution<'_>| ((u128::from(one.weight.0) >> shift) * count) as u64;
        let places: Vec<usize> = (0..peers.len()).filter(|place| mass(&peers[*place]) > 0).collect();
        if places.is_empty() {
            return Ok(None);
        }
        let heard = || std::iter::once(own).chain(places.iter().map(|place| &peers[*place]));
        let values = heard().map(|one| one.value.values()).collect();
        let masses: Vec<u64> = heard().map(mass).collect();
        let whole = masses.iter().sum();
        Ok(Some(Self { own: *own, peers, places, values, masses, whole }))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    /// The mass of `number` average contributions.
    pub(super) fn mass_of(&self, number: usize) -> u64 {
        self.whole / (self.peers.len() as u64 + 1) * number as u64
    }

    /// Each voice's part of the whole.
    pub(super) fn parts(&self) -> Vec<f64> {
        self.masses.iter().map(|mass| *mass as f64 / self.whole as f64).collect()
    }

    /// The contributions behind the voices.
    pub(super) fn contributions(&self) -> impl Iterator<Item = &Contribution<'a>> + Clone {
        std::iter::once(&self.own).chain(self.places.iter().map(|place| &self.peers[*place]))
    }

    /// The sum of the voices by these parts, which together are one: `θ_own + Σ cᵢ·(θᵢ − θ_own)`.
    pub(super) fn combined(&self, parts: &[f64]) -> Merged {
        let heard = self.values.iter().zip(parts).skip(1).filter(|(_, part)| **part > 0.0);
        let pulls: Vec<Pull<'_>> = heard.map(|(value, part)| Pull { toward: value, by: *part }).collect();
        self.merged(pull(self.own.value, &pulls, |gap| gap), parts)
    }

    /// This value, in which the voices have shares in proportion to `parts`.
    pub(super) fn merged(&self, value: Params, parts: &[f64]) -> Merged {
        let mut all = vec![0.0; self.peers.len() + 1];
        all[0] = parts[0];
        self.places.iter().zip(&parts[1..]).for_each(|(place, part)| all[place + 1] = *part);
        merged(value, &self.own, self.peers, &all)
    }

    /// These values in the layout of all.
    pub(super) fn params(&self, values: Vec<f32>) -> Params {
        Params::new(values, self.own.value.layout().clone()).unwrap_or_else(|_| self.own.value.clone())
    }
}

/// A value with shares in proportion to `parts`, the own one first.
pub(super) fn merged(
    value: Params,
    own: &Contribution<'_>,
    peers: &[Contribution<'_>],
    parts: &[f64],
) -> Merged {
    let mut shares = divide(parts);
    let influence = shares.split_off(1);
    let age = oldest(own, peers, &influence);
    Merged { value, age, own: shares.first().copied().unwrap_or(Share::ONE), influence }
}

/// Shares in proportion to parts, none of them negative.
pub(super) fn divide(parts: &[f64]) -> Vec<Share> {
    let largest = parts.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let whole: Vec<u64> = parts.iter().map(|part| (part / largest * (1u64 << 48) as f64) as u64).collect();
    Share::divide(&whole)
}

/// The own value, unmoved.
pub(super) fn unmoved(own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Merged {
    Merged {
        value: own.value.clone(),
        age: own.age,
        own: Share::ONE,
        influence: vec![Share::ZERO; peers.len()],
    }
}

/// Which part of `need` each voice gives when those with the smallest keys give first. Voices with equal keys give in
/// proportion, so that names decide nothing.
pub(super) fn nearest(keys: &[f64], masses: &[u64], need: u64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..keys.len()).filter(|index| masses[*index] > 0).collect();
    order.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]));
    let mut parts = vec![0.0; keys.len()];
    let mut left = need;
    for alike in order.chunk_by(|a, b| keys[*a].total_cmp(&keys[*b]).is_eq()) {
        let mass: u64 = alike.iter().map(|index| masses[*index]).sum();
        let taken = mass.min(left);
        for index in alike {
            parts[*index] = masses[*index] as f64 / mass as f64 * (taken as f64 / need as f64);
        }
        left -= taken;
        if left == 0 {
            break;
        }
    }
    parts
}

/// The smallest key below which at least `need` of the mass lies.
pub(super) fn quantile(keys: &[f64], masses: &[u64], need: u64) -> f64 {
    let mut order: Vec<usize> = (0..keys.len()).filter(|index| masses[*index] > 0).collect();
    order.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]));
    let mut mass = 0;
    let found = order.iter().find(|index| {
        mass += masses[**index];
        mass >= need
    });
    found.or(order.last()).map_or(0.0, |index| keys[*index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_give_first_and_twins_alike() {
        assert_eq!(nearest(&[3.0, 1.0, 2.0], &[5, 5, 5], 10), [0.0, 0.5, 0.5]);
        assert_eq!(nearest(&[3.0, 1.0, 2.0], &[5, 2, 5], 4), [0.0, 0.5, 0.5]);
        assert_eq!(nearest(&[0.0, 1.0, 1.0], &[4, 2, 6], 8), [0.5, 0.125, 0.375]);
        assert_eq!(
            nearest(&[0.0, 1.0, 2.0], &[0, 1, 1], 1),
            [0.0, 1.0, 0.0],
            "without weight, without a part"
        );
    }

    #[test]
    fn quantiles_count_mass() {
        let keys = [5.0, 1.0, 3.0];
        let found = [1, 2, 3, 4].map(|need| quantile(&keys, &[1, 1, 1], need).to_bits());
        assert_eq!(found, [1.0, 3.0, 5.0, 5.0].map(f64::to_bits));
        assert_eq!(quantile(&keys, &[1, 8, 1], 5).to_bits(), 1f64.to_bits());
    }
}
