//! Statements made of statements, proved as one.
//!
//! [`Batch`] holds several of a kind, [`Both`] two of any kinds, and they nest: `Both<Merge, Both<Batch<Step>, Metric>>`.
//! Committed inputs that several parts name are read once ([`Relation::join`]). [`Chain`] holds consecutive turns or steps:
//! each begins with what the one before gave, and the states between are stated and committed nowhere.

use super::name::Name;
use crate::statement::{Computation, Statement, StatementError, recomputes};
use bitneuron_core::exact::{Binding, JoinError, Relation, Tensor};
use bitneuron_core::hash::Hasher;
use bitneuron_core::{Commitment, Context, Digest, Wire};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::marker::PhantomData;

/// The most parts of a [`Batch`] or [`Chain`].
pub const MAX_PARTS: usize = 64;
/// The longest encoding of a joined public part.
const MAX_BYTES: usize = 8 << 20;

/// Two statements as one. Its public part and witness are [`Pair`]s.
#[derive(Debug, Clone, Copy, Default)]
pub struct Both<A, B>(PhantomData<fn() -> (A, B)>);

/// Several statements of one kind as one. Its public part is [`Several`], its witness a vector.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch<S>(PhantomData<fn() -> S>);

/// Consecutive statements as one: the first begins with a known state, each other one with what the one before it gave, and
/// only what the last one gave is known. Its public part is [`Several`]; where a state is between two parts, both state
/// [`UNSTATED`] commitments for it. The witness is a vector.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chain<S>(PhantomData<fn() -> S>);

/// In the place of a commitment between two parts of a [`Chain`].
pub const UNSTATED: Commitment = Commitment::merkle(Digest::ZERO);

/// One of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair<P, Q> {
    /// The first.
    pub first: P,
    /// The second.
    pub second: Q,
}

/// Several of one kind, at most [`MAX_PARTS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Several<P> {
    /// The parts in order.
    pub parts: Vec<P>,
}

const fn at_most(bytes: usize) -> usize {
    if bytes < MAX_BYTES { bytes } else { MAX_BYTES }
}

impl<P: Wire, Q: Wire> Wire for Pair<P, Q> {
    const VERSION: u8 = P::VERSION | Q::VERSION;
    const LIMIT: usize = at_most(P::LIMIT.saturating_add(Q::LIMIT));
}

impl<P: Wire> Wire for Several<P> {
    const VERSION: u8 = P::VERSION;
    const LIMIT: usize = at_most(P::LIMIT.saturating_mul(MAX_PARTS).saturating_add(16));
}

/// A computation that leads from a state to a state.
///
/// Law: the commitments of [`Link::before`] are those of the first committed inputs of its relation, in order, and those of
/// [`Link::after`] are outputs, as many; [`Link::between`] changes nothing else.
pub trait Link: Computation {
    /// The commitments of the state it begins with.
    fn before(public: &Self::Public) -> Vec<Commitment>;

    /// The commitments of the state it ends with.
    fn after(public: &Self::Public) -> Vec<Commitment>;

    /// The same between other states.
    #[must_use]
    fn between(public: &Self::Public, before: &[Commitment], after: &[Commitment]) -> Self::Public;

    /// How many tensors of the witness are the state it begins with.
    fn state(witness: &Self::Witness) -> usize;
}

impl From<JoinError> for StatementError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Program(error) => Self::Program(error),
            other => Self::Malformed(other.to_string()),
        }
    }
}

impl<A: Computation, B: Computation> Both<A, B> {
    const NAME: &'static Name = &Name::of(&["bitneuron both [", A::DOMAIN, "] and [", B::DOMAIN, "] v1"]);
}

impl<A: Computation, B: Computation> Statement for Both<A, B> {
    const DOMAIN: &'static str = Self::NAME.text();
    type Public = Pair<A::Public, B::Public>;
    type Witness = Pair<A::Witness, B::Witness>;

    fn holds(public: &Self::Public, witness: &Self::Witness) -> bool {
        recomputes::<Self>(public, witness)
    }

