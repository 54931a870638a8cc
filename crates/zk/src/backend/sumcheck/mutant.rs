//! Hostile proofs, for tests: parts of proofs exchanged, and bytes changed anyhow.

use super::Sumcheck;
use super::binding::Body;
use crate::Proof;
use bitneuron_core::exact::Relation;
use bitneuron_core::{Context, Seed, Wire, codec};
use rand_chacha::rand_core::Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A part of a proof, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What everybody knows of the statement's groups.
    Roots,
    /// Where tensors stand.
    Places,
    /// What everybody knows of the proof's own group.
    Own,
    /// Masked messages.
    Masked,
    /// What random cells come to.
    Veil,
    /// Messages of the last sumcheck.
    Rounds,
    /// The opening.
    Opening,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 7] =
        [Self::Roots, Self::Places, Self::Own, Self::Masked, Self::Veil, Self::Rounds, Self::Opening];
}

#[derive(Serialize, Deserialize)]
struct Piece<T>(T);

impl<T: Serialize + DeserializeOwned> Wire for Piece<T> {
    const LIMIT: usize = Proof::MAX_BODY;
}

fn length<T: Serialize + DeserializeOwned>(part: T) -> usize {
    codec::pack(&Piece(part)).len().saturating_sub(1)
}

/// Where the bytes of each part lie; `None` for what is no proof.
pub fn parts(proof: &Proof) -> Option<Vec<(Part, Range<usize>)>> {
    let Body { roots, places, own, messages } = codec::unpack(&proof.body).ok()?;
    let lengths = [
        length(roots),
        length(places),
        length(own),
        length(messages.masked),
        length(messages.veil),
        length(messages.rounds),
        length(messages.opening),
    ];
    // The version comes first.
    let mut end = 1;
    let ranges = lengths.into_iter().map(|length| {
        let start = end;
        end += length;
        start..end
    });
    let parts = Part::ALL.into_iter().zip(ranges).collect();
    (end == proof.body.len()).then_some(parts)
}

/// One proof with a part of another; `None` where one of them is no proof.
pub fn splice(proof: &Proof, other: &Proof, part: Part) -> Option<Proof> {
    let mut body: Body = codec::unpack(&proof.body).ok()?;
    let other: Body = codec::unpack(&other.body).ok()?;
    match part {
        Part::Roots => body.roots = other.roots,
        Part::Places => body.places = other.places,
        Part::Own => body.own = other.own,
        Part::Masked => body.messages.masked = other.messages.masked,
        Part::Veil => body.messages.veil = other.messages.veil,
        Part::Rounds => body.messages.rounds = other.messages.rounds,
        Part::Opening => body.messages.opening = other.messages.opening,
    }
    Some(Proof { backend: proof.backend, body: codec::pack(&body).into() })
}

/// Proofs with groups, places or messages in another order, or some of them left out, doubled or added.
pub fn reordered(proof: &Proof) -> Vec<Proof> {
    let Ok(body) = codec::unpack::<Body>(&proof.body) else { return Vec::new() };
    let changes: [&dyn Fn(&mut Body); 14] = [
        &|body| body.roots.reverse(),
        &|body| body.places.reverse(),
        &|body| {
            body.roots.reverse();
            let last = body.roots.len().saturating_sub(1);
            body.places.iter_mut().for_each(|(group, _)| *group = (last as u16).saturating_sub(*group));
        },
        &|body| body.roots.truncate(1),
        &|body| body.roots.push(body.own.clone()),
        &|body| body.roots.extend(body.roots.first().cloned()),
        &|body| body.places.extend(body.places.first().copied()),
        &|body| body.places.truncate(1),
        &|body| body.places.iter_mut().for_each(|(_, place)| *place ^= 1),
        &|body| body.messages.masked.reverse(),
        &|body| body.messages.masked.truncate(1),
        &|body| body.messages.masked.extend(body.messages.masked.first().copied()),
        &|body| body.messages.rounds.reverse(),
        &|body| body.messages.rounds.truncate(1),
    ];
    let bytes = codec::pack(&body);
    changes
        .into_iter()
        .filter_map(|change| {
            let mut changed = body.clone();
            change(&mut changed);
            let changed = codec::pack(&changed);
            // What is the same in any order is no other proof.
            (changed != bytes).then(|| Proof { backend: proof.backend, body: changed.into() })
        })
        .collect()
}

/// Checks so many random mutants of a proof, and says how many were accepted, which should be none.
///
/// Half of them are blind (bits, cuts, pieces put in), half are aware of the form: whole words become extreme numbers or
/// neighbours of what they were, or two words change places. A seed gives the same mutants everywhere.
pub fn mutants(
    backend: &Sumcheck,
    relation: &Relation,
    context: &Context,
    proof: &Proof,
    count: usize,
    seed: Seed,
) -> usize {
    let mut rng = seed.rng();
    let mut below = move |limit: usize| (rng.next_u64() % limit.max(1) as u64) as usize;
    let accepted = |bytes: Vec<u8>| {
        let changed = bytes != *proof.body;
        let mutant = Proof { backend: proof.backend, body: bytes.into() };
        changed && backend.verify_relation(context, relation, &mutant).is_ok()
    };
    (0..count)
        .filter(|number| {
            accepted(if number % 2 == 0 {
                blind(&proof.body, &mut below)
            } else {
                aware(&proof.body, &mut below)
            })
        })
        .count()
}

const EXTREMES: [u64; 10] =
    [0, 1, 2, 0xff, 1 << 24, 1 << 32, 1 << 62, 0xffff_ffff_0000_0000, 0xffff_ffff_0000_0001, u64::MAX];

/// A place in the bytes: every second one in the first part of them, which holds all but the opening.
fn place(length: usize, below: &mut impl FnMut(usize) -> usize) -> usize {
    if below(2) == 0 { below(length.min(4_096)) } else { below(length) }
}

fn blind(bytes: &[u8], below: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    let at = place(bytes.len(), below);
    match below(6) {
        0 => mutant.truncate(at),
        1 => {
            let piece: Vec<u8> = bytes.iter().skip(at).take(1 + below(40)).copied().collect();
            mutant.splice(at..at, piece);
        }
        2 => drop(mutant.drain(at..(at + 1 + below(40)).min(bytes.len()))),
        _ => (0..=below(3)).for_each(|_| {
            let (at, bit) = (place(bytes.len(), below), below(8));
            if let Some(byte) = mutant.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }),
    }
    mutant
}

fn aware(bytes: &[u8], below: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    let width = [1, 2, 4, 8][below(4)].min(bytes.len());
    let room = bytes.len() - width + 1;
    let (at, from) = (place(room, below), place(room, below));
    let word = |at: usize| {
        let mut word = [0; 8];
        word[..width].copy_from_slice(&bytes[at..at + width]);
        word
    };
    let new = match below(3) {
        0 => EXTREMES[below(EXTREMES.len())].to_le_bytes(),
        1 => {
            let step = [1, u64::MAX, 2, 256, 0xffff_ffff_0000_0001][below(5)];
            u64::from_le_bytes(word(at)).wrapping_add(step).to_le_bytes()
        }
        _ => {
            mutant[from..from + width].copy_from_slice(&word(at)[..width]);
            word(from)
        }
    };
    mutant[at..at + width].copy_from_slice(&new[..width]);
    mutant
}
