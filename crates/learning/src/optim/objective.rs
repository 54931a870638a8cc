//! What is minimised: a loss over the cases of some data, and its gradient on a few of them.
//!
//! An [`Objective`] is all that [`Descent`](super::Descent) must know of a model. [`Risk`] makes one of a classifier:
//!
//! ```text
//! L_B(θ) = Σ_{i ∈ B} wᵢ ℓ(θ; x̃ᵢ, yᵢ)        x̃ = perturbations of x, in order;   w = 1/|B| or as the losses ask
//! ```
//!
//! Two small seams make most of robust training of it: [`Perturb`] moves the rows of a batch (adversarial examples, missing
//! features), [`Reweight`] shifts weight between them (worst groups, worst rows, clipped rows). Models of other data, such
//! as [`TwoTower`](crate::model::TwoTower), are objectives of their own.

use crate::eval;
use crate::model::{Batch, Model, ModelError, check_batch};
use crate::scratch;
use bitneuron_core::{Dataset, Layout};
use rand::Rng;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What one update remembers from batch to batch, and where its randomness comes from.
///
/// It is new in each update, so that updates stay functions of their arguments.
pub struct Session<'a> {
    /// The stream that batches are shuffled by.
    pub rng: &'a mut dyn Rng,
    /// Numbers of the objective's own, by group; empty at the start.
    pub memory: BTreeMap<u32, f64>,
    /// Room for the labels and groups of a batch.
    pub(crate) room: [Vec<u32>; 2],
}

impl<'a> Session<'a> {
    /// A session without memories.
    pub fn new(rng: &'a mut dyn Rng) -> Self {
        Self { rng, memory: BTreeMap::new(), room: [Vec::new(), Vec::new()] }
    }
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("memory", &self.memory).finish_non_exhaustive()
    }
}

/// A loss over data of type `D`.
///
/// Laws: the gradient of all cases agrees with finite differences of [`Objective::loss`] where the objective neither
/// perturbs nor reweights; equal arguments and equal sessions give equal results; data that do not fit are refused by
/// [`Objective::cases`]; no slice of a wrong length panics.
pub trait Objective<D = Dataset>: Send + Sync {
    /// The names and shapes of the parameters.
    fn layout(&self) -> &Arc<Layout>;

    /// How many cases there are to learn from.
    ///
    /// # Errors
    /// The data do not fit the model.
    fn cases(&self, data: &D) -> Result<usize, ModelError>;

    /// The mean loss of all cases as they are, neither perturbed nor reweighted.
    ///
    /// # Errors
    /// Parameters or data that do not fit.
    fn loss(&self, params: &[f32], data: &D) -> Result<f64, ModelError>;

    /// The loss of the chosen cases, and its gradient, written to `gradient` (length of the layout). A case that does not
    /// exist counts for nothing.
    ///
    /// # Errors
    /// Parameters or data that do not fit; `gradient` then holds no meaning.
    fn gradient(
        &self,
        params: &[f32],
        data: &D,
        chosen: &[usize],
        session: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError>;
}

/// The trait stays object-safe.
const _: Option<&dyn Objective> = None;

/// Moves the rows of a batch before they are learned from.
pub trait Perturb: Send + Sync + fmt::Debug {
    /// Changes `features` (`[n, inputs]`).
    ///
    /// # Errors
    /// Rows that do not fit the model.
    fn perturb(
        &self,
        model: &dyn Model,
        params: &[f32],
        labels: &[u32],
        features: &mut [f32],
        rng: &mut dyn Rng,
    ) -> Result<(), ModelError>;
}

/// A batch that weights are looked for.
pub struct Scene<'a> {
    /// What is trained.
    pub model: &'a dyn Model,
    /// Its parameters.
    pub params: &'a [f32],
    /// The rows, perturbed.
    pub batch: Batch<'a>,
    /// Whose each row of the batch is.
    pub groups: &'a [u32],
    /// Whose each row of all data is.
    pub everybody: &'a [u32],
}

impl fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene")
            .field("batch", &self.batch)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}

/// Shifts weight between the rows of a batch.
pub trait Reweight: Send + Sync + fmt::Debug {
    /// Writes the weight of each row to `weights` (`[n]`); they come as `1/n` each.
    ///
    /// # Errors
    /// Rows that do not fit the model.
    fn reweight(
        &self,
        scene: &Scene<'_>,
        memory: &mut BTreeMap<u32, f64>,
        weights: &mut [f32],
    ) -> Result<(), ModelError>;
}

