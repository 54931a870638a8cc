//! The mean of models that live as factors: of what tensor trains stand for, not of their cores.
//!
//! A matrix has many trains, since any invertible matrix and its inverse can be put in at a bond: `(G·M)(M⁻¹·H) = G·H`.
//! The mean of cores is therefore not a train of the mean, and depends on which trains were given; two trains of one
//! matrix may average to zero. Here the weighted mean of the represented tensors is a train with added ranks, which is
//! rounded to the ranks of the layout (Oseledets 2011, sections 3 and 4):
//!
//! ```text
//! W(θ) = round(Σ aᵢ·W(θᵢ))
//! ```
//!
//! The result is exact where the ranks of the layout hold the mean, else the nearest that they hold, up to a factor of
//! `√(d − 1)` for `d` cores. Cores come back with equal norms, so that none of them trains faster than the others.

use super::admit::admit;
use super::mean::mean;
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};
use bitneuron_compress::CompressError;
use bitneuron_compress::tt::{self, Train, TrainShape, Truncation};
use bitneuron_core::Layout;
use std::ops::Range;

/// The weighted mean, tensor trains merged as what they represent; other tensors are averaged as they are.
///
/// A train is a run of tensors `NAME.1`, `NAME.2`, … of shapes `[r, m, n, r′]` that meet at their ranks and begin and end
/// with a rank of 1: the factors of a `TrainLinear` or a `TrainEmbedding` in the layout of a model. Factors of the CP
/// format have no such rounding and are averaged one by one. Weights and shares are those of the mean; tolerates nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrainMean;

/// The places of the cores of one train.
struct Place {
    cores: Vec<(Range<usize>, [usize; 3])>,
}

impl Place {
    /// All trains of a layout.
    fn all(layout: &Layout) -> Vec<Self> {
        let mut places = Vec::new();
        let mut open: Option<(&str, Self)> = None;
        for (index, entry) in layout.entries().iter().enumerate() {
            let core = core(&entry.shape).zip(entry.name.rsplit_once('.')).zip(layout.range(index));
            let Some((([left, mode, right], (name, number)), range)) = core else {
                open = None;
                continue;
            };
            let mut place = match open.take() {
                Some((before, place))
                    if before == name && place.right() == left && number == place.next() =>
                {
                    place
                }
                _ if left == 1 && number == "1" => Self { cores: Vec::new() },
                _ => continue,
            };
            place.cores.push((range, [left, mode, right]));
            if right == 1 && place.cores.len() > 1 {
                places.push(place);
            } else {
                open = Some((name, place));
            }
        }
        places
    }

    /// The rank behind what is there.
    fn right(&self) -> usize {
        self.cores.last().map_or(1, |(_, [_, _, right])| *right)
    }

    /// The number of the next core.
    fn next(&self) -> String {
        (self.cores.len() + 1).to_string()
    }

    fn ranks(&self) -> Vec<usize> {
        self.cores.iter().skip(1).map(|(_, [left, _, _])| *left).collect()
    }

    fn read(&self, values: &[f32]) -> Result<Train, CompressError> {
        let modes = self.cores.iter().map(|(_, [_, mode, _])| *mode).collect();
        let shape = TrainShape::new(modes, self.ranks())?;
        let cores =
            self.cores.iter().map(|(range, _)| values.get(range.clone()).unwrap_or_default().to_vec());
        Ok(Train { shape, cores: cores.collect() })
    }

    /// Writes a train of the same modes in the canonical gauge. Where a rank is larger than there is room for, its last
    /// columns, which weigh least, are left out; where it is smaller, zeros stand.
    fn write(&self, train: &Train, values: &mut [f32]) {
        let norms: Vec<f64> = train.cores.iter().map(|core| norm(core)).collect();
        let logs: f64 = norms.iter().map(|norm| norm.max(f64::MIN_POSITIVE).ln()).sum();
        let even = (logs / norms.len().max(1) as f64).exp();
        for (index, (range, [left, mode, right])) in self.cores.iter().enumerate() {
            let [from_left, _, from_right] = train.shape.core_shape(index);
            let factor = even / norms[index].max(f64::MIN_POSITIVE);
            let into = values.get_mut(range.clone()).unwrap_or_default();
            into.fill(0.0);
            for row in 0..(*left).min(from_left) {
                for digit in 0..*mode {
                    let (to, from) = ((row * mode + digit) * right, (row * mode + digit) * from_right);
                    let width = (*right).min(from_right);
                    let run = &train.cores[index][from..from + width];
                    for (value, core) in into[to..to + width].iter_mut().zip(run) {
                        *value = (f64::from(*core) * factor) as f32;
                    }
                }
            }
        }
    }
}

/// Rank, mode and rank of a tensor that may be a core.
fn core(shape: &[u32]) -> Option<[usize; 3]> {
    let [left, rows, columns, right] = shape else { return None };
    let mode = (*rows as usize).checked_mul(*columns as usize)?;
    Some([*left as usize, mode, *right as usize])
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

impl Merge for TrainMean {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        let weights: Vec<u64> = peers.iter().map(|peer| peer.weight.0).collect();
        let mut merged = mean(own, own.weight.0, peers, &weights);
        let failed = |error: CompressError| MergeError::Rule(Box::new(error));
        let heard: Vec<&Contribution<'_>> =
            std::iter::once(own).chain(peers).filter(|one| one.weight.0 > 0).collect();
        // Alone a train stays as it is, gauge and all.
        if heard.iter().all(|one| one.from == own.from) {
            return Ok(merged);
        }
        for place in Place::all(own.value.layout()) {
            let trains = heard.iter().map(|one| place.read(one.value.values()));
            let trains = trains.collect::<Result<Vec<Train>, _>>().map_err(failed)?;
            let terms: Vec<(f64, &Train)> =
                heard.iter().zip(&trains).map(|(one, train)| (one.weight.0 as f64, train)).collect();
            let most = place.ranks().into_iter().max().unwrap_or(1);
            let train = tt::merge(&terms, Truncation::MaxRank(most)).map_err(failed)?;
            place.write(&train, merged.value.values_mut());
        }
        Ok(merged)
    }

    /// Of the represented tensors: parameters of a layout with trains are not compared one by one.
    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Linear)
    }
}
