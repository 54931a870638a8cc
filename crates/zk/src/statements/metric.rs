//! Metric: how well a committed model does on a committed test set, and how much better than another.

use super::rows::{Rows, Sample, bindings, drawn, within};
use crate::statement::{Computation, Statement, StatementError, recomputes};
use bitneuron_core::exact::programs::Net;
use bitneuron_core::exact::programs::metric::{Measure, improvement, measure};
use bitneuron_core::exact::{Binding, DataRoot, Relation, Tensor};
use bitneuron_core::goal::Goal;
use bitneuron_core::{Commitment, Wire};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is measured, of which layers, on which rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// The layers.
    pub net: Net,
    /// What is measured.
    pub measure: Measure,
    /// The test set: features, and labels or targets as the measure asks for.
    pub data: DataRoot,
    /// Which rows; none for all.
    pub sample: Option<Sample>,
}

impl Test {
    /// The number of rows drawn, once all sizes are known to be small.
    fn drawn(&self) -> Result<Option<u32>, StatementError> {
        let count = self.sample.map(|sample| sample.count);
        within("drawn rows", count.unwrap_or(0), Goal::MAX_ROWS)?;
        Ok(count)
    }

    /// The inputs after the models.
    fn inputs(&self) -> Result<impl Iterator<Item = Binding>, StatementError> {
        let rows = bindings(&self.data, self.net.features())?;
        let index = self.sample.map(|sample| drawn(sample.seed, &self.data, sample.count));
        Ok(rows.into_iter().chain(index))
    }
}

/// A measured value is an integer, see [`Measure`].
fn stated(value: i64) -> Binding {
    Binding::Public(Tensor::scalar(value))
}

/// The public part of a metric: one model's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// What is measured.
    pub test: Test,
    /// The model.
    pub model: Commitment,
    /// The value, in the units of [`Measure`].
    pub value: i64,
}

/// What who measured one model has.
#[derive(Debug, Clone)]
pub struct MetricWitness {
    /// The model, `[parameters]`.
    pub model: Tensor,
    /// The test set.
    pub data: Arc<Rows>,
}

impl Wire for Metric {
    const LIMIT: usize = 8 << 10;
}

impl Metric {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron metric v1";
}

impl Statement for Metric {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    type Witness = MetricWitness;

    fn holds(public: &Self, witness: &MetricWitness) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for Metric {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        let test = &public.test;
        let drawn = test.drawn()?;
        let inputs = std::iter::once(Binding::Committed(public.model)).chain(test.inputs()?).collect();
        let program = measure(&test.net, test.measure, test.data.rows, drawn)?;
        Ok(Relation { program, inputs, outputs: vec![stated(public.value)] })
    }

    fn witness(witness: &MetricWitness) -> Vec<&Tensor> {
        vec![&witness.model, &witness.data.features, &witness.data.targets]
    }
}

/// The public part of an improvement: two models' values on the same rows, and their difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Improvement {
    /// What is measured.
    pub test: Test,
    /// The models before and after.
    pub models: [Commitment; 2],
    /// Their values, in the units of [`Measure`].
    pub values: [i64; 2],
}

/// What who measured two models has.
#[derive(Debug, Clone)]
pub struct ImprovementWitness {
    /// The models before and after, `[parameters]` each.
    pub models: [Tensor; 2],
    /// The test set.
    pub data: Arc<Rows>,
}

impl Wire for Improvement {
    const LIMIT: usize = 8 << 10;
}

impl Improvement {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron improvement v1";

    /// The value after minus the value before; `None` for values that nothing can have.
    pub fn difference(&self) -> Option<i64> {
        let [before, after] = self.values;
        after.checked_sub(before)
    }
}

impl Statement for Improvement {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    type Witness = ImprovementWitness;

    fn holds(public: &Self, witness: &ImprovementWitness) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for Improvement {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        let test = &public.test;
        let drawn = test.drawn()?;
        let difference =
            public.difference().ok_or_else(|| StatementError::Malformed("impossible values".into()))?;
        let inputs = public.models.map(Binding::Committed).into_iter().chain(test.inputs()?).collect();
        let program = improvement(&test.net, test.measure, test.data.rows, drawn)?;
        let [before, after] = public.values;
        Ok(Relation { program, inputs, outputs: [before, after, difference].map(stated).to_vec() })
    }

    fn witness(witness: &ImprovementWitness) -> Vec<&Tensor> {
        witness.models.iter().chain([&witness.data.features, &witness.data.targets]).collect()
    }
}
