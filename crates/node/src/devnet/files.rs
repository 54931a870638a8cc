//! The folder with the report.
//!
//! | file | holds | depends on |
//! |---|---|---|
//! | `report.json` | everything found, as data | the options only |
//! | `report.html` | the same for people, in one page without any other resource | the options only |
//! | `accuracy.svg` | accuracy over rounds, one picture | the options only |
//! | `timing.json` | how long it took | machine and load |

use super::page;
use super::plot::{self, PlotError};
use bitneuron_sim::report::Report;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The report as data.
pub const DATA: &str = "report.json";
/// The report as a page.
pub const PAGE: &str = "report.html";
/// Accuracy over rounds.
pub const PICTURE: &str = "accuracy.svg";
/// How long it took.
pub const TIMING: &str = "timing.json";

/// What depends on the machine and its load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timing {
    /// Wall seconds from the start of the program to the end of the play.
    pub wall_seconds: f64,
    /// Wall seconds from the start of the program to the first decided block.
    pub first_block_seconds: Option<f64>,
    /// Virtual seconds played.
    pub virtual_seconds: f64,
    /// Processors that the program could use.
    pub cores: usize,
}

/// Why the report could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FilesError {
    /// The folder cannot be made.
    #[error("cannot make the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The report is no JSON.
    #[error("cannot express the report as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A plot cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

impl Timing {
    /// Of a play that ended after so many wall seconds.
    pub fn new(wall_seconds: f64, first_block_seconds: Option<f64>, report: &Report) -> Self {
        let virtual_ms = report.history.last().map_or(0, |round| round.virtual_ms);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { wall_seconds, first_block_seconds, virtual_seconds: virtual_ms as f64 / 1000.0, cores }
    }
}

/// Makes the folder and sees that it can be written.
///
/// # Errors
/// When it cannot be made, or no file can be made in it.
pub fn prepare(folder: &Path) -> Result<(), FilesError> {
    fs::create_dir_all(folder).map_err(|source| FilesError::Folder { path: folder.into(), source })?;
    let probe = folder.join(".writable");
    let probed = fs::write(&probe, []).and_then(|()| fs::remove_file(&probe));
    probed.map_err(|source| FilesError::Write { path: probe, source })
}

/// Writes all files into a folder that exists; returns the text of `report.json`.
///
/// # Errors
/// When a file cannot be made or written.
pub fn write(folder: &Path, report: &Report, timing: &Timing) -> Result<String, FilesError> {
    let data = json(report)?;
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| FilesError::Write { path, source })
    };
    put(DATA, &data)?;
    put(TIMING, &json(timing)?)?;
    put(PAGE, &page::page(report)?)?;
    put(PICTURE, &plot::accuracy_alone(report)?)?;
    Ok(data)
}

fn json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|text| text + "\n")
}
