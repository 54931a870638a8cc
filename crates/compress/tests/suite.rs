//! The codecs of this crate keep the laws; for every law a codec that breaks it is refused by that law.

use bitneuron_compress::{
    Absmax4, Absmax8, Auto, CanonicalPolyadic, Chain, Chunked, CodecId, CompressError, Compressor, Cosine,
    Dense, Ecsq, ErrorBound, ExactDecoder, Factors, Float, Limits, LowRank, Nf4, Packet, Properties, Random,
    Rotated, Sign, Sliced, TensorTrain, TensorTrainMatrix, Ternary, Top, Transform, Truncation, Tucker,
    Uniform,
    auto::Budget,
    cp::Als,
    sparse::{Density, Precision},
    suite::{Law, check, check_exact},
};
use bitneuron_core::{Layout, Params, Seed, params::Entry};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[test]
fn dense_keeps_the_laws() {
    check(&Dense, Dense.error()).expect("lawful");
    check_exact(&Dense).expect("lawful");
    check(&Arc::new(Dense), ErrorBound::Lossless).expect("pointers forward");
}

#[test]
fn uniform_keeps_the_laws() {
    for bits in 1..=16 {
        let codec = Uniform::new(bits).expect("in range");
        let blocks = codec.with_block(7).expect("positive");
        for codec in [codec, blocks, codec.stochastic(), blocks.stochastic()] {
            check(&codec, codec.error()).expect("lawful");
            check_exact(&codec).expect("lawful");
        }
    }
}

#[test]
fn formats_of_fixed_length_keep_the_laws() {
    for codec in [Absmax8::default(), Absmax8::default().stochastic()] {
        check(&codec, codec.error()).expect("lawful");
        check_exact(&codec).expect("lawful");
    }
    for codec in [Absmax4::default(), Absmax4::default().stochastic()] {
        check(&codec, codec.error()).expect("lawful");
        check_exact(&codec).expect("lawful");
    }
    check(&Nf4, Nf4.error()).expect("lawful");
    check_exact(&Nf4).expect("lawful");
    for codec in [Float::E4M3, Float::E5M2, Float::F16, Float::BF16] {
        check(&codec, codec.error()).expect("lawful");
        check_exact(&codec).expect("lawful");
    }
    check(&Sign, Sign.error()).expect("lawful");
    check_exact(&Sign).expect("lawful");
}

#[test]
fn entropy_coded_formats_keep_the_laws() {
    let codecs = [
        Ecsq::default(),
        Ecsq::step(0.01).expect("positive"),
        Ecsq::relative_error(0.1).expect("in range"),
        Ecsq::relative_error(1e-4).expect("in range").dead_zone(),
        Ecsq::bits(2.0).expect("in range").per_tensor(),
    ];
    for codec in &codecs[..1] {
        check(codec, codec.error()).expect("lawful");
    }
    for codec in &codecs[2..] {
        check(codec, codec.error()).expect("lawful");
        check_exact(codec).expect("lawful");
    }
    for bits in 1..=7 {
        let codec = Rotated::new(bits).expect("in range");
        check(&codec, codec.error()).expect("lawful");
    }
}

#[test]
fn steps_by_slices_keep_the_laws() {
    for bits in [1.0, 4.0, 8.0] {
        let codec = Sliced::bits(bits).expect("in range");
        for codec in [codec, codec.keep_gauge()] {
            check(&codec, codec.error()).expect("lawful");
            check_exact(&codec).expect("lawful");
        }
    }
    let codec =
        Chain::new(TensorTrain::default(), Sliced::bits(9.0).expect("in range")).expect("one transform");
    check(&codec, ErrorBound::Norm(0.1)).expect("lawful");
    check_exact(&codec).expect("lawful");
}

#[test]
fn tensor_train_keeps_the_laws() {
    for codec in [1e-6, 1e-3, 0.1, 0.5].map(|tolerance| TensorTrain::tolerance(tolerance).expect("in range"))
    {
        check(&codec, codec.error()).expect("lawful");
        check_exact(&codec).expect("lawful");
    }
    for codec in [1, 4, 20].map(|rank| TensorTrain::max_rank(rank).expect("in range")) {
        check(&codec, codec.error()).expect("lawful");
    }
}

