//! Voters that lie: what they send twice is proven, what they send wrong is not decided, and nobody else is blamed.

use bitneuron_consensus::{
    Block, ConsensusEngine, Evidence, Header, Malachite, Message, Proposal, Refused, Stage, Timeouts, Vote,
    suite::{
        engine::examine,
        network::{INVALID, Network, Plan},
    },
};
use bitneuron_core::{Bytes, ChainId, Digest, Height, Keypair, decode, encode};
use std::{cell::RefCell, collections::BTreeSet, rc::Rc, sync::Arc, time::Duration};

const MINUTE: Duration = Duration::from_mins(1);
/// The liar: 20 % of the weight.
const LIAR: usize = 2;

fn make(key: Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    Box::new(Malachite::new(key, chain, Timeouts::default()))
}

/// What the liar says twice.
#[derive(Clone, Copy, PartialEq)]
enum Lie {
    Votes,
    Proposals,
    /// A second proposal whose block is invalid.
    InvalidProposals,
}

/// The misdeeds committed so far.
type Misdeeds = Rc<RefCell<BTreeSet<Digest>>>;

/// The second, contradicting form of a message of the liar.
fn twist(lie: Lie, key: &Keypair, chain: ChainId, bytes: &[u8]) -> Option<(Arc<[u8]>, Evidence)> {
    match decode::<Message>(bytes).ok()? {
        Message::Vote(signed) if lie == Lie::Votes && signed.vote.by == key.id() => {
            let block = if signed.vote.block.is_some() { None } else { Some(Digest([7; 32])) };
            let other = Vote { block, ..signed.vote }.sign(key, chain);
            let evidence = Evidence::votes(signed, other).expect("a contradiction");
            Some((Message::Vote(other).to_bytes(), evidence))
        }
        Message::Proposal { signed, block } if lie != Lie::Votes && signed.proposal.by == key.id() => {
            let block: Block = decode(&block).expect("own block");
            let transaction = if lie == Lie::InvalidProposals { INVALID } else { b"another" };
            let header = Header { proposer: key.id(), ..block.header };
            let block = Block::new(header, vec![Bytes(transaction.to_vec())]);
            let other = Proposal { block: block.id(), proof_round: None, ..signed.proposal }.sign(key, chain);
            // The second form passed on once more is no third one.
            let evidence = Evidence::proposals(signed, other).ok()?;
            Some((Message::Proposal { signed: other, block: Bytes(encode(&block)) }.to_bytes(), evidence))
        }
        _ => None,
    }
}

/// Runs a liar; how many misdeeds it committed, and how many honest nodes proved together.
fn run(lie: Lie, split: bool, seed: u64, heights: u64) -> (usize, usize) {
    run_among(lie, split, Plan::new(seed, heights))
}

fn run_among(lie: Lie, split: bool, plan: Plan) -> (usize, usize) {
    let heights = plan.heights;
    let (key, chain) = (plan.key(LIAR), plan.chain());
    let misdeeds = Misdeeds::default();
    let committed = Rc::clone(&misdeeds);
    let tamper = move |from: usize, to: usize, bytes: &Arc<[u8]>| {
        let own = || vec![Arc::clone(bytes)];
        if from != LIAR {
            return own();
        }
        let Some((other, evidence)) = twist(lie, &key, chain, bytes) else { return own() };
        committed.borrow_mut().insert(evidence.subject());
        match (split, to.is_multiple_of(2)) {
            (false, _) => vec![Arc::clone(bytes), other],
            (true, false) => own(),
            (true, true) => vec![other],
        }
    };
    let mut network = Network::new(plan, &make).tampered(tamper);
    assert!(network.run(heights, 10 * MINUTE), "{network:?}");
    // The last messages still arrive.
    network.run(heights + 1, Duration::from_secs(1));
    assert_eq!(examine(&network, &BTreeSet::from([LIAR])), Ok(()));
    let liar = network.nodes[LIAR].id;
    let honest =
        || network.nodes.iter().enumerate().filter(|(place, _)| *place != LIAR).map(|(_, node)| node);
    let mut proven = BTreeSet::new();
    for node in honest() {
        let mut own = BTreeSet::new();
        for evidence in &node.evidence {
            assert_eq!(evidence.check(chain), Ok(liar));
            assert!(own.insert(evidence.subject()), "one node accuses of one misdeed once");
        }
        proven.extend(own);
        for (by, why) in &node.offences {
            assert_eq!(*by, liar, "{why}");
        }
        assert_eq!(node.refused, []);
        assert!(node.commits.iter().all(|(block, _)| block.transactions.iter().all(|t| **t != *INVALID)));
    }
    let committed = misdeeds.borrow();
    assert!(proven.is_subset(&committed));
    (committed.len(), proven.len())
}

#[test]
fn double_votes_to_all_are_proven() {
    let (committed, proven) = run(Lie::Votes, false, 1, 30);
    assert!(committed >= 60 && proven * 100 >= committed * 99, "{proven} of {committed}");
}

#[test]
fn split_double_votes_are_proven_by_relay() {
    let (committed, proven) = run(Lie::Votes, true, 2, 30);
    assert!(committed >= 60 && proven * 100 >= committed * 95, "{proven} of {committed}");
}

