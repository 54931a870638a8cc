//! What came out of an experiment: runs, cells (a combination of settings over its seeds) and the ranking of what was swept.

use super::{Course, Experiment, ExperimentError, Point, Trial};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

/// One trial and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Every setting by its key.
    pub settings: BTreeMap<String, String>,
    /// The seed.
    pub seed: u64,
    /// The course, unless the engine refused to play.
    pub course: Option<Course>,
    /// Why it refused.
    pub refused: Option<String>,
    /// Computing time by the lab's clock, if it has one. It is no part of the result.
    #[serde(skip)]
    pub took: Option<Duration>,
}

impl Run {
    pub(super) fn new(
        trial: &Trial,
        played: Result<Course, ExperimentError>,
        took: Option<Duration>,
    ) -> Self {
        let (course, refused) = match played {
            Ok(course) => (Some(course), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let settings = trial.settings().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { settings, seed: trial.seed, course, refused, took }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> &str {
        self.settings.get(key).map_or("", String::as_str)
    }
}

/// A mean with half of its 95 % confidence interval.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Student's t times the standard error; zero of a single value.
    pub half: f64,
}

impl Estimate {
    /// The estimate from values; zero of none.
    pub fn of(values: &[f64]) -> Self {
        /// Quantiles of Student's t at 97.5 % for 1, 2, … degrees of freedom.
        const STUDENT: [f64; 10] = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];
        let count = values.len() as f64;
        if values.is_empty() {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / count;
        let Some(free) = values.len().checked_sub(2) else { return Self { mean, half: 0.0 } };
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let student = STUDENT.get(free).copied().unwrap_or(2.0);
        Self { mean, half: student * (variance / count).sqrt() }
    }
}

/// A combination of settings over all its seeds.
#[derive(Debug, Clone)]
pub struct Cell<'a> {
    /// Its runs, by seed.
    pub runs: Vec<&'a Run>,
}

impl<'a> Cell<'a> {
    /// The value of a key, which all runs share.
    pub fn get(&self, key: &str) -> &'a str {
        self.runs.first().map_or("", |run| run.get(key))
    }

    fn courses(&self) -> impl Iterator<Item = &'a Course> + '_ {
        self.runs.iter().filter_map(|run| run.course.as_ref())
    }

    /// A figure of each course.
    pub fn estimate(&self, figure: impl Fn(&Course) -> f64) -> Estimate {
        Estimate::of(&self.courses().map(figure).collect::<Vec<_>>())
    }

    /// The accuracy at the end.
    pub fn accuracy(&self) -> Estimate {
        self.estimate(Course::accuracy)
    }

    /// Whether any run was refused.
    pub fn refused(&self) -> Option<&'a str> {
        self.runs.iter().find_map(|run| run.refused.as_deref())
    }

    /// The mean computing time of a run, where the lab had a clock for all of them.
    pub fn took(&self) -> Option<Duration> {
        let times: Option<Vec<Duration>> = self.runs.iter().map(|run| run.took).collect();
        times.map(|times| times.iter().sum::<Duration>() / times.len().max(1) as u32)
    }

    /// For each round the accuracy, and the mean of a further figure of its point.
    pub fn curve(&self, figure: impl Fn(&Point) -> f64) -> Vec<(f64, Estimate)> {
        let courses: Vec<&Course> = self.courses().collect();
        let rounds = courses.iter().map(|course| course.points.len()).min().unwrap_or(0);
        (0..rounds)
            .map(|round| {
                let points: Vec<&Point> =
                    courses.iter().filter_map(|course| course.points.get(round)).collect();
                let of = |figure: &dyn Fn(&Point) -> f64| {
                    points.iter().map(|point| figure(point)).collect::<Vec<_>>()
                };
                (Estimate::of(&of(&figure)).mean, Estimate::of(&of(&|point| point.mean)))
            })
            .collect()
    }
}

/// One value of the key that is ranked, over all cells that it plays in.
#[derive(Debug, Clone, PartialEq)]
pub struct Rank {
    /// The value.
    pub value: String,
    /// The lowest accuracy of its cells.
    pub worst: f64,
    /// In which cell that was: what else was swept.
    pub at: String,
    /// The mean accuracy of its cells.
    pub mean: f64,
    /// The accuracy where nobody attacks, if that was played.
    pub clean: Option<f64>,
    /// The mean bytes of a run.
    pub bytes: f64,
    /// The mean computing time of a run.
    pub took: Option<Duration>,
}

/// All that came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The name of the experiment.
    pub name: String,
    /// What it was for.
    pub about: String,
    /// The keys with more than one value.
    pub swept: Vec<String>,
    /// Every run, in the order of trials.
    pub runs: Vec<Run>,
}