/// The risk of a classifier: the mean loss of its rows, perturbed and reweighted as asked.
#[derive(Clone)]
pub struct Risk {
    /// What is trained.
    pub model: Arc<dyn Model>,
    /// What happens to the rows of a batch, in this order.
    pub perturbations: Vec<Arc<dyn Perturb>>,
    /// What happens to their weights then.
    pub weights: Option<Arc<dyn Reweight>>,
}

impl fmt::Debug for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Risk")
            .field("perturbations", &self.perturbations)
            .field("weights", &self.weights)
            .finish_non_exhaustive()
    }
}

impl Risk {
    /// The mean loss of a classifier.
    pub fn new(model: Arc<dyn Model>) -> Self {
        Self { model, perturbations: Vec::new(), weights: None }
    }

    /// With one more perturbation, behind those there are.
    #[must_use]
    pub fn perturbed(mut self, perturbation: impl Perturb + 'static) -> Self {
        self.perturbations.push(Arc::new(perturbation));
        self
    }

    /// With other weights.
    #[must_use]
    pub fn reweighted(self, weights: impl Reweight + 'static) -> Self {
        Self { weights: Some(Arc::new(weights)), ..self }
    }
}

impl Objective for Risk {
    fn layout(&self) -> &Arc<Layout> {
        self.model.layout()
    }

    fn cases(&self, data: &Dataset) -> Result<usize, ModelError> {
        fitting(self.model.as_ref(), data)
    }

    fn loss(&self, params: &[f32], data: &Dataset) -> Result<f64, ModelError> {
        eval::mean_loss(self.model.as_ref(), params, data)
    }

    fn gradient(
        &self,
        params: &[f32],
        data: &Dataset,
        chosen: &[usize],
        session: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        let model = self.model.as_ref();
        let Session { rng, memory, room } = session;
        gathered(data, chosen, room, |features, labels, groups| {
            for perturbation in &self.perturbations {
                perturbation.perturb(model, params, labels, features, &mut **rng)?;
            }
            let batch = Batch::new(features, labels);
            let Some(rule) = &self.weights else { return model.loss_and_gradient(params, &batch, gradient) };
            scratch::with(batch.len(), |weights| {
                weights.fill(1.0 / batch.len().max(1) as f32);
                let scene = Scene { model, params, batch, groups, everybody: data.groups() };
                rule.reweight(&scene, memory, weights)?;
                model.loss_and_gradient(params, &Batch { weights: Some(weights), ..batch }, gradient)
            })
        })
    }
}

/// The plain risk of a model that somebody else holds.
pub(super) struct Plain<'a>(pub(super) &'a dyn Model);

impl Objective for Plain<'_> {
    fn layout(&self) -> &Arc<Layout> {
        self.0.layout()
    }

    fn cases(&self, data: &Dataset) -> Result<usize, ModelError> {
        fitting(self.0, data)
    }

    fn loss(&self, params: &[f32], data: &Dataset) -> Result<f64, ModelError> {
        eval::mean_loss(self.0, params, data)
    }

    fn gradient(
        &self,
        params: &[f32],
        data: &Dataset,
        chosen: &[usize],
        session: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        gathered(data, chosen, &mut session.room, |features, labels, _| {
            self.0.loss_and_gradient(params, &Batch::new(features, labels), gradient)
        })
    }
}

/// The number of rows, if they fit a model.
pub(crate) fn fitting(model: &dyn Model, data: &Dataset) -> Result<usize, ModelError> {
    let features = eval::row_major(data);
    check_batch(model.inputs(), model.outputs(), &Batch::new(&features, data.labels()))?;
    Ok(data.len())
}

/// Lends the features, labels and groups of the chosen rows.
pub(crate) fn gathered<R>(
    data: &Dataset,
    chosen: &[usize],
    [labels, groups]: &mut [Vec<u32>; 2],
    work: impl FnOnce(&mut [f32], &[u32], &[u32]) -> R,
) -> R {
    let width = data.features().ncols();
    for room in [&mut *labels, &mut *groups] {
        room.clear();
        room.reserve(chosen.len());
    }
    scratch::with(chosen.len() * width, |features| {
        let whole = data.features().as_slice();
        let mut rows = features.chunks_exact_mut(width.max(1));
        for index in chosen.iter().filter(|index| **index < data.len()) {
            labels.extend(data.labels().get(*index));
            groups.extend(data.groups().get(*index));
            let Some(row) = rows.next() else { continue };
            match whole.and_then(|whole| whole.get(index * width..(index + 1) * width)) {
                Some(found) => row.copy_from_slice(found),
                None => row.iter_mut().zip(data.features().row(*index)).for_each(|(to, from)| *to = *from),
            }
        }
        let filled = labels.len() * width;
        work(&mut features[..filled], labels, groups)
    })
}
