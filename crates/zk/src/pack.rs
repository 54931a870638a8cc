//! Tensors in as few whole bytes per element as hold them, with exactly one encoding each.
//!
//! `dims: u8 ‖ dims × size: u32 ‖ width: u8 ‖ elements × width bytes`, everything little-endian, elements in two's
//! complement and row-major. The width is the least of 1, 2, 4 and 8 that holds every element (1 when there is none);
//! any other is refused. A model with 12 fractional bits takes 2 bytes per parameter, features and labels 1 or 2.
//! Lengths are checked against the bytes at hand before anything is allocated, so `n` bytes never cost more than `8·n`.

use bitneuron_core::exact::{Tensor, tensor::elements};
use thiserror::Error;

/// Why bytes are not a packed tensor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PackError {
    /// The bytes end too early.
    #[error("{missing} bytes are missing")]
    Short {
        /// How many more were needed.
        missing: usize,
    },
    /// Bytes after the tensor.
    #[error("{0} bytes after the tensor")]
    Trailing(usize),
    /// Too many dimensions or elements.
    #[error("a shape beyond the limit")]
    Shape,
    /// Another shape than the reader expects.
    #[error("shape {found:?} where {expected:?} is expected")]
    Unexpected {
        /// The shape read.
        found: Vec<u32>,
        /// The shape expected.
        expected: Vec<u32>,
    },
    /// A width that is not the least that holds all elements.
    #[error("width {0} is not the canonical one")]
    Width(u8),
}

/// The least width that holds all of `data`.
fn narrowest(data: &[i64]) -> u8 {
    let (lo, hi) = data.iter().fold((0, 0), |(lo, hi): (i64, i64), x| (lo.min(*x), hi.max(*x)));
    if i8::try_from(lo).is_ok() && i8::try_from(hi).is_ok() {
        1
    } else if i16::try_from(lo).is_ok() && i16::try_from(hi).is_ok() {
        2
    } else if i32::try_from(lo).is_ok() && i32::try_from(hi).is_ok() {
        4
    } else {
        8
    }
}

/// Appends the encoding of `tensor`.
pub fn write(tensor: &Tensor, out: &mut Vec<u8>) {
    let width = narrowest(tensor.data());
    out.reserve(2 + 4 * tensor.shape().len() + usize::from(width) * tensor.len());
    // At most `Tensor::MAX_DIMS`, which is 6.
    out.push(tensor.shape().len() as u8);
    tensor.shape().iter().for_each(|size| out.extend(size.to_le_bytes()));
    out.push(width);
    // The width holds every element, so the low bytes are the element.
    match width {
        1 => append(tensor.data(), out, |x| [x as u8]),
        2 => append(tensor.data(), out, |x| (x as i16).to_le_bytes()),
        4 => append(tensor.data(), out, |x| (x as i32).to_le_bytes()),
        _ => append(tensor.data(), out, i64::to_le_bytes),
    }
}

/// Appends the bytes of all elements, in one pass over room that is made beforehand.
fn append<const N: usize>(data: &[i64], out: &mut Vec<u8>, bytes: impl Fn(i64) -> [u8; N]) {
    let start = out.len();
    out.resize(start + N * data.len(), 0);
    let room = out[start..].as_chunks_mut().0;
    room.iter_mut().zip(data).for_each(|(slot, x)| *slot = bytes(*x));
}

/// The encoding of `tensor`.
///
/// ```
/// use bitneuron_core::exact::Tensor;
/// use bitneuron_zk::pack;
/// let tensor = Tensor::vector(vec![1, -128, 127]);
/// let bytes = pack::pack(&tensor);
/// assert_eq!(bytes.len(), 1 + 4 + 1 + 3);
/// assert_eq!(pack::unpack(&bytes, 3)?, tensor);
/// assert!(pack::unpack(&bytes, 2).is_err());
/// # Ok::<(), pack::PackError>(())
/// ```
pub fn pack(tensor: &Tensor) -> Vec<u8> {
    let mut out = Vec::new();
    write(tensor, &mut out);
    out
}

/// Reads a whole byte string as one tensor of at most `limit` elements.
///
/// # Errors
/// Too large, too short, too long, or not the canonical encoding.
pub fn unpack(bytes: &[u8], limit: usize) -> Result<Tensor, PackError> {
    let mut input = bytes;
    let shape = read_shape(&mut input)?;
    if elements(&shape).is_none_or(|count| count > limit) {
        return Err(PackError::Shape);
    }
    let tensor = read_data(&mut input, &shape)?;
    if input.is_empty() { Ok(tensor) } else { Err(PackError::Trailing(input.len())) }
}

/// Reads one tensor of a known shape from the front of `input` and moves `input` behind it.
///
/// # Errors
/// Another shape, too short, or not the canonical encoding; `input` is then in an unspecified place.
pub fn read(input: &mut &[u8], expected: &[u32]) -> Result<Tensor, PackError> {
    let found = read_shape(input)?;
    if found != expected {
        return Err(PackError::Unexpected { found, expected: expected.to_vec() });
    }
    read_data(input, &found)
}

/// The first `count` bytes of `input`, which moves behind them.
pub(crate) fn take<'a>(input: &mut &'a [u8], count: usize) -> Result<&'a [u8], PackError> {
    let (head, rest) = input
        .split_at_checked(count)
        .ok_or(PackError::Short { missing: count.saturating_sub(input.len()) })?;
    *input = rest;
    Ok(head)
}

/// The next `N` bytes as an array.
pub(crate) fn take_array<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], PackError> {
    let (head, rest) =
        input.split_first_chunk::<N>().ok_or(PackError::Short { missing: N.saturating_sub(input.len()) })?;
    *input = rest;
    Ok(*head)
}

fn read_shape(input: &mut &[u8]) -> Result<Vec<u32>, PackError> {
    let [dims] = take_array::<1>(input)?;
    if usize::from(dims) > Tensor::MAX_DIMS {
        return Err(PackError::Shape);
    }
    (0..dims).map(|_| take_array::<4>(input).map(u32::from_le_bytes)).collect()
}

fn read_data(input: &mut &[u8], shape: &[u32]) -> Result<Tensor, PackError> {
    let count = elements(shape).ok_or(PackError::Shape)?;
    let [width] = take_array::<1>(input)?;
    if !matches!(width, 1 | 2 | 4 | 8) {
        return Err(PackError::Width(width));
    }
    let bytes = take(input, count.saturating_mul(usize::from(width)))?;
    let data: Vec<i64> = match width {
        1 => bytes.iter().map(|byte| i64::from(byte.cast_signed())).collect(),
        2 => bytes.as_chunks().0.iter().map(|x| i64::from(i16::from_le_bytes(*x))).collect(),
        4 => bytes.as_chunks().0.iter().map(|x| i64::from(i32::from_le_bytes(*x))).collect(),
        _ => bytes.as_chunks().0.iter().map(|x| i64::from_le_bytes(*x)).collect(),
    };
    if narrowest(&data) != width {
        return Err(PackError::Width(width));
    }
    Tensor::new(shape, data).map_err(|_| PackError::Shape)
}
