//! What a measurement gives.

/// A measured value, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The name of a row of the bars, or of an extra figure.
    pub name: &'static str,
    /// The unit of an extra figure; a row brings its own.
    pub unit: &'static str,
    /// The value.
    pub value: Option<f64>,
    /// How it was taken where that is not plain, or why it was not.
    pub note: String,
}

impl Reading {
    /// A value for a row of the bars.
    pub fn row(name: &'static str, value: f64) -> Self {
        Self { name, unit: "", value: Some(value), note: String::new() }
    }

    /// A figure that no bar is set for.
    pub fn extra(name: &'static str, unit: &'static str, value: f64) -> Self {
        Self { name, unit, value: Some(value), note: String::new() }
    }

    /// A row that cannot be measured, and why.
    pub fn missing(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, unit: "", value: None, note: why.into() }
    }

    /// The same with a note.
    #[must_use]
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}
