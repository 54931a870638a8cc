//! Contests with real models on real images: who earns what, and that the chain pays the same.
#![allow(clippy::panic, reason = "a test fails by panicking")]

#[path = "../../ledger/tests/world/mod.rs"]
mod world;

use bitneuron_core::exact::programs::metric::{Measure, measure};
use bitneuron_core::exact::programs::training::Loss;
use bitneuron_core::exact::{DataRoot, ExactData, ExactParams, execute};
use bitneuron_core::{Amount, Digest, NodeId};
use bitneuron_ledger::contest::{Entrant, Sold, Tests, Window, judge, most_royalties, royalties};
use bitneuron_ledger::{
    Action, ContestAction, ContestEvent, ContestParams, Event, Merit, Params, ShardId, candidate_digest, seal,
};
use bitneuron_market::FeeSplit;
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
        ("sawtooth", 1.0),
        ("half of each step shown", 1.0),
        ("four fifths of each step shown", 1.05),
        ("hoarding for two contests", 1.0),
        ("hoarding for four contests", 1.0),
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

/// A deeper net, until nothing but chance is left to be paid for: in a quarter of the contests nobody is better than the parent, in others
/// one or two are, and a copy of the last winner is as likely as anybody to be among them.
#[test]
fn who_copies_the_last_winner_lives_on_chance_alone() {
    let mut players = Player::crowd();
    players.push(Player::new(Conduct::NoisyWinner(5)));
    let played = Trial { sizes: vec![64, 32, 10], ..Trial::new(1, players) }.run().expect("plays");
    assert!(played.moved < 25, "{}", played.moved);
    let earned = played.beside_crowd();
    assert!(earned < 0.1, "{earned}");
}

/// What an author gains that buys from a user of its own at a price, beside what it bought from others, in tokens; and whether
/// anybody's royalty rose but its own user's.
///
/// It votes with a third of the weight, so a third of what judges get comes back to it; and the purchase counts for its reputation and
/// its user's by as much as the treasury kept, which earns at most half of that (`bitneuron_ledger::reputation`).
fn bought_from_oneself(pot: u64, others: u64, own: u64) -> (f64, bool) {
    let sold = |seller: u8, price: u64| Sold {
        price: Amount::tokens(price),
        model: Digest([seller; 32]),
        seller: NodeId([seller; 32]),
    };
    let (honest, bystanders) = (vec![sold(1, others)], vec![sold(3, 70), sold(4, 30)]);
    let split = FeeSplit::default();
    let paid = |lineages: &[Vec<Sold>]| {
        let pots = [Amount::tokens(pot), Amount::tokens(500)];
        let bounded: Vec<Amount> =
            pots.iter().zip(most_royalties(lineages, &split)).map(|(pot, most)| *pot.min(&most)).collect();
        royalties(&bounded, lineages)
    };
    let before = paid(&[honest.clone(), bystanders.clone()]);
    let after = paid(&[[honest, vec![sold(2, own)]].concat(), bystanders]);
    let of = |paid: &[(NodeId, Amount)], who: u8| -> f64 {
        let all = paid.iter().filter(|(seller, _)| *seller == NodeId([who; 32]));
        all.map(|(_, amount)| amount.0).sum::<u128>() as f64 / Amount::TOKEN.0 as f64
    };
    let others_stay = [3, 4].iter().all(|who| of(&before, *who).to_bits() == of(&after, *who).to_bits());
    let parts = split.divide(Amount::tokens(own));
    let [judges, treasury] =
        [parts.judges, parts.treasury].map(|part| part.0 as f64 / Amount::TOKEN.0 as f64);
    let lost = judges * 2.0 / 3.0 + treasury;
    (of(&after, 2) + treasury / 2.0 - lost, others_stay && of(&after, 1) <= of(&before, 1))
}

