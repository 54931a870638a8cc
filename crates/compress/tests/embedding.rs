//! Tables of trains: rows as the definition says, gradients as those of the same train as a layer, honest caches.

use bitneuron_compress::factor::{Bags, FactorError, Factored, HotRows, Linear, TrainEmbedding, TrainLinear};
use bitneuron_core::Seed;
use proptest::{prelude::*, test_runner::RngSeed};
use rand::Rng;

/// Uniform numbers of −1 … 1, exact in `f32`.
fn random(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    (0..count).map(|_| (rng.next_u32() as i32 >> 8) as f32 / (1 << 23) as f32).collect()
}

/// The dense table: the layer of the same cores, applied to all unit vectors.
fn dense(table: &TrainEmbedding, cores: &[f32]) -> Vec<f64> {
    let layer = TrainLinear::new(table.shape().clone());
    let rows = table.inputs();
    let cores: Vec<f64> = cores.iter().map(|value| f64::from(*value)).collect();
    let units: Vec<f64> = (0..rows * rows).map(|at| f64::from(u8::from(at / rows == at % rows))).collect();
    let mut out = vec![0.0; rows * table.outputs()];
    layer.forward(&cores, &units, &mut out).expect("fits");
    out
}

fn assert_near(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*a) - b).abs() < 2e-5 * (1.0 + b.abs()), "{what}, value {at}: {a}, expected {b}");
    }
}

