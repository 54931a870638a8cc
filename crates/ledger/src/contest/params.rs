//! The numbers of contests, and which height is in which window.

use crate::Refused;
use crate::params::Bound;
use bitneuron_core::exact::{ExactData, Tensor};
use bitneuron_core::goal::Goal;
use bitneuron_core::{Amount, Height};
use bitneuron_market::BasisPoints;
use serde::{Deserialize, Serialize};

/// How contests go. Spans are in heights; they follow one another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContestParams {
    /// How long candidates may be entered.
    pub commit: u64,
    /// How long they may be revealed after that.
    pub reveal: u64,
    /// How long called shards may be opened after that; the first height draws them, and in the second half spare ones are called.
    pub open: u64,
    /// How long the candidates are scored after that; the last height pays.
    pub score: u64,
    /// The rows of a shard.
    pub rows: u32,
    /// The fewest sealed shards with which a contest begins.
    pub live: u32,
    /// How many shards are called.
    pub called: u32,
    /// How many more stand by.
    pub spare: u32,
    /// The most sealed shards of a goal.
    pub shards: u32,
    /// The most candidates of a contest.
    pub candidates: u32,
    /// The least that an examiner puts up for a shard.
    pub shard_bond: Amount,
    /// What a validator puts up for a candidate.
    pub candidate_bond: Amount,
    /// η: an improvement of so many micro-nats is not paid.
    pub margin: u32,
    /// The part of what a contest pays that goes to examiners.
    pub examiners: BasisPoints,
    /// How many of the best candidates are merged.
    pub merged: u32,
    /// In how many contests after it was a test a row is not one again.
    pub memory: u64,
    /// The most gas for scoring in one block, of all goals together.
    pub work: u64,
}

/// What is going on in a contest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// Candidates are entered.
    Commit,
    /// Candidates are revealed.
    Reveal,
    /// Shards are opened.
    Open,
    /// Candidates are scored.
    Score,
}

/// Where in its contest a height is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of the contest, from 0.
    pub contest: u64,
    /// The window.
    pub window: Window,
    /// How many heights of the window are before this one.
    pub at: u64,
    /// How many heights of the window are after this one.
    pub left: u64,
}

impl ContestParams {
    /// The most bytes of a model in a contest: two for each parameter.
    pub const MAX_MODEL: usize = 64 << 10;
    /// The most bytes of a shard: two for each feature and label.
    pub const MAX_SHARD: usize = 256 << 10;
    /// Where fewer kinds than these are paid, each gets at most one part in this many.
    pub const FEW: usize = 3;
    /// How heavy a copy is beside the first of its kind: one part in this many.
    pub const COPY: u128 = 32;

    pub(crate) fn mainnet() -> Self {
        Self {
            commit: 36_000,
            reveal: 3_600,
            open: 1_800,
            score: 1_800,
            rows: 128,
            live: 60,
            called: 15,
            spare: 5,
            shards: 512,
            candidates: 128,
            shard_bond: Amount::tokens(10),
            candidate_bond: Amount::tokens(100),
            margin: 2_000,
            examiners: BasisPoints(500),
            merged: 8,
            memory: 64,
            work: 25_000_000,
        }
    }

    /// The same on a schedule of two fifths of a minute, with shards as small as the data of a devnet's users.
    pub(crate) fn devnet() -> Self {
        Self {
            commit: 30,
            reveal: 6,
            open: 8,
            score: 4,
            rows: 8,
            live: 12,
            called: 9,
            spare: 3,
            candidates: 64,
            work: 50_000_000,
            ..Self::mainnet()
        }
    }

