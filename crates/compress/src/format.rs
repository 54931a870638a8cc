//! Transforms that treat every tensor by itself.
//!
//! A [`TensorFormat`] writes one tensor as a few factors, or declines where that is no gain. The structure of all
//! parameters is one shape after another, and `0` where a tensor stays as it is; the factors follow in the same order,
//! named `"tensor.factor"`, tensors that stay `"tensor"`.

use crate::{
    CompressError, ErrorBound, ExactTransform, Factors, Transform,
    dense::{check_finite, tensors},
    exact::fixed,
    reader::Reader,
};
use bitneuron_core::{Layout, Params, Seed, params::Entry};
use std::sync::Arc;

/// Fractional bits of the factors on the integer path.
pub(crate) const FACTOR_FRACTION: u32 = 20;
/// Tensors with fewer elements stay as they are.
pub(crate) const LEAST_ELEMENTS: usize = 64;

/// A tensor as factors: how they are to be read, and their values.
pub(crate) type Factored<S> = (S, Vec<Vec<f32>>);

/// A way to write one tensor as factors.
///
/// Shapes that [`TensorFormat::read`] admits have fewer factor elements than the tensor and bounded work.
pub(crate) trait TensorFormat: Send + Sync {
    /// Its name in the high byte of a codec.
    const NAME: u8;
    /// Ranks and modes.
    type Shape;

    /// How far the tensor may be from what its factors stand for when they are sent as they are.
    fn error(&self) -> ErrorBound;

    /// The factors of a finite tensor with these dimensions, or `None` where the tensor itself is no larger.
    fn factorise(
        &self,
        values: &[f32],
        dims: &[u32],
        seed: Seed,
    ) -> Result<Option<Factored<Self::Shape>>, CompressError>;

    /// Appends the bytes of a shape; the first is not 0.
    fn write(shape: &Self::Shape, out: &mut Vec<u8>);

    /// The next shape, checked against the dimensions of its tensor, or `None` where that stays as it is.
    fn read(reader: &mut Reader<'_>, dims: &[u32]) -> Result<Option<Self::Shape>, CompressError>;

    /// The dimensions of each factor.
    fn factor_dims(shape: &Self::Shape) -> Vec<Vec<usize>>;

    /// The multiplications of an expansion.
    fn expansion_work(shape: &Self::Shape) -> u64;

    /// The tensor, row-major; the factors have the lengths of [`TensorFormat::factor_dims`].
    fn expand(shape: &Self::Shape, factors: &[&[f32]]) -> Result<Vec<f32>, CompressError>;

    /// As [`TensorFormat::expand`] on integers with [`FACTOR_FRACTION`] fractional bits.
    fn expand_fixed(shape: &Self::Shape, factors: &[&[i32]]) -> Result<Vec<i64>, CompressError>;
}

/// The factors of all tensors, each as `factorise(index, values, dims)` says.
pub(crate) fn forward<F: TensorFormat>(
    params: &Params,
    mut factorise: impl FnMut(usize, &[f32], &[u32]) -> Result<Option<Factored<F::Shape>>, CompressError>,
) -> Result<Factors, CompressError> {
    let entries = params.layout().entries();
    let (mut structure, mut layout, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (entry, tensor)) in entries.iter().zip(tensors(params)).enumerate() {
        let factored = factorise(index, tensor, &entry.shape)?;
        // The factors must fit a layout, with room for the tensors still to come.
        let room = Layout::MAX_ENTRIES - layout.len() - (entries.len() - index - 1);
        if let Some((shape, factors)) = factored.filter(|(_, factors)| factors.len() <= room) {
            F::write(&shape, &mut structure);
            layout.extend(factor_entries::<F>(index, &shape));
            values.extend(factors.into_iter().flatten());
        } else {
            structure.push(0);
            layout.push(Entry { name: index.to_string(), shape: entry.shape.clone() });
            values.extend_from_slice(tensor);
        }
    }
    let params = Params::new(values, Arc::new(Layout::new(layout)?))?;
    Ok(Factors { structure, params })
}

impl<F: TensorFormat> Transform for F {
    fn id(&self) -> u8 {
        F::NAME
    }

    fn forward(&self, params: &Params, seed: Seed) -> Result<Factors, CompressError> {
        forward::<F>(params, |index, values, dims| {
            self.factorise(values, dims, seed.derive_number("tensor", index as u64))
        })
    }

    fn layout(&self, structure: &[u8], expect: &Layout) -> Result<Arc<Layout>, CompressError> {
        let mut layout = Vec::new();
        for (index, (entry, shape)) in expect.entries().iter().zip(parse::<F>(structure, expect)?).enumerate()
        {
            match shape {
                Some(shape) => layout.extend(factor_entries::<F>(index, &shape)),
                None => layout.push(Entry { name: index.to_string(), shape: entry.shape.clone() }),
            }
        }
        Ok(Arc::new(Layout::new(layout)?))
    }

    fn inverse(
        &self,
        structure: &[u8],
        factors: &Params,
        expect: &Arc<Layout>,
    ) -> Result<Params, CompressError> {
        let values = assemble::<F, _, _>(structure, factors.values(), expect, F::expand, <[f32]>::to_vec)?;
        check_finite(&values)?;
        Ok(Params::new(values, expect.clone())?)
    }
}

impl<F: TensorFormat> ExactTransform for F {
    fn factor_fraction(&self) -> u32 {
        FACTOR_FRACTION
    }

