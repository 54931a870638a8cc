//! The page: ranking, matrices, accuracy over rounds with confidence bands, accuracy against bytes.

use super::{
    super::{Cell, Results},
    Line, Matrix, Plot, Scale, bytes,
    plot::{escaped, style},
    table::time,
};
use std::fmt::Write as _;

const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1d252d;--soft:#5b6670;--rule:#e3e7eb;--bad:#c24a00;--blue:#0068a8}\
@media(prefers-color-scheme:dark){:root{--paper:#151a20;--ink:#e2e7ec;--soft:#97a3b0;--rule:#2e3640;--bad:#ff8c4f;--blue:#5cb3ec}}\
body{background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;max-width:1180px;margin:3rem auto;padding:0 1.5rem}\
h1{font-size:2rem;margin:0 0 .3rem;letter-spacing:-.02em}h2{font-size:1.2rem;margin:2.8rem 0 .6rem}h3{font-size:1rem;margin:0 0 .2rem;font-weight:600}\
p{max-width:46rem;color:var(--soft);margin:.3rem 0}.wide{overflow-x:auto}\
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}th,td{padding:.34rem .7rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}\
th{font-weight:500;color:var(--soft);vertical-align:bottom}td:first-child,th:first-child,.left{text-align:left}\
td.cell{background:color-mix(in srgb,var(--bad) calc(var(--lost)*75%),transparent);min-width:3.2rem;text-align:center}td small{color:var(--soft);display:block;font-size:.72rem}\
.bar{display:inline-block;width:9rem;height:.6rem;background:var(--rule);border-radius:.3rem;overflow:hidden;vertical-align:middle}.bar i{display:block;height:100%;background:var(--blue)}\
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(30rem,1fr));gap:1.8rem}svg{width:100%;height:auto}\
details{margin-top:1rem}summary{cursor:pointer;color:var(--soft)}code{font-size:.92em}footer{margin-top:4rem;color:var(--soft);font-size:.85rem}";

/// Plots over rounds that are shown at once; the rest is folded away.
const SHOWN: usize = 6;
/// Lines in one plot.
const LINES: usize = 18;

/// Everything as one page that needs nothing but itself.
pub(crate) fn html(results: &Results) -> String {
    let name = escaped(&results.name);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{name}</title><style>{STYLE}{}</style><h1>{name}</h1>",
        style()
    );
    for paragraph in results.about.trim().split("\n\n").filter(|text| !text.is_empty()) {
        let _ = write!(page, "<p>{}</p>", escaped(paragraph));
    }
    page.push_str(&ranking(results));
    results.matrices().iter().for_each(|matrix| page.push_str(&heat(results, matrix)));
    page.push_str(&over_rounds(results));
    page.push_str(&against_bytes(results));
    page.push_str(&settings(results));
    page + "<footer>Made by the lab of BitNeuron. The same experiment gives the same figures, times aside.</footer></html>\n"
}

fn ranking(results: &Results) -> String {
    let subject = escaped(results.subject());
    let mut text = format!(
        "<h2>Ranking</h2><p>By the worst accuracy that each <code>{subject}</code> has in any cell; the mean over seeds counts.</p>\
         <div class=\"wide\"><table><tr><th>{subject}<th><th>worst<th class=\"left\">where<th>mean<th>clean<th>sent<th>cost</tr>"
    );
    for rank in results.ranking() {
        let clean = rank.clean.map_or_else(String::new, |clean| format!("{:.1} %", 100.0 * clean));
        let _ = write!(
            text,
            "<tr><td><code>{}</code><td><span class=\"bar\"><i style=\"width:{:.1}%\"></i></span><td>{:.1} %<td class=\"left\">{}\
             <td>{:.1} %<td>{clean}<td>{}<td>{}</tr>",
            escaped(&rank.value),
            100.0 * rank.worst,
            100.0 * rank.worst,
            escaped(&rank.at),
            100.0 * rank.mean,
            bytes(rank.bytes),
            time(rank.took)
        );
    }
    text + "</table></div>"
}

/// Rules by attacks; what is lost against the best cell is shaded.
fn heat(results: &Results, matrix: &Matrix<'_>) -> String {
    let title = if matrix.title.is_empty() { "Rules and attacks" } else { &matrix.title };
    let mut text = format!(
        "<h2>{}</h2><p>Accuracy in percent, below it what a run sends{}. The darker, the more is lost.</p><div class=\"wide\"><table><tr><th>merge",
        escaped(title),
        if results.runs.iter().any(|run| run.took.is_some()) { " and costs" } else { "" }
    );
    matrix.columns.iter().for_each(|column| {
        let _ = write!(text, "<th>{}", escaped(column));
    });
    let all = || matrix.rows.iter().flat_map(|(_, cells)| cells.iter().flatten());
    let best = all().map(|cell| cell.accuracy().mean).fold(0.0, f64::max);
    for (rule, cells) in &matrix.rows {
        let _ = write!(text, "</tr><tr><td><code>{}</code>", escaped(rule));
        cells.iter().for_each(|cell| text.push_str(&heat_cell(cell.as_ref(), best)));
    }
    text + "</tr></table></div>"
}

