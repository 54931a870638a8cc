//! The lab itself: names, an experiment, and a folder for what comes out.

use super::{
    Course, Experiment, ExperimentError, MakeUpdate, Results, Run, Trial,
    faults::faults,
    keep::{Keep, Kept, file},
    report,
    shelf::{Halves, MakeData, MakeModel, Shelf},
};
use crate::attack::Attack;
use bitneuron_compress::Compressor;
use bitneuron_core::Seed;
use bitneuron_learning::Merge;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const USAGE: &str = "\
usage: EXPERIMENT.toml [--out FOLDER] [--fresh]

  EXPERIMENT.toml  what is played; every key may be a list
  --out FOLDER     for results.json, results.csv, report.md and report.html; `lab` if it is not told
  --fresh          plays everything again, instead of going on with what is in the folder";

/// What happens while an experiment is played.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Runs that are done.
    pub done: usize,
    /// All runs.
    pub runs: usize,
    /// The run that has just ended.
    pub trial: &'a Trial,
    /// What came of it, unless it was refused.
    pub course: Option<&'a Course>,
    /// Whether it was there already.
    pub kept: bool,
}

type Watch = Arc<dyn Fn(Progress<'_>) + Send + Sync>;
type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Plays experiments with the names of the library and those that are put beside them.
///
/// A program of one's own is one line:
///
/// ```no_run
/// # use bitneuron_learning::merge::WeightedMean as Mine;
/// # fn main() -> Result<(), bitneuron_sim::lab::ExperimentError> {
/// bitneuron_sim::lab::Lab::new().merge("mine", Mine).run(std::env::args_os().skip(1))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Lab {
    shelf: Shelf,
    watch: Option<Watch>,
    clock: Option<Clock>,
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").field("merges", &self.shelf.merges.keys()).finish_non_exhaustive()
    }
}

impl Lab {
    /// A lab that knows what the library knows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a rule beside those of the library; an experiment names it under `merge`.
    #[must_use]
    pub fn merge(mut self, name: impl Into<String>, rule: impl Merge + 'static) -> Self {
        self.shelf.merges.insert(name.into(), Arc::new(rule));
        self
    }

    /// Puts an attack beside those of the library.
    #[must_use]
    pub fn attack(mut self, name: impl Into<String>, attack: impl Attack + 'static) -> Self {
        self.shelf.attacks.insert(name.into(), Arc::new(attack));
        self
    }

    /// Puts a codec beside those of the library.
    #[must_use]
    pub fn codec(mut self, name: impl Into<String>, codec: impl Compressor + 'static) -> Self {
        self.shelf.codecs.insert(name.into(), Arc::new(codec));
        self
    }

    /// Puts a model beside those of the library.
    #[must_use]
    pub fn model(mut self, name: impl Into<String>, model: MakeModel) -> Self {
        self.shelf.models.insert(name.into(), model);
        self
    }

    /// Puts a rule of training beside those of the library.
    #[must_use]
    pub fn update(mut self, name: impl Into<String>, update: MakeUpdate) -> Self {
        self.shelf.updates.insert(name.into(), update);
        self
    }

    /// Puts a data set beside those of the library.
    #[must_use]
    pub fn data(mut self, name: impl Into<String>, data: MakeData) -> Self {
        self.shelf.data.insert(name.into(), data);
        self
    }

