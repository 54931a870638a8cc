//! The fixed-point formats of models and the three roundings everything is built from.

use std::sync::LazyLock;

/// Fractional bits of weights.
pub const WEIGHT_BITS: u32 = 12;
/// Weights lie within ±2¹⁴, that is ±4.
pub const WEIGHT_LIMIT: i64 = 1 << 14;
/// Fractional bits of activations and errors.
pub const ACTIVATION_BITS: u32 = 8;
/// Features lie within ±2⁸, that is ±1.
pub const FEATURE_LIMIT: i64 = 1 << 8;
/// Hidden activations lie within ±2¹⁰, that is ±4.
pub const HIDDEN_LIMIT: i64 = 1 << 10;
/// Errors of hidden layers that are limited lie within ±2¹², that is ±16.
pub const ERROR_LIMIT: i64 = 1 << 12;
/// Errors of hidden layers are limited where they could leave ±2¹⁵.
pub const ERROR_ROOM: i64 = 1 << 15;
/// Logits lie within ±2¹², that is ±16.
pub const LOGIT_LIMIT: i64 = 1 << 12;
/// One as a probability or error.
pub const ONE: i64 = 1 << ACTIVATION_BITS;
/// Fractional bits of the exponential's table.
pub const EXP_BITS: u32 = 12;

/// `(x + 2^(bits-1)) >> bits`: division by a power of two, to nearest, halves up. `bits` of 1 to 62, `x` within ±2⁶².
///
/// ```
/// use bitneuron_core::exact::fixed::rescale;
/// assert_eq!([rescale(5, 1), rescale(-5, 1), rescale(-6, 2)], [3, -2, -1]);
/// ```
pub const fn rescale(x: i64, bits: u32) -> i64 {
    x.wrapping_add(1i64.wrapping_shl(bits.wrapping_sub(1))).wrapping_shr(bits)
}

/// `(x + by/2) div by`: division to nearest, halves up, with a remainder in `0..by`. `None` when `by` is below 1.
pub const fn divide(x: i64, by: i64) -> Option<i64> {
    if by < 1 {
        return None;
    }
    match x.checked_add(by / 2) {
        Some(sum) => sum.checked_div_euclid(by),
        None => None,
    }
}

/// A real number in fixed point, to nearest and within ±`limit`; not a number gives 0.
pub fn from_f32(value: f32, bits: u32, limit: i64) -> i64 {
    let scaled = (f64::from(value) * power_of_two(bits)).round();
    (scaled as i64).clamp(limit.saturating_neg(), limit)
}

/// The real number of a fixed-point integer.
pub fn to_f32(value: i64, bits: u32) -> f32 {
    (value as f64 / power_of_two(bits)) as f32
}

/// `2^bits`, exactly; for at most 63 bits.
const fn power_of_two(bits: u32) -> f64 {
    1u64.wrapping_shl(bits) as f64
}

/// The table of `round(2¹² · e^(-d/256))` for `d = 4096, 4095, …, 0`, so that index `z + 4096` holds the exponential of
/// `z/256` for `z` of −4096 to 0.
///
/// Made in integers alone (128-bit fixed point with 100 fractional bits), hence the same on every machine.
pub fn exponentials() -> &'static [i64] {
    static TABLE: LazyLock<Vec<i64>> = LazyLock::new(|| {
        let step = exp_of_minus(1);
        let mut power = 1u128 << FINE;
        let mut table: Vec<i64> = (0..=4096)
            .map(|_| {
                let rounded = power.wrapping_add(1 << (FINE - EXP_BITS - 1)) >> (FINE - EXP_BITS);
                power = multiply(power, step);
                i64::try_from(rounded).unwrap_or(0)
            })
            .collect();
        table.reverse();
        table
    });
    &TABLE
}

