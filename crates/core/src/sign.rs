//! Ed25519 signatures (RFC 8032, one verdict alone and in batches) over domain-separated, chain-bound messages.

use crate::{ChainId, NodeId, Seed, hash::Hasher};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha512};
use std::fmt;

/// A 64-byte ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signature {
    r: [u8; 32],
    s: [u8; 32],
}

impl Signature {
    /// From its 64 bytes; nothing is checked before [`verify`].
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&bytes[..32]);
        s.copy_from_slice(&bytes[32..]);
        Self { r, s }
    }

    /// Its 64 bytes.
    pub fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.r);
        bytes[32..].copy_from_slice(&self.s);
        bytes
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}…)", self.r[0], self.r[1])
    }
}

/// The bytes that are signed: domain, chain and message, each with its length.
///
/// A signature made for one purpose or chain therefore never passes for another.
pub fn message(domain: &str, chain: ChainId, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(domain.len() + message.len() + 40);
    bytes.extend((domain.len() as u64).to_le_bytes());
    bytes.extend(domain.as_bytes());
    bytes.extend(chain.0.0);
    bytes.extend(message);
    bytes
}

/// A signing key. Its name is [`Keypair::id`].
#[derive(Clone)]
pub struct Keypair(SigningKey);

impl Keypair {
    /// The key of a seed.
    pub fn from_seed(seed: Seed) -> Self {
        Self(SigningKey::from_bytes(&seed.0))
    }

    /// The public half, which is the node's name.
    pub fn id(&self) -> NodeId {
        NodeId(self.0.verifying_key().to_bytes())
    }

    /// Signs `bytes` for a purpose on a chain.
    pub fn sign(&self, domain: &str, chain: ChainId, bytes: &[u8]) -> Signature {
        Signature::from_bytes(&self.0.sign(&message(domain, chain, bytes)).to_bytes())
    }
}

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({:?})", self.id())
    }
}

/// Whether `signature` by `id` over `bytes` for this purpose and chain is valid.
///
/// The rule is that of RFC 8032 with its cofactor, `8·s·B = 8·R + 8·k·A`, for keys that are not of small order and canonical
/// encodings of all parts: so nobody but the signer can change a signature, no signature holds for two keys or messages, and
/// [`verify_batch`] decides by the very same rule (Chalkias, Garillot, Nikolaenko: *Taming the many EdDSAs*, algorithm 2).
pub fn verify(id: NodeId, domain: &str, chain: ChainId, bytes: &[u8], signature: &Signature) -> bool {
    let message = message(domain, chain, bytes);
    Equation::of(id, &message, signature).is_some_and(|equation| equation.holds())
}

/// Whether all signatures are valid, each by itself and whatever stands beside it; about 2.5 times faster than one by one
/// for batches of 64, more for larger ones.
///
/// `messages[i]` must come from [`message`]. The equations of [`verify`] are summed with factors that are hashed from the whole
/// batch: valid signatures always pass together, and an invalid one among them passes with odds of 2⁻¹²⁸.
pub fn verify_batch(items: &[(NodeId, &[u8], Signature)]) -> bool {
    let equations: Option<Vec<Equation>> =
        items.iter().map(|(id, message, signature)| Equation::of(*id, message, signature)).collect();
    equations.is_some_and(|equations| batch_holds(&equations))
}

/// What must be true of a valid signature: `8·(s·B − k·A − R) = 0`.
struct Equation {
    key: EdwardsPoint,
    nonce: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

/// A point from its one canonical encoding.
fn point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    // The ordinate is below p = 2²⁵⁵ − 19; the top bit is the sign.
    let [low, middle @ .., high] = bytes;
    let beyond = *low >= 0xed && middle.iter().all(|byte| *byte == 0xff) && high & 0x7f == 0x7f;
    if beyond { None } else { CompressedEdwardsY(*bytes).decompress() }
}

impl Equation {
    fn of(id: NodeId, message: &[u8], signature: &Signature) -> Option<Self> {
        let s = Option::from(Scalar::from_canonical_bytes(signature.s))?;
        let (key, nonce) = (point(&id.0).filter(|key| !key.is_small_order())?, point(&signature.r)?);
        let hash = Sha512::new().chain_update(signature.r).chain_update(id.0).chain_update(message);
        Some(Self { key, nonce, s, k: Scalar::from_bytes_mod_order_wide(&hash.finalize().into()) })
    }

    fn holds(&self) -> bool {
        let sum = EdwardsPoint::vartime_double_scalar_mul_basepoint(&self.k, &-self.key, &self.s);
        (sum - self.nonce).mul_by_cofactor().is_identity()
    }
}

