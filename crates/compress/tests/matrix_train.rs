//! Trains of matrices pair the digits of rows and columns.

use bitneuron_compress::{
    Chain, Compressor, ErrorBound, Limits, MatrixTrain, TensorTrainMatrix, Truncation, Uniform,
    bound::relative,
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;
use std::sync::Arc;

fn random(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| (rng.next_u32() as i32 >> 8) as f32 / (1 << 23) as f32).collect()
}

/// Σ of `terms` Kronecker products of three matrices with these rows and columns.
fn kronecker(seed: u64, pairs: &[[usize; 2]; 3], terms: u64) -> Vec<f32> {
    let [[m1, n1], [m2, n2], [m3, n3]] = *pairs;
    let mut sum = vec![0.0; m1 * n1 * m2 * n2 * m3 * n3];
    for term in 0..terms {
        let [a, b, c] = [(0, m1 * n1), (1, m2 * n2), (2, m3 * n3)]
            .map(|(k, size)| random(seed * 100 + term * 3 + k, size));
        for (at, x) in sum.iter_mut().enumerate() {
            let (row, column) = (at / (n1 * n2 * n3), at % (n1 * n2 * n3));
            let entry = |m: &[f32], n: usize, i: usize, j: usize| m[i * n + j];
            *x += entry(&a, n1, row / (m2 * m3), column / (n2 * n3))
                * entry(&b, n2, row / m3 % m2, column / n3 % n2)
                * entry(&c, n3, row % m3, column % n3);
        }
    }
    sum
}

#[test]
fn sums_of_kronecker_products_have_their_ranks() {
    let pairs = [[4, 3], [2, 5], [3, 4]];
    for seed in 0..10 {
        let values = kronecker(seed, &pairs, 2);
        let train = MatrixTrain::decompose(&values, &pairs, Truncation::Tolerance(1e-5)).expect("converges");
        assert_eq!(train.shape.train().ranks(), [2, 2], "seed {seed}");
        assert_eq!(train.shape.matrix(), Some([24, 60]));
        assert_eq!(train.shape.core_shape(1), [2, 2, 5, 2]);
        assert!(relative(&values, &train.expand().expect("finite")) < 1e-6);
    }
}

#[test]
fn merges_are_those_of_the_matrices() {
    let pairs = [[4, 3], [2, 5], [3, 4]];
    let matrices = [1, 2].map(|seed| kronecker(seed, &pairs, 1));
    let [a, b] = matrices
        .each_ref()
        .map(|m| MatrixTrain::decompose(m, &pairs, Truncation::Tolerance(1e-6)).expect("converges"));
    let merged =
        MatrixTrain::merge(&[(3.0, &a), (1.0, &b)], Truncation::Tolerance(1e-5)).expect("same modes");
    let mean: Vec<f32> = matrices[0].iter().zip(&matrices[1]).map(|(x, y)| 0.75 * x + 0.25 * y).collect();
    assert!(relative(&mean, &merged.expand().expect("finite")) < 1e-5);
    assert_eq!(merged.shape.train().ranks(), [2, 2]);
    let other = [[3, 4], [2, 5], [4, 3]];
    let other = MatrixTrain::decompose(&matrices[0], &other, Truncation::MaxRank(9)).expect("converges");
    assert!(MatrixTrain::merge(&[(1.0, &a), (1.0, &other)], Truncation::MaxRank(9)).is_err());
    assert!(MatrixTrain::merge(&[], Truncation::MaxRank(9)).is_err());
    assert!(MatrixTrain::decompose(&matrices[0], &[[4, 3], [2, 5]], Truncation::MaxRank(9)).is_err());
}

#[test]
fn a_kronecker_layer_shrinks_where_a_train_of_rows_and_columns_would_not() {
    let values = kronecker(5, &[[8, 8], [4, 8], [2, 4]], 1);
    let layout = Arc::new(Layout::of(&[("w", &[64, 256])]).expect("small"));
    let params = Params::new(values, layout).expect("fits");
    let codec = TensorTrainMatrix::new(Truncation::Tolerance(1e-4)).expect("in range");
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let back = codec.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
    assert!(codec.error().admits(&params, &back));
    let rows = bitneuron_compress::TensorTrain::tolerance(1e-4).expect("in range");
    let rows = rows.compress(&params, Seed::default()).expect("finite");
    assert!(packet.len() * 10 < rows.len(), "{} of {} bytes", packet.len(), rows.len());
    let chain = Chain::new(codec, Uniform::new(8).expect("in range")).expect("one transform");
    let smaller = chain.compress(&params, Seed::default()).expect("finite");
    let back = chain.decompress(&smaller, params.layout(), Limits::default()).expect("own packet");
    assert!(ErrorBound::Norm(0.03).admits(&params, &back));
    assert!(smaller.len() < packet.len());
}
