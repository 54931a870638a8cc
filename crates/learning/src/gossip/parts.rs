//! Models in parts: a message carries one part of the parameters, and each part has an age of its own (Hegedűs, Danner and
//! Jelasity, *Decentralized learning works: an empirical comparison of gossip learning and federated learning*, 2021, §4.2).
//!
//! With `S` parts a message is `S` times shorter, so that as many bytes make `S` times as many messages. Coordinate `i` belongs
//! to part `i mod S`. On arrival the part is merged with the same part of the own model, by the ages of that part alone; an
//! update makes every part one update older.
//!
//! *Sampled* models (§4.1 there) are the same with random coordinates instead of fixed parts. A sample is one of [`SAMPLES`]
//! fixed sets that all nodes know by number, and there is one age for the whole model.
//!
//! Nothing of [`Peer`](super::Peer) knows about parts: they are another kind of model, with its codec [`PartCodec`], its rule
//! [`PartMerge`] around any rule, and its update [`PartUpdate`] around any update.

use super::ModelCodec;
use crate::merge::{Contribution, Merge, MergeError, Merged};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_compress::{CompressError, Packet};
use bitneuron_core::params::{Entry, ParamsError};
use bitneuron_core::{Layout, Params, Seed, Share};
use rand::seq::index::sample;
use std::sync::Arc;

/// How many different samples there are of a sampled model.
pub const SAMPLES: u16 = 64;

/// How a model is cut, known to all nodes.
#[derive(Debug)]
pub struct Parts {
    whole: Arc<Layout>,
    pieces: Vec<Piece>,
    /// Whether pieces are disjoint and have ages of their own.
    disjoint: bool,
}

#[derive(Debug)]
struct Piece {
    places: Vec<u32>,
    layout: Arc<Layout>,
}

impl Piece {
    fn new(name: &str, number: usize, places: Vec<u32>) -> Result<Self, ParamsError> {
        // The name makes packets of different pieces different, whatever their lengths.
        let entry = Entry { name: format!("{name} {number}"), shape: vec![places.len() as u32] };
        Ok(Self { places, layout: Arc::new(Layout::new(vec![entry])?) })
    }
}

impl Parts {
    /// Cuts models of this layout into `count` disjoint parts, at least one and at most one for each parameter.
    ///
    /// # Errors
    /// None for a layout of sane size.
    pub fn partitioned(whole: Arc<Layout>, count: u16) -> Result<Self, ParamsError> {
        let count = usize::from(count).clamp(1, whole.len().max(1));
        let piece = |number: usize| {
            Piece::new(
                "part",
                number,
                (number..whole.len()).step_by(count).map(|place| place as u32).collect(),
            )
        };
        let pieces = (0..count).map(piece).collect::<Result<_, _>>()?;
        Ok(Self { whole, pieces, disjoint: true })
    }

    /// Samples one in `one_in` of the parameters of this layout for each message.
    ///
    /// # Errors
    /// None for a layout of sane size.
    pub fn sampled(whole: Arc<Layout>, one_in: u16) -> Result<Self, ParamsError> {
        let size = whole.len().div_ceil(usize::from(one_in.max(1)));
        let seed = Seed::from(whole.digest());
        let piece = |number: usize| {
            let mut rng = seed.derive_number("model sample", number as u64).rng();
            let mut places: Vec<u32> =
                sample(&mut rng, whole.len(), size).into_iter().map(|place| place as u32).collect();
            places.sort_unstable();
            Piece::new("sample", number, places)
        };
        let pieces = (0..usize::from(SAMPLES)).map(piece).collect::<Result<_, _>>()?;
        Ok(Self { whole, pieces, disjoint: false })
    }

    /// The layouts of what is sent, by number.
    pub fn layouts(&self) -> impl ExactSizeIterator<Item = &Arc<Layout>> {
        self.pieces.iter().map(|piece| &piece.layout)
    }

    /// A whole model that nobody has trained.
    pub fn model(&self, params: Params) -> Parted {
        let ages = vec![0; if self.disjoint { self.pieces.len() } else { 1 }];
        Parted { params, ages, piece: None }
    }

    /// Which age belongs to a piece.
    fn age_of(&self, piece: usize) -> usize {
        if self.disjoint { piece } else { 0 }
    }

    /// One piece of whole parameters.
    fn cut(&self, whole: &Params, piece: usize) -> Option<Params> {
        let Piece { places, layout } = self.pieces.get(piece)?;
        let values = whole.values();
        let taken: Option<Vec<f32>> =
            places.iter().map(|place| values.get(*place as usize).copied()).collect();
        Params::new(taken?, Arc::clone(layout)).ok()
    }

    /// Puts one piece back.
    fn paste(&self, part: &Params, piece: usize, whole: &mut Params) {
        let places = self.pieces.get(piece).map(|piece| piece.places.as_slice()).unwrap_or_default();
        let values = whole.values_mut();
        for (place, value) in places.iter().zip(part.values()) {
            if let Some(slot) = values.get_mut(*place as usize) {
                *slot = *value;
            }
        }
    }
}

/// A model with ages, or one piece of one on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Parted {
    params: Params,
    ages: Vec<u64>,
    piece: Option<usize>,
}

impl Parted {
    /// The parameters: all of a whole model, some of a piece.
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// How often each part was updated, ancestors counted; of a piece nothing is known.
    pub fn ages(&self) -> &[u64] {
        &self.ages
    }
}

/// Packs one piece after the other, drawn at random, by a codec for each.
#[derive(Debug)]
pub struct PartCodec<C> {
    parts: Arc<Parts>,
    codecs: Vec<C>,
}

