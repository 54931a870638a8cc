//! The chance of the chain: what its lottery and its beacon are drawn from.
//!
//! The proposer of height h puts into the block's header what its key draws for the height, by a verifiable random
//! function. There is one output for each key and height, whatever the round and whatever else the block holds, so a
//! proposer has nothing to try: it publishes its output or leaves the height to the proposer of the next round.
//!
//! ```text
//! output(h) = VRF_key(seed of the epoch ‖ h)
//! seed(e + 1) = H(seed(e) ‖ ⊕ outputs decided in e)         beacon(h) = H(beacon(h − 1) ‖ output(h))
//! ```
//!
//! *What remains.* Who holds the last heights of an epoch may choose which of its outputs are decided; the suite computes what
//! that is worth (`suite::bias`). And a proposer knows its own outputs of an epoch beforehand: what a beacon is to
//! decide must be committed to before the beacon of an *earlier* height is known, or bound by what was committed.

use bitneuron_core::{ChainId, Digest, Height, Keypair, NodeId, hash::Hasher, vrf};

/// What each proof is made for.
const PURPOSE: &str = "bitneuron slot v1";

/// One height of one epoch, for which every key has one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The chain.
    pub chain: ChainId,
    /// The seed of the height's epoch.
    pub seed: Digest,
    /// The height.
    pub height: Height,
}

impl Slot {
    fn bytes(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        let (seed, height) = bytes.split_at_mut(32);
        seed.copy_from_slice(&self.seed.0);
        height.copy_from_slice(&self.height.0.to_le_bytes());
        bytes
    }

    /// What a key draws here.
    pub fn draw(&self, key: &Keypair) -> vrf::Proof {
        vrf::prove(key, PURPOSE, self.chain, &self.bytes())
    }

    /// What the owner of `id` drew here; `None` when the proof does not show it.
    pub fn output(&self, id: NodeId, proof: &vrf::Proof) -> Option<Digest> {
        vrf::verify(id, PURPOSE, self.chain, &self.bytes(), proof).map(|output| output.digest())
    }
}

/// The seed of the first epoch.
pub fn first_seed(chain: ChainId) -> Digest {
    Digest::of("bitneuron first seed v1", &chain.0.0)
}

/// The seed of the next epoch, from that of this one and all outputs decided in it, folded.
pub fn next_seed(seed: Digest, folded: Digest) -> Digest {
    Hasher::new("bitneuron next seed v1").update(&seed.0).update(&folded.0).finish()
}

/// Adds an output to those of the epoch so far, which begin with [`Digest::ZERO`].
pub fn fold(folded: Digest, output: Digest) -> Digest {
    let mut sum = folded;
    sum.0.iter_mut().zip(output.0).for_each(|(byte, other)| *byte ^= other);
    sum
}

/// The beacon after a height with this output.
pub fn next_beacon(before: Digest, output: Digest) -> Digest {
    Hasher::new("bitneuron beacon v2").update(&before.0).update(&output.0).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::Seed;

    #[test]
    fn a_slot_has_one_output_for_each_key() {
        let slot = Slot { chain: ChainId(Digest([1; 32])), seed: Digest([2; 32]), height: Height(3) };
        let [key, other] = [1, 2].map(|n| Keypair::from_seed(Seed::from_number(n)));
        let proof = slot.draw(&key);
        let output = slot.output(key.id(), &proof).expect("shown");
        assert_eq!(slot.draw(&key), proof, "drawn again it is the same");
        assert_eq!(slot.output(other.id(), &proof), None);
        assert_ne!(slot.output(other.id(), &slot.draw(&other)), Some(output));
        for elsewhere in [
            Slot { height: Height(4), ..slot },
            Slot { seed: Digest([3; 32]), ..slot },
            Slot { chain: ChainId(Digest([2; 32])), ..slot },
        ] {
            assert_eq!(elsewhere.output(key.id(), &proof), None);
        }
    }

    #[test]
    fn an_epoch_folds_its_outputs_in_any_order_and_each_counts() {
        let outputs = [1, 2, 3].map(|n| Digest([n; 32]));
        let sum = |order: [usize; 3]| order.iter().fold(Digest::ZERO, |sum, at| fold(sum, outputs[*at]));
        assert_eq!(sum([0, 1, 2]), sum([2, 0, 1]));
        let seed = first_seed(ChainId::default());
        assert_ne!(next_seed(seed, sum([0, 1, 2])), next_seed(seed, sum([0, 1, 1])));
        assert_ne!(next_seed(seed, sum([0, 1, 2])), next_seed(Digest::ZERO, sum([0, 1, 2])));
        assert_ne!(next_beacon(seed, outputs[0]), next_beacon(seed, outputs[1]));
    }
}
