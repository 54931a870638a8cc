//! Experiments: a TOML file says what is played, and every key may be a list.
//!
//! ```
//! use bitneuron_sim::lab::Experiment;
//! let experiment = Experiment::read(r#"
//!     name   = "A first look"
//!     merge  = ["mean", "filtered"]
//!     attack = ["none", "signflip"]
//!     seeds  = 3
//! "#)?;
//! // Two rules, two attacks, three seeds.
//! assert_eq!(experiment.trials()?.len(), 12);
//! # Ok::<(), bitneuron_sim::lab::ExperimentError>(())
//! ```

use super::LabError;
use bitneuron_core::{Digest, hash::Hasher};
use std::{collections::BTreeMap, fmt, path::PathBuf};
use thiserror::Error;
use toml::{Table, Value};

/// A setting of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// As it stands in the file.
    pub name: &'static str,
    /// What it is where the file does not say.
    pub default: &'static str,
    /// What it means, in one line.
    pub about: &'static str,
}

/// All settings that can be swept over, in the order of tables and of sweeps: the last one turns fastest.
pub const KEYS: [Key; 27] = [
    Key { name: "data", default: "digits", about: "the rows that are learned from" },
    Key {
        name: "partition",
        default: "iid",
        about: "who holds which rows: `iid`, `dirichlet:ALPHA`, `shards:COUNT`",
    },
    Key { name: "model", default: "softmax", about: "what is trained" },
    Key { name: "update", default: "sgd:rate=0.5,batch=8", about: "how it is trained" },
    Key { name: "codec", default: "dense", about: "how models travel" },
    Key {
        name: "exchange",
        default: "neighbours",
        about: "`neighbours` merge as a set, `pairs` gossip one by one, `choco` sends differences, `federated` averages at a server, `server` merges gradients",
    },
    Key { name: "sampling", default: "graph", about: "how `pairs` find partners" },
    Key { name: "send", default: "push", about: "whether `pairs` `push`, `pull` or `push-pull`" },
    Key {
        name: "order",
        default: "merge-update",
        about: "what `pairs` do first: `merge-update`, `update-merge`; `update` merges nothing",
    },
    Key {
        name: "gather",
        default: "each",
        about: "whether `pairs` learn from `each` model or once a `period`",
    },
    Key { name: "fanout", default: "1", about: "how many partners `pairs` select at once" },
    Key {
        name: "flow",
        default: "proactive",
        about: "when `pairs` send: token accounts, as `randomised:10,20`",
    },
    Key { name: "parting", default: "whole", about: "what a message of `pairs` carries, as `partitioned:4`" },
    Key { name: "spread", default: "1", about: "the longest period of a node over the shortest" },
    Key {
        name: "gamma",
        default: "auto",
        about: "how far `choco` goes toward its neighbours: a share, or `auto` for as far as the codec bears",
    },
    Key { name: "topology", default: "regular:10", about: "who talks to whom" },
    Key { name: "nodes", default: "40", about: "how many nodes" },
    Key { name: "rounds", default: "40", about: "how many periods, or steps of a server" },
    Key { name: "loss", default: "0", about: "the share of messages that get lost" },
    Key { name: "delay", default: "0.05", about: "the longest delay of a message, in periods" },
    Key { name: "online", default: "1", about: "the share of the time that a node is there" },
    Key {
        name: "voices",
        default: "names",
        about: "what a voice weighs: `names` are one each, `stake` is shared by the names of a node",
    },
    Key {
        name: "row_cap",
        default: "0",
        about: "how many rows of each contributor a node trains on beside its own",
    },
    Key {
        name: "judged",
        default: "10",
        about: "how many honest nodes are judged after each round; all after the last",
    },
    Key { name: "liars", default: "0.25", about: "the share of nodes that attack" },
    Key { name: "attack", default: "none", about: "what they do" },
    Key { name: "merge", default: "default", about: "how models become one" },
];

/// The most runs that one experiment may have.
pub const MAX_RUNS: usize = 100_000;
/// The longest experiment file in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Why an experiment was refused or could not be played.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The text is no TOML, or too much of it.
    #[error("the experiment is no TOML: {0}")]
    Toml(String),
    /// A key that means nothing.
    #[error("unknown key {key:?}; there are `name`, `about`, `seeds`, `also` and {}", key_list())]
    Key {
        /// The key.
        key: String,
    },
    /// A value that means nothing under its key.
    #[error("{key} = {value:?}: {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What would do.
        expected: String,
    },
    /// More runs than anybody waits for.
    #[error("the sweep has {runs} runs; at most {MAX_RUNS} are played")]
    TooMany {
        /// How many.
        runs: usize,
    },
    /// A file that cannot be read or written.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Arguments that say nothing.
    #[error("{0}")]
    Usage(String),
    /// The engine refused.
    #[error(transparent)]
    Lab(#[from] LabError),
}

