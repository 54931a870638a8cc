//! The parts of a packet: steps and classes first, then the integers of each class.

use super::{
    classes,
    quantise::{LARGEST, MOST_QUARTERS, Scales},
    steps::Step,
    trains::sides,
};
use crate::{
    CompressError,
    entropy::integers::{Integers, Parsed},
    quant::ecsq::read_step,
    reader::Reader,
};
use bitneuron_core::{Bytes, Layout};
use std::ops::RangeInclusive;

/// Sums of two scales.
const SUMS: RangeInclusive<i32> = 2 * i8::MIN as i32..=2 * i8::MAX as i32;

/// What integers mean, and how they are sorted.
pub(super) struct Header {
    /// Δ.
    pub(super) size: f32,
    /// Of every tensor with elements.
    pub(super) scales: Vec<Scales>,
    /// Of the classes.
    pub(super) borders: Vec<i16>,
}

impl Header {
    /// The parts of the integers of all tensors with elements, and the bits that each integer takes.
    pub(super) fn write(&self, integers: &[Vec<i32>]) -> (Vec<Vec<u8>>, f64) {
        let mut header = self.size.to_le_bytes().to_vec();
        for Scales { base, left, right, .. } in &self.scales {
            header.push(
                u8::from(!left.is_empty()) | u8::from(!right.is_empty()) << 1 | u8::from(*base != 0) << 2,
            );
            if *base != 0 {
                header.extend(base.to_le_bytes());
            }
            header.extend(left.iter().chain(right).map(|scale| *scale as u8));
        }
        header.push(self.borders.len() as u8);
        header.extend(self.borders.iter().flat_map(|border| border.to_le_bytes()));
        let mut sorted = vec![Vec::new(); self.borders.len() + 1];
        for (scales, integers) in self.scales.iter().zip(integers) {
            let blocks = integers.chunks_exact(scales.block());
            let class = classes::of(scales, &self.borders);
            for (integers, row) in blocks.zip(scales.rows()) {
                for (q, quarters) in integers.iter().zip(row.iter().cycle()) {
                    if let Some(class) = sorted.get_mut(class(*quarters)) {
                        class.push(*q);
                    }
                }
            }
        }
        let (mut parts, mut bits, mut count) = (vec![header], 0.0, 0);
        for class in sorted {
            let mut coded = Integers::with_capacity(class.len());
            class.chunks(256).for_each(|chunk| coded.extend(chunk));
            bits += coded.rate() * class.len() as f64;
            count += class.len();
            let mut part = Vec::new();
            coded.write(&mut part);
            parts.push(part);
        }
        (parts, bits / count.max(1) as f64)
    }

    /// The parts where all values are zero.
    pub(super) fn zero() -> Vec<Vec<u8>> {
        vec![0f32.to_le_bytes().to_vec()]
    }
}

/// A header and the classes of integers behind it, their lengths checked.
pub(super) struct Opened<'a> {
    header: Header,
    classes: Vec<Parsed<'a>>,
    counts: Vec<usize>,
}

/// Checks what can be checked before integers are decoded; `None`: all values are zero.
pub(super) fn open<'a>(parts: &'a [Bytes], expect: &Layout) -> Result<Option<Opened<'a>>, CompressError> {
    let wrong = |expected| CompressError::Parts { found: parts.len(), expected };
    let (first, strings) = parts.split_first().ok_or_else(|| wrong(1))?;
    let mut reader = Reader::new(first);
    let Some(size) = read_step(&mut reader)? else {
        return if strings.is_empty() { Ok(None) } else { Err(wrong(1)) };
    };
    let entries = expect.entries().iter().filter(|entry| entry.elements().is_some_and(|count| count > 0));
    let scales = entries.map(|entry| read_scales(&mut reader, sides(entry)));
    let scales = scales.collect::<Result<Vec<_>, _>>()?;
    let count = usize::from(reader.u8()?);
    if count >= classes::MOST {
        return Err(CompressError::Malformed("more than 16 classes of integers"));
    }
    let borders = (0..count).map(|_| reader.array().map(i16::from_le_bytes));
    let borders = borders.collect::<Result<Vec<_>, _>>()?;
    reader.finish()?;
    if !borders.is_sorted_by(|a, b| a < b) {
        return Err(CompressError::Malformed("the borders of the classes do not rise"));
    }
    if strings.len() != count + 1 {
        return Err(wrong(count + 2));
    }
    let counts = classes::counts(&scales, &borders);
    if counts.contains(&0) {
        return Err(CompressError::Malformed("a class without integers"));
    }
    let classes = strings.iter().zip(&counts).map(|(bytes, count)| Parsed::parse(Reader::new(bytes), *count));
    let classes = classes.collect::<Result<_, _>>()?;
    Ok(Some(Opened { header: Header { size, scales, borders }, classes, counts }))
}

fn read_scales(reader: &mut Reader<'_>, shape: [usize; 3]) -> Result<Scales, CompressError> {
    let mut scales = Scales::even(shape);
    let stated = reader.u8()?;
    if stated > 7 {
        return Err(CompressError::Malformed("a tensor has a base and two sides"));
    }
    if stated & 4 != 0 {
        scales.base = i16::from_le_bytes(reader.array()?);
        if scales.base == 0 || scales.base.unsigned_abs() > MOST_QUARTERS.unsigned_abs() {
            return Err(CompressError::Malformed("a base that is zero or out of range"));
        }
    }
    let [left, _, right] = shape;
    for (bit, count, side) in [(0, left, &mut scales.left), (1, right, &mut scales.right)] {
        if stated >> bit & 1 == 1 {
            let bytes = reader.take(count)?;
            if bytes.iter().all(|byte| *byte == 0) {
                return Err(CompressError::Malformed("scales that are all zero"));
            }
            side.extend(bytes.iter().map(|byte| *byte as i8));
        }
    }
    Ok(scales)
}

impl Opened<'_> {
    /// Hands the integer of every element and its step to `take`, tensor by tensor; integers must not all be zero.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(i32, Step) -> Result<(), CompressError>,
    ) -> Result<(), CompressError> {
        let mut sorted = Vec::with_capacity(self.classes.len());
        let mut any = 0;
        for (class, count) in self.classes.iter().zip(&self.counts) {
            let mut integers = Vec::with_capacity(*count);
            class.decode(|chunk| {
                any = chunk.iter().fold(any, |any, q| any | q);
                if chunk.iter().any(|q| q.abs() > LARGEST) {
                    return Err(CompressError::Malformed("an integer is too large"));
                }
                integers.extend_from_slice(chunk);
                Ok(())
            })?;
            sorted.push(integers.into_iter());
        }
        if any == 0 {
            return Err(CompressError::Malformed("a step without codes"));
        }
        let Header { size, scales, borders } = &self.header;
        for scales in scales {
            let least = i32::from(scales.base) + SUMS.start();
            let steps: Vec<Step> = SUMS.map(|sum| Step::new(*size, i32::from(scales.base) + sum)).collect();
            let class = classes::of(scales, borders);
            for row in scales.rows() {
                for quarters in row.iter().cycle().take(scales.block()) {
                    let q = sorted.get_mut(class(*quarters)).and_then(Iterator::next).unwrap_or_default();
                    let at = i32::from(*quarters) - least;
                    take(q, steps.get(at as usize).copied().unwrap_or_default())?;
                }
            }
        }
        Ok(())
    }
}
