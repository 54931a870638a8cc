//! Chains of any length, proved a segment at a time.
//!
//! A proof of a [`Chain`](super::Chain) needs memory for all its cells, since every challenge depends on all of them. So a long chain is cut
//! into segments: each is one proof, begins with the commitments that the one before it ended with, and can be forgotten before
//! the next is made. Memory is bounded by the longest segment whatever the length of the chain; there are as many proofs as
//! segments.

use super::batch::{Link, MAX_PARTS, Several, UNSTATED};
use crate::Statement;
use crate::statement::StatementError;
use bitneuron_core::Commitment;
use std::iter;

/// The public part and the witness of a [`Chain`](super::Chain).
pub type Segment<S> = (Several<<S as Statement>::Public>, Vec<<S as Statement>::Witness>);

/// Cuts links into segments of at most `longest` (between one and [`MAX_PARTS`]), as they come.
///
/// Nothing is taken from `links` before a segment is asked for, and then no more than it holds. What links state between two of
/// one segment is replaced by [`UNSTATED`], so only states where segments meet need a commitment; a backend that counts openings
/// opens such a state twice.
pub fn segments<S: Link>(
    links: impl IntoIterator<Item = (S::Public, S::Witness)>,
    longest: usize,
) -> impl Iterator<Item = Segment<S>> {
    let mut links = links.into_iter().fuse();
    let longest = longest.clamp(1, MAX_PARTS);
    iter::from_fn(move || {
        let (mut parts, witness): (Vec<_>, Vec<_>) = links.by_ref().take(longest).unzip();
        let last = parts.len().checked_sub(1)?;
        for (place, part) in parts.iter_mut().enumerate() {
            let end = |states: Vec<Commitment>, stated| {
                if stated { states } else { vec![UNSTATED; states.len()] }
            };
            let (before, after) = (end(S::before(part), place == 0), end(S::after(part), place == last));
            *part = S::between(part, &before, &after);
        }
        Some((Several { parts }, witness))
    })
}

/// The states that a chain leads from and to, given the public parts of its segments, each of which was proved.
///
/// # Errors
/// There is no segment, one has no parts or does not state where it begins and ends, or one does not begin where the one before
/// it ended.
pub fn ends<'a, S: Link>(
    segments: impl IntoIterator<Item = &'a Several<S::Public>>,
) -> Result<(Vec<Commitment>, Vec<Commitment>), StatementError>
where
    S::Public: 'a,
{
    let malformed = |why: &str| StatementError::Malformed(why.into());
    let mut whole: Option<(Vec<Commitment>, Vec<Commitment>)> = None;
    for Several { parts } in segments {
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return Err(malformed("a segment of no parts"));
        };
        let (before, after) = (S::before(first), S::after(last));
        if before.iter().chain(&after).any(|state| *state == UNSTATED) {
            return Err(malformed("a segment that does not state its ends"));
        }
        whole = match whole.take() {
            None => Some((before, after)),
            Some((start, met)) if met == before => Some((start, after)),
            Some(_) => return Err(malformed("a segment that does not begin where the one before it ended")),
        };
    }
    whole.ok_or_else(|| malformed("a chain of no segments"))
}
