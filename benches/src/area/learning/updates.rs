//! Learning: what update rules give where data are bad or uneven, and gossip on a data set of size.
//!
//! Digits: 1,437 rows to train on, 360 to report on, means over seeds that draw split and start; perceptrons with 20 epochs of
//! momentum in the usual training. The attack is PGD in 20 steps from a random point. Fashion-MNIST: 20 nodes with 3,000
//! rows each, or 10 with 6,000, by `GossipLab`, judged on the 10,000 test rows; only where Debian's package
//! `dataset-fashion-mnist` is.

use super::attempt;
use crate::{Failure, reading::Reading};
use bitneuron::{
    core::{Dataset, Params, Seed},
    learning::{
        baseline::centralised,
        data,
        eval::accuracy,
        model::{self, Model},
        optim,
        robust::{Missing, Pgd},
    },
    sim::{
        digits,
        lab::{GossipLab, Topology},
    },
};
use std::{path::Path, sync::Arc};

/// Splits and starts over which means are taken.
const SEEDS: u64 = 5;

const USUAL: &str = "sgd:rate=0.1,momentum=0.9,epochs=20";
/// Of these there are 20 rounds.
const HARDENED: &str = "sgd:rate=0.1,momentum=0.9,epochs=3,over=20,floor=0.02+pgd:radius=0.13,steps=5";
const AWARE: &str = "sgd:rate=0.03,momentum=0.9,epochs=10,over=20,floor=0.02+missing:share=0.35";

pub(super) fn measure() -> Vec<Reading> {
    let mut readings = attempt("missing_30pct_loss", gaps);
    readings.extend(attempt("pgd_training_gain", attacks));
    readings.extend(attempt("worst_group_gain", groups));
    let softmax = Fashion {
        model: "softmax:784-10",
        nodes: 20,
        ceiling: 0.8404,
        update: "sgd:rate=0.1,batch=20,over=40,floor=0.02,running=1",
        rounds: 40,
    };
    readings.extend(attempt("fashion_softmax_gap", || softmax.gossip("fashion_softmax_gap")));
    let mlp = Fashion {
        model: "mlp:784-128-10",
        nodes: 10,
        ceiling: 0.8825,
        update: "sgd:rate=0.02,momentum=0.9,batch=20,over=25,floor=0.02,running=1",
        rounds: 25,
    };
    readings.extend(attempt("fashion_mlp128_gap", || mlp.gossip("fashion_mlp128_gap")));
    readings
}

/// What was learned by so many rounds of this update on this model.
fn learn(
    model: &Arc<dyn Model>,
    update: &str,
    rounds: u64,
    train: &Dataset,
    seed: Seed,
) -> Result<Params, Failure> {
    let mut update = optim::named(update, model)?;
    Ok(centralised(&mut update, &model.init(seed), train, rounds, seed)?.0)
}

/// The mean of so many figures over all seeds.
fn means<const N: usize>(
    mut each: impl FnMut(Seed) -> Result<[f64; N], Failure>,
) -> Result<[f64; N], Failure> {
    let mut sums = [0.0; N];
    for seed in 0..SEEDS {
        let figures = each(Seed::from_number(seed))?;
        sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure / SEEDS as f64);
    }
    Ok(sums)
}

fn gaps() -> Result<Vec<Reading>, Failure> {
    let (plain, aware) = (model::named("mlp:64-256-64-10")?, model::named("mask-aware+mlp:64-256-64-10")?);
    let [clean, whole, gaps, zeros] = means(|seed| {
        let (train, report) = digits::halves(seed)?;
        let ours = learn(&aware, AWARE, 20, &train, seed)?;
        let usual = learn(&plain, USUAL, 1, &train, seed)?;
        let struck = Missing::new(0.3).apply(&report, seed.derive("report"))?;
        let filled = struck.features().mapv(|value| if value.is_nan() { 0.0 } else { value });
        let filled = Dataset::new(filled, struck.labels().to_vec())?;
        Ok([
            accuracy(plain.as_ref(), usual.values(), &report)?,
            accuracy(aware.as_ref(), ours.values(), &report)?,
            accuracy(aware.as_ref(), ours.values(), &struck)?,
            accuracy(plain.as_ref(), usual.values(), &filled)?,
        ])
    })?;
    let note = format!(
        "{gaps:.4} with 30 % missing against {clean:.4} of the usual training on whole rows; {whole:.4} on whole rows, and \
         {zeros:.4} by the usual training with zeros in the gaps"
    );
    Ok(vec![Reading::row("missing_30pct_loss", 100.0 * (clean - gaps)).note(note)])
}

