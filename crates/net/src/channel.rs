//! The kinds of traffic, as the two bytes that stand in a frame's header.
//!
//! A channel is an open number, not a closed enum: a crate may add its own by giving it a
//! [`Quota`](crate::Quota) in the [`Limits`](crate::Limits). A channel without a quota is refused unread.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Channel(pub u16);

impl Channel {
    /// Votes, proposals and blocks between validators.
    pub const VOTE: Self = Self(1);
    /// Transactions: orders, claims and all else that is meant for a block.
    pub const ORDER: Self = Self(2);
    /// Announcements of blobs; the bytes themselves are pulled.
    pub const ANNOUNCE: Self = Self(3);
    /// Messages of groups.
    pub const GROUP: Self = Self(4);
    /// Peer sampling.
    pub const SAMPLE: Self = Self(5);
    /// Requests and their answers.
    pub const REQUEST: Self = Self(6);
    /// Pieces of blobs.
    pub const BLOB: Self = Self(7);
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::VOTE => f.write_str("vote"),
            Self::ORDER => f.write_str("order"),
            Self::ANNOUNCE => f.write_str("announce"),
            Self::GROUP => f.write_str("group"),
            Self::SAMPLE => f.write_str("sample"),
            Self::REQUEST => f.write_str("request"),
            Self::BLOB => f.write_str("blob"),
            Self(number) => write!(f, "channel {number}"),
        }
    }
}
