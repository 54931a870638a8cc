//! The pool: every authentic statement of the last heights, once; it knows what is new and finds the liars.
//!
//! A voting core forgets a height when it leaves it, and most second votes of an equivocator arrive just after
//! that. So the pool keeps the statements of the last heights itself, indexed by (height, author, round, kind). A
//! statement is verified at most once; the second, different one of a kind is relayed like the first and makes
//! [`Evidence`]; more than two are ignored, so that an equivocator cannot flood. The caller bounds heights and
//! rounds, which bounds the memory: at most two statements for each member, round and kind.

use crate::{
    Evidence, Refused,
    vote::{SignedProposal, SignedVote, Stage, Vote},
};
use bitneuron_core::{ChainId, Digest, Height, NodeId};
use std::collections::BTreeMap;

/// What a statement is to the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// The first of its kind: use it and pass it on.
    Fresh,
    /// Seen before, or of a forgotten height: nothing to do.
    Known,
    /// The second of its kind: use it, pass it on, accuse.
    Conflict(Box<Evidence>),
    /// The third or a later one of its kind: ignore it. Its signature was not checked.
    Surplus,
}

/// The question that a statement answers; two different answers of one author are a misdeed.
type Slot = (Height, NodeId, u32, u8);

/// A signed statement that can contradict another; its signature is checked before it gets here.
trait Statement: Copy + Eq {
    fn slot(&self) -> Slot;
    fn same(&self, other: &Self) -> bool;
    fn against(self, other: Self) -> Result<Evidence, Refused>;
}

impl Statement for SignedVote {
    fn slot(&self) -> Slot {
        let vote = &self.vote;
        (vote.height, vote.by, vote.round, u8::from(vote.stage == Stage::Precommit))
    }

    fn same(&self, other: &Self) -> bool {
        self.vote == other.vote
    }

    fn against(self, other: Self) -> Result<Evidence, Refused> {
        Evidence::votes(self, other)
    }
}

impl Statement for SignedProposal {
    fn slot(&self) -> Slot {
        (self.proposal.height, self.proposal.by, self.proposal.round, 2)
    }

    fn same(&self, other: &Self) -> bool {
        self.proposal == other.proposal
    }

    fn against(self, other: Self) -> Result<Evidence, Refused> {
        Evidence::proposals(self, other)
    }
}

/// One or two statements of one kind.
#[derive(Debug, Clone)]
struct Seen<T> {
    first: T,
    second: Option<T>,
}

#[derive(Debug, Clone)]
struct Shelf<T>(BTreeMap<Slot, Seen<T>>);

impl<T: Statement> Shelf<T> {
    fn seen(&self, item: &T) -> Option<Sighting> {
        let seen = self.0.get(&item.slot())?;
        match &seen.second {
            _ if seen.first.same(item) => Some(Sighting::Known),
            Some(second) if second.same(item) => Some(Sighting::Known),
            Some(_) => Some(Sighting::Surplus),
            None => None,
        }
    }

    fn holds(&self, item: &T) -> bool {
        self.0.get(&item.slot()).is_some_and(|seen| seen.first == *item || seen.second.as_ref() == Some(item))
    }

    /// Stores an authentic statement that [`Shelf::seen`] did not know.
    fn store(&mut self, item: T) -> Result<Sighting, Refused> {
        match self.0.get_mut(&item.slot()) {
            None => {
                self.0.insert(item.slot(), Seen { first: item, second: None });
                Ok(Sighting::Fresh)
            }
            Some(seen) => {
                let evidence = seen.first.against(item)?;
                seen.second = Some(item);
                Ok(Sighting::Conflict(Box::new(evidence)))
            }
        }
    }
}

/// The statements of the last heights.
#[derive(Debug, Clone)]
pub struct Pool {
    chain: ChainId,
    floor: Height,
    votes: Shelf<SignedVote>,
    proposals: Shelf<SignedProposal>,
}

impl Pool {
    /// An empty pool for one chain.
    pub const fn new(chain: ChainId) -> Self {
        Self { chain, floor: Height(0), votes: Shelf(BTreeMap::new()), proposals: Shelf(BTreeMap::new()) }
    }

