//! Lines 7 and 8 of Algorithm 3 in integers: what validators replay, vote on and prove.
//!
//! [`ExactMerge`] and [`ExactSgd`] run the canonical programs of `bitneuron_core::exact`, so whoever runs them again gets
//! the same bits, and a proof of the program is a proof of the turn. A rule that validators may vote on implements
//! [`ExactRule`] and thereby names its program; every other rule plays among users and in the lab.

use crate::merge::admit::{self, filter_tolerates, in_order, of_one_layout, oldest};
use crate::merge::{Contribution, Law, Laws, Merge, MergeError, Merged};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::exact::programs::filter::Filter;
use bitneuron_core::exact::programs::merge::{MergeRule, merge, shares};
use bitneuron_core::exact::programs::metric::accuracy;
use bitneuron_core::exact::programs::step::{Training, sgd};
use bitneuron_core::exact::{
    ExactData, ExactParams, Program, ProgramError, Tensor, compute, data::draw, programs::Net,
};
use bitneuron_core::{Digest, Seed, Share, Weight};
use std::sync::Arc;

mod named;
mod robust;

pub use named::{NAMES, display, named};
pub use robust::{ExactClipping, ExactTrimmedMean};

/// A merge rule with a program, hence one that can be replayed, voted on and proved.
pub trait ExactRule: Merge<ExactParams> {
    /// The program that merges `peers` models of `parameters` parameters. Inputs: the own parameters, each peer's, and the
    /// peers' shares. Outputs: the merged parameters, and for each peer 0 where it has no part in them.
    ///
    /// # Errors
    /// No program of this size.
    fn program(&self, parameters: u32, peers: u32) -> Result<Program, ProgramError>;
}

const _: Option<&dyn ExactRule> = None;

/// What merges as a goal says.
pub fn rule_of(rule: MergeRule) -> Arc<dyn ExactRule> {
    match rule {
        MergeRule::Trimmed { liars } => Arc::new(ExactTrimmedMean { liars }),
        MergeRule::Clipped { liars } => Arc::new(ExactClipping { liars }),
        MergeRule::Filtered(filter) => Arc::new(ExactMerge { filter }),
    }
}

/// Which of `peers` have a part in a merge by a goal's rule, as a turn says it.
///
/// # Errors
/// Models that do not fit each other, or shares of more than one.
pub fn kept(
    rule: MergeRule,
    own: &ExactParams,
    peers: &[ExactParams],
    given: &[Share],
) -> Result<Vec<bool>, MergeError> {
    if peers.is_empty() {
        return Ok(Vec::new());
    }
    let program = merge(fit(own.layout().len()), fit(peers.len()), rule).map_err(failure)?;
    let [_, kept] = both(&program, own, peers, given)?;
    Ok(kept.data().iter().map(|kept| *kept != 0).collect())
}

/// The default rule in integers: drop what is far, clamp what is left, weighted mean (see
/// [`bitneuron_core::exact::programs::filter`]). Shares are the contributions' weights in units of 1/65,536.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExactMerge {
    /// The radius and the clamp.
    pub filter: Filter,
}

impl ExactRule for ExactMerge {
    fn program(&self, parameters: u32, peers: u32) -> Result<Program, ProgramError> {
        merge(parameters, peers, MergeRule::Filtered(self.filter))
    }
}

fn failure(error: impl std::error::Error + Send + Sync + 'static) -> MergeError {
    MergeError::Rule(Box::new(error))
}

/// A number as programs take it; one too large for any program stays too large.
fn fit(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Both outputs of a merge's program: the model, and which part each peer has.
fn both<'a>(
    program: &Program,
    own: &ExactParams,
    peers: impl IntoIterator<Item = &'a ExactParams>,
    given: &[Share],
) -> Result<[Tensor; 2], MergeError> {
    let mut inputs = vec![own.tensor()];
    inputs.extend(peers.into_iter().map(ExactParams::tensor));
    inputs.push(shares(given));
    let outputs = compute(program, &inputs).map_err(failure)?;
    <[Tensor; 2]>::try_from(outputs)
        .map_err(|_| MergeError::Rule("the program does not give a model and what stayed".into()))
}

