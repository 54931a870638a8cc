//! Robust merges as programs: the trimmed mean and the median of each coordinate, and a mean of bounded steps.
//!
//! A model's *mass* is its share in units of 2⁻¹⁶, the own one's what is left of 2¹⁶. Of each coordinate the models are put in
//! order as `value·2ᵇ + place`, so that the order says which model stands where; its masses are looked up and summed along
//! the order; what lies in the middle `2¹⁶ − 2t` of the mass is averaged. The median is the outermost `t`, which leaves
//! two units: the value in the middle, or the mean of the two that share it.
//!
//! A mean of bounded steps (ClippedGossip, arXiv 2202.01545) moves toward each model by no more than a radius, which is a
//! distance that is reached by some model of the lower half or, told how many lie, by the farthest that may be honest:
//!
//! ```text
//! λ_j = min(1, τ / ‖Δ_j‖)      θ' = θ + rescale₁₆(Σ rescale₁₆(α_j·λ_j)·Δ_j)
//! ```
//!
//! Roots are Newton's, in whole numbers.

use super::merge::share_interval;
use super::{Net, norm::squared};
use crate::exact::{Builder, Comparison, Interval, Op, Program, ProgramError, Tensor, ValueId};

/// All mass.
const WHOLE: i64 = 1 << 16;

/// The most mass that can be trimmed from each end: the median is left.
pub const MEDIAN: u16 = 32_640;

/// Inputs: own parameters `[p]`, then `peers` models `[p]` each, then the peers' shares `[peers]`, together at most 2¹⁶.
/// Outputs: the mean `[p]` of each coordinate without the mass `trim` at either end, to nearest, and which peers have a
/// share, `[peers]` of 0 or 1.
///
/// # Errors
/// No peer, more than a program may hold, or nothing left to average.
pub fn trimmed(parameters: u32, peers: u32, trim: u16) -> Result<Program, ProgramError> {
    if trim > MEDIAN {
        return Err(ProgramError::Argument("everything is trimmed"));
    }
    let mut b = Builder::new();
    let [own, models, shares] = inputs(&mut b, parameters, peers)?;
    let voices = peers.saturating_add(1);
    let all = b.concat(&[own, models])?;
    let all = b.reshape(all, &[voices, parameters])?;
    let masses = masses(&mut b, shares)?;
    let (values, places) = ordered(&mut b, all, voices, parameters)?;
    let flat = b.reshape(places, &[parameters.saturating_mul(voices)])?;
    let along = b.gather(masses, flat)?;
    let along = b.reshape(along, &[parameters, voices])?;
    let kept = kept(&mut b, along, voices, i64::from(trim))?;
    let sum = b.einsum("nv,nv->n", kept, values)?;
    let width = b.constant(Tensor::scalar(WHOLE.saturating_sub(i64::from(trim).saturating_mul(2))))?;
    let mean = b.op_within(Op::Divide { a: sum, by: width }, Net::weight_interval())?;
    b.output(mean);
    let stays = heard(&mut b, shares)?;
    b.output(stays);
    b.build()
}

/// Own parameters, the peers' in one vector, and their shares.
fn inputs(b: &mut Builder, parameters: u32, peers: u32) -> Result<[ValueId; 3], ProgramError> {
    if peers == 0 {
        return Err(ProgramError::Argument("nothing to merge"));
    }
    let own = b.input(&[parameters], Net::weight_interval())?;
    let models =
        (0..peers).map(|_| b.input(&[parameters], Net::weight_interval())).collect::<Result<Vec<_>, _>>()?;
    let shares = b.input(&[peers], share_interval())?;
    let models = b.concat(&models)?;
    Ok([own, models, shares])
}

/// The mass of every voice, the own one's first.
fn masses(b: &mut Builder, shares: ValueId) -> Result<ValueId, ProgramError> {
    let whole = b.constant(Tensor::scalar(WHOLE))?;
    let given = b.sum(shares, 0)?;
    let own = b.op_within(Op::Sub(whole, given), share_interval())?;
    b.concat(&[own, shares])
}

