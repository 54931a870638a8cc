//! A full block of a thousand transactions, and signatures to check.
//!
//! The mix is that of a busy height: 499 transfers, about 250 offers and 250 bids, one claim of a turn with its proof. All
//! are real: built as the network builds them, signed, and accepted by whoever decodes them.

use super::{orders, turn::Told};
use crate::Failure;
use bitneuron::{
    consensus::{Block, Header},
    core::{
        Amount, Bytes, ChainId, Digest, Height, Keypair, NodeId, Seed, Signature, Time, encode, hash::Hasher,
        sign,
    },
    ledger::{Action, Tx},
};

/// A thousand transactions.
///
/// # Errors
/// The turn cannot be told.
pub fn block() -> Result<Block, Failure> {
    let told = Told::new()?;
    let chain = told.context.chain;
    let claim = signed(0, &told.key, chain, Action::Claim(told.claim()?));
    let transactions = (1..1_000).map(|number| {
        let key = Keypair::from_seed(Seed::from_number(number));
        let action = if number < 500 {
            Action::Transfer { to: NodeId([number as u8; 32]), amount: Amount::tokens(number) }
        } else {
            Action::Place(orders::order(number))
        };
        signed(number, &key, chain, action)
    });
    let header = Header::draft(chain, Height(3), Digest([2; 32]), told.author(), Time(4));
    Ok(Block::new(header, std::iter::once(claim).chain(transactions).collect()))
}

fn signed(number: u64, key: &Keypair, chain: ChainId, action: Action) -> Bytes {
    let tx = Tx { by: key.id(), expires: Height(20), salt: number, tip: Amount::ZERO, action };
    Bytes(encode(&tx.sign(key, chain)))
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
    use bitneuron::{core::decode, ledger::SignedTx};

    #[test]
    fn the_block_is_consistent_and_the_batch_valid() {
        let block = block().unwrap();
        assert!(block.is_consistent());
        assert_eq!(block.transactions.len(), 1_000);
        let bytes: usize = block.transactions.iter().map(|tx| tx.len()).sum();
        assert!((200_000..500_000).contains(&bytes), "{bytes}");
        let chain = block.header.chain;
        for tx in &block.transactions {
            let signed: SignedTx = decode(tx).unwrap();
            assert!(signed.is_signed(chain));
        }
        let signed = Signed::new(8);
        let mut batch = signed.batch();
        assert!(sign::verify_batch(&batch));
        batch[0].2 = batch[1].2;
        assert!(!sign::verify_batch(&batch));
    }
}
