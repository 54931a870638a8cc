//! Time: the CPU time of a thread, the wall clock, medians.
//!
//! CPU time is what the kernel has counted for the calling thread, in nanoseconds, so a busy machine disturbs it less than
//! the wall clock. Where the kernel does not tell, the wall clock stands in.

#![expect(clippy::disallowed_types, reason = "figures need a clock; protocols must not have one")]

use crate::Failure;
use std::{sync::OnceLock, time::Instant};

/// Samples of which the median is taken.
pub const RUNS: usize = 5;
/// CPU seconds that one sample takes at least; the kernel counts in steps of up to 4 ms.
const SAMPLE: f64 = 0.25;
/// CPU seconds before the first sample.
const WARM_UP: f64 = 0.1;

/// Seconds of CPU time of this thread so far.
pub fn cpu() -> f64 {
    // The kernel brings its count up to date when it schedules.
    std::thread::yield_now();
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .map_or_else(wall, |nanos| nanos as f64 * 1e-9)
}

/// Seconds of the wall clock since this was first asked.
pub fn wall() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// The result of `work` and the CPU seconds of this thread that it took.
pub fn cpu_of<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu();
    let result = work();
    (result, cpu() - before)
}

/// CPU seconds of one call: the median of [`RUNS`] samples of many calls each, after a warm-up.
pub fn cpu_per_call<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut calls = |count: u64| {
        let ((), seconds) = cpu_of(|| (0..count).for_each(|_| drop(std::hint::black_box(work()))));
        seconds
    };
    let mut count = 1;
    let mut took = calls(count);
    while took < WARM_UP {
        count *= 2;
        took = calls(count);
    }
    let count = ((count as f64 * SAMPLE / took).ceil() as u64).max(1);
    median((0..RUNS).map(|_| calls(count) / count as f64))
}

/// The median of [`RUNS`] values of `sample`, after one that does not count.
///
/// # Errors
/// The first failure.
pub fn median_of(mut sample: impl FnMut() -> Result<f64, Failure>) -> Result<f64, Failure> {
    sample()?;
    let samples = (0..RUNS).map(|_| sample()).collect::<Result<Vec<_>, _>>()?;
    Ok(median(samples))
}

/// The middle value, or the mean of the two middle ones; NaN of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half), values.len() % 2) {
        (Some(middle), 1) => *middle,
        (Some(upper), _) => {
            values.get(half.wrapping_sub(1)).map_or(*upper, |lower| f64::midpoint(*lower, *upper))
        }
        (None, _) => f64::NAN,
    }
}

/// Runs `work` where no library finds a second thread.
///
/// # Errors
/// No thread can be started, or the failure of `work`.
pub fn single_thread<T: Send>(work: impl FnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
    rayon::ThreadPoolBuilder::new().num_threads(1).build()?.install(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]).to_bits(), 2f64.to_bits());
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]).to_bits(), 2.5f64.to_bits());
        assert!(median([]).is_nan());
    }

    #[test]
    fn the_first_sample_does_not_count_and_a_failure_is_told() {
        let mut samples = [100.0, 1.0, 5.0, 3.0, 2.0, 4.0].into_iter();
        let value = median_of(|| samples.next().ok_or_else(|| "no more".into())).unwrap();
        assert_eq!(value.to_bits(), 3f64.to_bits());
        assert!(median_of(|| Err("broken".into())).is_err());
    }

    #[test]
    fn work_costs_time_and_sleep_does_not() {
        let spin = || (0..20_000_000u64).fold(1u64, |sum, i| std::hint::black_box(sum.wrapping_mul(i | 1)));
        let (_, spun) = cpu_of(spin);
        let ((), slept) = cpu_of(|| std::thread::sleep(std::time::Duration::from_millis(50)));
        assert!(spun > 0.0);
        if std::path::Path::new("/proc/thread-self/schedstat").exists() {
            assert!(slept < 0.045, "{slept}");
        }
    }
}
