//! Learning, part by part.

mod gossip;

use super::{Options, attempt};
use crate::reading::Reading;

pub(super) fn measure(options: Options) -> Vec<Reading> {
    gossip::measure(options)
}