impl Results {
    pub(super) fn new(experiment: &Experiment, runs: Vec<Run>) -> Self {
        let swept = experiment.swept().into_iter().map(str::to_owned).collect();
        Self { name: experiment.name.clone(), about: experiment.about.clone(), swept, runs }
    }

    /// The runs by combination of settings, in the order of trials.
    pub fn cells(&self) -> Vec<Cell<'_>> {
        let mut cells: Vec<Cell<'_>> = Vec::new();
        for run in &self.runs {
            match cells.last_mut() {
                Some(cell) if cell.runs.first().is_some_and(|first| first.settings == run.settings) => {
                    cell.runs.push(run);
                }
                _ => cells.push(Cell { runs: vec![run] }),
            }
        }
        cells
    }

    /// The key that is ranked: the rule of merging if there are several, else what was swept first.
    pub fn subject(&self) -> &str {
        let merge = self.swept.iter().find(|key| *key == "merge");
        merge.or(self.swept.first()).map_or("merge", String::as_str)
    }

    /// Every combination of settings on a line of its own, in Markdown: accuracy, bytes, and how many times fewer bytes than the
    /// first combination sends.
    pub fn table(&self) -> String {
        super::report::cells(self)
    }

    /// The values of a key, in the order in which they were played.
    pub fn values(&self, key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for run in &self.runs {
            let value = run.get(key);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }

    /// What a cell is among others: its swept settings without those of `without`.
    pub(super) fn label(&self, cell: &Cell<'_>, without: &[&str]) -> String {
        let kept = self.swept.iter().filter(|key| !without.contains(&key.as_str()));
        kept.map(|key| cell.get(key)).collect::<Vec<_>>().join(" · ")
    }

    /// The values of the [`Results::subject`], the one whose worst cell is best first.
    pub fn ranking(&self) -> Vec<Rank> {
        let (subject, cells) = (self.subject(), self.cells());
        let mut ranks: Vec<Rank> = self
            .values(subject)
            .into_iter()
            .filter_map(|value| {
                let mine: Vec<&Cell<'_>> = cells.iter().filter(|cell| cell.get(subject) == value).collect();
                let accuracy = |cell: &&&Cell<'_>| cell.accuracy().mean;
                let worst = mine.iter().min_by(|a, b| accuracy(a).total_cmp(&accuracy(b)))?;
                let mean = |of: &dyn Fn(&Cell<'_>) -> f64| {
                    mine.iter().map(|cell| of(cell)).sum::<f64>() / mine.len().max(1) as f64
                };
                let clean: Vec<f64> = mine
                    .iter()
                    .filter(|cell| cell.get("attack") == "none")
                    .map(|cell| cell.accuracy().mean)
                    .collect();
                let times: Option<Vec<Duration>> = mine.iter().map(|cell| cell.took()).collect();
                Some(Rank {
                    value: value.to_owned(),
                    worst: worst.accuracy().mean,
                    at: self.label(worst, &[subject]),
                    mean: mean(&|cell| cell.accuracy().mean),
                    clean: (!clean.is_empty()).then(|| Estimate::of(&clean).mean),
                    bytes: mean(&|cell| cell.estimate(|course| course.bytes() as f64).mean),
                    took: times.map(|times| times.iter().sum::<Duration>() / times.len().max(1) as u32),
                })
            })
            .collect();
        ranks.sort_by(|a, b| b.worst.total_cmp(&a.worst).then(b.mean.total_cmp(&a.mean)));
        ranks
    }

    /// One line for each run, with a heading.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        let keys: Vec<&str> = super::KEYS.iter().map(|key| key.name).collect();
        let figures =
            "accuracy,worst,best,messages,bytes,offences,discarded,influence,triggered,label_entropy,refused";
        let _ = writeln!(text, "{},seed,{figures}", keys.join(","));
        for run in &self.runs {
            let settings: Vec<String> = keys.iter().map(|key| quoted(run.get(key))).collect();
            let _ = write!(text, "{},{},", settings.join(","), run.seed);
            let Some(course) = &run.course else {
                let _ = writeln!(text, ",,,,,,,,,,{}", quoted(run.refused.as_deref().unwrap_or_default()));
                continue;
            };
            if let Some(Point { worst, mean, best, messages, bytes, .. }) = course.points.last() {
                let _ = write!(text, "{mean},{worst},{best},{messages},{bytes}");
            } else {
                text.push_str(",,,,");
            }
            let triggered = course.triggered.map(|share| share.to_string()).unwrap_or_default();
            let Course { offences, discarded, influence, label_entropy, .. } = course;
            let _ = writeln!(text, ",{offences},{discarded},{influence},{triggered},{label_entropy},");
        }
        text
    }
}

/// A field of a CSV file (RFC 4180, section 2).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.into()
    }
}
