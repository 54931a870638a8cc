//! Who commits and proves: in zero knowledge, or by showing everything.

use super::example::{ExampleError, Method, Work};
use bitneuron_core::exact::Tensor;
use bitneuron_core::{Commitment, Context, Seed};
#[cfg(feature = "sumcheck")]
use bitneuron_zk::backend::sumcheck::{Geometry, Sumcheck};
use bitneuron_zk::{Computation, Library, Proof, ProveError, Prover, Replay};
use std::error::Error;
use std::sync::Arc;

pub(super) enum Maker {
    Replay(Replay),
    #[cfg(feature = "sumcheck")]
    Sumcheck(Sumcheck),
}

impl Maker {
    pub(super) fn new(method: Method, work: Work, library: Arc<Library>) -> Result<Self, ExampleError> {
        match method {
            Method::Replay => Ok(Self::Replay(Replay::new(library))),
            #[cfg(feature = "sumcheck")]
            Method::Sumcheck => {
                let geometry = match work {
                    Work::Inference => Geometry::SMALL,
                    Work::Training => Geometry::MEDIUM,
                };
                let backend = Sumcheck::new(geometry, library).map_err(Box::from)?;
                Ok(Self::Sumcheck(backend))
            }
            #[cfg(not(feature = "sumcheck"))]
            Method::Sumcheck => {
                let _ = work;
                Err(ExampleError::Method)
            }
        }
    }

    /// The commitments to tensors that belong together; never fewer than tensors.
    #[cfg_attr(not(feature = "sumcheck"), expect(clippy::unnecessary_wraps, reason = "hiding may fail"))]
    pub(super) fn commit(
        &self,
        tensors: &[&Tensor],
        context: &Context,
        entropy: Seed,
    ) -> Result<Vec<Commitment>, Box<dyn Error + Send + Sync>> {
        match self {
            Self::Replay(_) => {
                let _ = (context, entropy);
                Ok(tensors.iter().map(|tensor| tensor.commitment()).collect())
            }
            #[cfg(feature = "sumcheck")]
            Self::Sumcheck(backend) => Ok(backend.commit(tensors, context, entropy)?),
        }
    }

    pub(super) fn prove<S: Computation>(
        &self,
        context: &Context,
        public: &S::Public,
        witness: &S::Witness,
        entropy: Seed,
    ) -> Result<Proof, ProveError> {
        match self {
            Self::Replay(replay) => Prover::<S>::prove(replay, context, public, witness, entropy),
            #[cfg(feature = "sumcheck")]
            Self::Sumcheck(backend) => Prover::<S>::prove(backend, context, public, witness, entropy),
        }
    }

    /// The sizes of the groups, where there are any.
    pub(super) fn geometry(&self) -> Option<[u8; 4]> {
        match self {
            Self::Replay(_) => None,
            #[cfg(feature = "sumcheck")]
            Self::Sumcheck(backend) => Some(backend.checker().geometry().into()),
        }
    }
}
