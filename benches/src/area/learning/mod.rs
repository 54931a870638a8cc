//! Learning, part by part.

mod attacks;
mod defences;
mod gossip;
mod robust;
mod updates;

use super::{Options, attempt};
use crate::reading::Reading;

pub(super) fn measure(options: Options) -> Vec<Reading> {
    let mut readings = gossip::measure(options);
    readings.extend(robust::measure(options));
    readings.extend(updates::measure());
    readings.extend(attacks::measure());
    readings.extend(defences::measure());
    readings
}
