//! Factorisations are right on the matrices where single precision is not.

use bitneuron_compress::linalg::{
    Cut, LinalgError, Matrix, Route, eigen, mode_gram, mode_multiply, multiply, norm_squared, qr, solve,
    split, svd,
};
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
        for route in [Route::Gram, Route::Mixed, Route::Direct] {
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

/// 262,144 rows: there the threshold of a routine in single precision is half of a column's norm.
#[test]
fn a_quarter_of_a_million_rows() {
    let (rows, columns) = (1 << 18, 16);
    let wide = structured(columns, rows, 0.02);
    for route in [Route::Gram, Route::Mixed] {
        let split =
            split(&wide, columns, rows, Cut { discard: 0.0, max_rank: columns, route }).expect("converges");
        assert_eq!(split.rank, columns);
        let back = multiply(&split.basis, &split.carry, [columns, columns, rows]).expect("shaped");
        assert!(difference(&wide, &back) < 1e-6, "{route:?}");
    }
    let tall = transposed(&wide, columns, rows);
    let found = qr(&tall, rows, columns).expect("finite");
    let back = multiply(&found.q, &found.r, [rows, columns, columns]).expect("shaped");
    assert!(difference(&tall, &back) < 1e-12);
}

/// `[rows, columns]` with these singular values and random singular vectors.
fn with_spectrum(seed: u64, rows: usize, columns: usize, values: &[f64]) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    let mut random =
        |count: usize| -> Vec<f64> { (0..count).map(|_| f64::from(rng.next_u32() as i32)).collect() };
    let u = qr(&random(rows * values.len()), rows, values.len()).expect("finite").q;
    let v = qr(&random(columns * values.len()), columns, values.len()).expect("finite").q;
    let scaled: Vec<f64> = u.iter().enumerate().map(|(at, x)| x * values[at % values.len()]).collect();
    let v = Matrix::new(&v, columns, values.len()).transposed();
    let product = Matrix::new(&scaled, rows, values.len()).multiply(v).expect("shaped");
    product.into_iter().map(|x| x as f32).collect()
}

