//! Ranks: how far pads reach onto messages, and random cells onto what is told after the last challenge.

use super::super::eq;
use super::super::field::{Ext, Val, transcript};
use super::super::geometry::Setup;
use super::super::masks::Masks;
use super::super::product::fold;
use super::super::protocol::{Frame, Layout, Total};
use super::super::system::VEIL;
use super::*;
use bitneuron_core::Digest;
use p3_challenger::FieldChallenger;
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing};

/// Vectors as a basis in echelon form.
struct Span<F> {
    basis: Vec<Option<Vec<F>>>,
}

impl<F: Field> Span<F> {
    fn new(rows: usize) -> Self {
        Self { basis: vec![None; rows] }
    }

    /// Adds a vector.
    fn add(&mut self, mut vector: Vec<F>) {
        for at in 0..vector.len() {
            if vector[at] == F::ZERO {
                continue;
            }
            if let Some(row) = &self.basis[at] {
                let by = vector[at];
                vector.iter_mut().zip(row).skip(at).for_each(|(own, other)| *own -= by * *other);
            } else {
                let by = vector[at].inverse();
                vector.iter_mut().for_each(|own| *own *= by);
                self.basis[at] = Some(vector);
                return;
            }
        }
    }

    fn rank(&self) -> usize {
        self.basis.iter().flatten().count()
    }
}

/// Pads onto messages at given challenges: the rank, and how many messages there are.
fn pads_rank(frame: &Frame<'_>, masks: Masks) -> (usize, usize) {
    let plain = frame.plan.plain;
    let on = masks.on(frame);
    let mut rows: Vec<Vec<Ext>> = Vec::new();
    let row = |coefficients: &[(usize, Ext)]| {
        let mut row = vec![Ext::ZERO; plain];
        coefficients.iter().filter(|(pad, _)| on[*pad]).for_each(|(pad, by)| row[*pad] += *by);
        row
    };
    let blinds = frame.plan.blinds();
    for pad in (0..plain).filter(|pad| blinds.is_none_or(|first| *pad != first && *pad != first + 1)) {
        rows.push(row(&[(pad, Ext::ONE)]));
    }
    if blinds.is_some() {
        let claims = claims(frame, &mut transcript(Digest::ZERO), &draws(5, messages(frame)));
        // The last claims before those of zeros are what the two shown values are made of.
        let end = claims.len() - frame.system.zeros.len();
        claims[end - 2..end].iter().for_each(|claim| rows.push(row(&claim.pads)));
    }
    let mut span = Span::new(plain);
    let count = rows.len();
    rows.into_iter().for_each(|row| span.add(row));
    (span.rank(), count)
}

#[test]
fn pads_reach_every_message() {
    for (name, backend, program) in shapes() {
        if name == "a step 64-32-10" {
            continue;
        }
        let shape = Shape::new(&backend, &program);
        let frame = Frame::new(&shape.system);
        let (rank, count) = pads_rank(&frame, Masks::ALL);
        assert_eq!(rank, count, "{name}");
        for (mask, masks) in SINGLE {
            let (rank, count) = pads_rank(&frame, masks);
            // The veil masks what comes after these messages.
            let needed = count > 0 && mask != "veil";
            assert_eq!(rank < count, needed, "{name} without {mask}: {rank} of {count}");
        }
    }
}

/// What is told of cells after the last challenge, at a point.
struct Told<'a> {
    setup: &'a Setup,
    total: &'a Total,
    bases: Vec<usize>,
    widths: Vec<usize>,
    /// The weights before each round.
    tables: Vec<Vec<Ext>>,
    point: Vec<Ext>,
}

impl<'a> Told<'a> {
    fn new(layout: &'a Layout<'_>, total: &'a Total, point: Vec<Ext>) -> Self {
        let mut tables = vec![layout.table(total)];
        for r in &point {
            let mut next = tables.last().unwrap().clone();
            fold(&mut next, *r);
            tables.push(next);
        }
        let widths = layout.roots.iter().map(|root| root.limbs(layout.setup.capacity())).collect();
        Self { setup: layout.setup, total, bases: layout.bases(), widths, tables, point }
    }

