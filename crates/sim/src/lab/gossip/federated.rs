//! Joins a server and its clients to the world: federated averaging over the same links.

use super::wiring::{address, name};
use super::{GossipLab, LabError, LabReport, Learner};
use crate::{Address, Bridge, Churn, Context, MachineNode, Payload};
use bitneuron_compress::{ErrorFeedback, Limits};
use bitneuron_core::{Dataset, Digest, Machine, Outbox, Params, Seed, Time, hash::Hasher};
use bitneuron_learning::{
    Update,
    federated::{Changes, Client, ClientStart, Effect, Input, Message, Models, Server, ServerStart, Uplink},
    gossip::{GossipError, PacketCodec},
};
use rand::seq::index::sample;
use std::{sync::Arc, time::Duration};

type Answers = Box<dyn Uplink>;

/// A server or a client.
enum Member {
    Server(Box<Server<PacketCodec, Answers>>),
    Client(Box<Client<Box<dyn Update>, PacketCodec, Answers>>),
}

impl Machine for Member {
    type Input = Input;
    type Effect = Effect;
    type Error = GossipError;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        match self {
            Self::Server(server) => server.step(now, input, out),
            Self::Client(client) => client.step(now, input, out),
        }
    }
}

#[derive(Debug, Clone)]
struct Letter(Message);

impl Payload for Letter {
    fn size(&self) -> usize {
        self.0.packet.len() + 2 * size_of::<u64>()
    }

    fn digest(&self) -> Digest {
        let Message { round, rows, packet } = &self.0;
        let mut hasher = Hasher::new("bitneuron lab answer v1");
        hasher.number(*round).number(*rows).update(&packet.digest().0).finish()
    }
}

/// The server chooses so many clients in each round.
#[derive(Debug)]
struct Wiring {
    serves: bool,
    clients: u32,
    chosen: u32,
    period: u64,
    offences: u64,
    refused: Option<Box<GossipError>>,
}

impl Bridge for Wiring {
    type Machine = Member;
    type Message = Letter;

    fn start(&mut self, cx: &mut Context<'_, Letter>) -> Option<Input> {
        if self.serves {
            cx.timer(Duration::ZERO, 0);
        }
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
            Effect::Select => {
                let drawn = sample(cx.random(), self.clients as usize, self.chosen as usize);
                return Some(Input::Selected(
                    drawn.into_iter().map(|client| name(client as Address)).collect(),
                ));
            }
            Effect::Send { to, message } => cx.send(address(to), Letter(message)),
            Effect::Wait(_) => cx.timer(Duration::from_micros(self.period), 0),
            Effect::Learned(_) | Effect::Averaged(_) => {}
            Effect::Offence { .. } => self.offences += 1,
            Effect::Discarded(error) => self.refused(cx, error),
        }
        None
    }

    fn refused(&mut self, _: &mut Context<'_, Letter>, error: GossipError) {
        self.refused.get_or_insert_with(|| Box::new(error));
    }
}

impl Learner for MachineNode<Wiring> {
    fn params(&self) -> Option<&Params> {
        match self.machine() {
            Member::Server(server) => Some(server.model()),
            Member::Client(_) => None,
        }
    }

    fn offences(&self) -> u64 {
        self.bridge().offences
    }

    fn take_refused(&mut self) -> Option<GossipError> {
        self.bridge_mut().refused.take().map(|why| *why)
    }
}

/// What clients of a federation send back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answer {
    /// The trained model.
    #[default]
    Models,
    /// What changed in it, with what the codec left out added to the next (error feedback). Coarse codecs need that.
    Changes,
}

impl GossipLab {
    /// Plays federated averaging with the same rows, links, churn and rules instead of Algorithm 1: a server behind the last node
    /// sends its model to so many `chosen` clients a round and averages what comes back before the next. The server never goes
    /// away, and its model is what is judged.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_federated(
        &self,
        chosen: u32,
        answer: Answer,
        train: &Dataset,
        test: &Dataset,
        seed: Seed,
    ) -> Result<LabReport, LabError> {
        if self.wrapper.is_some() && answer == Answer::Changes {
            return Err(LabError::Together("liars lie with whole models, not with changes"));
        }
        let scene = self.scene(train, seed)?;
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        let layout = self.model.layout();
        let limits = Limits::of(layout);
        let codec = || PacketCodec::new(Arc::clone(&self.compressor), Arc::clone(layout), limits);
        // Models come down whole where changes go up: a coarse codec would ruin them.
        let downlink = || match answer {
            Answer::Models => codec(),
            Answer::Changes => {
                PacketCodec::new(Arc::new(bitneuron_compress::Dense), Arc::clone(layout), limits)
            }
        };
        let uplink = || -> Result<Answers, LabError> {
            Ok(match answer {
                Answer::Models => Box::new(Models(codec()?)),
                Answer::Changes => Box::new(Changes {
                    encoder: ErrorFeedback::new(Arc::clone(&self.compressor), Arc::clone(layout)),
                    compressor: Arc::clone(&self.compressor),
                }),
            })
        };
        let wiring = |serves| Wiring {
            serves,
            clients: self.nodes,
            chosen: chosen.min(self.nodes),
            period,
            offences: 0,
            refused: None,
        };
        let mut cast = self.cast(seed);
        let mut nodes = Vec::with_capacity(self.nodes as usize + 1);
        for node in 0..self.nodes {
            let mut start = ClientStart {
                id: name(node),
                server: name(self.nodes),
                update: (self.update)(),
                downlink: downlink()?,
                uplink: uplink()?,
                data: scene.rows(node),
                seed: seed.derive_number("client", u64::from(node)),
            };
            if let Some(cast) = cast.as_deref_mut() {
                start.data = cast.rows(node, start.data);
                start.update = cast.update(node, start.update);
                start.uplink = Box::new(Models(cast.codec(node, Box::new(codec()?))));
            }
            nodes.push(MachineNode::new(Member::Client(Box::new(Client::new(start))), wiring(false)));
        }
        let server = Server::new(ServerStart {
            id: name(self.nodes),
            merge: Arc::clone(&self.merge),
            downlink: downlink()?,
            uplink: uplink()?,
            period: self.period,
            most_rows: train.len() as u64,
            model: self.model.init(seed.derive("init")),
            seed: seed.derive("server"),
        });
        nodes.push(MachineNode::new(Member::Server(Box::new(server)), wiring(true)));
        let churn = self.churn.clone().map(|churn| {
            let spared = churn.spared.iter().copied().chain([self.nodes]).collect();
            Churn { spared, ..churn }
        });
        let lab = Self { churn, ..self.clone() };
        let report = lab.play(nodes, cast.as_deref(), test, seed)?;
        Ok(LabReport { pieces: 1, ..scene.told(report) })
    }
}
