//! What corrupted and faked data cost, and what contributions are worth: selection, healing, pay.
//!
//! Accuracies are means over seeds, on 360 digits that nobody trains on.

use super::super::attempt;
use crate::{Failure, reading::Reading};
use bitneuron::{
    core::{Dataset, Params, Seed},
    learning::{
        Sgd, Update,
        eval::accuracy,
        heal::Healed,
        model::{Batch, Mlp, Model, SoftmaxRegression},
        optim::Annealed,
        select::{Selective, named},
    },
    sim::{
        contest::{Conduct, Player, Trial},
        digits,
    },
};
use rand::{Rng, RngExt as _};
use std::sync::Arc;

pub(super) fn measure() -> Vec<Reading> {
    let mut readings = attempt("label_flip_40pct_selection", false_labels);
    readings.extend(attempt("flood_3x_selection", flood));
    readings.extend(attempt("healing_noise04_recovered", healing));
    readings.extend(attempt("contribution_spearman", contests));
    readings
}

const SEEDS: u64 = 5;

fn mean(each: impl Iterator<Item = Result<f64, Failure>>) -> Result<f64, Failure> {
    let values = each.collect::<Result<Vec<f64>, Failure>>()?;
    Ok(values.iter().sum::<f64>() / values.len().max(1) as f64)
}

/// Passes over the rows.
const EPOCHS: u32 = 60;

/// Softmax regression after [`EPOCHS`] on the rows that these rules choose.
fn softmax_on(train: &Dataset, report: &Dataset, rules: &str) -> Result<f64, Failure> {
    let model: Arc<dyn Model> = Arc::new(SoftmaxRegression::new(64, 10)?);
    let update = Annealed::new(Sgd::new(Arc::clone(&model), 0.5, 32), EPOCHS.into(), 0.02);
    let select = named(rules)?;
    let mut selective = Selective { model: Arc::clone(&model), update, select, epochs: EPOCHS };
    let mut params = model.init(Seed::default());
    selective.update(&mut params, train, 0, Seed::from_number(1))?;
    Ok(accuracy(model.as_ref(), params.values(), report)?)
}

/// Rows of ten contributors, and rows to report on.
fn scene(seed: u64) -> Result<(Dataset, Dataset), Failure> {
    let (train, report) = digits::halves(Seed::from_number(seed))?;
    let groups = (0..train.len() as u32).map(|row| row % 10).collect();
    Ok((Dataset::grouped(train.features().clone(), train.labels().to_vec(), groups)?, report))
}

/// All rows without a choice.
const ALL: &str = "low-loss:keep=1";

/// Of a hundred labels 40 are another class.
fn false_labels() -> Result<Vec<Reading>, Failure> {
    let of = |rules: &str| {
        mean((1..=SEEDS).map(|seed| {
            let (train, report) = scene(seed)?;
            let mut rng = Seed::from_number(seed).derive("flips").rng();
            let flip = |label: &u32| {
                if rng.random_bool(0.4) { (label + rng.random_range(1..10)) % 10 } else { *label }
            };
            let labels = train.labels().iter().map(flip).collect();
            let train = Dataset::grouped(train.features().clone(), labels, train.groups().to_vec())?;
            softmax_on(&train, &report, rules)
        }))
    };
    let clean = mean((1..=SEEDS).map(|seed| {
        let (train, report) = scene(seed)?;
        softmax_on(&train, &report, ALL)
    }))?;
    Ok(vec![
        Reading::row("label_flip_40pct_selection", of("low-loss:keep=0.6,warm-up=10")?)
            .note(format!("mean of {SEEDS} seeds, softmax regression, {EPOCHS} epochs, keep 0.6 after 10")),
        Reading::extra("label_flip_40pct_bare", "fraction", of(ALL)?),
        Reading::extra("selection_clean", "fraction", clean),
    ])
}

/// One contributor adds three times what all others have together, each row called the next class.
fn flood() -> Result<Vec<Reading>, Failure> {
    let of = |rules: &str| {
        mean((1..=SEEDS).map(|seed| {
            let (train, report) = scene(seed)?;
            let rows: Vec<usize> = (0..4).flat_map(|_| 0..train.len()).collect();
            let all = train.select(&rows);
            let fake = |row: usize| row >= train.len();
            let labels = all.labels().iter().enumerate();
            let labels = labels.map(|(row, label)| (label + u32::from(fake(row))) % 10).collect();
            let groups = all.groups().iter().enumerate();
            let groups = groups.map(|(row, group)| if fake(row) { 10 } else { *group }).collect();
            softmax_on(&Dataset::grouped(all.features().clone(), labels, groups)?, &report, rules)
        }))
    };
    Ok(vec![
        Reading::row("flood_3x_selection", of("cap+low-loss:keep=0.9,warm-up=2")?).note(format!(
            "mean of {SEEDS} seeds, eleven contributors, cap of 1.25 fair shares first, keep 0.9"
        )),
        Reading::extra("flood_3x_bare", "fraction", of(ALL)?),
        Reading::extra("flood_3x_low_loss_alone", "fraction", of("low-loss:keep=0.25,warm-up=2")?),
    ])
}

/// An MLP and what is made of its rows.
struct Served {
    model: Arc<Mlp>,
    params: Params,
    healed: Healed,
    report: Dataset,
}

impl Served {
    fn new(seed: u64) -> Result<Self, Failure> {
        let (train, report) = digits::halves(Seed::from_number(seed))?;
        let model = Arc::new(Mlp::new(&[64, 64, 10])?);
        let mut params = model.init(Seed::from_number(seed));
        let mut update = Sgd::new(model.clone(), 0.05, 32).with_momentum(0.9).with_epochs(40);
        update.update(&mut params, &train, 0, Seed::from_number(seed))?;
        let healed = Healed::fit(model.clone(), &train, Seed::from_number(seed))?;
        Ok(Self { model, params, healed, report })
    }