/// The outcome of a rule on contributions that fit each other, with the peers' shares.
fn outcome(
    exact: &dyn ExactRule,
    own: &Contribution<'_, ExactParams>,
    peers: &[Contribution<'_, ExactParams>],
    given: &[Share],
) -> Result<(ExactParams, Tensor), MergeError> {
    let layout = own.value.layout();
    let program = exact.program(fit(layout.len()), fit(peers.len())).map_err(failure)?;
    let [merged, kept] = both(&program, own.value, peers.iter().map(|peer| peer.value), given)?;
    Ok((ExactParams::from_tensor(&merged, layout.clone()).map_err(failure)?, kept))
}

impl Merge<ExactParams> for ExactMerge {
    fn merge(
        &self,
        own: &Contribution<'_, ExactParams>,
        peers: &[Contribution<'_, ExactParams>],
    ) -> Result<Merged<ExactParams>, MergeError> {
        in_order(own, peers)?;
        of_one_layout(own, peers, ExactParams::layout)?;
        if peers.is_empty() {
            return Ok(Merged {
                value: own.value.clone(),
                age: own.age,
                own: Share::ONE,
                influence: Vec::new(),
            });
        }
        let weights: Vec<Weight> = peers.iter().map(|peer| peer.weight).collect();
        let (mut own_share, mut influence) = admit::shares(own.weight, &weights);
        let (value, kept) = outcome(self, own, peers, &influence)?;
        for (share, _) in influence.iter_mut().zip(kept.data()).filter(|(_, kept)| **kept == 0) {
            own_share = Share(own_share.0.saturating_add(share.0));
            *share = Share::ZERO;
        }
        let age = oldest(own, peers, &influence);
        Ok(Merged { value, age, own: own_share, influence })
    }

    /// Half of them, while the radius is within the bound that the law grants: 2 always is, 4 from three peers on.
    fn tolerates(&self, peers: usize) -> usize {
        filter_tolerates(f64::from(self.filter.ratio), peers)
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights)
    }
}

/// Stochastic gradient descent in integers: the steps of one turn. The batches are drawn from the seed.
///
/// The losses of its [`Progress`] are the shares of rows classified wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactSgd {
    /// The model.
    pub net: Net,
    /// Steps, batch and rate.
    pub training: Training,
}

/// How many of all rows of `data` a model classifies rightly, by the program that validators vote on.
///
/// # Errors
/// [`UpdateError::Empty`] of no rows, [`UpdateError::Layout`] of another model, [`UpdateError::Rule`] where rows and model
/// fit no program.
pub fn score(net: impl Into<Net>, params: &ExactParams, data: &ExactData) -> Result<u32, UpdateError> {
    let net = net.into();
    if data.rows() == 0 {
        return Err(UpdateError::Empty);
    }
    if **params.layout() != *net.layout() {
        return Err(UpdateError::Layout);
    }
    let rows = count(data)?;
    let program = accuracy(&net, rows, rows).map_err(failed)?;
    let all = Tensor::vector((0..i64::from(rows)).collect());
    let inputs = [params.tensor(), data.features().clone(), data.labels().clone(), all];
    let outputs = compute(&program, &inputs).map_err(failed)?;
    let right = outputs.first().and_then(|output| output.data().first()).copied();
    right
        .and_then(|right| u32::try_from(right).ok())
        .ok_or_else(|| UpdateError::Rule("the program gives no count".into()))
}

