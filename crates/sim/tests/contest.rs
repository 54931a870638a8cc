//! Contests with real models on real images: who earns what, and that the chain pays the same.
#![allow(clippy::panic, reason = "a test fails by panicking")]

#[path = "../../ledger/tests/world/mod.rs"]
mod world;

use bitneuron_core::exact::programs::metric::{Measure, measure};
use bitneuron_core::exact::programs::training::Loss;
use bitneuron_core::exact::{ExactData, ExactParams, execute};
use bitneuron_core::{Amount, Digest};
use bitneuron_ledger::contest::{Entrant, Tests, Window, judge};
use bitneuron_ledger::{
    Action, ContestAction, ContestEvent, ContestParams, Event, Merit, Params, ShardId, candidate_digest, seal,
};
use bitneuron_sim::contest::{Conduct, Hidden, Opening, Player, Trial, figures};
use world::*;

/// The bars of the design, on one seed and few contests; `proof_of_gradient` prints the whole table.
#[test]
fn who_does_nothing_earns_nothing_and_splitting_loses() {
    let found = figures(&[1], 6, &[64, 10]).expect("plays");
    let ours = |what: &str| {
        let figure =
            found.iter().find(|figure| figure.what.contains(what)).unwrap_or_else(|| panic!("{what}"));
        figure.ours
    };
    let bars = [
        ("copy of the parent", 0.0),
        ("the parent and noise", 0.01),
        ("copy of the last winner", 0.1),
        ("trained on false labels", 0.001),
        ("random", 0.001),
        ("once the parent is better", 0.1),
        ("noise of 0 %", 1.0),
        ("noise of 5 %", 1.0),
        ("noise of 15 %", 1.0),
        // Five keys that are no copies earn what one earns: pay is linear in stake.
        ("noise of 40 %", 1.15),
        ("20 % leaked", 1.1),
        ("honest shards that lost", 0.05),
    ];
    let missed: Vec<_> = bars
        .into_iter()
        .map(|(what, most)| (what, ours(what), most))
        .filter(|(_, ours, most)| ours > most)
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
    let spearman = [ours("Spearman of pay"), ours("40 % of shards with false labels: Spearman")];
    assert!(spearman[0] >= 0.77 && spearman[1] >= 0.53, "{spearman:?}");
}

/// What four honest players enter in their first contest.
fn trained(hidden: Hidden) -> Opening {
    let players = [20, 60, 120, 200].map(|rows| Player::new(Conduct::Honest(rows)));
    Trial { hidden, ..Trial::new(3, players.to_vec()) }.opening().expect("plays")
}

/// The loss by probabilities of 8 bits, where what is impossible counts as half a unit, in micro-nats; that by real numbers from
/// unrounded logits; and that of the program that proofs are made of.
fn coarse(opening: &Opening, model: &ExactParams, shard: &ExactData) -> [f64; 3] {
    let (rows, columns) = (shard.rows(), 64);
    let weights: Vec<f64> = model.values().iter().map(|w| f64::from(*w) / 4096.0).collect();
    let (mut probable, mut real) = (0.0, 0.0);
    for (at, label) in shard.labels().data().iter().enumerate() {
        let x: Vec<f64> = shard.features().data()[at * columns..(at + 1) * columns]
            .iter()
            .map(|x| *x as f64 / 256.0)
            .collect();
        let logit = |class: usize| -> f64 {
            x.iter().enumerate().map(|(i, x)| x * weights[i * 10 + class]).sum::<f64>() + weights[640 + class]
        };
        let logits: Vec<f64> = (0..10).map(logit).collect();
        let sum: f64 = logits.iter().map(|z| z.exp()).sum();
        let own = logits[*label as usize].exp() / sum;
        real -= own.ln();
        probable -= ((own * 256.0).round().max(0.5) / 256.0).ln();
    }
    let program =
        measure(&opening.goal.mlp, Measure::Loss(Loss::CrossEntropy), rows as u32, None).expect("builds");
    let inputs = [model.tensor(), shard.features().clone(), shard.labels().clone()];
    let provable = execute(&program, &inputs).expect("runs").outputs()[0].data()[0] as f64 / 256.0;
    [probable, real, provable].map(|sum| sum / rows as f64 * 1e6)
}

#[test]
fn losses_are_fine_enough_for_the_margin_where_probabilities_of_eight_bits_are_not() {
    let opening = trained(Hidden::Population);
    let shards = &opening.shards[..20];
    let tests = Tests::new(&opening.goal, shards).expect("fits");
    let models = &opening.models[2..];
    let losses: Vec<Vec<i64>> = models.iter().map(|model| tests.losses(model).expect("fits")).collect();
    let (mut fine, mut probable, mut provable) = (0f64, 0f64, 0f64);
    for (at, shard) in shards.iter().enumerate() {
        let [one, two] = [0, 1].map(|n| coarse(&opening, &models[n], shard));
        let truth = one[1] - two[1];
        fine += ((losses[0][at] - losses[1][at]) as f64 - truth).powi(2);
        probable += (one[0] - two[0] - truth).powi(2);
        provable += (one[2] - two[2] - truth).powi(2);
    }
    let [fine, probable, provable] = [fine, probable, provable].map(|sum| (sum / 20.0).sqrt());
    println!(
        "error of a difference, micro-nats: fine {fine:.0}, provable {provable:.0}, 8-bit probabilities {probable:.0}"
    );
    assert!(fine < 400.0, "a fifth of the margin: {fine}");
    assert!(probable > fine && provable > fine, "{probable} and {provable} beside {fine}");
}

