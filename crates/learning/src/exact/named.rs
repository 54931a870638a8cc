//! Rules that validators may vote on, by name: the texts that also name them in `f32` ([`merge::named`](crate::merge::named)).

use crate::named::{Call, NameError};
use bitneuron_core::Share;
use bitneuron_core::exact::programs::{filter::Filter, merge::MergeRule};

/// What [`named`] knows, with a line of help each.
pub const NAMES: [(&str, &str); 4] = [
    (
        "filtered:radius=2,clamp=0.1",
        "drops what is farther than so many median distances, clamps the rest, weighted mean",
    ),
    ("median", "the median of each coordinate, by weight"),
    ("trimmed:f=0.25", "the mean of each coordinate without so much of the weight at either end"),
    (
        "clipgossip:f=0.25",
        "a step toward each model, no longer than the farthest honest one when so many lie",
    ),
];

/// The smallest step of a parameter.
const UNIT: f64 = 4096.0;

/// Reads a rule.
///
/// ```
/// use bitneuron_learning::exact::{display, named};
/// assert_eq!(display(named("trimmed:f=0.2")?), "trimmed:f=0.2");
/// let error = named("krum").err().expect("distances of all pairs have no program").to_string();
/// assert!(error.contains("median"), "{error}");
/// # Ok::<(), bitneuron_learning::named::NameError>(())
/// ```
///
/// # Errors
/// Text that names no rule with a program, settings that it has not, or values out of range.
pub fn named(text: &str) -> Result<MergeRule, NameError> {
    let parts: Vec<Call<'_>> = Call::parts(text).collect();
    let call = match parts.as_slice() {
        [call] => call,
        [before, .., last] => return Err(NameError::Together(before.name.into(), last.name.into())),
        [] => return Err(NameError::Together(String::new(), String::new())),
    };
    match call.name {
        "filtered" => {
            call.check(&["radius", "clamp"])?;
            let clamp = call.get("clamp", 0.1, 1.0 / UNIT..16.0)?;
            Ok(MergeRule::Filtered(Filter {
                ratio: call.get("radius", 2, 1..)?,
                clamp: (clamp * UNIT).round() as u16,
            }))
        }
        "median" => call.check(&[]).map(|()| MergeRule::MEDIAN),
        "trimmed" => liars(call).map(|liars| MergeRule::Trimmed { liars }),
        "clipgossip" => liars(call).map(|liars| MergeRule::Clipped { liars }),
        _ => Err(call.unknown("merge rule with a program", &NAMES)),
    }
}

fn liars(call: &Call<'_>) -> Result<Share, NameError> {
    call.check(&["f"])?;
    let share: f64 = call.get("f", 0.25, 0.0..0.5)?;
    Ok(Share((share * f64::from(Share::ONE.0)).round() as u32))
}

/// The text that names a rule.
pub fn display(rule: MergeRule) -> String {
    let places = |value: f64| (value * 10_000.0).round() / 10_000.0;
    match rule {
        MergeRule::Filtered(Filter { ratio, clamp }) => {
            format!("filtered:radius={ratio},clamp={}", places(f64::from(clamp) / UNIT))
        }
        MergeRule::MEDIAN => "median".into(),
        MergeRule::Trimmed { liars } => format!("trimmed:f={}", places(liars.to_f64())),
        MergeRule::Clipped { liars } => format!("clipgossip:f={}", places(liars.to_f64())),
    }
}
