//! The judge: looks at each claim and each signature once and remembers what it saw.
//!
//! A claim is looked at when a block is built, when it is judged and when a refutation names it; a signature also when its
//! transaction enters the mempool. Verdicts are deterministic, so one look is enough; the gas of a repeated look is nothing.
//! Claims that come together are looked at together, on the threads of the pool; the gas is that of one after the other.

use crate::model::open_packet;
use crate::proofs::Heads;
use bitneuron_compress::{CompressError, Difference, Limits, Packet, Registry};
use bitneuron_core::claim::{CheckClaim, Claim, Demand, Opening, Refused, Ruling, Settles};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::hash::Hasher;
use bitneuron_core::{ChainId, Commitment, Digest, Layout, NodeId, Signature, sign};
use rayon::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A checker with a memory of bounded size.
pub struct Judge {
    check: Arc<dyn CheckClaim>,
    codecs: Arc<Registry>,
    heads: Heads,
    memory: Mutex<Memory>,
}

struct Memory {
    verdicts: Recent<Looked>,
    /// Signatures that are valid; those that are not cost their sender a look each.
    signatures: Recent<()>,
    spent: u64,
}

/// A verdict that is known.
struct Looked {
    verdict: Result<(), Refused>,
    /// Whether anybody asked for it yet: the first who does pays.
    asked: bool,
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

impl Memory {
    /// A verdict that is known, and whether it was asked for before.
    fn ask(&mut self, digest: &Digest) -> Option<(Result<(), Refused>, bool)> {
        let Looked { verdict, asked } = self.verdicts.entries.get_mut(digest)?;
        Some((verdict.clone(), std::mem::replace(asked, true)))
    }

