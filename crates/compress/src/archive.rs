//! A packet as a file: with the layout that it is bound to, so that whoever opens it need know nothing.
//!
//! ```text
//! "BNAR"  magic          4 bytes
//! length of the layout   u32
//! the layout             as `bitneuron_core::codec` writes it, version first
//! the packet             see `packet`, up to the end
//! ```
//! Numbers are little endian. One encoding: the layout's and the packet's are canonical, and nothing follows.

use crate::{CompressError, Limits, Packet, reader::Reader};
use bitneuron_core::{Layout, Wire, codec};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Compressed parameters and their layout.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    /// The layout.
    pub layout: Arc<Layout>,
    /// The packet, bound to the layout.
    pub packet: Packet,
}

/// The layout as it stands in an archive.
#[derive(Serialize, Deserialize)]
struct Stated(Layout);

impl Wire for Stated {
    // Names are short and dimensions few.
    const LIMIT: usize = 1 << 20;
}

impl Archive {
    /// The first bytes of every archive.
    pub const MAGIC: [u8; 4] = *b"BNAR";

    /// Its bytes.
    ///
    /// # Errors
    /// The names of the tensors take more than a megabyte.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CompressError> {
        let layout = codec::encode(&Stated((*self.layout).clone()));
        if layout.len() > Stated::LIMIT {
            let (found, limit) = (layout.len() as u64, Stated::LIMIT as u64);
            return Err(CompressError::TooLarge { what: "bytes of a layout", found, limit });
        }
        let mut bytes = Self::MAGIC.to_vec();
        bytes.extend((layout.len() as u32).to_le_bytes());
        bytes.extend(layout);
        bytes.extend(self.packet.to_bytes());
        Ok(bytes)
    }

    /// Reads a whole byte string.
    ///
    /// # Errors
    /// Longer than `limits.bytes`, not an archive, a layout of more than `limits.elements`, or a packet that is malformed or bound
    /// to another layout.
    pub fn from_bytes(bytes: &[u8], limits: Limits) -> Result<Self, CompressError> {
        limits.check_bytes(bytes.len())?;
        let mut reader = Reader::new(bytes);
        if reader.array()? != Self::MAGIC {
            return Err(CompressError::Magic);
        }
        let length = reader.u32()? as usize;
        let Stated(layout) = codec::decode(reader.take(length)?)
            .map_err(|_| CompressError::Malformed("the layout cannot be read"))?;
        limits.check_elements(layout.len())?;
        let packet = Packet::from_bytes(reader.take(reader.left())?, limits)?;
        if packet.layout() != layout.digest() {
            return Err(CompressError::Layout);
        }
        Ok(Self { layout: Arc::new(layout), packet })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Compressor, Dense};
    use bitneuron_core::{Params, Seed};
    use proptest::{prelude::*, test_runner::RngSeed};

    fn archive() -> Archive {
        let layout = Arc::new(Layout::of(&[("w", &[3, 2]), ("b", &[2])]).expect("small"));
        let params = Params::new((0..8u8).map(f32::from).collect(), layout.clone()).expect("fits");
        Archive { layout, packet: Dense.compress(&params, Seed::default()).expect("finite") }
    }

    #[test]
    fn there_and_back() {
        let archive = archive();
        let bytes = archive.to_bytes().expect("small");
        let exact = Limits { bytes: bytes.len(), elements: 8 };
        assert_eq!(Archive::from_bytes(&bytes, exact).expect("own bytes"), archive);
        for tight in [Limits { bytes: bytes.len() - 1, ..exact }, Limits { elements: 7, ..exact }] {
            let refused = Archive::from_bytes(&bytes, tight);
            assert!(matches!(refused, Err(CompressError::TooLarge { .. })), "{refused:?}");
        }
        let other = Archive { layout: Arc::new(Layout::of(&[("w", &[8])]).expect("small")), ..archive };
        let refused = Archive::from_bytes(&other.to_bytes().expect("small"), exact);
        assert!(matches!(refused, Err(CompressError::Layout)), "{refused:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_encoding(at: prop::sample::Index, bit in 0u8..8, cut: prop::sample::Index) {
            let bytes = archive().to_bytes().expect("small");
            let limits = Limits { bytes: 2 * bytes.len(), elements: 1 << 10 };
            let mut mutant = bytes.clone();
            mutant[at.index(bytes.len())] ^= 1 << bit;
            if let Ok(other) = Archive::from_bytes(&mutant, limits) {
                prop_assert_eq!(other.to_bytes().expect("small"), mutant);
            }
            prop_assert!(Archive::from_bytes(&bytes[..cut.index(bytes.len())], limits).is_err());
            prop_assert!(Archive::from_bytes(&[bytes.as_slice(), &[0]].concat(), limits).is_err());
        }
    }
}
