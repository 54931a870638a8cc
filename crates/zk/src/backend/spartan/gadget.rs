//! What integers need in a field: ranges, signs, comparisons, divisions.
//!
//! The field has about 2²⁵⁶ elements and no value of a program leaves ±2⁶², so products and sums of a program never wrap, and
//! a relation in the field between values known to be small is a relation between integers. What must be shown is that values
//! which the prover chooses are small; every gadget does that by [`Circuit::range`].

use super::circuit::{Circuit, LIMB, scalar};
use super::engine::Scalar;
use super::lin::Lin;
use bitneuron_core::exact::Interval;
use ff::Field;

/// The least `n` with `value < 2ⁿ`.
const fn bits(value: u128) -> u32 {
    u128::BITS - value.leading_zeros()
}

/// Bits of whole limbs that hold `value`: cheaper than exactly as many as it needs.
const fn limbs(value: u128) -> u32 {
    let bits = bits(value);
    if bits <= 1 { bits } else { bits.next_multiple_of(LIMB) }
}

impl Circuit {
    /// Demands `0 ≤ form < 2ⁿ`, limb by limb. The highest limb has no cell: it is what the others leave over the scale, and being a
    /// row of the table makes the division exact.
    pub(super) fn range(&mut self, form: Lin, width: u32) {
        let form = self.plain(form);
        match width {
            0 => return self.demand_zero(&form),
            1 => return self.demand(&form, &form, &form),
            _ => {}
        }
        let lower = (width - 1) / LIMB;
        let mut rest = form;
        for limb in 0..lower {
            let value = (rest.value >> (limb * LIMB)) & ((1 << LIMB) - 1);
            let cell = self.cell(value);
            rest = rest.plus_scaled(&cell, -(1i128 << (limb * LIMB)));
            self.look(0, cell, 1, None);
        }
        let scale = 1i128 << (lower * LIMB);
        let missing = (lower + 1) * LIMB - width;
        if missing == LIMB - 1 {
            // A highest limb of one bit.
            return self.demand(&rest, &rest.clone().offset(-scale), &Lin::default());
        }
        if missing > 0 {
            // A highest limb of fewer bits: it lies in the table also when it is moved up.
            let (form, scale) = if lower == 0 {
                (rest.clone().scaled(1 << missing), 1)
            } else {
                (rest.clone(), scale >> missing)
            };
            self.look(0, form, scale, None);
        }
        self.look(0, rest, scale, None);
    }

    /// Demands that a form lies in an interval, exactly.
    pub(super) fn within(&mut self, form: &Lin, interval: Interval) {
        let (lo, hi) = (i128::from(interval.lo), i128::from(interval.hi));
        if form.known().is_some_and(|known| lo <= known && known <= hi) {
            return;
        }
        let form = self.plain(form.clone());
        let spread = hi.abs_diff(lo);
        if spread + 1 == 1 << bits(spread) {
            return self.range(form.offset(-lo), bits(spread));
        }
        // Not below the one end, not above the other.
        self.range(form.clone().offset(-lo), limbs(spread));
        self.range(Lin::constant(0).minus(&form).offset(hi), limbs(spread));
    }

    /// Demands that a form lies in an interval or not far above it.
    pub(super) fn near(&mut self, form: &Lin, interval: Interval) {
        let (lo, hi) = (i128::from(interval.lo), i128::from(interval.hi));
        self.range(form.clone().offset(-lo), limbs(hi.abs_diff(lo)));
    }

    /// 1 where `form > 0`, else 0, for a form in `lo ..= hi`.
    ///
    /// With `2ⁿ` above both `hi` and `−lo`: `form − 1 = 2ⁿ·(bit − 1) + rest` with `rest` in `0 .. 2ⁿ`.
    pub(super) fn positive(&mut self, form: &Lin, lo: i128, hi: i128) -> Lin {
        if hi <= 0 {
            return Lin::constant(0);
        }
        if lo > 0 {
            return Lin::constant(1);
        }
        if let Some(known) = self.sign(form) {
            return known;
        }
        let width = limbs(hi.max(1 - lo).unsigned_abs());
        let bit = self.bit(form.value > 0);
        self.keep_sign(form, &bit);
        let step = 1i128 << width;
        self.range(form.plus_scaled(&bit, -step).offset(step - 1), width);
        bit
    }

