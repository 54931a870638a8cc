//! Matrix factorisation in which what is known of a user never leaves the user.
//!
//! ```text
//! rating(u, j) ≈ b_j + ⟨y_j, p_u⟩ + c_u
//! L(Y, b) = mean over users of  min_{p, c} (1/m) [ Σ_j (r_j − b_j − ⟨y_j, p⟩ − c)² + λ(‖p‖² + c²) ]
//! ∂L_u/∂y_j = −(2/m)·e_j·p,    ∂L_u/∂b_j = −(2/m)·e_j,     e: the errors at the best p and c
//! ```
//!
//! The parameters are those of the items alone: `items [items, rank]`, `biases [items]`. A user's own factor is the solution
//! of a small ridge regression on the user's ratings, made anew whenever it is needed (Koren et al., IEEE Computer 42, 2009,
//! for the model; variable projection, Golub and Pereyra 1973, for the gradient: at the minimum its slope is 0). So items are
//! what is trained, merged and sent, and an update needs no state.

use super::{ModelError, check_length};
use crate::data::{Rating, Ratings};
use crate::optim::{Objective, Session};
use bitneuron_compress::linalg;
use bitneuron_core::{Layout, Params, Seed};
use rand::RngExt as _;
use std::sync::Arc;

/// Factors of items.
#[derive(Debug, Clone)]
pub struct MatrixFactorisation {
    items: usize,
    rank: usize,
    lambda: f32,
    layout: Arc<Layout>,
}

/// What is known of a user, given the items: the factor, then the offset.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile(Vec<f32>);

impl MatrixFactorisation {
    /// Factors of `rank` values for so many items; `lambda` above 0 keeps users with few ratings near the average.
    ///
    /// # Errors
    /// A size or λ that is not positive, or more parameters than a layout may have.
    pub fn new(items: usize, rank: usize, lambda: f32) -> Result<Self, ModelError> {
        let refuse = || ModelError::Widths(vec![items, rank]);
        let size = |size: usize| u32::try_from(size).ok().filter(|size| *size > 0).ok_or_else(refuse);
        if !(lambda > 0.0 && lambda.is_finite()) {
            return Err(refuse());
        }
        let entries: [(&str, &[u32]); 2] =
            [("items", &[size(items)?, size(rank)?]), ("biases", &[size(items)?])];
        let layout = Layout::of(&entries).map_err(|_| refuse())?;
        Ok(Self { items, rank, lambda, layout: Arc::new(layout) })
    }

    /// Small random factors, biases zero.
    pub fn init(&self, seed: Seed) -> Params {
        let mut params = Params::zeros(Arc::clone(&self.layout));
        let mut rng = seed.derive("initial factors").rng();
        let bound = 1.0 / (self.rank as f32).sqrt();
        let factors = params.values_mut().iter_mut().take(self.items * self.rank);
        factors.for_each(|value| *value = bound * (2.0 * rng.random::<f32>() - 1.0));
        params
    }

