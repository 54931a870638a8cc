//! What a light client does not believe.

use crate::world::World;
use bitneuron_core::{ChainId, Digest, Epoch};
use bitneuron_ledger::{ProofError, key};
use bitneuron_role::Light;
use bitneuron_role::light::Disbelief;
use bitneuron_role::message::{Notice, Tip};

#[test]
fn the_truth_is_believed() {
    let mut world = World::new();
    let notice = world.notice(1);
    let mut light = world.plan.light();
    assert_eq!(light.tip(&notice.tip), Ok(()));
    assert_eq!(light.height().0, 1);
    assert_eq!(light.learn(&notice), Ok(()));
}

#[test]
fn another_chain_and_another_headers_certificate_are_not_believed() {
    let mut world = World::new();
    let (first, second) = (world.decide(1), world.decide(2));
    let electorate = world.plan.state.electorate(Epoch(0)).unwrap();
    let mut elsewhere = Light::new(ChainId(Digest([9; 32])), world.plan.genesis.params.epoch, [electorate]);
    assert_eq!(elsewhere.tip(&first), Err(Disbelief::Header));
    let mut light = world.plan.light();
    let crossed = Tip { header: second.header.clone(), certificate: first.certificate.clone() };
    assert_eq!(light.tip(&crossed), Err(Disbelief::Header));
    let mut touched = first.clone();
    touched.header.state = Digest([1; 32]);
    assert_eq!(light.tip(&touched), Err(Disbelief::Header));
    assert_eq!(light.height().0, 0, "disbelief teaches nothing");
}

#[test]
fn a_certificate_without_votes_or_for_an_invented_header_is_not_believed() {
    let mut world = World::new();
    let mut light = world.plan.light();
    let mut bare = world.decide(1);
    let honest = bare.clone();
    bare.certificate.votes.clear();
    assert!(matches!(light.tip(&bare), Err(Disbelief::Certificate(_))));
    let mut invented = honest;
    invented.header.state = Digest([1; 32]);
    invented.certificate.block = invented.header.id();
    assert!(matches!(light.tip(&invented), Err(Disbelief::Certificate(_))));
    assert_eq!(light.height().0, 0);
}

#[test]
fn an_entry_of_another_state_and_an_unknown_electorate_are_not_believed() {
    let mut world = World::new();
    let old = world.notice(1);
    let tip = world.decide(2);
    let mut light = world.plan.light();
    let mixed = Notice { tip: tip.clone(), entry: old.entry };
    let forged = Disbelief::Proof(ProofError::Root);
    assert_eq!(light.entry(&mixed, &key::electorate(Epoch(1))), Err(forged.clone()));
    assert_eq!(light.learn(&mixed), Err(forged));
    // What is proved to be absent is no electorate either.
    let (state, nobody) = (world.plan.state.as_ref().clone(), key::electorate(Epoch(99)));
    let absent = Notice { tip, entry: state.prove(&nobody) };
    assert_eq!(light.learn(&absent), Err(Disbelief::NoElectorate));
    let mut ignorant = Light::new(world.plan.chain, world.plan.genesis.params.epoch, []);
    assert_eq!(ignorant.tip(&absent.tip), Err(Disbelief::Electorate(Epoch(0))));
}
