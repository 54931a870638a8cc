//! The two orders of the entries of a matrix: rows then columns, or digit by digit.

/// From `[m₁ … m_d, n₁ … n_d]` to `[m₁, n₁, …, m_d, n_d]`, both row-major.
pub(super) fn paired<T: Copy + Default>(values: &[T], pairs: &[[usize; 2]]) -> Vec<T> {
    let mut out = vec![T::default(); values.len()];
    let mut into = out.iter_mut();
    each_place(pairs, |place| {
        if let (Some(into), Some(value)) = (into.next(), values.get(place)) {
            *into = *value;
        }
    });
    out
}

/// The inverse of [`paired`].
pub(super) fn unpaired<T: Copy + Default>(values: &[T], pairs: &[[usize; 2]]) -> Vec<T> {
    let mut out = vec![T::default(); values.len()];
    let mut values = values.iter();
    each_place(pairs, |place| {
        if let (Some(into), Some(value)) = (out.get_mut(place), values.next()) {
            *into = *value;
        }
    });
    out
}

/// Visits, in the order of pairs, the place of each entry in the matrix.
fn each_place(pairs: &[[usize; 2]], mut visit: impl FnMut(usize)) {
    let product = |side: usize| pairs.iter().map(|pair| pair[side]).product::<usize>();
    // Strides of the digits in the matrix, most significant first.
    let (mut row_stride, mut column_stride) = (product(0) * product(1), product(1));
    let mut digits = pairs.iter().map(|[rows, columns]| {
        row_stride /= rows;
        column_stride /= columns;
        let (row_stride, column_stride) = (row_stride, column_stride);
        let places = |i| (0..*columns).map(move |j| i * row_stride + j * column_stride);
        (0..*rows).flat_map(places).collect::<Vec<usize>>()
    });
    // All digits but the last pair at once; those of the last follow one another.
    let Some(mut prefixes) = digits.next() else { return };
    let mut last = vec![0];
    for digit in digits {
        let wide = |prefix: &usize| last.iter().map(|place| prefix + place).collect::<Vec<usize>>();
        prefixes = prefixes.iter().flat_map(wide).collect();
        last = digit;
    }
    prefixes.iter().for_each(|prefix| last.iter().for_each(|place| visit(prefix + place)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_paired() {
        // Rows 2·3, columns 4·1: entry (i, j) is 10·i + j.
        let pairs = [[2, 4], [3, 1]];
        let matrix: Vec<usize> = (0..24).map(|at| at / 4 * 10 + at % 4).collect();
        let found = paired(&matrix, &pairs);
        let expected: Vec<usize> = (0..24)
            .map(|at| {
                let (i1, j1, i2) = (at / 12, at / 3 % 4, at % 3);
                (i1 * 3 + i2) * 10 + j1
            })
            .collect();
        assert_eq!(found, expected);
        assert_eq!(unpaired(&found, &pairs), matrix);
    }
}
