//! One codec for each tensor, chosen by measuring.
//!
//! Every candidate is tried on every tensor; [`Budget`] says what is wanted, `allocate` picks, and the [`Report`]
//! tells what was picked and whether a tensor format (a train) was worth it. For dense weights of trained networks it
//! hardly ever is: they are nearly of full rank, and a quantiser gives less error in fewer bytes. Trains pay for
//! updates of low rank, smooth tables, and models trained as trains.
//!
//! Part of a tensor with elements (one without has an empty part): the packet of its codec for the layout of that
//! tensor alone, without what the receiver knows already.
//!
//! ```text
//! codec u16 · parts u16 · length u32 × parts · the parts
//! ```
//! The receiver must know the codecs that are named; [`Auto`] itself is never among them, so packets nest one level
//! deep. Where all of them decode to integers, so does the choice ([`Auto::exact`]).

mod allocate;
mod part;
pub mod report;

pub use report::{Choice, Report, TensorFormat, Trial};

use crate::{
    Absmax4, Absmax8, Chain, CodecId, CompressError, Compressor, Dense, Ecsq, ErrorBound, ExactDecoder,
    Float, Limits, Nf4, Packet, Properties, Registry, Sliced, TensorTrain, Top, Uniform,
    dense::{check_finite, tensors},
    sparse::{Density, Precision},
};
use allocate::{Point, allocate, cheapest};
use bitneuron_core::{Layout, Params, Seed, params::Entry};
use part::{HEADER, at_place, read_part, write_part};
use std::{fmt, sync::Arc};

/// What the choice is made for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// The fewest bytes with ‖x − x̂‖ ≤ ε ‖x‖ for every tensor.
    Error(f64),
    /// The least ‖x − x̂‖ of all tensors together in a packet of at most so many bytes.
    Bytes(usize),
}

/// Chooses a codec for each tensor.
///
/// ```
/// use bitneuron_compress::{Auto, auto::Budget};
/// use bitneuron_core::{Layout, Params, Seed, params::Entry};
/// use std::sync::Arc;
/// // The first is of rank 1, the second is not.
/// let layout = Arc::new(Layout::of(&[("smooth", &[64, 64]), ("rough", &[64, 64])])?);
/// let value = |i: usize| if i < 4096 { (i / 64 * (i % 64)) as f32 } else { (i * i % 251) as f32 - 125.0 };
/// let params = Params::new((0..8192).map(value).collect(), layout)?;
/// let (packet, report) = Auto::standard(Budget::Error(0.1))?.compress_with_report(&params, Seed::default())?;
/// assert!(report.error <= 0.1 && packet.len() < 4096);
/// assert_ne!(report.choices[0].chosen.codec, report.choices[1].chosen.codec);
/// assert!(report.to_string().contains("did not pay"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Auto {
    candidates: Vec<Arc<dyn Compressor>>,
    decoders: Registry,
    budget: Budget,
}

impl Auto {
    /// Chooses among `candidates` and [`Dense`], which carries everything.
    ///
    /// # Errors
    /// A candidate chooses by itself, or an error budget is not within 0 … 1.
    pub fn new(candidates: Vec<Arc<dyn Compressor>>, budget: Budget) -> Result<Self, CompressError> {
        let mut decoders = Registry::new();
        candidates.iter().for_each(|candidate| decoders.insert(candidate.clone()));
        Self::choosing(candidates, decoders, budget)
    }

    /// Chooses among `candidates` and [`Dense`], all of which decode to integers, so that the choice does.
    ///
    /// # Errors
    /// As [`Auto::new`].
    pub fn exact(candidates: Vec<Arc<dyn ExactDecoder>>, budget: Budget) -> Result<Self, CompressError> {
        let mut decoders = Registry::new();
        candidates.iter().for_each(|candidate| decoders.insert_exact(candidate.clone()));
        let candidates = candidates.into_iter().map(|candidate| candidate as Arc<dyn Compressor>).collect();
        Self::choosing(candidates, decoders, budget)
    }

