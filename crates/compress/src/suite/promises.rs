//! The law of promises: what a codec states in its [`Properties`] is seen.
//!
//! Packets of one case are decoded for many seeds, for few where the seed makes no difference. With d_s = x̂_s − x of
//! seed s and S seeds:
//! * *contraction* δ: the mean of ‖d_s‖² exceeds (1 − δ)‖x‖² by no more than five standard errors;
//! * *unbiased*: the mean of independent d_s has the squared norm (1/S) · E‖d‖² in expectation, where a bias would
//!   stay as it is; nine times as much is refused, which finds every bias whose square is above a sixteenth of it;
//! * *linear*: with one seed x̂ + ŷ is what x + y decodes to, within 10⁻⁴ of the largest magnitude.
//!
//! Seeds are fixed, so a verdict never changes.

use super::{Law, Violation, guarded};
use crate::{Compressor, Limits, Properties};
use bitneuron_core::{Params, Seed};
use rand::Rng;

/// Seeds of each case.
const SEEDS: u64 = 144;
/// After so many equal outcomes the others are taken to be the same.
const EQUAL: usize = 8;
/// Of fewer values than these, equal outcomes may be luck: the other code of a value near one may be drawn once in a thousand seeds.
const FEW: usize = 32;
/// How often the expected square of the mean error is allowed.
const CHANCE: f64 = 9.0;
/// What `f32` rounding may cost, relative to the largest magnitude.
const ROUNDING: f64 = 1e-6;

/// Checks what `codec` promises on one case.
pub(super) fn check(codec: &dyn Compressor, case: usize, params: &Params) -> Result<(), Violation> {
    let properties = codec.properties();
    if !(0.0..=1.0).contains(&properties.contraction) {
        let how = format!("a contraction of {}", properties.contraction);
        return Err(Violation::new(Law::Promises, case, how));
    }
    if properties.unbiased || properties.contraction > 0.0 {
        average(codec, case, params, properties)?;
    }
    if properties.linear { linear(codec, case, params) } else { Ok(()) }
}

fn decoded(codec: &dyn Compressor, case: usize, params: &Params, seed: Seed) -> Result<Vec<f64>, Violation> {
    let outcome = guarded(case, || {
        let packet = codec.compress(params, seed)?;
        let limits = Limits { bytes: packet.len(), elements: params.values().len() };
        codec.decompress(&packet, params.layout(), limits)
    })?;
    let back = outcome.map_err(|error| Violation::new(Law::Promises, case, error.to_string()))?;
    Ok(back.values().iter().map(|value| f64::from(*value)).collect())
}

/// Errors of many seeds: their mean, and the squared norm of each.
struct Errors {
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Errors {
    fn of(codec: &dyn Compressor, case: usize, params: &Params) -> Result<Self, Violation> {
        let mut all: Vec<Vec<f64>> = Vec::new();
        let mut sum = vec![0.0; params.values().len()];
        let mut squares = Vec::new();
        for number in 0..SEEDS {
            let back = decoded(codec, case, params, Seed::from_number(number))?;
            let errors = back.iter().zip(params.values()).map(|(back, value)| back - f64::from(*value));
            let errors: Vec<f64> = errors.collect();
            sum.iter_mut().zip(&errors).for_each(|(sum, error)| *sum += error);
            squares.push(errors.iter().map(|error| error * error).sum());
            if all.len() < EQUAL {
                all.push(errors);
            } else if all.windows(2).all(|pair| matches!(pair, [a, b] if a == b)) {
                break;
            }
        }
        let seeds = squares.len() as f64;
        sum.iter_mut().for_each(|sum| *sum /= seeds);
        Ok(Self { mean: sum, squares })
    }

    /// The mean square, and its standard error.
    fn square(&self) -> (f64, f64) {
        let count = self.squares.len() as f64;
        let mean = self.squares.iter().sum::<f64>() / count;
        let variance = self.squares.iter().map(|other| (other - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, (variance / count).sqrt())
    }
}

/// What holds on average over seeds.
fn average(
    codec: &dyn Compressor,
    case: usize,
    params: &Params,
    Properties { unbiased, contraction, .. }: Properties,
) -> Result<(), Violation> {
    let values = || params.values().iter().map(|value| f64::from(*value));
    let largest = values().fold(0.0, |most: f64, value| most.max(value.abs()));
    let norm = values().map(|value| value * value).sum::<f64>();
    let rounding = values().count() as f64 * (ROUNDING * largest + f64::from(f32::MIN_POSITIVE)).powi(2);
    let errors = Errors::of(codec, case, params)?;
    let (square, deviation) = errors.square();
    if contraction > 0.0 && square > (1.0 - contraction) * norm + 5.0 * deviation + rounding {
        let how = format!("contracts {norm:e} to {square:e}, promised {contraction}");
        return Err(Violation::new(Law::Promises, case, how));
    }
    let bias = errors.mean.iter().map(|error| error * error).sum::<f64>();
    let telling = errors.squares.len() as u64 == SEEDS || params.values().len() >= FEW;
    if unbiased && telling && bias > CHANCE * square / SEEDS as f64 + rounding {
        let how = format!("the mean error is {bias:e} of {square:e}, squared");
        return Err(Violation::new(Law::Promises, case, how));
    }
    Ok(())
}

/// Sums of what is decoded are what sums decode to.
fn linear(codec: &dyn Compressor, case: usize, params: &Params) -> Result<(), Violation> {
    let mut rng = Seed::from_number(9).rng();
    let mut other = params.clone();
    let largest = params.values().iter().fold(0.0, |most: f32, value| most.max(value.abs()));
    let unit = largest / 2f32.powi(31);
    other.values_mut().iter_mut().for_each(|value| *value = (rng.next_u32() as i32) as f32 * unit);
    let mut sum = params.clone();
    sum.values_mut().iter_mut().zip(other.values()).for_each(|(sum, value)| *sum += value);
    let seed = Seed::from_number(7);
    let [x, y, both] = [params, &other, &sum].map(|params| decoded(codec, case, params, seed));
    let (x, y, both) = (x?, y?, both?);
    let most = both.iter().chain(&x).chain(&y).fold(0.0, |most: f64, value| most.max(value.abs()));
    let close = |((x, y), both): ((&f64, &f64), &f64)| (x + y - both).abs() <= 1e-4 * most;
    if x.iter().zip(&y).zip(&both).all(close) {
        Ok(())
    } else {
        Err(Violation::new(Law::Promises, case, "a sum decodes to something else"))
    }
}
