//! Freivalds' check of a sum of products, modulo 2⁶¹ − 1.
//!
//! For `out[b,i,j] = Σₛ left[b,i,s]·right[b,j,s]` and a random vector r, both sides are contracted with r over j, which
//! takes one pass over each tensor in place of all products (Freivalds 1977). A wrong `out` passes with a chance of one in
//! 2⁶¹ when r was drawn after `out` was fixed. Where the numbers of `out` could differ by a multiple of the modulus, the
//! check says nothing and the caller computes.

use bitneuron_core::exact::{Einsum, Interval, Tensor};
use bitneuron_core::{Seed, hash::Hasher};
use std::borrow::Cow;
use std::iter::Sum;
use std::ops::AddAssign;

/// The Mersenne prime 2⁶¹ − 1.
pub const MODULUS: u64 = (1 << 61) - 1;

/// Whether a check modulo [`MODULUS`] tells all integers of this interval apart.
pub fn separates(interval: Interval) -> bool {
    interval.hi.checked_sub(interval.lo).is_some_and(|width| width.unsigned_abs() < MODULUS)
}

/// Whether `out` is the einsum of `left` and `right`, up to one chance in 2⁶¹ over the seed. `false` for shapes that do not
/// go together.
pub fn agrees(spec: &Einsum, left: &Tensor, right: &Tensor, out: &Tensor, seed: Seed) -> bool {
    let named = [(spec.left(), left), (spec.right(), right), (spec.out(), out)];
    let size = |name: &u8| {
        named.iter().find_map(|(names, tensor)| {
            let axis = names.iter().position(|other| other == name)?;
            tensor.shape().get(axis).copied()
        })
    };
    let fits = named.iter().all(|(names, tensor)| {
        names.len() == tensor.shape().len()
            && names.iter().map(size).eq(tensor.shape().iter().copied().map(Some))
    });
    if !fits {
        return false;
    }
    let names = |keep: &dyn Fn(bool, bool, bool) -> bool| -> Vec<u8> {
        let mut all: Vec<u8> = spec.left().iter().chain(spec.right()).copied().collect();
        all.sort_unstable();
        all.dedup();
        all.retain(|name| {
            keep(spec.left().contains(name), spec.right().contains(name), spec.out().contains(name))
        });
        all
    };
    let batch = names(&|l, r, o| l && r && o);
    let rows = names(&|l, r, o| l && !r && o);
    let columns = names(&|l, r, o| !l && r && o);
    let summed = names(&|l, r, o| l && r && !o);
    let places = |at: usize, group: &[u8]| places(named[at].0, named[at].1.shape(), group);
    let random = vector(seed, places(1, &columns).len());
    let (left_summed, left_rows) = (places(0, &summed), places(0, &rows));
    let (right_summed, right_columns) = (places(1, &summed), places(1, &columns));
    let (out_rows, out_columns) = (places(2, &rows), places(2, &columns));
    let starts = places(0, &batch).into_iter().zip(places(1, &batch)).zip(places(2, &batch));
    starts.into_iter().all(|((l, r), o)| {
        let inner = contract(&right.data()[r..], &right_summed, &right_columns, &random);
        let expected = contract(&left.data()[l..], &left_rows, &left_summed, &inner);
        expected == contract(&out.data()[o..], &out_rows, &out_columns, &random)
    })
}

/// The places in a tensor's buffer of all indices of a group of dimensions, relative to the first.
fn places(names: &[u8], shape: &[u32], group: &[u8]) -> Vec<usize> {
    let mut places = vec![0];
    for name in group {
        let Some(axis) = names.iter().position(|other| other == name) else { continue };
        let stride: usize = shape[axis + 1..].iter().map(|size| *size as usize).product();
        places =
            places.iter().flat_map(|at| (0..shape[axis] as usize).map(move |i| at + i * stride)).collect();
    }
    places
}

/// A random vector modulo [`MODULUS`].
fn vector(seed: Seed, length: usize) -> Vec<u64> {
    let word = |at: usize| {
        let digest = Hasher::new("bitneuron freivalds vector v1").update(&seed.0).number(at as u64).finish();
        // 128 bits modulo 61: the bias is below 2⁻⁶⁷.
        let wide = u128::from_le_bytes(digest.0.first_chunk().copied().unwrap_or_default());
        u64::try_from(wide % u128::from(MODULUS)).unwrap_or(0)
    };
    (0..length).map(word).collect()
}

/// Bits of the lower half of a weight.
const HALF: u32 = 31;

/// `Σ_d data[kept + d]·weights[d]` for each kept place.
fn contract(data: &[i64], kept: &[usize], dropped: &[usize], weights: &[u64]) -> Vec<u64> {
    let magnitude = data.iter().fold(0, |most: u64, value| most.max(value.unsigned_abs()));
    let bits = u64::BITS - magnitude.leading_zeros();
    if bits > 24 {
        let weights: Vec<i128> = weights.iter().map(|weight| i128::from(*weight)).collect();
        let run = 1 << 65u32.saturating_sub(bits).min(30);
        return summed(data, kept, dropped, &weights, run, |x, weight| i128::from(x) * weight);
    }
    // Small numbers are multiplied by halves of the weights, in 64 bits: this runs in vectors.
    let half = |part: fn(u64) -> u64| {
        let weights: Vec<i64> = weights.iter().map(|weight| part(*weight).cast_signed()).collect();
        let product = |x: i64, weight: i64| i64::from(x as i32) * i64::from(weight as i32);
        summed(data, kept, dropped, &weights, 1 << (63 - HALF - bits), product)
    };
    let (low, high) = (half(|weight| weight % (1 << HALF)), half(|weight| weight >> HALF));
    let whole =
        |(low, high): (u64, u64)| (u128::from(low) + (u128::from(high) << HALF)) % u128::from(MODULUS);
    low.into_iter().zip(high).map(|halves| whole(halves) as u64).collect()
}

