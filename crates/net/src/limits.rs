//! Limits: how large and how often, for each channel and each peer.
//!
//! A [`Quota`] gives the largest body and a token bucket. The bucket holds `burst` tokens and gains `refill` tokens
//! every `period`; a frame costs one token, or one for each of its bytes, header included, and never less than a given
//! number. In any span of length `t` at most `burst + refill · t / period` tokens are granted. All of it is integers: the
//! level is kept in units of `token · µs / period`, so that no refill is ever rounded away, however often the bucket is
//! asked.
//!
//! The start values of [`Limits::default`] hold what roles really send: blocks travel on the vote channel, claims with
//! their proofs on the order channel, models and answers on the request channel. Where large and small bodies share a
//! channel, the least price of a frame bounds the small ones and the bytes bound the large ones.
//!
//! | channel | largest body | rate for one peer |
//! |---|---|---|
//! | vote | 16 MiB + 256 KiB | 32 MiB/s, at least 32 KiB for each frame: 1,024 frames/s |
//! | order | 8 MiB + 1 KiB | 16 MiB/s, at least 64 KiB for each frame: 256 frames/s |
//! | announce | 1 KiB | 5 frames/s |
//! | group | 64 KiB | 20 frames/s |
//! | sample | 1 KiB | 2 frames in 2 s |
//! | request | 9 MiB | 16 MiB/s, at least 64 KiB for each frame: 256 frames/s |
//! | blob | 1 MiB | 16 MiB/s |

use crate::{Channel, frame::HEADER};
use bitneuron_core::{NodeId, Time};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use thiserror::Error;

/// Why traffic was refused. Nothing has changed when this is returned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// The channel has no quota.
    #[error("{0} has no quota")]
    UnknownChannel(Channel),
    /// The body is over the channel's limit.
    #[error("{length} bytes on {channel}, at most {limit} allowed")]
    TooLong {
        /// The channel.
        channel: Channel,
        /// Bytes of the body.
        length: usize,
        /// Bytes allowed.
        limit: u32,
    },
    /// The peer has used up its tokens.
    #[error("too fast on {channel}; enough tokens in {wait:?}")]
    TooFast {
        /// The channel.
        channel: Channel,
        /// When the same frame would pass.
        wait: Duration,
    },
    /// As many peers as are remembered are active already.
    #[error("{0} peers are active already")]
    TooManyPeers(usize),
}

/// What a token buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// One frame of any size.
    Frame,
    /// One byte of the frame, header included.
    Byte {
        /// What a frame costs at least, in tokens.
        least: u32,
    },
}

/// The bounds of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The longest body in bytes.
    pub largest: u32,
    /// What a token buys.
    pub unit: Unit,
    /// Tokens in a full bucket.
    pub burst: u32,
    /// Tokens gained in a period.
    pub refill: u32,
    /// The period in microseconds; 0 counts as 1.
    pub period: u32,
}

impl Quota {
    /// Bodies of up to `largest` bytes, `frames` of them at once and every `period` microseconds.
    pub const fn frames(largest: u32, frames: u32, period: u32) -> Self {
        Self { largest, unit: Unit::Frame, burst: frames, refill: frames, period }
    }

    /// Bodies of up to `largest` bytes; `bytes` of frames at once and every second, of which a frame uses up `least`
    /// even when it is shorter.
    pub const fn bytes(largest: u32, least: u32, bytes: u32) -> Self {
        Self { largest, unit: Unit::Byte { least }, burst: bytes, refill: bytes, period: 1_000_000 }
    }

    /// The tokens that a frame with a body of `length` bytes costs.
    pub fn price(&self, length: u32) -> u32 {
        match self.unit {
            Unit::Frame => 1,
            Unit::Byte { least } => length.saturating_add(HEADER as u32).max(least),
        }
    }

    /// Microseconds in a period, at least 1.
    fn period(&self) -> u64 {
        u64::from(self.period.max(1))
    }

    /// The level of a full bucket; below 2⁶⁴ since both factors are below 2³².
    fn full(&self) -> u64 {
        u64::from(self.burst).saturating_mul(self.period())
    }
}

/// The quotas of all channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    quotas: BTreeMap<Channel, Quota>,
}

impl Limits {
    /// No channel at all.
    pub const fn none() -> Self {
        Self { quotas: BTreeMap::new() }
    }

    /// Sets the quota of a channel.
    #[must_use]
    pub fn with(mut self, channel: Channel, quota: Quota) -> Self {
        self.quotas.insert(channel, quota);
        self
    }

    /// The quota of a channel.
    ///
    /// # Errors
    /// The channel has none.
    pub fn quota(&self, channel: Channel) -> Result<Quota, Refused> {
        self.quotas.get(&channel).copied().ok_or(Refused::UnknownChannel(channel))
    }

