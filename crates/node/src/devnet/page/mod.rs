//! The report as one HTML page: no script, no font, no picture from elsewhere; light and dark; wide and narrow.
//!
//! Top down: what was played → the few figures that matter → plots with captions → who was paid for learning → who
//! misbehaved → validators → balances. The same report gives the same page, byte for byte.

mod caption;
mod html;
mod tables;

use super::number::{bytes, count, counted, millis, percent, ratio, tokens};
use super::plot::{self, Plot, PlotError};
use crate::chart::palette;
use bitneuron_sim::report::{Report, SettingReport};
use html::Markup;

const STYLE: &str = include_str!("style.css");

/// The page of a report.
///
/// # Errors
/// When a plot cannot be drawn.
pub fn page(report: &Report) -> Result<String, PlotError> {
    let plots = plot::all(report)?;
    let mut body = opening(report);
    body += figures(report);
    body += Markup::element("section", "plots", &plots.iter().map(|plot| figure(plot, report)).collect());
    body += contests(report);
    body += misbehaviour(report);
    body += healing(report);
    body += section(
        "Validators",
        "Amounts in tokens; accuracy on rows that no node sees. Who was expelled takes no turns: its model stands still and \
         is left out of the mean and the worst.",
        tables::validators(report),
    );
    body += section("Balances", "In tokens, stakes and escrow included.", tables::balances(report));
    body += closing(report);
    Ok(document(&body))
}

fn document(body: &Markup) -> String {
    let dark = palette::dark_rules();
    let style = format!("<style>\n{STYLE}@media (prefers-color-scheme:dark){{{dark}}}\n</style>");
    let main = Markup::element("main", "", body).into_string();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>BitNeuron: report of a rehearsed network</title>\n{style}\n</head>\n<body>\n{main}\n</body>\n</html>\n"
    )
}

fn opening(report: &Report) -> Markup {
    let SettingReport {
        validators,
        users,
        partition,
        label_entropy,
        model,
        net,
        parameters,
        whole_parameters,
        compressor,
        merge,
        adversaries,
        attack,
        select,
        prover,
        escalate,
        without,
    } = &report.setting;
    let title = format!(
        "{} and {} learned together for {}",
        counted((*validators).into(), "validator"),
        counted((*users).into(), "user"),
        counted(report.rounds, "round"),
    );
    let whole = if whole_parameters > parameters {
        format!(" for {}", count(*whole_parameters))
    } else {
        String::new()
    };
    let facts = [
        ("seed", report.seed.to_string()),
        ("rows", format!("{partition}, {label_entropy:.2} bits of label entropy")),
        ("model", format!("{model}: {net}, {} parameters{whole}", count(*parameters))),
        ("compressor", compressor.clone()),
        ("merged by", merge.clone()),
        ("adversaries", adversaries.clone()),
        ("turns proved by", prover.clone()),
    ];
    let escalate = escalate.iter().map(|system| ("audits answered by", system.clone()));
    let without = without.iter().map(|defence| ("left out", defence.clone()));
    let attack = attack.iter().map(|attack| ("attack", attack.clone()));
    let select = select.iter().map(|choice| ("rows learned from", choice.clone()));
    let some = attack.chain(select).chain(escalate).chain(without);
    let facts = facts.into_iter().chain(some).map(|(name, value)| {
        let mut fact = Markup::words("dt", "", name);
        fact += Markup::words("dd", "", &value);
        Markup::element("div", "", &fact)
    });
    let mut header = Markup::words("p", "kind", "BitNeuron · a network rehearsed in virtual time");
    header += Markup::words("h1", "", &title);
    header += Markup::element("dl", "facts", &facts.collect());
    Markup::element("header", "", &header)
}

