//! The discrete cosine transform of type II of 2^p values, and its inverse, in one fixed order of operations.
//!
//! ```text
//! X_k = s_k Σ_n x_n cos(π(2n + 1)k / 2N),    x_n = Σ_k s_k X_k cos(π(2n + 1)k / 2N),    s_0 = √(1/N), s_k = √(2/N)
//! ```
//! With these scales it is orthonormal: norms are kept. Lee's recursion (*A new algorithm to compute the discrete
//! cosine transform*, 1984) halves N with N/2 multiplications at each of its log₂ N levels: even coefficients are the
//! transform of x_n + x_{N−1−n}, odd ones are neighbouring sums in that of (x_n − x_{N−1−n}) / 2cos θ_n with
//! θ_n = π(2n+1)/2N; the inverse runs the same steps backwards. Sums are in `f64`; the cosines come from the system's
//! library, so the last bit may differ between machines.

use std::f64::consts::PI;

/// Transforms of one length.
#[derive(Debug, Clone)]
pub(crate) struct Cosines {
    /// 1/(2cos θ_n) for n < N/2, then for N/2, … , 2.
    levels: Vec<Vec<f64>>,
    length: usize,
    scratch: Vec<f64>,
}

impl Cosines {
    /// Transforms of 2^`exponent` values.
    pub(crate) fn new(exponent: u32) -> Self {
        let length = 1usize << exponent;
        let secants = |level: u32| {
            let size = length >> level;
            let angle = move |n: usize| PI * (2 * n + 1) as f64 / (2 * size) as f64;
            (0..size / 2).map(|n| 0.5 / angle(n).cos()).collect()
        };
        Self { levels: (0..exponent).map(secants).collect(), length, scratch: vec![0.0; length] }
    }

    /// Values to coefficients, in place; there are N.
    pub(crate) fn forward(&mut self, values: &mut [f64]) {
        analyse(values, &mut self.scratch, &self.levels);
        scale(values, self.length);
    }

    /// Coefficients to values, in place; there are N.
    pub(crate) fn inverse(&mut self, coefficients: &mut [f64]) {
        scale(coefficients, self.length);
        synthesise(coefficients, &mut self.scratch, &self.levels);
    }
}

fn scale(values: &mut [f64], length: usize) {
    let first = (1.0 / length as f64).sqrt();
    let others = (2.0 / length as f64).sqrt();
    values.iter_mut().enumerate().for_each(|(k, value)| *value *= if k == 0 { first } else { others });
}

/// Σ_n x_n cos((2n + 1)kπ/2N) in place of x.
fn analyse(values: &mut [f64], scratch: &mut [f64], levels: &[Vec<f64>]) {
    let Some((secants, deeper)) = levels.split_first() else { return };
    let half = values.len() / 2;
    let (sums, differences) = scratch.split_at_mut(half);
    let (front, back) = values.split_at(half);
    for (((x, y), secant), (sum, difference)) in
        front.iter().zip(back.iter().rev()).zip(secants).zip(sums.iter_mut().zip(differences.iter_mut()))
    {
        *sum = x + y;
        *difference = (x - y) * secant;
    }
    let (front, back) = values.split_at_mut(half);
    analyse(sums, front, deeper);
    analyse(differences, back, deeper);
    let next = differences.iter().skip(1).copied().chain([0.0]);
    let odd = differences.iter().zip(next).map(|(this, next)| this + next);
    for ((pair, even), odd) in values.chunks_exact_mut(2).zip(sums.iter()).zip(odd) {
        pair.copy_from_slice(&[*even, odd]);
    }
}

/// Σ_k X_k cos((2n + 1)kπ/2N) in place of X.
fn synthesise(values: &mut [f64], scratch: &mut [f64], levels: &[Vec<f64>]) {
    let Some((secants, deeper)) = levels.split_first() else { return };
    let half = values.len() / 2;
    let (sums, differences) = scratch.split_at_mut(half);
    let mut before = 0.0;
    for ((pair, sum), difference) in values.chunks_exact(2).zip(sums.iter_mut()).zip(differences.iter_mut()) {
        if let [even, odd] = pair {
            (*sum, *difference) = (*even, before + odd);
            before = *odd;
        }
    }
    let (front, back) = values.split_at_mut(half);
    synthesise(sums, front, deeper);
    synthesise(differences, back, deeper);
    for (((x, y), secant), (sum, difference)) in
        front.iter_mut().zip(back.iter_mut().rev()).zip(secants).zip(sums.iter().zip(differences.iter()))
    {
        let difference = difference * secant;
        (*x, *y) = (sum + difference, sum - difference);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::Seed;
    use rand::Rng;

    /// The defining sum.
    fn by_definition(values: &[f64]) -> Vec<f64> {
        let length = values.len();
        let cosine = |n: usize, k: usize| (PI * ((2 * n + 1) * k) as f64 / (2 * length) as f64).cos();
        let mut sums: Vec<f64> =
            (0..length).map(|k| values.iter().enumerate().map(|(n, x)| x * cosine(n, k)).sum()).collect();
        scale(&mut sums, length);
        sums
    }

    #[test]
    fn is_the_defining_sum_and_comes_back() {
        let mut rng = Seed::from_number(1).rng();
        for exponent in [0, 1, 2, 3, 8, 12] {
            let length = 1 << exponent;
            let values: Vec<f64> = (0..length).map(|_| f64::from(rng.next_u32() as i32) / 2e9).collect();
            let mut transformed = values.clone();
            let mut cosines = Cosines::new(exponent);
            cosines.forward(&mut transformed);
            if exponent <= 8 {
                let expected = by_definition(&values);
                assert!(transformed.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
            }
            let norm = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
            assert!((norm(&transformed) - norm(&values)).abs() < 1e-9 * norm(&values));
            cosines.inverse(&mut transformed);
            assert!(transformed.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-11), "{length}");
        }
    }
}
