//! Packed tensors: what goes in comes out, in one encoding, of the least width.

use bitneuron_core::exact::Tensor;
use bitneuron_zk::pack::{PackError, pack, read, unpack};
use proptest::prelude::*;

fn tensor() -> impl Strategy<Value = Tensor> {
    (prop::collection::vec(0u32..5, 0..4), 0u32..64, any::<u64>()).prop_map(|(shape, bits, seed)| {
        let count: u32 = shape.iter().product();
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state.cast_signed() >> bits).wrapping_add(i64::from(bits == 0))
        };
        Tensor::new(&shape, (0..count).map(|_| next()).collect()).expect("shape")
    })
}

/// The width that a slow reading of the definition gives.
fn width(tensor: &Tensor) -> usize {
    let fits = |bits: u32| {
        tensor
            .data()
            .iter()
            .all(|x| -(1i128 << (bits - 1)) <= (*x).into() && i128::from(*x) < 1 << (bits - 1))
    };
    [1, 2, 4, 8].into_iter().find(|bytes| fits(*bytes * 8)).expect("a width") as usize
}

proptest! {
    #[test]
    fn round_trip_of_the_least_width(tensor in tensor()) {
        let bytes = pack(&tensor);
        prop_assert_eq!(bytes.len(), 2 + 4 * tensor.shape().len() + width(&tensor) * tensor.len());
        prop_assert_eq!(&unpack(&bytes, tensor.len()).unwrap(), &tensor);
        let longer = [bytes.as_slice(), &[7]].concat();
        prop_assert_eq!(unpack(&longer, tensor.len()), Err(PackError::Trailing(1)));
        let mut input = longer.as_slice();
        prop_assert_eq!(read(&mut input, tensor.shape()).unwrap(), tensor.clone());
        prop_assert_eq!(input, &[7]);
        prop_assert!(unpack(&bytes[..bytes.len() - 1], tensor.len()).is_err());
        if let Some(limit) = tensor.len().checked_sub(1) {
            prop_assert_eq!(unpack(&bytes, limit), Err(PackError::Shape));
        }
    }

    /// The same elements in a wider form are refused.
    #[test]
    fn wider_than_needed_is_refused(values in prop::collection::vec(-128i64..128, 0..9), width in prop::sample::select(vec![2u8, 4, 8])) {
        let mut bytes = vec![1];
        bytes.extend((values.len() as u32).to_le_bytes());
        bytes.push(width);
        values.iter().for_each(|x| bytes.extend(&x.to_le_bytes()[..usize::from(width)]));
        prop_assert_eq!(unpack(&bytes, 100), Err(PackError::Width(width)));
    }
}

#[test]
fn edges() {
    for (value, bytes) in
        [(127, 1), (128, 2), (-128, 1), (-129, 2), (32_768, 4), (-32_769, 4), (1 << 31, 8), (i64::MIN, 8)]
    {
        let packed = pack(&Tensor::scalar(value));
        assert_eq!((packed.len(), unpack(&packed, 1).unwrap().data()), (2 + bytes, &[value][..]));
    }
    assert_eq!(unpack(&[], 1), Err(PackError::Short { missing: 1 }));
    assert_eq!(unpack(&[7], 1), Err(PackError::Shape));
    assert_eq!(unpack(&[0, 3, 0, 0, 0], 1), Err(PackError::Width(3)));
    // A shape of 2^24 elements that are not there costs nothing.
    assert!(matches!(unpack(&[1, 0, 0, 0, 1, 8], 1 << 24), Err(PackError::Short { .. })));
    assert_eq!(unpack(&[2, 255, 255, 255, 255, 255, 255, 255, 255, 1], 1 << 24), Err(PackError::Shape));
    let mut input: &[u8] = &[1, 2, 0, 0, 0, 1, 5, 6];
    assert!(matches!(read(&mut input, &[3]), Err(PackError::Unexpected { .. })));
}

/// The bytes of a format that is hashed and signed never change.
#[test]
fn golden() {
    let tensor = Tensor::new(&[2, 2], vec![1, -2, 300, -400]).unwrap();
    assert_eq!(pack(&tensor), [2, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 0, 254, 255, 44, 1, 112, 254]);
}
