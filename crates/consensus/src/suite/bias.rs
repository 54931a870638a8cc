//! What chance is worth to whoever can bend it: exact expectations of an adversary's slots in an epoch.
//!
//! An adversary with a share α of the weight proposes n·α of the n heights of an epoch in the mean, for each seed a number X
//! with the binomial law of (n, α). If it may choose among m seeds it takes the best: `E[max of m] = n − Σₓ F(x)^m` with the
//! distribution function F. How many there are to choose from depends on the k heights at the end of the epoch before that
//! are all its own, which happens with probability `α^k·(1 − α)`. Results are gains relative to n·α.

/// An adversary's share of the weight, and the heights of an epoch.
#[derive(Debug, Clone)]
pub struct Adversary {
    share: f64,
    heights: u32,
    /// `below[x]` is the probability of at most x own heights.
    below: Vec<f64>,
}

/// The least probability of a case that is looked at.
const NEGLIGIBLE: f64 = 1e-7;

impl Adversary {
    /// An adversary with this share, strictly between 0 and 1.
    pub fn new(share: f64, heights: u32) -> Self {
        let n = f64::from(heights);
        let (mut log, mut sum) = (n * (1.0 - share).ln(), 0.0_f64);
        let odds = (share / (1.0 - share)).ln();
        let below = (0..=heights).map(f64::from).map(|x| {
            sum += log.exp();
            log += ((n - x) / (x + 1.0)).ln() + odds;
            sum.min(1.0)
        });
        Self { share, heights, below: below.collect() }
    }

    /// How many heights are its own in the mean.
    pub fn mean(&self) -> f64 {
        f64::from(self.heights) * self.share
    }

    /// The greatest of `seeds` independent numbers of own heights in the mean, or `sure` instead where that is more.
    pub fn best(&self, seeds: u64, sure: f64) -> f64 {
        let above = |x: f64| {
            let below = if x < 0.0 { 0.0 } else { self.below.get(x as usize).copied().unwrap_or(1.0) };
            1.0 - below.powf(seeds as f64)
        };
        let first = sure.ceil();
        let whole: f64 = (first as u32..=self.heights).map(|x| above(f64::from(x))).sum();
        sure + (first - sure) * above(first - 1.0) + whole
    }

    /// The gain of whoever may choose among this many seeds in every epoch.
    pub fn grinding(&self, seeds: u64) -> f64 {
        self.best(seeds, 0.0) / self.mean() - 1.0
    }

    /// The gain where a height that is withheld stays empty: each of the last k heights gives one bit of choice. What the
    /// withheld heights themselves would have earned is not counted against it.
    pub fn withholding(&self) -> f64 {
        let chance = |k: &u32| self.share.powf(f64::from(*k)) * (1.0 - self.share);
        let ks = (0..63).take_while(|k| chance(k) > NEGLIGIBLE);
        let mean: f64 = ks.map(|k| chance(&k) * (self.best(1 << k, 0.0) - self.mean())).sum();
        mean / self.mean()
    }

    /// The gain where a height that is withheld goes to the proposer of the next round, as on this chain, for an adversary
    /// that plays as well as can be, with a key for every draw.
    ///
    /// It knows its own outputs beforehand, so with r rounds of its own at each of the last heights it knows the product of
    /// all r of seeds. Or it leaves a height to the first honest proposer, which costs that height, and hopes for what the
    /// heights after it then give: unknown now, so worth their mean. With `next` for the value of those,
    /// `value = E[max(best of the product, next − 1)]`.
    pub fn passing_on(&self) -> f64 {
        self.passed(1.0, 1, self.mean()) / self.mean()
    }

    /// The value of the trailing own heights so far, `next`, with `seeds` to choose from, and of all longer cases.
    fn passed(&self, chance: f64, seeds: u64, next: f64) -> f64 {
        let mut sum = chance * (1.0 - self.share) * (next - self.mean());
        for rounds in 1..64u32 {
            let chance = chance * self.share.powf(f64::from(rounds)) * (1.0 - self.share);
            if chance < NEGLIGIBLE {
                break;
            }
            let seeds = seeds.saturating_mul(u64::from(rounds));
            sum += self.passed(chance, seeds, self.best(seeds, next - 1.0));
        }
        sum
    }
}
