//! The judge: looks at each claim and each signature once and remembers what it saw.
//!
//! A claim is looked at when a block is built, when it is judged and when a refutation names it; a signature also when its
//! transaction enters the mempool. Verdicts are deterministic, so one look is enough; the gas of a repeated look is nothing.

use crate::model::open_packet;
use bitneuron_compress::{Limits, Packet, Registry};
use bitneuron_core::claim::{CheckClaim, Claim, Refused};
use bitneuron_core::hash::Hasher;
use bitneuron_core::{ChainId, Commitment, Digest, Layout, NodeId, Signature, sign};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A checker with a memory of bounded size.
pub struct Judge {
    check: Arc<dyn CheckClaim>,
    codecs: Arc<Registry>,
    memory: Mutex<Memory>,
}

struct Memory {
    verdicts: Recent<Result<(), Refused>>,
    /// Signatures that are valid; those that are not cost their sender a look each.
    signatures: Recent<()>,
    spent: u64,
}

/// A map that forgets its oldest entries.
struct Recent<V> {
    entries: BTreeMap<Digest, V>,
    order: VecDeque<Digest>,
    most: usize,
}

impl<V> Recent<V> {
    const fn new(most: usize) -> Self {
        Self { entries: BTreeMap::new(), order: VecDeque::new(), most }
    }

    fn insert(&mut self, key: Digest, value: V) {
        if self.entries.insert(key, value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("verdicts", &self.memory().verdicts.entries.len())
            .finish_non_exhaustive()
    }
}

impl Judge {
    /// How many verdicts are remembered.
    pub const VERDICTS: usize = 4_096;
    /// How many valid signatures are remembered.
    pub const SIGNATURES: usize = 16_384;

    /// A judge that asks `check` and opens packets by these codecs.
    pub fn new(check: Arc<dyn CheckClaim>, codecs: Arc<Registry>) -> Self {
        let (verdicts, signatures) = (Recent::new(Self::VERDICTS), Recent::new(Self::SIGNATURES));
        Self { check, codecs, memory: Mutex::new(Memory { verdicts, signatures, spent: 0 }) }
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
        if let Some(verdict) = self.memory().verdicts.entries.get(&digest) {
            return verdict.clone();
        }
        let verdict = self.check.check(claim);
        let gas = self.check.gas(claim);
        let mut memory = self.memory();
        memory.spent = memory.spent.saturating_add(gas);
        // What lacks here today may be here tomorrow: that is no verdict to remember.
        if !matches!(verdict, Err(Refused::Unavailable(_))) {
            memory.verdicts.insert(digest, verdict.clone());
        }
        verdict
    }

    fn gas(&self, claim: &Claim) -> u64 {
        self.check.gas(claim)
    }

    fn verify(&self, by: NodeId, domain: &str, chain: ChainId, bytes: &[u8], signature: &Signature) -> bool {
        let key = Hasher::new("bitneuron seen signature v1")
            .update(&by.0)
            .update(&signature.to_bytes())
            .part(&sign::message(domain, chain, bytes))
            .finish();
        if self.memory().signatures.entries.contains_key(&key) {
            return true;
        }
        let valid = sign::verify(by, domain, chain, bytes, signature);
        if valid {
            self.memory().signatures.insert(key, ());
        }
        valid
    }

    fn opens(&self, packet: &[u8], layout: &Arc<Layout>) -> Result<Commitment, Refused> {
        let opened = Packet::from_bytes(packet, Limits::of(layout))
            .and_then(|packet| open_packet(&self.codecs, &packet, layout));
        opened.map(|model| model.commitment()).map_err(|error| Refused::Malformed(error.to_string()))
    }
}
