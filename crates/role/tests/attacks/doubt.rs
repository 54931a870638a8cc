//! Turns that settle later: an honest author answers whoever asks, and a lying one cannot.

use crate::world::{World, seller};
use bitneuron_core::claim::{Demand, Turn};
use bitneuron_core::exact::execute;
use bitneuron_core::{Amount, Bytes, Context, Height, NodeId, Seed, encode};
use bitneuron_ledger::{Action, Event, Offence, Params, TurnId, Tx};
use bitneuron_market::BasisPoints;
use bitneuron_net::Channel;
use bitneuron_role::{Conduct, Message, ProofSystem, Proofs};
use bitneuron_zk::backend::optimistic::audit::Accusation;
use bitneuron_zk::backend::optimistic::dispute::{Input, Side};
use bitneuron_zk::{
    Backend, Computation, Defence, Proof, ProveError, Prover, Replay, TurnWitness, Verifier, binding,
};
use std::sync::Arc;

fn proofs(params: &Params) -> Proofs {
    ProofSystem::Optimistic.assemble(&Replay::default(), params).unwrap()
}

fn count(world: &World, which: impl Fn(&Event) -> bool) -> usize {
    world.events.iter().filter(|event| which(event)).count()
}

fn slashed(world: &World) -> Vec<(NodeId, Offence)> {
    let slashes = world.events.iter().filter_map(|event| match event {
        Event::Frozen { who, offence, .. } => Some((*who, *offence)),
        _ => None,
    });
    slashes.collect()
}

#[test]
fn an_honest_author_answers_every_audit_as_the_chain_demands() {
    for demand in [Demand::Openings, Demand::Proof(Backend::REPLAY.0)] {
        let mut params = Params::devnet();
        params.audits.demand = demand;
        let proofs = proofs(&params);
        let mut world = World::on(params, 1, |builder| builder.proofs(proofs));
        world.run_to(32);
        let pending = count(&world, |event| matches!(event, Event::TurnPending { .. }));
        let answered = count(&world, |event| matches!(event, Event::AuditAnswered { .. }));
        let accepted = count(&world, |event| matches!(event, Event::TurnAccepted { .. }));
        assert_eq!(pending, 8, "one a round");
        assert!(answered >= 7 && accepted >= 6, "{demand:?}: {answered} answered, {accepted} settled");
        assert_eq!(slashed(&world), []);
        let head = world.validator.state().head(world.plan.goal.id(), world.validator.id()).unwrap();
        assert_eq!(head.turns, accepted as u64);
        assert!(world.validator.head().is_some(), "it has the integers of its settled head");
    }
}

#[test]
fn a_demand_that_nobody_can_meet_is_refused_at_once() {
    let mut params = Params::devnet();
    params.audits.demand = Demand::Proof(77);
    assert!(ProofSystem::Optimistic.assemble(&Replay::default(), &params).is_err());
    for system in ProofSystem::ALL {
        assert_eq!(system.to_string().parse(), Ok(system));
    }
    assert!("faith".parse::<ProofSystem>().is_err());
}

/// Nobody but a challenger asks, and there is time.
fn unaudited() -> Params {
    let mut params = Params::devnet();
    params.audits.sampled = BasisPoints(0);
    params.audits.window = 40;
    params.audits.patience = 3;
    params
}

fn hand_in(world: &mut World, salt: u64, action: Action) {
    let expires = Height(world.validator.height().0 + 20);
    let tx =
        Tx { by: seller().id(), expires, salt, tip: Amount::ZERO, action }.sign(&seller(), world.plan.chain);
    world.say(seller().id(), Channel::ORDER, Message::Transaction(tx).to_bytes().to_vec());
}

