//! The two orders of the entries of a matrix: rows then columns, or digit by digit.

/// From `[m₁ … m_d, n₁ … n_d]` to `[m₁, n₁, …, m_d, n_d]`, both row-major.
pub(super) fn paired<T: Copy>(values: &[T], pairs: &[[usize; 2]]) -> Vec<T> {
    places(pairs).into_iter().filter_map(|place| values.get(place).copied()).collect()
}

/// The inverse of [`paired`].
pub(super) fn unpaired<T: Copy + Default>(values: &[T], pairs: &[[usize; 2]]) -> Vec<T> {
    let mut out = vec![T::default(); values.len()];
    for (place, value) in places(pairs).into_iter().zip(values) {
        if let Some(into) = out.get_mut(place) {
            *into = *value;
        }
    }
    out
}

/// For each entry in the order of pairs, its place in the matrix.
fn places(pairs: &[[usize; 2]]) -> Vec<usize> {
    let columns: usize = pairs.iter().map(|[_, column]| column).product();
    // Strides of the digits in the matrix, most significant first.
    let (mut row_stride, mut column_stride) =
        (pairs.iter().map(|[row, _]| row).product::<usize>() * columns, columns);
    let mut places = vec![0];
    for [rows, width] in pairs {
        row_stride /= rows;
        column_stride /= width;
        let digits: Vec<usize> =
            (0..*rows).flat_map(|i| (0..*width).map(move |j| i * row_stride + j * column_stride)).collect();
        places = places.iter().flat_map(|place| digits.iter().map(move |digit| place + digit)).collect();
    }
    places
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
