//! Selection rules by name, for command lines and experiments: `low-loss:keep=0.6,warm-up=2+cap`.

use super::{Cap, GroupCap, LowLoss, Select};
use crate::named::{Call, NameError, Named};
use std::{ops::Bound, sync::Arc};

/// The rules that have names.
pub const NAMES: [Named; 2] = [
    Named::new(
        "cap:share=1.25,count=NUMBER",
        "bounds the rows of each contributor, by a multiple of the median contributor's or by a number",
    ),
    Named::new(
        "low-loss:keep=0.9,warm-up=2",
        "keeps this share of the rows of each class, those of lowest loss, less and less over so many epochs",
    ),
];

/// The rules that a text names, one after another. Caps act first, wherever they stand, because behind a choice by loss they come
/// too late.
///
/// ```
/// use bitneuron_learning::select::named;
/// assert!(named("low-loss:keep=0.6,warm-up=2+cap").is_ok());
/// assert!(named("low-loss,cap").is_ok());
/// assert!(named("best").is_err());
/// ```
///
/// # Errors
/// A name or a setting that does not exist, or a value out of range.
pub fn named(text: &str) -> Result<Arc<dyn Select>, NameError> {
    let mut parts = Call::parts(text)?;
    parts.sort_by_key(|part| part.name() != "cap");
    let rules = parts.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(rules))
}

fn rule(part: &Call<'_>) -> Result<Arc<dyn Select>, NameError> {
    let named = part.find("selection", &NAMES)?;
    if named.name() == "low-loss" {
        let LowLoss { keep, warm_up } = LowLoss::default();
        let keep = part.get("keep", keep, (Bound::Excluded(0.0), Bound::Included(1.0)))?;
        return Ok(Arc::new(LowLoss { keep, warm_up: part.get("warm-up", warm_up, ..)? }));
    }
    let cap = match (part.text("share"), part.text("count")) {
        (Some(_), Some(_)) => return Err(NameError::Together("share".into(), "count".into())),
        (None, None) => GroupCap::default().cap,
        (Some(_), None) => Cap::Share(part.get("share", 1.0, 1.0..1e6)?),
        (None, Some(_)) => Cap::Count(part.get("count", 1, 1..)?),
    };
    Ok(Arc::new(GroupCap { cap, ..GroupCap::default() }))
}
