//! Reads little-endian numbers from a slice, refusing to go past its end.

use crate::CompressError;

/// What is left of a byte string.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Bytes not yet read.
    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], CompressError> {
        let (head, tail) =
            self.0.split_at_checked(count).ok_or(CompressError::Malformed("the bytes end early"))?;
        self.0 = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CompressError> {
        let (head, tail) =
            self.0.split_first_chunk().ok_or(CompressError::Malformed("the bytes end early"))?;
        self.0 = tail;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, CompressError> {
        self.array().map(u8::from_le_bytes)
    }

    /// A byte that is 0 or 1.
    pub(crate) fn flag(&mut self) -> Result<bool, CompressError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CompressError::Malformed("a flag is neither 0 nor 1")),
        }
    }

    pub(crate) fn i8(&mut self) -> Result<i8, CompressError> {
        self.array().map(i8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, CompressError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, CompressError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, CompressError> {
        self.array().map(i32::from_le_bytes)
    }

    /// The end: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), CompressError> {
        if self.0.is_empty() { Ok(()) } else { Err(CompressError::Malformed("bytes are left over")) }
    }
}
