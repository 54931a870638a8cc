//! Batches of shuffled rows.

use crate::model::{Batch, ModelError};
use crate::scratch;
use rand::{Rng, seq::SliceRandom as _};

/// Rows to go through again and again.
pub(super) struct Batches<'a> {
    features: &'a [f32],
    labels: &'a [u32],
    inputs: usize,
    size: usize,
    order: Vec<usize>,
}

impl<'a> Batches<'a> {
    /// Batches of at most `size` of these rows, which are `[n, inputs]`.
    pub(super) fn new(features: &'a [f32], labels: &'a [u32], inputs: usize, size: usize) -> Self {
        Self {
            features,
            labels,
            inputs,
            size: size.clamp(1, labels.len().max(1)),
            order: (0..labels.len()).collect(),
        }
    }

    /// Calls `each` with all rows, shuffled anew.
    pub(super) fn epoch<E: From<ModelError>>(
        &mut self,
        rng: &mut impl Rng,
        mut each: impl FnMut(&Batch<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.order.shuffle(rng);
        let mut chosen = Vec::with_capacity(self.size);
        scratch::with(self.size * self.inputs, |rows| {
            for indices in self.order.chunks(self.size) {
                chosen.clear();
                for (index, row) in indices.iter().zip(rows.chunks_exact_mut(self.inputs)) {
                    row.copy_from_slice(&self.features[index * self.inputs..(index + 1) * self.inputs]);
                    chosen.push(self.labels[*index]);
                }
                each(&Batch::new(&rows[..indices.len() * self.inputs], &chosen))?;
            }
            Ok(())
        })
    }
}
