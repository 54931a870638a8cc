//! Affine forms: what an element of a tensor is inside a circuit.
//!
//! `constant + Σ coefficient · cell`, beside the integer that it has in the run that is proved. Additions, scalings, slices
//! and sums of a program cost no constraint: they only make forms. Coefficients and constants are kept within ±2⁶² by
//! [`Lin::is_plain`], so sums of up to 2²⁴ of them cannot overflow.

/// A cell of the circuit that does not depend on a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    /// A public value.
    Public(u32),
    /// An element of a tensor under its own commitment.
    Shared(u32),
    /// An auxiliary value, committed before the challenges.
    Early(u32),
}

/// An affine form over cells, and its value.
#[derive(Debug, Clone, Default)]
pub(super) struct Lin {
    pub(super) constant: i128,
    pub(super) terms: Vec<(Cell, i128)>,
    /// The value in the run that is proved; without meaning where only the shape is wanted.
    pub(super) value: i128,
}

/// Coefficients and constants of elements stay within this.
const PLAIN: u128 = 1 << 62;
/// Terms that an element has at most before it gets a cell of its own.
const TERMS: usize = 8;

impl Lin {
    pub(super) fn constant(value: i64) -> Self {
        Self { constant: value.into(), terms: Vec::new(), value: value.into() }
    }

    pub(super) fn cell(cell: Cell, value: i64) -> Self {
        Self { constant: 0, terms: vec![(cell, 1)], value: value.into() }
    }

    /// The value of a form without cells.
    pub(super) fn known(&self) -> Option<i128> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// Whether it is short and small enough to be worked with as it is.
    pub(super) fn is_plain(&self) -> bool {
        self.terms.len() <= TERMS
            && self.constant.unsigned_abs() <= PLAIN
            && self.terms.iter().all(|(_, by)| by.unsigned_abs() <= PLAIN)
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        self.plus_scaled(other, 1)
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        self.plus_scaled(other, -1)
    }

    pub(super) fn offset(mut self, by: i128) -> Self {
        self.constant = self.constant.wrapping_add(by);
        self.value = self.value.wrapping_add(by);
        self
    }

    pub(super) fn scaled(mut self, by: i128) -> Self {
        self.constant = self.constant.wrapping_mul(by);
        self.value = self.value.wrapping_mul(by);
        self.terms.iter_mut().for_each(|(_, own)| *own = own.wrapping_mul(by));
        self.terms.retain(|(_, own)| *own != 0);
        self
    }

    /// `self + by · other`.
    pub(super) fn plus_scaled(&self, other: &Self, by: i128) -> Self {
        let mut sum = self.clone();
        sum.constant = sum.constant.wrapping_add(other.constant.wrapping_mul(by));
        sum.value = sum.value.wrapping_add(other.value.wrapping_mul(by));
        for (cell, factor) in &other.terms {
            let factor = factor.wrapping_mul(by);
            match sum.terms.iter_mut().find(|(own, _)| own == cell) {
                Some((_, own)) => *own = own.wrapping_add(factor),
                None => sum.terms.push((*cell, factor)),
            }
        }
        sum.terms.retain(|(_, own)| *own != 0);
        sum
    }

    /// The sum of many forms.
    pub(super) fn sum<'a>(forms: impl IntoIterator<Item = (&'a Self, i128)>) -> Self {
        let mut total = Self::default();
        for (form, by) in forms {
            total.constant = total.constant.wrapping_add(form.constant.wrapping_mul(by));
            total.value = total.value.wrapping_add(form.value.wrapping_mul(by));
            total.terms.extend(form.terms.iter().map(|(cell, own)| (*cell, own.wrapping_mul(by))));
        }
        total.terms.sort_unstable_by_key(|(cell, _)| *cell);
        total.terms.dedup_by(|(next, more), (cell, own)| {
            let same = next == cell;
            if same {
                *own = own.wrapping_add(*more);
            }
            same
        });
        total.terms.retain(|(_, own)| *own != 0);
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_add_up_and_cancel() {
        let (x, y) = (Lin::cell(Cell::Early(0), 3), Lin::cell(Cell::Shared(1), -5));
        let form = x.clone().scaled(2).plus(&y).offset(7);
        assert_eq!((form.value, form.constant, form.terms.len()), (8, 7, 2));
        let zero = form.minus(&Lin::sum([(&x, 2), (&y, 1)])).offset(-7);
        assert_eq!((zero.known(), zero.value), (Some(0), 0));
        assert!(form.is_plain() && !form.scaled(1 << 62).is_plain());
    }
}
