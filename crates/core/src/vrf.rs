//! A verifiable random function: what a key draws for a message, with a proof that it could draw nothing else.
//!
//! ECVRF-EDWARDS25519-SHA512-TAI of RFC 9381 over the keys of [`crate::sign`]. The output looks random to whoever lacks the
//! key, and every proof that verifies has the one output of key and message, also for keys that were made to cheat. The
//! owner of the key knows its outputs as soon as it knows the messages, and may keep one to itself.
//!
//! One key signs and draws. The nonces of both come from the same secret and the bytes at hand, 32 here and 40 or more in
//! a signature ([`crate::sign::message`]), so no nonce serves both. This is the only use of `vrf-rfc9381`.
//!
//! ```
//! use bitneuron_core::{ChainId, Keypair, Seed, vrf};
//! let (key, chain) = (Keypair::from_seed(Seed::from_number(1)), ChainId::default());
//! let proof = vrf::prove(&key, "slot", chain, b"7");
//! let output = vrf::verify(key.id(), "slot", chain, b"7", &proof);
//! assert!(output.is_some());
//! assert_eq!(vrf::verify(key.id(), "slot", chain, b"8", &proof), None);
//! ```

use crate::{ChainId, Digest, Keypair, NodeId, sign};
use serde::{Deserialize, Serialize};
use std::fmt;
use vrf_rfc9381::{
    Proof as _, Prover as _, Verifier as _,
    ec::edwards25519::{
        EdVrfProof,
        tai::{EdVrfEdwards25519TaiPublicKey, EdVrfEdwards25519TaiSecretKey},
    },
};

/// A proof, 80 bytes; nothing is checked before [`verify`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Proof {
    gamma: [u8; 32],
    challenge: [u8; 16],
    response: [u8; 32],
}

impl Proof {
    /// A proof that never verifies.
    pub const NONE: Self = Self { gamma: [0; 32], challenge: [0; 16], response: [0; 32] };

    /// From its 80 bytes.
    pub fn from_bytes(bytes: &[u8; 80]) -> Self {
        let mut proof = Self::NONE;
        proof.gamma.copy_from_slice(&bytes[..32]);
        proof.challenge.copy_from_slice(&bytes[32..48]);
        proof.response.copy_from_slice(&bytes[48..]);
        proof
    }

    /// Its 80 bytes.
    pub fn to_bytes(self) -> [u8; 80] {
        let mut bytes = [0; 80];
        bytes[..32].copy_from_slice(&self.gamma);
        bytes[32..48].copy_from_slice(&self.challenge);
        bytes[48..].copy_from_slice(&self.response);
        bytes
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({:02x}{:02x}…)", self.gamma[0], self.gamma[1])
    }
}

/// What was drawn, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Output(pub [u8; 64]);

