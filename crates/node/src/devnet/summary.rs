//! The outcome in words, for a terminal: what was learned, sent, agreed, paid and caught.

use super::files::{PAGE, Timing};
use super::number::{bytes, count, counted, millis, percent, ratio, seconds, tokens, tokens_cell};
use bitneuron_sim::report::{AdversaryReport, ContestReport, Report, Served, Supply};
use std::path::Path;

/// Column where the text of a line begins.
const INDENT: usize = 12;

/// Some lines on `report`, which lies in `folder`; ends with a line feed.
pub fn summary(report: &Report, timing: &Timing, folder: &Path) -> String {
    let mut lines = Lines(String::new());
    learning(&mut lines, report);
    chain(&mut lines, report);
    market(&mut lines, report);
    lines.entry("contests", &contests(report));
    lines.entry("misbehaved", &misbehaviour(report));
    lines.entry("healing", &healing(report));
    if let Some(defence) = &report.setting.without {
        lines.entry("left out", &[format!("{defence}: this network played without that defence")]);
    }
    lines.entry("supply", &[supply(&report.supply)]);
    lines.entry("balances", &balances(report));
    let (wall, virtual_time) = (seconds(timing.wall_seconds), seconds(timing.virtual_seconds));
    lines.entry("time", &[format!("{wall} for {virtual_time} of virtual time; seed {}", report.seed)]);
    lines.entry("report", &[folder.join(PAGE).display().to_string()]);
    lines.0
}

fn learning(lines: &mut Lines, report: &Report) {
    let accuracy = &report.accuracy;
    let [mean, worst, users, alone, centralised] = [
        accuracy.validators_mean,
        accuracy.validators_worst,
        accuracy.users_mean,
        accuracy.local_only,
        accuracy.centralised,
    ]
    .map(percent);
    let whole =
        accuracy.whole_centralised.map(|score| format!(", there with whole matrices {}", percent(score)));
    lines.entry(
        "accuracy",
        &[
            format!("validators {mean} on average, {worst} the worst; users {users}"),
            format!(
                "compare: users alone {alone}, all data in one place {centralised}{}",
                whole.unwrap_or_default()
            ),
        ],
    );
    let setting = &report.setting;
    let [parameters, matrices] = [setting.parameters, setting.whole_parameters].map(count);
    if setting.whole_parameters > setting.parameters {
        lines.entry("model", &[format!("{}, {parameters} parameters for {matrices}", setting.net)]);
    }
    let traffic = &report.bytes;
    let [sent, dense, all] = [traffic.sent, traffic.dense_equivalent, traffic.all_messages].map(bytes);
    let fewer = ratio(traffic.dense_equivalent, traffic.sent);
    let (sold, times) = (bytes(traffic.sold), ratio(traffic.sold_dense, traffic.sold));
    lines.entry(
        "bytes",
        &[
            format!("{sent} of model parameters, {fewer} fewer than the {dense} of 32-bit numbers"),
            format!("of these {sold} of models sold, {times} fewer"),
            format!("{all} in all messages"),
        ],
    );
}

fn chain(lines: &mut Lines, report: &Report) {
    let blocks = &report.blocks;
    let (certified, late) = (count(blocks.certified), count(blocks.late_rounds));
    let height = counted(blocks.height, "block");
    lines.entry(
        "chain",
        &[format!("{height}, {certified} certified by more than two thirds, {late} needed another vote")],
    );
    let finality = &report.finality_ms;
    let (median, slow) = (millis(finality.p50), millis(finality.p99));
    lines.entry(
        "finality",
        &[format!("{median} in the median, {slow} for the slowest in a hundred (virtual time)")],
    );
}

fn market(lines: &mut Lines, report: &Report) {
    let deals = &report.deals;
    let [settled, refunded, refuted, late] =
        [deals.settled, deals.refunded, deals.refuted, deals.late].map(count);
    let made = counted(deals.made, "deal");
    lines.entry(
        "deals",
        &[format!("{made}: {settled} paid, {refunded} refunded ({refuted} refuted, {late} late)")],
    );
    let proofs = &report.proofs;
    let [accepted, turns, refuted] = [proofs.accepted, proofs.turns, proofs.refuted].map(count);
    let made = counted(proofs.made, "claim");
    lines.entry(
        "claims",
        &[format!("{made}: {accepted} accepted (of these {turns} turns), {refuted} refuted")],
    );
    if proofs.pending > 0 {
        let pending = counted(proofs.pending, "turn");
        let [audited, answered, reversed] = [proofs.audited, proofs.answered, proofs.reversed].map(count);
        lines.entry(
            "audits",
            &[format!("{pending} waited: {audited} audited, {answered} answered, {reversed} taken back")],
        );
    }
    let [inputs, dropped] = [report.merges.inputs, report.merges.dropped].map(count);
    lines.entry(
        "merges",
        &[format!("{inputs} models by {}, {dropped} without a part in what came out", report.setting.merge)],
    );
    if let Some(assault) = &report.assault {
        let [users, inputs, dropped] = [assault.users.into(), assault.inputs, assault.dropped].map(count);
        let played = report.setting.attack.as_deref().unwrap_or_default();
        lines.entry(
            "attack",
            &[format!("{played}: {users} users, {inputs} of their models merged, {dropped} without a part")],
        );
    }
}

