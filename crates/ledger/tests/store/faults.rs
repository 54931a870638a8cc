//! Storage that is cut off: at every byte of every write, and with any of the writes lost that were not synced.
//!
//! A backend writes down what redb asks of it while blocks are kept. From that every image is made that a crash can leave
//! behind, and opened: it must hold the height before or the height at hand, whole, and the latter once it was acknowledged.

use crate::chain::{Height, played, same};
use bitneuron_core::{Digest, hash::Hasher};
use bitneuron_ledger::store::{Archive, Redb, Store, StoreError, Table, Visit, Write};
use bitneuron_ledger::{Genesis, State};
use redb::StorageBackend;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone)]
enum Op {
    Write(usize, Vec<u8>),
    Length(usize),
    Sync,
}

#[derive(Debug, Default)]
struct Disk {
    image: Vec<u8>,
    ops: Vec<Op>,
}

fn apply(image: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(at, bytes) => image[*at..at + bytes.len()].copy_from_slice(bytes),
        Op::Length(length) => image.resize(*length, 0),
        Op::Sync => {}
    }
}

/// Storage in memory that writes down what was asked of it.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Disk>>);

impl Recorder {
    fn of(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Disk { image, ops: Vec::new() })))
    }

    fn perform(&self, op: Op) {
        let mut disk = self.0.lock().expect("one user");
        apply(&mut disk.image, &op);
        disk.ops.push(op);
    }

    fn image(&self) -> Vec<u8> {
        self.0.lock().expect("one user").image.clone()
    }

    fn take_ops(&self) -> Vec<Op> {
        std::mem::take(&mut self.0.lock().expect("one user").ops)
    }
}

