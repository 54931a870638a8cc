//! Frequencies of symbols, normalised to a power of two: how they are found, and their bytes.

use super::varint;
use crate::{CompressError, reader::Reader};

/// Frequencies sum to 2 to this power.
pub(crate) const BITS: u32 = 13;
/// The sum of the frequencies.
pub(crate) const TOTAL: u32 = 1 << BITS;
/// Symbols are bytes.
pub(crate) const SYMBOLS: usize = 256;

/// How often each symbol occurs.
pub(crate) fn histogram(symbols: &[u8]) -> [u32; SYMBOLS] {
    // Four tables in turn: equal neighbours do not wait for one another's count.
    let mut counts = [[0u32; SYMBOLS]; 4];
    let (fours, rest) = symbols.as_chunks::<4>();
    for four in fours {
        for (counts, symbol) in counts.iter_mut().zip(four) {
            counts[usize::from(*symbol)] += 1;
        }
    }
    let [mut sum, others @ ..] = counts;
    for symbol in rest {
        sum[usize::from(*symbol)] += 1;
    }
    for counts in others {
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    sum
}

/// The empirical entropy of `symbols` in bits per symbol: −Σ p log₂ p with p the share of each.
pub fn entropy(symbols: &[u8]) -> f64 {
    entropy_of(&histogram(symbols))
}

/// The entropy of a histogram in bits per symbol.
pub(crate) fn entropy_of(counts: &[u32]) -> f64 {
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let bits = counts.iter().filter(|count| **count > 0).map(|count| {
        let count = f64::from(*count);
        count * (total / count).log2()
    });
    if total > 0.0 { bits.sum::<f64>() / total } else { 0.0 }
}

/// Normalised frequencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table([u16; SYMBOLS]);

impl Table {
    /// Frequencies close to the shares of a histogram that is not empty, at least 1 for what occurs.
    ///
    /// Each share is rounded, then single units go where they shorten the code most, or come from where they lengthen it
    /// least: the gain of a unit is about count / (frequency + ½).
    pub(crate) fn normalised(counts: &[u32; SYMBOLS]) -> Self {
        let total: u64 = counts.iter().map(|count| u64::from(*count)).sum::<u64>().max(1);
        let share = |count: &u32| {
            let rounded = (u64::from(*count) * u64::from(TOTAL) + total / 2) / total;
            if *count == 0 { 0 } else { rounded.max(1) }
        };
        let mut frequencies: Vec<u64> = counts.iter().map(share).collect();
        let mut sum: u64 = frequencies.iter().sum();
        while sum != u64::from(TOTAL) {
            let grow = sum < u64::from(TOTAL);
            let Some(at) = best(counts, &frequencies, grow) else { break };
            if let Some(frequency) = frequencies.get_mut(at) {
                *frequency = if grow { *frequency + 1 } else { *frequency - 1 };
            }
            sum = if grow { sum + 1 } else { sum - 1 };
        }
        let mut table = [0; SYMBOLS];
        table.iter_mut().zip(frequencies).for_each(|(place, frequency)| *place = frequency as u16);
        Self(table)
    }

    /// Each symbol that occurs, with its frequency and the sum of those before it.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u8, u32, u32)> + '_ {
        let mut start = 0;
        (0..=u8::MAX).zip(self.0).filter(|(_, frequency)| *frequency > 0).map(move |(symbol, frequency)| {
            let frequency = u32::from(frequency);
            start += frequency;
            (symbol, frequency, start - frequency)
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let occurs = |frequency: &u16| *frequency > 0;
        let first = self.0.iter().position(occurs).unwrap_or_default();
        let last = self.0.iter().rposition(occurs).unwrap_or_default();
        out.extend([first as u8, last as u8]);
        self.0
            .iter()
            .take(last + 1)
            .skip(first)
            .for_each(|frequency| varint::write(u32::from(*frequency), out));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, CompressError> {
        let (first, last) = (usize::from(reader.u8()?), usize::from(reader.u8()?));
        if first > last {
            return Err(CompressError::Malformed("the first symbol is behind the last"));
        }
        let mut table = [0; SYMBOLS];
        let mut sum = 0;
        for (symbol, place) in table.iter_mut().enumerate().take(last + 1).skip(first) {
            let frequency = varint::read(reader)?;
            if frequency == 0 && (symbol == first || symbol == last) {
                return Err(CompressError::Malformed("a symbol at the end of the table does not occur"));
            }
            sum += u64::from(frequency);
            *place = frequency.min(TOTAL) as u16;
        }
        if sum == u64::from(TOTAL) {
            Ok(Self(table))
        } else {
            Err(CompressError::Malformed("the frequencies do not sum to 8,192"))
        }
    }
}

/// The symbol that one unit more serves best, or that one unit less harms least.
fn best(counts: &[u32; SYMBOLS], frequencies: &[u64], grow: bool) -> Option<usize> {
    let open = |frequency: u64| if grow { frequency > 0 } else { frequency > 1 };
    let candidates = counts.iter().zip(frequencies).enumerate().filter(|(_, (_, f))| open(**f));
    let gains = candidates.map(|(at, (count, frequency))| {
        (at, u64::from(*count), if grow { 2 * frequency + 1 } else { 2 * frequency - 1 })
    });
    let chosen = gains.reduce(|kept, other| {
        // count/frequency compared without division; of equals the first.
        let (left, right) = (other.1 * kept.2, kept.1 * other.2);
        if (grow && left > right) || (!grow && left < right) { other } else { kept }
    });
    chosen.map(|(at, _, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(u8, u32)]) -> [u32; SYMBOLS] {
        let mut counts = [0; SYMBOLS];
        pairs.iter().for_each(|(symbol, count)| counts[usize::from(*symbol)] = *count);
        counts
    }

    fn read(bytes: &[u8]) -> Result<Table, CompressError> {
        let mut reader = Reader::new(bytes);
        let table = Table::read(&mut reader)?;
        reader.finish()?;
        Ok(table)
    }

    #[test]
    fn sums_to_the_total_and_keeps_what_is_rare() {
        let all = [u32::MAX >> 8; SYMBOLS];
        let skewed = std::array::from_fn(|symbol| if symbol == 9 { 1 << 30 } else { 1 });
        let cases =
            [counts(&[(7, 1)]), counts(&[(0, 1), (255, 2)]), counts(&[(3, 1), (4, 1 << 30)]), all, skewed];
        for counts in cases {
            let table = Table::normalised(&counts);
            assert_eq!(table.0.iter().map(|f| u32::from(*f)).sum::<u32>(), TOTAL);
            assert!(counts.iter().zip(table.0).all(|(count, f)| (*count > 0) == (f > 0)));
            let mut bytes = Vec::new();
            table.write(&mut bytes);
            assert_eq!(read(&bytes).expect("own bytes"), table);
        }
        assert_eq!(Table::normalised(&counts(&[(1, 300), (2, 100)])).0[1..3], [6144, 2048]);
    }

    #[test]
    fn units_go_where_they_serve() {
        // Three equal thirds: the first of them gives the unit that is too many back.
        let thirds = Table::normalised(&counts(&[(0, 1), (1, 1), (2, 1)]));
        assert_eq!(thirds.0[..3], [2730, 2731, 2731]);
        // 255 rare symbols are rounded up to 1 each, at the cost of the common one.
        let rare = Table::normalised(&std::array::from_fn(|symbol| if symbol == 0 { 1 << 24 } else { 1 }));
        assert_eq!(rare.0[0], (TOTAL - 255) as u16);
    }

    #[test]
    fn every_field_is_checked() {
        let good = [5, 6, 0x80, 0x20, 0x80, 0x20];
        assert!(read(&good).is_ok());
        let wrong: [&[u8]; 7] = [
            &[6, 5, 0x80, 0x20, 0x80, 0x20],
            &[5, 6, 0x81, 0x20, 0x80, 0x20],
            &[5, 6, 0, 0x80, 0x40],
            &[5, 6, 0x80, 0x40, 0],
            &[5, 6, 0x80, 0x20],
            &[5, 6, 0x80, 0xa0, 0, 0x80, 0x20],
            &[5, 6, 0xff, 0xff, 0xff, 0x7f, 0x81, 0x40],
        ];
        for bytes in wrong {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn entropy_of_simple_histograms() {
        assert!((entropy(&[0, 1, 2, 3]) - 2.0).abs() < 1e-12);
        assert!(entropy(&[7; 9]).abs() < 1e-12);
        assert!((entropy(&[0, 0, 0, 1]) - 0.811_278_124_459).abs() < 1e-9);
        assert!(entropy(&[]).abs() < 1e-12);
    }
}
