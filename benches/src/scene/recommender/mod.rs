//! A recommender of two towers over a million items: the table of embeddings as a train of cores against the dense table.
//!
//! The user's tower takes the mean of the embeddings of what the user bought, the item's tower that of the item; each is a
//! linear layer, and the score is the product of both. Both tables learn from the same purchases (`world`) with Adagrad; of
//! the dense one only the rows that were touched move. Most rows are seen seldom or never: there the cores know more than
//! the table, since they share what rows with a digit in common have taught them. That is a property of items numbered by
//! what they are; numbers drawn at random would share nothing.

mod table;
mod towers;
mod world;

use crate::Failure;
use bitneuron::compress::factor::{Bags, TrainEmbedding};
use bitneuron::compress::{Compressor as _, Limits, Uniform};
use bitneuron::core::{Layout, Params, Seed, params::Entry};
use std::sync::Arc;
use table::{Cores, Rows, Table};
use towers::{TOP, Towers};
use world::{Cases, DIGITS, HISTORY, World};

/// Values of an embedding, and how the cores share them.
const WIDTH: usize = 64;
const WIDTHS: [usize; 4] = [4, 2, 2, 4];
const RANK: usize = 18;
const TRAIN: usize = 200_000;
const TEST: usize = 30_000;
const BATCH: usize = 1000;
const EPOCHS: usize = 4;
const RATE: f32 = 0.05;

/// A trained recommender.
#[derive(Debug, Clone)]
pub struct Trained {
    /// What it holds, and how it is sent.
    pub name: &'static str,
    /// Parameters of table and towers.
    pub parameters: usize,
    /// Bytes on the wire.
    pub bytes: usize,
    /// The chance that of two cases, one bought and one not, the one that was bought has the higher score.
    pub auc: f64,
}

/// The dense table, the cores, and the cores as they are sent with eight and with four bits.
///
/// # Errors
/// A training failed.
pub fn run(seed: Seed) -> Result<[Trained; 4], Failure> {
    let world = World::new(seed.derive("world"));
    let (train, test) = (world.cases(TRAIN, "train"), world.cases(TEST, "test"));
    let start = seed.derive("start");

    let mut rows = Rows::new(start);
    let towers = learn(&mut rows, &train, seed)?;
    let dense = trained("dense", &rows, &towers, None, &test)?;
    drop(rows);

    let table = TrainEmbedding::new(&DIGITS, &WIDTHS, &[RANK; 3])?;
    let mut cores = Cores::new(table, start);
    let towers = learn(&mut cores, &train, seed)?;
    let fine = trained("cores", &cores, &towers, None, &test)?;
    let sent = params(&cores, &towers)?;
    let eight = through(8, &sent, &mut cores, &test)?;
    let four = through(4, &sent, &mut cores, &test)?;
    Ok([dense, fine, eight, four])
}

fn trained(
    name: &'static str,
    table: &dyn Table,
    towers: &Towers,
    bytes: Option<usize>,
    test: &Cases,
) -> Result<Trained, Failure> {
    let parameters = table.parameters() + 2 * WIDTH * TOP;
    let auc = auc(table, towers, test)?;
    Ok(Trained { name, parameters, bytes: bytes.unwrap_or(4 * parameters), auc })
}

/// Cores and towers as one model: what is sent.
fn params(cores: &Cores, towers: &Towers) -> Result<Params, Failure> {
    let entry = |name: String, size: usize| Entry { name, shape: vec![size as u32] };
    let shape = cores.table.shape();
    let mut entries: Vec<Entry> =
        (0..shape.cores()).map(|core| entry(core.to_string(), shape.range(core).len())).collect();
    entries.extend(["user", "item"].map(|name| entry(name.into(), WIDTH * TOP)));
    let values = [cores.values.as_slice(), &towers.user, &towers.item].concat();
    Ok(Params::new(values, Arc::new(Layout::new(entries)?))?)
}

/// The model as the receiver has it when it is sent with so many bits; `cores` takes its values.
fn through(bits: u8, sent: &Params, cores: &mut Cores, test: &Cases) -> Result<Trained, Failure> {
    let codec = Uniform::new(bits)?;
    let packet = codec.compress(sent, Seed::default())?;
    let layout = sent.layout();
    let mut values = codec.decompress(&packet, layout, Limits::of(layout))?.into_values();
    let item = values.split_off(values.len() - WIDTH * TOP);
    let user = values.split_off(values.len() - WIDTH * TOP);
    cores.values = values;
    let name = if bits == 8 { "cores, 8 bits" } else { "cores, 4 bits" };
    trained(name, cores, &Towers::of(user, item), Some(packet.len()), test)
}

/// Ends of the bags of `count` cases: the history, then the item.
fn ends(count: usize) -> Vec<usize> {
    (0..count).flat_map(|case| [case * (HISTORY + 1) + HISTORY, (case + 1) * (HISTORY + 1)]).collect()
}

/// Calls `each` with the bags and labels of every batch.
fn batches(
    cases: &Cases,
    mut each: impl FnMut(Bags<'_>, &[f32]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let rows = cases.rows.chunks(BATCH * (HISTORY + 1));
    for (rows, labels) in rows.zip(cases.labels.chunks(BATCH)) {
        each(Bags { rows, ends: &ends(labels.len()) }, labels)?;
    }
    Ok(())
}

fn learn(table: &mut dyn Table, cases: &Cases, seed: Seed) -> Result<Towers, Failure> {
    let mut towers = Towers::new(seed.derive("towers"));
    for epoch in 0..EPOCHS {
        let rate = RATE * if epoch + 1 == EPOCHS { 0.3 } else { 1.0 };
        batches(cases, |bags, labels| {
            let mut sums = vec![0.0; bags.len() * WIDTH];
            table.sum(bags, &mut sums)?;
            let pass = towers.forward(&sums)?;
            let errors = towers.train(&pass, labels, rate)?;
            Ok(table.train(bags, &errors, rate)?)
        })?;
    }
    Ok(towers)
}

/// The chance that of two cases the one that was bought has the higher score.
fn auc(table: &dyn Table, towers: &Towers, cases: &Cases) -> Result<f64, Failure> {
    let mut scored = Vec::new();
    batches(cases, |bags, labels| {
        let mut sums = vec![0.0; bags.len() * WIDTH];
        table.sum(bags, &mut sums)?;
        scored.extend(towers.forward(&sums)?.scores.into_iter().zip(labels.iter().copied()));
        Ok(())
    })?;
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut others, mut pairs, mut bought) = (0.0, 0.0, 0.0);
    for (_, label) in &scored {
        if *label > 0.5 {
            (bought, pairs) = (bought + 1.0, pairs + others);
        } else {
            others += 1.0;
        }
    }
    Ok(pairs / (bought * others))
}
