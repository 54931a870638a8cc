//! The folder in which a network's validators keep their ledgers.

use crate::cli::{Cli, Command};
use crate::wire::LEDGER;
use bitneuron_ledger::Genesis;
use bitneuron_ledger::store::{Archive, Decided, Redb, StoreError};
use bitneuron_sim::scenario::Scenario;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The command line that made the network.
const NETWORK: &str = "devnet.txt";

/// Why a folder of ledgers cannot be made or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HomeError {
    /// The folder cannot be made, read or written.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are ledgers in it already.
    #[error("{} holds the ledgers of another network", .0.display())]
    Taken(PathBuf),
    /// There is no ledger in it.
    #[error("no ledger in {}", .0.display())]
    Empty(PathBuf),
    /// A ledger cannot be read or written.
    #[error("{}: {source}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// The command line that made it cannot be read.
    #[error("{} is no command line of a devnet", .0.display())]
    Network(PathBuf),
}

impl HomeError {
    /// What a person can do about it, one sentence.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "Choose a folder that can be read and written.",
            Self::Taken(_) => "Choose a new folder, or remove the old ledgers first.",
            Self::Empty(_) => "Make one with `bitneuron devnet --home FOLDER`.",
            Self::Store { .. } => "The file is damaged, in use by another program, or no ledger.",
            Self::Network(_) => {
                "Write the devnet's command line into it again, beginning with `bitneuron devnet`."
            }
        }
    }
}

/// Where the ledgers of a running network go.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    archives: BTreeMap<usize, (PathBuf, Archive<Redb>)>,
}

/// Which ledger is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The folder of a network, of one validator, or the file itself.
    pub path: PathBuf,
    /// Which validator of a network.
    pub validator: u32,
}

fn of_validator(folder: &Path, validator: usize) -> PathBuf {
    folder.join(format!("validator-{validator}"))
}

impl Home {
    /// Makes a folder for a network that was asked for by this command line.
    ///
    /// # Errors
    /// It cannot be made, or holds ledgers.
    pub fn make(folder: &Path, line: &str) -> Result<Self, HomeError> {
        let put = |path: &Path, done: io::Result<()>| {
            done.map_err(|source| HomeError::Folder { path: path.into(), source })
        };
        put(folder, fs::create_dir_all(folder))?;
        let network = folder.join(NETWORK);
        if network.exists() || of_validator(folder, 0).exists() {
            return Err(HomeError::Taken(folder.into()));
        }
        put(&network, fs::write(&network, format!("{line}\n")))?;
        Ok(Self { folder: folder.into(), archives: BTreeMap::new() })
    }

    /// Keeps what a validator decided.
    ///
    /// # Errors
    /// Its ledger cannot be written.
    pub fn keep(
        &mut self,
        genesis: &Genesis,
        validator: usize,
        decided: &Decided<'_>,
    ) -> Result<(), HomeError> {
        if !self.archives.contains_key(&validator) {
            let folder = of_validator(&self.folder, validator);
            fs::create_dir_all(&folder)
                .map_err(|source| HomeError::Folder { path: folder.clone(), source })?;
            let path = folder.join(LEDGER);
            let opened = Redb::open(&path).and_then(|store| Archive::open(store, genesis));
            let (archive, _) = opened.map_err(|source| HomeError::Store { path: path.clone(), source })?;
            self.archives.insert(validator, (path, archive));
        }
        let Some((path, archive)) = self.archives.get_mut(&validator) else { return Ok(()) };
        archive.commit(decided).map_err(|source| HomeError::Store { path: path.clone(), source })
    }
}

impl Wanted {
    /// The file.
    ///
    /// # Errors
    /// There is none.
    pub fn file(&self) -> Result<PathBuf, HomeError> {
        let Self { path, validator } = self;
        let folder = of_validator(path, *validator as usize);
        let places = [path.clone(), path.join(LEDGER), folder.join(LEDGER)];
        places.into_iter().find(|place| place.is_file()).ok_or_else(|| HomeError::Empty(path.clone()))
    }

    /// The scenario of the network to which it belongs.
    ///
    /// # Errors
    /// The command line that made it is not there or cannot be read.
    pub fn scenario(&self) -> Result<Scenario, HomeError> {
        let above = self.path.ancestors().map(|folder| folder.join(NETWORK));
        let network = above.take(3).find(|file| file.is_file());
        let network = network.ok_or_else(|| HomeError::Network(self.path.join(NETWORK)))?;
        let line = fs::read_to_string(&network)
            .map_err(|source| HomeError::Folder { path: network.clone(), source })?;
        match Cli::read(line.split_whitespace()) {
            Ok(Command::Devnet(devnet)) => Ok(devnet.scenario),
            _ => Err(HomeError::Network(network)),
        }
    }
}
