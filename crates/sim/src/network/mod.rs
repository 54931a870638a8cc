//! Playing a scenario: the cast enters a virtual world, every report is noted, each round is measured.

mod baseline;
mod cast;
mod conduct;
mod notes;
mod player;

use crate::adversary::Player as Actor;
use crate::report::{Report, Round};
use crate::scenario::{Defence, Scenario, ScenarioError};
use crate::{Link, Network, Setting, World};
use bitneuron_consensus::{ConsensusEngine, Malachite, Timeouts};
use bitneuron_core::{Amount, ChainId, Keypair, Seed, Time};
use bitneuron_learning::exact::ExactMerge;
use bitneuron_learning::model::Mlp;
use bitneuron_learning::optim::{Annealed, Sgd};
use bitneuron_role::user::{User, UserStart};
use bitneuron_role::validator::{Validator, ValidatorStart};
use bitneuron_role::{Conduct, Honest};
use bitneuron_zk::Registry;
use cast::Cast;
use conduct::{Credulous, Equivocator, Flipper, Forgiving, Liar, Silent, Swapper};
use notes::Notes;
use player::{Directory, Player, Role};
use std::sync::Arc;
use std::time::Duration;

/// What a user asks for a model.
const ASK: Amount = Amount(10 * Amount::TOKEN.0);
/// What a validator bids for one.
const BID: Amount = Amount(12 * Amount::TOKEN.0);
/// How often the world is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What each node does, by address: validators first, then users.
type Parts = Vec<&'static str>;

pub(crate) fn rehearse(
    scenario: &Scenario,
    observe: &mut dyn FnMut(&Round),
) -> Result<Report, ScenarioError> {
    let cast = Cast::new(scenario)?;
    let names =
        cast.validators.iter().map(|(key, _)| key.id()).chain(cast.users.iter().map(|(key, _)| key.id()));
    let directory = Arc::new(Directory::new(names.collect()));
    let (actors, parts) = actors(scenario, &cast, &directory)?;
    let seed = Seed::from_number(scenario.seed);
    let network = Network { link: Link::default(), ..Network::default() };
    let setting = Setting { seed: seed.derive("world"), network, churn: None, trace: true };
    let mut world = World::new(setting, actors);
    let mut notes = Notes::new(scenario, &cast, parts);
    let heights = scenario.rounds.saturating_mul(cast.plan.round_heights());
    // Four times the time that all heights take at their pace: a network that needs more has stalled.
    let patience =
        cast.plan.pace.saturating_mul(u32::try_from(heights).unwrap_or(u32::MAX)).saturating_mul(4);
    let end = Time::ZERO.after(patience).after(Duration::from_secs(30));
    while notes.height() < heights && world.now() < end {
        world.run_for(LOOK);
        notes.take(&mut world, &cast, observe);
    }
    if notes.height() < heights {
        return Err(ScenarioError::Stalled { reached: notes.height(), wanted: heights });
    }
    Ok(notes.finish(&world, &cast))
}

/// The `n`-th user plays an honest part or, the last ones, the parts that the scenario asks for.
fn conduct(scenario: &Scenario, user: u32) -> (Arc<dyn Conduct>, &'static str) {
    let from_last = scenario.users.saturating_sub(user).saturating_sub(1);
    let crate::scenario::Cast { liars, swappers, flippers, .. } = scenario.adversaries;
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
    player: Player,
    key: &Keypair,
    chain: ChainId,
) -> (Actor<Player>, &'static str) {
    let from_last = scenario.validators.saturating_sub(validator).saturating_sub(1);
    let crate::scenario::Cast { equivocators, silent, .. } = scenario.adversaries;
    if from_last < equivocators {
        (Actor::with(player, Equivocator { key: key.clone(), chain }), "votes twice")
    } else if from_last < equivocators.saturating_add(silent) {
        (Actor::with(player, Silent), "never confirms a delivery")
    } else {
        (Actor::honest(player), "")
    }
}

fn engine(scenario: &Scenario, key: &Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    let engine = Malachite::new(key.clone(), chain, Timeouts::default());
    match scenario.omit {
        Some(Defence::Evidence) => Box::new(Forgiving(engine)),
        _ => Box::new(engine),
    }
}

fn actors(
    scenario: &Scenario,
    cast: &Cast,
    directory: &Arc<Directory>,
) -> Result<(Vec<Actor<Player>>, Parts), ScenarioError> {
    let seed = Seed::from_number(scenario.seed);
    let mut parts = Vec::new();
    let mut actors = Vec::new();
    let quantity = scenario.users.div_ceil(scenario.validators);
    for (index, (key, data)) in (0..).zip(&cast.validators) {
        let validator = Validator::new(ValidatorStart {
            key: key.clone(),
            plan: cast.plan.clone(),
            engine: engine(scenario, key, cast.plan.chain),
            check: match scenario.omit {
                Some(Defence::Proofs) => Arc::new(Credulous),
                _ => Arc::new(Registry::replaying(&cast.replay)),
            },
            prover: Arc::new(cast.replay.clone()),
            merge: Arc::new(ExactMerge { rule: cast.plan.goal.merge }),
            data: data.clone(),
            price: BID,
            quantity,
        });
        let player = Player::new(Role::Validator(Box::new(validator)), directory.clone());
        let (actor, part) = play(scenario, index, player, key, cast.plan.chain);
        parts.push(part);
        actors.push(actor);
    }
    let widths: Vec<usize> = cast.plan.goal.mlp.sizes().iter().map(|size| *size as usize).collect();
    let model = Arc::new(Mlp::new(&widths).map_err(|error| ScenarioError::Setting(error.to_string()))?);
    for (index, (key, data)) in (0..).zip(&cast.users) {
        let (conduct, part) = conduct(scenario, index);
        let sgd = Sgd::new(model.clone(), 0.1, 4).with_momentum(0.9).with_epochs(5);
        let user = User::new(UserStart {
            key: key.clone(),
            plan: cast.plan.clone(),
            data: data.clone(),
            update: Box::new(Annealed::new(sgd, scenario.rounds, 0.1)),
            compressor: cast.compressor.clone(),
            prover: Arc::new(cast.replay.clone()),
            conduct,
            ask: ASK,
            seed: seed.derive_number("user role", u64::from(index)),
        });
        parts.push(part);
        actors.push(Actor::honest(Player::new(Role::User(Box::new(user)), directory.clone())));
    }
    Ok((actors, parts))
}