    fn concerns(context: &Context, public: &Self::Public) -> Result<(), &'static str> {
        A::concerns(context, &public.first)?;
        B::concerns(context, &public.second)
    }
}

impl<A: Computation, B: Computation> Computation for Both<A, B> {
    fn relation(public: &Self::Public) -> Result<Relation, StatementError> {
        let parts = [A::relation(&public.first)?, B::relation(&public.second)?];
        Ok(Relation::join(&parts, &BTreeSet::new())?)
    }

    fn witness(witness: &Self::Witness) -> Vec<&Tensor> {
        distinct(A::witness(&witness.first).into_iter().chain(B::witness(&witness.second)))
    }

    fn committed<'a>(
        public: &Self::Public,
        witness: &'a Self::Witness,
    ) -> Result<Vec<&'a Tensor>, StatementError> {
        let mut named = Named::default();
        named.add::<A>(&public.first, &witness.first)?;
        named.add::<B>(&public.second, &witness.second)?;
        Ok(named.tensors)
    }
}

impl<S: Computation> Batch<S> {
    const NAME: &'static Name = &Name::of(&["bitneuron batch of [", S::DOMAIN, "] v1"]);
}

impl<S: Computation> Statement for Batch<S> {
    const DOMAIN: &'static str = Self::NAME.text();
    type Public = Several<S::Public>;
    type Witness = Vec<S::Witness>;

    fn holds(public: &Self::Public, witness: &Self::Witness) -> bool {
        recomputes::<Self>(public, witness)
    }

    fn concerns(context: &Context, public: &Self::Public) -> Result<(), &'static str> {
        public.parts.iter().try_for_each(|part| S::concerns(context, part))
    }
}

impl<S: Computation> Computation for Batch<S> {
    fn relation(public: &Self::Public) -> Result<Relation, StatementError> {
        Ok(Relation::join(&relations(public.parts.iter().map(S::relation))?, &BTreeSet::new())?)
    }

    fn witness(witness: &Self::Witness) -> Vec<&Tensor> {
        distinct(witness.iter().flat_map(S::witness))
    }

    fn committed<'a>(
        public: &Self::Public,
        witness: &'a Self::Witness,
    ) -> Result<Vec<&'a Tensor>, StatementError> {
        let mut named = Named::default();
        public.parts.iter().zip(witness).try_for_each(|(part, own)| named.add::<S>(part, own))?;
        Ok(named.tensors)
    }
}

impl<S: Link> Chain<S> {
    const NAME: &'static Name = &Name::of(&["bitneuron chain of [", S::DOMAIN, "] v1"]);

    /// The parts between placeholders, and the placeholders.
    fn linked(public: &Several<S::Public>) -> Result<(Vec<S::Public>, BTreeSet<Commitment>), StatementError> {
        let broken = || StatementError::Malformed("not a chain".into());
        let unstated = |state: &[Commitment]| state.iter().all(|commitment| *commitment == UNSTATED);
        let (mut links, mut parts) = (BTreeSet::new(), Vec::new());
        let mut before: Option<Vec<Commitment>> = None;
        for (number, part) in public.parts.iter().enumerate() {
            let (own_before, own_after) = (S::before(part), S::after(part));
            let start = match before.take() {
                None => own_before,
                Some(given) if unstated(&own_before) && given.len() == own_before.len() => given,
                Some(_) => return Err(broken()),
            };
            let end = if number.saturating_add(1) == public.parts.len() {
                own_after
            } else if unstated(&own_after) {
                (0..own_after.len()).map(|place| placeholder(number, place)).collect()
            } else {
                return Err(broken());
            };
            parts.push(S::between(part, &start, &end));
            if number.saturating_add(1) < public.parts.len() {
                links.extend(end.iter().copied());
                before = Some(end);
            }
        }
        Ok((parts, links))
    }
}

/// A name for a tensor between two parts. Nobody knows a tensor with this commitment; [`Relation::join`] sees to it that
/// nothing but the link is called so.
fn placeholder(part: usize, place: usize) -> Commitment {
    let mut hasher = Hasher::new("bitneuron chain link v1");
    hasher.number(part as u64).number(place as u64);
    Commitment::merkle(hasher.finish())
}

