//! What is to happen, in order of (time, sequence).

use bitneuron_core::Time;
use std::{cmp::Reverse, collections::BinaryHeap};

/// A queue in which only names move: the heap holds times and places, the places hold what happens.
#[derive(Debug)]
pub(super) struct Queue<T> {
    order: BinaryHeap<Reverse<(Time, u64, usize)>>,
    places: Vec<Option<T>>,
    free: Vec<usize>,
    sequence: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { order: BinaryHeap::new(), places: Vec::new(), free: Vec::new(), sequence: 0 }
    }
}

impl<T> Queue<T> {
    /// Puts in what happens at a time, after what is in for the same.
    pub(super) fn push(&mut self, at: Time, item: T) {
        self.sequence += 1;
        let place = self.free.pop().unwrap_or(self.places.len());
        match self.places.get_mut(place) {
            Some(free) => *free = Some(item),
            None => self.places.push(Some(item)),
        }
        self.order.push(Reverse((at, self.sequence, place)));
    }

    /// The time of what happens next.
    pub(super) fn next(&self) -> Option<Time> {
        self.order.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes out what happens next.
    pub(super) fn pop(&mut self) -> Option<(Time, T)> {
        let Reverse((at, _, place)) = self.order.pop()?;
        self.free.push(place);
        self.places.get_mut(place).and_then(Option::take).map(|item| (at, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_earlier_comes_first_and_of_one_time_what_was_put_in_first() {
        let mut queue = Queue::default();
        for (at, item) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            queue.push(Time(at), item);
        }
        assert_eq!((queue.pop(), queue.next()), (Some((Time(1), 'a')), Some(Time(3))));
        queue.push(Time(4), 'x');
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(_, item)| item).collect();
        assert_eq!(rest, ['b', 'x', 'c', 'd']);
        assert_eq!(queue.places.len(), 4, "places are used again");
    }
}