/// The few figures that matter.
fn figures(report: &Report) -> Markup {
    let (accuracy, traffic, blocks) = (&report.accuracy, &report.bytes, &report.blocks);
    let supply = if report.supply.expected == report.supply.actual { "exact" } else { "WRONG" };
    let [mean, worst] = [accuracy.validators_mean, accuracy.validators_worst].map(percent);
    let [sent, dense] = [traffic.sent, traffic.dense_equivalent].map(bytes);
    let fewer = ratio(traffic.dense_equivalent, traffic.sent);
    let certified = format!("{} of {} certified", count(blocks.certified), counted(blocks.height, "block"));
    let tiles = [
        (mean, "accuracy", format!("the worst {worst}")),
        (fewer, "fewer bytes", format!("{sent} for {dense}")),
        (millis(report.finality_ms.p50), "to finality", certified),
        (count(report.deals.settled), "deals paid", format!("{} refunded", count(report.deals.refunded))),
        (
            count(report.proofs.refuted),
            "claims refuted",
            format!("{} accepted", count(report.proofs.accepted)),
        ),
        (supply.into(), "supply", format!("{} slashed", tokens(report.slashed))),
    ];
    let tiles = tiles.map(|(figure, name, detail)| {
        let mut tile = Markup::words("strong", "", &figure);
        tile += Markup::words("span", "name", name);
        tile += Markup::words("span", "detail", &detail);
        Markup::element("div", "", &tile)
    });
    Markup::element("section", "figures", &tiles.into_iter().collect())
}

fn figure(plot: &Plot, report: &Report) -> Markup {
    let mut inner = Markup::words("h2", "", plot.title);
    inner += Markup::element("div", "wide", &Markup::own(&plot.svg));
    inner += Markup::words("figcaption", "", &caption::caption(plot.name, report));
    let figure = Markup::element("figure", "", &inner).into_string();
    Markup::own(figure.replacen("<figure>", &format!("<figure id=\"{}\">", plot.name), 1))
}

fn contests(report: &Report) -> Markup {
    let text = "Validators are paid for how much better their models are on rows that users kept to themselves until the \
                candidates were known. Stake times improvement counts; who copies is paid next to nothing.";
    section("Who was paid for learning", text, tables::contests(report))
}

fn misbehaviour(report: &Report) -> Markup {
    let title = "Who misbehaved, and what it cost";
    if report.adversaries.is_empty() {
        return section(title, "Nobody: all nodes of this network were honest.", Markup::default());
    }
    let caught: u64 = report.adversaries.iter().map(|node| node.caught).sum();
    let text = format!(
        "{} misbehaved and were caught {}. Bonds and stakes paid {} for it. \
         A model that is truthfully scored but harmful cannot be refuted; merging has to withstand it: of {} put into merges, {} \
         had no part in what came out.{}",
        counted(report.adversaries.len() as u64, "node"),
        counted(caught, "time"),
        tokens(report.slashed),
        counted(report.merges.inputs, "model"),
        count(report.merges.dropped),
        assault(report),
    );
    section(title, &text, tables::adversaries(report))
}

/// A sentence on users that attack what is learned, where there are any.
fn assault(report: &Report) -> String {
    let Some(assault) = &report.assault else { return String::new() };
    let (inputs, dropped) = (counted(assault.inputs, "model"), count(assault.dropped));
    format!(
        " {} attacked what is learned: of {inputs} of theirs, {dropped} had no part.",
        counted(assault.users.into(), "user")
    )
}

fn healing(report: &Report) -> Markup {
    if report.healing.is_none() {
        return Markup::default();
    }
    let text = "Blocks that know what clean rows look like stand before a head as it is served, and move back what lies beside \
                them. They hold no weights: the model's commitment stays what the chain says. The adversary knows the model and not \
                the blocks.";
    section("What healing wins back", text, tables::healing(report))
}

fn section(title: &str, text: &str, content: Markup) -> Markup {
    let mut inner = Markup::words("h2", "", title);
    inner += Markup::words("p", "", text);
    inner += content;
    Markup::element("section", "", &inner)
}

fn closing(report: &Report) -> Markup {
    let mut inner = Markup::text("Every event of the virtual world is in the hash ");
    inner += Markup::words("code", "", &report.trace_hash);
    Markup::element("footer", "", &inner)
}
