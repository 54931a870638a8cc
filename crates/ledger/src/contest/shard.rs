//! Shards of hidden test rows: sealed before a contest begins, opened when they are called, never a test again.
//!
//! A seal binds chain, goal, examiner, rows and a salt, so that nobody learns the rows from it or passes it on as his own. A
//! shard may be called in contests that begin after it was sealed: rows cannot be chosen for candidates that are known.
//!
//! Seals are cheap to make, so their number must not matter. Shards are called by their bonds (`lots`), and where there is no room for
//! another, a seal with a higher bond takes the place of the one with the least. Shards on which the contest that is on depends
//! stay: nobody can take its tests away once it has begun.

use super::entry::{ShardId, TestShard, escrow};
use super::event::ContestEvent;
use super::fault::ContestFault;
use super::params::{ContestParams, Window};
use crate::account::Pocket;
use crate::goal::GoalEntry;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::exact::ExactData;
use bitneuron_core::hash::Hasher;
use bitneuron_core::{Amount, Bytes, ChainId, Digest, GoalId, NodeId};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The seal of a shard with these rows ([`ExactData::to_bytes`]). The salt must be known to the examiner alone.
pub fn seal(chain: ChainId, goal: GoalId, examiner: NodeId, salt: Digest, rows: &[u8]) -> Digest {
    let mut hasher = Hasher::new("bitneuron sealed shard v1");
    hasher.update(&chain.0.0).update(&goal.0.0).update(&examiner.0).update(&salt.0).part(rows).finish()
}

/// The rows of a shard of a goal.
pub(super) fn read_rows(entry: &GoalEntry, params: &ContestParams, bytes: &[u8]) -> Option<ExactData> {
    let net = &entry.goal.net;
    let length = ExactData::row_bytes(net.features()).checked_mul(params.rows as usize);
    let rows = ExactData::from_bytes(bytes, net.features()).filter(|_| Some(bytes.len()) == length)?;
    rows.labels().data().iter().all(|label| *label < i64::from(net.outputs())).then_some(rows)
}

/// Short names of the rows in these bytes, ascending, each once.
fn names(bytes: &[u8], columns: u32) -> BTreeSet<u64> {
    let name = |row: &[u8]| Digest::of("bitneuron test row v1", row).to_u64();
    bytes.chunks_exact(ExactData::row_bytes(columns)).map(name).collect()
}

impl State {
    /// The sealed shards of a goal, those that were opened in the contest that is on among them, by examiner and seal.
    pub fn test_shards(&self, goal: GoalId) -> impl Iterator<Item = (ShardId, &TestShard)> {
        let first = ShardId { examiner: NodeId([0; 32]), seal: Digest::ZERO };
        let last = ShardId { examiner: NodeId([255; 32]), seal: Digest([255; 32]) };
        let all = self.contests.shards.range((goal, first)..=(goal, last));
        all.map(|((_, shard), sealed)| (*shard, sealed))
    }

    /// The rows of a shard that was opened in the contest that is on.
    pub fn test_rows(&self, goal: GoalId, shard: ShardId) -> Option<&Bytes> {
        self.contests.rows.get(&(goal, shard))
    }

    /// The shards that may be called in a contest.
    pub(super) fn live_shards(&self, goal: GoalId, contest: u64) -> Vec<(ShardId, Amount)> {
        let first = self.params.contest.first(contest);
        let live = self.test_shards(goal).filter(|(_, sealed)| sealed.at < first);
        live.map(|(shard, sealed)| (shard, sealed.bond)).collect()
    }

    /// The shard with the least bond that nobody counts on now, the newest where several have it.
    fn least_shard(&self, goal: GoalId) -> Option<(ShardId, TestShard)> {
        let contest = self.contests.open.get(&goal);
        let counted_on = |shard: &ShardId, sealed: &TestShard| {
            contest.is_some_and(|contest| match contest.drawn.as_slice() {
                [] => sealed.at < self.params.contest.first(contest.number),
                drawn => drawn.contains(shard),
            })
        };
        let loose = self.test_shards(goal).filter(|(shard, sealed)| !counted_on(shard, sealed));
        let least = loose.min_by_key(|(_, sealed)| (sealed.bond, Reverse(sealed.at)));
        least.map(|(shard, sealed)| (shard, *sealed))
    }

    /// A goal that has contests.
    pub(super) fn contested(&self, goal: GoalId) -> Result<&GoalEntry, Refused> {
        let entry = self.registered(goal)?;
        if !entry.listed {
            return Err(ContestFault::Unlisted.into());
        }
        if !self.params.contest.fits(&entry.goal) {
            return Err(ContestFault::Large.into());
        }
        Ok(entry)
    }

    /// How many of these rows were tests in contests that are remembered.
    fn tested(&self, goal: GoalId, rows: &BTreeSet<u64>) -> usize {
        let known = |name: &&u64| {
            let mut lists = self.contests.tested.range((goal, 0)..=(goal, u64::MAX));
            lists.any(|(_, list)| list.binary_search(name).is_ok())
        };
        rows.iter().filter(known).count()
    }
}

