//! The laws of [`Compressor`], one function each.

use super::{Law, Violation, cases, guarded, mutant, promises, told};
use crate::{CodecId, CompressError, Compressor, ErrorBound, Limits, Packet};
use bitneuron_core::{Layout, Params, Seed, params::Entry};
use std::sync::Arc;

/// Mutants of the packet of each case.
const MUTANTS: u64 = 200;
/// Parts of a packet whose lengths are tried.
const PARTS: usize = 16;

/// Checks every law of [`Compressor`]; `error` is what is asked of the codec besides what it declares itself.
///
/// # Errors
/// The first law that is broken.
pub fn check(codec: &dyn Compressor, error: ErrorBound) -> Result<(), Violation> {
    let cases = cases().map_err(|error| Violation::new(Law::RoundTrip, 0, error.to_string()))?;
    for (case, params) in cases.iter().enumerate() {
        let subject = Subject::new(codec, case, params)?;
        subject.name()?;
        subject.round_trip(error)?;
        subject.deterministic()?;
        subject.layout()?;
        subject.limits()?;
        subject.canonical()?;
        subject.hostile()?;
        subject.finite()?;
        subject.onto()?;
        promises::check(codec, case, params)?;
    }
    Ok(())
}

/// A codec, one case, and its packet.
struct Subject<'a> {
    codec: &'a dyn Compressor,
    case: usize,
    params: &'a Params,
    packet: Packet,
    limits: Limits,
}

impl<'a> Subject<'a> {
    const SEED: u64 = 7;

    fn new(codec: &'a dyn Compressor, case: usize, params: &'a Params) -> Result<Self, Violation> {
        let packet = guarded(case, || codec.compress(params, Seed::from_number(Self::SEED)))?;
        let packet = packet.map_err(|error| Violation::new(Law::RoundTrip, case, error.to_string()))?;
        let limits = Limits { bytes: packet.len(), elements: params.values().len() };
        Ok(Self { codec, case, params, packet, limits })
    }

    fn broken(&self, law: Law, how: impl Into<String>) -> Violation {
        Violation::new(law, self.case, how)
    }

