//! First values of factors.

use super::MatrixShape;
use bitneuron_core::Seed;
use rand::Rng;

/// Cores such that the entries of the matrix have this variance. An entry is a sum of ∏ r products of d entries, so each
/// of those has the variance (variance / ∏ r)^(1/d).
pub(super) fn cores(shape: &MatrixShape, variance: f64, seed: Seed) -> Vec<f32> {
    let paths: f64 = shape.ranks().iter().map(|rank| *rank as f64).product();
    normal(shape.parameters(), (variance / paths).powf(0.5 / shape.cores() as f64), seed)
}

/// Draws from a normal distribution around 0, cut at two deviations and widened so that the deviation is kept.
pub(super) fn normal(count: usize, deviation: f64, seed: Seed) -> Vec<f32> {
    /// The deviation of a standard normal variable that is kept within ±2.
    const CUT: f64 = 0.879_625_661_034_239_8;
    let within = gaussian(seed).filter(|z| z.abs() <= 2.0);
    within.take(count).map(|z| (z * deviation / CUT) as f32).collect()
}

/// Draws from the standard normal distribution, without end (Box and Muller).
pub(crate) fn gaussian(seed: Seed) -> impl Iterator<Item = f64> {
    let mut rng = seed.rng();
    // 53 random bits make a uniform number in (0, 1].
    let mut unit = move || ((rng.next_u64() >> 11) + 1) as f64 * 2f64.powi(-53);
    std::iter::repeat_with(move || (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_kept() {
        let values = normal(100_000, 0.3, Seed::from_number(1));
        let variance = values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 1e5;
        // Four deviations of the variance of 10⁵ draws.
        assert!((variance.sqrt() - 0.3).abs() < 0.003, "{variance}");
        assert!(values.iter().all(|x| x.abs() < 0.69));
        assert_eq!(values, normal(100_000, 0.3, Seed::from_number(1)));
    }
}
