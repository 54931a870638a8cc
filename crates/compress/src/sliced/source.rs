//! All tensors of parameters, ready to be quantised at any step.

use super::{
    classes,
    quantise::{self, Scales, nearest},
    steps::Step,
    trains::{Train, find, sides},
    wire::Header,
};
use crate::linalg::LinalgError;
use bitneuron_core::{Params, params::Entry};

/// Numbers of classes that are tried.
const CLASSES: [usize; 5] = [1, 2, 4, 8, classes::MOST];
/// Values that a search looks at; of more, evenly spaced ones.
const SAMPLE: usize = 1 << 18;

/// What is quantised together.
enum Piece {
    Train(Train),
    Plain(Vec<f64>),
}

/// All tensors with elements.
pub(super) struct Source {
    pieces: Vec<Piece>,
    /// Of each tensor.
    scales: Vec<Scales>,
    refit: bool,
}

/// Parts and the bits of an integer in them.
pub(super) struct Coded {
    pub(super) parts: Vec<Vec<u8>>,
    pub(super) rate: f64,
}

impl Source {
    /// The tensors of `params`, trains in the left-orthogonal gauge or in the one that they have.
    pub(super) fn new(params: &Params, keep_gauge: bool, refit: bool) -> Result<Self, LinalgError> {
        let layout = params.layout();
        let wide = |index: usize| -> Vec<f64> {
            let values = layout.range(index).and_then(|range| params.values().get(range));
            values.unwrap_or_default().iter().map(|value| f64::from(*value)).collect()
        };
        let mut source = Self { pieces: Vec::new(), scales: Vec::new(), refit };
        let trains = find(layout);
        let mut index = 0;
        while let Some(entry) = layout.entries().get(index) {
            if let Some(members) = trains.iter().find(|members| members.start == index) {
                let entries = layout.entries().get(members.clone()).unwrap_or_default();
                source.push_train(entries, members.clone().map(wide).collect(), keep_gauge)?;
                index = members.end;
                continue;
            }
            if entry.elements().is_some_and(|count| count > 0) {
                source.scales.push(Scales::even(sides(entry)));
                source.pieces.push(Piece::Plain(wide(index)));
            }
            index += 1;
        }
        Ok(source)
    }

    fn push_train(&mut self, entries: &[Entry], cores: Vec<Vec<f64>>, keep: bool) -> Result<(), LinalgError> {
        let train = Train { shapes: entries.iter().map(sides).collect(), cores };
        let train = if keep { train } else { train.orthogonal()? };
        for (shape, weights) in train.shapes.iter().zip(train.weights()?) {
            self.scales.push(Scales::of(*shape, &weights));
        }
        self.pieces.push(Piece::Train(train));
        Ok(())
    }

    /// Every so many values where there are many and no trains, and their share of all.
    pub(super) fn sample(&self) -> Option<(Self, f64)> {
        let plain: Option<Vec<&Vec<f64>>> = self
            .pieces
            .iter()
            .map(|piece| if let Piece::Plain(values) = piece { Some(values) } else { None })
            .collect();
        let plain = plain?;
        let count: usize = plain.iter().map(|values| values.len()).sum();
        let stride = count.div_ceil(SAMPLE);
        if stride < 2 {
            return None;
        }
        let some: Vec<Vec<f64>> =
            plain.iter().map(|values| values.iter().step_by(stride).copied().collect()).collect();
        let share = some.iter().map(Vec::len).sum::<usize>() as f64 / count as f64;
        let scales = some.iter().map(|values| Scales::even([1, values.len(), 1])).collect();
        Some((
            Self { pieces: some.into_iter().map(Piece::Plain).collect(), scales, refit: self.refit },
            share,
        ))
    }

    /// The largest weighted magnitude.
    pub(super) fn largest(&self) -> f64 {
        let values = self.pieces.iter().flat_map(|piece| match piece {
            Piece::Train(train) => train.cores.iter().collect::<Vec<_>>(),
            Piece::Plain(values) => vec![values],
        });
        let mut most = 0.0f64;
        for (values, scales) in values.zip(&self.scales) {
            for (values, quarters) in values.chunks_exact(scales.block()).zip(scales.rows()) {
                let units: Vec<f64> =
                    quarters.iter().map(|quarters| Step::new(1.0, i32::from(*quarters)).value()).collect();
                for (value, unit) in values.iter().zip(units.iter().cycle()) {
                    most = most.max(value.abs() / unit);
                }
            }
        }
        most
    }

    /// The parts at this step; `None` where an integer is too large.
    pub(super) fn encode(&self, size: f32) -> Result<Option<Coded>, LinalgError> {
        let mut integers = Vec::with_capacity(self.scales.len());
        let mut rest = self.scales.as_slice();
        for piece in &self.pieces {
            let count = if let Piece::Train(train) = piece { train.cores.len() } else { 1 };
            let (scales, behind) = rest.split_at(count);
            rest = behind;
            let quantised = match (piece, scales) {
                (Piece::Train(train), scales) => quantise::train(train, scales, size, self.refit)?,
                (Piece::Plain(values), [scales]) => nearest(values, scales, size).map(|(q, _)| vec![q]),
                (Piece::Plain(_), _) => None,
            };
            let Some(quantised) = quantised else { return Ok(None) };
            integers.extend(quantised);
        }
        if integers.iter().flatten().all(|q| *q == 0) {
            return Ok(Some(Coded { parts: Header::zero(), rate: 0.0 }));
        }
        let mut borders = CLASSES.map(|count| classes::borders(&self.scales, count)).to_vec();
        borders.dedup();
        let coded = borders.into_iter().map(|borders| {
            let header = Header { size, scales: self.scales.clone(), borders };
            let (parts, rate) = header.write(&integers);
            Coded { parts, rate }
        });
        Ok(coded.min_by_key(|coded| coded.parts.iter().map(|part| part.len() + 4).sum::<usize>()))
    }
}