/// Whether `8·Σ zᵢ·(kᵢ·Aᵢ + Rᵢ) = 8·(Σ zᵢ·sᵢ)·B` for the factors z of this batch.
fn batch_holds(equations: &[Equation]) -> bool {
    // k binds key, nonce and message.
    let mut seed = Hasher::new("bitneuron signature batch v1");
    equations.iter().for_each(|one| {
        seed.update(one.k.as_bytes()).update(one.s.as_bytes());
    });
    let seed = seed.finish();
    let mut base = Scalar::ZERO;
    let (mut scalars, mut points) = (Vec::new(), Vec::new());
    for (at, one) in (0u64..).zip(equations) {
        let factor = Hasher::new("bitneuron signature factor v1").update(&seed.0).number(at).finish();
        let [low, high] =
            [&factor.0[..8], &factor.0[8..16]].map(|half| half.try_into().map_or(0, u64::from_le_bytes));
        let factor = Scalar::from(u128::from(low) | u128::from(high) << 64);
        base -= factor * one.s;
        scalars.extend([factor * one.k, factor]);
        points.extend([one.key, one.nonce]);
    }
    scalars.push(base);
    points.push(ED25519_BASEPOINT_POINT);
    EdwardsPoint::vartime_multiscalar_mul(scalars, points).mul_by_cofactor().is_identity()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    #[test]
    fn a_signature_holds_for_one_purpose_chain_message_and_key_only() {
        let key = Keypair::from_seed(Seed::from_number(1));
        let chain = ChainId(Digest([7; 32]));
        let signature = key.sign("vote", chain, b"yes");
        assert!(verify(key.id(), "vote", chain, b"yes", &signature));
        assert!(!verify(key.id(), "order", chain, b"yes", &signature));
        assert!(!verify(key.id(), "vote", ChainId(Digest([8; 32])), b"yes", &signature));
        assert!(!verify(key.id(), "vote", chain, b"no", &signature));
        assert!(!verify(Keypair::from_seed(Seed::from_number(2)).id(), "vote", chain, b"yes", &signature));
        assert!(!verify(NodeId([0; 32]), "vote", chain, b"yes", &signature));
    }

    #[test]
    fn one_bad_signature_fails_the_batch() {
        let chain = ChainId::default();
        let keys: Vec<_> = (0..8).map(|n| Keypair::from_seed(Seed::from_number(n))).collect();
        let messages: Vec<_> = (0..8u8).map(|n| message("m", chain, &[n])).collect();
        let mut items: Vec<_> = keys
            .iter()
            .zip(&messages)
            .enumerate()
            .map(|(n, (key, text))| (key.id(), text.as_slice(), key.sign("m", chain, &[n as u8])))
            .collect();
        assert!(verify_batch(&items));
        items[3].2 = items[4].2;
        assert!(!verify_batch(&items));
    }

    /// A key and nonces with parts of small order, for which other rules differ alone and in batches.
    #[test]
    fn one_verdict_alone_and_in_any_batch() {
        use curve25519_dalek::constants::EIGHT_TORSION;
        let (secret, nonce) = (Scalar::from(0x5eed_u64), Scalar::from(0xa1ce_u64));
        let chain = ChainId::default();
        let honest = Keypair::from_seed(Seed::from_number(1));
        let text = message("vote", chain, b"honest");
        let beside = (honest.id(), text.as_slice(), honest.sign("vote", chain, b"honest"));
        for (at, torsion) in EIGHT_TORSION.iter().enumerate() {
            let key = ED25519_BASEPOINT_POINT * secret + torsion;
            let id = NodeId(key.compress().to_bytes());
            for n in 0..16u8 {
                let other = EIGHT_TORSION[usize::from(n % 8)];
                let r = (ED25519_BASEPOINT_POINT * nonce + other).compress().to_bytes();
                let text = message("vote", chain, &[n]);
                let hash = Sha512::new().chain_update(r).chain_update(id.0).chain_update(&text).finalize();
                let k = Scalar::from_bytes_mod_order_wide(&hash.into());
                let good = Signature { r, s: (nonce + k * secret).to_bytes() };
                assert!(verify(id, "vote", chain, &[n], &good), "{at} {n}");
                assert!(verify_batch(&[(id, &text, good)]) && verify_batch(&[beside, (id, &text, good)]));
                let bad = Signature { r, s: (nonce + k * secret + Scalar::ONE).to_bytes() };
                assert!(!verify(id, "vote", chain, &[n], &bad));
                assert!(!verify_batch(&[(id, &text, bad)]) && !verify_batch(&[(id, &text, bad), beside]));
            }
        }
        // A key of small order would sign everything.
        let zero = Signature { r: EIGHT_TORSION[0].compress().to_bytes(), s: [0; 32] };
        for torsion in EIGHT_TORSION {
            let id = NodeId(torsion.compress().to_bytes());
            assert!((0..8u8).all(|n| !verify(id, "vote", chain, &[n], &zero)));
        }
    }

    #[test]
    fn each_part_has_one_encoding() {
        let (key, chain) = (Keypair::from_seed(Seed::from_number(1)), ChainId::default());
        let good = key.sign("m", chain, b"x");
        // s + ℓ means the same scalar.
        let order: [u8; 32] = (-Scalar::ONE).to_bytes();
        let (mut carry, mut s) = (1u16, good.s);
        for (byte, add) in s.iter_mut().zip(order) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry as u8;
            carry >>= 8;
        }
        assert!(verify(key.id(), "m", chain, b"x", &good));
        assert!(!verify(key.id(), "m", chain, b"x", &Signature { s, ..good }));
        // p and p + 1 are other encodings of 0 and 1.
        for low in 0xed..=0xffu8 {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, 0x7f);
            assert!(point(&bytes).is_none(), "{low}");
        }
        assert!(verify_batch(&[]), "of nothing nothing is false");
    }
}
