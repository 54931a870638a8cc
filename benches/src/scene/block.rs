//! A full block of a thousand transactions, and signatures to check.
//!
//! The mix is that of a busy round: 400 transfers, 250 offers, 250 bids, 100 turns. Orders are real orders; transfers and
//! turns are random bytes of the length that the real ones have. Each transaction carries an envelope of 54 bytes (author,
//! expiry, salt, tags) and a signature of 64.

use super::orders;
use bitneuron::{
    consensus::{Block, Header},
    core::{
        Bytes, ChainId, Digest, Height, Keypair, NodeId, Seed, Signature, Time, encode, hash::Hasher, sign,
    },
};

/// Author, expiry, salt, the tag of the action, version and length.
const ENVELOPE: usize = 54;
/// A signature.
const SIGNATURE: usize = 64;
/// Receiver and amount.
const TRANSFER: usize = 48;
/// A turn's public part with ten inputs and the digests of its proof.
const TURN: usize = 900;

/// A thousand transactions.
pub fn block() -> Block {
    let header = Header {
        chain: ChainId(Digest([1; 32])),
        height: Height(3),
        parent: Digest([2; 32]),
        proposer: NodeId([3; 32]),
        time: Time(4),
        transactions: Digest::ZERO,
        state: Digest([5; 32]),
    };
    Block::new(header, (0..1_000).map(transaction).collect())
}

fn transaction(number: u64) -> Bytes {
    let body = match number % 20 {
        0..8 => noise(number, TRANSFER),
        8..18 => encode(&orders::order(number)),
        _ => noise(number, TURN),
    };
    Bytes([noise(number, ENVELOPE), body, noise(!number, SIGNATURE)].concat())
}

fn noise(number: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    for block in 0.. {
        if bytes.len() >= length {
            break;
        }
        bytes.extend(Hasher::new("bitneuron bench noise v1").number(number).number(block).finish().0);
    }
    bytes.truncate(length);
    bytes
}

/// Signed messages of the size of a vote.
#[derive(Debug, Clone)]
pub struct Signed {
    items: Vec<(NodeId, Vec<u8>, Signature)>,
}

impl Signed {
    /// So many messages, each by a key of its own.
    pub fn new(count: u64) -> Self {
        let chain = ChainId(Digest([7; 32]));
        let item = |number: u64| {
            let key = Keypair::from_seed(Seed::from_number(number));
            let text = noise(number, 120);
            (key.id(), sign::message("bench", chain, &text), key.sign("bench", chain, &text))
        };
        Self { items: (0..count).map(item).collect() }
    }

    /// As [`sign::verify_batch`] takes them.
    pub fn batch(&self) -> Vec<(NodeId, &[u8], Signature)> {
        self.items.iter().map(|(id, message, signature)| (*id, message.as_slice(), *signature)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_consistent_and_the_batch_valid() {
        let block = block();
        assert!(block.is_consistent());
        assert_eq!(block.transactions.len(), 1_000);
        let bytes: usize = block.transactions.iter().map(|tx| tx.len()).sum();
        assert!((200_000..500_000).contains(&bytes), "{bytes}");
        let signed = Signed::new(8);
        let mut batch = signed.batch();
        assert!(sign::verify_batch(&batch));
        batch[0].2 = batch[1].2;
        assert!(!sign::verify_batch(&batch));
    }
}
