//! Peers: other programs that do the same, run in the same sitting.

pub mod ezkl;
#[cfg(feature = "peers")]
pub mod orderbook;

use crate::Failure;
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Runs `peers/AREA/run.sh` and reads the JSON object that it prints. Its progress stays visible on standard error.
///
/// # Errors
/// The script fails or prints something else.
pub fn script(area: &str) -> Result<Value, Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(area).join("run.sh");
    let output = Command::new(&path).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", path.display(), output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