/// One line for each contest.
fn contests(report: &Report) -> Vec<String> {
    if report.contests.is_empty() {
        return vec!["none ended".into()];
    }
    let line = |one: &ContestReport| {
        let (number, height) = (one.contest, one.height);
        if let Some(why) = &one.void {
            return format!("{number} until {height}: void, {why}");
        }
        let candidates = counted(u64::from(one.candidates), "candidate");
        let kinds = counted(u64::from(one.kinds), "kind");
        let best = format!("{:.3} nats at best", one.best as f64 / 1e6);
        let (tested, paid) = (one.opened, tokens(one.gradient));
        let (examiners, sellers) = (tokens(one.examiners), tokens(one.royalty));
        let moved = if one.moved { "a new parent" } else { "the same parent" };
        format!(
            "{number} until {height}: {} of {candidates} better ({kinds}) on {tested} of {} shards, {best}; \
             paid {paid}, examiners {examiners}, sellers {sellers}; {moved}",
            one.better, one.called
        )
    };
    report.contests.iter().map(line).collect()
}

/// One line for each misbehaving node.
fn misbehaviour(report: &Report) -> Vec<String> {
    if report.adversaries.is_empty() {
        return vec!["nobody".into()];
    }
    let width = |cell: fn(&AdversaryReport) -> &str| {
        report.adversaries.iter().map(|node| cell(node).chars().count()).max().unwrap_or(0)
    };
    let (who, conduct) = (width(|node| &node.who), width(|node| &node.conduct));
    let line = |node: &AdversaryReport| {
        let caught = format!("caught {}", counted(node.caught, "time"));
        let (lost, earned) = (tokens(node.lost), tokens(node.earned));
        format!("{:who$}  {:conduct$}  {caught}, lost {lost}, earned {earned}", node.who, node.conduct)
    };
    let mut lines: Vec<_> = report.adversaries.iter().map(line).collect();
    lines.push(format!("slashed in all: {}", tokens(report.slashed)));
    lines
}

/// One line for each kind of rows that a head was asked about, bare and behind blocks.
fn healing(report: &Report) -> Vec<String> {
    let Some(healing) = &report.healing else { return Vec::new() };
    let line = |(name, served): (&str, &Served)| {
        let (bare, healed) = (percent(served.bare), percent(served.healed));
        let back = percent(served.recovered(&healing.clean));
        let back = if name == CLEAN { String::new() } else { format!(", {back} of what was lost") };
        format!("{name:9}{bare} bare, {healed} behind blocks{back}")
    };
    let rows = [(CLEAN, &healing.clean), ("noise", &healing.noise), ("attacked", &healing.attack)];
    rows.into_iter().map(line).collect()
}

/// Rows as they are.
const CLEAN: &str = "clean";

fn supply(supply: &Supply) -> String {
    if supply.expected == supply.actual {
        return format!("{}, all accounted for", tokens(supply.expected));
    }
    format!("WRONG: {} tokens found, {} expected", supply.actual, supply.expected)
}

fn balances(report: &Report) -> Vec<String> {
    let cells: Vec<_> = report.balances.iter().map(|(role, amount)| (role, tokens_cell(*amount))).collect();
    let roles = cells.iter().map(|(role, _)| role.chars().count()).max().unwrap_or(0);
    let amounts = cells.iter().map(|(_, amount)| amount.chars().count()).max().unwrap_or(0);
    cells.iter().map(|(role, amount)| format!("{role:roles$}  {amount:>amounts$} tokens")).collect()
}

struct Lines(String);

impl Lines {
    fn entry(&mut self, name: &str, texts: &[String]) {
        for (at, text) in texts.iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            self.0.extend([&format!("{name:INDENT$}"), text.as_str(), "\n"]);
        }
    }
}
