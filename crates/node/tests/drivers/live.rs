//! A live network on a paused clock: tokio lets time pass only while every task and every job rests.

use crate::fixture::Fixture;
use bitneuron_core::NodeId;
use bitneuron_ledger::Event;
use bitneuron_net::Limits;
use bitneuron_node::wire::{Clock, Ended, Handle, Hub, Memory, Role, Start, Told, spawn};
use bitneuron_role::Report;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

const HEIGHTS: u64 = 10;

fn live<M: Role>(
    machine: M,
    id: NodeId,
    (hub, clock): (&Hub, Clock),
    store: Memory,
    reports: mpsc::Sender<Told>,
) -> Handle<M> {
    let (link, inbox) = hub.join(id);
    let limits = Arc::new(Limits::default());
    spawn(Start { id, machine, clock, limits, link, inbox, store, reports })
}

#[tokio::test(start_paused = true)]
async fn a_live_network_agrees_learns_and_pays() {
    let (validators, users) = Fixture::new(2).nodes();
    let (hub, clock) = (Hub::new(4_096), Clock::start());
    let (reports, mut heard) = mpsc::channel(4_096);
    // Everybody can be reached before anybody speaks: a task first runs when this one waits.
    let voters: Vec<(Memory, Handle<_>)> = validators
        .into_iter()
        .map(|node| {
            let (id, store) = (node.id(), Memory::default());
            (store.clone(), live(node, id, (&hub, clock), store, reports.clone()))
        })
        .collect();
    let sellers: Vec<Handle<_>> = users
        .into_iter()
        .map(|node| {
            let id = node.id();
            live(node, id, (&hub, clock), Memory::default(), reports.clone())
        })
        .collect();
    drop(reports);

    let (mut decided, mut settled, mut trained, mut proved) = (BTreeMap::new(), 0, 0, 0);
    let mut reached: BTreeMap<NodeId, u64> = BTreeMap::new();
    let all = async {
        while reached.len() < voters.len() || reached.values().any(|height| *height < HEIGHTS) {
            let told = heard.recv().await.expect("the network lives");
            match told.report {
                Report::Committed { block, events, .. } => {
                    let height = block.header.height.0;
                    let first = decided.entry(height).or_insert_with(|| block.id());
                    assert_eq!(*first, block.id(), "two blocks at height {height}");
                    assert_eq!(reached.insert(told.by, height), height.checked_sub(1).filter(|h| *h > 0));
                    settled += events.iter().filter(|event| matches!(event, Event::DealSettled(_))).count();
                }
                Report::Trained { .. } => trained += 1,
                Report::Proved { .. } => proved += 1,
                // News of a deal may reach its seller through a faster validator, and the packet its buyer before the
                // block does. The buyer then does not know the deal yet; the seller posts the packet later.
                Report::Offence { by, why } => panic!("all are honest, but {by}: {why}"),
                Report::Halted { why, .. } => panic!("halted: {why}"),
                Report::Refused { why } => panic!("refused an input: {why}"),
                Report::ModelSent { .. } => {}
            }
        }
    };
    timeout(Duration::from_mins(1), all).await.expect("ten heights in a minute of the paused clock");
    assert!(
        settled > 0 && trained >= 8 && proved > 0,
        "{settled} settled, {trained} trained, {proved} proved"
    );

    // Later, letters to those who stopped are lost.
    assert_eq!(hub.lost(), 0, "no letter was lost while all lived");

    let mut states = BTreeMap::new();
    for (store, handle) in voters {
        assert!(!handle.is_finished());
        let Ended { machine, unheard, dropped } = handle.stop().await.expect("it lived");
        assert_eq!((unheard, dropped), (0, 0));
        assert!(machine.height().0 >= HEIGHTS);
        assert!(store.records().len() as u64 >= HEIGHTS, "a record for each height at least");
        let root = machine.state().root();
        assert_eq!(*states.entry(machine.height()).or_insert(root), root, "two states at one height");
    }
    assert_eq!(states.len(), 1, "nobody is a height behind: {states:?}");
    for handle in sellers {
        let Ended { unheard, dropped, .. } = handle.stop().await.expect("it lived");
        assert_eq!((unheard, dropped), (0, 0));
    }
}