fn attacks() -> Result<Vec<Reading>, Failure> {
    let model = model::named("mlp:64-64-10")?;
    let attack = Pgd::new(0.1, 20);
    let [clean, weak, still, strong] = means(|seed| {
        let (train, report) = digits::halves(seed)?;
        let usual = learn(&model, USUAL, 1, &train, seed)?;
        let hard = learn(&model, HARDENED, 20, &train, seed)?;
        let judge = |params: &Params| -> Result<[f64; 2], Failure> {
            let moved = attack.attack(model.as_ref(), params.values(), &report, seed)?;
            let of = |rows| accuracy(model.as_ref(), params.values(), rows);
            Ok([of(&report)?, of(&moved)?])
        };
        let ([clean, weak], [still, strong]) = (judge(&usual)?, judge(&hard)?);
        Ok([clean, weak, still, strong])
    })?;
    let note = format!("{weak:.4} → {strong:.4} under PGD 0.1; clean {clean:.4} → {still:.4}");
    Ok(vec![
        Reading::row("pgd_training_gain", 100.0 * (strong - weak)).note(note),
        Reading::extra("pgd_training_clean_cost", "points", 100.0 * (clean - still)).note("to be at most 2"),
    ])
}

fn groups() -> Result<Vec<Reading>, Failure> {
    let model = model::named("softmax:6-2")?;
    let [plain, fair] = means(|seed| {
        let train = data::Shortcut { rows: 2_000, minority: 0.05, noise: 4 }.draw(seed);
        let test = data::Shortcut { rows: 10_000, minority: 0.5, noise: 4 }.draw(seed.derive("test"));
        let of = |group: u32| {
            let rows: Vec<usize> = (0..test.len()).filter(|row| test.groups()[*row] == group).collect();
            test.select(&rows)
        };
        let halves = [of(0), of(1)];
        let judge = |update: &str| -> Result<f64, Failure> {
            let params = learn(&model, update, 1, &train, seed)?;
            let of = |rows| accuracy(model.as_ref(), params.values(), rows);
            Ok(of(&halves[0])?.min(of(&halves[1])?))
        };
        let usual = "sgd:rate=0.1,batch=64,epochs=20";
        Ok([judge(usual)?, judge(&format!("{usual}+group-dro:rate=0.05"))?])
    })?;
    let note = format!(
        "a group of 5 % under a shortcut: worst group {plain:.4} → {fair:.4}; at least 10 wanted (feature 86)"
    );
    Ok(vec![Reading::extra("worst_group_gain", "points", 100.0 * (fair - plain)).note(note)])
}

/// One model on Fashion-MNIST.
struct Fashion {
    model: &'static str,
    nodes: u32,
    /// What scikit-learn reaches on all rows in one place.
    ceiling: f64,
    /// What a node does in a round.
    update: &'static str,
    rounds: u64,
}

impl Fashion {
    fn gossip(&self, row: &'static str) -> Result<Vec<Reading>, Failure> {
        let (train, test) = data::fashion_mnist(Path::new(data::FASHION_MNIST))
            .map_err(|why| format!("{why}; apt-get install dataset-fashion-mnist"))?;
        let model = model::named(self.model)?;
        let update = optim::named(self.update, &model)?;
        let lab = GossipLab {
            nodes: self.nodes,
            topology: Topology::Complete,
            rounds: self.rounds,
            judged: 3,
            ..GossipLab::new(model).with_update(update)
        };
        let accuracy = lab.run(&train, &test, Seed::from_number(1))?.accuracy();
        let note = format!(
            "{accuracy:.4} after {} rounds of {} nodes, mean of three; scikit-learn on all rows in one place {:.4}",
            self.rounds, self.nodes, self.ceiling
        );
        Ok(vec![Reading::row(row, 100.0 * (self.ceiling - accuracy)).note(note)])
    }
}
