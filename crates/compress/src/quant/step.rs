//! The step of an entropy-coded quantiser: for an error, or for a number of bits.
//!
//! ```text
//! q = ±⌊|x|/Δ + ½ − θ⌋,    x̂ = q·Δ
//! ```
//! θ = 0 rounds to nearest. θ > 0 widens the zone around each level towards zero (a dead zone): a little more error, fewer
//! bits. Of two choices the better one has the lower rate + ½ log₂ error², since at high rate one bit is worth a factor
//! of four in the squared error.

use crate::{
    CompressError,
    entropy::integers::{Integers, LARGEST},
};

/// Values quantised at a time.
const CHUNK: usize = 256;
/// Values that a search looks at; of more, evenly spaced ones.
const SAMPLE: usize = 1 << 18;
/// Halvings of a search over 2²⁴, after which the step is known to 2⁻¹³.
const HALVINGS: usize = 18;
/// The widths θ that are tried when a dead zone is allowed.
const ZONES: [f64; 6] = [0.0, 0.04, 0.08, 0.12, 0.16, 0.2];

/// What a quantiser is to achieve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// This step.
    Step(f32),
    /// ‖x − x̂‖ ≤ ε‖x‖.
    Error(f64),
    /// An entropy of so many bits for each value.
    Bits(f64),
}

/// Δ and θ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    pub(crate) size: f32,
    zone: f64,
}

/// Squared error and rate in bits per value.
#[derive(Debug, Clone, Copy)]
struct Measure {
    error: f64,
    rate: f64,
}

impl Measure {
    /// The lower the better.
    fn cost(self) -> f64 {
        self.rate + self.error.log2() / 2.0
    }
}

impl Step {
    /// The step that meets `target` on finite `values`; size 0 when all of them are zero.
    pub(crate) fn find(values: &[f32], target: Target, dead_zone: bool) -> Result<Self, CompressError> {
        let largest = values.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
        if largest == 0.0 {
            return Ok(Self { size: 0.0, zone: 0.0 });
        }
        let sample: Vec<f32> = values.iter().step_by(values.len().div_ceil(SAMPLE)).copied().collect();
        let zones = if dead_zone { &ZONES[..] } else { &ZONES[..1] };
        let tried = zones.iter().map(|zone| {
            let step = Self::search(&sample, largest, target, *zone);
            (step.measure(&sample), step)
        });
        let best = tried.reduce(|kept, other| if other.0.cost() < kept.0.cost() { other } else { kept });
        let step = best.map_or(Self { size: 0.0, zone: 0.0 }, |(_, step)| step);
        if let Target::Error(relative) = target { step.within(values, largest, relative) } else { Ok(step) }
    }

    /// Bisection between the least step whose integers fit and one that leaves nothing.
    fn search(sample: &[f32], largest: f32, target: Target, zone: f64) -> Self {
        let (mut low, mut high) = (least(largest), 4.0 * f64::from(largest));
        let of = |size: f64| Self { size: single(size), zone };
        let energy: f64 = sample.iter().map(|x| f64::from(*x).powi(2)).sum();
        let fine_enough = |step: Self| match target {
            Target::Step(_) => true,
            Target::Error(relative) => step.error(sample) <= relative * relative * energy,
            Target::Bits(bits) => step.measure(sample).rate >= bits,
        };
        if let Target::Step(size) = target {
            return Self { size, zone };
        }
        for _ in 0..HALVINGS {
            let middle = (low * high).sqrt();
            if fine_enough(of(middle)) { low = middle } else { high = middle }
        }
        of(low)
    }

    /// The step, made smaller until all values together are within the error.
    fn within(mut self, values: &[f32], largest: f32, relative: f64) -> Result<Self, CompressError> {
        let energy: f64 = values.iter().map(|x| f64::from(*x).powi(2)).sum();
        let goal = relative * (1.0 - 1e-6);
        loop {
            let error = (self.error(values) / energy).sqrt();
            if error <= goal {
                return Ok(self);
            }
            let size = f64::from(self.size) * (goal / error).min(0.999);
            if size < least(largest) {
                let at = values.iter().position(|value| value.abs() >= largest).unwrap_or_default();
                return Err(CompressError::Interval { at });
            }
            self.size = single(size);
        }
    }

