//! Models on the wire and on the chain.
//!
//! Heads travel without loss, two bytes for each parameter; users' models travel as packets of whatever codec, which
//! decode to the same integers everywhere.

use bitneuron_compress::{
    CompressError, Compressor, Dense, Difference, Differences, Encoder as _, Limits, Packet, Registry,
};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Commitment, Layout, Params, Seed};
use bitneuron_learning::Update;
use bitneuron_learning::gossip::{ModelCodec, PacketCodec, user};
use std::fmt;
use std::sync::Arc;

/// The integers that a packet decodes to, by whichever codec it names among those admitted on chain. A difference is added to
/// its base, which is looked for in `known`.
///
/// # Errors
/// An unknown codec or base, another layout, over the limits, malformed, or outside the interval of weights.
pub fn open_packet<'a>(
    registry: &Registry,
    packet: &Packet,
    layout: &Arc<Layout>,
    known: impl FnOnce(&Commitment) -> Option<&'a ExactParams>,
) -> Result<ExactParams, CompressError> {
    let limits = Limits::of(layout);
    let values = match Difference::of(packet)? {
        None => registry.decompress_exact(packet, layout, limits)?,
        Some(difference) => {
            let base = known(&difference.base()).ok_or(CompressError::Base(difference.base()))?;
            difference.onto(base.values(), registry, layout, limits)?
        }
    };
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
        open_packet(&self.registry, packet, &self.layout, |_| None)
    }
}

/// Packets of `f32` models that the chain will accept: weights are moved into the interval of the chain's integers first,
/// with a little room for the codec's own error. What others send is opened by whichever codec it names.
#[derive(Debug)]
pub struct ChainCodec {
    /// Packs what is sold.
    pub packs: Packing,
    /// Opens what comes.
    pub opens: Arc<Registry>,
    /// The layout of all models.
    pub layout: Arc<Layout>,
}

/// How sold models become packets.
pub enum Packing {
    /// Each model as a whole.
    Models(PacketCodec),
    /// What training changed in the head that was lent, and what such packets left out before. The receivers know that head.
    Differences(Differences<Arc<dyn Compressor>>),
}

impl fmt::Debug for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Models(packs) => f.debug_tuple("Models").field(packs).finish(),
            Self::Differences(differences) => {
                f.debug_tuple("Differences").field(&differences.base().0).finish()
            }
        }
    }
}

impl Packing {
    /// Tells of a head that was lent: differences start from it from now on.
    ///
    /// # Errors
    /// A model of another layout.
    pub fn start_from(&mut self, name: Commitment, head: &ExactParams) -> Result<(), CompressError> {
        match self {
            Self::Models(_) => Ok(()),
            Self::Differences(differences) => differences.start_from(name, head.to_params()),
        }
    }

    /// The integers of the model that differences start from.
    pub fn base(&self) -> Option<ExactParams> {
        match self {
            Self::Models(_) => None,
            // Heads are integers, which f32 holds exactly.
            Self::Differences(differences) => ExactParams::from_params(differences.base().1).ok(),
        }
    }
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
        match &mut self.packs {
            Packing::Models(packs) => packs.pack(&inside, seed),
            Packing::Differences(differences) => differences.encode(&inside, seed),
        }
    }

    fn unpack(&self, packet: &Packet) -> Result<Params, CompressError> {
        self.opens.decompress(packet, &self.layout, Limits::of(&self.layout))
    }
}
