//! Ed25519 signatures (RFC 8032, strict verification) over domain-separated, chain-bound messages.

use crate::{ChainId, NodeId, Seed};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
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

/// Whether `signature` by `id` over `bytes` for this purpose and chain is valid (strict: no small-order keys, no
/// malleability).
pub fn verify(id: NodeId, domain: &str, chain: ChainId, bytes: &[u8], signature: &Signature) -> bool {
    VerifyingKey::from_bytes(&id.0).is_ok_and(|key| {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.to_bytes());
        key.verify_strict(&message(domain, chain, bytes), &signature).is_ok()
    })
}

/// Whether all signatures seem valid together; about 2.5 times faster than one by one for batches of 64.
///
/// `messages[i]` must come from [`message`]. Only for sorting out what nobody is paid, voted or blamed for, such as a first
/// look at gossip. For keys of prime order, which [`Keypair`] alone makes, the answer is that of [`verify`] but for odds of
/// 2⁻¹²⁸. The owner of a key with a part of small order can make signatures about which the two differ in either
/// direction, and about which a batch answers differently with other members beside them. So nothing that nodes must agree
/// on is decided here.
pub fn verify_batch(items: &[(NodeId, &[u8], Signature)]) -> bool {
    let mut keys = Vec::with_capacity(items.len());
    for (id, _, _) in items {
        match VerifyingKey::from_bytes(&id.0) {
            Ok(key) if !key.is_weak() => keys.push(key),
            _ => return false,
        }
    }
    let messages: Vec<&[u8]> = items.iter().map(|item| item.1).collect();
    let signatures: Vec<_> =
        items.iter().map(|item| ed25519_dalek::Signature::from_bytes(&item.2.to_bytes())).collect();
    ed25519_dalek::verify_batch(&messages, &signatures, &keys).is_ok()
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
    /// A key with a part of small order grinds signatures that are valid by themselves and fail in a batch.
    #[test]
    fn a_batch_is_no_verdict_about_a_key_of_mixed_order() {
        use curve25519_dalek::{constants, scalar::Scalar};
        use sha2::{Digest as _, Sha512};
        let (secret, nonce) = (Scalar::from(0x5eed_u64), Scalar::from(0xa1ce_u64));
        let point = constants::ED25519_BASEPOINT_POINT * secret + constants::EIGHT_TORSION[1];
        let id = NodeId(point.compress().to_bytes());
        let r = (constants::ED25519_BASEPOINT_POINT * nonce).compress().to_bytes();
        let chain = ChainId::default();
        let (mut valid, mut both) = (0, 0);
        for n in 0..64u8 {
            let text = message("vote", chain, &[n]);
            let hash = Sha512::new().chain_update(r).chain_update(id.0).chain_update(&text).finalize();
            let s = (nonce + Scalar::from_bytes_mod_order_wide(&hash.into()) * secret).to_bytes();
            let signature = Signature { r, s };
            if verify(id, "vote", chain, &[n], &signature) {
                valid += 1;
                both += usize::from(verify_batch(&[(id, &text, signature)]));
            }
        }
        assert!(valid > 0 && both < valid, "{valid} valid, {both} of them also as a batch of one");
    }
}