#[test]
fn chain_keeps_the_laws() {
    let codec =
        Chain::new(TensorTrain::default(), Uniform::new(8).expect("in range")).expect("one transform");
    check(&codec, ErrorBound::Norm(0.05)).expect("lawful");
    check_exact(&codec).expect("lawful");
    assert!(Chain::new(TensorTrain::default(), codec).is_err(), "two transforms have no name");
}

#[test]
fn sparse_codecs_keep_the_laws() {
    for (kept, of) in [(1, 400), (1, 100), (1, 10), (2, 3), (1, 1)] {
        let density = Density::new(kept, of).expect("in range");
        let top = Top::new(density);
        for codec in [top, top.with_precision(Precision::Byte)] {
            check(&codec, codec.error()).expect("lawful");
            check_exact(&codec).expect("lawful");
        }
        let (ternary, chunked) = (Ternary::new(density), Chunked::new(density));
        check(&ternary, ternary.error()).expect("lawful");
        check_exact(&ternary).expect("lawful");
        check(&chunked, chunked.error()).expect("lawful");
        check_exact(&chunked).expect("lawful");
        let cosine = Cosine::new(density);
        for codec in [cosine, cosine.with_chunk(16).expect("allowed").with_precision(Precision::Byte)] {
            check(&codec, codec.error()).expect("lawful");
        }
    }
}

#[test]
fn random_keeps_the_laws() {
    for (kept, of) in [(1, 20), (1, 4), (2, 3), (1, 1)] {
        let scaled = Random::new(Density::new(kept, of).expect("in range"));
        for codec in [scaled, scaled.unscaled()] {
            check(&codec, codec.error()).expect("lawful");
            check_exact(&codec).expect("lawful");
        }
    }
}

#[test]
fn auto_keeps_the_laws() {
    for budget in [Budget::Error(0.0), Budget::Error(0.1), Budget::Error(0.7), Budget::Bytes(60_000)] {
        let codec = Auto::standard(budget).expect("in range");
        check(&codec, codec.error()).expect("lawful");
        check_exact(&codec).expect("lawful");
    }
}

#[test]
fn matrix_trains_and_tucker_keep_the_laws() {
    for tolerance in [1e-6, 1e-3, 0.1, 0.5].map(Truncation::Tolerance) {
        let train = TensorTrainMatrix::new(tolerance).expect("in range");
        check(&train, train.error()).expect("lawful");
        check_exact(&train).expect("lawful");
        let tucker = Tucker::new(tolerance, 2).expect("in range");
        check(&tucker, tucker.error()).expect("lawful");
        check_exact(&tucker).expect("lawful");
    }
    for rank in [1, 4, 20].map(Truncation::MaxRank) {
        let (train, tucker) =
            (TensorTrainMatrix::new(rank).expect("in range"), Tucker::new(rank, 2).expect("in range"));
        check(&train, train.error()).expect("lawful");
        check(&tucker, tucker.error()).expect("lawful");
    }
}

#[test]
fn components_and_low_ranks_keep_the_laws() {
    for als in [
        Als { restarts: 1, iterations: 30, ..Als::new(3) },
        Als { nonnegative: true, iterations: 30, ..Als::new(2) },
    ] {
        let codec = CanonicalPolyadic::new(als).expect("in range");
        check(&codec, codec.error()).expect("lawful");
        check_exact(&codec).expect("lawful");
    }
    for rank in [1, 3, 8] {
        let codec = LowRank::new(rank).expect("in range");
        check(&codec, codec.error()).expect("lawful");
        check_exact(&codec).expect("lawful");
    }
}

#[test]
fn chains_of_every_transform_keep_the_laws() {
    let bits = Uniform::new(8).expect("in range");
    let train = Chain::new(TensorTrainMatrix::default(), bits).expect("one transform");
    check(&train, ErrorBound::Norm(0.05)).expect("lawful");
    check_exact(&train).expect("lawful");
    let tucker = Chain::new(Tucker::default(), bits).expect("one transform");
    check(&tucker, ErrorBound::Norm(0.05)).expect("lawful");
    check_exact(&tucker).expect("lawful");
    let components =
        CanonicalPolyadic::new(Als { restarts: 0, iterations: 20, ..Als::new(2) }).expect("in range");
    check(&Chain::new(components, bits).expect("one transform"), ErrorBound::Unknown).expect("lawful");
    let low_rank = Chain::new(LowRank::default(), bits).expect("one transform");
    check(&low_rank, ErrorBound::Unknown).expect("lawful");
    check_exact(&low_rank).expect("lawful");
}

