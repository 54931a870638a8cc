//! Blocks that follow one on the other, executed faster than one by one.
//!
//! Most of the time of a block of plain transactions goes into its signatures and its builder's draw. Neither depends on the state
//! before it, but for the voters of its epoch, who are known when the epoch begins. So while some blocks are executed, the next ones
//! are looked at on other threads: their transactions are read, all signatures of some blocks are verified as one batch, and the
//! draws are checked. What comes out is what [`State::execute`] gives, block by block.

use crate::tx::{Candidate, SignedTx};
use crate::{HeaderFault, Refused, State};
use bitneuron_consensus::Block;
use bitneuron_core::claim::CheckClaim;
use bitneuron_core::{Bytes, Digest, decode};
use rayon::prelude::*;

/// So many blocks are looked at while as many are executed.
const AHEAD: usize = 64;
/// The signatures of so many blocks are verified as one batch.
const BATCH: usize = 16;

/// What a builder drew, found with these voters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn {
    pub(crate) voters: Digest,
    pub(crate) output: Digest,
}

/// What is known of a block before it is executed.
pub(crate) struct Looked {
    transactions: Vec<SignedTx>,
    digests: Vec<Digest>,
    /// Whether the signatures of all transactions are known to be valid.
    verified: bool,
    pub(crate) drawn: Option<Drawn>,
}

impl Looked {
    /// Reads a block; nothing is verified.
    pub(crate) fn read(block: &Block) -> Result<Self, Refused> {
        if !block.is_consistent() {
            return Err(HeaderFault::Body.into());
        }
        let refused = |at, why| Refused::Transaction { at, why: Box::new(why) };
        let read = |(at, bytes): (usize, &Bytes)| decode(bytes).map_err(|error| refused(at, error.into()));
        let transactions: Vec<SignedTx> =
            block.transactions.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let digests = transactions.iter().map(SignedTx::digest).collect();
        Ok(Self { transactions, digests, verified: false, drawn: None })
    }

    /// The transactions, with what is known of each.
    pub(crate) fn candidates<'a>(&'a self, block: &'a Block) -> Vec<Candidate<'a>> {
        let sizes = block.transactions.iter().map(|bytes| bytes.len());
        let all = self.transactions.iter().zip(&self.digests).zip(sizes);
        let verified = self.verified;
        all.map(|((signed, digest), size)| Candidate { signed, digest: *digest, size, verified }).collect()
    }
}

impl State {
    /// What can be known of blocks that follow on this state, or on one after it; the first fault among them.
    fn look(&self, blocks: &[Block], check: &dyn CheckClaim) -> Result<Vec<Looked>, Refused> {
        let batches: Vec<Vec<Looked>> =
            blocks.par_chunks(BATCH).map(|some| self.look_at(some, check)).collect::<Result<_, _>>()?;
        Ok(batches.into_iter().flatten().collect())
    }

    fn look_at(&self, blocks: &[Block], check: &dyn CheckClaim) -> Result<Vec<Looked>, Refused> {
        let mut looked: Vec<Looked> = blocks.iter().map(Looked::read).collect::<Result<_, _>>()?;
        let mut all: Vec<Candidate<'_>> =
            looked.iter().zip(blocks).flat_map(|(looked, block)| looked.candidates(block)).collect();
        Candidate::verify_all(&mut all, self.chain, check);
        let verified = all.iter().all(|one| one.verified);
        for (looked, block) in looked.iter_mut().zip(blocks) {
            (looked.verified, looked.drawn) = (verified, self.drawn_in(block));
        }
        Ok(looked)
    }

    /// What the builder of a block drew, if the voters of its epoch are known by now.
    fn drawn_in(&self, block: &Block) -> Option<Drawn> {
        let header = &block.header;
        let voters = self.electorate(header.height.epoch(self.params.epoch))?;
        let output = voters.slot(self.chain, header.height).output(header.proposer, &header.draw)?;
        Some(Drawn { voters: voters.digest(), output })
    }

    /// Executes blocks that follow on this state, one on the other: the state after the last, as [`State::execute`] gives it.
    ///
    /// # Errors
    /// Why one of them is invalid.
    pub fn execute_all(&self, blocks: &[Block], check: &dyn CheckClaim) -> Result<Self, Refused> {
        let mut parts = blocks.chunks(AHEAD);
        let mut part = parts.next().unwrap_or_default();
        let (mut state, mut looked) = (self.clone(), self.look(part, check));
        loop {
            let next = parts.next().unwrap_or_default();
            let known = looked?;
            let run = || {
                let mut state = state.clone();
                for (block, looked) in part.iter().zip(&known) {
                    state = state.execute_looked(block, looked, check)?.0;
                }
                Ok::<Self, Refused>(state)
            };
            let (executed, ahead) = rayon::join(run, || state.look(next, check));
            state = executed?;
            if next.is_empty() {
                return Ok(state);
            }
            (part, looked) = (next, ahead);
        }
    }
}
