//! Blocks: a header that names everything and the transactions it commits to.
//!
//! `id = BLAKE3(header)` and `header.transactions` is the Merkle root over the transactions' bytes, so the id
//! names the whole block. Votes, certificates and light clients need the header only; `header.state` is the root
//! of the ledger *after* the block was executed. A header names the electorate that votes on it and the one that votes on
//! the block after, so that a light client can follow the voters without the ledger.

use bitneuron_core::{Bytes, ChainId, Digest, Height, NodeId, Time, Wire, encode, merkle::Tree, vrf};
use serde::{Deserialize, Serialize};

/// What a block says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The chain.
    pub chain: ChainId,
    /// The height; the first block has 1.
    pub height: Height,
    /// The id of the block before; [`Digest::ZERO`] for the first.
    pub parent: Digest,
    /// Who built the block (who proposes it in a later round may be somebody else).
    pub proposer: NodeId,
    /// When it was built, by its proposer's clock.
    pub time: Time,
    /// The Merkle root over the transactions' bytes.
    pub transactions: Digest,
    /// The root of the state after execution.
    pub state: Digest,
    /// What its builder drew for the height ([`crate::Slot`]).
    pub draw: vrf::Proof,
    /// The digest of the electorate that votes on this block.
    pub voters: Digest,
    /// The digest of the electorate that votes on the next one.
    pub next_voters: Digest,
}

impl Wire for Header {
    const LIMIT: usize = 512;
}

impl Header {
    /// A header before its block is built: without roots, draw and voters.
    pub const fn draft(chain: ChainId, height: Height, parent: Digest, proposer: NodeId, time: Time) -> Self {
        Self {
            chain,
            height,
            parent,
            proposer,
            time,
            transactions: Digest::ZERO,
            state: Digest::ZERO,
            draw: vrf::Proof::NONE,
            voters: Digest::ZERO,
            next_voters: Digest::ZERO,
        }
    }

    /// The name of the block with this header.
    pub fn id(&self) -> Digest {
        Digest::of("bitneuron block v1", &encode(self))
    }
}

/// A header with its transactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The transactions, as bytes: consensus does not read them.
    pub transactions: Vec<Bytes>,
}

impl Wire for Block {
    const LIMIT: usize = 16 << 20;
}

impl Block {
    /// The most transactions a consistent block holds.
    pub const MAX_TRANSACTIONS: usize = 1 << 16;

    /// Joins a header and transactions; the header's root is computed here, whatever it held.
    pub fn new(mut header: Header, transactions: Vec<Bytes>) -> Self {
        header.transactions = Tree::over(&transactions).root();
        Self { header, transactions }
    }

    /// The name of the block: the digest of its header.
    pub fn id(&self) -> Digest {
        self.header.id()
    }

    /// Whether the transactions are those the header commits to, and not too many.
    pub fn is_consistent(&self) -> bool {
        self.transactions.len() <= Self::MAX_TRANSACTIONS
            && Tree::over(&self.transactions).root() == self.header.transactions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::decode;
    use proptest::prelude::*;

    fn block(transactions: Vec<Vec<u8>>) -> Block {
        let (chain, parent, proposer) = (ChainId(Digest([1; 32])), Digest([2; 32]), NodeId([3; 32]));
        let header = Header {
            state: Digest([5; 32]),
            draw: vrf::Proof::from_bytes(&[6; 80]),
            voters: Digest([7; 32]),
            next_voters: Digest([8; 32]),
            ..Header::draft(chain, Height(3), parent, proposer, Time(4))
        };
        Block::new(header, transactions.into_iter().map(Bytes).collect())
    }

    #[test]
    fn the_id_is_golden() {
        let id = block(vec![b"pay".to_vec()]).id();
        assert_eq!(id.to_string(), "d090a6bc932c84c1dd350e13663e2cc34dbe58ff91ad00ceb19920299a7e5a16");
    }

    proptest! {
        #[test]
        fn the_id_names_every_byte(
            transactions in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
            at in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let block = block(transactions);
            prop_assert!(block.is_consistent());
            let bytes = encode(&block);
            prop_assert_eq!(&decode::<Block>(&bytes).expect("own bytes"), &block);
            let mut mutant = bytes.clone();
            mutant[at.index(bytes.len())] ^= 1 << bit;
            if let Ok(other) = decode::<Block>(&mutant) {
                prop_assert!(other.id() != block.id() || !other.is_consistent());
            }
        }
    }

    #[test]
    fn a_crowd_of_empty_transactions_is_inconsistent() {
        assert!(block(vec![Vec::new(); Block::MAX_TRANSACTIONS]).is_consistent());
        assert!(!block(vec![Vec::new(); Block::MAX_TRANSACTIONS + 1]).is_consistent());
    }
}
