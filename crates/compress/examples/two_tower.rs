//! A recommender of two towers over a million items: the table of embeddings as a train of cores against the dense table.
//!
//! The user's tower takes the mean of the embeddings of what the user bought, the item's tower that of the item; each is a
//! linear layer, and the score is the product of both. Items are numbered as in a catalogue: the digits of a number are
//! four attributes. Taste follows the attributes, a product of two of them, and a part that belongs to the item alone.
//! A few items are bought often, most hardly ever. Both tables learn from the same purchases with Adagrad; of the dense
//! one only the rows that were touched move. Most rows are seen seldom or never: there the cores know more than the table,
//! since they share what rows with a digit in common have taught them. That is a property of items numbered by what they
//! are; numbers drawn at random would share nothing.
//!
//! ```text
//! cargo run --release -p bitneuron-compress --example two_tower
//! ```
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use bitneuron_compress::{
    Compressor, Limits, Uniform,
    factor::{Bags, FactorError, Factored, TrainEmbedding},
    linalg::{LinalgError, Matrix, Onto, multiply_f32},
};
use bitneuron_core::{Layout, Params, Seed, params::Entry};
use rand::Rng;
use std::{error::Error, sync::Arc};

/// The attributes of an item: 40 · 25 · 40 · 25 items.
const DIGITS: [usize; 4] = [40, 25, 40, 25];
const ITEMS: usize = 1_000_000;
/// Values of an embedding, and how the cores share them.
const WIDTH: usize = 64;
const WIDTHS: [usize; 4] = [4, 2, 2, 4];
const RANK: usize = 18;
/// Values that the towers end in.
const TOP: usize = 32;
/// Purchases known of each user.
const HISTORY: usize = 10;
/// Dimensions of taste.
const TASTE: usize = 4;
const TRAIN: usize = 200_000;
const TEST: usize = 30_000;
const BATCH: usize = 1000;
const EPOCHS: usize = 4;

/// Uniform numbers and normal ones from one stream.
struct Draw(Box<dyn Rng>);

impl Draw {
    fn new(seed: Seed) -> Self {
        Self(Box::new(seed.rng()))
    }

    fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 4_294_967_296.0
    }

    /// About normal: the sum of twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    fn vector(&mut self) -> [f64; TASTE] {
        std::array::from_fn(|_| self.normal())
    }
}

/// The world that purchases come from.
struct World {
    seed: Seed,
    /// What each item is like.
    items: Vec<[f64; TASTE]>,
}

impl World {
    /// Seven tenths of the variance of an item come from its attributes, two from a product, one is its own.
    fn new(seed: Seed) -> Self {
        let mut draw = Draw::new(seed.derive("items"));
        let mut tables = || DIGITS.map(|count| (0..count).map(|_| draw.vector()).collect::<Vec<_>>());
        let (attributes, factors) = (tables(), tables());
        let mut item = |mut rest: usize| {
            let mut digits = DIGITS;
            for (digit, count) in digits.iter_mut().zip(DIGITS).rev() {
                (*digit, rest) = (rest % count, rest / count);
            }
            std::array::from_fn(|k| {
                let sum: f64 = digits.iter().zip(&attributes).map(|(digit, table)| table[*digit][k]).sum();
                let product = factors[0][digits[0]][k] * factors[1][digits[1]][k];
                (0.7f64 / 4.0).sqrt() * sum + 0.2f64.sqrt() * product + 0.1f64.sqrt() * draw.normal()
            })
        };
        Self { seed, items: (0..ITEMS).map(&mut item).collect() }
    }

    /// An item as popular as 1/its place: places are spread over the catalogue.
    fn popular(draw: &mut Draw) -> u32 {
        let place = (draw.unit() * (ITEMS as f64).ln()).exp() as usize;
        (place * 7_919_777 % ITEMS) as u32
    }

