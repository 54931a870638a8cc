//! The parameters of a model: one flat `f32` buffer and a shared layout of named shapes.

use crate::{Digest, hash::Hasher};
use ndarray::{ArrayView, ArrayViewMut, IxDyn};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use thiserror::Error;

/// One named tensor of a layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name, unique in the layout (`"w1"`).
    #[serde(with = "crate::codec::text")]
    pub name: String,
    /// Its shape, outermost first; a scalar has none.
    pub shape: Vec<u32>,
}

impl Entry {
    /// The number of elements, or `None` when the sizes that are not zero do not fit together.
    pub fn elements(&self) -> Option<usize> {
        let product =
            self.shape.iter().try_fold(1usize, |product, size| product.checked_mul((*size).max(1) as usize));
        product.map(|product| if self.shape.contains(&0) { 0 } else { product })
    }
}

/// The named shapes of a model, in the order of the flat buffer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Layout {
    entries: Vec<Entry>,
    offsets: Vec<usize>,
    len: usize,
    /// Computed when first asked for: packets are bound to it, so it is asked for with each.
    digest: OnceLock<Digest>,
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Layout {}

/// Why a layout or parameters were refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// More tensors, dimensions or elements than allowed.
    #[error("the layout is larger than {what} {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Two tensors of one name.
    #[error("two tensors are named {0:?}")]
    Duplicate(String),
    /// The buffer does not fit the layout.
    #[error("{found} values where the layout has {expected}")]
    Length {
        /// The length of the buffer.
        found: usize,
        /// The length of the layout.
        expected: usize,
    },
}

impl Layout {
    /// The most tensors a layout may have.
    pub const MAX_ENTRIES: usize = 4096;
    /// The most dimensions a tensor may have.
    pub const MAX_DIMS: usize = 16;
    /// The most elements all tensors together may have (2³⁰).
    pub const MAX_ELEMENTS: usize = 1 << 30;

    /// A layout of these tensors.
    ///
    /// # Errors
    /// Too many tensors, dimensions or elements, or a name twice.
    pub fn new(entries: Vec<Entry>) -> Result<Self, ParamsError> {
        if entries.len() > Self::MAX_ENTRIES {
            return Err(ParamsError::TooLarge { what: "entries", limit: Self::MAX_ENTRIES });
        }
        let mut offsets = Vec::with_capacity(entries.len());
        let mut len = 0usize;
        let mut names = std::collections::BTreeSet::new();
        for entry in &entries {
            if entry.shape.len() > Self::MAX_DIMS {
                return Err(ParamsError::TooLarge { what: "dimensions", limit: Self::MAX_DIMS });
            }
            if !names.insert(&entry.name) {
                return Err(ParamsError::Duplicate(entry.name.clone()));
            }
            offsets.push(len);
            len = entry
                .elements()
                .and_then(|elements| len.checked_add(elements))
                .filter(|total| *total <= Self::MAX_ELEMENTS)
                .ok_or(ParamsError::TooLarge { what: "elements", limit: Self::MAX_ELEMENTS })?;
        }
        Ok(Self { entries, offsets, len, digest: OnceLock::new() })
    }

    /// A layout from names and shapes.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub fn of(entries: &[(&str, &[u32])]) -> Result<Self, ParamsError> {
        Self::new(
            entries
                .iter()
                .map(|(name, shape)| Entry { name: (*name).into(), shape: shape.to_vec() })
                .collect(),
        )
    }

    /// The layout of nothing.
    pub const fn empty() -> Self {
        Self { entries: Vec::new(), offsets: Vec::new(), len: 0, digest: OnceLock::new() }
    }

    /// The tensors in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The number of elements of all tensors.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The place of tensor `index` in the flat buffer.
    pub fn range(&self, index: usize) -> Option<std::ops::Range<usize>> {
        let start = *self.offsets.get(index)?;
        let end = self.offsets.get(index + 1).copied().unwrap_or(self.len);
        Some(start..end)
    }

    /// The index of the tensor with this name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.name == name)
    }

    /// A digest of all names and shapes.
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| self.compute_digest())
    }

    fn compute_digest(&self) -> Digest {
        let mut hasher = Hasher::new("bitneuron layout v1");
        for entry in &self.entries {
            hasher.part(entry.name.as_bytes()).number(entry.shape.len() as u64);
            entry.shape.iter().for_each(|size| {
                hasher.number(u64::from(*size));
            });
        }
        hasher.finish()
    }
}

impl TryFrom<Vec<Entry>> for Layout {
    type Error = ParamsError;

    fn try_from(entries: Vec<Entry>) -> Result<Self, ParamsError> {
        Self::new(entries)
    }
}

impl From<Layout> for Vec<Entry> {
    fn from(layout: Layout) -> Self {
        layout.entries
    }
}

/// The `f32` parameters of a model.
///
/// ```
/// use bitneuron_core::{Layout, Params};
/// use std::sync::Arc;
/// let layout = Arc::new(Layout::of(&[("w", &[2, 3]), ("b", &[3])])?);
/// let params = Params::zeros(layout);
/// assert_eq!(params.values().len(), 9);
/// assert_eq!(params.view("w").expect("named").shape(), [2, 3]);
/// # Ok::<(), bitneuron_core::params::ParamsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    values: Vec<f32>,
    layout: Arc<Layout>,
}

impl Params {
    /// Wraps a flat buffer.
    ///
    /// # Errors
    /// The buffer has another length than the layout.
    pub fn new(values: Vec<f32>, layout: Arc<Layout>) -> Result<Self, ParamsError> {
        if values.len() == layout.len() {
            Ok(Self { values, layout })
        } else {
            Err(ParamsError::Length { found: values.len(), expected: layout.len() })
        }
    }

    /// All zeros.
    pub fn zeros(layout: Arc<Layout>) -> Self {
        Self { values: vec![0.0; layout.len()], layout }
    }

    /// The flat buffer.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The flat buffer, to write.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The flat buffer, taken out.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// The layout.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// A view of the tensor with this name.
    pub fn view(&self, name: &str) -> Option<ArrayView<'_, f32, IxDyn>> {
        let (range, shape) = self.place(name)?;
        ArrayView::from_shape(shape, self.values.get(range)?).ok()
    }

    /// A view of the tensor with this name, to write.
    pub fn view_mut(&mut self, name: &str) -> Option<ArrayViewMut<'_, f32, IxDyn>> {
        let (range, shape) = self.place(name)?;
        ArrayViewMut::from_shape(shape, self.values.get_mut(range)?).ok()
    }

    /// Whether every value is finite.
    pub fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }

    fn place(&self, name: &str) -> Option<(std::ops::Range<usize>, Vec<usize>)> {
        let index = self.layout.index(name)?;
        let shape = self.layout.entries().get(index)?.shape.iter().map(|size| *size as usize).collect();
        Some((self.layout.range(index)?, shape))
    }
}
