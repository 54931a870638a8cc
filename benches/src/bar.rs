//! Bars: what each figure must reach, as the files in `bars/` say it.
//!
//! A row is `{"name", "unit", "bar", "aim", "what"}`; bar and aim are texts such as `"<= 0.09"` or `">= 1e5"`.

use serde_json::Value;
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Why a file of bars cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BarError {
    /// No JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Something that every file has is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Neither `<= number` nor `>= number`.
    #[error("no bar: {0:?}")]
    Bar(String),
}

/// What a value must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bar {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Bar {
    /// Whether a value reaches it; what is not a number never does.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bar) => value <= bar,
            Self::AtLeast(bar) => value >= bar,
        }
    }
}

impl FromStr for Bar {
    type Err = BarError;

    fn from_str(text: &str) -> Result<Self, BarError> {
        let refuse = || BarError::Bar(text.to_owned());
        let (sign, number) = text.trim().split_at_checked(2).ok_or_else(refuse)?;
        let number: f64 = number.trim().parse().map_err(|_| refuse())?;
        match sign {
            "<=" if number.is_finite() => Ok(Self::AtMost(number)),
            ">=" if number.is_finite() => Ok(Self::AtLeast(number)),
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bar) => write!(f, "<= {bar}"),
            Self::AtLeast(bar) => write!(f, ">= {bar}"),
        }
    }
}

/// One row of a file of bars.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The figure's name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// What it must reach.
    pub bar: Bar,
    /// What is hoped for.
    pub aim: Option<Bar>,
    /// How it is taken.
    pub what: String,
}

/// Reads the rows of a file.
///
/// # Errors
/// No JSON, a missing field, or a bar that cannot be read.
pub fn rows(json: &str) -> Result<Vec<Row>, BarError> {
    let file: Value = serde_json::from_str(json)?;
    let rows = file.get("rows").and_then(Value::as_array).ok_or(BarError::Missing("rows"))?;
    rows.iter().map(row).collect()
}

fn row(value: &Value) -> Result<Row, BarError> {
    let text = |field: &'static str| {
        value.get(field).and_then(Value::as_str).map(str::to_owned).ok_or(BarError::Missing(field))
    };
    let aim = Some(text("aim")?).filter(|aim| !aim.is_empty());
    Ok(Row {
        name: text("name")?,
        unit: text("unit")?,
        bar: text("bar")?.parse()?,
        aim: aim.map(|aim| aim.parse()).transpose()?,
        what: text("what")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_read_and_held() {
        let most: Bar = "<= 0.09".parse().unwrap();
        assert!(most.holds(0.09) && !most.holds(0.0901) && !most.holds(f64::NAN));
        let least: Bar = ">= 1e5".parse().unwrap();
        assert!(least.holds(100_000.0) && !least.holds(99_999.0) && !least.holds(f64::NAN));
        for text in ["", "<", "== 3", "< 3", ">= ", ">= many", ">= inf", "≥ 3"] {
            assert!(text.parse::<Bar>().is_err(), "{text}");
        }
        assert_eq!(least.to_string(), ">= 100000");
    }

    #[test]
    fn a_row_without_a_field_is_refused() {
        let whole = r#"{"rows": [{"name": "n", "unit": "s", "bar": "<= 1", "aim": "", "what": "w"}]}"#;
        assert_eq!(rows(whole).unwrap()[0].aim, None);
        for field in ["name", "unit", "bar", "aim", "what", "rows"] {
            assert!(rows(&whole.replace(field, "other")).is_err(), "{field}");
        }
    }
}
