//! Tensor trains (Oseledets, *Tensor-Train Decomposition*, SIAM J. Sci. Comput. 33(5), 2011).
//!
//! A tensor with modes `n₁ … n_d` is a product of cores `G_k` of shape `[r_{k−1}, n_k, r_k]`, with `r₀ = r_d = 1`:
//!
//! ```text
//! A[i₁, …, i_d] = G₁[i₁] · G₂[i₂] ⋯ G_d[i_d]
//! ```
//! [`fold`] turns the shape of a tensor into modes, [`mod@decompose`] finds the cores (TT-SVD), [`contract`] multiplies them
//! out again, [`shape`] holds modes and ranks and their bytes. [`TensorTrain`] does this for every tensor of a layout for
//! which it is smaller, and leaves the others as they are.

pub mod contract;
pub mod decompose;
pub mod fold;
pub mod shape;

pub use decompose::{Truncation, decompose};
pub use shape::{TrainShape, WORK};

use crate::{
    Chain, CodecId, CompressError, Compressor, Dense, ErrorBound, ExactDecoder, ExactTransform, Factors,
    Limits, Packet, Properties, Transform,
    dense::{check_finite, tensors},
    reader::Reader,
};
use bitneuron_core::{Layout, Params, Seed, params::Entry};
use std::sync::Arc;

/// A tensor as a train of cores.
#[derive(Debug, Clone, PartialEq)]
pub struct Train {
    /// Modes and ranks.
    pub shape: TrainShape,
    /// The cores, `[r_{k−1}, n_k, r_k]` each, row-major.
    pub cores: Vec<Vec<f32>>,
}

impl Train {
    /// Multiplies the cores out: the tensor, row-major.
    ///
    /// # Errors
    /// A core has another length than the shape says, or a value is not finite.
    pub fn expand(&self) -> Result<Vec<f32>, CompressError> {
        let cores: Vec<&[f32]> = self.cores.iter().map(Vec::as_slice).collect();
        contract::expand(&self.shape, &cores)
    }
}

/// TT-SVD of every tensor of the layout for which the cores are smaller than the tensor.
///
/// As a [`Compressor`] it sends the cores as they are; in a [`Chain`] they go through a quantiser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TensorTrain {
    truncation: Truncation,
}

impl Default for TensorTrain {
    /// A relative error of at most 1 %.
    fn default() -> Self {
        Self { truncation: Truncation::Tolerance(0.01) }
    }
}

/// Fractional bits of the cores on the integer path.
const FACTOR_FRACTION: u32 = 20;
/// Tensors with fewer elements stay as they are.
const LEAST_ELEMENTS: usize = 64;

impl TensorTrain {
    /// Its name in the high byte of a codec.
    pub const ID: u8 = 1;

    /// Ranks as small as ‖A − Â‖ ≤ `tolerance` · ‖A‖ allows, for every tensor.
    ///
    /// # Errors
    /// `tolerance` is not within 10⁻⁶ … 1; below that, `f32` cores would not keep the promise.
    pub fn tolerance(tolerance: f64) -> Result<Self, CompressError> {
        let truncation = Truncation::Tolerance(tolerance);
        truncation.check()?;
        Ok(Self { truncation })
    }

    /// No rank above `max_rank`.
    ///
    /// # Errors
    /// `max_rank` is 0 or above 65,535.
    pub fn max_rank(max_rank: usize) -> Result<Self, CompressError> {
        let truncation = Truncation::MaxRank(max_rank);
        truncation.check()?;
        Ok(Self { truncation })
    }

    /// The train of one tensor, or `None` where the tensor itself is smaller.
    fn train(&self, values: &[f32], shape: &[u32]) -> Result<Option<Train>, CompressError> {
        let modes = fold::modes(shape);
        if values.len() < LEAST_ELEMENTS || modes.len() < 2 {
            return Ok(None);
        }
        let train = decompose(values, &modes, self.truncation)?;
        let finite = train.cores.iter().all(|core| check_finite(core).is_ok());
        Ok((finite && train.shape.check(values.len()).is_ok()).then_some(train))
    }
}

impl Transform for TensorTrain {
    fn id(&self) -> u8 {
        Self::ID
    }

    fn forward(&self, params: &Params, _seed: Seed) -> Result<Factors, CompressError> {
        let entries = params.layout().entries();
        let (mut structure, mut layout, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (entry, tensor)) in entries.iter().zip(tensors(params)).enumerate() {
            let train = self.train(tensor, &entry.shape)?;
            // The factors must fit a layout, with room for the tensors still to come.
            let room = Layout::MAX_ENTRIES - layout.len() - (entries.len() - index - 1);
            if let Some(train) = train.filter(|train| train.cores.len() <= room) {
                train.shape.write(&mut structure);
                layout.extend(core_entries(index, &train.shape));
                values.extend(train.cores.into_iter().flatten());
            } else {
                structure.push(0);
                layout.push(Entry { name: index.to_string(), shape: entry.shape.clone() });
                values.extend_from_slice(tensor);
            }
        }
        let params = Params::new(values, Arc::new(Layout::new(layout)?))?;
        Ok(Factors { structure, params })
    }

