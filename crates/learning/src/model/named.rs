//! Classifiers by name.

use super::{Convolution, Layer, LinearSvm, Loss, MaskAware, Mlp, Model, SoftmaxRegression};
use crate::named::{Call, NameError, Named, list};
use std::sync::Arc;

/// The classifiers, each with its sizes.
pub const NAMES: [Named; 7] = [
    Named::new("softmax:FEATURES-CLASSES", "softmax regression"),
    Named::new("svm:FEATURES-CLASSES", "one linear support vector machine for each class"),
    Named::new("svm-margin:FEATURES-CLASSES", "a linear support vector machine of Crammer and Singer"),
    Named::new("mlp:FEATURES-HIDDEN-CLASSES", "a perceptron of any depth, as mlp:64-32-10"),
    Named::new(
        "ttm-mlp:RANK:FEATURES-HIDDEN-CLASSES",
        "one whose matrices are trains of cores, as ttm-mlp:6:64-512-10",
    ),
    Named::new(
        "cnn:HEIGHTxWIDTHxCHANNELS-LAYERS",
        "convolutions, then a perceptron; cnn:8x8x1-8c3s2-16c3s2-10 has 8 and 16 filters of 3×3 at every second place",
    ),
    Named::new("mask-aware+MODEL", "sees which features are missing (NaN); not before cnn"),
];

/// The classifier of this name.
///
/// ```
/// use bitneuron_learning::model::named;
/// assert_eq!(named("mlp:64-32-10")?.layout().len(), 65 * 32 + 33 * 10);
/// assert_eq!(named("cnn:8x8x1-8c3s2-10")?.layout().len(), 9 * 8 + 8 + 4 * 4 * 8 * 10 + 10);
/// let refused = named("transformer:1").err().expect("unknown");
/// assert!(refused.to_string().contains("there are softmax, svm"));
/// # Ok::<(), bitneuron_learning::named::NameError>(())
/// ```
///
/// # Errors
/// A name that does not exist, sizes that cannot be read or make no model.
pub fn named(text: &str) -> Result<Arc<dyn Model>, NameError> {
    match &Call::parts(text)?[..] {
        [model] => plain(model, 1),
        [first, model] if first.name() == "mask-aware" => {
            first.only(&[])?;
            Ok(Arc::new(MaskAware::new(plain(model, 2)?)?))
        }
        [first, ..] if first.name() == "mask-aware" => {
            Err(NameError::Together(first.name().into(), text.into()))
        }
        [first, ..] => Err(unknown(first.name())),
        [] => plain(&Call::default(), 1),
    }
}

/// A model of `times` as many features as the text says.
fn plain(call: &Call<'_>, times: usize) -> Result<Arc<dyn Model>, NameError> {
    let (name, sizes) = (call.name(), call.word());
    let refuse = || NameError::Value {
        name: name.into(),
        key: "sizes".into(),
        value: sizes.into(),
        expected: form(name).into(),
    };
    if form(name).is_empty() {
        return Err(unknown(name));
    }
    let mut parts = sizes.split('-').map(str::trim);
    let first = parts.next().unwrap_or_default();
    if name == "cnn" {
        let image = numbers(first, 'x').filter(|sizes| sizes.len() == 3).ok_or_else(refuse)?;
        if times != 1 {
            return Err(NameError::Together("mask-aware".into(), name.into()));
        }
        let layers = convolutions(&image, parts).ok_or_else(refuse)?;
        return Ok(Arc::new(Mlp::of(layers)?));
    }
    let (rank, sizes) = match (name, sizes.split_once(':')) {
        ("ttm-mlp", Some((rank, sizes))) => (rank.trim().parse().map_err(|_| refuse())?, sizes),
        ("ttm-mlp", None) => return Err(refuse()),
        _ => (0, sizes),
    };
    let mut widths = numbers(sizes, '-').ok_or_else(refuse)?;
    widths.iter_mut().take(1).for_each(|inputs| *inputs = inputs.saturating_mul(times));
    let two = || match widths[..] {
        [inputs, classes] => Ok((inputs, classes)),
        _ => Err(refuse()),
    };
    Ok(match name {
        "softmax" => {
            two().and_then(|(inputs, classes)| Ok(Arc::new(SoftmaxRegression::new(inputs, classes)?)))?
        }
        "svm" => Arc::new(LinearSvm::new(two()?.0, two()?.1, Loss::OneVersusRest)?),
        "svm-margin" => Arc::new(LinearSvm::new(two()?.0, two()?.1, Loss::Margin)?),
        "mlp" => Arc::new(Mlp::new(&widths)?),
        "ttm-mlp" => Arc::new(Mlp::trains(&widths, rank)?),
        _ => return Err(unknown(name)),
    })
}

/// Layers of an image `[height, width, channels]`: `8c3s2` is a convolution of 8 filters of 3×3 at every second place, a
/// number a dense layer.
fn convolutions<'a>(image: &[usize], parts: impl Iterator<Item = &'a str>) -> Option<Vec<Layer>> {
    let mut image = <[usize; 3]>::try_from(image).ok()?;
    let (mut layers, mut width) = (Vec::new(), None);
    for part in parts {
        let layer = match part.split_once('c') {
            Some(_) if width.is_some() => return None,
            Some((filters, rest)) => {
                let (kernel, stride) = rest.split_once('s').unwrap_or((rest, "1"));
                let [filters, kernel, stride] = [filters, kernel, stride].map(|number| number.parse().ok());
                let convolution = Convolution::new(image, filters?, kernel?, stride?).ok()?;
                image = convolution.output();
                Layer::Convolution(convolution)
            }
            None => {
                let inputs = width.unwrap_or_else(|| image.iter().product());
                width = Some(part.parse().ok()?);
                Layer::Dense { inputs, outputs: width? }
            }
        };
        layers.push(layer);
    }
    Some(layers)
}

fn numbers(text: &str, between: char) -> Option<Vec<usize>> {
    text.split(between).map(|number| number.trim().parse().ok()).collect()
}

/// How a model that is no wrapper is written; empty where there is none of this name.
fn form(name: &str) -> &'static str {
    let found = NAMES.iter().find(|one| one.name() == name && !one.form.contains('+'));
    found.map_or("", |one| one.form)
}

fn unknown(name: &str) -> NameError {
    NameError::Unknown { what: "model", name: name.into(), known: list(NAMES) }
}
