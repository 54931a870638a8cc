//! Networks whose nodes crash.

use bitneuron_consensus::{
    ConsensusEngine, Malachite, Message, Pool, Sighting, Timeouts,
    suite::{
        crash::{Crash, seldom},
        engine::examine,
        network::{Network, Plan},
    },
};
use bitneuron_core::{ChainId, Digest, Keypair, decode};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

const MINUTE: Duration = Duration::from_mins(1);

fn make(key: Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    Box::new(Malachite::new(key, chain, Timeouts::default()))
}

/// Hears everything that is sent and finds who contradicts himself. Nobody forgets anything, so the pool is a sure witness.
struct Witness {
    pool: RefCell<Pool>,
    conflicts: RefCell<Vec<String>>,
}

impl Witness {
    fn new(chain: ChainId) -> Self {
        Self { pool: RefCell::new(Pool::new(chain)), conflicts: RefCell::default() }
    }

    fn hear(&self, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let mut pool = self.pool.borrow_mut();
        let sighting = match decode(bytes) {
            Ok(Message::Vote(vote)) => pool.vote(&vote),
            Ok(Message::Proposal { signed, .. } | Message::Offered(signed)) => pool.proposal(&signed),
            _ => Ok(Sighting::Known),
        };
        if let Sighting::Conflict(evidence) = sighting.expect("everybody signs what it says") {
            self.conflicts.borrow_mut().push(format!("{evidence:?}"));
        }
        vec![Arc::clone(bytes)]
    }

    fn conflicts(&self) -> usize {
        self.conflicts.borrow().len()
    }
}

/// Nobody contradicted himself, agreed on anything else, or was accused; no engine stopped.
fn sound(network: &Network<'_>, witness: &Witness) {
    assert_eq!(witness.conflicts.borrow().as_slice(), [""; 0]);
    assert_eq!(examine(network, &BTreeSet::new()), Ok(()));
    for node in &network.nodes {
        assert_eq!((node.offences.as_slice(), node.refused.as_slice()), ([].as_slice(), [].as_slice()));
        assert!(node.evidence.is_empty());
    }
}

/// A run in which one step is the last of whoever makes it.
fn struck_once(heights: u64, seed: u64, at: u64, crash: Crash) -> (bool, usize) {
    let plan = Plan::new(seed, heights);
    let witness = Witness::new(plan.chain());
    let strike = move |_, step, effects: usize| {
        (step == at).then_some(Crash { after: crash.after % (effects + 1), ..crash })
    };
    let mut network = Network::new(plan, &make).tampered(|_, _, bytes| witness.hear(bytes)).struck(strike);
    let done = network.run(heights, 2 * MINUTE);
    if !crash.forgets {
        assert!(done, "step {at}: {network:?}");
        sound(&network, &witness);
    }
    let crashed = network.nodes.iter().any(|node| node.crashes > 0);
    (crashed, witness.conflicts())
}

/// After every step of a whole run in turn, at its beginning, in its middle and at its end.
#[test]
fn a_crash_at_any_step_is_survived() {
    let (heights, seed) = (3, 61);
    let mut at = 1;
    loop {
        for (after, lost) in [(usize::MAX, 9), (at as usize, 9), (at as usize / 3, 0)] {
            let crash = Crash { after, lost, down: Duration::from_millis(at % 7 * 40), forgets: false };
            if !struck_once(heights, seed, at, crash).0 {
                assert!(at > 200, "{at} steps are few");
                return;
            }
        }
        at += 1;
    }
}

/// The same crashes, but the log is lost with the machine: then nodes do contradict themselves, so the test would see it.
#[test]
fn without_its_log_a_node_contradicts_itself() {
    let conflicts = |at| {
        let crash =
            Crash { after: usize::MAX, lost: 9, down: Duration::from_millis(at % 7 * 40), forgets: true };
        struck_once(3, 61, at, crash).1
    };
    let guilty = (1..200).filter(|at| conflicts(*at) > 0).count();
    assert!(guilty >= 10, "{guilty} of 200 crashes show");
}

#[test]
fn hundreds_of_crashes_over_many_heights_leave_one_chain() {
    let mut crashes = 0;
    for (seed, loss) in [(62, 0), (63, 20), (64, 0), (65, 50)] {
        // Others go on: who has decided the last height there is and crashes would come back to nothing and stay mute.
        let plan = Plan { loss, rotate: 7, ..Plan::new(seed, u64::MAX) };
        let witness = Witness::new(plan.chain());
        let mut network =
            Network::new(plan, &make).tampered(|_, _, bytes| witness.hear(bytes)).struck(seldom(seed, 40));
        assert!(network.run(60, 60 * MINUTE), "{network:?}");
        sound(&network, &witness);
        crashes += network.nodes.iter().map(|node| node.crashes).sum::<u64>();
    }
    assert!(crashes > 400, "{crashes}");
}

