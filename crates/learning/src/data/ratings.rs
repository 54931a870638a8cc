//! Ratings that users gave to items, and what users bought.

use crate::draw::normal;
use bitneuron_core::Seed;
use rand::seq::index::sample;

/// One rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// The item.
    pub item: u32,
    /// How it was liked.
    pub value: f32,
}

/// The ratings of each user. A node has those of one user or of many.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ratings {
    /// For each user, what was rated.
    pub users: Vec<Vec<Rating>>,
}

/// Ratings that follow a few dimensions of taste.
///
/// ```text
/// rating = 3 + popularity of the item + ⟨taste of the user, nature of the item⟩ + noise
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taste {
    /// Users.
    pub users: usize,
    /// Items.
    pub items: u32,
    /// Dimensions of taste.
    pub dimensions: usize,
    /// Ratings of each user, of items without repetition.
    pub each: usize,
    /// The standard deviation of the noise.
    pub noise: f32,
}

impl Taste {
    /// Two sets of ratings of the same users on the same items, in proportion 4 to 1: to learn from, and to be judged by.
    pub fn draw(&self, seed: Seed) -> (Ratings, Ratings) {
        let mut rng = seed.derive("taste").rng();
        let mut vector = || (0..self.dimensions).map(|_| normal(&mut rng) as f32).collect::<Vec<f32>>();
        let natures: Vec<Vec<f32>> = (0..self.items).map(|_| vector()).collect();
        let tastes: Vec<Vec<f32>> = (0..self.users).map(|_| vector()).collect();
        let popularity: Vec<f32> = (0..self.items).map(|_| 0.5 * normal(&mut rng) as f32).collect();
        let scale = 1.0 / (self.dimensions.max(1) as f32).sqrt();
        let (mut known, mut hidden) = (Ratings::default(), Ratings::default());
        for (user, taste) in tastes.iter().enumerate() {
            let mut rng = seed.derive_number("rated items", user as u64).rng();
            let count = self.each.min(self.items as usize);
            let chosen = sample(&mut rng, self.items as usize, count);
            let mut all = chosen.iter().map(|item| {
                let liking: f32 = taste.iter().zip(&natures[item]).map(|(a, b)| a * b).sum();
                let noise = self.noise * normal(&mut rng) as f32;
                let value = 3.0 + popularity[item] + scale * liking + noise;
                Rating { item: item as u32, value }
            });
            known.users.push(all.by_ref().take(count - count / 5).collect());
            hidden.users.push(all.collect());
        }
        (known, hidden)
    }
}
