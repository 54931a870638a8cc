//! Tables in Markdown, and what the clock says as CSV.

use super::{
    super::{Cell, Rank, Results},
    Matrix, bytes,
};
use std::{fmt::Write as _, time::Duration};

/// An accuracy in percent with its confidence, or why there is none.
pub(super) fn accuracy(cell: &Cell<'_>) -> String {
    if cell.refused().is_some() {
        return "refused".into();
    }
    let estimate = cell.accuracy();
    let spread =
        if cell.runs.len() > 1 { format!(" ± {:.1}", 100.0 * estimate.half) } else { String::new() };
    format!("{:.1}{spread}", 100.0 * estimate.mean)
}

/// A time in words of its size.
pub(super) fn time(took: Option<Duration>) -> String {
    took.map_or_else(String::new, |took| match took.as_secs_f64() {
        short if short < 1.0 => format!("{:.0} ms", 1e3 * short),
        long => format!("{long:.1} s"),
    })
}

/// Everything as Markdown.
pub(crate) fn markdown(results: &Results) -> String {
    let mut text = format!("# {}\n", results.name);
    if !results.about.is_empty() {
        let _ = write!(text, "\n{}\n", results.about.trim());
    }
    let _ = write!(text, "\n## Ranking by `{}`\n\n{}", results.subject(), ranking(results));
    let matrices = results.matrices();
    for matrix in &matrices {
        text.push_str(&crossed(matrix));
    }
    if matrices.is_empty() {
        let _ = write!(text, "\n## Cells\n\n{}", cells(results));
    }
    text
}

/// The ranking.
pub(super) fn ranking(results: &Results) -> String {
    let subject = results.subject();
    let mut text = format!(
        "| | {subject} | worst | where | mean | clean | bytes | cost |\n|---|---|---|---|---|---|---|---|\n"
    );
    for (place, rank) in (1..).zip(results.ranking()) {
        let Rank { value, worst, at, mean, clean, bytes: sent, took } = rank;
        let clean = clean.map_or_else(String::new, |clean| format!("{:.1}", 100.0 * clean));
        let _ = writeln!(
            text,
            "| {place} | `{value}` | {:.1} | {} | {:.1} | {clean} | {} | {} |",
            100.0 * worst,
            at.replace('|', "/"),
            100.0 * mean,
            bytes(sent),
            time(took)
        );
    }
    text
}

fn crossed(matrix: &Matrix<'_>) -> String {
    let title = if matrix.title.is_empty() { "Accuracy" } else { &matrix.title };
    let mut text = format!("\n## {title}\n\n| merge |");
    matrix.columns.iter().for_each(|column| {
        let _ = write!(text, " {column} |");
    });
    text.push_str(" bytes | cost |\n|---|");
    text.push_str(&"---|".repeat(matrix.columns.len() + 2));
    text.push('\n');
    for (rule, cells) in &matrix.rows {
        let _ = write!(text, "| `{rule}` |");
        for cell in cells {
            let _ = write!(text, " {} |", cell.as_ref().map_or_else(String::new, accuracy));
        }
        let there: Vec<&Cell<'_>> = cells.iter().flatten().collect();
        let sent = there.iter().map(|cell| cell.estimate(|course| course.bytes() as f64).mean).sum::<f64>();
        let times: Option<Vec<Duration>> = there.iter().map(|cell| cell.took()).collect();
        let count = there.len().max(1);
        let took = times.map(|times| times.iter().sum::<Duration>() / count as u32);
        let _ = writeln!(text, " {} | {} |", bytes(sent / count as f64), time(took));
    }
    text
}

/// Every cell on a line of its own; how many times fewer bytes than the first one sends.
pub(crate) fn cells(results: &Results) -> String {
    let sent = |cell: &Cell<'_>| cell.estimate(|course| course.bytes() as f64).mean;
    let cells = results.cells();
    let first = cells.first().map_or(0.0, sent);
    let mut text = format!("| {} | accuracy | bytes | fewer | cost |\n", results.swept.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(results.swept.len() + 4));
    for cell in &cells {
        let values: Vec<String> = results.swept.iter().map(|key| cell.get(key).replace('|', "/")).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.1}× | {} |",
            values.join(" | "),
            accuracy(cell),
            bytes(sent(cell)),
            first / sent(cell).max(1.0),
            time(cell.took())
        );
    }
    text
}

/// The computing time of each run that was measured.
pub(crate) fn timing(results: &Results) -> String {
    let mut text = String::from("run,seed,seconds\n");
    for (place, run) in (1..).zip(&results.runs) {
        if let Some(took) = run.took {
            let _ = writeln!(text, "{place},{},{:.6}", run.seed, took.as_secs_f64());
        }
    }
    text
}