/// A name, and the singular values by index.
type Spectrum = (&'static str, fn(usize) -> f64);

#[test]
fn few_vectors_of_many_are_those_of_the_whole() {
    let (rows, columns, keep) = (240, 300, 12);
    let spectra: [Spectrum; 6] = [
        ("slow", |k| 1.0 / (1.0 + k as f64)),
        ("fast", |k| 0.7f64.powi(k as i32)),
        ("flat", |_| 1.0),
        ("a cluster across the cut", |k| if k < 20 { 1.0 } else { 0.01 }),
        ("noise behind", |k| if k < 12 { 5.0 } else { 0.02 }),
        ("exactly of this rank", |k| if k < 12 { 1.0 / (1.0 + k as f64) } else { 0.0 }),
    ];
    for (what, spectrum) in spectra {
        let values: Vec<f64> = (0..rows).map(spectrum).collect();
        let a = with_spectrum(9, rows, columns, &values);
        let error = |route| {
            let split =
                split(&a, rows, columns, Cut { discard: 0.0, max_rank: keep, route }).expect("converges");
            assert_eq!(split.rank, keep);
            assert!(orthogonality(&split.basis, rows, keep) < 1e-9, "{what} {route:?}");
            difference(&a, &multiply(&split.basis, &split.carry, [rows, keep, columns]).expect("shaped"))
        };
        let direct = error(Route::Direct);
        for route in [Route::Gram, Route::Mixed] {
            let excess = error(route) - direct;
            assert!(excess.abs() <= 1e-6 * direct + 1e-7, "{what} {route:?}: {excess:e} over {direct}");
        }
    }
}

#[test]
fn products_along_a_mode_are_the_definition() {
    let [before, mode, behind, rank] = [3, 5, 4, 2];
    let a = structured(before * mode, behind, 1.0);
    let u = structured(mode, rank, 0.5);
    for (shape, u) in [
        ([before, mode, behind], &u),
        ([1, before * mode, behind], &structured(15, 2, 0.5)),
        ([15, 4, 1], &structured(4, 2, 0.5)),
    ] {
        let [before, mode, behind] = shape;
        let at = |b: usize, i: usize, c: usize| f64::from(a[(b * mode + i) * behind + c]);
        let product = mode_multiply(&a, shape, u, rank).expect("shaped");
        for (index, x) in product.iter().enumerate() {
            let (b, j, c) = (index / (rank * behind), index / behind % rank, index % behind);
            let sum: f64 = (0..mode).map(|i| at(b, i, c) * f64::from(u[i * rank + j])).sum();
            assert!((f64::from(*x) - sum).abs() < 1e-5);
        }
        let gram = mode_gram(&a, shape).expect("shaped");
        for (index, x) in gram.iter().enumerate() {
            let pairs = (0..before).flat_map(|b| (0..behind).map(move |c| (b, c)));
            let sum: f64 = pairs.map(|(b, c)| at(b, index / mode, c) * at(b, index % mode, c)).sum();
            assert!((x - sum).abs() < 1e-12);
        }
    }
    assert_eq!(mode_gram(&a, [3, 5, 5]), Err(LinalgError::Shape));
    assert_eq!(mode_multiply(&a, [3, 5, 4], &u, 3), Err(LinalgError::Shape));
}

#[test]
fn panels_of_every_shape() {
    // More columns than one panel holds, in slices longer and shorter than a panel.
    for shape in [[1, 70, 5000], [1500, 70, 3], [3, 70, 2000], [5000, 70, 1]] {
        let [before, mode, behind] = shape;
        let a = structured(before * mode, behind, 1.0);
        let unfolded: Vec<f64> = (0..mode)
            .flat_map(|i| {
                (0..before).flat_map(move |b| (0..behind).map(move |c| (b * mode + i) * behind + c))
            })
            .map(|at| f64::from(a[at]))
            .collect();
        let rows = Matrix::new(&unfolded, mode, before * behind);
        let expected = rows.multiply(rows.transposed()).expect("shaped");
        let found = mode_gram(&a, shape).expect("shaped");
        assert!(found.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-9 * y.abs()), "{shape:?}");
    }
}

#[test]
fn least_squares_of_a_singular_matrix() {
    // S of rank 2: the solution lies in its range.
    let s = [2.0, 0.0, 2.0, 0.0, 3.0, 0.0, 2.0, 0.0, 2.0];
    let x = solve(&s, &[4.0, 6.0, 4.0], [3, 1]).expect("finite");
    assert!(x.iter().zip([1.0, 2.0, 1.0]).all(|(x, y)| (x - y).abs() < 1e-12), "{x:?}");
    let found = eigen(&s, 3).expect("finite");
    assert!(found.values.iter().zip([4.0, 3.0, 0.0]).all(|(x, y)| (x - y).abs() < 1e-12));
    assert!((found.vectors[0] - 0.5f64.sqrt()).abs() < 1e-12, "the largest entry is positive");
    let (row, column) = ([1.0f32, 2.0], [3.0, 4.0]);
    let product = |columns| Matrix::new(&row, 1, 2).multiply(Matrix::new(&column, 2, columns));
    assert_eq!(product(1).expect("shaped"), [11.0]);
    assert_eq!(product(2), Err(LinalgError::Shape));
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
    for route in [Route::Gram, Route::Mixed, Route::Direct] {
        let cut = Cut { route, ..cut };
        assert_eq!(split(&[1.0, f32::NAN, 0.0, 1.0], 2, 2, cut), Err(LinalgError::NotFinite));
    }
    let zero = split(&[0.0f32; 6], 2, 3, cut).expect("converges");
    assert_eq!((zero.rank, zero.carry), (1, vec![0.0; 3]));
}
