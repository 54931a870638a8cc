//! The reference codec passes the suite, and for each law one wrong codec is refused by that law.

use bitneuron_compress::{CompressError, Compressor as _, Dense, Limits, Packet, Uniform};
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
    let mut dense = PacketCodec::new(Arc::new(Dense), Arc::clone(&layout), limits);
    suite::codec(&mut dense, &layout, 0.0).expect("dense");
    let mut uniform = PacketCodec::new(Arc::new(Uniform::default()), Arc::clone(&layout), limits);
    suite::codec(&mut uniform, &layout, 1.0 / 128.0).expect("eight bits");
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
