//! `bitneuron decompress`.

use super::ShrinkError;
use crate::number;
use bitneuron_compress::{Archive, Limits, Registry, safetensors};
use std::io::Write;
use std::path::PathBuf;

/// What one file may take: a gigabyte of packet, 2³⁰ values.
const LIMITS: Limits = Limits { bytes: 1 << 30, elements: 1 << 30 };

/// An archive to bring back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The archive.
    pub file: PathBuf,
    /// The file of tensors; beside the archive when none is named.
    pub out: Option<PathBuf>,
}

impl Restore {
    /// Reads, decodes, writes and tells of it.
    ///
    /// # Errors
    /// Why there is no file.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), ShrinkError> {
        let path = self.file.clone();
        let bytes = std::fs::read(&path).map_err(|error| ShrinkError::Read { path: path.clone(), error })?;
        let failed = |error| ShrinkError::Archive { path: path.clone(), error };
        let archive = Archive::from_bytes(&bytes, LIMITS).map_err(failed)?;
        let params =
            Registry::standard().decompress(&archive.packet, &archive.layout, LIMITS).map_err(failed)?;
        let target = self.out.clone().unwrap_or_else(|| path.with_extension("restored.safetensors"));
        let tensors = safetensors::write(&params)
            .map_err(|error| ShrinkError::Tensors { path: target.clone(), error })?;
        std::fs::write(&target, &tensors)
            .map_err(|error| ShrinkError::Write { path: target.clone(), error })?;
        let (name, count) = (target.display(), archive.layout.entries().len() as u64);
        let values = number::counted(params.values().len() as u64, "value");
        // Nobody is left to hear that standard output is closed.
        let _ = writeln!(out, "wrote {name}: {}, {values}", number::counted(count, "tensor"));
        Ok(())
    }
}
