//! A light client: follows the chain by certified headers and proved entries, without state.
//!
//! It starts from the electorates that the genesis fixes. The electorate of each later epoch is an entry of the ledger,
//! proved under a header which an electorate known before has certified, so trust never comes from the teller.

use crate::message::{Notice, Tip};
use bitneuron_consensus::{CheckCertificate, Electorate, QuorumCheck};
use bitneuron_core::{ChainId, Digest, Epoch, Height, decode};
use bitneuron_ledger::Entry;
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
    /// The entry is not under the header's state root.
    #[error("the entry is not in the certified state")]
    Entry,
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

    /// Believes an entry that is proved under a believed header.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn entry(&mut self, notice: &Notice) -> Result<Entry, Disbelief> {
        self.tip(&notice.tip)?;
        notice.entry.verify(notice.tip.header.state).ok_or(Disbelief::Entry)
    }

    /// Learns the electorate of a later epoch from its entry.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn learn(&mut self, notice: &Notice) -> Result<(), Disbelief> {
        let entry = self.entry(notice)?;
        let electorate: Electorate = decode(&entry.value).map_err(|_| Disbelief::Entry)?;
        if entry.key != bitneuron_ledger::key::electorate(electorate.epoch()) {
            return Err(Disbelief::Entry);
        }
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