impl Draft<'_> {
    pub(super) fn seal_shard(
        &mut self,
        by: NodeId,
        goal: GoalId,
        seal: Digest,
        bond: Amount,
    ) -> Result<(), Refused> {
        let params = &self.state.params.contest;
        let (least, most) = (params.shard_bond, params.shards as usize);
        if bond < least {
            return Err(ContestFault::Bond(bond).into());
        }
        let shard = ShardId { examiner: by, seal };
        if self.state.contests.shards.contains_key(&(goal, shard)) {
            return Err(ContestFault::Repeated.into());
        }
        if self.state.test_shards(goal).count() >= most {
            self.displace_shard(goal, bond)?;
        }
        self.state.shift(Pocket::Account(by), Pocket::Escrow(escrow(goal, by, seal)), bond)?;
        let at = self.state.clock.height;
        self.state.contests.shards.set((goal, shard), TestShard { at, bond });
        self.events.push(ContestEvent::Sealed(shard).of(goal));
        Ok(())
    }

    /// Makes room for a shard with this bond.
    fn displace_shard(&mut self, goal: GoalId, bond: Amount) -> Result<(), Refused> {
        let (shard, sealed) = self.state.least_shard(goal).ok_or(Refused::Full("test shards"))?;
        if bond <= sealed.bond {
            return Err(ContestFault::Bond(bond).into());
        }
        self.end_shard(goal, shard, true)?;
        self.events.push(ContestEvent::Displaced(shard).of(goal));
        Ok(())
    }

    /// Once candidates are known nobody may choose which shards test them.
    pub(super) fn withdraw_shard(&mut self, by: NodeId, goal: GoalId, seal: Digest) -> Result<(), Refused> {
        let shard = ShardId { examiner: by, seal };
        let sealed = self.state.contests.shards.get(&(goal, shard)).copied().ok_or(ContestFault::NoShard)?;
        if self.state.window() != Window::Commit && self.state.contests.open.contains_key(&goal) {
            return Err(ContestFault::Window.into());
        }
        self.state.contests.shards.unset(&(goal, shard));
        let (from, to) = (Pocket::Escrow(escrow(goal, by, seal)), Pocket::Account(by));
        self.state.shift(from, to, sealed.bond)?;
        self.events.push(ContestEvent::Withdrawn(shard).of(goal));
        Ok(())
    }

    pub(super) fn open_shard(
        &mut self,
        by: NodeId,
        goal: GoalId,
        salt: Digest,
        rows: &Bytes,
    ) -> Result<(), Refused> {
        let contest = self.state.contest_in(goal, Window::Open)?;
        let (number, entry) = (contest.number, self.state.registered(goal)?);
        if read_rows(entry, &self.state.params.contest, rows).is_none() {
            return Err(ContestFault::Rows.into());
        }
        let shard = ShardId { examiner: by, seal: seal(self.state.chain, goal, by, salt, rows) };
        if !self.state.contests.shards.contains_key(&(goal, shard)) {
            return Err(ContestFault::NoShard.into());
        }
        if !contest.calls(shard) {
            return Err(ContestFault::NotCalled.into());
        }
        if self.state.contests.rows.contains_key(&(goal, shard)) {
            return Err(ContestFault::Repeated.into());
        }
        let names = names(rows, entry.goal.net.features());
        let tested = self.state.tested(goal, &names);
        if tested.saturating_mul(4) > names.len() {
            return Err(ContestFault::Tested(tested).into());
        }
        let known = self.state.contests.tested.get(&(goal, number)).into_iter().flatten();
        let known: BTreeSet<u64> = known.chain(&names).copied().collect();
        self.state.contests.tested.set((goal, number), known.into_iter().collect());
        self.state.contests.rows.set((goal, shard), rows.clone());
        self.events.push(ContestEvent::Opened(shard).of(goal));
        Ok(())
    }

    /// A called shard that does not count any more: it is forgotten and its bond is given back or lost.
    pub(super) fn end_shard(&mut self, goal: GoalId, shard: ShardId, kept: bool) -> Result<(), Refused> {
        let Some(sealed) = self.state.contests.shards.get(&(goal, shard)).copied() else { return Ok(()) };
        self.state.contests.shards.unset(&(goal, shard));
        self.state.contests.rows.unset(&(goal, shard));
        self.end_bond(goal, shard.examiner, shard.seal, sealed.bond, kept)
    }

    /// A bond is given back, or lost to the treasury.
    pub(super) fn end_bond(
        &mut self,
        goal: GoalId,
        who: NodeId,
        of: Digest,
        bond: Amount,
        kept: bool,
    ) -> Result<(), Refused> {
        let from = Pocket::Escrow(escrow(goal, who, of));
        if kept {
            return self.state.shift(from, Pocket::Account(who), bond);
        }
        self.state.shift(from, Pocket::Treasury, bond)?;
        self.events.push(ContestEvent::Forfeited { who, amount: bond }.of(goal));
        Ok(())
    }
}
