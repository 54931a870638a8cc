//! The course of a contest: what happens at the borders of its windows, whoever sends what.
//!
//! Everything here is bounded beforehand: by how many shards may be sealed and how many candidates find room
//! ([`super::ContestParams::room`]). A block that scores has so much less gas for transactions.

use super::entry::{Contest, ShardId};
use super::event::{ContestEvent, Void};
use super::lots::lots;
use super::params::{Place, Window};
use super::pay::Shown;
use super::score::Tests;
use super::shard::read_rows;
use crate::account::Pocket;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Amount, GoalId, NodeId};

impl State {
    /// What an author has behind a candidate: what it had when it was entered and still has, while it may take turns.
    pub(super) fn stake_behind(&self, author: NodeId, entered: Amount) -> Amount {
        let bonded = self.stakes.get(&author).map(|stake| stake.bonded).unwrap_or_default();
        if self.is_able(author) { bonded.min(entered) } else { Amount::ZERO }
    }

    /// The revealed candidates with their integers, in the order in which they were entered.
    pub(super) fn shown(&self, goal: GoalId) -> Result<Vec<Shown>, Refused> {
        let mut shown = Vec::new();
        for (author, entered) in self.candidates(goal) {
            if let Some(bytes) = self.contests.models.get(&(goal, author)) {
                let model = self.read_model(goal, bytes)?;
                shown.push(Shown { author, entered: entered.clone(), model });
            }
        }
        shown.sort_by_key(|one| one.entered.order);
        Ok(shown)
    }

    /// The opened shards of a contest.
    pub(super) fn tests(&self, goal: GoalId, contest: &Contest) -> Result<Tests, Refused> {
        let entry = self.registered(goal)?;
        let rows = |shard: &ShardId| {
            let bytes = self.contests.rows.get(&(goal, *shard))?;
            read_rows(entry, &self.params.contest, bytes)
        };
        Tests::new(&entry.goal, &contest.tests.iter().filter_map(rows).collect::<Vec<_>>())
    }
}

