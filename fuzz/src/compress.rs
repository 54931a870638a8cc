//! Decoders of compressed parameters.

use bitneuron::compress::suite::cases;
use bitneuron::compress::{Archive, CodecId, Limits, Packet, Registry, entropy, safetensors};
use bitneuron::core::exact::fixed::WEIGHT_LIMIT;
use bitneuron::core::{Layout, Params, Seed};
use std::sync::{Arc, LazyLock};

/// Small, so that whoever fuzzes tries much.
const LIMITS: Limits = Limits { bytes: 1 << 16, elements: 1 << 14 };

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::standard);

/// The layouts that packets are decoded for.
static LAYOUTS: LazyLock<Vec<Arc<Layout>>> = LazyLock::new(|| {
    type Shapes<'a> = &'a [(&'a str, &'a [u32])];
    let shapes: [Shapes<'_>; 5] = [
        &[("w", &[12, 16]), ("b", &[5]), ("none", &[0])],
        &[("w.1", &[1, 4, 2, 3]), ("w.2", &[3, 4, 4, 2]), ("w.3", &[2, 4, 4, 1]), ("b", &[8])],
        &[("w", &[4096])],
        &[("w", &[8, 8, 8]), ("v", &[1])],
        &[],
    ];
    shapes.iter().filter_map(|shapes| Layout::of(shapes).ok()).map(Arc::new).collect()
});

/// Any bytes as a packet: one encoding.
///
/// # Panics
/// A packet has two encodings.
pub fn packet(bytes: &[u8]) -> bool {
    let packet = Packet::from_bytes(bytes, LIMITS);
    packet.is_ok_and(|packet| {
        assert!(packet.to_bytes() == bytes, "one packet, two encodings");
        true
    })
}

/// A codec (u8: its place in the registry), a layout (u8) and parts (their lengths as u16 before each): values are finite, adding
/// onto is decoding and adding, integers are the values.
///
/// # Panics
/// One of these is broken.
pub fn codec(bytes: &[u8]) -> bool {
    let [codec, layout, parts @ ..] = bytes else { return false };
    let codecs: Vec<CodecId> = REGISTRY.codecs().collect();
    let id = codecs.get(usize::from(*codec) % codecs.len()).copied();
    let (Some(id), Some(layout)) = (id, LAYOUTS.get(usize::from(*layout) % LAYOUTS.len())) else {
        return false;
    };
    Packet::new(id, layout.digest(), split(parts)).is_ok_and(|packet| judge(&packet, layout))
}

/// The parts of a choice.
fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (part, behind) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
        parts.push(part.to_vec());
        bytes = behind;
    }
    parts
}

/// Whether the packet is accepted.
fn judge(packet: &Packet, layout: &Arc<Layout>) -> bool {
    let Ok(codec) = REGISTRY.get(packet.codec()) else { return false };
    let limits = Limits { bytes: LIMITS.bytes, elements: layout.len() };
    let values = codec.decompress(packet, layout, limits);
    let exact = REGISTRY.exact(packet.codec()).map(|codec| codec.decompress_exact(packet, layout, limits));
    let mut onto = Params::zeros(layout.clone());
    let added = codec.decompress_onto(packet, 1.0, &mut onto, limits);
    let Ok(values) = values else {
        assert!(added.is_err(), "{}: added, but not decoded", packet.codec());
        assert!(onto.values().iter().all(|value| value.to_bits() == 0), "refused, yet something changed");
        assert!(!matches!(exact, Ok(Ok(_))), "{}: integers of what is refused", packet.codec());
        return false;
    };
    assert!(values.is_finite() && values.layout() == layout, "{}: not finite", packet.codec());
    assert!(added.is_ok(), "{}: decoded, but not added: {added:?}", packet.codec());
    // Adding to zero changes nothing but the sign of zero.
    let same = |(a, b): (&f32, &f32)| (a + 0.0).to_bits() == (b + 0.0).to_bits();
    assert!(values.values().iter().zip(onto.values()).all(same), "{}: other values", packet.codec());
    if let Ok(Ok(integers)) = exact {
        assert!(integers.len() == layout.len(), "{}: other integers", packet.codec());
        let within = integers.iter().all(|integer| i64::from(*integer).abs() <= WEIGHT_LIMIT);
        assert!(within, "{}: an integer outside the interval", packet.codec());
    }
    true
}