    /// What one cell adds to: the sum, all messages, the value at the point, what the veil comes to, and the groups' values.
    fn column(&self, limb: usize, row: usize) -> Vec<Val> {
        let (rows, variables) = (self.setup.cells(), self.point.len());
        let cell = limb * rows + row;
        let mut column = vec![self.tables[0][cell]];
        let mut before = Ext::ONE;
        for (round, r) in self.point.iter().enumerate() {
            let half = 1 << (variables - 1 - round);
            let (table, rest) = (&self.tables[round], cell & (half - 1));
            let one = cell & half != 0;
            let (low, high) = (table[rest], table[half + rest]);
            column.push(if one { Ext::ZERO } else { before * low });
            column.push(before * (high.double() - low) * if one { Ext::TWO } else { -Ext::ONE });
            before *= if one { *r } else { Ext::ONE - *r };
        }
        column.push(before);
        let veil = self.total.veil.iter().filter(|(own, from, _)| *own == limb && *from <= row);
        column.push(veil.filter_map(|(_, from, weights)| weights.get(row - from).copied()).sum());
        for (((_, at, _), base), width) in self.total.points.iter().zip(&self.bases).zip(&self.widths) {
            let (high, low) = at.split_at(at.len() - usize::from(self.setup.geometry().rows));
            let inside = (*base..base + width).contains(&limb);
            column.push(if inside { eq::at(high, limb - base) * eq::at(low, row) } else { Ext::ZERO });
        }
        column.iter().flat_map(|value| value.as_basis_coefficients_slice().to_vec()).collect()
    }
}

/// Random cells of group `at`: of the own one, which is opened once, all; of others those that no opening uses up.
fn random_cells(shape: &Shape, at: usize, masks: Masks) -> Vec<(usize, usize)> {
    let (setup, capacity) = (&shape.setup, shape.setup.capacity());
    let limbs = shape.groups[at].root().limbs(capacity);
    let own = at + 1 == shape.groups.len();
    let mut cells = Vec::new();
    if own && masks.veil {
        let elements = shape.groups[at].root().elements();
        cells.extend((0..VEIL).map(|at| (at / capacity, at % capacity)));
        for limb in 0..limbs {
            let end = elements.saturating_sub(limb * capacity).min(capacity);
            cells.extend((end..setup.cells()).map(|row| (limb, row)));
        }
    }
    if !own {
        cells.extend((0..limbs).flat_map(|limb| (0..setup.blinds()).map(move |at| (limb, capacity + at))));
    }
    cells
}

/// Ranks of what random cells and all cells reach in as many proofs as groups may be opened in, two at most: each proof has an
/// own group of its own, the others are in all of them.
fn ranks(shape: &Shape, masks: Masks) -> (usize, usize, usize) {
    let frame = Frame::new(&shape.system);
    let layout = shape.layout();
    let proofs = usize::from(shape.setup.geometry().openings).min(2);
    let totals: Vec<Total> = (0..proofs)
        .map(|proof| {
            let mut challenger = transcript(Digest::of("test proof", &[proof as u8]));
            let claims = claims(&frame, &mut challenger, &draws(50 + proof as i64, messages(&frame)));
            let veil = layout.veil(&frame, challenger.sample_algebra_element());
            layout.total(&frame, &claims, (veil, Ext::ZERO), challenger.sample_algebra_element())
        })
        .collect();
    let told: Vec<Told<'_>> = totals
        .iter()
        .zip(60..)
        .map(|(total, seed)| Told::new(&layout, total, draws(seed, shape.setup.variables())))
        .collect();
    let rows = told[0].column(0, 0).len();
    let (mut random, mut all) = (Span::new(rows * proofs), Span::new(rows * proofs));
    let columns = |span: &mut [&mut Span<Val>], at: usize, limb: usize, row: usize| {
        let limb = told[0].bases[at] + limb;
        if at + 1 < shape.groups.len() {
            let column: Vec<Val> = told.iter().flat_map(|told| told.column(limb, row)).collect();
            span.iter_mut().for_each(|span| span.add(column.clone()));
            return;
        }
        for (proof, told) in told.iter().enumerate() {
            let mut column = vec![Val::ZERO; rows * proofs];
            column[proof * rows..][..rows].copy_from_slice(&told.column(limb, row));
            span.iter_mut().for_each(|span| span.add(column.clone()));
        }
    };
    for at in 0..shape.groups.len() {
        for (limb, row) in random_cells(shape, at, masks) {
            columns(&mut [&mut random, &mut all], at, limb, row);
        }
        // Every cell of small groups, a sample of large ones.
        let cells = told[0].widths[at] * shape.setup.cells();
        for cell in (0..cells.min(300)).chain((0..cells).step_by((cells / 500).max(1) | 1)) {
            columns(&mut [&mut all], at, cell / shape.setup.cells(), cell % shape.setup.cells());
        }
    }
    (random.rank(), all.rank(), proofs)
}

#[test]
fn the_veil_reaches_what_all_cells_reach() {
    for (name, backend, program) in shapes() {
        let shape = Shape::new(&backend, &program);
        let (random, all, proofs) = ranks(&shape, Masks::ALL);
        // Whatever the cells are, the one claim about them holds: that much everybody knows, an element in each proof.
        assert_eq!(random + 3 * proofs, all, "{name}");
        let (random, all, proofs) = ranks(&shape, Masks { veil: false, ..Masks::ALL });
        assert!(random + 3 * proofs < all, "{name} without veil: {random} of {all}");
    }
}
