//! The equation of a signature, alone and combined with others.

use super::Signature;
use crate::NodeId;
use curve25519_dalek::{
    EdwardsPoint, Scalar, constants::ED25519_BASEPOINT_POINT, edwards::CompressedEdwardsY,
    traits::VartimeMultiscalarMul as _,
};
use sha2::{Digest as _, Sha512};

/// `8·(s·B − k·A − R) = 0`, read from bytes.
pub(super) struct Equation {
    key: EdwardsPoint,
    nonce: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

impl Equation {
    /// The equation of a signature; `None` when a point or scalar is not canonical, or a point of small order.
    pub(super) fn read(id: NodeId, text: &[u8], signature: &Signature) -> Option<Self> {
        Self::read_with(point(id.0)?, id, text, signature)
    }

    /// The same with the key's point, as [`point`] gives it.
    pub(super) fn read_with(
        key: EdwardsPoint,
        id: NodeId,
        text: &[u8],
        signature: &Signature,
    ) -> Option<Self> {
        let nonce = point(signature.r)?;
        let s = Option::from(Scalar::from_canonical_bytes(signature.s))?;
        let hash = Sha512::new().chain_update(signature.r).chain_update(id.0).chain_update(text).finalize();
        Some(Self { key, nonce, s, k: Scalar::from_bytes_mod_order_wide(&hash.into()) })
    }

    /// Whether it holds.
    pub(super) fn holds(&self) -> bool {
        let left = EdwardsPoint::vartime_double_scalar_mul_basepoint(&self.k, &-self.key, &self.s);
        (left - self.nonce).is_small_order()
    }

    /// Whether all of them hold: whether `Σ zᵢ·equationᵢ` does, for 128-bit factors zᵢ that follow from all equations.
    pub(super) fn all_hold(equations: &[Self]) -> bool {
        let factors = factors(equations);
        let base: Scalar = equations.iter().zip(&factors).map(|(equation, z)| equation.s * z).sum();
        let scalars = equations.iter().zip(&factors).flat_map(|(equation, z)| [*z, equation.k * z]);
        let points = equations.iter().flat_map(|equation| [equation.nonce, equation.key]);
        EdwardsPoint::vartime_multiscalar_mul(
            std::iter::once(-base).chain(scalars),
            std::iter::once(ED25519_BASEPOINT_POINT).chain(points),
        )
        .is_small_order()
    }
}

fn factors(equations: &[Equation]) -> Vec<Scalar> {
    let mut hasher = blake3::Hasher::new_derive_key("bitneuron signature batch v1");
    for Equation { s, k, .. } in equations {
        // k is a hash of key, nonce and message.
        hasher.update(s.as_bytes()).update(k.as_bytes());
    }
    let mut stream = hasher.finalize_xof();
    let draw = |_: &Equation| {
        let mut bytes = [0; 16];
        stream.fill(&mut bytes);
        Scalar::from(u128::from_le_bytes(bytes))
    };
    equations.iter().map(draw).collect()
}

/// The point with this encoding, unless the encoding is a second one or the point of small order.
pub(super) fn point(bytes: [u8; 32]) -> Option<EdwardsPoint> {
    let [first, middle @ .., last] = bytes;
    // Below p = 2²⁵⁵ − 19, without the sign.
    let canonical = first < 0xed || last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff);
    let point = CompressedEdwardsY(bytes).decompress().filter(|_| canonical)?;
    (!point.is_small_order()).then_some(point)
}
