//! Ranges: every element of a node is shown to lie where it must, by digits looked up in one table.
//!
//! The table holds `0 ..= B` with `B = 2^bits`, its end included. So a digit may be one too large, and numbers may have
//! several spellings; what is shown is that *a* spelling exists. With a top digit of at most `T − 1` and those between it and
//! the lowest below `B`, the numbers that have one are exactly `0 ..= T·B^(n−1)`. Intervals `±2^k`, which models are full of,
//! then need no second look.

use super::lower::{LowerError, Lowering};
use super::system::{Hint, NodeId, Spelled, Wire};
use bitneuron_core::exact::Interval;

impl Lowering<'_> {
    /// The base of digits, also the greatest entry of the table.
    const fn base(&self) -> i64 {
        1 << self.bits
    }

    /// How many digits span `0 ..= most`.
    const fn digits(&self, most: i64) -> u32 {
        let bits = if most <= 1 { 0 } else { (most - 1).ilog2() + 1 };
        let count = bits.div_ceil(self.bits);
        if count == 0 { 1 } else { count }
    }

    /// [`Self::within`] for elements that are known to be integers, of no more than this magnitude: where a multiple of them
    /// fills the table and a multiple of their neighbours does not, one look is enough.
    pub(super) fn integers_within(
        &mut self,
        node: NodeId,
        interval: Interval,
        magnitude: i128,
    ) -> Result<(), LowerError> {
        let (base, width) = (self.base(), interval.hi - interval.lo);
        // `factor·x + offset` lies in the table for x of `0 ..= width` and for no other integer.
        let found =
            (width < base).then_some(base / (width + 1)).into_iter().flat_map(|factor| [factor, factor + 1]);
        let found = found.filter_map(|factor| {
            let least = (base - factor * (width + 1) + 1).max(0);
            let most = (base - factor * width).min(factor - 1);
            (least <= most && magnitude * i128::from(factor) < 1 << 62).then_some((factor, least))
        });
        let Some((factor, offset)) = found.min() else { return self.within(node, interval) };
        let place = self.system.sum(&[(factor, node)], offset - factor * interval.lo);
        self.system.leaf(place);
        Ok(())
    }

    /// Shows `0 ≤ element`, and that it is at most the power of the base at or above `most`.
    pub(super) fn nonnegative(&mut self, node: NodeId, most: i64) -> Result<(), LowerError> {
        let count = self.digits(most);
        self.spell(node, count, None)
    }

    /// Shows that all elements lie in the interval, and nowhere else.
    pub(super) fn within(&mut self, node: NodeId, interval: Interval) -> Result<(), LowerError> {
        let width = interval.hi.checked_sub(interval.lo).ok_or(LowerError::Wide)?;
        let above = self.system.sum(&[(1, node)], -interval.lo);
        if width == 0 {
            self.system.zeros.push(above);
            return Ok(());
        }
        if width < self.base() {
            self.system.leaf(above);
            let below = self.system.sum(&[(-1, node)], interval.hi);
            self.system.leaf(below);
            return Ok(());
        }
        let count = self.digits(width);
        let unit = 1i64 << (self.bits * (count - 1));
        if width % unit == 0 {
            return self.spell(above, count, Some(width / unit));
        }
        if (width + 1) % unit == 0 {
            return self.strict(above, count, (width + 1) / unit);
        }
        self.nonnegative(above, width)?;
        let below = self.system.sum(&[(-1, node)], interval.hi);
        self.nonnegative(below, width)
    }

    /// Shows that elements have a spelling of `count` digits, the top one below `top` where it is given.
    fn spell(&mut self, node: NodeId, count: u32, top: Option<i64>) -> Result<(), LowerError> {
        let highest = match (top, count) {
            // One digit may be as large as the table; several give the rest to the digits below.
            (Some(top), 1) => top,
            (Some(top), _) => top - 1,
            (None, _) => self.base(),
        };
        // Were the digits between lowest and top as large as the lowest may be, numbers beyond the end would have a spelling.
        let head = self.split(node, count, highest, top.map(|_| 1))?;
        self.system.leaf(head);
        if highest < self.base() {
            let room = self.system.sum(&[(-1, head)], highest);
            self.system.leaf(room);
        }
        Ok(())
    }

    /// As [`Self::spell`] with digits below the base and the top one below `top`: exactly `0 .. top · base^(count−1)`.
    fn strict(&mut self, node: NodeId, count: u32, top: i64) -> Result<(), LowerError> {
        let head = self.split(node, count, top - 1, Some(0))?;
        self.system.leaf(head);
        let room = self.system.sum(&[(-1, head)], top - 1);
        self.system.leaf(room);
        Ok(())
    }

    /// Makes the digits but the top one fresh cells that are looked up, and gives what is left for the top one; the digits
    /// from place `strict` on are shown to be below the base.
    fn split(
        &mut self,
        node: NodeId,
        count: u32,
        top: i64,
        strict: Option<u32>,
    ) -> Result<NodeId, LowerError> {
        if count == 1 {
            return Ok(node);
        }
        if self.bits * count > 61 {
            return Err(LowerError::Wide);
        }
        let shape = self.system.shape(node).to_vec();
        let mut rest = vec![(1, node)];
        for place in 0..count - 1 {
            let digit = self
                .system
                .fresh(&shape, Hint::Digit { of: Spelled::Node(node), bits: self.bits, place, count, top });
            self.system.leaf(digit);
            if strict.is_some_and(|from| place >= from) {
                let room = self.system.sum(&[(-1, digit)], self.base() - 1);
                self.system.leaf(room);
            }
            rest.push((-(1i64 << (self.bits * place)), digit));
        }
        let rest = self.system.sum(&rest, 0);
        Ok(self.system.push(shape, Wire::Quotient(rest, 1 << (self.bits * (count - 1)))))
    }

    /// A fresh number from 0 to at least `most`, made of digits.
    pub(super) fn number(&mut self, shape: &[usize], of: Spelled, most: i64) -> Result<NodeId, LowerError> {
        let count = self.digits(most);
        if self.bits * count > 61 {
            return Err(LowerError::Wide);
        }
        let top = self.base();
        let digits: Vec<(i64, NodeId)> = (0..count)
            .map(|place| {
                let digit = self.system.fresh(shape, Hint::Digit { of, bits: self.bits, place, count, top });
                self.system.leaf(digit);
                (1i64 << (self.bits * place), digit)
            })
            .collect();
        Ok(self.system.sum(&digits, 0))
    }

    /// What [`Self::number`] and [`Self::nonnegative`] bound, given what must fit.
    pub(super) const fn reach(&self, most: i64) -> i128 {
        // All digits at the base: less than twice the power of it.
        2 << (self.bits * self.digits(most))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_look_holds_just_the_integers_of_an_interval() {
        // The rule of `integers_within`, counted out.
        for base in [16i64, 64] {
            for width in 0..base {
                for factor in [base / (width + 1), base / (width + 1) + 1] {
                    let least = (base - factor * (width + 1) + 1).max(0);
                    let most = (base - factor * width).min(factor - 1);
                    if least <= most {
                        let held: Vec<i64> = (-2 * base..2 * base)
                            .filter(|x| (0..=base).contains(&(factor * x + least)))
                            .collect();
                        assert_eq!(held, (0..=width).collect::<Vec<_>>(), "{base} {width} {factor}");
                    }
                }
            }
        }
    }
}
