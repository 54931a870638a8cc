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
    Merge, Model, Sgd, Update, merge,
    model::{Mlp, SoftmaxRegression},
    optim::Measure,
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
        match text {
            "mean" => Ok(Arc::new(merge::WeightedMean)),
            "filtered" | "default" | "median" => Ok(Arc::new(merge::FilteredMean::default())),
            _ => Err(wrong("merge", text, format_args!("`mean`{}", also(&self.merges)))),
        }
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
        if text == "softmax" {
            let model = SoftmaxRegression::new(features, classes);
            return Ok(Arc::new(model.map_err(|error| failed(error.to_string()))?));
        }
        let hidden = text.strip_prefix("mlp:").map(|widths| {
            widths.split('-').map(|width| width.parse().ok().filter(|width| *width > 0)).collect()
        });
        let Some(hidden): Option<Vec<usize>> = hidden.flatten() else {
            return Err(failed(format!(
                "`softmax` or `mlp:WIDTHS`, as `mlp:32-16`, would do{}",
                also(&self.models)
            )));
        };
        let widths = [vec![features], hidden, vec![classes]].concat();
        Ok(Arc::new(Mlp::new(&widths).map_err(|error| failed(error.to_string()))?))
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
        let rule = sgd(text, model)?;
        Ok(Arc::new(move || Box::new(rule.clone()) as Box<dyn Update>))
    }
}

/// `sgd:rate=0.5,batch=8,epochs=1,momentum=0`.
pub(crate) fn sgd(text: &str, model: &Arc<dyn Model>) -> Result<Sgd, ExperimentError> {
    let unread = || {
        wrong(
            "update",
            text,
            "`sgd:rate=RATE,batch=ROWS,epochs=COUNT,momentum=SHARE` would do, each of them if need be",
        )
    };
    let mut rule = Sgd::new(Arc::clone(model), 0.5, 8).with_measure(Measure::Running);
    let settings = text.strip_prefix("sgd").ok_or_else(unread)?;
    for setting in settings.trim_start_matches(':').split(',').filter(|setting| !setting.is_empty()) {
        let (key, value) = setting.split_once('=').ok_or_else(unread)?;
        let number: f32 = value.parse().map_err(|_| unread())?;
        match key {
            "rate" if number.is_finite() && number > 0.0 => rule.rate = number,
            "momentum" if (0.0..1.0).contains(&number) => rule.momentum = number,
            "batch" if (1.0..=1e6).contains(&number) => rule.batch = number as usize,
            "epochs" if (1.0..=1e3).contains(&number) => rule.epochs = number as u32,
            _ => return Err(unread()),
        }
    }
    Ok(rule)
}