fn key_list() -> String {
    KEYS.map(|key| format!("`{}`", key.name)).join(", ")
}

/// A value that cannot be read.
pub(crate) fn wrong(key: &'static str, value: &str, expected: impl fmt::Display) -> ExperimentError {
    ExperimentError::Value { key, value: value.chars().take(120).collect(), expected: expected.to_string() }
}

/// What a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// The numbers that all randomness follows from; each combination of settings is played once with each.
    pub seeds: Vec<u64>,
    settings: Sweep,
    also: Vec<Sweep>,
}

/// The values of each key; a key that is not there has its default.
type Sweep = BTreeMap<&'static str, Vec<String>>;

/// One combination of settings with one seed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trial {
    settings: BTreeMap<&'static str, String>,
    /// Its seed.
    pub seed: u64,
}

impl Trial {
    /// The value of a key as it was written.
    pub fn get(&self, key: &str) -> &str {
        let default = || KEYS.iter().find(|known| known.name == key).map_or("", |known| known.default);
        self.settings.get(key).map_or_else(default, String::as_str)
    }

    /// All settings, by key.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, &str)> {
        KEYS.iter().map(|key| (key.name, self.get(key.name)))
    }

    /// What this trial is, and nothing else.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("bitneuron lab trial v1");
        for (key, value) in self.settings() {
            hasher.part(key.as_bytes()).part(value.as_bytes());
        }
        hasher.number(self.seed).finish()
    }

    /// A number within bounds.
    pub(crate) fn number<T>(&self, key: &'static str, least: T, most: T) -> Result<T, ExperimentError>
    where
        T: std::str::FromStr + PartialOrd + fmt::Display + Copy,
    {
        let text = self.get(key);
        match text.parse::<T>() {
            Ok(number) if number >= least && number <= most => Ok(number),
            _ => Err(wrong(key, text, format_args!("a number from {least} to {most} would do"))),
        }
    }
}

impl Experiment {
    /// An experiment with one seed and every setting at its default.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            about: String::new(),
            seeds: vec![1],
            settings: Sweep::new(),
            also: Vec::new(),
        }
    }

    /// The same with these values under a key.
    ///
    /// # Errors
    /// No such key, or no value.
    pub fn with<V: fmt::Display>(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self, ExperimentError> {
        self.set(key, values.into_iter().map(|value| value.to_string()).collect())?;
        Ok(self)
    }

    /// The same with these seeds.
    #[must_use]
    pub fn with_seeds(self, seeds: impl IntoIterator<Item = u64>) -> Self {
        Self { seeds: seeds.into_iter().collect(), ..self }
    }

    /// Further sweeps, each with the settings of this experiment but for those of its own.
    #[must_use]
    pub fn with_also(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        self.also.extend(others.into_iter().map(|other| other.settings));
        self
    }

    fn set(&mut self, key: &str, values: Vec<String>) -> Result<(), ExperimentError> {
        let (key, values) = distinct(key, values)?;
        self.settings.insert(key, values);
        Ok(())
    }

    /// Reads an experiment file.
    ///
    /// # Errors
    /// No TOML, a key that does not exist, or a value of a kind that no key has. What a value means is judged when its trial is
    /// set up.
    pub fn read(text: &str) -> Result<Self, ExperimentError> {
        if text.len() > MAX_BYTES {
            return Err(ExperimentError::Toml(format!("it is longer than {MAX_BYTES} bytes")));
        }
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| ExperimentError::Toml(error.to_string()))?;
        let mut experiment = Self::new("experiment");
        for (key, value) in &table {
            match (key.as_str(), value) {
                ("name", Value::String(name)) => experiment.name.clone_from(name),
                ("about", Value::String(about)) => experiment.about.clone_from(about),
                ("name" | "about", other) => {
                    return Err(wrong("name", &other.to_string(), "text in quotes would do"));
                }
                ("seeds", value) => experiment.seeds = seeds(value)?,
                ("also", Value::Array(parts)) => {
                    experiment.also = parts.iter().map(part).collect::<Result<_, _>>()?;
                }
                (key, value) => experiment.set(key, values(key, value)?)?,
            }
        }
        Ok(experiment)
    }

    /// All sweeps.
    fn sweeps(&self) -> Vec<Sweep> {
        let also = self.also.iter().map(|own| {
            let mut sweep = self.settings.clone();
            sweep.extend(own.clone());
            sweep
        });
        std::iter::once(self.settings.clone()).chain(also).collect()
    }

    /// The keys that have more than one value, in the order of sweeps.
    pub fn swept(&self) -> Vec<&'static str> {
        let sweeps = self.sweeps();
        let many = |key: &&Key| {
            let default = vec![key.default.to_owned()];
            let mut values: Vec<&String> =
                sweeps.iter().flat_map(|sweep| sweep.get(key.name).unwrap_or(&default)).collect();
            values.sort_unstable();
            values.dedup();
            values.len() > 1
        };
        KEYS.iter().filter(many).map(|key| key.name).collect()
    }

    /// Every combination of settings with every seed, in the order of [`KEYS`], seeds turning fastest. Combinations that are the
    /// same are there once: without an attack the number of liars does not matter.
    ///
    /// # Errors
    /// [`ExperimentError::TooMany`].
    pub fn trials(&self) -> Result<Vec<Trial>, ExperimentError> {
        let sweeps = self.sweeps();
        let product = |sweep: &Sweep| sweep.values().map(Vec::len).fold(1_usize, usize::saturating_mul);
        let runs = sweeps.iter().map(product).fold(0_usize, usize::saturating_add);
        let runs = runs.saturating_mul(self.seeds.len());
        if runs > MAX_RUNS {
            return Err(ExperimentError::TooMany { runs });
        }
        let combinations = sweeps.iter().flat_map(combinations);
        let mut seen = std::collections::BTreeSet::new();
        let mut trials = Vec::with_capacity(runs);
        for mut settings in combinations {
            if settings.get("attack").is_none_or(|attack| attack == "none") {
                settings.insert("liars", "0".into());
            }
            if seen.insert(settings.clone()) {
                let of_seed = |seed: &u64| Trial { settings: settings.clone(), seed: *seed };
                trials.extend(self.seeds.iter().map(of_seed));
            }
        }
        Ok(trials)
    }
}

