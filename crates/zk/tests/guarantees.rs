//! The README's tables of guarantees are those that the verifiers give.
#![cfg(feature = "sumcheck")]
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/guarantees.rs"]
mod example;

#[test]
fn the_tables_in_the_readme_are_true() {
    let readme = include_str!("../README.md");
    for table in [example::claims().unwrap(), example::groups().unwrap()] {
        assert!(readme.contains(table.trim()), "README.md should hold\n{table}");
    }
}
