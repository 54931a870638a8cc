//! Tensors to decompose: with structure, and with noise.

use crate::Failure;
use bitneuron::compress::cp::{Components, CpShape};
use bitneuron::compress::linalg::norm_squared;
use bitneuron::compress::tt::{Train, TrainShape};
use bitneuron::core::params::Entry;
use bitneuron::core::{Layout, Params, Seed};
use rand::Rng as _;
use std::sync::Arc;

/// Its foldings.
pub const FOLDINGS: [&[usize]; 3] =
    [&[16, 16, 16, 4, 16, 16], &[8, 8, 8, 8, 8, 8, 4, 4], &[4, 4, 4, 4, 8, 8, 4, 4, 4, 4]];
/// The modes of the tensor of the bars.
pub const MODES: [usize; 4] = [64, 64, 32, 32];

/// Standard normal numbers (Box and Muller 1958).
pub fn normal(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    let mut unit = move || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
    let pair = |_| {
        let (radius, angle) = ((-2.0 * unit().ln()).sqrt(), std::f64::consts::TAU * unit());
        [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
    };
    let mut values: Vec<f32> = (0..count.div_ceil(2)).flat_map(pair).collect();
    values.truncate(count);
    values
}

/// 4096 × 1024 values of train ranks up to 32 with decaying components in the first folding, with 1 % noise.
///
/// # Errors
/// No such train.
pub fn matrix() -> Result<Vec<f32>, Failure> {
    let shape = TrainShape::new(FOLDINGS[0].to_vec(), vec![16, 32, 32, 32, 16])?;
    let cores = (0..6).map(|core| {
        let [_, _, right] = shape.core_shape(core);
        let mut values = normal(core as u64, shape.core_len(core));
        values.iter_mut().enumerate().for_each(|(at, x)| *x *= ((at % right + 1) as f32).powf(-0.7));
        values
    });
    let train = Train { cores: cores.collect(), shape };
    Ok(noisy(train.expand()?, 0.01))
}

/// A train 16·16·16·16 of ranks 10, 20, 10 in the canonical gauge, of normal entries whose column j is scaled by j to minus this power
/// before; and its cores as a model names them.
///
/// # Errors
/// No such train.
pub fn cores(power: f32) -> Result<(Params, Train), Failure> {
    let shape = TrainShape::new(vec![16; 4], vec![10, 20, 10])?;
    let cores = (0..4).map(|core| {
        let [_, _, right] = shape.core_shape(core);
        let mut values = normal(20 + core as u64, shape.core_len(core));
        values.iter_mut().enumerate().for_each(|(at, x)| *x *= ((at % right + 1) as f32).powf(-power));
        values
    });
    let train = Train { cores: cores.collect(), shape }.orthogonalise()?;
    let entry = |core: usize| Entry {
        name: format!("w.{}", core + 1),
        shape: train.shape.core_shape(core).iter().map(|size| *size as u32).collect(),
    };
    let layout = Arc::new(Layout::new((0..4).map(entry).collect())?);
    Ok((Params::new(train.cores.concat(), layout)?, train))
}

/// The train of these cores, shaped as `like`.
pub fn of_cores(params: &Params, like: &Train) -> Train {
    let layout = params.layout();
    let core = |index| params.values().get(layout.range(index).unwrap_or_default()).unwrap_or_default();
    Train {
        shape: like.shape.clone(),
        cores: (0..like.cores.len()).map(|index| core(index).to_vec()).collect(),
    }
}

/// 64 × 64 × 32 × 32 values of 40 components, with 10 % noise.
///
/// # Errors
/// No such components.
pub fn tensor() -> Result<Vec<f32>, Failure> {
    let factors = (10..).zip(MODES).map(|(seed, mode)| normal(seed, mode * 40)).collect();
    let planted = Components { shape: CpShape::new(MODES.to_vec(), 40)?, factors };
    Ok(noisy(planted.expand()?, 0.1))
}

/// Scaled to unit size, with noise of this size.
fn noisy(mut values: Vec<f32>, noise: f32) -> Vec<f32> {
    let size = (norm_squared(&values) / values.len() as f64).sqrt() as f32;
    let grain = normal(99, values.len());
    values.iter_mut().zip(grain).for_each(|(x, grain)| *x = *x / size + noise * grain);
    values
}
