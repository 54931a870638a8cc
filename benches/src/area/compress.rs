//! Compression: tensor formats, codecs of values, factored layers. Rates are gigabytes of `f32` a second, into memory that is at
//! hand.

use super::{Options, attempt};
use crate::Failure;
use crate::cost::{cpu_of, cpu_per_call, median_of};
use crate::peer::tensors::{self as peer, Tensors};
use crate::reading::Reading;
use crate::scene::digits::{self, Outcome};
use crate::scene::tensors::{FOLDINGS, MODES, cores, matrix, normal, of_cores, tensor};
use crate::scene::{fashion, recommender};
use bitneuron::compress::bound::relative;
use bitneuron::compress::factor::{Factored, Linear, TrainLinear};
use bitneuron::compress::linalg::{self, Cut, Matrix, Onto, Route, multiply_f32, norm_squared};
use bitneuron::compress::sparse::{Density, largest};
use bitneuron::compress::{
    Absmax8, Compressor, Limits, Nf4, Sliced, Ternary, Truncation, Uniform, cp, cp::Als, entropy, tt, tucker,
};
use bitneuron::core::{Layout, Params, Seed};
use std::sync::Arc;

const RANK: usize = 32;
/// Values of which rates are measured.
const VALUES: usize = 10_000_000;
const LIMITS: Limits = Limits { bytes: usize::MAX, elements: usize::MAX };

pub(super) fn measure(options: Options) -> Vec<Reading> {
    let mut readings = attempt("tt_svd_4096x1024_r32_f32", || formats(options));
    readings.extend(attempt("f32_tall_qr_error", tall));
    readings.extend(attempt("int8_encode", values));
    readings.extend(attempt("rans_encode", coder));
    readings.extend(attempt("topk_exact", sparse));
    readings.extend(attempt("ttm_4096_b64_r8_forward", layers));
    readings.extend(attempt("digits_ttm_layer_compression", trained_digits));
    readings.extend(attempt("digits_int8_points_lost", few_bits));
    readings.extend(attempt("sliced_gain_even", slices));
    readings.extend(attempt("recommender_parameters", trained_recommender));
    readings.extend(attempt("fashion_dense_accuracy", trained_fashion));
    readings
}

/// Trains in three foldings, CP and Tucker; beside the peers on the same numbers.
fn formats(options: Options) -> Result<Vec<Reading>, Failure> {
    let (matrix, tensor) = (matrix()?, tensor()?);
    let mut times = Vec::new();
    let (mut worst, mut excess) = (0f64, 0f64);
    for modes in FOLDINGS {
        let decompose = || tt::decompose(&matrix, modes, Truncation::MaxRank(RANK));
        let error = relative(&matrix, &decompose()?.expand()?);
        excess = excess.max(error / direct_error(&matrix, modes)? - 1.0);
        times.push(cpu_per_call(decompose));
        worst = times.iter().copied().fold(worst, f64::max);
    }
    let als = Als { iterations: 20, tolerance: f64::NEG_INFINITY, restarts: 0, ..Als::new(RANK) };
    let cp_als = cpu_per_call(|| cp::decompose(&tensor, &MODES, &als, Seed::from_number(1)));
    let hooi = cpu_per_call(|| tucker::decompose(&tensor, &MODES, Truncation::MaxRank(RANK), 5));
    let note = times.iter().map(|time| format!("{:.1}", time * 1e3)).collect::<Vec<_>>().join(", ");
    let mut readings = vec![
        Reading::row("tt_svd_4096x1024_r32_f32", worst).note(format!("{note} ms in the three foldings")),
        Reading::row("tt_svd_error_excess", excess.max(0.0)),
        Reading::extra("cp_als", "s", cp_als),
        Reading::extra("tucker", "s", hooi),
    ];
    if options.peers {
        let peers = peer::measure(&matrix, &tensor)?;
        readings.extend(beside(&times, cp_als, hooi, &peers));
    } else {
        let names = ["tt_svd_vs_tntorch", "tt_svd_vs_tensorly", "cp_als_vs_tensorly", "tucker_vs_tensorly"];
        readings.extend(names.map(|name| Reading::missing(name, "needs --peers")));
    }
    Ok(readings)
}

