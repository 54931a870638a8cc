//! Steps in quarters of an octave: Δ·2^(−t/4) for integers t, as an integer times a power of two.

use crate::dense::parts_of_float;

/// 2^(0/4) … 2^(3/4), in units of 2⁻⁷.
const QUARTERS: [i64; 4] = [128, 152, 181, 215];
const UNIT: i32 = 7;

/// `mantissa · 2^exponent`, with a mantissa of at most 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) mantissa: i64,
    pub(super) exponent: i32,
}

impl Step {
    /// Δ·2^(−quarters/4), up to 0.6 %, for a finite Δ.
    pub(super) fn new(size: f32, quarters: i32) -> Self {
        let (mantissa, exponent) = parts_of_float(size).unwrap_or_default();
        let down = -quarters;
        let quarter = QUARTERS[down.rem_euclid(4) as usize];
        Self { mantissa: mantissa * quarter, exponent: exponent + down.div_euclid(4) - UNIT }
    }

    /// Its value, exactly.
    pub(super) fn value(self) -> f64 {
        self.mantissa as f64 * 2f64.powi(self.exponent)
    }
}

/// 4·log₂ of a weight, rounded and between −2¹⁴ and 2¹⁴.
pub(super) fn quarters(weight: f64) -> i16 {
    let most = 2f64.powi(14);
    // NaN, of zero over zero, becomes 0.
    (4.0 * weight.log2()).round().clamp(-most, most) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_quarters_are_an_octave() {
        for (size, t) in [(1.0, 0), (0.37, 5), (3e-5, -7), (1e20, 200), (1e-40, -200), (1e-40, 250)] {
            let (near, exact) =
                (Step::new(size, t).value(), f64::from(size) * 2f64.powf(-f64::from(t) / 4.0));
            assert!((near / exact - 1.0).abs() < 6e-3, "{size} {t}: {near}");
            let octave = Step::new(size, t + 4).value();
            assert!((2.0 * octave - near).abs() <= near * f64::EPSILON);
        }
    }

    #[test]
    fn weights_are_rounded_and_bounded() {
        let cases = [
            (1.0, 0),
            (2.0, 4),
            (0.5, -4),
            (1.2, 1),
            (0.0, -(1 << 14)),
            (1e-30, -399),
            (f64::INFINITY, 1 << 14),
            (f64::NAN, 0),
        ];
        for (weight, expected) in cases {
            assert_eq!(quarters(weight), expected, "{weight}");
        }
    }
}
