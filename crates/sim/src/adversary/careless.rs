//! The careless: honest validators without one of their defences, to see what it is for.

use bitneuron_consensus::{ConsensusEngine, Effect, Input, Malachite, Refused, SignedVote};
use bitneuron_core::claim::{self, CheckClaim, Claim};
use bitneuron_core::{Digest, Height, Machine, Outbox, Time};
use bitneuron_role::Conduct;

/// A buyer that confirms whatever is delivered.
#[derive(Debug, Clone, Copy)]
pub struct Trusting;

impl Conduct for Trusting {
    fn refutes(&self) -> bool {
        false
    }
}

/// A judge that believes everything.
#[derive(Debug, Clone, Copy)]
pub struct Credulous;

impl CheckClaim for Credulous {
    fn check(&self, _: &Claim) -> Result<(), claim::Refused> {
        Ok(())
    }

    fn gas(&self, _: &Claim) -> u64 {
        0
    }
}

/// An engine that accuses nobody.
#[derive(Debug)]
pub struct Forgiving(pub Malachite);

impl Machine for Forgiving {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Refused> {
        let mut inner = Outbox::new();
        self.0.step(now, input, &mut inner)?;
        out.extend(inner.into_iter().filter(|effect| !matches!(effect, Effect::Accuse(_))));
        Ok(())
    }
}

impl ConsensusEngine for Forgiving {
    fn height(&self) -> Height {
        self.0.height()
    }

    fn precommits(&self, height: Height, block: Digest) -> Vec<SignedVote> {
        self.0.precommits(height, block)
    }
}
