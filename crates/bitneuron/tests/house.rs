//! The architecture as a test: who may know whom, and which foreign crate stands in which room.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each crate with the crates of this workspace that it may use (ARCHITECTURE.md, "Who may know whom").
const HOUSE: [(&str, &[&str]); 14] = [
    ("core", &[]),
    ("compress", &["core"]),
    ("learning", &["core", "compress"]),
    ("zk", &["core"]),
    ("market", &["core"]),
    ("consensus", &["core"]),
    ("ledger", &["core", "market", "consensus"]),
    ("net", &["core"]),
    ("role", &["core", "compress", "learning", "zk", "market", "consensus", "ledger", "net"]),
    ("sim", &["core", "compress", "learning", "zk", "market", "consensus", "ledger", "net", "role"]),
    ("node", &["core", "compress", "learning", "zk", "market", "consensus", "ledger", "net", "role", "sim"]),
    ("examples", &["bitneuron"]),
    ("benches", &["bitneuron"]),
    ("fuzz", &["bitneuron"]),
];

/// Foreign crates that one crate alone may use.
const ROOMS: [(&str, &str); 18] = [
    ("bincode", "core"),
    ("ed25519-dalek", "core"),
    ("curve25519-dalek", "core"),
    ("vrf-rfc9381", "core"),
    ("jmt", "ledger"),
    ("imbl", "ledger"),
    ("redb", "ledger"),
    ("faer", "compress"),
    ("prost", "learning"),
    ("arc-malachitebft-core-consensus", "consensus"),
    ("arc-malachitebft-core-types", "consensus"),
    ("arc-malachitebft-wal", "consensus"),
    ("clap", "node"),
    ("indicatif", "node"),
    ("plotters", "node"),
    ("tokio", "node"),
    ("p3-whir", "zk"),
    ("spartan2", "zk"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".into()])
        .exec()
        .unwrap()
}

fn word(package: &str) -> &str {
    package.strip_prefix("bitneuron-").unwrap_or(package)
}

/// The normal dependencies of each crate of the workspace.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let normal = |kind: DependencyKind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    metadata()
        .packages
        .iter()
        .map(|package| {
            let used =
                package.dependencies.iter().filter(|used| normal(used.kind)).map(|used| used.name.clone());
            (word(&package.name).to_owned(), used.collect())
        })
        .collect()
}

#[test]
fn nobody_knows_whom_it_may_not() {
    let edges = edges();
    let house: BTreeMap<&str, BTreeSet<&str>> =
        HOUSE.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    for (from, used) in &edges {
        let ours = used.iter().filter(|name| name.starts_with("bitneuron")).map(|name| word(name));
        for to in ours {
            let allowed = match from.as_str() {
                "bitneuron" => to != "node" && to != "bitneuron",
                other => {
                    house.get(other).unwrap_or_else(|| panic!("{other} is not in the house")).contains(to)
                }
            };
            assert!(allowed, "{from} may not know {to}");
        }
    }
    for (name, _) in HOUSE {
        assert!(edges.contains_key(name), "{name} is missing");
    }
}

#[test]
fn foreign_engines_stay_in_their_rooms() {
    // Examples and benches are programs of their own.
    for (from, used) in edges().into_iter().filter(|(from, _)| from != "examples" && from != "benches") {
        for (engine, room) in ROOMS {
            assert!(from == room || !used.contains(engine), "{from} uses {engine}, which belongs to {room}");
        }
    }
}

/// Whoever asks the facade for suites gets all there are.
#[test]
fn the_facade_passes_every_suite_on() {
    let packages = metadata().packages;
    let facade = packages.iter().find(|package| *package.name == "bitneuron").unwrap();
    let passed: BTreeSet<&str> = facade.features["suite"].iter().map(String::as_str).collect();
    let suites = packages.iter().filter(|package| package.features.contains_key("suite"));
    for name in suites.map(|package| package.name.as_str()).filter(|name| *name != "bitneuron") {
        assert!(
            passed.contains(format!("{name}?/suite").as_str()),
            "the facade does not pass on the suite of {name}"
        );
    }
}

/// Every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn foreign_types_stay_in_their_modules() {
    // (the name as it stands in code, where alone it may stand)
    let rooms = [
        ("bincode::", "crates/core/src/codec.rs"),
        ("arc_malachitebft_core", "crates/consensus/src/malachite"),
        ("arc_malachitebft_peer", "crates/consensus/src/malachite"),
        ("arc_malachitebft_wal", "crates/consensus/src/wal/disk"),
        ("faer::", "crates/compress/src/linalg"),
        ("spartan2::", "crates/zk/src/backend/spartan"),
    ];
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    for file in files.iter().filter(|file| file.components().any(|part| part.as_os_str() == "src")) {
        let text = std::fs::read_to_string(file).unwrap();
        let place = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        for (name, room) in rooms {
            assert!(place.starts_with(room) || !text.contains(name), "{place} names {name}");
        }
    }
}

#[test]
fn no_crate_needs_unsafe_code() {
    let crates =
        HOUSE.iter().map(|(name, _)| *name).filter(|name| !matches!(*name, "examples" | "benches" | "fuzz"));
    for name in crates.chain(["bitneuron"]) {
        let lib = std::fs::read_to_string(root().join("crates").join(name).join("src/lib.rs")).unwrap();
        assert!(lib.contains("#![forbid(unsafe_code)]"), "{name} does not forbid unsafe code");
    }
}