    /// Looks at a vote, whose signature is checked unless the same vote is known.
    ///
    /// # Errors
    /// The signature is bad; the pool is unchanged.
    pub fn vote(&mut self, vote: &SignedVote) -> Result<Sighting, Refused> {
        if let Some(sighting) = self.seen_vote(vote) {
            return Ok(sighting);
        }
        if !vote.is_signed(self.chain) {
            return Err(Refused::Signature(vote.vote.by));
        }
        self.votes.store(*vote)
    }

    /// Looks at a proposal, whose signature is checked unless the same proposal is known.
    ///
    /// # Errors
    /// The signature is bad; the pool is unchanged.
    pub fn proposal(&mut self, proposal: &SignedProposal) -> Result<Sighting, Refused> {
        if let Some(sighting) = self.seen_proposal(proposal) {
            return Ok(sighting);
        }
        if !proposal.is_signed(self.chain) {
            return Err(Refused::Signature(proposal.proposal.by));
        }
        self.proposals.store(*proposal)
    }

    pub(crate) fn seen_vote(&self, vote: &SignedVote) -> Option<Sighting> {
        if vote.vote.height < self.floor { Some(Sighting::Known) } else { self.votes.seen(vote) }
    }

    /// What is known of a proposal without checking its signature; `None` if it would be news.
    pub fn seen_proposal(&self, proposal: &SignedProposal) -> Option<Sighting> {
        if proposal.proposal.height < self.floor {
            Some(Sighting::Known)
        } else {
            self.proposals.seen(proposal)
        }
    }

    /// Keeps a vote that is known to be authentic: signed here or verified by the caller.
    pub(crate) fn keep_vote(&mut self, vote: SignedVote) -> Sighting {
        // Only two statements of one slot meet here, so they contradict each other and nothing is refused.
        let seen = self.seen_vote(&vote);
        seen.or_else(|| self.votes.store(vote).ok()).unwrap_or(Sighting::Known)
    }

    /// Keeps a proposal that is known to be authentic: signed here or verified by the caller.
    pub(crate) fn keep_proposal(&mut self, proposal: SignedProposal) -> Sighting {
        let seen = self.seen_proposal(&proposal);
        seen.or_else(|| self.proposals.store(proposal).ok()).unwrap_or(Sighting::Known)
    }

    /// Whether something is known that this voter said in this place.
    pub(crate) fn has_heard(&self, vote: &SignedVote) -> bool {
        self.votes.0.contains_key(&vote.slot())
    }

    /// What each voter said first, in each place of a height.
    pub(crate) fn firsts(&self, height: Height) -> impl Iterator<Item = &Vote> {
        let first = (height, NodeId([0; 32]), 0, 0);
        let of_height = self.votes.0.range(first..).take_while(move |(slot, _)| slot.0 == height);
        of_height.map(|(_, seen)| &seen.first.vote)
    }

    /// Whether this very vote, signature included, is known to be authentic.
    pub fn knows_vote(&self, vote: &SignedVote) -> bool {
        self.votes.holds(vote)
    }

    /// Whether this very vote, signature included, is authentic: known or verified now.
    pub fn vouches_vote(&self, vote: &SignedVote) -> bool {
        self.votes.holds(vote) || vote.is_signed(self.chain)
    }

    /// Whether this very proposal, signature included, is authentic: known or verified now.
    pub fn vouches_proposal(&self, proposal: &SignedProposal) -> bool {
        self.proposals.holds(proposal) || proposal.is_signed(self.chain)
    }

    /// The precommits for a block of a height, by author.
    pub fn precommits(&self, height: Height, block: Digest) -> impl Iterator<Item = &SignedVote> {
        let first = (height, NodeId([0; 32]), 0, 0);
        let of_height = self.votes.0.range(first..).take_while(move |(slot, _)| slot.0 == height);
        let votes = of_height.flat_map(|(_, seen)| std::iter::once(&seen.first).chain(&seen.second));
        votes.filter(move |seen| seen.vote.stage == Stage::Precommit && seen.vote.block == Some(block))
    }

