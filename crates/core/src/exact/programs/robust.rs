//! Robust merges as programs: the trimmed mean and the median of each coordinate, and a mean of bounded steps.
//!
//! A model's *mass* is its share in units of 2⁻¹⁶, the own one's what is left of 2¹⁶. Of each coordinate the models are put in
//! order as `value·2ᵇ + place`, so that the order says which model stands where; its masses are looked up and summed along
//! the order; what lies in the middle `2¹⁶ − 2t` of the mass is averaged. The median is the outermost `t`, which leaves a
//! 256th of the mass: the value in the middle, or the mean of those that share it.
//!
//! A mean of bounded steps (ClippedGossip, arXiv 2202.01545) moves toward each model by no more than a radius, which is a
//! distance that is reached by some model of the lower half or, told how many lie, by the farthest that may be honest:
//!
//! ```text
//! λ_j = min(1, τ / ‖Δ_j‖)      θ' = θ + rescale₁₆(Σ rescale₁₆(α_j·λ_j)·Δ_j)
//! ```
//!
//! Roots are Newton's, in whole numbers.

use super::merge::{inputs, share_interval};
use super::{Net, norm::squared};
use crate::Share;
use crate::exact::{Builder, Comparison, Interval, Op, Program, ProgramError, Tensor, ValueId};

/// All mass.
const WHOLE: i64 = 1 << 16;

/// The most mass that can be trimmed from each end: the median is left.
pub const MEDIAN: u16 = 32_640;

/// Inputs: those of [`merge`](super::merge::merge). Outputs: the own parameters after a step toward each peer that is no longer than the
/// distance of the peer that the share `liars` of all peers, rounded down, are farther than; and the share of each peer in the
/// step, `[peers]` at 2⁻¹⁶.
///
/// # Errors
/// No peer, or more than a program may hold.
pub fn clipped(parameters: u32, peers: u32, liars: Share) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let (own, models, shares) = inputs(&mut b, parameters, peers)?;
    let voices = Voices::new(&mut b, own, &models, shares)?;
    let (merged, pulls) = clipped_by(&mut b, &voices, liars)?;
    b.output(merged);
    b.output(pulls);
    b.build()
}

/// Models that are merged into one.
pub(super) struct Voices {
    /// How long each is.
    parameters: u32,
    /// How many peers there are.
    peers: u32,
    own: ValueId,
    /// The peers', one after the other.
    models: ValueId,
    shares: ValueId,
}

impl Voices {
    /// An own model and its peers', with the peers' shares.
    pub(super) fn new(
        b: &mut Builder,
        own: ValueId,
        models: &[ValueId],
        shares: ValueId,
    ) -> Result<Self, ProgramError> {
        if models.is_empty() {
            return Err(ProgramError::Argument("nothing to merge"));
        }
        let peers = u32::try_from(models.len()).map_err(|_| ProgramError::Argument("too many models"))?;
        let [parameters] = b.shape(own)?[..] else {
            return Err(ProgramError::Argument("parameters are flat"));
        };
        Ok(Self { parameters, peers, own, models: b.concat(models)?, shares })
    }
}

/// The mean of each coordinate without the mass `liars` at either end; all but the middle at most.
pub(super) fn trimmed_by(b: &mut Builder, voices: &Voices, liars: Share) -> Result<ValueId, ProgramError> {
    let Voices { parameters, peers, own, models, shares } = *voices;
    let trim = i64::from(trim(liars));
    let count = peers.saturating_add(1);
    let all = b.concat(&[own, models])?;
    let all = b.reshape(all, &[count, parameters])?;
    let masses = masses(b, shares)?;
    let (values, places) = ordered(b, all, count, parameters)?;
    let flat = b.reshape(places, &[parameters.saturating_mul(count)])?;
    let along = b.gather(masses, flat)?;
    let along = b.reshape(along, &[parameters, count])?;
    let kept = kept(b, along, count, trim)?;
    let sum = b.einsum("nv,nv->n", kept, values)?;
    let width = b.constant(Tensor::scalar(WHOLE.saturating_sub(trim.saturating_mul(2))))?;
    b.op_within(Op::Divide { a: sum, by: width }, Net::weight_interval())
}

/// The units that go from either end.
pub const fn trim(liars: Share) -> u16 {
    if liars.0 > MEDIAN as u32 { MEDIAN } else { liars.0 as u16 }
}

/// The number of peers that may lie when so large a share of them may: never all of them.
pub fn liars_among(liars: Share, peers: u32) -> u32 {
    // A share is in units of 2⁻¹⁶.
    let wanted = u64::from(peers).saturating_mul(u64::from(liars.0)) >> 16;
    u32::try_from(wanted).unwrap_or(u32::MAX).min(peers.saturating_sub(1))
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
pub(super) fn heard(b: &mut Builder, shares: ValueId) -> Result<ValueId, ProgramError> {
    let one = b.constant(Tensor::scalar(1))?;
    b.compare(one, Comparison::AtMost, shares)
}

/// The own parameters after bounded steps, and the share of each peer in them.
pub(super) fn clipped_by(
    b: &mut Builder,
    voices: &Voices,
    liars: Share,
) -> Result<(ValueId, ValueId), ProgramError> {
    let Voices { parameters, peers, own, models, shares } = *voices;
    let rank = peers.saturating_sub(1).saturating_sub(liars_among(liars, peers));
    let models = b.reshape(models, &[peers, parameters])?;
    let delta = b.sub(models, own)?;
    let distances = squared(b, delta, "kn,kn->k")?;
    let ordered = b.op(Op::Order(distances))?;
    let farthest = b.slice(ordered, rank, &[1])?;
    let distances = root(b, distances)?;
    let radius = root(b, farthest)?;
    let radius = b.scale(radius, WHOLE)?;
    let factors = b.divide(radius, distances)?;
    let factors = b.clamp(factors, share_interval())?;
    let pulls = b.einsum("k,k->k", shares, factors)?;
    let pulls = b.op_within(Op::Rescale { a: pulls, bits: 16 }, share_interval())?;
    let sum = b.einsum("k,kn->n", pulls, delta)?;
    let step = b.rescale(sum, 16)?;
    let moved = b.add(own, step)?;
    Ok((b.clamp(moved, Net::weight_interval())?, pulls))
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
