//! BLAKE3 with a domain in front of every message, so that a hash of one kind is never one of another.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A 256-bit BLAKE3 digest. In JSON it is its hexadecimal digits, on the wire 32 bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// All zeros; the parent of the first block and the root of nothing.
    pub const ZERO: Self = Self([0; 32]);

    /// Hashes `bytes` under `domain`.
    ///
    /// The domain is BLAKE3's *context string* of key derivation: a fixed, unique text of the calling module
    /// such as `"bitneuron block v1"`.
    pub fn of(domain: &str, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(domain);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The first eight bytes as a little-endian number.
    pub fn to_u64(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that names no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits")]
pub struct NotHex;

/// Reads what [`fmt::Display`] writes, in either case.
impl FromStr for Digest {
    type Err = NotHex;

    fn from_str(text: &str) -> Result<Self, NotHex> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits = text.as_bytes().iter().map(digit).collect::<Option<Vec<u8>>>().ok_or(NotHex)?;
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(NotHex) };
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        bytes.try_into().map(Self).map_err(|_| NotHex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

/// An incremental hash under one domain.
///
/// Variable-length parts go in through [`Hasher::part`], which writes the length first, so that two different
/// lists of parts never give the same message.
#[derive(Debug, Clone)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts a hash under `domain`.
    pub fn new(domain: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(domain))
    }

    /// Appends raw bytes; for fixed-length values.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// Appends the length as eight bytes, then the bytes.
    pub fn part(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Appends a number as eight little-endian bytes.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.update(&number.to_le_bytes())
    }

    /// The digest of everything appended so far.
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_written() {
        let digest = Digest::of("test", b"digits");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        let wrong = [("", 0), ("1", 2), ("g", 64), ("é", 32), ("0", 65), ("0", 63), ("+0", 32)];
        for text in wrong.map(|(text, count)| text.repeat(count)) {
            assert_eq!(text.parse::<Digest>(), Err(NotHex), "{text}");
        }
    }
}