    /// Forgets what is below `floor`.
    pub fn forget_below(&mut self, floor: Height) {
        self.floor = self.floor.max(floor);
        let from = (self.floor, NodeId([0; 32]), 0, 0);
        self.votes.0 = self.votes.0.split_off(&from);
        self.proposals.0 = self.proposals.0.split_off(&from);
    }

    /// How many statements are kept.
    pub fn len(&self) -> usize {
        let second = |both: bool| usize::from(both);
        let votes: usize = self.votes.0.values().map(|seen| second(seen.second.is_some())).sum();
        let proposals: usize = self.proposals.0.values().map(|seen| second(seen.second.is_some())).sum();
        let slots = self.votes.0.len().saturating_add(self.proposals.0.len());
        slots.saturating_add(votes).saturating_add(proposals)
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vote::Proposal;
    use bitneuron_core::{Keypair, Seed};

    const CHAIN: ChainId = ChainId(Digest([1; 32]));

    fn vote(height: u64, block: u8) -> SignedVote {
        let key = Keypair::from_seed(Seed::from_number(1));
        let block = Some(Digest([block; 32]));
        Vote { height: Height(height), round: 0, stage: Stage::Precommit, block, by: key.id() }
            .sign(&key, CHAIN)
    }

    #[test]
    fn fresh_known_conflict_surplus() {
        let mut pool = Pool::new(CHAIN);
        assert_eq!(pool.vote(&vote(5, 1)), Ok(Sighting::Fresh));
        assert_eq!(pool.vote(&vote(5, 1)), Ok(Sighting::Known));
        let Ok(Sighting::Conflict(evidence)) = pool.vote(&vote(5, 2)) else { panic!("a conflict") };
        assert_eq!(evidence.check(CHAIN), Ok(vote(5, 1).vote.by));
        assert_eq!(pool.vote(&vote(5, 2)), Ok(Sighting::Known));
        assert_eq!(pool.vote(&vote(5, 3)), Ok(Sighting::Surplus));
        assert_eq!(pool.vote(&vote(6, 3)), Ok(Sighting::Fresh));
        assert_eq!(pool.len(), 3);
    }

    #[test]
    fn a_forgery_neither_enters_nor_hides_the_truth() {
        let mut pool = Pool::new(CHAIN);
        let forged = SignedVote { signature: vote(5, 1).signature, ..vote(5, 2) };
        assert_eq!(pool.vote(&forged), Err(Refused::Signature(forged.vote.by)));
        assert!(pool.is_empty());
        assert_eq!(pool.vote(&vote(5, 1)), Ok(Sighting::Fresh));
        assert_eq!(pool.vote(&forged), Err(Refused::Signature(forged.vote.by)));
        assert!(matches!(pool.vote(&vote(5, 2)), Ok(Sighting::Conflict(_))));
        assert!(!pool.vouches_vote(&SignedVote { signature: forged.signature, ..vote(6, 1) }));
    }

    #[test]
    fn heights_are_forgotten_from_below() {
        let mut pool = Pool::new(CHAIN);
        for height in 1..=8 {
            assert_eq!(pool.vote(&vote(height, 1)), Ok(Sighting::Fresh));
        }
        pool.forget_below(Height(6));
        assert_eq!(pool.len(), 3);
        assert_eq!(pool.vote(&vote(5, 2)), Ok(Sighting::Known));
        assert!(matches!(pool.vote(&vote(6, 2)), Ok(Sighting::Conflict(_))), "still watched");
    }

    #[test]
    fn proposals_are_watched_too() {
        let key = Keypair::from_seed(Seed::from_number(1));
        let of = |block| {
            let block = Digest([block; 32]);
            Proposal { height: Height(1), round: 0, proof_round: None, block, by: key.id() }.sign(&key, CHAIN)
        };
        let mut pool = Pool::new(CHAIN);
        assert_eq!(pool.proposal(&of(1)), Ok(Sighting::Fresh));
        assert!(matches!(pool.proposal(&of(2)), Ok(Sighting::Conflict(_))));
        assert_eq!(pool.seen_proposal(&of(3)), Some(Sighting::Surplus));
    }
}
