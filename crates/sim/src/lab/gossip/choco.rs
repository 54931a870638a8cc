//! Joins nodes of CHOCO to the world.

use super::wiring::{address, name};
use super::{GossipLab, LabError, LabReport, Learner};
use crate::{Address, Bridge, Context, MachineNode, Payload};
use bitneuron_compress::properties::typical_contraction;
use bitneuron_core::{Dataset, Digest, Params, Seed, Weight, hash::Hasher};
use bitneuron_learning::{
    Update,
    gossip::{
        Choco, GossipError, choco,
        choco::{Effect, Input, Message, Rules, Start},
    },
};
use std::{sync::Arc, time::Duration};

/// One in parts of a weight.
const UNIT: f64 = (1u64 << 32) as f64;

#[derive(Debug, Clone)]
struct Letter(Message);

impl Payload for Letter {
    fn size(&self) -> usize {
        match &self.0 {
            Message::Difference { packet, .. } | Message::Whole { packet, .. } => {
                packet.len() + size_of::<u64>()
            }
            Message::Behind { .. } => size_of::<u64>(),
        }
    }

    fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("bitneuron lab difference v1");
        match &self.0 {
            Message::Difference { number, packet } => {
                hasher.number(1).number(*number).update(&packet.digest().0)
            }
            Message::Whole { number, packet } => hasher.number(2).number(*number).update(&packet.digest().0),
            Message::Behind { number } => hasher.number(3).number(*number),
        };
        hasher.finish()
    }
}

#[derive(Debug)]
struct Wiring {
    period: u64,
    offences: u64,
    refused: Option<Box<GossipError>>,
}

impl Bridge for Wiring {
    type Machine = Choco<Box<dyn Update>>;
    type Message = Letter;

    fn start(&mut self, cx: &mut Context<'_, Letter>) -> Option<Input> {
        let offset = cx.random().below(self.period);
        cx.timer(Duration::from_micros(offset), 0);
        None
    }

    fn message(
        &mut self,
        _: &mut Context<'_, Letter>,
        from: Address,
        Letter(message): Letter,
    ) -> Option<Input> {
        Some(Input::Received { from: name(from), message })
    }

    fn timer(&mut self, _: &mut Context<'_, Letter>, _: u64) -> Option<Input> {
        Some(Input::Wake)
    }

    fn effect(&mut self, cx: &mut Context<'_, Letter>, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Send { to, message } => cx.send(address(to), Letter(message)),
            Effect::Wait(_) => cx.timer(Duration::from_micros(self.period), 0),
            Effect::Learned { .. } => {}
            Effect::Offence { .. } => self.offences += 1,
            Effect::Discarded(error) | Effect::Missed(error) => self.refused(cx, error),
        }
        None
    }

    fn refused(&mut self, _: &mut Context<'_, Letter>, error: GossipError) {
        self.refused.get_or_insert_with(|| Box::new(error));
    }
}

impl Learner for MachineNode<Wiring> {
    fn params(&self) -> Option<&Params> {
        Some(self.machine().model())
    }

    fn offences(&self) -> u64 {
        self.bridge().offences
    }

    fn take_refused(&mut self) -> Option<GossipError> {
        self.bridge_mut().refused.take().map(|why| *why)
    }
}

impl GossipLab {
    /// γ that the codec bears.
    fn borne_gamma(&self, seed: Seed) -> Result<f32, LabError> {
        let (codec, layout) = (self.compressor.as_ref(), self.model.layout());
        let gamma = choco::gamma(typical_contraction(codec, layout, seed.derive("typical"))?);
        let none = LabError::Together("the codec contracts nothing, so γ has to be said");
        if gamma > 0.0 { Ok(gamma) } else { Err(none) }
    }

    /// Plays CHOCO on the same graph, rows, links and rules instead of Algorithm 1: compressed differences to all neighbours,
    /// public copies of all of them. [`Self::manner`] and ages play no part. `gamma` is γ, or `None` for the one that
    /// [follows](choco::gamma) from the codec's contraction of normal values in the model's layout.
    ///
    /// Here the compressor sees differences, so that coarse ones do that no model would survive.
    ///
    /// # Errors
    /// As [`Self::run`]; also a γ that is not above 0 and at most 1, or none where the codec contracts nothing.
    pub fn run_choco(
        &self,
        gamma: Option<f32>,
        train: &Dataset,
        test: &Dataset,
        seed: Seed,
    ) -> Result<LabReport, LabError> {
        let gamma = gamma.map_or_else(|| self.borne_gamma(seed), Ok)?;
        if !(gamma > 0.0 && gamma <= 1.0) {
            return Err(LabError::Together("γ is above 0 and at most 1"));
        }
        let scene = self.scene(train, seed)?;
        let rules = Arc::new(Rules {
            merge: Arc::clone(&self.merge),
            compressor: Arc::clone(&self.compressor),
            gamma,
            period: self.period,
        });
        let first = self.model.init(seed.derive("init"));
        let mut cast = self.cast(seed);
        let node = |node: Address| {
            let weight = |other| scene.graph.weight(node, other);
            let theirs: f64 = scene.graph.neighbours(node).map(weight).sum();
            let heavy = |weight: f64| Weight((weight * UNIT) as u64);
            let mut start = Start {
                id: name(node),
                update: (self.update)(),
                model: first.clone(),
                data: scene.rows(node),
                seed: seed.derive_number("choco", u64::from(node)),
                weight: heavy(1.0 - theirs),
                neighbours: scene
                    .graph
                    .neighbours(node)
                    .map(|other| (name(other), heavy(weight(other))))
                    .collect(),
            };
            if let Some(cast) = cast.as_deref_mut() {
                start.data = cast.rows(node, start.data);
                start.update = cast.update(node, start.update);
                start.update = cast.model(node, start.update);
            }
            let wiring = Wiring { period: self.period_of(node, seed), offences: 0, refused: None };
            MachineNode::new(Choco::new(Arc::clone(&rules), start), wiring)
        };
        let nodes = (0..self.nodes).map(node).collect();
        let report = self.play(nodes, cast.as_deref(), test, seed)?;
        Ok(scene.told(report))
    }
}
