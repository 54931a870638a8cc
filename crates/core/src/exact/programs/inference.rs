//! Inference: the class of each row.

use super::Net;
use crate::exact::{Builder, Op, Program, ProgramError, ValueId};

/// Inputs: parameters `[p]`, features `[rows, features]`. Outputs: the classes `[rows]` (ties to the lowest) and the logits
/// `[rows, classes]` with 8 fractional bits.
///
/// # Errors
/// More rows than a program may hold.
pub fn inference(net: impl Into<Net>, rows: u32) -> Result<Program, ProgramError> {
    let net = net.into();
    let mut b = Builder::new();
    let flat = b.input(&[net.parameters()], Net::weight_interval())?;
    let x = b.input(&[rows, net.features()], Net::feature_interval())?;
    let logits = logits(&mut b, &net, flat, x)?;
    let classes = b.op(Op::Argmax(logits))?;
    b.output(classes);
    b.output(logits);
    b.build()
}

pub(super) fn logits(b: &mut Builder, net: &Net, flat: ValueId, x: ValueId) -> Result<ValueId, ProgramError> {
    let layers = net.layers(b, flat)?;
    Ok(Net::forward(b, &layers, x)?.logits)
}
