//! Dishonest provers, for every standard statement.
//!
//! Each function takes an honest case and gives [`Attempt`]s: a context, a public part and a proof as a liar would show
//! them, with the kind of refusal that an honest verifier answers. A liar writes proofs without looking whether they are
//! true ([`forge`]), so what stops it is the verifier alone. [`Credulous`] is the judge that skips the check: it believes
//! every liar, which shows that the attempts would pay where nobody looks.

pub mod holding;
pub mod inference;
pub mod joined;
pub mod lineage;
pub mod merge;
pub mod metric;
pub mod norm;
pub mod pair;
pub mod prediction;
pub mod score;
#[cfg(feature = "spartan")]
pub mod spartan;
pub mod step;
#[cfg(feature = "sumcheck")]
pub mod sumcheck;
pub mod turn;

use crate::proof::{Backend, Proof};
use crate::statement::{Computation, Statement};
use crate::suite::Case;
use crate::{Replay, binding};
use bitneuron_core::claim::{CheckClaim, Claim, Refused};
use bitneuron_core::exact::Tensor;
use bitneuron_core::{ChainId, Context, Digest, Height, NodeId};

/// What a liar shows.
#[derive(Debug)]
pub struct Attempt<S: Statement> {
    /// The lie in a few words.
    pub lie: &'static str,
    /// Where it is claimed.
    pub context: Context,
    /// What is claimed.
    pub public: S::Public,
    /// The forged proof.
    pub proof: Proof,
    /// How an honest verifier refuses it.
    pub class: Class,
}

/// The kinds of refusal, as the ledger tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// [`Refused::Malformed`].
    Malformed,
    /// [`Refused::Unrelated`].
    Unrelated,
    /// [`Refused::False`].
    False,
}

impl Class {
    /// Whether a refusal is of this kind.
    pub fn fits(self, refused: &Refused) -> bool {
        matches!(
            (self, refused),
            (Self::Malformed, Refused::Malformed(_))
                | (Self::Unrelated, Refused::Unrelated(_))
                | (Self::False, Refused::False(_))
        )
    }
}

/// A replay proof of `public` with this witness, true or not. Where the public part has no program the proof is only
/// bound.
pub fn forge<S: Computation>(context: &Context, public: &S::Public, witness: &[&Tensor]) -> Proof {
    let bound = binding::<S>(Backend::REPLAY, context, public);
    let sealed =
        S::relation(public).ok().and_then(|relation| Replay::default().seal(bound, &relation, witness).ok());
    sealed.unwrap_or_else(|| Proof { backend: Backend::REPLAY, body: bound.0.to_vec().into() })
}

/// [`forge`] for a whole case, as the suite takes it.
pub fn replayed<S: Computation>(case: &Case<S>) -> Proof {
    forge::<S>(&case.context, &case.public, &S::witness(&case.witness))
}

/// An honest proof shown in other places than the one it was made for.
pub fn moved<S: Statement>(
    context: Context,
    proof: &Proof,
    public: impl Fn() -> S::Public,
) -> Vec<Attempt<S>> {
    let other = Digest([0xA5; 32]);
    let places = [
        ("shown on another chain", Context { chain: ChainId(other), ..context }),
        ("shown at another height", Context { height: Height(context.height.0 ^ 1), ..context }),
        ("shown by another author", Context { by: NodeId(other.0), ..context }),
        ("shown for another subject", Context { subject: other, ..context }),
    ];
    let shown = |(lie, context)| Attempt {
        lie,
        context,
        public: public(),
        proof: proof.clone(),
        class: Class::Unrelated,
    };
    places.into_iter().map(shown).collect()
}

/// A judge that skips the check. Never use it outside tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Credulous;

impl CheckClaim for Credulous {
    fn check(&self, _claim: &Claim) -> Result<(), Refused> {
        Ok(())
    }

    fn gas(&self, _claim: &Claim) -> u64 {
        1
    }
}

/// The public part of a case after a change.
fn but<S: Statement>(honest: &Case<S>, change: impl FnOnce(&mut S::Public)) -> S::Public
where
    S::Public: Clone,
{
    let mut public = honest.public.clone();
    change(&mut public);
    public
}

/// The witness of a case after a change.
fn with<S: Statement>(honest: &Case<S>, change: impl FnOnce(&mut S::Witness)) -> S::Witness
where
    S::Witness: Clone,
{
    let mut witness = honest.witness.clone();
    change(&mut witness);
    witness
}

/// Attempts about one computation, collected.
struct Lies<S: Computation> {
    context: Context,
    attempts: Vec<Attempt<S>>,
}

impl<S: Computation> Lies<S> {
    fn new(context: Context) -> Self {
        Self { context, attempts: Vec::new() }
    }

    /// Claims `public` in the honest context, with a forged proof.
    fn tell(&mut self, lie: &'static str, class: Class, public: S::Public, witness: &S::Witness) {
        let witness = S::witness(witness);
        let proof = forge::<S>(&self.context, &public, &witness);
        self.attempts.push(Attempt { lie, context: self.context, public, proof, class });
    }
}