    fn choosing(
        candidates: Vec<Arc<dyn Compressor>>,
        mut decoders: Registry,
        budget: Budget,
    ) -> Result<Self, CompressError> {
        if matches!(budget, Budget::Error(error) if !(0.0..=1.0).contains(&error)) {
            return Err(CompressError::Config("an error budget is 0 to 1"));
        }
        if candidates.iter().any(|candidate| candidate.codec() == CodecId::AUTO) {
            return Err(CompressError::Config("a choice of codecs is not chosen itself"));
        }
        let dense: Arc<dyn Compressor> = Arc::new(Dense);
        decoders.insert_exact(Arc::new(Dense));
        Ok(Self { candidates: std::iter::once(dense).chain(candidates).collect(), decoders, budget })
    }

    /// Reads tensors of all codecs that `decoders` knows, besides those it chooses from.
    #[must_use]
    pub fn with_decoders(mut self, decoders: &Registry) -> Self {
        self.decoders.extend(decoders);
        self
    }

    /// Chooses among codecs of this crate: uniform of 1 to 8 bits, blocks of 4 and 8 bits, half precision, steps with an entropy
    /// coder, trains with and without steps by their slices, the largest values.
    ///
    /// # Errors
    /// As [`Auto::new`].
    pub fn standard(budget: Budget) -> Result<Self, CompressError> {
        let tolerances = match budget {
            // The quantiser behind it needs some of the error.
            Budget::Error(error) => vec![0.7 * error, 0.9 * error],
            Budget::Bytes(_) => vec![0.01, 0.03, 0.1, 0.3, 0.5],
        };
        let steps = match budget {
            Budget::Error(error) => vec![error],
            Budget::Bytes(_) => vec![0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5],
        };
        let mut candidates: Vec<Arc<dyn ExactDecoder>> = Vec::new();
        for error in steps.iter().map(|error| error.max(1e-6)) {
            candidates.push(Arc::new(Ecsq::relative_error(error)?));
        }
        for bits in 1..=8 {
            candidates.push(Arc::new(Uniform::new(bits)?));
        }
        let blocks: [Arc<dyn ExactDecoder>; 4] =
            [Arc::new(Nf4), Arc::new(Absmax4::default()), Arc::new(Absmax8::default()), Arc::new(Float::F16)];
        candidates.extend(blocks);
        for tolerance in tolerances.iter().map(|tolerance| tolerance.max(1e-6)) {
            let train = TensorTrain::tolerance(tolerance)?;
            candidates.push(Arc::new(train));
            for bits in [5.0, 8.0] {
                candidates.push(Arc::new(Chain::new(train, Sliced::bits(bits)?)?));
            }
        }
        for of in [100, 30, 10, 5] {
            let top = Top::new(Density::new(1, of)?);
            candidates.push(Arc::new(top.with_precision(Precision::Byte)));
        }
        Self::exact(candidates, budget)
    }

    /// The codecs that are tried, by the index that a [`Trial`] names; [`Dense`] is the first.
    pub fn candidates(&self) -> &[Arc<dyn Compressor>] {
        &self.candidates
    }

    /// Compresses, and tells what was chosen.
    ///
    /// # Errors
    /// A value is not finite, or the smallest packet has more bytes than the budget.
    pub fn compress_with_report(
        &self,
        params: &Params,
        seed: Seed,
    ) -> Result<(Packet, Report), CompressError> {
        check_finite(params.values())?;
        let singles = singles(params)?;
        let trials: Vec<Vec<Point>> =
            singles.iter().map(|single| self.trials(&single.params, single.seed(seed))).collect();
        let frame = Packet::HEADER + 4 * params.layout().entries().len();
        let chosen = self.choose(&trials, &singles, frame)?;
        let mut parts = vec![Vec::new(); params.layout().entries().len()];
        let (mut choices, mut square) = (Vec::new(), 0.0);
        for ((single, point), trials) in singles.iter().zip(chosen).zip(&trials) {
            if let Some(place) = parts.get_mut(single.index) {
                *place = write_part(&self.candidate(point)?.compress(&single.params, single.seed(seed))?);
            }
            square += point.square;
            choices.push(self.told(single, point, trials)?);
        }
        let packet = Packet::new(CodecId::AUTO, params.layout().digest(), parts)?;
        let norm = singles.iter().map(|single| single.square).sum();
        let report = Report { choices, bytes: packet.len(), error: relative(square, norm) };
        Ok((packet, report))
    }

