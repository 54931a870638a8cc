//! What is noted of contests.

use crate::report::ContestReport;
use bitneuron_core::{Amount, GoalId, Height};
use bitneuron_ledger::{ContestEvent, Event, Merit, State, Void};

/// Contests that ended, and the one that is on.
#[derive(Debug, Default)]
pub(super) struct Contests {
    pub(super) ended: Vec<ContestReport>,
    on: ContestReport,
}

impl Contests {
    /// Reads the events of a block, after which this is the state.
    pub(super) fn note(&mut self, height: Height, goal: GoalId, events: &[Event], state: &State) {
        for event in events {
            match event {
                Event::Rewarded { merit, amount, .. } => self.rewarded(*merit, *amount),
                Event::Contest { goal: of, what } if *of == goal => self.happened(height, goal, what, state),
                _ => {}
            }
        }
    }

    fn rewarded(&mut self, merit: Merit, amount: Amount) {
        let sum = match merit {
            Merit::Gradient => &mut self.on.gradient,
            Merit::Examination => &mut self.on.examiners,
            Merit::Royalty => &mut self.on.royalty,
            Merit::Block | Merit::Vote | Merit::Fees => return,
        };
        *sum = sum.checked_add(amount).unwrap_or(*sum);
    }

    fn happened(&mut self, height: Height, goal: GoalId, what: &ContestEvent, state: &State) {
        match what {
            ContestEvent::Called(shards) => self.on.called += shards.len() as u32,
            ContestEvent::Opened(_) => self.on.opened += 1,
            ContestEvent::Revealed { .. } => self.on.candidates += 1,
            ContestEvent::Paid { contest, moved, .. } => {
                if let Some(outcome) = state.outcome(goal) {
                    let count = |found: usize| found as u32;
                    self.on.kinds = count(outcome.candidates.iter().filter(|one| one.first).count());
                    self.on.better = count(outcome.candidates.iter().filter(|one| one.score > 0).count());
                    self.on.best = outcome.candidates.iter().map(|one| one.score).max().unwrap_or(0);
                }
                self.on.moved = *moved;
                self.end(*contest, height);
            }
            ContestEvent::Void { contest, why } => {
                let why = match why {
                    Void::Parent => "the first model is not known",
                    Void::Shards => "too few shards",
                    Void::Candidates => "no candidate",
                    Void::Opened => "too few shards were opened",
                };
                self.on.void = Some(why.to_owned());
                self.end(*contest, height);
            }
            ContestEvent::Sealed(_)
            | ContestEvent::Withdrawn(_)
            | ContestEvent::Displaced(_)
            | ContestEvent::Founded
            | ContestEvent::Begun { .. }
            | ContestEvent::Entered { .. }
            | ContestEvent::Forfeited { .. }
            | ContestEvent::Scored { .. } => {}
        }
    }

    fn end(&mut self, contest: u64, height: Height) {
        let on = std::mem::take(&mut self.on);
        self.ended.push(ContestReport { contest, height: height.0, ..on });
    }
}