    /// The factor that explains these ratings best.
    ///
    /// # Errors
    /// Parameters of another length, an item that does not exist, or numbers that are not finite.
    pub fn profile(&self, params: &[f32], ratings: &[Rating]) -> Result<Profile, ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        self.check(ratings)?;
        let size = self.rank + 1;
        // The normal equations of the columns ⟨y_j, 1⟩.
        let (mut squares, mut right) = (vec![0.0f64; size * size], vec![0.0f64; size]);
        for rating in ratings {
            let (factor, bias) = self.item(params, rating.item);
            let column = |at: usize| factor.get(at).map_or(1.0, |value| f64::from(*value));
            for a in 0..size {
                right[a] += column(a) * f64::from(rating.value - bias);
                (0..size).for_each(|b| squares[a * size + b] += column(a) * column(b));
            }
        }
        squares.iter_mut().step_by(size + 1).for_each(|value| *value += f64::from(self.lambda));
        let solved = linalg::solve(&squares, &right, [size, 1]).map_err(|_| ModelError::NotFinite)?;
        let values: Vec<f32> = solved.into_iter().map(|value| value as f32).collect();
        if values.iter().all(|value| value.is_finite()) {
            Ok(Profile(values))
        } else {
            Err(ModelError::NotFinite)
        }
    }

    /// What this user would rate an item.
    ///
    /// # Errors
    /// Parameters or a profile of another length, or an item that does not exist.
    pub fn predict(&self, params: &[f32], user: &Profile, item: u32) -> Result<f32, ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        check_length("values of a profile", user.0.len(), self.rank + 1)?;
        self.check(&[Rating { item, value: 0.0 }])?;
        Ok(self.rating(params, user, item))
    }

    /// The root of the mean squared error on hidden ratings of users of whom others are known.
    ///
    /// # Errors
    /// As [`MatrixFactorisation::profile`].
    pub fn error(&self, params: &[f32], known: &Ratings, hidden: &Ratings) -> Result<f64, ModelError> {
        let (mut sum, mut count) = (0.0, 0u64);
        for (known, hidden) in known.users.iter().zip(&hidden.users) {
            let user = self.profile(params, known)?;
            self.check(hidden)?;
            for rating in hidden {
                sum += f64::from(self.rating(params, &user, rating.item) - rating.value).powi(2);
                count += 1;
            }
        }
        Ok((sum / count.max(1) as f64).sqrt())
    }

    fn check(&self, ratings: &[Rating]) -> Result<(), ModelError> {
        match ratings.iter().find(|rating| rating.item as usize >= self.items) {
            Some(rating) => Err(ModelError::Label { label: rating.item, classes: self.items }),
            None => Ok(()),
        }
    }

    fn item<'a>(&self, params: &'a [f32], item: u32) -> (&'a [f32], f32) {
        let (factors, biases) = params.split_at(self.items * self.rank);
        let at = item as usize * self.rank;
        (&factors[at..at + self.rank], biases[item as usize])
    }

    fn rating(&self, params: &[f32], Profile(user): &Profile, item: u32) -> f32 {
        let (factor, bias) = self.item(params, item);
        let offset = user.last().copied().unwrap_or(0.0);
        bias + offset + factor.iter().zip(user).map(|(a, b)| a * b).sum::<f32>()
    }

    /// The loss of one user; adds `weight` times its slopes to `gradient`.
    fn learn(
        &self,
        params: &[f32],
        ratings: &[Rating],
        weight: f32,
        gradient: Option<&mut [f32]>,
    ) -> Result<f64, ModelError> {
        if ratings.is_empty() {
            return Ok(0.0);
        }
        let user = self.profile(params, ratings)?;
        let each = 1.0 / ratings.len() as f32;
        let error = |rating: &Rating| rating.value - self.rating(params, &user, rating.item);
        let penalty: f64 = user.0.iter().map(|value| f64::from(*value).powi(2)).sum();
        let squares: f64 = ratings.iter().map(|rating| f64::from(error(rating)).powi(2)).sum();
        if let Some(gradient) = gradient {
            let (factors, biases) = gradient.split_at_mut(self.items * self.rank);
            for rating in ratings {
                let slope = -2.0 * weight * each * error(rating);
                let at = rating.item as usize * self.rank;
                let own = factors[at..at + self.rank].iter_mut().zip(&user.0);
                own.for_each(|(sum, value)| *sum += slope * value);
                biases[rating.item as usize] += slope;
            }
        }
        Ok(f64::from(each) * (squares + f64::from(self.lambda) * penalty))
    }
}

/// A case is a user with all of the user's ratings.
impl Objective<Ratings> for MatrixFactorisation {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn cases(&self, data: &Ratings) -> Result<usize, ModelError> {
        data.users.iter().try_for_each(|ratings| self.check(ratings))?;
        Ok(data.users.len())
    }

    fn loss(&self, params: &[f32], data: &Ratings) -> Result<f64, ModelError> {
        let losses = data.users.iter().map(|ratings| self.learn(params, ratings, 0.0, None));
        Ok(losses.sum::<Result<f64, _>>()? / data.users.len().max(1) as f64)
    }

    fn gradient(
        &self,
        params: &[f32],
        data: &Ratings,
        chosen: &[usize],
        _: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        check_length("gradient", gradient.len(), self.layout.len())?;
        gradient.fill(0.0);
        let users: Vec<&Vec<Rating>> = chosen.iter().filter_map(|user| data.users.get(*user)).collect();
        let weight = 1.0 / users.len().max(1) as f32;
        let mut loss = 0.0;
        for ratings in users {
            loss += f64::from(weight) * self.learn(params, ratings, weight, Some(gradient))?;
        }
        Ok(loss)
    }
}
