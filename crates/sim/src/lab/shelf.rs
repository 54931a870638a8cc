//! What the names in an experiment mean: those of the library, and those that a program puts beside them.

use super::{
    MakeUpdate,
    codec::codec,
    experiment::{ExperimentError, Trial, wrong},
};
use crate::{attack, attack::Attack, digits};
use bitneuron_compress::Compressor;
use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::{
    Merge, Model, Sgd, Update, merge, model,
    optim::{self, Measure},
};
use std::{collections::BTreeMap, sync::Arc};

/// Rows to learn from and rows that no node ever sees.
pub type Halves = (Dataset, Dataset);
/// Makes both halves of a data set from a seed.
pub type MakeData = Arc<dyn Fn(Seed) -> Result<Halves, String> + Send + Sync>;
/// Makes a model for so many features and classes.
pub type MakeModel = Arc<dyn Fn(usize, usize) -> Result<Arc<dyn Model>, String> + Send + Sync>;

/// Names and what they mean.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) merges: BTreeMap<String, Arc<dyn Merge>>,
    pub(crate) attacks: BTreeMap<String, Arc<dyn Attack>>,
    pub(crate) codecs: BTreeMap<String, Arc<dyn Compressor>>,
    pub(crate) models: BTreeMap<String, MakeModel>,
    pub(crate) updates: BTreeMap<String, MakeUpdate>,
    pub(crate) data: BTreeMap<String, MakeData>,
}

/// What is added to the message about an unknown name.
fn also<T>(own: &BTreeMap<String, T>) -> String {
    let names: Vec<String> = own.keys().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!("; and {}", names.join(", ")) }
}

impl Shelf {
    pub(crate) fn merge(&self, text: &str) -> Result<Arc<dyn Merge>, ExperimentError> {
        if let Some(own) = self.merges.get(text) {
            return Ok(Arc::clone(own));
        }
        merge::named(text)
            .map_err(|error| wrong("merge", text, format_args!("{error}{}", also(&self.merges))))
    }

    /// The attack, if there is one.
    pub(crate) fn attack(&self, text: &str) -> Result<Option<Arc<dyn Attack>>, ExperimentError> {
        if text == "none" {
            return Ok(None);
        }
        if let Some(own) = self.attacks.get(text) {
            return Ok(Some(Arc::clone(own)));
        }
        let found = attack::named(text);
        found.map(Some).map_err(|error| wrong("attack", text, format_args!("{error}{}", also(&self.attacks))))
    }

    pub(crate) fn codec(&self, text: &str) -> Result<Arc<dyn Compressor>, ExperimentError> {
        if let Some(own) = self.codecs.get(text) {
            return Ok(Arc::clone(own));
        }
        codec(text).map_err(|error| {
            wrong("codec", text, format_args!("{} would do{}", error.expected, also(&self.codecs)))
        })
    }

    pub(crate) fn data(&self, text: &str, seed: Seed) -> Result<Halves, ExperimentError> {
        let made = match (self.data.get(text), text) {
            (Some(own), _) => own(seed),
            (None, "digits") => digits::halves(seed).map_err(|error| error.to_string()),
            (None, _) => Err(format!("`digits` would do{}", also(&self.data))),
        };
        made.map_err(|why| wrong("data", text, why))
    }

    pub(crate) fn model(
        &self,
        text: &str,
        features: usize,
        classes: usize,
    ) -> Result<Arc<dyn Model>, ExperimentError> {
        let failed = |why: String| wrong("model", text, why);
        if let Some(own) = self.models.get(text) {
            return own(features, classes).map_err(failed);
        }
        sized(text, features, classes)
            .and_then(|sized| model::named(&sized).map_err(|error| error.to_string()))
            .map_err(|why| failed(format!("{why}{}", also(&self.models))))
    }

    pub(crate) fn update(
        &self,
        trial: &Trial,
        model: &Arc<dyn Model>,
    ) -> Result<MakeUpdate, ExperimentError> {
        let text = trial.get("update");
        if let Some(own) = self.updates.get(text) {
            return Ok(Arc::clone(own));
        }
        let rule = optim::named(text, model);
        let rule =
            rule.map_err(|error| wrong("update", text, format_args!("{error}{}", also(&self.updates))))?;
        // Nobody reads the losses, so no pass over the rows is spent on them.
        let rule = rule.with_measure(Measure::Running);
        Ok(Arc::new(move || Box::new(rule.clone()) as Box<dyn Update>))
    }
}

/// A model's name with the sizes of the data: `mlp:32` on digits is `mlp:64-32-10`, `ttm-mlp:6:32` is `ttm-mlp:6:64-32-10`; a
/// `cnn:8x8x1-8c3s2` has its image already.
fn sized(text: &str, features: usize, classes: usize) -> Result<String, String> {
    if let Some(inner) = text.strip_prefix("mask-aware+") {
        return Ok(format!("mask-aware+{}", sized(inner, features, classes)?));
    }
    match text.split_once(':') {
        None if matches!(text, "mlp" | "ttm-mlp" | "cnn") => Err(format!(
            "{text:?} needs sizes: `mlp:32-16`, `ttm-mlp:6:512-512` or `cnn:8x8x1-8c3s2` would do"
        )),
        None => Ok(format!("{text}:{features}-{classes}")),
        Some(("cnn", layers)) => Ok(format!("cnn:{layers}-{classes}")),
        Some(("ttm-mlp", text)) => match text.split_once(':') {
            Some((rank, hidden)) => Ok(format!("ttm-mlp:{rank}:{features}-{hidden}-{classes}")),
            None => Err(format!("{text:?} needs a rank and sizes: `ttm-mlp:6:512-512` would do")),
        },
        Some((name, hidden)) => Ok(format!("{name}:{features}-{hidden}-{classes}")),
    }
}

/// `sgd:rate=0.5,batch=8,momentum=0.9`: what a server and its workers need to know.
pub(crate) fn sgd(text: &str, model: &Arc<dyn Model>) -> Result<Sgd, ExperimentError> {
    let unread = || wrong("update", text, "at a server `sgd:rate=RATE,batch=ROWS,momentum=SHARE` would do");
    let mut rule = Sgd::new(Arc::clone(model), 0.5, 8).with_measure(Measure::Running);
    let settings = text.strip_prefix("sgd").ok_or_else(unread)?;
    for setting in settings.trim_start_matches(':').split(',').filter(|setting| !setting.is_empty()) {
        let (key, value) = setting.split_once('=').ok_or_else(unread)?;
        let number: f32 = value.parse().map_err(|_| unread())?;
        match key {
            "rate" if number.is_finite() && number > 0.0 => rule.rate = number,
            "momentum" if (0.0..1.0).contains(&number) => rule.momentum = number,
            "batch" if (1.0..=1e6).contains(&number) => rule.batch = number as usize,
            _ => return Err(unread()),
        }
    }
    Ok(rule)
}