/// The players of a trial as validators of a chain, its shards as the users' of it.
#[test]
fn the_chain_pays_the_same_to_the_unit() {
    // No row is in two shards: the chain would not open the second.
    let opening = trained(Hidden::Dealt);
    let contest = ContestParams {
        rows: 32,
        commit: 16,
        reveal: 4,
        open: 6,
        score: 2,
        live: 7,
        called: 6,
        spare: 1,
        ..Params::mainnet().contest
    };
    let params = Params { contest: contest.clone(), ..Params::devnet() };
    let mut genesis = genesis(params);
    let data = bitneuron_core::exact::DataRoot { columns: 64, ..data("own") };
    genesis.data = genesis.data.iter().map(|(_, author, _)| (opening.goal.id(), *author, data)).collect();
    genesis.goals = vec![opening.goal.clone()];
    let mut world = World::of(genesis, opening.goal.clone());
    let (goal, chain) = (world.goal_id(), world.state.chain());
    let step = |step| Action::Contest { goal, step };
    let salt = |n: usize| Digest::of("bitneuron contest trial", &[n as u8]);
    let rows: Vec<_> = opening.shards[..8].iter().map(ExactData::to_bytes).collect();

    let mut txs = vec![world.by_user(0, step(ContestAction::Found(opening.parent.to_bytes())))];
    for (n, rows) in rows.iter().enumerate() {
        let sealed = seal(chain, goal, world.user(n % 4), salt(n), rows);
        txs.push(world.by_user(n % 4, step(ContestAction::Seal(sealed))));
    }
    world.block(&txs);
    let until = |world: &mut World, window: Window| loop {
        let place = contest.place(world.state.height().next());
        if (place.contest, place.window, place.at) == (1, window, 0) {
            break;
        }
        world.block(&[]);
    };
    until(&mut world, Window::Commit);
    world.until_phase(2);
    let mut turns = Vec::new();
    for (v, model) in opening.models.iter().enumerate() {
        let mut turn = world.turn(v, "after");
        (turn.after, turn.data) = (model.commitment(), data);
        turns.push(turn);
    }
    let commits: Vec<_> = turns.iter().enumerate().map(|(v, turn)| world.commit(v, turn)).collect();
    world.block(&commits);
    let claims: Vec<_> =
        turns.iter().enumerate().map(|(v, turn)| world.turn_claim(v, turn, (0, 1), TRUE)).collect();
    let claims: Vec<_> = claims
        .into_iter()
        .enumerate()
        .map(|(v, claim)| world.by_validator(v, Action::Claim(claim)))
        .collect();
    world.block(&claims);
    let mut enter = Vec::new();
    for (v, model) in opening.models.iter().enumerate() {
        let digest = candidate_digest(chain, goal, 1, world.validator(v), salt(v), model.commitment());
        enter.push(world.by_validator(v, step(ContestAction::Commit { turns: 1, digest })));
    }
    world.block(&enter);
    until(&mut world, Window::Reveal);
    let mut reveal = Vec::new();
    for (v, model) in opening.models.iter().enumerate() {
        let shown = ContestAction::Reveal { salt: salt(v), model: model.to_bytes() };
        reveal.push(world.by_validator(v, step(shown)));
    }
    world.block(&reveal);
    until(&mut world, Window::Open);
    let called = world.block(&[]).into_iter().find_map(|event| match event {
        Event::Contest { what: ContestEvent::Called(shards), .. } => Some(shards),
        _ => None,
    });
    let called: Vec<usize> = called
        .expect("called")
        .iter()
        .map(|called: &ShardId| {
            let is = |n: &usize| seal(chain, goal, world.user(n % 4), salt(*n), &rows[*n]) == called.seal;
            (0..8).find(is).expect("sealed")
        })
        .collect();
    assert_eq!(called.len(), 6);
    let mut open = Vec::new();
    for n in &called {
        let shown = ContestAction::Open { salt: salt(*n), rows: rows[*n].clone() };
        open.push(world.by_user(n % 4, step(shown)));
    }
    world.block(&open);
    until(&mut world, Window::Score);
    let events = [world.block(&[]), world.block(&[])].concat();
    let paid = |who, merit| {
        let amounts = events.iter().filter_map(|event| match event {
            Event::Rewarded { who: whom, merit: what, amount } if *whom == who && *what == merit => {
                Some(*amount)
            }
            _ => None,
        });
        Amount::sum(amounts).expect("small")
    };
    let pays: Vec<Amount> = (0..4).map(|v| paid(world.validator(v), Merit::Gradient)).collect();

    // The same without a chain.
    let shards: Vec<ExactData> = called.iter().map(|n| opening.shards[*n].clone()).collect();
    let tests = Tests::new(&opening.goal, &shards).expect("fits");
    let losses: Vec<_> = opening.models.iter().map(|model| tests.losses(model).expect("fits")).collect();
    let entrants: Vec<Entrant<'_>> = opening
        .models
        .iter()
        .zip(&losses)
        .zip(STAKES)
        .map(|((model, losses), stake)| Entrant { stake: Amount::tokens(stake), model, losses })
        .collect();
    let judged = judge(&opening.parent, &tests.losses(&opening.parent).expect("fits"), &entrants, &contest);
    let pot = Amount::sum(pays.iter().copied()).expect("small");
    assert!(pot > Amount::ZERO && judged.scores.iter().all(|score| *score > 0), "{:?}", judged.scores);
    assert_eq!(judged.divide(pot), pays);
    // Three kinds and more share all of it; examiners have a nineteenth beside.
    let examined: u128 = (0..4).map(|n| paid(world.user(n), Merit::Examination).0).sum();
    assert!(judged.firsts.iter().filter(|first| **first).count() >= 3, "{:?}", judged.firsts);
    assert!((examined * 19).abs_diff(pot.0) < 20, "{examined} beside {pot}");
    assert_eq!(world.state.total(), Amount::SUPPLY);
}
