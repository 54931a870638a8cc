//! A node among neighbours: the machine of Algorithm 3, whom it speaks to, and the false half of a liar.

use super::{STAKE, Voices, address, alias};
use crate::{
    Address, Context, Node, Payload,
    attack::{Coven, spoiled},
};
use bitneuron_compress::{Compressor, Limits, Packet};
use bitneuron_core::{Dataset, Digest, Machine as _, Outbox, Params, Seed, Weight};
use bitneuron_learning::{
    Update,
    gossip::{
        GossipError, ModelMessage, PacketCodec,
        validator::{Effect, Input, Validator},
    },
};
use std::{cell::RefCell, collections::BTreeSet, rc::Rc, sync::Arc, time::Duration};

/// What a node says to its neighbours.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// Which of the sender's names speaks.
    name: u32,
    weight: Weight,
    body: Body,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    Model(Arc<ModelMessage>),
    Rows(Arc<Dataset>),
}

impl Payload for Letter {
    fn size(&self) -> usize {
        match &self.body {
            Body::Model(message) => message.packet.len() + size_of::<u64>(),
            Body::Rows(rows) => size_of::<f32>() * rows.len() * (rows.features().ncols() + 1),
        }
    }

    fn digest(&self) -> Digest {
        match &self.body {
            Body::Model(message) => message.packet.digest(),
            Body::Rows(rows) => Digest::of("bitneuron lab rows v1", &rows.len().to_le_bytes()),
        }
    }
}

/// What happened at a node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) offences: u64,
    pub(super) discarded: u64,
    pub(super) turns: u64,
    /// The summed shares of liars.
    pub(super) lied: u64,
}

impl Tally {
    pub(super) const fn add(&mut self, other: &Self) {
        self.offences += other.offences;
        self.discarded += other.discarded;
        self.turns += other.turns;
        self.lied += other.lied;
    }
}

/// The false half of a member.
pub(super) struct Liar {
    pub(super) coven: Rc<RefCell<Coven>>,
    pub(super) pushed: Option<Arc<Dataset>>,
    pub(super) names: u32,
}

/// A node: the machine, its neighbours, and what it is besides.
pub(super) struct Member {
    pub(super) machine: Validator<Box<dyn Update>, PacketCodec>,
    pub(super) neighbours: Vec<Address>,
    pub(super) compressor: Arc<dyn Compressor>,
    pub(super) liars: Rc<BTreeSet<Address>>,
    pub(super) offset: u64,
    pub(super) liar: Option<Liar>,
    pub(super) voices: Voices,
    pub(super) seed: Seed,
    pub(super) turn: u64,
    pub(super) tally: Tally,
}

impl Member {
    fn step(&mut self, cx: &mut Context<'_, Letter>, input: Input) {
        let mut out = Outbox::new();
        // A refused input changes nothing; a full inbox or a voice of one's own is all that it can be.
        let _: Result<(), GossipError> = self.machine.step(cx.now(), input, &mut out);
        for effect in out {
            match effect {
                Effect::Wait(span) => cx.timer(span, 0),
                Effect::Offence { .. } => self.tally.offences += 1,
                Effect::Discarded { .. } => self.tally.discarded += 1,
                Effect::Missed(_) => self.tally.turns += 1,
                Effect::Learned(turn) => {
                    self.tally.turns += 1;
                    let lies = turn.models.iter().filter(|(from, _)| self.liars.contains(&address(*from)));
                    self.tally.lied += lies.map(|(_, share)| u64::from(share.0)).sum::<u64>();
                }
            }
        }
    }

    /// Sends its model, or what it has instead, to all neighbours.
    fn speak(&mut self, cx: &mut Context<'_, Letter>) {
        let seed = self.seed.derive_number("turn", self.turn);
        let model = self.machine.model().clone();
        let age = self.machine.age();
        let mut last: Option<(Vec<f32>, Arc<ModelMessage>)> = None;
        for peer in std::mem::take(&mut self.neighbours) {
            let values = match &self.liar {
                None => model.values().to_vec(),
                Some(liar) => liar.coven.borrow_mut().lie(cx.me(), peer, self.turn, model.values()),
            };
            // One packet serves all who get the same value; the bits are compared, since a lie may not be a number.
            let same = |a: &[f32], b: &[f32]| a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()));
            let message = match last.take() {
                Some((sent, message)) if same(&sent, &values) => Some(message),
                _ => self.pack(&model, &values, seed).map(|packet| Arc::new(ModelMessage { age, packet })),
            };
            if let Some(message) = message {
                self.address(cx, peer, &Body::Model(Arc::clone(&message)));
                last = Some((values, message));
            }
            if let Some(rows) = self.liar.as_ref().and_then(|liar| liar.pushed.clone()) {
                self.address(cx, peer, &Body::Rows(rows));
            }
            self.neighbours.push(peer);
        }
        self.turn += 1;
    }

    /// The packet of a value. What no codec carries is an honest packet with every byte set: no number, or no packet at all.
    fn pack(&self, honest: &Params, values: &[f32], seed: Seed) -> Option<Packet> {
        let params = Params::new(values.to_vec(), Arc::clone(honest.layout())).ok()?;
        self.compressor.compress(&params, seed).ok().or_else(|| {
            let packet = self.compressor.compress(honest, seed).ok()?;
            spoiled(&packet).ok()
        })
    }

    fn address(&self, cx: &mut Context<'_, Letter>, peer: Address, body: &Body) {
        let names = self.liar.as_ref().map_or(1, |liar| liar.names.max(1));
        let weight = match self.voices {
            Voices::Names => Weight(STAKE),
            Voices::Stake => Weight(STAKE / u64::from(names)),
        };
        (0..names).for_each(|name| cx.send(peer, Letter { name, weight, body: body.clone() }));
    }
}

impl Node for Member {
    type Message = Letter;

    fn start(&mut self, cx: &mut Context<'_, Letter>) {
        cx.timer(Duration::from_micros(self.offset), 0);
    }

    fn message(&mut self, cx: &mut Context<'_, Letter>, from: Address, letter: Letter) {
        let Letter { name, weight, body } = letter;
        // Colluders know each other: their lies are for the others.
        if self.liar.is_some() && self.liars.contains(&from) {
            return;
        }
        let from_name = alias(from, name);
        let input = match body {
            Body::Rows(rows) => Input::Data { from: from_name, weight, data: rows.as_ref().clone() },
            Body::Model(message) => {
                if let Some(liar) = &self.liar
                    && let layout = self.machine.model().layout()
                    && let Ok(seen) = self.compressor.decompress(&message.packet, layout, Limits::of(layout))
                {
                    liar.coven.borrow_mut().hear(from, seen);
                }
                Input::Model { from: from_name, weight, message: message.as_ref().clone() }
            }
        };
        self.step(cx, input);
    }

    fn timer(&mut self, cx: &mut Context<'_, Letter>, _: u64) {
        self.step(cx, Input::Wake);
        self.speak(cx);
    }
}
