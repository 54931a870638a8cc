//! Frames: how messages stand in a byte stream.
//!
//! ```text
//! length of the body: u32 LE | channel: u16 LE | body
//! ```
//!
//! The decoder is incremental: it takes what has arrived and gives a frame when one is whole. It checks the header
//! against the [`Limits`] before it stores a byte of the body, and its buffer grows only as bytes arrive, so a
//! sender pays with traffic for every byte that the receiver holds.

use crate::{Channel, Limits, Refused};
use std::sync::Arc;

/// Bytes in front of every body.
pub const HEADER: usize = 6;

/// One message on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The kind of traffic.
    pub channel: Channel,
    /// The message, encoded.
    pub body: Vec<u8>,
}

impl Frame {
    /// Header and body.
    ///
    /// # Errors
    /// The channel has no quota or the body is over its limit: the receiver would refuse it.
    pub fn encode(&self, limits: &Limits) -> Result<Vec<u8>, Refused> {
        let length = limits.check(self.channel, self.body.len())?;
        let mut bytes = Vec::with_capacity(HEADER.saturating_add(self.body.len()));
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&self.channel.0.to_le_bytes());
        bytes.extend_from_slice(&self.body);
        Ok(bytes)
    }
}

/// Reads frames out of a byte stream.
///
/// A refused header leaves the decoder and the input where they were: the stream cannot be resumed behind a lie
/// about its length, so every later call refuses it again. The caller drops the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoder {
    limits: Arc<Limits>,
    header: [u8; HEADER],
    filled: usize,
    body: Vec<u8>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub const fn new(limits: Arc<Limits>) -> Self {
        Self { limits, header: [0; HEADER], filled: 0, body: Vec::new() }
    }

    /// Takes bytes from the front of `input` until a frame is whole or the input is used up.
    ///
    /// `Ok(None)` means that all of `input` was taken and more is needed. Call again after `Ok(Some)`: the input
    /// may hold further frames.
    ///
    /// # Errors
    /// An unknown channel or a length over its limit; nothing was taken.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Refused> {
        if self.filled < HEADER && !self.read_header(input)? {
            return Ok(None);
        }
        let (channel, length) = parse(self.header);
        let missing = (length as usize).saturating_sub(self.body.len());
        let (now, rest) = input.split_at(missing.min(input.len()));
        // Doubling, but never past the declared length.
        let spare = self.body.capacity().saturating_sub(self.body.len());
        if spare < now.len() {
            self.body.reserve_exact(now.len().max(self.body.len()).min(missing));
        }
        self.body.extend_from_slice(now);
        *input = rest;
        if now.len() < missing {
            return Ok(None);
        }
        self.filled = 0;
        Ok(Some(Frame { channel, body: std::mem::take(&mut self.body) }))
    }

    /// Bytes held in memory for the frame under way.
    pub fn held(&self) -> usize {
        self.body.capacity()
    }

    /// Completes the header; false when the input ended first.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<bool, Refused> {
        let (now, rest) = input.split_at(HEADER.saturating_sub(self.filled).min(input.len()));
        let mut header = self.header;
        for (slot, &byte) in header.iter_mut().skip(self.filled).zip(now) {
            *slot = byte;
        }
        let filled = self.filled.saturating_add(now.len());
        if filled == HEADER {
            let (channel, length) = parse(header);
            self.limits.check(channel, length as usize)?;
        }
        (self.header, self.filled, *input) = (header, filled, rest);
        Ok(filled == HEADER)
    }
}

/// Channel and body length.
const fn parse([a, b, c, d, e, f]: [u8; HEADER]) -> (Channel, u32) {
    (Channel(u16::from_le_bytes([e, f])), u32::from_le_bytes([a, b, c, d]))
}
