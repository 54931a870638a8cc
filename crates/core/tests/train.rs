//! Tensor-train layers against the matrix they stand for: the forward pass, and gradients against differences of the loss
//! in `f64`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::exact::programs::inference::inference;
use bitneuron_core::exact::programs::step::{Loss, Training, sgd};
use bitneuron_core::exact::programs::{Linear, Mlp, Net, Train};
use bitneuron_core::exact::{Tensor, execute};
use bitneuron_core::{Seed, Wire, decode, encode};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

fn numbers(seed: u64, count: usize, limit: i64) -> Vec<i64> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| (rng.next_u64() % (2 * limit + 1) as u64) as i64 - limit).collect()
}

/// The matrix `[I][O]` of cores in one flat buffer, entry by entry from the definition.
fn matrix(train: &Train, cores: &[f64]) -> Vec<Vec<f64>> {
    let shapes = train.cores();
    let digits = |mut index: usize, of: &dyn Fn(&[u32; 4]) -> usize| {
        let mut digits = vec![0; shapes.len()];
        for (at, shape) in shapes.iter().enumerate().rev() {
            digits[at] = index % of(shape);
            index /= of(shape);
        }
        digits
    };
    let entry = |row: usize, column: usize| {
        let rows = digits(row, &|shape| shape[1] as usize);
        let columns = digits(column, &|shape| shape[2] as usize);
        let (mut vector, mut start) = (vec![1.0], 0);
        for (at, shape) in shapes.iter().enumerate() {
            let [left, from, to, right] = shape.map(|size| size as usize);
            let core =
                |r: usize, s: usize| cores[start + ((r * from + rows[at]) * to + columns[at]) * right + s];
            let next = (0..right).map(|s| (0..left).map(|r| vector[r] * core(r, s)).sum()).collect();
            vector = next;
            start += left * from * to * right;
        }
        vector[0]
    };
    (0..train.from() as usize)
        .map(|row| (0..train.to() as usize).map(|column| entry(row, column)).collect())
        .collect()
}

/// The logits of a net in real numbers.
fn real_forward(net: &Net, theta: &[f64], x: &[f64]) -> Vec<f64> {
    let (mut value, mut start) = (x.to_vec(), 0);
    for (at, linear) in net.linears().iter().enumerate() {
        let (matrix, used) = match linear {
            Linear::Dense { from, to } => {
                let size = (from * to) as usize;
                (theta[start..start + size].chunks(*to as usize).map(<[f64]>::to_vec).collect(), size)
            }
            Linear::Train(train) => {
                let size: u32 = train.cores().iter().map(|shape| shape.iter().product::<u32>()).sum();
                (matrix(train, &theta[start..start + size as usize]), size as usize)
            }
        };
        start += used;
        let bias = &theta[start..start + linear.to() as usize];
        start += bias.len();
        let out =
            |o: usize| value.iter().zip(&matrix).map(|(x, row): (&f64, &Vec<f64>)| x * row[o]).sum::<f64>();
        value = bias.iter().enumerate().map(|(o, bias)| out(o) + bias).collect();
        if at + 1 < net.linears().len() {
            value.iter_mut().for_each(|z| *z = z.max(0.0));
        }
    }
    assert_eq!(start, theta.len());
    value
}

fn real(values: &[i64], bits: u32) -> Vec<f64> {
    values.iter().map(|value| *value as f64 / f64::from(1u32 << bits)).collect()
}

fn train(inputs: &[u32], outputs: &[u32], ranks: &[u32]) -> Linear {
    Linear::Train(Train::new(inputs, outputs, ranks).unwrap())
}

fn nets() -> Vec<Net> {
    vec![
        Net::new(vec![train(&[2, 3], &[3, 2], &[2])]).unwrap(),
        Net::new(vec![train(&[2, 2, 3], &[3, 2, 2], &[2, 3])]).unwrap(),
        Net::new(vec![train(&[2, 3], &[2, 2], &[3]), Linear::Dense { from: 4, to: 3 }]).unwrap(),
        Net::new(vec![train(&[2, 2, 2], &[2, 1, 3], &[2, 2]), train(&[3, 2], &[2, 2], &[2])]).unwrap(),
        Net::new(vec![Linear::Dense { from: 3, to: 4 }, train(&[2, 2], &[1, 2], &[2])]).unwrap(),
    ]
}

