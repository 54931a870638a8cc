//! The table of trials: who earns what, beside figures that were found with small logistic regressions when the rules were designed.

use super::{Conduct, Hidden, Played, Player, Trial, TrialError};
use bitneuron_core::Amount;
use rayon::prelude::*;

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What was asked.
    pub what: String,
    /// What came out, in the mean over all seeds.
    pub ours: f64,
    /// What was found by logistic regressions of 16 dimensions.
    pub designed: Option<f64>,
}

/// The place of the honest player with 100 images in [`Player::crowd`].
const TWIN: usize = 4;

/// Those who want pay for nothing, with what the design says that they earn.
const ADVERSARIES: [(&str, Conduct, Option<f64>); 6] = [
    ("copy of the parent", Conduct::Parent, Some(0.0)),
    ("the parent and noise", Conduct::NoisyParent(10), Some(0.003)),
    ("copy of the last winner and noise", Conduct::NoisyWinner(5), Some(0.043)),
    ("trained on false labels", Conduct::Flipper(100), Some(0.0)),
    ("random", Conduct::Random, Some(0.0)),
    (
        "a copy of the best of this contest, seen before it was entered",
        Conduct::Copy { of: 9, noise: 5 },
        Some(0.25),
    ),
];

/// Those who are honest in part and want more than for being honest: ways to be paid twice for one step.
const SCHEMERS: [(&str, Conduct); 5] = [
    ("sawtooth, harm and mending in turn", Conduct::Sawtooth(100)),
    ("sandbagging, half of each step shown", Conduct::Sandbag { rows: 100, part: 50 }),
    ("sandbagging, four fifths of each step shown", Conduct::Sandbag { rows: 100, part: 80 }),
    ("hoarding for two contests", Conduct::Hoard { rows: 100, contests: 2 }),
    ("hoarding for four contests", Conduct::Hoard { rows: 100, contests: 4 }),
];

/// Plays all trials for these seeds.
///
/// # Errors
/// A model that fits no images.
pub fn figures(seeds: &[u64], rounds: u32, sizes: &[u32]) -> Result<Vec<Figure>, TrialError> {
    let trial = |seed: u64, players: Vec<Player>| Trial {
        rounds,
        sizes: sizes.to_vec(),
        ..Trial::new(seed, players)
    };
    let mut lines: Vec<Line<'_>> = vec![crowd(&trial)];
    lines.extend(ADVERSARIES.iter().map(|adversary| alone(&trial, *adversary, 0)));
    lines.extend(SCHEMERS.iter().map(|schemer| beside_twin(&trial, *schemer)));
    lines.push(alone(
        &trial,
        ("overfit on 64 images, from the first contest on", Conduct::Overfit(64), None),
        0,
    ));
    let later = "overfit on 64 images, once the parent is better than that";
    lines.push(alone(&trial, (later, Conduct::Overfit(64), Some(0.0)), rounds / 2));
    lines.extend(
        [(0, Some(0.26)), (5, Some(0.38)), (15, Some(0.53)), (40, None)].map(|split| splitter(&trial, split)),
    );
    lines.extend([10, 20, 30, 50].map(|known| leaked(&trial, known)));
    lines.extend([(10, 0.80), (20, 0.63), (30, 0.65), (40, 0.53)].map(|flipped| falsified(&trial, flipped)));
    let work: Vec<(usize, u64)> =
        (0..lines.len()).flat_map(|line| seeds.iter().map(move |seed| (line, *seed))).collect();
    let found: Vec<Vec<Figure>> =
        work.par_iter().map(|(line, seed)| lines[*line](*seed)).collect::<Result<_, _>>()?;
    Ok(found.chunks(seeds.len().max(1)).flat_map(mean).collect())
}

type Line<'a> = Box<dyn Fn(u64) -> Result<Vec<Figure>, TrialError> + Sync + 'a>;
type Make<'a> = &'a (dyn Fn(u64, Vec<Player>) -> Trial + Sync);

fn figure(what: impl Into<String>, ours: f64, designed: Option<f64>) -> Figure {
    Figure { what: what.into(), ours, designed }
}

/// The same figures of several seeds as one.
fn mean(of_seeds: &[Vec<Figure>]) -> Vec<Figure> {
    let first = of_seeds.first().cloned().unwrap_or_default();
    let mean = |(at, figure): (usize, Figure)| {
        let sum: f64 = of_seeds.iter().map(|figures| figures[at].ours).sum();
        Figure { ours: sum / of_seeds.len() as f64, ..figure }
    };
    first.into_iter().enumerate().map(mean).collect()
}

/// Ten honest players alone.
fn crowd(make: Make<'_>) -> Line<'_> {
    Box::new(|seed| {
        let trial = make(seed, Player::crowd());
        let played = trial.run()?;
        let copies = played.copies.iter().sum::<u32>();
        let shards = f64::from(played.honest.iter().sum::<u32>()).max(1.0);
        Ok(vec![
            figure("Spearman of pay and number of images", played.follows_size(), Some(0.77)),
            figure("honest models called copies", f64::from(copies) / f64::from(10 * trial.rounds), None),
            figure(
                "contests in which the parent moved",
                f64::from(played.moved) / f64::from(trial.rounds),
                None,
            ),
            figure("accuracy of the last parent", f64::from(played.accuracy) / 1_000.0, None),
            figure("honest shards that were paid", f64::from(played.honest[0]) / shards, None),
            figure("honest shards that lost their bond", f64::from(played.honest[2]) / shards, None),
        ])
    })
}

/// What somebody earns among ten honest players from a contest on, in parts of their mean.
fn alone<'a>(
    make: Make<'a>,
    (name, conduct, designed): (&'a str, Conduct, Option<f64>),
    counted: u32,
) -> Line<'a> {
    Box::new(move |seed| {
        let mut players = Player::crowd();
        players.push(Player::new(conduct));
        let played = Trial { counted, ..make(seed, players) }.run()?;
        Ok(vec![figure(name, played.beside_crowd(), designed)])
    })
}