impl Draft<'_> {
    /// The beginning of a block: candidates are scored, as many as there is work for.
    pub(crate) fn score_contests(&mut self) -> Result<(), Refused> {
        let place = self.state.params.contest.place(self.state.clock.height);
        if place.window != Window::Score || self.state.contests.open.is_empty() {
            return Ok(());
        }
        let goals = self.state.contested_goals();
        let share =
            self.state.params.contest.work.checked_div(u64::try_from(goals.len()).unwrap_or(u64::MAX));
        for goal in goals {
            if let Some(contest) = self.state.contests.open.get(&goal).cloned() {
                let each = self.state.params.contest.score_gas(&self.state.registered(goal)?.goal).max(1);
                let most = share.unwrap_or(0).checked_div(each).unwrap_or(0).max(1);
                // Room was kept for all; the last block does whatever is left.
                let most = if place.left == 0 { u64::MAX } else { most };
                let done = self.score_some(goal, contest, most)?;
                self.gas = self.gas.saturating_add(each.saturating_mul(done));
            }
        }
        Ok(())
    }

    /// Scores at most so many models of a contest, the parent first; says how many.
    fn score_some(&mut self, goal: GoalId, mut contest: Contest, most: u64) -> Result<u64, Refused> {
        let mut shown = self.state.shown(goal)?;
        shown.retain(|one| one.entered.losses.is_empty());
        if shown.is_empty() && !contest.base.is_empty() {
            return Ok(0);
        }
        let (tests, mut done) = (self.state.tests(goal, &contest)?, 0u64);
        if contest.base.is_empty() {
            contest.base = tests.losses(&self.state.parent_model(goal)?)?;
            self.state.contests.open.set(goal, contest);
            done = 1;
        }
        let mut authors = Vec::new();
        for Shown { author, mut entered, model } in shown {
            if done >= most {
                break;
            }
            entered.losses = tests.losses(&model)?;
            self.state.contests.candidates.set((goal, author), entered);
            authors.push(author);
            done = done.saturating_add(1);
        }
        if !authors.is_empty() {
            self.events.push(ContestEvent::Scored { authors }.of(goal));
        }
        Ok(done)
    }

    /// The end of a block, once its beacon is known.
    pub(crate) fn run_contests(&mut self) -> Result<(), Refused> {
        let params = &self.state.params.contest;
        let place = params.place(self.state.clock.height);
        let (half, last) = (params.open / 2, place.left == 0);
        match place {
            Place { window: Window::Open, at: 0, .. } => self.each_contest(Self::call_shards),
            Place { window: Window::Open, at, .. } if at == half => self.each_contest(Self::call_spares),
            Place { window: Window::Open, .. } if last => self.each_contest(Self::close_tests),
            Place { window: Window::Score, contest, .. } if last => {
                self.pay_contests()?;
                self.begin_contests(contest.saturating_add(1));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn each_contest(
        &mut self,
        step: impl Fn(&mut Self, GoalId, Contest) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let open: Vec<_> =
            self.state.contests.open.iter().map(|(id, contest)| (*id, contest.clone())).collect();
        open.into_iter().try_for_each(|(goal, contest)| step(self, goal, contest))
    }

    /// Begins the contests of all listed goals that have a parent and shards.
    fn begin_contests(&mut self, number: u64) {
        for goal in self.state.contested_goals() {
            let shards = self.state.live_shards(goal, number).len();
            if !self.state.contests.parents.contains_key(&goal) {
                self.events.push(ContestEvent::Void { contest: number, why: Void::Parent }.of(goal));
            } else if shards < self.state.params.contest.live as usize {
                self.events.push(ContestEvent::Void { contest: number, why: Void::Shards }.of(goal));
            } else {
                self.state.contests.open.set(goal, Contest { number, ..Contest::default() });
                let shards = u32::try_from(shards).unwrap_or(u32::MAX);
                self.events.push(ContestEvent::Begun { contest: number, shards }.of(goal));
            }
        }
    }

    /// The first block after the reveals: who showed nothing loses the bond, and the beacon of this block calls shards. Whoever
    /// built an earlier one could not know it.
    fn call_shards(&mut self, goal: GoalId, contest: Contest) -> Result<(), Refused> {
        let hidden: Vec<_> = self
            .state
            .candidates(goal)
            .filter(|(author, _)| !self.state.contests.models.contains_key(&(goal, *author)))
            .map(|(author, candidate)| (author, candidate.clone()))
            .collect();
        for (author, candidate) in hidden {
            self.state.contests.candidates.unset(&(goal, author));
            self.end_bond(goal, author, candidate.digest, candidate.bond, false)?;
        }
        if self.state.candidates(goal).next().is_none() {
            return self.void(goal, &contest, Void::Candidates);
        }
        let (height, params) = (self.state.clock.height, &self.state.params.contest);
        let (called, spare) = (params.called, params.spare);
        let beacon = self.state.beacons.get(&height).copied().unwrap_or_default();
        let live = self.state.live_shards(goal, contest.number);
        if live.len() < called as usize {
            return self.void(goal, &contest, Void::Shards);
        }
        let drawn = lots(beacon, goal, &live, called.saturating_add(spare) as usize);
        self.call(goal, Contest { drawn, ..contest }, called as usize);
        Ok(())
    }

    /// Calls so many more shards, as far as there are any.
    fn call(&mut self, goal: GoalId, mut contest: Contest, more: usize) {
        let shards: Vec<ShardId> =
            contest.drawn.iter().skip(contest.called as usize).take(more).copied().collect();
        contest.called = contest.called.saturating_add(u32::try_from(shards.len()).unwrap_or(u32::MAX));
        self.state.contests.open.set(goal, contest);
        if !shards.is_empty() {
            self.events.push(ContestEvent::Called(shards).of(goal));
        }
    }

    /// Called shards that were not opened are gone, and so are their bonds; says how many.
    fn end_absent(&mut self, goal: GoalId, contest: &Contest) -> Result<usize, Refused> {
        let called = contest.drawn.iter().take(contest.called as usize).copied();
        let closed = |shard: &ShardId| {
            let key = (goal, *shard);
            self.state.contests.shards.contains_key(&key) && !self.state.contests.rows.contains_key(&key)
        };
        let absent: Vec<ShardId> = called.filter(closed).collect();
        for shard in &absent {
            self.end_shard(goal, *shard, false)?;
        }
        Ok(absent.len())
    }

    fn call_spares(&mut self, goal: GoalId, contest: Contest) -> Result<(), Refused> {
        let absent = self.end_absent(goal, &contest)?;
        self.call(goal, contest, absent);
        Ok(())
    }

    /// No more shards may be opened.
    fn close_tests(&mut self, goal: GoalId, contest: Contest) -> Result<(), Refused> {
        self.end_absent(goal, &contest)?;
        let opened = |shard: &&ShardId| self.state.contests.rows.contains_key(&(goal, **shard));
        let tests: Vec<ShardId> = contest.drawn.iter().filter(opened).copied().collect();
        let contest = Contest { tests, ..contest };
        if contest.tests.len() < self.state.params.contest.least_opened() {
            return self.void(goal, &contest, Void::Opened);
        }
        self.state.contests.open.set(goal, contest);
        Ok(())
    }

    /// Pays all contests; each may pay the same, whatever the others pay. What the slices could not pay is carried; fees wait.
    fn pay_contests(&mut self) -> Result<(), Refused> {
        let purse = self.state.contest_purse(self.state.contested_goals().len());
        self.each_contest(|draft, goal, contest| {
            draft.pay_contest(goal, &contest, purse)?;
            draft.clear_contest(goal, &contest);
            Ok(())
        })?;
        let (gradient, data) = (self.state.pools.gradient, self.state.pools.data);
        self.state.shift(Pocket::Gradient, Pocket::Carry, gradient)?;
        self.state.shift(Pocket::Data, Pocket::Carry, data)
    }

    /// Ends a contest without pay: what was opened is public and its bonds are given back.
    fn void(&mut self, goal: GoalId, contest: &Contest, why: Void) -> Result<(), Refused> {
        for shard in &contest.tests {
            self.end_shard(goal, *shard, true)?;
        }
        self.events.push(ContestEvent::Void { contest: contest.number, why }.of(goal));
        self.clear_contest(goal, contest);
        Ok(())
    }

    /// Forgets what belonged to a contest alone.
    fn clear_contest(&mut self, goal: GoalId, contest: &Contest) {
        let authors: Vec<NodeId> = self.state.candidates(goal).map(|(author, _)| author).collect();
        let contests = &mut self.state.contests;
        contests.open.unset(&goal);
        for author in authors {
            contests.candidates.unset(&(goal, author));
            contests.models.unset(&(goal, author));
        }
        let oldest = contest.number.saturating_sub(self.state.params.contest.memory.saturating_sub(1));
        let old: Vec<_> = contests.tested.range((goal, 0)..(goal, oldest)).map(|(key, _)| *key).collect();
        old.iter().for_each(|key| contests.tested.unset(key));
        self.state.end_lineages(goal);
    }
}
