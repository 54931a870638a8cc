//! Digits with factored layers: a perceptron 64-512-512-10 whose layers are TT-matrices, against the dense one.
//!
//! The ranks find themselves while it learns, then it gets used to the four bits that it is sent with; or it is sent with steps by
//! the slices of its factors, to which it need not get used. Both learn from the same images, each also moved by one pixel up,
//! down, left and right. [`few_bits`] trains a factored perceptron whose parameters have few bits at every step.

use crate::Failure;
use crate::cost::cpu_per_call;
use bitneuron::compress::factor::TrainLinear;
use bitneuron::compress::rank::{Annealing, Shrinkage};
use bitneuron::compress::{Compressor as _, Limits, Packet, Sliced, Uniform, entropy};
use bitneuron::core::{Dataset, Params, Seed};
use bitneuron::learning::model::{Layer, Mlp, Model as _};
use bitneuron::learning::optim::{Adam, FixedPoint, Shrinking};
use bitneuron::learning::{Update, eval};
use bitneuron::sim::digits::halves;
use std::sync::Arc;

/// Accuracies of both, and how many times smaller the factored model is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// The dense model.
    pub dense: f64,
    /// The factored one in single precision.
    pub fine: f64,
    /// The same as it is sent, with four bits.
    pub sent: f64,
    /// The one in single precision sent with steps by slices, of [`BITS`] on average.
    pub sliced: f64,
    /// Weights of the two large layers, dense over factored.
    pub weights: f64,
    /// Bytes of the whole model, dense in single precision over factored as it is sent.
    pub bytes: f64,
    /// The same of the packet with steps by slices.
    pub sliced_bytes: f64,
    /// Seconds of predicting one row, dense over factored.
    pub speed: f64,
}

/// Bits of a value where slices have their own steps.
pub const BITS: f64 = 4.0;

impl Outcome {
    /// What the small model as it is sent loses against the dense one, in points.
    pub fn points_lost(&self) -> f64 {
        100.0 * (self.dense - self.sent)
    }

    /// The mean of several.
    pub fn mean(all: &[Self]) -> Self {
        let mean = |figure: fn(&Self) -> f64| all.iter().map(figure).sum::<f64>() / all.len() as f64;
        Self {
            dense: mean(|f| f.dense),
            fine: mean(|f| f.fine),
            sent: mean(|f| f.sent),
            sliced: mean(|f| f.sliced),
            weights: mean(|f| f.weights),
            bytes: mean(|f| f.bytes),
            sliced_bytes: mean(|f| f.sliced_bytes),
            speed: mean(|f| f.speed),
        }
    }
}

/// Trains both from one seed and compares them on the rows that neither saw.
///
/// # Errors
/// A training failed.
pub fn run(seed: Seed) -> Result<Outcome, Failure> {
    let (train, report) = halves(seed)?;
    let train = moved(&train)?;
    let accuracy = |model: &Mlp, params: &Params| eval::accuracy(model, params.values(), &report);
    let dense = Arc::new(Mlp::new(&[64, 512, 512, 10])?);
    let mut params = dense.init(seed);
    Adam::new(dense.clone(), 1e-3, 64).with_epochs(12).update(&mut params, &train, 0, seed)?;

    let annealing = Annealing { start: 1.2, over: 8.0 };
    // The ranks are left alone at 4,600 weights, those of the last layer included.
    let ranks = Shrinkage { weight: 1e-4, annealing, target: Some(4600), ..Shrinkage::default() };
    let shrinking = Shrinking { ranks, rate: 1e-2, batch: 64, epochs: 24, settle: None };
    // Larger than needed.
    let model = factored(12)?;
    let fine = shrinking.run(&model, &model.init(seed), &train, seed)?;
    let codec = Uniform::new(4)?;
    let settling = Shrinking { epochs: 0, settle: Some((Arc::new(codec), 5)), ..shrinking };
    let sent = settling.run(&fine.model, &fine.params, &train, seed)?;

    let packet = codec.compress(&sent.params, seed)?;
    let slices = Sliced::bits(BITS)?.compress(&fine.params, seed)?;
    let layout = fine.params.layout();
    let sliced = Sliced::default().decompress(&slices, layout, Limits::of(layout))?;
    let size = 4.0 * params.values().len() as f64;
    let weights = |model: &Mlp| model.layers().iter().take(2).map(Layer::weights).sum::<usize>() as f64;
    Ok(Outcome {
        dense: accuracy(&dense, &params)?,
        fine: accuracy(&fine.model, &fine.params)?,
        sent: accuracy(&sent.model, &sent.params)?,
        sliced: accuracy(&fine.model, &sliced)?,
        weights: weights(&dense) / weights(&sent.model),
        bytes: size / coded_bytes(&packet, &sent.params),
        sliced_bytes: size / slices.len() as f64,
        speed: seconds(&dense, &params, &report)? / seconds(&sent.model, &sent.params, &report)?,
    })
}

