//! Keys that are met again and again, decoded once.

use super::{Equation, Signature, equation::point};
use crate::NodeId;
use curve25519_dalek::EdwardsPoint;
use std::collections::BTreeMap;
use std::fmt;

/// The keys of some signers, decoded when they are first met: a tenth to a fifth of what a signature in a batch costs.
///
/// It grows with the names it is asked about, so it is for a bounded number of them, as the voters of an epoch.
#[derive(Clone, Default)]
pub struct Keyring(BTreeMap<NodeId, Option<EdwardsPoint>>);

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.0.len())
    }
}

impl Keyring {
    /// [`super::verify_batch`], with the same answer.
    pub fn verify_batch(&mut self, items: &[(NodeId, &[u8], Signature)]) -> bool {
        let mut read = |(id, text, signature): &(NodeId, &[u8], Signature)| {
            let key = *self.0.entry(*id).or_insert_with(|| point(id.0));
            Equation::read_with(key?, *id, text, signature)
        };
        let equations: Option<Vec<_>> = items.iter().map(&mut read).collect();
        equations.is_some_and(|equations| Equation::all_hold(&equations))
    }

    /// Forgets all keys but these.
    pub fn retain(&mut self, keep: impl Fn(NodeId) -> bool) {
        self.0.retain(|id, _| keep(*id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{message, verify_batch};
    use crate::{ChainId, Keypair, Seed};

    #[test]
    fn it_answers_as_a_batch_without_it_the_first_time_and_later() {
        let (chain, mut ring) = (ChainId::default(), Keyring::default());
        let keys: Vec<_> = (0..4).map(|n| Keypair::from_seed(Seed::from_number(n))).collect();
        let text = message("vote", chain, b"yes");
        let good: Vec<_> =
            keys.iter().map(|key| (key.id(), text.as_slice(), key.sign("vote", chain, b"yes"))).collect();
        let mut bad = good.clone();
        bad[2].2 = bad[1].2;
        let mut none = good.clone();
        // No point has this encoding.
        none[0].0 = NodeId([0xff; 32]);
        for _ in 0..2 {
            for items in [&good, &bad, &none] {
                assert_eq!(ring.verify_batch(items), verify_batch(items));
            }
        }
        assert_eq!(ring.0.len(), 5);
        ring.retain(|id| id == keys[0].id());
        assert!(ring.0.len() == 1 && ring.verify_batch(&good));
    }
}
