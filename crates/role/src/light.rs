//! A user's view of the chain: certified headers, followed by [`bitneuron_consensus::light`], and entries proved under them.
//!
//! It starts from the voters that the genesis fixes. A header comes without its voters as long as they are known, which
//! saves most of its bytes; when they change, somebody shows a whole light block.

use crate::message::{Notice, Tip};
use bitneuron_consensus::light::{Client, Doubt, Effect, Input, Root, Trust};
use bitneuron_consensus::{Electorate, LightBlock};
use bitneuron_core::{Digest, Height, Machine as _, NodeId, Outbox, Time};
use bitneuron_ledger::{ProofError, Value};
use thiserror::Error;

/// Why a light client does not believe what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Disbelief {
    /// The header's voters are not known yet: a light block must show them.
    #[error("the voters of height {} are not known", .0.0)]
    Voters(Height),
    /// The header does not follow on what is believed.
    #[error(transparent)]
    Doubt(#[from] Doubt),
    /// The header may be true, but headers between must be seen first.
    #[error("not believed yet")]
    Later,
    /// The proof does not show what the certified state has under the key.
    #[error("entry: {0}")]
    Proof(#[from] ProofError),
}

/// What a light client knows.
#[derive(Debug)]
pub struct Light {
    client: Client,
    now: Time,
    /// The header believed last, so that many notices under one header cost one look at its votes.
    believed: Option<Digest>,
    /// What the client wants of the world.
    wants: Outbox<Effect>,
}

impl Light {
    /// A client that begins with a root.
    pub fn new(trust: Trust, root: Root) -> Self {
        let wants = Outbox::new();
        Self { client: Client::new(trust, root), now: Time::ZERO, believed: None, wants }
    }

    /// Tells the time, by which old headers are forgotten and future ones refused.
    pub const fn tick(&mut self, now: Time) {
        self.now = now;
    }

    /// The highest certified height seen.
    pub fn height(&self) -> Height {
        self.client.height()
    }

    /// The voters of that height.
    pub fn voters(&self) -> &Electorate {
        self.client.voters()
    }

    /// What the client wants of the world since the last call: questions to ask, forks to report.
    pub fn wants(&mut self) -> Outbox<Effect> {
        std::mem::replace(&mut self.wants, Outbox::new())
    }

    /// Believes a certified header whose voters are known.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn tip(&mut self, from: NodeId, tip: &Tip) -> Result<(), Disbelief> {
        let id = tip.header.id();
        if self.believed == Some(id) && tip.certificate.block == id {
            return Ok(());
        }
        let voters = self.client.voters_named(tip.header.voters);
        let voters = voters.ok_or(Disbelief::Voters(tip.header.height))?.clone();
        let (header, certificate) = (tip.header.clone(), tip.certificate.clone());
        self.show(from, LightBlock { header, certificate, voters })
    }

    /// Believes a certified header, shown with its voters.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn show(&mut self, from: NodeId, block: LightBlock) -> Result<(), Disbelief> {
        let id = block.id();
        let mut out = Outbox::new();
        self.client.step(self.now, Input::Block { from, block: Box::new(block) }, &mut out)?;
        let believed = out.as_slice().contains(&Effect::Believe(id));
        self.wants.extend(out);
        if !believed {
            return Err(Disbelief::Later);
        }
        self.believed = Some(id);
        Ok(())
    }

    /// Forgets what was asked: no answer came.
    pub fn give_up(&mut self) {
        // Silence is never refused.
        let _ = self.client.step(self.now, Input::Silence, &mut self.wants);
    }

    /// Believes what is proved of an entry under a believed header: its value, or that there is none.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn entry(&mut self, from: NodeId, notice: &Notice, key: &[u8]) -> Result<Option<Value>, Disbelief> {
        self.tip(from, &notice.tip)?;
        Ok(notice.entry.verify(notice.tip.header.state, key)?)
    }
}
