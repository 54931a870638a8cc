//! Merkle: the challenged parts of a tensor with their paths to its commitment.
//!
//! The body is `binding: 32 bytes ‖ tree root: 32 bytes ‖ for each challenged part, as drawn: packed part ‖ path`. The
//! root is checked against the commitment, which binds it together with the shape. How long a part and its path are
//! follows from the shape, so neither has a length of its own.

use crate::guarantees::{Assumption, Guarantees, Settles, Soundness, ZeroKnowledge};
use crate::pack::{self, PackError};
use crate::proof::{Backend, Proof, binding};
use crate::prover::{ProveError, Prover};
use crate::statement::Statement;
use crate::statements::holding::parts;
use crate::verifier::{Verifier, VerifyError};
use bitneuron_core::claim::Holding;
use bitneuron_core::exact::{Tensor, tensor};
use bitneuron_core::merkle::{Inclusion, leaf};
use bitneuron_core::{Context, Digest, Seed};
use std::sync::Arc;

/// What a challenged part costs: hashing it and its path.
const PART_GAS: u64 = 500;

/// Prover and verifier of [`Holding`] by openings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Merkle;

impl Merkle {
    /// Writes openings of the parts `answered` of `held` without looking whether they are those meant.
    pub(crate) fn seal(
        context: &Context,
        public: &Holding,
        held: &Tensor,
        answered: &[u64],
    ) -> Result<Proof, ProveError> {
        let tree = held.tree();
        let mut body = binding::<Holding>(Backend::MERKLE, context, public).0.to_vec();
        body.extend(tree.root().0);
        for part in answered {
            let index = usize::try_from(*part).unwrap_or(usize::MAX);
            let chunk = held.data().chunks(Tensor::CHUNK).nth(index);
            let (Some(chunk), Some(inclusion)) = (chunk, tree.prove(index)) else {
                return Err(ProveError::False("a challenged part is missing"));
            };
            pack::write(&Tensor::vector(chunk.to_vec()), &mut body);
            inclusion.path.iter().for_each(|digest| body.extend(digest.0));
        }
        if body.len() > Proof::MAX_BODY {
            return Err(ProveError::TooLong { length: body.len(), limit: Proof::MAX_BODY });
        }
        Ok(Proof { backend: Backend::MERKLE, body: body.into() })
    }
}

impl Prover<Holding> for Merkle {
    /// There is nothing to hide, so the entropy is not used.
    fn prove(
        &self,
        cx: &Context,
        public: &Holding,
        held: &Tensor,
        _entropy: Seed,
    ) -> Result<Proof, ProveError> {
        parts(public)?;
        if !Holding::holds(public, held) {
            return Err(ProveError::False("not the tensor that is committed"));
        }
        Self::seal(cx, public, held, &public.challenged())
    }

    fn verifier(&self) -> Arc<dyn Verifier<Holding>> {
        Arc::new(*self)
    }
}

impl Verifier<Holding> for Merkle {
    fn verify(&self, context: &Context, public: &Holding, proof: &Proof) -> Result<(), VerifyError> {
        if proof.backend != Backend::MERKLE {
            return Err(VerifyError::Malformed(format!("{:?} is not merkle", proof.backend)));
        }
        let mut body: &[u8] = &proof.body;
        if pack::take_array(&mut body)? != binding::<Holding>(Backend::MERKLE, context, public).0 {
            return Err(VerifyError::Unbound);
        }
        let leaves = u64::from(parts(public)?);
        let root = Digest(pack::take_array(&mut body)?);
        if tensor::commitment(&public.shape, root) != public.tensor {
            return Err(VerifyError::NotCommitted(0));
        }
        let total = tensor::elements(&public.shape).unwrap_or(0) as u64;
        for index in public.challenged() {
            let length =
                total.saturating_sub(index.saturating_mul(Tensor::CHUNK as u64)).min(Tensor::CHUNK as u64);
            // At most `Tensor::CHUNK`.
            let part = pack::read(&mut body, &[length as u32])?;
            let path = (0..siblings(index, leaves))
                .map(|_| pack::take_array(&mut body).map(Digest))
                .collect::<Result<_, _>>()?;
            let bytes: Vec<u8> = part.data().iter().flat_map(|value| value.to_le_bytes()).collect();
            if !(Inclusion { index, leaves, path }).verify(root, leaf(&bytes)) {
                return Err(VerifyError::False(format!("part {index} is not in the tensor")));
            }
        }
        if body.is_empty() { Ok(()) } else { Err(PackError::Trailing(body.len()).into()) }
    }

    fn guarantees(&self, public: &Holding) -> Guarantees {
        Guarantees {
            soundness: Soundness { bits: 128, under: Assumption::CollisionResistance },
            zero_knowledge: ZeroKnowledge::None,
            succinct: public.parts().is_some_and(|parts| public.samples < parts),
            trusted_setup: false,
            post_quantum: true,
            settles: Settles::AtOnce,
        }
    }

    /// A price for each challenged part, and one gas for every four parts of the tensor, from which they are drawn.
    fn gas(&self, public: &Holding) -> u64 {
        let parts = parts(public).unwrap_or(0);
        let samples = if parts == 0 { 0 } else { u64::from(public.samples) };
        PART_GAS.saturating_mul(samples.saturating_add(1)).saturating_add(u64::from(parts) / 4)
    }
}

/// How many siblings lie on the path of a leaf.
fn siblings(mut at: u64, leaves: u64) -> usize {
    let (mut width, mut count) = (leaves, 0usize);
    while width > 1 {
        count = count.saturating_add(usize::from(at ^ 1 < width));
        (at, width) = (at / 2, width.div_ceil(2));
    }
    count
}
