//! A light client: follows the chain by certified headers and proved entries, without state.
//!
//! It starts from the electorates that the genesis fixes. The electorate of each later epoch is an entry of the ledger,
//! proved under a header which an electorate known before has certified, so trust never comes from the teller.

use crate::message::{Notice, Tip};
use bitneuron_consensus::{CheckCertificate, Electorate, QuorumCheck};
use bitneuron_core::{ChainId, Digest, Epoch, Height, decode};
use bitneuron_ledger::{ProofError, Value, key};
use std::{collections::BTreeMap, sync::Arc};
use thiserror::Error;

/// Why a light client does not believe what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Disbelief {
    /// A header of another chain or one that its certificate does not name.
    #[error("the certificate is not this header's")]
    Header,
    /// The electorate of the header's epoch is not known yet.
    #[error("the electorate of epoch {} is not known", .0.0)]
    Electorate(Epoch),
    /// The certificate does not hold.
    #[error("certificate: {0}")]
    Certificate(#[from] bitneuron_consensus::Refused),
    /// The proof does not show what the certified state has under the key.
    #[error("entry: {0}")]
    Proof(#[from] ProofError),
    /// What is proved is no electorate.
    #[error("no electorate")]
    NoElectorate,
}

/// What a light client knows.
#[derive(Debug, Clone)]
pub struct Light {
    chain: ChainId,
    epoch_length: u64,
    check: QuorumCheck,
    electorates: BTreeMap<Epoch, Arc<Electorate>>,
    height: Height,
    /// The header believed last, so that many notices under one header cost one look at its votes.
    believed: Option<Digest>,
}

impl Light {
    /// How many electorates are kept.
    pub const KEPT: usize = 4;

    /// A client that trusts these electorates, by epoch.
    pub fn new(
        chain: ChainId,
        epoch_length: u64,
        trusted: impl IntoIterator<Item = Arc<Electorate>>,
    ) -> Self {
        let electorates = trusted.into_iter().map(|electorate| (electorate.epoch(), electorate)).collect();
        Self {
            chain,
            epoch_length,
            check: QuorumCheck { chain },
            electorates,
            height: Height(0),
            believed: None,
        }
    }

    /// The highest certified height seen.
    pub const fn height(&self) -> Height {
        self.height
    }

    /// Believes a header that more than two thirds of its electorate's weight certified.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn tip(&mut self, tip: &Tip) -> Result<(), Disbelief> {
        let header = &tip.header;
        let names = (tip.certificate.block, tip.certificate.height) == (header.id(), header.height);
        if header.chain != self.chain || !names {
            return Err(Disbelief::Header);
        }
        let id = Some(tip.certificate.block);
        if self.believed == id {
            return Ok(());
        }
        let epoch = header.height.epoch(self.epoch_length);
        let electorate = self.electorates.get(&epoch).ok_or(Disbelief::Electorate(epoch))?;
        self.check.check(&tip.certificate, electorate)?;
        self.height = self.height.max(header.height);
        self.believed = id;
        Ok(())
    }

    /// Believes what is proved of an entry under a believed header: its value, or that there is none.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn entry(&mut self, notice: &Notice, key: &[u8]) -> Result<Option<Value>, Disbelief> {
        self.tip(&notice.tip)?;
        Ok(notice.entry.verify(notice.tip.header.state, key)?)
    }

    /// Learns the electorate of a later epoch from its entry.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn learn(&mut self, notice: &Notice) -> Result<(), Disbelief> {
        // Its epoch is not known beforehand: what it claims says under which key it must be proved.
        let claimed = notice.entry.claimed().and_then(|bytes| decode::<Electorate>(bytes).ok());
        let electorate = claimed.ok_or(Disbelief::NoElectorate)?;
        self.entry(notice, &key::electorate(electorate.epoch()))?;
        self.electorates.insert(electorate.epoch(), Arc::new(electorate));
        while self.electorates.len() > Self::KEPT {
            self.electorates.pop_first();
        }
        Ok(())
    }

    /// The newest electorate that has begun or is about to begin at the highest height seen.
    pub fn electorate(&self) -> Option<&Arc<Electorate>> {
        let epoch = self.height.next().epoch(self.epoch_length);
        self.electorates.range(..=epoch).next_back().map(|(_, electorate)| electorate)
    }
}
