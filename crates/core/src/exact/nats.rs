//! The cross-entropy of logits in finer integers than a program's, for comparing models that are nearly alike.
//!
//! For logits z with 8 fractional bits and a label y, in nats:
//!
//! ```text
//! ℓ = ln Σ_j e^((z_j − max z)/2⁸) − (z_y − max z)/2⁸
//! ```
//!
//! Exponentials and the logarithm carry [`NAT_BITS`] fractional bits, so what is left is the rounding of the logits themselves. From
//! probabilities of 8 bits it would be much coarser: they call certain whatever is above 1 − 2⁻⁹ and impossible what is below 2⁻⁹.
//! A loss is at most 32 nats and the logarithm of the number of classes.

use super::fixed::{self, FINE};
use std::sync::LazyLock;

/// Fractional bits of a loss.
pub const NAT_BITS: u32 = 32;

/// How far apart logits can be.
const WIDEST: usize = 2 * fixed::LOGIT_LIMIT as usize;
/// Fractional bits of the logarithm's series.
const SERIES: u32 = 62;

/// The cross-entropy of one row in units of 2⁻³² nats; `None` for a label that is no class.
///
/// ```
/// use bitneuron_core::exact::nats::cross_entropy;
/// let even = cross_entropy(&[0, 0], 1).expect("a class");
/// assert_eq!(even, (2f64.ln() * 2f64.powi(32)).round() as i64);
/// assert_eq!(cross_entropy(&[0, 0], 2), None);
/// ```
pub fn cross_entropy(logits: &[i64], label: i64) -> Option<i64> {
    let own = *logits.get(usize::try_from(label).ok()?)?;
    let greatest = *logits.iter().max()?;
    let below = |z: i64| greatest.wrapping_sub(z);
    let exponential = |z: &i64| usize::try_from(below(*z)).ok().and_then(|at| exponentials().get(at));
    let sum = logits.iter().filter_map(exponential).fold(0u64, |sum, e| sum.saturating_add(*e));
    let shift = NAT_BITS.wrapping_sub(fixed::ACTIVATION_BITS);
    logarithm(sum).checked_add(below(own).checked_mul(1i64.wrapping_shl(shift))?)
}

/// The mean cross-entropy in micro-nats, rounded down, of rows with `classes` logits each; `None` of no rows, of another number
/// of logits, or with a label that is no class.
pub fn mean(logits: &[i64], classes: usize, labels: &[i64]) -> Option<i64> {
    if classes == 0 || Some(logits.len()) != classes.checked_mul(labels.len()) {
        return None;
    }
    let mut sum = 0i128;
    for (row, label) in logits.chunks_exact(classes).zip(labels) {
        sum = sum.checked_add(i128::from(cross_entropy(row, *label)?))?;
    }
    let rows = i128::try_from(labels.len()).ok()?.checked_mul(1 << NAT_BITS)?;
    i64::try_from(sum.checked_mul(1_000_000)?.checked_div_euclid(rows)?).ok()
}

/// `round(2³² · e^(-d/256))` for d of 0 to [`WIDEST`].
fn exponentials() -> &'static [u64] {
    static TABLE: LazyLock<Vec<u64>> = LazyLock::new(|| {
        let (step, mut power) = (fixed::exp_of_minus(1), 1u128 << FINE);
        let next = |_| {
            let rounded = power.wrapping_add(1 << (FINE - NAT_BITS - 1)) >> (FINE - NAT_BITS);
            power = fixed::multiply(power, step);
            u64::try_from(rounded).unwrap_or(0)
        };
        (0..=WIDEST).map(next).collect()
    });
    &TABLE
}

/// `round(2³² · ln(sum / 2³²))` for a sum of at least 2³² and below 2⁶³: with sum = 2^(32+k)·m and m in [1, 2),
/// `ln = k·ln 2 + 2·artanh((m − 1)/(m + 1))`.
fn logarithm(sum: u64) -> i64 {
    static LN_2: LazyLock<u128> = LazyLock::new(|| twice_artanh((1u128 << SERIES) / 3));
    let whole = sum.checked_ilog2().unwrap_or(0);
    let (sum, power) = (u128::from(sum), 1u128.wrapping_shl(whole));
    let rest = sum.saturating_sub(power).wrapping_shl(SERIES);
    let series = twice_artanh(rest.checked_div(sum.saturating_add(power)).unwrap_or(0));
    let twos = u128::from(whole.saturating_sub(NAT_BITS)).saturating_mul(*LN_2);
    let rounded = twos.saturating_add(series).saturating_add(1 << (SERIES - NAT_BITS - 1));
    i64::try_from(rounded >> (SERIES - NAT_BITS)).unwrap_or(i64::MAX)
}

/// `2·artanh(y)` at [`SERIES`] bits for y of at most a third, whose series twenty terms exhaust.
fn twice_artanh(y: u128) -> u128 {
    let square = y.saturating_mul(y) >> SERIES;
    let (mut sum, mut power) = (0u128, y);
    for k in (1..=39u128).step_by(2) {
        sum = sum.saturating_add(power.checked_div(k).unwrap_or(0));
        power = power.saturating_mul(square) >> SERIES;
    }
    sum.saturating_mul(2)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::Digest;
    use proptest::prelude::*;

    fn real(logits: &[i64], label: usize) -> f64 {
        let z = |at: usize| logits[at] as f64 / 256.0;
        (0..logits.len()).map(|at| z(at).exp()).sum::<f64>().ln() - z(label)
    }

    proptest! {
        #[test]
        fn the_loss_is_that_of_real_numbers(
            logits in prop::collection::vec(-fixed::LOGIT_LIMIT..=fixed::LOGIT_LIMIT, 2..40), at in any::<prop::sample::Index>(),
        ) {
            let label = at.index(logits.len());
            let loss = cross_entropy(&logits, label as i64).expect("a class") as f64 / 2f64.powi(32);
            prop_assert!((loss - real(&logits, label)).abs() < 1e-8);
        }

        #[test]
        fn adding_the_same_to_all_logits_changes_nothing(logits in prop::collection::vec(-1000i64..1000, 2..9), by in -3000i64..3000) {
            let moved: Vec<i64> = logits.iter().map(|z| z + by).collect();
            prop_assert_eq!(cross_entropy(&logits, 1), cross_entropy(&moved, 1));
        }
    }

    #[test]
    fn the_mean_is_in_micronats_and_only_of_whole_rows() {
        assert_eq!(mean(&[0, 0, 0, 0], 2, &[0, 1]), Some(693_147));
        assert_eq!(mean(&[4096, -4096], 2, &[1]), Some(32_000_000));
        assert_eq!(mean(&[4096, -4096], 2, &[0]), Some(0));
        for (classes, labels) in
            [(2, &[][..]), (0, &[0][..]), (2, &[0, 1][..]), (2, &[-1][..]), (2, &[2][..])]
        {
            assert_eq!(mean(&[1, 2], classes, labels), None);
        }
    }

    #[test]
    fn the_tables_are_golden() {
        let bytes: Vec<u8> = exponentials().iter().flat_map(|value| value.to_le_bytes()).collect();
        let logarithms: Vec<u8> =
            (0..4_096u64).flat_map(|n| logarithm((1 << 32) + n * 7_919_881).to_le_bytes()).collect();
        let golden =
            [&bytes, &logarithms].map(|bytes| Digest::of("golden", bytes).to_string()[..16].to_owned());
        assert_eq!(golden, ["8157545d7b548260", "47d54053e58f4002"]);
    }
}