    fn remember(&mut self, digest: Digest, verdict: &Result<(), Refused>, asked: bool) {
        // What lacks here today may be here tomorrow: that is no verdict to remember.
        let known = self.verdicts.entries.contains_key(&digest);
        if !known && !matches!(verdict, Err(Refused::Unavailable(_))) {
            self.verdicts.insert(digest, Looked { verdict: verdict.clone(), asked });
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
        let heads = Heads::default();
        Self { check, codecs, heads, memory: Mutex::new(Memory { verdicts, signatures, spent: 0 }) }
    }

    /// The same judge in a network that commits to heads in this way.
    #[must_use]
    pub fn with_heads(self, heads: Heads) -> Self {
        Self { heads, ..self }
    }

    /// The gas spent on checks since the last call.
    pub fn take_spent(&self) -> u64 {
        std::mem::take(&mut self.memory().spent)
    }

    fn spend(&self, gas: u64) {
        let mut memory = self.memory();
        memory.spent = memory.spent.saturating_add(gas);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A verdict is written in one step, so a poisoned memory is still a true one.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name under which a valid signature is remembered.
fn name_of(by: NodeId, message: &[u8], signature: &Signature) -> Digest {
    Hasher::new("bitneuron seen signature v1")
        .update(&by.0)
        .update(&signature.to_bytes())
        .part(message)
        .finish()
}

impl CheckClaim for Judge {
    fn check(&self, claim: &Claim) -> Result<(), Refused> {
        let digest = claim.digest();
        let known = self.memory().ask(&digest);
        let verdict = match known {
            Some((verdict, true)) => return verdict,
            Some((verdict, false)) => verdict,
            None => {
                let verdict = self.check.check(claim);
                self.memory().remember(digest, &verdict, true);
                verdict
            }
        };
        self.spend(self.check.gas(claim));
        verdict
    }

    fn foresee(&self, claims: &[&Claim]) {
        let mut fresh: BTreeMap<Digest, &Claim> =
            claims.iter().map(|claim| (claim.digest(), *claim)).collect();
        fresh.retain(|digest, _| !self.memory().verdicts.entries.contains_key(digest));
        let look = |(digest, claim): (Digest, &Claim)| (digest, self.check.check(claim));
        let looked: Vec<_> = fresh.into_par_iter().map(look).collect();
        let mut memory = self.memory();
        looked.iter().for_each(|(digest, verdict)| memory.remember(*digest, verdict, false));
    }

    fn gas(&self, claim: &Claim) -> u64 {
        self.check.gas(claim)
    }

    fn verify(&self, by: NodeId, domain: &str, chain: ChainId, bytes: &[u8], signature: &Signature) -> bool {
        let key = name_of(by, &sign::message(domain, chain, bytes), signature);
        if self.memory().signatures.entries.contains_key(&key) {
            return true;
        }
        let valid = sign::verify(by, domain, chain, bytes, signature);
        if valid {
            self.memory().signatures.insert(key, ());
        }
        valid
    }

    fn openings(&self, claim: &Claim) -> Vec<Opening> {
        self.check.openings(claim)
    }

    fn audit_openings(&self, claim: &Claim, demand: Demand, answer: &[u8]) -> Vec<Opening> {
        self.check.audit_openings(claim, demand, answer)
    }

    fn verify_all(&self, items: &[(NodeId, &[u8], Signature)]) -> bool {
        let names = items.iter().map(|(by, message, signature)| name_of(*by, message, signature));
        let fresh: Vec<_> = {
            let memory = self.memory();
            let seen = |(name, _): &(Digest, _)| !memory.signatures.entries.contains_key(name);
            names.zip(items).filter(seen).collect()
        };
        let items: Vec<_> = fresh.iter().map(|(_, item)| **item).collect();
        let valid = sign::verify_batch(&items);
        if valid {
            let mut memory = self.memory();
            fresh.into_iter().for_each(|(name, _)| memory.signatures.insert(name, ()));
        }
        valid
    }

    fn settles(&self, claim: &Claim) -> Settles {
        self.check.settles(claim)
    }

    fn audit(&self, claim: &Claim, beacon: Digest, demand: Demand, answer: &[u8]) -> Result<(), Refused> {
        self.spend(self.check.audit_gas(claim, demand, answer));
        self.check.audit(claim, beacon, demand, answer)
    }

    fn audit_gas(&self, claim: &Claim, demand: Demand, answer: &[u8]) -> u64 {
        self.check.audit_gas(claim, demand, answer)
    }

    fn rule(
        &self,
        claim: &Claim,
        beacon: Digest,
        referee: Option<&[u8]>,
        step: &[u8],
    ) -> Result<Ruling, Refused> {
        self.spend(self.check.rule_gas(claim, step));
        self.check.rule(claim, beacon, referee, step)
    }

    fn rule_gas(&self, claim: &Claim, step: &[u8]) -> u64 {
        self.check.rule_gas(claim, step)
    }

    fn opens(
        &self,
        packet: &[u8],
        base: Option<&ExactParams>,
        layout: &Arc<Layout>,
        chain: ChainId,
    ) -> Result<Commitment, Refused> {
        // A base that nobody asked for is none of the packet's, either.
        let mut left = base;
        let known = |name: &Commitment| left.take().filter(|base| self.heads.admits(*name, base, chain));
        let opened = Packet::from_bytes(packet, Limits::of(layout))
            .and_then(|packet| open_packet(&self.codecs, &packet, layout, known));
        if left.is_some() {
            return Err(Refused::Unavailable("a base of a packet that has none".into()));
        }
        opened.map(|model| model.commitment()).map_err(|error| match error {
            // What another judge may know, and what the seller did not show: nobody is guilty of it.
            CompressError::UnknownCodec(_) | CompressError::Base(_) => {
                Refused::Unavailable(error.to_string())
            }
            _ => Refused::Malformed(error.to_string()),
        })
    }

    fn commits(&self, commitment: Commitment, model: &ExactParams, chain: ChainId) -> bool {
        self.heads.admits(commitment, model, chain)
    }

    /// Two gas for each element, for reading and hashing it, those of a base too, and one for four multiplications.
    fn open_gas(&self, packet: &[u8], layout: &Layout) -> u64 {
        let elements = layout.len() as u64;
        let price = |packet: &Packet| {
            let work = self.codecs.exact(packet.codec()).map_or(0, |codec| codec.work(packet, layout));
            elements.saturating_mul(2).saturating_add(work / 4)
        };
        let Ok(packet) = Packet::from_bytes(packet, Limits::of(layout)) else {
            return elements.saturating_mul(2);
        };
        match Difference::of(&packet) {
            // The base is read and hashed as well.
            Ok(Some(difference)) => price(difference.change()).saturating_add(elements.saturating_mul(3)),
            Ok(None) => price(&packet),
            Err(_) => elements.saturating_mul(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_compress::{CodecId, Compressor, Dense, ExactDecoder, TensorTrain};
    use bitneuron_core::{Context, Height, Params, Seed};
    use bitneuron_zk::Registry as Verifiers;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn model() -> Params {
        let layout = Arc::new(Layout::of(&[("w", &[16, 16]), ("b", &[3])]).expect("small"));
        let mut params = Params::zeros(layout);
        params.values_mut().iter_mut().enumerate().for_each(|(at, value)| *value = at as f32 / 128.0);
        params
    }

    fn judge(codecs: Registry) -> Judge {
        Judge::new(Arc::new(Verifiers::new()), Arc::new(codecs))
    }

    /// Refuses what is claimed at odd heights, has no verdict at height 4, and counts its looks.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl CheckClaim for Counting {
        fn check(&self, claim: &Claim) -> Result<(), Refused> {
            self.0.fetch_add(1, Ordering::Relaxed);
            match claim.context().height.0 {
                4 => Err(Refused::Unavailable("not yet".into())),
                height if height % 2 == 1 => Err(Refused::False("odd".into())),
                _ => Ok(()),
            }
        }

        fn gas(&self, claim: &Claim) -> u64 {
            claim.context().height.0
        }
    }

    #[test]
    fn what_is_foreseen_has_its_verdict_and_its_price_and_is_looked_at_once() {
        let key = bitneuron_core::Keypair::from_seed(Seed::from_number(1));
        let (chain, subject) = (ChainId::default(), Digest::ZERO);
        let at = |height| Context { chain, height: Height(height), by: key.id(), subject };
        let claims: Vec<Claim> =
            (1..=6).map(|height| Claim::new(&key, "s", at(height), vec![], vec![])).collect();
        let counting = Arc::new(Counting::default());
        let fresh = || Judge::new(counting.clone(), Arc::new(Registry::standard()));
        let (plain, foreseeing) = (fresh(), fresh());
        let told = |judge: &Judge| {
            let verdicts: Vec<_> = claims.iter().map(|claim| judge.check(claim)).collect();
            (verdicts, judge.take_spent())
        };
        let expected = told(&plain);
        assert_eq!(expected.1, 1 + 2 + 3 + 4 + 5 + 6);
        counting.0.store(0, Ordering::Relaxed);
        let twice: Vec<&Claim> = claims.iter().chain(&claims).collect();
        foreseeing.foresee(&twice);
        assert_eq!(
            (counting.0.load(Ordering::Relaxed), foreseeing.take_spent()),
            (6, 0),
            "nobody has asked yet"
        );
        assert_eq!(told(&foreseeing), expected);
        assert_eq!(counting.0.load(Ordering::Relaxed), 7, "what has no verdict is looked at again");
        foreseeing.foresee(&twice);
        assert_eq!(told(&foreseeing), (expected.0, 4), "and all else is free");
    }

    #[test]
    fn a_codec_that_is_not_known_here_convicts_nobody() {
        let (model, judge) = (model(), judge(Registry::standard()));
        let packet = Dense.compress(&model, Seed::default()).expect("finite");
        let open = |bytes: &[u8]| judge.opens(bytes, None, model.layout(), ChainId::default());
        assert!(open(&packet.to_bytes()).is_ok());
        let other = Packet::new(CodecId(0x7777), packet.layout(), Vec::new()).expect("small");
        assert!(matches!(open(&other.to_bytes()), Err(Refused::Unavailable(_))));
        let empty = Packet::new(packet.codec(), packet.layout(), Vec::new()).expect("small");
        assert!(matches!(open(&empty.to_bytes()), Err(Refused::Malformed(_))));
        assert!(matches!(open(&[]), Err(Refused::Malformed(_))));
    }

    #[test]
    fn a_difference_is_opened_beside_the_model_that_it_names_and_no_other() {
        let (params, judge) = (model(), judge(Registry::standard()));
        let exact = |params: &Params| ExactParams::from_params(params).expect("small");
        let (base, other) = (exact(&params), exact(&Params::zeros(params.layout().clone())));
        let change = Dense.compress(&params, Seed::default()).expect("finite");
        let packet = |base| {
            let difference = Difference::new(base, change.clone()).expect("whole");
            difference.into_packet().expect("few parts").to_bytes()
        };
        let bytes = packet(base.commitment());
        let open = |bytes: &[u8], base| judge.opens(bytes, base, params.layout(), ChainId::default());
        let mut twice = params.clone();
        twice.values_mut().iter_mut().for_each(|value| *value *= 2.0);
        assert_eq!(open(&bytes, Some(&base)), Ok(exact(&twice).commitment()));
        for base in [None, Some(&other)] {
            assert!(matches!(open(&bytes, base), Err(Refused::Unavailable(_))), "nobody is guilty of it");
        }
        let whole = change.to_bytes();
        assert!(open(&whole, None).is_ok());
        assert!(matches!(open(&whole, Some(&base)), Err(Refused::Unavailable(_))), "a base of nothing");
        let plain = judge.open_gas(&whole, params.layout());
        assert_eq!(judge.open_gas(&bytes, params.layout()), plain + 3 * 259);
    }

    #[test]
    fn signatures_are_remembered_when_they_were_valid_in_a_batch() {
        let judge = judge(Registry::standard());
        let keys: Vec<_> = (0..6).map(|n| bitneuron_core::Keypair::from_seed(Seed::from_number(n))).collect();
        let chain = ChainId::default();
        let messages: Vec<_> = (0..6u8).map(|n| sign::message("m", chain, &[n])).collect();
        let mut items: Vec<_> = (0..6)
            .map(|n| (keys[n].id(), messages[n].as_slice(), keys[n].sign("m", chain, &[n as u8])))
            .collect();
        assert!(judge.verify(items[0].0, "m", chain, &[0], &items[0].2));
        let good = items[4].2;
        items[4].2 = items[5].2;
        assert!(!judge.verify_all(&items));
        assert_eq!(judge.memory().signatures.entries.len(), 1, "of a batch that fails nothing is remembered");
        items[4].2 = good;
        assert!(judge.verify_all(&items) && judge.verify_all(&items));
        assert_eq!(judge.memory().signatures.entries.len(), 6);
        items[4].2 = items[5].2;
        assert!(!judge.verify_all(&items), "what is remembered is the signature, not its author");
    }

    #[test]
    fn opening_is_priced_by_elements_and_multiplications() {
        let (model, judge) = (model(), judge(Registry::standard()));
        let codec = TensorTrain::max_rank(5).expect("a rank");
        let [dense, train] = [&Dense as &dyn Compressor, &codec]
            .map(|codec| codec.compress(&model, Seed::default()).expect("finite"));
        let work = codec.work(&train, model.layout());
        assert!(work > 259, "{work}");
        let price = |packet: &Packet| judge.open_gas(&packet.to_bytes(), model.layout());
        assert_eq!((price(&dense), price(&train)), (2 * 259 + 259 / 4, 2 * 259 + work / 4));
        assert_eq!(judge.open_gas(&[], model.layout()), 2 * 259);
    }
}
