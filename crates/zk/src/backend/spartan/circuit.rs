//! Circuits: cells, products, lookups, and the matrix products left to the challenge.
//!
//! A [`Circuit`] is what a program becomes before any challenge is drawn: cells in three segments (see [`Cell`]), constraints
//! `a · b = c` over affine forms, and what is checked with challenges afterwards, see [`super::synthesis`]. Built for the keys it
//! keeps the constraints and has no values; built for a proof it is the other way round. Both ways go through the same calls, so
//! that cells and constraints come out the same.

use super::SpartanError;
use super::engine::Scalar;
use super::lin::{Cell, Lin};
use ff::{Field, PrimeField};
use std::collections::BTreeMap;

/// Bits of a limb: ranges are checked in a table of 2¹¹ rows.
pub(super) const LIMB: u32 = 11;
/// The most constraints and cells of a circuit, 2¹⁸ each.
pub(super) const MOST: usize = 1 << 18;

/// A form over a scale that lies in a table: `form / scale ∈ table`, and `image`, where the table has one, at its place.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) form: Lin,
    pub(super) scale: i128,
    pub(super) image: Option<Lin>,
}

/// A table with all looks at it. Rows without an image are `0, 1, …`.
#[derive(Debug, Clone, Default)]
pub(super) struct TableLooks {
    /// The argument of the first row.
    pub(super) first: i64,
    /// The images; of a range there are none.
    pub(super) images: Option<Vec<i64>>,
    pub(super) rows: usize,
    pub(super) looks: Vec<Look>,
    /// How often each row is looked at.
    pub(super) counts: Vec<u64>,
    /// The cell of the first count, once they have cells.
    pub(super) first_count: u32,
}

/// `c = a · bᵀ` for matrices `[rows, summed]` and `[columns, summed]`, row-major.
#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) summed: usize,
    pub(super) columns: usize,
    pub(super) a: Vec<Lin>,
    pub(super) b: Vec<Lin>,
    pub(super) c: Vec<Lin>,
}

/// A circuit under construction, or built.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    /// Whether it has values, and keeps no constraints.
    pub(super) valued: bool,
    pub(super) public: Vec<Scalar>,
    pub(super) shared: Vec<Scalar>,
    pub(super) early: Vec<Scalar>,
    pub(super) constraints: Vec<[Lin; 3]>,
    pub(super) products: Vec<Product>,
    /// The first is the range of a limb.
    pub(super) tables: Vec<TableLooks>,
    /// Bits that say whether a form is positive, by the form.
    signs: BTreeMap<Affine, Lin>,
    late: usize,
    count: usize,
}

/// A form without its value: its cells in order, and its constant.
type Affine = (Vec<(Cell, i128)>, i128);

fn affine(form: &Lin) -> Affine {
    let mut terms = form.terms.clone();
    terms.sort_unstable();
    (terms, form.constant)
}

impl Circuit {
    pub(super) fn new(valued: bool, tables: &[bitneuron_core::exact::Table]) -> Self {
        let rows = 1usize << LIMB;
        let limbs = TableLooks { rows, counts: vec![0; rows], ..TableLooks::default() };
        let others = tables.iter().map(|table| TableLooks {
            first: table.first,
            images: Some(table.values.clone()),
            rows: table.values.len(),
            counts: vec![0; table.values.len()],
            ..TableLooks::default()
        });
        Self { valued, tables: std::iter::once(limbs).chain(others).collect(), ..Self::default() }
    }

    /// How large it is: constraints, those of the challenges included.
    pub(super) fn size(&self) -> usize {
        self.count.saturating_add(self.late)
    }

    /// Whether it is still small enough.
    pub(super) fn check(&self) -> Result<(), SpartanError> {
        if self.size().max(self.early.len()) > MOST || self.public.len() > MOST / 16 {
            return Err(SpartanError::TooLarge { limit: MOST });
        }
        Ok(())
    }

    pub(super) fn public(&mut self, value: i64) -> Lin {
        self.public.push(scalar(value.into()));
        Lin::cell(Cell::Public((self.public.len() - 1) as u32), value)
    }

    pub(super) fn shared(&mut self, value: i64) -> Lin {
        self.shared.push(scalar(value.into()));
        Lin::cell(Cell::Shared((self.shared.len() - 1) as u32), value)
    }

