//! Rules that validators may vote on, by name: the texts that also name them in `f32` ([`merge::named`](crate::merge::named)).

use crate::named::{Call, NameError, Named};
use bitneuron_core::Share;
use bitneuron_core::exact::programs::{filter::Filter, merge::MergeRule};

/// The rules that have names.
pub const NAMES: [Named; 4] = [
    Named::new(
        "filtered:radius=2,clamp=0.1",
        "drops what is farther than so many median distances, clamps the rest, weighted mean",
    ),
    Named::new("median", "the median of each coordinate, by weight"),
    Named::new("trimmed:f=0.25", "the mean of each coordinate without so much of the weight at either end"),
    Named::new(
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
    let parts = Call::parts(text)?;
    let call = match parts.as_slice() {
        [call] => call,
        parts => {
            let name = |part: Option<&Call<'_>>| part.map_or("", Call::name).to_owned();
            return Err(NameError::Together(name(parts.first()), name(parts.last())));
        }
    };
    Ok(match call.find("merge rule that can be voted on", &NAMES)?.name() {
        "filtered" => {
            let clamp = call.get("clamp", 0.1, 1.0 / UNIT..16.0)?;
            let clamp = (clamp * UNIT).round() as u16;
            MergeRule::Filtered(Filter { ratio: call.get("radius", 2, 1..)?, clamp })
        }
        "median" => MergeRule::MEDIAN,
        "trimmed" => MergeRule::Trimmed { liars: liars(call)? },
        _ => MergeRule::Clipped { liars: liars(call)? },
    })
}

fn liars(call: &Call<'_>) -> Result<Share, NameError> {
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