    fn layout(&self, structure: &[u8], expect: &Layout) -> Result<Arc<Layout>, CompressError> {
        let mut layout = Vec::new();
        for (index, (entry, shape)) in expect.entries().iter().zip(parse(structure, expect)?).enumerate() {
            match shape {
                Some(shape) => layout.extend(core_entries(index, &shape)),
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
        let values = assemble(structure, factors.values(), expect, contract::expand, <[f32]>::to_vec)?;
        check_finite(&values)?;
        Ok(Params::new(values, expect.clone())?)
    }
}

impl ExactTransform for TensorTrain {
    fn factor_fraction(&self) -> u32 {
        FACTOR_FRACTION
    }

    fn work(&self, structure: &[u8], expect: &Layout) -> u64 {
        let trains = parse(structure, expect).unwrap_or_default();
        trains.iter().flatten().map(TrainShape::work).fold(0, u64::saturating_add)
    }

    fn inverse_fixed(
        &self,
        structure: &[u8],
        factors: &[i32],
        expect: &Layout,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError> {
        let wide = |factors: &[i32]| factors.iter().map(|value| i64::from(*value)).collect();
        let expand =
            |shape: &TrainShape, cores: &[&[i32]]| contract::expand_fixed(shape, cores, FACTOR_FRACTION);
        let values: Vec<i64> = assemble(structure, factors, expect, expand, wide)?;
        let rounded = values.iter().enumerate().map(|(at, value)| {
            crate::exact::fixed(*value, -(FACTOR_FRACTION as i32), fraction)
                .ok_or(CompressError::Interval { at })
        });
        rounded.collect()
    }
}

/// The tensors of `expect` in order: trains expanded, the others copied.
fn assemble<F, V>(
    structure: &[u8],
    mut factors: &[F],
    expect: &Layout,
    expand: impl Fn(&TrainShape, &[&[F]]) -> Result<Vec<V>, CompressError>,
    copy: impl Fn(&[F]) -> Vec<V>,
) -> Result<Vec<V>, CompressError> {
    let shapes = parse(structure, expect)?;
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
                let cores = (0..shape.modes().len()).map(|core| next(shape.core_len(core)));
                expand(&shape, &cores.collect::<Result<Vec<_>, _>>()?)?
            }
            None => copy(next(entry.elements().unwrap_or_default())?),
        });
    }
    if factors.is_empty() { Ok(values) } else { Err(CompressError::Malformed("factors are left over")) }
}

/// The shape of the train of every tensor, `None` for those that are no train.
fn parse(structure: &[u8], expect: &Layout) -> Result<Vec<Option<TrainShape>>, CompressError> {
    let mut reader = Reader::new(structure);
    let shapes = expect.entries().iter().map(|entry| {
        let shape = TrainShape::read(&mut reader)?;
        if let Some(shape) = &shape {
            shape.check(entry.elements().unwrap_or_default())?;
        }
        Ok(shape)
    });
    let shapes = shapes.collect::<Result<_, CompressError>>()?;
    reader.finish()?;
    Ok(shapes)
}

fn core_entries(index: usize, shape: &TrainShape) -> impl Iterator<Item = Entry> + '_ {
    (0..shape.modes().len()).map(move |core| Entry {
        name: format!("{index}.{core}"),
        shape: shape.core_shape(core).map(|n| n as u32).to_vec(),
    })
}

impl TensorTrain {
    fn chain(self) -> Result<Chain<Self, Dense>, CompressError> {
        Chain::new(self, Dense)
    }
}

impl Compressor for TensorTrain {
    fn codec(&self) -> CodecId {
        CodecId::TENSOR_TRAIN
    }

    /// With a tolerance ε the contraction 1 − ε².
    fn properties(&self) -> Properties {
        match self.truncation {
            Truncation::Tolerance(tolerance) => {
                Properties { contraction: 1.0 - tolerance * tolerance, ..Properties::default() }
            }
            Truncation::MaxRank(_) => Properties::default(),
        }
    }

    /// The error that is promised when the cores are sent as they are.
    fn error(&self) -> ErrorBound {
        match self.truncation {
            Truncation::Tolerance(tolerance) => ErrorBound::Norm(tolerance),
            Truncation::MaxRank(_) => ErrorBound::Unknown,
        }
    }

    fn compress(&self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        self.chain()?.compress(params, seed)
    }

    fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError> {
        self.chain()?.decompress(packet, expect, limits)
    }
}

impl ExactDecoder for TensorTrain {
    fn work(&self, packet: &Packet, expect: &Layout) -> u64 {
        self.chain().map_or(0, |chain| chain.work(packet, expect))
    }

    fn decode_fixed(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError> {
        self.chain()?.decode_fixed(packet, expect, limits, fraction)
    }
}
