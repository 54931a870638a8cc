//! The laws of model codecs.

use super::{Value, Violation, demand};
use crate::gossip::ModelCodec;
use bitneuron_compress::{CodecId, Packet};
use bitneuron_core::{Digest, Layout, Seed};
use rand::RngExt as _;
use std::fmt;
use std::sync::Arc;

/// A law of [`ModelCodec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecLaw {
    /// What is packed comes back within the stated loss, and a packet is always the same model.
    RoundTrip,
    /// What is no packet of this codec and goal is refused.
    Refusal,
    /// What a foreign packet unpacks to is a model of the goal, with numbers that rules may merge.
    Sound,
}

impl fmt::Display for CodecLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

type Verdict = Result<(), Violation<CodecLaw>>;

/// Judges a codec of models of this layout that states to move no coordinate within ±1 by more than `loss`.
///
/// # Errors
/// The first law found broken.
pub fn codec<T: Value>(codec: &mut dyn ModelCodec<T>, layout: &Arc<Layout>, loss: f64) -> Verdict {
    for number in 0..8 {
        let seed = Seed::from_number(number);
        let mut rng = seed.derive("model").rng();
        let numbers: Vec<f64> = (0..layout.len()).map(|_| 2.0 * rng.random::<f64>() - 1.0).collect();
        let model = T::nearest(&numbers, layout);
        let packet = round_trip(codec, &model, loss, seed)?;
        refusal(codec, &packet)?;
        mutants(codec, &packet, layout, seed)?;
    }
    Ok(())
}

fn round_trip<T: Value>(
    codec: &mut dyn ModelCodec<T>,
    model: &T,
    loss: f64,
    seed: Seed,
) -> Result<Packet, Violation<CodecLaw>> {
    let law = CodecLaw::RoundTrip;
    let refused = |error| Violation { law, why: format!("an honest model was refused: {error}") };
    let packet = codec.pack(model, seed).map_err(refused)?;
    let back = codec.unpack(&packet).map_err(refused)?;
    let again = codec.unpack(&packet).map_err(refused)?;
    demand(back.bits() == again.bits(), law, || "one packet gave two models".into())?;
    demand(back.layout() == model.layout(), law, || "the model came back in another layout".into())?;
    for (sent, found) in model.numbers().into_iter().zip(back.numbers()) {
        demand((sent - found).abs() <= loss, law, || format!("{sent} came back as {found}"))?;
    }
    Ok(packet)
}

fn parts(packet: &Packet) -> Vec<Vec<u8>> {
    packet.parts().iter().map(|part| part.to_vec()).collect()
}

fn refusal<T: Value>(codec: &dyn ModelCodec<T>, packet: &Packet) -> Verdict {
    let (id, layout, sound) = (packet.codec(), packet.layout(), parts(packet));
    let mut short = sound.clone();
    if let Some(part) = short.iter_mut().rev().find(|part| !part.is_empty()) {
        part.pop();
    }
    let more = [sound.clone(), vec![vec![1]]].concat();
    let foreign = [
        ("another codec", Packet::new(CodecId(id.0 ^ 0x7fff), layout, sound.clone())),
        ("another layout", Packet::new(id, Digest([0xab; 32]), sound)),
        ("no part", Packet::new(id, layout, Vec::new())),
        ("a part too many", Packet::new(id, layout, more)),
        ("a byte too few", Packet::new(id, layout, short)),
    ];
    for (what, packet) in foreign {
        let Ok(packet) = packet else { continue };
        demand(codec.unpack(&packet).is_err(), CodecLaw::Refusal, || format!("{what} went through"))?;
    }
    Ok(())
}

/// Bytes are changed here and there: what still unpacks must be a model like any other.
fn mutants<T: Value>(
    codec: &dyn ModelCodec<T>,
    packet: &Packet,
    layout: &Arc<Layout>,
    seed: Seed,
) -> Verdict {
    let mut rng = seed.derive("mutants").rng();
    for _ in 0..200 {
        let mut parts = parts(packet);
        let at = rng.random_range(0..parts.len().max(1));
        let Some(part) = parts.get_mut(at) else { return Ok(()) };
        for _ in 0..rng.random_range(1..4) {
            if !part.is_empty() {
                let place = rng.random_range(0..part.len());
                // All ones make the exponents of infinities and of what is no number.
                part[place] = if rng.random() { 0xff } else { rng.random() };
                if let Some(next) = part.get_mut(place + 1).filter(|_| rng.random()) {
                    *next = 0x7f;
                }
            }
        }
        let Ok(mutant) = Packet::new(packet.codec(), packet.layout(), parts) else { continue };
        if let Ok(model) = codec.unpack(&mutant) {
            let finite = model.numbers().iter().all(|number| number.is_finite());
            demand(finite && model.layout() == layout, CodecLaw::Sound, || {
                "a changed packet unpacked to what is no model".into()
            })?;
        }
    }
    Ok(())
}
