//! Plots of a report as SVG: what each shows, in which colours, beside what.
//!
//! All are lines over rounds; [`all`] gives them in the order of the page.

pub use crate::chart::PlotError;
use crate::chart::palette::Ink;
use crate::chart::{Across, Chart, Line, Stroke, alone, titled};
use crate::number;
use bitneuron_core::Amount;
use bitneuron_sim::report::{Report, Round};

/// A plot on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// Its name, a word for anchors and tests.
    pub name: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// The SVG element.
    pub svg: String,
}

/// All plots of a report, in the order of the page.
///
/// # Errors
/// When the drawing backend fails.
pub fn all(report: &Report) -> Result<Vec<Plot>, PlotError> {
    let plots: [(&str, &str, Chart); 6] = [
        ("accuracy", "Accuracy on rows that no node sees", accuracy(report)),
        ("bytes", "Bytes of model parameters sent", bytes(report)),
        ("balances", "Gain and loss by role, in tokens", balances(report)),
        ("finality", "Time until a block is final", finality(report)),
        ("stake", "Stake of each validator, in tokens", stakes(report)),
        ("reputation", "Reputation of each validator", reputations(report)),
    ];
    plots
        .into_iter()
        .map(|(name, title, chart)| Ok(Plot { name, title, svg: titled(&chart.draw()?, title) }))
        .collect()
}

/// The plot of accuracy as a file of its own, on its own paper, for light and dark surroundings.
///
/// # Errors
/// When the drawing backend fails.
pub fn accuracy_alone(report: &Report) -> Result<String, PlotError> {
    Ok(alone(&accuracy(report).draw()?, "Accuracy over rounds"))
}

fn accuracy(report: &Report) -> Chart {
    let level = |name: &str, value: f64| line(report, name, Ink::Grey, Stroke::Dashed, |_| value);
    let lines = vec![
        level("users alone", report.accuracy.local_only),
        level("all in one place", report.accuracy.centralised),
        line(report, "users", Ink::Green, Stroke::Bold, |round| round.users_mean),
        line(report, "worst", Ink::Vermilion, Stroke::Thin, |round| round.validators_worst),
        line(report, "validators", Ink::Blue, Stroke::Bold, |round| round.validators_mean),
    ];
    Chart { lines, across: Across::ROUNDS, axis: percent, anchor: None }
}

fn bytes(report: &Report) -> Chart {
    let lines = vec![
        line(report, "dense, 32-bit", Ink::Grey, Stroke::Dashed, |round| round.bytes.dense_equivalent as f64),
        line(report, "sent", Ink::Blue, Stroke::Bold, |round| round.bytes.sent as f64),
    ];
    Chart {
        lines,
        across: Across::ROUNDS,
        axis: |value, _| number::bytes(value.max(0.0) as u64).replace(".0 ", " "),
        anchor: Some(0.0),
    }
}

/// The supply is vast beside what changes hands, so the plot shows changes, of those roles that had any.
fn balances(report: &Report) -> Chart {
    let of = |round: &Round, role: &String| {
        number::coordinate(round.balances.get(role).copied().unwrap_or_default())
    };
    let mut spare = Ink::SPARE.iter().copied().cycle();
    let draw = |role: &String| {
        let ink = match role.as_str() {
            "validators" => Ink::Blue,
            "users" => Ink::Green,
            _ => spare.next().unwrap_or(Ink::Grey),
        };
        let start = report.history.first().map_or(0.0, |round| of(round, role));
        line(report, role, ink, Stroke::Bold, |round| of(round, role) - start)
    };
    let moved = |line: &Line| line.points.iter().any(|(_, change)| *change != 0.0);
    let lines = report.balances.keys().map(draw).filter(moved).collect();
    Chart { lines, across: Across::ROUNDS, axis: plain, anchor: Some(0.0) }
}

fn finality(report: &Report) -> Chart {
    let lines = vec![
        line(report, "slowest 1%", Ink::Grey, Stroke::Dashed, |_| report.finality_ms.p99),
        line(report, "median", Ink::Blue, Stroke::Bold, |round| round.finality_ms),
    ];
    Chart {
        lines,
        across: Across::ROUNDS,
        axis: |value, _| number::millis(value.max(0.0)),
        anchor: Some(0.0),
    }
}