/// All at once, as when the power fails: nobody is left who could tell the others where they were.
#[test]
fn a_whole_network_comes_back() {
    let plan = Plan::new(66, 12);
    let witness = Witness::new(plan.chain());
    let mut network = Network::new(plan, &make).tampered(|_, _, bytes| witness.hear(bytes));
    for height in 1..12 {
        assert!(network.run(height, MINUTE));
        network.run(u64::MAX, Duration::from_millis(height * 13));
        for node in 0..4 {
            let crash = Crash { after: 0, lost: 9, down: Duration::from_millis(100), forgets: false };
            network.crash(node, crash);
        }
    }
    assert!(network.run(12, 5 * MINUTE), "{network:?}");
    sound(&network, &witness);
}

#[test]
fn crashes_too_are_a_function_of_the_plan() {
    let trace = |seed| -> (Digest, u64) {
        let mut network = Network::new(Plan::new(67, 10), &make).struck(seldom(seed, 30));
        assert!(network.run(10, 5 * MINUTE));
        (network.trace(), network.steps())
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

/// Beyond what engines keep in memory: what is older comes from the chain that the driver keeps.
#[test]
fn who_is_far_behind_is_served_from_what_others_kept() {
    let plan = Plan { pace: Duration::from_millis(150), ..Plan::new(68, 400) };
    let mut network = Network::new(plan, &make);
    network.kill(3);
    assert!(network.run(330, 10 * MINUTE));
    network.start(3);
    let (then, sent) = (network.now, network.messages);
    assert!(network.run(400, 10 * MINUTE), "{network:?}");
    // A height each 150 ms, as the test's driver paces them, and some more to come level.
    assert!(network.now.since(then) < Duration::from_secs(80), "{} s", network.now.since(then).as_secs());
    assert!(network.messages > sent);
    assert_eq!(examine(&network, &BTreeSet::new()), Ok(()));
}

/// One who answers every question with something else, and speaks of heights that nobody has reached.
#[test]
fn a_liar_does_not_keep_a_late_node_back() {
    for lie in 0..5 {
        let plan = Plan { pace: Duration::from_millis(150), ..Plan::new(69 + lie, 120) };
        let liar = plan.key(0).id();
        let key = plan.key(0);
        let chain = plan.chain();
        let answered = RefCell::new(BTreeMap::new());
        let tamper = |from: usize, to: usize, bytes: &Arc<[u8]>| {
            let Ok(Message::Have { block, mut certificate }) = decode(bytes) else {
                return vec![Arc::clone(bytes)];
            };
            if to == 3 {
                *answered.borrow_mut().entry(from).or_insert(0) += 1;
            }
            if from != 0 {
                return vec![Arc::clone(bytes)];
            }
            let have = |block, certificate| vec![Message::Have { block, certificate }.to_bytes()];
            match lie {
                // Another height's block; too few votes; a vote nobody gave; silence; a block that was not decided.
                0 => {
                    certificate.height = certificate.height.next();
                    have(block, certificate)
                }
                1 => {
                    certificate.votes.truncate(1);
                    have(block, certificate)
                }
                2 => {
                    if let Some(vote) = certificate.votes.first_mut() {
                        vote.1 = key.sign("forged", chain, b"");
                    }
                    have(block, certificate)
                }
                3 => Vec::new(),
                _ => {
                    let mut body = block.0;
                    if let Some(last) = body.last_mut() {
                        *last ^= 1;
                    }
                    have(bitneuron_core::Bytes(body), certificate)
                }
            }
        };
        let mut network = Network::new(plan, &make).tampered(tamper);
        network.kill(3);
        assert!(network.run(80, 5 * MINUTE));
        network.start(3);
        let then = network.now;
        assert!(network.run(120, 5 * MINUTE), "lie {lie}: {network:?}");
        assert!(network.now.since(then) < Duration::from_secs(40), "lie {lie}");
        assert_eq!(examine(&network, &BTreeSet::new()), Ok(()), "lie {lie}");
        let offences = &network.nodes[3].offences;
        assert!(offences.iter().all(|(by, _)| *by == liar), "lie {lie}: {offences:?}");
        let answered: u64 = answered.borrow().values().sum();
        assert!(answered < 200, "lie {lie}: {answered} answers for a late node");
    }
}
