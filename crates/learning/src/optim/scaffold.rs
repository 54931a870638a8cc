//! SCAFFOLD (Karimireddy et al., ICML 2020, arXiv 1910.06378): a node's steps are turned by how its own data differ from
//! everybody's, so that many local steps on uneven data end where the steps of all would.
//!
//! ```text
//! cᵢ = ∇Lᵢ(θ₀)                           over all own rows, at the model as it was received (option I of the paper)
//! θ ← step(θ, ∇L_B(θ) − cᵢ + c, η)       for each batch B; without −cᵢ + c as long as c is zero, that is, unknown
//! c ← c + s·(cᵢ − c)                     s: the share of a node in what everybody knows
//! ```
//!
//! **Where the control variates are.** `c` travels with the model: the parameters have the layout `θ ‖ c`
//! ([`Scaffold::layout`]), so whatever merges and compresses models merges and compresses `c` with them, and the mean of the
//! neighbours' `c` takes the place of the server's. `cᵢ` is computed anew in every update and kept nowhere; it costs one pass
//! over the data. The paper keeps `cᵢ` from the round before, as old as `c`; ours is new and `c` one exchange old, so the steps
//! of an update together must be short: their number times η times the curvature below 1, or the delay makes them swing.
//!
//! With all nodes taking part in every round and `s = 1`, the merged `c` is the mean of all `cᵢ`, which is the
//! paper's rule; in gossip, where a model meets few nodes at a time, a smaller share averages over more of them.

use super::correct::{Correct, Drift};
use super::objective::Session;
use super::{Descent, Measure};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Layout, Params, Seed, params::Entry, params::ParamsError};
use std::sync::Arc;

/// Cases of which the gradient is taken at once.
const BLOCK: usize = 256;

/// Descent with control variates.
#[derive(Debug, Clone)]
pub struct Scaffold<D = bitneuron_core::Dataset> {
    descent: Descent<D>,
    share: f32,
    layout: Arc<Layout>,
}

impl<D> Scaffold<D> {
    /// Control variates for this descent; `share` is s, from 0 to 1.
    ///
    /// # Errors
    /// `θ ‖ c` is more than a layout may hold.
    pub fn new(descent: Descent<D>, share: f32) -> Result<Self, ParamsError> {
        let model = descent.objective.layout().entries();
        let control =
            model.iter().map(|entry| Entry { name: format!("c.{}", entry.name), shape: entry.shape.clone() });
        let layout = Layout::new(model.iter().cloned().chain(control).collect())?;
        Ok(Self { descent, share, layout: Arc::new(layout) })
    }

    /// The same with this measure of losses.
    #[must_use]
    pub fn with_measure(self, measure: Measure) -> Self {
        Self { descent: self.descent.with_measure(measure), ..self }
    }

    /// The layout of what is trained and sent: the model, then a control variate for each of its parameters.
    pub const fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// What to start with: these parameters, and no control yet.
    pub fn start(&self, model: &Params) -> Params {
        let mut start = Params::zeros(Arc::clone(&self.layout));
        start.values_mut().iter_mut().zip(model.values()).for_each(|(to, from)| *to = *from);
        start
    }

    /// The model in parameters of this layout.
    pub fn model(&self, params: &Params) -> Params {
        let mut model = Params::zeros(Arc::clone(self.descent.objective.layout()));
        model.values_mut().iter_mut().zip(params.values()).for_each(|(to, from)| *to = *from);
        model
    }

    /// `∇Lᵢ(θ)` over all cases.
    fn gradient(&self, theta: &[f32], data: &D, seed: Seed) -> Result<Vec<f32>, UpdateError> {
        let objective = &self.descent.objective;
        let cases: Vec<usize> = (0..objective.cases(data)?).collect();
        let (mut sum, mut part) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
        let mut rng = seed.derive("control").rng();
        let mut session = Session::new(&mut rng);
        for chosen in cases.chunks(BLOCK) {
            objective.gradient(theta, data, chosen, &mut session, &mut part)?;
            let share = chosen.len() as f32 / cases.len() as f32;
            sum.iter_mut().zip(&part).for_each(|(sum, part)| *sum += share * part);
        }
        Ok(sum)
    }
}

impl<D> Update<Params, D> for Scaffold<D> {
    fn update(
        &mut self,
        params: &mut Params,
        data: &D,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        if !(0.0..=1.0).contains(&self.share) {
            return Err(UpdateError::Setting("share"));
        }
        if params.layout() != &self.layout {
            return Err(UpdateError::Layout);
        }
        let mut model = self.model(params);
        let own = self.gradient(model.values(), data, seed)?;
        let all = params.values().get(model.values().len()..).unwrap_or_default();
        let known = all.iter().any(|value| *value != 0.0);
        let drift = |(all, own): (&f32, &f32)| if known { all - own } else { 0.0 };
        let drift = Drift(all.iter().zip(&own).map(drift).collect());
        let next: Vec<f32> = all.iter().zip(&own).map(|(all, own)| all + self.share * (own - all)).collect();
        let mut corrections = self.descent.corrections.clone();
        corrections.push(Arc::new(drift) as Arc<dyn Correct>);
        let progress = self.descent.course(&corrections).run(&mut model, data, round, seed)?;
        let (theta, control) = params.values_mut().split_at_mut(model.values().len());
        theta.copy_from_slice(model.values());
        control.copy_from_slice(&next);
        Ok(progress)
    }
}
