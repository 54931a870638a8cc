//! The list of features names tests and programs that exist.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The word after `flag` in a command.
fn after<'a>(command: &'a str, flag: &str) -> Option<&'a str> {
    command.split_whitespace().skip_while(|word| *word != flag).nth(1)
}

/// Why a command of the list shows nothing, if it does not.
fn fault(command: &str) -> Option<String> {
    let package = after(command, "-p").and_then(|name| name.strip_prefix("bitneuron-"));
    let missing = |path: String| Some(path).filter(|path| !root().join(path).exists());
    if let Some(example) = after(command, "--example") {
        let folder = match package {
            None | Some("examples") => "examples".into(),
            Some(package) => format!("crates/{package}"),
        };
        return missing(format!("{folder}/examples/{example}.rs"));
    }
    if let Some((_, area)) = command.split_once("--bin figures -- ") {
        return missing(format!("benches/bars/{area}.json"));
    }
    if command.starts_with("cargo run") {
        let known = ["-- devnet", "-- lab "].iter().any(|program| command.contains(program));
        return Some("another program than the devnet and the lab".into()).filter(|_| !known);
    }
    if let Some((_, module)) = command.split_once("--lib ") {
        let package = package?;
        let file = missing(format!("crates/{package}/src/{module}.rs"));
        let folder = |place: &str| missing(format!("crates/{package}/src/{place}{module}"));
        return file.and_then(|_| folder("")).and_then(|_| folder("backend/"));
    }
    let (Some(package), Some(test)) = (package, after(command, "--test")) else {
        return Some("names a whole crate".into());
    };
    let file = format!("crates/{package}/tests/{test}");
    missing(format!("{file}.rs")).and_then(|_| missing(format!("{file}/main.rs")))
}

#[test]
fn every_row_is_shown_by_something_that_exists() {
    let text = std::fs::read_to_string(root().join("docs/features.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut seen = 0;
    for row in rows {
        let commands: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        assert!(!commands.is_empty(), "nothing shows {row}");
        for command in commands {
            assert_eq!(fault(command), None, "{command} in {row}");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} commands");
}

#[test]
fn what_does_not_exist_is_noticed() {
    for command in [
        "cargo test -p bitneuron-market",
        "cargo test -p bitneuron-market --test nothing",
        "cargo run --release -p bitneuron-examples --example nothing",
        "cargo run --release -- testnet",
    ] {
        assert!(fault(command).is_some(), "{command}");
    }
}