/// The least ratios over the foldings.
fn beside(times: &[f64], cp_als: f64, hooi: f64, peers: &Tensors) -> [Reading; 5] {
    let least = |of: fn(&peer::Folding) -> f64| {
        let ratios = peers.foldings.iter().zip(times).map(|(folding, time)| of(folding) / time);
        ratios.fold(f64::INFINITY, f64::min)
    };
    [
        Reading::row("tt_svd_vs_tntorch", least(|folding| folding.tntorch)).note(peers.names.clone()),
        Reading::row("tt_svd_vs_tensorly", least(|folding| folding.tensorly)),
        Reading::extra("tt_svd_vs_teneva", "ratio", least(|folding| folding.teneva)),
        Reading::row("cp_als_vs_tensorly", peers.cp_als / cp_als)
            .note(format!("{:.2} s and {cp_als:.2} s", peers.cp_als)),
        Reading::row("tucker_vs_tensorly", peers.tucker / hooi)
            .note(format!("{:.2} s and {hooi:.2} s", peers.tucker)),
    ]
}

/// The error of the textbook's TT-SVD: a decomposition in `f64` for each mode, from left to right (Oseledets 2011).
fn direct_error(values: &[f32], modes: &[usize]) -> Result<f64, Failure> {
    let mut carry: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
    let (mut rank, mut dropped) = (1, 0.0);
    for mode in modes.iter().take(modes.len() - 1) {
        let rows = rank * mode;
        let columns = carry.len() / rows;
        let found = linalg::svd(&carry, rows, columns)?;
        rank = RANK.min(found.s.len());
        dropped += found.s.iter().skip(rank).map(|s| s * s).sum::<f64>();
        let kept = found.vt.chunks_exact(columns).zip(&found.s).take(rank);
        carry = kept.flat_map(|(row, s)| row.iter().map(move |x| x * s)).collect();
    }
    Ok((dropped / norm_squared(values)).sqrt())
}

/// A tall matrix of nearly parallel columns, on which decompositions in single precision drop real directions.
fn tall() -> Result<Vec<Reading>, Failure> {
    let (long, short) = (1 << 18, 16);
    let values: Vec<f32> = normal(3, long * short).iter().map(|x| 1.0 + 0.01 * x).collect();
    let cut = Cut { discard: 0.0, max_rank: short, route: Route::Gram };
    let found = linalg::split(&values, long, short, cut)?;
    let back = linalg::multiply(&found.basis, &found.carry, [long, found.rank, short])?;
    let back: Vec<f32> = back.into_iter().map(|value| value as f32).collect();
    let note = format!("{long} × {short}, rank {}", found.rank);
    Ok(vec![Reading::row("f32_tall_qr_error", relative(&values, &back)).note(note)])
}

fn params(values: Vec<f32>) -> Result<Params, Failure> {
    Ok(Params::new(values, Arc::new(Layout::of(&[("w", &[VALUES as u32])])?))?)
}

/// Gigabytes a second.
fn rate<T>(call: impl FnMut() -> T) -> f64 {
    4e-9 * VALUES as f64 / cpu_per_call(call)
}

fn values() -> Result<Vec<Reading>, Failure> {
    let params = params(normal(1, VALUES))?;
    let mut buffer = params.clone();
    let (int8, nf4) = (Absmax8::default(), Nf4);
    let packets = [int8.compress(&params, Seed::default())?, nf4.compress(&params, Seed::default())?];
    let mut copy = vec![0f32; VALUES];
    let copied = rate(|| copy.copy_from_slice(params.values()));
    int8.decompress_into(&packets[0], &mut buffer, LIMITS)?;
    nf4.decompress_into(&packets[1], &mut buffer, LIMITS)?;
    Ok(vec![
        Reading::row("int8_encode", rate(|| int8.compress(&params, Seed::default()))),
        Reading::row("int8_decode", rate(|| int8.decompress_into(&packets[0], &mut buffer, LIMITS))),
        Reading::row("nf4_encode", rate(|| nf4.compress(&params, Seed::default()))),
        Reading::row("nf4_decode", rate(|| nf4.decompress_into(&packets[1], &mut buffer, LIMITS))),
        Reading::extra("copy", "GB/s", copied).note("the same values copied, for comparison"),
    ])
}

