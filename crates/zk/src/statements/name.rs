//! The names of statements that are made of others.

/// The most bytes of such a name.
const MOST: usize = 256;

/// A name put together at compile time.
#[derive(Clone, Copy)]
pub(super) struct Name {
    bytes: [u8; MOST],
    length: usize,
}

impl Name {
    /// The parts one after the other; does not compile where they are longer than a name may be.
    pub(super) const fn of(parts: &[&str]) -> Self {
        let (mut bytes, mut length, mut part) = ([0; MOST], 0, 0);
        while part < parts.len() {
            let text = parts[part].as_bytes();
            assert!(text.len() <= MOST - length, "a statement's name of more than 256 bytes");
            let mut at = 0;
            while at < text.len() {
                bytes[length] = text[at];
                length += 1;
                at += 1;
            }
            part += 1;
        }
        Self { bytes, length }
    }

    /// The name as text.
    pub(super) const fn text(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}
