//! Ledger: transfers executed and proved into the tree, proofs of entries, conservation.

use super::attempt;
use crate::{
    Failure,
    cost::{cpu_of, cpu_per_call, median_of},
    reading::Reading,
    scene::chain::{Believing, Chain, Signatures},
};
use bitneuron::{
    core::{Amount, encode},
    ledger::key,
};

/// Accounts of the chain that is measured.
const ACCOUNTS: u64 = 100_000;
/// Transfers in a block: what a block of the main network has gas for at its target.
const TRANSFERS: usize = 3_900;
/// Blocks of one sample.
const BLOCKS: usize = 4;
/// Random transactions whose tokens are counted.
const RANDOM: usize = 1_000_000;

pub(super) fn measure() -> Vec<Reading> {
    let mut readings = attempt("transfers_per_second", transfers);
    readings.extend(attempt("order_proof_size", proofs));
    readings.extend(attempt("conservation_random_transactions", conservation));
    readings
}

fn transfers() -> Result<Vec<Reading>, Failure> {
    let mut chain = Chain::new(ACCOUNTS)?;
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
        "{ACCOUNTS} accounts, blocks of {TRANSFERS}; of each transfer {:.1} of {:.1} us are its signature",
        crate::cost::median(signatures),
        1e6 / rate
    );
    Ok(vec![Reading::row("transfers_per_second", rate).note(note)])
}

fn proofs() -> Result<Vec<Reading>, Failure> {
    let mut chain = Chain::new(ACCOUNTS)?;
    let order = key::order(chain.offer()?);
    let (root, proof) = (chain.state.root(), chain.state.prove(&order));
    proof.verify(root, &order)?.ok_or("the order is not there")?;
    let nobody = key::order(bitneuron::market::OrderId::default());
    let absence = chain.state.prove(&nobody);
    absence.verify(root, &nobody)?;
    let verify = 1e6 * cpu_per_call(|| proof.verify(root, &order));
    let prove = 1e6 * cpu_per_call(|| chain.state.prove(&order));
    let value = proof.claimed().map_or(0, <[u8]>::len);
    Ok(vec![
        Reading::row("order_proof_size", encode(&proof).len() as f64)
            .note(format!("among {ACCOUNTS} accounts; {value} bytes are the order itself")),
        Reading::row("order_proof_verify", verify),
        Reading::extra("order_proof_make", "us", prove),
        Reading::extra("absence_proof_size", "bytes", encode(&absence).len() as f64),
    ])
}

fn conservation() -> Result<Vec<Reading>, Failure> {
    let mut chain = Chain::new(2_000)?;
    let (mut taken, mut refused) = (0, 0);
    while taken < RANDOM {
        let candidates = chain.anything(6_000);
        let (block, left) = chain.block(&candidates, &Believing)?;
        (taken, refused) = (taken + block.transactions.len(), refused + left);
        let total = chain.state.total();
        if total != Amount::SUPPLY {
            return Err(format!("{total} tokens after {taken} transactions").into());
        }
    }
    let note =
        format!("counted after each of {} blocks; {refused} more were refused", chain.state.height().0);
    Ok(vec![Reading::row("conservation_random_transactions", taken as f64).note(note)])
}