/// What somebody earns that schemes with 100 images, in parts of what an honest player with 100 images earns beside it.
fn beside_twin<'a>(make: Make<'a>, (name, conduct): (&'a str, Conduct)) -> Line<'a> {
    Box::new(move |seed| {
        let mut players = Player::crowd();
        players.push(Player::new(conduct));
        let pay = make(seed, players).run()?.pay;
        Ok(vec![figure(format!("{name}, to the honest twin"), ratio(pay[10], pay[TWIN]), None)])
    })
}

/// What five keys of one player earn with a fifth of its stake each, in parts of what it earns with one.
fn splitter(make: Make<'_>, (noise, designed): (u32, Option<f64>)) -> Line<'_> {
    Box::new(move |seed| {
        let one = make(seed, Player::crowd()).run()?.pay[TWIN];
        let mut players = Player::crowd();
        let stake = Amount(Player::STAKE.0 / 5);
        players[TWIN].stake = stake;
        players.extend([Player { conduct: Conduct::Copy { of: TWIN, noise }, stake }; 4]);
        let pay = make(seed, players).run()?.pay;
        let five = pay[TWIN].0 + pay[10..].iter().map(|pay| pay.0).sum::<u128>();
        let what = format!("one stake in five keys, noise of {noise} %");
        Ok(vec![figure(what, five as f64 / (one.0 as f64).max(1.0), designed)])
    })
}

/// What somebody earns that trains on 100 leaked images, in parts of what an honest player with 100 images earns. No image is a
/// test twice, else who knows some would train on what others never see: contests end when too few are left.
fn leaked(make: Make<'_>, known: u32) -> Line<'_> {
    Box::new(move |seed| {
        let mut players = Player::crowd();
        players.push(Player::new(Conduct::Leaked { rows: 100, known }));
        let pay = Trial { hidden: Hidden::Dealt, ..make(seed, players) }.run()?.pay;
        let what = format!("trained on shards of which {known} % leaked, to the honest twin");
        Ok(vec![figure(what, ratio(pay[10], pay[TWIN]), Some(0.9))])
    })
}

/// How pay follows the number of images when so many shards have false labels.
fn falsified(make: Make<'_>, (flipped, designed): (u32, f64)) -> Line<'_> {
    Box::new(move |seed| {
        let played = Trial { flipped, ..make(seed, Player::crowd()) }.run()?;
        let lost = |shards: [u32; 3]| f64::from(shards[2]) / f64::from(shards.iter().sum::<u32>()).max(1.0);
        let what = |of: &str| format!("{flipped} % of shards with false labels: {of}");
        Ok(vec![
            figure(what("Spearman"), played.follows_size(), Some(designed)),
            figure(what("honest shards that lost their bond"), lost(played.honest), None),
            figure(what("false shards that lost their bond"), lost(played.false_shards), None),
        ])
    })
}

/// A pay in parts of another.
fn ratio(pay: Amount, other: Amount) -> f64 {
    pay.0 as f64 / (other.0 as f64).max(1.0)
}

impl Played {
    /// Spearman's rank correlation of the pay of the ten players of [`Player::crowd`] and their numbers of images.
    pub fn follows_size(&self) -> f64 {
        let pay: Vec<f64> = self.pay.iter().take(10).map(|pay| pay.0 as f64).collect();
        spearman(&pay, &(0..10).map(f64::from).collect::<Vec<_>>())
    }

    /// What the player behind that crowd earned, in parts of the crowd's mean.
    pub fn beside_crowd(&self) -> f64 {
        let crowd: u128 = self.pay.iter().take(10).map(|pay| pay.0).sum();
        self.pay.get(10).map_or(0.0, |pay| pay.0 as f64 * 10.0 / (crowd as f64).max(1.0))
    }
}

fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let middle = (a.len() as f64 - 1.0) / 2.0;
    let product =
        |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum() };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt().max(f64::MIN_POSITIVE)
}

/// The rank of each from 0, the mean of the ranks where several are equal.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let less = values.iter().filter(|other| *other < value).count() as f64;
        let equal = values.iter().filter(|other| other.total_cmp(value).is_eq()).count() as f64;
        less + (equal - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_agree_contradict_and_tie() {
        let up = [1.0, 2.0, 5.0, 9.0];
        assert!((spearman(&up, &[0.0, 1.0, 2.0, 3.0]) - 1.0).abs() < 1e-12);
        assert!((spearman(&up, &[3.0, 2.0, 1.0, 0.0]) + 1.0).abs() < 1e-12);
        assert_eq!(ranks(&[4.0, 1.0, 4.0]), [1.5, 0.0, 1.5]);
        assert!(spearman(&[1.0; 4], &up).abs() < 1e-12);
    }
}
