//! What chance is worth to an adversary: exact figures, and the same by playing with the real lottery.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_consensus::chance::{fold, next_seed};
use bitneuron_consensus::suite::bias::Adversary;
use bitneuron_consensus::{Electorate, lottery};
use bitneuron_core::{Digest, Epoch, Height, NodeId, Weight, hash::Hasher};

const HEIGHTS: u32 = 1_800;

/// The crate's documentation holds these figures, in per cent: share, where a withheld height stays empty, where it is passed
/// on, and among a million seeds.
const TABLE: [[&str; 4]; 4] = [
    ["1.0", "0.13", "0.07", "133"],
    ["10.0", "0.44", "0.29", "36"],
    ["25.0", "0.73", "0.56", "20"],
    ["33.3", "0.87", "0.72", "16"],
];

#[test]
fn the_bias_of_an_epoch_of_1800_heights_is_below_one_per_cent() {
    let readme = include_str!("../README.md");
    for (share, row) in [0.01, 0.1, 0.25, 1.0 / 3.0].into_iter().zip(TABLE) {
        let adversary = Adversary::new(share, HEIGHTS);
        let (kept, passed) = (100.0 * adversary.withholding(), 100.0 * adversary.passing_on());
        let ground = 100.0 * adversary.grinding(1 << 20);
        assert!(passed < kept && kept < 1.0, "{share}: {passed} {kept}");
        let figures = [
            format!("{:.1}", 100.0 * share),
            format!("{kept:.2}"),
            format!("{passed:.2}"),
            format!("{ground:.0}"),
        ];
        assert_eq!(figures, row);
        let [share, kept, passed, ground] = row;
        let line = format!("| {share} % | +{kept} % | +{passed} % | +{ground} % |");
        assert!(readme.contains(&line), "{line}");
    }
    // Short epochs are worth less to be certain of: what a chain pays that has 300 heights.
    let short = Adversary::new(1.0 / 3.0, 300);
    assert!(short.withholding() > 0.02 && short.passing_on() > 0.015);
}

/// The tail of an epoch: for each trailing height whose first proposer is the adversary, its own first rounds in a row.
fn tail(voters: &Electorate, own: &dyn Fn(NodeId) -> bool) -> Vec<u32> {
    let mut tail = Vec::new();
    for height in (1..=u64::from(HEIGHTS)).rev() {
        let rounds = (0..64).take_while(|round| own(lottery::draw(voters, Height(height), *round))).count();
        if rounds == 0 {
            break;
        }
        tail.push(rounds as u32);
    }
    tail.reverse();
    tail
}

/// How many heights of an epoch with this seed are the adversary's.
fn heights(voters: &Electorate, seed: Digest, own: &dyn Fn(NodeId) -> bool) -> f64 {
    let voters = voters.seeded(seed);
    let first = |height: &u64| own(lottery::draw(&voters, Height(*height), 0));
    (1..=u64::from(HEIGHTS)).filter(first).count() as f64
}

/// What a key draws, without the cost of proofs: the adversary's strategy looks at nothing else.
fn output(seed: Digest, height: usize, round: u32) -> Digest {
    Hasher::new("a test's outputs").update(&seed.0).number(height as u64).number(u64::from(round)).finish()
}

/// The slots of the next epoch less those given up, by the best strategy.
fn play(
    voters: &Electorate,
    seed: Digest,
    tail: &[u32],
    adversary: &Adversary,
    own: &dyn Fn(NodeId) -> bool,
) -> f64 {
    // The value of the heights after each, before their outputs are known.
    let mut after = vec![adversary.mean()];
    let mut seeds = 1;
    for rounds in tail.iter().rev() {
        seeds *= u64::from(*rounds);
        after.push(adversary.best(seeds, after[after.len() - 1] - 1.0));
    }
    after.reverse();
    let mut folded = Digest::ZERO;
    for from in 0..=tail.len() {
        // All that can be reached with own outputs alone.
        let mut reached = vec![folded];
        for (height, rounds) in tail.iter().enumerate().skip(from) {
            let with = |sum: &Digest| {
                (0..*rounds).map(|round| fold(*sum, output(seed, height, round))).collect::<Vec<_>>()
            };
            reached = reached.iter().flat_map(with).collect();
        }
        let count = |folded: &Digest| heights(voters, next_seed(seed, *folded), own);
        let best = reached.iter().map(count).fold(0.0, f64::max);
        if from == tail.len() || best >= after[from + 1] - 1.0 {
            return best - from as f64;
        }
        // Too poor: leave this height to somebody honest, whose output nobody knew.
        folded = fold(folded, output(seed, from, u32::MAX));
    }
    0.0
}

#[test]
fn playing_with_the_real_lottery_gains_what_is_computed() {
    // A quarter of the weight on 50 keys, against 30 honest voters.
    let id = |n: u8| NodeId([n; 32]);
    let members = (0..80).map(|n| (id(n), Weight(if n < 50 { 6 } else { 30 })));
    let own = |voter: NodeId| voter.0[0] < 50;
    let base = Electorate::new(Epoch(0), members, Digest::ZERO).unwrap();
    let adversary = Adversary::new(0.25, HEIGHTS);
    let (mut gain, mut squares, mut runs) = (0.0, 0.0, 0.0);
    for n in 0..3_000u64 {
        let seed = Hasher::new("a test's epochs").number(n).finish();
        let voters = base.seeded(seed);
        let tail = tail(&voters, &own);
        // Without a tail there is no choice and, in the mean, no gain. Against the seed of those who do not choose, the
        // chance that both share is taken out.
        let plain = || {
            let folded = (0..tail.len()).fold(Digest::ZERO, |sum, height| fold(sum, output(seed, height, 0)));
            heights(&voters, next_seed(seed, folded), &own)
        };
        let more = if tail.is_empty() { 0.0 } else { play(&voters, seed, &tail, &adversary, &own) - plain() };
        (gain, squares, runs) = (gain + more, squares + more * more, runs + 1.0);
    }
    let (mean, error) = (gain / runs, (squares / runs).sqrt() / f64::sqrt(runs));
    let expected = adversary.passing_on() * adversary.mean();
    assert!((mean - expected).abs() < 3.0 * error, "{mean} ± {error}, computed {expected}");
    assert!(error < 0.35, "{error}");
}
