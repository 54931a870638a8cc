//! Who broke the rules of voting: what all testimony about one height proves together.
//!
//! A fork needs voters of more than a third of the weight who break a rule, but they need not sign two votes in one round: they may
//! also forget what they precommitted. Such a misdeed does not show in a pair of votes, only in what is *missing* between
//! them. The rules, after Buchman, Kwon and Milosevic, "The latest gossip on BFT consensus" (2018), are:
//!
//! 1. one prevote and one precommit in a round;
//! 2. a precommit for a block in round r only after a quorum of prevotes for it in r;
//! 3. after a precommit for v in r, a prevote for another block in r' > r only after a quorum of prevotes for that block in
//!    some round from r to r' − 1.
//!
//! Honest voters keep everything they acted upon. So when all honest voters show what they have seen of a height, no
//! honest one is blamed, and after a fork that an honest voter took part in on each side, voters of more than a third
//! of the weight are (Sheng, Wang, Nayak, Kannan and Viswanath, "BFT Protocol Forensics", 2021). Only rule 1 is evidence by itself
//! ([`crate::Evidence`]): the others blame rightly only while the testimony of no honest voter is missing, which no
//! ledger can know. They are for people who have to choose between two histories.

use crate::{
    Electorate, Refused,
    vote::{SignedVote, Stage},
};
use bitneuron_core::{ChainId, Digest, Height, NodeId, Weight};
use std::collections::{BTreeMap, BTreeSet};

/// The rule that a voter broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guilt {
    /// Rule 1: two votes of one stage in one round.
    Twice,
    /// Rule 2: a precommit without a quorum of prevotes.
    Baseless,
    /// Rule 3: a prevote against an own precommit, without a quorum of prevotes since.
    Unlocked,
}

/// A question that a vote answers.
type Question = (u32, Stage);

/// Authentic votes of one height.
#[derive(Debug, Clone)]
pub struct Testimony {
    chain: ChainId,
    height: Height,
    votes: BTreeMap<NodeId, BTreeMap<Question, BTreeSet<Option<Digest>>>>,
}

impl Testimony {
    /// None yet, about a height.
    pub const fn new(chain: ChainId, height: Height) -> Self {
        Self { chain, height, votes: BTreeMap::new() }
    }

    /// Adds a vote; one that is known costs no look at its signature.
    ///
    /// # Errors
    /// Another height, or a bad signature.
    pub fn add(&mut self, signed: &SignedVote) -> Result<(), Refused> {
        let vote = &signed.vote;
        if vote.height != self.height {
            return Err(Refused::Height { found: vote.height, expected: self.height });
        }
        let question = (vote.round, vote.stage);
        let known = self.votes.get(&vote.by).and_then(|said| said.get(&question));
        if known.is_some_and(|answers| answers.contains(&vote.block)) {
            return Ok(());
        }
        if !signed.is_signed(self.chain) {
            return Err(Refused::Signature(vote.by));
        }
        self.votes.entry(vote.by).or_default().entry(question).or_default().insert(vote.block);
        Ok(())
    }

    /// Whom it blames, and for what first.
    pub fn blamed(&self, electorate: &Electorate) -> BTreeMap<NodeId, Guilt> {
        let polkas = self.polkas(electorate);
        let members = self.votes.iter().filter(|(id, _)| electorate.position(**id).is_some());
        members.filter_map(|(id, said)| Some((*id, guilt(said, &polkas)?))).collect()
    }

    /// The weight of whom it blames.
    pub fn weight(&self, electorate: &Electorate) -> Weight {
        let weights = self.blamed(electorate).into_keys().filter_map(|id| electorate.weight_of(id));
        Weight(weights.fold(0, |sum, weight| sum.saturating_add(weight.0)))
    }

    /// The rounds and blocks with a quorum of prevotes.
    fn polkas(&self, electorate: &Electorate) -> BTreeSet<(u32, Digest)> {
        let mut weights: BTreeMap<(u32, Digest), u64> = BTreeMap::new();
        for (id, said) in &self.votes {
            let Some(weight) = electorate.weight_of(*id) else { continue };
            let prevotes = said.iter().filter(|((_, stage), _)| *stage == Stage::Prevote);
            for (round, block) in
                prevotes.flat_map(|((round, _), blocks)| blocks.iter().map(|b| (*round, *b)))
            {
                let Some(block) = block else { continue };
                let sum = weights.entry((round, block)).or_default();
                *sum = sum.saturating_add(weight.0);
            }
        }
        let quorum = electorate.quorum().0;
        weights.into_iter().filter(|(_, weight)| *weight >= quorum).map(|(polka, _)| polka).collect()
    }
}