fn heat_cell(cell: Option<&Cell<'_>>, best: f64) -> String {
    let Some(cell) = cell else { return "<td>".into() };
    if let Some(why) = cell.refused() {
        return format!("<td class=\"cell\" style=\"--lost:0\" title=\"{}\">–", escaped(why));
    }
    let estimate = cell.accuracy();
    let lost = ((best - estimate.mean) / best.max(0.01)).clamp(0.0, 1.0);
    let sent = cell.estimate(|course| course.bytes() as f64).mean;
    let obeyed = cell.estimate(|course| course.triggered.unwrap_or(0.0)).mean;
    let backdoor =
        if obeyed > 0.0 { format!("; the trigger works in {:.1} %", 100.0 * obeyed) } else { String::new() };
    format!(
        "<td class=\"cell\" style=\"--lost:{lost:.3}\" title=\"± {:.1}; liars' share of merges {:.1} %{backdoor}\">{:.1}<small>{}</small>",
        100.0 * estimate.half,
        100.0 * cell.estimate(|course| course.influence).mean,
        100.0 * estimate.mean,
        [bytes(sent), time(cell.took())].join(" ").trim()
    )
}

/// One plot for each combination of what is not the subject, a line for each value of the subject.
fn over_rounds(results: &Results) -> String {
    let subject = results.subject();
    let mut facets: Vec<(String, Vec<Line>)> = Vec::new();
    for cell in results.cells() {
        let title = results.label(&cell, &[subject]);
        let points = cell.curve(|point| point.round as f64);
        let points = points.into_iter().map(|(round, at)| (round, at.mean, at.half)).collect();
        let line = Line { name: cell.get(subject).to_owned(), points, marked: false };
        match facets.iter_mut().find(|(known, _)| *known == title) {
            Some((_, lines)) => lines.push(line),
            None => facets.push((title, vec![line])),
        }
    }
    let draw = |(title, lines): &(String, Vec<Line>)| {
        let lines = lines.iter().take(LINES).cloned().collect();
        let tick = |value: f64| format!("{value:.0}");
        let plot = Plot { lines, across: "round", scale: Scale::Linear, tick, up: "accuracy" };
        format!("<figure style=\"margin:0\"><h3>{}</h3>{}</figure>", escaped(title), plot.draw(false))
    };
    let (shown, folded) = facets.split_at(facets.len().min(SHOWN));
    let mut text = format!(
        "<h2>Accuracy over rounds</h2><p>Means of the honest nodes; bands are 95 % confidence over seeds.</p><div class=\"plots\">{}</div>",
        shown.iter().map(draw).collect::<String>()
    );
    if !folded.is_empty() {
        let _ = write!(
            text,
            "<details><summary>{} more</summary><div class=\"plots\">{}</div></details>",
            folded.len(),
            folded.iter().map(draw).collect::<String>()
        );
    }
    text
}

/// What accuracy costs in bytes: a line for each value of the subject where nobody attacks, or of everything if that is not much.
fn against_bytes(results: &Results) -> String {
    let cells = results.cells();
    let peaceful: Vec<&Cell<'_>> = cells.iter().filter(|cell| cell.get("attack") == "none").collect();
    let chosen: Vec<&Cell<'_>> = if peaceful.is_empty() { cells.iter().collect() } else { peaceful };
    let lines: Vec<Line> = chosen
        .into_iter()
        .take(LINES)
        .map(|cell| {
            let points = cell.curve(|point| point.bytes as f64);
            let points = points.into_iter().map(|(sent, at)| (sent, at.mean, at.half)).collect();
            Line { name: results.label(cell, &["attack", "liars"]), points, marked: false }
        })
        .collect();
    let plot = Plot {
        lines,
        across: "bytes sent by all nodes",
        scale: Scale::Logarithmic,
        tick: bytes,
        up: "accuracy",
    };
    format!(
        "<h2>Accuracy against bytes</h2><p>Every byte that was sent, lost messages included.</p><div style=\"max-width:52rem\">{}</div>",
        plot.draw(false)
    )
}

/// What every run had in common.
fn settings(results: &Results) -> String {
    let Some(first) = results.runs.first() else { return String::new() };
    let mut text = String::from("<h2>Settings</h2><div class=\"wide\"><table>");
    for key in super::super::KEYS {
        let values = results.values(key.name);
        let shown = if values.is_empty() { first.get(key.name).to_owned() } else { values.join(", ") };
        let _ = write!(
            text,
            "<tr><td><code>{}</code><td class=\"left\" style=\"white-space:normal\">{}<td class=\"left\" style=\"color:var(--soft)\">{}</tr>",
            key.name,
            escaped(&shown),
            escaped(key.about)
        );
    }
    text + "</table></div>"
}
