//! Factorisations are right on the matrices where single precision is not.

use bitneuron_compress::linalg::{Cut, LinalgError, Route, multiply, norm_squared, split, svd};
use bitneuron_core::Seed;
use rand::Rng;

/// One dominant direction shared by all columns and a small part of their own: condition about 500. A routine in single
/// precision whose test of dependence grows with the number of rows takes the small part for rounding noise.
fn structured(rows: usize, columns: usize, amplitude: f32) -> Vec<f32> {
    let mut rng = Seed::from_number(31).rng();
    let mut unit = || (rng.next_u32() as i32 >> 8) as f32 / (1 << 23) as f32;
    (0..rows * columns).map(|_| 1.0 + amplitude * unit()).collect()
}

fn transposed(a: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| a[i * columns + j])).collect()
}

fn difference(a: &[f32], b: &[f64]) -> f64 {
    let error: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    (error / norm_squared(a)).sqrt()
}

/// ‖Qᵀ Q − 1‖ for `q: [rows, columns]`.
fn orthogonality(q: &[f64], rows: usize, columns: usize) -> f64 {
    let qt: Vec<f64> = (0..columns).flat_map(|j| (0..rows).map(move |i| q[i * columns + j])).collect();
    let gram = multiply(&qt, q, [columns, rows, columns]).expect("shaped");
    let one = |at: usize| f64::from(u8::from(at / columns == at % columns));
    gram.iter().enumerate().map(|(at, x)| (x - one(at)).abs()).fold(0.0, f64::max)
}

#[test]
fn tall_single_precision_data_keep_their_small_directions() {
    for rows in [8192, 65536] {
        let columns = 32;
        let a = structured(rows, columns, 0.02);
        let found = svd(&a, rows, columns).expect("converges");
        let condition = found.s[0] / found.s[columns - 1];
        assert!((300.0..600.0).contains(&condition), "{condition}");
        let scaled: Vec<f64> = found.u.iter().enumerate().map(|(at, u)| u * found.s[at % columns]).collect();
        let back = multiply(&scaled, &found.vt, [rows, columns, columns]).expect("shaped");
        assert!(difference(&a, &back) < 1e-12);
        assert!(orthogonality(&found.u, rows, columns) < 1e-12);

        // Both routes of a split, on the tall matrix and on its transpose.
        let wide = transposed(&a, rows, columns);
        for route in [Route::Gram, Route::Direct] {
            let cut = Cut { discard: 0.0, max_rank: columns, route };
            for (a, rows, columns) in [(&a, rows, columns), (&wide, columns, rows)] {
                let split = split(a, rows, columns, cut).expect("converges");
                assert_eq!(split.rank, 32, "{rows}×{columns} {route:?}");
                let back = multiply(&split.basis, &split.carry, [rows, split.rank, columns]).expect("shaped");
                assert!(difference(a, &back) < 1e-6, "{rows}×{columns} {route:?}");
                assert!(orthogonality(&split.basis, rows, split.rank) < 1e-9);
            }
        }
    }
}

#[test]
fn the_cut_drops_what_it_may_and_no_more() {
    let a = structured(24, 200, 0.5);
    let squares: Vec<f64> = svd(&a, 24, 200).expect("converges").s.iter().map(|s| s * s).collect();
    for keep in [1, 5, 23] {
        let tail: f64 = squares[keep..].iter().sum();
        for route in [Route::Gram, Route::Direct] {
            let rank = |discard: f64| {
                split(&a, 24, 200, Cut { discard, max_rank: 99, route }).expect("converges").rank
            };
            assert_eq!(rank(tail * (1.0 + 1e-9)), keep);
            assert_eq!(rank(tail * (1.0 - 1e-9)), keep + 1);
        }
    }
    let some = split(&a, 24, 200, Cut { discard: 0.0, max_rank: 3, route: Route::Gram }).expect("converges");
    let back = multiply(&some.basis, &some.carry, [24, 3, 200]).expect("shaped");
    let best = (squares[3..].iter().sum::<f64>() / norm_squared(&a)).sqrt();
    assert!((difference(&a, &back) - best).abs() < 1e-9, "the best approximation of rank 3");
}

#[test]
fn signs_are_fixed_and_nonsense_is_refused() {
    let a = structured(16, 16, 0.9);
    let negative: Vec<f32> = a.iter().map(|x| -x).collect();
    let cut = Cut { discard: 0.0, max_rank: 16, route: Route::Gram };
    let (plus, minus) =
        (split(&a, 16, 16, cut).expect("converges"), split(&negative, 16, 16, cut).expect("converges"));
    assert!(plus.basis.iter().zip(&minus.basis).all(|(a, b)| (a - b).abs() < 1e-9));
    let found = svd(&negative, 16, 16).expect("converges");
    for basis in [&plus.basis, &found.u] {
        for column in 0..16 {
            let largest = |most: f64, row: usize| {
                let x = basis[row * 16 + column];
                if x.abs() > most.abs() { x } else { most }
            };
            assert!((0..16).fold(0.0, largest) > 0.0, "column {column}");
        }
    }
    assert_eq!(svd(&a, 16, 15), Err(LinalgError::Shape));
    assert_eq!(svd::<f32>(&[], 0, 3), Err(LinalgError::Shape));
    for route in [Route::Gram, Route::Direct] {
        let cut = Cut { route, ..cut };
        assert_eq!(split(&[1.0, f32::NAN, 0.0, 1.0], 2, 2, cut), Err(LinalgError::NotFinite));
    }
    let zero = split(&[0.0f32; 6], 2, 3, cut).expect("converges");
    assert_eq!((zero.rank, zero.carry), (1, vec![0.0; 3]));
}
