//! A chain in a store.

use super::{Store, StoreError, Table, Write};
use crate::receipt::Cause;
use crate::{Genesis, Receipt, SignedTx, State};
use bitneuron_consensus::{Block, Certificate, CheckCertificate};
use bitneuron_core::claim::CheckClaim;
use bitneuron_core::{Digest, Height, NodeId, Wire, decode, encode};
use rayon::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

/// The form in which this program writes.
const FORMAT: u32 = 1;

/// So many blocks are read and executed at once in a replay.
const REPLAYED: usize = 512;

const META_FORMAT: &[u8] = b"format";
const META_GENESIS: &[u8] = b"genesis";
const META_HEIGHT: &[u8] = b"height";

/// A decided block with the state after it.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    /// The block.
    pub block: &'a Block,
    /// The votes that decided it.
    pub certificate: &'a Certificate,
    /// The state after it.
    pub state: &'a State,
}

/// A look at blocks that follow on a state, before they are executed.
type Look<'a> = dyn Fn(&State, &[Block]) -> Result<(), StoreError> + 'a;

/// A chain in a store: every height whole or not at all.
#[derive(Debug)]
pub struct Archive<S> {
    store: S,
    genesis: Genesis,
    height: Height,
}

/// A height, or a height and a place in it, as a key whose order is theirs.
fn place(height: Height, index: Option<u32>) -> Vec<u8> {
    let mut key = height.0.to_be_bytes().to_vec();
    key.extend(index.map(u32::to_be_bytes).into_iter().flatten());
    key
}

fn put(table: Table, key: impl Into<Vec<u8>>, value: Vec<u8>) -> Write {
    Write { table, key: key.into(), value: Some(value) }
}

fn number<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Damaged(what))
}

impl<S: Store> Archive<S> {
    /// Opens the chain of a genesis, or begins it in an empty store; with the state after its last block.
    ///
    /// # Errors
    /// The store holds another chain, cannot be read, or what it holds is not what its last block states.
    pub fn open(mut store: S, genesis: &Genesis) -> Result<(Self, State), StoreError> {
        if is_empty(&store)? {
            let state = State::genesis(genesis).map_err(Box::new)?;
            let mut writes = vec![
                put(Table::Meta, META_FORMAT, FORMAT.to_be_bytes().to_vec()),
                put(Table::Meta, META_GENESIS, encode(genesis)),
                put(Table::Meta, META_HEIGHT, place(Height(0), None)),
            ];
            state.entries(&mut |key, value| writes.push(put(Table::Entries, key, value)));
            store.write(writes)?;
            return Ok((Self { store, genesis: genesis.clone(), height: Height(0) }, state));
        }
        let (archive, state) = Self::load(store)?;
        let (found, wanted) = (archive.genesis.chain(), genesis.chain());
        if found == wanted { Ok((archive, state)) } else { Err(StoreError::Chain { found, wanted }) }
    }

    /// Opens whatever chain a store holds, with the state after its last block.
    ///
    /// # Errors
    /// It holds none, cannot be read, or what it holds is not what its last block states.
    pub fn load(store: S) -> Result<(Self, State), StoreError> {
        let meta = |key, what| store.get(Table::Meta, key)?.ok_or(StoreError::Missing(what));
        let found = u32::from_be_bytes(number(&meta(META_FORMAT, "chain in this store")?, "format")?);
        if found != FORMAT {
            return Err(StoreError::Format { found, known: FORMAT });
        }
        let genesis: Genesis = decode(&meta(META_GENESIS, "genesis")?)?;
        let height = Height(u64::from_be_bytes(number(&meta(META_HEIGHT, "height")?, "height")?));
        let archive = Self { store, genesis, height };
        let state = archive.restore()?;
        Ok((archive, state))
    }

