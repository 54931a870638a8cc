//! Models from and to files in the format *safetensors* (feature `safetensors`).
//!
//! [`write()`] and [`read()`] keep the names and shapes of a model's own layout. [`perceptron`] takes files of other frameworks:
//! pairs `….weight [out, in]` and `….bias [out]`, in the order of the numbers in their names (`0.weight`, `2.weight`,
//! `10.weight`), with `ReLU` between them, as PyTorch's `Sequential` and its kind save them.

use super::{Mlp, Model as _, ModelError};
use bitneuron_compress::safetensors::{self, SafetensorsError};
use bitneuron_core::{Layout, Params, params::ParamsError};
use std::sync::Arc;
use thiserror::Error;

/// Why a file is no model.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file was not read or written.
    #[error(transparent)]
    File(#[from] SafetensorsError),
    /// A tensor is missing, has another shape, or does not belong there.
    #[error("tensor {name:?}: {why}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Layers that make no model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// More parameters than a layout may hold.
    #[error(transparent)]
    Params(#[from] ParamsError),
}

/// The bytes of a file.
///
/// # Errors
/// The format refuses.
pub fn write(params: &Params) -> Result<Vec<u8>, WeightsError> {
    Ok(safetensors::write(params)?)
}

/// Parameters of this layout from a file that has its tensors, by name, and no others.
///
/// # Errors
/// Not such a file, or a tensor that is missing, has another shape or is not of the layout.
pub fn read(layout: &Arc<Layout>, bytes: &[u8]) -> Result<Params, WeightsError> {
    let file = safetensors::read(bytes)?;
    let known = |name: &str| layout.index(name).is_some();
    if let Some(other) = file.layout().entries().iter().find(|entry| !known(&entry.name)) {
        return Err(WeightsError::Tensor { name: other.name.clone(), why: "it is not of the model" });
    }
    let mut values = Vec::with_capacity(layout.len());
    for entry in layout.entries() {
        let refuse = |why| WeightsError::Tensor { name: entry.name.clone(), why };
        let index = file.layout().index(&entry.name).ok_or_else(|| refuse("it is not in the file"))?;
        if file.layout().entries().get(index) != Some(entry) {
            return Err(refuse("it has another shape"));
        }
        let range = file.layout().range(index).unwrap_or_default();
        values.extend_from_slice(file.values().get(range).unwrap_or_default());
    }
    Ok(Params::new(values, Arc::clone(layout))?)
}

/// The perceptron of a file whose weights are named and laid out as PyTorch does.
///
/// # Errors
/// Not such a file, or tensors that make no perceptron.
pub fn perceptron(bytes: &[u8]) -> Result<(Mlp, Params), WeightsError> {
    let file = safetensors::read(bytes)?;
    let entries = file.layout().entries();
    let refuse = |name: &str, why| WeightsError::Tensor { name: name.into(), why };
    let mut layers: Vec<&str> =
        entries.iter().filter_map(|entry| entry.name.strip_suffix(".weight")).collect();
    layers.sort_by_cached_key(|name| numbers(name));
    let (mut widths, mut values) = (Vec::new(), Vec::new());
    let mut used = 0;
    for layer in layers {
        let name = format!("{layer}.weight");
        let weights = file.view(&name).and_then(|view| view.into_dimensionality::<ndarray::Ix2>().ok());
        let weights = weights.ok_or_else(|| refuse(&name, "it is no matrix"))?;
        let (outputs, inputs) = weights.dim();
        if widths.last().is_some_and(|width| *width != inputs) {
            return Err(refuse(&name, "it does not fit the layer before"));
        }
        if widths.is_empty() {
            widths.push(inputs);
        }
        widths.push(outputs);
        values.extend(weights.t().iter());
        let name = format!("{layer}.bias");
        match file.view(&name) {
            Some(bias) if bias.shape() == [outputs] => values.extend(bias.iter()),
            Some(_) => return Err(refuse(&name, "it has another shape")),
            None => values.extend(vec![0.0; outputs]),
        }
        used += 1 + usize::from(file.layout().index(&name).is_some());
    }
    if used != entries.len() {
        let part =
            |name: &str| name.rsplit_once('.').is_some_and(|(_, last)| matches!(last, "weight" | "bias"));
        let stray = entries.iter().find(|entry| !part(&entry.name));
        let name = stray.map_or("a bias", |entry| entry.name.as_str());
        return Err(refuse(name, "it is no part of a perceptron"));
    }
    let model = Mlp::new(&widths)?;
    let params = Params::new(values, Arc::clone(model.layout()))?;
    Ok((model, params))
}

/// A key by which `layer.10` comes behind `layer.2`.
fn numbers(name: &str) -> Vec<(Option<u64>, String)> {
    name.split('.').map(|part| (part.parse().ok(), part.into())).collect()
}
