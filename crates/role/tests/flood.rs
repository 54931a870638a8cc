//! A flood of junk against somebody honest: the queue of a builder and the ledger's market for gas together.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_consensus::Header;
use bitneuron_core::claim::{CheckClaim, Claim, Refused};
use bitneuron_core::{Amount, ChainId, Digest, Height, Keypair, NodeId, Seed, Signature, Time, encode};
use bitneuron_ledger::{Action, Cause, Genesis, Params, SignedTx, State, Tx};
use bitneuron_role::mempool::{Mempool, MempoolLimits};
use std::collections::BTreeMap;

/// Believes every signature: this is not about them.
struct Trusting;

impl CheckClaim for Trusting {
    fn check(&self, claim: &Claim) -> Result<(), Refused> {
        Err(Refused::Unknown(claim.statement()))
    }
    fn gas(&self, _: &Claim) -> u64 {
        0
    }
    fn verify(&self, _: NodeId, _: &str, _: ChainId, _: &[u8], _: &Signature) -> bool {
        true
    }
    fn verify_all(&self, _: &[(NodeId, &[u8], Signature)]) -> bool {
        true
    }
}

/// Who sends junk, each at most what a queue takes of one sender.
const SENDERS: u8 = 100;
const HONEST: NodeId = NodeId([255; 32]);

struct Network {
    state: State,
    mempool: Mempool,
    builder: Keypair,
    salt: u64,
    /// When what somebody honest sent was handed in.
    sent: BTreeMap<Digest, Height>,
    /// How many blocks each waited.
    waited: Vec<u64>,
    /// How much junk was in blocks, and what it paid.
    junk: usize,
    cost: Amount,
}

impl Network {
    fn new() -> Self {
        let builder = Keypair::from_seed(Seed::from_number(1));
        let senders = (1..=SENDERS).map(|n| (NodeId([n; 32]), Amount::tokens(100)));
        let genesis = Genesis {
            name: "flood".into(),
            time: 0,
            params: Params { fees: Params::mainnet().fees, ..Params::devnet() },
            accounts: senders.chain([(HONEST, Amount::tokens(100))]).collect(),
            validators: vec![(builder.id(), Amount::tokens(2_000))],
            grants: Vec::new(),
            goals: Vec::new(),
            data: Vec::new(),
        };
        let (state, mempool) = (State::genesis(&genesis).unwrap(), Mempool::new(MempoolLimits::default()));
        let (sent, waited, cost) = (BTreeMap::new(), Vec::new(), Amount::ZERO);
        Self { state, mempool, builder, salt: 0, sent, waited, junk: 0, cost }
    }

    /// Hands in a transfer; whether it was taken.
    fn send(&mut self, by: NodeId, tip: Amount) -> bool {
        self.salt += 1;
        let (expires, to) = (Height(self.state.height().0 + 90), NodeId([254; 32]));
        let action = Action::Transfer { to, amount: Amount(1) };
        let tx = Tx { by, expires, salt: self.salt, tip, action };
        let signed = SignedTx { tx, signature: Signature::from_bytes(&[0; 64]) };
        let (size, digest) = (encode(&signed).len(), signed.digest());
        let (cost, held) = (self.state.least_cost(&signed, size), self.state.spendable(by));
        if by == HONEST {
            self.sent.insert(digest, self.state.height());
        }
        self.mempool.insert(signed, size, cost, held)
    }

    /// Somebody honest sends one at the market price, that of the first half of the next block, as validators do.
    fn honest(&mut self) {
        let price = self.mempool.price(self.state.params().fees.limit / 2);
        assert!(self.send(HONEST, price), "there is room for who pays");
    }

    /// Junk with tips up to this; how much was taken.
    fn flood(&mut self, count: usize, most: u64) -> usize {
        let junk = (0..count).filter(|_| {
            let word = Digest::of("junk", &self.salt.to_le_bytes()).to_u64();
            let by = NodeId([(word % u64::from(SENDERS)) as u8 + 1; 32]);
            self.send(by, Amount(u128::from((word >> 32) % (most + 1))))
        });
        junk.count()
    }

    fn block(&mut self) {
        let height = self.state.height().next();
        let (chain, parent, time) = (self.state.chain(), self.state.tip(), Time(height.0 * 2_000_000));
        let mut header = Header::draft(chain, height, parent, self.builder.id(), time);
        header.draw = self.state.next_slot().unwrap().draw(&self.builder);
        let built = self.state.build(header, &self.mempool.candidates(), &Trusting).unwrap();
        for (dropped, _) in built.dropped {
            self.mempool.failed(&dropped.digest());
        }
        self.state = built.state;
        for receipt in &self.state.changes().receipts {
            let Cause::Transaction { digest, by, fee, tip, .. } = receipt.cause else { continue };
            self.mempool.remove(&digest);
            if let Some(sent) = self.sent.remove(&digest) {
                self.waited.push(height.0 - sent.0);
            } else if by != HONEST {
                self.junk += 1;
                self.cost = Amount::sum([self.cost, fee, tip]).unwrap();
            }
        }
        self.mempool.expire(height.next());
        assert_eq!(self.state.total(), Amount::SUPPLY);
    }

    /// The wait that 95 of 100 do not exceed.
    fn p95(&self) -> u64 {
        let mut waited = self.waited.clone();
        waited.sort_unstable();
        waited[waited.len() * 95 / 100]
    }
}

#[test]
fn a_hundred_thousand_junk_transactions_cost_their_sender_and_delay_nobody_who_bids() {
    let mut idle = Network::new();
    for _ in 0..16 {
        idle.honest();
        idle.block();
    }
    let mut network = Network::new();
    let (floor, mut blocks) = (network.state.base_fee(), 0);
    while network.junk < 100_000 {
        // More than a block has room for, before and after the honest one hands in; the queue is full from the second on.
        network.flood(7_000, 2);
        network.honest();
        network.flood(4_000, 2);
        network.block();
        blocks += 1;
        assert!(blocks < 60, "{} wait", network.mempool.len());
    }
    assert!(network.sent.len() <= 1, "all of the honest ones are in, but the last perhaps");
    let (waits, peak, junk, cost) = (network.p95(), network.state.base_fee(), network.junk, network.cost);
    network.mempool = Mempool::new(MempoolLimits::default());
    let mut empty = 0;
    while network.state.base_fee() > floor {
        network.block();
        empty += 1;
    }
    println!(
        "{junk} junk transfers in {blocks} blocks cost {cost} tokens; p95 of the honest ones {waits} blocks, {} when idle; \
         base fee {} to {}, at the floor again after {empty} empty blocks",
        idle.p95(),
        floor.0,
        peak.0
    );
    assert!(cost >= Amount::tokens(21), "{cost}");
    assert!(waits * 5 <= idle.p95() * 6, "{waits} blocks for {}", idle.p95());
    assert!(empty <= 160);
}

#[test]
fn junk_that_pays_nothing_keeps_nobody_out_who_pays_a_little() {
    let mut network = Network::new();
    // All that a queue takes.
    let mut taken = 1;
    while taken > 0 {
        taken = network.flood(5_000, 0);
    }
    let full = network.mempool.len();
    assert!(full >= 20_000);
    assert!(!network.send(HONEST, Amount::ZERO));
    network.sent.clear();
    network.honest();
    assert_eq!(network.mempool.len(), full);
    network.block();
    assert_eq!(network.waited, [1]);
}
