//! The coder: states, words, and the arithmetic of one step.

use super::table::{BITS, SYMBOLS, TOTAL, Table};
use crate::{CompressError, reader::Reader};

/// Between two pairs of symbols a state is at least this, and below it times 2³².
const LOW: u64 = 1 << 31;
/// A state must be below this times the product of two frequencies before they are pushed.
const ROOM: u32 = 31 + 32 - 2 * BITS;
/// States of a long string, and the symbols of one round of them.
const LANES: usize = 8;
const ROUND: usize = 2 * LANES;
/// Shorter strings have one state.
const LONG: usize = 4096;
const SLOTS: usize = TOTAL as usize;

/// What pushing a symbol needs: ⌊x/f⌋ = ⌊x·r / 2^(64 + shift)⌋ for x < 2⁶³, with r = ⌈2^(63 + ⌈log₂ f⌉) / f⌉ (Granlund and
/// Montgomery, "Division by invariant integers using multiplication"). For f = 1 that r would be 2⁶⁴; with r = 2⁶⁴ − 1
/// the quotient is one less, and the bias makes up for it.
#[derive(Clone, Copy, Default)]
struct Push {
    reciprocal: u64,
    bias: u16,
    complement: u16,
    frequency: u16,
    shift: u16,
}

impl Push {
    fn new(frequency: u32, start: u32) -> Self {
        // All of these are below 2·M.
        let [whole, bias, complement] = [frequency, start, TOTAL - frequency].map(|number| number as u16);
        if frequency == 1 {
            let bias = bias + TOTAL as u16 - 1;
            return Self { reciprocal: u64::MAX, bias, complement, frequency: whole, shift: 0 };
        }
        let ceiling = frequency.next_power_of_two().trailing_zeros();
        let reciprocal = (1u128 << (63 + ceiling)).div_ceil(u128::from(frequency)) as u64;
        Self { reciprocal, bias, complement, frequency: whole, shift: ceiling as u16 - 1 }
    }

    /// ⌊x/f⌋·M + start + (x mod f) = x + start + ⌊x/f⌋·(M − f).
    #[inline]
    fn apply(self, state: u64) -> u64 {
        let quotient = ((u128::from(state) * u128::from(self.reciprocal)) >> 64) as u64 >> self.shift;
        state + u64::from(self.bias) + quotient * u64::from(self.complement)
    }
}

/// Appends states and words of `symbols`, all of which are in `table`.
pub(crate) fn encode(symbols: &[u8], table: &Table, out: &mut Vec<u8>) {
    let mut pushes = [Push::default(); SYMBOLS];
    for (symbol, frequency, start) in table.ranges() {
        pushes[usize::from(symbol)] = Push::new(frequency, start);
    }
    if symbols.len() < LONG {
        encode_lanes::<1, 2>(symbols, &pushes, out);
    } else {
        encode_lanes::<LANES, ROUND>(symbols, &pushes, out);
    }
}

/// `PAIR` is twice `N`. The last symbols are pushed first, so that the first come back first.
fn encode_lanes<const N: usize, const PAIR: usize>(
    symbols: &[u8],
    pushes: &[Push; SYMBOLS],
    out: &mut Vec<u8>,
) {
    let mut states = [LOW; N];
    let start = out.len() + 8 * N;
    out.resize(start, 0);
    let (rounds, rest) = symbols.as_chunks::<PAIR>();
    for (state, pair) in states.iter_mut().zip(rest.chunks(2)).rev() {
        out.extend(push_rest(state, pair, pushes).into_iter().flat_map(u32::to_le_bytes));
    }
    let mut used = out.len();
    for round in rounds.iter().rev() {
        // A round moves one word for each state at most.
        if out.len() < used + 4 * N {
            out.resize(out.len() + 4 * N + symbols.len() / 4, 0);
        }
        let room = out.get_mut(used..).unwrap_or_default();
        let Some(window) = room.as_chunks_mut::<4>().0.first_chunk_mut::<N>() else { break };
        let mut count = 0;
        for lane in (0..N).rev() {
            let first = &pushes[usize::from(round[2 * lane])];
            let second = &pushes[usize::from(round[2 * lane + 1])];
            let state = states[lane];
            let room = (u64::from(first.frequency) * u64::from(second.frequency)) << ROOM;
            // Written in any case, kept only when it counts. By masks and not by a branch, which would be taken at random.
            window[count % N] = (state as u32).to_le_bytes();
            let full = u64::from(state >= room).wrapping_neg();
            count = count.wrapping_sub(full as usize);
            states[lane] = first.apply(second.apply(state >> (full & 32)));
        }
        used += 4 * count;
    }
    out.truncate(used);
    // What was given up last is wanted first.
    out.get_mut(start..).unwrap_or_default().as_chunks_mut::<4>().0.reverse();
    let places = out.get_mut(start - 8 * N..).unwrap_or_default().as_chunks_mut().0.iter_mut();
    places.zip(states).for_each(|(place, state)| *place = state.to_le_bytes());
}

/// Pushes the one or two symbols that are left for a state; the word that it gives up for them.
fn push_rest(state: &mut u64, pair: &[u8], pushes: &[Push; SYMBOLS]) -> Option<u32> {
    let [first, second] =
        [pair.first(), pair.get(1)].map(|symbol| symbol.map(|symbol| pushes[usize::from(*symbol)]));
    let frequency = |push: Option<Push>| push.map_or(u64::from(TOTAL), |push| u64::from(push.frequency));
    let full = *state >= (frequency(first) * frequency(second)) << ROOM;
    let word = full.then_some(*state as u32);
    *state >>= if full { 32 } else { 0 };
    *state = second.into_iter().chain(first).fold(*state, |state, push| push.apply(state));
    word
}