    fn decode(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Result<Params, CompressError>, Violation> {
        guarded(self.case, || self.codec.decompress(packet, expect, limits))
    }

    /// A packet with other parts.
    fn with_parts(&self, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Result<Packet, Violation> {
        let mut parts = self.packet.parts().iter().map(|part| part.0.clone()).collect();
        change(&mut parts);
        Packet::new(self.packet.codec(), self.packet.layout(), parts)
            .map_err(|error| self.broken(Law::Canonical, error.to_string()))
    }

    /// A packet with the same parts and another header.
    fn with_header(&self, codec: CodecId, layout: &Layout) -> Result<Packet, Violation> {
        let parts = self.packet.parts().iter().map(|part| part.0.clone()).collect();
        Packet::new(codec, layout.digest(), parts)
            .map_err(|error| self.broken(Law::Canonical, error.to_string()))
    }

    fn name(&self) -> Result<(), Violation> {
        if self.packet.codec() != self.codec.codec() {
            return Err(self.broken(Law::Name, format!("a packet of {}", self.packet.codec())));
        }
        let renamed = self.with_header(CodecId(self.packet.codec().0 ^ 0x8080), self.params.layout())?;
        match self.decode(&renamed, self.params.layout(), self.limits)? {
            Err(CompressError::Codec { .. }) => Ok(()),
            other => Err(self.broken(Law::Name, format!("a packet of another codec: {}", told(&other)))),
        }
    }

    fn round_trip(&self, error: ErrorBound) -> Result<(), Violation> {
        match self.decode(&self.packet, self.params.layout(), self.limits)? {
            Ok(back) if !error.admits(self.params, &back) => {
                Err(self.broken(Law::RoundTrip, format!("outside {error:?}")))
            }
            Ok(back) if !self.codec.error().admits(self.params, &back) => {
                Err(self.broken(Law::RoundTrip, format!("outside its own {:?}", self.codec.error())))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(self.broken(Law::RoundTrip, error.to_string())),
        }
    }

    fn deterministic(&self) -> Result<(), Violation> {
        let again = Self::new(self.codec, self.case, self.params)?;
        if again.packet.to_bytes() != self.packet.to_bytes() {
            return Err(self.broken(Law::Deterministic, "one seed, two packets"));
        }
        let decode = || self.decode(&self.packet, self.params.layout(), self.limits);
        match (decode()?, decode()?) {
            (Ok(a), Ok(b)) if ErrorBound::Lossless.admits(&a, &b) => Ok(()),
            _ => Err(self.broken(Law::Deterministic, "one packet, two outcomes")),
        }
    }

    fn layout(&self) -> Result<(), Violation> {
        if self.packet.layout() != self.params.layout().digest() {
            return Err(self.broken(Law::Layout, "bound to another layout"));
        }
        // The same shapes under other names, with one more tensor of no elements where there was none.
        let mut entries: Vec<Entry> = self.params.layout().entries().to_vec();
        entries.iter_mut().for_each(|entry| entry.name.push('\''));
        if entries.is_empty() {
            entries.push(Entry { name: "nothing".into(), shape: vec![0] });
        }
        let other =
            Arc::new(Layout::new(entries).map_err(|error| self.broken(Law::Layout, error.to_string()))?);
        match self.decode(&self.packet, &other, self.limits)? {
            Err(CompressError::Layout) => Ok(()),
            outcome => Err(self.broken(Law::Layout, format!("another layout: {}", told(&outcome)))),
        }
    }

    fn limits(&self) -> Result<(), Violation> {
        let Limits { bytes, elements } = self.limits;
        let gutted = self.with_parts(Vec::clear)?;
        let short = Limits { bytes: bytes - 1, elements };
        let few = Limits { bytes, elements: elements.saturating_sub(1) };
        // A packet without parts is malformed as well: the limits have to be what is looked at first.
        let mut trials = vec![(&self.packet, short), (&gutted, Limits { bytes: gutted.len() - 1, elements })];
        if elements > 0 {
            trials.extend([(&self.packet, few), (&gutted, few)]);
        }
        for (packet, limits) in trials {
            match self.decode(packet, self.params.layout(), limits)? {
                Err(CompressError::TooLarge { .. }) => {}
                outcome => {
                    return Err(self.broken(Law::Limits, format!("under {limits:?}: {}", told(&outcome))));
                }
            }
        }
        Ok(())
    }

    fn canonical(&self) -> Result<(), Violation> {
        let bytes = self.packet.to_bytes();
        let parsed = Packet::from_bytes(&bytes, self.limits);
        if parsed.is_err() || parsed.is_ok_and(|packet| packet != self.packet) {
            return Err(self.broken(Law::Canonical, "the packet does not come back from its bytes"));
        }
        let mut wrong = vec![self.with_parts(|parts| parts.push(Vec::new()))?];
        if !self.packet.parts().is_empty() {
            wrong.push(self.with_parts(|parts| drop(parts.pop()))?);
        }
        for index in 0..self.packet.parts().len().min(PARTS) {
            wrong.push(
                self.with_parts(|parts| parts.iter_mut().skip(index).take(1).for_each(|part| part.push(0)))?,
            );
            if self.packet.parts().get(index).is_some_and(|part| !part.is_empty()) {
                let cut = |parts: &mut Vec<Vec<u8>>| {
                    parts.iter_mut().skip(index).take(1).for_each(|part| part.truncate(part.len() - 1));
                };
                wrong.push(self.with_parts(cut)?);
            }
        }
        let limits = Limits { bytes: self.limits.bytes + 8, ..self.limits };
        for packet in wrong {
            if self.decode(&packet, self.params.layout(), limits)?.is_ok() {
                return Err(self.broken(Law::Canonical, "a part too long, short, many or few was accepted"));
            }
        }
        Ok(())
    }

    fn hostile(&self) -> Result<(), Violation> {
        let limits = Limits { bytes: self.limits.bytes + 64, ..self.limits };
        for number in 0..MUTANTS {
            let packet = mutant(&self.packet, Seed::from_number(number));
            match self.decode(&packet, self.params.layout(), limits)? {
                Ok(back) if !back.is_finite() => {
                    return Err(
                        self.broken(Law::Hostile, format!("mutant {number} gave values that are not finite"))
                    );
                }
                Ok(back) if back.layout() != self.params.layout() => {
                    return Err(self.broken(Law::Hostile, format!("mutant {number} gave another layout")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn finite(&self) -> Result<(), Violation> {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut params = self.params.clone();
            let Some(last) = params.values_mut().last_mut() else { return Ok(()) };
            *last = bad;
            let outcome = guarded(self.case, || self.codec.compress(&params, Seed::from_number(Self::SEED)))?;
            if outcome.is_ok() {
                return Err(self.broken(Law::Finite, format!("{bad} was accepted")));
            }
        }
        Ok(())
    }

    /// Adding onto is decoding and adding; a refused packet adds nothing.
    fn onto(&self) -> Result<(), Violation> {
        let Ok(decoded) = self.decode(&self.packet, self.params.layout(), self.limits)? else {
            return Ok(());
        };
        let base = |at: usize| (at % 7) as f32 * 0.25 - 0.5;
        let start = (0..decoded.values().len()).map(base).collect();
        let start = Params::new(start, decoded.layout().clone())
            .map_err(|error| self.broken(Law::Promises, error.to_string()))?;
        let mut onto = start.clone();
        let add = |packet: &Packet, onto: &mut Params| {
            guarded(self.case, || self.codec.decompress_onto(packet, -0.5, onto, self.limits))
        };
        if let Err(error) = add(&self.packet, &mut onto)? {
            return Err(self.broken(Law::Promises, error.to_string()));
        }
        let expected = start.values().iter().zip(decoded.values()).map(|(sum, value)| sum - 0.5 * value);
        if !onto.values().iter().zip(expected).all(|(found, expected)| found.to_bits() == expected.to_bits())
        {
            return Err(self.broken(Law::Promises, "adding onto is not decoding and adding"));
        }
        let mut refused = self.with_parts(Vec::clear)?;
        if self.packet.parts().is_empty() {
            refused = self.with_parts(|parts| parts.push(Vec::new()))?;
        }
        let mut onto = start.clone();
        if add(&refused, &mut onto)?.is_err() && onto == start {
            Ok(())
        } else {
            Err(self.broken(Law::Promises, "a refused packet was added"))
        }
    }
}
