//! Sums of products: term by term where that is cheap, else as a promise that a challenge checks.
//!
//! A matrix product `[m, k] · [k, n]` takes `m·k·n` constraints term by term, and about `m·k + k·n + m·n` when the result is
//! given first and checked as a polynomial identity afterwards (Freivalds), see [`super::synthesis`].

use super::SpartanError;
use super::circuit::{MOST, Product};
use super::compile::{Compiler, Forms, Shown};
use super::lin::Lin;
use super::spread::Axes;
use bitneuron_core::exact::tensor::elements;
use bitneuron_core::exact::{Einsum, Interval, ValueId};

impl Compiler<'_> {
    pub(super) fn einsum(
        &mut self,
        spec: &Einsum,
        a: ValueId,
        b: ValueId,
        id: ValueId,
    ) -> Result<(Forms, Shown), SpartanError> {
        let axes = Axes::new(spec, self.shape(a), self.shape(b), self.shape(id));
        let (left, right) = (self.interval(a), self.interval(b));
        let shown = left.times(right).and_then(|term| term.sum_of(axes.summed())).unwrap_or(Interval::WIDEST);
        let shown = shown.join(Interval { lo: 0, hi: 0 });
        let (rows, summed, columns) = (axes.rows(), axes.summed(), axes.columns());
        let single = rows.saturating_mul(columns).saturating_mul(summed);
        let checked = (rows + columns).saturating_mul(summed) + 2 * rows * columns + summed;
        let known = |id: ValueId| self.forms(id).iter().all(|form| form.known().is_some());
        let linear = known(a) || known(b);
        let work = if linear { single / 4 } else { single.min(checked) };
        if work.saturating_mul(axes.batches()) > MOST {
            return Err(SpartanError::TooLarge { limit: MOST });
        }
        let mut out = vec![Lin::default(); elements(self.shape(id)).unwrap_or(0)];
        for batch in 0..axes.batches() {
            let matrices = [self.take(a, &axes.left(batch)), self.take(b, &axes.right(batch))];
            let places = axes.out(batch);
            let results = if linear || single <= checked {
                self.multiplied(matrices, summed)
            } else {
                self.promised(matrices, (summed, columns), id, &places)
            };
            for (place, form) in places.into_iter().zip(results) {
                if let Some(slot) = out.get_mut(place) {
                    *slot = form;
                }
            }
        }
        Ok((out, Shown::Within(shown)))
    }

    /// Every product on its own; `[rows, summed]` times `[columns, summed]`.
    fn multiplied(&mut self, [a, b]: [Forms; 2], summed: usize) -> Forms {
        let size = summed.max(1);
        let mut out = Vec::new();
        for row in a.chunks(size) {
            for column in b.chunks(size) {
                let terms: Forms = row.iter().zip(column).map(|(x, y)| self.circuit.times(x, y)).collect();
                out.push(Lin::sum(terms.iter().map(|term| (term, 1))));
            }
        }
        out
    }

    /// Cells for the result, and the promise that they are the product.
    fn promised(
        &mut self,
        [a, b]: [Forms; 2],
        (summed, columns): (usize, usize),
        id: ValueId,
        places: &[usize],
    ) -> Forms {
        let c: Forms = places
            .iter()
            .map(|at| {
                let value = self.value(id, *at);
                self.circuit.cell(value.into())
            })
            .collect();
        self.circuit.product(Product { summed, columns, a, b, c: c.clone() });
        c
    }
}
