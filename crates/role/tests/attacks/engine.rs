//! Engines that decide what this node has not judged, and one to which false blocks are proposed.

use crate::trade::dealing;
use crate::world::{World, check, key_of, seller};
use bitneuron_consensus::vote::Proposal;
use bitneuron_consensus::{
    Block, Certificate, ConsensusEngine, Effect, Header, Input, Refused, SignedProposal, SignedVote, Stage,
    Vote,
};
use bitneuron_core::claim::{Claim, Score};
use bitneuron_core::{
    Amount, ChainId, Context, Digest, Height, Keypair, Machine, NodeId, Outbox, Time, decode, encode,
};
use bitneuron_ledger::{Action, Event, Offence, SignedTx, State, Tx};
use bitneuron_role::message::Tip;
use bitneuron_zk::Registry;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Decides whatever it builds and asks nobody; from a height on, blocks that state a wrong root.
struct Rash {
    height: Height,
    wrong: Height,
    /// The state that its decisions lead to.
    state: State,
    check: Registry,
    /// A proposal that comes next, with its block.
    proposed: Arc<Mutex<Option<Proposed>>>,
    /// The proposal that is being judged.
    judging: Option<SignedProposal>,
    /// A precommit for its block.
    vote: Option<SignedVote>,
}

pub(crate) type Proposed = (SignedProposal, SignedVote, Arc<Block>);

impl Machine for Rash {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, _: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Refused> {
        match input {
            Input::Begin { height, parent, .. } => {
                self.height = height;
                if let Some((proposal, vote, block)) = self.proposed.lock().unwrap().take() {
                    (self.judging, self.vote) = (Some(proposal), Some(vote));
                    out.push(Effect::Judge(block));
                }
                out.push(Effect::Build { height, round: 0, parent });
            }
            Input::Built { height, block, .. } => {
                // The other validator's block with the same transactions: this node has not executed it.
                let Header { chain, parent, time, .. } = block.header;
                let draw = self.state.next_slot().unwrap().draw(&key_of(1));
                let draft = Header { draw, ..Header::draft(chain, height, parent, key_of(1).id(), time) };
                let candidates = block.transactions.iter().map(|tx| Arc::new(decode(tx).unwrap()));
                let built = self.state.build(draft, &candidates.collect::<Vec<_>>(), &self.check);
                // Once that validator is in jail, this node's own block.
                let mut block = (*block).clone();
                if let Ok(other) = built {
                    (self.state, block) = (other.state, other.block);
                }
                if height >= self.wrong {
                    block.header.state = Digest([7; 32]);
                }
                let block = Arc::new(block);
                let certificate = Certificate { height, round: 0, block: block.id(), votes: Vec::new() };
                out.push(Effect::Commit { block, certificate });
            }
            Input::Judged { valid: false, .. } => {
                let proposal = self.judging.take().unwrap();
                let by = proposal.proposal.by;
                out.push(Effect::Offence { by, why: Refused::InvalidBlock(Box::new(proposal)) });
                let vote = self.vote.take().unwrap();
                out.push(Effect::Offence { by, why: Refused::InvalidPrecommit(Box::new(vote)) });
            }
            _ => {}
        }
        Ok(())
    }
}

impl ConsensusEngine for Rash {
    fn height(&self) -> Height {
        self.height
    }
}

pub(crate) fn rash(wrong: u64) -> (World, Arc<Mutex<Option<Proposed>>>) {
    let proposed = Arc::new(Mutex::new(None));
    let given = proposed.clone();
    let world = World::of(2, |builder| {
        let genesis = builder.plan().state.clone();
        builder.engine(move |_: Keypair, _: ChainId| -> Box<dyn ConsensusEngine> {
            Box::new(Rash {
                height: Height(0),
                wrong: Height(wrong),
                state: (*genesis).clone(),
                check: check(),
                proposed: given.clone(),
                judging: None,
                vote: None,
            })
        })
    });
    (world, proposed)
}

#[test]
fn a_block_decided_without_this_nodes_vote_is_executed_as_a_job() {
    let (mut world, _) = rash(u64::MAX);
    world.run_to(3);
    assert_eq!(world.validator.height(), Height(3));
    assert_eq!(world.work.iter().filter(|job| **job == "judge").count(), 3);
    assert_eq!(world.halted, None);
}

#[test]
fn a_decided_block_that_does_not_execute_halts_the_node() {
    let (mut world, _) = rash(2);
    world.run_to(5);
    assert_eq!((world.validator.height(), world.halted), (Height(1), Some(Height(2))));
    assert_eq!(world.validator.state().height(), Height(1));
}

/// A block of the other validator with these transactions, proposed for the height after `tip`.
fn propose(world: &World, tip: &Tip, transactions: &[SignedTx]) -> Proposed {
    let time = tip.header.time.after(Duration::from_millis(1));
    let (height, parent) = (tip.header.height.next(), tip.header.id());
    let state = world.validator.state();
    let header = Header {
        draw: state.next_slot().unwrap().draw(&key_of(1)),
        voters: state.next_voters().unwrap().digest(),
        ..Header::draft(world.plan.chain, height, parent, key_of(1).id(), time)
    };
    let block = Block::new(header, transactions.iter().map(|tx| encode(tx).into()).collect());
    let (height, by) = (block.header.height, key_of(1).id());
    let proposal = Proposal { height, round: 0, proof_round: None, block: block.id(), by };
    let (stage, id) = (Stage::Precommit, Some(block.id()));
    let vote = Vote { height, round: 0, stage, block: id, by }.sign(&key_of(1), world.plan.chain);
    (proposal.sign(&key_of(1), world.plan.chain), vote, Arc::new(block))
}

fn slashed(world: &World, who: NodeId) -> Vec<Offence> {
    let offences = world.events.iter().filter_map(|event| match event {
        Event::Frozen { who: guilty, offence, .. } if *guilty == who => Some(*offence),
        _ => None,
    });
    offences.collect()
}

#[test]
fn who_proposes_or_precommits_a_block_with_a_false_claim_is_brought_before_the_ledger() {
    for lies in [true, false] {
        let (mut world, proposed) = rash(u64::MAX);
        let deal = dealing(&mut world);
        let tip = world.tip().unwrap();
        let sale = world.validator.state().open_deal(deal).unwrap().clone();
        let (_, model, right) = sale.promise().unwrap();
        let context =
            Context { chain: world.plan.chain, height: sale.made, by: seller().id(), subject: deal };
        let stated = Score { goal: world.plan.goal.clone(), model, right };
        let claim = Claim::new(&seller(), Score::DOMAIN, context, encode(&stated), b"no proof".to_vec());
        // A block that is invalid for another reason convicts nobody.
        let action = if lies { Action::Claim(claim) } else { Action::Receipt { deal: Digest([3; 32]) } };
        let tx = Tx { by: seller().id(), expires: Height(9), salt: 77, tip: Amount::ZERO, action };
        let transactions = [world.transfer(0, 1), tx.sign(&seller(), world.plan.chain)];
        *proposed.lock().unwrap() = Some(propose(&world, &tip, &transactions));
        world.run_to(tip.header.height.0 + 3);
        assert!(world.offenders.contains(&key_of(1).id()));
        let expected: &[Offence] =
            if lies { &[Offence::FalseProposal, Offence::FalsePrecommit] } else { &[] };
        assert_eq!(slashed(&world, key_of(1).id()), expected);
    }
}
