//! Joins a peer to the world: timers for waits, neighbours or a sampler's view for `select()`, letters for models.

use super::Learner;
use super::sampling::{Eyes, Hint, Teller};
use crate::lab::Graph;
use crate::{Address, Bridge, Context, MachineNode, Payload};
use bitneuron_core::{Dataset, Digest, NodeId, Params, hash::Hasher};
use bitneuron_learning::{
    Update,
    gossip::{GossipError, ModelCodec, ModelMessage, Peer, parts::Parted, peer},
};
use rand::seq::index::sample;
use std::{marker::PhantomData, sync::Arc, time::Duration};

/// Nobody signs in the lab, so a node's name just carries its address; names are in the order of addresses.
pub(in crate::lab) fn name(address: Address) -> NodeId {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&address.to_be_bytes());
    NodeId(id)
}

/// The inverse of [`name`].
pub(in crate::lab) const fn address(NodeId([a, b, c, d, ..]): NodeId) -> Address {
    Address::from_be_bytes([a, b, c, d])
}

/// What peers say to each other.
#[derive(Debug, Clone)]
pub(super) enum Letter {
    Model(ModelMessage),
    /// Send me yours.
    Ask,
    /// From sampler to sampler.
    Hint(Hint),
}

impl Payload for Letter {
    fn size(&self) -> usize {
        match self {
            Self::Model(message) => message.packet.len() + size_of::<u64>(),
            Self::Ask => 1,
            Self::Hint(hint) => hint.bytes().len(),
        }
    }

    fn digest(&self) -> Digest {
        match self {
            Self::Model(message) => {
                let packet = message.packet.digest();
                Hasher::new("bitneuron lab letter v1").number(message.age).update(&packet.0).finish()
            }
            Self::Ask => Digest::of("bitneuron lab question v1", &[]),
            Self::Hint(hint) => Digest::of("bitneuron lab hint v1", &hint.bytes()),
        }
    }
}

/// A peer of the lab.
pub(super) type LabPeer<T> = Peer<Box<dyn Update<T, Dataset>>, Box<dyn ModelCodec<T>>, T>;

/// The timer of the sampler; that of the peer is 0.
const LOOK: u64 = 1;

/// What stands between a peer and the world.
pub(super) struct Wiring<T> {
    graph: Arc<Graph>,
    /// Microseconds.
    period: u64,
    eyes: Option<Box<Eyes>>,
    teller: Option<Teller>,
    offences: u64,
    /// The first refusal; a peer in the lab has no reason for one.
    refused: Option<Box<GossipError>>,
    model: PhantomData<T>,
}

impl<T> Wiring<T> {
    pub(super) const fn new(
        graph: Arc<Graph>,
        period: u64,
        eyes: Option<Box<Eyes>>,
        teller: Option<Teller>,
    ) -> Self {
        Self { graph, period, eyes, teller, offences: 0, refused: None, model: PhantomData }
    }

    /// So many different peers, all where there are fewer.
    fn select(&self, cx: &mut Context<'_, Letter>, count: u32) -> Vec<NodeId> {
        let me = cx.me();
        let view = self.eyes.as_ref().map(|eyes| eyes.view());
        let known = view.as_ref().map_or_else(|| self.graph.degree(me), |view| view.len() as u32);
        let named = |number: u32| match &view {
            Some(view) => view.get(number as usize).copied(),
            None => self.graph.neighbour(me, number).map(name),
        };
        match count {
            1 if known > 0 => named(cx.random().below(u64::from(known)) as u32).into_iter().collect(),
            count if count >= known => (0..known).filter_map(named).collect(),
            count => {
                let drawn = sample(cx.random(), known as usize, count as usize);
                drawn.into_iter().filter_map(|number| named(number as u32)).collect()
            }
        }
    }
}

impl<T: Clone> Bridge for Wiring<T> {
    type Machine = LabPeer<T>;
    type Message = Letter;

    fn start(&mut self, cx: &mut Context<'_, Letter>) -> Option<peer::Input> {
        let offset = cx.random().below(self.period);
        cx.timer(Duration::from_micros(offset), 0);
        if self.eyes.is_some() {
            let offset = cx.random().below(self.period);
            cx.timer(Duration::from_micros(offset), LOOK);
        }
        None
    }

    fn message(
        &mut self,
        cx: &mut Context<'_, Letter>,
        from: Address,
        letter: Letter,
    ) -> Option<peer::Input> {
        let from = name(from);
        match letter {
            Letter::Model(message) => Some(peer::Input::Received { from, message }),
            Letter::Ask => Some(peer::Input::Asked { from }),
            Letter::Hint(hint) => {
                if let Some(eyes) = &mut self.eyes {
                    eyes.hear(cx, from, hint, &mut self.teller);
                }
                None
            }
        }
    }

    fn timer(&mut self, cx: &mut Context<'_, Letter>, id: u64) -> Option<peer::Input> {
        if id != LOOK {
            return Some(peer::Input::Wake);
        }
        if let Some(eyes) = &mut self.eyes {
            eyes.tick(cx, &mut self.teller);
            cx.timer(Duration::from_micros(self.period), LOOK);
        }
        None
    }

    fn effect(&mut self, cx: &mut Context<'_, Letter>, effect: peer::Effect) -> Option<peer::Input> {
        match effect {
            peer::Effect::Select(count) => return Some(peer::Input::Selected(self.select(cx, count))),
            peer::Effect::Send { to, message } => cx.send(address(to), Letter::Model(message)),
            peer::Effect::Ask { to } => cx.send(address(to), Letter::Ask),
            peer::Effect::Wait(_) => cx.timer(Duration::from_micros(self.period), 0),
            peer::Effect::Learned { .. } => {}
            peer::Effect::Offence { .. } => self.offences += 1,
            peer::Effect::Discarded { from, .. } => self.offences += from.len() as u64,
            peer::Effect::Missed(error) => self.refused(cx, error),
        }
        None
    }

    fn refused(&mut self, _: &mut Context<'_, Letter>, error: GossipError) {
        self.refused.get_or_insert_with(|| Box::new(error));
    }
}

/// A model whose parameters can be judged.
pub(super) trait Whole: Clone {
    fn whole(&self) -> &Params;
}

impl Whole for Params {
    fn whole(&self) -> &Params {
        self
    }
}

impl Whole for Parted {
    fn whole(&self) -> &Params {
        self.params()
    }
}

impl<T: Whole> Learner for MachineNode<Wiring<T>> {
    fn params(&self) -> Option<&Params> {
        Some(self.machine().model().whole())
    }

    fn offences(&self) -> u64 {
        self.bridge().offences
    }

    fn take_refused(&mut self) -> Option<GossipError> {
        self.bridge_mut().refused.take().map(|why| *why)
    }

    fn view(&self) -> Option<Vec<Address>> {
        Some(self.bridge().eyes.as_ref()?.view().into_iter().map(address).collect())
    }
}
