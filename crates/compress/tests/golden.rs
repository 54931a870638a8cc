//! Decoded integers are the same for ever: each codec's packet of a fixed kind has a fixed digest, and so have its integers.

use bitneuron_compress::{
    Absmax4, Absmax8, CanonicalPolyadic, Chain, Chunked, Compressor, Dense, Ecsq, ExactDecoder, Float,
    Limits, LowRank, Nf4, Packet, Random, Registry, Sign, Sliced, TensorTrain, TensorTrainMatrix, Ternary,
    Top, Tucker, Uniform,
    sparse::{Density, Precision},
};
use bitneuron_core::{Layout, Params, Seed, hash::Hasher};
use rand::Rng;
use std::sync::Arc;

fn layout() -> Arc<Layout> {
    Arc::new(Layout::of(&[("w", &[8, 8, 8]), ("b", &[10]), ("none", &[0])]).expect("small"))
}

/// Multiples of 2⁻²⁰ within ±1.
fn dyadic(seed: u64, layout: Arc<Layout>) -> Params {
    let mut rng = Seed::from_number(seed).rng();
    let values = (0..layout.len()).map(|_| (rng.next_u32() as i32 >> 11) as f32 / (1 << 20) as f32);
    Params::new(values.collect(), layout).expect("fits")
}

fn digest(integers: &[i32]) -> String {
    let mut hasher = Hasher::new("bitneuron golden integers v1");
    for integer in integers {
        hasher.update(&integer.to_le_bytes());
    }
    hasher.finish().to_string()[..16].to_owned()
}

fn decoded(codec: &dyn ExactDecoder, packet: &Packet) -> (String, String) {
    let integers = codec.decompress_exact(packet, &layout(), Limits::default()).expect("admitted");
    let same = Registry::standard().decompress_exact(packet, &layout(), Limits::default()).expect("known");
    assert_eq!(integers, same);
    (packet.digest().to_string()[..16].to_owned(), digest(&integers))
}

/// Factors for the first tensor, made by hand: they are no result of a factorisation, so the bytes are fixed.
fn factored(values: &dyn Compressor, transform: u8, structure: &[u8], factors: &[(&str, &[u32])]) -> Packet {
    let rest: [(&str, &[u32]); 2] = [("1", &[10]), ("2", &[0])];
    let factors = Layout::of(&[factors, &rest].concat()).expect("small");
    let factors = dyadic(5, Arc::new(factors));
    let inner = values.compress(&factors, Seed::from_number(6)).expect("finite");
    let structure = [structure, &[0, 0]].concat();
    let parts = std::iter::once(structure).chain(inner.parts().iter().map(|part| part.0.clone())).collect();
    let codec = values.codec().after(transform).expect("no transform");
    Packet::new(codec, layout().digest(), parts).expect("small")
}

fn numbers(large: &[u32], small: &[u16]) -> Vec<u8> {
    let large = large.iter().flat_map(|number| number.to_le_bytes());
    large.chain(small.iter().flat_map(|number| number.to_le_bytes())).collect()
}

fn train(values: &dyn Compressor) -> Packet {
    let structure = [&[3][..], &numbers(&[8, 8, 8], &[2, 3])].concat();
    factored(
        values,
        TensorTrain::ID,
        &structure,
        &[("0.0", &[1, 8, 2]), ("0.1", &[2, 8, 3]), ("0.2", &[3, 8, 1])],
    )
}

#[test]
fn other_formats_have_not_changed() {
    let matrices = [&[2][..], &numbers(&[2, 8, 4, 8], &[3])].concat();
    let matrices =
        factored(&Dense, TensorTrainMatrix::ID, &matrices, &[("0.0", &[1, 2, 8, 3]), ("0.1", &[3, 4, 8, 1])]);
    let components = [&[1][..], &numbers(&[], &[2])].concat();
    let components = factored(
        &Dense,
        CanonicalPolyadic::ID,
        &components,
        &[("0.0", &[8, 2]), ("0.1", &[8, 2]), ("0.2", &[8, 2])],
    );
    let core = [&[3][..], &numbers(&[], &[2, 3, 2])].concat();
    let core = factored(
        &Dense,
        Tucker::ID,
        &core,
        &[("0.0", &[2, 3, 2]), ("0.1", &[8, 2]), ("0.2", &[8, 3]), ("0.3", &[8, 2])],
    );
    let low_rank = [&[1][..], &numbers(&[], &[3])].concat();
    let low_rank = factored(&Dense, LowRank::ID, &low_rank, &[("0.0", &[8, 3]), ("0.1", &[3, 64])]);
    let found = [
        decoded(&TensorTrainMatrix::default(), &matrices),
        decoded(&CanonicalPolyadic::default(), &components),
        decoded(&Tucker::default(), &core),
        decoded(&LowRank::default(), &low_rank),
    ];
    let golden = [
        ("86e8b6e92bdf98fa", "dc4659fcdceeb86a"),
        ("d832147839d5520b", "1270e6cc2970cc0d"),
        ("03780cae3db5d138", "3c1cf4a2e482107c"),
        ("c873a9cdf152d4de", "7ab30b5880478ced"),
    ];
    assert_eq!(found.each_ref().map(|(packet, integers)| (packet.as_str(), integers.as_str())), golden);
}