/// The table of `round(2⁸ · ln(n/256))` for `n` of 256 to `last`, made in integers alone like [`exponentials`]:
/// `ln(n + 1) − ln(n) = 2·artanh(1/(2n + 1))`, whose series seven terms exhaust.
pub fn logarithms(last: u32) -> Vec<i64> {
    let mut logarithm = 0u128;
    (256..=u128::from(last.max(256)))
        .map(|n| {
            let rounded = logarithm.wrapping_add(1 << (FINE - 9)) >> (FINE - 8);
            logarithm = logarithm.wrapping_add(step_of_logarithm(n));
            i64::try_from(rounded).unwrap_or(0)
        })
        .collect()
}

/// `ln(1 + 1/n)` at [`FINE`] bits for n of at least 256.
fn step_of_logarithm(n: u128) -> u128 {
    let odd = n.wrapping_mul(2).wrapping_add(1);
    let square = odd.wrapping_mul(odd);
    let (mut sum, mut power) = (0u128, (2u128 << FINE).checked_div(odd).unwrap_or(0));
    for k in (1..=13u128).step_by(2) {
        sum = sum.wrapping_add(power.checked_div(k).unwrap_or(0));
        power = power.checked_div(square).unwrap_or(0);
    }
    sum
}

/// Fractional bits in which tables are made.
pub(super) const FINE: u32 = 100;

/// The product of two fractions of at most one at [`FINE`] bits, from their 50-bit halves; error below 2⁻⁹⁹.
pub(super) const fn multiply(a: u128, b: u128) -> u128 {
    let half = FINE / 2;
    let mask = (1u128 << half).wrapping_sub(1);
    let (ah, al, bh, bl) = (a >> half, a & mask, b >> half, b & mask);
    let cross = ah.wrapping_mul(bl).wrapping_add(al.wrapping_mul(bh));
    ah.wrapping_mul(bh).wrapping_add(cross.wrapping_add(al.wrapping_mul(bl) >> half) >> half)
}

/// `e^(-n/256)` at [`FINE`] bits by its alternating series, which twenty terms exhaust for n = 1.
pub(super) fn exp_of_minus(n: u128) -> u128 {
    let (mut sum, mut term) = (1u128 << FINE, 1u128 << FINE);
    for k in 1..=20u128 {
        term = (term.wrapping_mul(n) >> 8).checked_div(k).unwrap_or(0);
        sum = if k % 2 == 1 { sum.wrapping_sub(term) } else { sum.wrapping_add(term) };
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    #[test]
    fn the_exponential_is_right_and_golden() {
        let table = exponentials();
        assert_eq!(table.len(), 4097);
        for (index, value) in table.iter().enumerate() {
            let exact = 4096.0 * (-(4096.0 - index as f64) / 256.0).exp();
            assert!((exact - *value as f64).abs() <= 0.5 + 1e-9, "{index}: {value} for {exact}");
        }
        let bytes: Vec<u8> = table.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(Digest::of("golden", &bytes).to_string()[..16], *"7688b86dd8822585");
    }

    #[test]
    fn the_logarithm_is_right_and_golden() {
        let table = logarithms(256 * 256);
        assert_eq!((table.len(), table[0]), (65_281, 0));
        for (index, value) in table.iter().enumerate() {
            let exact = 256.0 * ((index + 256) as f64 / 256.0).ln();
            assert!((exact - *value as f64).abs() <= 0.5 + 1e-9, "{index}: {value} for {exact}");
        }
        let bytes: Vec<u8> = table.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(Digest::of("golden", &bytes).to_string()[..16], *"590d7a85150a526a");
    }

    #[test]
    fn rounding_at_the_edges() {
        assert_eq!(divide(7, 2), Some(4));
        assert_eq!(divide(-7, 2), Some(-3));
        assert_eq!(divide(7, 0), None);
        assert_eq!(divide(i64::MAX, 3), None);
        assert_eq!(from_f32(f32::NAN, 12, 100), 0);
        assert_eq!(from_f32(f32::INFINITY, 12, 100), 100);
        assert_eq!(to_f32(from_f32(0.25, 12, WEIGHT_LIMIT), 12).to_bits(), 0.25f32.to_bits());
    }
}