    /// Every candidate that can carry the tensor.
    fn trials(&self, tensor: &Params, seed: Seed) -> Vec<Point> {
        let trial = |(candidate, codec): (usize, &Arc<dyn Compressor>)| {
            let packet = codec.compress(tensor, seed).ok()?;
            let limits = Limits { bytes: packet.len(), elements: tensor.values().len() };
            let back = codec.decompress(&packet, tensor.layout(), limits).ok()?;
            let bytes = packet.parts().iter().fold(HEADER, |sum, part| sum + 4 + part.len());
            Some(Point { candidate, bytes, square: square_of_error(tensor, &back) })
        };
        self.candidates.iter().enumerate().filter_map(trial).collect()
    }

    /// One point for each tensor, in a packet with `frame` bytes besides.
    fn choose(
        &self,
        trials: &[Vec<Point>],
        singles: &[Single],
        frame: usize,
    ) -> Result<Vec<Point>, CompressError> {
        match self.budget {
            Budget::Error(error) => trials
                .iter()
                .zip(singles)
                .map(|(points, single)| {
                    cheapest(points, error * error * single.square)
                        .ok_or(CompressError::Config("a tensor can be carried by none of the codecs"))
                })
                .collect(),
            Budget::Bytes(bytes) => allocate(trials, bytes.saturating_sub(frame)),
        }
    }

    fn candidate(&self, point: Point) -> Result<&Arc<dyn Compressor>, CompressError> {
        self.candidates.get(point.candidate).ok_or(CompressError::Config("no such candidate"))
    }

    fn trial(&self, point: Point, norm: f64) -> Result<Trial, CompressError> {
        let Point { candidate, bytes, square } = point;
        let codec = self.candidate(point)?.codec();
        Ok(Trial { codec, candidate, bytes, error: relative(square, norm) })
    }

    fn told(&self, single: &Single, chosen: Point, trials: &[Point]) -> Result<Choice, CompressError> {
        let is_format = |point: &&Point| {
            self.candidates.get(point.candidate).is_some_and(|codec| codec.codec().transform() != 0)
        };
        let formats: Vec<Point> = trials.iter().filter(is_format).copied().collect();
        let allowed = match self.budget {
            Budget::Error(error) => error * error * single.square,
            Budget::Bytes(_) => chosen.square,
        };
        let best = cheapest(&formats, allowed)
            .or_else(|| formats.iter().copied().min_by(|a, b| a.square.total_cmp(&b.square)));
        let format = match best {
            None => TensorFormat::NotTried,
            Some(_) if is_format(&&chosen) => TensorFormat::Paid,
            Some(best) => TensorFormat::DidNotPay(self.trial(best, single.square)?),
        };
        let entry = single.params.layout().entries().first();
        Ok(Choice {
            tensor: entry.map(|entry| entry.name.clone()).unwrap_or_default(),
            elements: single.params.values().len(),
            chosen: self.trial(chosen, single.square)?,
            format,
        })
    }

    /// Decodes every tensor with elements by `decode`, which is given its packet and layout.
    fn assemble<V: Clone>(
        &self,
        packet: &Packet,
        expect: &Layout,
        limits: Limits,
        decode: impl Fn(&Packet, &Arc<Layout>, Limits) -> Result<Vec<V>, CompressError>,
    ) -> Result<Vec<V>, CompressError> {
        packet.check(self.codec(), expect, limits)?;
        let mut values = Vec::new();
        for (part, (bytes, entry)) in packet.parts_of(expect)?.iter().zip(expect.entries()).enumerate() {
            let elements = entry.elements().unwrap_or_default();
            if elements == 0 && !bytes.is_empty() {
                return Err(CompressError::PartLength { part, found: bytes.len(), expected: 0 });
            }
            if elements > 0 {
                let (inner, layout) = read_part(bytes, entry)?;
                // The header of the inner packet does not stand in the part.
                let limits = Limits { bytes: inner.len(), elements };
                let decoded = decode(&inner, &layout, limits);
                values.extend(decoded.map_err(|error| at_place(error, values.len()))?);
            }
        }
        Ok(values)
    }
}