/// Any bytes as an archive: one encoding, and what is in it is judged.
///
/// # Panics
/// An archive has two encodings, or its packet breaks a promise.
pub fn archive(bytes: &[u8]) -> bool {
    let archive = Archive::from_bytes(bytes, LIMITS);
    archive.is_ok_and(|archive| {
        assert!(archive.to_bytes().is_ok_and(|again| again == bytes), "one archive, two encodings");
        judge(&archive.packet, &archive.layout)
    })
}

/// Any bytes as a file of tensors: what is read can be written, and read again.
///
/// # Panics
/// It cannot.
pub fn safetensors(bytes: &[u8]) -> bool {
    let params = safetensors::read(bytes);
    params.is_ok_and(|params| {
        assert!(params.is_finite(), "not finite");
        let again = safetensors::write(&params).and_then(|bytes| safetensors::read(&bytes));
        assert!(again.is_ok_and(|again| again == params), "written and read, another file");
        true
    })
}

/// A number of symbols (u16) and a string of the entropy coder: decoding what was decoded and encoded again gives the same.
///
/// # Panics
/// It does not.
pub fn entropy(bytes: &[u8]) -> bool {
    let Some((count, string)) = bytes.split_first_chunk() else { return false };
    let count = usize::from(u16::from_le_bytes(*count));
    entropy::decode(string, count).is_ok_and(|symbols| {
        assert!(symbols.len() == count, "another number of symbols");
        let again = entropy::decode(&entropy::encode(&symbols), count);
        assert!(again.is_ok_and(|again| again == symbols), "encoded and decoded, other symbols");
        true
    })
}

/// Values for every layout.
fn samples() -> Vec<Params> {
    let value = |at: usize| ((at / 16) as f32 - 5.0) * 0.1 * (1.0 + (at % 16) as f32 * 0.05);
    let params = |layout: &Arc<Layout>| Params::new((0..layout.len()).map(value).collect(), layout.clone());
    LAYOUTS.iter().filter_map(|layout| params(layout).ok()).collect()
}

/// Each codec's packet of each of `params`, with the places of both.
fn each(params: &[Params], mut take: impl FnMut(usize, usize, Packet)) {
    for (place, id) in REGISTRY.codecs().enumerate() {
        for (layout, params) in params.iter().enumerate() {
            let packet = REGISTRY.get(id).and_then(|codec| codec.compress(params, Seed::default()));
            if let Ok(packet) = packet {
                take(place, layout, packet);
            }
        }
    }
}

/// Packets of all codecs.
pub fn packets() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    each(&samples(), |_, _, packet| seeds.push(packet.to_bytes()));
    seeds
}

/// Choices of all codecs and layouts.
pub fn choices() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    each(&samples(), |codec, layout, packet| {
        let mut bytes = vec![codec as u8, layout as u8];
        for part in packet.parts() {
            bytes.extend((part.len() as u16).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        seeds.push(bytes);
    });
    seeds
}

/// Archives of all codecs.
pub fn archives() -> Vec<Vec<u8>> {
    let (samples, mut seeds) = (samples(), Vec::new());
    each(&samples, |_, layout, packet| {
        if let Some(params) = samples.get(layout) {
            seeds.extend(Archive { layout: params.layout().clone(), packet }.to_bytes());
        }
    });
    seeds
}

/// Files of tensors.
pub fn files() -> Vec<Vec<u8>> {
    let params = samples().into_iter().chain(cases().into_iter().flatten());
    params
        .filter_map(|params| safetensors::write(&params).ok())
        .filter(|bytes| bytes.len() < 1 << 14)
        .collect()
}

/// Strings of one state and of eight, with their numbers of symbols.
pub fn strings() -> Vec<Vec<u8>> {
    let string = |count: u16| {
        let symbols: Vec<u8> = (0..count).map(|at| (at % 7 * (at % 3)) as u8).collect();
        [&count.to_le_bytes()[..], &entropy::encode(&symbols)].concat()
    };
    [0, 1, 2, 100, 4095, 4096, 5000].map(string).to_vec()
}