    /// Fills the segment of commitments up to a whole row.
    pub(super) fn fill_row(&mut self, width: usize) {
        self.shared.resize(self.shared.len().next_multiple_of(width), Scalar::ZERO);
    }

    /// A new cell with a value that the prover chooses.
    pub(super) fn cell(&mut self, value: i128) -> Lin {
        self.early.push(scalar(value));
        let cell = Cell::Early((self.early.len() - 1) as u32);
        Lin { constant: 0, terms: vec![(cell, 1)], value }
    }

    /// A new cell whose value is no small integer. The value of its form is not to be used.
    pub(super) fn field_cell(&mut self, value: Scalar) -> Lin {
        let form = self.cell(0);
        if let Some(last) = self.early.last_mut() {
            *last = value;
        }
        form
    }

    /// Demands `a · b = c`.
    pub(super) fn demand(&mut self, a: &Lin, b: &Lin, c: &Lin) {
        self.count += 1;
        if !self.valued {
            self.constraints.push([a.clone(), b.clone(), c.clone()]);
        }
    }

    /// Demands that a form is zero.
    pub(super) fn demand_zero(&mut self, form: &Lin) {
        self.demand(form, &Lin::constant(1), &Lin::default());
    }

    /// The form, or a cell that equals it where it is long.
    pub(super) fn plain(&mut self, form: Lin) -> Lin {
        if form.is_plain() {
            return form;
        }
        let cell = self.cell(form.value);
        self.demand(&form, &Lin::constant(1), &cell);
        cell
    }

    /// `a · b`.
    pub(super) fn times(&mut self, a: &Lin, b: &Lin) -> Lin {
        match (a.known(), b.known()) {
            (Some(known), _) => b.clone().scaled(known),
            (_, Some(known)) => a.clone().scaled(known),
            _ => {
                let cell = self.cell(a.value.wrapping_mul(b.value));
                self.demand(a, b, &cell);
                cell
            }
        }
    }

    /// A cell that is 0 or 1.
    pub(super) fn bit(&mut self, value: bool) -> Lin {
        let bit = self.cell(value.into());
        self.demand(&bit, &bit, &bit);
        bit
    }

    /// The bit that says whether a form is positive, where there is one already: a network asks for the signs of its hidden units
    /// on the way forth and on the way back.
    pub(super) fn sign(&self, form: &Lin) -> Option<Lin> {
        self.signs.get(&affine(form)).cloned()
    }

    pub(super) fn keep_sign(&mut self, form: &Lin, bit: &Lin) {
        self.signs.insert(affine(form), bit.clone());
    }

    /// Demands that `form / scale`, with `image`, is a row of a table.
    pub(super) fn look(&mut self, table: usize, form: Lin, scale: i128, image: Option<Lin>) {
        self.late += 1 + usize::from(image.is_some());
        let Some(table) = self.tables.get_mut(table) else { return };
        if table.looks.is_empty() {
            self.late += table.rows + 1;
        }
        let row =
            form.value.checked_div(scale).and_then(|at| usize::try_from(at - i128::from(table.first)).ok());
        if let Some(count) = row.and_then(|row| table.counts.get_mut(row)) {
            *count += 1;
        }
        table.looks.push(Look { form, scale, image });
    }

    /// Leaves `c = a · b` to the challenge.
    pub(super) fn product(&mut self, product: Product) {
        self.late += product.a.len() + product.b.len() + product.c.len() + product.summed + 64;
        self.products.push(product);
    }

    /// Gives the counts of all tables their cells, after the last look.
    pub(super) fn finish(&mut self) {
        for at in 0..self.tables.len() {
            let first = self.early.len() as u32;
            let Some(table) = self.tables.get_mut(at).filter(|table| !table.looks.is_empty()) else {
                continue;
            };
            table.first_count = first;
            self.early.extend(table.counts.iter().map(|count| Scalar::from(*count)));
        }
        // The library wants no empty segment.
        self.early.push(Scalar::ZERO);
    }
}

/// An integer as an element of the field.
pub(super) fn scalar(value: i128) -> Scalar {
    let magnitude = Scalar::from_u128(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}