    fn restore(&self) -> Result<State, StoreError> {
        let tip = if self.height == Height(0) {
            None
        } else {
            Some(self.block(self.height)?.ok_or(StoreError::Missing("last block"))?.header)
        };
        let mut entries = Vec::new();
        self.store.scan(Table::Entries, &[], &mut |key, value| {
            entries.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        State::restore(&self.genesis, tip.as_ref(), entries)
    }

    /// Keeps a decided block, its certificate, what it changed and its receipts; durable when it returns.
    ///
    /// # Errors
    /// The block does not follow on the last one, the state is not the one after it, or the store failed: then open it anew.
    pub fn commit(&mut self, decided: &Decided<'_>) -> Result<(), StoreError> {
        let Decided { block, certificate, state } = *decided;
        let (height, last) = (block.header.height, self.height);
        if height != last.next() || state.height() != height {
            return Err(StoreError::Height { found: height, last });
        }
        let id = block.id();
        if state.tip() != id || certificate.block != id || certificate.height != height {
            return Err(StoreError::Damaged("block, certificate and state of different blocks"));
        }
        let at = place(height, None);
        let mut writes = vec![
            put(Table::Meta, META_HEIGHT, at.clone()),
            put(Table::Blocks, at.clone(), encode(block)),
            put(Table::Certificates, at, encode(certificate)),
        ];
        let changes = state.changes();
        writes.extend(changes.entries.iter().map(|change| Write {
            table: Table::Entries,
            key: change.key.clone(),
            value: change.value.clone(),
        }));
        changes.receipts.iter().for_each(|receipt| index(receipt, &mut writes));
        self.store.write(writes)?;
        self.height = height;
        Ok(())
    }

    /// The height of the last block.
    pub const fn height(&self) -> Height {
        self.height
    }

    /// What the chain began with.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The store.
    pub fn into_store(self) -> S {
        self.store
    }

    fn read<T: Wire>(&self, table: Table, key: &[u8]) -> Result<Option<T>, StoreError> {
        Ok(self.store.get(table, key)?.map(|bytes| decode(&bytes)).transpose()?)
    }

    /// The block of a height; `None` beyond the last, and for the genesis, which is none.
    ///
    /// # Errors
    /// It cannot be read, or is not the block of its certificate.
    pub fn block(&self, height: Height) -> Result<Option<Block>, StoreError> {
        let Some(block) = self.read::<Block>(Table::Blocks, &place(height, None))? else { return Ok(None) };
        let certificate = self.certificate(height)?.ok_or(StoreError::Missing("certificate"))?;
        let whole = block.header.height == height && block.is_consistent() && block.id() == certificate.block;
        if whole { Ok(Some(block)) } else { Err(StoreError::Damaged("block")) }
    }

    /// The votes that decided a height.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn certificate(&self, height: Height) -> Result<Option<Certificate>, StoreError> {
        self.read(Table::Certificates, &place(height, None))
    }

    /// The receipts of a height, in order.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn receipts(&self, height: Height) -> Result<Vec<Receipt>, StoreError> {
        let mut rows = Vec::new();
        self.store.scan(Table::Receipts, &place(height, None), &mut |_, value| {
            rows.push(decode::<Receipt>(value));
            ControlFlow::Continue(())
        })?;
        Ok(rows.into_iter().collect::<Result<_, _>>()?)
    }