    /// 1 where the form is 0, else 0.
    pub(super) fn vanishes(&mut self, form: &Lin) -> Lin {
        if let Some(known) = form.known() {
            return Lin::constant((known == 0).into());
        }
        let zero = self.cell((form.value == 0).into());
        let inverse = if self.valued {
            Option::<Scalar>::from(scalar(form.value).invert()).unwrap_or(Scalar::ZERO)
        } else {
            Scalar::ZERO
        };
        let inverse = self.field_cell(inverse);
        self.demand(&zero, form, &Lin::default());
        self.demand(form, &inverse, &Lin::constant(1).minus(&zero));
        zero
    }

    /// `(a + by/2) div by` for a divisor of at least 1, with its value. Where `exact` the quotient is shown to lie in
    /// `interval`, which may be narrower than the operands allow; otherwise only to be small, and being the quotient does the
    /// rest.
    pub(super) fn quotient(
        &mut self,
        a: &Lin,
        by: (&Lin, Interval),
        value: i64,
        (interval, exact): (Interval, bool),
    ) -> Lin {
        let (by, divisors) = by;
        let quotient = self.cell(value.into());
        if exact {
            self.within(&quotient, interval);
        } else {
            self.near(&quotient, interval);
        }
        let half = if let Some(known) = by.known() {
            Lin { constant: known / 2, terms: Vec::new(), value: known / 2 }
        } else {
            let half = self.cell(by.value.div_euclid(2));
            self.near(&half, Interval { lo: 0, hi: divisors.hi });
            let odd = by.plus_scaled(&half, -2);
            self.range(odd, 1);
            half
        };
        let whole = self.times(&quotient, by);
        let rest = self.plain(a.plus(&half).minus(&whole));
        match by.known() {
            Some(known) if known & (known - 1) == 0 => self.range(rest, bits(known.unsigned_abs()) - 1),
            _ => {
                let most = by.known().unwrap_or(divisors.hi.into());
                let width = limbs(most.unsigned_abs());
                self.range(rest.clone(), width);
                self.range(by.minus(&rest).offset(-1), width);
            }
        }
        quotient
    }
}

/// The greatest of a row.
impl Circuit {
    /// Demands that no form of the row is above `most`, and one is equal to it.
    pub(super) fn none_above(&mut self, most: &Lin, row: &[Lin], spread: Interval) {
        let gaps: Vec<Lin> = row
            .iter()
            .map(|form| {
                let gap = self.plain(most.minus(form));
                self.near(&gap, spread);
                gap
            })
            .collect();
        let mut gaps = gaps.iter();
        let Some(first) = gaps.next() else { return };
        let (mut product, mut value) = (first.clone(), scalar(first.value));
        for gap in gaps {
            value *= scalar(gap.value);
            let next = self.field_cell(value);
            self.demand(&product, gap, &next);
            product = next;
        }
        self.demand_zero(&product);
    }

    /// The place of the greatest of a row, the first of equals.
    pub(super) fn place_of_most(&mut self, row: &[Lin], spread: Interval) -> Lin {
        let most = row.iter().map(|form| form.value).max().unwrap_or(0);
        let place = row.iter().position(|form| form.value == most);
        let marks: Vec<Lin> = (0..row.len()).map(|at| self.bit(Some(at) == place)).collect();
        self.demand_zero(&Lin::sum(marks.iter().map(|mark| (mark, 1))).offset(-1));
        let marked: Vec<Lin> = marks.iter().zip(row).map(|(mark, form)| self.times(mark, form)).collect();
        let most = self.plain(Lin::sum(marked.iter().map(|form| (form, 1))));
        let mut before = Lin::constant(0);
        for (mark, form) in marks.iter().zip(row) {
            before = self.plain(before.plus(mark));
            // Where the mark comes later, this one is smaller by at least one.
            let gap = most.minus(form).plus(&before).offset(-1);
            self.near(&gap, spread);
        }
        self.plain(Lin::sum((0..).zip(&marks).map(|(at, mark)| (mark, at))))
    }
}