/// A table, its cores, and bags of its rows.
fn any_case() -> impl Strategy<Value = (TrainEmbedding, Vec<f32>, Vec<u32>, Vec<usize>)> {
    let modes = prop::collection::vec((1usize..5, 1usize..4), 2..5);
    (modes, prop::collection::vec(1usize..5, 3), 0u64..1 << 32, prop::collection::vec(0usize..6, 1..5))
        .prop_map(|(modes, ranks, seed, sizes)| {
            let (digits, widths): (Vec<usize>, Vec<usize>) = modes.into_iter().unzip();
            let table = TrainEmbedding::new(&digits, &widths, &ranks[..digits.len() - 1]).expect("small");
            let cores = random(seed, table.parameters());
            let mut rng = Seed::from_number(seed ^ 1).rng();
            let rows = (0..sizes.iter().sum()).map(|_| rng.next_u32() % table.inputs() as u32).collect();
            let mut end = 0;
            let ends = sizes
                .iter()
                .map(|size| {
                    end += size;
                    end
                })
                .collect();
            (table, cores, rows, ends)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_and_bags_are_those_of_the_dense_table((table, cores, rows, ends) in any_case()) {
        let (all, width) = (dense(&table, &cores), table.outputs());
        let mut found = vec![f32::NAN; rows.len() * width];
        table.look_up(&cores, &rows, &mut found).expect("fits");
        let row = |row: &u32| &all[*row as usize * width..(*row as usize + 1) * width];
        let expected: Vec<f64> = rows.iter().flat_map(row).copied().collect();
        assert_near(&found, &expected, "rows");
        let mut sums = vec![f32::NAN; ends.len() * width];
        let bags = Bags { rows: &rows, ends: &ends };
        table.sum(&cores, bags, &mut sums).expect("fits");
        let mut expected = vec![0.0; sums.len()];
        for (bag, sum) in bags.iter().zip(expected.chunks_exact_mut(width)) {
            bag.iter().for_each(|r| sum.iter_mut().zip(row(r)).for_each(|(sum, value)| *sum += value));
        }
        assert_near(&sums, &expected, "bags");
        prop_assert_eq!(bags.len(), bags.iter().count());
    }

    #[test]
    fn training_moves_what_was_touched_by_its_gradient((table, cores, rows, ends) in any_case()) {
        let (width, bags) = (table.outputs(), Bags { rows: &rows, ends: &ends });
        let errors = random(9, ends.len() * width);
        let (mut moved, mut touched) = (cores.clone(), vec![false; cores.len()]);
        let mut gradient = vec![0.0f32; cores.len()];
        table.train(&mut moved, bags, &errors, &mut |at, values, slopes| {
            for (offset, (value, slope)) in values.iter_mut().zip(slopes).enumerate() {
                assert!(!std::mem::replace(&mut touched[at + offset], true), "each run is given once");
                gradient[at + offset] = *slope;
                *value -= 0.5 * slope;
            }
        }).expect("fits");
        // The oracle: the same cores as a layer, each bag a sum of unit vectors.
        let layer = TrainLinear::new(table.shape().clone());
        let mut x = vec![0.0f64; ends.len() * table.inputs()];
        for (bag, x) in bags.iter().zip(x.chunks_exact_mut(table.inputs())) {
            bag.iter().for_each(|row| x[*row as usize] += 1.0);
        }
        let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
        let mut expected = vec![f64::NAN; cores.len()];
        layer.backward(&wide(&cores), &x, &wide(&errors), Some(&mut expected), None).expect("fits");
        assert_near(&gradient, &expected, "gradient");
        for at in 0..cores.len() {
            let step = if touched[at] { cores[at] - 0.5 * gradient[at] } else { cores[at] };
            prop_assert_eq!(moved[at].to_bits(), step.to_bits());
            prop_assert!(touched[at] || expected[at] == 0.0);
        }
    }
}

#[test]
fn many_rows_are_looked_up_in_pieces() {
    let table = TrainEmbedding::new(&[30, 20, 10], &[2, 3, 2], &[5, 4]).expect("small");
    let cores = random(3, table.parameters());
    let rows: Vec<u32> = (0..9000).map(|at| at * 7919 % 6000).collect();
    let mut found = vec![0.0; rows.len() * 12];
    table.look_up(&cores, &rows, &mut found).expect("fits");
    let mut one = [0.0; 12];
    for (row, found) in rows.iter().zip(found.chunks_exact(12)).step_by(37) {
        table.look_up(&cores, &[*row], &mut one).expect("fits");
        assert!(one.iter().zip(found).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}

#[test]
fn hot_rows_are_kept_and_never_wrong() {
    let table = TrainEmbedding::new(&[10, 10, 10], &[2, 2, 2], &[4, 4]).expect("small");
    let mut cores = random(5, table.parameters());
    let mut hot = HotRows::new(&table, 128);
    let mut rng = Seed::from_number(8).rng();
    // Nine of ten ask for one of 16 rows, the others for any of 1,000.
    let mut draw =
        || if rng.next_u32().is_multiple_of(10) { rng.next_u32() % 1000 } else { rng.next_u32() % 16 * 61 };
    let (mut found, mut expected) = (vec![0.0; 50 * 8], vec![0.0; 50 * 8]);
    for round in 0..100 {
        if round == 60 {
            cores.iter_mut().for_each(|value| *value *= 0.5);
            hot.clear();
        }
        let rows: Vec<u32> = (0..50).map(|_| draw()).collect();
        hot.look_up(&table, &cores, &rows, &mut found).expect("fits");
        table.look_up(&cores, &rows, &mut expected).expect("fits");
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "round {round}");
    }
    assert!(hot.hits() > 5000 * 3 / 4, "{} of 5,000", hot.hits());
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(TrainEmbedding::new(&[1 << 16, 1 << 17], &[1, 1], &[1]).is_err(), "rows of more than 32 bits");
    let table = TrainEmbedding::new(&[3, 3], &[2, 2], &[2]).expect("small");
    let mut cores = vec![0.0; table.parameters()];
    let mut out = [0.0; 8];
    assert_eq!(table.look_up(&cores, &[0, 9], &mut out), Err(FactorError::Row { row: 9, rows: 9 }));
    assert!(table.look_up(&cores, &[0], &mut out).is_err());
    assert!(table.look_up(&cores[1..], &[0, 1], &mut out).is_err());
    assert!(HotRows::new(&table, 3).look_up(&table, &cores, &[1, 9], &mut out).is_err());
    for ends in [&[1usize][..], &[3, 2], &[0, 3], &[]] {
        let bags = Bags { rows: &[1, 2], ends };
        let mut out = vec![0.0; ends.len() * 4];
        assert!(table.sum(&cores, bags, &mut out).is_err(), "{ends:?}");
        assert!(table.train(&mut cores, bags, &out, &mut |_, _, _| ()).is_err());
    }
    let bags = Bags { rows: &[1, 9], ends: &[2] };
    assert!(table.train(&mut cores, bags, &[0.0; 4], &mut |_, _, _| unreachable!()).is_err());
    table.sum(&cores, Bags { rows: &[], ends: &[] }, &mut []).expect("nothing to do");
}