/// Challenges the first pending turn and answers what it is asked with `answers`; silent when that gives nothing. Plays until
/// the verdict, and says who was guilty.
fn dispute(world: &mut World, output: Option<u32>, answers: Option<Side>) -> (TurnId, NodeId) {
    let mut height = 0;
    let turn = loop {
        height += 1;
        world.run_to(height);
        assert!(height < 20, "no turn waits");
        let ready = world.validator.state().pending().find(|(_, turn)| turn.beacon.is_some());
        if let Some((turn, _)) = ready {
            break turn;
        }
    };
    let step = Bytes(encode(&Accusation { output }));
    hand_in(world, 0, Action::Challenge { turn, step });
    for salt in 1..60 {
        height += 1;
        world.run_to(height);
        let ended = world.events.iter().find_map(|event| match event {
            Event::DisputeEnded { turn: ended, guilty } if *ended == turn => Some(*guilty),
            _ => None,
        });
        if let Some(guilty) = ended {
            return (turn, guilty);
        }
        let state = world.validator.state();
        let dispute = state.pending_turn(turn).unwrap().dispute.as_ref();
        if let Some(side) = answers.filter(|_| dispute.is_some_and(|open| open.asked == seller().id())) {
            let step = Bytes(encode(&Input::Wrong(side)));
            hand_in(world, salt, Action::Move { turn, step });
        }
    }
    unreachable!("every dispute ends")
}

#[test]
fn an_honest_author_defends_itself_and_is_paid_for_it() {
    for (output, answers) in
        [(None, None), (None, Some(Side::Left)), (None, Some(Side::Right)), (Some(2), None)]
    {
        let params = unaudited();
        let (bond, proofs) = (params.audits.bond, proofs(&params));
        let mut world = World::on(params, 1, |builder| builder.proofs(proofs));
        let (turn, guilty) = dispute(&mut world, output, answers);
        assert_eq!(guilty, seller().id(), "{output:?} {answers:?}");
        assert_eq!(slashed(&world), []);
        assert!(world.validator.state().pending_turn(turn).is_some_and(|turn| turn.dispute.is_none()));
        let left = world.validator.state().balance(seller().id());
        assert!(left <= Amount::tokens(1_000).saturating_sub(bond), "the bond is gone");
        assert!(world.work.contains(&"reply to challenger"));
    }
}

/// Claims one row more than there was.
struct Boast;

impl Conduct for Boast {
    fn claim(&self, turn: &mut Turn) {
        turn.right_after = (turn.right_after + 1) % (turn.goal.drawn + 1);
    }
}

/// Binds the proof of the truth to the boast.
struct Forging(Arc<dyn Prover<Turn>>);

impl Prover<Turn> for Forging {
    fn prove(
        &self,
        context: &Context,
        public: &Turn,
        witness: &TurnWitness,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        let relation = public.relation().unwrap();
        let tensors = <Turn as Computation>::witness(witness).into_iter().cloned().collect();
        let run = execute(&relation.program, &relation.assemble(tensors).unwrap()).unwrap();
        let right_after = u32::try_from(run.outputs()[2].data()[0]).unwrap();
        let mut proof = self.0.prove(context, &Turn { right_after, ..public.clone() }, witness, entropy)?;
        let bound = binding::<Turn>(proof.backend, context, public);
        proof.body.0[..32].copy_from_slice(&bound.0);
        Ok(proof)
    }

    fn verifier(&self) -> Arc<dyn Verifier<Turn>> {
        self.0.verifier()
    }

    fn defence(&self) -> Option<&dyn Defence<Turn>> {
        self.0.defence()
    }
}

#[test]
fn a_lying_author_loses_to_whoever_says_what_is_wrong() {
    let params = unaudited();
    let honest = proofs(&params);
    let forged = Proofs { turns: Arc::new(Forging(honest.turns.clone())), ..honest };
    let mut world = World::on(params, 1, |builder| builder.proofs(forged).conduct(Arc::new(Boast)));
    let author = world.validator.id();
    let (turn, guilty) = dispute(&mut world, Some(2), None);
    assert_eq!(guilty, author);
    assert_eq!(slashed(&world), [(author, Offence::LostDispute)]);
    assert!(count(&world, |event| matches!(event, Event::TurnReversed { .. })) >= 1);
    let state = world.validator.state();
    assert!(state.pending_turn(turn).is_none());
    assert_eq!(state.head(world.plan.goal.id(), author).unwrap().turns, 0);
    // The bond is back, but for small fees; five percent of what is frozen follow when it is taken.
    assert!(state.balance(seller().id()) > Amount::tokens(999));
}
