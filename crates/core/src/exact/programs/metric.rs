//! Metric: how well a model does on rows, always an exact integer, and how much better than another.

use super::Net;
use super::inference::logits;
use super::loss;
use super::step::{index_interval, targets};
use super::training::Loss;
use crate::exact::{Builder, Comparison, Op, Program, ProgramError, ValueId};
use serde::{Deserialize, Serialize};

/// What is measured of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// The number of rows whose class is the label.
    Accuracy,
    /// The loss summed over the rows: cross-entropy in units of 2⁻⁸ (at most 256 classes), squared distances (twice the
    /// loss) in units of 2⁻¹⁶. Divided by rows it is the mean; for [`Loss::Squared`] also by outputs, the mean squared
    /// error.
    Loss(Loss),
}

impl Measure {
    /// The loss whose targets are compared with.
    fn loss(self) -> Loss {
        match self {
            Self::Accuracy => Loss::CrossEntropy,
            Self::Loss(loss) => loss,
        }
    }
}

/// Inputs: parameters `[p]`, features `[rows, features]`, labels `[rows]`, drawn row indices `[drawn]`.
/// Output: the number of drawn rows whose class is the label, a scalar.
///
/// # Errors
/// No rows, or more than a program may hold.
pub fn accuracy(net: impl Into<Net>, rows: u32, drawn: u32) -> Result<Program, ProgramError> {
    measure(net, Measure::Accuracy, rows, Some(drawn))
}

/// Inputs: parameters `[p]`; features `[rows, features]`; labels `[rows]`, or for [`Loss::Squared`] targets
/// `[rows, outputs]`; where rows are drawn, their indices `[drawn]`. Output: the measure over the drawn rows or all, a
/// scalar.
///
/// # Errors
/// No rows, more classes than a cross-entropy may have, or more than a program may hold.
pub fn measure(
    net: impl Into<Net>,
    measure: Measure,
    rows: u32,
    drawn: Option<u32>,
) -> Result<Program, ProgramError> {
    let net = net.into();
    let mut b = Builder::new();
    let flat = b.input(&[net.parameters()], Net::weight_interval())?;
    let set = set(&mut b, &net, measure, rows, drawn)?;
    let value = value(&mut b, &net, measure, flat, set)?;
    b.output(value);
    b.build()
}

/// Inputs: parameters before `[p]` and after `[p]`, then as [`measure`]. Outputs: the measure before, after, and
/// after − before, scalars.
///
/// # Errors
/// As [`measure`].
pub fn improvement(
    net: impl Into<Net>,
    measure: Measure,
    rows: u32,
    drawn: Option<u32>,
) -> Result<Program, ProgramError> {
    let net = net.into();
    let mut b = Builder::new();
    let before = b.input(&[net.parameters()], Net::weight_interval())?;
    let after = b.input(&[net.parameters()], Net::weight_interval())?;
    let set = set(&mut b, &net, measure, rows, drawn)?;
    let before = value(&mut b, &net, measure, before, set)?;
    let after = value(&mut b, &net, measure, after, set)?;
    let difference = b.sub(after, before)?;
    [before, after, difference].into_iter().for_each(|value| b.output(value));
    b.build()
}

/// Features and targets of the rows that are measured on, and how many they are.
type Set = (ValueId, ValueId, u32);

fn set(
    b: &mut Builder,
    net: &Net,
    measure: Measure,
    rows: u32,
    drawn: Option<u32>,
) -> Result<Set, ProgramError> {
    let x = b.input(&[rows, net.features()], Net::feature_interval())?;
    let targets = targets(b, net, measure.loss(), rows)?;
    let Some(drawn) = drawn else {
        return if rows == 0 { Err(ProgramError::Argument("no rows")) } else { Ok((x, targets, rows)) };
    };
    let index = b.input(&[drawn], index_interval(rows)?)?;
    Ok((b.gather(x, index)?, b.gather(targets, index)?, drawn))
}

fn value(
    b: &mut Builder,
    net: &Net,
    measure: Measure,
    flat: ValueId,
    (x, targets, rows): Set,
) -> Result<ValueId, ProgramError> {
    match measure {
        Measure::Accuracy => correct(b, net, flat, x, targets),
        Measure::Loss(which) => {
            let logits = logits(b, net, flat, x)?;
            loss::value(b, which, (logits, targets), (rows, net.outputs()))
        }
    }
}

/// The number of rows classified rightly.
pub(super) fn correct(
    b: &mut Builder,
    net: &Net,
    flat: ValueId,
    x: ValueId,
    labels: ValueId,
) -> Result<ValueId, ProgramError> {
    let logits = logits(b, net, flat, x)?;
    let classes = b.op(Op::Argmax(logits))?;
    let right = b.compare(classes, Comparison::Equal, labels)?;
    b.sum(right, 0)
}
