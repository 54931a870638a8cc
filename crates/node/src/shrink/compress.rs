//! `bitneuron compress`.

use super::{EXTENSION, Goal, ShrinkError, curve};
use crate::number;
use bitneuron_compress::auto::{Choice, Report, TensorFormat};
use bitneuron_compress::{Archive, Auto, CodecId, Packet, safetensors};
use bitneuron_core::{Params, Seed};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A model to compress.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrink {
    /// A file of tensors.
    pub file: PathBuf,
    /// The archive; beside the file when none is named.
    pub out: Option<PathBuf>,
    /// What it may cost.
    pub budget: Goal,
    /// Whether to tell of each tensor and to draw error against size.
    pub report: bool,
    /// Whether to answer in JSON.
    pub json: bool,
    /// Seed of what is random in codecs.
    pub seed: u64,
}

impl Shrink {
    /// Reads, compresses, writes and tells of it; `err` hears of progress.
    ///
    /// # Errors
    /// Why there is no archive.
    pub fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), ShrinkError> {
        let path = self.file.clone();
        let bytes = std::fs::read(&path).map_err(|error| ShrinkError::Read { path: path.clone(), error })?;
        let params =
            safetensors::read(&bytes).map_err(|error| ShrinkError::Tensors { path: path.clone(), error })?;
        let budget = self.budget.of(params.values().len());
        let (packet, report) =
            Auto::standard(budget)?.compress_with_report(&params, Seed::from_number(self.seed))?;
        let target = self.out.clone().unwrap_or_else(|| path.with_extension(EXTENSION));
        let size = write(&target, &params, packet)?;
        let plot = if self.report { Some(self.plot(&target, &params, &report, err)?) } else { None };
        let told = Told { source: bytes.len(), target: &target, size, values: params.values().len(), plot };
        // Nobody is left to hear that standard output is closed.
        let _ = if self.json {
            writeln!(out, "{}", told.json(&report))
        } else {
            write!(out, "{}", told.text(&report, self.report))
        };
        Ok(())
    }

    fn plot(
        &self,
        target: &Path,
        params: &Params,
        report: &Report,
        err: &mut dyn Write,
    ) -> Result<PathBuf, ShrinkError> {
        let path = target.with_extension("svg");
        let svg = curve::draw(params, report, Seed::from_number(self.seed), err)?;
        std::fs::write(&path, svg).map_err(|error| ShrinkError::Write { path: path.clone(), error })?;
        Ok(path)
    }
}

/// Writes the archive; how many bytes it has.
fn write(target: &Path, params: &Params, packet: Packet) -> Result<usize, ShrinkError> {
    let bytes = Archive { layout: params.layout().clone(), packet }.to_bytes()?;
    let failed = |error| ShrinkError::Write { path: target.into(), error };
    std::fs::write(target, &bytes).map_err(failed)?;
    Ok(bytes.len())
}

/// What came of it.
struct Told<'a> {
    /// Bytes of the file of tensors.
    source: usize,
    target: &'a Path,
    /// Bytes of the archive.
    size: usize,
    values: usize,
    plot: Option<PathBuf>,
}

impl Told<'_> {
    fn text(&self, report: &Report, each: bool) -> String {
        let table = if each { table(report) } else { String::new() };
        let bits = 8.0 * self.size as f64 / self.values.max(1) as f64;
        let plot = self.plot.as_ref().map_or_else(String::new, |plot| format!("drew {}\n", plot.display()));
        format!(
            "{table}wrote {}: {} of {}, {:.1} times smaller, {bits:.2} bits a value, relative error {:.4}\n{plot}",
            self.target.display(),
            number::bytes(self.size as u64),
            number::bytes(self.source as u64),
            self.source as f64 / self.size.max(1) as f64,
            report.error,
        )
    }

    fn json(&self, report: &Report) -> Value {
        let tensors: Vec<Value> = report
            .choices
            .iter()
            .map(|choice| {
                json!({
                    "tensor": choice.tensor,
                    "elements": choice.elements,
                    "codec": name(choice.chosen.codec),
                    "bytes": choice.chosen.bytes,
                    "bits": bits(choice),
                    "error": choice.chosen.error,
                    "tensor_format": format(choice),
                })
            })
            .collect();
        json!({
            "file": self.target,
            "bytes": self.size,
            "bytes_before": self.source,
            "values": self.values,
            "error": report.error,
            "plot": self.plot,
            "tensors": tensors,
        })
    }
}

fn bits(choice: &Choice) -> f64 {
    8.0 * choice.chosen.bytes as f64 / choice.elements.max(1) as f64
}

/// Whether a train or another tensor format was worth it, in a few words.
fn format(choice: &Choice) -> String {
    match choice.format {
        TensorFormat::NotTried => "not tried".into(),
        TensorFormat::Paid => "pays".into(),
        TensorFormat::DidNotPay(best) => {
            let more = 8.0 * best.bytes as f64 / choice.elements.max(1) as f64;
            format!("does not pay: {more:.1} bits, error {:.3}", best.error)
        }
    }
}

/// One line for each tensor, columns aligned.
fn table(report: &Report) -> String {
    let head = ["tensor", "values", "codec", "bits", "error", "tensor format"].map(str::to_owned);
    let rows = report.choices.iter().map(|choice| {
        [
            choice.tensor.clone(),
            number::count(choice.elements as u64),
            name(choice.chosen.codec),
            format!("{:.2}", bits(choice)),
            format!("{:.4}", choice.chosen.error),
            format(choice),
        ]
    });
    let lines: Vec<[String; 6]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(widths).enumerate().map(|(at, (cell, width))| {
            // Numbers stand right, words left.
            if matches!(at, 1 | 3 | 4) { format!("{cell:>width$}") } else { format!("{cell:width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The name of a codec for people; its number where it has none here.
fn name(codec: CodecId) -> String {
    codec.name().unwrap_or_else(|| codec.to_string())
}
