//! The bare loop of a round: users pull, train and sell; validators merge and step; all in integers, no chain around it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod digits_data;

use bitneuron_core::exact::programs::Mlp;
use bitneuron_core::exact::programs::filter::Filter;
use bitneuron_core::exact::programs::merge::{MergeRule, merge, shares};
use bitneuron_core::exact::programs::metric::accuracy;
use bitneuron_core::exact::programs::step::{Training, sgd};
use bitneuron_core::exact::{ExactData, Tensor, data::draw, execute};
use bitneuron_core::{Digest, Seed, Share};
use digits_data::digits;

const VALIDATORS: usize = 7;
const USERS: usize = 50;

struct Loop {
    mlp: Mlp,
    report: ExactData,
    shards: Vec<ExactData>,
    users: Vec<ExactData>,
    heads: Vec<Tensor>,
    seed: Seed,
    /// Epochs, batch and rate of a user's local training.
    user: (u32, u32, u32),
    rule: MergeRule,
    turn: Training,
}

impl Loop {
    fn new(seed: u64) -> Self {
        let (all, seed) = (digits(), Seed::from_number(seed));
        let order: Vec<usize> =
            draw(Digest(seed.derive("split").0), 1797, 1797).iter().map(|i| *i as usize).collect();
        let exact = |rows: &[usize]| ExactData::from_dataset(&all.select(rows)).unwrap();
        let (public, private) = order[504..].split_at(1293 / 5);
        let parts = |rows: &[usize], n: usize| -> Vec<ExactData> {
            (0..n).map(|k| exact(&rows[k * rows.len() / n..(k + 1) * rows.len() / n])).collect()
        };
        let mlp = Mlp::new(&[64, 32, 10]).unwrap();
        let theta = mlp.init(seed).tensor();
        Self {
            report: exact(&order[..360]),
            shards: parts(public, VALIDATORS),
            users: parts(private, USERS),
            heads: vec![theta; VALIDATORS],
            mlp,
            seed,
            user: (5, 2, 2),
            rule: MergeRule::default(),
            turn: Training { rate_shift: 4, ..Training::default() },
        }
    }

    fn step(&self, model: &Tensor, data: &ExactData, training: Training, seed: Seed) -> Tensor {
        let rows = data.rows() as u32;
        let program = sgd(&self.mlp, rows, training).unwrap();
        let index = draw(Digest(seed.0), rows, training.rows() as usize);
        let inputs = [model.clone(), data.features().clone(), data.labels().clone(), Tensor::vector(index)];
        execute(&program, &inputs).unwrap().outputs()[0].clone()
    }

    fn score(&self, model: &Tensor) -> f64 {
        let program = accuracy(&self.mlp, 360, 360).unwrap();
        let inputs = [
            model.clone(),
            self.report.features().clone(),
            self.report.labels().clone(),
            Tensor::vector((0..360).collect()),
        ];
        execute(&program, &inputs).unwrap().outputs()[0].data()[0] as f64 / 360.0
    }

    /// One round in which the users below `flippers` sell sign-flipped models.
    fn round(&mut self, round: u64, flippers: usize) {
        let seed = self.seed.derive_number("round", round);
        let pulls = draw(Digest(seed.derive("pull").0), VALIDATORS as u32, USERS);
        let (epochs, batch, rate_shift) = self.user;
        let models: Vec<Tensor> = (0..USERS)
            .map(|u| {
                let data = &self.users[u];
                let training = Training {
                    steps: epochs * data.rows() as u32 / batch,
                    batch,
                    rate_shift,
                    ..Training::default()
                };
                let model = self.step(
                    &self.heads[pulls[u] as usize],
                    data,
                    training,
                    seed.derive_number("user", u as u64),
                );
                if u >= flippers {
                    return model;
                }
                Tensor::vector(model.data().iter().map(|value| -value).collect())
            })
            .collect();
        let buyers = draw(Digest(seed.derive("market").0), USERS as u32, USERS);
        let next = (0..VALIDATORS)
            .map(|v| {
                let bought = buyers.iter().skip(v).step_by(VALIDATORS).map(|u| models[*u as usize].clone());
                let heads = draw(Digest(seed.derive_number("heads", v as u64).0), VALIDATORS as u32 - 1, 2);
                let others = heads.iter().map(|h| self.heads[(v + 1 + *h as usize) % VALIDATORS].clone());
                let peers: Vec<Tensor> = bought.chain(others).collect();
                let parts: Vec<u64> = vec![1; peers.len() + 1];
                let alpha = Share::divide(&parts);
                let program = merge(self.mlp.parameters(), peers.len() as u32, self.rule).unwrap();
                let mut inputs = vec![self.heads[v].clone()];
                inputs.extend(peers);
                inputs.push(shares(&alpha[1..]));
                let merged = execute(&program, &inputs).unwrap().outputs()[0].clone();
                self.step(&merged, &self.shards[v], self.turn, seed.derive_number("turn", v as u64))
            })
            .collect();
        self.heads = next;
    }

    fn run(&mut self, rounds: u64, flippers: usize) -> (f64, f64) {
        (0..rounds).for_each(|round| self.round(round, flippers));
        let scores: Vec<f64> = self.heads.iter().map(|head| self.score(head)).collect();
        (scores.iter().sum::<f64>() / VALIDATORS as f64, scores.iter().copied().fold(1.0, f64::min))
    }
}

/// The same model trained on all training rows in one place, in the same integers.
fn centralised(network: &Loop) -> f64 {
    let order: Vec<usize> =
        draw(Digest(network.seed.derive("split").0), 1797, 1797).iter().map(|row| *row as usize).collect();
    let all = ExactData::from_dataset(&digits().select(&order[504..])).unwrap();
    let training = Training { steps: 40, batch: 32, rate_shift: 1, ..Training::default() };
    let mut model = network.mlp.init(network.seed).tensor();
    for epoch in 0..40 {
        model = network.step(&model, &all, training, network.seed.derive_number("epoch", epoch));
    }
    network.score(&model)
}

#[test]
fn sixty_rounds_come_within_two_points_of_one_place() {
    let mut network = Loop::new(4);
    let ceiling = centralised(&network);
    let (mean, worst) = network.run(60, 0);
    assert!(mean >= 0.96 && mean >= ceiling - 0.02, "mean {mean}, centralised {ceiling}");
    assert!(worst >= ceiling - 0.03, "worst {worst}, centralised {ceiling}");
}

#[test]
fn sign_flipping_sellers_cost_little_with_the_filter_and_much_without() {
    let accuracy = |flippers, rule| {
        let mut network = Loop::new(4);
        network.rule = rule;
        network.run(15, flippers).0
    };
    let honest = accuracy(0, MergeRule::default());
    let attacked = accuracy(10, MergeRule::default());
    assert!(attacked >= honest - 0.03, "{attacked} under attack, {honest} without");
    let unfiltered = accuracy(10, MergeRule::Filtered(Filter { ratio: 255, clamp: u16::MAX }));
    assert!(unfiltered < attacked - 0.05, "{unfiltered} unfiltered, {attacked} filtered");
}