    fn error(self, values: &[f32]) -> f64 {
        let mut integers = [0; CHUNK];
        let chunks = values.chunks(CHUNK).map(|values| {
            self.quantise(values, &mut integers);
            let pairs = values.iter().zip(&integers);
            pairs.map(|(x, q)| f64::from(x - *q as f32 * self.size).powi(2)).sum::<f64>()
        });
        chunks.sum()
    }

    fn measure(self, values: &[f32]) -> Measure {
        let mut coded = Integers::with_capacity(values.len());
        self.each(values, |integers| coded.extend(integers));
        Measure { error: self.error(values), rate: coded.rate() }
    }

    /// Hands the integers of `values` to `take`, at most 256 at a time.
    pub(crate) fn each(self, values: &[f32], mut take: impl FnMut(&[i32])) {
        let mut integers = [0; CHUNK];
        for values in values.chunks(CHUNK) {
            self.quantise(values, &mut integers);
            take(integers.get(..values.len()).unwrap_or_default());
        }
    }

    #[inline]
    fn quantise(self, values: &[f32], integers: &mut [i32]) {
        let inverse = 1.0 / f64::from(self.size);
        let offset = 0.5 - self.zone;
        for (q, value) in integers.iter_mut().zip(values) {
            let magnitude = f64::from(value.abs()) * inverse + offset;
            let magnitude = magnitude.min(f64::from(2 * LARGEST)) as i32;
            *q = if *value < 0.0 { -magnitude } else { magnitude };
        }
    }
}

/// The least step: the integer of the largest magnitude is within 2²².
fn least(largest: f32) -> f64 {
    (f64::from(largest) * 2.0 / f64::from(LARGEST)).max(f64::from(f32::from_bits(1)))
}

/// The `f32` below or at `size`, at least the smallest of all.
fn single(size: f64) -> f32 {
    let near = size as f32;
    let below = if f64::from(near) > size { near.next_down() } else { near };
    below.max(f32::from_bits(1))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    fn ramp() -> Vec<f32> {
        (-500..500).map(|at| at as f32 * 0.01).collect()
    }

    #[test]
    fn zones_widen_towards_zero() {
        let mut found = Vec::new();
        let values = [0.4, 0.6, -0.6, 1.4, 1.6, -2.75];
        Step { size: 1.0, zone: 0.0 }.each(&values, |q| found.extend_from_slice(q));
        Step { size: 1.0, zone: 0.2 }.each(&values, |q| found.extend_from_slice(q));
        assert_eq!(found, [0, 1, -1, 1, 2, -3, 0, 0, 0, 1, 1, -3]);
    }

    #[test]
    fn meets_the_error_closely() {
        let values = ramp();
        let energy: f64 = values.iter().map(|x| f64::from(*x).powi(2)).sum();
        for relative in [0.5, 0.1, 1e-3, 1e-6] {
            let step = Step::find(&values, Target::Error(relative), false).expect("reachable");
            let error = (step.error(&values) / energy).sqrt();
            assert!(error <= relative && error > 0.8 * relative, "{error} for {relative}");
        }
    }

    #[test]
    fn meets_the_bits() {
        let values = ramp();
        for bits in [1.0, 2.0, 3.5, 6.0] {
            let step = Step::find(&values, Target::Bits(bits), false).expect("reachable");
            let rate = step.measure(&values).rate;
            assert!((rate - bits).abs() < 0.05, "{rate} for {bits}");
        }
    }

    #[test]
    fn edges() {
        assert_eq!(Step::find(&[0.0; 9], Target::Bits(4.0), true).expect("zeros").size, 0.0);
        let tiny = Step::find(&[1e-45, -3e-45], Target::Error(1e-3), false).expect("reachable");
        assert_eq!(tiny.size, f32::from_bits(1));
        // A single large value among many: no step of 2²² levels is fine enough for the others.
        let mut values = vec![1e-3; 1 << 16];
        values[77] = 3e4;
        assert!(Step::find(&values, Target::Error(1e-3), false).is_ok());
        assert_eq!(single(1e-60), f32::from_bits(1));
        assert!(f64::from(single(0.1)) <= 0.1);
    }
}
