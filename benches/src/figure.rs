//! Figures: what was measured, joined with the bars, as a table and as JSON.

use crate::{
    area::Area,
    bar::{self, Row},
    machine,
    reading::Reading,
};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// What was measured.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// What it must reach; nothing for an extra figure.
    pub row: Option<Row>,
    /// A remark.
    pub note: String,
}

impl Figure {
    /// Whether the bar is reached. A row without a value never does; an extra figure has nothing to reach.
    pub fn holds(&self) -> bool {
        match (&self.row, self.value) {
            (None, _) => true,
            (Some(row), Some(value)) => row.bar.holds(value),
            (Some(_), None) => false,
        }
    }

    fn bar(&self) -> String {
        self.row.as_ref().map(|row| row.bar.to_string()).unwrap_or_default()
    }
}

/// All figures of an area.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// The area.
    pub area: Area,
    /// Every row of its bars in their order, then the extra figures.
    pub figures: Vec<Figure>,
}

impl Sheet {
    /// Joins the bars of an area with what was measured. Every row gets an entry, measured or not.
    ///
    /// # Errors
    /// The file of bars cannot be read.
    pub fn new(area: Area, readings: &[Reading]) -> Result<Self, bar::BarError> {
        let rows = bar::rows(area.bars())?;
        let mut figures: Vec<Figure> = rows
            .iter()
            .map(|row| {
                let reading = readings.iter().find(|reading| reading.name == row.name);
                Figure {
                    name: row.name.clone(),
                    value: reading.and_then(|reading| reading.value),
                    unit: row.unit.clone(),
                    row: Some(row.clone()),
                    note: reading.map_or("not measured yet", |reading| &reading.note).to_owned(),
                }
            })
            .collect();
        let extra = readings.iter().filter(|reading| rows.iter().all(|row| row.name != reading.name));
        figures.extend(extra.map(|reading| Figure {
            name: reading.name.to_owned(),
            value: reading.value,
            unit: reading.unit.to_owned(),
            row: None,
            note: reading.note.clone(),
        }));
        Ok(Self { area, figures })
    }

    /// The sheet for programs: `{"area", "machine", "figures": [{"name", "value", "unit", "bar", "holds", "note"}]}`. The value
    /// of what was not measured is null, and so is the bar of an extra figure; there is a note where there is something to say.
    pub fn json(&self) -> Value {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                let mut told = json!({
                    "name": figure.name,
                    "value": figure.value,
                    "unit": figure.unit,
                    "bar": figure.row.as_ref().map(|row| row.bar.to_string()),
                    "holds": figure.holds(),
                });
                if !figure.note.is_empty() {
                    told["note"] = figure.note.as_str().into();
                }
                told
            })
            .collect();
        json!({ "area": self.area.to_string(), "machine": machine::description(), "figures": figures })
    }

    /// The sheet for people: aligned columns, remarks below.
    pub fn table(&self) -> String {
        let mut lines = vec![["name", "value", "unit", "bar", "aim", "holds"].map(str::to_owned)];
        for figure in &self.figures {
            let aim = figure.row.as_ref().and_then(|row| row.aim).map(|aim| aim.to_string());
            let holds = if figure.row.is_none() {
                ""
            } else if figure.holds() {
                "yes"
            } else {
                "no"
            };
            lines.push([
                figure.name.clone(),
                figure.value.map_or("-".to_owned(), number),
                figure.unit.clone(),
                figure.bar(),
                aim.unwrap_or_default(),
                holds.to_owned(),
            ]);
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        let mut text = format!("{} on {}\n", self.area, machine::description());
        for line in &lines {
            let cells: Vec<String> = line
                .iter()
                .zip(widths)
                .enumerate()
                // Values stand right, words left.
                .map(
                    |(at, (cell, width))| {
                        if at == 1 { format!("{cell:>width$}") } else { format!("{cell:width$}") }
                    },
                )
                .collect();
            let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        }
        for figure in self.figures.iter().filter(|figure| !figure.note.is_empty()) {
            let _ = writeln!(text, "  {}: {}", figure.name, figure.note);
        }
        text
    }
}

/// Four significant digits, whole numbers where there are more.
fn number(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let decimals = (3 - digits).clamp(0, 9) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn every_row_of_every_area_gets_an_entry_measured_or_not() {
        for area in Area::value_variants() {
            let rows = bar::rows(area.bars()).unwrap();
            assert!(!rows.is_empty());
            let sheet = Sheet::new(*area, &[]).unwrap();
            let names: Vec<&str> = sheet.figures.iter().map(|figure| figure.name.as_str()).collect();
            assert_eq!(names, rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>());
            assert!(sheet.figures.iter().all(|figure| !figure.holds()));
            let json = sheet.json();
            let figures = json["figures"].as_array().unwrap();
            assert_eq!(figures.len(), rows.len());
            for figure in figures {
                assert!(figure["value"].is_null());
                assert_eq!(figure["holds"], false);
            }
            rows.iter().for_each(|row| assert!(sheet.table().contains(&row.name)));
        }
    }

    #[test]
    fn values_meet_their_bars_and_extra_figures_come_last() {
        let readings = [
            Reading::extra("something_else", "s", 3.0),
            Reading::row("ed25519_batch_verify", 29.0),
            Reading::row("exact_sgd_step_64_32_10_b32", 401.0),
            Reading::missing("codec_decode_throughput", "broken"),
        ];
        let json = Sheet::new(Area::Core, &readings).unwrap().json();
        let figure = |name: &str| {
            let figures = json["figures"].as_array().unwrap();
            figures.iter().find(|figure| figure["name"] == name).unwrap().clone()
        };
        assert_eq!(
            figure("ed25519_batch_verify"),
            json!({"name": "ed25519_batch_verify", "value": 29.0, "unit": "us/signature", "bar": "<= 30", "holds": true})
        );
        assert_eq!(figure("exact_sgd_step_64_32_10_b32")["holds"], false);
        assert_eq!(figure("codec_decode_throughput")["value"], Value::Null);
        assert_eq!(figure("codec_decode_throughput")["note"], "broken");
        assert_eq!(json["figures"].as_array().unwrap().last().unwrap()["name"], "something_else");
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 0.000_123_456, 0.9765, 12.3456, 1234.56, 5_123_456.0].map(number);
        assert_eq!(texts, ["0.000", "0.0001235", "0.9765", "12.35", "1235", "5123456"]);
    }
}