    /// The length of a body in the width of the wire, if the channel takes it.
    ///
    /// # Errors
    /// The channel has no quota or the body is over its limit.
    pub fn check(&self, channel: Channel, length: usize) -> Result<u32, Refused> {
        let limit = self.quota(channel)?.largest;
        let narrow = u32::try_from(length).ok().filter(|&narrow| narrow <= limit);
        narrow.ok_or(Refused::TooLong { channel, length, limit })
    }
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: u32 = 1 << 10;
        const MIB: u32 = 1 << 20;
        const SECOND: u32 = 1_000_000;
        Self::none()
            .with(Channel::VOTE, Quota::bytes(16 * MIB + 256 * KIB, 32 * KIB, 32 * MIB))
            .with(Channel::ORDER, Quota::bytes(8 * MIB + KIB, 64 * KIB, 16 * MIB))
            .with(Channel::ANNOUNCE, Quota::frames(KIB, 5, SECOND))
            .with(Channel::GROUP, Quota::frames(64 * KIB, 20, SECOND))
            .with(Channel::SAMPLE, Quota::frames(KIB, 2, 2 * SECOND))
            .with(Channel::REQUEST, Quota::bytes(9 * MIB, 64 * KIB, 16 * MIB))
            .with(Channel::BLOB, Quota::bytes(MIB, 0, 16 * MIB))
    }
}

/// One token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    level: u64,
    seen: Time,
}

impl Bucket {
    /// A full bucket.
    pub fn full(quota: &Quota, now: Time) -> Self {
        Self { level: quota.full(), seen: now }
    }

    /// Takes `tokens`, or says how long to wait for them.
    ///
    /// A clock that goes back refills nothing. The wait for tokens that never come is the end of time.
    ///
    /// # Errors
    /// The wait; the bucket is unchanged.
    pub fn take(&mut self, quota: &Quota, now: Time, tokens: u32) -> Result<(), Duration> {
        let level = self.level_at(quota, now);
        let price = u64::from(tokens).saturating_mul(quota.period());
        let Some(rest) = level.checked_sub(price) else {
            let comes = quota.refill > 0 && price <= quota.full();
            let missing = price.saturating_sub(level);
            let wait = if comes { missing.div_ceil(u64::from(quota.refill)) } else { u64::MAX };
            return Err(Duration::from_micros(wait));
        };
        *self = Self { level: rest, seen: now.max(self.seen) };
        Ok(())
    }

    /// When the bucket will be full again, if nothing more is taken; the end of time when it gains nothing.
    pub fn full_at(&self, quota: &Quota) -> Time {
        let missing = quota.full().saturating_sub(self.level);
        let wait = match (missing, quota.refill) {
            (0, _) => 0,
            (_, 0) => u64::MAX,
            (missing, refill) => missing.div_ceil(u64::from(refill)),
        };
        Time(self.seen.0.saturating_add(wait))
    }

    fn level_at(&self, quota: &Quota, now: Time) -> u64 {
        let gained = now.0.saturating_sub(self.seen.0).saturating_mul(u64::from(quota.refill));
        self.level.saturating_add(gained).min(quota.full())
    }
}

/// The buckets of all peers.
///
/// It remembers a bounded number of peers. A peer whose buckets are all full again is the same as one never seen,
/// and makes room when room is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    peers: usize,
    accounts: BTreeMap<NodeId, Account>,
    /// All peers, in the order in which they will be idle.
    idle: BTreeSet<(Time, NodeId)>,
}

/// The buckets of one peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Account {
    buckets: BTreeMap<Channel, Bucket>,
    /// When all of them will be full.
    idle: Time,
}

impl Throttle {
    /// Buckets for at most `peers` active peers.
    pub const fn new(peers: usize) -> Self {
        Self { peers, accounts: BTreeMap::new(), idle: BTreeSet::new() }
    }

    /// Charges `peer` for a frame with a body of `length` bytes, in `O(log n)`.
    ///
    /// # Errors
    /// The channel is unknown, the body too long, the peer too fast, or too many peers are active.
    pub fn admit(
        &mut self,
        limits: &Limits,
        now: Time,
        peer: NodeId,
        channel: Channel,
        length: usize,
    ) -> Result<(), Refused> {
        let length = limits.check(channel, length)?;
        let quota = limits.quota(channel)?;
        let known = self.accounts.get(&peer).and_then(|account| account.buckets.get(&channel)).copied();
        let mut bucket = known.unwrap_or_else(|| Bucket::full(&quota, now));
        let taken = bucket.take(&quota, now, quota.price(length));
        taken.map_err(|wait| Refused::TooFast { channel, wait })?;
        if !self.accounts.contains_key(&peer) && self.accounts.len() >= self.peers {
            self.make_room(now)?;
        }
        let account = self.accounts.entry(peer).or_default();
        self.idle.remove(&(account.idle, peer));
        account.buckets.insert(channel, bucket);
        account.idle = account.idle.max(bucket.full_at(&quota));
        self.idle.insert((account.idle, peer));
        Ok(())
    }

    /// Forgets a peer, for instance when its connection closes for good.
    pub fn forget(&mut self, peer: &NodeId) {
        if let Some(account) = self.accounts.remove(peer) {
            self.idle.remove(&(account.idle, *peer));
        }
    }

    /// How many peers are remembered.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether no peer is remembered.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Drops the peer that has been idle for longest.
    fn make_room(&mut self, now: Time) -> Result<(), Refused> {
        match self.idle.first().copied().filter(|(idle, _)| *idle <= now) {
            Some((_, peer)) => {
                self.forget(&peer);
                Ok(())
            }
            None => Err(Refused::TooManyPeers(self.peers)),
        }
    }
}
