//! Priors of the variances, and when they begin to count.

/// The prior of λ, the deviation of all entries that carry one index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prior {
    /// p(λ) ∝ 1/λ.
    LogUniform,
    /// p(λ) ∝ 1/(1 + λ²/η²) with this η: large deviations are unlikely, too.
    HalfCauchy(f64),
}

impl Prior {
    /// The λ² that maximises the posterior of `entries` entries (D) whose squares sum up to `energy` (M).
    ///
    /// ```text
    /// log-uniform    M / (D + 1)
    /// half-Cauchy    [M − η²D + √(M² + (2D + 8)·η²M + η⁴D²)] / (2D + 4)
    /// ```
    pub fn variance(self, energy: f64, entries: usize) -> f64 {
        let (m, d) = (energy, entries as f64);
        match self {
            Self::LogUniform => m / (d + 1.0),
            Self::HalfCauchy(scale) => {
                let e = scale * scale;
                // Half of the sum under the root, written without the difference of large numbers.
                let (b, c) = (m - e * d, 4.0 * (d + 2.0) * e * m);
                let root = (b * b + c).sqrt();
                if b >= 0.0 { (b + root) / (2.0 * d + 4.0) } else { c / (root - b) / (2.0 * d + 4.0) }
            }
        }
    }
}

/// How the weight of the prior grows: 0 until `start`, then linearly to 1 within `over`, both in epochs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Annealing {
    /// The epoch in which it begins to grow.
    pub start: f64,
    /// How many epochs it grows.
    pub over: f64,
}

impl Annealing {
    /// The weight in an epoch.
    pub fn weight(self, epoch: f64) -> f64 {
        let progress = (epoch - self.start) / self.over;
        if progress.is_nan() { 1.0 } else { progress.clamp(0.0, 1.0) }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact by construction")]
mod tests {
    use super::*;

    /// −ln of the posterior of v = λ², up to a constant.
    fn objective(prior: Prior, m: f64, d: usize, v: f64) -> f64 {
        let likelihood = d as f64 / 2.0 * v.ln() + m / (2.0 * v);
        likelihood
            + match prior {
                Prior::LogUniform => v.ln() / 2.0,
                Prior::HalfCauchy(scale) => (1.0 + v / (scale * scale)).ln(),
            }
    }

    #[test]
    fn the_variance_is_where_the_posterior_is_greatest() {
        for prior in [Prior::LogUniform, Prior::HalfCauchy(0.1), Prior::HalfCauchy(3.0)] {
            for (m, d) in [(1e-6, 3), (0.2, 1), (0.2, 100), (5.0, 12), (4e3, 700), (1e-3, 5000)] {
                let v = prior.variance(m, d);
                let at = |factor: f64| objective(prior, m, d, v * factor);
                assert!(at(1.0) < at(1.001) && at(1.0) < at(0.999), "{prior:?}, M {m}, D {d}: {v}");
            }
        }
    }

    #[test]
    fn the_weight_grows_once() {
        let annealing = Annealing { start: 5.0, over: 50.0 };
        assert_eq!(
            [0.0, 5.0, 30.0, 55.0, 99.0].map(|epoch| annealing.weight(epoch)),
            [0.0, 0.0, 0.5, 1.0, 1.0]
        );
        let at_once = Annealing { start: 0.0, over: 0.0 };
        assert_eq!([0.0, 1.0].map(|epoch| at_once.weight(epoch)), [1.0, 1.0]);
    }
}