fn stakes(report: &Report) -> Chart {
    let of = |round: &Round, index: usize| {
        round.stakes.get(index).map_or(f64::NAN, |stake| number::coordinate(*stake))
    };
    Chart { lines: validators(report, of), across: Across::ROUNDS, axis: plain, anchor: None }
}

fn reputations(report: &Report) -> Chart {
    let of = |round: &Round, index: usize| {
        round.reputations.get(index).map_or(f64::NAN, |value| f64::from(*value))
    };
    Chart { lines: validators(report, of), across: Across::ROUNDS, axis: plain, anchor: Some(0.0) }
}

/// One line for each validator: the honest in one colour under one name, the guilty each by name.
fn validators(report: &Report, of: impl Fn(&Round, usize) -> f64) -> Vec<Line> {
    let count = report.history.last().map_or(0, |round| round.stakes.len());
    let (guilty, honest): (Vec<_>, Vec<_>) = (0..count).partition(|index| is_guilty(report, *index));
    let together = if guilty.is_empty() { "validators" } else { "honest" };
    let draw = |index: usize, guilty: bool| {
        let (ink, stroke) = if guilty { (Ink::Vermilion, Stroke::Bold) } else { (Ink::Blue, Stroke::Thin) };
        let name = if guilty { format!("validator {index}") } else { together.into() };
        line(report, &name, ink, stroke, |round| of(round, index))
    };
    let mut lines: Vec<_> = honest.into_iter().map(|index| draw(index, false)).collect();
    name_only_the_middle(&mut lines);
    lines.extend(guilty.into_iter().map(|index| draw(index, true)));
    lines
}

fn is_guilty(report: &Report, index: usize) -> bool {
    let slashed = |validator: &bitneuron_sim::report::ValidatorReport| {
        validator.index as usize == index && validator.slashed != Amount::ZERO
    };
    let named = format!("validator {index}");
    report.validators.iter().any(slashed) || report.adversaries.iter().any(|node| node.who == named)
}

/// Leaves the shared name with the line that ends in the middle.
fn name_only_the_middle(lines: &mut [Line]) {
    let end = |line: &Line| line.points.last().map_or(0.0, |(_, value)| *value);
    lines.sort_by(|one, other| end(one).total_cmp(&end(other)));
    let middle = lines.len() / 2;
    for (at, line) in lines.iter_mut().enumerate() {
        if at != middle {
            line.name = None;
        }
    }
}

fn line(report: &Report, name: &str, ink: Ink, stroke: Stroke, value: impl Fn(&Round) -> f64) -> Line {
    let points = report.history.iter().map(|round| (round.round as f64, value(round))).collect();
    Line { name: Some(name.into()), points, ink, stroke }
}

fn percent(value: f64, span: f64) -> String {
    let decimals = usize::from(span < 0.05);
    format!("{:.decimals$}%", value * 100.0)
}

/// Grouped digits with as many decimals as tell neighbours on the axis apart.
fn plain(value: f64, span: f64) -> String {
    let decimals = if span >= 8.0 {
        0
    } else if span >= 0.8 {
        1
    } else {
        3
    };
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, part) =
        digits.split_once('.').map_or((digits.as_str(), None), |(whole, part)| (whole, Some(part)));
    let grouped = whole.parse::<u64>().map_or_else(|_| whole.to_owned(), number::count);
    let sign =
        if value < 0.0 && digits.chars().any(|digit| ('1'..='9').contains(&digit)) { "−" } else { "" };
    part.map_or_else(|| format!("{sign}{grouped}"), |part| format!("{sign}{grouped}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_as_many_decimals_as_they_need() {
        let shown = [(10_500.0, 90.0), (-3.2, 10.0), (-0.2, 10.0), (1.9996, 1.0), (1234.5678, 0.01)];
        let shown = shown.map(|(value, span)| plain(value, span));
        assert_eq!(shown, ["10,500", "−3", "0", "2.0", "1,234.568"]);
        assert_eq!((percent(0.5, 0.9), percent(0.971, 0.02)), ("50%".into(), "97.1%".into()));
    }
}
