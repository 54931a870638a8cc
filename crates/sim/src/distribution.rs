//! Random spans in integers, so that a run is the same on every machine.
//!
//! * Exponential: −ln(u)·mean with u = r / 2⁶⁴. The logarithm is its whole part (leading zeros) plus a table of
//!   log₂(1 + i/256) with linear interpolation; the error is below 3 · 10⁻⁶ of the mean.
//! * Log-normal: median · 2^(z·σ·log₂e). z is the sum of twelve uniform numbers less six (Irwin–Hall): mean 0,
//!   variance 1, no further out than ±6. The power is a shift plus a table of 2^(i/256).
//!
//! Both tables are computed at compile time, from squarings and from integer square roots. Numbers with `32` behind
//! them carry 32 fractional bits.

use crate::Stream;

/// ln 2.
const LN2_32: u128 = 2_977_044_472;
/// log₂ e.
const LOG2E_32: i128 = 6_196_328_019;
/// log₂(1 + i/256).
const LOG2_32: [u64; 257] = log2_table();
/// 2^(i/256).
const EXP2_32: [u64; 257] = exp2_table();

/// One exponential span of this mean, from 64 random bits.
pub fn exponential(bits: u64, mean: u64) -> u64 {
    let bits = bits.max(1);
    let zeros = bits.leading_zeros();
    let mantissa = bits << zeros;
    let fraction = interpolate(&LOG2_32, mantissa << 1);
    let negative_log2 = ((u64::from(zeros) + 1) << 32).saturating_sub(fraction);
    let negative_ln = (u128::from(negative_log2) * LN2_32) >> 32;
    u64::try_from((u128::from(mean) * negative_ln) >> 32).unwrap_or(u64::MAX)
}

/// One log-normal span with this median; `sigma` is the deviation of its logarithm in millionths.
pub fn log_normal(stream: &mut Stream, median: u64, sigma: u32) -> u64 {
    let exponent = (normal_16(stream) * i128::from(sigma) * LOG2E_32 / 1_000_000) >> 16;
    let (whole, fraction) = (exponent >> 32, (exponent & 0xffff_ffff) as u64);
    let scaled = u128::from(median) * u128::from(interpolate(&EXP2_32, fraction << 32));
    let shift = 32 - whole.clamp(-64, 31);
    u64::try_from(scaled >> shift).unwrap_or(u64::MAX)
}

/// A standard normal number with 16 fractional bits: twelve 16-bit uniforms have variance 2³² together.
fn normal_16(stream: &mut Stream) -> i128 {
    let words = [stream.next(), stream.next(), stream.next()];
    let sum: i64 =
        words.iter().flat_map(|word| [0, 16, 32, 48].map(|at| ((word >> at) & 0xffff) as i64)).sum();
    i128::from(sum - 393_210)
}

/// The value of a table over [0, 1) at `at` / 2⁶⁴.
fn interpolate(table: &[u64; 257], at: u64) -> u64 {
    let (index, rest) = ((at >> 56) as usize, (at >> 24) & 0xffff_ffff);
    match table.get(index..index + 2) {
        Some(&[low, high]) => low + (((high - low) * rest) >> 32),
        _ => 0,
    }
}

/// Bit by bit: squaring a number in [1, 2) doubles its logarithm; past 2 the next bit is one.
const fn log2_table() -> [u64; 257] {
    let mut table = [0; 257];
    let mut i = 0;
    while i < 256 {
        let mut number = (256 + i as u128) << 54;
        let mut bit = 32;
        while bit > 0 {
            bit -= 1;
            number = (number * number) >> 62;
            if number >> 63 == 1 {
                number >>= 1;
                table[i] |= 1 << bit;
            }
        }
        i += 1;
    }
    table[256] = 1 << 32;
    table
}

/// The product of the roots 2^(1/2), 2^(1/4), … that the bits of i name.
const fn exp2_table() -> [u64; 257] {
    let mut table = [1 << 62; 257];
    let mut root = 1_u128 << 63;
    let mut bit = 8;
    while bit > 0 {
        bit -= 1;
        root = (root << 62).isqrt();
        let mut i = 0;
        while i < 256 {
            if (i >> bit) & 1 == 1 {
                table[i] = ((table[i] as u128 * root) >> 62) as u64;
            }
            i += 1;
        }
    }
    let mut i = 0;
    while i < 256 {
        table[i] >>= 30;
        i += 1;
    }
    table[256] = 2 << 32;
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::Seed;

    fn stream() -> Stream {
        Stream::new(&Seed::from_number(1), "test", 0)
    }

    #[test]
    fn exponential_is_the_logarithm() {
        let mut stream = stream();
        for bits in (0..20_000).map(|_| stream.next()).chain([0, 1, 2, 3, u64::MAX, u64::MAX - 1, 1 << 63]) {
            let exact = -(bits.max(1) as f64 / 2_f64.powi(64)).ln() * 1e9;
            let ours = exponential(bits, 1_000_000_000) as f64;
            assert!((ours - exact).abs() < 3_000.0, "{bits}: {ours} instead of {exact}");
        }
    }

    #[test]
    fn log_normal_has_its_quantiles() {
        let mut stream = stream();
        let mut drawn: Vec<u64> = (0..100_001).map(|_| log_normal(&mut stream, 50_000, 500_000)).collect();
        drawn.sort_unstable();
        // z at 2.5 %, 16 %, 50 %, 84 %, 97.5 % of the normal distribution.
        for (part, z) in [(2_500, -1.96), (15_866, -1.0), (50_000, 0.0), (84_134, 1.0), (97_500, 1.96)] {
            let exact = 50_000.0 * f64::exp(z * 0.5);
            let ours = drawn[part] as f64;
            assert!((ours / exact - 1.0).abs() < 0.02, "{part}: {ours} instead of {exact}");
        }
    }

    #[test]
    fn extremes_saturate() {
        assert_eq!(exponential(0, u64::MAX), u64::MAX);
        assert_eq!(exponential(5, 0), 0);
        let mut stream = stream();
        for _ in 0..1_000 {
            log_normal(&mut stream, u64::MAX, u32::MAX);
            assert_eq!(log_normal(&mut stream, 0, u32::MAX), 0);
            let steady = log_normal(&mut stream, 1 << 40, 0);
            assert_eq!(steady, 1 << 40);
        }
    }

    /// For ever the same.
    #[test]
    fn golden() {
        let mut stream = stream();
        let spans = [0; 4].map(|_| exponential(stream.next(), 1_000_000));
        let more = [0; 4].map(|_| log_normal(&mut stream, 50_000, 500_000));
        assert_eq!(spans, [310_699, 113_371, 243_730, 2_484_331]);
        assert_eq!(more, [44_206, 63_507, 119_362, 27_778]);
    }
}