/// Normal values in steps of half a deviation, about three bits each.
fn coder() -> Result<Vec<Reading>, Failure> {
    let symbols: Vec<u8> = normal(1, VALUES).iter().map(|x| (2.0 * x).round() as i8 as u8).collect();
    let bytes = entropy::encode(&symbols);
    entropy::decode(&bytes, symbols.len())?;
    let giga = 1e-9 * VALUES as f64;
    let bound = entropy::entropy(&symbols);
    let bits = 8.0 * bytes.len() as f64 / VALUES as f64;
    Ok(vec![
        Reading::row("rans_encode", giga / cpu_per_call(|| entropy::encode(&symbols))),
        Reading::row("rans_decode", giga / cpu_per_call(|| entropy::decode(&bytes, symbols.len()))),
        Reading::row("rans_overhead", bits - bound).note(format!("{bits:.4} bits, entropy {bound:.4}")),
    ])
}

fn sparse() -> Result<Vec<Reading>, Failure> {
    let params = params(normal(1, VALUES))?;
    let (percent, rare) = (Density::PERCENT, Density::ONE_IN_400);
    let [common, few] = [percent, rare].map(|density| {
        let keep = density.count(VALUES);
        rate(|| largest(params.values(), keep))
    });
    let packet = Ternary::new(rare).compress(&params, Seed::default())?;
    let ratio = 4.0 * VALUES as f64 / packet.len() as f64;
    let p: f64 = rare.ratio();
    let entropy = -p * p.log2() - (1.0 - p) * (1.0 - p).log2() + p;
    Ok(vec![
        Reading::row("topk_exact", common.min(few)).note(format!("{common:.2} at 1 %, {few:.2} at 1/400")),
        Reading::row("stc_ratio_p400", ratio).note(format!("entropy allows {:.0}", 32.0 / entropy)),
    ])
}

/// A layer of 4096 × 4096 as a train of four matrices of 8 × 8, against the dense product.
fn layers() -> Result<Vec<Reading>, Failure> {
    const SIZE: usize = 4096;
    const BATCH: usize = 64;
    let (weights, inputs) = (normal(1, SIZE * SIZE), normal(2, BATCH * SIZE));
    let mut outputs = vec![0f32; BATCH * SIZE];
    let mut readings = Vec::new();
    let dense = median_of(|| {
        let (w, x) = (Matrix::new(&weights, SIZE, SIZE), Matrix::new(&inputs, BATCH, SIZE));
        let (done, seconds) = cpu_of(|| multiply_f32(&mut outputs, Onto::Replace, x, w));
        done?;
        Ok(seconds)
    })?;
    for (name, rank) in [("ttm_4096_b64_r8_forward", 8), ("ttm_4096_b64_r16_forward", 16)] {
        let layer = TrainLinear::interleaved(&[8; 4], &[8; 4], &[rank; 3])?;
        let cores = layer.init(1.0 / SIZE as f64, Seed::from_number(3));
        layer.forward(&cores, &inputs, &mut outputs)?;
        let factored = cpu_per_call(|| layer.forward(&cores, &inputs, &mut outputs));
        let note = format!("{:.1} ms and {:.2} ms, batch {BATCH}", dense * 1e3, factored * 1e3);
        readings.push(Reading::row(name, dense / factored).note(note));
    }
    Ok(readings)
}

/// The digits' perceptron that learned as factors; what it saves counts only while it loses no more than half a point.
fn trained_digits() -> Result<Vec<Reading>, Failure> {
    const SEEDS: u64 = 3;
    let all = (1..=SEEDS).map(|number| digits::run(Seed::from_number(number)));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    let mean = Outcome::mean(&all);
    let lost = mean.points_lost();
    let note = format!(
        "mean of {SEEDS} seeds: dense {:.2} %, factored {:.2} %, with four bits {:.2} %",
        100.0 * mean.dense,
        100.0 * mean.fine,
        100.0 * mean.sent
    );
    let row = |name, value, note: &str| {
        if lost <= 0.5 {
            Reading::row(name, value).note(note)
        } else {
            Reading::missing(name, format!("{value:.0} at {lost:.2} points lost; {note}"))
        }
    };
    let wire = "whole model, its codes as one string of the entropy coder";
    Ok(vec![
        row("digits_ttm_layer_compression", mean.weights, &note),
        row("digits_ttm_bytes_compression", mean.bytes, wire),
        Reading::extra("digits_ttm_points_lost", "points", lost),
        Reading::extra("digits_ttm_prediction", "ratio", mean.speed)
            .note("seconds of predicting one row, dense over factored"),
        Reading::extra("digits_ttm_sliced_bytes", "ratio", mean.sliced_bytes).note(format!(
            "packets with steps by slices, {} bits a value, not trained for them: {:.2} %",
            digits::BITS,
            100.0 * mean.sliced
        )),
    ])
}

