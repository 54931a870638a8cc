//! What is done with a gradient: the step from θ to the next θ.
//!
//! ```text
//! plain       θ ← θ − η·g
//! momentum    v ← μ·v + g,   θ ← θ − η·v                                              (Polyak 1964)
//! Nesterov    v ← μ·v + g,   θ ← θ − η·(g + μ·v)                                      (Sutskever et al., ICML 2013, eq. 3–4)
//! Adam        m ← m + (1−β₁)(g−m),  s ← s + (1−β₂)(g²−s),  θ ← θ − η·m̂/(√ŝ+ε)         (Kingma and Ba, arXiv 1412.6980)
//! AdamW       the same, and θ ← θ − η·λ·θ                                            (Loshchilov and Hutter, arXiv 1711.05101)
//! ```
//! with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸, `m̂ = m/(1−β₁ᵗ)` and `ŝ = s/(1−β₂ᵗ)` at step t. Velocities and moments start at zero
//! in every update: after a merge old ones belong to a model that is no more.

use crate::update::UpdateError;

const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;
const SMALL: f32 = 1e-8;

/// A rule of steps.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Step {
    /// Down the gradient.
    #[default]
    Plain,
    /// With momentum μ, at least 0 and below 1.
    Momentum(f32),
    /// With Nesterov's momentum μ, at least 0 and below 1.
    Nesterov(f32),
    /// Each parameter has a step of its own.
    Adam,
    /// Adam with decay λ of the parameters, apart from the gradient.
    AdamW(f32),
}

impl Step {
    /// Refuses a momentum outside `[0, 1)` and a decay that is negative or not finite.
    pub(super) fn check(self) -> Result<(), UpdateError> {
        match self {
            Self::Momentum(mu) | Self::Nesterov(mu) if !(0.0..1.0).contains(&mu) => {
                Err(UpdateError::Setting("momentum"))
            }
            Self::AdamW(decay) if !(decay.is_finite() && decay >= 0.0) => Err(UpdateError::Setting("decay")),
            _ => Ok(()),
        }
    }

    /// The length of the memory for so many parameters.
    pub(super) fn memory(self, parameters: usize) -> usize {
        match self {
            Self::Plain => 0,
            Self::Momentum(mu) | Self::Nesterov(mu) => {
                if mu > 0.0 {
                    parameters
                } else {
                    0
                }
            }
            Self::Adam | Self::AdamW(_) => 2 * parameters,
        }
    }

    /// Moves `theta`. The memory is zero before the first step, whose number is 1.
    pub(super) fn take(
        self,
        number: u64,
        rate: f32,
        theta: &mut [f32],
        gradient: &[f32],
        memory: &mut [f32],
    ) {
        let (mu, ahead) = match self {
            Self::Plain => (0.0, false),
            Self::Momentum(mu) => (mu, false),
            Self::Nesterov(mu) => (mu, true),
            Self::Adam => {
                return adam(number, rate, 0.0, theta, gradient, memory.split_at_mut(gradient.len()));
            }
            Self::AdamW(decay) => {
                return adam(number, rate, decay, theta, gradient, memory.split_at_mut(gradient.len()));
            }
        };
        if memory.is_empty() {
            theta.iter_mut().zip(gradient).for_each(|(value, slope)| *value -= rate * slope);
            return;
        }
        for ((value, slope), speed) in theta.iter_mut().zip(gradient).zip(memory) {
            *speed = mu * *speed + slope;
            *value -= rate * if ahead { slope + mu * *speed } else { *speed };
        }
    }
}

/// Adam with a memory of its own, for loops that are no [`Descent`](super::Descent).
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    number: u64,
    pub(super) mean: Vec<f32>,
    pub(super) square: Vec<f32>,
}

impl Moments {
    pub(crate) fn new(count: usize) -> Self {
        Self { number: 0, mean: vec![0.0; count], square: vec![0.0; count] }
    }

    /// Moves `theta` by one step of this rate.
    pub(crate) fn step(&mut self, theta: &mut [f32], gradient: &[f32], rate: f32) {
        self.number += 1;
        adam(self.number, rate, 0.0, theta, gradient, (&mut self.mean, &mut self.square));
    }
}

/// One step of Adam on the running means and squares of the gradient.
fn adam(
    number: u64,
    rate: f32,
    decay: f32,
    theta: &mut [f32],
    gradient: &[f32],
    (means, squares): (&mut [f32], &mut [f32]),
) {
    let power = i32::try_from(number).unwrap_or(i32::MAX);
    let (first, second) = (1.0 - FIRST.powi(power), 1.0 - SECOND.powi(power));
    let moments = means.iter_mut().zip(squares);
    for ((value, slope), (mean, square)) in theta.iter_mut().zip(gradient).zip(moments) {
        *mean += (1.0 - FIRST) * (slope - *mean);
        *square += (1.0 - SECOND) * (slope * slope - *square);
        *value -= rate * ((*mean / first) / ((*square / second).sqrt() + SMALL) + decay * *value);
    }
}
