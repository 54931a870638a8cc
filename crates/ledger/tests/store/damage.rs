//! Damaged stores: whatever is changed in one, it is told of, or the chain is the same all the same.

use crate::chain::{Height, kept, played, same};
use bitneuron_core::Digest;
use bitneuron_ledger::Genesis;
use bitneuron_ledger::store::{Archive, Memory, Store, StoreError, Table, Write};
use std::ops::ControlFlow;

fn all_rows(store: &Memory) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for table in Table::ALL {
        let scanned = store.scan(table, &[], &mut |key, value| {
            rows.push((table, key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        });
        scanned.expect("reads");
    }
    rows
}

/// Everything that can be read out of an archive, or the first error.
fn read(store: Memory, genesis: &Genesis, last: &Height) -> Result<(), StoreError> {
    let (archive, state) = Archive::open(store, genesis)?;
    // Were the height alone changed, its entries would be another height's, which the root tells.
    assert_eq!(archive.height(), last.block.header.height);
    same(&state, &last.state);
    let mut height = bitneuron_core::Height(0);
    while height < archive.height() {
        height = height.next();
        archive.block(height)?.ok_or(StoreError::Missing("block"))?;
    }
    Ok(())
}

#[test]
fn no_damage_passes_for_another_state() {
    let (genesis, heights) = played();
    let (heights, last) = (&heights[..6], &heights[5]);
    let store = kept(Memory::default(), &genesis, heights).expect("kept").into_store();
    let rows = all_rows(&store);
    let mut seed = 0u64;
    let mut word = || {
        seed += 1;
        Digest::of("bitneuron damage", &seed.to_le_bytes()).to_u64() as usize
    };
    let mut told = 0;
    for (table, key, value) in rows.iter().filter(|(table, ..)| *table != Table::Receipts) {
        for _ in 0..3 {
            let (mut key, mut bytes, mut store) = (key.clone(), value.clone(), store.clone());
            let mut writes = Vec::new();
            match word() % 4 {
                0 => writes.push(Write { table: *table, key, value: None }),
                1 if !key.is_empty() => {
                    writes.push(Write { table: *table, key: key.clone(), value: None });
                    let at = word() % key.len();
                    key[at] ^= 1 << (word() % 8);
                    writes.push(Write { table: *table, key, value: Some(bytes) });
                }
                2 if !bytes.is_empty() => {
                    bytes.truncate(word() % bytes.len());
                    writes.push(Write { table: *table, key, value: Some(bytes) });
                }
                _ if !bytes.is_empty() => {
                    let at = word() % bytes.len();
                    bytes[at] ^= 1 << (word() % 8);
                    writes.push(Write { table: *table, key, value: Some(bytes) });
                }
                _ => continue,
            }
            store.write(writes).expect("memory");
            told += usize::from(read(store, &genesis, last).is_err());
        }
    }
    // What is told of: every entry, every block, the meta data. Indices are only ways to find what is elsewhere.
    assert!(told > 100, "{told}");
}

#[test]
fn every_entry_is_checked_against_the_signed_root() {
    let (genesis, heights) = played();
    let last = heights.last().expect("some");
    let store = kept(Memory::default(), &genesis, &heights).expect("kept").into_store();
    for (table, key, value) in all_rows(&store).into_iter().filter(|(table, ..)| *table == Table::Entries) {
        let mut touched = value.clone();
        *touched.last_mut().expect("a version at least") ^= 1;
        for value in [None, Some(touched)] {
            let mut store = store.clone();
            store.write(vec![Write { table, key: key.clone(), value }]).expect("memory");
            let told = Archive::open(store, &genesis).expect_err("damaged");
            assert!(matches!(told, StoreError::Root { stated, .. } if stated == last.state.root()), "{told}");
        }
    }
}
