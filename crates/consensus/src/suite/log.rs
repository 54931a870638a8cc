//! The laws of [`crate::wal::Log`], tested by appending, syncing, crashing and forgetting in many orders.

use super::{Law, Violation, require};
use crate::wal::{Log, LogError};
use bitneuron_core::{Bytes, Seed};

/// Tests a log. `crash` lets it die as a crash would and opens it anew.
///
/// # Errors
/// The first law that does not hold; a log that fails by itself breaks durability.
pub fn check<L: Log>(log: L, crash: &mut dyn FnMut(L) -> Result<L, LogError>) -> Result<(), Violation> {
    let failed = |error: LogError| Violation { law: Law::Durability, case: error.to_string() };
    let refused = |log: &mut L| matches!(log.append(&[]), Err(LogError::Empty));
    let (mut log, seed) = (log, Seed::from_number(9));
    let (mut appended, mut synced): (Vec<Bytes>, usize) = (Vec::new(), 0);
    log.reset().map_err(failed)?;
    for step in 0..400 {
        let [what, length, byte, ..] = seed.derive_number("step", step).0;
        match what % 16 {
            0..=8 => {
                let record = Bytes(vec![byte; usize::from(length) * 40 + 1]);
                log.append(&record).map_err(failed)?;
                appended.push(record);
            }
            9..=11 => {
                log.sync().map_err(failed)?;
                synced = appended.len();
            }
            12..=13 => {
                log = crash(log).map_err(failed)?;
                let left = log.records().map_err(failed)?;
                require(appended.starts_with(&left), Law::Prefix, || format!("step {step}"))?;
                require(left.len() >= synced, Law::Durability, || format!("step {step}"))?;
                (synced, appended) = (left.len(), left);
            }
            14 => {
                require(refused(&mut log), Law::Prefix, || "it took an empty record".into())?;
            }
            _ => {
                log.reset().map_err(failed)?;
                log = crash(log).map_err(failed)?;
                let left = log.records().map_err(failed)?;
                require(left.is_empty(), Law::Forgetting, || format!("step {step}"))?;
                (synced, appended) = (0, left);
            }
        }
        let records = log.records().map_err(failed)?;
        require(records == appended, Law::Prefix, || format!("step {step}, alive"))?;
    }
    Ok(())
}