fn count(data: &ExactData) -> Result<u32, UpdateError> {
    u32::try_from(data.rows()).map_err(|_| UpdateError::Setting("the number of rows"))
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> UpdateError {
    UpdateError::Rule(Box::new(error))
}

impl Update<ExactParams, ExactData> for ExactSgd {
    fn update(
        &mut self,
        params: &mut ExactParams,
        data: &ExactData,
        _round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        let rows = count(data)?;
        let wrong = |params: &ExactParams| -> Result<f64, UpdateError> {
            Ok(1.0 - f64::from(score(&self.net, params, data)?) / f64::from(rows))
        };
        let loss_before = wrong(params)?;
        let program = sgd(&self.net, rows, self.training).map_err(failed)?;
        let index = Tensor::vector(draw(Digest(seed.0), rows, self.training.rows() as usize));
        let inputs = [params.tensor(), data.features().clone(), data.labels().clone(), index];
        let outputs = compute(&program, &inputs).map_err(failed)?;
        let [after] = &outputs[..] else {
            return Err(UpdateError::Rule("the program gives no model".into()));
        };
        let after = ExactParams::from_tensor(after, params.layout().clone()).map_err(failed)?;
        let loss_after = wrong(&after)?;
        *params = after;
        Ok(Progress { loss_before, loss_after, samples: u64::from(self.training.rows()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::FilteredMean;
    use bitneuron_core::NodeId;
    use bitneuron_core::exact::programs::Mlp;

    fn model(seed: u64) -> ExactParams {
        Mlp::new(&[4, 3]).expect("sizes").init(Seed::from_number(seed))
    }

    fn voice(from: u8, weight: u64, value: &ExactParams) -> Contribution<'_, ExactParams> {
        Contribution { from: NodeId([from; 32]), weight: Weight(weight), age: u64::from(from), value }
    }

    /// The integer rule and the `f32` rule are one rule: they differ by rounding alone.
    #[test]
    fn agrees_with_the_f32_rule() {
        let own = model(0);
        let near: Vec<ExactParams> = (1..6)
            .map(|n| {
                let values =
                    own.values().iter().zip(model(n).values()).map(|(a, b)| a + (b - a) / 40).collect();
                ExactParams::new(values, own.layout().clone()).expect("inside")
            })
            .collect();
        let far = model(99);
        let models: Vec<&ExactParams> = near.iter().chain([&far]).collect();
        let peers: Vec<_> = models.iter().zip(1u8..).map(|(m, n)| voice(n, u64::from(n), m)).collect();
        let exact = ExactMerge::default().merge(&voice(0, 2, &own), &peers).expect("merges");
        assert_eq!(exact.influence[5], Share::ZERO, "the far one is dropped");

        let floats: Vec<_> = models.iter().map(|m| m.to_params()).collect();
        let own_float = own.to_params();
        let float_peers: Vec<_> = floats
            .iter()
            .zip(&peers)
            .map(|(value, peer)| Contribution { from: peer.from, weight: peer.weight, age: peer.age, value })
            .collect();
        let own_voice = Contribution { from: NodeId([0; 32]), weight: Weight(2), age: 0, value: &own_float };
        let float = FilteredMean::default().merge(&own_voice, &float_peers).expect("merges");
        assert_eq!((exact.own, &exact.influence, exact.age), (float.own, &float.influence, float.age));
        for (a, b) in exact.value.to_params().values().iter().zip(float.value.values()) {
            assert!((a - b).abs() <= 1.0 / 4096.0, "{a} {b}");
        }
    }

    #[test]
    fn refuses_what_is_out_of_order_or_shape() {
        let (own, other) = (model(0), Mlp::new(&[3, 4]).expect("sizes").init(Seed::default()));
        let merge =
            |peers: &[Contribution<'_, ExactParams>]| ExactMerge::default().merge(&voice(3, 1, &own), peers);
        assert!(matches!(merge(&[voice(1, 1, &other)]), Err(MergeError::Layout(_))));
        assert!(matches!(merge(&[voice(2, 1, &own), voice(1, 1, &own)]), Err(MergeError::Order(_))));
        assert!(matches!(merge(&[voice(3, 1, &own)]), Err(MergeError::Order(_))));
        assert_eq!(merge(&[]).expect("alone").value, own);
    }

    #[test]
    fn a_step_replays_and_an_error_changes_nothing() {
        let mlp = Mlp::new(&[4, 3]).expect("sizes");
        let features = Tensor::new(&[6, 4], (0..24).map(|n| (n * 37) % 256).collect()).expect("shape");
        let data = ExactData::new(features, Tensor::vector(vec![0, 1, 2, 0, 1, 2])).expect("fits");
        let training = Training { steps: 20, batch: 4, rate_shift: 1, ..Training::default() };
        let mut update = ExactSgd { net: mlp.into(), training };
        let (mut a, mut b) = (model(1), model(1));
        let progress = update.update(&mut a, &data, 0, Seed::from_number(5)).expect("steps");
        assert_eq!(update.update(&mut b, &data, 0, Seed::from_number(5)).expect("steps"), progress);
        assert_eq!(a, b);
        assert_ne!(a, model(1));
        assert!(progress.loss_after <= progress.loss_before);
        update.training.batch = 3;
        assert!(update.update(&mut b, &data, 0, Seed::from_number(6)).is_err());
        assert_eq!(a, b);
    }
}
