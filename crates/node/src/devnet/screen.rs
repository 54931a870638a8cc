//! What is seen while a network plays: a bar for people at a terminal, lines that read well in a plain pipe.

use super::stopwatch::Stopwatch;
use super::{number, passed_on, table};
use bitneuron_sim::report::Round;
use bitneuron_sim::scenario::{Scenario, Sight};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};
use std::time::Duration;

/// About how many lines the live table has, however long the run.
const LINES: u64 = 20;

pub(super) struct Screen<'a> {
    stopwatch: Stopwatch,
    live: &'a mut dyn Write,
    bar: ProgressBar,
    quiet: bool,
    rounds: u64,
    first: Option<f64>,
    failure: io::Result<()>,
}

impl<'a> Screen<'a> {
    pub(super) fn new(
        scenario: &Scenario,
        stopwatch: Stopwatch,
        live: &'a mut dyn Write,
        bar: bool,
        quiet: bool,
    ) -> Self {
        let shown = bar && !quiet;
        let bar = if shown { moving_bar(scenario.rounds) } else { ProgressBar::hidden() };
        Self { stopwatch, live, bar, quiet, rounds: scenario.rounds, first: None, failure: Ok(()) }
    }

    /// Tells of the first block and of rounds.
    pub(super) fn sees(&mut self, sight: Sight<'_>) {
        match sight {
            Sight::Block(_) if self.first.is_none() => {
                let seconds = self.stopwatch.seconds();
                self.first = Some(seconds);
                self.line(&format!("first block after {}\n\n{}", number::seconds(seconds), table::header()));
            }
            Sight::Block(_) | Sight::Kept { .. } => {}
            Sight::Round(round) => self.round(round),
        }
    }

    /// Tells of a round, if it is one of those that are told.
    fn round(&mut self, round: &Round) {
        self.bar.set_position(round.round);
        if table::shown(round.round, self.rounds, LINES) {
            self.line(&table::line(round));
        }
    }

    /// Clears the bar; the wall seconds until the first block, if there was one.
    pub(super) fn finish(mut self) -> io::Result<Option<f64>> {
        self.line("");
        self.bar.finish_and_clear();
        self.failure.map(|()| self.first)
    }

    /// Writes lines above the bar. After a failure it stays silent, and the failure is told at the end.
    fn line(&mut self, text: &str) {
        if self.quiet || self.failure.is_err() {
            return;
        }
        let live = &mut self.live;
        self.failure = passed_on(self.bar.suspend(|| writeln!(live, "{text}").and_then(|()| live.flush())));
    }
}

/// On standard error; indicatif itself hides it where that is no terminal.
fn moving_bar(rounds: u64) -> ProgressBar {
    let bar = ProgressBar::new(rounds);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:32} round {pos} of {len}, {elapsed} so far, about {eta} to go")
    {
        bar.set_style(style);
    }
    // Learning is slow at first: the passing seconds show that it lives.
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
