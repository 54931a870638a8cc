//! An own rule for voting weights: from stake and reputation to a say, in one line.
//!
//! A square root would tame the rich, but whoever splits a stake over many names would win. The rule here keeps the gap
//! between newcomers and proven nodes instead, and stays linear in stake, so that splitting gains nothing. The suite
//! judges it before an electorate is weighed by it, and refuses two rules that claim more than they keep.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example custom_engine_weights
//! ```
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use bitneuron::consensus::{Electorate, SquareRoot, StakeReputation, Weigh, suite};
use bitneuron::core::{Amount, Digest, Epoch, Height, NodeId, Reputation, Weight};
use std::{collections::BTreeMap, error::Error};

/// Stake counts once; proven behaviour adds up to a fifth, and most of that soon: `1 + ⅕·(1 − (1 − R)²)`.
struct SoonTrusted;

impl Weigh for SoonTrusted {
    fn weigh(&self, stake: Amount, reputation: Reputation) -> Weight {
        let quanta = stake.0 / Amount::QUANTUM.0;
        let missing = u128::from(Reputation::MAX.0 - reputation.0);
        let trust = (1 << 16) - ((missing * missing) >> 16);
        let weight = quanta.saturating_mul((1 << 16) + trust / 5);
        Weight(u64::try_from(weight).unwrap_or(u64::MAX))
    }

    fn sybil_neutral(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "soon trusted"
    }
}

/// The square root, saying of itself what is not so.
struct Boastful;

impl Weigh for Boastful {
    fn weigh(&self, stake: Amount, reputation: Reputation) -> Weight {
        SquareRoot.weigh(stake, reputation)
    }

    fn sybil_neutral(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "boastful square root"
    }
}

/// Voters with their stakes in tokens and their reputations in per cent.
const VOTERS: [(&str, u64, u16); 5] = [
    ("whale, new", 50_000, 0),
    ("large, proven", 30_000, 100),
    ("middle, half way", 12_000, 50),
    ("small, proven", 5_000, 100),
    ("small, new", 3_000, 0),
];
/// Heights at which a proposer is drawn.
const DRAWS: u64 = 10_000;

fn electorate(rule: &dyn Weigh) -> Result<Electorate, Box<dyn Error>> {
    // The law before the vote: a rule that breaks one weighs nobody.
    suite::weigh::check(rule)?;
    let candidates = (1..).zip(VOTERS).map(|(name, (_, tokens, per_cent))| {
        let reputation = Reputation((u32::from(Reputation::MAX.0) * u32::from(per_cent) / 100) as u16);
        (NodeId([name; 32]), Amount::tokens(tokens), reputation)
    });
    Ok(Electorate::weighed(Epoch(0), candidates, rule, Digest::of("example weights v1", b"any seed"))?)
}

fn table(rule: &dyn Weigh) -> Result<(), Box<dyn Error>> {
    let electorate = electorate(rule)?;
    let mut draws: BTreeMap<NodeId, u64> = BTreeMap::new();
    for height in 1..=DRAWS {
        *draws.entry(electorate.proposer(Height(height), 0)).or_default() += 1;
    }
    let stakes: u64 = VOTERS.iter().map(|(_, tokens, _)| tokens).sum();
    println!("{}\n  {:<18} {:>8} {:>8} {:>10}", rule.name(), "voter", "stake", "power", "proposals");
    for ((who, tokens, _), member) in VOTERS.iter().zip(electorate.members()) {
        let per_cent = |part: u64, whole: u64| 100.0 * part as f64 / whole as f64;
        println!(
            "  {who:<18} {:>7.2}% {:>7.2}% {:>9.2}%",
            per_cent(*tokens, stakes),
            per_cent(member.weight.0, electorate.total().0),
            per_cent(draws.get(&member.id).copied().unwrap_or(0), DRAWS),
        );
    }
    println!();
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("Shares of stake, of voting power and of {DRAWS} drawn proposers.\n");
    table(&StakeReputation)?;
    table(&SoonTrusted)?;
    println!("What the suite and the electorate refuse:");
    for rule in [&SquareRoot as &dyn Weigh, &Boastful] {
        match electorate(rule) {
            Err(refused) => println!("  {:<22} {refused}", rule.name()),
            Ok(_) => return Err(format!("{} was let in", rule.name()).into()),
        }
    }
    Ok(())
}
