//! Learning, part by part: gossip in the simulator, robust merging.

mod gossip;
mod robust;

use super::Options;
use crate::reading::Reading;

pub(super) fn measure(options: Options) -> Vec<Reading> {
    let mut readings = gossip::measure(options);
    readings.extend(robust::measure(options));
    readings
}