impl<S: Link> Statement for Chain<S> {
    const DOMAIN: &'static str = Self::NAME.text();
    type Public = Several<S::Public>;
    type Witness = Vec<S::Witness>;

    fn holds(public: &Self::Public, witness: &Self::Witness) -> bool {
        recomputes::<Self>(public, witness)
    }

    fn concerns(context: &Context, public: &Self::Public) -> Result<(), &'static str> {
        public.parts.iter().try_for_each(|part| S::concerns(context, part))
    }
}

impl<S: Link> Computation for Chain<S> {
    fn relation(public: &Self::Public) -> Result<Relation, StatementError> {
        let (parts, links) = Self::linked(public)?;
        Ok(Relation::join(&relations(parts.iter().map(S::relation))?, &links)?)
    }

    fn witness(witness: &Self::Witness) -> Vec<&Tensor> {
        let known = |number: usize, part| if number == 0 { 0 } else { S::state(part) };
        let tensors = |(number, part)| S::witness(part).into_iter().skip(known(number, part));
        distinct(witness.iter().enumerate().flat_map(tensors))
    }

    fn committed<'a>(
        public: &Self::Public,
        witness: &'a Self::Witness,
    ) -> Result<Vec<&'a Tensor>, StatementError> {
        let (parts, links) = Self::linked(public)?;
        // What is between two parts is no input.
        let mut named = Named { known: links, tensors: Vec::new() };
        parts.iter().zip(witness).try_for_each(|(part, own)| named.add::<S>(part, own))?;
        Ok(named.tensors)
    }
}

/// The relations of all parts, as long as they are few and their public tensors small.
fn relations(
    parts: impl ExactSizeIterator<Item = Result<Relation, StatementError>>,
) -> Result<Vec<Relation>, StatementError> {
    match parts.len() {
        0 => return Err(StatementError::Malformed("a statement of no parts".into())),
        more if more > MAX_PARTS => {
            return Err(StatementError::TooLarge { what: "parts", limit: MAX_PARTS as u64 });
        }
        _ => {}
    }
    let (mut relations, mut known) = (Vec::with_capacity(parts.len()), 0usize);
    for part in parts {
        let part = part?;
        known = part.inputs.iter().chain(&part.outputs).fold(known, |sum, binding| match binding {
            Binding::Public(tensor) => sum.saturating_add(tensor.len()),
            Binding::Committed(_) => sum,
        });
        if known > Tensor::MAX_ELEMENTS {
            return Err(StatementError::TooLarge {
                what: "public elements",
                limit: Tensor::MAX_ELEMENTS as u64,
            });
        }
        relations.push(part);
    }
    Ok(relations)
}

/// Each committed input once, where its commitment first stands: what [`Relation::join`] makes of them.
#[derive(Default)]
struct Named<'a> {
    known: BTreeSet<Commitment>,
    tensors: Vec<&'a Tensor>,
}

impl<'a> Named<'a> {
    fn add<S: Computation>(
        &mut self,
        public: &S::Public,
        witness: &'a S::Witness,
    ) -> Result<(), StatementError> {
        let relation = S::relation(public)?;
        let named = relation.inputs.iter().filter_map(|binding| match binding {
            Binding::Committed(commitment) => Some(*commitment),
            Binding::Public(_) => None,
        });
        for (commitment, tensor) in named.zip(S::committed(public, witness)?) {
            if self.known.insert(commitment) {
                self.tensors.push(tensor);
            }
        }
        Ok(())
    }
}

/// Each tensor once, where it first stands: what [`Relation::join`] makes of committed inputs with one commitment.
fn distinct<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Vec<&'a Tensor> {
    let mut distinct: Vec<&Tensor> = Vec::new();
    for tensor in tensors {
        if !distinct.iter().any(|known| std::ptr::eq(*known, tensor) || *known == tensor) {
            distinct.push(tensor);
        }
    }
    distinct
}