    /// The receipt of a transaction; `None` when it is in no block.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn receipt(&self, transaction: Digest) -> Result<Option<Receipt>, StoreError> {
        let Some(place) = self.store.get(Table::Transactions, &transaction.0)? else { return Ok(None) };
        self.read(Table::Receipts, &place)?.map(Some).ok_or(StoreError::Missing("receipt"))
    }

    /// The last receipts that concern an account, at most `most`, the newest last.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn receipts_of(&self, account: NodeId, most: usize) -> Result<Vec<Receipt>, StoreError> {
        let mut places = VecDeque::new();
        self.store.scan(Table::Accounts, &account.0, &mut |key, _| {
            places.push_back(key.get(account.0.len()..).unwrap_or_default().to_vec());
            if places.len() > most {
                places.pop_front();
            }
            ControlFlow::Continue(())
        })?;
        let read = |place: Vec<u8>| self.read(Table::Receipts, &place)?.ok_or(StoreError::Missing("receipt"));
        places.into_iter().map(read).collect()
    }

    /// The places of the receipts that concern an account, by height, within these heights.
    pub(super) fn places(
        &self,
        account: NodeId,
        from: Height,
        upto: Height,
    ) -> Result<BTreeMap<u64, Vec<u32>>, StoreError> {
        let mut places = BTreeMap::<u64, Vec<u32>>::new();
        let mut damaged = false;
        self.store.scan(Table::Accounts, &account.0, &mut |key, _| {
            let read = key.get(account.0.len()..).and_then(|rest| {
                let (height, index) = rest.split_first_chunk::<8>()?;
                Some((u64::from_be_bytes(*height), u32::from_be_bytes(index.try_into().ok()?)))
            });
            match read {
                Some((height, index)) if (from.0..=upto.0).contains(&height) => {
                    places.entry(height).or_default().push(index);
                }
                Some((height, _)) if height > upto.0 => return ControlFlow::Break(()),
                Some(_) => {}
                None => damaged = true,
            }
            ControlFlow::Continue(())
        })?;
        if damaged { Err(StoreError::Damaged("index of accounts")) } else { Ok(places) }
    }

    /// The receipt at a place that an index names.
    pub(super) fn receipt_at(&self, height: Height, index: u32) -> Result<Receipt, StoreError> {
        self.read(Table::Receipts, &place(height, Some(index)))?.ok_or(StoreError::Missing("receipt"))
    }

    /// Executes all blocks again from the genesis, and compares each root; the state at the end.
    ///
    /// # Errors
    /// A block is missing, damaged, or does not execute to the root it states.
    pub fn replay(&self, check: &dyn CheckClaim) -> Result<State, StoreError> {
        self.replay_with(check, &|_, _| Ok(()))
    }

    /// The same, and looks at the votes that decided each block: what a node does with blocks that it got from elsewhere.
    ///
    /// # Errors
    /// As [`Self::replay`], or a certificate is not one of the voters of its height.
    pub fn replay_voted(
        &self,
        check: &dyn CheckClaim,
        votes: &dyn CheckCertificate,
    ) -> Result<State, StoreError> {
        self.replay_with(check, &|state, blocks| {
            let voters = state.next_voters().ok_or(StoreError::Damaged("electorate"))?;
            let read = |block: &Block| {
                self.certificate(block.header.height)?.ok_or(StoreError::Missing("certificate"))
            };
            let certificates: Vec<Certificate> = blocks.iter().map(read).collect::<Result<_, _>>()?;
            let hold = certificates.par_iter().try_for_each(|certificate| votes.check(certificate, &voters));
            Ok(hold?)
        })
    }

    /// Executes some blocks after the other, all of one epoch, after a look at them.
    fn replay_with(&self, check: &dyn CheckClaim, look: &Look<'_>) -> Result<State, StoreError> {
        let mut state = State::genesis(&self.genesis).map_err(Box::new)?;
        while state.height() < self.height {
            let (first, epoch) = (state.height().next(), state.params().epoch);
            let heights = (first.0..=self.height.0).map(Height);
            let some = heights.take_while(|height| height.epoch(epoch) == first.epoch(epoch)).take(REPLAYED);
            let read = |height| self.block(height)?.ok_or(StoreError::Missing("block"));
            let blocks: Vec<Block> = some.map(read).collect::<Result<_, _>>()?;
            look(&state, &blocks)?;
            state = state.execute_all(&blocks, check).map_err(Box::new)?;
        }
        Ok(state)
    }

    /// The transaction of a receipt, out of its block.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn transaction(&self, receipt: &Receipt) -> Result<Option<SignedTx>, StoreError> {
        let block = self.block(receipt.height)?;
        let at = usize::try_from(receipt.index).map_err(|_| StoreError::Damaged("receipt"))?;
        let bytes = block.as_ref().and_then(|block| block.transactions.get(at));
        Ok(bytes.map(|bytes| decode(bytes)).transpose()?)
    }
}

/// Whether a store holds nothing at all: one that lost its format is damaged, not new.
fn is_empty(store: &impl Store) -> Result<bool, StoreError> {
    let mut empty = true;
    for table in Table::ALL {
        store.scan(table, &[], &mut |_, _| {
            empty = false;
            ControlFlow::Break(())
        })?;
    }
    Ok(empty)
}

/// Writes a receipt and the ways to find it.
fn index(receipt: &Receipt, writes: &mut Vec<Write>) {
    let at = place(receipt.height, Some(receipt.index));
    if let Cause::Transaction { digest, .. } = &receipt.cause {
        writes.push(put(Table::Transactions, digest.0, at.clone()));
    }
    for account in receipt.concerns() {
        writes.push(put(Table::Accounts, [account.0.as_slice(), &at].concat(), Vec::new()));
    }
    writes.push(put(Table::Receipts, at, encode(receipt)));
}
