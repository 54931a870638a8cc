//! Playing a scenario: the cast enters a virtual world, every report is noted, each round is measured.

mod baseline;
mod cast;
mod notes;

use crate::adversary::{
    Credulous, Equivocator, Flipper, Forgiving, Liar, Player as Actor, Silent, Swapper, Trusting,
};
use crate::report::Report;
use crate::role_node::{Directory, Role, RoleNode};
use crate::scenario::{Adversaries, Defence, Scenario, ScenarioError, Sight};
use crate::{Link, Network, Setting, World};
use bitneuron_consensus::{Malachite, Timeouts};
use bitneuron_core::{ChainId, Keypair, Seed, Time};
use bitneuron_role::{Conduct, Honest, NodeBuilder};
use cast::Cast;
use notes::Notes;
use std::sync::Arc;
use std::time::Duration;

/// How often the world is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What each node does, by address: validators first, then users.
type Parts = Vec<&'static str>;

impl Scenario {
    /// Plays all rounds; `observe` sees every block and every round.
    ///
    /// # Errors
    /// A setting that makes no network, or a network that stalled.
    pub fn run(&self, observe: &mut dyn FnMut(Sight<'_>)) -> Result<Report, ScenarioError> {
        self.validate()?;
        let cast = Cast::new(self)?;
        let (mut world, parts) = stage(self, &cast)?;
        let mut notes = Notes::new(self, &cast, parts);
        let heights = self.rounds.saturating_mul(cast.plan.round_heights());
        // Four times the time that all heights take at their pace: a network that needs more has stalled.
        let patience =
            cast.plan.pace.saturating_mul(u32::try_from(heights).unwrap_or(u32::MAX)).saturating_mul(4);
        let end = Time::ZERO.after(patience).after(Duration::from_secs(30));
        while notes.height() < heights && world.now() < end {
            world.run_for(LOOK);
            notes.take(&mut world, &cast, observe);
        }
        if let Some((height, why)) = notes.halted() {
            return Err(ScenarioError::Halted { height: height.0, why: why.to_string() });
        }
        if notes.height() < heights {
            return Err(ScenarioError::Stalled { reached: notes.height(), wanted: heights });
        }
        notes.finish(&world, &cast)
    }
}

/// The cast in its world, at the beginning.
fn stage(scenario: &Scenario, cast: &Cast) -> Result<(World<Actor<RoleNode>>, Parts), ScenarioError> {
    let names =
        cast.validators.iter().map(|(key, _)| key.id()).chain(cast.users.iter().map(|(key, _)| key.id()));
    let directory = Arc::new(Directory::new(names.collect()));
    let (actors, parts) = actors(scenario, cast, &directory)?;
    let seed = Seed::from_number(scenario.seed);
    let network = Network { link: Link::default(), ..Network::default() };
    let setting = Setting { seed: seed.derive("world"), network, churn: None, trace: true };
    Ok((World::new(setting, actors), parts))
}

/// The `n`-th user plays an honest part or, the last ones, the parts that the scenario asks for.
fn conduct(scenario: &Scenario, user: u32) -> (Arc<dyn Conduct>, &'static str) {
    let from_last = scenario.users.saturating_sub(user).saturating_sub(1);
    let Adversaries { liars, swappers, flippers, .. } = scenario.adversaries;
    let swaps = liars.saturating_add(swappers);
    if from_last < liars {
        (Arc::new(Liar), "lies about its score")
    } else if from_last < swaps {
        (Arc::new(Swapper), "delivers other bytes")
    } else if from_last < swaps.saturating_add(flippers) {
        (Arc::new(Flipper), "sells sign-flipped models")
    } else {
        (Arc::new(Honest), "")
    }
}

/// The `n`-th validator plays an honest part or, the last ones, the parts that the scenario asks for.
fn play(
    scenario: &Scenario,
    validator: u32,
    player: RoleNode,
    key: &Keypair,
    chain: ChainId,
) -> (Actor<RoleNode>, &'static str) {
    let from_last = scenario.validators.saturating_sub(validator).saturating_sub(1);
    let Adversaries { equivocators, silent, .. } = scenario.adversaries;
    if from_last < equivocators {
        (Actor::with(player, Equivocator { key: key.clone(), chain }), "votes twice")
    } else if from_last < equivocators.saturating_add(silent) {
        (Actor::with(player, Silent), "never confirms a delivery")
    } else {
        (Actor::honest(player), "")
    }
}

/// The common parts of all nodes, without the defence that the scenario leaves out.
fn builder(scenario: &Scenario, cast: &Cast) -> Result<NodeBuilder, ScenarioError> {
    let builder = NodeBuilder::replaying(cast.plan.clone(), &cast.replay)
        .map_err(|error| ScenarioError::Setting(error.to_string()))?
        .compressor(cast.compressor.clone())
        .bid(NodeBuilder::BID, scenario.users.div_ceil(scenario.validators));
    Ok(match scenario.without {
        Some(Defence::Proofs) => builder.check(Arc::new(Credulous)),
        Some(Defence::Evidence) => builder.engine(|key: Keypair, chain: ChainId| {
            Box::new(Forgiving(Malachite::new(key, chain, Timeouts::default())))
        }),
        Some(Defence::Delivery) => builder.conduct(Arc::new(Trusting)),
        // The filter is the goal's: see the cast.
        Some(Defence::Filter) | None => builder,
    })
}

fn actors(
    scenario: &Scenario,
    cast: &Cast,
    directory: &Arc<Directory>,
) -> Result<(Vec<Actor<RoleNode>>, Parts), ScenarioError> {
    let seed = Seed::from_number(scenario.seed);
    let mut parts = Vec::new();
    let mut actors = Vec::new();
    let builder = builder(scenario, cast)?;
    for (index, (key, data)) in (0..).zip(&cast.validators) {
        let role = Role::from(builder.validator(key.clone(), data.clone()));
        let player = RoleNode::new(role, directory.clone());
        let (actor, part) = play(scenario, index, player, key, cast.plan.chain);
        parts.push(part);
        actors.push(actor);
    }
    for (index, (key, data)) in (0..).zip(&cast.users) {
        let (conduct, part) = conduct(scenario, index);
        let own = seed.derive_number("user role", u64::from(index));
        let user = builder.clone().conduct(conduct).user(key.clone(), data.clone(), own);
        parts.push(part);
        actors.push(Actor::honest(RoleNode::new(Role::from(user), directory.clone())));
    }
    Ok((actors, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::Wire as _;
    use bitneuron_net::{Channel, Limits};
    use bitneuron_role::Report as Said;

    #[test]
    fn what_a_type_allows_its_channel_allows() {
        let limits = Limits::default();
        for (channel, largest) in [
            (Channel::VOTE, bitneuron_consensus::Message::LIMIT),
            (Channel::REQUEST, bitneuron_role::Message::LIMIT),
            // A transaction in a message: one tag more.
            (Channel::ORDER, bitneuron_ledger::SignedTx::LIMIT + 4),
        ] {
            assert_eq!(limits.check(channel, largest).map(|length| length as usize), Ok(largest));
        }
    }

    #[test]
    fn every_letter_of_a_small_network_is_within_the_limits_of_its_channel() {
        let scenario = Scenario {
            validators: 4,
            users: 8,
            rounds: 3,
            adversaries: crate::scenario::Adversaries::NONE,
            ..Scenario::default()
        };
        let cast = Cast::new(&scenario).expect("a cast");
        let (mut world, _) = stage(&scenario, &cast).expect("a stage");
        world.run_for(Duration::from_secs(8));
        let (mut decided, mut settled) = (0, 0);
        for actor in world.nodes_mut() {
            for (_, said) in actor.node_mut().take_reports() {
                match said {
                    Said::Refused { why } => panic!("refused: {why}"),
                    Said::Offence { by, why } => panic!("{by}: {why}"),
                    Said::Committed { events, .. } => {
                        decided += 1;
                        let is_settled =
                            |event: &&_| matches!(event, bitneuron_ledger::Event::DealSettled(_));
                        settled += events.iter().filter(is_settled).count();
                    }
                    _ => {}
                }
            }
        }
        assert!(decided >= 4 * 12 && settled > 0, "{decided} decided, {settled} settled");
    }
}