/// Buying from oneself makes nobody's lineage worth more, and is a loss: whatever a lineage brings, at least 0.8 % of the price, with a
/// third of the weight and what the reputation may earn counted in.
#[test]
fn buying_from_oneself_loses_whatever_a_lineage_brings() {
    for pot in [0, 10, 1_000, 100_000] {
        for others in [1, 100, 1_000, 10_000] {
            for own in [1, 50, 2_000, 100_000] {
                let (gain, contained) = bought_from_oneself(pot, others, own);
                assert!(contained && gain < -0.008 * own as f64, "{pot} {others} {own}: {gain}");
            }
        }
    }
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
        measure(&opening.goal.net, Measure::Loss(Loss::CrossEntropy), rows as u32, None).expect("builds");
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

/// The windows of the chain below.
fn contest() -> ContestParams {
    let spans = ContestParams { commit: 16, reveal: 4, open: 6, score: 2, ..Params::mainnet().contest };
    ContestParams { rows: 8, live: 7, called: 6, spare: 1, ..spans }
}

fn rows_of_authors() -> DataRoot {
    DataRoot { columns: 64, ..data("own") }
}

fn salt(n: usize) -> Digest {
    Digest::of("bitneuron contest trial", &[n as u8])
}

/// A chain that learns the goal of a trial; its validators are the players.
fn chain(opening: &Opening) -> World {
    let mut genesis = genesis(Params { contest: contest(), ..Params::devnet() });
    let goal = opening.goal.id();
    genesis.data = genesis.data.iter().map(|(_, author, _)| (goal, *author, rows_of_authors())).collect();
    genesis.goals = vec![opening.goal.clone()];
    World::of(genesis, opening.goal.clone())
}

/// Empty blocks until this window of the first contest that is played.
fn until(world: &mut World, window: Window) {
    loop {
        let place = contest().place(world.state.height().next());
        if (place.contest, place.window, place.at) == (1, window, 0) {
            return;
        }
        world.block(&[]);
    }
}

/// A block in which each player takes a step.
fn each(
    world: &mut World,
    opening: &Opening,
    step: impl Fn(&World, usize, &ExactParams) -> Action,
) -> Vec<Event> {
    let actions: Vec<Action> =
        opening.models.iter().enumerate().map(|(v, model)| step(world, v, model)).collect();
    let txs: Vec<_> =
        actions.into_iter().enumerate().map(|(v, action)| world.by_validator(v, action)).collect();
    world.block(&txs)
}

/// Turns lead to what the players trained, which they enter and reveal; the shards that are then called, by number.
fn shown(world: &mut World, opening: &Opening, seals: &[Digest]) -> Vec<usize> {
    let goal = world.goal_id();
    let contest_of = move |step| Action::Contest { goal, step };
    until(world, Window::Commit);
    world.until_phase(2);
    let turn = |world: &World, v: usize, model: &ExactParams| {
        let mut turn = world.turn(v, "after");
        (turn.after, turn.data) = (model.commitment(), rows_of_authors());
        turn
    };
    let turns: Vec<_> = opening.models.iter().enumerate().map(|(v, model)| turn(world, v, model)).collect();
    each(world, opening, |_, v, _| Action::CommitTurn { goal, commitment: turns[v].commitment() });
    each(world, opening, |world, v, _| Action::Claim(world.turn_claim(v, &turns[v], (0, 1), TRUE)));
    each(world, opening, |world, v, model| {
        let (chain, author) = (world.state.chain(), world.validator(v));
        let digest = candidate_digest(chain, goal, 1, author, salt(v), model.commitment());
        contest_of(ContestAction::Commit { turns: 1, digest })
    });
    until(world, Window::Reveal);
    each(world, opening, |_, v, model| {
        contest_of(ContestAction::Reveal { salt: salt(v), model: model.to_bytes() })
    });
    until(world, Window::Open);
    let called = world.block(&[]).into_iter().find_map(|event| match event {
        Event::Contest { what: ContestEvent::Called(shards), .. } => Some(shards),
        _ => None,
    });
    let number = |called: &ShardId| seals.iter().position(|seal| *seal == called.seal).expect("sealed");
    called.expect("called").iter().map(number).collect()
}

/// What somebody is paid in these events.
fn paid(events: &[Event], whom: NodeId, for_what: Merit) -> Amount {
    let amounts = events.iter().filter_map(|event| match event {
        Event::Rewarded { who, merit, amount } if *who == whom && *merit == for_what => Some(*amount),
        _ => None,
    });
    Amount::sum(amounts).expect("small")
}

/// The players of a trial as validators of a chain, its shards as the users' of it.
#[test]
fn the_chain_pays_the_same_to_the_unit() {
    // No row is in two shards: the chain would not open the second.
    let opening = trained(Hidden::Dealt);
    let mut world = chain(&opening);
    let goal = world.goal_id();
    let contest_of = |step| Action::Contest { goal, step };
    let rows: Vec<_> = opening.shards[..8].iter().map(ExactData::to_bytes).collect();
    let seals: Vec<Digest> =
        (0..8).map(|n| seal(world.state.chain(), goal, world.user(n % 4), salt(n), &rows[n])).collect();
    let mut txs = vec![world.by_user(0, contest_of(ContestAction::Found(opening.parent.to_bytes())))];
    for (n, seal) in seals.iter().enumerate() {
        txs.push(
            world.by_user(n % 4, contest_of(ContestAction::Seal { seal: *seal, bond: contest().shard_bond })),
        );
    }
    world.block(&txs);
    let called = shown(&mut world, &opening, &seals);
    assert_eq!(called.len(), 6);
    let mut open = Vec::new();
    for n in &called {
        let step = ContestAction::Open { salt: salt(*n), rows: rows[*n].clone() };
        open.push(world.by_user(n % 4, contest_of(step)));
    }
    world.block(&open);
    until(&mut world, Window::Score);
    let events = [world.block(&[]), world.block(&[])].concat();
    let pays: Vec<Amount> = (0..4).map(|v| paid(&events, world.validator(v), Merit::Gradient)).collect();

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
    let judged = judge(&opening.parent, &tests.losses(&opening.parent).expect("fits"), &entrants, &contest());
    assert!(judged.scores.iter().all(|score| *score > 0), "{:?}", judged.scores);
    // Examiners have a twentieth of what candidates and they may be paid, rounded down.
    let examined: u128 = (0..4).map(|n| paid(&events, world.user(n), Merit::Examination).0).sum();
    let mut pots = (examined * 19..examined * 19 + 20).map(Amount);
    let pot = pots.find(|pot| judged.divide(*pot) == pays);
    assert!(examined > 0 && pot.is_some(), "{examined} beside {pays:?}");
    assert_eq!(world.state.total(), Amount::SUPPLY);
}
