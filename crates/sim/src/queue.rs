//! The event queue and the virtual clock: integer microseconds, ties in the order of pushing.
//!
//! A calendar queue (Brown 1988) of one turn: the near future is a wheel of 2,048 buckets, each 2.048 ms wide (4.2 s in
//! all); what lies beyond waits in a heap and moves into the wheel as it turns. A bucket is sorted when its turn comes.
//! What is pushed into the bucket in progress goes to a small heap beside it. So most events cost one append and
//! a share of a short sort, and the memory touched stays small however many events wait.
//!
//! Law: [`Queue::pop`] gives events by ascending (time, number of the push), whatever the pushes between.

use bitneuron_core::Time;
use std::{cmp::Ordering, collections::BinaryHeap};

/// A bucket is 2^WIDTH microseconds wide.
const WIDTH: u32 = 11;
/// Buckets in the wheel; a power of two.
const BUCKETS: u64 = 2048;
/// A drained bucket keeps room for so many events; more is given back, or bursts would fill the memory in the end.
const KEEP: usize = 256;

/// An item with its place in the order.
#[derive(Debug, Clone)]
struct Entry<T> {
    time: u64,
    number: u64,
    item: T,
}

impl<T> Entry<T> {
    const fn key(&self) -> (u64, u64) {
        (self.time, self.number)
    }

    const fn bucket(&self) -> u64 {
        self.time >> WIDTH
    }
}

// The earliest entry is the greatest, as `BinaryHeap` wants it.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

/// What [`Queue::pop`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Popped<T> {
    /// When it happens.
    pub time: Time,
    /// The number of its push.
    pub number: u64,
    /// What happens.
    pub item: T,
}

/// Events in the order of time.
///
/// ```
/// use bitneuron_core::Time;
/// use bitneuron_sim::Queue;
/// let mut queue = Queue::new();
/// queue.push(Time(20), 'b');
/// queue.push(Time(10), 'a');
/// queue.push(Time(20), 'c');
/// let order: Vec<char> = std::iter::from_fn(|| queue.pop(Time(u64::MAX))).map(|popped| popped.item).collect();
/// assert_eq!(order, ['a', 'b', 'c']);
/// assert_eq!(queue.now(), Time(20));
/// ```
#[derive(Debug, Clone)]
pub struct Queue<T> {
    now: u64,
    pushed: u64,
    len: usize,
    /// The bucket in progress; `near` and `late` hold its events.
    cursor: u64,
    /// Sorted, the earliest last.
    near: Vec<Entry<T>>,
    /// Pushed while the bucket was in progress.
    late: BinaryHeap<Entry<T>>,
    /// Buckets `cursor + 1` to `cursor + BUCKETS − 1`, each at its number modulo `BUCKETS`.
    wheel: Vec<Vec<Entry<T>>>,
    /// A bit for each bucket of the wheel that holds something.
    filled: [u64; (BUCKETS / 64) as usize],
    /// Bucket `cursor + BUCKETS` and later.
    far: BinaryHeap<Entry<T>>,
}

impl<T> Queue<T> {
    /// An empty queue at time zero.
    pub fn new() -> Self {
        Self {
            now: 0,
            pushed: 0,
            len: 0,
            cursor: 0,
            near: Vec::new(),
            late: BinaryHeap::new(),
            wheel: (0..BUCKETS).map(|_| Vec::new()).collect(),
            filled: [0; (BUCKETS / 64) as usize],
            far: BinaryHeap::new(),
        }
    }

    /// The time of the last event popped, or later if [`Queue::pass`] said so.
    pub const fn now(&self) -> Time {
        Time(self.now)
    }

    /// How many events wait.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many events were ever pushed: the number of the next push.
    pub const fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Adds an event; one in the past happens now.
    pub fn push(&mut self, time: Time, item: T) {
        let entry = Entry { time: time.0.max(self.now), number: self.pushed, item };
        self.pushed = self.pushed.wrapping_add(1);
        self.len = self.len.saturating_add(1);
        let ahead = entry.bucket().saturating_sub(self.cursor);
        if ahead == 0 {
            self.late.push(entry);
        } else if ahead < BUCKETS {
            self.file(entry);
        } else {
            self.far.push(entry);
        }
    }

    /// Removes and returns the earliest event that happens no later than `limit`; the clock moves to it.
    pub fn pop(&mut self, limit: Time) -> Option<Popped<T>> {
        if self.near.is_empty() && self.late.is_empty() && !self.turn() {
            return None;
        }
        let from_late = match (self.near.last(), self.late.peek()) {
            (Some(near), Some(late)) => late > near,
            (near, _) => near.is_none(),
        };
        let first = if from_late { self.late.peek() } else { self.near.last() };
        if first.is_none_or(|entry| entry.time > limit.0) {
            return None;
        }
        let Entry { time, number, item } = if from_late { self.late.pop()? } else { self.near.pop()? };
        self.now = time;
        self.len = self.len.saturating_sub(1);
        Some(Popped { time: Time(time), number, item })
    }

