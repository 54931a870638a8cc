//! Turn: what a validator does in one round, as one program – merge, T steps, and the score before and after
//! (Algorithm 3, lines 7 and 8).

use super::Net;
use super::merge::{MergeRule, merged, share_interval};
use super::metric::correct;
use super::step::{Loss, State, Training, index_interval, steps};
use crate::exact::{Builder, Program, ProgramError};

/// The sizes of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnShape {
    /// Models merged; 0 skips the merge.
    pub peers: u32,
    /// Rows of the author's data.
    pub rows: u32,
    /// Rows of the metric set.
    pub metric_rows: u32,
    /// Metric rows drawn for the scores.
    pub drawn: u32,
}

/// Inputs: parameters before `[p]`; `peers` models `[p]` each and their shares `[peers]` (both only if there are peers);
/// the author's features `[rows, features]`, labels `[rows]` and drawn indices `[steps·batch]`; the metric set's features,
/// labels and drawn indices `[drawn]`. Outputs: the parameters after `[p]`; how many drawn rows were right before, and
/// after; and (only if there are peers) which of them stayed, `[peers]` of 0 or 1. Where training has momentum, each turn
/// starts at rest.
///
/// # Errors
/// A loss that is not about classes, a batch that is no power of two, no rows, or more than a program may hold.
pub fn turn(
    net: impl Into<Net>,
    shape: TurnShape,
    rule: MergeRule,
    training: Training,
) -> Result<Program, ProgramError> {
    let net = net.into();
    if training.loss == Loss::Squared {
        return Err(ProgramError::Argument("a turn trains on classes"));
    }
    let mut b = Builder::new();
    let weights = Net::weight_interval();
    let before = b.input(&[net.parameters()], weights)?;
    let models =
        (0..shape.peers).map(|_| b.input(&[net.parameters()], weights)).collect::<Result<Vec<_>, _>>()?;
    let shares = if models.is_empty() { None } else { Some(b.input(&[shape.peers], share_interval())?) };
    let x = b.input(&[shape.rows, net.features()], Net::feature_interval())?;
    let labels = b.input(&[shape.rows], net.label_interval())?;
    let index = b.input(&[training.rows()], index_interval(shape.rows)?)?;
    let metric_x = b.input(&[shape.metric_rows, net.features()], Net::feature_interval())?;
    let metric_labels = b.input(&[shape.metric_rows], net.label_interval())?;
    let drawn = b.input(&[shape.drawn], index_interval(shape.metric_rows)?)?;

    let (mixed, kept) = match shares {
        None => (before, None),
        Some(shares) => {
            let (mixed, kept) = merged(&mut b, before, &models, shares, rule)?;
            (mixed, Some(kept))
        }
    };
    let at_rest = State { flat: mixed, velocity: None };
    let after = steps(&mut b, &net, at_rest, (x, labels, index), training)?.flat;

    let metric_x = b.gather(metric_x, drawn)?;
    let metric_labels = b.gather(metric_labels, drawn)?;
    let right_before = correct(&mut b, &net, before, metric_x, metric_labels)?;
    let right_after = correct(&mut b, &net, after, metric_x, metric_labels)?;
    b.output(after);
    b.output(right_before);
    b.output(right_after);
    if let Some(kept) = kept {
        b.output(kept);
    }
    b.build()
}