    fn work(&self, structure: &[u8], expect: &Layout) -> u64 {
        let shapes = parse::<F>(structure, expect).unwrap_or_default();
        shapes.iter().flatten().map(F::expansion_work).fold(0, u64::saturating_add)
    }

    fn inverse_fixed(
        &self,
        structure: &[u8],
        factors: &[i32],
        expect: &Layout,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError> {
        let wide = |factors: &[i32]| factors.iter().map(|value| i64::from(*value)).collect();
        let values: Vec<i64> = assemble::<F, _, _>(structure, factors, expect, F::expand_fixed, wide)?;
        let rounded = values.iter().enumerate().map(|(at, value)| {
            fixed(*value, -(FACTOR_FRACTION as i32), fraction).ok_or(CompressError::Interval { at })
        });
        rounded.collect()
    }
}

/// The tensors of `expect` in order: factors expanded, the others copied.
fn assemble<F: TensorFormat, V, W>(
    structure: &[u8],
    mut factors: &[V],
    expect: &Layout,
    expand: impl Fn(&F::Shape, &[&[V]]) -> Result<Vec<W>, CompressError>,
    copy: impl Fn(&[V]) -> Vec<W>,
) -> Result<Vec<W>, CompressError> {
    let shapes = parse::<F>(structure, expect)?;
    let mut values = Vec::with_capacity(expect.len());
    let mut next = |count: usize| {
        let (head, tail) =
            factors.split_at_checked(count).ok_or(CompressError::Malformed("factors are missing"))?;
        factors = tail;
        Ok::<_, CompressError>(head)
    };
    for (entry, shape) in expect.entries().iter().zip(shapes) {
        values.extend(match shape {
            Some(shape) => {
                let parts = F::factor_dims(&shape).into_iter().map(|dims| next(dims.iter().product()));
                expand(&shape, &parts.collect::<Result<Vec<_>, _>>()?)?
            }
            None => copy(next(entry.elements().unwrap_or_default())?),
        });
    }
    if factors.is_empty() { Ok(values) } else { Err(CompressError::Malformed("factors are left over")) }
}

/// The shape of every tensor, `None` for those that stay as they are.
fn parse<F: TensorFormat>(structure: &[u8], expect: &Layout) -> Result<Vec<Option<F::Shape>>, CompressError> {
    let mut reader = Reader::new(structure);
    let shapes = expect.entries().iter().map(|entry| F::read(&mut reader, &entry.shape));
    let shapes = shapes.collect::<Result<_, CompressError>>()?;
    reader.finish()?;
    Ok(shapes)
}

fn factor_entries<F: TensorFormat>(index: usize, shape: &F::Shape) -> impl Iterator<Item = Entry> {
    F::factor_dims(shape).into_iter().enumerate().map(move |(factor, dims)| Entry {
        name: format!("{index}.{factor}"),
        shape: dims.into_iter().map(|n| n as u32).collect(),
    })
}

/// A format as a codec of its own, which sends the factors as they are.
macro_rules! sent_dense {
    ($format:ty) => {
        impl $format {
            fn chain(&self) -> Result<$crate::Chain<Self, $crate::Dense>, $crate::CompressError> {
                $crate::Chain::new(*self, $crate::Dense)
            }
        }

        impl $crate::Compressor for $format {
            fn codec(&self) -> $crate::CodecId {
                $crate::CodecId(u16::from_be_bytes([Self::ID, $crate::CodecId::DENSE.values()]))
            }

            /// With a relative error ε the contraction 1 − ε².
            fn properties(&self) -> $crate::Properties {
                let contraction = match $crate::format::TensorFormat::error(self) {
                    $crate::ErrorBound::Norm(error) => 1.0 - error * error,
                    _ => 0.0,
                };
                $crate::Properties { contraction, ..$crate::Properties::default() }
            }

            fn error(&self) -> $crate::ErrorBound {
                $crate::format::TensorFormat::error(self)
            }

            fn compress(
                &self,
                params: &bitneuron_core::Params,
                seed: bitneuron_core::Seed,
            ) -> Result<$crate::Packet, $crate::CompressError> {
                self.chain()?.compress(params, seed)
            }

            fn decompress(
                &self,
                packet: &$crate::Packet,
                expect: &std::sync::Arc<bitneuron_core::Layout>,
                limits: $crate::Limits,
            ) -> Result<bitneuron_core::Params, $crate::CompressError> {
                self.chain()?.decompress(packet, expect, limits)
            }
        }

        impl $crate::ExactDecoder for $format {
            fn work(&self, packet: &$crate::Packet, expect: &bitneuron_core::Layout) -> u64 {
                self.chain().map_or(0, |chain| $crate::ExactDecoder::work(&chain, packet, expect))
            }

            fn decode_fixed(
                &self,
                packet: &$crate::Packet,
                expect: &std::sync::Arc<bitneuron_core::Layout>,
                limits: $crate::Limits,
                fraction: u32,
            ) -> Result<Vec<i32>, $crate::CompressError> {
                self.chain()?.decode_fixed(packet, expect, limits, fraction)
            }
        }
    };
}
pub(crate) use sent_dense;
