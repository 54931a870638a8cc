//! Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv 1708.07747): a perceptron 784-512-10 whose layers are factors of four kinds, against
//! the dense one, as the paper of automatic ranks shows MNIST (Hawkins, Liu and Zhang, arXiv 2010.08689).
//!
//! The data are those of the Debian package `dataset-fashion-mnist`; where it is not installed there is nothing to compare.

use crate::Failure;
use bitneuron::compress::factor::{CpLinear, Linear, TrainLinear, TuckerLinear};
use bitneuron::compress::rank::{Annealing, Shrinkage};
use bitneuron::compress::{Compressor as _, Limits, Sliced};
use bitneuron::core::{Dataset, Params, Seed};
use bitneuron::learning::data::{FASHION_MNIST, fashion_mnist};
use bitneuron::learning::eval;
use bitneuron::learning::model::{Layer, Mlp, Model as _};
use bitneuron::learning::optim::Shrinking;
use std::path::Path;
use std::sync::Arc;

const PIXELS: usize = 784;
/// Epochs of every kind.
const EPOCHS: u32 = 12;
/// When the priors of ranks begin to count, and for how long they grow.
const ANNEALING: Annealing = Annealing { start: 1.5, over: 6.0 };
/// Bits of a value as it is sent.
const BITS: f64 = 5.0;

/// What one kind of layers came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The kind.
    pub kind: &'static str,
    /// Accuracy on the 10,000 test images, in single precision.
    pub fine: f64,
    /// The same as it is sent.
    pub sent: f64,
    /// Parameters of the whole model.
    pub parameters: usize,
    /// Bytes of its packet.
    pub bytes: usize,
}

/// Images to learn from and to report on.
#[derive(Debug)]
pub struct Images {
    train: Dataset,
    report: Dataset,
}

impl Images {
    /// The images of the package, or `None` where it is not installed.
    ///
    /// # Errors
    /// A file is not what it should be.
    pub fn load() -> Result<Option<Self>, Failure> {
        let folder = Path::new(FASHION_MNIST);
        if !folder.is_dir() {
            return Ok(None);
        }
        let (train, report) = fashion_mnist(folder)?;
        Ok(Some(Self { train, report }))
    }
}

/// Trains every kind from one seed.
///
/// # Errors
/// A training failed.
pub fn run(images: &Images, seed: Seed) -> Result<Vec<Outcome>, Failure> {
    kinds()?.into_iter().map(|(kind, model, prior)| one(kind, &model, prior, images, seed)).collect()
}

/// Each kind with the weight of its prior.
fn kinds() -> Result<Vec<(&'static str, Mlp, f64)>, Failure> {
    let factored = |first: Arc<dyn Linear>, last: Arc<dyn Linear>| {
        Mlp::of(vec![Layer::Factored(first), Layer::Factored(last)])
    };
    let train = TrainLinear::in_line(&[28, 28], &[16, 32], &[20; 3])?;
    let matrices = TrainLinear::interleaved(&[4, 7, 4, 7], &[4, 4, 8, 4], &[20; 3])?;
    let products = CpLinear::new(&[28, 28], &[16, 32], 50)?;
    let core = TuckerLinear::new(&[28, 28], &[16, 32], &[12; 4])?;
    Ok(vec![
        ("dense", Mlp::new(&[PIXELS, 512, 10])?, 0.0),
        (
            "tt",
            factored(Arc::new(train), Arc::new(TrainLinear::in_line(&[16, 32], &[10], &[16, 10])?))?,
            2e-5,
        ),
        (
            "ttm",
            factored(Arc::new(matrices), Arc::new(TrainLinear::interleaved(&[16, 32], &[2, 5], &[20])?))?,
            5e-5,
        ),
        ("cp", factored(Arc::new(products), Arc::new(CpLinear::new(&[16, 32], &[10], 50)?))?, 1e-4),
        (
            "tucker",
            factored(Arc::new(core), Arc::new(TuckerLinear::new(&[16, 32], &[10], &[12, 12, 10])?))?,
            2e-5,
        ),
    ])
}

fn one(kind: &'static str, model: &Mlp, prior: f64, images: &Images, seed: Seed) -> Result<Outcome, Failure> {
    let ranks = Shrinkage { weight: prior, annealing: ANNEALING, ..Shrinkage::default() };
    let rate = if kind == "dense" { 1e-3 } else { 3e-3 };
    let shrinking = Shrinking { ranks, rate, batch: 128, epochs: EPOCHS, settle: None };
    let shrunk = shrinking.run(model, &model.init(seed), &images.train, seed)?;
    let accuracy = |params: &Params| eval::accuracy(&shrunk.model, params.values(), &images.report);
    let codec = Sliced::bits(BITS)?;
    let packet = codec.compress(&shrunk.params, seed)?;
    let layout = shrunk.params.layout();
    let sent = codec.decompress(&packet, layout, Limits::of(layout))?;
    Ok(Outcome {
        kind,
        fine: accuracy(&shrunk.params)?,
        sent: accuracy(&sent)?,
        parameters: layout.len(),
        bytes: packet.len(),
    })
}
