//! The wire form of small structures: a version byte, then `bincode` with fixed-width little-endian integers.
//!
//! This module is the only one that names `bincode`. Every type that crosses a wire implements [`Wire`] with its own
//! size limit, which is checked before a byte is read. Fixed-width integers and checked tags make the encoding
//! injective: a value has one encoding and every accepted byte string is the encoding of what it decodes to, so
//! bytes can be hashed and signed. For that reason maps and floats never stand in a wire type, and text is read through
//! [`text`], which never reserves more than was received.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use std::fmt;
use std::io::{self, Write};
use thiserror::Error;

/// A type with a wire form.
pub trait Wire: Serialize + DeserializeOwned {
    /// The first byte of every encoding; raised when the layout changes.
    const VERSION: u8 = 1;
    /// The longest accepted encoding in bytes, version byte included.
    const LIMIT: usize;
}

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Nothing to read.
    #[error("no bytes")]
    Empty,
    /// The version byte is unknown.
    #[error("version {found}, expected {expected}")]
    Version {
        /// The byte read.
        found: u8,
        /// The byte expected.
        expected: u8,
    },
    /// Longer than the type may be.
    #[error("{length} bytes, at most {limit} allowed")]
    TooLong {
        /// The length received.
        length: usize,
        /// The limit of the type.
        limit: usize,
    },
    /// The value ended before the bytes did.
    #[error("{0} bytes after the value")]
    Trailing(usize),
    /// Not an encoding of the type.
    #[error("malformed: {0}")]
    Malformed(String),
}

/// No value may claim more bytes than this while it is read, whatever its type's own limit.
const MOST: usize = 64 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<MOST>()
}

/// The encoding of `value`.
///
/// In-memory encoding cannot fail for the types that implement [`Wire`]; were a foreign `Serialize` to fail, the
/// encoding is empty, which no decoder accepts.
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    let mut bytes = vec![T::VERSION];
    match bincode::serde::encode_into_std_write(value, &mut bytes, config()) {
        Ok(_) => bytes,
        Err(error) => {
            debug_assert!(false, "an encoding failed: {error}");
            Vec::new()
        }
    }
}

/// Decodes a whole byte string.
///
/// # Errors
/// Too long for the type, another version, malformed, or bytes left over.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, DecodeError> {
    read(bytes, config())
}

fn read<T: Wire>(bytes: &[u8], config: impl bincode::config::Config) -> Result<T, DecodeError> {
    match front(bytes, config)? {
        (value, []) => Ok(value),
        (_, rest) => Err(DecodeError::Trailing(rest.len())),
    }
}

/// A value and what follows it.
fn front<T: Wire>(bytes: &[u8], config: impl bincode::config::Config) -> Result<(T, &[u8]), DecodeError> {
    if bytes.len() > T::LIMIT {
        return Err(DecodeError::TooLong { length: bytes.len(), limit: T::LIMIT });
    }
    let (&found, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if found != T::VERSION {
        return Err(DecodeError::Version { found, expected: T::VERSION });
    }
    let (value, read) = bincode::serde::decode_from_slice(body, config)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    Ok((value, body.get(read..).unwrap_or_default()))
}

/// The short encoding of a value that is mostly byte arrays: lengths and tags take as few bytes as they need.
///
/// In-memory encoding fails as little as that of [`encode`].
pub fn pack<T: Wire>(value: &T) -> Vec<u8> {
    let mut bytes = vec![T::VERSION];
    match bincode::serde::encode_into_std_write(value, &mut bytes, short()) {
        Ok(_) => bytes,
        Err(error) => {
            debug_assert!(false, "an encoding failed: {error}");
            Vec::new()
        }
    }
}

/// Decodes what [`pack`] wrote, and nothing else: a number written with more bytes than it needs is refused.
///
/// # Errors
/// As [`decode`].
pub fn unpack<T: Wire>(bytes: &[u8]) -> Result<T, DecodeError> {
    let value: T = read(bytes, short())?;
    let mut rest = Expected(bytes.get(1..).unwrap_or_default());
    match bincode::serde::encode_into_std_write(&value, &mut rest, short()) {
        Ok(_) if rest.0.is_empty() => Ok(value),
        _ => Err(DecodeError::Malformed("not the shortest form".into())),
    }
}

/// Takes exactly these bytes.
struct Expected<'a>(&'a [u8]);