/// The first rule that a voter broke, if it broke any.
fn guilt(
    said: &BTreeMap<Question, BTreeSet<Option<Digest>>>,
    polkas: &BTreeSet<(u32, Digest)>,
) -> Option<Guilt> {
    if said.values().any(|answers| answers.len() > 1) {
        return Some(Guilt::Twice);
    }
    let of = |stage| {
        let answers = said.iter().filter(move |((_, other), _)| *other == stage);
        answers.flat_map(|((round, _), blocks)| blocks.iter().filter_map(|block| Some((*round, (*block)?))))
    };
    if of(Stage::Precommit).any(|precommit| !polkas.contains(&precommit)) {
        return Some(Guilt::Baseless);
    }
    let unlocked = |(round, block): (u32, Digest)| {
        let lock = of(Stage::Precommit).take_while(|(locked, _)| *locked < round).last();
        lock.is_some_and(|(locked, on)| {
            on != block && !(locked..round).any(|since| polkas.contains(&(since, block)))
        })
    };
    of(Stage::Prevote).any(unlocked).then_some(Guilt::Unlocked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Vote;
    use bitneuron_core::{Epoch, Keypair, Seed};

    const CHAIN: ChainId = ChainId(Digest([1; 32]));
    const A: Option<Digest> = Some(Digest([2; 32]));
    const B: Option<Digest> = Some(Digest([3; 32]));

    fn key(n: usize) -> Keypair {
        Keypair::from_seed(Seed::from_number(n as u64))
    }

    fn voters() -> Electorate {
        let members = (0..4).map(|n| (key(n).id(), Weight(10)));
        Electorate::new(Epoch(0), members, Digest::ZERO).expect("allowed")
    }

    /// Testimony of (voters, round, stage, block) entries.
    fn testimony(entries: &[(&[usize], u32, Stage, Option<Digest>)]) -> Testimony {
        let mut testimony = Testimony::new(CHAIN, Height(5));
        for (who, round, stage, block) in entries {
            for n in *who {
                let (height, by) = (Height(5), key(*n).id());
                let vote = Vote { height, round: *round, stage: *stage, block: *block, by };
                testimony.add(&vote.sign(&key(*n), CHAIN)).expect("authentic");
            }
        }
        testimony
    }

    fn blamed(testimony: &Testimony) -> Vec<(usize, Guilt)> {
        let blamed = testimony.blamed(&voters());
        (0..4).filter_map(|n| Some((n, *blamed.get(&key(n).id())?))).collect()
    }

    #[test]
    fn who_keeps_the_rules_is_not_blamed() {
        use Stage::{Precommit, Prevote};
        let honest = testimony(&[
            (&[0, 1, 2], 0, Prevote, A),
            (&[3], 0, Prevote, None),
            (&[0], 0, Precommit, A),
            (&[1, 2, 3], 0, Precommit, None),
            // All but the one that is locked take another block; then there is a quorum for it, and the lock moves on.
            (&[1, 2, 3], 1, Prevote, B),
            (&[0], 1, Prevote, A),
            (&[1, 2], 1, Precommit, B),
            (&[0, 1, 2, 3], 2, Prevote, B),
            (&[0, 1, 2, 3], 2, Precommit, B),
        ]);
        assert_eq!(blamed(&honest), []);
        assert_eq!(honest.weight(&voters()), Weight(0));
    }

    #[test]
    fn each_rule_has_its_guilt() {
        use Stage::{Precommit, Prevote};
        let twice = testimony(&[(&[1], 3, Prevote, A), (&[1], 3, Prevote, None)]);
        assert_eq!(blamed(&twice), [(1, Guilt::Twice)]);
        let baseless = testimony(&[(&[0, 1], 0, Prevote, A), (&[2], 0, Precommit, A)]);
        assert_eq!(blamed(&baseless), [(2, Guilt::Baseless)]);
        let locked = [(&[0, 1, 2][..], 1, Prevote, A), (&[0, 1], 1, Precommit, A)];
        let unlocked = testimony(&[&locked[..], &[(&[1], 4, Prevote, B)]].concat());
        assert_eq!(blamed(&unlocked), [(1, Guilt::Unlocked)]);
        assert_eq!(unlocked.weight(&voters()), Weight(10));
        let again = testimony(&[&locked[..], &[(&[1], 4, Prevote, A)]].concat());
        assert_eq!(blamed(&again), []);
    }

    #[test]
    fn forged_and_foreign_votes_are_no_testimony() {
        let mut testimony = Testimony::new(CHAIN, Height(5));
        let vote = |height| {
            let (stage, by) = (Stage::Prevote, key(0).id());
            Vote { height: Height(height), round: 0, stage, block: A, by }
        };
        let forged = vote(5).sign(&key(1), CHAIN);
        assert_eq!(testimony.add(&forged), Err(Refused::Signature(key(0).id())));
        let other = vote(6).sign(&key(0), CHAIN);
        assert_eq!(testimony.add(&other), Err(Refused::Height { found: Height(6), expected: Height(5) }));
        let stranger = key(9);
        let vote = Vote { by: stranger.id(), ..vote(5) };
        for block in [A, B] {
            testimony.add(&Vote { block, ..vote }.sign(&stranger, CHAIN)).expect("authentic");
        }
        assert_eq!(blamed(&testimony), [], "who has no vote breaks no rule");
    }
}