    /// Calls this after each run, from the thread that played it.
    #[must_use]
    pub fn watch(mut self, watch: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    /// Measures the cost of each run by this clock, which counts the computing time of the thread that asks. The lab has none itself.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Plays the experiment in a file and writes what came out: `EXPERIMENT.toml [--out FOLDER] [--fresh]`, without the name of the
    /// program in front.
    ///
    /// # Errors
    /// Arguments or an experiment that cannot be read, or a folder that cannot be written to.
    pub fn run<I, T>(&self, arguments: I) -> Result<Results, ExperimentError>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString>,
    {
        let (mut path, mut out, mut fresh) = (None, PathBuf::from("lab"), false);
        let mut arguments = arguments.into_iter().map(Into::into);
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--fresh") => fresh = true,
                Some("--out") => out = arguments.next().ok_or_else(usage)?.into(),
                Some(text) if text.starts_with('-') => return Err(usage()),
                _ if path.is_none() => path = Some(PathBuf::from(argument)),
                _ => return Err(usage()),
            }
        }
        let path = path.ok_or_else(usage)?;
        let text = std::fs::read_to_string(&path).map_err(|why| file(&path, why))?;
        self.play_into(&Experiment::read(&text)?, &out, fresh)
    }

    /// Plays an experiment, goes on with what is in the folder already, and writes what came out.
    ///
    /// # Errors
    /// As [`Lab::play`], or the folder cannot be written to.
    pub fn play_into(
        &self,
        experiment: &Experiment,
        out: &Path,
        fresh: bool,
    ) -> Result<Results, ExperimentError> {
        let runs = out.join("runs");
        if fresh && runs.exists() {
            std::fs::remove_dir_all(&runs).map_err(|why| file(&runs, why))?;
        }
        let results = self.play_keeping(experiment, Some(&Keep::open(runs)?))?;
        let json = serde_json::to_string_pretty(&results).map_err(|why| file(out, why))?;
        let mut files = vec![
            ("results.json", json + "\n"),
            ("results.csv", results.csv()),
            ("report.md", report::markdown(&results)),
            ("report.html", report::html(&results)),
        ];
        if self.clock.is_some() {
            files.push(("timing.csv", report::timing(&results)));
        }
        for (name, text) in files {
            let path = out.join(name);
            std::fs::write(&path, text).map_err(|why| file(&path, why))?;
        }
        Ok(results)
    }

    /// Plays an experiment. The same experiment gives the same results, at any number of threads; each run has one.
    ///
    /// # Errors
    /// A value of the experiment means nothing. A run that its engine refuses is no error: it says so in its place.
    pub fn play(&self, experiment: &Experiment) -> Result<Results, ExperimentError> {
        self.play_keeping(experiment, None)
    }

    fn play_keeping(&self, experiment: &Experiment, keep: Option<&Keep>) -> Result<Results, ExperimentError> {
        let trials = experiment.trials()?;
        self.check(&trials)?;
        let mut halves = BTreeMap::new();
        for trial in &trials {
            if let Entry::Vacant(place) = halves.entry((trial.get("data"), trial.seed)) {
                let seed = Seed::from_number(trial.seed).derive("data");
                place.insert(self.shelf.data(trial.get("data"), seed)?);
            }
        }
        let sweep = Sweep {
            lab: self,
            trials: &trials,
            halves: &halves,
            keep,
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
        };
        Ok(Results::new(experiment, sweep.play()?))
    }

    /// Looks every name up, and links and churn, before anything is played.
    fn check(&self, trials: &[Trial]) -> Result<(), ExperimentError> {
        let mut seen = std::collections::BTreeSet::new();
        for trial in trials {
            for key in ["merge", "attack", "codec", "loss", "delay", "uplink", "online"] {
                let value = trial.get(key);
                if !seen.insert((key, value)) {
                    continue;
                }
                match key {
                    "merge" => drop(self.shelf.merge(value)?),
                    "attack" => drop(self.shelf.attack(value)?),
                    "codec" => drop(self.shelf.codec(value)?),
                    _ => drop(faults(trial)?),
                }
            }
        }
        Ok(())
    }
}

fn usage() -> ExperimentError {
    ExperimentError::Usage(USAGE.into())
}

/// All trials, taken one after another by as many threads as there are.
struct Sweep<'a> {
    lab: &'a Lab,
    trials: &'a [Trial],
    halves: &'a BTreeMap<(&'a str, u64), Halves>,
    keep: Option<&'a Keep>,
    next: AtomicUsize,
    done: AtomicUsize,
}

type Played = Result<Vec<(usize, Run)>, ExperimentError>;

impl Sweep<'_> {
    fn play(&self) -> Result<Vec<Run>, ExperimentError> {
        let threads = rayon::current_num_threads().min(self.trials.len()).max(1);
        let played: Vec<Played> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.work())).collect();
            let lost = || Err(ExperimentError::Usage("a run ended the thread that played it".into()));
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| lost())).collect()
        });
        let mut runs = played.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        runs.sort_by_key(|(place, _)| *place);
        Ok(runs.into_iter().map(|(_, run)| run).collect())
    }

    /// Plays trials until there are no more. A run has one thread, so that its cost is its own.
    fn work(&self) -> Played {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let pool = pool.map_err(|why| ExperimentError::Usage(why.to_string()))?;
        let mut runs = Vec::new();
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(trial) = self.trials.get(place) else { return Ok(runs) };
            match pool.install(|| self.one(trial)) {
                Ok(run) => runs.push((place, run)),
                Err(error) => {
                    // The others stop, too.
                    self.next.store(self.trials.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    }

    fn one(&self, trial: &Trial) -> Result<Run, ExperimentError> {
        if let Some(Kept { course, took }) = self.keep.and_then(|keep| keep.find(trial)) {
            self.tell(trial, Some(&course), true);
            return Ok(Run::new(trial, Ok(course), took));
        }
        let clock = self.lab.clock.as_ref();
        let before = clock.map(|clock| clock());
        let played = match self.halves.get(&(trial.get("data"), trial.seed)) {
            Some(halves) => self.lab.shelf.play(trial, halves),
            None => Err(ExperimentError::Usage("no data".into())),
        };
        let took = clock.zip(before).map(|(clock, before)| clock().saturating_sub(before));
        if let Err(error @ (ExperimentError::Value { .. } | ExperimentError::Usage(_))) = played {
            return Err(error);
        }
        if let (Some(keep), Ok(course)) = (self.keep, &played) {
            keep.store(trial, &Kept { course: course.clone(), took })?;
        }
        self.tell(trial, played.as_ref().ok(), false);
        Ok(Run::new(trial, played, took))
    }

    fn tell(&self, trial: &Trial, course: Option<&Course>, kept: bool) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(watch) = &self.lab.watch {
            watch(Progress { done, runs: self.trials.len(), trial, course, kept });
        }
    }
}
