//! A user's training: Algorithm 2 from line 4 to line 7, as a job.

use crate::conduct::Conduct;
use crate::model::{Algorithm2, open_packet};
use crate::plan::Plan;
use crate::work::{Outcome, Trained};
use bitneuron_compress::{Compressor, Dense, Packet};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Amount, Bytes, Commitment, Machine, NodeId, Outbox, Reputation, Seed, Time};
use bitneuron_learning::exact::score;
use bitneuron_learning::gossip::{ModelMessage, user};
use bitneuron_ledger::packet_digest;
use std::sync::Arc;

/// A head that was lent.
pub(crate) struct Lent {
    pub(crate) from: NodeId,
    /// Its name on the chain.
    pub(crate) name: Commitment,
    pub(crate) model: ExactParams,
}

/// Everything that a training job takes along.
pub(crate) struct Training {
    pub(crate) algorithm: Box<Algorithm2>,
    /// The head to learn from, and whose it is; none trains the own model on.
    pub(crate) head: Option<Lent>,
    /// The age of that head, in rounds.
    pub(crate) round: u64,
    pub(crate) plan: Arc<Plan>,
    pub(crate) conduct: Arc<dyn Conduct>,
    /// The least price.
    pub(crate) ask: Amount,
    pub(crate) seed: Seed,
}

impl Training {
    /// Trains, packs and scores.
    pub(crate) fn run(mut self) -> Outcome {
        let trained = self.train();
        Outcome::Trained { algorithm: self.algorithm, trained: trained.map(Box::new) }
    }

    fn train(&mut self) -> Option<Trained> {
        let mut out = Outbox::new();
        if let Some(Lent { from, name, model }) = &self.head {
            self.algorithm.codec_mut().packs.start_from(*name, model).ok()?;
            // Heads are integers at 12 bits, which f32 holds exactly: a dense packet loses nothing.
            let packet = Dense.compress(&model.to_params(), self.seed).ok()?;
            let message = ModelMessage { age: self.round, packet };
            self.algorithm.step(Time::ZERO, user::Input::Head { from: *from, message }, &mut out).ok()?;
        }
        self.algorithm.step(Time::ZERO, user::Input::Wake, &mut out).ok()?;
        let bids = self.plan.validators.iter().map(|by| user::Bid {
            by: *by,
            price: self.ask,
            reputation: Reputation::default(),
            model: true,
            data: false,
        });
        let market = user::Input::Market { bids: bids.collect(), consent: self.consent() };
        self.algorithm.step(Time::ZERO, market, &mut out).ok()?;
        let (mut progress, mut sold, mut buyers) = (None, None, Vec::new());
        for effect in out {
            match effect {
                user::Effect::Learned { progress: made, .. } => progress = Some(made),
                user::Effect::Send { to, message } => {
                    buyers.push(to);
                    sold = Some(message.packet);
                }
                // Waiting is the chain's business; the market's question is answered above; nothing is sealed, since
                // no data are for sale; an unusable head leaves the own model, which is
                // sold instead; where that cannot be trained either, nothing is sold below.
                user::Effect::Wait(_)
                | user::Effect::AskMarket
                | user::Effect::Seal { .. }
                | user::Effect::Offence { .. }
                | user::Effect::Missed(_) => {}
            }
        }
        let honest: Packet = sold?;
        let base = self.algorithm.codec().packs.base();
        let open = |packet| open_packet(&self.plan.registry, packet, self.plan.layout(), |_| base.as_ref());
        let truth = open(&honest).ok()?;
        let (packet, model) = match self.conduct.packet(&truth) {
            None => (honest, truth),
            Some(other) => {
                let model = open(&other).ok()?;
                (other, model)
            }
        };
        let right = score(&self.plan.goal.net, &model, &self.plan.metric).ok()?;
        let packet = Bytes(packet.to_bytes());
        Some(Trained {
            digest: packet_digest(&packet),
            packet,
            base,
            model,
            right,
            progress: progress?,
            buyers,
        })
    }

    /// This user sells its model to anybody who pays its price, and no data.
    fn consent(&self) -> user::Consent {
        user::Consent {
            model: true,
            least_price: self.ask,
            buyers: self.plan.validators.len(),
            ..Default::default()
        }
    }
}
