//! Models on the wire and on the chain.
//!
//! Heads travel without loss, two bytes for each parameter; users' models travel as packets of whatever codec, which
//! decode to the same integers everywhere.

use bitneuron_compress::{CompressError, Compressor, Dense, Limits, Packet, Registry};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Layout, Params, Seed};
use bitneuron_learning::Update;
use bitneuron_learning::gossip::{ModelCodec, PacketCodec, user};
use std::sync::Arc;

/// The integers that a packet decodes to, by whichever codec it names among those admitted on chain.
///
/// # Errors
/// An unknown codec, another layout, over the limits, malformed, or outside the interval of weights.
pub fn open_packet(
    registry: &Registry,
    packet: &Packet,
    layout: &Arc<Layout>,
) -> Result<ExactParams, CompressError> {
    let values = registry.decompress_exact(packet, layout, Limits::of(layout))?;
    ExactParams::new(values, layout.clone()).map_err(|error| CompressError::Rule(Box::new(error)))
}

/// Integer models through packets, for the machines of learning.
#[derive(Debug, Clone)]
pub struct ExactCodec {
    /// The codecs admitted on chain.
    pub registry: Arc<Registry>,
    /// The layout of all models.
    pub layout: Arc<Layout>,
}

impl ModelCodec<ExactParams> for ExactCodec {
    fn pack(&mut self, model: &ExactParams, seed: Seed) -> Result<Packet, CompressError> {
        Dense.compress(&model.to_params(), seed)
    }

    fn unpack(&self, packet: &Packet) -> Result<ExactParams, CompressError> {
        open_packet(&self.registry, packet, &self.layout)
    }
}

/// Packets of `f32` models that the chain will accept: weights are moved into the interval of the chain's integers first,
/// with a little room for the codec's own error. What others send is opened by whichever codec it names.
#[derive(Debug)]
pub struct ChainCodec {
    /// Packs what is sold.
    pub packs: PacketCodec,
    /// Opens what comes.
    pub opens: Arc<Registry>,
    /// The layout of all models.
    pub layout: Arc<Layout>,
}

/// Algorithm 2 as users of a chain run it: any update, models in the chain's packets.
pub type Algorithm2 = user::User<Box<dyn Update>, ChainCodec>;

impl ChainCodec {
    /// The largest weight that is packed; ±4 is the chain's limit.
    pub const LIMIT: f32 = 3.9;
}

impl ModelCodec for ChainCodec {
    fn pack(&mut self, model: &Params, seed: Seed) -> Result<Packet, CompressError> {
        let mut inside = model.clone();
        inside.values_mut().iter_mut().for_each(|value| *value = value.clamp(-Self::LIMIT, Self::LIMIT));
        self.packs.pack(&inside, seed)
    }

    fn unpack(&self, packet: &Packet) -> Result<Params, CompressError> {
        self.opens.decompress(packet, &self.layout, Limits::of(&self.layout))
    }
}
