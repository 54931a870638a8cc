//! What a light client does not believe.

use crate::world::{World, key_of, seller, stranger};
use bitneuron_consensus::light::{Doubt, Root};
use bitneuron_core::{Amount, ChainId, Digest, Epoch, Height, NodeId, Time};
use bitneuron_ledger::govern::{Choice, Motion, Parameter, ProposalId};
use bitneuron_ledger::{Action, ProofError, Tx, key};
use bitneuron_role::light::Disbelief;
use bitneuron_role::message::{Message, Notice, Tip};
use bitneuron_role::{Input, Light};

fn peer() -> NodeId {
    key_of(0).id()
}

fn light(world: &World) -> Light {
    let mut light = world.plan.light();
    light.tick(Time(10_000_000));
    light
}

#[test]
fn the_truth_is_believed() {
    let mut world = World::new();
    let notice = world.notice(1);
    let mut light = light(&world);
    assert_eq!(light.tip(peer(), &notice.tip), Ok(()));
    assert_eq!(light.height().0, 1);
    assert!(light.entry(peer(), &notice, &key::clock()).is_ok_and(|value| value.is_some()));
}

#[test]
fn another_chain_and_another_headers_certificate_are_not_believed() {
    let mut world = World::new();
    let (first, second) = (world.decide(1), world.decide(2));
    let voters = (*world.plan.state.electorate(Epoch(0)).unwrap()).clone();
    let trust = bitneuron_consensus::light::Trust { chain: ChainId(Digest([9; 32])), ..world.plan.trust() };
    let mut elsewhere = Light::new(trust, Root::genesis(voters));
    assert_eq!(elsewhere.tip(peer(), &first), Err(Disbelief::Doubt(Doubt::Header)));
    let mut light = light(&world);
    let crossed = Tip { header: second.header.clone(), certificate: first.certificate.clone() };
    assert_eq!(light.tip(peer(), &crossed), Err(Disbelief::Doubt(Doubt::Header)));
    let mut touched = first.clone();
    touched.header.state = Digest([1; 32]);
    assert_eq!(light.tip(peer(), &touched), Err(Disbelief::Doubt(Doubt::Header)));
    assert_eq!(light.height().0, 0, "disbelief teaches nothing");
}

#[test]
fn a_certificate_without_votes_or_for_an_invented_header_is_not_believed() {
    let mut world = World::new();
    let mut light = light(&world);
    let mut bare = world.decide(1);
    let honest = bare.clone();
    bare.certificate.votes.clear();
    assert!(matches!(light.tip(peer(), &bare), Err(Disbelief::Doubt(Doubt::Certificate(_)))));
    let mut invented = honest;
    invented.header.state = Digest([1; 32]);
    invented.certificate.block = invented.header.id();
    assert!(matches!(light.tip(peer(), &invented), Err(Disbelief::Doubt(Doubt::Certificate(_)))));
    assert_eq!(light.height().0, 0);
}

#[test]
fn an_entry_of_another_state_and_unknown_voters_are_not_believed() {
    let mut world = World::new();
    let old = world.notice(1);
    let tip = world.decide(2);
    let mut light = light(&world);
    let mixed = Notice { tip: tip.clone(), entry: old.entry };
    assert_eq!(light.entry(peer(), &mixed, &key::clock()), Err(Disbelief::Proof(ProofError::Root)));
    // What is not there is proved to be absent.
    let nobody = key::electorate(Epoch(99));
    let absent = Notice { tip: tip.clone(), entry: world.validator.state().prove(&nobody) };
    assert_eq!(light.entry(peer(), &absent, &nobody), Ok(None));
    let mut strange = tip;
    strange.header.voters = Digest([1; 32]);
    strange.certificate.block = strange.header.id();
    assert_eq!(light.tip(peer(), &strange), Err(Disbelief::Voters(Height(2))));
}

