//! The two towers, which turn sums of embeddings into scores.

use super::{
    WIDTH,
    table::Adagrad,
    world::{Draw, HISTORY},
};
use bitneuron::compress::linalg::{LinalgError, Matrix, Onto, multiply_f32};
use bitneuron::core::Seed;

/// Values that the towers end in.
pub(super) const TOP: usize = 32;

/// Both towers: `[WIDTH, TOP]` each.
pub(super) struct Towers {
    pub(super) user: Vec<f32>,
    pub(super) item: Vec<f32>,
    adagrad: [Adagrad; 2],
}

/// What the towers made of a batch.
pub(super) struct Pass {
    bottom: [Vec<f32>; 2],
    top: [Vec<f32>; 2],
    pub(super) scores: Vec<f32>,
}

impl Towers {
    pub(super) fn new(seed: Seed) -> Self {
        let mut draw = Draw::new(seed);
        let mut matrix =
            || (0..WIDTH * TOP).map(|_| (draw.normal() / (WIDTH as f64).sqrt()) as f32).collect();
        let user = matrix();
        Self::of(user, matrix())
    }

    /// Towers with these values.
    pub(super) fn of(user: Vec<f32>, item: Vec<f32>) -> Self {
        let adagrad = || Adagrad::new(WIDTH * TOP);
        Self { user, item, adagrad: [adagrad(), adagrad()] }
    }

    /// From the sums of the bags, history and item in turn.
    pub(super) fn forward(&self, sums: &[f32]) -> Result<Pass, LinalgError> {
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
    pub(super) fn train(&mut self, pass: &Pass, labels: &[f32], rate: f32) -> Result<Vec<f32>, LinalgError> {
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
