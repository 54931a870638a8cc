//! Times of the tensor formats on one thread, as a table.
//!
//! ```text
//! cargo run --release -p bitneuron-compress --example tensor_speed [-- WORD]
//! ```
//! With a word only the rows that contain it run. Seconds are CPU time of this thread where the system tells it (else wall
//! time), the least mean of five batches. Errors are relative, in the Frobenius norm.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]
#![expect(clippy::disallowed_types, reason = "this is no protocol: it looks at the clock")]

use bitneuron_compress::{
    Compressor, LowRank, MatrixTrain, Truncation,
    bound::relative,
    cp::{self, Als},
    linalg::{self, Cut, Matrix, Route},
    tt, tucker,
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;
use std::{error::Error, hint::black_box, sync::Arc, time::Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Nanoseconds that this thread ran, or `None` where the system does not tell.
fn cpu_nanoseconds() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

/// The seconds that `work` takes: the least mean of five batches of at least a fifth of a second.
fn seconds<T, E: Into<Box<dyn Error>>>(work: impl Fn() -> Result<T, E>) -> Outcome<f64> {
    let run = || work().map(|found| drop(black_box(found))).map_err(Into::into);
    let once = Instant::now();
    run()?;
    let repeats = (0.2 / once.elapsed().as_secs_f64()).ceil().clamp(1.0, 1000.0) as u32;
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let (wall, cpu) = (Instant::now(), cpu_nanoseconds());
        for _ in 0..repeats {
            run()?;
        }
        let spent = match (cpu, cpu_nanoseconds()) {
            (Some(before), Some(after)) => (after - before) as f64 * 1e-9,
            _ => wall.elapsed().as_secs_f64(),
        };
        least = least.min(spent / f64::from(repeats));
    }
    Ok(least)
}

/// Rows of the table that were asked for.
struct Table {
    word: Option<String>,
}

impl Table {
    fn row(&self, what: &str, work: impl FnOnce() -> Outcome<(f64, String)>) -> Outcome<()> {
        if self.word.as_ref().is_none_or(|word| what.contains(word.as_str())) {
            let (seconds, note) = work()?;
            println!("| {what} | {seconds:.4} | {note} |");
        }
        Ok(())
    }
}

/// Standard normal numbers (Box and Muller).
fn normal(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    let mut unit = || (f64::from(rng.next_u32()) + 0.5) / f64::from(u32::MAX);
    let draw = |radius: f64, angle: f64| (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
    (0..count).map(|_| draw(unit(), unit()) as f32).collect()
}

/// 4096×1024 values of TT ranks up to 32 with decaying components in the modes 16·16·16·4·16·16, with 1 % noise.
fn synthetic() -> Outcome<Vec<f32>> {
    let (modes, ranks) = (vec![16, 16, 16, 4, 16, 16], vec![16, 32, 32, 32, 16]);
    let shape = tt::TrainShape::new(modes, ranks)?;
    let cores = (0..6).map(|core| {
        let [_, _, right] = shape.core_shape(core);
        let mut values = normal(core as u64, shape.core_len(core));
        values.iter_mut().enumerate().for_each(|(at, x)| *x *= ((at % right + 1) as f32).powf(-0.7));
        values
    });
    let train = tt::Train { cores: cores.collect(), shape };
    Ok(with_noise(train.expand()?, 0.01))
}

/// Scaled to unit size, with noise of this size.
fn with_noise(mut values: Vec<f32>, noise: f32) -> Vec<f32> {
    let size = (linalg::norm_squared(&values) / values.len() as f64).sqrt() as f32;
    let grain = normal(99, values.len());
    values.iter_mut().zip(grain).for_each(|(x, grain)| *x = *x / size + noise * grain);
    values
}

/// The error of the textbook's TT-SVD: a decomposition in `f64` for each mode, from left to right.
fn direct_error(values: &[f32], modes: &[usize], max_rank: usize) -> Outcome<f64> {
    let mut carry: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
    let (mut rank, mut left_out) = (1, 0.0);
    for mode in modes.iter().take(modes.len() - 1) {
        let rows = rank * mode;
        let columns = carry.len() / rows;
        let found = linalg::svd(&carry, rows, columns)?;
        rank = max_rank.min(found.s.len());
        left_out += found.s.iter().skip(rank).map(|s| s * s).sum::<f64>();
        let kept = found.vt.chunks_exact(columns).zip(&found.s).take(rank);
        carry = kept.flat_map(|(row, s)| row.iter().map(move |x| x * s)).collect();
    }
    Ok((left_out / linalg::norm_squared(values)).sqrt())
}

fn products(table: &Table) -> Outcome<()> {
    let n = 2048;
    let single = normal(1, n * n);
    let double: Vec<f64> = single.iter().map(|x| f64::from(*x)).collect();
    let rate = |seconds: f64| format!("{:.1} GF/s", 2.0 * (n as f64).powi(3) / seconds * 1e-9);
    table.row("product f32 2048", || {
        let single = Matrix::new(&single, n, n);
        let time = seconds(|| single.multiply(single))?;
        Ok((time, rate(time)))
    })?;
    table.row("product f64 2048", || {
        let time = seconds(|| linalg::multiply(&double, &double, [n, n, n]))?;
        Ok((time, rate(time)))
    })?;
    for n in [128, 256, 512] {
        let values = normal(2, n * 2 * n);
        let gram = linalg::mode_gram(&values, [1, n, 2 * n])?;
        table.row(&format!("eigenvectors {n}, all"), || {
            Ok((seconds(|| linalg::eigen(&gram, n))?, String::new()))
        })?;
        let (left, right) = (normal(5, n * 24), normal(6, 24 * 2 * n));
        let signal = Matrix::new(&left, n, 24).multiply(Matrix::new(&right, 24, 2 * n))?;
        for (what, values) in [("noise", &values), ("24 directions and noise", &with_noise(signal, 0.1))] {
            for route in [Route::Gram, Route::Direct] {
                let cut = Cut { discard: 0.0, max_rank: 32, route };
                table.row(&format!("split {n}x{}, {what}, rank 32, {route:?}", 2 * n), || {
                    let work = || linalg::split(values, n, 2 * n, cut);
                    Ok((seconds(work)?, String::new()))
                })?;
            }
        }
    }
    Ok(())
}

fn trains(table: &Table) -> Outcome<()> {
    let values = synthetic()?;
    let foldings: [&[usize]; 3] =
        [&[16, 16, 16, 4, 16, 16], &[8, 8, 8, 8, 8, 8, 4, 4], &[4, 4, 4, 4, 8, 8, 4, 4, 4, 4]];
    for modes in foldings {
        let name = modes.iter().map(ToString::to_string).collect::<Vec<_>>().join("·");
        table.row(&format!("TT-SVD 4096x1024 rank 32, {name}"), || {
            let decompose = || tt::decompose(&values, modes, Truncation::MaxRank(32));
            let time = seconds(decompose)?;
            let error = relative(&values, &decompose()?.expand()?);
            let direct = direct_error(&values, modes, 32)?;
            Ok((time, format!("error {error:.7}, direct {direct:.7}, excess {:.1e}", error / direct - 1.0)))
        })?;
    }
    let modes = [16, 16, 16, 4, 16, 16];
    table.row("TT-SVD 4096x1024 tolerance 0.02", || {
        let decompose = || tt::decompose(&values, &modes, Truncation::Tolerance(0.02));
        let time = seconds(decompose)?;
        let train = decompose()?;
        let error = relative(&values, &train.expand()?);
        Ok((time, format!("error {error:.6}, ranks {:?}", train.shape.ranks())))
    })?;
    table.row("merge of 8 trains of rank 16", || {
        let train = tt::decompose(&values, &modes, Truncation::MaxRank(16))?;
        let terms: Vec<(f64, &tt::Train)> = (1..9).map(|weight| (f64::from(weight), &train)).collect();
        let time = seconds(|| tt::merge(&terms, Truncation::MaxRank(16)))?;
        Ok((time, format!("{} parameters each", train.shape.parameters())))
    })?;
    table.row("TT-matrix 4096x1024 rank 32", || {
        let pairs = [[8, 4], [8, 4], [8, 8], [8, 8]];
        let decompose = || MatrixTrain::decompose(&values, &pairs, Truncation::MaxRank(32));
        let time = seconds(decompose)?;
        let train = decompose()?;
        Ok((
            time,
            format!(
                "error {:.4}, ranks {:?}",
                relative(&values, &train.expand()?),
                train.shape.train().ranks()
            ),
        ))
    })
}

fn tall(table: &Table) -> Outcome<()> {
    let (rows, columns) = (1 << 18, 16);
    let noise = normal(3, rows * columns);
    let values: Vec<f32> = noise.iter().map(|x| 1.0 + 0.01 * x).collect();
    for route in [Route::Gram, Route::Mixed] {
        let cut = Cut { discard: 0.0, max_rank: columns, route };
        table.row(&format!("split 16x262144, nearly parallel rows, {route:?}"), || {
            let split = || linalg::split(&values, columns, rows, cut);
            let time = seconds(split)?;
            let found = split()?;
            let back = linalg::multiply(&found.basis, &found.carry, [columns, found.rank, rows])?;
            let back: Vec<f32> = back.into_iter().map(|x| x as f32).collect();
            Ok((time, format!("error {:.1e}", relative(&values, &back))))
        })?;
    }
    Ok(())
}

fn components(table: &Table) -> Outcome<()> {
    let modes = [64, 64, 32, 32];
    let factors =
        modes.iter().enumerate().map(|(index, mode)| normal(10 + index as u64, mode * 40)).collect();
    let planted = cp::Components { shape: cp::CpShape::new(modes.to_vec(), 40)?, factors };
    let values = with_noise(planted.expand()?, 0.1);
    let als = Als { iterations: 20, tolerance: f64::NEG_INFINITY, restarts: 0, ..Als::new(32) };
    for nonnegative in [false, true] {
        let als = Als { nonnegative, ..als };
        let name = if nonnegative { "CP-HALS" } else { "CP-ALS" };
        table.row(&format!("{name} 64·64·32·32 rank 32, 20 sweeps"), || {
            let decompose = || cp::decompose(&values, &modes, &als, Seed::from_number(1));
            let time = seconds(decompose)?;
            Ok((time, format!("error {:.4}", relative(&values, &decompose()?.expand()?))))
        })?;
    }
    table.row("Tucker 64·64·32·32 rank 32, HOSVD and 5 sweeps", || {
        let decompose = || tucker::decompose(&values, &modes, Truncation::MaxRank(32), 5);
        let time = seconds(decompose)?;
        Ok((time, format!("error {:.4}", relative(&values, &decompose()?.expand()?))))
    })
}

fn low_rank(table: &Table) -> Outcome<()> {
    let layout = Arc::new(Layout::of(&[("w", &[1024, 1024])])?);
    let params = Params::new(normal(4, 1 << 20), layout)?;
    let codec = LowRank::new(4)?;
    table.row("PowerSGD 1024x1024 rank 4, one packet", || {
        let time = seconds(|| codec.compress(&params, Seed::from_number(1)))?;
        let packet = codec.compress(&params, Seed::from_number(1))?;
        Ok((time, format!("{} bytes, {:.0}×", packet.len(), f64::from(4 << 20) / packet.len() as f64)))
    })
}

fn main() -> Outcome<()> {
    let table = Table { word: std::env::args().nth(1) };
    println!("| work | seconds | |\n|---|---|---|");
    products(&table)?;
    trains(&table)?;
    tall(&table)?;
    components(&table)?;
    low_rank(&table)
}
