//! Codes of four bits, two in a byte.
//!
//! Of m codes, byte j holds code j below and code j + ⌈m/2⌉ above, so that both halves are runs: a machine with vectors
//! packs them without moving lanes. For odd m the upper half of the last byte is zero.

/// Fills `bytes`, half as many as codes, from codes of which the lower four bits count.
#[inline]
pub(crate) fn pack(codes: &[u8], bytes: &mut [u8]) {
    let (low, high) = codes.split_at(bytes.len().min(codes.len()));
    bytes.iter_mut().zip(low).for_each(|(byte, code)| *byte = code & 0xf);
    bytes.iter_mut().zip(high).for_each(|(byte, code)| *byte |= code << 4);
}

/// Hands the code of each place to `take`, which fills it.
#[inline]
pub(crate) fn unpack<T>(bytes: &[u8], into: &mut [T], take: impl Fn(&mut T, u8)) {
    let (low, high) = into.split_at_mut(bytes.len().min(into.len()));
    low.iter_mut().zip(bytes).for_each(|(place, byte)| take(place, byte & 0xf));
    high.iter_mut().zip(bytes).for_each(|(place, byte)| take(place, byte >> 4));
}

/// Whether the bits behind `count` codes are zero.
pub(crate) fn padding_is_zero(bytes: &[u8], count: usize) -> bool {
    count.is_multiple_of(2) || bytes.last().is_none_or(|last| last >> 4 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_runs() {
        let mut bytes = [0; 3];
        pack(&[1, 2, 3, 4, 0xf5], &mut bytes);
        assert_eq!(bytes, [0x41, 0x52, 0x03]);
        let mut codes = [0; 5];
        unpack(&bytes, &mut codes, |place, code| *place = code);
        assert_eq!(codes, [1, 2, 3, 4, 5]);
        assert!(padding_is_zero(&bytes, 5) && padding_is_zero(&[0x41, 0x52, 0x63], 6));
        assert!(!padding_is_zero(&[0x41, 0x52, 0x63], 5));
    }
}
