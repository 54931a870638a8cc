//! Entries: what the state consists of, seen as bytes.
//!
//! An entry is a pair of byte strings, key and value. The key's first byte is its section, the rest the canonical
//! encoding of its name ([`crate::key`] makes keys); the value is the canonical encoding of what stands there.

use bitneuron_core::{Bytes, Wire, decode, encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Anything with a serde form as a wire type; only for entries, which are made here.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Plain<T>(T);

impl<T: Serialize + DeserializeOwned> Wire for Plain<T> {
    const LIMIT: usize = 16 << 20;
}

/// What a name or a value must be able to do.
pub(crate) trait Field: Clone + Serialize + DeserializeOwned {}

impl<T: Clone + Serialize + DeserializeOwned> Field for T {}

/// The canonical bytes of a name or a value.
pub(crate) fn bytes_of<T: Field>(value: &T) -> Vec<u8> {
    encode(&Plain(value.clone()))
}

/// The value of these bytes.
pub(crate) fn value_of<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    decode::<Plain<T>>(bytes).ok().map(|plain| plain.0)
}

/// The key of an entry.
pub(crate) fn key_of<K: Field>(section: u8, name: &K) -> Vec<u8> {
    let mut bytes = vec![section];
    bytes.extend(bytes_of(name));
    bytes
}

/// What a block did to one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The entry's key, as [`crate::key`] makes it.
    pub key: Vec<u8>,
    /// The canonical encoding of its value; `None` where it was removed.
    pub value: Option<Vec<u8>>,
}

/// The value of an entry of the state, in its canonical encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value(pub Bytes);

impl Value {
    /// The value, as the type that the key's section holds; `None` when it is of another.
    pub fn read<T: Serialize + DeserializeOwned>(&self) -> Option<T> {
        value_of(&self.0)
    }
}
