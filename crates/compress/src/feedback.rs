//! Error feedback: what a codec left out is added to what comes next (Seide et al. 2014; Stich, Cordonnier and Jaggi,
//! *Sparsified SGD with Memory*, 2018; Karimireddy et al., *Error Feedback Fixes SignSGD*, 2019).
//!
//! ```text
//! s ← β·e + x,    send C(s),    e ← s − Ĉ(s)
//! ```
//! With β = 1 nothing is lost: what was decoded and what is still owed add up to what was given, up to the rounding
//! of `f32`. A codec that contracts by δ keeps the residual bounded: ‖e‖ ≤ √(1−δ) / (1 − √(1−δ)) · max ‖x‖. β < 1
//! forgets what has become stale. A codec that does not contract, such as scaled [`crate::sparse::Random`], has no
//! need of feedback, and its residual may grow without bound; such a residual is refused once it is no longer finite.
//!
//! What is encoded are updates, which are summed by whoever decodes them. Whole models are not: each is used by
//! itself, and a residual of models would be a sum of models.
//!
//! # Upstream and downstream
//! Sparse ternary compression keeps one residual at each node for its updates and one at the server for their mean.
//! Both are this same encoder:
//!
//! ```
//! use bitneuron_compress::{Compressor, Encoder, ErrorFeedback, Limits, Ternary, sparse::Density};
//! use bitneuron_core::{Layout, Params, Seed};
//! use std::sync::Arc;
//! let layout = Arc::new(Layout::of(&[("w", &[100])])?);
//! let codec = Ternary::new(Density::new(1, 20)?);
//! let mut nodes = [ErrorFeedback::new(codec, layout.clone()), ErrorFeedback::new(codec, layout.clone())];
//! let mut server = ErrorFeedback::new(codec, layout.clone());
//!
//! let mut mean = Params::zeros(layout.clone());
//! for (node, slope) in nodes.iter_mut().zip([1.0, 3.0]) {
//!     let update = Params::new((0..100).map(|i| slope * i as f32).collect(), layout.clone())?;
//!     let up = node.encode(&update, Seed::default())?;
//!     codec.decompress_onto(&up, 0.5, &mut mean, Limits::of(&layout))?;
//! }
//! let down = server.encode(&mean, Seed::default())?;
//! let step = codec.decompress(&down, &layout, Limits::of(&layout))?;
//! assert_eq!(step.values()[99], 194.0); // the mean of 2·97
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::{CompressError, Compressor, Dense, Encoder, Limits, Packet, dense::check_finite};
use bitneuron_core::codec::Wire;
use bitneuron_core::{Layout, Params, Seed};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A codec and what it still owes.
#[derive(Debug, Clone)]
pub struct ErrorFeedback<C> {
    codec: C,
    decay: f32,
    residual: Params,
}

impl<C: Compressor> ErrorFeedback<C> {
    /// For parameters of this layout; nothing is owed yet, and nothing will be forgotten.
    pub fn new(codec: C, layout: Arc<Layout>) -> Self {
        Self { codec, decay: 1.0, residual: Params::zeros(layout) }
    }

    /// With β = `decay`.
    ///
    /// # Errors
    /// `decay` is not within 0 … 1.
    pub fn with_decay(self, decay: f32) -> Result<Self, CompressError> {
        check_decay(decay)?;
        Ok(Self { decay, ..self })
    }

    /// The codec.
    pub fn codec(&self) -> &C {
        &self.codec
    }

    /// e: what was left out so far.
    pub fn residual(&self) -> &Params {
        &self.residual
    }

    /// What has to be kept to go on after a restart.
    ///
    /// # Errors
    /// The residual has more than 2³² bytes in one tensor.
    pub fn memory(&self) -> Result<Memory, CompressError> {
        let residual = Dense.compress(&self.residual, Seed::default())?;
        Ok(Memory { decay: self.decay.to_bits(), residual })
    }

    /// Goes on from `memory`: the next packet is the one that would have come.
    ///
    /// # Errors
    /// The memory is of another layout or malformed.
    pub fn restore(codec: C, layout: &Arc<Layout>, memory: &Memory) -> Result<Self, CompressError> {
        let decay = f32::from_bits(memory.decay);
        check_decay(decay)?;
        let residual = Dense.decompress(&memory.residual, layout, Limits::of(layout))?;
        Ok(Self { codec, decay, residual })
    }
}

fn check_decay(decay: f32) -> Result<(), CompressError> {
    // One encoding: zero has no sign.
    if (0.0..=1.0).contains(&decay) && decay.is_sign_positive() {
        Ok(())
    } else {
        Err(CompressError::Config("the decay of a residual is 0 to 1"))
    }
}

impl<C: Compressor> Encoder for ErrorFeedback<C> {
    fn encode(&mut self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        if params.layout() != self.residual.layout() {
            return Err(CompressError::Layout);
        }
        check_finite(params.values())?;
        let mut owed = self.residual.clone();
        for (owed, value) in owed.values_mut().iter_mut().zip(params.values()) {
            *owed = self.decay * *owed + value;
        }
        let packet = self.codec.compress(&owed, seed)?;
        let limits = Limits { bytes: packet.len(), elements: owed.values().len() };
        self.codec.decompress_onto(&packet, -1.0, &mut owed, limits)?;
        self.residual = owed;
        Ok(packet)
    }

    /// What is left out comes later, unless it is told to forget.
    fn is_faithful(&self) -> bool {
        self.decay >= 1.0 || self.codec.properties().unbiased
    }
}

/// What an [`ErrorFeedback`] remembers, in canonical bytes by [`bitneuron_core::codec`].
///
/// With `serde` a residual has at most the bytes of [`Limits::default`], for 16 million values; [`Memory::residual`]
/// is a packet of [`Dense`] that may be kept by other means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    decay: u32,
    residual: Packet,
}

impl Memory {
    /// The residual as a packet of [`Dense`].
    pub fn residual(&self) -> &Packet {
        &self.residual
    }
}

impl Wire for Memory {
    /// The longest packet, its length and the decay.
    const LIMIT: usize = (1 << 26) + 64;
}