#[test]
fn the_forward_pass_is_that_of_the_matrix() {
    for (number, net) in nets().iter().enumerate() {
        let theta = numbers(number as u64, net.parameters() as usize, 3000);
        let x = numbers(50 + number as u64, 5 * net.features() as usize, 256);
        let inputs = [Tensor::vector(theta.clone()), Tensor::new(&[5, net.features()], x.clone()).unwrap()];
        let run = execute(&inference(net, 5).unwrap(), &inputs).unwrap();
        let logits = run.outputs()[1].data().chunks(net.outputs() as usize);
        for (row, found) in real(&x, 8).chunks(net.features() as usize).zip(logits) {
            for (exact, found) in real_forward(net, &real(&theta, 12), row).iter().zip(real(found, 8)) {
                // Each contraction rounds to 2⁻⁸; what follows it sums a few of these errors.
                assert!((exact - found).abs() < 0.04, "net {number}: {found} for {exact}");
            }
        }
    }
}

/// The change of one large batch is the gradient of half the squared distance, as differences of the loss give it.
#[test]
fn gradients_are_those_of_the_loss() {
    for (number, net) in nets().iter().enumerate() {
        let (rows, outputs) = (64u32, net.outputs() as usize);
        let theta = numbers(100 + number as u64, net.parameters() as usize, 3000);
        let x = numbers(150 + number as u64, (rows * net.features()) as usize, 256);
        let y = numbers(170 + number as u64, rows as usize * outputs, 256);
        // A rate of 1: the change is the mean gradient, with the 12 fractional bits of weights.
        let training =
            Training { steps: 1, batch: rows, rate_shift: 0, loss: Loss::Squared, ..Training::default() };
        let inputs = [
            Tensor::vector(theta.clone()),
            Tensor::new(&[rows, net.features()], x.clone()).unwrap(),
            Tensor::new(&[rows, net.outputs()], y.clone()).unwrap(),
            Tensor::vector((0..i64::from(rows)).collect()),
        ];
        let run = execute(&sgd(net, rows, training).unwrap(), &inputs).unwrap();
        let (x, y) = (real(&x, 8), real(&y, 8));
        let loss = |theta: &[f64]| -> f64 {
            let row = |(x, y): (&[f64], &[f64])| -> f64 {
                real_forward(net, theta, x).iter().zip(y).map(|(z, t)| (z - t).powi(2) / 2.0).sum()
            };
            x.chunks(net.features() as usize).zip(y.chunks(outputs)).map(row).sum::<f64>() / f64::from(rows)
        };
        let at = real(&theta, 12);
        let mut largest = 0.0f64;
        for (place, (before, after)) in theta.iter().zip(run.outputs()[0].data()).enumerate() {
            let moved = |by: f64| {
                let mut theta = at.clone();
                theta[place] += by;
                loss(&theta)
            };
            let exact = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let found = (before - after) as f64 / 4096.0;
            largest = largest.max(exact.abs());
            assert!((exact - found).abs() < 0.01, "net {number}, parameter {place}: {found} for {exact}");
        }
        assert!(largest > 0.1, "net {number}: nothing to see");
    }
}

/// One core of rank one is a matrix: a train of a matrix and a 1×1 core of one steps as the dense layer does, but for the
/// rounding between contractions.
#[test]
fn a_trivial_train_is_the_dense_layer() {
    let net = Net::new(vec![train(&[1, 3], &[1, 2], &[1])]).unwrap();
    let mlp = Mlp::new(&[3, 2]).unwrap();
    let theta = numbers(1, 8, 4000);
    let x = Tensor::new(&[4, 3], numbers(2, 12, 256)).unwrap();
    let with_one: Vec<i64> = std::iter::once(4096).chain(theta.iter().copied()).collect();
    let run = |program, theta: Vec<i64>| execute(&program, &[Tensor::vector(theta), x.clone()]).unwrap();
    let dense = run(inference(&mlp, 4).unwrap(), theta);
    let factorised = run(inference(&net, 4).unwrap(), with_one);
    for (dense, factorised) in dense.outputs()[1].data().iter().zip(factorised.outputs()[1].data()) {
        assert!((dense - factorised).abs() <= 1, "{dense} {factorised}");
    }
}

