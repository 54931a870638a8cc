//! The world that purchases come from.
//!
//! Items are numbered as in a catalogue: the digits of a number are four attributes. Taste follows the attributes, a product of
//! two of them, and a part that belongs to the item alone. A few items are bought often, most hardly ever.

use bitneuron::core::Seed;
use rand::Rng;

/// The attributes of an item: 40 · 25 · 40 · 25 items.
pub(super) const DIGITS: [usize; 4] = [40, 25, 40, 25];
/// Items in the catalogue.
pub(super) const ITEMS: usize = 1_000_000;
/// Purchases known of each user.
pub(super) const HISTORY: usize = 10;
/// Dimensions of taste.
const TASTE: usize = 4;

/// Uniform numbers and normal ones from one stream.
pub(super) struct Draw(Box<dyn Rng>);

impl Draw {
    pub(super) fn new(seed: Seed) -> Self {
        Self(Box::new(seed.rng()))
    }

    pub(super) fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 4_294_967_296.0
    }

    /// About normal: the sum of twelve uniform numbers.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    fn vector(&mut self) -> [f64; TASTE] {
        std::array::from_fn(|_| self.normal())
    }
}

/// The world that purchases come from.
pub(super) struct World {
    seed: Seed,
    /// What each item is like.
    items: Vec<[f64; TASTE]>,
}

impl World {
    /// Seven tenths of the variance of an item come from its attributes, two from a product, one is its own.
    pub(super) fn new(seed: Seed) -> Self {
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
    pub(super) fn cases(&self, count: usize, name: &str) -> Cases {
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
pub(super) struct Cases {
    pub(super) rows: Vec<u32>,
    pub(super) labels: Vec<f32>,
}
