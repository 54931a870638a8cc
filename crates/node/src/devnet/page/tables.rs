//! The tables of the page: who behaved how, and who holds what.

use super::html::Markup;
use crate::devnet::number::{change, count, percent, tokens_cell};
use bitneuron_core::Amount;
use bitneuron_sim::report::Report;

/// How a column is set.
#[derive(Clone, Copy)]
enum Column {
    Words,
    Number,
}

/// One line for each validator.
pub(super) fn validators(report: &Report) -> Markup {
    use Column::{Number, Words};
    let head = [
        ("Validator", Words),
        ("Accuracy", Number),
        ("Turns", Number),
        ("Blocks proposed", Number),
        ("Reputation", Number),
        ("Stake", Number),
        ("Balance", Number),
        ("Slashed", Number),
    ];
    let rows = report.validators.iter().map(|validator| {
        [
            format!("validator {}", validator.index),
            percent(validator.accuracy),
            count(validator.turns),
            count(validator.proposed),
            count(validator.reputation),
            tokens_cell(validator.stake),
            tokens_cell(validator.balance),
            tokens_cell(validator.slashed),
        ]
    });
    table(head, rows)
}

/// One line for each contest.
pub(super) fn contests(report: &Report) -> Markup {
    use Column::{Number, Words};
    let head = [
        ("Contest", Number),
        ("Shards opened", Number),
        ("Candidates", Number),
        ("Kinds", Number),
        ("Better", Number),
        ("Best, nats", Number),
        ("Candidates paid", Number),
        ("Examiners paid", Number),
        ("Sellers paid", Number),
        ("End", Words),
    ];
    let rows = report.contests.iter().map(|one| {
        let moved = if one.moved { "a new parent" } else { "the same parent" };
        [
            count(one.contest),
            format!("{} of {}", one.opened, one.called),
            count(one.candidates),
            count(one.kinds),
            count(one.better),
            format!("{:.3}", one.best as f64 / 1e6),
            tokens_cell(one.gradient),
            tokens_cell(one.examiners),
            tokens_cell(one.royalty),
            one.void.as_ref().map_or_else(|| moved.to_owned(), |why| format!("void: {why}")),
        ]
    });
    table(head, rows)
}

/// One line for each misbehaving node.
pub(super) fn adversaries(report: &Report) -> Markup {
    use Column::{Number, Words};
    let head = [
        ("Who", Words),
        ("Conduct", Words),
        ("Times caught", Number),
        ("Tokens lost", Number),
        ("Tokens earned", Number),
    ];
    let rows = report.adversaries.iter().map(|node| {
        [
            node.who.clone(),
            node.conduct.clone(),
            count(node.caught),
            tokens_cell(node.lost),
            tokens_cell(node.earned),
        ]
    });
    table(head, rows)
}

/// One line for each kind of rows that a head was asked about; nothing where nobody asked.
pub(super) fn healing(report: &Report) -> Markup {
    use Column::{Number, Words};
    let Some(healing) = &report.healing else { return Markup::default() };
    let head =
        [("Rows that no node saw", Words), ("Bare", Number), ("Behind blocks", Number), ("Won back", Number)];
    let rows = [
        ("as they are", &healing.clean),
        ("with noise of deviation 0.4", &healing.noise),
        ("moved by 0.1 against the model", &healing.attack),
    ];
    let rows = rows.map(|(name, served)| {
        let lost = served.bare < healing.clean.bare;
        let back = if lost { percent(served.recovered(&healing.clean)) } else { String::new() };
        [name.into(), percent(served.bare), percent(served.healed), back]
    });
    table(head, rows.into_iter())
}

/// One line for each role.
pub(super) fn balances(report: &Report) -> Markup {
    use Column::{Number, Words};
    let head = [("Role", Words), ("After round 1", Number), ("At the end", Number), ("Change", Number)];
    let rows = report.balances.iter().map(|(role, end)| {
        let first = report.history.first().and_then(|round| round.balances.get(role)).copied();
        let start: Amount = first.unwrap_or_default();
        [role.clone(), tokens_cell(start), tokens_cell(*end), change(start, *end)]
    });
    table(head, rows)
}

fn table<const N: usize>(head: [(&str, Column); N], rows: impl Iterator<Item = [String; N]>) -> Markup {
    let columns = head.map(|(_, column)| column);
    let row = |tag: &'static str, cells: [&str; N]| {
        let cells = cells.into_iter().zip(columns).map(|(cell, column)| match column {
            Column::Words => Markup::words(tag, "", cell),
            Column::Number => Markup::words(tag, "number", cell),
        });
        Markup::element("tr", "", &cells.collect())
    };
    let mut inner = Markup::element("thead", "", &row("th", head.map(|(name, _)| name)));
    let body = rows.map(|cells| row("td", cells.each_ref().map(String::as_str))).collect();
    inner += Markup::element("tbody", "", &body);
    Markup::element("div", "wide", &Markup::element("table", "", &inner))
}