impl Write for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Arrays of bytes come byte by byte.
        let rest = match (bytes, self.0) {
            ([byte], [first, rest @ ..]) if byte == first => Some(rest),
            ([_], _) => None,
            (bytes, expected) => expected.strip_prefix(bytes),
        };
        self.0 = rest.ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(|_| ())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decodes what stands at the front of what [`pack`] wrote, where `T` begins as the whole does, and looks at nothing behind
/// it: for a glance at a long value that somebody else checks.
///
/// # Errors
/// As [`decode`], but for what is left over.
pub fn glance<T: Wire>(bytes: &[u8]) -> Result<T, DecodeError> {
    front(bytes, short()).map(|(value, _)| value)
}

fn short() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MOST>()
}

/// Text in wire types: `#[serde(with = "codec::text")]` on every `String` field.
///
/// The derived reading of a `String` reserves the length that the sender announces before it looks for the bytes; this one
/// looks first.
pub mod text {
    use serde::{Deserializer, Serializer, de};
    use std::fmt;

    /// Writes the text.
    ///
    /// # Errors
    /// What the serializer refuses.
    pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    /// Reads the text.
    ///
    /// # Errors
    /// Fewer bytes than announced, or no UTF-8.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = String;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<String, E> {
                Ok(text.to_owned())
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// A byte string that is copied as a whole, not byte by byte.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Sample {
        flag: bool,
        number: u64,
        choice: Option<u16>,
        list: Vec<(u32, [u8; 4])>,
        blob: Bytes,
        #[serde(with = "text")]
        name: String,
    }

    impl Wire for Sample {
        const LIMIT: usize = 1 << 16;
    }

    fn sample() -> impl Strategy<Value = Sample> {
        let list = prop::collection::vec(any::<(u32, [u8; 4])>(), 0..8);
        let blob = prop::collection::vec(any::<u8>(), 0..40);
        let name = "[a-zé]{0,9}";
        (any::<bool>(), any::<u64>(), any::<Option<u16>>(), list, blob, name).prop_map(
            |(flag, number, choice, list, blob, name)| Sample {
                flag,
                number,
                choice,
                list,
                blob: Bytes(blob),
                name,
            },
        )
    }

    proptest! {
        #[test]
        fn round_trip_and_one_encoding(value in sample(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let bytes = encode(&value);
            prop_assert_eq!(&decode::<Sample>(&bytes).expect("own encoding"), &value);
            let mut mutant = bytes.clone();
            mutant[at.index(bytes.len())] ^= 1 << bit;
            if let Ok(other) = decode::<Sample>(&mutant) {
                prop_assert_eq!(encode(&other), mutant);
            }
            prop_assert!(decode::<Sample>(&bytes[..bytes.len() - 1]).is_err());
            let longer = [bytes.as_slice(), &[0]].concat();
            prop_assert_eq!(decode::<Sample>(&longer), Err(DecodeError::Trailing(1)));
        }

        #[test]
        fn noise_is_refused_or_canonical(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = decode::<Sample>(&bytes) {
                prop_assert_eq!(encode(&value), bytes);
            }
        }
    }

    /// How a [`Sample`] begins.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Front {
        flag: bool,
        number: u64,
    }

    impl Wire for Front {
        const LIMIT: usize = Sample::LIMIT;
    }

    proptest! {
        #[test]
        fn a_glance_reads_the_front_alone(value in sample(), noise in prop::collection::vec(any::<u8>(), 0..40)) {
            let front = Front { flag: value.flag, number: value.number };
            let whole = pack(&value);
            let glanced = |bytes: &[u8]| glance::<Front>(bytes).ok();
            prop_assert_eq!(glanced(&whole), Some(front.clone()));
            let (short, long) = (pack(&front), [pack(&front), noise].concat());
            prop_assert_eq!(glanced(&long), Some(front));
            prop_assert_eq!(glanced(&short[..short.len() - 1]), None);
        }
    }

    #[test]
    fn limits_and_versions() {
        assert_eq!(decode::<Sample>(&[]), Err(DecodeError::Empty));
        assert_eq!(decode::<Sample>(&[9]), Err(DecodeError::Version { found: 9, expected: 1 }));
        let long = vec![1; Sample::LIMIT + 1];
        assert!(matches!(decode::<Sample>(&long), Err(DecodeError::TooLong { .. })));
        // What claims 2^60 members costs nothing, be it a list, bytes or text.
        let front = vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for empty_before in 0..3 {
            let mut huge = front.clone();
            huge.extend(vec![0; 8 * empty_before]);
            huge.extend((1u64 << 60).to_le_bytes());
            assert!(matches!(decode::<Sample>(&huge), Err(DecodeError::Malformed(_))));
        }
    }
}
