//! Engines that decide what this node has not judged, and one to which false blocks are proposed.

use crate::trade::dealing;
use crate::world::{World, key_of, seller};
use bitneuron_consensus::vote::Proposal;
use bitneuron_consensus::{
    Block, Certificate, ConsensusEngine, Effect, Header, Input, Refused, SignedProposal, SignedVote, Stage,
    Vote,
};
use bitneuron_core::claim::{Claim, Score};
use bitneuron_core::{ChainId, Context, Digest, Height, Keypair, Machine, NodeId, Outbox, Time, encode};
use bitneuron_ledger::{Action, Event, Offence, SignedTx, Tx};
use bitneuron_role::message::Tip;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Decides whatever it builds and asks nobody; from a height on, blocks that state a wrong root.
struct Rash {
    height: Height,
    wrong: Height,
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
                let mut header = block.header.clone();
                // Another block with the same outcome: one that was not executed while it was built.
                header.proposer = key_of(1).id();
                if height >= self.wrong {
                    header.state = Digest([7; 32]);
                }
                let block = Arc::new(Block::new(header, block.transactions.clone()));
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
    let engine = move |_: Keypair, _: ChainId| -> Box<dyn ConsensusEngine> {
        Box::new(Rash {
            height: Height(0),
            wrong: Height(wrong),
            proposed: given.clone(),
            judging: None,
            vote: None,
        })
    };
    (World::of(2, |builder| builder.engine(engine)), proposed)
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
    let header = Header {
        chain: world.plan.chain,
        height: tip.header.height.next(),
        parent: tip.header.id(),
        proposer: key_of(1).id(),
        time: tip.header.time.after(Duration::from_millis(1)),
        transactions: Digest::ZERO,
        state: Digest::ZERO,
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
        Event::Slashed { who: guilty, offence, .. } if *guilty == who => Some(*offence),
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
        let tx = Tx { by: seller().id(), expires: Height(9), salt: 77, action };
        let transactions = [world.transfer(0, 1), tx.sign(&seller(), world.plan.chain)];
        *proposed.lock().unwrap() = Some(propose(&world, &tip, &transactions));
        world.run_to(tip.header.height.0 + 3);
        assert!(world.offenders.contains(&key_of(1).id()));
        let expected: &[Offence] =
            if lies { &[Offence::FalseProposal, Offence::FalsePrecommit] } else { &[] };
        assert_eq!(slashed(&world, key_of(1).id()), expected);
    }
}
