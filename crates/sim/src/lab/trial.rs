//! Playing one trial: names become rules, and an engine plays them.

use super::{
    Answer, Assault, Course, ExperimentError, GossipLab, LabReport, NeighbourhoodLab, NodeWrapper, Point,
    ServerLab, Topology, Trial, Voices,
    experiment::wrong,
    faults::faults,
    neighbourhood::meeting,
    shelf::{Halves, Shelf, sgd},
};
use crate::{
    Address, Setting,
    attack::{Conspiracy, drawn},
    rows::Rows,
    unread::Unread,
};
use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::gossip::{Gather, Manner};
use std::{fmt, str::FromStr, sync::Arc, time::Duration};

/// `Δ_g` of every trial.
pub(super) const PERIOD: Duration = Duration::from_millis(100);

/// How models travel between peers.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Pairs,
    /// With γ, if it is said.
    Choco(Option<f32>),
    Federated,
}

impl Shelf {
    /// Plays a trial on these rows.
    pub(crate) fn play(&self, trial: &Trial, halves: &Halves) -> Result<Course, ExperimentError> {
        match trial.get("exchange") {
            "neighbours" => self.among_neighbours(trial, halves),
            "pairs" => self.in_pairs(trial, halves, Way::Pairs),
            "choco" => {
                let gamma = match trial.get("gamma") {
                    "auto" => None,
                    _ => Some(trial.number("gamma", 0.0, 1.0)?),
                };
                self.in_pairs(trial, halves, Way::Choco(gamma))
            }
            "federated" => self.in_pairs(trial, halves, Way::Federated),
            "server" => self.at_a_server(trial, halves),
            other => Err(wrong(
                "exchange",
                other,
                "`neighbours`, `pairs`, `choco`, `federated` or `server` would do",
            )),
        }
    }

    fn among_neighbours(&self, trial: &Trial, halves: &Halves) -> Result<Course, ExperimentError> {
        let (train, test) = halves;
        let seed = Seed::from_number(trial.seed);
        let nodes = trial.number("nodes", 1, 1_000_000)?;
        let topology: Topology = trial.named("topology")?;
        let model = self.model(trial.get("model"), train.features().ncols(), train.classes())?;
        let (model, update) = self.update(trial, model)?;
        let lab = NeighbourhoodLab {
            graph: Arc::new(topology.graph(nodes, seed)),
            rounds: trial.number("rounds", 1, 1_000_000)?,
            rows: rows(trial)?,
            period: PERIOD,
            setting: faults(trial)?,
            update,
            model,
            merge: self.merge(trial.get("merge"))?,
            compressor: self.codec(trial.get("codec"))?,
            voices: match trial.get("voices") {
                "names" => Voices::Names,
                "stake" => Voices::Stake,
                other => return Err(wrong("voices", other, "`names` or `stake` would do")),
            },
            row_cap: trial.number("row_cap", 0, 1_000_000_000)?,
            assault: self.assault(trial, train)?,
            judged: trial.number("judged", 1, 1_000_000)?,
        };
        Ok(lab.run(train, test, seed)?)
    }