/// What training in few bits loses against single precision, in points.
fn few_bits() -> Result<Vec<Reading>, Failure> {
    const SEEDS: u64 = 3;
    let mut sums = [0.0; 3];
    for number in 1..=SEEDS {
        let accuracies = digits::few_bits(Seed::from_number(number))?;
        sums.iter_mut().zip(accuracies).for_each(|(sum, accuracy)| *sum += 100.0 * accuracy / SEEDS as f64);
    }
    let [fine, eight, four] = sums;
    let note = format!("mean of {SEEDS} seeds, single precision {fine:.2} %");
    Ok(vec![
        Reading::extra("digits_int8_points_lost", "points", fine - eight).note(note),
        Reading::extra("digits_int4_points_lost", "points", fine - four),
    ])
}

/// The error of a train with four bits for every value over that with steps by its slices, in as many bytes.
fn slices() -> Result<Vec<Reading>, Failure> {
    let gain = |power: f32| -> Result<f64, Failure> {
        let (params, train) = cores(power)?;
        let uniform = Uniform::new(4)?;
        let packet = uniform.compress(&params, Seed::default())?;
        let sliced = Sliced::bytes(packet.len());
        let error = |codec: &dyn Compressor| -> Result<f64, Failure> {
            let packet = codec.compress(&params, Seed::default())?;
            let back = codec.decompress(&packet, params.layout(), LIMITS)?;
            Ok(relative(&train.expand()?, &of_cores(&back, &train).expand()?))
        };
        Ok(error(&uniform)? / error(&sliced)?)
    };
    Ok(vec![
        Reading::extra("sliced_gain_even", "ratio", gain(0.0)?)
            .note("error with four bits for all over that with steps by slices, as many bytes, random train"),
        Reading::extra("sliced_gain_falling", "ratio", gain(1.0)?)
            .note("the same where column j falls as 1/j"),
    ])
}

/// Fashion-MNIST in four kinds of factors beside the dense model; nothing where the data are not installed.
fn trained_fashion() -> Result<Vec<Reading>, Failure> {
    let Some(images) = fashion::Images::load()? else { return Ok(Vec::new()) };
    let outcomes = fashion::run(&images, Seed::from_number(1))?;
    let dense = outcomes.first().map_or(0, |outcome| outcome.parameters) as f64;
    let names = ["dense", "tt", "ttm", "cp", "tucker"].iter().zip([
        "fashion_dense_accuracy",
        "fashion_tt_accuracy",
        "fashion_ttm_accuracy",
        "fashion_cp_accuracy",
        "fashion_tucker_accuracy",
    ]);
    let reading = |(kind, name): (&&str, &'static str)| {
        let outcome = outcomes.iter().find(|outcome| outcome.kind == *kind)?;
        let (parameters, bytes) = (outcome.parameters, outcome.bytes);
        let note = format!(
            "{parameters} parameters ({:.0} times fewer), {:.4} as sent in {bytes} bytes ({:.0} times fewer)",
            dense / parameters as f64,
            outcome.sent,
            4.0 * dense / bytes as f64
        );
        Some(Reading::extra(name, "fraction", outcome.fine).note(note))
    };
    Ok(names.filter_map(reading).collect())
}

/// Two towers over a million items that are numbered by what they are, one seed.
fn trained_recommender() -> Result<Vec<Reading>, Failure> {
    let all = recommender::run(Seed::from_number(1))?;
    let aucs = all.iter().map(|trained| format!("{} {:.4}", trained.name, trained.auc));
    let note = format!("one seed, AUC: {}", aucs.collect::<Vec<_>>().join("; "));
    let [dense, cores, _, sent] = all;
    let ratio = |large: usize, small: usize| large as f64 / small as f64;
    Ok(vec![
        Reading::row("recommender_parameters", ratio(dense.parameters, cores.parameters))
            .note("table and towers; items numbered by their attributes"),
        Reading::row("recommender_auc_loss", 100.0 * (dense.auc - sent.auc)).note(note),
        Reading::row("recommender_bytes", ratio(dense.bytes, sent.bytes))
            .note("dense in single precision, cores with four bits"),
    ])
}
