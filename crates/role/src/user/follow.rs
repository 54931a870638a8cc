//! Following the chain: what a user's light client is shown, and what it wants.

use super::{NO_HEAD, PATIENCE, SILENCE, User};
use crate::light::Disbelief;
use crate::message::{Message, Notice, Tip};
use crate::role::{Effect, Report};
use bitneuron_consensus::LightBlock;
use bitneuron_consensus::light::Effect as Want;
use bitneuron_core::exact::data::draw;
use bitneuron_core::{Digest, NodeId, Outbox};
use bitneuron_ledger::{Action, key};

impl User {
    /// A decided header: at the end of a round the next begins with pulling a head.
    pub(super) fn tip(&mut self, from: NodeId, tip: &Tip, out: &mut Outbox<Effect>) {
        let height = tip.header.height;
        let ends = height.0.is_multiple_of(self.plan.round_heights());
        let round = height.0 / self.plan.round_heights();
        // Only the header that is acted upon is checked; the others say nothing.
        if !ends || round < self.round {
            return;
        }
        match self.light.tip(from, tip) {
            Ok(()) => {}
            Err(Disbelief::Voters(upto)) => {
                let above = self.light.height();
                return Self::send(from, &Message::Follow { above, upto }, out);
            }
            Err(_) => return,
        }
        if round >= self.plan.rounds {
            return out.push(Effect::CancelTimer(SILENCE));
        }
        self.await_news(out);
        self.round = round.saturating_add(1);
        self.offers.retain(|_, offer| offer.expires >= height);
        // Whoever was expelled has no vote and no head worth pulling.
        let members = self.light.voters().members();
        let seed = Digest(self.seed.derive_number("pull", round).0);
        let at = draw(seed, u32::try_from(members.len()).unwrap_or(u32::MAX), 1);
        if let Some(from) = at.first().and_then(|at| Some(members.get(usize::try_from(*at).ok()?)?.id)) {
            Self::send(from, &Message::Ask(self.plan.goal.id()), out);
            out.push(Effect::Timer { id: NO_HEAD, after: PATIENCE });
            self.asked = Some(from);
        }
    }

    /// A header with its voters: what it says is heard as any other, once it is believed.
    pub(super) fn shown(&mut self, from: NodeId, block: LightBlock, out: &mut Outbox<Effect>) {
        let tip = Tip { header: block.header.clone(), certificate: block.certificate.clone() };
        if self.light.show(from, block).is_ok() {
            self.tip(from, &tip, out);
        }
    }

    /// The parameters by which the chain goes on, believed when they are in a certified state and no older than those known.
    pub(super) fn learn_params(&mut self, from: NodeId, notice: &Notice) {
        let height = notice.tip.header.height;
        let shown = self.light.entry(from, notice, &key::params()).ok().flatten();
        if let Some(params) = shown.and_then(|value| value.read()).filter(|_| height >= self.params.0) {
            self.params = (height, params);
        }
    }

    /// Does what the light client wants: asks peers, and brings before the ledger who signed two chains.
    pub(super) fn pursue(&mut self, out: &mut Outbox<Effect>) {
        for want in self.light.wants() {
            match want {
                Want::Believe(_) => {}
                Want::Ask { of, above, upto } => Self::send(of, &Message::Follow { above, upto }, out),
                Want::Offence { by, why } => {
                    out.push(Effect::Report(Report::Offence { by, why: why.to_string() }));
                }
                Want::Fork(fork) => {
                    for by in fork.guilty() {
                        let why = "signed two chains".to_owned();
                        out.push(Effect::Report(Report::Offence { by, why }));
                    }
                    fork.evidence.into_iter().for_each(|evidence| self.submit(Action::Accuse(evidence), out));
                }
            }
        }
    }
}