    /// Algorithm 1, its form that sends differences, or a server over the same links.
    fn in_pairs(&self, trial: &Trial, halves: &Halves, way: Way) -> Result<Course, ExperimentError> {
        let (train, test) = halves;
        let seed = Seed::from_number(trial.seed);
        let model = self.model(trial.get("model"), train.features().ncols(), train.classes())?;
        let (model, update) = self.update(trial, model)?;
        let Setting { network, churn, .. } = faults(trial)?;
        let (merge, assault) = (self.merge(trial.get("merge"))?, self.assault(trial, train)?);
        let topology: Topology = trial.named("topology")?;
        let (nodes, manner) = (trial.number("nodes", 1, 1_000_000)?, manner(trial)?);
        let conspiracy = assault.map(|Assault { attack, share }| {
            let (first, classes) = (model.init(seed.derive("init")), model.outputs() as u32);
            let liars = drawn(share, nodes, seed.derive("cast"));
            let sets = way != Way::Pairs || manner.gather != Gather::Each;
            let meeting = match way {
                Way::Federated => (nodes as usize - liars.len(), liars.len()),
                _ if sets => meeting(&topology.graph(nodes, seed), &liars),
                _ => (1, 1),
            };
            Conspiracy { attack, share, rule: Arc::clone(&merge), first, classes, meeting }
        });
        let lab = GossipLab {
            nodes,
            rounds: trial.number("rounds", 1, 1_000_000)?,
            rows: rows(trial)?,
            topology,
            sampling: trial.named("sampling")?,
            manner,
            parting: match trial.get("parting") {
                "whole" => None,
                _ => Some(trial.named("parting")?),
            },
            period: PERIOD,
            spread: trial.number("spread", 1.0, 1e6)?,
            link: network.link,
            uplink: network.uplink,
            churn,
            update,
            merge,
            compressor: self.codec(trial.get("codec"))?,
            judged: trial.number("judged", 1, 1_000_000)?,
            wrapper: conspiracy.map(|conspiracy| Arc::new(conspiracy) as Arc<dyn NodeWrapper>),
            ..GossipLab::new(model)
        };
        let report = match way {
            Way::Pairs => lab.run(train, test, seed)?,
            Way::Choco(gamma) => lab.run_choco(gamma, train, test, seed)?,
            Way::Federated => lab.run_federated(lab.nodes, Answer::Models, train, test, seed)?,
        };
        Ok(told(&lab, &report, seed))
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
            assault: self.assault(trial, train)?,
            judged_each: rounds.div_ceil(50),
        };
        Ok(lab.run(train, test, Seed::from_number(trial.seed))?)
    }

    /// Who attacks. What an attack does and the exchange does not know would be left out without a word, so it is refused.
    fn assault(&self, trial: &Trial, train: &Dataset) -> Result<Option<Assault>, ExperimentError> {
        let share = trial.number("liars", 0.0, 1.0)?;
        let Some(attack) = self.attack(trial.get("attack"))? else { return Ok(None) };
        let exchange = trial.get("exchange");
        let refuse = |why| Err(wrong("attack", trial.get("attack"), why));
        let row: Vec<usize> = (0..train.len().min(1)).collect();
        let pushes = || attack.push(&train.select(&row), train.classes() as u32, Seed::default()).is_some();
        if exchange != "neighbours" && attack.names() > 1 {
            return refuse("only among `neighbours` does a node have several names");
        }
        if exchange != "neighbours" && pushes() {
            return refuse("only `neighbours` take rows from each other");
        }
        if exchange != "pairs" && attack.poisons_views() {
            return refuse("only `pairs` have samplers that can be told of liars alone");
        }
        Ok(Some(Assault { attack, share }))
    }
}

/// How peers talk.
fn manner(trial: &Trial) -> Result<Manner, ExperimentError> {
    Ok(Manner {
        exchange: trial.spoken("send")?,
        order: trial.spoken("order")?,
        gather: trial.spoken("gather")?,
        fanout: trial.number("fanout", 1, u16::MAX)?,
        flow: trial.spoken("flow")?,
        ..Manner::default()
    })
}

fn rows(trial: &Trial) -> Result<Rows, ExperimentError> {
    trial.named("partition")
}

/// A report as a course. Where nodes have samplers, the share of liars is that in what samplers show the honest.
fn told(lab: &GossipLab, report: &LabReport, seed: Seed) -> Course {
    let lines = report.rounds.iter();
    let points = lines.map(|line| Point::new(line.round, Some(line.accuracy), (line.messages, line.bytes)));
    let cast = lab.wrapper.as_ref().map(|wrapper| wrapper.cast(lab.nodes, seed.derive("cast")));
    let lies = |node: Address| cast.as_ref().is_some_and(|cast| cast.lies(node));
    let views = (0..).zip(report.views.iter().flatten()).filter(|(node, _)| !lies(*node));
    let (seen, lying) = views
        .flat_map(|(_, view)| view)
        .fold((0_u64, 0_u64), |(seen, lying), node| (seen + 1, lying + u64::from(lies(*node))));
    Course {
        points: points.collect(),
        offences: report.offences,
        discarded: 0,
        influence: lying as f64 / seen.max(1) as f64,
        triggered: None,
        label_entropy: report.label_entropy,
    }
}

impl Trial {
    /// A value that says itself what would do.
    fn spoken<T: FromStr<Err: fmt::Display>>(&self, key: &'static str) -> Result<T, ExperimentError> {
        let text = self.get(key);
        T::from_str(text).map_err(|error| wrong(key, text, error))
    }

    /// A value that reads itself.
    fn named<T: FromStr<Err = Unread>>(&self, key: &'static str) -> Result<T, ExperimentError> {
        let text = self.get(key);
        T::from_str(text)
            .map_err(|Unread { expected, .. }| wrong(key, text, format_args!("{expected} would do")))
    }
}
