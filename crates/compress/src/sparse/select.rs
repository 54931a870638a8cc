//! The largest of many values, exactly and at the speed of memory.
//!
//! Magnitudes of floats are ordered like their bits without the sign, so all comparisons are of integers. The k largest
//! of n are found in three steps:
//!
//! 1. a *floor* below which none of them can be: from a sample of 1/256 of the values, the magnitude whose rank in
//!    the sample is a few standard deviations beyond the rank of the k-th; or, where that was too high or too low,
//!    from a histogram of the upper magnitude bits (8 of the exponent, 3 of the fraction), which is never wrong;
//! 2. one scan that collects the positions at or above the floor, a little more than k;
//! 3. the exact k-th among those. Of equal magnitudes the first ones are larger.
//!
//! The floor only saves work: what is kept does not depend on it.

/// All bits of a float but its sign.
const MAGNITUDE: u32 = 0x7fff_ffff;
/// Values compared at once, before any is looked at alone.
const BLOCK: usize = 16;
/// The sample is the first `RUN` of every `STRIDE` values.
const RUN: usize = 32;
const STRIDE: usize = 8192;
/// Below this many expected in the sample it says too little.
const LEAST_SAMPLED: usize = 24;
/// Bits of the magnitude behind those of the histogram.
const COARSE: u32 = 20;
/// Fewer values are not counted: the histogram has as many bins.
const LEAST_COUNTED: usize = 2048;

fn magnitude(value: f32) -> u32 {
    value.to_bits() & MAGNITUDE
}

/// Magnitude and position as one number: larger for larger magnitudes, and among equals for the first.
fn key(at: u32, value: f32) -> u64 {
    u64::from(magnitude(value)) << 32 | u64::from(!at)
}

fn position(key: u64) -> u32 {
    !(key as u32)
}

/// The positions of the `keep` largest magnitudes of at most 2³² values, ascending. Zeros are never among them, so there
/// may be fewer. What is not finite is larger than everything else.
///
/// ```
/// use bitneuron_compress::sparse::largest;
/// assert_eq!(largest(&[0.5, -3.0, 2.0, 0.0, -2.0], 2), [1, 2]);
/// assert_eq!(largest(&[0.5, 0.0, 0.0], 2), [0]);
/// ```
pub fn largest(values: &[f32], keep: usize) -> Vec<u32> {
    if keep == 0 {
        return Vec::new();
    }
    let room = keep.saturating_mul(4);
    let sampled = sampled_floor(values, keep).and_then(|floor| at_least(values, floor, room));
    let pool = sampled.filter(|pool| pool.len() >= keep);
    let pool = pool.or_else(|| at_least(values, histogram_floor(values, keep), usize::MAX));
    trimmed(&pool.unwrap_or_default(), keep)
}

/// A magnitude that probably a few more than `keep` values reach; `None` when the sample is too small to say.
fn sampled_floor(values: &[f32], keep: usize) -> Option<u32> {
    let runs = values.len() / STRIDE;
    let expected = (keep as u64 * RUN as u64 / STRIDE as u64) as usize;
    if expected < LEAST_SAMPLED {
        return None;
    }
    let mut sample = Vec::with_capacity(runs * RUN);
    for stretch in values.chunks_exact(STRIDE) {
        sample.extend(stretch.iter().take(RUN).map(|value| magnitude(*value)));
    }
    let rank = expected + 4 * expected.isqrt() + 4;
    let at = sample.len().checked_sub(rank + 1)?;
    Some((*sample.select_nth_unstable(at).1).max(1))
}

/// The lower edge of the bin of the `keep`-th largest magnitude.
fn histogram_floor(values: &[f32], keep: usize) -> u32 {
    if values.len() < LEAST_COUNTED {
        return 1;
    }
    let mut bins = [0u32; 1 << (31 - COARSE)];
    for value in values {
        // The index is below the length by the shift.
        if let Some(bin) = bins.get_mut((magnitude(*value) >> COARSE) as usize) {
            *bin += 1;
        }
    }
    let mut reached = 0;
    let bin = bins.iter().rposition(|count| {
        reached += *count as usize;
        reached >= keep
    });
    ((bin.unwrap_or_default() as u32) << COARSE).max(1)
}

