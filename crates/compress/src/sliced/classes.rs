//! Which integers are coded together.
//!
//! Slices that count more have larger integers. An entropy coder with one table for all would pay for not knowing which slice an
//! integer is of; with a table for each slice it would pay for the tables. So slices are put into a few classes by what can be
//! told from their scales: in a core with orthonormal columns, of n rows, entries are of size n^(−½), and the integers of slice
//! (a, j) about 2^(e/4)/Δ with
//!
//! ```text
//! e = t + u_a + v_j − 2⌊log₂ n⌋
//! ```
//! A class is an interval of e; its borders stand in the packet.

use super::quantise::Scales;

/// The most classes.
pub(super) const MOST: usize = 16;

/// 2⌊log₂ n⌋ of a tensor.
fn size(scales: &Scales) -> i32 {
    let [left, middle, _] = scales.shape;
    2 * (left * middle).max(1).ilog2() as i32
}

/// The class of slices of these quarters in a tensor.
pub(super) fn of<'a>(scales: &Scales, borders: &'a [i16]) -> impl Fn(i16) -> usize + 'a {
    let size = size(scales);
    move |quarters| borders.partition_point(|border| i32::from(*border) <= i32::from(quarters) - size)
}

/// How many elements each class has.
pub(super) fn counts(scales: &[Scales], borders: &[i16]) -> Vec<usize> {
    let mut counts = vec![0; borders.len() + 1];
    for scales in scales {
        for class in scales.rows().flatten().map(of(scales, borders)) {
            if let Some(count) = counts.get_mut(class) {
                *count += scales.shape[1];
            }
        }
    }
    counts
}

/// The borders of at most `count` classes of about as many elements each; none is empty.
pub(super) fn borders(scales: &[Scales], count: usize) -> Vec<i16> {
    let each = scales.iter().flat_map(|scales| {
        scales.rows().flatten().map(|quarters| (i32::from(quarters) - size(scales), scales.shape[1]))
    });
    let mut all: Vec<(i32, usize)> = each.collect();
    all.sort_unstable();
    let total: usize = all.iter().map(|(_, elements)| elements).sum();
    let (mut borders, mut below) = (Vec::new(), 0);
    let mut last = all.first().map_or(0, |(e, _)| *e);
    for (e, elements) in all {
        // A border where this and what is below have filled another class.
        if e > last && below * count >= (borders.len() + 1) * total {
            borders.push(e as i16);
        }
        (last, below) = (e, below + elements);
    }
    borders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_the_scales_and_none_is_empty() {
        let core = Scales { shape: [2, 4, 3], base: 0, left: vec![0, -8], right: vec![20, 4, -40] };
        let plain = Scales::even([1, 5, 1]);
        let scales = [core, plain];
        for count in 1..9 {
            let borders = borders(&scales, count);
            assert!(borders.len() < count && borders.is_sorted());
            let counts = counts(&scales, &borders);
            assert!(counts.iter().all(|count| *count > 0), "{borders:?} {counts:?}");
            assert_eq!(counts.iter().sum::<usize>(), 24 + 5);
        }
        // e is 14, −2, −46 for the first left index, 6, −10, −54 for the second.
        let classes: Vec<usize> = scales[0].rows().flatten().map(of(&scales[0], &[-14, 10])).collect();
        assert_eq!(classes, [2, 1, 0, 1, 1, 0]);
    }
}
