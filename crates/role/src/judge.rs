//! The judge: checks each claim once and remembers the verdict.
//!
//! A claim is looked at when a block is built, when it is judged and when a refutation names it. Verdicts are
//! deterministic, so one look is enough; the gas of a repeated look is nothing.

use bitneuron_core::Digest;
use bitneuron_core::claim::{CheckClaim, Claim, Refused};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A checker with a memory of bounded size.
pub struct Judge {
    check: Arc<dyn CheckClaim>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    verdicts: BTreeMap<Digest, Result<(), Refused>>,
    order: std::collections::VecDeque<Digest>,
    spent: u64,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("verdicts", &self.memory().verdicts.len()).finish_non_exhaustive()
    }
}

impl Judge {
    /// How many verdicts are remembered.
    pub const MEMORY: usize = 4096;

    /// A judge that asks `check`.
    pub fn new(check: Arc<dyn CheckClaim>) -> Self {
        Self { check, memory: Mutex::default() }
    }

    /// The gas spent on checks since the last call.
    pub fn take_spent(&self) -> u64 {
        std::mem::take(&mut self.memory().spent)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A verdict is written in one step, so a poisoned memory is still a true one.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CheckClaim for Judge {
    fn check(&self, claim: &Claim) -> Result<(), Refused> {
        let digest = claim.digest();
        if let Some(verdict) = self.memory().verdicts.get(&digest) {
            return verdict.clone();
        }
        let verdict = self.check.check(claim);
        let gas = self.check.gas(claim);
        let mut memory = self.memory();
        memory.spent = memory.spent.saturating_add(gas);
        if memory.verdicts.insert(digest, verdict.clone()).is_none() {
            memory.order.push_back(digest);
        }
        if memory.order.len() > Self::MEMORY
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.verdicts.remove(&oldest);
        }
        verdict
    }

    fn gas(&self, claim: &Claim) -> u64 {
        self.check.gas(claim)
    }
}
