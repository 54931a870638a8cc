//! When a light block is believed on top of a believed one.

use super::LightBlock;
use crate::{CheckCertificate, Electorate, Refused};
use bitneuron_core::{ChainId, Digest, Height, NodeId, Time, Weight};
use std::time::Duration;
use thiserror::Error;

/// What a light client trusts, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trust {
    /// The chain.
    pub chain: ChainId,
    /// How long after a header its voters are believed: less than their stake stays bound.
    pub period: Duration,
    /// How far the time of a header may be ahead of the client's.
    pub drift: Duration,
    /// How many heights a skip is expected to bridge: a hint for what to ask for, on which no belief rests.
    pub reach: u64,
}

/// What a client begins with: a height, and who votes at it and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The height; 0 for the genesis.
    pub height: Height,
    /// Its time.
    pub time: Time,
    /// Its voters.
    pub voters: Electorate,
    /// The digest of those of the next height.
    pub next_voters: Digest,
}

impl Root {
    /// The genesis, with the voters of the first height.
    pub fn genesis(voters: Electorate) -> Self {
        let next_voters = voters.digest();
        Self { height: Height(0), time: Time::ZERO, voters, next_voters }
    }
}

impl From<&LightBlock> for Root {
    fn from(block: &LightBlock) -> Self {
        let (header, voters) = (&block.header, block.voters.clone());
        Self { height: header.height, time: header.time, voters, next_voters: header.next_voters }
    }
}

/// Why a light block is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Doubt {
    /// Another chain, or a certificate of another header.
    #[error("the certificate is not this header's")]
    Header,
    /// The voters are not those that a header names.
    #[error("not the voters of this header")]
    Voters,
    /// What is believed is older than the trust period: a new root is needed.
    #[error("nothing younger than height {} is believed, and it is too old", .0.0)]
    Expired(Height),
    /// The header's time is not after the believed one's, or in the future.
    #[error("a header of another time")]
    Time,
    /// Nothing is believed below this height.
    #[error("height {} is before all that is believed", .0.0)]
    Old(Height),
    /// Too little of the believed weight signed to skip so far.
    #[error("weight {} of those believed signed, {} needed", signed.0, needed.0)]
    Skip {
        /// The believed weight that signed.
        signed: Weight,
        /// The least that suffices.
        needed: Weight,
    },
    /// The certificate does not hold.
    #[error("certificate: {0}")]
    Certificate(#[from] Refused),
}

impl Trust {
    /// Whether a bound block of a later height is believed on top of `root` at this time.
    ///
    /// # Errors
    /// Why it is not.
    pub fn judge(
        &self,
        root: &Root,
        block: &LightBlock,
        now: Time,
        check: &dyn CheckCertificate,
    ) -> Result<(), Doubt> {
        let header = &block.header;
        if now >= root.time.after(self.period) {
            return Err(Doubt::Expired(root.height));
        }
        if header.height <= root.height {
            return Err(Doubt::Old(header.height));
        }
        if header.time <= root.time || header.time > now.after(self.drift) {
            return Err(Doubt::Time);
        }
        if header.height == root.height.next() {
            if header.voters != root.next_voters {
                return Err(Doubt::Voters);
            }
        } else {
            let signers = block.certificate.votes.iter().map(|vote| vote.0);
            let (signed, needed) = (known_weight(&root.voters, signers), root.voters.honest());
            if signed < needed {
                return Err(Doubt::Skip { signed, needed });
            }
        }
        check.check(&block.certificate, &block.voters)?;
        Ok(())
    }
}

/// The weight of those among the names who are members. A name given twice counts twice: certificates are checked for that.
fn known_weight(voters: &Electorate, names: impl Iterator<Item = NodeId>) -> Weight {
    let weights = names.filter_map(|id| voters.weight_of(id));
    Weight(weights.fold(0, |sum: u64, weight| sum.saturating_add(weight.0)))
}