/// Bytes whose table and lengths have been checked.
#[derive(Debug)]
pub(crate) struct Coded<'a> {
    table: Option<Table>,
    states: &'a [[u8; 8]],
    words: &'a [[u8; 4]],
}

/// For each slot its symbol, and what popping that needs: the frequency, and slot minus start.
struct Slots {
    symbols: [u8; SLOTS],
    steps: [(u16, u16); SLOTS],
}

impl Slots {
    #[expect(clippy::large_stack_arrays, reason = "40 kB for as long as a tensor is decoded")]
    fn new(table: &Table) -> Self {
        let mut slots = Self { symbols: [0; SLOTS], steps: [(0, 0); SLOTS] };
        for (symbol, frequency, start) in table.ranges() {
            let range = start as usize..(start + frequency) as usize;
            slots.symbols[range.clone()].fill(symbol);
            slots.steps[range].iter_mut().zip(0..).for_each(|(step, at)| *step = (frequency as u16, at));
        }
        slots
    }

    /// The symbol on top of a state, and the state without it.
    #[inline]
    fn pop(&self, state: u64) -> (u8, u64) {
        let slot = (state % SLOTS as u64) as usize;
        let (frequency, offset) = self.steps[slot];
        (self.symbols[slot], u64::from(frequency) * (state >> BITS) + u64::from(offset))
    }
}

impl<'a> Coded<'a> {
    pub(crate) fn parse(bytes: &'a [u8], count: usize) -> Result<Self, CompressError> {
        let mut reader = Reader::new(bytes);
        if count == 0 {
            reader.finish()?;
            return Ok(Self { table: None, states: &[], words: &[] });
        }
        let table = Table::read(&mut reader)?;
        let lanes = if count < LONG { 1 } else { LANES };
        let states = reader.take(8 * lanes)?.as_chunks().0;
        if states.iter().any(|state| !(LOW..LOW << 32).contains(&u64::from_le_bytes(*state))) {
            return Err(CompressError::Malformed("a state is out of range"));
        }
        let (words, rest) = reader.take(reader.left())?.as_chunks();
        if !rest.is_empty() || words.len() > count.div_ceil(2) {
            return Err(CompressError::Malformed("the words do not fit the symbols"));
        }
        Ok(Self { table: Some(table), states, words })
    }

    /// Fills `symbols`, as many as were parsed for.
    pub(crate) fn decode(&self, symbols: &mut [u8]) -> Result<(), CompressError> {
        let Some(table) = &self.table else { return Ok(()) };
        let slots = Slots::new(table);
        if self.states.len() == 1 {
            self.decode_lanes::<1, 2>(&slots, symbols)
        } else {
            self.decode_lanes::<LANES, ROUND>(&slots, symbols)
        }
    }

    fn decode_lanes<const N: usize, const PAIR: usize>(
        &self,
        slots: &Slots,
        symbols: &mut [u8],
    ) -> Result<(), CompressError> {
        let mut states = [LOW; N];
        states.iter_mut().zip(self.states).for_each(|(state, bytes)| *state = u64::from_le_bytes(*bytes));
        let mut used = 0;
        let (rounds, rest) = symbols.as_chunks_mut::<PAIR>();
        for round in rounds {
            // Past the end words are zero; that too many were read shows at the end.
            let left = self.words.get(used..).unwrap_or_default();
            let mut padded = [[0; 4]; N];
            let window = left.first_chunk::<N>().unwrap_or_else(|| {
                padded.iter_mut().zip(left).for_each(|(place, word)| *place = *word);
                &padded
            });
            let mut count = 0;
            for lane in 0..N {
                let (first, state) = slots.pop(states[lane]);
                let (second, state) = slots.pop(state);
                round[2 * lane] = first;
                round[2 * lane + 1] = second;
                let word = u64::from(u32::from_le_bytes(window[count % N]));
                // By masks and not by a branch, which would be taken at random.
                let empty = u64::from(state < LOW).wrapping_neg();
                states[lane] = state << (empty & 32) | word & empty;
                count = count.wrapping_sub(empty as usize);
            }
            used += count;
        }
        used = self.pop_rest(slots, &mut states, rest, used);
        if used == self.words.len() && states.iter().all(|state| *state == LOW) {
            Ok(())
        } else {
            Err(CompressError::Malformed("the states do not end where they began"))
        }
    }

    /// Pops the symbols of a round that is not full; the words used by then.
    fn pop_rest(&self, slots: &Slots, states: &mut [u64], rest: &mut [u8], mut used: usize) -> usize {
        for (state, pair) in states.iter_mut().zip(rest.chunks_mut(2)) {
            for place in pair {
                (*place, *state) = slots.pop(*state);
            }
            if *state < LOW {
                let word = self.words.get(used).copied().unwrap_or_default();
                *state = *state << 32 | u64::from(u32::from_le_bytes(word));
                used += 1;
            }
        }
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reciprocals_divide() {
        let states = [LOW, LOW + 1, (1 << 40) - 1, 1 << 51, (1 << 62) + 12_345, (1 << 63) - 1];
        for frequency in 1..=TOTAL {
            let start = (TOTAL - frequency) / 2;
            let push = Push::new(frequency, start);
            let (f, total) = (u64::from(frequency), u64::from(TOTAL));
            for state in states.map(|state| state / total * f + (state % f)) {
                let expected =
                    u128::from(state / f) * u128::from(total) + u128::from(u64::from(start) + state % f);
                if expected < 1 << 63 {
                    assert_eq!(u128::from(push.apply(state)), expected, "{state} / {frequency}");
                }
            }
        }
    }
}
