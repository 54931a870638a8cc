//! Merge: this model is the weighted mean of these committed models, plain or filtered.

use crate::statement::{Computation, Statement, StatementError, recomputes};
use bitneuron_core::exact::programs::merge::{MergeRule, mean, merge, shares};
use bitneuron_core::exact::{Binding, Relation, Tensor};
use bitneuron_core::{Commitment, Share, Wire};
use serde::{Deserialize, Serialize};

/// The public part of a merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// The number of parameters of each model.
    pub parameters: u32,
    /// The models; with a rule the own one first.
    pub models: Vec<Commitment>,
    /// A share for each model, together [`Share::ONE`].
    pub shares: Vec<Share>,
    /// How models far away are filtered and cut; none for the plain mean.
    pub rule: Option<MergeRule>,
    /// Which of the others the filter let stay; empty without a rule.
    pub kept: Vec<bool>,
    /// The merged model.
    pub merged: Commitment,
}

impl Wire for Merge {
    const LIMIT: usize = 32 << 10;
}

impl Merge {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron merge v1";
    /// The most models.
    pub const MAX_MODELS: usize = 256;
}

impl Statement for Merge {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    /// The models in order, `[parameters]` each.
    type Witness = Vec<Tensor>;

    fn holds(public: &Self, witness: &Vec<Tensor>) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for Merge {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        let malformed = |why: &str| Err(StatementError::Malformed(why.into()));
        if public.models.len() > Self::MAX_MODELS {
            return Err(StatementError::TooLarge { what: "models", limit: Self::MAX_MODELS as u64 });
        }
        if public.shares.len() != public.models.len() {
            return malformed("another number of shares than models");
        }
        let whole: u64 = public.shares.iter().map(|share| u64::from(share.0)).sum();
        if whole != u64::from(Share::ONE.0) {
            return malformed("the shares are not one");
        }
        let others = public.models.len().saturating_sub(1);
        if public.kept.len() != public.rule.map_or(0, |_| others) {
            return malformed("another number of kept flags than filtered models");
        }
        let count = |models: usize| u32::try_from(models).unwrap_or(u32::MAX);
        let mut outputs = vec![Binding::Committed(public.merged)];
        let (program, given) = match (public.rule, public.shares.as_slice()) {
            (None, all) => (mean(public.parameters, count(all.len()))?, all),
            (Some(rule), [_, given @ ..]) => {
                let kept = public.kept.iter().map(|kept| i64::from(*kept)).collect();
                outputs.push(Binding::Public(Tensor::vector(kept)));
                (merge(public.parameters, count(given.len()), rule)?, given)
            }
            (Some(_), []) => return malformed("nothing to merge"),
        };
        let mut inputs: Vec<Binding> = public.models.iter().copied().map(Binding::Committed).collect();
        inputs.push(Binding::Public(shares(given)));
        Ok(Relation { program, inputs, outputs })
    }

    fn witness(witness: &Vec<Tensor>) -> Vec<&Tensor> {
        witness.iter().collect()
    }
}
