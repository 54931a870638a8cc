//! Serving from factors: a perceptron 64-1024-1024-10 learns the digits in the cores of TT-matrices, and answers from them. The same
//! network is then multiplied out into dense matrices, which give the same answers from many times the bytes in many times the time.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example serve_factors
//! ```
#![expect(clippy::disallowed_types, reason = "this is no protocol: it looks at the clock")]

use bitneuron::{
    compress::factor::{Linear as _, TrainLinear},
    core::{Dataset, Params, Seed},
    learning::{
        Update as _, eval,
        model::{Layer, Mlp, Model},
        optim::Adam,
    },
    sim::digits::halves,
};
use std::time::Instant;
use std::{error::Error, io::Write as _, sync::Arc};

const RANK: usize = 6;

/// 64-1024-1024-10 in three factors, three and two.
fn factored() -> Result<Vec<TrainLinear>, Box<dyn Error>> {
    let layer = |inputs: &[usize], outputs: &[usize]| {
        TrainLinear::interleaved(inputs, outputs, &vec![RANK; inputs.len() - 1])
    };
    let wide = [8, 8, 16];
    Ok(vec![layer(&[4, 4, 4], &wide)?, layer(&wide, &wide)?, layer(&[32, 32], &[2, 5])?])
}

/// The dense network that the cores stand for: each matrix is what its layer makes of the unit vectors.
fn multiplied_out(layers: &[TrainLinear], cores: &Params) -> Result<(Mlp, Params), Box<dyn Error>> {
    let sizes = layers.iter().map(|layer| (layer.shape().rows(), layer.shape().columns()));
    let dense = Mlp::of(sizes.map(|(inputs, outputs)| Layer::Dense { inputs, outputs }).collect())?;
    let (mut values, mut rest) = (Vec::with_capacity(dense.layout().len()), cores.values());
    for layer in layers {
        let (rows, columns) = (layer.shape().rows(), layer.shape().columns());
        let (own, behind) = rest.split_at(layer.shape().parameters());
        let (bias, behind) = behind.split_at(columns);
        let mut units = vec![0.0f32; rows * rows];
        units.iter_mut().step_by(rows + 1).for_each(|one| *one = 1.0);
        let mut matrix = vec![0.0f32; rows * columns];
        layer.forward(own, &units, &mut matrix)?;
        values.extend(matrix.into_iter().chain(bias.iter().copied()));
        rest = behind;
    }
    let layout = dense.layout().clone();
    Ok((dense, Params::new(values, layout)?))
}

/// The shortest time of many in which a model classifies so many images, in microseconds for each.
fn microseconds(model: &Mlp, params: &Params, images: &Dataset, batch: usize) -> Result<f64, Box<dyn Error>> {
    let rows: Vec<f32> = images.features().iter().take(64 * batch).copied().collect();
    let mut scores = vec![0.0; 10 * batch];
    let mut best = f64::INFINITY;
    for _ in 0..200 {
        let start = Instant::now();
        model.predict(params.values(), &rows, &mut scores)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best * 1e6 / batch as f64)
}

fn main() -> Result<(), Box<dyn Error>> {
    let seed = Seed::from_number(1);
    let (train, report) = halves(seed)?;
    let layers = factored()?;
    let model =
        Arc::new(Mlp::of(layers.iter().map(|layer| Layer::Factored(Arc::new(layer.clone()))).collect())?);
    let mut cores = model.init(seed);
    Adam::new(model.clone(), 5e-3, 32).with_epochs(10).update(&mut cores, &train, 0, seed)?;
    let (dense, matrices) = multiplied_out(&layers, &cores)?;

    let mut out = std::io::stdout();
    writeln!(out, "            accuracy  parameters  one image   of 64, each")?;
    let mut line = |name: &str, model: &Mlp, params: &Params| -> Result<[f64; 3], Box<dyn Error>> {
        let accuracy = 100.0 * eval::accuracy(model, params.values(), &report)?;
        let [one, many] = [1, 64].map(|batch| microseconds(model, params, &report, batch));
        let (one, many, size) = (one?, many?, params.values().len());
        writeln!(out, "{name:10}  {accuracy:6.2} %  {size:10}  {one:6.1} µs  {many:9.1} µs")?;
        Ok([size as f64, one, many])
    };
    let whole = line("matrices", &dense, &matrices)?;
    let factors = line("factors", &model, &cores)?;
    let [size, one, many] = [0, 1, 2].map(|at| whole[at] / factors[at]);
    writeln!(out, "{size:.0}× smaller, {one:.1}× faster for one image, {many:.1}× for 64 at once")?;
    Ok(())
}
