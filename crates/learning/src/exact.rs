//! Lines 7 and 8 of Algorithm 3 in integers: what validators replay, vote on and prove.
//!
//! [`ExactMerge`] and [`ExactSgd`] run the canonical programs of `bitneuron_core::exact`, so whoever runs them again gets
//! the same bits, and a proof of the program is a proof of the turn. A rule that validators may vote on implements
//! [`ExactRule`] and thereby names its program; every other rule plays among users and in the lab.

use crate::merge::{Contribution, Merge, MergeError, Merged};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::exact::programs::merge::{MergeRule, merge, shares};
use bitneuron_core::exact::programs::metric::accuracy;
use bitneuron_core::exact::programs::step::{Training, sgd};
use bitneuron_core::exact::{
    ExactData, ExactParams, Program, ProgramError, Tensor, data::draw, execute, programs::Mlp,
};
use bitneuron_core::{Digest, Seed, Share};

/// A merge rule with a program, hence one that can be replayed, voted on and proved.
pub trait ExactRule: Merge<ExactParams> {
    /// The program that merges `peers` models of `parameters` parameters. Inputs: the own parameters, each peer's, and the
    /// peers' shares. Outputs: the merged parameters and which peers stayed.
    ///
    /// # Errors
    /// No program of this size.
    fn program(&self, parameters: u32, peers: u32) -> Result<Program, ProgramError>;
}

const _: Option<&dyn ExactRule> = None;

/// The default rule in integers: drop what is far, clamp what is left, weighted mean (see
/// [`bitneuron_core::exact::programs::merge`]). Shares are the contributions' weights in units of 1/65,536.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExactMerge {
    /// The radius of the filter and the clamp.
    pub rule: MergeRule,
}

impl ExactRule for ExactMerge {
    fn program(&self, parameters: u32, peers: u32) -> Result<Program, ProgramError> {
        merge(parameters, peers, self.rule)
    }
}

fn rule(error: impl std::error::Error + Send + Sync + 'static) -> MergeError {
    MergeError::Rule(Box::new(error))
}

impl Merge<ExactParams> for ExactMerge {
    fn merge(
        &self,
        own: &Contribution<'_, ExactParams>,
        peers: &[Contribution<'_, ExactParams>],
    ) -> Result<Merged<ExactParams>, MergeError> {
        let layout = own.value.layout();
        let mut last = None;
        for peer in peers {
            if peer.from == own.from || last.is_some_and(|last| last >= peer.from) {
                return Err(MergeError::Order(peer.from));
            }
            if peer.value.layout() != layout {
                return Err(MergeError::Layout(peer.from));
            }
            last = Some(peer.from);
        }
        if peers.is_empty() {
            return Ok(Merged {
                value: own.value.clone(),
                age: own.age,
                own: Share::ONE,
                influence: Vec::new(),
            });
        }
        let weights: Vec<u64> =
            std::iter::once(own.weight).chain(peers.iter().map(|peer| peer.weight)).map(|w| w.0).collect();
        let mut influence = Share::divide(&weights);
        let mut own_share = influence.remove(0);
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let program = self.program(count(layout.len()), count(peers.len())).map_err(rule)?;
        let mut inputs = vec![own.value.tensor()];
        inputs.extend(peers.iter().map(|peer| peer.value.tensor()));
        inputs.push(shares(&influence));
        let run = execute(&program, &inputs).map_err(rule)?;
        let [merged, kept] = run.outputs()[..] else { return Err(MergeError::TooFew { have: 0, need: 1 }) };
        for (share, _) in influence.iter_mut().zip(kept.data()).filter(|(_, kept)| **kept == 0) {
            own_share = Share(own_share.0.saturating_add(share.0));
            *share = Share::ZERO;
        }
        let heard = peers.iter().zip(&influence).filter(|(_, share)| share.0 > 0);
        let age = heard.map(|(peer, _)| peer.age).fold(own.age, u64::max);
        let value = ExactParams::from_tensor(merged, layout.clone()).map_err(rule)?;
        Ok(Merged { value, age, own: own_share, influence })
    }

    fn tolerates(&self, peers: usize) -> usize {
        peers / 2
    }
}

/// Stochastic gradient descent in integers: the steps of one turn. The batches are drawn from the seed.
///
/// The losses of its [`Progress`] are the shares of rows classified wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactSgd {
    /// The model.
    pub mlp: Mlp,
    /// Steps, batch and rate.
    pub training: Training,
}

impl ExactSgd {
    fn wrong(&self, model: &Tensor, data: &ExactData) -> Result<f64, UpdateError> {
        let rows = u32::try_from(data.rows()).map_err(|_| UpdateError::Setting("the number of rows"))?;
        let program = accuracy(&self.mlp, rows, rows).map_err(setting)?;
        let all = Tensor::vector((0..i64::from(rows)).collect());
        let run = execute(&program, &[model.clone(), data.features().clone(), data.labels().clone(), all]);
        let run = run.map_err(|error| UpdateError::Rule(Box::new(error)))?;
        let right = run.outputs().first().and_then(|output| output.data().first()).copied().unwrap_or(0);
        Ok(1.0 - right as f64 / f64::from(rows))
    }
}

fn setting(error: ProgramError) -> UpdateError {
    UpdateError::Rule(Box::new(error))
}

impl Update<ExactParams, ExactData> for ExactSgd {
    fn update(
        &mut self,
        params: &mut ExactParams,
        data: &ExactData,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        if data.rows() == 0 {
            return Err(UpdateError::Empty);
        }
        if **params.layout() != *self.mlp.layout() {
            return Err(UpdateError::Layout);
        }
        let rows = u32::try_from(data.rows()).map_err(|_| UpdateError::Setting("the number of rows"))?;
        let program = sgd(&self.mlp, rows, self.training).map_err(setting)?;
        let index = draw(Digest(seed.0), rows, self.training.rows() as usize);
        let before = params.tensor();
        let inputs = [before.clone(), data.features().clone(), data.labels().clone(), Tensor::vector(index)];
        let run = execute(&program, &inputs).map_err(|error| UpdateError::Rule(Box::new(error)))?;
        let [after] = run.outputs()[..] else { return Err(UpdateError::Empty) };
        let progress = Progress {
            loss_before: self.wrong(&before, data)?,
            loss_after: self.wrong(after, data)?,
            samples: u64::from(self.training.rows()),
        };
        let layout = params.layout().clone();
        *params =
            ExactParams::from_tensor(after, layout).map_err(|error| UpdateError::Rule(Box::new(error)))?;
        Ok(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::FilteredMean;
    use bitneuron_core::{NodeId, Weight};

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
        let training = Training { steps: 20, batch: 4, rate_shift: 1 };
        let mut update = ExactSgd { mlp, training };
        let (mut a, mut b) = (model(1), model(1));
        let progress = update.update(&mut a, &data, Seed::from_number(5)).expect("steps");
        assert_eq!(update.update(&mut b, &data, Seed::from_number(5)).expect("steps"), progress);
        assert_eq!(a, b);
        assert_ne!(a, model(1));
        assert!(progress.loss_after <= progress.loss_before);
        update.training.batch = 3;
        assert!(update.update(&mut b, &data, Seed::from_number(6)).is_err());
        assert_eq!(a, b);
    }
}
