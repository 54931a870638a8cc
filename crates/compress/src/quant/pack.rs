//! Codes of 1 to 16 bits, side by side in bytes.
//!
//! Code i occupies the bits i·b … i·b + b − 1 of the little-endian bit string; what is left of the last byte is zero.

/// The bytes that `count` codes of `bits` bits take.
pub(crate) fn packed_len(count: usize, bits: u8) -> u64 {
    (count as u64 * u64::from(bits)).div_ceil(8)
}

/// Appends the codes, each below 2^bits.
pub(crate) fn pack(codes: &[u16], bits: u8, out: &mut Vec<u8>) {
    let (mut held, mut width) = (0u32, 0u8);
    for code in codes {
        held |= u32::from(*code) << width;
        width += bits;
        while width >= 8 {
            out.push(held as u8);
            held >>= 8;
            width -= 8;
        }
    }
    if width > 0 {
        out.push(held as u8);
    }
}

/// The codes in `bytes`, without end: past the bytes they are zero.
pub(crate) fn unpack(bytes: &[u8], bits: u8) -> impl Iterator<Item = u16> + '_ {
    let mask = ((1u32 << bits) - 1) as u16;
    let (mut held, mut width) = (0u32, 0u8);
    let mut bytes = bytes.iter();
    std::iter::repeat_with(move || {
        while width < bits {
            held |= u32::from(bytes.next().copied().unwrap_or(0)) << width;
            width += 8;
        }
        let code = held as u16 & mask;
        held >>= bits;
        width -= bits;
        code
    })
}

/// Whether the bits behind `count` codes are zero.
pub(crate) fn padding_is_zero(bytes: &[u8], count: usize, bits: u8) -> bool {
    let used = (count as u64 * u64::from(bits) % 8) as u8;
    used == 0 || bytes.last().is_none_or(|last| last >> used == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, test_runner::RngSeed};

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn codes_come_back(bits in 1u8..=16, codes in prop::collection::vec(any::<u16>(), 0..50)) {
            let codes: Vec<u16> = codes.iter().map(|code| code & ((1u32 << bits) - 1) as u16).collect();
            let mut bytes = Vec::new();
            pack(&codes, bits, &mut bytes);
            prop_assert_eq!(bytes.len() as u64, packed_len(codes.len(), bits));
            prop_assert!(padding_is_zero(&bytes, codes.len(), bits));
            let back: Vec<u16> = unpack(&bytes, bits).take(codes.len()).collect();
            prop_assert_eq!(back, codes);
        }
    }

    #[test]
    fn bit_order_and_padding() {
        let mut bytes = Vec::new();
        pack(&[1, 2, 3], 3, &mut bytes);
        assert_eq!(bytes, [0b1101_0001, 0]);
        assert!(!padding_is_zero(&[0b1101_0001, 2], 3, 3));
        assert!(padding_is_zero(&[0b1101_0001, 1], 3, 3));
    }
}
