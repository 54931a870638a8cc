//! Questions without end, and blocks that are passed on by name.

use crate::bench::{Bench, PEER};
use bitneuron_consensus::{Block, Effect, Input, Message, Refused};
use bitneuron_core::{Bytes, Digest, Height, NodeId, encode};
use std::sync::Arc;

/// A decided height with a block of so many bytes.
fn decided(bytes: usize) -> Bench {
    let mut bench = Bench::new();
    let block = Block::new(bench.block(1, 1).header, vec![Bytes(vec![7; bytes])]);
    let (certificate, id) = (bench.certificate(&block), block.id());
    bench.step(Input::Synced { block: Arc::new(block), certificate }).expect("a decision");
    bench.step(Input::Judged { block: id, valid: true }).expect("judged");
    bench
}

impl Bench {
    fn asked(&mut self, from: NodeId, message: &Message) -> Vec<Effect> {
        self.step(Input::Message { from, bytes: message.to_bytes() }).expect("taken")
    }
}

#[test]
fn a_flood_of_strangers_draws_a_bounded_number_of_blocks() {
    const MIB: usize = 1 << 20;
    let mut bench = decided(4 * MIB);
    let block = bench.block(1, 1).id();
    let (want, fetch) = (Message::Want(Height(1)), Message::Fetch { height: Height(1), block });
    let mut drawn = 0;
    for n in 0..2_000_u32 {
        let stranger = NodeId(Digest::of("stranger", &n.to_le_bytes()).0);
        let message = if n.is_multiple_of(2) { &want } else { &fetch };
        drawn += bench.asked(stranger, message).len();
    }
    assert_eq!(drawn, 5, "of 4 MiB each: what one name draws in a second, and the one under way");
    // A voter has its own measure, which repeated votes of a decided height draw on too.
    let vote = bench.vote(2, 0, None);
    bench.asked(vote.vote.by, &Message::Vote(vote));
    let mut answers = 0;
    for _ in 0..100 {
        answers += bench.asked(vote.vote.by, &Message::Vote(vote)).len();
        answers += bench.asked(vote.vote.by, &want).len();
    }
    assert_eq!(answers, 5);
    assert_eq!(bench.asked(bench.plan.key(3).id(), &want).len(), 1);
}

#[test]
fn a_block_that_is_offered_is_fetched_once_from_each_voter_that_has_it() {
    let mut bench = Bench::new();
    let (node, round) = bench.turn();
    let block = bench.block(node, 1);
    let (signed, whole) = (bench.signed(node, round, &block), bench.proposal(node, round, &block));
    let voters: Vec<NodeId> = (1..4).map(|node| bench.plan.key(node).id()).collect();
    let fetch = Message::Fetch { height: Height(1), block: block.id() }.to_bytes();
    let asks = |to| [Effect::Send { to, bytes: Arc::clone(&fetch) }];

    assert_eq!(bench.asked(PEER, &Message::Offered(signed)), [], "a stranger is not asked");
    for voter in &voters {
        assert_eq!(bench.asked(*voter, &Message::Offered(signed)), asks(*voter));
        assert_eq!(bench.asked(*voter, &Message::Offered(signed)), [], "once");
    }
    assert_eq!(
        bench.asked(PEER, &Message::Fetch { height: Height(1), block: block.id() }),
        [],
        "not here yet"
    );

    let Message::Proposal { block: body, .. } = &whole else { unreachable!() };
    let garbled = Message::Proposal { signed, block: Bytes(encode(&bench.block(node, 2))) };
    assert_eq!(bench.hear(&garbled), (vec![(PEER, Refused::Unbound(block.id()))], false));
    let garbled = Message::Proposal { signed, block: Bytes(body[..9].to_vec()) };
    assert!(matches!(bench.hear(&garbled).0.as_slice(), [(PEER, Refused::Decode(_))]));

    let effects = bench.asked(voters[0], &whole);
    assert!(effects.contains(&Effect::Judge(Arc::new(block.clone()))), "{effects:?}");
    assert!(effects.contains(&Effect::Broadcast(Message::Offered(signed).to_bytes())));
    assert_eq!(bench.asked(voters[1], &whole), [], "known");
    assert_eq!(bench.asked(voters[1], &Message::Offered(signed)), [], "known");
    let given = bench.asked(voters[1], &Message::Fetch { height: Height(1), block: block.id() });
    assert_eq!(given, [Effect::Send { to: voters[1], bytes: whole.to_bytes() }]);
}

#[test]
fn forged_offers_are_offences_and_two_of_one_round_are_proven() {
    let mut bench = Bench::new();
    let (node, round) = bench.turn();
    let [one, other, third] = [1, 2, 3].map(|tag| bench.signed(node, round, &bench.block(node, tag)));
    let by = one.proposal.by;
    let forged = bitneuron_consensus::SignedProposal { signature: other.signature, ..one };
    assert_eq!(bench.hear(&Message::Offered(forged)), (vec![(PEER, Refused::Signature(by))], false));
    let out_of_turn = (1..4).find(|other| *other != node).expect("four nodes");
    let signed = bench.signed(out_of_turn, round, &bench.block(out_of_turn, 1));
    let refused = Refused::NotProposer(signed.proposal.by);
    assert_eq!(bench.hear(&Message::Offered(signed)), (vec![(PEER, refused)], false));

    assert_eq!(bench.asked(PEER, &Message::Offered(one)), []);
    let accused = bench.asked(PEER, &Message::Offered(other));
    assert!(matches!(accused.as_slice(), [Effect::Accuse(evidence)] if evidence.offender() == by));
    assert_eq!(bench.asked(PEER, &Message::Offered(third)), [], "two prove it");
    // Both blocks are taken up when they come, since others may decide either; the third never.
    for (tag, taken) in [(1, true), (2, true), (3, false)] {
        let block = bench.block(node, tag);
        let effects = bench.asked(PEER, &bench.proposal(node, round, &block));
        assert_eq!(effects.contains(&Effect::Judge(Arc::new(block))), taken, "{tag}");
    }
}
