//! Presence: who was drawn to build and did.
//!
//! The lottery says who proposes in each round of a height, and the header who built the block that was decided. Whoever was
//! drawn for a round before the builder's, out of jail, has missed a draw; the builder has met one. So presence follows from
//! the chain alone, and nobody can write another absent by leaving out its votes. A single miss may be the network's
//! fault and costs nothing. Who was drawn often enough and missed more than half sits in jail for a short time, and loses a
//! little from the third time within some epochs on. What voters are *paid* follows their votes ([`crate::Attendance`]).

use crate::event::Event;
use crate::slash::{Charge, Offence};
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Epoch, NodeId};
use serde::{Deserialize, Serialize};

/// What is known of a voter's presence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// How often it was drawn to build since it was last judged.
    pub drawn: u32,
    /// How often it did.
    pub built: u32,
    /// The ends of the last two spans of absence, the older first.
    pub absent: [Option<Epoch>; 2],
}

impl Presence {
    /// Whether one more absence would be the third of a span of epochs.
    fn is_third(&self, now: Epoch, span: u64) -> bool {
        self.absent[0].is_some_and(|first| first.0.saturating_add(span) >= now.0)
    }
}

impl State {
    fn drawn(&mut self, id: NodeId, built: bool) {
        self.with_standing(id, |standing| {
            standing.presence.drawn = standing.presence.drawn.saturating_add(1);
            standing.presence.built = standing.presence.built.saturating_add(u32::from(built));
        });
    }

    /// Notes who built the last block, and who was drawn before and did not.
    pub(crate) fn attend(&mut self, builder: NodeId) {
        let (height, epoch) = (self.clock.height, self.epoch());
        let Some(voters) = self.elected(epoch) else { return };
        let missed = voters.passed_over(height, builder);
        let missed: Vec<NodeId> = missed.into_iter().filter(|id| self.is_free(*id, epoch)).collect();
        missed.into_iter().for_each(|id| self.drawn(id, false));
        self.drawn(builder, true);
    }
}

impl Draft<'_> {
    /// The end of an epoch: judges all who were drawn often enough.
    pub(crate) fn judge_presence(&mut self) -> Result<(), Refused> {
        let (now, draws) = (self.state.epoch(), self.state.params.stake.draws);
        let ripe: Vec<(NodeId, Presence)> = self
            .state
            .standings
            .iter()
            .map(|(id, standing)| (*id, standing.presence))
            .filter(|(_, presence)| presence.drawn >= draws)
            .collect();
        for (who, presence) in ripe {
            let Presence { drawn, built, absent } = presence;
            let away = built.saturating_mul(2) < drawn;
            let absent = if away { [absent[1], Some(now)] } else { absent };
            self.state.with_standing(who, |standing| {
                standing.presence = Presence { drawn: 0, built: 0, absent };
            });
            if away {
                self.events.push(Event::Absent { who, drawn, built });
                self.punish_absence(who, presence, now)?;
            }
        }
        Ok(())
    }

    fn punish_absence(&mut self, who: NodeId, before: Presence, now: Epoch) -> Result<(), Refused> {
        if !before.is_third(now, self.state.params.slash.absence_span) {
            self.jail(who, self.state.params.slash.jail_absence);
            return Ok(());
        }
        let committed = self.state.clock.height;
        let subject = self.state.misdeed(who, Offence::Absence, committed);
        // Nobody informed: the chain saw it.
        self.slash(&Charge { who, offence: Offence::Absence, committed, subject, informer: who, price: None })
    }
}
