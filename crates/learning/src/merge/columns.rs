//! Order statistics of many columns at once.
//!
//! A sorting network is a fixed list of "put the smaller first", so whole blocks of columns go through it side by side:
//! Batcher's merge exchange (1968; Knuth, *The Art of Computer Programming* 3, algorithm 5.2.2M) sorts 50 voices by 379
//! exchanges of rows. Exchanges that reach no wanted rank are left out.
//!
//! Voices of unequal weight are sorted as 64-bit numbers, the value above and the voice below, and then walked by mass.

use rayon::prelude::*;

/// Columns sorted side by side.
const LANES: usize = 128;
/// Columns of one task.
const CHUNK: usize = 64 * LANES;

/// What is averaged of each column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    /// The middle value, or the mean of the two that share the middle.
    Middle,
    /// All but this mass from each end.
    Inner(u64),
    /// This mass, nearest to the middle.
    Near(u64),
}

/// The means of what is kept of each column, and in how many columns each voice was kept.
pub(super) fn reduce(voices: &[&[f32]], masses: &[u64], keep: Keep) -> (Vec<f32>, Vec<f64>) {
    let heard: Vec<usize> = (0..voices.len()).filter(|index| masses[*index] > 0).collect();
    let rows: Vec<&[f32]> = heard.iter().map(|index| voices[*index]).collect();
    let masses: Vec<u64> = heard.iter().map(|index| masses[*index]).collect();
    let (values, votes) = match alike(&masses, keep) {
        Some(kept) => by_rank(&rows, kept),
        None => by_mass(&rows, &masses, keep),
    };
    let mut all = vec![0.0; voices.len()];
    heard.into_iter().zip(votes).for_each(|(index, vote)| all[index] = vote);
    (values, all)
}

/// What is kept of voices that are all worth the same.
#[derive(Debug, Clone, Copy)]
enum Ranks {
    /// All but so many from each end.
    Inner(usize),
    /// So many nearest to the middle.
    Near(usize),
}

fn alike(masses: &[u64], keep: Keep) -> Option<Ranks> {
    let first = *masses.first()?;
    let whole = |mass: u64| mass.is_multiple_of(first).then_some((mass / first) as usize);
    if masses.iter().any(|mass| *mass != first) {
        return None;
    }
    match keep {
        Keep::Middle => Some(Ranks::Inner((masses.len() - 1) / 2)),
        Keep::Inner(mass) => whole(mass).map(Ranks::Inner),
        Keep::Near(mass) => whole(mass).map(Ranks::Near),
    }
}

