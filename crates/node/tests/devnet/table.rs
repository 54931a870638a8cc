//! The live table, line by line.

use crate::fixture;
use bitneuron_node::devnet::table;

const GOLDEN: [&str; 5] = [
    "              virtual validators         users     bytes                    deals         claims             tokens",
    "round height     time       mean  worst   mean      sent  saving finality    paid   back    good refuted    slashed",
    "    1      4    2.0 s      41.1%  28.4%  48.9%  119.3 kB    3.9×   167 ms      48      1      58       2       2.00",
    "   15     60   30.0 s      90.8%  85.3%  86.7%    1.8 MB    3.9×   160 ms     720     15     870      30     530.00",
    "   60    240  120.0 s      97.3%  96.5%  97.0%    7.2 MB    3.9×   166 ms   2,880     60   3,480     120     620.00",
];

#[test]
fn lines_are_aligned_and_say_what_they_should() {
    let report = fixture::report();
    let lines = [0, 14, 59].map(|at| table::line(&report.history[at]));
    let told = format!("{}\n{}", table::header(), lines.join("\n"));
    assert_eq!(told, GOLDEN.join("\n"), "\n{told}");
}

#[test]
fn columns_end_where_their_heads_end() {
    let report = fixture::report();
    let width = |text: &str| text.chars().count();
    let header = table::header();
    let names = header.lines().last().expect("two lines");
    for round in &report.history {
        let line = table::line(round);
        assert_eq!(width(&line), width(names), "{line}");
        assert!(width(&line) <= 120, "{line}");
    }
}
