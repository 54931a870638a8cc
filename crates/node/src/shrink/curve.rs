//! Error against size, of what was chosen and of single families of codecs, as a picture.

use super::ShrinkError;
use crate::chart::palette::Ink;
use crate::chart::{Across, Chart, Line, Stroke, alone};
use bitneuron_compress::auto::{Budget, Report};
use bitneuron_compress::{Auto, Chain, CompressError, Compressor, Ecsq, Limits, TensorTrain, Uniform, bound};
use bitneuron_core::{Params, Seed};
use std::io::Write;

/// The relative errors at which codecs are tried.
const ERRORS: [f64; 7] = [0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01];

/// Draws error (on a logarithmic axis) over bits a value.
pub(super) fn draw(
    params: &Params,
    chosen: &Report,
    seed: Seed,
    err: &mut dyn Write,
) -> Result<String, ShrinkError> {
    let values = params.values().len().max(1) as f64;
    let point = |bytes: usize, error: f64| (8.0 * bytes as f64 / values, error.max(1e-6).log10());
    let mut trace = |name: &str, ink, stroke, codecs: Vec<Box<dyn Compressor>>| {
        let _ = writeln!(err, "  trying {name}");
        let points = codecs.iter().filter_map(|codec| measured(codec.as_ref(), params, seed).ok());
        let mut points: Vec<_> = points.map(|(bytes, error)| point(bytes, error)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line { name: Some(name.into()), points, ink, stroke }
    };
    let mut lines = vec![
        trace("uniform steps", Ink::Grey, Stroke::Thin, uniform()?),
        trace("tensor trains", Ink::Vermilion, Stroke::Thin, trains()?),
        trace("entropy coded", Ink::Green, Stroke::Thin, coded()?),
        trace("chosen", Ink::Blue, Stroke::Bold, autos()?),
    ];
    lines.retain(|line| !line.points.is_empty());
    let here = vec![point(chosen.bytes, chosen.error)];
    lines.push(Line { name: Some("this file".into()), points: here, ink: Ink::Blue, stroke: Stroke::Bold });
    let across = Across { name: "bits a value", tick: |bits| format!("{bits:.0}") };
    let chart = Chart { lines, across, axis: |exponent, _| percent(exponent), anchor: None };
    Ok(alone(&chart.draw()?, "Relative error over bits a value"))
}

/// A power of ten as a share.
fn percent(exponent: f64) -> String {
    let share = 100.0 * 10f64.powf(exponent);
    if share >= 1.0 { format!("{share:.0}%") } else { format!("{share:.2}%") }
}

fn measured(codec: &dyn Compressor, params: &Params, seed: Seed) -> Result<(usize, f64), CompressError> {
    let packet = codec.compress(params, seed)?;
    let limits = Limits { bytes: packet.len(), elements: params.values().len() };
    let back = codec.decompress(&packet, params.layout(), limits)?;
    Ok((packet.len(), bound::relative_error(params, &back)))
}

type Codecs = Result<Vec<Box<dyn Compressor>>, CompressError>;

fn boxed<C: Compressor + 'static>(codec: C) -> Box<dyn Compressor> {
    Box::new(codec)
}

fn uniform() -> Codecs {
    (2..=8).map(|bits| Uniform::new(bits).map(boxed)).collect()
}

fn trains() -> Codecs {
    ERRORS
        .iter()
        .map(|error| Ok(boxed(Chain::new(TensorTrain::tolerance(*error)?, Uniform::new(8)?)?)))
        .collect()
}

fn coded() -> Codecs {
    ERRORS.iter().map(|error| Ecsq::relative_error(*error).map(boxed)).collect()
}

fn autos() -> Codecs {
    ERRORS.iter().map(|error| Auto::standard(Budget::Error(*error)).map(boxed)).collect()
}
