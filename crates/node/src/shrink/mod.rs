//! Models in files at a terminal: [`Shrink`] compresses one to a budget and tells what it chose, [`Restore`] brings it back.
//!
//! ```text
//! model.safetensors ── bitneuron compress ──► model.bnar ── bitneuron decompress ──► model.safetensors
//! ```
//! What is in between is an [`Archive`](bitneuron_compress::Archive): it knows its layout and names its codecs.

mod arguments;
mod budget;
mod compress;
mod curve;
mod decompress;
mod failure;

pub use arguments::{CompressArgs, DecompressArgs, SHRINKING};
pub use budget::{Goal, GoalError};
pub use compress::Shrink;
pub use decompress::Restore;
pub use failure::ShrinkError;

/// How files of compressed models end.
const EXTENSION: &str = "bnar";
