//! Attendance: of how many heights of an epoch each voter's precommit was brought before the ledger.
//!
//! Whoever votes is paid for it, so the ledger must know who did. A certificate shows a quorum only, and its builder may choose
//! which; so anybody may bring precommits for the blocks of the last [`HEARD`] heights, several at once and several times, and each
//! voter counts once for a height. Builders bring what they have heard, late votes among it. To leave a voter out takes
//! [`HEARD`] builders in a row, and then the voter can still bring its own.
//!
//! ```text
//! part of voter i = heights of the epoch with a precommit of i / heights of the epoch that could be counted
//! ```
//!
//! The last height of an epoch is not counted, for its precommits are in no block of the epoch. A precommit may have been signed
//! after the block was decided: what is seen is that the voter is there at each height and stands by the block, not that it was in
//! time. Whoever precommitted nothing in that round and says otherwise later has voted twice.

use crate::event::Event;
use crate::{Refused, State, draft::Draft};
use bitneuron_consensus::{Certificate, Electorate, Stage};
use bitneuron_core::{Digest, Height, NodeId, Signature};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// For so many heights after a block its precommits may be brought.
pub const HEARD: usize = 4;

/// What is known of the voters of the epoch, each by its place in the electorate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendance {
    /// How many heights were counted.
    pub heights: u32,
    /// Of how many of them a precommit of the voter was brought.
    pub voted: Vec<u32>,
    /// The last of them, the oldest first.
    pub rolls: Vec<Roll>,
}

/// A height whose precommits may be brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    /// The height.
    pub height: Height,
    /// The block that was decided.
    pub block: Digest,
    /// Of whom a precommit was brought.
    pub heard: Vec<bool>,
}

/// Why precommits are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AttendanceFault {
    /// Of a height of another epoch, too old or to come.
    #[error("height {0} is not counted now")]
    Height(Height),
    /// Names that do not ascend.
    #[error("{0} is out of order")]
    Disorder(NodeId),
    /// All of them were brought before.
    #[error("nothing new")]
    Known,
    /// A signature that does not verify.
    #[error("a bad signature")]
    Signature,
}

impl Attendance {
    /// The part of the heights that a voter attended, in units of 2⁻¹⁶; all, as long as none was counted.
    pub fn part(&self, place: usize) -> u32 {
        let voted = self.voted.get(place).copied().unwrap_or(0).min(self.heights);
        let part = (u64::from(voted) << 16).checked_div(u64::from(self.heights)).unwrap_or(1 << 16);
        u32::try_from(part).unwrap_or(1 << 16)
    }

    fn open(&mut self, height: Height, block: Digest, voters: usize) {
        self.heights = self.heights.saturating_add(1);
        self.voted.resize(voters, 0);
        self.rolls.push(Roll { height, block, heard: vec![false; voters] });
        let old = self.rolls.len().saturating_sub(HEARD);
        self.rolls.drain(..old);
    }

    fn hear(&mut self, roll: usize, places: &[usize]) {
        let Some(roll) = self.rolls.get_mut(roll) else { return };
        for place in places {
            if let (Some(heard), Some(voted)) = (roll.heard.get_mut(*place), self.voted.get_mut(*place)) {
                *voted = voted.saturating_add(u32::from(!*heard));
                *heard = true;
            }
        }
    }
}

impl State {
    /// Who attended this epoch so far, as the next block begins with it: its parent is counted.
    pub fn attendance(&self) -> Attendance {
        let mut attendance = self.attendance.get(&()).cloned().unwrap_or_default();
        let height = self.clock.height;
        if height > Height(0) && !self.is_border() {
            let voters = self.elected(self.epoch()).map_or(0, |voters| voters.members().len());
            attendance.open(height, self.tip, voters);
        }
        attendance
    }

    /// Who has not been heard of a height whose precommits may be in the next block.
    pub fn missing(&self, roll: &Roll) -> Vec<NodeId> {
        let voters = self.elected(self.epoch());
        let members = voters.as_ref().map_or(&[][..], |voters| voters.members());
        let missing = members.iter().zip(&roll.heard).filter(|(_, heard)| !**heard);
        missing.map(|(member, _)| member.id).collect()
    }
}

/// The places in the electorate of those who are not heard yet; refuses strangers and disorder.
fn news(voters: &Electorate, votes: &[(NodeId, Signature)], heard: &[bool]) -> Result<Vec<usize>, Refused> {
    if let Some(pair) = votes.array_windows().find(|[a, b]| a.0 >= b.0) {
        return Err(AttendanceFault::Disorder(pair[1].0).into());
    }
    let epoch = voters.epoch();
    let place =
        |(who, _): &(NodeId, Signature)| voters.position(*who).ok_or(Refused::Stranger { who: *who, epoch });
    let places: Vec<usize> = votes.iter().map(place).collect::<Result<_, _>>()?;
    Ok(places.into_iter().filter(|place| heard.get(*place) == Some(&false)).collect())
}

impl Draft<'_> {
    /// Counts precommits for the block of a height.
    pub(crate) fn attend(
        &mut self,
        height: Height,
        round: u32,
        votes: &[(NodeId, Signature)],
    ) -> Result<(), Refused> {
        let closed = || Refused::from(AttendanceFault::Height(height));
        let mut attendance = self.state.attendance.get(&()).cloned().ok_or_else(closed)?;
        let voters = self.state.elected(self.state.epoch()).ok_or_else(closed)?;
        let at = attendance.rolls.iter().position(|roll| roll.height == height).ok_or_else(closed)?;
        let roll = attendance.rolls.get(at).ok_or_else(closed)?;
        let places = news(&voters, votes, &roll.heard)?;
        if places.is_empty() {
            return Err(AttendanceFault::Known.into());
        }
        let certificate = Certificate { height, round, block: roll.block, votes: votes.to_vec() };
        let fresh = |by| voters.position(by).is_some_and(|place| places.contains(&place));
        let signed: Vec<_> =
            certificate.statements(Stage::Precommit).filter(|signed| fresh(signed.vote.by)).collect();
        if !self.are_signed(&signed) {
            return Err(AttendanceFault::Signature.into());
        }
        attendance.hear(at, &places);
        self.state.attendance.set((), attendance);
        let voters = u32::try_from(places.len()).unwrap_or(u32::MAX);
        self.events.push(Event::Attended { roll: height, voters });
        Ok(())
    }
}
