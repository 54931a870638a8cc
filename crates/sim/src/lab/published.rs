//! The experiments whose tables are published, so that anybody can play them again.

use super::{
    Experiment, ExperimentError, Results,
    report::{Line, Plot, Scale, bytes, heat},
};
use std::fmt::Write as _;

/// Rules of the published matrix. Where a quarter of all nodes lies, some node has more than a quarter of liars around it, so
/// what can be told a share is told two fifths.
const RULES: [&str; 12] = [
    "default",
    "mean",
    "median",
    "trimmed:f=0.4",
    "geomed",
    "krum:f=0.4",
    "multikrum:f=0.4",
    "cclip",
    "clipgossip:f=0.4",
    "monna:f=0.4",
    "nnm:f=0.4+trimmed:f=0.4",
    "filtered",
];
/// Attacks of the published matrix.
const ATTACKS: [&str; 12] = [
    "none",
    "signflip",
    "ipm:strength=2",
    "ipm-optimal",
    "alie:z=1.5",
    "alie-optimal",
    "mimic",
    "dissensus",
    "gauss:sigma=10",
    "huge",
    "labelflip",
    "backdoor",
];
/// Codecs of the frontier.
const CODECS: [&str; 14] = [
    "dense",
    "f16",
    "e4m3",
    "int8",
    "int4",
    "nf4",
    "uniform:6",
    "uniform:4",
    "rotated:4",
    "rotated:2",
    "ecsq:50",
    "ecsq:150",
    "ecsq:300",
    "tt:200",
];

/// Codecs of the frontier that carry differences.
const DIFFERENCES: [&str; 4] = ["ecsq:300", "top:10", "top:50", "stc:50"];

impl Experiment {
    /// Rules by attacks by codecs by partitions, on a random regular graph where a quarter of the nodes lies.
    ///
    /// # Errors
    /// None but those of a library that lost a key.
    pub fn matrix(quick: bool) -> Result<Self, ExperimentError> {
        let seeds = if quick { 1 } else { 3 };
        let mut experiment = Self::new("Rules against attacks")
            .with("merge", RULES)?
            .with("attack", ATTACKS)?
            .with("partition", ["iid", "dirichlet:1", "dirichlet:0.5", "shards:2"])?
            .with("codec", ["dense", "ecsq:100"])?
            .with("topology", ["regular:16"])?
            .with("rounds", [40])?
            .with_seeds(1..=seeds);
        experiment.about = "Forty nodes learn digits by softmax regression on a random graph of 16 neighbours each. A quarter of \
                        them attacks: they speak last in every round, know each other and pool all that they see of the honest \
                        nodes. What is shown is the mean accuracy of the honest nodes on rows that nobody learned from."
        .into();
        Ok(experiment)
    }

    /// Accuracy against bytes for each codec in gossip (Algorithm 1) among a hundred nodes.
    ///
    /// # Errors
    /// As [`Experiment::matrix`].
    pub fn frontier(quick: bool) -> Result<Self, ExperimentError> {
        let (rounds, seeds) = if quick { (20, 1) } else { (100, 3) };
        let mut experiment = Self::new("Accuracy against bytes")
            .with("codec", CODECS)?
            .with("exchange", ["pairs"])?
            .with("merge", ["mean"])?
            .with("topology", ["regular:20"])?
            .with("nodes", [100])?
            .with("rounds", [rounds])?
            .with("delay", ["0.1"])?
            .with_also([Self::new("differences")
                .with("exchange", ["choco"])?
                .with("topology", ["regular:4"])?
                .with("rounds", [10 * rounds])?
                .with("codec", DIFFERENCES)?])
            .with_seeds(1..=seeds);
        experiment.about = "A hundred nodes learn digits by gossip, one model to one random neighbour in each period, and every model \
                        travels through a codec (Δ: CHOCO, where the difference from what four neighbours know travels, in ten times the rounds). Bytes are those of the codec's packets, of all nodes together."
        .into();
        Ok(experiment)
    }
}

/// The drawing of a matrix: the worst of all partitions and codecs for each rule and attack.
pub fn matrix_file(results: &Results) -> (&'static str, String) {
    ("matrix.svg", heat(results))
}

/// A codec and, where differences travel, that they do.
fn named(cell: &super::Cell<'_>) -> String {
    match cell.get("exchange") {
        "choco" => format!("Δ {}", cell.get("codec")),
        _ => cell.get("codec").to_owned(),
    }
}

/// The drawing of a frontier and its table in Markdown.
pub fn frontier_files(results: &Results) -> [(&'static str, String); 2] {
    let cells = results.cells();
    let line = |cell: &super::Cell<'_>| {
        let curve = cell.curve(|point| point.bytes as f64).into_iter();
        let points = curve.map(|(sent, at)| (sent, at.mean, 0.0)).collect();
        Line { name: named(cell), points, marked: false }
    };
    let plot = Plot {
        lines: cells.iter().map(line).collect(),
        across: "bytes sent by all nodes",
        scale: Scale::Logarithmic,
        tick: bytes,
        up: "accuracy",
    };
    let dense = cells.first().map_or(0.0, |cell| cell.estimate(|course| course.bytes() as f64).mean);
    let target = cells.first().map_or(0.0, |cell| cell.accuracy().mean - 0.01);
    let mut table = String::from(
        "| codec | accuracy | bytes a message | whole run | bytes to one point below dense |\n|---|---|---|---|---|\n",
    );
    for cell in &cells {
        let whole = cell.estimate(|course| course.bytes() as f64).mean;
        let messages =
            cell.estimate(|course| course.points.last().map_or(0.0, |last| last.messages as f64)).mean;
        let reached = cell.curve(|point| point.bytes as f64).into_iter().find(|(_, at)| at.mean >= target);
        let reached = reached.map_or("–".into(), |(sent, _)| bytes(sent));
        let accuracy = cell.accuracy();
        let _ = writeln!(
            table,
            "| `{}` | {:.1} ± {:.1} % | {:.0} | {} ({:.1}×) | {reached} |",
            named(cell),
            100.0 * accuracy.mean,
            100.0 * accuracy.half,
            whole / messages.max(1.0),
            bytes(whole),
            dense / whole.max(1.0)
        );
    }
    [("frontier.svg", plot.draw(true)), ("frontier.md", table)]
}