/// A transform from outside the crate, which turns the signs.
struct Turned;

impl Transform for Turned {
    fn id(&self) -> u8 {
        0x80
    }

    fn forward(&self, params: &Params, _seed: Seed) -> Result<Factors, CompressError> {
        let turned = params.values().iter().map(|x| -x).collect();
        Ok(Factors { structure: vec![7], params: Params::new(turned, params.layout().clone())? })
    }

    fn layout(&self, structure: &[u8], expect: &Layout) -> Result<Arc<Layout>, CompressError> {
        if structure == [7] { Ok(Arc::new(expect.clone())) } else { Err(CompressError::Malformed("not 7")) }
    }

    fn inverse(&self, _: &[u8], factors: &Params, expect: &Arc<Layout>) -> Result<Params, CompressError> {
        Ok(Params::new(factors.values().iter().map(|x| -x).collect(), expect.clone())?)
    }
}

#[test]
fn transforms_from_outside_keep_the_laws() {
    check(&Chain::new(Turned, Dense).expect("one transform"), ErrorBound::Lossless).expect("lawful");
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    WrongValue,
    OwnEntropy,
    OtherName,
    ReadsAnyName,
    ReadsAnyLayout,
    NoLimits,
    LateLimits,
    Panics,
    GivesInfinity,
    IgnoresTheRest,
    TakesNan,
    WrongInteger,
    NoInterval,
    ClaimsNoBias,
    ClaimsContraction,
    ClaimsLinear,
    AddsItsOwn,
    AddsWhatItRefuses,
}

/// `Dense` with one fault.
struct Wrong(Fault, AtomicU64);

const NO_LIMITS: Limits = Limits { bytes: usize::MAX, elements: usize::MAX };

impl Wrong {
    fn new(fault: Fault) -> Self {
        Self(fault, AtomicU64::new(0))
    }

    /// The packet with other parts or header.
    fn edit(packet: &Packet, layout: &Layout, keep: impl Fn(usize, &[u8]) -> Vec<u8>) -> Packet {
        let parts = packet.parts().iter().enumerate().map(|(index, part)| keep(index, part)).collect();
        Packet::new(CodecId::DENSE, layout.digest(), parts).expect("small")
    }
}

impl Compressor for Wrong {
    fn codec(&self) -> CodecId {
        if self.0 == Fault::OtherName { CodecId::UNIFORM } else { CodecId::DENSE }
    }

    fn properties(&self) -> Properties {
        match self.0 {
            Fault::ClaimsNoBias => Properties { unbiased: true, ..Properties::default() },
            Fault::ClaimsContraction => Properties { contraction: 0.9, ..Properties::default() },
            Fault::ClaimsLinear => Properties { linear: true, ..Properties::default() },
            _ => Properties::default(),
        }
    }

