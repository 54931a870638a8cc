//! The dispute about a committed run: a referee that finds the first wrong unit and judges it alone.
//!
//! Who accuses has run the program itself and knows only the root of the other's anchors. The referee holds a node of the
//! other's tree, at first the highest; the defender shows its two children, and the accuser says which of them is wrong:
//! the left one whenever that differs from its own, so that everything to the left is beyond dispute. After log₂ n moves the
//! node is one anchor, whose unit the defender opens. A run whose anchors are all right but whose outputs are not is
//! disputed at the output's unit directly. Whoever does not move in time loses.
//!
//! The referee computes nothing but hashes until the last move, then one unit: its state is small and belongs on the
//! ledger, its verdict is a ground for slashing.

use super::trace::{Fault, Opening, Plan};
use bitneuron_core::merkle;
use bitneuron_core::{Digest, Height, Machine, Outbox, Seed, Time, Wire};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is disputed, and how.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The relation that was claimed to hold.
    pub plan: Plan,
    /// The root of the defender's anchors.
    pub root: Digest,
    /// Randomness drawn after the root was fixed.
    pub seed: Seed,
    /// How many heights a party has for each move.
    pub patience: u64,
}

/// A move, or the passing of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Input {
    /// The defender shows the highest node of its tree.
    Top(Digest),
    /// The defender shows the two children of the disputed node.
    Children(Digest, Digest),
    /// The accuser says which child is wrong.
    Wrong(Side),
    /// The defender opens the disputed unit.
    Opened(Box<Opening>),
    /// A block was decided.
    Height(Height),
}

impl Wire for Input {
    const LIMIT: usize = Opening::LIMIT;
}

/// One of two children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The earlier anchors.
    Left,
    /// The later anchors.
    Right,
}

/// Who moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Whose run it is.
    Defender,
    /// Who says that it is wrong.
    Accuser,
}

/// What the referee asks for, or says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The next move, at the latest in the block of this height.
    Ask {
        /// Who moves.
        party: Party,
        /// What about.
        question: Question,
        /// The last height.
        until: Height,
    },
    /// The end.
    Verdict {
        /// Who was wrong or silent.
        guilty: Party,
        /// Why.
        why: Ground,
    },
}

/// What the referee wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The highest node.
    Top,
    /// The children of a node.
    Children {
        /// Its level, the leaves' being 0.
        level: u32,
        /// Its place in the level.
        index: u64,
    },
    /// Which of these is wrong.
    Which(Digest, Digest),
    /// The opening of a unit.
    Open(u32),
}

/// Why a dispute ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// No move in time.
    Silence,
    /// The opening is no answer.
    Fault(Fault),
    /// The unit is right.
    Right,
}

/// A move that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// Not what was asked for.
    #[error("not what was asked for")]
    Turn,
    /// Nodes that do not hash to the one above.
    #[error("the nodes do not hash to the one above")]
    Hash,
    /// A unit that nobody can dispute: there is none.
    #[error("no such unit")]
    Unit,
    /// The dispute is over.
    #[error("the dispute is over")]
    Over,
}

/// The referee.
#[derive(Debug, Clone)]
pub struct Dispute {
    terms: Terms,
    state: State,
    now: Height,
    until: Height,
}

/// All that a referee remembers between two moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Waits for the highest node.
    Top,
    /// Waits for the children of a node.
    Node {
        /// The node's level, the leaves' being 0.
        level: u32,
        /// Its place in the level.
        index: u64,
        /// The node.
        digest: Digest,
    },
    /// Waits for the accuser's word on the children of a node.
    Choice {
        /// The node's level.
        level: u32,
        /// Its place in the level.
        index: u64,
        /// Its first child.
        left: Digest,
        /// Its second child.
        right: Digest,
    },
    /// Waits for an opening.
    Unit(u32),
    /// Is over.
    Over,
}

impl Wire for State {
    const LIMIT: usize = 128;
}

