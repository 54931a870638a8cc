//! Playing one trial: names become rules, and an engine plays them.

use super::{
    Assault, Course, ExperimentError, GossipLab, NeighbourhoodLab, Point, ServerLab, Trial, Voices,
    experiment::wrong,
    graph::graph,
    shelf::{Halves, Shelf, sgd},
};
use crate::{Chance, Churn, Latency, Link, Network, Setting, rows::Rows, unread::Unread};
use bitneuron_core::Seed;
use std::{str::FromStr as _, sync::Arc, time::Duration};

/// `Δ_g` of every trial.
const PERIOD: Duration = Duration::from_millis(100);

impl Shelf {
    /// Plays a trial on these rows.
    pub(crate) fn play(&self, trial: &Trial, halves: &Halves) -> Result<Course, ExperimentError> {
        match trial.get("exchange") {
            "neighbours" => self.among_neighbours(trial, halves),
            "pairs" => self.in_pairs(trial, halves),
            "server" => self.at_a_server(trial, halves),
            other => Err(wrong("exchange", other, "`neighbours`, `pairs` or `server` would do")),
        }
    }

    fn among_neighbours(&self, trial: &Trial, halves: &Halves) -> Result<Course, ExperimentError> {
        let (train, test) = halves;
        let seed = Seed::from_number(trial.seed);
        let nodes = trial.number("nodes", 1, 1_000_000)?;
        let topology = trial.get("topology");
        let graph = graph(topology, nodes, seed.derive("graph"))
            .map_err(|error| wrong("topology", topology, error.expected))?;
        let model = self.model(trial.get("model"), train.features().ncols(), train.classes())?;
        let lab = NeighbourhoodLab {
            graph: Arc::new(graph),
            rounds: trial.number("rounds", 1, 1_000_000)?,
            rows: rows(trial)?,
            period: PERIOD,
            setting: faults(trial)?,
            update: self.update(trial, &model)?,
            model,
            merge: self.merge(trial.get("merge"))?,
            compressor: self.codec(trial.get("codec"))?,
            voices: match trial.get("voices") {
                "names" => Voices::Names,
                "stake" => Voices::Stake,
                other => return Err(wrong("voices", other, "`names` or `stake` would do")),
            },
            row_cap: trial.number("row_cap", 0, 1_000_000_000)?,
            assault: self.assault(trial)?,
            judged: trial.number("judged", 1, 1_000_000)?,
        };
        Ok(lab.run(train, test, seed)?)
    }

    fn in_pairs(&self, trial: &Trial, halves: &Halves) -> Result<Course, ExperimentError> {
        let (train, test) = halves;
        if trial.get("attack") != "none" {
            return Err(wrong(
                "attack",
                trial.get("attack"),
                "pairs are played without attacks; `none` would do",
            ));
        }
        let model = self.model(trial.get("model"), train.features().ncols(), train.classes())?;
        let Setting { network, churn, .. } = faults(trial)?;
        let neighbours = trial.get("topology").strip_prefix("regular:").and_then(|count| count.parse().ok());
        let lab = GossipLab {
            nodes: trial.number("nodes", 1, 1_000_000)?,
            rounds: trial.number("rounds", 1, 1_000_000)?,
            rows: rows(trial)?,
            neighbours: neighbours.unwrap_or(u32::MAX),
            period: PERIOD,
            link: network.link,
            churn,
            update: sgd(trial.get("update"), &model)?,
            merge: self.merge(trial.get("merge"))?,
            compressor: self.codec(trial.get("codec"))?,
            judged: trial.number("judged", 1, 1_000_000)?,
            ..GossipLab::new(model)
        };
        let report = lab.run(train, test, Seed::from_number(trial.seed))?;
        let points = report.rounds.iter();
        let points =
            points.map(|line| Point::new(line.round, Some(line.accuracy), (line.messages, line.bytes)));
        Ok(Course {
            points: points.collect(),
            offences: report.offences,
            discarded: 0,
            influence: 0.0,
            triggered: None,
            label_entropy: report.label_entropy,
        })
    }

    fn at_a_server(&self, trial: &Trial, halves: &Halves) -> Result<Course, ExperimentError> {
        let (train, test) = halves;
        let model = self.model(trial.get("model"), train.features().ncols(), train.classes())?;
        let rule = sgd(trial.get("update"), &model)?;
        let rounds = trial.number("rounds", 1, 1_000_000)?;
        let lab = ServerLab {
            workers: trial.number("nodes", 1, 1_000_000)?,
            rounds,
            rows: rows(trial)?,
            model,
            rate: rule.rate,
            momentum: rule.momentum,
            batch: rule.batch,
            merge: self.merge(trial.get("merge"))?,
            compressor: self.codec(trial.get("codec"))?,
            assault: self.assault(trial)?,
            judged_each: rounds.div_ceil(50),
        };
        Ok(lab.run(train, test, Seed::from_number(trial.seed))?)
    }

    fn assault(&self, trial: &Trial) -> Result<Option<Assault>, ExperimentError> {
        let share = trial.number("liars", 0.0, 1.0)?;
        Ok(self.attack(trial.get("attack"))?.map(|attack| Assault { attack, share }))
    }
}

fn rows(trial: &Trial) -> Result<Rows, ExperimentError> {
    let text = trial.get("partition");
    Rows::from_str(text).map_err(|Unread { expected, .. }| wrong("partition", text, expected))
}

/// Links and churn.
fn faults(trial: &Trial) -> Result<Setting, ExperimentError> {
    let loss = trial.number("loss", 0.0, 1.0)?;
    let delay = trial.number("delay", 0.0, 1000.0)?;
    let online = trial.number("online", 0.001, 1.0)?;
    let most = PERIOD.mul_f64(delay);
    let link = Link {
        loss: Chance((loss * 1e6) as u32),
        ..Link::new(Latency::Uniform { least: Duration::ZERO, most })
    };
    // Sessions of ten periods on average.
    let up = PERIOD * 10;
    let churn = (online < 1.0).then(|| Churn::new(up, up.mul_f64(1.0 / online - 1.0)));
    let network = Network { link, ..Network::default() };
    Ok(Setting { network, churn, ..Setting::default() })
}
