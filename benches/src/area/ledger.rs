//! Ledger: transfers executed and proved into the tree, proofs of entries, conservation, recovery.

use super::attempt;
use crate::{
    Failure,
    cost::{cpu_of, cpu_per_call, median_of, wall},
    reading::Reading,
    scene::chain::{Believing, Chain, Signatures},
};
use bitneuron::{
    consensus::QuorumCheck,
    core::{Amount, Height, encode},
    ledger::{
        EventProof, ReceiptProof, State, key,
        store::{Archive, Decided, Redb},
    },
};
use std::{env, fs, path::Path, process};

/// Accounts of the chain that is measured, and of a larger one beside it.
const ACCOUNTS: [u64; 2] = [20_000, 100_000];
/// Accounts among which entries are proved, and how many of them act.
const CROWD: [u64; 2] = [1_000_000, 1_000];
/// Transfers in a block: what a block of the main network has gas for.
const TRANSFERS: usize = 6_600;
/// Blocks of one sample.
const BLOCKS: usize = 4;
/// Random transactions whose tokens are counted.
const RANDOM: usize = 1_000_000;
/// Candidates of one of its blocks: below the gas target, so that fees stay.
const CANDIDATES: usize = 2_800;
/// Blocks of the chain that is recovered.
const RECOVERED: u64 = 10_000;
/// Transfers in each of them.
const FEW_TRANSFERS: usize = 8;
/// Its accounts.
const FEW_ACCOUNTS: u64 = 2_000;

pub(super) fn measure() -> Vec<Reading> {
    let [few, many] = ACCOUNTS;
    let mut readings = attempt("transfers_per_second", || {
        let (rate, note) = transfers(few)?;
        let larger = Reading::extra("transfers_per_second_100000_accounts", "1/s", transfers(many)?.0);
        Ok(vec![Reading::row("transfers_per_second", rate).note(note), larger])
    });
    readings.extend(attempt("order_proof_size", proofs));
    readings.extend(attempt("conservation_random_transactions", conservation));
    readings.extend(attempt("recover_10000_blocks", recovery));
    readings
}

/// Transfers a second among so many accounts, and where their time goes.
fn transfers(accounts: u64) -> Result<(f64, String), Failure> {
    let mut chain = Chain::new(accounts)?;
    let mut signatures = Vec::new();
    let rate = median_of(|| {
        let mut state = chain.state.clone();
        let mut blocks = Vec::new();
        for _ in 0..BLOCKS {
            let transfers = chain.transfers(TRANSFERS);
            let (block, left) = chain.block(&transfers, &Signatures)?;
            if left > 0 {
                return Err(format!("{left} transfers found no room").into());
            }
            blocks.push(block);
        }
        let alone = state.clone();
        let (executed, seconds) = cpu_of(|| {
            blocks.iter().try_for_each(|block| {
                state = state.execute(block, &Signatures)?.0;
                Ok::<(), Failure>(())
            })
        });
        executed?;
        let (mut state, count) = (alone, (BLOCKS * TRANSFERS) as f64);
        let (executed, unsigned) = cpu_of(|| {
            blocks.iter().try_for_each(|block| {
                state = state.execute(block, &Believing)?.0;
                Ok::<(), Failure>(())
            })
        });
        executed?;
        signatures.push(1e6 * (seconds - unsigned) / count);
        Ok(count / seconds)
    })?;
    let note = format!(
        "{accounts} accounts, blocks of {TRANSFERS}; of each transfer {:.1} of {:.1} us are its signature",
        crate::cost::median(signatures),
        1e6 / rate
    );
    Ok((rate, note))
}