/// A tensor with elements, as parameters of its own.
struct Single {
    index: usize,
    params: Params,
    /// ‖x‖².
    square: f64,
}

impl Single {
    fn seed(&self, seed: Seed) -> Seed {
        seed.derive_number("tensor", self.index as u64)
    }
}

fn singles(params: &Params) -> Result<Vec<Single>, CompressError> {
    let entries = params.layout().entries().iter();
    let tensors = entries.zip(tensors(params)).enumerate().filter(|(_, (_, values))| !values.is_empty());
    let single = |(index, (entry, values)): (usize, (&Entry, &[f32]))| {
        let layout = Arc::new(Layout::new(vec![entry.clone()])?);
        let square = values.iter().map(|value| f64::from(*value).powi(2)).sum();
        Ok(Single { index, params: Params::new(values.to_vec(), layout)?, square })
    };
    tensors.map(single).collect()
}

fn square_of_error(original: &Params, decoded: &Params) -> f64 {
    let pairs = original.values().iter().zip(decoded.values());
    pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

fn relative(square: f64, norm: f64) -> f64 {
    if square > 0.0 { (square / norm).sqrt() } else { 0.0 }
}

impl Default for Auto {
    /// [`Auto::standard`] with an error of one in ten.
    fn default() -> Self {
        let budget = Budget::Error(0.1);
        let plain = |_| Self { candidates: vec![Arc::new(Dense)], decoders: Registry::new(), budget };
        Self::standard(budget).unwrap_or_else(plain)
    }
}

impl fmt::Debug for Auto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codecs: Vec<CodecId> = self.candidates.iter().map(Compressor::codec).collect();
        f.debug_struct("Auto")
            .field("budget", &self.budget)
            .field("candidates", &codecs)
            .field("decoders", &self.decoders)
            .finish()
    }
}

impl Compressor for Auto {
    fn codec(&self) -> CodecId {
        CodecId::AUTO
    }

    fn properties(&self) -> Properties {
        match self.budget {
            Budget::Error(error) => Properties { contraction: 1.0 - error * error, ..Properties::default() },
            Budget::Bytes(_) => Properties::default(),
        }
    }

    /// With an error budget that error for each tensor; otherwise nothing.
    fn error(&self) -> ErrorBound {
        match self.budget {
            // The square root of a sum of squares is rounded.
            Budget::Error(error) => ErrorBound::Norm(error * (1.0 + 1e-9)),
            Budget::Bytes(_) => ErrorBound::Unknown,
        }
    }

    fn compress(&self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        self.compress_with_report(params, seed).map(|(packet, _)| packet)
    }

    fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError> {
        let values = self.assemble(packet, expect, limits, |inner, layout, limits| {
            Ok(self.decoders.decompress(inner, layout, limits)?.into_values())
        })?;
        Ok(Params::new(values, expect.clone())?)
    }
}

impl ExactDecoder for Auto {
    /// That of all tensors together.
    fn work(&self, packet: &Packet, expect: &Layout) -> u64 {
        let parts = packet.parts().iter().zip(expect.entries());
        let works = parts.map(|(bytes, entry)| {
            let (inner, layout) = read_part(bytes, entry).ok()?;
            Some(self.decoders.exact(inner.codec()).ok()?.work(&inner, &layout))
        });
        works.flatten().fold(0, u64::saturating_add)
    }

    fn decode_fixed(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError> {
        self.assemble(packet, expect, limits, |inner, layout, limits| {
            self.decoders.exact(inner.codec())?.decode_fixed(inner, layout, limits, fraction)
        })
    }
}
