//! Core: one exact step, exact training, the codec, signatures.

use super::attempt;
use crate::{
    Failure,
    cost::cpu_per_call,
    reading::Reading,
    scene::{
        block::{Signed, block},
        step::{SHARD, step, trained_accuracy},
    },
};
use bitneuron::{
    consensus::Block,
    core::{DecodeError, Seed, decode, encode, merkle::Tree, sign::verify_batch},
    ledger::SignedTx,
};

const BATCH: u64 = 64;

pub(super) fn measure() -> Vec<Reading> {
    let mut readings = attempt("exact_sgd_step_64_32_10_b32", exact_step);
    readings.extend(attempt("exact_mlp_digits_accuracy", exact_accuracy));
    readings.extend(attempt("codec_decode_throughput", codec));
    readings.extend(attempt("ed25519_batch_verify", signatures));
    readings
}

fn exact_step() -> Result<Vec<Reading>, Failure> {
    let cost = |rows| -> Result<f64, Failure> {
        let job = step(rows)?;
        job.run()?;
        Ok(1e6 * cpu_per_call(|| job.run()))
    };
    let note = format!("a batch of 32 of a validator's {SHARD} rows");
    Ok(vec![
        Reading::row("exact_sgd_step_64_32_10_b32", cost(SHARD)?).note(note),
        Reading::extra("exact_sgd_step_1437_rows", "us", cost(1_437)?)
            .note("the same batch of all training rows: what copying and checking the whole table adds"),
    ])
}

fn exact_accuracy() -> Result<Vec<Reading>, Failure> {
    let seeds = (1..=3).map(|seed| trained_accuracy(Seed::from_number(seed), 20));
    let accuracies = seeds.collect::<Result<Vec<_>, _>>()?;
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    let note = format!("batches of 16, rate 1/2; seeds {accuracies:.4?}");
    Ok(vec![Reading::row("exact_mlp_digits_accuracy", mean).note(note)])
}

fn codec() -> Result<Vec<Reading>, Failure> {
    let block = block()?;
    let bytes = encode(&block);
    if decode::<Block>(&bytes)? != block {
        return Err("the block does not come back".into());
    }
    let megabytes = bytes.len() as f64 / 1e6;
    let whole = || -> Result<usize, DecodeError> {
        let block: Block = decode(&bytes)?;
        block
            .transactions
            .iter()
            .try_fold(0, |sum, tx| Ok(sum + usize::from(decode::<SignedTx>(tx)?.tx.salt > 0)))
    };
    if whole()? + 1 != block.transactions.len() {
        return Err("the transactions do not come back".into());
    }
    let note = format!("{} bytes with every transaction in it, signatures unchecked", bytes.len());
    let root = 1e6 * cpu_per_call(|| Tree::over(&block.transactions).root());
    Ok(vec![
        Reading::row("codec_decode_throughput", megabytes / cpu_per_call(whole)).note(note),
        Reading::extra(
            "block_split_throughput",
            "MB/s",
            megabytes / cpu_per_call(|| decode::<Block>(&bytes)),
        )
        .note("the block alone: its transactions stay bytes, which is copying"),
        Reading::extra("block_encode_throughput", "MB/s", megabytes / cpu_per_call(|| encode(&block))),
        Reading::extra("merkle_root_1000_transactions", "us", root),
    ])
}

fn signatures() -> Result<Vec<Reading>, Failure> {
    let signed = Signed::new(BATCH);
    let batch = signed.batch();
    if !verify_batch(&batch) {
        return Err("the batch is not valid".into());
    }
    let cost = 1e6 * cpu_per_call(|| verify_batch(&batch)) / BATCH as f64;
    Ok(vec![Reading::row("ed25519_batch_verify", cost)])
}
