//! Selection rules by name, for command lines and experiments: `cap,low-loss:keep=0.6,warm-up=2`.

use super::{Cap, GroupCap, LowLoss, Select};
use std::sync::Arc;
use thiserror::Error;

/// What [`named`] knows, with a line of help each.
pub const NAMES: [(&str, &str); 2] = [
    (
        "cap:share=1.25",
        "bounds the rows of each contributor, by a multiple of the median contributor's or by count=N",
    ),
    (
        "low-loss:keep=0.9,warm-up=2",
        "keeps this share of the rows of each class, those of lowest loss, less and less over so many epochs",
    ),
];

/// Text that names no rules.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no selection; there are cap:share=X, cap:count=N and low-loss:keep=X,warm-up=N")]
pub struct UnknownSelector(pub String);

/// A rule and its options.
type Part<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// Reads rules with commas between them; an option belongs to the rule before it. Caps act first, wherever they stand,
/// because behind a choice by loss they come too late.
///
/// ```
/// use bitneuron_learning::select::named;
/// assert!(named("low-loss:keep=0.6,warm-up=2,cap").is_ok());
/// assert!(named("best").is_err());
/// ```
///
/// # Errors
/// Text that names none.
pub fn named(text: &str) -> Result<Arc<dyn Select>, UnknownSelector> {
    let unknown = || UnknownSelector(text.to_owned());
    let mut parts: Vec<Part<'_>> = Vec::new();
    for word in text.split(',').map(str::trim) {
        let (name, option) = match word.split_once(':') {
            Some((name, option)) => (Some(name), Some(option)),
            None if word.contains('=') => (None, Some(word)),
            None => (Some(word), None),
        };
        parts.extend(name.map(|name| (name, Vec::new())));
        if let Some(option) = option {
            let pair = option.split_once('=').ok_or_else(unknown)?;
            parts.last_mut().ok_or_else(unknown)?.1.push(pair);
        }
    }
    parts.sort_by_key(|(name, _)| *name != "cap");
    let rules = parts.iter().map(|part| rule(part)).collect::<Option<Vec<_>>>().ok_or_else(unknown)?;
    Ok(Arc::new(rules))
}

fn rule((name, options): &Part<'_>) -> Option<Arc<dyn Select>> {
    match *name {
        "cap" => {
            let mut rule = GroupCap::default();
            for (key, value) in options {
                rule.cap = match *key {
                    "share" => Cap::Share(value.parse().ok().filter(|share| (1.0..1e6).contains(share))?),
                    "count" => Cap::Count(value.parse().ok().filter(|count| *count > 0)?),
                    _ => return None,
                };
            }
            Some(Arc::new(rule))
        }
        "low-loss" => {
            let mut rule = LowLoss::default();
            for (key, value) in options {
                match *key {
                    "keep" => {
                        rule.keep = value.parse().ok().filter(|keep| *keep > 0.0 && *keep <= 1.0)?;
                    }
                    "warm-up" => rule.warm_up = value.parse().ok()?,
                    _ => return None,
                }
            }
            Some(Arc::new(rule))
        }
        _ => None,
    }
}