impl Dispute {
    /// A dispute that begins at `now`: about whichever anchor is wrong, or about the output at a place.
    ///
    /// # Errors
    /// [`Refused::Unit`] when there is no such output, or no anchor at all.
    pub fn new(
        terms: Terms,
        output: Option<u32>,
        now: Height,
        out: &mut Outbox<Effect>,
    ) -> Result<Self, Refused> {
        let anchors = u32::try_from(terms.plan.outline.anchors().len()).unwrap_or(u32::MAX);
        let state = match output {
            Some(place) => State::Unit(anchors.saturating_add(place)),
            None => State::Top,
        };
        let exists = match state {
            State::Unit(unit) => (unit as usize) < terms.plan.outline.units().len(),
            _ => anchors > 0,
        };
        if !exists {
            return Err(Refused::Unit);
        }
        let mut dispute = Self { terms, state, now, until: now };
        dispute.ask(state, out);
        Ok(dispute)
    }

    /// A dispute in the state that a referee of the same terms was left in; its time begins anew.
    pub const fn resume(terms: Terms, state: State, now: Height) -> Self {
        let until = Height(now.0.saturating_add(terms.patience));
        Self { terms, state, now, until }
    }

    /// What must be remembered until the next move.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether there has been a verdict.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Moves on to a state and asks for what it waits for.
    fn ask(&mut self, state: State, out: &mut Outbox<Effect>) {
        self.state = state;
        self.until = Height(self.now.0.saturating_add(self.terms.patience));
        let (party, question) = match state {
            State::Top => (Party::Defender, Question::Top),
            State::Node { level, index, .. } => (Party::Defender, Question::Children { level, index }),
            State::Choice { left, right, .. } => (Party::Accuser, Question::Which(left, right)),
            State::Unit(unit) => (Party::Defender, Question::Open(unit)),
            State::Over => return,
        };
        out.push(Effect::Ask { party, question, until: self.until });
    }

    fn end(&mut self, guilty: Party, why: Ground, out: &mut Outbox<Effect>) {
        self.state = State::Over;
        out.push(Effect::Verdict { guilty, why });
    }

    /// How many nodes a level has.
    fn width(&self, level: u32) -> u64 {
        let leaves = self.terms.plan.outline.anchors().len() as u64;
        (0..level).fold(leaves, |width, _| width.div_ceil(2))
    }

    /// Goes down to a node: a leaf is a unit, and a node that was carried up alone is the one below.
    fn descend(&mut self, mut level: u32, mut index: u64, digest: Digest, out: &mut Outbox<Effect>) {
        while level > 0 && index.saturating_mul(2).saturating_add(1) >= self.width(level.saturating_sub(1)) {
            (level, index) = (level.saturating_sub(1), index.saturating_mul(2));
        }
        let leaf = State::Unit(u32::try_from(index).unwrap_or(u32::MAX));
        self.ask(if level == 0 { leaf } else { State::Node { level, index, digest } }, out);
    }

    fn levels(&self) -> u32 {
        (0..u64::BITS).find(|level| self.width(*level) <= 1).unwrap_or(0)
    }
}

impl Machine for Dispute {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, _now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Refused> {
        match (self.state, input) {
            (State::Over, Input::Height(_)) => {}
            (State::Over, _) => return Err(Refused::Over),
            (state, Input::Height(height)) => {
                self.now = self.now.max(height);
                if self.now > self.until {
                    let silent =
                        if matches!(state, State::Choice { .. }) { Party::Accuser } else { Party::Defender };
                    self.end(silent, Ground::Silence, out);
                }
            }
            (State::Top, Input::Top(top)) => {
                let leaves = self.terms.plan.outline.anchors().len() as u64;
                if merkle::root_of(top, leaves) != self.terms.root {
                    return Err(Refused::Hash);
                }
                self.descend(self.levels(), 0, top, out);
            }
            (State::Node { level, index, digest }, Input::Children(left, right)) => {
                if merkle::node(left, right) != digest {
                    return Err(Refused::Hash);
                }
                self.ask(State::Choice { level, index, left, right }, out);
            }
            (State::Choice { level, index, left, right }, Input::Wrong(side)) => {
                let below = index.saturating_mul(2);
                let (index, digest) = match side {
                    Side::Left => (below, left),
                    Side::Right => (below.saturating_add(1), right),
                };
                self.descend(level.saturating_sub(1), index, digest, out);
            }
            (State::Unit(unit), Input::Opened(opening)) => {
                let Terms { plan, root, seed, .. } = &self.terms;
                match plan.audit(*root, unit as usize, &opening, *seed) {
                    Ok(()) => self.end(Party::Accuser, Ground::Right, out),
                    Err(fault) => self.end(Party::Defender, Ground::Fault(fault), out),
                }
            }
            _ => return Err(Refused::Turn),
        }
        Ok(())
    }
}
