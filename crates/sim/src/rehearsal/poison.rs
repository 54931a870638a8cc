//! Who attacks what is learned, and what users learn from because of it.

use super::cast::Cast;
use crate::adversary::{Colluder, Overheard, Shared};
use crate::attack::Coven;
use crate::scenario::{Adversaries, Assault, Scenario, ScenarioError};
use bitneuron_consensus::Block;
use bitneuron_core::claim::{Source, Turn, TurnInput};
use bitneuron_core::{Dataset, Digest, Seed, decode};
use bitneuron_learning::{exact, merge};
use bitneuron_ledger::{Action, SignedTx};
use bitneuron_role::Conduct;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// The users that collude: those before the other misbehaving ones.
pub(super) fn colluders(scenario: &Scenario) -> Range<u32> {
    let Adversaries { liars, swappers, flippers, .. } = scenario.adversaries;
    let end = scenario.users.saturating_sub(liars.saturating_add(swappers).saturating_add(flippers));
    let count = scenario.attack.as_ref().map_or(0, |attack| attack.among(scenario.users));
    end.saturating_sub(count)..end
}

/// What each user learns from in place of its own rows: a colluder from poisoned ones, the others also from what colluders push.
/// A user's own rows stand last, and are of group 0.
pub(super) fn rows(
    scenario: &Scenario,
    assault: &Assault,
    own: &[Arc<Dataset>],
    classes: u32,
) -> Result<Vec<Arc<Dataset>>, ScenarioError> {
    let attack = assault.attack()?;
    let (colluders, seed) = (colluders(scenario), Seed::from_number(scenario.seed).derive("poison"));
    let learned = (0..).zip(own).map(|(user, rows): (u32, _)| {
        let seed = seed.derive_number("user", u64::from(user));
        if colluders.contains(&user) {
            return Ok(attack.rows(rows, classes, seed).map_or_else(|| rows.clone(), Arc::new));
        }
        let by = colluders.start.saturating_add(user % colluders.len().max(1) as u32);
        let pushed = own.get(by as usize).and_then(|rows| attack.push(rows, classes, seed));
        pushed.map_or_else(|| Ok(rows.clone()), |pushed| behind(&pushed, 1, rows).map(Arc::new))
    });
    learned.collect()
}

/// Another's rows, as one group, with the own rows behind them.
fn behind(pushed: &Dataset, group: u32, own: &Dataset) -> Result<Dataset, ScenarioError> {
    let setting = |error: &dyn std::fmt::Display| ScenarioError::Setting(error.to_string());
    let features = ndarray::concatenate(ndarray::Axis(0), &[pushed.features().view(), own.features().view()])
        .map_err(|error| setting(&error))?;
    let labels = pushed.labels().iter().chain(own.labels()).copied().collect();
    let groups = std::iter::repeat_n(group, pushed.len()).chain(own.groups().iter().copied()).collect();
    Dataset::grouped(features, labels, groups).map_err(|error| setting(&error))
}

/// What the colluders of a scenario share; none where nobody colludes.
pub(super) fn coven(scenario: &Scenario, cast: &Cast) -> Result<Option<Shared>, ScenarioError> {
    let Some(assault) = &scenario.attack else { return Ok(None) };
    let rule = merge::named(&exact::display(scenario.merge.0))
        .map_err(|error| ScenarioError::Setting(error.to_string()))?;
    // What meets at a validator in a round: what it bids for, its own head and two that are drawn.
    let bought = super::bought(scenario) as usize;
    let lies = colluders(scenario).len() * bought / scenario.users.max(1) as usize;
    let meeting = (bought.saturating_sub(lies).saturating_add(3), lies.max(1));
    let seed = Seed::from_number(scenario.seed).derive("coven");
    let first = cast.plan.initial.to_params();
    let coven = Coven::new(assault.attack()?, rule, meeting, Some(&first), seed);
    Ok(Some(Arc::new(Mutex::new(coven))))
}

/// How a user that is in nothing else behaves beside colluders.
pub(super) fn conduct(scenario: &Scenario, user: u32, coven: &Shared) -> (Arc<dyn Conduct>, &'static str) {
    if colluders(scenario).contains(&user) {
        (Arc::new(Colluder::new(user, coven.clone())), COLLUDES)
    } else {
        (Arc::new(Overheard { me: user, coven: coven.clone() }), "")
    }
}

/// The bought models that turns claimed in a block merge, by their deals, with whether each has a part in what came out.
pub(super) fn merged(block: &Block) -> impl Iterator<Item = (Digest, bool)> {
    let claims =
        block.transactions.iter().filter_map(|bytes| match decode::<SignedTx>(bytes).ok()?.tx.action {
            Action::Claim(claim) => decode::<Turn>(claim.public()).ok(),
            _ => None,
        });
    let bought = |(input, kept): (TurnInput, bool)| match input.source {
        Source::Deal(deal) => Some((deal, kept)),
        Source::Head(_) => None,
    };
    claims.flat_map(move |turn| turn.inputs.into_iter().zip(turn.kept).filter_map(bought))
}

/// What colluders do, in words.
pub(super) const COLLUDES: &str = "attacks what is learned";
