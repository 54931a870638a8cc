//! Perceptrons of trains: modes multiply to the widths, bonds are no wider than what they join, primes stay whole.

use bitneuron_core::Layout;
use bitneuron_learning::model::{Layer, Mlp, Model, named};

fn shapes(layout: &Layout) -> Vec<Vec<u32>> {
    layout.entries().iter().map(|entry| entry.shape.clone()).collect()
}

#[test]
fn modes_are_as_equal_as_primes_allow() {
    let model = Mlp::trains(&[784, 512, 10], 6).expect("widths");
    let expected: [&[u32]; 7] =
        [&[1, 7, 8, 6], &[6, 8, 8, 6], &[6, 14, 8, 1], &[512], &[1, 16, 2, 6], &[6, 32, 5, 1], &[10]];
    assert_eq!(shapes(model.layout()), expected);
    for width in [2usize, 3, 4, 6, 30, 31, 64, 97, 210, 510, 512] {
        let model = Mlp::trains(&[width, 512], 3).expect("widths");
        let shapes = shapes(model.layout());
        let (bias, cores) = shapes.split_last().expect("a bias");
        assert_eq!(bias[..], [512]);
        let rows: u32 =
            cores.iter().map(|core| core[core.len() - 2 - usize::from(core.len() == 4)]).product();
        assert_eq!(rows as usize, width, "{cores:?}");
    }
}

#[test]
fn a_prime_width_leaves_the_matrix_whole() {
    let model = Mlp::trains(&[64, 31, 10], 4).expect("widths");
    assert!(model.layers().iter().all(|layer| matches!(layer, Layer::Dense { .. })));
    assert_eq!(model.layout(), Mlp::new(&[64, 31, 10]).expect("widths").layout());
}

#[test]
fn bonds_are_no_wider_than_what_they_join() {
    let model = Mlp::trains(&[4, 4], 100).expect("widths");
    assert_eq!(model.layout().len(), 4 * 4 + 4 * 4 + 4);
    for (widths, rank) in [(&[64usize, 32][..], 0), (&[64][..], 4), (&[64, 0][..], 4)] {
        assert!(Mlp::trains(widths, rank).is_err(), "{widths:?} of rank {rank}");
    }
}

#[test]
fn they_have_a_name() {
    let model = named("ttm-mlp:6:64-512-512-10").expect("a name");
    let weights = 4 * 8 * (6 + 36 + 6) + 8 * 8 * (6 + 36 + 6) + 6 * (16 * 2 + 32 * 5);
    assert_eq!(model.layout().len(), weights + 512 + 512 + 10);
    assert_eq!(Mlp::new(&[64, 512, 512, 10]).expect("widths").layout().len(), 301_066);
    for wrong in
        ["ttm-mlp", "ttm-mlp:64-10", "ttm-mlp:a:64-10", "ttm-mlp:0:64-32", "ttm-mlp:6:64", "mlp:6:64-10"]
    {
        assert!(named(wrong).is_err(), "{wrong}");
    }
}
