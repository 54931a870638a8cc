//! Playing a scenario: the cast enters a virtual world, every report is noted, each round is measured.

mod baseline;
mod cast;
mod contests;
mod healing;
mod notes;
mod poison;

use crate::adversary::{
    Copying, Credulous, Equivocator, Evasive, FalseMetric, FalseStep, Flipper, Forging, Forgiving, Liar,
    Player as Actor, Seen, Shared, Silent, Swapper, Trusting, Watched, Withholder,
};
use crate::report::Report;
use crate::role_node::{Directory, Role, RoleNode};
use crate::scenario::{Adversaries, Defence, Scenario, ScenarioError, Sight};
use crate::{Link, Network, Setting, World};
use bitneuron_consensus::{Malachite, Timeouts};
use bitneuron_core::claim::{CheckClaim, Turn};
use bitneuron_core::exact::ExactData;
use bitneuron_core::{ChainId, Height, Keypair, Seed, Time};
use bitneuron_role::{Conduct, Honest, Judge, NodeBuilder, Proofs};
use bitneuron_zk::Prover;
use cast::{Cast, Packing};
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
        // Turns that are not settled when the rounds are over have their time to settle.
        while (notes.height() < heights || notes.waits()) && world.now() < end {
            world.run_for(LOOK);
            notes.take(&mut world, &cast, observe);
        }
        if let Some((height, why)) = notes.halted() {
            return Err(ScenarioError::Halted { height: height.0, why: why.to_string() });
        }
        if notes.height() < heights || notes.waits() {
            return Err(ScenarioError::Stalled { reached: notes.height(), wanted: heights });
        }
        notes.finish(&world, &cast)
    }
}

impl Scenario {
    /// Whoever judges claims in this scenario's network: for executing its blocks again.
    ///
    /// # Errors
    /// A setting that makes no network.
    pub fn judge(&self) -> Result<Judge, ScenarioError> {
        self.validate()?;
        let cast = Cast::new(self)?;
        let check: Arc<dyn CheckClaim> = match self.without {
            Some(Defence::Proofs) => Arc::new(Credulous),
            _ => cast.proofs.check.clone(),
        };
        Ok(Judge::new(check, cast.plan.registry.clone()).with_heads(cast.proofs.heads.clone()))
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

/// How many models each validator bids for in a round.
fn bought(scenario: &Scenario) -> u32 {
    scenario.users.div_ceil(scenario.validators)
}

/// The `n`-th user plays an honest part or, the last ones, the parts that the scenario asks for.
fn conduct(scenario: &Scenario, user: u32, coven: Option<&Shared>) -> (Arc<dyn Conduct>, &'static str) {
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
        coven.map_or_else(
            || (Arc::new(Honest) as Arc<dyn Conduct>, ""),
            |coven| poison::conduct(scenario, user, coven),
        )
    }
}

/// What the `n`-th validator does, as on the command line: the last ones play the parts that the scenario asks for.
fn kind(scenario: &Scenario, validator: u32) -> Option<&'static str> {
    let mut from_last = scenario.validators.saturating_sub(validator).saturating_sub(1);
    scenario.adversaries.counts().into_iter().skip(3).find_map(|(kind, count)| {
        let plays = from_last < count;
        from_last = from_last.saturating_sub(count);
        plays.then_some(kind)
    })
}

/// What a validator does that shows nobody its blocks.
pub(super) const WITHHOLDS: &str = "shows nobody its blocks";