/// The values `[parameters, voices]` of each coordinate in ascending order, and whose each is.
fn ordered(
    b: &mut Builder,
    all: ValueId,
    voices: u32,
    parameters: u32,
) -> Result<(ValueId, ValueId), ProgramError> {
    let count = i64::from(voices);
    let bits = u32::BITS.saturating_sub(voices.saturating_sub(1).leading_zeros());
    let ones = b.constant(Tensor::vector((0..voices).map(|_| 1).collect()))?;
    let columns = b.einsum("vn,v->nv", all, ones)?;
    let room = 1i64 << bits;
    let numbered = b.scale(columns, room)?;
    let names = b.constant(Tensor::vector((0..count).collect()))?;
    let numbered = b.add(numbered, names)?;
    debug_assert_eq!(b.shape(numbered)?, [parameters, voices]);
    let keys = b.op(Op::Order(numbered))?;
    // Rounding down: half a unit less, to nearest.
    let half = b.constant(Tensor::scalar(room / 2))?;
    let lowered = b.sub(keys, half)?;
    let values = b.op_within(Op::Rescale { a: lowered, bits }, Net::weight_interval())?;
    let above = b.scale(values, room)?;
    let last = count.saturating_sub(1);
    let places = b.op_within(Op::Sub(keys, above), Interval { lo: 0, hi: last })?;
    Ok((values, places))
}

/// How much of each mass along the order lies between `trim` and the whole without `trim`.
fn kept(b: &mut Builder, along: ValueId, voices: u32, trim: i64) -> Result<ValueId, ProgramError> {
    let up_to = (0..voices).flat_map(|v| (0..voices).map(move |w| i64::from(v <= w))).collect();
    let up_to = b.constant(Tensor::vector(up_to))?;
    let up_to = b.reshape(up_to, &[voices, voices])?;
    let upper = b.einsum("nv,vw->nw", along, up_to)?;
    let lower = b.sub(upper, along)?;
    let middle = Interval { lo: trim, hi: WHOLE.saturating_sub(trim) };
    let upper = b.clamp(upper, middle)?;
    let lower = b.clamp(lower, middle)?;
    b.op_within(Op::Sub(upper, lower), Interval { lo: 0, hi: middle.hi.saturating_sub(trim) })
}

/// Which peers have a share at all.
fn heard(b: &mut Builder, shares: ValueId) -> Result<ValueId, ProgramError> {
    let one = b.constant(Tensor::scalar(1))?;
    b.compare(one, Comparison::AtMost, shares)
}

/// Inputs: those of [`trimmed`]. Outputs: the own parameters after a step toward each peer that is no longer than the
/// distance of the peer that `liars` are farther than, and the share of each peer in the step, `[peers]` at 2⁻¹⁶.
///
/// # Errors
/// Not more peers than liars, or more than a program may hold.
pub fn clipped(parameters: u32, peers: u32, liars: u32) -> Result<Program, ProgramError> {
    let honest = peers.checked_sub(liars).and_then(|honest| honest.checked_sub(1));
    let rank = honest.ok_or(ProgramError::Argument("not more peers than liars"))?;
    let mut b = Builder::new();
    let [own, models, shares] = inputs(&mut b, parameters, peers)?;
    let models = b.reshape(models, &[peers, parameters])?;
    let delta = b.sub(models, own)?;
    let distances = squared(&mut b, delta, "kn,kn->k")?;
    let ordered = b.op(Op::Order(distances))?;
    let farthest = b.slice(ordered, rank, &[1])?;
    let distances = root(&mut b, distances)?;
    let radius = root(&mut b, farthest)?;
    let radius = b.scale(radius, WHOLE)?;
    let factors = b.divide(radius, distances)?;
    let factors = b.clamp(factors, share_interval())?;
    let pulls = b.einsum("k,k->k", shares, factors)?;
    let pulls = b.op_within(Op::Rescale { a: pulls, bits: 16 }, share_interval())?;
    let sum = b.einsum("k,kn->n", pulls, delta)?;
    let step = b.rescale(sum, 16)?;
    let moved = b.add(own, step)?;
    let merged = b.clamp(moved, Net::weight_interval())?;
    b.output(merged);
    b.output(pulls);
    b.build()
}

/// The roots of whole numbers, to within one and at least 1.
fn root(b: &mut Builder, of: ValueId) -> Result<ValueId, ProgramError> {
    let bits = u64::BITS.saturating_sub(b.interval(of)?.magnitude().leading_zeros()).div_ceil(2);
    let most = 1i64 << bits;
    let range = Interval { lo: 1, hi: most };
    // From above, each step halves the excess at least; the last ones square the error.
    let mut root = b.constant(Tensor::vector(vec![most]))?;
    for _ in 0..bits.saturating_add(4) {
        let other = b.divide(of, root)?;
        let both = b.add(root, other)?;
        let mean = b.rescale(both, 1)?;
        root = b.clamp(mean, range)?;
    }
    Ok(root)
}
