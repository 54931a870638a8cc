//! The law of [`ExactDecoder`].

use super::{Law, Violation, cases, guarded, told};
use crate::{ExactDecoder, Limits};
use bitneuron_core::Seed;
use bitneuron_core::exact::fixed::{WEIGHT_BITS, WEIGHT_LIMIT};

/// Half a unit of rounding, and half a unit for the rounding of factors.
const UNITS: f64 = 1.0;

/// Checks that the integers are the decoded values, rounded, and that values outside the interval are refused.
///
/// # Errors
/// The law that is broken.
pub fn check_exact(codec: &dyn ExactDecoder) -> Result<(), Violation> {
    let cases = cases().map_err(|error| Violation::new(Law::Exact, 0, error.to_string()))?;
    for (case, params) in cases.iter().enumerate() {
        let broken = |how: String| Violation::new(Law::Exact, case, how);
        let packet = guarded(case, || codec.compress(params, Seed::from_number(7)))?;
        let packet = packet.map_err(|error| broken(error.to_string()))?;
        let limits = Limits { bytes: packet.len(), elements: params.values().len() };
        let values = guarded(case, || codec.decompress(&packet, params.layout(), limits))?;
        let values = values.map_err(|error| broken(error.to_string()))?;
        let integers = guarded(case, || codec.decompress_exact(&packet, params.layout(), limits))?;
        let scaled =
            || values.values().iter().map(|value| f64::from(*value) * f64::from(1u32 << WEIGHT_BITS));
        let largest = scaled().fold(0.0, |most: f64, value| most.max(value.abs()));
        if largest > WEIGHT_LIMIT as f64 + UNITS {
            if integers.is_ok() {
                return Err(broken("a weight outside the interval was accepted".into()));
            }
            continue;
        }
        if largest > WEIGHT_LIMIT as f64 - UNITS {
            continue;
        }
        let same = integers.as_ref().is_ok_and(|integers| {
            integers.len() == values.values().len()
                && integers
                    .iter()
                    .zip(scaled())
                    .all(|(integer, value)| (f64::from(*integer) - value).abs() <= UNITS)
        });
        if !same {
            return Err(broken(format!("not the rounded values: {}", told(&integers))));
        }
        let again = guarded(case, || codec.decompress_exact(&packet, params.layout(), limits))?;
        if again.ok() != integers.ok() {
            return Err(broken("one packet, two tensors".into()));
        }
    }
    Ok(())
}
