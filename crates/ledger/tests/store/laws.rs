//! The laws of stores, for each of them.

use bitneuron_ledger::store::{Memory, Store, Table, Write};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

fn rows(store: &impl Store, table: Table, prefix: &[u8], most: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let scanned = store.scan(table, prefix, &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        if rows.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    scanned.expect("reads");
    rows
}

fn is_lawful(mut store: impl Store) {
    let mut model = BTreeMap::new();
    assert_eq!(store.get(Table::Entries, b"nothing").expect("reads"), None);
    assert!(rows(&store, Table::Entries, &[], 9).is_empty());
    for round in 0..8u8 {
        let mut writes = Vec::new();
        for n in 0..40u8 {
            let table = if n % 3 == 0 { Table::Receipts } else { Table::Entries };
            let key = vec![n % 4, n.wrapping_mul(round).wrapping_add(7) % 16];
            let value = (n % 5 > 0).then(|| vec![n, round]);
            match value.clone() {
                Some(value) => model.insert((table, key.clone()), value),
                None => model.remove(&(table, key.clone())),
            };
            writes.push(Write { table, key, value });
        }
        store.write(writes).expect("writes");
        for table in [Table::Receipts, Table::Entries, Table::Meta] {
            for prefix in [&[][..], &[2], &[2, 7], &[9]] {
                let all: Vec<_> = model
                    .iter()
                    .filter(|((of, key), _)| *of == table && key.starts_with(prefix))
                    .map(|((_, key), value)| (key.clone(), value.clone()))
                    .collect();
                assert_eq!(rows(&store, table, prefix, usize::MAX), all);
                assert_eq!(rows(&store, table, prefix, 2), all[..all.len().min(2)]);
                all.iter().for_each(|(key, value)| {
                    assert_eq!(store.get(table, key).expect("reads").as_ref(), Some(value));
                });
            }
        }
    }
}

#[test]
fn memory_is_lawful() {
    is_lawful(Memory::default());
}

#[cfg(feature = "redb")]
#[test]
fn redb_is_lawful() {
    is_lawful(bitneuron_ledger::store::Redb::in_memory().expect("opens"));
}
