//! A log in one file, by `arc-malachitebft-wal`, which nothing else names.
//!
//! The file's form is that library's: a header, then records with length and checksum. What stands at the end of a file after a
//! crash may be half a record, or room that was never written. Such an end was never synced, so it is cut off; a damaged record
//! with others after it may have been, so it is told.

use super::{Log, LogError};
use arc_malachitebft_wal as wal;
use bitneuron_core::Bytes;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// The length of a file's header: version and number.
const HEADER: u64 = 4 + 8;
/// What stands before each record: a flag, its length and its checksum.
const RECORD: u64 = 1 + 8 + 4;

/// A file of records, locked as long as it is open.
#[derive(Debug)]
pub struct Disk {
    file: wal::Log,
}

/// The name under which a new log is prepared.
fn draft(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Makes the names in a folder durable, where folders are files.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) { File::open(folder.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}

impl Disk {
    /// Opens a log, or makes an empty one.
    ///
    /// # Errors
    /// It cannot be opened, is open elsewhere, or is no log.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        if !path.try_exists()? {
            // A header that a crash cut short could not be told from damage. So the file gets its name when it is whole.
            let draft = draft(path);
            if draft.try_exists()? {
                fs::remove_file(&draft)?;
            }
            drop(wal::Log::open(&draft)?);
            fs::rename(&draft, path)?;
            sync_folder(path)?;
        }
        let mut log = Self { file: wal::Log::open(path)? };
        log.cut()?;
        Ok(log)
    }

    /// The records up to the first that cannot be read, and whether there is such a one.
    fn read(&mut self) -> Result<(Vec<Bytes>, bool), LogError> {
        let mut sound = Vec::new();
        for record in self.file.iter()? {
            match record {
                // An empty record is room that was never written: its checksum is zero too.
                Ok(bytes) if !bytes.is_empty() => sound.push(Bytes(bytes)),
                _ => return Ok((sound, true)),
            }
        }
        Ok((sound, false))
    }

    /// Cuts off an end that was never synced.
    fn cut(&mut self) -> Result<(), LogError> {
        let (sound, torn) = self.read()?;
        if !torn {
            return Ok(());
        }
        if self.goes_on_after(&sound)? {
            return Err(LogError::Damaged(sound.len()));
        }
        self.file.truncate(sound.len() as u64)?;
        Ok(self.file.flush()?)
    }

    /// Whether anything was written behind the record that follows on these.
    fn goes_on_after(&self, sound: &[Bytes]) -> Result<bool, LogError> {
        let before: u64 = sound.iter().map(|record| RECORD.saturating_add(record.len() as u64)).sum();
        let mut file = File::open(self.file.path())?;
        file.seek(SeekFrom::Start(HEADER.saturating_add(before).saturating_add(1)))?;
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let end = HEADER.saturating_add(before).saturating_add(RECORD);
        file.seek(SeekFrom::Start(end.saturating_add(u64::from_be_bytes(length))))?;
        let mut rest = Vec::new();
        file.read_to_end(&mut rest)?;
        Ok(rest.iter().any(|byte| *byte != 0))
    }
}

impl Log for Disk {
    fn append(&mut self, record: &[u8]) -> Result<(), LogError> {
        if record.is_empty() {
            return Err(LogError::Empty);
        }
        Ok(self.file.append(record)?)
    }

    fn sync(&mut self) -> Result<(), LogError> {
        Ok(self.file.flush()?)
    }

    fn records(&mut self) -> Result<Vec<Bytes>, LogError> {
        let (records, torn) = self.read()?;
        if torn { Err(LogError::Damaged(records.len())) } else { Ok(records) }
    }

    fn reset(&mut self) -> Result<(), LogError> {
        // The library numbers logs; records name their heights themselves.
        let next = self.file.sequence().wrapping_add(1);
        Ok(self.file.reset(next)?)
    }
}
