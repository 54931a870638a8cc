//! Learning: Algorithm 3 over what was bought, then the claim that it was done.
//!
//! After the second block of a round the validator merges what was settled to it and two beacon-chosen heads, and steps on
//! its own data. It publishes a commitment to the outcome first; only then does the beacon draw the rows that the outcome is
//! scored on. The claim with its proof follows in the next block. Where proofs convince later, the next turn begins at the
//! own pending head, and what may be asked until then is `owed`.

use super::Validator;
use crate::message::Message;
use crate::model::ExactCodec;
use crate::proofs::Heads;
use crate::prove;
use crate::role::{Effect, Report};
use crate::work::{Job, Outcome};
use bitneuron_compress::{Compressor, Dense};
use bitneuron_core::claim::{Claim, Turn};
use bitneuron_core::exact::{ExactData, ExactParams, compute};
use bitneuron_core::{Context, Digest, Machine, NodeId, Outbox, Seed, Share, Time, Weight};
use bitneuron_learning::exact::{ExactRule, ExactSgd, kept};
use bitneuron_learning::gossip::{ModelMessage, validator};
use bitneuron_learning::merge::{Contribution, Merge, MergeError, Merged};
use bitneuron_learning::update::{Progress, Update, UpdateError};
use bitneuron_ledger::{Action, TurnPlan};
use bitneuron_zk::{Computation, TurnWitness};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Line 6 while no sealed data arrive: the own data stay what they are.
struct OwnData;

impl Merge<ExactData> for OwnData {
    fn merge(
        &self,
        own: &Contribution<'_, ExactData>,
        _peers: &[Contribution<'_, ExactData>],
    ) -> Result<Merged<ExactData>, MergeError> {
        Ok(Merged { value: own.value.clone(), age: own.age, own: Share::ONE, influence: Vec::new() })
    }
}

/// Line 8 with the batches that the beacon draws in place of the machine's own randomness.
struct BeaconSgd {
    sgd: ExactSgd,
    seed: Digest,
}

impl Update<ExactParams, ExactData> for BeaconSgd {
    fn update(
        &mut self,
        params: &mut ExactParams,
        data: &ExactData,
        round: u64,
        _: Seed,
    ) -> Result<Progress, UpdateError> {
        self.sgd.update(params, data, round, Seed(self.seed.0))
    }
}

/// Everything that playing a turn takes along.
struct Play {
    me: NodeId,
    plan: Arc<crate::plan::Plan>,
    turn: TurnPlan,
    merge: Arc<dyn ExactRule>,
    data: Arc<ExactData>,
    head: ExactParams,
    models: Vec<ExactParams>,
    heads: Heads,
}

impl Play {
    /// Algorithm 3 from line 5 to line 8.
    fn run(self) -> Option<(Turn, ExactParams)> {
        let goal = &self.plan.goal;
        let shares: Vec<Share> = self.turn.inputs.iter().map(|input| input.share).collect();
        let kept = kept(goal.merge, &self.head, &self.models, &shares).ok()?;
        let merge_models: Arc<dyn Merge<ExactParams>> = self.merge.clone();
        let mut machine = validator::Validator::new(validator::Start {
            id: self.me,
            merge_data: Arc::new(OwnData),
            merge_models,
            update: BeaconSgd {
                sgd: ExactSgd { net: goal.net.clone(), training: goal.training },
                seed: self.turn.batch_seed,
            },
            codec: ExactCodec { registry: self.plan.registry.clone(), layout: self.plan.layout().clone() },
            model: self.head,
            data: (*self.data).clone(),
            // Shares as weights: they sum to the whole, so dividing by them gives them back, in any order.
            weight: Weight(u64::from(self.turn.own.0)),
            seed: Seed(self.turn.batch_seed.0),
            period: self.plan.round_span(),
            age_lead: u64::MAX,
            waiting: self.models.len().max(1),
        });
        let mut out = Outbox::new();
        for (input, model) in self.turn.inputs.iter().zip(&self.models) {
            let packet = Dense.compress(&model.to_params(), Seed::default()).ok()?;
            let message = ModelMessage { age: 0, packet };
            let weight = Weight(u64::from(input.share.0));
            let input = validator::Input::Model { from: input.from, weight, message };
            machine.step(Time::ZERO, input, &mut out).ok()?;
        }
        machine.step(Time::ZERO, validator::Input::Wake, &mut out).ok()?;
        out.into_iter().find(|effect| matches!(effect, validator::Effect::Learned(_)))?;
        let turn = Turn {
            goal: goal.clone(),
            before: self.turn.before,
            kept,
            inputs: self.turn.turn_inputs(),
            data: self.data.root(),
            batch_seed: self.turn.batch_seed,
            score_seed: Digest::ZERO,
            after: self.heads.commitment(machine.model(), self.plan.chain)?,
            right_before: 0,
            right_after: 0,
        };
        Some((turn, machine.model().clone()))
    }
}

impl Validator {
    /// Plays the turn of this round, as a job.
    pub(super) fn play(&mut self, out: &mut Outbox<Effect>) {
        let (goal, me) = (self.plan.goal.id(), self.key.id());
        if self.state.params().round_of(self.height().next()) >= self.plan.rounds {
            return;
        }
        let Some(mut turn) = self.state.turn_plan(me, goal) else { return };
        // What did not arrive in time cannot be merged, and one contributor has one place.
        let mut seen = BTreeSet::new();
        turn.keep(|input| self.models.contains_key(&input.model) && seen.insert(input.from));
        turn.truncate(self.plan.goal.max_inputs as usize);
        let models = turn.inputs.iter().filter_map(|input| self.models.get(&input.model)).cloned().collect();
        let Some(head) = self.front().cloned() else { return };
        let merged = turn.inputs.iter().map(|input| input.model);
        self.ingredients = std::iter::once(turn.before).chain(merged).collect();
        let (plan, merge, data) = (self.plan.clone(), self.merge.clone(), self.data.clone());
        let gas = plan.turn_gas;
        let heads = self.heads.clone();
        let play = Play { me, plan, turn, merge, data, head, models, heads };
        out.push(Effect::Work(Job::priced("turn", gas, move || Outcome::Turned(play.run().map(Box::new)))));
    }

