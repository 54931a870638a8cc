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
    named::{Call, NameError, Named},
    optim::{self, Measure, Recipe},
};
use std::{collections::BTreeMap, fmt, sync::Arc};

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

    /// How a model is trained, and what is trained: the model, or more where a rule sends more.
    pub(crate) fn update(
        &self,
        trial: &Trial,
        model: Arc<dyn Model>,
    ) -> Result<(Arc<dyn Model>, MakeUpdate), ExperimentError> {
        let text = trial.get("update");
        if let Some(own) = self.updates.get(text) {
            return Ok((model, Arc::clone(own)));
        }
        let recipe = optim::recipe(text, &model);
        let Recipe { model, update } =
            recipe.map_err(|error| wrong("update", text, format_args!("{error}{}", also(&self.updates))))?;
        // Nobody reads the losses, so no pass over the rows is spent on them.
        let update = update.with_measure(Measure::Running);
        Ok((model, Arc::new(move || Box::new(update.clone()) as Box<dyn Update>)))
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
    let refused = |why: &dyn fmt::Display| wrong("update", text, format_args!("at a server {why}"));
    let parts = Call::parts(text).map_err(|error| refused(&error))?;
    let [rule] = &parts[..] else { return Err(refused(&"one rule without parts would do")) };
    let read = || {
        rule.find("update", &[Named::new("sgd:rate=0.5,batch=8,momentum=0", "")])?;
        let sgd = Sgd::new(
            Arc::clone(model),
            rule.positive("rate", 0.5)? as f32,
            rule.get("batch", 8, 1..=1_000_000)?,
        );
        Ok::<_, NameError>(Sgd { momentum: rule.get("momentum", 0.0, 0.0..1.0)?, ..sgd })
    };
    Ok(read().map_err(|error| refused(&error))?.with_measure(Measure::Running))
}
