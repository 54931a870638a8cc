//! Pending turns: accepted claims whose proofs convince only once a window has passed.
//!
//! A turn whose proof settles at once moves its author's head at once. Any other turn is *pending*: it is kept, with its
//! claim, until its window has passed, its audit (`audit`) is answered and no dispute (`dispute`) about it is open. Only
//! then the head moves, and only then the turn is paid and counts for reputation.
//!
//! Until then only its author may build on it. The author's next turn begins at the *front* of its lineage, its newest
//! pending head; everybody else sees and merges settled heads only. So when a turn is taken back, what falls with it is the
//! author's own later pending turns and its open one, nobody else's, and no payment has to be undone.
//!
//! ```text
//! claimed at a ── beacon of a+1 draws the audit, in block a+2 ── answer until due ── … ── a + window: settled
//!                                                                    └ silence, or a dispute lost: taken back
//! ```

use crate::account::Pocket;
use crate::event::Event;
use crate::goal::Head;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::claim::{Claim, Turn};
use bitneuron_core::{Amount, Digest, GoalId, Height, NodeId, Wire, decode, encode};
use bitneuron_market::OrderId;
use serde::{Deserialize, Serialize};

/// The name of a pending turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TurnId {
    /// Whose it is.
    pub author: NodeId,
    /// Which goal it serves.
    pub goal: GoalId,
    /// The height at which its claim was accepted.
    pub at: Height,
}

impl Wire for TurnId {
    const LIMIT: usize = 80;
}

impl TurnId {
    /// The escrow that holds a challenger's bond.
    pub fn bond(&self) -> OrderId {
        OrderId(Digest::of("bitneuron challenger's bond v1", &encode(self)))
    }

    /// All turns of the same author and goal.
    fn lineage(author: NodeId, goal: GoalId) -> std::ops::RangeInclusive<Self> {
        Self { author, goal, at: Height(0) }..=Self { author, goal, at: Height(u64::MAX) }
    }
}

/// A turn that was claimed and is not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingTurn {
    /// The claim.
    pub claim: Claim,
    /// The head that it leads to.
    pub head: Head,
    /// What was kept of the fee of its claim.
    pub kept: Amount,
    /// The height at whose end it settles, unless something is open then.
    pub until: Height,
    /// The beacon that audits and disputes draw from, once it is known.
    pub beacon: Option<Digest>,
    /// The last height for the answer to its audit, while one is owed.
    pub due: Option<Height>,
    /// The dispute about it.
    pub dispute: Option<OpenDispute>,
}

/// A dispute between two moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDispute {
    /// Who says that the turn is false.
    pub challenger: NodeId,
    /// What it put up.
    pub bond: Amount,
    /// When it began.
    pub opened: Height,
    /// Who owes the next move.
    pub asked: NodeId,
    /// The last height for it.
    pub until: Height,
    /// What the referee remembers.
    pub referee: bitneuron_core::Bytes,
}

impl State {
    /// The most pending turns of one author for one goal.
    pub const MAX_PENDING: usize = 32;

    /// All pending turns, by author, goal and height.
    pub fn pending(&self) -> impl Iterator<Item = (TurnId, &PendingTurn)> {
        self.pending.iter().map(|(id, turn)| (*id, turn))
    }

    /// A pending turn.
    pub fn pending_turn(&self, id: TurnId) -> Option<&PendingTurn> {
        self.pending.get(&id)
    }

    pub(crate) fn lineage(
        &self,
        author: NodeId,
        goal: GoalId,
    ) -> impl DoubleEndedIterator<Item = (TurnId, &PendingTurn)> {
        self.pending.range(TurnId::lineage(author, goal)).map(|(id, turn)| (*id, turn))
    }

    /// Where the next turn of an author begins: its newest pending head, else its settled one; `None` without such a goal.
    pub fn front(&self, goal: GoalId, author: NodeId) -> Option<Head> {
        let newest = self.lineage(author, goal).next_back().map(|(_, turn)| turn.head);
        newest.or_else(|| self.head(goal, author))
    }
}

impl Draft<'_> {
    /// Keeps an accepted turn until its window has passed.
    pub(crate) fn pend(
        &mut self,
        claim: &Claim,
        turn: &Turn,
        head: Head,
        window: u64,
    ) -> Result<(), Refused> {
        let (author, goal, at) = (claim.by(), turn.goal.id(), self.state.clock.height);
        if self.state.lineage(author, goal).count() >= State::MAX_PENDING {
            return Err(Refused::Full("pending turns"));
        }
        if !self.state.heads.contains_key(&(goal, author)) {
            self.state.heads.set((goal, author), Head::first(&turn.goal));
        }
        let id = TurnId { author, goal, at };
        let until = Height(at.0.saturating_add(window));
        let (claim, kept) = (claim.clone(), self.kept);
        let pending = PendingTurn { claim, head, kept, until, beacon: None, due: None, dispute: None };
        self.state.pending.set(id, pending);
        self.events.push(Event::TurnPending { turn: id, head: head.model, until });
        Ok(())
    }

    /// The end of a block: turns whose time is over are taken back or settle, those of one author in their order.
    pub(crate) fn settle_turns(&mut self) -> Result<(), Refused> {
        self.end_disputes()?;
        self.lose_audits()?;
        let now = self.state.clock.height;
        let mut held = None;
        let mut ripe = Vec::new();
        for (id, turn) in &*self.state.pending {
            let open = turn.beacon.is_none() || turn.due.is_some() || turn.dispute.is_some();
            if open || turn.until > now {
                held = Some((id.author, id.goal));
            }
            if held != Some((id.author, id.goal)) {
                ripe.push(*id);
            }
        }
        for id in ripe {
            let Some(pending) = self.state.pending.get(&id).cloned() else { continue };
            let turn: Turn = decode(pending.claim.public())?;
            self.state.pending.unset(&id);
            self.settle_turn(&turn, pending.head, id.author, id.goal, pending.kept);
        }
        Ok(())
    }

    /// Takes back a pending turn and all that its author built on it.
    pub(crate) fn reverse(&mut self, first: TurnId) -> Result<(), Refused> {
        let lost: Vec<_> = self
            .state
            .lineage(first.author, first.goal)
            .filter(|(id, _)| id.at >= first.at)
            .map(|(id, turn)| (id, turn.clone()))
            .collect();
        for (id, pending) in lost {
            self.state.pending.unset(&id);
            if let Some(dispute) = &pending.dispute {
                // Nobody is right or wrong about what is gone.
                let to = Pocket::Account(dispute.challenger);
                self.state.shift(Pocket::Escrow(id.bond()), to, dispute.bond)?;
            }
            // The deals that it merged stay used: they were paid.
            self.use_goods(&decode(pending.claim.public())?, false);
            self.events.push(Event::TurnReversed { turn: id, head: pending.head.model });
        }
        self.state.turns.unset(&(first.author, first.goal));
        Ok(())
    }
}
