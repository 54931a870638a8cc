//! A memory for verdicts about certificates: whoever meets one again looks at no signature.

use crate::{Certificate, CheckCertificate, Electorate, Refused};
use bitneuron_core::{Digest, encode, hash::Hasher};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Checks as the checker inside does, each certificate once as long as it is remembered.
///
/// Only what holds is remembered, by a hash of certificate and electorate: a refusal costs its sender a look each time, and
/// nobody can fill the memory with what does not hold.
#[derive(Debug)]
pub struct Verdicts<C> {
    check: C,
    most: usize,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    known: BTreeSet<Digest>,
    order: VecDeque<Digest>,
}

impl<C: CheckCertificate> Verdicts<C> {
    /// A memory of the last `most` certificates that held.
    pub fn new(check: C, most: usize) -> Self {
        Self { check, most, memory: Mutex::default() }
    }

    fn name(certificate: &Certificate, electorate: &Electorate) -> Digest {
        let mut hasher = Hasher::new("bitneuron seen certificate v1");
        hasher.part(&encode(certificate)).update(&electorate.digest().0).finish()
    }
}

impl<C: CheckCertificate> CheckCertificate for Verdicts<C> {
    fn check(&self, certificate: &Certificate, electorate: &Electorate) -> Result<(), Refused> {
        let name = Self::name(certificate, electorate);
        // A name is written in one step, so a poisoned memory is still a true one.
        let memory = || self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory().known.contains(&name) {
            return Ok(());
        }
        self.check.check(certificate, electorate)?;
        let mut memory = memory();
        if memory.known.insert(name) {
            memory.order.push_back(name);
        }
        if memory.order.len() > self.most
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.known.remove(&oldest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::{Epoch, Height, NodeId, Weight};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts the looks; what has no votes does not hold.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl CheckCertificate for Counting {
        fn check(&self, certificate: &Certificate, _: &Electorate) -> Result<(), Refused> {
            self.0.fetch_add(1, Ordering::Relaxed);
            if certificate.votes.is_empty() { Err(Refused::Empty) } else { Ok(()) }
        }
    }

    fn certificate(height: u64) -> Certificate {
        let key = bitneuron_core::Keypair::from_seed(bitneuron_core::Seed::default());
        let votes = vec![(key.id(), key.sign("test", bitneuron_core::ChainId::default(), b""))];
        Certificate { height: Height(height), round: 0, block: Digest::ZERO, votes }
    }

    #[test]
    fn what_held_is_not_looked_at_again_and_all_else_is() {
        let electorate = |seed| {
            let members = [(NodeId([1; 32]), Weight(1))];
            Electorate::new(Epoch(0), members, Digest([seed; 32])).expect("allowed")
        };
        let (own, other) = (electorate(1), electorate(2));
        let verdicts = Verdicts::new(Counting::default(), 2);
        let looks = |certificate: &Certificate, electorate: &Electorate| {
            let before = verdicts.check.0.load(Ordering::Relaxed);
            let verdict = verdicts.check(certificate, electorate);
            (verdict, verdicts.check.0.load(Ordering::Relaxed) - before)
        };
        assert_eq!(looks(&certificate(1), &own), (Ok(()), 1));
        assert_eq!(looks(&certificate(1), &own), (Ok(()), 0));
        assert_eq!(looks(&certificate(1), &other), (Ok(()), 1), "other voters");
        let bare = Certificate { votes: Vec::new(), ..certificate(1) };
        assert_eq!(looks(&bare, &own), (Err(Refused::Empty), 1));
        assert_eq!(looks(&bare, &own), (Err(Refused::Empty), 1), "refusals are not remembered");
        assert_eq!(looks(&certificate(2), &own), (Ok(()), 1));
        assert_eq!(looks(&certificate(1), &own), (Ok(()), 1), "two are remembered, not three");
    }
}
