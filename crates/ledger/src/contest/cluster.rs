//! Copies: candidates that go the same way from the parent.
//!
//! With Δ = θ − parent, in integers, a candidate is a *copy* of an earlier one when their integers are the same or
//!
//! ```text
//! cos(Δ, Δ') > 31/32        that is  ⟨Δ, Δ'⟩ > 0  and  (32·⟨Δ, Δ'⟩)² > 31²·‖Δ‖²·‖Δ'‖²
//! ```
//!
//! All others are the first of their kind. Earlier is who was entered earlier, whatever it scored.

/// Below this cosine two candidates are not of one kind: 31/32.
const COSINE: (i128, i128) = (31, 32);

fn dot(a: &[i64], b: &[i64]) -> i128 {
    // Differences of weights lie within ±2¹⁵ and there are at most 2¹⁵ of them.
    let sum = a.iter().zip(b).fold(0i64, |sum, (a, b)| sum.saturating_add(a.saturating_mul(*b)));
    i128::from(sum)
}

fn alike(a: &[i64], b: &[i64]) -> bool {
    let (between, (part, whole)) = (dot(a, b), COSINE);
    let left = between.saturating_mul(whole);
    let right = dot(a, a).saturating_mul(dot(b, b)).saturating_mul(part.saturating_mul(part));
    a == b || between > 0 && left.saturating_mul(left) > right
}

/// Which of these models, in the order in which they were entered, are the first of their kind.
pub fn firsts(parent: &[i32], models: &[&[i32]]) -> Vec<bool> {
    let away = |model: &&[i32]| -> Vec<i64> {
        model.iter().zip(parent).map(|(a, b)| i64::from(*a).saturating_sub(i64::from(*b))).collect()
    };
    let ways: Vec<Vec<i64>> = models.iter().map(away).collect();
    let first = |at: usize| {
        let (earlier, own) = (ways.get(..at).unwrap_or_default(), ways.get(at));
        own.is_some_and(|own| !earlier.iter().any(|other| alike(other, own)))
    };
    (0..ways.len()).map(first).collect()
}
