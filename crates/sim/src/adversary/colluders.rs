//! Users that attack what is learned, together, and honest ones that they overhear.
//!
//! Colluders know the latest model of every honest user, whoever buys it: what they cannot do knowing that, they cannot do knowing
//! less. What they send is the attack's; what they say about it is true, so that it is sold.

use crate::Address;
use crate::attack::{Attack, Coven, View};
use bitneuron_compress::{Compressor, Dense, Packet};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Bytes, Params, Seed};
use bitneuron_role::Conduct;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is shared by those who collude.
pub type Shared = Arc<Mutex<Coven>>;

/// A lock that somebody dropped in a panic still holds whole values: each is replaced at once.
fn open(coven: &Mutex<Coven>) -> MutexGuard<'_, Coven> {
    coven.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Honest, and overheard.
#[derive(Debug, Clone)]
pub struct Overheard {
    /// Who it is.
    pub me: Address,
    /// By whom.
    pub coven: Shared,
}

impl Conduct for Overheard {
    fn offers(&self, model: &ExactParams) -> bool {
        open(&self.coven).hear(self.me, model.to_params());
        true
    }
}

/// Sells what an attack makes of what all honest users trained.
#[derive(Debug, Clone)]
pub struct Colluder {
    me: Address,
    coven: Shared,
    /// Whether what the attack sends is no model at all.
    spoils: bool,
}

impl Colluder {
    /// One of those who share a coven.
    pub fn new(me: Address, coven: Shared) -> Self {
        let spoils = is_no_number(open(&coven).attack());
        Self { me, coven, spoils }
    }
}

fn is_no_number(attack: &dyn Attack) -> bool {
    let seen: [&[f32]; 2] = [&[1.0, 0.0], &[0.0, 1.0]];
    attack.forge(&View::of(&[0.5, 0.5], &seen)).iter().any(|value| !value.is_finite())
}

impl Conduct for Colluder {
    fn begin(&self, round: u64) -> Option<Arc<dyn Conduct>> {
        let mut coven = open(&self.coven);
        coven.begin(round);
        Some(Arc::new(Lying { me: self.me, round, coven: Mutex::new(coven.clone()) }))
    }

    /// What no codec carries is sold as an honest model, and delivered as what it is.
    fn delivery(&self, sold: Bytes) -> Bytes {
        if self.spoils { Bytes(vec![0xff; sold.len()]) } else { sold }
    }
}

/// A colluder in one training, with what was known when it began.
struct Lying {
    me: Address,
    round: u64,
    coven: Mutex<Coven>,
}

impl fmt::Debug for Lying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lying").field("me", &self.me).field("round", &self.round).finish_non_exhaustive()
    }
}

impl Conduct for Lying {
    fn packet(&self, honest: &ExactParams) -> Option<Packet> {
        let own = honest.to_params();
        let lie = open(&self.coven).lie(self.me, self.me, self.round, own.values());
        let lie = Params::new(lie, own.layout().clone()).ok()?;
        // No farther than models reach: what is farther is refused, and nothing is sold.
        let within = ExactParams::from_params(&lie).ok()?.to_params();
        Dense.compress(&within, Seed::default()).ok()
    }
}
