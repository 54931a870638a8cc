//! Rows that are asked for often, kept as they are.
//!
//! Every row has one slot. A row that is asked for and found makes its claim to the slot stronger; one that is not found
//! weakens the claim of the row that is there, and takes the slot once nothing is left of it. So rows are kept that are
//! asked for more often than all others of their slot together, and nothing depends on addresses or time.

use super::{FactorError, Factored, TrainEmbedding, check_length};

/// A cache of embeddings, for serving.
///
/// The rows are those of the cores that they were computed from: call [`HotRows::clear`] when the cores change.
#[derive(Debug, Clone)]
pub struct HotRows {
    slots: Vec<Slot>,
    values: Vec<f32>,
    width: usize,
    hits: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    row: u32,
    /// How much more often than the others of its slot the row was asked for; 0: the slot is free.
    claim: u32,
}

impl HotRows {
    /// A cache with room for `slots` rows of this table (at least one).
    pub fn new(table: &TrainEmbedding, slots: usize) -> Self {
        let (slots, width) = (slots.max(1), table.outputs());
        Self { slots: vec![Slot::default(); slots], values: vec![0.0; slots * width], width, hits: 0 }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.slots.fill(Slot::default());
    }

    /// How many rows were found so far.
    pub const fn hits(&self) -> u64 {
        self.hits
    }

    /// [`TrainEmbedding::look_up`], where rows that are kept are copied.
    ///
    /// # Errors
    /// As [`TrainEmbedding::look_up`]; also when the cache was made for a table of another width.
    pub fn look_up(
        &mut self,
        table: &TrainEmbedding,
        cores: &[f32],
        rows: &[u32],
        out: &mut [f32],
    ) -> Result<(), FactorError> {
        let width = self.width;
        check_length("cached values", width, table.outputs())?;
        check_length("outputs", out.len(), rows.len().saturating_mul(width))?;
        let mut missing = Vec::new();
        for (index, (row, out)) in rows.iter().zip(out.chunks_exact_mut(width)).enumerate() {
            let place = self.place(*row);
            let slot = &mut self.slots[place];
            if slot.claim > 0 && slot.row == *row {
                slot.claim = slot.claim.saturating_add(1);
                self.hits += 1;
                out.copy_from_slice(&self.values[place * width..(place + 1) * width]);
            } else {
                missing.push(index);
            }
        }
        let absent: Vec<u32> = missing.iter().map(|index| rows[*index]).collect();
        let mut found = vec![0.0; absent.len() * width];
        table.look_up(cores, &absent, &mut found)?;
        for ((index, row), values) in missing.iter().zip(&absent).zip(found.chunks_exact(width)) {
            out[index * width..(index + 1) * width].copy_from_slice(values);
            self.offer(*row, values);
        }
        Ok(())
    }

    /// Lets a row that was not found claim its slot.
    fn offer(&mut self, row: u32, values: &[f32]) {
        let place = self.place(row);
        let slot = &mut self.slots[place];
        if slot.claim > 0 && slot.row == row {
            slot.claim = slot.claim.saturating_add(1);
        } else if slot.claim > 1 {
            slot.claim -= 1;
        } else {
            *slot = Slot { row, claim: 1 };
            self.values[place * self.width..(place + 1) * self.width].copy_from_slice(values);
        }
    }

    /// The slot of a row. Two rounds of shift and multiply, so that rows at regular distances do not meet.
    fn place(&self, row: u32) -> usize {
        let mixed = (row ^ row >> 16).wrapping_mul(0x7feb_352d);
        let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x846c_a68b);
        ((u64::from(mixed ^ mixed >> 16) * self.slots.len() as u64) >> 32) as usize
    }
}