impl Output {
    /// The output as a digest, which is what everything else is mixed with.
    pub fn digest(&self) -> Digest {
        Digest::of("bitneuron vrf output v1", &self.0)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// What `key` draws for `bytes`, for this purpose and chain, as a proof.
///
/// For one message in 2²⁵⁶ there is none, and the proof is one that never verifies.
pub fn prove(key: &Keypair, domain: &str, chain: ChainId, bytes: &[u8]) -> Proof {
    prove_raw(key.secret(), &sign::message(domain, chain, bytes)).unwrap_or(Proof::NONE)
}

/// What the owner of `id` drew for `bytes`, for this purpose and chain; `None` when the proof shows nothing.
pub fn verify(id: NodeId, domain: &str, chain: ChainId, bytes: &[u8], proof: &Proof) -> Option<Output> {
    verify_raw(id, &sign::message(domain, chain, bytes), proof)
}

fn prove_raw(secret: &[u8; 32], alpha: &[u8]) -> Option<Proof> {
    let key = EdVrfEdwards25519TaiSecretKey::from_slice(secret).ok()?;
    let proof = key.prove(alpha).ok()?.encode_to_pi();
    proof.as_slice().try_into().ok().map(Proof::from_bytes)
}

fn verify_raw(id: NodeId, alpha: &[u8], proof: &Proof) -> Option<Output> {
    let bytes = proof.to_bytes();
    let read = EdVrfProof::decode_pi(&bytes).ok()?;
    // The library takes numbers and points in any form; the RFC in one.
    if read.encode_to_pi() != bytes {
        return None;
    }
    let key = EdVrfEdwards25519TaiPublicKey::from_slice(&id.0).ok()?;
    key.verify(alpha, read).ok().map(|output| Output(output.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex");
        std::array::from_fn(byte)
    }

    /// Secret key, public key, message, proof, output: examples 16, 17 and 18 of RFC 9381, appendix B.3.
    const VECTORS: [[&str; 5]; 3] = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            concat!(
                "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f",
                "26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab12",
                "68a1b0db10836d9826a528ca76567805",
            ),
            concat!(
                "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff",
                "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
            ),
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            concat!(
                "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593",
                "3bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926d",
                "a3ef39226bbc355bdc9850112c8f4b02",
            ),
            concat!(
                "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb",
                "5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
            ),
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            concat!(
                "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80",
                "96bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a",
                "2d41b00b05081ed0f58ee5e31b3a970e",
            ),
            concat!(
                "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45",
                "2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f",
            ),
        ],
    ];

    #[test]
    fn the_vectors_of_the_rfc() {
        for [secret, public, text, proof, output] in VECTORS {
            let alpha: Vec<u8> = (0..text.len() / 2).map(|at| hex::<1>(&text[2 * at..])[0]).collect();
            let (secret, id) = (hex(secret), NodeId(hex(public)));
            assert_eq!(Keypair::from_seed(Seed(secret)).id(), id);
            let made = prove_raw(&secret, &alpha).expect("a proof");
            assert_eq!(made, Proof::from_bytes(&hex(proof)));
            assert_eq!(verify_raw(id, &alpha, &made), Some(Output(hex(output))));
        }
    }

    #[test]
    fn a_proof_holds_for_one_key_purpose_chain_and_message_and_no_bit_of_it_is_free() {
        let (key, chain) = (Keypair::from_seed(Seed::from_number(1)), ChainId(Digest([7; 32])));
        let proof = prove(&key, "slot", chain, b"yes");
        assert!(verify(key.id(), "slot", chain, b"yes", &proof).is_some());
        assert_eq!(verify(key.id(), "other", chain, b"yes", &proof), None);
        assert_eq!(verify(key.id(), "slot", ChainId::default(), b"yes", &proof), None);
        assert_eq!(verify(key.id(), "slot", chain, b"no", &proof), None);
        let other = Keypair::from_seed(Seed::from_number(2)).id();
        assert_eq!(verify(other, "slot", chain, b"yes", &proof), None);
        for bit in 0..640 {
            let mut bytes = proof.to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                verify(key.id(), "slot", chain, b"yes", &Proof::from_bytes(&bytes)),
                None,
                "bit {bit}"
            );
        }
        assert_eq!(verify(key.id(), "slot", chain, b"yes", &Proof::NONE), None);
    }

    #[test]
    fn a_response_in_other_bytes_and_a_key_of_small_order_show_nothing() {
        use curve25519_dalek::constants::EIGHT_TORSION;
        let (key, chain) = (Keypair::from_seed(Seed::from_number(1)), ChainId::default());
        let proof = prove(&key, "slot", chain, b"yes");
        // The order of the group, added to the response.
        let order: [u8; 32] = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let (mut second, mut carry) = (proof, 0u16);
        for (byte, part) in second.response.iter_mut().zip(order) {
            carry += u16::from(*byte) + u16::from(part);
            (*byte, carry) = ((carry & 255) as u8, carry >> 8);
        }
        assert_eq!(verify(key.id(), "slot", chain, b"yes", &second), None);
        for point in EIGHT_TORSION {
            let weak = NodeId(point.compress().to_bytes());
            assert_eq!(verify(weak, "slot", chain, b"yes", &proof), None);
        }
    }
}