/// The keys of magnitudes of at least `floor`, by ascending position; `None` when there are more than `room`.
fn at_least(values: &[f32], floor: u32, room: usize) -> Option<Vec<u64>> {
    let reaches = |value: &f32| magnitude(*value) as i32 >= floor as i32;
    let mut found = Vec::with_capacity(room.min(values.len() / 32));
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    let mut first = 0;
    for block in blocks {
        // No early exit, so that it vectorises; most blocks have nothing.
        if block.iter().fold(false, |any, value| any | reaches(value)) {
            let (mut lanes, mut count) = ([0; BLOCK], 0);
            for (lane, value) in block.iter().enumerate() {
                // Written in any case, counted when it reaches: no branch to mispredict.
                if let Some(place) = lanes.get_mut(count) {
                    *place = lane;
                }
                count += usize::from(reaches(value));
            }
            let value = |lane: usize| block.get(lane).copied().unwrap_or_default();
            found.extend(lanes.iter().take(count).map(|lane| key(first + *lane as u32, value(*lane))));
            if found.len() > room {
                return None;
            }
        }
        first += BLOCK as u32;
    }
    found.extend((first..).zip(rest).filter(|(_, value)| reaches(value)).map(|(at, value)| key(at, *value)));
    (found.len() <= room).then_some(found)
}

/// The positions of the `keep` largest keys of `pool`, in its order.
fn trimmed(pool: &[u64], keep: usize) -> Vec<u32> {
    let surplus = pool.len().saturating_sub(keep);
    let least = if surplus == 0 { 0 } else { *pool.to_vec().select_nth_unstable(surplus).1 };
    pool.iter().filter(|key| **key >= least).map(|key| position(*key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::Seed;
    use proptest::{prelude::*, test_runner::RngSeed};
    use rand::Rng;

    /// By sorting everything.
    fn sorted(values: &[f32], keep: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(magnitude(values[*at as usize])), *at));
        order.truncate(keep);
        order.retain(|at| values[*at as usize].abs() > 0.0);
        order.sort_unstable();
        order
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn is_what_sorting_gives(values in prop::collection::vec(any::<f32>().prop_filter("a number", |x| !x.is_nan()), 0..200), keep in 0usize..210) {
            prop_assert_eq!(largest(&values, keep), sorted(&values, keep));
        }

        #[test]
        fn first_among_equals(values in prop::collection::vec((-2i8..=2).prop_map(f32::from), 0..200), keep in 0usize..210) {
            prop_assert_eq!(largest(&values, keep), sorted(&values, keep));
        }
    }

    /// Large enough for the sample, of several kinds: also such that the sample misleads.
    #[test]
    fn large_tensors() {
        let mut rng = Seed::from_number(3).rng();
        let noise: Vec<f32> = (0..300_000).map(|_| (rng.next_u32() as i32 >> 8) as f32).collect();
        let few_large_outside: Vec<f32> =
            noise.iter().enumerate().map(|(at, x)| if at % STRIDE < RUN { *x } else { x * 1e-3 }).collect();
        let few_large_inside: Vec<f32> =
            noise.iter().enumerate().map(|(at, x)| if at % STRIDE < RUN { x * 1e-3 } else { *x }).collect();
        let rising: Vec<f32> = (0..300_000).map(|at| at as f32).collect();
        let constant = vec![-1.5; 300_000];
        let mut almost_zero = vec![0.0; 300_000];
        almost_zero[299_999] = 1e-45;
        for (kind, values) in
            [noise, few_large_outside, few_large_inside, rising, constant, almost_zero].iter().enumerate()
        {
            for keep in [1, 100, 7_500, 30_000, 299_999] {
                assert_eq!(largest(values, keep), sorted(values, keep), "kind {kind}, {keep}");
            }
        }
    }
}
