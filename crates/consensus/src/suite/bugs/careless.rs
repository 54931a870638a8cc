//! Mistakes that drop, repeat or change inputs and effects.

use super::Bug;
use crate::{
    Effect, Input, Message, Vote,
    suite::zoo::{Habit, Scene, heard, said},
};
use bitneuron_core::{Digest, Height};

/// Makes one of the mistakes.
#[derive(Debug, Clone)]
pub(super) struct Careless {
    bug: Bug,
    /// The block below the height before.
    parent: Digest,
    /// The last own vote.
    voted: Option<Vote>,
    stopped: bool,
}

impl Careless {
    pub(super) const fn new(bug: Bug) -> Self {
        Self { bug, parent: Digest::ZERO, voted: None, stopped: false }
    }

    /// Votes once more on what was voted on last.
    fn revote(&mut self, scene: &Scene) -> Option<Effect> {
        let vote = self.voted.take().filter(|vote| vote.height == scene.height)?;
        let block = if vote.block.is_some() { None } else { Some(Digest([7; 32])) };
        let again = Message::Vote(Vote { block, ..vote }.sign(&scene.key, scene.chain));
        Some(Effect::Broadcast(again.to_bytes()))
    }
}

impl Habit for Careless {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, out: &mut Vec<Effect>) {
        match (self.bug, input) {
            _ if self.stopped => {}
            (Bug::Verdict, Input::Judged { block, .. }) => inner.push(Input::Judged { block, valid: true }),
            (Bug::Parent, Input::Begin { height, electorate, parent }) => {
                let stale = std::mem::replace(&mut self.parent, parent);
                inner.push(Input::Begin { height, electorate, parent: stale });
            }
            (Bug::Revote, input @ Input::Timer(_)) => {
                out.extend(self.revote(scene));
                inner.push(input);
            }
            (Bug::Sync, input) if matches!(heard(&input), Some(Message::Have { .. })) => {}
            (Bug::Bytes, input @ Input::Message { .. }) if heard(&input).is_none() => {
                self.stopped = true;
                // An engine that stopped refuses every input.
                inner.extend(scene.electorate.iter().map(|electorate| Input::Begin {
                    height: Height(0),
                    electorate: electorate.clone(),
                    parent: Digest::ZERO,
                }));
            }
            (_, input) => inner.push(input),
        }
    }

    fn acts(&mut self, scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        let own = scene.key.id();
        let author = match said(&effect) {
            Some(Message::Vote(signed)) => {
                if signed.vote.by == own {
                    self.voted = Some(signed.vote);
                }
                Some(signed.vote.by)
            }
            Some(Message::Offered(signed)) => Some(signed.proposal.by),
            _ => None,
        };
        let dropped = match self.bug {
            Bug::Evidence => matches!(effect, Effect::Accuse(_)),
            Bug::Relay => author.is_some_and(|author| author != own),
            Bug::Timers => matches!(effect, Effect::Timer { .. }),
            _ => false,
        };
        if !dropped {
            out.push(effect);
        }
    }
}