    /// Of sixteen popular items the one that is liked most, give or take.
    fn purchase(&self, taste: &[f64; TASTE], draw: &mut Draw) -> u32 {
        let offers: Vec<u32> = (0..16).map(|_| Self::popular(draw)).collect();
        let liking = |item: &u32, draw: &mut Draw| {
            self.items[*item as usize].iter().zip(taste).map(|(a, b)| a * b).sum::<f64>()
                + 0.5 * draw.normal()
        };
        let scored: Vec<(f64, u32)> = offers.iter().map(|item| (liking(item, draw), *item)).collect();
        scored.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |best| best.1)
    }

    /// Users with their history, an item, and whether they bought it: every second one did.
    fn cases(&self, count: usize, name: &str) -> Cases {
        let mut draw = Draw::new(self.seed.derive(name));
        let mut cases = Cases { rows: Vec::new(), labels: Vec::new() };
        for case in 0..count {
            let taste = draw.vector();
            cases.rows.extend((0..HISTORY).map(|_| self.purchase(&taste, &mut draw)));
            let bought = case % 2 == 0;
            cases.rows.push(if bought { self.purchase(&taste, &mut draw) } else { Self::popular(&mut draw) });
            cases.labels.push(f32::from(u8::from(bought)));
        }
        cases
    }
}

/// Each case: the rows of the history, then the row of the item.
struct Cases {
    rows: Vec<u32>,
    labels: Vec<f32>,
}

/// Steps that become smaller where slopes were large.
struct Adagrad(Vec<f32>);

impl Adagrad {
    fn step(&mut self, at: usize, values: &mut [f32], slopes: &[f32], rate: f32) {
        let sums = &mut self.0[at..at + values.len()];
        for ((value, slope), sum) in values.iter_mut().zip(slopes).zip(sums) {
            *sum += slope * slope;
            *value -= rate * slope / (sum.sqrt() + 1e-8);
        }
    }
}

