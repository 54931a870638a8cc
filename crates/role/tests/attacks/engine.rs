//! Engines that decide what this node has not judged.

use crate::world::{World, key_of};
use bitneuron_consensus::{Block, Certificate, ConsensusEngine, Effect, Input, Refused};
use bitneuron_core::{ChainId, Digest, Height, Keypair, Machine, Outbox, Time};
use std::sync::Arc;

/// Decides whatever it builds and asks nobody; from a height on, blocks that state a wrong root.
struct Rash {
    height: Height,
    wrong: Height,
}

impl Machine for Rash {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, _: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Refused> {
        match input {
            Input::Begin { height, parent, .. } => {
                self.height = height;
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

fn rash(wrong: u64) -> World {
    let engine = move |_: Keypair, _: ChainId| -> Box<dyn ConsensusEngine> {
        Box::new(Rash { height: Height(0), wrong: Height(wrong) })
    };
    World::of(2, |builder| builder.engine(engine))
}

#[test]
fn a_block_decided_without_this_nodes_vote_is_executed_as_a_job() {
    let mut world = rash(u64::MAX);
    world.run_to(3);
    assert_eq!(world.validator.height(), Height(3));
    assert_eq!(world.work.iter().filter(|job| **job == "judge").count(), 3);
    assert_eq!(world.halted, None);
}

#[test]
fn a_decided_block_that_does_not_execute_halts_the_node() {
    let mut world = rash(2);
    world.run_to(5);
    assert_eq!((world.validator.height(), world.halted), (Height(1), Some(Height(2))));
    assert_eq!(world.validator.state().height(), Height(1));
}