impl StorageBackend for Recorder {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.lock().expect("one user").image.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let disk = self.0.lock().expect("one user");
        let at = offset as usize;
        let bytes = disk.image.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.perform(Op::Length(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.perform(Op::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.perform(Op::Write(offset as usize, data.to_vec()));
        Ok(())
    }
}

/// What a crash left behind holds one of these two heights, whole; which one.
fn survives(image: Vec<u8>, genesis: &Genesis, (old, new): (&State, &Height)) -> bool {
    let store = Redb::on(Recorder::of(image)).expect("opens");
    let (mut archive, state) = Archive::open(store, genesis).expect("whole");
    if state.height() == new.state.height() {
        same(&state, &new.state);
        assert_eq!(archive.block(state.height()).expect("reads").as_ref(), Some(&new.block));
        assert_eq!(archive.receipts(state.height()).expect("reads"), new.state.changes().receipts);
        return true;
    }
    same(&state, old);
    assert_eq!(archive.block(new.state.height()).expect("reads"), None);
    // It goes on as if nothing had happened, to the same state: no fork.
    archive.commit(&new.decided()).expect("follows");
    false
}

fn word(seed: &mut u64) -> usize {
    *seed += 1;
    Digest::of("bitneuron faults", &seed.to_le_bytes()).to_u64() as usize
}

#[test]
fn a_cut_at_any_write_leaves_the_old_height_or_the_new_one() {
    let (genesis, heights) = played();
    let disk = Recorder::default();
    let (mut archive, mut before) =
        Archive::open(Redb::on(disk.clone()).expect("opens"), &genesis).expect("empty");
    disk.take_ops();
    let (mut cuts, mut olds, mut seed) = (0, 0, 0);
    for height in &heights[..5] {
        let start = disk.image();
        archive.commit(&height.decided()).expect("follows");
        let ops = disk.take_ops();
        let both = (&before, height);
        let mut image = start.clone();
        // Where the image last was on the medium for certain, and what was asked for since.
        let (mut synced, mut loose) = (start, Vec::new());
        for op in &ops {
            if let Op::Write(at, bytes) = op {
                for cut in [0, 1, bytes.len() / 2, word(&mut seed) % bytes.len(), bytes.len() - 1] {
                    let mut image = image.clone();
                    apply(&mut image, &Op::Write(*at, bytes[..cut].to_vec()));
                    olds += usize::from(!survives(image, &genesis, both));
                    cuts += 1;
                }
            }
            apply(&mut image, op);
            if matches!(op, Op::Sync) {
                (synced, loose) = (image.clone(), Vec::new());
            } else {
                loose.push(op.clone());
            }
            // Of what was not synced any part may be lost, in any order.
            for _ in 0..2 {
                let mut image = synced.clone();
                image.resize(image.len().max(image_length(&loose)), 0);
                loose
                    .iter()
                    .filter(|_| word(&mut seed).is_multiple_of(2))
                    .for_each(|op| apply(&mut image, op));
                olds += usize::from(!survives(image, &genesis, both));
                cuts += 1;
            }
        }
        assert!(survives(image.clone(), &genesis, both), "an acknowledged height was lost");
        assert!(survives(synced, &genesis, both), "acknowledged before it was synced");
        before = height.state.clone();
    }
    assert!(cuts > 200 && olds > 50 && olds < cuts, "{olds} of {cuts} cuts came before the commit");
}

/// All rows of a store, as one digest: two stores with the same rows open to the same chain.
fn digest_of_rows(store: &Redb) -> Digest {
    let mut hasher = Hasher::new("bitneuron rows");
    for table in Table::ALL {
        hasher.part(table.name().as_bytes());
        let scanned = store.scan(table, &[], &mut |key, value| {
            hasher.part(key).part(value);
            ControlFlow::Continue(())
        });
        scanned.expect("reads");
    }
    hasher.finish()
}

/// The rows of an image.
fn rows(image: Vec<u8>) -> Digest {
    digest_of_rows(&Redb::on(Recorder::of(image)).expect("opens"))
}

/// How many cuts left which rows.
#[derive(Debug, Default)]
struct Cuts {
    old: usize,
    new: usize,
    /// Neither those before nor those after.
    torn: usize,
}

/// Cuts the commits of the first heights at every byte that changes anything, or at every so many bytes outside of the first
/// page, which decides what is valid.
fn cut_bytes<S: Store>(count: usize, stride: usize, store: impl FnOnce(Redb) -> S) -> Cuts {
    let (genesis, heights) = played();
    let disk = Recorder::default();
    let redb = Redb::on(disk.clone()).expect("opens");
    let (mut archive, _) = Archive::open(store(redb), &genesis).expect("empty");
    disk.take_ops();
    let mut cuts = Cuts::default();
    for height in &heights[..count] {
        let mut image = disk.image();
        let old = rows(image.clone());
        archive.commit(&height.decided()).expect("follows");
        let new = rows(disk.image());
        assert!(old != new, "a height changes rows");
        let mut changed = 0usize;
        for op in disk.take_ops() {
            let Op::Write(at, bytes) = &op else {
                apply(&mut image, &op);
                continue;
            };
            for (place, byte) in (*at..).zip(bytes) {
                // The same byte as before gives the same image as before.
                if std::mem::replace(&mut image[place], *byte) == *byte {
                    continue;
                }
                changed += 1;
                if place >= PAGE && !changed.is_multiple_of(stride) {
                    continue;
                }
                let left = rows(image.clone());
                match () {
                    () if left == old => cuts.old += 1,
                    () if left == new => cuts.new += 1,
                    () => cuts.torn += 1,
                }
            }
        }
        assert_eq!(image, disk.image());
    }
    cuts
}

/// A store that writes a height in two parts, each whole.
struct Halved(Redb);

impl Store for Halved {
    fn write(&mut self, mut changes: Vec<Write>) -> Result<(), StoreError> {
        let second = changes.split_off(changes.len() / 2);
        self.0.write(changes)?;
        self.0.write(second)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(table, key)
    }

    fn scan(&self, table: Table, prefix: &[u8], each: &mut Visit<'_>) -> Result<(), StoreError> {
        self.0.scan(table, prefix, each)
    }
}

/// The size of a page of redb.
const PAGE: usize = 4096;

#[test]
fn a_cut_at_any_byte_leaves_the_old_rows_or_the_new_ones() {
    let cuts = cut_bytes(3, 97, |store| store);
    assert!(cuts.torn == 0 && cuts.old > 100 && cuts.new > 10, "{cuts:?}");
}

/// So the test above sees a store that is not whole.
#[test]
fn a_store_that_writes_a_height_in_two_parts_is_found_out() {
    let cuts = cut_bytes(1, 997, Halved);
    assert!(cuts.torn > 0, "{cuts:?}");
}

#[test]
#[ignore = "takes minutes"]
fn a_cut_at_every_byte_leaves_the_old_rows_or_the_new_ones() {
    let cuts = cut_bytes(5, 1, |store| store);
    println!("{cuts:?}");
    assert!(cuts.torn == 0 && cuts.old > 10_000 && cuts.new > 10, "{cuts:?}");
}

fn image_length(ops: &[Op]) -> usize {
    let end = |op: &Op| match op {
        Op::Write(at, bytes) => at + bytes.len(),
        Op::Length(length) => *length,
        Op::Sync => 0,
    };
    ops.iter().map(end).max().unwrap_or(0)
}

/// A store that fails in the middle of a commit says so, and has kept nothing of it.
#[test]
fn a_failing_medium_is_told() {
    #[derive(Debug)]
    struct Full(Recorder);
    impl StorageBackend for Full {
        fn len(&self) -> Result<u64, io::Error> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
            self.0.read(offset, out)
        }
        fn set_len(&self, _: u64) -> Result<(), io::Error> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn sync_data(&self) -> Result<(), io::Error> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn write(&self, _: u64, _: &[u8]) -> Result<(), io::Error> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let (genesis, heights) = played();
    let disk = Recorder::default();
    drop(Archive::open(Redb::on(disk.clone()).expect("opens"), &genesis).expect("empty"));
    let refused = match Redb::on(Full(disk.clone())) {
        Err(refused) => refused,
        Ok(store) => {
            let (mut archive, _) = Archive::open(store, &genesis).expect("reads");
            archive.commit(&heights[0].decided()).expect_err("full")
        }
    };
    assert!(matches!(refused, StoreError::Medium(_)), "{refused}");
    let (archive, state) = Archive::open(Redb::on(disk).expect("opens"), &genesis).expect("whole");
    same(&state, &State::genesis(&genesis).expect("valid"));
    assert_eq!(archive.height().0, 0);
}

/// Whatever stands in a file, opening it ends with an error or with the chain.
#[test]
fn damaged_files_are_told() {
    let (genesis, heights) = played();
    let disk = Recorder::default();
    let mut archive = Archive::open(Redb::on(disk.clone()).expect("opens"), &genesis).expect("empty").0;
    heights[..2].iter().for_each(|height| archive.commit(&height.decided()).expect("follows"));
    drop(archive);
    let (image, mut seed) = (disk.image(), 0);
    for round in 0..200 {
        let mut image = image.clone();
        match round % 4 {
            0 => image.truncate(word(&mut seed) % image.len()),
            1 => image = (0..word(&mut seed) % 20_000).map(|_| word(&mut seed) as u8).collect(),
            _ => (0..=word(&mut seed) % 50).for_each(|_| {
                let at = word(&mut seed) % image.len();
                image[at] ^= 1 << (word(&mut seed) % 8);
            }),
        }
        let opened = Redb::on(Recorder::of(image)).and_then(|store| Archive::open(store, &genesis));
        if let Ok((_, state)) = opened {
            assert!([0, 1, 2].contains(&state.height().0));
        }
    }
}
