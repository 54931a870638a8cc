//! Each law as a function over one case.

use super::{Case, Forge, Law, Violation, guarded, violation};
use crate::{Backend, Proof, ProveError, Prover, Settles, Statement, Verifier, ZeroKnowledge};
use bitneuron_core::{ChainId, Context, Digest, NodeId, Seed, decode, encode};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;

/// Mutants tried for each kind and case.
const MUTANTS: usize = 200;

/// A prover and verifier with one case before them.
pub(super) struct Bench<'a, S: Statement> {
    pub(super) prover: &'a dyn Prover<S>,
    pub(super) verifier: &'a dyn Verifier<S>,
    pub(super) forge: Forge<'a, S>,
    pub(super) cases: &'a [Case<S>],
    pub(super) case: &'a Case<S>,
    pub(super) number: usize,
}

impl<S: Statement> Bench<'_, S> {
    /// All laws about a true case.
    pub(super) fn of_truth(&self) -> Result<(), Violation> {
        let seed = Seed::from_number(self.number as u64).derive("entropy");
        let proof = self.prove(seed)?.map_err(|error| self.breaks(Law::Complete, error.to_string()))?;
        if !self.accepts(&self.case.context, &self.case.public, &proof)? {
            return Err(self.breaks(Law::Complete, "an honest proof is refused"));
        }
        self.deterministic(seed, &proof)?;
        self.fresh(seed, &proof)?;
        self.encoding(&proof)?;
        self.public(&proof)?;
        self.context(&proof)?;
        self.backend(&proof)?;
        self.bytes(&proof)?;
        if !self.accepts(&self.case.context, &self.case.public, &(self.forge)(self.case))? {
            return Err(self.breaks(Law::Cases, "the forger does not know the form of a proof"));
        }
        self.frank_and_priced(&self.case.public)
    }

    /// All laws about a false case.
    pub(super) fn of_lie(&self) -> Result<(), Violation> {
        match self.prove(Seed::from_number(0))? {
            Ok(_) => return Err(self.breaks(Law::Honest, "a false statement is proved")),
            Err(_) => self.frank_and_priced(&self.case.public)?,
        }
        let settles = guarded(self.number, || self.verifier.guarantees(&self.case.public))?.settles;
        let forged = (self.forge)(self.case);
        if settles == Settles::AtOnce && self.accepts(&self.case.context, &self.case.public, &forged)? {
            return Err(self.breaks(Law::Sound, "a forged proof of a false statement is accepted"));
        }
        Ok(())
    }

    fn breaks(&self, law: Law, how: impl Into<String>) -> Violation {
        violation(law, self.number, how)
    }

    fn rng(&self, kind: &str) -> ChaCha12Rng {
        Seed::from_number(self.number as u64).derive(kind).rng()
    }

    fn prove(&self, entropy: Seed) -> Result<Result<Proof, ProveError>, Violation> {
        let Case { context, public, witness } = self.case;
        guarded(self.number, || self.prover.prove(context, public, witness, entropy))
    }

    fn accepts(&self, context: &Context, public: &S::Public, proof: &Proof) -> Result<bool, Violation> {
        guarded(self.number, || self.verifier.verify(context, public, proof).is_ok())
    }

    fn deterministic(&self, seed: Seed, proof: &Proof) -> Result<(), Violation> {
        if self.prover.reproducible() && self.prove(seed)?.ok().as_ref() != Some(proof) {
            return Err(self.breaks(Law::Deterministic, "the same call gives another proof"));
        }
        if !self.accepts(&self.case.context, &self.case.public, proof)? {
            return Err(self.breaks(Law::Deterministic, "the same call gives another verdict"));
        }
        Ok(())
    }

    fn fresh(&self, seed: Seed, proof: &Proof) -> Result<(), Violation> {
        let hides = guarded(self.number, || self.verifier.guarantees(&self.case.public))?.zero_knowledge;
        let other = self.prove(seed.derive("other"))?.ok();
        if hides != ZeroKnowledge::None && other.as_ref() == Some(proof) {
            return Err(self.breaks(Law::Fresh, "a proof said to hide does not depend on the entropy"));
        }
        Ok(())
    }

    fn encoding(&self, proof: &Proof) -> Result<(), Violation> {
        if decode::<Proof>(&encode(proof)).ok().as_ref() == Some(proof) {
            Ok(())
        } else {
            Err(self.breaks(Law::Encoding, format!("{} bytes do not come back", proof.body.len())))
        }
    }

    /// Tries the public parts of all other cases, and mutants. Only bytes that are not zero are changed, and none are
    /// added or taken away, so that most mutants decode: what a decoder makes of wild lengths is tested with the decoder.
    fn public(&self, proof: &Proof) -> Result<(), Violation> {
        let bytes = encode(&self.case.public);
        let mut rng = self.rng("public");
        let mutants = (0..MUTANTS).map(|_| nudge(&bytes, &mut rng));
        let others = self.cases.iter().map(|case| encode(&case.public));
        for other in others.chain(mutants) {
            let Ok(public) = decode::<S::Public>(&other) else { continue };
            if other != bytes && self.accepts(&self.case.context, &public, proof)? {
                return Err(self.breaks(Law::Public, "a proof is accepted for another public part"));
            }
        }
        Ok(())
    }

    fn context(&self, proof: &Proof) -> Result<(), Violation> {
        let here = self.case.context;
        let flip = |Digest(mut bytes): Digest| {
            bytes[0] ^= 1;
            Digest(bytes)
        };
        let elsewhere = [
            ("chain", Context { chain: ChainId(flip(here.chain.0)), ..here }),
            ("height", Context { height: here.height.next(), ..here }),
            ("author", Context { by: NodeId(flip(Digest(here.by.0)).0), ..here }),
            ("subject", Context { subject: flip(here.subject), ..here }),
        ];
        for (what, context) in elsewhere {
            if self.accepts(&context, &self.case.public, proof)? {
                return Err(self.breaks(Law::Context, format!("a proof is accepted for another {what}")));
            }
        }
        Ok(())
    }

    fn backend(&self, proof: &Proof) -> Result<(), Violation> {
        for name in [0, proof.backend.0 ^ 1, u16::MAX] {
            let renamed = Proof { backend: Backend(name), ..proof.clone() };
            if renamed != *proof && self.accepts(&self.case.context, &self.case.public, &renamed)? {
                return Err(self.breaks(Law::Backend, "a proof is accepted under another backend's name"));
            }
        }
        Ok(())
    }

    fn bytes(&self, proof: &Proof) -> Result<(), Violation> {
        let mut rng = self.rng("bytes");
        let ends = [Vec::new(), [&proof.body[..], &[0]].concat()];
        let mutants = (0..MUTANTS).map(|_| mutate(&proof.body, &mut rng));
        for body in ends.into_iter().chain(mutants) {
            let mutant = Proof { backend: proof.backend, body: body.into() };
            if mutant != *proof && self.accepts(&self.case.context, &self.case.public, &mutant)? {
                return Err(self.breaks(Law::Bytes, "other bytes are accepted in place of the proof"));
            }
        }
        Ok(())
    }

    fn frank_and_priced(&self, public: &S::Public) -> Result<(), Violation> {
        let guarantees = guarded(self.number, || self.verifier.guarantees(public))?;
        if let Some(why) = guarantees.contradiction() {
            return Err(self.breaks(Law::Frank, why));
        }
        let (first, second) =
            guarded(self.number, || (self.verifier.gas(public), self.verifier.gas(public)))?;
        match (first, first == second) {
            (0, _) => Err(self.breaks(Law::Priced, "checking costs nothing")),
            (_, false) => Err(self.breaks(Law::Priced, format!("the price is {first}, then {second}"))),
            _ => Ok(()),
        }
    }
}

/// One change: a bit, a byte, a run of extreme bytes, a cut, a repeated piece.
fn mutate(bytes: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    let mut below = |limit: usize| (rng.next_u64() % limit.max(1) as u64) as usize;
    let (kind, at) = (below(6), below(bytes.len()));
    match kind {
        0..=2 => mutant.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << below(8)),
        3 => {
            let fill = [0, 1, 0x7f, 0x80, 0xff][below(5)];
            mutant.iter_mut().skip(at).take(1 + below(8)).for_each(|byte| *byte = fill);
        }
        4 => mutant.truncate(at),
        _ => {
            let piece: Vec<u8> = bytes.iter().skip(below(bytes.len())).take(1 + below(16)).copied().collect();
            mutant.splice(at..at, piece);
        }
    }
    mutant
}

/// Flips one bit of a byte that is not zero.
fn nudge(bytes: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    let places = mutant.iter().filter(|byte| **byte != 0).count().max(1) as u64;
    let (place, bit) = ((rng.next_u64() % places) as usize, rng.next_u64() % 8);
    mutant.iter_mut().filter(|byte| **byte != 0).skip(place).take(1).for_each(|byte| *byte ^= 1 << bit);
    mutant
}
