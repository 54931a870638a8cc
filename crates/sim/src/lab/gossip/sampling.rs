//! Whom a node may select: its neighbours in the graph, or those that a peer sampler shows it.

use super::wiring::{Letter, address};
use crate::{Context, unread::Unread};
use bitneuron_core::{NodeId, Outbox, Seed};
use bitneuron_net::{
    Brahms, Cyclon, PeerSwap, Sampler, SamplingError,
    sampling::{Effect, Input, brahms, cyclon, peerswap},
};
use std::fmt;
use std::str::FromStr;

/// Where partners come from. Every sampler begins with the neighbours in the graph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sampling {
    /// The neighbours in the graph, for ever.
    #[default]
    Graph,
    /// Views that are shuffled ([`Cyclon`]).
    Cyclon(cyclon::Sizes),
    /// Samples that liars cannot bias ([`Brahms`]).
    Brahms(brahms::Sizes),
    /// Places in the graph that are traded ([`PeerSwap`]).
    PeerSwap,
}

impl FromStr for Sampling {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        match text {
            "graph" => Ok(Self::Graph),
            "cyclon" => Ok(Self::Cyclon(cyclon::Sizes::default())),
            "brahms" => Ok(Self::Brahms(brahms::Sizes::default())),
            "peerswap" => Ok(Self::PeerSwap),
            _ => Err(Unread { text: text.into(), expected: "`graph`, `cyclon`, `brahms` or `peerswap`" }),
        }
    }
}

impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Graph => "graph",
            Self::Cyclon(_) => "cyclon",
            Self::Brahms(_) => "brahms",
            Self::PeerSwap => "peerswap",
        })
    }
}

/// What a liar makes of the names that it would have told a peer.
pub type Teller = Box<dyn FnMut(&mut Vec<NodeId>)>;

/// What samplers say to each other.
#[derive(Debug, Clone)]
pub(super) enum Hint {
    Cyclon(cyclon::Message),
    Brahms(brahms::Message),
    PeerSwap(peerswap::Message),
}

impl Hint {
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Cyclon(message) => bitneuron_core::encode(message),
            Self::Brahms(message) => bitneuron_core::encode(message),
            Self::PeerSwap(message) => bitneuron_core::encode(message),
        }
    }

    /// Lets a liar change the names.
    fn retell(&mut self, teller: &mut Teller) {
        match self {
            Self::Cyclon(cyclon::Message::Shuffle(entries) | cyclon::Message::Answer(entries)) => {
                let mut names = entries.iter().map(|entry| entry.id).collect();
                teller(&mut names);
                *entries = names.into_iter().map(|id| cyclon::Entry { id, age: 0 }).collect();
            }
            Self::Brahms(brahms::Message::View(names))
            | Self::PeerSwap(peerswap::Message::Swap(names) | peerswap::Message::Swapped(names)) => {
                teller(names);
            }
            Self::Brahms(_) | Self::PeerSwap(_) => {}
        }
    }
}

/// The sampler of one node.
#[derive(Debug)]
pub(super) enum Eyes {
    Cyclon(Cyclon),
    Brahms(Brahms),
    PeerSwap(PeerSwap),
}

impl Eyes {
    /// None where partners come from the graph.
    pub(super) fn new(
        sampling: Sampling,
        me: NodeId,
        seed: Seed,
        neighbours: &[NodeId],
    ) -> Result<Option<Self>, SamplingError> {
        Ok(Some(match sampling {
            Sampling::Graph => return Ok(None),
            Sampling::Cyclon(sizes) => Self::Cyclon(Cyclon::new(sizes, me, seed, neighbours)?),
            Sampling::Brahms(sizes) => Self::Brahms(Brahms::new(sizes, me, seed, neighbours)?),
            Sampling::PeerSwap => Self::PeerSwap(PeerSwap::new(me, seed, neighbours)),
        }))
    }

    pub(super) fn view(&self) -> Vec<NodeId> {
        match self {
            Self::Cyclon(sampler) => sampler.view(),
            Self::Brahms(sampler) => sampler.view(),
            Self::PeerSwap(sampler) => sampler.view(),
        }
    }

    /// A period has passed.
    pub(super) fn tick(&mut self, cx: &mut Context<'_, Letter>, teller: &mut Option<Teller>) {
        match self {
            Self::Cyclon(sampler) => step(sampler, cx, Input::Tick, teller, Hint::Cyclon),
            Self::Brahms(sampler) => step(sampler, cx, Input::Tick, teller, Hint::Brahms),
            Self::PeerSwap(sampler) => step(sampler, cx, Input::Tick, teller, Hint::PeerSwap),
        }
    }

    /// A peer's sampler said something; nonsense is refused by the sampler, and nobody hears of it.
    pub(super) fn hear(
        &mut self,
        cx: &mut Context<'_, Letter>,
        from: NodeId,
        hint: Hint,
        teller: &mut Option<Teller>,
    ) {
        match (self, hint) {
            (Self::Cyclon(sampler), Hint::Cyclon(message)) => {
                step(sampler, cx, Input::Message { from, message }, teller, Hint::Cyclon);
            }
            (Self::Brahms(sampler), Hint::Brahms(message)) => {
                step(sampler, cx, Input::Message { from, message }, teller, Hint::Brahms);
            }
            (Self::PeerSwap(sampler), Hint::PeerSwap(message)) => {
                step(sampler, cx, Input::Message { from, message }, teller, Hint::PeerSwap);
            }
            _ => {}
        }
    }
}

fn step<S: Sampler>(
    sampler: &mut S,
    cx: &mut Context<'_, Letter>,
    input: Input<S::Message>,
    teller: &mut Option<Teller>,
    wrap: impl Fn(S::Message) -> Hint,
) {
    let mut out = Outbox::new();
    if sampler.step(cx.now(), input, &mut out).is_ok() {
        for Effect::Send { to, message } in out {
            let mut hint = wrap(message);
            if let Some(teller) = teller {
                hint.retell(teller);
            }
            cx.send(address(to), Letter::Hint(hint));
        }
    }
}