impl<C: ModelCodec> PartCodec<C> {
    /// A codec for all pieces; `make` is asked for one of each layout.
    ///
    /// # Errors
    /// What `make` refuses.
    pub fn new(
        parts: Arc<Parts>,
        make: impl FnMut(&Arc<Layout>) -> Result<C, CompressError>,
    ) -> Result<Self, CompressError> {
        let codecs = parts.layouts().map(make).collect::<Result<_, _>>()?;
        Ok(Self { parts, codecs })
    }

    /// The piece that is sent with this seed.
    fn drawn(&self, seed: Seed) -> usize {
        let Seed([a, b, c, d, e, f, g, h, ..]) = seed.derive("piece");
        let word = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        ((u128::from(word) * self.codecs.len() as u128) >> 64) as usize
    }
}

impl<C: ModelCodec> ModelCodec<Parted> for PartCodec<C> {
    fn pack(&mut self, model: &Parted, seed: Seed) -> Result<Packet, CompressError> {
        let drawn = self.drawn(seed);
        let piece = self.parts.cut(&model.params, drawn).ok_or(CompressError::Layout)?;
        self.codecs.get_mut(drawn).ok_or(CompressError::Layout)?.pack(&piece, seed)
    }

    fn unpack(&self, packet: &Packet) -> Result<Parted, CompressError> {
        let named = packet.layout();
        let piece = self.parts.layouts().position(|layout| layout.digest() == named);
        let piece = piece.ok_or(CompressError::Layout)?;
        let params = self.codecs.get(piece).ok_or(CompressError::Layout)?.unpack(packet)?;
        Ok(Parted { params, ages: Vec::new(), piece: Some(piece) })
    }

    fn stated_age(&self, model: &Parted, age: u64, seed: Seed) -> u64 {
        model.ages.get(self.parts.age_of(self.drawn(seed))).copied().unwrap_or(age)
    }

    fn age_beside(&self, model: &Parted, age: u64, theirs: &Parted) -> u64 {
        let place = theirs.piece.map(|piece| self.parts.age_of(piece));
        place.and_then(|place| model.ages.get(place)).copied().unwrap_or(age)
    }
}

/// Merges each piece with the same piece of the own model, by a rule for parameters.
pub struct PartMerge {
    parts: Arc<Parts>,
    rule: Arc<dyn Merge>,
}

impl std::fmt::Debug for PartMerge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartMerge").field("pieces", &self.parts.pieces.len()).finish_non_exhaustive()
    }
}

impl PartMerge {
    /// The rule, piece by piece.
    pub fn new(parts: Arc<Parts>, rule: Arc<dyn Merge>) -> Self {
        Self { parts, rule }
    }
}

impl Merge<Parted> for PartMerge {
    fn merge(
        &self,
        own: &Contribution<'_, Parted>,
        peers: &[Contribution<'_, Parted>],
    ) -> Result<Merged<Parted>, MergeError> {
        let layout = |from| MergeError::Layout(from);
        if own.value.piece.is_some() || own.value.params.layout() != &self.parts.whole {
            return Err(layout(own.from));
        }
        if let Some(stray) = peers.iter().find(|peer| peer.value.piece.is_none()) {
            return Err(layout(stray.from));
        }
        let mut value = own.value.clone();
        let mut influence = vec![Share::ZERO; peers.len()];
        let length = self.parts.whole.len().max(1) as u64;
        for (piece, shape) in self.parts.pieces.iter().enumerate() {
            let here: Vec<usize> =
                (0..peers.len()).filter(|at| peers[*at].value.piece == Some(piece)).collect();
            if here.is_empty() {
                continue;
            }
            let place = self.parts.age_of(piece);
            let age = value.ages.get(place).copied().unwrap_or(own.age);
            let mine = self.parts.cut(&value.params, piece).ok_or_else(|| layout(own.from))?;
            let mine = Contribution { from: own.from, weight: own.weight, age, value: &mine };
            let theirs: Vec<Contribution<'_>> = here
                .iter()
                .map(|at| &peers[*at])
                .map(|Contribution { from, weight, age, value }| Contribution {
                    from: *from,
                    weight: *weight,
                    age: *age,
                    value: &value.params,
                })
                .collect();
            let merged = self.rule.merge(&mine, &theirs)?;
            self.parts.paste(&merged.value, piece, &mut value.params);
            if let Some(age) = value.ages.get_mut(place) {
                *age = merged.age;
            }
            for (at, share) in here.into_iter().zip(merged.influence) {
                // A share of some of the parameters is so much less of all.
                influence[at] = Share((u64::from(share.0) * shape.places.len() as u64 / length) as u32);
            }
        }
        let given: u32 = influence.iter().map(|share| share.0).sum();
        let age = value.ages.iter().copied().max().unwrap_or(own.age);
        Ok(Merged { value, age, own: Share(Share::ONE.0 - given.min(Share::ONE.0)), influence })
    }
}

/// Trains a whole model and makes all its parts older.
#[derive(Debug, Clone)]
pub struct PartUpdate<U>(pub U);

impl<D, U: Update<Params, D>> Update<Parted, D> for PartUpdate<U> {
    fn update(
        &mut self,
        model: &mut Parted,
        data: &D,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        if model.piece.is_some() {
            return Err(UpdateError::Layout);
        }
        let progress = self.0.update(&mut model.params, data, round, seed)?;
        model.ages.iter_mut().for_each(|age| *age = age.saturating_add(1));
        Ok(progress)
    }
}