    /// Accuracy without and with blocks on features changed so.
    fn pair(&self, mut change: impl FnMut(f32) -> f32) -> Result<[f64; 2], Failure> {
        let mut features = self.report.features().clone();
        features.iter_mut().for_each(|x| *x = change(*x));
        let rows = Dataset::new(features, self.report.labels().to_vec())?;
        let of = |model: &dyn Model| accuracy(model, self.params.values(), &rows);
        Ok([of(self.model.as_ref())?, of(&self.healed)?])
    }

    /// The rows after so many steps against a model along the signs of slopes, each within 0.1 of what it was.
    fn attacked(&self, model: &dyn Model, steps: u32) -> Result<Vec<f32>, Failure> {
        let clean: Vec<f32> = self.report.features().iter().copied().collect();
        let (mut rows, mut slopes) = (clean.clone(), vec![0.0; clean.len()]);
        let size = if steps == 1 { 0.1 } else { 0.025 };
        if steps > 1 {
            // The gate is shut where the rows are: an attack on the block begins beside them.
            let mut rng = Seed::from_number(8).rng();
            rows.iter_mut().for_each(|x| *x += 0.1 * (2.0 * rng.random::<f32>() - 1.0));
        }
        for _ in 0..steps {
            let batch = Batch::new(&rows, self.report.labels());
            model.input_gradient(self.params.values(), &batch, &mut slopes)?;
            for ((x, slope), from) in rows.iter_mut().zip(&slopes).zip(&clean) {
                *x = (*x + size * slope.signum()).clamp(from - 0.1, from + 0.1);
            }
        }
        Ok(rows)
    }
}

fn normal(rng: &mut impl Rng) -> f32 {
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}

/// What noise, an attack that does not know of the blocks, one that does, and missing pixels take, and what comes back.
fn healing() -> Result<Vec<Reading>, Failure> {
    let mut sums = [[0.0; 2]; 7];
    for seed in 1..=SEEDS {
        let served = Served::new(seed)?;
        let mut rng = Seed::from_number(seed).derive("noise").rng();
        let mut known = served.attacked(served.model.as_ref(), 1)?.into_iter();
        let mut steps = served.attacked(served.model.as_ref(), 10)?.into_iter();
        let mut through = served.attacked(&served.healed, 10)?.into_iter();
        let mut torn = Seed::from_number(seed).derive("missing").rng();
        let mut torn_again = torn.clone();
        let pairs = [
            served.pair(|x| x)?,
            served.pair(|x| x + 0.4 * normal(&mut rng))?,
            served.pair(|x| known.next().unwrap_or(x))?,
            served.pair(|x| steps.next().unwrap_or(x))?,
            served.pair(|x| through.next().unwrap_or(x))?,
            served.pair(|x| if torn.random_bool(0.4) { 0.0 } else { x })?,
            served.pair(|x| if torn_again.random_bool(0.4) { f32::NAN } else { x })?,
        ];
        for (sum, pair) in sums.iter_mut().zip(pairs) {
            sum.iter_mut().zip(pair).for_each(|(sum, value)| *sum += value / SEEDS as f64);
        }
    }
    let [clean, noise, attack, steps, through, zeros, solved] = sums;
    let back = |[bare, healed]: [f64; 2]| (healed - bare) / (clean[0] - bare);
    let told =
        |[bare, healed]: [f64; 2]| format!("mean of {SEEDS} seeds, MLP 64-64-10: {bare:.3} to {healed:.3}");
    Ok(vec![
        Reading::row("healing_noise04_recovered", back(noise)).note(told(noise)),
        Reading::row("healing_fgsm01_recovered", back(attack)).note(told(attack)),
        Reading::row("healing_clean_cost", 100.0 * (clean[0] - clean[1])).note(told(clean)),
        Reading::extra("healing_pgd01_through_blocks", "fraction", through[1]).note(format!(
            "accuracy under ten steps that know of the blocks; ten steps that do not leave {:.3} healed, {:.3} bare",
            steps[1], steps[0]
        )),
        Reading::extra("healing_missing40_zeros", "fraction", zeros[0]),
        Reading::extra("healing_missing40_solved", "fraction", solved[1]),
    ])
}

/// Contests of the ledger's own rules with real models: does pay follow data, and what does a copier earn?
fn contests() -> Result<Vec<Reading>, Failure> {
    const TRIALS: u64 = 4;
    let spearman =
        mean((1..=TRIALS).map(|seed| Ok(Trial::new(seed, Player::crowd()).run()?.follows_size())))?;
    let beside = |conduct: Conduct| {
        mean((1..=TRIALS).map(|seed| {
            let players = Player::crowd().into_iter().chain([Player::new(conduct)]).collect();
            Ok(Trial::new(seed, players).run()?.beside_crowd())
        }))
    };
    let copiers = [Conduct::Parent, Conduct::NoisyParent(10), Conduct::NoisyWinner(5)].map(beside);
    let mut most = 0.0f64;
    for earned in copiers {
        most = most.max(earned?);
    }
    let what = format!("mean of {TRIALS} seeds, 25 contests, softmax regression in exact integers");
    Ok(vec![
        Reading::row("contribution_spearman", spearman).note(what),
        Reading::row("copier_earnings", most)
            .note("the best of: the parent, the parent with noise, the last winner with noise"),
        Reading::extra("copier_earnings_if_seen", "fraction", beside(Conduct::Copy { of: 9, noise: 5 })?)
            .note("of the best of this contest, had it been seen before it was entered"),
    ])
}