    fn compress(&self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        let mut params = params.clone();
        let calls = self.1.fetch_add(1, Ordering::Relaxed);
        if self.0 == Fault::TakesNan {
            params.values_mut().iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = 0.0);
        }
        if self.0 == Fault::OwnEntropy {
            params.values_mut().iter_mut().for_each(|value| *value *= 1.0 + calls as f32 * 1e-6);
        }
        Dense.compress(&params, seed)
    }

    fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError> {
        let whole = |_: usize, part: &[u8]| part.to_vec();
        match self.0 {
            Fault::WrongValue => {
                let mut params = Dense.decompress(packet, expect, limits)?;
                params.values_mut().iter_mut().for_each(|value| *value *= 1.001);
                Ok(params)
            }
            Fault::ClaimsNoBias | Fault::ClaimsContraction | Fault::ClaimsLinear => {
                let mut params = Dense.decompress(packet, expect, limits)?;
                let claims_linear = self.0 == Fault::ClaimsLinear;
                let wrong = |value: f32| if claims_linear { value.abs() } else { value / 2.0 };
                params.values_mut().iter_mut().for_each(|value| *value = wrong(*value));
                Ok(params)
            }
            Fault::ReadsAnyName => {
                packet.check(packet.codec(), expect, limits)?;
                Dense.decompress(&Self::edit(packet, expect, whole), expect, limits)
            }
            Fault::ReadsAnyLayout => {
                packet.check(CodecId::DENSE, expect, limits).or_else(|error| match error {
                    CompressError::Layout => Ok(()),
                    other => Err(other),
                })?;
                Dense.decompress(&Self::edit(packet, expect, whole), expect, limits)
            }
            Fault::NoLimits => Dense.decompress(packet, expect, NO_LIMITS),
            Fault::LateLimits => {
                let params = Dense.decompress(packet, expect, NO_LIMITS)?;
                packet.check(CodecId::DENSE, expect, limits)?;
                Ok(params)
            }
            Fault::Panics => match Dense.decompress(packet, expect, limits) {
                // An index from outside that nobody checked.
                Err(CompressError::PartLength { part, .. }) => {
                    Ok(Params::new(vec![Vec::new()[part]; expect.len()], expect.clone())?)
                }
                other => other,
            },
            Fault::GivesInfinity => match Dense.decompress(packet, expect, limits) {
                Err(CompressError::NotFinite { .. }) => {
                    Ok(Params::new(vec![f32::INFINITY; expect.len()], expect.clone())?)
                }
                other => other,
            },
            Fault::IgnoresTheRest => {
                packet.check(CodecId::DENSE, expect, limits)?;
                let cut = |index: usize, part: &[u8]| {
                    let length = 4 * expect.entries().get(index).and_then(Entry::elements).unwrap_or(0);
                    part[..length.min(part.len())].to_vec()
                };
                Dense.decompress(&Self::edit(packet, expect, cut), expect, limits)
            }
            _ => Dense.decompress(packet, expect, limits),
        }
    }

    fn decompress_onto(
        &self,
        packet: &Packet,
        weight: f32,
        onto: &mut Params,
        limits: Limits,
    ) -> Result<(), CompressError> {
        let decoded = self.decompress(packet, onto.layout(), limits);
        let outcome = decoded.map(|decoded| {
            let sums = onto.values_mut().iter_mut().zip(decoded.values());
            sums.for_each(|(sum, value)| *sum += weight * value);
        });
        if self.0 == Fault::AddsItsOwn || self.0 == Fault::AddsWhatItRefuses && outcome.is_err() {
            onto.values_mut().iter_mut().for_each(|value| *value += 1.0);
        }
        outcome
    }
}

impl ExactDecoder for Wrong {
    fn decode_fixed(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError> {
        let mut integers = match (self.0, Dense.decode_fixed(packet, expect, limits, fraction)) {
            (Fault::NoInterval, Err(CompressError::Interval { .. })) => vec![0; expect.len()],
            (_, outcome) => outcome?,
        };
        if self.0 == Fault::WrongInteger {
            integers.iter_mut().for_each(|integer| *integer = *integer / 4 * 4);
        }
        Ok(integers)
    }
}

#[test]
fn every_law_refuses_its_breaker() {
    let breakers = [
        (Fault::WrongValue, Law::RoundTrip),
        (Fault::OwnEntropy, Law::Deterministic),
        (Fault::OtherName, Law::Name),
        (Fault::ReadsAnyName, Law::Name),
        (Fault::ReadsAnyLayout, Law::Layout),
        (Fault::NoLimits, Law::Limits),
        (Fault::LateLimits, Law::Limits),
        (Fault::Panics, Law::Hostile),
        (Fault::GivesInfinity, Law::Hostile),
        (Fault::IgnoresTheRest, Law::Canonical),
        (Fault::TakesNan, Law::Finite),
        (Fault::ClaimsNoBias, Law::Promises),
        (Fault::ClaimsContraction, Law::Promises),
        (Fault::ClaimsLinear, Law::Promises),
        (Fault::AddsItsOwn, Law::Promises),
        (Fault::AddsWhatItRefuses, Law::Promises),
    ];
    for (fault, law) in breakers {
        // Entropy of its own is seen as such only where a small error is declared.
        let declared = match fault {
            Fault::OwnEntropy => ErrorBound::Norm(1e-3),
            Fault::ClaimsNoBias | Fault::ClaimsContraction | Fault::ClaimsLinear => ErrorBound::Unknown,
            _ => ErrorBound::Lossless,
        };
        let violation = check(&Wrong::new(fault), declared).expect_err("a breaker");
        assert_eq!(violation.law, law, "{fault:?}: {violation}");
    }
    for fault in [Fault::WrongInteger, Fault::NoInterval] {
        let violation = check_exact(&Wrong::new(fault)).expect_err("a breaker");
        assert_eq!(violation.law, Law::Exact, "{fault:?}: {violation}");
    }
    check(&Wrong::new(Fault::WrongInteger), ErrorBound::Lossless)
        .expect("faults of integers break no other law");
}
