//! How a node deals with its partners: the seam at which dishonest sellers, careless buyers and validators that lie about
//! their turns are written.

use bitneuron_compress::Packet;
use bitneuron_core::Bytes;
use bitneuron_core::claim::Turn;
use bitneuron_core::exact::ExactParams;
use std::sync::Arc;

/// What a seller, a buyer or a validator does with the truth. The default methods tell it.
pub trait Conduct: Send + Sync {
    /// How a seller behaves in the training that it begins now, its `round`-th. A training runs beside those of others: what
    /// its conduct knows of them is fixed here, where time has an order. `None` behaves as always.
    fn begin(&self, round: u64) -> Option<Arc<dyn Conduct>> {
        let _ = round;
        None
    }

    /// A packet to sell in place of the one that decodes to this model; `None` sells that.
    fn packet(&self, honest: &ExactParams) -> Option<Packet> {
        let _ = honest;
        None
    }

    /// The score that is claimed for a model that classifies `right` of `rows` rows rightly.
    fn score(&self, right: u32, rows: u32) -> u32 {
        let _ = rows;
        right
    }

    /// The packet that is delivered in place of the one sold.
    fn delivery(&self, sold: Bytes) -> Bytes {
        sold
    }

    /// Whether a buyer that received something else than it bought shows that; if not, it confirms whatever came.
    fn refutes(&self) -> bool {
        true
    }

    /// What a validator commits to as its turn, and as the model after it, in place of what it played.
    fn play(&self, turn: &mut Turn, after: &mut ExactParams) {
        let _ = (turn, after);
    }

    /// What a validator claims of its turn in place of the scores that it found.
    fn claim(&self, turn: &mut Turn) {
        let _ = turn;
    }

    /// Whether `model` is worth an offer at all.
    fn offers(&self, model: &ExactParams) -> bool {
        let _ = model;
        true
    }
}

/// Tells the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Honest;

impl Conduct for Honest {}
