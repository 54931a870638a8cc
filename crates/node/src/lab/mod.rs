//! The lab at a terminal: `bitneuron lab run`, `matrix`, `frontier` and `list`.
//!
//! Everything is played by [`bitneuron_sim::lab::Lab`], which a program of one's own calls as well; here are only a bar for people, a
//! clock for the cost of runs, and where files go.

mod arguments;
mod list;

pub use arguments::LabArgs;
pub use list::List;

use bitneuron_sim::lab::{Experiment, ExperimentError, Lab, Progress, Results, frontier_files, matrix_file};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An experiment to be played, and where what comes out goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// What is played.
    pub what: What,
    /// The folder for results.
    pub out: PathBuf,
    /// Whether everything is played again that the folder has already.
    pub fresh: bool,
    /// Whether nothing but the outcome is shown.
    pub quiet: bool,
}

/// The most combinations that are told one by one; the others are read in the report.
const MOST_CELLS: usize = 40;

/// What is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An experiment file.
    File(PathBuf),
    /// Rules by attacks by codecs by partitions.
    Matrix {
        /// One seed instead of three.
        quick: bool,
    },
    /// Accuracy against bytes for each codec.
    Frontier {
        /// Fewer rounds and seeds.
        quick: bool,
    },
}

impl Play {
    /// Plays, writes, and tells `out` how the ranking looks. A bar moves on standard error where `bar` says so.
    ///
    /// # Errors
    /// An experiment that means nothing, or a folder that cannot be written to.
    pub fn run(&self, out: &mut dyn Write, bar: bool) -> Result<Results, ExperimentError> {
        let experiment = self.what.experiment()?;
        let runs = experiment.trials()?.len() as u64;
        let shown = if bar && !self.quiet { moving_bar(runs) } else { ProgressBar::hidden() };
        let moving = shown.clone();
        let watch = move |progress: Progress<'_>| moving.set_position(progress.done as u64);
        let results =
            Lab::new().watch(watch).clock(thread_time).play_into(&experiment, &self.out, self.fresh);
        shown.finish_and_clear();
        let results = results?;
        let drawn = match self.what {
            What::Frontier { .. } => frontier_files(&results).to_vec(),
            What::Matrix { .. } => vec![matrix_file(&results)],
            What::File(_) => Vec::new(),
        };
        for (name, text) in drawn {
            write(&self.out.join(name), &text)?;
        }
        // Nobody is left to hear that standard output is closed.
        let _ = self.tell(&results, out);
        Ok(results)
    }

    fn tell(&self, results: &Results, out: &mut dyn Write) -> std::io::Result<()> {
        let subject = results.subject();
        writeln!(out, "{} runs\n\n{subject:<28} {:>7} {:>7}  worst at", results.runs.len(), "worst", "mean")?;
        for rank in results.ranking() {
            let (worst, mean) = (100.0 * rank.worst, 100.0 * rank.mean);
            writeln!(out, "{:<28} {worst:>5.1} % {mean:>5.1} %  {}", rank.value, rank.at)?;
        }
        if results.cells().len() <= MOST_CELLS {
            write!(out, "\n{}", results.table())?;
        }
        writeln!(out, "\n{}", self.out.join("report.html").display())
    }
}

impl What {
    fn experiment(&self) -> Result<Experiment, ExperimentError> {
        match self {
            Self::File(path) => {
                let read = std::fs::read_to_string(path);
                Experiment::read(&read.map_err(|why| file(path, &why))?)
            }
            Self::Matrix { quick } => Experiment::matrix(*quick),
            Self::Frontier { quick } => Experiment::frontier(*quick),
        }
    }
}

fn file(path: &Path, why: &std::io::Error) -> ExperimentError {
    ExperimentError::File { path: path.to_owned(), why: why.to_string() }
}

fn write(path: &Path, text: &str) -> Result<(), ExperimentError> {
    std::fs::write(path, text).map_err(|why| file(path, &why))
}

/// On standard error; indicatif itself hides it where that is no terminal.
fn moving_bar(runs: u64) -> ProgressBar {
    let bar = ProgressBar::new(runs);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:32} run {pos} of {len}, {elapsed} so far, about {eta} to go")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// The computing time of this thread, where the kernel tells; zero elsewhere.
fn thread_time() -> Duration {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .map_or(Duration::ZERO, Duration::from_nanos)
}
