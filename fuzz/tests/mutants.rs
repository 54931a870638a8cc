//! Ten thousand mutants of valid inputs and all attacks that are kept, for every target.

use bitneuron_fuzz::{TARGETS, Target, mutant};
use std::{fs, path::PathBuf};

const MUTANTS: u64 = 10_000;

fn target(name: &str) -> Target {
    *TARGETS.iter().find(|target| target.name == name).expect("a target of this name")
}

/// Seeds are accepted, most mutants are not, and none breaks a promise.
fn attack(name: &str) {
    let target = target(name);
    let seeds = (target.seeds)();
    let accepted = |bytes: &[u8]| (target.run)(bytes);
    assert!(!seeds.is_empty());
    let (mut fine, mut refused) = (0, 0);
    for number in 0..MUTANTS {
        if accepted(&mutant(&seeds, number)) { fine += 1 } else { refused += 1 }
    }
    assert!(fine > 10 && refused > 1000, "{name}: {fine} accepted, {refused} refused");
}

#[test]
fn packets() {
    attack("packet");
}

#[test]
fn codecs() {
    attack("codec");
}

#[test]
fn archives() {
    attack("archive");
}

#[test]
fn files_of_tensors() {
    attack("safetensors");
}

#[test]
fn strings_of_the_entropy_coder() {
    attack("entropy");
}

#[test]
fn words_of_the_wire() {
    attack("words");
}

#[test]
fn frames() {
    attack("frame");
}

#[test]
fn tables() {
    attack("table");
}

#[test]
fn proof_files() {
    let target = target("proof");
    let seeds = (target.seeds)();
    for number in 0..MUTANTS {
        (target.run)(&mutant(&seeds, number));
    }
}

#[test]
fn seeds_are_accepted() {
    for target in TARGETS.iter().filter(|target| target.name != "proof") {
        for (place, seed) in (target.seeds)().iter().enumerate() {
            assert!((target.run)(seed), "seed {place} of {}", target.name);
        }
    }
}

/// What once made a target fail, and inputs that come close.
#[test]
fn attacks_that_are_kept() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("attacks");
    for entry in fs::read_dir(folder).expect("the folder of attacks") {
        let entry = entry.expect("readable");
        let target = target(entry.file_name().to_str().expect("a name"));
        for attack in fs::read_dir(entry.path()).expect("a folder") {
            let bytes = fs::read(attack.expect("readable").path()).expect("readable");
            (target.run)(&bytes);
        }
    }
}
