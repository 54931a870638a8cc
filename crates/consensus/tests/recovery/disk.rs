//! The log in a file: lawful, and cut off at any byte.

use bitneuron_consensus::{
    suite::log,
    wal::{Disk, Log as _, LogError, Memory},
};
use bitneuron_core::Bytes;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A folder of this test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("bitneuron-log-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn memory_is_lawful_with_every_loss() {
    for lost in 0..4 {
        let mut crash = |mut memory: Memory| {
            memory.crash(lost);
            Ok(memory)
        };
        assert_eq!(log::check(Memory::default(), &mut crash), Ok(()));
    }
}

#[test]
fn a_file_is_lawful() {
    let folder = Folder::new("laws");
    let path = folder.path("log");
    let mut crash = |disk: Disk| {
        drop(disk);
        Disk::open(&path)
    };
    assert_eq!(log::check(Disk::open(&path).expect("opens"), &mut crash), Ok(()));
    let open = Disk::open(&path).expect("opens");
    assert!(matches!(Disk::open(&path), Err(LogError::Medium(_))), "one at a time");
    drop(open);
    assert!(Disk::open(&folder.path("no such folder/log")).is_err());
}

fn written(path: &Path) -> (Vec<Bytes>, Vec<u8>) {
    let records: Vec<_> = (1..9u8).map(|n| Bytes(vec![n; usize::from(n) * 5])).collect();
    let mut disk = Disk::open(path).expect("opens");
    records.iter().for_each(|record| disk.append(record).expect("appends"));
    disk.sync().expect("syncs");
    drop(disk);
    (records, fs::read(path).expect("reads"))
}

#[test]
fn a_file_cut_off_at_any_byte_holds_a_prefix() {
    let folder = Folder::new("cuts");
    let (records, image) = written(&folder.path("whole"));
    let path = folder.path("cut");
    let (mut counts, header) = (vec![0; records.len() + 1], 12);
    for cut in header..=image.len() {
        // What is behind the cut is not there, or was never written.
        for room in [0, 40] {
            let mut torn = image[..cut].to_vec();
            torn.resize(cut + room, 0);
            fs::write(&path, &torn).expect("writes");
            let mut disk = Disk::open(&path).expect("opens");
            let left = disk.records().expect("reads");
            assert!(records.starts_with(&left), "cut at {cut} with {room} bytes of room");
            counts[left.len()] += 1;
            // It goes on behind what is left.
            disk.append(b"next").expect("appends");
            disk.sync().expect("syncs");
            drop(disk);
            let after = Disk::open(&path).expect("opens").records().expect("reads");
            assert_eq!(after.len(), left.len() + 1);
            assert_eq!(after.last(), Some(&Bytes(b"next".to_vec())));
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[test]
fn a_damaged_record_in_the_middle_is_told() {
    let folder = Folder::new("damage");
    let (records, image) = written(&folder.path("whole"));
    let path = folder.path("damaged");
    let (mut told, mut cut) = (0, 0);
    for at in 12..image.len() {
        let mut damaged = image.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).expect("writes");
        match Disk::open(&path).and_then(|mut disk| disk.records()) {
            Ok(left) => {
                assert!(records.starts_with(&left) && left.len() < records.len(), "byte {at}");
                cut += 1;
            }
            Err(LogError::Damaged(_) | LogError::Medium(_)) => told += 1,
            Err(LogError::Empty) => panic!("nothing was appended"),
            Err(other) => panic!("{other}"),
        }
    }
    // Only the last record, and what a false length makes the last, can be taken for an end that was never synced.
    assert!(told > cut && cut > 0, "{told} told, {cut} cut");
}

#[test]
fn a_log_whose_making_was_cut_off_is_made_again() {
    let folder = Folder::new("making");
    let path = folder.path("log");
    for torn in 0..12 {
        fs::write(folder.path("log.new"), vec![0; torn]).expect("writes");
        let _ = fs::remove_file(&path);
        assert!(Disk::open(&path).expect("made").records().expect("reads").is_empty());
    }
    fs::write(&path, [0; 7]).expect("writes");
    let refused = Disk::open(&path).expect_err("no header");
    assert!(matches!(&refused, LogError::Medium(why) if why.kind() != io::ErrorKind::NotFound), "{refused}");
}
