//! A store that lasts as long as the process: for tests and for networks in one process.

use super::{Store, StoreError, Table, Visit, Write};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Tables in memory. A copy is a copy.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

impl Store for Memory {
    fn write(&mut self, changes: Vec<Write>) -> Result<(), StoreError> {
        for Write { table, key, value } in changes {
            match value {
                Some(value) => self.rows.insert((table, key), value),
                None => self.rows.remove(&(table, key)),
            };
        }
        Ok(())
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows.get(&(table, key.to_vec())).cloned())
    }

    fn scan(&self, table: Table, prefix: &[u8], each: &mut Visit<'_>) -> Result<(), StoreError> {
        let from = Bound::Included((table, prefix.to_vec()));
        for ((of, key), value) in self.rows.range((from, Bound::Unbounded)) {
            if *of != table || !key.starts_with(prefix) || each(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}