/// The exchanges that put the wanted ranks of `count` rows in their places.
fn network(count: usize, wanted: std::ops::Range<usize>) -> Vec<[usize; 2]> {
    let mut exchanges = Vec::new();
    let top = count.next_power_of_two() / 2;
    let mut p = top;
    while p > 0 {
        let (mut q, mut r, mut d) = (top, 0, p);
        loop {
            exchanges.extend((0..count - d).filter(|i| i & p == r).map(|i| [i, i + d]));
            if q == p {
                break;
            }
            (d, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
    let mut live: Vec<bool> = (0..count).map(|row| wanted.contains(&row)).collect();
    let mut needed: Vec<[usize; 2]> = Vec::with_capacity(exchanges.len());
    for [low, high] in exchanges.into_iter().rev() {
        if live[low] || live[high] {
            (live[low], live[high]) = (true, true);
            needed.push([low, high]);
        }
    }
    needed.reverse();
    needed
}

fn sort<T: PartialOrd + Copy>(rows: &mut [[T; LANES]], network: &[[usize; 2]]) {
    for exchange in network {
        let Ok([low, high]) = rows.get_disjoint_mut(*exchange) else { continue };
        for (low, high) in low.iter_mut().zip(high) {
            let (a, b) = (*low, *high);
            *low = if a < b { a } else { b };
            *high = if a > b { a } else { b };
        }
    }
}

/// Runs `block` over blocks of at most [`LANES`] columns; sums the votes in order.
fn over_columns<S>(
    length: usize,
    voices: usize,
    scratch: impl Fn() -> S + Sync,
    block: impl Fn(usize, &mut [f32], &mut [f64], &mut S) + Sync,
) -> (Vec<f32>, Vec<f64>) {
    let mut values = vec![0f32; length];
    let chunk = |(index, values): (usize, &mut [f32])| {
        let (mut votes, mut scratch) = (vec![0f64; voices], scratch());
        for (place, values) in values.chunks_mut(LANES).enumerate() {
            block(index * CHUNK + place * LANES, values, &mut votes, &mut scratch);
        }
        votes
    };
    let votes: Vec<Vec<f64>> = values.par_chunks_mut(CHUNK).enumerate().map(chunk).collect();
    let mut total = vec![0f64; voices];
    for votes in votes {
        total.iter_mut().zip(votes).for_each(|(total, vote)| *total += vote);
    }
    (values, total)
}

/// The means of one block, and the smallest and largest value that went in.
struct Kept {
    mean: [f32; LANES],
    low: [f32; LANES],
    high: [f32; LANES],
}

fn by_rank(rows: &[&[f32]], ranks: Ranks) -> (Vec<f32>, Vec<f64>) {
    let count = rows.len();
    let wanted = match ranks {
        Ranks::Inner(trimmed) => trimmed..count - trimmed,
        Ranks::Near(_) => 0..count,
    };
    let network = network(count, wanted);
    let length = rows.first().map_or(0, |row| row.len());
    let scratch = || vec![[0f32; LANES]; count];
    over_columns(length, count, scratch, |start, values, votes, sorted| {
        let columns = start..start + values.len();
        for (into, row) in sorted.iter_mut().zip(rows) {
            into[..values.len()].copy_from_slice(&row[columns.clone()]);
        }
        sort(sorted, &network);
        let kept = match ranks {
            Ranks::Inner(trimmed) => inner(&sorted[trimmed..count - trimmed]),
            Ranks::Near(number) => near(sorted, number),
        };
        values.copy_from_slice(&kept.mean[..values.len()]);
        for (vote, row) in votes.iter_mut().zip(rows) {
            let bounds = kept.low.iter().zip(&kept.high);
            let inside = row[columns.clone()].iter().zip(bounds);
            *vote += f64::from(inside.map(|(x, (low, high))| u32::from(x >= low && x <= high)).sum::<u32>());
        }
    })
}

fn inner(sorted: &[[f32; LANES]]) -> Kept {
    let mut sums = [0f64; LANES];
    for row in sorted {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = sorted.len() as f64;
    let edge = |row: Option<&[f32; LANES]>| row.copied().unwrap_or([0.0; LANES]);
    Kept { mean: sums.map(|sum| (sum / count) as f32), low: edge(sorted.first()), high: edge(sorted.last()) }
}

/// The run of `number` consecutive ranks that are nearest to the middle; the lower of two equals.
fn near(sorted: &[[f32; LANES]], number: usize) -> Kept {
    let count = sorted.len();
    let (lower, upper) = (&sorted[(count - 1) / 2], &sorted[count / 2]);
    let mut middle = [0f32; LANES];
    middle.iter_mut().zip(lower.iter().zip(upper)).for_each(|(m, (a, b))| *m = f32::midpoint(*a, *b));
    // A run moves up while what it would lose is farther from the middle than what it would gain.
    let mut start = [0u32; LANES];
    for (lost, gained) in sorted.iter().zip(&sorted[number..]) {
        for ((start, middle), (lost, gained)) in start.iter_mut().zip(&middle).zip(lost.iter().zip(gained)) {
            *start += u32::from(middle - lost > gained - middle);
        }
    }
    let mut sums = [0f64; LANES];
    let (mut low, mut high) = ([0f32; LANES], [0f32; LANES]);
    for (rank, row) in (0u32..).zip(sorted) {
        for (lane, value) in row.iter().enumerate() {
            let place = rank.wrapping_sub(start[lane]);
            let inside = place < number as u32;
            sums[lane] += if inside { f64::from(*value) } else { 0.0 };
            low[lane] = if place == 0 { *value } else { low[lane] };
            high[lane] = if inside { *value } else { high[lane] };
        }
    }
    Kept { mean: sums.map(|sum| (sum / number as f64) as f32), low, high }
}

/// Bits of a float in an order of integers.
fn ordered(bits: i32) -> i32 {
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

fn by_mass(rows: &[&[f32]], masses: &[u64], keep: Keep) -> (Vec<f32>, Vec<f64>) {
    let count = rows.len();
    let network = network(count, 0..count);
    let length = rows.first().map_or(0, |row| row.len());
    let scratch = || (vec![[0i64; LANES]; count], vec![(0f32, 0usize); count]);
    over_columns(length, count, scratch, |start, values, votes, (sorted, column)| {
        for ((index, into), row) in (0i64..).zip(sorted.iter_mut()).zip(rows) {
            for (key, value) in into.iter_mut().zip(&row[start..start + values.len()]) {
                *key = (i64::from(ordered(value.to_bits().cast_signed())) << 32) | index;
            }
        }
        sort(sorted, &network);
        for (lane, value) in values.iter_mut().enumerate() {
            for (place, row) in column.iter_mut().zip(sorted.iter()) {
                let key = row[lane];
                let bits = ordered((key >> 32) as i32).cast_unsigned();
                *place = (f32::from_bits(bits), (key & 0xFFFF_FFFF) as usize);
            }
            *value = average(column, masses, keep, votes);
        }
    })
}

/// The mean of what is kept of one sorted column.
fn average(column: &[(f32, usize)], masses: &[u64], keep: Keep, votes: &mut [f64]) -> f32 {
    let whole: u64 = masses.iter().sum();
    let (from, to) = match keep {
        // What is left when both ends have lost all but the middle unit, or the two that share the middle.
        Keep::Middle => ((whole - 1) / 2, whole - (whole - 1) / 2),
        Keep::Inner(trimmed) => (trimmed, whole - trimmed),
        Keep::Near(mass) => around_middle(column, masses, whole, mass),
    };
    let width = (to - from) as f64;
    let (mut below, mut sum) = (0u64, 0f64);
    for (value, voice) in column {
        let above = below + masses[*voice];
        let kept = above.min(to).saturating_sub(below.max(from));
        if kept > 0 {
            let part = kept as f64 / width;
            sum += part * f64::from(*value);
            votes[*voice] += part;
        }
        below = above;
    }
    sum as f32
}

/// Where the run of this mass begins and ends that is grown from the middle by the nearer side, the lower of two equals.
fn around_middle(column: &[(f32, usize)], masses: &[u64], whole: u64, mass: u64) -> (u64, u64) {
    let (mut below, mut first) = (0u64, 0usize);
    while first + 1 < column.len() && 2 * (below + masses[column[first].1]) < whole {
        below += masses[column[first].1];
        first += 1;
    }
    let upper = if 2 * (below + masses[column[first].1]) == whole { first + 1 } else { first };
    let middle = f32::midpoint(column[first].0, column[upper.min(column.len() - 1)].0);
    // The run is [from, to) in mass; `left` and `right` are the next voices outside.
    let (mut from, mut to) = (below, below);
    let (mut left, mut right) = (first, first);
    while to - from < mass {
        let room = mass - (to - from);
        let lower = left.checked_sub(1).map(|index| (middle - column[index].0).abs());
        let higher = column.get(right).map(|place| (place.0 - middle).abs());
        match (lower, higher) {
            (Some(a), Some(b)) if a <= b => {
                left -= 1;
                from -= masses[column[left].1].min(room);
            }
            (Some(_), None) => {
                left -= 1;
                from -= masses[column[left].1].min(room);
            }
            (_, Some(_)) => {
                to += masses[column[right].1].min(room);
                right += 1;
            }
            (None, None) => break,
        }
    }
    (from, to)
}
