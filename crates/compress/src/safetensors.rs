//! Parameters from files of the format *safetensors*, and back.
//!
//! Tensors of `F32`, `F64`, `F16` and `BF16` are read as `f32`; they stand in the order of their names, since the format has
//! none of its own. Written are `F32` alone.

use crate::CompressError;
use bitneuron_core::params::{Entry, ParamsError};
use bitneuron_core::{Layout, Params};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use std::sync::Arc;
use thiserror::Error;

/// Why a file was not read or not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SafetensorsError {
    /// It is not of this format, or its header and its data do not fit together.
    #[error("not a file of tensors: {0}")]
    Format(#[from] SafeTensorError),
    /// A tensor of numbers that are no parameters.
    #[error("tensor {name:?} is of type {dtype}; F32, F64, F16 and BF16 are read")]
    Type {
        /// Its name.
        name: String,
        /// The type of its numbers.
        dtype: Dtype,
    },
    /// A tensor that is larger than any layout.
    #[error(transparent)]
    Layout(#[from] ParamsError),
    /// A value is infinite or not a number.
    #[error("tensor {name:?} is not finite")]
    NotFinite {
        /// The name of the tensor.
        name: String,
    },
    /// A codec refused.
    #[error(transparent)]
    Compress(#[from] CompressError),
}

/// All tensors of a file, in the order of their names.
///
/// # Errors
/// Not a file of this format, a tensor of another type, too large or not finite.
pub fn read(bytes: &[u8]) -> Result<Params, SafetensorsError> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut tensors: Vec<(&str, TensorView<'_>)> = file.iter().collect();
    tensors.sort_unstable_by_key(|(name, _)| *name);
    let entries = tensors.iter().map(|(name, tensor)| entry(name, tensor)).collect::<Result<_, _>>()?;
    let layout = Arc::new(Layout::new(entries)?);
    let mut values = Vec::with_capacity(layout.len());
    for (name, tensor) in &tensors {
        let first = values.len();
        decode(name, tensor, &mut values)?;
        if !values.iter().skip(first).all(|value: &f32| value.is_finite()) {
            return Err(SafetensorsError::NotFinite { name: (*name).into() });
        }
    }
    Ok(Params::new(values, layout)?)
}

/// The bytes of a file.
///
/// # Errors
/// The format refuses.
pub fn write(params: &Params) -> Result<Vec<u8>, SafetensorsError> {
    let bytes: Vec<u8> = params.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    let layout = params.layout();
    let mut views = Vec::with_capacity(layout.entries().len());
    for (index, entry) in layout.entries().iter().enumerate() {
        let range = layout.range(index).unwrap_or_default();
        let own = bytes.get(4 * range.start..4 * range.end).unwrap_or_default();
        let shape = entry.shape.iter().map(|size| *size as usize).collect();
        views.push((entry.name.as_str(), TensorView::new(Dtype::F32, shape, own)?));
    }
    Ok(safetensors::serialize(views, None)?)
}

fn entry(name: &str, tensor: &TensorView<'_>) -> Result<Entry, SafetensorsError> {
    let size = |size: &usize| u32::try_from(*size).ok();
    let limit = Layout::MAX_ELEMENTS;
    let shape = tensor.shape().iter().map(size).collect::<Option<_>>();
    let shape = shape.ok_or(ParamsError::TooLarge { what: "elements", limit })?;
    Ok(Entry { name: name.into(), shape })
}

fn decode(name: &str, tensor: &TensorView<'_>, values: &mut Vec<f32>) -> Result<(), SafetensorsError> {
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => values.extend(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))),
        Dtype::F64 => values.extend(data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32)),
        Dtype::F16 => values.extend(data.as_chunks().0.iter().map(|bytes| half(u16::from_le_bytes(*bytes)))),
        Dtype::BF16 => {
            let wide = |bytes: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
            values.extend(data.as_chunks().0.iter().map(wide));
        }
        dtype => return Err(SafetensorsError::Type { name: name.into(), dtype }),
    }
    Ok(())
}

/// IEEE half precision.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, bits >> 10 & 0x1f, bits & 0x3ff);
    match exponent {
        0 => f32::from_bits(sign | (f32::from(fraction) * 2f32.powi(-24)).to_bits()),
        31 => f32::from_bits(sign | 0xff << 23 | u32::from(fraction) << 13),
        _ => f32::from_bits(sign | (u32::from(exponent) + 112) << 23 | u32::from(fraction) << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, test_runner::RngSeed};

    #[test]
    fn there_and_back() {
        let layout = Arc::new(Layout::of(&[("a", &[2, 3]), ("b", &[]), ("c", &[0, 4])]).expect("small"));
        let params = Params::new(vec![1.0, -2.5, 3e-9, 0.0, 5.0, 6.0, 7.0], layout).expect("fits");
        assert_eq!(read(&write(&params).expect("writes")).expect("reads"), params);
    }

    #[test]
    fn other_types() {
        let doubles: Vec<u8> = [0.5f64, -3.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        // 1, −2, the largest, the least above zero.
        let halves: Vec<u8> =
            [0x3c00u16, 0xc000, 0x7bff, 0x0001].iter().flat_map(|x| x.to_le_bytes()).collect();
        let brains: Vec<u8> = [0x3f80u16, 0xc040].iter().flat_map(|x| x.to_le_bytes()).collect();
        let view = |dtype, count, data| TensorView::new(dtype, vec![count], data).expect("fits");
        let views = [
            ("b", view(Dtype::F16, 4, halves.as_slice())),
            ("c", view(Dtype::BF16, 2, brains.as_slice())),
            ("a", view(Dtype::F64, 2, doubles.as_slice())),
        ];
        let params = read(&safetensors::serialize(views, None).expect("writes")).expect("reads");
        assert_eq!(params.values(), [0.5, -3.0, 1.0, -2.0, 65_504.0, 2f32.powi(-24), 1.0, -3.0]);
        let whole = [7u8, 0, 0, 0];
        let bytes = safetensors::serialize([("n", view(Dtype::I32, 1, &whole))], None).expect("writes");
        assert!(matches!(read(&bytes), Err(SafetensorsError::Type { .. })));
        let infinite = f32::INFINITY.to_le_bytes();
        let bytes = safetensors::serialize([("x", view(Dtype::F32, 1, &infinite))], None).expect("writes");
        assert!(matches!(read(&bytes), Err(SafetensorsError::NotFinite { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn noise_is_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200), header in "[a-z0-9:{}\\[\\]\",]{0,60}") {
            let _ = read(&bytes);
            let framed = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes].concat();
            let _ = read(&framed);
        }
    }
}
