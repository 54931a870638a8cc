//! All matrices of a result as one drawing: a field for each rule and attack, with the worst accuracy of all that was swept besides. The more a
//! field has lost to the best rule without an attack, the darker it is.

use super::{
    super::Results,
    plot::{escaped, style},
};
use std::fmt::Write as _;

const LEFT: f64 = 190.0;
const TOP: f64 = 96.0;
const WIDE: f64 = 46.0;
const HIGH: f64 = 24.0;
/// What is lost where a field is darkest.
const DARKEST: f64 = 0.5;
/// From here on numbers are white.
const DARK: f64 = 0.6;

/// The drawing; empty where there is no matrix.
pub(crate) fn heat(results: &Results) -> String {
    let matrices = results.matrices();
    let Some(first) = matrices.first() else { return String::new() };
    let worst = |row: usize, column: usize| {
        let cells = matrices.iter().filter_map(|matrix| matrix.rows.get(row)?.1.get(column)?.as_ref());
        cells.map(|cell| cell.accuracy().mean).reduce(f64::min)
    };
    let clean = first.columns.iter().position(|attack| *attack == "none");
    let best =
        clean.and_then(|column| (0..first.rows.len()).filter_map(|row| worst(row, column)).reduce(f64::max));
    let (columns, rows) = (first.columns.len() as f64, first.rows.len() as f64);
    let (width, height) = (LEFT + WIDE * columns + 60.0, TOP + HIGH * rows + 8.0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"worst accuracy by rule and attack\"><style>{}.dark{{fill:#fff!important}}</style>",
        style()
    );
    for (column, attack) in first.columns.iter().enumerate() {
        let x = LEFT + WIDE * (column as f64 + 0.5);
        let at = TOP - 8.0;
        let _ = write!(
            text,
            "<text x=\"{x}\" y=\"{at}\" transform=\"rotate(-40 {x} {at})\">{}</text>",
            escaped(attack)
        );
    }
    for (row, (rule, _)) in first.rows.iter().enumerate() {
        let y = TOP + HIGH * row as f64;
        let low = y + 0.68 * HIGH;
        let right = LEFT - 10.0;
        let _ = write!(text, "<text x=\"{right}\" y=\"{low}\" text-anchor=\"end\">{}</text>", escaped(rule));
        for column in 0..first.columns.len() {
            let Some(found) = worst(row, column) else { continue };
            let x = LEFT + WIDE * column as f64;
            let lost = ((best.unwrap_or(1.0) - found) / DARKEST).clamp(0.0, 1.0);
            let dark = if lost > DARK { " class=\"dark\"" } else { "" };
            let middle = x + 0.5 * WIDE;
            let _ = write!(
                text,
                "<rect class=\"f1\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill-opacity=\"{lost:.2}\"/>\
                 <text{dark} x=\"{middle}\" y=\"{low}\" text-anchor=\"middle\">{:.0}</text>",
                WIDE - 2.0,
                HIGH - 2.0,
                100.0 * found
            );
        }
    }
    text + "</svg>\n"
}
