//! The peers of a run: machines with their rows, rules, codecs and wiring.

use super::sampling::Eyes;
use super::wiring::{LabPeer, Wiring, name};
use super::{Cast, GossipLab, LabError, Parting, Sampling, Scene, Teller};
use crate::{Address, MachineNode};
use bitneuron_compress::Limits;
use bitneuron_core::{Params, Seed};
use bitneuron_learning::{
    Merge,
    gossip::{
        ModelCodec, Order, PacketCodec,
        parts::{PartCodec, PartMerge, PartUpdate, Parted},
        peer,
    },
};
use std::sync::Arc;

impl GossipLab {
    /// The rules that all peers have in common.
    fn rules<T>(&self, merge: Arc<dyn Merge<T>>) -> Arc<peer::Rules<T>> {
        let (period, age_lead, manner) = (self.period, self.age_lead, self.manner);
        Arc::new(peer::Rules { merge, period, age_lead, manner })
    }

    /// All nodes at line 1, with the same first parameters.
    pub(super) fn peers(
        &self,
        scene: &Scene,
        mut cast: Option<&mut (dyn Cast + 'static)>,
        seed: Seed,
    ) -> Result<Vec<MachineNode<Wiring<Params>>>, LabError> {
        let layout = self.model.layout();
        let rules = self.rules(Arc::clone(&self.merge));
        let first = self.model.init(seed.derive("init"));
        let limits = Limits::of(layout);
        let peer = |node: Address| {
            let codec = PacketCodec::new(Arc::clone(&self.compressor), Arc::clone(layout), limits)?;
            let mut start = peer::Start {
                id: name(node),
                update: (self.update)(),
                codec: Box::new(codec) as Box<dyn ModelCodec>,
                model: first.clone(),
                data: scene.rows(node),
                seed: seed.derive_number("peer", u64::from(node)),
            };
            let mut teller = None;
            if let Some(cast) = cast.as_deref_mut() {
                start.data = cast.rows(node, start.data);
                start.update = cast.update(node, start.update);
                start.codec = cast.codec(node, start.codec);
                teller = cast.teller(node);
            }
            let wiring = self.wiring(node, scene, teller, seed)?;
            Ok(MachineNode::new(LabPeer::new(Arc::clone(&rules), start), wiring))
        };
        (0..self.nodes).map(peer).collect()
    }

    /// The same with models in parts.
    pub(super) fn parted_peers(
        &self,
        parting: Parting,
        scene: &Scene,
        seed: Seed,
    ) -> Result<Vec<MachineNode<Wiring<Parted>>>, LabError> {
        if self.wrapper.is_some() {
            return Err(LabError::Together("liars lie with whole models, not with parts"));
        }
        if self.manner.order != Order::MergeUpdate {
            return Err(LabError::Together("a part of a model is merged before anything is trained"));
        }
        let parts = Arc::new(parting.parts(Arc::clone(self.model.layout()))?);
        let rules = self.rules(Arc::new(PartMerge::new(Arc::clone(&parts), Arc::clone(&self.merge))));
        let first = parts.model(self.model.init(seed.derive("init")));
        let peer = |node: Address| {
            let codec = PartCodec::new(Arc::clone(&parts), |layout| {
                PacketCodec::new(Arc::clone(&self.compressor), Arc::clone(layout), Limits::of(layout))
            })?;
            let start = peer::Start {
                id: name(node),
                update: Box::new(PartUpdate((self.update)())) as Box<_>,
                codec: Box::new(codec) as Box<_>,
                model: first.clone(),
                data: scene.rows(node),
                seed: seed.derive_number("peer", u64::from(node)),
            };
            let wiring = self.wiring(node, scene, None, seed)?;
            Ok(MachineNode::new(LabPeer::new(Arc::clone(&rules), start), wiring))
        };
        (0..self.nodes).map(peer).collect()
    }

    fn wiring<T>(
        &self,
        node: Address,
        scene: &Scene,
        teller: Option<Teller>,
        seed: Seed,
    ) -> Result<Wiring<T>, LabError> {
        let eyes = if self.sampling == Sampling::Graph {
            None
        } else {
            let neighbours: Vec<_> = scene.graph.neighbours(node).map(name).collect();
            let seed = seed.derive_number("sampler", u64::from(node));
            Eyes::new(self.sampling, name(node), seed, &neighbours)?.map(Box::new)
        };
        Ok(Wiring::new(Arc::clone(&scene.graph), self.period_of(node, seed), eyes, teller))
    }
}
