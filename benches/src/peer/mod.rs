//! Peers: other programs that do the same, run in the same sitting.

pub mod ezkl;
#[cfg(feature = "peers")]
pub mod orderbook;
pub mod tensors;

use crate::Failure;
use serde_json::Value;
use std::{
    ffi::OsString,
    path::Path,
    process::{Command, Stdio},
};

/// Runs `peers/AREA/run.sh` with these arguments and reads the JSON object that it prints. Its progress stays visible on standard
/// error.
///
/// # Errors
/// The script fails or prints something else.
pub fn script(area: &str, arguments: &[OsString]) -> Result<Value, Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(area).join("run.sh");
    let output =
        Command::new(&path).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", path.display(), output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
