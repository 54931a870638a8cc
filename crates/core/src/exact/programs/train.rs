//! Tensor-train matrices in integers: linear layers whose matrix is never written out.
//!
//! A matrix W of I = i₁·…·i_d rows and O = o₁·…·o_d columns is held as cores G_k `[r_{k−1}, i_k, o_k, r_k]` with
//! r₀ = r_d = 1 (Novikov et al. 2015, *Tensorizing Neural Networks*):
//! `W[(i₁…i_d), (o₁…o_d)] = Σ G₁[·,i₁,o₁,·]·G₂[·,i₂,o₂,·]·…·G_d[·,i_d,o_d,·]`.
//! y = x·W contracts one core after the other, the last first. Before core k the intermediate is
//! `t_k [batch, i₁…i_{k−1}, i_k, r_k, o_{k+1}…o_d]`, and the contraction `blksq,rkps->blrpq` gives what is `t_{k−1}` after a
//! change of shape. Between contractions the 12 fractional bits of the core are dropped and values are kept within ±2¹⁰.
//! Backward the cores come in their natural order: the gradient of G_k is `blksq,blrpq->rkps`, the error goes on through
//! `blrpq,rkps->blksq`. The bounds between contractions are not differentiated (straight through).

use super::layer::bounded;
use super::net::Contraction;
use crate::exact::{Builder, Interval, ProgramError, ValueId, fixed};
use serde::{Deserialize, Serialize};

/// The sizes of a tensor-train matrix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Train {
    inputs: Vec<u32>,
    outputs: Vec<u32>,
    ranks: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    inputs: Vec<u32>,
    outputs: Vec<u32>,
    ranks: Vec<u32>,
}

impl TryFrom<Raw> for Train {
    type Error = ProgramError;

    fn try_from(Raw { inputs, outputs, ranks }: Raw) -> Result<Self, ProgramError> {
        Self::new(&inputs, &outputs, &ranks)
    }
}

impl From<Train> for Raw {
    fn from(Train { inputs, outputs, ranks }: Train) -> Self {
        Self { inputs, outputs, ranks }
    }
}

impl Train {
    /// The most cores.
    pub const MAX_CORES: usize = 6;
    /// The largest mode or rank.
    pub const MAX_SIZE: u32 = 1 << 12;

    /// The matrix with these modes `i₁ … i_d` and `o₁ … o_d` and the ranks `r₁ … r_{d−1}` between them.
    ///
    /// # Errors
    /// Fewer than two or too many cores, lists of other lengths, or a size of 0 or above [`Train::MAX_SIZE`].
    pub fn new(inputs: &[u32], outputs: &[u32], ranks: &[u32]) -> Result<Self, ProgramError> {
        let fits = (2..=Self::MAX_CORES).contains(&inputs.len())
            && outputs.len() == inputs.len()
            && ranks.len() == inputs.len().saturating_sub(1)
            && inputs.iter().chain(outputs).chain(ranks).all(|size| (1..=Self::MAX_SIZE).contains(size));
        if !fits {
            return Err(ProgramError::Argument("not the sizes of a tensor train"));
        }
        Ok(Self { inputs: inputs.to_vec(), outputs: outputs.to_vec(), ranks: ranks.to_vec() })
    }

    /// The number of rows I; as all numbers here, at most `u32::MAX`.
    pub fn from(&self) -> u32 {
        product(&self.inputs)
    }

    /// The number of columns O.
    pub fn to(&self) -> u32 {
        product(&self.outputs)
    }

    /// The shapes of the cores, `[r_{k−1}, i_k, o_k, r_k]`.
    pub fn cores(&self) -> Vec<[u32; 4]> {
        let left = std::iter::once(1).chain(self.ranks.iter().copied());
        let right = self.ranks.iter().copied().chain(std::iter::once(1));
        let modes = self.inputs.iter().zip(&self.outputs);
        left.zip(modes).zip(right).map(|((left, (from, to)), right)| [left, *from, *to, right]).collect()
    }

    /// The contractions of one row, the last core first.
    pub(super) fn contractions(&self) -> Vec<Contraction> {
        let size =
            |shape: &[u32]| shape.iter().fold(1u64, |count, size| count.saturating_mul(u64::from(*size)));
        let contraction = |([left, _, to, _], (input, result)): ([u32; 4], ([u32; 5], [u32; 5]))| {
            Contraction { products: size(&input).saturating_mul(size(&[left, to])), results: size(&result) }
        };
        self.cores().into_iter().zip(self.shapes(1)).rev().map(contraction).collect()
    }

    /// The shape of t_k and that of its contraction, for each core.
    fn shapes(&self, batch: u32) -> Vec<([u32; 5], [u32; 5])> {
        let shape = |(at, [left, from, to, right]): (usize, [u32; 4])| {
            let before = product(self.inputs.get(..at).unwrap_or_default());
            let after = product(self.outputs.get(at.saturating_add(1)..).unwrap_or_default());
            ([batch, before, from, right, after], [batch, before, left, to, after])
        };
        self.cores().into_iter().enumerate().map(shape).collect()
    }

    /// `x·W` for x `[batch, I]`: `[batch, O]` with 12 fractional bits more than x, and t₁ … t_d.
    pub(super) fn forward(
        &self,
        b: &mut Builder,
        cores: &[ValueId],
        x: ValueId,
        batch: u32,
    ) -> Result<(ValueId, Vec<ValueId>), ProgramError> {
        let (mut value, mut tape) = (x, Vec::new());
        for (core, (shape, _)) in cores.iter().zip(self.shapes(batch)).rev() {
            if !tape.is_empty() {
                let kept = b.rescale(value, fixed::WEIGHT_BITS)?;
                value = b.clamp(kept, Interval::symmetric(fixed::HIDDEN_LIMIT))?;
            }
            let input = b.reshape(value, &shape)?;
            tape.push(input);
            value = b.einsum("blksq,rkps->blrpq", input, *core)?;
        }
        tape.reverse();
        Ok((b.reshape(value, &[batch, self.to()])?, tape))
    }

    /// The gradients of all cores, summed over the batch, and the error of the last contraction, from which
    /// [`Train::below`] goes on.
    pub(super) fn gradients(
        &self,
        b: &mut Builder,
        cores: &[ValueId],
        tape: &[ValueId],
        error: ValueId,
        batch: u32,
    ) -> Result<(Vec<ValueId>, ValueId), ProgramError> {
        let (mut gradients, mut error) = (Vec::new(), error);
        for (at, ((core, input), (_, result))) in cores.iter().zip(tape).zip(self.shapes(batch)).enumerate() {
            error = b.reshape(error, &result)?;
            gradients.push(b.einsum("blksq,blrpq->rkps", *input, error)?);
            if at.saturating_add(1) < cores.len() {
                let back = b.einsum("blrpq,rkps->blksq", error, *core)?;
                let back = b.rescale(back, fixed::WEIGHT_BITS)?;
                error = bounded(b, back)?;
            }
        }
        Ok((gradients, error))
    }

    /// The error of x `[batch, I]` with 12 fractional bits more than `error`, which [`Train::gradients`] gave.
    pub(super) fn below(
        &self,
        b: &mut Builder,
        last: ValueId,
        error: ValueId,
        batch: u32,
    ) -> Result<ValueId, ProgramError> {
        let back = b.einsum("blrpq,rkps->blksq", error, last)?;
        b.reshape(back, &[batch, self.from()])
    }
}

fn product(sizes: &[u32]) -> u32 {
    sizes.iter().fold(1, |product, size| product.saturating_mul(*size))
}
