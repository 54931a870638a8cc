//! Why a model in a file was not compressed or brought back.

use crate::chart::PlotError;
use bitneuron_compress::CompressError;
use bitneuron_compress::safetensors::SafetensorsError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a model in a file was not compressed or brought back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShrinkError {
    /// A file cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file cannot be written.
    #[error("{path}: {error}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file of tensors cannot be understood.
    #[error("{path}: {error}")]
    Tensors {
        /// The file.
        path: PathBuf,
        /// Why.
        error: SafetensorsError,
    },
    /// An archive cannot be understood.
    #[error("{path}: {error}")]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        error: CompressError,
    },
    /// The budget cannot be kept.
    #[error("{0}")]
    Budget(#[from] CompressError),
    /// The plot cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

impl ShrinkError {
    /// What to do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Read { .. } => "is the name right?",
            Self::Write { .. } => "choose another file with --out",
            Self::Tensors { .. } => "save the model as safetensors with finite F32, F64, F16 or BF16 tensors",
            Self::Archive { .. } => "`bitneuron compress` makes files that this reads",
            Self::Budget(_) => "allow more with --budget, such as error:0.1 or bits:4",
            Self::Plot(_) => "this should not happen; please report it",
        }
    }
}