fn proofs() -> Result<Vec<Reading>, Failure> {
    let [accounts, active] = CROWD;
    let mut chain = Chain::among(active, accounts - active)?;
    let order = key::order(chain.offer()?);
    let transfers = chain.transfers(TRANSFERS);
    chain.block(&transfers, &Signatures)?;
    let (root, proof) = (chain.state.root(), chain.state.prove(&order));
    let (id, _) = chain.state.accounts().next().ok_or("no accounts")?;
    let account = key::account(id);
    let balance = chain.state.prove(&account);
    balance.verify(root, &account)?.ok_or("the account is not there")?;
    let receipts = &chain.state.changes().receipts;
    let entry = || chain.state.prove(&key::receipts(chain.state.height()));
    let receipt = ReceiptProof::of(receipts, 7, entry()).ok_or("no receipt")?;
    receipt.verify(root)?;
    let event = EventProof::of(receipts, 7, 0, entry()).ok_or("no event")?;
    event.verify(root)?;
    proof.verify(root, &order)?.ok_or("the order is not there")?;
    let nobody = key::order(bitneuron::market::OrderId::default());
    let absence = chain.state.prove(&nobody);
    absence.verify(root, &nobody)?;
    let verify = 1e6 * cpu_per_call(|| proof.verify(root, &order));
    let prove = 1e6 * cpu_per_call(|| chain.state.prove(&order));
    let value = proof.claimed().map_or(0, <[u8]>::len);
    Ok(vec![
        Reading::row("order_proof_size", encode(&proof).len() as f64)
            .note(format!("among {accounts} accounts; {value} bytes are the order itself")),
        Reading::row("order_proof_verify", verify),
        Reading::extra("order_proof_make", "us", prove),
        Reading::extra("absence_proof_size", "bytes", encode(&absence).len() as f64),
        Reading::extra("balance_proof_size", "bytes", encode(&balance).len() as f64),
        Reading::extra("receipt_proof_size", "bytes", encode(&receipt).len() as f64)
            .note(format!("one of a block of {TRANSFERS} transfers")),
        Reading::extra("event_proof_size", "bytes", encode(&event).len() as f64)
            .note("the same with one of its events"),
    ])
}

fn conservation() -> Result<Vec<Reading>, Failure> {
    let mut chain = Chain::new(2_000)?;
    let (mut taken, mut refused) = (0, 0);
    while taken < RANDOM {
        let candidates = chain.anything(CANDIDATES);
        let (block, left) = chain.block(&candidates, &Believing)?;
        (taken, refused) = (taken + block.transactions.len(), refused + left);
        if block.transactions.is_empty() {
            return Err(format!("nobody can pay after {taken} transactions").into());
        }
        let total = chain.state.total();
        if total != Amount::SUPPLY {
            return Err(format!("{total} tokens after {taken} transactions").into());
        }
    }
    let note =
        format!("counted after each of {} blocks; {refused} more were refused", chain.state.height().0);
    Ok(vec![Reading::row("conservation_random_transactions", taken as f64).note(note)])
}

/// What a crashed node waits for, and what computing the whole chain again takes.
pub(super) fn recovery() -> Result<Vec<Reading>, Failure> {
    let folder = env::temp_dir().join(format!("bitneuron-recovery-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let readings = recovery_in(&folder.join("ledger.redb"));
    fs::remove_dir_all(&folder)?;
    readings
}

/// Keeps a chain in a file as a node does, and recovers it: by its last state alone, and from its genesis on.
fn recovery_in(path: &Path) -> Result<Vec<Reading>, Failure> {
    let mut chain = Chain::new(FEW_ACCOUNTS)?;
    let start = wall();
    let mut archive = Archive::open(Redb::open(path)?, &chain.genesis)?.0;
    for _ in 0..RECOVERED {
        let transfers = chain.transfers(FEW_TRANSFERS);
        let (block, left) = chain.block(&transfers, &Believing)?;
        if left > 0 {
            return Err(format!("{left} transfers found no room").into());
        }
        let certificate = chain.certificate(&block);
        archive.commit(&Decided { block: &block, certificate: &certificate, state: &chain.state })?;
    }
    let keeping = wall() - start;
    drop(archive);
    let bytes = fs::metadata(path)?.len();
    let whole = |state: &State| {
        let same = state.root() == chain.state.root() && state.height() == Height(RECOVERED);
        if same { Ok(()) } else { Err(Failure::from("another state")) }
    };
    let mut opened = Vec::new();
    let recovered = median_of(|| {
        let start = wall();
        let (archive, state) = Archive::open(Redb::open(path)?, &chain.genesis)?;
        opened.push(wall() - start);
        whole(&state)?;
        let votes = QuorumCheck { chain: chain.genesis.chain() };
        whole(&archive.replay_voted(&Signatures, &votes)?)?;
        Ok(wall() - start)
    })?;
    let note = format!(
        "wall clock; the file opened, each of {RECOVERED} blocks of {FEW_TRANSFERS} transfers read, its votes checked, and \
         executed again from the genesis to the same root, on all threads; keeping them took {keeping:.1} s"
    );
    Ok(vec![
        Reading::row("recover_10000_blocks", recovered).note(note),
        Reading::extra("reopen_10000_blocks", "s", crate::cost::median(opened))
            .note("the state after the last block, each entry checked against its root: all that a crashed node waits for"),
        Reading::extra("file_10000_blocks", "bytes", bytes as f64),
    ])
}
