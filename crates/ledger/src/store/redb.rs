//! A store in one file, by `redb`, which nothing else names.
//!
//! All changes of a height are one transaction of redb, whose commit syncs the file before it returns.

use super::{Store, StoreError, Table, Visit, Write};
use ::redb::{
    Builder, Database, DatabaseError, ReadOnlyTable, ReadableDatabase as _, StorageBackend, TableDefinition,
    TableError, backends::InMemoryBackend,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;
type Open = ReadOnlyTable<&'static [u8], &'static [u8]>;

const fn rows(table: Table) -> Rows {
    TableDefinition::new(table.name())
}

/// A file with the tables of a ledger. Only one may be open on a file at a time.
#[derive(Debug)]
pub struct Redb {
    /// There until it is dropped.
    database: Option<Database>,
}

/// How much of the file is held in memory at most, in bytes.
const CACHE: usize = 64 << 20;

fn medium(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Medium(Box::new(error))
}

/// What redb finds impossible it panics about, and a damaged file makes much possible: that too is an error here.
fn contained<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // A store that failed is opened anew before it is used again, so nothing half done is looked at.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(StoreError::Damaged("file")))
}

fn create(make: impl FnOnce(&Builder) -> Result<Database, DatabaseError>) -> Result<Redb, StoreError> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    contained(|| make(&builder).map(|database| Redb { database: Some(database) }).map_err(medium))
}

impl Redb {
    /// Opens a file, or makes it.
    ///
    /// # Errors
    /// It cannot be opened, is open elsewhere, or is no such file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        create(|builder| builder.create(path))
    }

    /// Opens what somebody else stores: for tests that let storage fail.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn on(backend: impl StorageBackend) -> Result<Self, StoreError> {
        create(|builder| builder.create_with_backend(backend))
    }

    /// A store in memory that takes the same way as one in a file.
    ///
    /// # Errors
    /// None that are known.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::on(InMemoryBackend::new())
    }

    fn open_database(&self) -> Result<&Database, StoreError> {
        self.database.as_ref().ok_or(StoreError::Missing("open file"))
    }

    fn put(&self, changes: &[Write]) -> Result<(), StoreError> {
        let transaction = self.open_database()?.begin_write().map_err(medium)?;
        for table in Table::ALL {
            let mut open = transaction.open_table(rows(table)).map_err(medium)?;
            for Write { key, value, .. } in changes.iter().filter(|change| change.table == table) {
                match value {
                    Some(value) => open.insert(key.as_slice(), value.as_slice()).map(drop).map_err(medium)?,
                    None => open.remove(key.as_slice()).map(drop).map_err(medium)?,
                }
            }
        }
        transaction.commit().map_err(medium)
    }

    fn table(&self, table: Table) -> Result<Option<Open>, StoreError> {
        let transaction = self.open_database()?.begin_read().map_err(medium)?;
        match transaction.open_table(rows(table)) {
            Ok(open) => Ok(Some(open)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(medium(error)),
        }
    }
}

impl Drop for Redb {
    /// Closing writes too, and what it finds in a damaged file it may panic about. What was kept is kept by then.
    fn drop(&mut self) {
        let database = self.database.take();
        let _ = contained(|| {
            drop(database);
            Ok(())
        });
    }
}

impl Store for Redb {
    fn write(&mut self, changes: Vec<Write>) -> Result<(), StoreError> {
        contained(|| self.put(&changes))
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        contained(|| {
            let Some(open) = self.table(table)? else { return Ok(None) };
            Ok(open.get(key).map_err(medium)?.map(|value| value.value().to_vec()))
        })
    }

    fn scan(&self, table: Table, prefix: &[u8], each: &mut Visit<'_>) -> Result<(), StoreError> {
        contained(|| {
            let Some(open) = self.table(table)? else { return Ok(()) };
            for row in open.range(prefix..).map_err(medium)? {
                let (key, value) = row.map_err(medium)?;
                if !key.value().starts_with(prefix) || each(key.value(), value.value()).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}
