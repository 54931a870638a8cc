//! Operations that are not linear: fresh cells, and constraints that leave one result possible.

use super::super::system::{Hint, Leaf, NodeId, Numerator, Spelled, Wire};
use super::{LowerError, Lowering, OWN_TAGS};
use bitneuron_core::exact::{Interval, ValueId};
use std::sync::Arc;

impl Lowering<'_> {
    /// `q = (a + 2^(s−1)) >> s`: the remainder `a + 2^(s−1) − 2^s·q` lies in `0 .. 2^s`.
    pub(super) fn rescale(
        &mut self,
        id: ValueId,
        a: ValueId,
        bits: u32,
        shape: &[usize],
    ) -> Result<NodeId, LowerError> {
        let interval = self.interval(a).rescaled(bits).ok_or_else(|| self.wraps())?;
        let width = (interval.hi - interval.lo).max(1);
        let bound = 2 * (i128::from(interval.magnitude()) + self.reach(width));
        self.fits(bound << bits)?;
        let quotient = if self.clamped.contains_key(&id) || self.homes.contains_key(&id) {
            self.cells(id)
        } else {
            let number = self.number(shape, Spelled::Value(id, interval.lo), width)?;
            self.system.sum(&[(1, number)], interval.lo)
        };
        if self.homes.contains_key(&id) && !self.clamped.contains_key(&id) {
            let above = self.system.sum(&[(1, quotient)], -interval.lo);
            self.nonnegative(above, width)?;
        }
        let remainder = self.system.sum(&[(1, self.of(a)), (-(1i64 << bits), quotient)], 1 << (bits - 1));
        // Quotients are made of digits, or of what a clamp shows to be: they and so the remainders are integers.
        let magnitude = i128::from(self.interval(a).magnitude()) + (bound << bits);
        self.integers_within(remainder, Interval { lo: 0, hi: (1 << bits) - 1 }, magnitude)?;
        Ok(quotient)
    }

    /// `h = max(a, 0)`: both `h` and `h − a` are at least 0, and one of them is 0.
    pub(super) fn positive(
        &mut self,
        a: NodeId,
        interval: Interval,
        id: Option<ValueId>,
    ) -> Result<NodeId, LowerError> {
        if let Some(known) =
            self.positives.get(&a).filter(|_| id.is_none_or(|id| !self.homes.contains_key(&id)))
        {
            return Ok(*known);
        }
        if interval.lo >= 0 {
            return Ok(a);
        }
        let shape = self.system.shape(a).to_vec();
        let above = interval.hi.max(1);
        self.fits(self.reach(above) + self.reach(-interval.lo) + i128::from(interval.magnitude()))?;
        let positive = match id {
            Some(id) => self.cells(id),
            None => self.system.fresh(&shape, Hint::Positive(a)),
        };
        self.nonnegative(positive, above)?;
        let negative = self.system.sum(&[(1, positive), (-1, a)], 0);
        self.nonnegative(negative, -interval.lo)?;
        self.system.times(positive, negative, None);
        self.positives.insert(a, positive);
        Ok(positive)
    }

    /// A fresh bit for each element: `bit · bit = bit`.
    pub(super) fn bit(&mut self, shape: &[usize], hint: Hint) -> NodeId {
        let bit = self.system.fresh(shape, hint);
        self.system.times(bit, bit, Some(bit));
        bit
    }

    /// `s = [by > 0]`: a bit with `s · by = max(by, 0)`, which is at least `s`.
    pub(super) fn sign(&mut self, by: ValueId) -> Result<NodeId, LowerError> {
        let (node, interval) = (self.of(by), self.interval(by));
        let positive = self.positive(node, interval, None)?;
        let shape = self.system.shape(node).to_vec();
        let sign = self.bit(&shape, Hint::Sign(node));
        self.system.times(sign, node, Some(positive));
        let enough = self.system.sum(&[(1, positive), (-1, sign)], 0);
        self.nonnegative(enough, interval.hi.max(1))?;
        Ok(sign)
    }

    /// `y = clamp(a)`: `a = y + over − under`, where `over > 0` only at the upper end and `under > 0` only at the lower.
    pub(super) fn clamp(
        &mut self,
        id: ValueId,
        a: ValueId,
        to: Interval,
        shape: &[usize],
    ) -> Result<(NodeId, bool), LowerError> {
        let from = self.interval(a);
        let x = self.of(a);
        if to.covers(from) && self.bounded(a).is_none() {
            return Ok((x, true));
        }
        let y = self.cells(id);
        // A table that is read with these values alone has no others.
        let by_table = self.looked.get(&id).is_some_and(|table| {
            let table = &self.program.tables()[*table as usize];
            let last = i64::try_from(table.values.len()).ok().and_then(|n| table.first.checked_add(n - 1));
            table.first >= to.lo && last.is_some_and(|last| last <= to.hi)
        });
        if !by_table {
            self.within(y, to)?;
        }
        let over = (from.hi - to.hi).max(0);
        let under = (to.lo - from.lo).max(0);
        let reach = self.reach(over) + self.reach(under);
        let bound = reach + i128::from(to.magnitude()) + i128::from(from.magnitude());
        self.fits(2 * bound)?;
        // What only this clamp bounds lies within its excess on either side, and was rescaled.
        let bits = self.bounded(a);
        self.fits((4 * bound) << bits.unwrap_or(0))?;
        let excess = self.system.sum(&[(1, x), (-1, y)], 0);
        let up = if over > 0 || bits.is_some() {
            let number = self.number(shape, Spelled::Node(excess), over.max(1))?;
            let room = self.system.sum(&[(-1, y)], to.hi);
            self.system.times(number, room, None);
            Some(number)
        } else {
            None
        };
        let mut terms = vec![(1, y), (-1, x)];
        terms.extend(up.map(|up| (1, up)));
        let down = self.system.sum(&terms, 0);
        if under > 0 || bits.is_some() {
            self.nonnegative(down, under.max(1))?;
            let room = self.system.sum(&[(1, y)], -to.lo);
            self.system.times(down, room, None);
        } else {
            self.system.zeros.push(down);
        }
        Ok((y, true))
    }

    /// By how many bits the value was rescaled that a clamp of `a` must bound, if there is one.
    pub(super) fn bounded(&self, a: ValueId) -> Option<u32> {
        self.terms(a).into_iter().find_map(|id| self.clamped.get(&id).copied())
    }

    pub(super) fn lookup(&mut self, id: ValueId, a: ValueId, table: u32) -> (NodeId, bool) {
        let result = self.cells(id);
        let argument = self.of(a);
        let first = self.program.tables()[table as usize].first;
        let place = self.system.sum(&[(1, argument)], -first);
        let tag = u64::from(table) + 1;
        self.system.leaves.push(Leaf { value: place, second: Some(result), tag, numerator: Numerator::Plus });
        // Entries lie where the analysis found them, so a result does.
        (result, false)
    }

    /// `e = [d = 0]`: `e · d = 0`, and `d` has an inverse where `e = 0`.
    pub(super) fn equal(&mut self, id: ValueId, difference: NodeId) -> NodeId {
        let shape = self.system.shape(difference).to_vec();
        let equal = self.cells(id);
        let inverse = self.system.fresh(&shape, Hint::Inverse(difference));
        self.system.times(equal, difference, None);
        let differs = self.system.sum(&[(-1, equal)], 1);
        self.system.times(inverse, difference, Some(differs));
        equal
    }

    /// `e = [d ≥ 0]`: a bit, with `d ≥ 0` where it is 1 and `−d − 1 ≥ 0` where it is 0.
    pub(super) fn at_most(
        &mut self,
        id: ValueId,
        difference: NodeId,
        apart: Interval,
    ) -> Result<NodeId, LowerError> {
        let shape = self.system.shape(difference).to_vec();
        let most = i64::try_from(apart.magnitude()).unwrap_or(i64::MAX).max(1);
        self.fits(2 * (self.reach(most) + i128::from(most)))?;
        let bit = self.cells(id);
        self.system.times(bit, bit, Some(bit));
        let kept = self.system.fresh(&shape, Hint::Times(bit, difference));
        self.system.times(bit, difference, Some(kept));
        let magnitude = self.system.sum(&[(2, kept), (-1, difference), (1, bit)], -1);
        self.nonnegative(magnitude, most)?;
        Ok(bit)
    }

    /// The greatest element of each row, and the bits that point at the first of them.
    pub(super) fn greatest(&mut self, a: ValueId) -> Result<(NodeId, NodeId), LowerError> {
        let (node, interval) = (self.of(a), self.interval(a));
        let shape = self.system.shape(node).to_vec();
        let axis = shape.len() - 1;
        if let Some(known) = self.maxima.get(&node) {
            return Ok(*known);
        }
        let pointer = self.bit(&shape, Hint::Greatest(node));
        let count = self.system.push(shape[..axis].to_vec(), Wire::Total(pointer, axis));
        let missing = self.system.sum(&[(1, count)], -1);
        self.system.zeros.push(missing);
        let greatest = self.system.fresh(&shape[..axis], Hint::RowMax(node));
        let column = self.system.push([&shape[..axis], &[1]].concat(), Wire::Reshape(greatest));
        let all = self.system.spread(column, &shape);
        let below = self.system.sum(&[(1, all), (-1, node)], 0);
        self.system.times(pointer, below, None);
        // One bit at most comes after an element: before the pointed one, elements are less by one at least.
        let width = (interval.hi - interval.lo).max(1);
        self.fits(2 * self.reach(width))?;
        let after = self.system.push(shape, Wire::After(pointer));
        let gap = self.system.sum(&[(1, below), (-1, after)], 0);
        self.nonnegative(gap, width)?;
        self.maxima.insert(node, (greatest, pointer));
        Ok((greatest, pointer))
    }

    /// `argmax`: the place that the pointer of [`Self::greatest`] names.
    pub(super) fn first_greatest(&mut self, a: ValueId) -> Result<NodeId, LowerError> {
        let (_, pointer) = self.greatest(a)?;
        // Later elements' bits add up to 1 before the pointed one: the count of such places is its index.
        let shape = self.system.shape(pointer).to_vec();
        let axis = shape.len() - 1;
        let before = self.system.push(shape.clone(), Wire::After(pointer));
        Ok(self.system.push(shape[..axis].to_vec(), Wire::Total(before, axis)))
    }

    /// `q = (a + ⌊by/2⌋) div by`: `a + half = q·by + r` with `0 ≤ r < by` and `by = 2·half + odd`.
    pub(super) fn divide(
        &mut self,
        id: ValueId,
        a: ValueId,
        by: ValueId,
        shape: &[usize],
    ) -> Result<NodeId, LowerError> {
        let (dividend, divisor) = (self.interval(a), self.interval(by));
        let quotients = dividend.over(divisor).ok_or_else(|| self.wraps())?;
        let width = (quotients.hi - quotients.lo).max(1);
        let (a, by) = (self.of(a), self.of(by));
        let narrow = self.system.shape(by).to_vec();
        let odd = self.bit(&narrow, Hint::Odd(by));
        let rest = self.system.sum(&[(1, by), (-1, odd)], 0);
        let half = self.system.push(narrow.clone(), Wire::Quotient(rest, 2));
        self.nonnegative(half, divisor.hi)?;
        let half = self.system.spread(half, shape);
        let (a, by) = (self.system.spread(a, shape), self.system.spread(by, shape));
        let quotient = self.cells(id);
        let above = self.system.sum(&[(1, quotient)], -quotients.lo);
        self.nonnegative(above, width)?;
        let bound = (i128::from(quotients.magnitude()) + self.reach(width)) * i128::from(divisor.hi);
        self.fits(2 * bound + i128::from(dividend.magnitude()) + 2 * self.reach(divisor.hi))?;
        let product = self.system.fresh(shape, Hint::Times(quotient, by));
        self.system.times(quotient, by, Some(product));
        let remainder = self.system.sum(&[(1, a), (1, half), (-1, product)], 0);
        self.nonnegative(remainder, divisor.hi)?;
        let room = self.system.sum(&[(1, by), (-1, remainder)], -1);
        self.nonnegative(room, divisor.hi)?;
        Ok(quotient)
    }

    /// Rows by hidden indices: each element stands in the operand at its row's place.
    pub(super) fn gather(&mut self, id: ValueId, a: ValueId, index: ValueId, shape: &[usize]) -> NodeId {
        let (a, index) = (self.of(a), self.of(index));
        let width = shape[1..].iter().product::<usize>();
        let result = self.cells(id);
        let rows = self.system.sum(&[(width as i64, index)], 0);
        let rows = self.system.push([&shape[..1], &vec![1; shape.len() - 1]].concat(), Wire::Reshape(rows));
        let rows = self.system.spread(rows, shape);
        let inner = (0..width as i64).collect();
        let inner = self.system.push([&[1], &shape[1..]].concat(), Wire::Known(Arc::new(inner)));
        let inner = self.system.spread(inner, shape);
        let place = self.system.sum(&[(1, rows), (1, inner)], 0);
        let tag = OWN_TAGS + self.node as u64;
        let numerator = Numerator::Plus;
        self.system.leaves.push(Leaf { value: result, second: Some(place), tag, numerator });
        let whole = self.system.shape(a).to_vec();
        let used = self.system.fresh(&whole, Hint::Reads(place));
        let places = self.system.push(whole, Wire::Count);
        let numerator = Numerator::Used(used);
        self.system.leaves.push(Leaf { value: a, second: Some(places), tag, numerator });
        result
    }

    /// Rows in ascending order: the same multiset in each row, and no element above its neighbour.
    pub(super) fn order(&mut self, id: ValueId, a: ValueId, shape: &[usize]) -> Result<NodeId, LowerError> {
        let (node, interval) = (self.of(a), self.interval(a));
        let sorted = self.cells(id);
        let last = shape.last().copied().unwrap_or(1);
        let rows = self.system.size(sorted).checked_div(last).unwrap_or(0);
        let tag = OWN_TAGS + self.node as u64;
        let numbers: Vec<i64> = (0..rows).flat_map(|row| std::iter::repeat_n(row as i64, last)).collect();
        let second = Some(self.system.push(shape.to_vec(), Wire::Known(Arc::new(numbers))));
        for (value, numerator) in [(node, Numerator::Plus), (sorted, Numerator::Minus)] {
            self.system.leaves.push(Leaf { value, second, tag, numerator });
        }
        let width = (interval.hi - interval.lo).max(1);
        self.fits(2 * self.reach(width) * last as i128)?;
        for row in 0..rows {
            if last > 1 {
                let low = self.system.push(vec![last - 1], Wire::Slice(sorted, row * last));
                let high = self.system.push(vec![last - 1], Wire::Slice(sorted, row * last + 1));
                let step = self.system.sum(&[(1, high), (-1, low)], 0);
                self.nonnegative(step, width)?;
            }
        }
        Ok(sorted)
    }
}