/// A table that learns.
trait Table {
    fn sum(&self, bags: Bags<'_>, out: &mut [f32]) -> Result<(), FactorError>;
    fn train(&mut self, bags: Bags<'_>, errors: &[f32], rate: f32) -> Result<(), FactorError>;
    fn parameters(&self) -> usize;
}

/// The table as cores.
struct Cores {
    table: TrainEmbedding,
    values: Vec<f32>,
    adagrad: Adagrad,
}

impl Table for Cores {
    fn sum(&self, bags: Bags<'_>, out: &mut [f32]) -> Result<(), FactorError> {
        self.table.sum(&self.values, bags, out)
    }

    fn train(&mut self, bags: Bags<'_>, errors: &[f32], rate: f32) -> Result<(), FactorError> {
        let adagrad = &mut self.adagrad;
        self.table.train(&mut self.values, bags, errors, &mut |at, values, slopes| {
            adagrad.step(at, values, slopes, rate);
        })
    }

    fn parameters(&self) -> usize {
        self.values.len()
    }
}

/// The table as it is.
struct Rows {
    values: Vec<f32>,
    adagrad: Adagrad,
}

impl Table for Rows {
    fn sum(&self, bags: Bags<'_>, out: &mut [f32]) -> Result<(), FactorError> {
        out.fill(0.0);
        for (bag, sum) in bags.iter().zip(out.chunks_exact_mut(WIDTH)) {
            for row in bag {
                let at = *row as usize * WIDTH;
                sum.iter_mut().zip(&self.values[at..at + WIDTH]).for_each(|(sum, value)| *sum += value);
            }
        }
        Ok(())
    }

    fn train(&mut self, bags: Bags<'_>, errors: &[f32], rate: f32) -> Result<(), FactorError> {
        // The errors of a row in several bags are added before it moves, as in the other table.
        let mut touched: Vec<(u32, usize)> =
            bags.iter().enumerate().flat_map(|(bag, rows)| rows.iter().map(move |row| (*row, bag))).collect();
        touched.sort_unstable();
        for same in touched.chunk_by(|a, b| a.0 == b.0) {
            let mut slope = [0.0; WIDTH];
            for (_, bag) in same {
                slope.iter_mut().zip(&errors[bag * WIDTH..]).for_each(|(sum, error)| *sum += error);
            }
            let at = same[0].0 as usize * WIDTH;
            self.adagrad.step(at, &mut self.values[at..at + WIDTH], &slope, rate);
        }
        Ok(())
    }

    fn parameters(&self) -> usize {
        self.values.len()
    }
}

/// Both towers: `[WIDTH, TOP]` each.
struct Towers {
    user: Vec<f32>,
    item: Vec<f32>,
    adagrad: [Adagrad; 2],
}

/// What the towers made of a batch.
struct Pass {
    bottom: [Vec<f32>; 2],
    top: [Vec<f32>; 2],
    scores: Vec<f32>,
}

impl Towers {
    fn new(seed: Seed) -> Self {
        let mut draw = Draw::new(seed);
        let mut matrix =
            || (0..WIDTH * TOP).map(|_| (draw.normal() / (WIDTH as f64).sqrt()) as f32).collect();
        let adagrad = || Adagrad(vec![0.0; WIDTH * TOP]);
        Self { user: matrix(), item: matrix(), adagrad: [adagrad(), adagrad()] }
    }

    /// From the sums of the bags, history and item in turn.
    fn forward(&self, sums: &[f32]) -> Result<Pass, LinalgError> {
        let (pairs, _) = sums.as_chunks::<{ 2 * WIDTH }>();
        let users = pairs.iter().flat_map(|pair| pair[..WIDTH].iter().map(|x| x / HISTORY as f32)).collect();
        let items = pairs.iter().flat_map(|pair| pair[WIDTH..].iter().copied()).collect();
        let bottom: [Vec<f32>; 2] = [users, items];
        let mut top = [vec![0.0; pairs.len() * TOP], vec![0.0; pairs.len() * TOP]];
        for ((top, bottom), tower) in top.iter_mut().zip(&bottom).zip([&self.user, &self.item]) {
            multiply_f32(
                top,
                Onto::Replace,
                Matrix::new(bottom, pairs.len(), WIDTH),
                Matrix::new(tower, WIDTH, TOP),
            )?;
        }
        let rows = top[0].chunks_exact(TOP).zip(top[1].chunks_exact(TOP));
        let scores = rows.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum()).collect();
        Ok(Pass { bottom, top, scores })
    }

    /// Moves the towers; the errors of the sums. Slopes are those of the sum over the batch.
    fn train(&mut self, pass: &Pass, labels: &[f32], rate: f32) -> Result<Vec<f32>, LinalgError> {
        let count = labels.len();
        let slopes: Vec<f32> =
            pass.scores.iter().zip(labels).map(|(s, y)| 1.0 / (1.0 + (-s).exp()) - y).collect();
        let mut below = [vec![0.0; count * WIDTH], vec![0.0; count * WIDTH]];
        for (side, below) in below.iter_mut().enumerate() {
            let rows = pass.top[1 - side].chunks_exact(TOP).zip(&slopes);
            let errors: Vec<f32> = rows.flat_map(|(row, slope)| row.iter().map(move |x| x * slope)).collect();
            let errors = Matrix::new(&errors, count, TOP);
            let tower = if side == 0 { &mut self.user } else { &mut self.item };
            multiply_f32(below, Onto::Replace, errors, Matrix::new(tower, WIDTH, TOP).transposed())?;
            let mut gradient = vec![0.0; WIDTH * TOP];
            let bottom = Matrix::new(&pass.bottom[side], count, WIDTH).transposed();
            multiply_f32(&mut gradient, Onto::Replace, bottom, errors)?;
            self.adagrad[side].step(0, tower, &gradient, rate);
        }
        let [users, items] = below;
        let pairs = users.chunks_exact(WIDTH).zip(items.chunks_exact(WIDTH));
        Ok(pairs.flat_map(|(u, i)| u.iter().map(|x| x / HISTORY as f32).chain(i.iter().copied())).collect())
    }
}

/// Ends of the bags of `count` cases: the history, then the item.
fn ends(count: usize) -> Vec<usize> {
    (0..count).flat_map(|case| [case * (HISTORY + 1) + HISTORY, (case + 1) * (HISTORY + 1)]).collect()
}

/// Calls `each` with the bags and labels of every batch.
fn batches(
    cases: &Cases,
    mut each: impl FnMut(Bags<'_>, &[f32]) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let rows = cases.rows.chunks(BATCH * (HISTORY + 1));
    for (rows, labels) in rows.zip(cases.labels.chunks(BATCH)) {
        each(Bags { rows, ends: &ends(labels.len()) }, labels)?;
    }
    Ok(())
}

fn learn(table: &mut dyn Table, cases: &Cases, rate: f32) -> Result<Towers, Box<dyn Error>> {
    let mut towers = Towers::new(Seed::from_number(3));
    for epoch in 0..EPOCHS {
        let rate = rate * if epoch + 1 == EPOCHS { 0.3 } else { 1.0 };
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
fn auc(table: &dyn Table, towers: &Towers, cases: &Cases) -> Result<f64, Box<dyn Error>> {
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

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::new(Seed::from_number(1));
    let (train, test) = (world.cases(TRAIN, "train"), world.cases(TEST, "test"));
    println!("table            parameters      bytes    AUC");
    let line = |name: &str, parameters: usize, bytes: usize, auc: f64| {
        println!("{name:15} {parameters:11} {bytes:10}  {auc:.4}");
    };

    let mut draw = Draw::new(Seed::from_number(2));
    let values: Vec<f32> = (0..ITEMS * WIDTH).map(|_| (draw.unit() as f32 - 0.5) * 0.35).collect();
    let mut rows = Rows { adagrad: Adagrad(vec![0.0; values.len()]), values };
    let towers = learn(&mut rows, &train, 0.05)?;
    let dense = rows.parameters() + 2 * WIDTH * TOP;
    line("dense", dense, 4 * dense, auc(&rows, &towers, &test)?);
    drop(rows);

    let table = TrainEmbedding::new(&DIGITS, &WIDTHS, &[RANK; 3])?;
    let values = table.init(0.01, Seed::from_number(2));
    let mut cores = Cores { adagrad: Adagrad(vec![0.0; values.len()]), values, table };
    let towers = learn(&mut cores, &train, 0.05)?;
    let few = cores.parameters() + 2 * WIDTH * TOP;
    line("cores", few, 4 * few, auc(&cores, &towers, &test)?);

    // As it is sent: cores and towers with eight and with four bits.
    let entry = |name: &str, size: usize| Entry { name: name.into(), shape: vec![size as u32] };
    let mut entries: Vec<Entry> =
        (0..4).map(|core| entry(&core.to_string(), cores.table.shape().range(core).len())).collect();
    entries.extend([entry("user", WIDTH * TOP), entry("item", WIDTH * TOP)]);
    let layout = Arc::new(Layout::new(entries)?);
    let sent = Params::new([cores.values.as_slice(), &towers.user, &towers.item].concat(), layout.clone())?;
    for bits in [8, 4] {
        let codec = Uniform::new(bits)?;
        let packet = codec.compress(&sent, Seed::default())?;
        let mut values = codec.decompress(&packet, &layout, Limits::of(&layout))?.into_values();
        let item = values.split_off(values.len() - WIDTH * TOP);
        let user = values.split_off(values.len() - WIDTH * TOP);
        let towers = Towers { user, item, ..Towers::new(Seed::default()) };
        cores.values = values;
        line(&format!("cores, {bits} bits"), few, packet.len(), auc(&cores, &towers, &test)?);
    }
    println!("{:.0} times fewer parameters", dense as f64 / few as f64);
    Ok(())
}