    pub(crate) fn validate(&self, bound: Bound) -> Result<(), Refused> {
        let spans = [self.commit, self.reveal, self.open, self.score];
        bound(spans.iter().all(|span| (2..=1 << 20).contains(span)), "a window of a contest has heights")?;
        bound(self.open >= 6, "shards are drawn, opened, and opened in the place of others")?;
        bound((1..=1_024).contains(&self.rows), "a shard has 1 to 1,024 rows")?;
        bound((3..=63).contains(&self.called), "3 to 63 shards are called")?;
        bound(self.spare <= self.called, "no more shards stand by than are called")?;
        let drawn = self.called.saturating_add(self.spare);
        bound(
            self.live >= drawn && self.live <= self.shards,
            "a contest begins with as many shards as it draws",
        )?;
        bound(self.shards <= 4_096 && self.candidates <= 256, "registries are bounded")?;
        bound(self.candidates >= 1, "a contest has candidates")?;
        let bonds = [self.shard_bond, self.candidate_bond];
        bound(
            bonds.iter().all(|bond| (Amount::TOKEN..=Amount::SUPPLY).contains(bond)),
            "a bond is at least a token",
        )?;
        bound((500..=50_000).contains(&self.margin), "what is not paid is 500 to 50,000 micro-nats")?;
        bound(self.examiners.0 <= 2_000, "examiners get at most a fifth")?;
        bound((1..=16).contains(&self.merged), "1 to 16 candidates are merged")?;
        bound((1..=1_024).contains(&self.memory), "rows are remembered for 1 to 1,024 contests")?;
        bound(self.work >= 1_000_000, "scoring gets at least 10 ms of a block")
    }

    /// The heights of a whole contest.
    pub fn span(&self) -> u64 {
        self.windows().iter().fold(0, |sum, (_, span)| sum.saturating_add(*span))
    }

    fn windows(&self) -> [(Window, u64); 4] {
        [
            (Window::Commit, self.commit),
            (Window::Reveal, self.reveal),
            (Window::Open, self.open),
            (Window::Score, self.score),
        ]
    }

    /// Where a height is; the genesis counts to the first.
    pub fn place(&self, height: Height) -> Place {
        let (since, span) = (height.0.saturating_sub(1), self.span());
        let contest = since.checked_div(span).unwrap_or(0);
        let mut at = since.checked_rem(span).unwrap_or(0);
        for (window, span) in self.windows() {
            match at.checked_sub(span) {
                Some(rest) => at = rest,
                None => {
                    return Place { contest, window, at, left: span.saturating_sub(at).saturating_sub(1) };
                }
            }
        }
        Place { contest, window: Window::Score, at, left: 0 }
    }

    /// The first height of a contest.
    pub fn first(&self, contest: u64) -> Height {
        Height(contest.saturating_mul(self.span()).saturating_add(1))
    }

    /// How many of the called shards must be opened, else the contest is void: two thirds.
    pub fn least_opened(&self) -> usize {
        (self.called as usize).saturating_mul(2).div_ceil(3)
    }

    /// Whether a goal's models and shards are small enough for the chain.
    pub fn fits(&self, goal: &Goal) -> bool {
        let model = (goal.net.parameters() as usize).saturating_mul(2);
        let shard = ExactData::row_bytes(goal.net.features()).saturating_mul(self.rows as usize);
        let rows = (self.rows as usize).saturating_mul(self.called as usize);
        let between = goal.net.contractions().map(|contraction| contraction.results).max().unwrap_or(0);
        let widest = usize::try_from(between.max(goal.net.features().into())).unwrap_or(usize::MAX);
        model <= Self::MAX_MODEL
            && shard <= Self::MAX_SHARD
            && rows.saturating_mul(widest) <= Tensor::MAX_ELEMENTS
    }

    /// The gas of scoring one model of a goal on all called shards: products of the forward pass, a sixteenth of a gas each; its
    /// other elements; the logarithms.
    pub fn score_gas(&self, goal: &Goal) -> u64 {
        let (mut products, mut units) = (0u64, 0u64);
        for contraction in goal.net.contractions() {
            products = products.saturating_add(contraction.products);
            units = units.saturating_add(contraction.results);
        }
        let (inputs, classes) = (u64::from(goal.net.features()), u64::from(goal.net.outputs()));
        let row = (products / 16)
            .saturating_add(units.saturating_mul(4))
            .saturating_add(inputs)
            .saturating_add(classes.saturating_mul(2))
            .saturating_add(10);
        row.saturating_mul(u64::from(self.rows)).saturating_mul(u64::from(self.called))
    }

    /// How many candidates of a goal can be scored in time when so many goals share the work; three models more are scored, the
    /// parent and two on the way to the next.
    pub fn room(&self, goal: &Goal, goals: usize) -> usize {
        let goals = u64::try_from(goals).unwrap_or(u64::MAX);
        let share = self.work.checked_div(goals).unwrap_or(self.work);
        let each = share.checked_div(self.score_gas(goal)).unwrap_or(0);
        let all = each.saturating_mul(self.score).saturating_sub(3);
        usize::try_from(all.min(u64::from(self.candidates))).unwrap_or(0)
    }
}
