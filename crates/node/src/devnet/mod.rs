//! A whole network in this process: plays a scenario, shows it live, leaves a report.
//!
//! Data flows one way: the scenario tells of each block and round → the live [`table`] → at the end the [`summary`] and the
//! [`files`] (data, [`page`], [`plot`]s). Nothing here influences what is played.

mod arguments;
pub mod files;
pub mod page;
pub mod plot;
mod screen;
mod stopwatch;
pub mod summary;
pub mod table;

pub use arguments::DevnetArgs;
pub(crate) use arguments::REHEARSING;
pub use files::{FilesError, Timing};
pub use stopwatch::Stopwatch;

use crate::ledger::{Home, HomeError};
use crate::number;
use bitneuron_core::Amount;
use bitneuron_sim::report::Report;
use bitneuron_sim::scenario::{Scenario, ScenarioError, Sight};
use screen::Screen;
use std::io::{self, Write};
use std::path::PathBuf;
use thiserror::Error;

/// What to play and where to tell of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Devnet {
    /// What is played.
    pub scenario: Scenario,
    /// The folder that receives the report.
    pub report: PathBuf,
    /// The folder in which each validator keeps its ledger; nowhere if there is none.
    pub home: Option<PathBuf>,
    /// Only `report.json` on standard output.
    pub json: bool,
    /// No progress and no live table.
    pub quiet: bool,
}

/// Where people look.
#[expect(missing_debug_implementations, reason = "a stream has nothing to show")]
pub struct Terminal<'a> {
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// Whether a moving bar on standard error would reach a person.
    pub bar: bool,
}

/// Why a devnet failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DevnetError {
    /// The network did not come to its end.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The report could not be made or written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The ledgers could not be kept.
    #[error("ledger: {0}")]
    Home(#[from] HomeError),
    /// Standard output or standard error failed, otherwise than by a reader that left.
    #[error("cannot write to the terminal or pipe: {0}")]
    Output(#[source] io::Error),
    /// Tokens appeared or vanished.
    #[error("the state holds {actual} tokens where the fixed supply is {expected}")]
    Supply {
        /// The fixed supply.
        expected: Amount,
        /// The sum over the whole state.
        actual: Amount,
    },
}

impl DevnetError {
    /// What a person can do about it, one sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Scenario(ScenarioError::Stalled { .. }) => {
                "Blocks need more than two thirds of the weight: try fewer equivocators or more validators."
            }
            Self::Scenario(_) => "See `bitneuron devnet --help` for settings that make a network.",
            Self::Files(_) => "Choose a folder that can be written with `--report FOLDER`.",
            Self::Home(error) => error.advice(),
            Self::Output(_) => {
                "The report may be complete: look into its folder, or run again with `--quiet`."
            }
            Self::Supply { .. } => {
                "This is a fault of the ledger: the report is written; please report it with its seed and options."
            }
        }
    }
}

impl Devnet {
    /// Plays the scenario and tells of it.
    ///
    /// # Errors
    /// When the network stalls, the report cannot be written, the terminal fails, or the supply is wrong at the end
    /// (then the report is written all the same).
    pub fn run(&self, stopwatch: Stopwatch, terminal: Terminal<'_>) -> Result<(), DevnetError> {
        self.tell(stopwatch, terminal, |observe| self.scenario.run(observe))
    }

    /// The command line that plays this scenario.
    pub fn line(&self) -> String {
        let Scenario {
            validators,
            users,
            rounds,
            seed,
            rows,
            model,
            compressor,
            merge,
            adversaries,
            attack,
            select,
            heal,
            prover,
            escalate,
            without,
        } = &self.scenario;
        let attack = attack.as_ref().map(|attack| format!(" --attack {attack}")).unwrap_or_default();
        let select = select.as_ref().map(|choice| format!(" --select {choice}")).unwrap_or_default();
        let heal = if *heal { " --heal" } else { "" };
        let escalate = escalate.map(|system| format!(" --escalate {system}")).unwrap_or_default();
        let without = without.map(|defence| format!(" --without {defence}")).unwrap_or_default();
        format!(
            "bitneuron devnet --validators {validators} --users {users} --rounds {rounds} --seed {seed} \
             --partition {rows} --model {model} --compressor {compressor} --merge {merge} --adversaries {adversaries}{attack}{select}{heal} --prover {prover}{escalate}{without}"
        )
    }

    /// Tells of any play of the scenario: `play` shows its observer every block and round and returns the report.
    ///
    /// # Errors
    /// As [`run`](Self::run); what `play` answers comes first.
    pub fn tell(
        &self,
        stopwatch: Stopwatch,
        terminal: Terminal<'_>,
        play: impl FnOnce(&mut dyn FnMut(Sight<'_>)) -> Result<Report, ScenarioError>,
    ) -> Result<(), DevnetError> {
        // A run takes minutes: learn first whether its result will have a place.
        files::prepare(&self.report)?;
        let mut home = self.home.as_ref().map(|folder| Home::make(folder, &self.line())).transpose()?;
        let mut kept = Ok(());
        let Terminal { out, err, bar } = terminal;
        let live: &mut dyn Write = if self.json { err } else { &mut *out };
        let mut screen = Screen::new(&self.scenario, stopwatch, live, bar, self.quiet);
        let played = play(&mut |sight| {
            if let (Some(home), Sight::Kept { validator, genesis, decided }, Ok(())) =
                (&mut home, sight, &kept)
            {
                kept = home.keep(genesis, validator, &decided);
            }
            screen.sees(sight);
        });
        let shown = screen.finish();
        let report = played?;
        kept?;
        let first_block_seconds = shown.map_err(DevnetError::Output)?;

        let timing = Timing::new(stopwatch.seconds(), first_block_seconds, &report);
        let written = files::write(&self.report, &report, &timing)?;
        let text = if self.json { written } else { summary::summary(&report, &timing, &self.report) };
        passed_on(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map_err(DevnetError::Output)?;

        let supply = report.supply;
        if supply.expected == supply.actual {
            return Ok(());
        }
        Err(DevnetError::Supply { expected: supply.expected, actual: supply.actual })
    }
}

/// A reader that left early, as `head` does, is no failure.
fn passed_on(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
