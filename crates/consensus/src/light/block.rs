//! What a light client is shown: a header with its certificate and its voters.

use super::Doubt;
use crate::{Certificate, Electorate, Header};
use bitneuron_core::{ChainId, Digest, Height, Wire};
use serde::{Deserialize, Serialize};

/// A decided header with all that shows it to be decided by its voters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LightBlock {
    /// The header.
    pub header: Header,
    /// The votes that decided it.
    pub certificate: Certificate,
    /// Who could vote.
    pub voters: Electorate,
}

impl Wire for LightBlock {
    const LIMIT: usize = Header::LIMIT + Certificate::LIMIT + Electorate::LIMIT;
}

impl LightBlock {
    /// The height.
    pub const fn height(&self) -> Height {
        self.header.height
    }

    /// The block's name.
    pub fn id(&self) -> Digest {
        self.header.id()
    }

    /// Whether header, certificate and voters belong together. No signature is looked at.
    ///
    /// # Errors
    /// They do not, or the header is of another chain.
    pub fn is_bound(&self, chain: ChainId) -> Result<(), Doubt> {
        let named = (self.certificate.block, self.certificate.height) == (self.id(), self.header.height);
        if self.header.chain != chain || !named {
            return Err(Doubt::Header);
        }
        if self.voters.digest() == self.header.voters { Ok(()) } else { Err(Doubt::Voters) }
    }
}
