//! Links: how long a message is under way and whether it arrives.
//!
//! The randomness of a message is a function of (seed, sender, number of the message of that sender). So what one node
//! sends never changes the fate of what another sends, and a scenario can be cut down without moving the rest.
//!
//! Delay = wait for the sender's uplink + size / bandwidth + latency + uniform jitter. A message to oneself takes no
//! time and is never lost.

use crate::{Address, Chance, Stream, distribution};
use bitneuron_core::Time;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long a message is under way, its size aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latency {
    /// Always the same.
    Constant(Duration),
    /// Anything between two bounds, both included.
    Uniform {
        /// The least.
        least: Duration,
        /// The most.
        most: Duration,
    },
    /// A floor plus an exponential span.
    Exponential {
        /// The least.
        floor: Duration,
        /// The mean of what is added.
        mean: Duration,
    },
    /// A long tail around a median.
    LogNormal {
        /// Half of the messages are faster.
        median: Duration,
        /// The deviation of the logarithm in millionths: 500,000 for one in six beyond 1.65 medians.
        sigma: u32,
    },
    /// As it was measured somewhere.
    Measured(Quantiles),
}

/// Steps between the quantiles that are kept of a trace.
const STEPS: usize = 32;

/// What is kept of a trace of delays: its smallest, its largest, and thirty-one quantiles between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantiles([u32; STEPS + 1]);

impl Quantiles {
    /// The quantiles of these delays, each at most 71 minutes; `None` of no delay.
    pub fn of(delays: &[Duration]) -> Option<Self> {
        let mut sorted: Vec<u32> =
            delays.iter().map(|delay| u32::try_from(micros(*delay)).unwrap_or(u32::MAX)).collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        Some(Self(std::array::from_fn(|step| sorted[(step * last + STEPS / 2) / STEPS])))
    }

    /// A delay at `at` / 2⁶⁴ of the distribution, on the line between two quantiles.
    fn at(&self, at: u64) -> u64 {
        const SHIFT: u32 = u64::BITS - STEPS.ilog2();
        let (step, rest) = ((at >> SHIFT) as usize, (at << STEPS.ilog2()) >> 32);
        let (low, high) = (u64::from(self.0[step]), u64::from(self.0[step + 1]));
        low + (((high - low) * rest) >> 32)
    }
}

impl Latency {
    fn draw(&self, stream: &mut Stream) -> u64 {
        match *self {
            Self::Constant(span) => micros(span),
            Self::Uniform { least, most } => {
                let (least, most) = (micros(least), micros(most));
                least.saturating_add(stream.below(most.saturating_sub(least).saturating_add(1)))
            }
            Self::Exponential { floor, mean } => {
                micros(floor).saturating_add(distribution::exponential(stream.next(), micros(mean)))
            }
            Self::LogNormal { median, sigma } => distribution::log_normal(stream, micros(median), sigma),
            Self::Measured(quantiles) => quantiles.at(stream.next()),
        }
    }
}

/// A way from one node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// How long.
    pub latency: Latency,
    /// Up to so much is added, uniformly; messages overtake each other.
    pub jitter: Duration,
    /// How likely a message is lost.
    pub loss: Chance,
    /// How likely a message arrives a second time, with a delay of its own.
    pub duplicate: Chance,
}

impl Link {
    /// A link with this latency and no fault.
    pub const fn new(latency: Latency) -> Self {
        Self { latency, jitter: Duration::ZERO, loss: Chance::NEVER, duplicate: Chance::NEVER }
    }

    /// The delay of one message.
    pub(crate) fn delay(&self, stream: &mut Stream) -> u64 {
        let jitter = match micros(self.jitter) {
            0 => 0,
            most => stream.below(most.saturating_add(1)),
        };
        self.latency.draw(stream).saturating_add(jitter)
    }
}

impl Default for Link {
    /// 50 ± 10 ms, no loss.
    fn default() -> Self {
        Self::new(Latency::Uniform { least: Duration::from_millis(40), most: Duration::from_millis(60) })
    }
}

/// Which way a partition blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// What crosses the border either way.
    Both,
    /// What leaves the side.
    Leaving,
    /// What enters the side.
    Entering,
}

/// A border between some nodes and all others for a span of time.
///
/// What is sent across it between `from` (included) and `until` (excluded) is lost. What was sent before arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// When it begins.
    pub from: Time,
    /// When it heals.
    pub until: Time,
    /// The nodes on one side.
    pub side: BTreeSet<Address>,
    /// Which way it blocks.
    pub blocks: Blocks,
}

impl Partition {
    fn stops(&self, now: Time, from: Address, to: Address) -> bool {
        if now < self.from || now >= self.until {
            return false;
        }
        match (self.side.contains(&from), self.side.contains(&to)) {
            (true, false) => self.blocks != Blocks::Entering,
            (false, true) => self.blocks != Blocks::Leaving,
            _ => false,
        }
    }
}

/// All links. May be changed while the world runs; what is under way is not touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The link between any two nodes without a link of their own.
    pub link: Link,
    /// Links of certain (from, to).
    pub special: BTreeMap<(Address, Address), Link>,
    /// Borders, past and future.
    pub partitions: Vec<Partition>,
    /// Bytes that each node can send in a second; `None` for any number. Messages leave one after the other.
    pub uplink: Option<u64>,
    /// Uplinks of certain nodes, in bytes a second.
    pub uplinks: BTreeMap<Address, u64>,
}

impl Network {
    /// The link that a message takes now; `None` when a partition stops it.
    pub(crate) fn way(&self, now: Time, from: Address, to: Address) -> Option<&Link> {
        if self.partitions.iter().any(|partition| partition.stops(now, from, to)) {
            return None;
        }
        let special = if self.special.is_empty() { None } else { self.special.get(&(from, to)) };
        Some(special.unwrap_or(&self.link))
    }

    /// Bytes a second that a node can send, if that is limited.
    pub(crate) fn bandwidth(&self, node: Address) -> Option<u64> {
        let own = if self.uplinks.is_empty() { None } else { self.uplinks.get(&node).copied() };
        own.or(self.uplink)
    }
}

/// Whole microseconds of a span, saturating.
pub(crate) fn micros(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(span.subsec_micros()))
}
