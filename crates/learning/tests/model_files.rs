//! Models of other frameworks come in: ONNX against ONNX Runtime, safetensors by name, and hostile files are refused.

use bitneuron_core::{Layout, Params, Seed};
use bitneuron_learning::model::onnx::{self, OnnxError};
use bitneuron_learning::model::safetensors::{self, WeightsError};
use bitneuron_learning::model::{Mlp, Model};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::Arc;

const GEMM: &[u8] = include_bytes!("fixtures/onnx/gemm.onnx");
const MATMUL: &[u8] = include_bytes!("fixtures/onnx/matmul.onnx");

/// Reads lines of inputs and outputs.
fn cases(text: &str) -> Vec<Vec<f32>> {
    text.lines()
        .map(|line| line.split(' ').map(|number| number.parse().expect("a number")).collect())
        .collect()
}

#[test]
fn outputs_are_those_of_onnx_runtime() {
    let (model, params) = onnx::read(GEMM).expect("a perceptron");
    let widths: Vec<usize> = model.layers().iter().map(bitneuron_learning::model::Layer::outputs).collect();
    assert_eq!((model.inputs(), &widths[..]), (6, &[7, 5, 4][..]));
    for case in cases(include_str!("fixtures/onnx/gemm.txt")) {
        let (x, expected) = case.split_at(6);
        let mut found = [0.0; 4];
        model.predict(params.values(), x, &mut found).expect("fits");
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {expected:?}");
    }
    let (model, params) = onnx::read(MATMUL).expect("a perceptron");
    for case in cases(include_str!("fixtures/onnx/matmul.txt")) {
        let (x, expected) = case.split_at(4);
        let mut found = [0.0; 3];
        model.scores(params.values(), x, &mut found).expect("fits");
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {expected:?}");
    }
}

#[test]
fn what_is_no_perceptron_is_refused_by_name() {
    let conv = onnx::read(include_bytes!("fixtures/onnx/conv.onnx")).expect_err("a convolution");
    assert_eq!(conv, OnnxError::Operation { node: "a".into(), operation: "Conv".into() });
    assert!(conv.to_string().contains("Conv"));
    assert_eq!(onnx::read(&[]).expect_err("nothing"), OnnxError::Chain("there is no graph"));
    assert!(matches!(onnx::read(&vec![0; onnx::LIMIT + 1]), Err(OnnxError::TooLarge(..))));
    // A graph of very many empty nodes.
    let many: Vec<u8> = [10, 0].repeat(5_000);
    let length = [many.len() as u8 & 0x7f | 0x80, (many.len() >> 7) as u8];
    let file = [&[0x3a][..], &length, &many].concat();
    assert!(matches!(onnx::read(&file), Err(OnnxError::TooLarge(..))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]
    /// Cut or changed anywhere, a file is read as some perceptron or refused; nothing panics.
    #[test]
    fn hostile_files_are_harmless(end in 0usize..700, at in 0usize..700, byte in any::<u8>(), which in any::<bool>()) {
        let mut file = if which { GEMM } else { MATMUL }.to_vec();
        if let Some(place) = file.get_mut(at) {
            *place = byte;
        }
        file.truncate(end.max(at));
        if let Ok((model, params)) = onnx::read(&file) {
            let mut scores = vec![0.0; model.outputs()];
            model.scores(params.values(), &vec![0.5; model.inputs()], &mut scores).expect("a whole model");
        }
        let _ = safetensors::perceptron(&file);
    }
}

#[test]
fn a_model_goes_out_and_comes_back() {
    let model = Mlp::new(&[3, 4, 2]).expect("small");
    let params = model.init(Seed::from_number(1));
    let bytes = safetensors::write(&params).expect("writes");
    assert_eq!(safetensors::read(model.layout(), &bytes).expect("reads"), params);
    let other = Mlp::new(&[3, 5, 2]).expect("small");
    let refused = safetensors::read(other.layout(), &bytes).expect_err("another shape");
    assert!(refused.to_string().contains("\"w1\": it has another shape"), "{refused}");
    let deeper = Mlp::new(&[3, 4, 2, 2]).expect("small");
    assert!(matches!(safetensors::read(deeper.layout(), &bytes), Err(WeightsError::Tensor { .. })));
    let shallow = Mlp::new(&[3, 4]).expect("small");
    assert!(matches!(safetensors::read(shallow.layout(), &bytes), Err(WeightsError::Tensor { .. })));
    assert!(matches!(safetensors::perceptron(&bytes), Err(WeightsError::Tensor { .. })), "other names");
}

#[test]
fn layers_of_other_frameworks_stand_in_the_order_of_their_numbers() {
    let entries: &[(&str, &[u32])] = &[
        ("net.10.weight", &[2, 5]),
        ("net.2.bias", &[5]),
        ("net.2.weight", &[5, 4]),
        ("net.0.weight", &[4, 3]),
        ("net.0.bias", &[4]),
    ];
    let mut rng = Seed::from_number(3).rng();
    let file = |entries: &[(&str, &[u32])], rng: &mut dyn rand::Rng| {
        let layout = Arc::new(Layout::of(entries).expect("small"));
        let values = (0..layout.len()).map(|_| rng.random::<f32>() - 0.5).collect();
        let params = Params::new(values, layout).expect("fits");
        (safetensors::write(&params).expect("writes"), params)
    };
    let (bytes, theirs) = file(entries, &mut rng);
    let (model, params) = safetensors::perceptron(&bytes).expect("a perceptron");
    let x = [0.3f32, -0.8, 0.5];
    let mut found = [0.0; 2];
    model.scores(params.values(), &x, &mut found).expect("fits");
    // By hand: y = W·x + b with W [out, in].
    let mut a = x.to_vec();
    for layer in ["net.0", "net.2", "net.10"] {
        let w = theirs.view(&format!("{layer}.weight")).expect("there");
        let bias = theirs.view(&format!("{layer}.bias"));
        let z = |o: usize| {
            let sum: f32 = a.iter().enumerate().map(|(i, a)| w[[o, i]] * a).sum();
            sum + bias.as_ref().map_or(0.0, |bias| bias[[o]])
        };
        let all: Vec<f32> = (0..w.shape()[0]).map(z).collect();
        a = if layer == "net.10" { all } else { all.into_iter().map(|z| z.max(0.0)).collect() };
    }
    assert!(found.iter().zip(&a).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {a:?}");
    for wrong in [
        &[("0.weight", &[2u32, 3][..]), ("1.weight", &[2, 3])][..],
        &[("0.weight", &[2, 3]), ("0.bias", &[3])],
        &[("0.weight", &[2, 3]), ("1.bias", &[2])],
        &[("0.weight", &[2, 3]), ("running_mean", &[2])],
        &[("0.weight", &[2, 3, 1])],
    ] {
        let (bytes, _) = file(wrong, &mut rng);
        assert!(safetensors::perceptron(&bytes).is_err(), "{wrong:?}");
    }
}