    /// Moves the clock forward to `time`, though not past the next event.
    pub fn pass(&mut self, time: Time) {
        if self.near.is_empty() && self.late.is_empty() {
            self.turn();
        }
        let next = self.near.last().into_iter().chain(self.late.peek()).map(|entry| entry.time).min();
        self.now = self.now.max(time.0.min(next.unwrap_or(u64::MAX)));
    }

    /// Puts an entry into its bucket of the wheel.
    fn file(&mut self, entry: Entry<T>) {
        let place = (entry.bucket() % BUCKETS) as usize;
        if let (Some(bucket), Some(word)) = (self.wheel.get_mut(place), self.filled.get_mut(place / 64)) {
            bucket.push(entry);
            *word |= 1 << (place % 64);
        }
    }

    /// Moves to the next bucket that holds something; false when nothing waits.
    fn turn(&mut self) -> bool {
        let next = self.next_filled().or_else(|| self.far.peek().map(Entry::bucket));
        let Some(next) = next else { return false };
        self.cursor = next;
        let end = next.saturating_add(BUCKETS);
        while self.far.peek().is_some_and(|entry| entry.bucket() < end) {
            if let Some(entry) = self.far.pop() {
                self.file(entry);
            }
        }
        let place = (next % BUCKETS) as usize;
        if let (Some(bucket), Some(word)) = (self.wheel.get_mut(place), self.filled.get_mut(place / 64)) {
            std::mem::swap(&mut self.near, bucket);
            if bucket.capacity() > KEEP {
                *bucket = Vec::new();
            }
            *word &= !(1 << (place % 64));
        }
        self.near.sort_unstable();
        true
    }

    /// The first bucket after the cursor that holds something.
    fn next_filled(&self) -> Option<u64> {
        let start = self.cursor.wrapping_add(1);
        let words = BUCKETS / 64;
        // The word of the start twice: first its upper bits, at last its lower ones.
        (0..=words).find_map(|step| {
            let index = (start / 64).wrapping_add(step);
            let word = *self.filled.get((index % words) as usize)?;
            let upper = u64::MAX << (start % 64);
            let bits = match step {
                0 => word & upper,
                step if step == words => word & !upper,
                _ => word,
            };
            let base = index.wrapping_mul(64);
            (bits != 0).then(|| base.wrapping_add(u64::from(bits.trailing_zeros())))
        })
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[derive(Debug, Clone)]
    enum Act {
        Push(u64),
        Pop(u64),
        Pass(u64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        // Delays within a bucket, within the wheel, at its rim, and far beyond.
        let delay = prop_oneof![0_u64..3_000, 0_u64..5_000_000, 4_190_000_u64..4_200_000, 0_u64..100_000_000];
        let act = prop_oneof![
            4 => delay.clone().prop_map(Act::Push),
            3 => delay.clone().prop_map(Act::Pop),
            1 => delay.prop_map(Act::Pass),
        ];
        prop::collection::vec(act, 0..400)
    }

    proptest! {
        /// The queue against a sorted set.
        #[test]
        fn events_come_by_time_then_by_push(acts in acts()) {
            let (mut queue, mut plain, mut now) = (Queue::new(), BTreeSet::new(), 0_u64);
            for act in acts.into_iter().chain(std::iter::repeat_n(Act::Pop(u64::MAX), 400)) {
                match act {
                    Act::Push(delay) => {
                        plain.insert((now + delay, queue.pushed()));
                        queue.push(Time(now + delay), queue.pushed());
                    },
                    Act::Pop(span) => {
                        let limit = now.saturating_add(span);
                        let expected = plain.first().copied().filter(|first| first.0 <= limit);
                        let popped = queue.pop(Time(limit));
                        prop_assert_eq!(popped.map(|popped| (popped.time.0, popped.item)), expected);
                        if let Some(first) = expected {
                            plain.remove(&first);
                            now = first.0;
                        }
                    },
                    Act::Pass(span) => {
                        queue.pass(Time(now + span));
                        now = plain.first().map_or(now + span, |first| first.0.min(now + span));
                    },
                }
                prop_assert_eq!((queue.now(), queue.len()), (Time(now), plain.len()));
            }
            prop_assert!(queue.is_empty());
        }
    }

    #[test]
    fn the_past_is_now_and_the_end_of_time_is_reached() {
        let mut queue = Queue::new();
        queue.push(Time(u64::MAX), "end");
        queue.push(Time(1_000), "first");
        assert_eq!(queue.pop(Time(u64::MAX)).unwrap().item, "first");
        queue.push(Time(5), "late");
        let late = queue.pop(Time(u64::MAX)).unwrap();
        assert_eq!((late.time, late.item), (Time(1_000), "late"));
        assert_eq!(queue.pop(Time(u64::MAX - 1)), None);
        assert_eq!(queue.pop(Time(u64::MAX)).unwrap().item, "end");
    }

    #[test]
    fn bursts_give_their_memory_back() {
        let mut queue = Queue::new();
        for round in 0..50 {
            for _ in 0..20_000 {
                queue.push(Time(round * 100_003), ());
            }
            while queue.pop(Time(u64::MAX)).is_some() {}
        }
        let room: usize = queue.wheel.iter().map(Vec::capacity).sum();
        assert!(room <= BUCKETS as usize * KEEP, "{room}");
    }
}
