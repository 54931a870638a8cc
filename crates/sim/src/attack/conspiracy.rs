//! An attack in gossip and on a server: liars are peers or clients whose codec packs something else than the model that it is given.
//!
//! Codecs do not see who sent what they unpack, so here the conspiracy reads honest models where they are packed: it knows the latest of
//! everybody, whoever hears it. One value serves all whom a liar sends to at once, so nothing can be aimed at a receiver, and
//! liars have one name and no rows for others.
//!
//! Where differences travel (CHOCO) a packet follows from a model and its public copy. There the lie is the liar's model, which
//! is trained beside it for the attack to start from; what is no number cannot be sent, and who would send it repeats itself.

use super::{Attack, Coven};
use crate::{
    Address, Stream,
    lab::{Cast, NodeWrapper, Teller, alias},
};
use bitneuron_compress::{CompressError, Packet};
use bitneuron_core::{Dataset, NodeId, Params, Seed};
use bitneuron_learning::{Merge, Progress, Update, UpdateError, gossip::ModelCodec};
use rand::seq::index::sample;
use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// An attack, how many take part, and what they know of the honest.
#[derive(Clone)]
pub struct Conspiracy {
    /// What they do.
    pub attack: Arc<dyn Attack>,
    /// The share of all nodes that are liars, rounded; at least one node stays honest.
    pub share: f64,
    /// The rule that the honest merge by.
    pub rule: Arc<dyn Merge>,
    /// What everybody begins with.
    pub first: Params,
    /// Classes of the data.
    pub classes: u32,
    /// How many honest values, the receiver's own among them, and how many lies meet at a receiver.
    pub meeting: (usize, usize),
}

impl fmt::Debug for Conspiracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conspiracy").field("share", &self.share).finish_non_exhaustive()
    }
}

/// So many different nodes of all, drawn by the seed; at least one is left.
pub(crate) fn drawn(share: f64, nodes: u32, seed: Seed) -> BTreeSet<Address> {
    let count = ((share.clamp(0.0, 1.0) * f64::from(nodes)).round() as u32).min(nodes.saturating_sub(1));
    let drawn = sample(&mut Stream::new(&seed, "liars", 0), nodes as usize, count as usize);
    drawn.into_iter().map(|node| node as Address).collect()
}

/// An honest packet with every byte set: what no codec carries, as hostile bytes.
pub(crate) fn spoiled(packet: &Packet) -> Result<Packet, CompressError> {
    let parts = packet.parts().iter().map(|part| vec![0xff; part.len()]).collect();
    Packet::new(packet.codec(), packet.layout(), parts)
}

impl NodeWrapper for Conspiracy {
    fn cast(&self, nodes: u32, seed: Seed) -> Box<dyn Cast> {
        let (attack, rule) = (Arc::clone(&self.attack), Arc::clone(&self.rule));
        let coven = Coven::new(attack, rule, self.meeting, Some(&self.first), seed.derive("coven"));
        Box::new(Conspirators {
            plan: self.clone(),
            liars: Arc::new(drawn(self.share, nodes, seed)),
            coven: Arc::new(Mutex::new(coven)),
            seed,
        })
    }
}

/// Those of one run.
struct Conspirators {
    plan: Conspiracy,
    liars: Arc<BTreeSet<Address>>,
    coven: Arc<Mutex<Coven>>,
    seed: Seed,
}

impl Cast for Conspirators {
    fn lies(&self, node: Address) -> bool {
        self.liars.contains(&node)
    }

    fn rows(&mut self, node: Address, rows: Arc<Dataset>) -> Arc<Dataset> {
        let seed = self.seed.derive_number("rows", u64::from(node));
        let poisoned = self.plan.attack.rows(&rows, self.plan.classes, seed).filter(|_| self.lies(node));
        poisoned.map_or(rows, Arc::new)
    }

    fn model(&mut self, node: Address, inner: Box<dyn Update>) -> Box<dyn Update> {
        let (lies, coven) = (self.lies(node), Arc::clone(&self.coven));
        Box::new(Turned { node, lies, turn: 0, inner, own: None, coven })
    }

    fn codec(&mut self, node: Address, inner: Box<dyn ModelCodec>) -> Box<dyn ModelCodec> {
        Box::new(Tapped { node, lies: self.lies(node), turn: 0, inner, coven: Arc::clone(&self.coven) })
    }

    /// Every name becomes a liar's.
    fn teller(&mut self, node: Address) -> Option<Teller> {
        let (lies, poisons) = (self.lies(node), self.plan.attack.poisons_views());
        let liars: Vec<NodeId> = self.liars.iter().map(|liar| alias(*liar, 0)).collect();
        let mut next = node as usize;
        (lies && poisons).then(|| {
            Box::new(move |names: &mut Vec<NodeId>| {
                let count = names.len().min(liars.len());
                let told = (0..count).filter_map(|place| liars.get((next + place) % liars.len()));
                *names = told.copied().collect();
                next = next.wrapping_add(count);
            }) as Teller
        })
    }
}

/// A lock that somebody dropped in a panic still holds whole values: each is replaced at once.
fn open(coven: &Mutex<Coven>) -> MutexGuard<'_, Coven> {
    coven.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A training that the conspiracy has its hands on.
struct Turned {
    node: Address,
    lies: bool,
    turn: u64,
    inner: Box<dyn Update>,
    /// What a liar's model would be; nothing before the first turn.
    own: Option<Params>,
    coven: Arc<Mutex<Coven>>,
}

impl Update for Turned {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        if !self.lies {
            let progress = self.inner.update(params, data, round, seed)?;
            open(&self.coven).hear(self.node, params.clone());
            return Ok(progress);
        }
        let mut own = self.own.clone().unwrap_or_else(|| params.clone());
        let progress = self.inner.update(&mut own, data, round, seed)?;
        let lie = open(&self.coven).lie(self.node, self.node, self.turn, own.values());
        self.turn += 1;
        self.own = Some(own);
        let lie = Params::new(lie, Arc::clone(params.layout())).ok().filter(Params::is_finite);
        *params = lie.ok_or(UpdateError::Diverged { step: 0 })?;
        Ok(progress)
    }
}

/// A codec that the conspiracy has its hands on.
struct Tapped {
    node: Address,
    lies: bool,
    turn: u64,
    inner: Box<dyn ModelCodec>,
    coven: Arc<Mutex<Coven>>,
}

impl ModelCodec for Tapped {
    fn pack(&mut self, model: &Params, seed: Seed) -> Result<Packet, CompressError> {
        if !self.lies {
            open(&self.coven).hear(self.node, model.clone());
            return self.inner.pack(model, seed);
        }
        let lie = open(&self.coven).lie(self.node, self.node, self.turn, model.values());
        self.turn += 1;
        let lie = Params::new(lie, Arc::clone(model.layout())).ok();
        match lie.map(|lie| self.inner.pack(&lie, seed)) {
            Some(Ok(packet)) => Ok(packet),
            _ => spoiled(&self.inner.pack(model, seed)?),
        }
    }

    fn unpack(&self, packet: &Packet) -> Result<Params, CompressError> {
        self.inner.unpack(packet)
    }

    fn stated_age(&self, model: &Params, age: u64, seed: Seed) -> u64 {
        self.inner.stated_age(model, age, seed)
    }

    fn age_beside(&self, model: &Params, age: u64, theirs: &Params) -> u64 {
        self.inner.age_beside(model, age, theirs)
    }
}
