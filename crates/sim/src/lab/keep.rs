//! Finished runs in a folder, so that a sweep that was stopped goes on where it stopped, to the same bytes.
//!
//! A run is a function of the program and its trial, so it is kept under the digest of both. A program that was built anew, with
//! another rule of the same name perhaps, plays everything again. Only whole runs are kept: one that was cut off is played from its
//! first round, which gives the same course.

use super::{Course, ExperimentError, Trial};
use bitneuron_core::{Digest, hash::Hasher};
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// A finished run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) course: Course,
    /// What it cost, if that was measured.
    pub(crate) took: Option<Duration>,
}

/// A folder of finished runs.
#[derive(Debug)]
pub(crate) struct Keep {
    folder: PathBuf,
    program: Digest,
}

/// A file that cannot be read or written.
pub(crate) fn file(path: &Path, why: impl std::fmt::Display) -> ExperimentError {
    ExperimentError::File { path: path.to_owned(), why: why.to_string() }
}

impl Keep {
    /// Opens the folder, which is made if need be.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, ExperimentError> {
        std::fs::create_dir_all(&folder).map_err(|why| file(&folder, why))?;
        let program = std::env::current_exe().map_err(|why| file(&folder, why))?;
        let bytes = std::fs::read(&program).map_err(|why| file(&program, why))?;
        Ok(Self { folder, program: Digest::of("bitneuron lab program v1", &bytes) })
    }

    fn path(&self, trial: &Trial) -> PathBuf {
        let mut hasher = Hasher::new("bitneuron lab run v1");
        let digest = hasher.part(&self.program.0).part(&trial.digest().0).finish();
        self.folder.join(format!("{digest}.json"))
    }

    /// A trial that was finished before. A file that cannot be read counts as none.
    pub(crate) fn find(&self, trial: &Trial) -> Option<Kept> {
        let text = std::fs::read(self.path(trial)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps a run; the file is there whole or not at all.
    pub(crate) fn store(&self, trial: &Trial, run: &Kept) -> Result<(), ExperimentError> {
        let path = self.path(trial);
        let text = serde_json::to_vec(run).map_err(|why| file(&path, why))?;
        let unfinished = path.with_extension("part");
        std::fs::write(&unfinished, text).map_err(|why| file(&unfinished, why))?;
        std::fs::rename(&unfinished, &path).map_err(|why| file(&path, why))
    }
}