#[test]
fn layouts_and_contractions_are_those_of_the_cores() {
    let net = Net::new(vec![train(&[2, 3], &[3, 2], &[2]), Linear::Dense { from: 6, to: 4 }]).unwrap();
    let layout = net.layout();
    let entries: Vec<_> =
        layout.entries().iter().map(|entry| (entry.name.as_str(), entry.shape.as_slice())).collect();
    assert_eq!(
        entries,
        [("w1.1", &[1, 2, 3, 2][..]), ("w1.2", &[2, 3, 2, 1]), ("b1", &[6]), ("w2", &[6, 4]), ("b2", &[4])]
    );
    assert_eq!((layout.len(), net.dense_parameters()), (net.parameters() as usize, 7 * 6 + 7 * 4));
    // The last core first: 2·3 values by 2·2 of the core, then 2·2·2 values by 3.
    let counted: Vec<_> = net.contractions().map(|one| (one.products, one.results)).collect();
    assert_eq!(counted, [(24, 8), (24, 6), (24, 4)]);
    assert_eq!(net.to_string(), "6~6-4");
    assert_eq!(net.whole().unwrap(), Net::from(Mlp::new(&[6, 6, 4]).unwrap()));
}

#[test]
fn a_net_learns_in_factors() {
    let net = Net::new(vec![train(&[2, 2], &[4, 2], &[3]), Linear::Dense { from: 8, to: 2 }]).unwrap();
    let first = net.init(Seed::from_number(3)).tensor();
    // Class 1 where the first two features have one sign: no linear model can.
    let x = numbers(9, 4 * 64, 256);
    let labels: Vec<i64> = x.chunks(4).map(|row| i64::from((row[0] > 0) == (row[1] > 0))).collect();
    let training = Training { steps: 400, batch: 16, rate_shift: 3, momentum: 200, ..Training::default() };
    let rest = Tensor::vector(vec![0; first.len()]);
    let x = Tensor::new(&[64, 4], x).unwrap();
    let index = Tensor::vector((0..6400).map(|at| at % 64).collect());
    let program = sgd(&net, 64, training).unwrap();
    let run = execute(&program, &[first, rest, x.clone(), Tensor::vector(labels.clone()), index]).unwrap();
    let run = execute(&inference(&net, 64).unwrap(), &[run.outputs()[0].clone(), x]).unwrap();
    let right = run.outputs()[0].data().iter().zip(&labels).filter(|(class, label)| class == label).count();
    assert!(right >= 58, "{right} of 64");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wired(Net);

impl Wire for Wired {
    const LIMIT: usize = 1 << 12;
}

#[test]
fn nets_have_bytes_and_wrong_ones_are_refused() {
    for net in nets() {
        let bytes = encode(&Wired(net.clone()));
        assert_eq!(decode::<Wired>(&bytes), Ok(Wired(net)));
    }
    assert!(Train::new(&[2], &[2], &[]).is_err());
    assert!(Train::new(&[2, 2], &[2, 2], &[]).is_err());
    assert!(Train::new(&[2, 0], &[2, 2], &[1]).is_err());
    assert!(Net::new(vec![]).is_err());
    assert!(Net::new(vec![Linear::Dense { from: 2, to: 3 }, Linear::Dense { from: 2, to: 3 }]).is_err());
    assert!(Net::new(vec![train(&[4096, 4096], &[4096, 4096], &[4096])]).is_err());
    let unequal = Linear::Dense { from: u32::MAX, to: u32::MAX };
    assert!(Net::new(vec![unequal.clone(), unequal]).is_err());
}