/// CPU seconds of predicting one row.
fn seconds(model: &Mlp, params: &Params, rows: &Dataset) -> Result<f64, Failure> {
    let row: Vec<f32> = rows.features().iter().take(model.inputs()).copied().collect();
    let mut probabilities = [0.0; 10];
    model.predict(params.values(), &row, &mut probabilities)?;
    Ok(cpu_per_call(|| model.predict(params.values(), &row, &mut probabilities)))
}

/// Accuracies of the factored perceptron, ranks 6, trained in single precision, in 8 and in 4 bits, 15 epochs each.
///
/// # Errors
/// A training failed.
pub fn few_bits(seed: Seed) -> Result<[f64; 3], Failure> {
    const EPOCHS: u32 = 15;
    const RATE: f32 = 5e-3;
    let (train, report) = halves(seed)?;
    let train = moved(&train)?;
    let model = Arc::new(factored(6)?);
    let accuracy = |update: &mut dyn Update| -> Result<f64, Failure> {
        let mut params = model.init(seed);
        update.update(&mut params, &train, 0, seed)?;
        Ok(eval::accuracy(model.as_ref(), params.values(), &report)?)
    };
    let coarse = |bits| FixedPoint::new(model.clone(), bits, RATE, 64).with_epochs(EPOCHS);
    let mut fine = Adam::new(model.clone(), RATE, 64).with_epochs(EPOCHS);
    Ok([accuracy(&mut fine)?, accuracy(&mut coarse(8))?, accuracy(&mut coarse(4))?])
}

/// 64-512-512-10, every layer a TT-matrix of this rank, or one that is a little smaller.
fn factored(rank: usize) -> Result<Mlp, Failure> {
    let layer = |inputs: &[usize], outputs: &[usize], rank: usize| {
        let ranks = vec![rank; inputs.len() - 1];
        TrainLinear::interleaved(inputs, outputs, &ranks).map(|layer| Layer::Factored(Arc::new(layer)))
    };
    let first = layer(&[4, 4, 4], &[8, 8, 8], rank)?;
    let last = layer(&[16, 32], &[2, 5], rank * 2 / 3)?;
    Ok(Mlp::of(vec![first, layer(&[8, 8, 8], &[8, 8, 8], rank)?, last])?)
}

/// The images, and the same moved by one pixel up, down, left and right.
fn moved(images: &Dataset) -> Result<Dataset, Failure> {
    const MOVES: [(i32, i32); 5] = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)];
    let each: Vec<usize> = (0..MOVES.len() * images.len()).map(|at| at / MOVES.len()).collect();
    let copies = images.select(&each);
    let mut features = copies.features().clone();
    for (mut image, (down, right)) in features.rows_mut().into_iter().zip(MOVES.iter().cycle()) {
        let before = image.to_owned();
        for at in 0..64 {
            let (row, column) = (at / 8 - down, at % 8 - right);
            let inside = (0..8).contains(&row) && (0..8).contains(&column);
            image[at as usize] = if inside { before[(row * 8 + column) as usize] } else { 0.0 };
        }
    }
    Ok(Dataset::new(features, copies.labels().to_vec())?)
}

/// The bytes of a packet of [`Uniform`] with four bits when all its codes go through the entropy coder as one string; the headers
/// are counted as they are.
fn coded_bytes(packet: &Packet, params: &Params) -> f64 {
    let (mut bytes, mut codes) = (Packet::HEADER, Vec::new());
    for (part, entry) in packet.parts().iter().zip(params.layout().entries()) {
        let count = entry.elements().unwrap_or_default();
        let header = part.len() - count.div_ceil(2);
        codes.extend((0..count).map(|at| part[header + at / 2] >> (at % 2 * 4) & 15));
        bytes += 4 + header;
    }
    (bytes + entropy::encode(&codes).len()) as f64
}
