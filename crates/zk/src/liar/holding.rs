//! Lies about a holding.

use super::{Attempt, Class, moved};
use crate::suite::Case;
use crate::{Backend, Merkle, Proof, binding};
use bitneuron_core::claim::Holding;
use bitneuron_core::exact::Tensor;
use bitneuron_core::{Context, Digest};

/// Every lie about the holding `honest`, which challenges at least two parts but not all.
pub fn attempts(honest: &Case<Holding>) -> Vec<Attempt<Holding>> {
    let Case { context, public, witness: held } = honest;
    let root = held.tree().root();
    let asked = public.challenged();
    let other = Holding { challenge: Digest([5; 32]), ..public.clone() }.challenged();
    let swapped: Vec<u64> = asked.iter().rev().copied().collect();
    let lost = without(held, &asked);
    let fewer = asked.split_last().map_or(&[][..], |(_, fewer)| fewer);
    let mut attempts = Vec::new();
    let mut tell = |lie, class, public: Holding, proof| {
        attempts.push(Attempt { lie, context: *context, public, proof, class });
    };
    let write = |public: &Holding, held: &Tensor, root: Option<Digest>, parts: &[u64]| {
        forge(context, public, held, root, parts)
    };

    tell("parts swapped", Class::False, public.clone(), write(public, held, None, &swapped));
    tell(
        "other parts than those challenged",
        Class::False,
        public.clone(),
        write(public, held, None, &other),
    );
    tell(
        "lost parts under the right root",
        Class::False,
        public.clone(),
        write(public, &lost, Some(root), &asked),
    );
    tell("another tensor", Class::Unrelated, public.clone(), write(public, &lost, None, &asked));
    tell("a part missing", Class::Malformed, public.clone(), write(public, held, None, fewer));
    let reshaped = Holding { shape: vec![2, held.len() as u32 / 2], ..public.clone() };
    let proof = write(&reshaped, held, None, &asked);
    tell("another shape", Class::Unrelated, reshaped, proof);
    let idle = Holding { samples: 0, ..public.clone() };
    let proof = write(&idle, held, None, &[]);
    tell("a challenge of nothing", Class::Malformed, idle, proof);
    let greedy = Holding { samples: Holding::MAX_SAMPLES, ..public.clone() };
    let proof = write(&greedy, held, None, &asked);
    tell("more parts than there are", Class::Malformed, greedy, proof);
    let easier = Holding { challenge: Digest([6; 32]), ..public.clone() };
    tell("shown for another challenge", Class::Unrelated, easier, write(public, held, None, &asked));
    attempts.extend(moved(*context, &write(public, held, None, &asked), || public.clone()));
    attempts
}

/// Openings of the challenged parts of whatever is held, as the suite takes them.
pub fn opened(case: &Case<Holding>) -> Proof {
    forge(&case.context, &case.public, &case.witness, None, &case.public.challenged())
}

/// Openings of `parts` of `held`, under another root where one is given.
fn forge(context: &Context, public: &Holding, held: &Tensor, root: Option<Digest>, parts: &[u64]) -> Proof {
    let bound = binding::<Holding>(Backend::MERKLE, context, public);
    let bare = || Proof { backend: Backend::MERKLE, body: bound.0.to_vec().into() };
    let mut proof = Merkle::seal(context, public, held, parts).unwrap_or_else(|_| bare());
    if let (Some(root), Some(place)) = (root, proof.body.0.get_mut(32..64)) {
        place.copy_from_slice(&root.0);
    }
    proof
}

/// The tensor with the first element of each of these parts forgotten.
fn without(held: &Tensor, parts: &[u64]) -> Tensor {
    let mut values = held.data().to_vec();
    let first = |part: &u64| usize::try_from(*part).unwrap_or(usize::MAX).saturating_mul(Tensor::CHUNK);
    for at in parts.iter().map(first) {
        values.iter_mut().skip(at).take(1).for_each(|value| *value = value.wrapping_add(1));
    }
    Tensor::new(held.shape(), values).unwrap_or_else(|_| held.clone())
}
