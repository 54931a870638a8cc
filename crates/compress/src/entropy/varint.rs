//! Unsigned numbers in as few bytes as they need: seven bits a byte, the lowest first, the top bit set in all but the last.

use crate::{CompressError, reader::Reader};

/// Appends `number`.
pub(crate) fn write(mut number: u32, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The next number, in its shortest form and below 2²⁸.
pub(crate) fn read(reader: &mut Reader<'_>) -> Result<u32, CompressError> {
    let mut number = 0;
    for place in 0..4 {
        let byte = reader.u8()?;
        number |= u32::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return if byte == 0 && place > 0 { Err(LONG) } else { Ok(number) };
        }
    }
    Err(LONG)
}

const LONG: CompressError = CompressError::Malformed("a number is longer than it needs to be");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_form_only() {
        for number in [0, 1, 127, 128, 4096, 16_383, 16_384, (1 << 28) - 1] {
            let mut bytes = Vec::new();
            write(number, &mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!(read(&mut reader).expect("own bytes"), number);
            assert_eq!(reader.left(), 0);
        }
        for wrong in [&[][..], &[0x80], &[0x80, 0], &[0xff, 0x80, 0], &[0x80, 0x80, 0x80, 0x80, 1]] {
            assert!(read(&mut Reader::new(wrong)).is_err(), "{wrong:?}");
        }
    }
}
