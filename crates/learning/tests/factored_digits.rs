//! Digits with factored layers: a perceptron 64-512-512-10 whose layers are TT-matrices of automatic rank, sent with four
//! bits and an entropy coder, against the dense one.
//!
//! `cargo test -p bitneuron-learning --release --test factored_digits -- --ignored --nocapture` prints the table.

use bitneuron_compress::factor::TrainLinear;
use bitneuron_compress::rank::{Annealing, Shrinkage};
use bitneuron_compress::{Compressor, Packet, Uniform};
use bitneuron_core::{Dataset, Params, Seed};
use bitneuron_learning::Update as _;
use bitneuron_learning::data::{SplitRule, digits};
use bitneuron_learning::eval;
use bitneuron_learning::model::{Layer, Mlp, Model};
use bitneuron_learning::optim::{Adam, Shrinking};
use std::sync::Arc;

const PACKED: &[u8] = include_bytes!("../../../data/digits.csv.gz");

fn halves(seed: Seed) -> (Dataset, Dataset) {
    let all = digits(PACKED).expect("built in");
    let split = SplitRule { report: 360, metric: 0, public: 0 }.split(&all, seed).expect("enough rows");
    (split.private, split.report)
}

/// 64-512-512-10, every layer a TT-matrix whose ranks are too large.
fn factored() -> Mlp {
    let layer = |inputs: &[usize], outputs: &[usize], rank: usize| {
        let ranks = vec![rank; inputs.len() - 1];
        Layer::Factored(Arc::new(TrainLinear::interleaved(inputs, outputs, &ranks).expect("small")))
    };
    Mlp::of(vec![
        layer(&[4, 4, 4], &[8, 8, 8], 20),
        layer(&[8, 8, 8], &[8, 8, 8], 20),
        layer(&[16, 32], &[2, 5], 10),
    ])
    .expect("widths meet")
}

/// How four bits are sent: a step for each tensor.
fn four_bits() -> Uniform {
    Uniform::new(4).expect("in range")
}

/// Bytes of the packet when its codes have the entropy of their tensor: what an entropy coder with one table a tensor is
/// measured against. The headers are counted as they are.
fn coded_bytes(packet: &Packet, params: &Params) -> f64 {
    let mut bytes = Packet::HEADER as f64;
    for (part, entry) in packet.parts().iter().zip(params.layout().entries()) {
        let count = entry.elements().expect("small");
        let codes = part.len() - count.div_ceil(2);
        let mut counts = [0u32; 16];
        for at in 0..count {
            counts[usize::from(part[codes + at / 2] >> (at % 2 * 4) & 15)] += 1;
        }
        let bits: f64 = counts.iter().filter(|n| **n > 0).map(|n| f64::from(*n) * (count as f64 / f64::from(*n)).log2()).sum();
        bytes += 4.0 + codes as f64 + bits / 8.0;
    }
    bytes
}

/// One seed: dense accuracy, factored accuracy, parameter ratio of the two large layers, byte ratio of the whole net.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    dense: f64,
    fine: f64,
    coarse: f64,
    parameters: f64,
    bytes: f64,
}

fn settings(weight: f64, target: Option<usize>, epochs: u32) -> Shrinking {
    let annealing = Annealing { start: 5.0, over: f64::from(epochs) / 3.0 };
    Shrinking {
        ranks: Shrinkage { weight, annealing, target, ..Shrinkage::default() },
        rate: 2e-3,
        batch: 64,
        epochs,
        settle: None,
    }
}

fn run(number: u64, epochs: u32, settle: u32) -> Figures {
    let seed = Seed::from_number(number);
    let (train, report) = halves(seed);
    let dense = Arc::new(Mlp::new(&[64, 512, 512, 10]).expect("small"));
    let mut params = dense.init(seed);
    let mut adam = Adam::new(dense.clone(), 1e-3, 64).with_epochs(epochs / 2);
    adam.update(&mut params, &train, 0, seed).expect("converges");
    let accuracy = |model: &Mlp, params: &Params| eval::accuracy(model, params.values(), &report).expect("fits");

    let model = factored();
    let start = model.init(seed);
    let weight: f64 = std::env::var("KL").ok().and_then(|x| x.parse().ok()).unwrap_or(1e-4);
    let target = std::env::var("TARGET").ok().and_then(|x| x.parse().ok());
    let rules = settings(weight, target, epochs);
    let fine = rules.run(&model, &start, &train, seed).expect("converges");
    let rules = Shrinking { settle: Some((Arc::new(four_bits()), settle)), ..rules };
    let coarse = rules.run(&model, &start, &train, seed).expect("converges");
    let packet = four_bits().compress(&coarse.params, seed).expect("finite");
    let weights = |model: &Mlp| model.layers().iter().take(2).map(Layer::weights).sum::<usize>() as f64;
    let ranks: Vec<usize> = fine.model.bonds().iter().map(|bond| bond.rank).collect();
    eprintln!("seed {number}: ranks {ranks:?}, {} parameters", fine.params.values().len());
    Figures {
        dense: accuracy(&dense, &params),
        fine: accuracy(&fine.model, &fine.params),
        coarse: accuracy(&coarse.model, &coarse.params),
        parameters: weights(&dense) / weights(&coarse.model),
        bytes: 4.0 * params.values().len() as f64 / coded_bytes(&packet, &coarse.params),
    }
}

#[test]
#[ignore = "a minute; prints the figures"]
fn the_table() {
    let seeds = 3;
    let all: Vec<Figures> = (1..=seeds).map(|seed| run(seed, 90, 20)).collect();
    println!("dense    factored  4 bits    parameters  bytes");
    let mean = |figure: fn(&Figures) -> f64| all.iter().map(figure).sum::<f64>() / all.len() as f64;
    let line = |f: &Figures| {
        println!("{:6.2} %  {:6.2} %  {:6.2} %  {:8.1}×  {:7.1}×", 100.0 * f.dense, 100.0 * f.fine, 100.0 * f.coarse, f.parameters, f.bytes);
    };
    all.iter().for_each(line);
    let mean = Figures {
        dense: mean(|f| f.dense),
        fine: mean(|f| f.fine),
        coarse: mean(|f| f.coarse),
        parameters: mean(|f| f.parameters),
        bytes: mean(|f| f.bytes),
    };
    line(&mean);
    assert!(mean.dense - mean.fine <= 0.005 && mean.parameters >= 70.0, "{mean:?}");
    assert!(mean.dense - mean.coarse <= 0.005 && mean.bytes >= 400.0, "{mean:?}");
}
