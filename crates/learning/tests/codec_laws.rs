//! The reference codec passes the suite, and for each law one wrong codec is refused by that law.

use bitneuron_compress::{
    Chain, Chunked, CompressError, Compressor, Cosine, Dense, ErrorFeedback, Limits, Packet, Random,
    TensorTrain, Ternary, Top, Uniform, sparse::Density,
};
use bitneuron_core::{Layout, Params, Seed};
use bitneuron_learning::gossip::{ModelCodec, PacketCodec};
use bitneuron_learning::suite::{self, CodecLaw};
use std::sync::Arc;

fn layout() -> Arc<Layout> {
    Arc::new(Layout::of(&[("w", &[6, 5]), ("b", &[5])]).expect("small"))
}

#[test]
fn packet_codecs_pass() {
    let layout = layout();
    let limits = Limits::of(&layout);
    let mut dense = PacketCodec::new(Arc::new(Dense), Arc::clone(&layout), limits).expect("lossless");
    suite::codec(&mut dense, &layout, 0.0).expect("dense");
    let uniform = PacketCodec::new(Arc::new(Uniform::default()), Arc::clone(&layout), limits);
    suite::codec(&mut uniform.expect("eight bits"), &layout, 1.0 / 128.0).expect("eight bits");
}

/// What leaves out too much for good is refused: at once where that is declared, at the packet where it is not.
#[test]
fn unfaithful_codecs_are_refused() {
    let layout = layout();
    let limits = Limits::of(&layout);
    let new = |codec: Arc<dyn Compressor>| PacketCodec::new(codec, Arc::clone(&layout), limits);
    let most = Density::new(2, 3).expect("in range");
    let refused: [Arc<dyn Compressor>; 7] = [
        Arc::new(Top::default()),
        Arc::new(Top::new(most)),
        Arc::new(Ternary::default()),
        Arc::new(Chunked::default()),
        Arc::new(Cosine::default()),
        Arc::new(Random::default().unscaled()),
        Arc::new(TensorTrain::tolerance(0.6).expect("in range")),
    ];
    for codec in refused {
        let name = codec.codec();
        assert!(
            matches!(new(codec), Err(CompressError::Unfaithful { codec, .. }) if codec == name),
            "{name}"
        );
    }
    let chain = Chain::new(TensorTrain::default(), Uniform::default()).expect("one transform");
    let taken: [Arc<dyn Compressor>; 6] = [
        Arc::new(Uniform::new(4).expect("in range")),
        Arc::new(Uniform::new(1).expect("in range").stochastic()),
        Arc::new(Top::new(Density::new(19, 20).expect("in range"))),
        Arc::new(Random::default()),
        Arc::new(TensorTrain::default()),
        Arc::new(chain),
    ];
    let mut rng = 1u32;
    let mut noise = || {
        rng = rng.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (rng >> 8) as f32 / 16_777_216.0 - 0.5
    };
    let model = Params::new((0..35).map(|_| noise()).collect(), Arc::clone(&layout)).expect("fits");
    for codec in taken {
        let name = codec.codec();
        let mut codec = new(codec).unwrap_or_else(|error| panic!("{name}: {error}"));
        codec.pack(&model, Seed::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // One bit promises nothing about models; on this one it shows.
    let mut coarse = new(Arc::new(Uniform::new(1).expect("in range"))).expect("nothing is declared");
    assert!(matches!(coarse.pack(&model, Seed::default()), Err(CompressError::Unfaithful { .. })));
    // With a memory it may be used.
    let feedback = Box::new(ErrorFeedback::new(Top::default(), Arc::clone(&layout)));
    let mut remembers =
        PacketCodec::with_encoder(Arc::new(Top::default()), feedback, Arc::clone(&layout), limits)
            .expect("faithful");
    let packet = remembers.pack(&model, Seed::default()).expect("finite");
    remembers.unpack(&packet).expect("own packet");
}

/// Reads packets of dense values in a way of its own.
struct Wrong(Arc<Layout>, fn(&Packet, &Arc<Layout>) -> Result<Params, CompressError>);

impl ModelCodec for Wrong {
    fn pack(&mut self, model: &Params, seed: Seed) -> Result<Packet, CompressError> {
        Dense.compress(model, seed)
    }

    fn unpack(&self, packet: &Packet) -> Result<Params, CompressError> {
        (self.1)(packet, &self.0)
    }
}

fn dense(packet: &Packet, layout: &Arc<Layout>) -> Result<Params, CompressError> {
    Dense.decompress(packet, layout, Limits::of(layout))
}

#[test]
fn a_wrong_codec_is_refused_by_the_law_it_breaks() {
    let layout = layout();
    let law = |unpack| {
        let mut wrong = Wrong(Arc::clone(&layout), unpack);
        suite::codec(&mut wrong, &layout, 1e-3).map_err(|broken| broken.law)
    };
    assert_eq!(law(dense), Ok(()));
    let coarse = law(|packet, layout| {
        let mut params = dense(packet, layout)?;
        params.values_mut().iter_mut().for_each(|value| *value = value.round());
        Ok(params)
    });
    assert_eq!(coarse, Err(CodecLaw::RoundTrip));
    let lenient =
        law(|packet, layout| dense(packet, layout).or_else(|_| Ok(Params::zeros(Arc::clone(layout)))));
    assert_eq!(lenient, Err(CodecLaw::Refusal));
    let careless = law(|packet, layout| match dense(packet, layout) {
        Err(CompressError::Codec { .. } | CompressError::Layout) => Err(CompressError::Layout),
        Err(error) if packet.parts().iter().map(|part| part.len()).sum::<usize>() != 4 * layout.len() => {
            Err(error)
        }
        Err(error) if packet.parts().len() != 2 => Err(error),
        Err(_) => {
            let mut params = Params::zeros(Arc::clone(layout));
            params.values_mut()[0] = f32::NAN;
            Ok(params)
        }
        fine => fine,
    });
    assert_eq!(careless, Err(CodecLaw::Sound));
}
