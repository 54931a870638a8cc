//! Integers, most of them small: one symbol each, the others escaped.
//!
//! ```text
//! escapes u32 · escapes × varint of zigzag(q), in order · the symbols by rANS
//! symbol of q: q + 127 for |q| ≤ 127, else 255
//! ```
//! zigzag(q) = 2q for q ≥ 0, −2q − 1 below. |q| is at most 2²³.

use super::{Coded, rans, table, varint};
use crate::{CompressError, reader::Reader};

/// The largest magnitude that has a symbol, which is also the symbol of zero.
pub(crate) const SMALL: i32 = 127;
/// The symbol of all other integers.
pub(crate) const ESCAPE: u8 = 255;
/// The largest magnitude.
pub(crate) const LARGEST: i32 = 1 << 23;

/// Integers on their way to bytes.
#[derive(Debug, Default)]
pub(crate) struct Integers {
    symbols: Vec<u8>,
    escaped: Vec<i32>,
}

impl Integers {
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self { symbols: Vec::with_capacity(count), escaped: Vec::new() }
    }

    /// Adds integers of magnitude at most [`LARGEST`].
    pub(crate) fn extend(&mut self, integers: &[i32]) {
        let symbol = |q: &i32| (q + SMALL) as u8;
        if integers.iter().fold(true, |all, q| all & (q.abs() <= SMALL)) {
            self.symbols.extend(integers.iter().map(symbol));
            return;
        }
        let large = |q: &i32| q.abs() > SMALL;
        self.symbols.extend(integers.iter().map(|q| if large(q) { ESCAPE } else { symbol(q) }));
        self.escaped.extend(integers.iter().filter(|q| large(q)));
    }

    /// Bits for each integer: the entropy of the symbols, and the bytes of what is escaped.
    pub(crate) fn rate(&self) -> f64 {
        let escaped: u32 =
            self.escaped.iter().map(|q| 8 * (32 - zigzag(*q).leading_zeros()).div_ceil(7)).sum();
        table::entropy(&self.symbols) + f64::from(escaped) / self.symbols.len().max(1) as f64
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend((self.escaped.len() as u32).to_le_bytes());
        self.escaped.iter().for_each(|q| varint::write(zigzag(*q), out));
        if !self.symbols.is_empty() {
            let table = table::Table::normalised(&table::histogram(&self.symbols));
            table.write(out);
            rans::encode(&self.symbols, &table, out);
        }
    }
}

/// Bytes of integers whose lengths and escapes have been checked.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    count: usize,
    escapes: usize,
    escaped: &'a [u8],
    coded: Coded<'a>,
}

impl<'a> Parsed<'a> {
    pub(crate) fn parse(mut reader: Reader<'a>, count: usize) -> Result<Self, CompressError> {
        let escapes = reader.u32()? as usize;
        if escapes > count || escapes > reader.left() {
            return Err(CompressError::Malformed("more escapes than integers"));
        }
        let all = reader.take(reader.left())?;
        let mut reader = Reader::new(all);
        for _ in 0..escapes {
            let q = unzigzag(varint::read(&mut reader)?);
            if !(SMALL + 1..=LARGEST).contains(&q.abs()) {
                return Err(CompressError::Malformed("an escaped integer is too small or too large"));
            }
        }
        let (escaped, symbols) = all.split_at(all.len() - reader.left());
        Ok(Self { count, escapes, escaped, coded: Coded::parse(symbols, count)? })
    }

    /// Hands the integers to `take`, at most 256 at a time.
    pub(crate) fn decode(
        &self,
        mut take: impl FnMut(&[i32]) -> Result<(), CompressError>,
    ) -> Result<(), CompressError> {
        let mut symbols = vec![0; self.count];
        self.coded.decode(&mut symbols)?;
        let found = symbols.iter().map(|symbol| usize::from(*symbol == ESCAPE)).sum::<usize>();
        if found != self.escapes {
            return Err(CompressError::Malformed("more or fewer escapes than escaped integers"));
        }
        let mut escaped = Reader::new(self.escaped);
        let mut buffer = [0; 256];
        for symbols in symbols.chunks(buffer.len()) {
            for (q, symbol) in buffer.iter_mut().zip(symbols) {
                *q = i32::from(*symbol) - SMALL;
            }
            if found > 0 {
                for (q, _) in buffer.iter_mut().zip(symbols).filter(|(_, symbol)| **symbol == ESCAPE) {
                    *q = unzigzag(varint::read(&mut escaped)?);
                }
            }
            take(buffer.get(..symbols.len()).unwrap_or_default())?;
        }
        Ok(())
    }
}

fn zigzag(q: i32) -> u32 {
    (q << 1 ^ q >> 31) as u32
}

fn unzigzag(number: u32) -> i32 {
    (number >> 1) as i32 ^ -((number & 1) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], count: usize) -> Result<Vec<i32>, CompressError> {
        let mut all = Vec::new();
        Parsed::parse(Reader::new(bytes), count)?.decode(|integers| {
            all.extend_from_slice(integers);
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn large_ones_are_escaped() {
        let values = [0, -1, 127, -127, 128, -128, 255, LARGEST, -LARGEST, 5];
        let integers: Vec<i32> = values.iter().copied().cycle().take(777).collect();
        let mut coded = Integers::with_capacity(integers.len());
        integers.chunks(100).for_each(|chunk| coded.extend(chunk));
        let mut bytes = Vec::new();
        coded.write(&mut bytes);
        assert_eq!(decode(&bytes, integers.len()).expect("own bytes"), integers);
        assert!(decode(&bytes, integers.len() - 1).is_err());
        assert!(coded.rate() * 777.0 / 8.0 < bytes.len() as f64);
        // One escape fewer than there are symbols for it.
        let mut fewer = bytes.clone();
        fewer[0] -= 1;
        assert!(decode(&fewer, integers.len()).is_err());
    }

    #[test]
    fn an_escape_for_nothing_is_refused() {
        let bytes = |escaped: &[i32], symbols: &[u8]| {
            let mut bytes = Vec::new();
            Integers { symbols: symbols.to_vec(), escaped: escaped.to_vec() }.write(&mut bytes);
            bytes
        };
        assert_eq!(decode(&bytes(&[128], &[ESCAPE, 127]), 2).expect("well formed"), [128, 0]);
        assert!(decode(&bytes(&[127], &[ESCAPE, 127]), 2).is_err(), "small enough for a symbol");
        assert!(decode(&bytes(&[LARGEST + 1], &[ESCAPE, 127]), 2).is_err(), "too large");
        assert!(decode(&bytes(&[128, 128], &[ESCAPE, 127]), 2).is_err(), "one too many");
        assert!(decode(&bytes(&[], &[ESCAPE, 127]), 2).is_err(), "one is missing");
    }
}
