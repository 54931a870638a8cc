//! Which of several codecs each tensor gets.
//!
//! Every codec tried on a tensor is a point: so many bytes, so much squared error. Within an error for each tensor
//! the point of fewest bytes is taken. Within bytes for all together the sum of squared errors is made small by
//! Lagrange's rule: at the best allocation every tensor has bought error away at the same price, so one begins with
//! the cheapest points and takes the steps along the lower convex hulls in the order of what a byte buys (Shoham and
//! Gersho, *Efficient bit allocation for an arbitrary set of quantizers*, 1988). That is optimal up to the last step
//! that no longer fits.

use crate::CompressError;

/// One codec tried on one tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// Index of the codec among the candidates.
    pub(super) candidate: usize,
    /// Bytes of the part.
    pub(super) bytes: usize,
    /// ‖x − x̂‖².
    pub(super) square: f64,
}

/// The point of fewest bytes whose squared error is at most `square`.
pub(super) fn cheapest(points: &[Point], square: f64) -> Option<Point> {
    let within = points.iter().filter(|point| point.square <= square);
    within.copied().min_by_key(|point| (point.bytes, point.candidate))
}

/// One point for each tensor, with at most `budget` bytes together.
///
/// # Errors
/// The cheapest points are too many bytes, or a tensor has no point.
pub(super) fn allocate(tensors: &[Vec<Point>], budget: usize) -> Result<Vec<Point>, CompressError> {
    let hulls: Vec<Vec<Point>> = tensors.iter().map(|points| hull(points)).collect();
    let cheapest = hulls.iter().map(|hull| hull.first().copied());
    let mut chosen: Vec<Point> = cheapest
        .collect::<Option<_>>()
        .ok_or(CompressError::Config("a tensor can be carried by none of the codecs"))?;
    let mut spent: usize = chosen.iter().map(|point| point.bytes).sum();
    if spent > budget {
        let (found, limit) = (spent as u64, budget as u64);
        return Err(CompressError::TooLarge { what: "bytes at least", found, limit });
    }
    let steps = hulls
        .iter()
        .enumerate()
        .flat_map(|(tensor, hull)| hull.array_windows::<2>().map(move |[from, to]| (tensor, *from, *to)));
    let mut steps: Vec<(usize, Point, Point)> = steps.collect();
    steps.sort_by(|(_, a, b), (_, c, d)| worth(*c, *d).total_cmp(&worth(*a, *b)));
    for (tensor, from, to) in steps {
        let Some(place) = chosen.get_mut(tensor) else { continue };
        // A step after one that did not fit begins where this tensor is not.
        let more = to.bytes - from.bytes;
        if *place == from && spent + more <= budget {
            *place = to;
            spent += more;
        }
    }
    Ok(chosen)
}

/// The error that a byte buys between two points.
fn worth(from: Point, to: Point) -> f64 {
    (from.square - to.square) / (to.bytes as f64 - from.bytes as f64)
}

/// The lower convex hull: bytes rise, the error falls, and each step buys less for a byte than the one before.
fn hull(points: &[Point]) -> Vec<Point> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(a.square.total_cmp(&b.square)));
    let mut hull: Vec<Point> = Vec::new();
    for point in sorted {
        if hull.last().is_some_and(|last| point.square >= last.square || point.bytes == last.bytes) {
            continue;
        }
        while let [.., before, last] = hull.as_slice() {
            if worth(*last, point) < worth(*before, *last) {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, test_runner::RngSeed};

    fn points() -> impl Strategy<Value = Vec<Point>> {
        let point = (1usize..40, 0u32..100);
        prop::collection::vec(point, 1..5).prop_map(|points| {
            let point = |(candidate, (bytes, square)): (usize, (usize, u32))| Point {
                candidate,
                bytes,
                square: f64::from(square),
            };
            points.into_iter().enumerate().map(point).collect()
        })
    }

    /// The least sum of squares within the budget, by trying everything.
    fn best(tensors: &[Vec<Point>], budget: usize) -> Option<f64> {
        let Some((first, rest)) = tensors.split_first() else { return Some(0.0) };
        let with = |point: &Point| {
            budget.checked_sub(point.bytes).and_then(|left| Some(point.square + best(rest, left)?))
        };
        first.iter().filter_map(with).min_by(f64::total_cmp)
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn within_the_budget_and_near_the_best(tensors in prop::collection::vec(points(), 1..5), budget in 1usize..150) {
            let Some(best) = best(&tensors, budget) else {
                prop_assert!(allocate(&tensors, budget).is_err());
                return Ok(());
            };
            let chosen = allocate(&tensors, budget).expect("possible");
            prop_assert!(chosen.iter().map(|point| point.bytes).sum::<usize>() <= budget);
            let square: f64 = chosen.iter().map(|point| point.square).sum();
            // One step of one hull may not have fitted.
            let step = tensors.iter().flat_map(|points| hull(points).array_windows::<2>().map(|[a, b]| a.square - b.square).collect::<Vec<_>>()).fold(0.0, f64::max);
            prop_assert!(square >= best && square <= best + step, "{} {} {}", square, best, step);
        }

        #[test]
        fn cheapest_is_the_cheapest(points in points(), square in 0u32..100) {
            let square = f64::from(square);
            let bytes = points.iter().filter(|point| point.square <= square).map(|point| point.bytes).min();
            prop_assert_eq!(cheapest(&points, square).map(|point| point.bytes), bytes);
        }
    }
}