/// The sums modulo [`MODULUS`], reduced after every `run` products.
fn summed<W: Copy + Default + AddAssign + Sum + Into<i128>>(
    data: &[i64],
    kept: &[usize],
    dropped: &[usize],
    weights: &[W],
    run: usize,
    product: impl Fn(i64, W) -> W,
) -> Vec<u64> {
    let mut totals = vec![0u64; kept.len()];
    let add = |total: &mut u64, sum: W| *total = (*total + reduced(sum.into())) % MODULUS;
    let step = |places: &[usize]| places.get(1).copied().unwrap_or(usize::MAX);
    let inward = step(dropped) <= step(kept);
    let mut sums = vec![W::default(); kept.len()];
    for (places, weights) in dropped.chunks(run).zip(weights.chunks(run)) {
        if inward {
            for (sum, start) in sums.iter_mut().zip(kept) {
                let line = line(data, *start, places);
                *sum = line.iter().zip(weights).map(|(x, weight)| product(*x, *weight)).sum();
            }
        } else {
            sums.fill(W::default());
            for (start, weight) in places.iter().zip(weights) {
                let line = line(data, *start, kept);
                sums.iter_mut().zip(&*line).for_each(|(sum, x)| *sum += product(*x, *weight));
            }
        }
        totals.iter_mut().zip(&sums).for_each(|(total, sum)| add(total, *sum));
    }
    totals
}

/// The elements at these places behind `start`; places ascend.
fn line<'a>(data: &'a [i64], start: usize, places: &[usize]) -> Cow<'a, [i64]> {
    let (first, last) = (places.first().copied().unwrap_or(0), places.last().copied().unwrap_or(0));
    if last - first + 1 == places.len() {
        Cow::Borrowed(&data[start + first..][..places.len()])
    } else {
        Cow::Owned(places.iter().map(|place| data[start + place]).collect())
    }
}

fn reduced(sum: i128) -> u64 {
    u64::try_from(sum.rem_euclid(i128::from(MODULUS))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::exact::{Builder, execute};
    use proptest::prelude::*;

    fn tensor(shape: &[u32], seed: u64, most: i64) -> Tensor {
        let count = shape.iter().product::<u32>() as usize;
        let random = vector(Seed::from_number(seed), count);
        let data = random.into_iter().map(|word| (word % (2 * most as u64 + 1)) as i64 - most).collect();
        Tensor::new(shape, data).expect("a shape")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn the_executors_product_agrees_and_no_other(
            form in 0..5usize, sizes in prop::array::uniform4(1u32..6), seed: u64, big: bool, at: prop::sample::Index, by in 1i64..100
        ) {
            let [b, i, j, k] = sizes;
            let (spec, left, right): (_, &[u32], &[u32]) = match form {
                0 => ("ij,jk->ik", &[i, j], &[j, k]),
                1 => ("ji,jk->ki", &[j, i], &[j, k]),
                2 => ("bij,bkj->bik", &[b, i, j], &[b, k, j]),
                3 => ("bi,bi->b", &[b, i], &[b, i]),
                _ => ("ij,k->ikj", &[i, j], &[k]),
            };
            let most = if big { 1 << 28 } else { 1 << 10 };
            let (left, right) = (tensor(left, seed, most), tensor(right, !seed, most));
            let mut builder = Builder::new();
            let a = builder.input(left.shape(), Interval::symmetric(most)).expect("fits");
            let c = builder.input(right.shape(), Interval::symmetric(most)).expect("fits");
            let out = builder.einsum(spec, a, c).expect("fits");
            builder.output(out);
            let run = execute(&builder.build().expect("builds"), &[left.clone(), right.clone()]).expect("runs");
            let truth = run.outputs()[0].clone();
            let parsed = Einsum::parse(spec).expect("an einsum");
            prop_assert!(agrees(&parsed, &left, &right, &truth, Seed::from_number(7)));
            let mut wrong = truth.data().to_vec();
            let place = at.index(wrong.len());
            wrong[place] += by;
            let wrong = Tensor::new(truth.shape(), wrong).expect("the same shape");
            prop_assert!(!agrees(&parsed, &left, &right, &wrong, Seed::from_number(7)));
        }
    }

    #[test]
    fn shapes_that_do_not_go_together_disagree() {
        let spec = Einsum::parse("ij,jk->ik").expect("an einsum");
        let (a, b, wrong) = (tensor(&[2, 3], 1, 9), tensor(&[3, 4], 2, 9), tensor(&[2, 5], 3, 9));
        assert!(!agrees(&spec, &a, &b, &wrong, Seed::from_number(1)));
        assert!(!agrees(&spec, &b, &a, &wrong, Seed::from_number(1)));
        assert!(!agrees(&spec, &a, &b, &Tensor::scalar(1), Seed::from_number(1)));
    }

    #[test]
    fn numbers_a_modulus_apart_are_not_told_apart_and_that_is_known() {
        let half = i64::try_from(MODULUS / 2).expect("small");
        assert!(separates(Interval::symmetric(half - 1)));
        assert!(!separates(Interval::symmetric(half + 1)));
    }
}
