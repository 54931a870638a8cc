//! Digits with factored layers: a perceptron 64-512-512-10 whose layers are TT-matrices. Their ranks find themselves while it
//! learns, then it gets used to the four bits that it is sent with; against the dense one. The mean of three seeds. Both
//! learn from the same images, each also moved by one pixel up, down, left and right.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example factored_digits
//! ```

use bitneuron::{
    compress::{
        Compressor, Packet, Uniform, entropy,
        factor::TrainLinear,
        rank::{Annealing, Shrinkage},
    },
    core::{Dataset, Params, Seed},
    learning::{
        Update as _, eval,
        model::{Layer, Mlp, Model},
        optim::{Adam, Shrinking},
    },
    sim::digits::halves,
};
use std::{error::Error, io::Write as _, sync::Arc};

/// 64-512-512-10, every layer a TT-matrix whose ranks are larger than needed.
fn factored() -> Result<Mlp, Box<dyn Error>> {
    let layer = |inputs: &[usize], outputs: &[usize], rank: usize| {
        let ranks = vec![rank; inputs.len() - 1];
        TrainLinear::interleaved(inputs, outputs, &ranks).map(|layer| Layer::Factored(Arc::new(layer)))
    };
    let first = layer(&[4, 4, 4], &[8, 8, 8], 12)?;
    Ok(Mlp::of(vec![first, layer(&[8, 8, 8], &[8, 8, 8], 12)?, layer(&[16, 32], &[2, 5], 8)?])?)
}

/// The images, and the same moved by one pixel up, down, left and right.
fn moved(images: &Dataset) -> Result<Dataset, Box<dyn Error>> {
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

/// Accuracies, and how many times smaller the factored model is.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    /// The dense model.
    dense: f64,
    /// The factored one in single precision.
    fine: f64,
    /// The same as it is sent, with four bits.
    sent: f64,
    /// Weights of the two large layers, dense over factored.
    weights: f64,
    /// Bytes of the whole model, dense in single precision over factored as it is sent.
    bytes: f64,
}

fn run(number: u64) -> Result<Figures, Box<dyn Error>> {
    let seed = Seed::from_number(number);
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
    let model = factored()?;
    let fine = shrinking.run(&model, &model.init(seed), &train, seed)?;
    let codec = Uniform::new(4)?;
    let settling = Shrinking { epochs: 0, settle: Some((Arc::new(codec), 5)), ..shrinking };
    let sent = settling.run(&fine.model, &fine.params, &train, seed)?;

    let packet = codec.compress(&sent.params, seed)?;
    let weights = |model: &Mlp| model.layers().iter().take(2).map(Layer::weights).sum::<usize>() as f64;
    Ok(Figures {
        dense: accuracy(&dense, &params)?,
        fine: accuracy(&fine.model, &fine.params)?,
        sent: accuracy(&sent.model, &sent.params)?,
        weights: weights(&dense) / weights(&sent.model),
        bytes: 4.0 * params.values().len() as f64 / coded_bytes(&packet, &sent.params),
    })
}

fn mean(all: &[Figures]) -> Figures {
    let mean = |figure: fn(&Figures) -> f64| all.iter().map(figure).sum::<f64>() / all.len() as f64;
    Figures {
        dense: mean(|f| f.dense),
        fine: mean(|f| f.fine),
        sent: mean(|f| f.sent),
        weights: mean(|f| f.weights),
        bytes: mean(|f| f.bytes),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    writeln!(out, "  dense   factored     4 bits   weights     bytes")?;
    let mut line = |figures: &Figures| {
        let [dense, fine, sent] =
            [figures.dense, figures.fine, figures.sent].map(|accuracy| 100.0 * accuracy);
        let (weights, bytes) = (figures.weights, figures.bytes);
        writeln!(out, "{dense:5.2} %    {fine:5.2} %    {sent:5.2} %  {weights:7.1}×  {bytes:7.1}×")
    };
    let mut all = Vec::new();
    for number in 1..=3 {
        let figures = run(number)?;
        line(&figures)?;
        all.push(figures);
    }
    let mean = mean(&all);
    line(&mean)?;
    // Sums of floats depend on the processor, and three seeds are few: elsewhere it may be a point more or less.
    writeln!(out, "{:.2} points lost", 100.0 * (mean.dense - mean.sent))?;
    Ok(())
}