#[test]
fn a_validator_leads_who_follows_across_epochs_and_answers_nobody_without_end() {
    let mut world = World::new();
    let epoch = world.plan.genesis.params.epoch;
    let tip = world.decide(2 * epoch + 1);
    let mut light = light(&world);
    light.tick(tip.header.time);
    // Its voters were drawn by a seed that the client has not seen.
    assert_eq!(light.tip(peer(), &tip), Err(Disbelief::Voters(tip.header.height)));
    let follow = Message::Follow { above: light.height(), upto: Height(tip.header.height.0 - 1) };
    let answers = |world: &mut World| -> Vec<_> {
        let before = world.heard.len();
        world.say(stranger(), follow.channel(), follow.to_bytes().to_vec());
        world.heard.split_off(before).into_iter().map(|(_, message)| message).collect()
    };
    let first = answers(&mut world);
    let [Message::Light(block)] = &first[..] else { unreachable!("{first:?}") };
    assert_eq!(block.height(), Height(2 * epoch), "the first block of the last epoch");
    assert_eq!(light.show(peer(), block.clone()), Ok(()));
    assert_eq!(light.tip(peer(), &tip), Ok(()));
    let more = (0..20).map(|_| answers(&mut world).len()).sum::<usize>();
    assert!(more < 10, "{more}");
}

#[test]
fn who_listens_goes_on_by_the_parameters_that_a_vote_has_set() {
    let mut world = World::new();
    world.tell(Input::Start);
    world.carry_to_validator(|message| matches!(message, Message::Subscribe));
    let hand_in = |world: &mut World, salt, action| {
        let (key, chain) = (key_of(0), world.plan.chain);
        let expires = Height(world.validator.height().0 + 20);
        let tx = Message::Transaction(
            Tx { by: key.id(), expires, salt, tip: Amount::ZERO, action }.sign(&key, chain),
        );
        world.say(stranger(), tx.channel(), tx.to_bytes().to_vec());
    };
    world.decide(1);
    let shorter = Motion::Param { parameter: Parameter::TxLifetime, value: 60 };
    hand_in(&mut world, 1, Action::Propose(shorter));
    let epoch = world.plan.genesis.params.epoch;
    let told = |world: &World| world.heard.iter().any(|(_, message)| matches!(message, Message::Params(_)));
    for height in (epoch..=2 * epoch).step_by(10) {
        world.decide(height);
        world.carry_to_user();
    }
    hand_in(&mut world, 2, Action::Vote { proposal: ProposalId(0), choice: Choice::Yes });
    let done = 5 * epoch - 1;
    for height in (2 * epoch..done).step_by(10) {
        world.decide(height);
        assert!(!told(&world), "nothing has changed yet");
        world.carry_to_user();
    }
    world.decide(done);
    assert_eq!(world.validator.state().params().tx_lifetime, 60);
    let shown = world.heard.iter().filter_map(|(to, message)| match message {
        Message::Params(notice) if *to == seller().id() => Some(notice.clone()),
        _ => None,
    });
    let shown: Vec<Notice> = shown.collect();
    assert_eq!(shown.len(), 1, "once");
    // The user believes it, and asks for no more time than there is now; an older or a forged one teaches nothing.
    world.carry_to_user();
    let lived = |world: &mut World| {
        world.said.clear();
        world.tell(Input::Start);
        let mut offers = world.said.iter().filter_map(|(_, message)| match message {
            Message::Transaction(tx) => Some(tx.tx.expires.0),
            _ => None,
        });
        offers.next_back().expect("an offer").saturating_sub(done)
    };
    assert_eq!(lived(&mut world), 30);
    let mut forged = shown[0].clone();
    forged.entry = world.validator.state().prove(&key::clock());
    for notice in [forged, world.notice(done + 1)] {
        world.whisper(peer(), Message::Params(notice).to_bytes().to_vec());
    }
    assert_eq!(lived(&mut world), 30);
    // Whoever begins to listen is shown what the genesis does not say.
    world.heard.clear();
    world.say(stranger(), Message::Subscribe.channel(), Message::Subscribe.to_bytes().to_vec());
    assert!(
        world.heard.iter().any(|(to, message)| *to == stranger() && matches!(message, Message::Params(_)))
    );
}