#[test]
fn double_proposals_are_proven() {
    for split in [false, true] {
        let (committed, proven) = run(Lie::Proposals, split, 3, 30);
        assert!(committed >= 3, "{committed}");
        assert_eq!(committed, proven, "split: {split}");
    }
}

#[test]
fn an_invalid_second_block_is_proven_and_never_decided() {
    for split in [false, true] {
        let (committed, proven) = run(Lie::InvalidProposals, split, 4, 30);
        assert!(committed >= 3, "{committed}");
        assert_eq!(committed, proven, "split: {split}");
    }
}

#[test]
fn split_lies_are_proven_in_a_large_electorate() {
    // Everybody relays to a few only, and the liar of 20 % is one of 24.
    let mut weights = vec![10; 24];
    weights[LIAR] = 57;
    for lie in [Lie::Votes, Lie::Proposals] {
        let (committed, proven) = run_among(lie, true, Plan { weights: weights.clone(), ..Plan::new(8, 6) });
        assert!(committed > 0 && proven * 100 >= committed * 95, "{proven} of {committed}");
    }
}

#[test]
fn liars_on_many_seeds() {
    let mut sums = (0, 0);
    for seed in 100..120u64 {
        for lie in [Lie::Votes, Lie::Proposals, Lie::InvalidProposals] {
            let (committed, proven) = run(lie, seed.is_multiple_of(2), seed, 4);
            sums = (sums.0 + committed, sums.1 + proven);
        }
    }
    assert!(sums.1 * 100 >= sums.0 * 95, "{} of {}", sums.1, sums.0);
}

#[test]
fn a_proposer_of_invalid_blocks_is_named_with_its_signed_proposal() {
    let plan = Plan { liars: BTreeSet::from([0]), ..Plan::new(5, 20) };
    let (liar, chain) = (plan.key(0).id(), plan.chain());
    let mut network = Network::new(plan, &make);
    assert!(network.run(20, 5 * MINUTE));
    assert_eq!(examine(&network, &BTreeSet::from([0])), Ok(()));
    for node in &network.nodes[1..] {
        assert!(node.evidence.is_empty());
        assert!(!node.offences.is_empty());
        for (by, why) in &node.offences {
            let Refused::InvalidBlock(signed) = why else { panic!("{why}") };
            assert_eq!((*by, signed.proposal.by), (liar, liar));
            assert!(signed.is_signed(chain));
        }
        assert!(node.commits.iter().all(|(block, _)| block.header.proposer != liar));
    }
}

#[test]
fn twins_are_proven_and_nobody_else() {
    for seed in 0..6 {
        let plan = Plan { twins: vec![LIAR], ..Plan::new(seed, 10) };
        let mut network = Network::new(plan, &make);
        assert!(network.run(10, 5 * MINUTE), "{network:?}");
        assert_eq!(examine(&network, &BTreeSet::from([LIAR, 4])), Ok(()));
    }
}

#[test]
fn a_relay_that_garbles_blocks_keeps_no_honest_copy_out() {
    // Node 1 replaces the transactions of every proposal that it passes on.
    let garbles = |from: usize, _: usize, bytes: &Arc<[u8]>| match decode::<Message>(bytes) {
        Ok(Message::Proposal { signed, block }) if from == 1 => {
            let mut block: Block = decode(&block).expect("a block");
            block.transactions.push(Bytes(vec![1]));
            vec![Message::Proposal { signed, block: Bytes(encode(&block)) }.to_bytes()]
        }
        _ => vec![Arc::clone(bytes)],
    };
    let mut network = Network::new(Plan::new(6, 12), &make).tampered(garbles);
    assert!(network.run(12, 5 * MINUTE), "{network:?}");
    assert_eq!(examine(&network, &BTreeSet::from([1])), Ok(()));
    let garbler = network.nodes[1].id;
    let offences: Vec<_> =
        [0, 2, 3].iter().flat_map(|place: &usize| &network.nodes[*place].offences).collect();
    assert!(!offences.is_empty());
    assert!(
        offences.iter().all(|(by, why)| *by == garbler && matches!(why, Refused::Unbound(_))),
        "{offences:?}"
    );
}

#[test]
fn late_second_votes_are_proven_after_the_height_is_left() {
    let plan = Plan::new(7, 6);
    let (key, chain) = (plan.key(LIAR), plan.chain());
    let mut network = Network::new(plan, &make);
    assert!(network.run(6, MINUTE));
    let certificate = network.nodes[0].commits[2].1.clone();
    let first = Vote {
        height: Height(3),
        round: 0,
        stage: Stage::Precommit,
        block: Some(certificate.block),
        by: key.id(),
    };
    let second = Vote { block: None, ..first }.sign(&key, chain);
    network.inject(network.nodes[1].id, 0, Message::Vote(second).to_bytes());
    network.run(7, Duration::from_secs(1));
    for node in [0, 1, 3] {
        let [evidence] = network.nodes[node].evidence.as_slice() else { panic!("node {node}") };
        assert_eq!((evidence.check(chain), evidence.height()), (Ok(key.id()), Height(3)));
    }
}