#[test]
fn integers_and_packets_have_not_changed() {
    let params = dyadic(4, layout());
    let seed = Seed::from_number(6);
    let uniform = |bits| Uniform::new(bits).expect("in range");
    let blocks = uniform(3).with_block(50).expect("positive").stochastic();
    let chain = Chain::new(TensorTrain::default(), uniform(8)).expect("one transform");
    let found = [
        decoded(&Dense, &Dense.compress(&params, seed).expect("finite")),
        decoded(&uniform(8), &uniform(8).compress(&params, seed).expect("finite")),
        decoded(&uniform(1), &uniform(1).compress(&params, seed).expect("finite")),
        decoded(&blocks, &blocks.compress(&params, seed).expect("finite")),
        decoded(&TensorTrain::default(), &train(&Dense)),
        decoded(&chain, &train(&uniform(8))),
    ];
    let golden = [
        ("64b2d9011aa9ffe0", "3949da3772f9f55f"),
        ("e0a0ab7dc5c49ce7", "b67d7daf5368a530"),
        ("0cf423c0016c3194", "a6cc68f9149d29d3"),
        ("b17f1896a15b0f72", "8a3caf184ff649b3"),
        ("27843890097ed67f", "20e3c95e7a6e5af8"),
        ("2acc768e86e506b9", "7cf23f2539bd1b88"),
    ];
    assert_eq!(found.each_ref().map(|(packet, integers)| (packet.as_str(), integers.as_str())), golden);
}

#[test]
fn sparse_integers_and_packets_have_not_changed() {
    let params = dyadic(4, layout());
    let density = Density::new(1, 10).expect("in range");
    // Scaled, the values would leave the chain's interval.
    let (top, random) = (Top::new(density), Random::new(density));
    let codecs: [&dyn ExactDecoder; 5] = [
        &top,
        &top.with_precision(Precision::Byte),
        &random.unscaled(),
        &Ternary::new(density),
        &Chunked::new(density),
    ];
    let found =
        codecs.map(|codec| decoded(codec, &codec.compress(&params, Seed::from_number(6)).expect("finite")));
    let golden = [
        ("741bddb9d7cb725a", "15b304588c9694d0"),
        ("0b8bec410185a062", "3962883d05404e2b"),
        ("f013c26f7f675b50", "d7d907058353b9b8"),
        ("e0e13a6e6c3ff890", "26b2d7f74170c0f8"),
        ("ff95e26878890b14", "3a1c6a1858a52256"),
    ];
    assert_eq!(found.each_ref().map(|(packet, integers)| (packet.as_str(), integers.as_str())), golden);
}

#[test]
fn quantisers_have_not_changed() {
    let params = dyadic(4, layout());
    let seed = Seed::from_number(6);
    let codecs: [&dyn ExactDecoder; 13] = [
        &Absmax8::default(),
        &Absmax8::default().stochastic(),
        &Absmax4::default(),
        &Absmax4::default().stochastic(),
        &Nf4,
        &Float::E4M3,
        &Float::E5M2,
        &Float::F16,
        &Float::BF16,
        &Sign,
        &Ecsq::step(0.06).expect("positive"),
        &Uniform::new(13).expect("in range"),
        &Sliced::step(0.06).expect("positive"),
    ];
    let found = codecs.map(|codec| decoded(codec, &codec.compress(&params, seed).expect("finite")));
    let golden = [
        ("f435b916342dc32e", "cb7178ea9eb9e683"),
        ("d272819317d522cc", "1801109606510390"),
        ("0d19a6c75bb0b24e", "cc871b1c9c8021d7"),
        ("4915c285480f9fc3", "47a460fc0730ef7c"),
        ("ea7e942a90e8b0e7", "479623284e715136"),
        ("ddd18578b7462554", "151babbecd2ae9c5"),
        ("8df1530d7c28eff4", "7ec164d7f8874429"),
        ("dfa8871d33dbce55", "64f38feac0516f04"),
        ("f494ee5e783e188f", "518c3816c8c1d98d"),
        ("ce8abd6752bf3af7", "1debca28fc3eb0bb"),
        ("b011b7cdb1484755", "95dc334e41d4c9fa"),
        ("9c0e181ac2490998", "dc058f5d0a78bdf9"),
        ("31e7bacfb08c8a52", "95dc334e41d4c9fa"),
    ];
    assert_eq!(found.each_ref().map(|(packet, integers)| (packet.as_str(), integers.as_str())), golden);
}