    /// The turn is played: commit to it.
    pub(super) fn turned(&mut self, played: Option<Box<(Turn, ExactParams)>>, out: &mut Outbox<Effect>) {
        let Some(mut played) = played else { return };
        let (turn, after) = &mut *played;
        self.conduct.play(turn, after);
        let action = Action::CommitTurn { goal: self.plan.goal.id(), commitment: played.0.commitment() };
        self.turn = Some(*played);
        self.submit(action, out);
    }

    /// The commitment is on the chain: score the turn on the rows that are drawn now, and prove it.
    pub(super) fn prove(&mut self, out: &mut Outbox<Effect>) {
        let (goal, me) = (self.plan.goal.id(), self.key.id());
        let Some(tip) = &self.tip else { return };
        let Some((mut turn, after)) = self.turn.clone() else { return };
        let Some(seed) = self.state.score_seed(me, goal) else { return };
        // A commitment that came late may be another turn's; only what was committed to can be claimed.
        let open = self.state.open_turn(me, goal).map(|open| open.commitment);
        if open != Some(turn.commitment()) {
            return;
        }
        turn.score_seed = seed;
        let context = Context { chain: self.plan.chain, height: tip.header.height, by: me, subject: goal.0 };
        let Some(witness) = self.witness(&turn).map(Arc::new) else { return };
        self.claiming = Some(witness.clone());
        let (conduct, key, prover) = (self.conduct.clone(), self.key.clone(), self.prover.clone());
        let gas = self.plan.turn_gas.saturating_add(prover.gas(&turn));
        let model = after.to_bytes();
        out.push(self.metered(&model));
        self.models.insert(turn.after, after);
        self.share(&Message::Model { commitment: turn.after, model }, out);
        out.push(Effect::Work(Job::priced("prove turn", gas, move || {
            let claim = scored(turn, &witness).and_then(|mut turn| {
                conduct.claim(&mut turn);
                prove::turn(&key, prover.as_ref(), context, &turn, &witness, Seed(context.subject.0))
            });
            Outcome::Proved { claim: claim.map(Box::new) }
        })));
    }

    /// What only the author of a turn need know.
    fn witness(&self, turn: &Turn) -> Option<TurnWitness> {
        let tensor = |commitment| self.models.get(commitment).map(ExactParams::tensor);
        Some(TurnWitness {
            before: tensor(&turn.before)?,
            models: turn.inputs.iter().map(|input| tensor(&input.model)).collect::<Option<_>>()?,
            data: self.data.clone(),
            metric_set: self.plan.metric.clone(),
        })
    }

    /// A claim is proved: put it to the vote.
    pub(super) fn proved(&mut self, claim: Option<Box<Claim>>, out: &mut Outbox<Effect>) {
        if let Some(claim) = claim {
            out.push(Effect::Report(Report::Proved { bytes: claim.proof().len() as u64 }));
            if let Some(witness) = self.claiming.take() {
                self.owed.keep(&claim, witness, self.state.params().turns.window);
            }
            self.submit(Action::Claim(*claim), out);
        }
    }
}

/// The turn with the scores that its program gives.
fn scored(mut turn: Turn, witness: &TurnWitness) -> Option<Turn> {
    let relation = turn.relation().ok()?;
    let tensors = <Turn as Computation>::witness(witness).into_iter().cloned().collect();
    let outputs = compute(&relation.program, &relation.assemble(tensors).ok()?).ok()?;
    let score = |at: usize| u32::try_from(*outputs.get(at)?.data().first()?).ok();
    (turn.right_before, turn.right_after) = (score(1)?, score(2)?);
    Some(turn)
}
