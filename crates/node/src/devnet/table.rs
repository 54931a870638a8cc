//! The live table: one line for every few rounds, aligned, readable in a terminal and in a plain pipe.
//!
//! Accuracy is measured on rows that no node sees; bytes, deals, claims and slashed tokens count from the beginning.

use super::number;
use bitneuron_sim::report::Round;

/// Head of a column and its width in characters.
const COLUMNS: [(&str, &str, usize); 14] = [
    ("", "round", 5),
    ("", "height", 7),
    ("virtual", "time", 9),
    ("validators", "mean", 11),
    ("", "worst", 7),
    ("users", "mean", 7),
    ("bytes", "sent", 10),
    ("", "saving", 8),
    ("", "finality", 9),
    ("deals", "paid", 8),
    ("", "back", 7),
    ("claims", "good", 8),
    ("", "refuted", 8),
    ("tokens", "slashed", 11),
];

/// The two lines at the head.
pub fn header() -> String {
    let upper = row(COLUMNS.map(|(group, _, _)| group.to_owned()));
    let lower = row(COLUMNS.map(|(_, name, _)| name.to_owned()));
    format!("{upper}\n{lower}")
}

/// The line of a round.
pub fn line(round: &Round) -> String {
    row([
        number::count(round.round),
        number::count(round.height),
        number::seconds(round.virtual_ms as f64 / 1000.0),
        number::percent(round.validators_mean),
        number::percent(round.validators_worst),
        number::percent(round.users_mean),
        number::bytes(round.bytes.sent),
        number::ratio(round.bytes.dense_equivalent, round.bytes.sent),
        number::millis(round.finality_ms),
        number::count(round.deals.settled),
        number::count(round.deals.refunded),
        number::count(round.proofs.accepted),
        number::count(round.proofs.refuted),
        number::tokens_cell(round.slashed),
    ])
}

/// Whether a round has a line: the first, the last, and evenly between, about `lines` in all.
pub fn shown(round: u64, rounds: u64, lines: u64) -> bool {
    let every = rounds.div_ceil(lines.max(1)).max(1);
    round == 1 || round == rounds || round.is_multiple_of(every)
}

fn row(cells: [String; COLUMNS.len()]) -> String {
    let cells = COLUMNS.iter().zip(cells);
    let line = cells.fold(String::new(), |line, ((_, _, width), cell)| format!("{line}{cell:>width$}"));
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_few_and_hold_both_ends() {
        for rounds in [1, 2, 19, 20, 21, 60, 10_000] {
            let told: Vec<_> = (1..=rounds).filter(|round| shown(*round, rounds, 20)).collect();
            assert_eq!((told.first(), told.last()), (Some(&1), Some(&rounds)));
            assert!(told.len() <= 22, "{rounds}: {}", told.len());
        }
    }
}
