//! Minimum-diameter averaging: the mean of the `N − f` voices whose largest distance is least (El Mhamdi, Guerraoui,
//! Guirguis, Hoang, Rouault, *Genuinely Distributed Byzantine Machine Learning*, PODC 2020; Rousseeuw 1985).
//!
//! Trying all subsets is hopeless beyond twenty voices. Instead: at a diameter `d`, draw an edge between any two voices
//! farther apart than `d`. Dropping at most `f` so that no edge is left is *vertex cover*, which a search tree settles in
//! about 1.5^f steps: drop the voice with the most edges, or all it has an edge with. The least `d` is found by bisection.

use super::distances::Distances;
use super::faults::{Bearing, Faults};
use super::voices::{Voices, nearest, unmoved};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};

/// How the set of least diameter is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Search {
    /// Branch and bound: the least diameter. After a hundred thousand steps what is open falls back to [`Search::Ball`].
    #[default]
    Exact,
    /// The smallest ball around a voice that holds `N − f`: at most twice the least diameter, in O(N² log N).
    Ball,
}

/// The mean of the set of least diameter.
///
/// By weight: at most the share `f / N` of all weight is dropped, and the mean is weighted. Of sets with equal diameter
/// the one that keeps the voices nearest to the own value. Tolerates a minority; [`Search::Ball`] from seven voices on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinimumDiameter {
    /// How many may be arbitrary.
    pub faults: Faults,
    /// How the set is looked for.
    pub search: Search,
}

/// Steps of one search tree before the ball answers.
const STEPS: usize = 100_000;

/// What may be dropped, and what was.
struct Cover<'a> {
    distances: &'a Distances,
    masses: &'a [u64],
    steps: usize,
}

/// What a search tree found.
enum Found {
    /// It can be done.
    Kept,
    /// So much cannot be dropped.
    Nothing,
    /// The steps ran out.
    Unknown,
}

impl Cover<'_> {
    /// Whether what `kept` leaves has a part of diameter at most √`limit` after dropping at most `budget`.
    fn search(&mut self, kept: &[bool], fixed: &[bool], limit: f64, budget: u64) -> Found {
        self.steps += 1;
        if self.steps > STEPS {
            return Found::Unknown;
        }
        let conflicts = |voice: usize| {
            let row = self.distances.row(voice);
            (0..kept.len()).filter(|other| kept[*other] && row[*other] > limit).collect::<Vec<_>>()
        };
        let most = (0..kept.len()).filter(|voice| kept[*voice]).map(|voice| (voice, conflicts(voice)));
        let Some((voice, others)) = most.max_by_key(|(voice, others)| (others.len(), usize::MAX - voice))
        else {
            return Found::Nothing;
        };
        if others.is_empty() {
            return Found::Kept;
        }
        let mut unknown = false;
        for dropped in [vec![voice], others] {
            let mass: u64 = dropped.iter().map(|voice| self.masses[*voice]).sum();
            if mass > budget || dropped.iter().any(|voice| fixed[*voice]) {
                continue;
            }
            let mut left = kept.to_vec();
            dropped.iter().for_each(|voice| left[*voice] = false);
            match self.search(&left, fixed, limit, budget - mass) {
                Found::Nothing => {}
                Found::Unknown => unknown = true,
                Found::Kept => return Found::Kept,
            }
        }
        if unknown { Found::Unknown } else { Found::Nothing }
    }
}

/// The voices of the set of least diameter, if the search comes to an end.
fn exact(distances: &Distances, masses: &[u64], budget: u64) -> Option<Vec<f64>> {
    let count = masses.len();
    let all: Vec<bool> = masses.iter().map(|mass| *mass > 0).collect();
    let mut cover = Cover { distances, masses, steps: 0 };
    let mut limits: Vec<f64> =
        (0..count).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| distances.squared(i, j)).collect();
    limits.sort_unstable_by(f64::total_cmp);
    limits.dedup();
    let free = vec![false; count];
    let (mut low, mut high) = (0, limits.len() - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        match cover.search(&all, &free, limits[middle], budget) {
            Found::Kept => high = middle,
            Found::Nothing => low = middle + 1,
            Found::Unknown => return None,
        }
    }
    // Of all sets with this diameter: keep the nearest to the own value, one after the other, where any set does.
    let own = distances.row(0);
    let mut order: Vec<usize> = (0..count).filter(|voice| all[*voice]).collect();
    order.sort_by(|a, b| own[*a].total_cmp(&own[*b]));
    let (mut fixed, mut kept) = (free, all);
    let mut left = budget;
    for voice in &order {
        fixed[*voice] = true;
        match cover.search(&kept, &fixed, limits[low], left) {
            Found::Kept => {}
            Found::Nothing => {
                fixed[*voice] = false;
                kept[*voice] = false;
                left = left.saturating_sub(masses[*voice]);
            }
            Found::Unknown => return None,
        }
    }
    // What may still be dropped is: the farthest from the own value, the last one in part.
    let masses: Vec<u64> =
        masses.iter().zip(&kept).map(|(mass, kept)| if *kept { *mass } else { 0 }).collect();
    let need = masses.iter().sum::<u64>() - left;
    Some(nearest(own, &masses, need))
}

/// The mean of the smallest ball around a voice.
fn ball(distances: &Distances, masses: &[u64], need: u64) -> Vec<f64> {
    let radius = |index: usize| super::voices::quantile(distances.row(index), masses, need);
    let centres: Vec<f64> = (0..masses.len())
        .map(|index| if masses[index] > 0 { radius(index) } else { f64::INFINITY })
        .collect();
    let centre = super::krum::best(&centres, distances);
    nearest(distances.row(centre), masses, need)
}

impl Merge for MinimumDiameter {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.among(peers.len(), Bearing::MAJORITY)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let distances = Distances::of(&voices.values);
        let budget = voices.mass_of(faults);
        let parts = match self.search {
            Search::Exact => exact(&distances, &voices.masses, budget),
            Search::Ball => None,
        };
        let parts = parts.unwrap_or_else(|| ball(&distances, &voices.masses, voices.whole - budget));
        Ok(voices.combined(&parts))
    }

    fn tolerates(&self, peers: usize) -> usize {
        match self.search {
            // The ball meets an honest voice: all it keeps is within five of the largest honest distances.
            Search::Ball if peers < 6 => 0,
            Search::Exact | Search::Ball => self.faults.borne(peers, Bearing::MAJORITY),
        }
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Linear).with(Law::Stake)
    }
}
