//! Votes that wait, to be verified together.
//!
//! Of all that a vote costs a node, its signature costs the most, and in a batch less than half. One vote alone moves nothing, so
//! votes are kept as they came, neither verified nor passed on nor fed to the core, until it matters what they say:
//!
//! * they make a quorum with those that are known, for one block or for any: what the core acts on;
//! * they are of a later round, into which a third of the weight takes the core;
//! * their voter said something else in the same place, or the same with another signature: one of both may be a forgery, and it must
//!   not keep the other out;
//! * a timer runs out, a block turns out to be invalid, or the next height begins.
//!
//! So nothing is decided later than it would be. What does not matter any more, as the last third of precommits, is verified with the first
//! votes of the next height at the latest. A forgery is held against whoever delivered it, as always, and costs one more
//! look at each vote that it waited with. At most one vote waits in each place, so they are bounded as the pool is.

use super::shell::Shell;
use crate::{
    Electorate, Refused, Sighting,
    vote::{SignedVote, Stage, Vote, are_signed},
};
use bitneuron_core::{Height, NodeId};
use std::{collections::BTreeMap, sync::Arc};

/// A vote as it was delivered.
#[derive(Debug, Clone)]
pub(super) struct Delivered {
    pub(super) from: NodeId,
    pub(super) bytes: Arc<[u8]>,
    pub(super) signed: SignedVote,
}

/// Where a voter can say one thing only.
type Place = (Height, NodeId, u32, Stage);

const fn place(vote: &Vote) -> Place {
    (vote.height, vote.by, vote.round, vote.stage)
}

/// The votes that wait, one in each place.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<Place, Delivered>);

impl Waiting {
    /// What waits in the place of a vote.
    pub(super) fn beside(&self, vote: &Vote) -> Option<&SignedVote> {
        self.0.get(&place(vote)).map(|delivered| &delivered.signed)
    }

    fn of_height(&self, height: Height) -> impl Iterator<Item = &Vote> {
        let first = (height, NodeId([0; 32]), 0, Stage::Prevote);
        let all = self.0.range(first..).take_while(move |(place, _)| place.0 == height);
        all.map(|(_, delivered)| &delivered.signed.vote)
    }
}

/// The weight of some votes of one stage, each of another voter: of all, and of those for one block.
fn weigh<'a>(votes: impl Iterator<Item = &'a Vote>, like: &Vote, voters: &Electorate) -> [u64; 2] {
    let related = votes.filter(|vote| (vote.round, vote.stage) == (like.round, like.stage));
    related.fold([0, 0], |[any, same], vote| {
        let weight = voters.weight_of(vote.by).unwrap_or_default().0;
        let counted = if vote.block == like.block { weight } else { 0 };
        [any.saturating_add(weight), same.saturating_add(counted)]
    })
}

impl Shell {
    /// Takes a vote of a voter of its height that the pool does not know: now, or when it matters.
    pub(super) fn await_vote(&mut self, delivered: Delivered, voters: &Electorate) -> Result<(), Refused> {
        let signed = delivered.signed;
        let other = self.waiting.0.remove(&place(&signed.vote));
        if other.is_some() || self.pool.has_heard(&signed) {
            self.settle(other.into_iter().collect());
            let sighting = self.pool.vote(&signed)?;
            self.use_vote(&delivered.bytes, signed, sighting);
            return Ok(());
        }
        self.met.insert(Arc::clone(&delivered.bytes), signed.vote.by);
        self.waiting.0.insert(place(&signed.vote), delivered);
        if self.matters(&signed.vote, voters) {
            self.settle_all();
        }
        Ok(())
    }

    /// Whether the core may act on what waits, now that this vote does too.
    fn matters(&self, vote: &Vote, voters: &Electorate) -> bool {
        if vote.height != self.height || self.decided {
            return false;
        }
        if vote.round > self.round {
            return true;
        }
        let known = weigh(self.pool.firsts(self.height), vote, voters);
        let waiting = weigh(self.waiting.of_height(self.height), vote, voters);
        let quorum = voters.quorum().0;
        let mut pairs = known.into_iter().zip(waiting);
        pairs.any(|(known, waiting)| known < quorum && quorum <= known.saturating_add(waiting))
    }

    /// Looks at all that waits.
    pub(super) fn settle_all(&mut self) {
        let all = std::mem::take(&mut self.waiting.0);
        self.settle(all.into_values().collect());
    }

    fn settle(&mut self, all: Vec<Delivered>) {
        let votes: Vec<SignedVote> = all.iter().map(|delivered| delivered.signed).collect();
        let keys = &mut self.keys;
        let authentic = !votes.is_empty() && are_signed(&votes, self.chain, |batch| keys.verify_batch(batch));
        for Delivered { from, bytes, signed } in all {
            let sighting = if authentic { Ok(self.pool.keep_vote(signed)) } else { self.pool.vote(&signed) };
            match sighting {
                Ok(sighting) => self.use_vote(&bytes, signed, sighting),
                Err(why) => {
                    self.met.remove(&bytes);
                    self.offence(from, why);
                }
            }
        }
    }

    /// Passes on what is news of an authentic vote, and feeds it to the core.
    fn use_vote(&mut self, bytes: &Arc<[u8]>, signed: SignedVote, sighting: Sighting) {
        let vote = signed.vote;
        let Some(voters) = self.voters(vote.height, vote.round) else { return };
        match sighting {
            Sighting::Known | Sighting::Surplus => return,
            Sighting::Fresh => self.relay(bytes, &voters),
            Sighting::Conflict(evidence) => {
                self.relay(bytes, &voters);
                self.accuse(*evidence);
            }
        }
        let judged = vote.block.and_then(|id| self.blocks.get(&id)).and_then(|known| known.verdict);
        if vote.stage == Stage::Precommit && vote.height == self.height && judged == Some(false) {
            self.precommitted(signed);
        }
        if self.is_open(vote.height) {
            self.feed_vote(&signed);
        }
    }
}