/// A validator that plays such a part, and what it does in words.
fn play(
    kind: Option<&str>,
    builder: &NodeBuilder,
    proofs: &Proofs,
    seen: &Seen,
    (key, data): &(Keypair, Arc<ExactData>),
    directory: &Arc<Directory>,
) -> (Actor<RoleNode>, &'static str) {
    let chain = builder.plan().chain;
    let node = |builder: NodeBuilder| {
        RoleNode::new(Role::from(builder.validator(key.clone(), data.clone())), directory.clone())
    };
    let proving = |turns: Arc<dyn Prover<Turn>>| builder.clone().proofs(Proofs { turns, ..proofs.clone() });
    let turns = proofs.turns.clone();
    let forging =
        |conduct: Arc<dyn Conduct>| proving(Arc::new(Forging(proofs.turns.clone()))).conduct(conduct);
    match kind {
        Some("equivocator") => {
            let tactic = Equivocator { key: key.clone(), chain, from: Height(0) };
            (Actor::with(node(builder.clone()), tactic), "votes twice")
        }
        Some("farmer") => {
            let half = builder.plan().rounds / 2;
            let from = Height(half.saturating_mul(builder.plan().round_heights()));
            let tactic = Equivocator { key: key.clone(), chain, from };
            (Actor::with(node(builder.clone()), tactic), "votes twice once it is trusted")
        }
        Some("withholder") => (Actor::with(node(builder.clone()), Withholder { id: key.id() }), WITHHOLDS),
        Some("silent") => (Actor::with(node(builder.clone()), Silent), "never confirms a delivery"),
        Some("forger") => (Actor::honest(node(forging(Arc::new(FalseStep)))), "forges its steps"),
        Some("boaster") => (Actor::honest(node(forging(Arc::new(FalseMetric)))), "forges its metric"),
        Some("copycat") => {
            let copying = Copying { prover: turns, seen: seen.clone() };
            (Actor::honest(node(proving(Arc::new(copying)))), "shows the proofs of others")
        }
        Some("truant") => {
            let answers = None;
            let proofs = Proofs { turns: Arc::new(Evasive(turns)), answers, ..proofs.clone() };
            (Actor::honest(node(builder.clone().proofs(proofs))), "answers no audit")
        }
        _ => {
            let watched = Watched { prover: turns, seen: seen.clone() };
            (Actor::honest(node(proving(Arc::new(watched)))), "")
        }
    }
}

/// The common parts of all nodes, without the defence that the scenario leaves out.
fn builder(scenario: &Scenario, cast: &Cast) -> Result<NodeBuilder, ScenarioError> {
    let builder = NodeBuilder::replaying(cast.plan.clone(), &cast.replay)
        .map_err(|error| ScenarioError::Setting(error.to_string()))?
        .proofs(cast.proofs.clone())
        .bid(NodeBuilder::BID, bought(scenario));
    let builder = match &cast.packing {
        Packing::Models(codec) => builder.compressor(codec.clone()),
        Packing::Differences(codec) => builder.differences(codec.clone()),
    };
    let builder = match &scenario.select {
        Some(choice) => builder.select(choice.select()?),
        None => builder,
    };
    Ok(match scenario.without {
        Some(Defence::Proofs) => builder.check(Arc::new(Credulous)),
        Some(Defence::Evidence) => builder.engine(|key: Keypair, chain: ChainId| {
            Box::new(Forgiving(Malachite::new(key, chain, Timeouts::default())))
        }),
        Some(Defence::Delivery) => builder.conduct(Arc::new(Trusting)),
        // The filter is the goal's, and audits are the chain's: see the cast.
        Some(Defence::Filter | Defence::Audits) | None => builder,
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
    let mut proofs = cast.proofs.clone();
    if scenario.without == Some(Defence::Proofs) {
        proofs.check = Arc::new(Credulous);
    }
    let seen = Seen::default();
    for (index, validator) in (0..).zip(&cast.validators) {
        let (actor, part) = play(kind(scenario, index), &builder, &proofs, &seen, validator, directory);
        parts.push(part);
        actors.push(actor);
    }
    let coven = poison::coven(scenario, cast)?;
    for ((index, (key, rows)), data) in (0..).zip(&cast.users).zip(&cast.learned) {
        let (conduct, part) = conduct(scenario, index, coven.as_ref());
        let own = seed.derive_number("user role", u64::from(index));
        let builder = builder.clone().conduct(conduct).set_aside(cast::set_aside(rows));
        let user = builder
            .user(key.clone(), data.clone(), own)
            .map_err(|error| ScenarioError::Setting(error.to_string()))?;
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
