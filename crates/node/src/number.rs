//! Numbers as people read them: grouped digits, few decimals, a unit.

use bitneuron_core::Amount;
use std::cmp::Ordering;

/// Digits in groups of three: `12,345`.
pub(crate) fn count(value: impl Into<u128>) -> String {
    let digits = value.into().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `one thing` or `3 things`.
pub(crate) fn counted(value: u64, thing: &str) -> String {
    if value == 1 { format!("1 {thing}") } else { format!("{} {thing}s", count(value)) }
}

/// A share as `97.1%`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// Bytes in decimal units: `26.1 MB`.
pub(crate) fn bytes(value: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if value < 1000 {
        return format!("{value} B");
    }
    let mut scaled = value as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be shown as 1000.0.
    while scaled >= 999.95 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// How many times `whole` holds `part`: `4.0×`, or `–` when there is no part.
pub(crate) fn ratio(whole: u64, part: u64) -> String {
    if part == 0 { "–".into() } else { format!("{:.1}×", whole as f64 / part as f64) }
}

/// A span of milliseconds: `162 ms`, `1.6 s`.
pub(crate) fn millis(span: f64) -> String {
    if span < 1000.0 { format!("{span:.0} ms") } else { format!("{:.1} s", span / 1000.0) }
}

/// A span in seconds with one decimal, for columns: `2.0 s`.
pub(crate) fn seconds(span: f64) -> String {
    format!("{span:.1} s")
}

/// Tokens with two decimals, for columns: `1,234.50`.
pub(crate) fn tokens_cell(amount: Amount) -> String {
    let cents = hundredths(amount);
    if cents == 0 && amount != Amount::ZERO {
        return "<0.01".into();
    }
    format!("{}.{:02}", count(cents / 100), cents % 100)
}

/// Tokens in a sentence, without empty decimals: `58 tokens`, `1 token`.
pub(crate) fn tokens(amount: Amount) -> String {
    let cell = tokens_cell(amount);
    let short = cell.strip_suffix(".00").unwrap_or(&cell);
    format!("{short} {}", if short == "1" { "token" } else { "tokens" })
}

/// The change from one amount to another, signed, two decimals.
pub(crate) fn change(from: Amount, to: Amount) -> String {
    match to.cmp(&from) {
        Ordering::Equal => "0.00".into(),
        Ordering::Greater => format!("+{}", tokens_cell(to.saturating_sub(from))),
        Ordering::Less => format!("−{}", tokens_cell(from.saturating_sub(to))),
    }
}

/// Tokens as a coordinate of a plot.
pub(crate) fn coordinate(amount: Amount) -> f64 {
    amount.0 as f64 / Amount::TOKEN.0 as f64
}

fn hundredths(amount: Amount) -> u128 {
    const CENT: u128 = Amount::TOKEN.0 / 100;
    amount.0.saturating_add(CENT / 2) / CENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        let shown: Vec<_> = [0u64, 7, 999, 1000, 123_456, 1_234_567].map(count).into();
        assert_eq!(shown, ["0", "7", "999", "1,000", "123,456", "1,234,567"]);
        assert_eq!((counted(1, "block"), counted(2000, "block")), ("1 block".into(), "2,000 blocks".into()));
    }

    #[test]
    fn bytes_climb_units_without_four_digits() {
        let shown: Vec<_> = [0, 999, 1000, 999_949, 999_950, 26_100_000, u64::MAX].map(bytes).into();
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "26.1 MB", "18.4 EB"]);
    }

    #[test]
    fn shares_spans_and_ratios_are_short() {
        assert_eq!((percent(0.9714), percent(1.0)), ("97.1%".into(), "100.0%".into()));
        assert_eq!((millis(161.6), millis(1620.0)), ("162 ms".into(), "1.6 s".into()));
        assert_eq!((ratio(400, 100), ratio(1, 0)), ("4.0×".into(), "–".into()));
    }

    #[test]
    fn tokens_are_rounded_but_never_to_nothing() {
        assert_eq!(tokens_cell(Amount::ZERO), "0.00");
        assert_eq!(tokens_cell(Amount(1)), "<0.01");
        assert_eq!(tokens_cell(Amount(1_234_505_000_000)), "1,234.51");
        assert_eq!(tokens_cell(Amount::SUPPLY), "10,000,000,000.00");
        assert_eq!(
            (tokens(Amount::TOKEN), tokens(Amount::tokens(58))),
            ("1 token".into(), "58 tokens".into())
        );
    }

    #[test]
    fn changes_carry_their_sign() {
        let (less, more) = (Amount::tokens(3), Amount::tokens(5));
        assert_eq!([change(less, more), change(more, less), change(less, less)], ["+2.00", "−2.00", "0.00"]);
    }
}