/// Every combination of values, the last key turning fastest.
fn combinations(sweep: &Sweep) -> Vec<BTreeMap<&'static str, String>> {
    let mut combinations = vec![BTreeMap::new()];
    for key in KEYS {
        let Some(values) = sweep.get(key.name) else { continue };
        let with = |before: BTreeMap<&'static str, String>| {
            values.iter().map(move |value| {
                let mut next = before.clone();
                next.insert(key.name, value.clone());
                next
            })
        };
        combinations = combinations.into_iter().flat_map(with).collect();
    }
    combinations
}

/// The key that a text names, and its values if they differ.
fn distinct(key: &str, values: Vec<String>) -> Result<(&'static str, Vec<String>), ExperimentError> {
    let known = KEYS.iter().find(|known| known.name == key);
    let known = known.ok_or_else(|| ExperimentError::Key { key: key.chars().take(80).collect() })?;
    let mut fresh: Vec<String> = Vec::with_capacity(values.len());
    for value in values {
        if fresh.contains(&value) {
            return Err(wrong(known.name, &value, "it stands there twice"));
        }
        fresh.push(value);
    }
    if fresh.is_empty() {
        return Err(wrong(known.name, "[]", "a list has at least one value"));
    }
    Ok((known.name, fresh))
}

/// A further sweep.
fn part(value: &Value) -> Result<Sweep, ExperimentError> {
    let table =
        value.as_table().ok_or_else(|| wrong("also", &value.to_string(), "tables `[[also]]` would do"))?;
    table.iter().map(|(key, value)| distinct(key, values(key, value)?)).collect()
}

/// One value or a list as texts.
fn values(key: &str, value: &Value) -> Result<Vec<String>, ExperimentError> {
    match value {
        Value::Array(list) => list.iter().map(|one| plain(key, one)).collect(),
        one => Ok(vec![plain(key, one)?]),
    }
}

/// A value as text.
fn plain(key: &str, value: &Value) -> Result<String, ExperimentError> {
    let known = KEYS.iter().find(|known| known.name == key);
    let known = known.ok_or_else(|| ExperimentError::Key { key: key.chars().take(80).collect() })?;
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) if number.is_finite() => Ok(number.to_string()),
        other => Err(wrong(known.name, &other.to_string(), "text, a number, or a list of these would do")),
    }
}

/// `seeds = 3` are the seeds 1, 2, 3; a list names them.
fn seeds(value: &Value) -> Result<Vec<u64>, ExperimentError> {
    let number = |value: &Value| value.as_integer().and_then(|number| u64::try_from(number).ok());
    let expected = "how many (1 to 1,000), or a list of different numbers, would do";
    let found = match value {
        Value::Array(list) => list.iter().map(number).collect::<Option<Vec<u64>>>(),
        one => number(one).filter(|count| *count <= 1_000).map(|count| (1..=count).collect()),
    };
    let different = |seeds: &Vec<u64>| {
        let distinct: std::collections::BTreeSet<_> = seeds.iter().collect();
        !seeds.is_empty() && distinct.len() == seeds.len()
    };
    found.filter(different).ok_or_else(|| wrong("seeds", &value.to_string(), expected))
}
