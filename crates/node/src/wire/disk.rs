//! A validator's memory in a folder: its ledger in one file, the records of the open height in another.
//!
//! A decision is one transaction of the ledger's file; when that is durable, the log is emptied, so that it holds records of the
//! open height, and of one before it if a crash came between. Whoever opens the folder again comes back with the state, the last
//! header and the records: [`Resumed`]. Files are touched on tokio's pool for blocking work.

use super::{Decision, Store};
use bitneuron_consensus::wal::{self, Log as _, LogError};
use bitneuron_consensus::{Block, Certificate};
use bitneuron_core::{Bytes, Height};
use bitneuron_ledger::Genesis;
use bitneuron_ledger::store::{Archive, Decided, Redb, StoreError};
use bitneuron_role::message::Tip;
use bitneuron_role::{History, Resumed};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use tokio::task::spawn_blocking;

/// The file of the ledger.
pub const LEDGER: &str = "ledger.redb";
/// The file of the records.
const LOG: &str = "votes.log";

/// Why a folder cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiskError {
    /// It cannot be made.
    #[error("folder: {0}")]
    Folder(#[from] io::Error),
    /// The ledger in it cannot be read.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// The log in it cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The ledger and the log of one validator.
#[derive(Debug)]
pub struct Disk {
    log: Arc<Mutex<wal::Disk>>,
    chain: Arc<Chain>,
}

/// The ledger, which the role reads and the driver writes.
#[derive(Debug)]
struct Chain(Mutex<Archive<Redb>>);

/// What panicked while it was held has not written anything: both files are opened anew after that.
fn hold<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl History for Chain {
    fn decided(&self, height: Height) -> Option<(Block, Certificate)> {
        let archive = hold(&self.0);
        let block = archive.block(height).ok()??;
        Some((block, archive.certificate(height).ok()??))
    }
}

impl Disk {
    /// Opens a folder, or makes one for a chain at its genesis; with what a validator comes back with.
    ///
    /// # Errors
    /// It cannot be made or read, is open elsewhere, or holds another chain.
    pub fn open(folder: &Path, genesis: &Genesis) -> Result<(Self, Resumed), DiskError> {
        fs::create_dir_all(folder)?;
        let (archive, state) = Archive::open(Redb::open(&folder.join(LEDGER))?, genesis)?;
        let tip = match archive.block(archive.height())? {
            None => None,
            Some(block) => {
                let certificate = archive.certificate(archive.height())?;
                let certificate = certificate.ok_or(StoreError::Missing("last certificate"))?;
                Some(Tip { header: block.header, certificate })
            }
        };
        let mut log = wal::Disk::open(&folder.join(LOG))?;
        let records = log.records()?;
        let chain = Arc::new(Chain(Mutex::new(archive)));
        let resumed = Resumed { state: Arc::new(state), tip, records, history: chain.clone() };
        Ok((Self { log: Arc::new(Mutex::new(log)), chain }, resumed))
    }

    async fn with_log(
        &self,
        work: impl FnOnce(&mut wal::Disk) -> Result<(), LogError> + Send + 'static,
    ) -> io::Result<()> {
        let log = self.log.clone();
        spawn_blocking(move || work(&mut hold(&log)).map_err(io::Error::other)).await?
    }
}

impl Store for Disk {
    async fn persist(&mut self, record: Bytes) -> io::Result<()> {
        self.with_log(move |log| log.append(&record)).await
    }

    async fn sync(&mut self) -> io::Result<()> {
        self.with_log(wal::Disk::sync).await
    }

    async fn keep(&mut self, decision: Decision) -> io::Result<()> {
        let (chain, log) = (self.chain.clone(), self.log.clone());
        let work = move || {
            let Decision { block, certificate, state } = &decision;
            hold(&chain.0).commit(&Decided { block, certificate, state }).map_err(io::Error::other)?;
            // Only now: without them the height would be open, and unrecorded.
            hold(&log).reset().map_err(io::Error::other)
        };
        spawn_blocking(work).await?
    }
}
